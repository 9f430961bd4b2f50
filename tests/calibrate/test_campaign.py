"""What is run until when, with a device whose time is not ours."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from calibrate.law import LawBench, is_sentinel
from predict.profiles import ROUND

from cnncost.calibrate import campaign, networks, samples
from cnncost.calibrate.campaign import Campaign, check, run
from cnncost.errors import UnavailableError

SMALL = {"fitted": networks.QUICK_FITTED, "held_out": networks.QUICK_HELD_OUT}


def measured(bench: LawBench, seconds: float = 60.0, noisy: float = math.inf) -> Campaign:
    return run(bench, seconds, noisy=noisy, **SMALL)


@pytest.fixture(scope="module")
def whole() -> Campaign:
    return measured(LawBench(ROUND))


def test_everything_is_run_and_time_is_kept(whole: Campaign) -> None:
    assert whole.kernels and whole.seconds == pytest.approx(60, rel=0.05)
    assert {one.name for one in whole.networks(False)} == set(networks.QUICK_FITTED)
    assert {one.name for one in whole.networks(True)} == set(networks.QUICK_HELD_OUT)
    assert {one.batch for one in whole.networks(True)} == {1, 8}
    assert {"kernel copy", "kernel chain", "kernel kxk"} <= {one.family for one in whole.kernels}
    assert not whole.interrupted and not whole.skipped and not whole.missing()
    assert len(whole.sentinels) > campaign.FIRST_SENTINELS
    check(whole)


def test_peak_and_bandwidth_are_what_was_reached(whole: Campaign) -> None:
    """Half of 10 TFLOP/s and 0.8 of 100 GB/s are what the law lets a large kernel reach."""
    assert 0.7 * 5e12 < whole.peak < 5e12
    assert 0.9 * 80e9 < whole.bandwidth < 80e9
    assert whole.noise == 0


def test_cuda_runs_kernels_as_graphs_and_networks_both_ways() -> None:
    bench = LawBench(ROUND, device="cuda", building=0.05)
    found = measured(bench)
    assert {one.launch for one in found.kernels if one.piece and one.piece.kind != "chain"} == {"graph"}
    assert {one.launch for one in found.kernels if one.piece and one.piece.kind == "chain"} == {
        "eager",
        "graph",
    }
    assert {(one.launch, one.batch) for one in found.networks(False)} == {
        (launch, batch) for launch in ("eager", "graph") for batch in (1, 8, 64)
    }
    assert found.clocks == [{"sm_mhz": "1500"}, {"sm_mhz": "1500"}]


def stopping_at(count: int) -> LawBench:
    def interrupt(runs: int) -> None:
        if runs == count:
            raise KeyboardInterrupt

    return LawBench(ROUND, before=interrupt)


def test_interrupted_it_keeps_what_it_measured(whole: Campaign) -> None:
    """At every place: what was measured before is there, and nothing else."""
    enough = 0
    for count in (3, 30, 60, 90, 200, 400):
        found = measured(stopping_at(count))
        if not found.interrupted:
            assert len(found.measured) == len(whole.measured)
            continue
        assert len(found.measured) + len(found.sentinels) == count
        assert [one.name for one in found.measured] == [
            one.name for one in whole.measured[: len(found.measured)]
        ]
        enough += not found.missing()
    assert enough


def test_interrupted_too_early_it_says_what_is_missing() -> None:
    found = measured(stopping_at(30))
    with pytest.raises(UnavailableError) as caught:
        check(found)
    assert str(caught.value) == (
        f"interrupted after {found.seconds:.0f} s: a profile needs more than was measured:"
        f" {len(found.kernels)} of 40 kernels, 0 of 3 families of networks to fit with,"
        " 0 of 2 families of networks to judge by; nothing was written\n"
        "  let it run for 45 s at least, or for the time that --minutes gives"
    )


def test_a_noisy_machine_is_refused_at_once() -> None:
    bench = LawBench(ROUND, noise=0.8)
    with pytest.raises(UnavailableError) as caught:
        run(bench, 60, **SMALL)
    assert bench.runs == campaign.FIRST_SENTINELS
    assert all(is_sentinel(name) for name, _, _ in bench.asked)
    message, cure = str(caught.value).split("\n")
    assert message.startswith("this machine is too noisy to be calibrated: 8 times the same kernel took ")
    assert message.endswith("(at most 15%); nothing was written")
    assert cure == "  close other programs, plug in the power supply, let it cool down, and calibrate again"


def test_a_machine_that_becomes_noisy_is_refused_in_the_end(whole: Campaign) -> None:
    """The whole message, with the times that were seen."""
    late = replace(whole, sentinels=[0.001, 0.001, 0.002, 0.003, 0.001, 0.004])
    with pytest.raises(UnavailableError) as caught:
        check(late)
    assert str(caught.value) == (
        "this machine is too noisy to be calibrated: 6 times the same kernel took 1 to 4 ms, a noise floor of"
        " 49% (at most 15%); nothing was written\n"
        "  close other programs, plug in the power supply, let it cool down, and calibrate again"
    )


def test_the_noise_floor_is_the_deviation_of_the_sentinel() -> None:
    """A normal deviation of 3 %, found again within what 1000 of them tell."""
    from random import Random

    random = Random(1)
    found = Campaign("cpu", "float32", "nchw", 1, sentinels=[random.gauss(1, 0.03) for _ in range(1000)])
    assert found.noise == pytest.approx(0.03, rel=0.1)


def test_too_slow_a_machine_is_told_how_long_it_needs() -> None:
    found = measured(LawBench(ROUND, building=5.0))
    with pytest.raises(UnavailableError) as caught:
        check(found)
    message, cure = str(caught.value).split("\n")
    assert message == (
        f"in {found.seconds:.0f} s a profile needs more than was measured: {', '.join(found.missing())};"
        " nothing was written"
    )
    assert cure == f"  pass --minutes {2 * found.seconds / 60:.2g} or more"


def test_what_cannot_be_run_is_skipped_and_named() -> None:
    found = measured(LawBench(ROUND, refused="attention"))
    assert found.skipped and all("attention" in what for what in found.skipped)
    assert all(what.endswith("cannot be run here") for what in found.skipped)
    assert not found.missing()


def test_a_campaign_reads_back_as_it_was_written(whole: Campaign) -> None:
    found = samples.campaign_of(json.loads(json.dumps(samples.document(whole))))
    assert [(one.name, one.family, one.batch, one.launch, one.held_out) for one in found.measured] == [
        (one.name, one.family, one.batch, one.launch, one.held_out) for one in whole.measured
    ]
    assert [one.seconds for one in found.measured] == pytest.approx(
        [one.seconds for one in whole.measured], rel=1e-4
    )
    for one, other in zip(found.measured, whole.measured, strict=True):
        assert [node.op for node in one.graph.nodes[1:]] == [node.op for node in other.graph.nodes[1:]]
    assert (found.noise, found.machine) == (whole.noise, whole.machine)
    assert found.peak == pytest.approx(whole.peak, rel=1e-4)
