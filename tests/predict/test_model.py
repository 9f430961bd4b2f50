"""The time of a kernel, by hand."""

from __future__ import annotations

from math import inf, isclose

import pytest
from predict.profiles import ROUND

from cnncost.predict.kernels import Work
from cnncost.predict.model import from_memory, host_seconds, saturation, seconds
from cnncost.predict.profile import LAUNCHED

PLAIN = ROUND | {
    "cache.mb": 1e-9,  # nothing comes from the cache
    "overlap": 50.0,  # the longer of both
    "traffic.reordering": inf,
    "launch.kernel_us": 0.0,
}


def work(kind: str, **fields: int) -> Work:
    """A kernel of these figures."""
    none = dict.fromkeys(("flops", "read", "weights", "written"), 0)
    return Work((1,), "a kernel", kind, launches=1, **none | fields)


def test_a_product_bound_by_arithmetic() -> None:
    """2 GFLOP at 10 TFLOP/s x 0.5, of which n = 64 columns reach a half: 0.8 ms."""
    found = seconds(work("1x1", flops=2 * 10**9, n=64, m=10**9, k=10**9, read=10), PLAIN)
    assert isclose(found.seconds, 0.8e-3, rel_tol=1e-5)
    assert found.bound == "arithmetic"


def test_a_function_of_every_value_bound_by_traffic() -> None:
    """8 MB read and 8 MB written at 100 GB/s x 0.8: 0.2 ms."""
    found = seconds(work("activation", read=8 * 10**6, written=8 * 10**6), PLAIN)
    assert isclose(found.seconds, 0.2e-3, rel_tol=1e-6)
    assert found.bound == "traffic"


def test_exponentials_take_their_time() -> None:
    """10^9 of them at 1000 x 10^9 per second: 1 ms."""
    found = seconds(work("activation", functions=10**9, read=8), PLAIN)
    assert isclose(found.seconds, 1e-3, rel_tol=1e-6)


def test_values_are_brought_into_another_order_beside_the_arithmetic() -> None:
    """Half a share of the bandwidth for 5 MB in all: 0.1 ms more."""
    numbers = PLAIN | {"traffic.reordering": 0.5}
    given = work("kxk", flops=2 * 10**9, m=10**9, n=10**9, k=10**9, read=10**6, written=4 * 10**6)
    assert isclose(seconds(given, numbers).seconds - seconds(given, PLAIN).seconds, 0.1e-3, rel_tol=1e-6)


def test_a_tiny_kernel_is_bound_by_launching() -> None:
    found = seconds(work("join", read=8, written=8), PLAIN | {"launch.kernel_us": 2.0})
    assert isclose(found.seconds, 2e-6, rel_tol=1e-3)
    assert found.bound == "launching"


def test_the_sum_where_nothing_overlaps_the_longer_where_everything_does() -> None:
    given = work("linear", flops=10**9, m=10**9, n=10**9, k=10**9, read=16 * 10**6)
    longer = seconds(given, PLAIN | {"overlap": 1000.0})
    both = seconds(given, PLAIN | {"overlap": 1.0})
    assert isclose(longer.seconds, max(longer.arithmetic, longer.traffic), rel_tol=1e-3)
    assert isclose(both.seconds, both.arithmetic + both.traffic)


def test_what_the_cache_holds_comes_faster() -> None:
    """Far below its size all of it, at its size half, far above nothing."""
    numbers = {"cache.mb": 10.0, "cache.speedup": 4.0}
    assert isclose(from_memory(10, numbers), 0.25, rel_tol=1e-6)
    assert isclose(from_memory(10**7, numbers), 0.625)
    assert isclose(from_memory(10**11, numbers), 1, rel_tol=1e-6)


def test_a_half_is_reached_at_half_and_of_no_size_nothing_is_lost() -> None:
    assert [saturation(size, 64) for size in (64, 192, 0)] == [0.5, 0.75, 1.0]


@pytest.mark.parametrize(("launch", "microseconds"), [("eager", 15), ("graph", 5)])
def test_the_host_launches_every_kernel_or_one_graph(launch: str, microseconds: float) -> None:
    assert isclose(host_seconds([work("join")] * 3, ROUND, launch), microseconds * 1e-6)


@pytest.mark.parametrize("kind", LAUNCHED)
def test_every_class_has_a_time(kind: str) -> None:
    given = work(kind, flops=10**9, m=800, n=800, k=800, window=9, read=10**6, written=10**6)
    assert 0 < seconds(given, ROUND).seconds < 1


def test_few_values_leave_processors_idle_but_of_a_vector_all_read_the_weights() -> None:
    """64 x 64 values of 4096 that half is reached at: twice the time; one row of them: none lost."""
    numbers = PLAIN | {"half.filters": 0.0, "half.depth": 0.0, "half.positions": 0.0, "half.outputs": 4096.0}
    few = work("linear", flops=10**9, m=64, n=64, k=10**6, products=1)
    assert isclose(seconds(few, numbers).seconds, 2 * 1e9 / 5e12, rel_tol=1e-9)
    vector = few._replace(m=1, n=4096)
    assert isclose(seconds(vector, numbers).seconds, 1e9 / 5e12, rel_tol=1e-9)


def test_channels_come_in_blocks_and_what_is_no_multiple_of_eight_takes_longer() -> None:
    """40 channels of a 3 x 3 window in blocks of 32 are 64; 36 columns take three times as long."""
    zero = {"half.filters": 0.0, "half.depth": 0.0, "half.positions": 0.0, "half.outputs": 0.0}
    numbers = PLAIN | zero | {"block.channels": 32.0, "unaligned": 3.0}
    given = work("kxk", flops=10**9, m=10**6, n=64, k=9 * 40, window=9, products=1)
    assert isclose(seconds(given, numbers).seconds, 1.6 * 1e9 / 5e12, rel_tol=1e-9)
    odd = given._replace(n=36, k=9 * 64)
    assert isclose(seconds(odd, numbers).seconds, 3 * 1e9 / 5e12, rel_tol=1e-9)


def test_a_class_may_take_the_launches_of_several_kernels() -> None:
    numbers = PLAIN | {"launch.kernel_us": 2.0, "launches.norm": 3.0}
    assert isclose(seconds(work("norm", read=8), numbers).launching, 6e-6, rel_tol=1e-9)
    assert isclose(seconds(work("join", read=8), numbers).launching, 2e-6, rel_tol=1e-9)
