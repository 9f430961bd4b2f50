"""Patches: the halo position by position, the MACs that are done twice, and the largest input that fits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnncost
from cnncost.deployment.deploy import deploy
from cnncost.deployment.patches import Halo
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.language.zoo import graph_of, parse_text


def chain(layers: list[tuple[int, int]], size: int) -> Graph:
    """Convolutions of (kernel, stride), padded to keep the size."""
    body = "".join(f"  - {{conv: {{out: 2, kernel: {k}, stride: {s}, pad: {k // 2}}}}}\n" for k, s in layers)
    text = f"family: net\ninput: [1, {size}, {size}]\nbody:\n{body}"
    return graph_of(parse_text(text, "net.yaml", "net"), None)


def positions(layers: list[tuple[int, int]], sizes: list[int], wanted: range) -> list[set[int]]:
    """Along one axis, for every map which positions the wanted ones of the last see, one by one."""
    found = [set(wanted)]
    for (kernel, stride), size in zip(reversed(layers), reversed(sizes), strict=True):
        seen = {at * stride - kernel // 2 + tap for at in found[0] for tap in range(kernel)}
        found.insert(0, {at for at in seen if 0 <= at < size})
    return found


@given(
    layers=st.lists(st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 2])), min_size=1, max_size=4),
    patches=st.integers(2, 3),
)
@settings(max_examples=60, deadline=None)
def test_the_halo_position_by_position(layers: list[tuple[int, int]], patches: int) -> None:
    graph = chain(layers, 48)
    shapes = [node.shape for node in graph.nodes]
    end = len(shapes) - 1
    halo = Halo(graph, shapes, end, patches)
    sizes = [shape[2] for shape in shapes[:-1]]
    last = shapes[-1][2]
    for tile, (row, column) in zip(
        halo.tiles, ((r, c) for r in range(patches) for c in range(patches)), strict=True
    ):
        for axis, part in enumerate((row, column)):
            wanted = range(last * part // patches, last * (part + 1) // patches)
            for index, seen in enumerate(positions(layers, sizes, wanted)):
                if index in tile and seen:
                    start, stop = tile[index][axis]
                    assert (start, stop) == (min(seen), max(seen) + 1)


def test_extra_macs_by_hand() -> None:
    """A 3 x 3 window on 8 x 8 after another: tiles of 4 x 4 need 5 x 5 of the map before."""
    graph = chain([(3, 1), (3, 1)], 8)
    halo = Halo(graph, [node.shape for node in graph.nodes], 2, 2)
    assert halo.extra_macs() == 2 * 9 * 1 * (4 * 25 - 64)
    assert (halo.most(0), halo.most(1), halo.most(2)) == (36, 2 * 25, 2 * 16)
    ones = chain([(1, 1), (1, 2)], 8)
    found = Halo(ones, [node.shape for node in ones.nodes], 2, 2).extra_macs()
    assert found == 2 * (4 * 9 - 64)  # whole, it computes rows that nothing reads


def test_mobilenet_v2_in_patches() -> None:
    """After 32 x 28 x 28 the rest needs that map beside 192 x 28 x 28 (published/tinyengine: 175,616)."""
    graph = cnncost.load("mobilenet_v2")
    found = deploy(graph, "tinyengine", dtype="int8", patches=28)
    assert found.patched is not None
    assert found.patched.map == (32, 28, 28)
    assert found.arena_bytes == (32 + 192) * 28 * 28 == 175_616
    four = deploy(graph, "tinyengine", dtype="int8", patches=4)
    assert four.patched is not None
    assert four.arena_bytes < 1_404_928 / 6
    assert 0.05 < four.patched.extra_macs / four.patched.macs < 0.15  # the paper: 10 % for MobileNetV2


@pytest.mark.parametrize(
    ("patches", "message"),
    [
        (1, "--patches 1: at least 2 along each axis, or leave it out"),
        (
            9,
            "mobilenet_v2: no map of the first stages divides into 9 x 9 patches\n"
            "  their sizes are 112x112, 56x56, 28x28, 14x14, 7x7",
        ),
    ],
)
def test_patches_that_do_not_divide(patches: int, message: str) -> None:
    with pytest.raises(UsageError) as error:
        deploy(cnncost.load("mobilenet_v2"), "tinyengine", dtype="int8", patches=patches)
    assert str(error.value) == message


def test_the_largest_input_is_the_largest_of_all() -> None:
    def needs(side: int) -> int:
        graph = cnncost.load("mobilenet_v2", input=(side, side))
        return deploy(graph, "tflm", dtype="int8").ram_bytes

    fits = cnncost.memory("mobilenet_v2", runtime="tflm", dtype="int8", fits=100_000).to_dict()["fits"]
    side = max(side for side in range(8, 129) if needs(side) <= 100_000)
    assert fits["input"] == (3, side, side)
    assert fits["needs"] == needs(side)
    assert fits["width"] is None


def test_the_largest_width() -> None:
    def needs(width: float) -> int:
        graph = cnncost.load("mobilenet_v2", input=(144, 144), set={"width": width})
        return deploy(graph, "tinyengine", dtype="int8").ram_bytes

    small = cnncost.load("mobilenet_v2", input=(144, 144))
    fits = cnncost.memory(small, runtime="tinyengine", dtype="int8", fits=320 * 1024).to_dict()["fits"]
    widths = [round(0.05 * step, 2) for step in range(1, 41)]
    assert fits["width"] == max(width for width in widths if needs(width) <= 320 * 1024)
    assert fits["width_needs"] == needs(fits["width"])
    assert fits["narrowest"] is None


def test_no_width_fits() -> None:
    found = cnncost.memory("mobilenet_v2", runtime="tflm", fits=100_000)
    narrow = cnncost.load("mobilenet_v2", set={"width": 0.05})
    needed = deploy(narrow, "tflm").ram_bytes
    assert found.to_dict()["fits"]["narrowest"] == needed > 100_000
    assert f"; no width fits at the given input: 0.05 needs {needed:,} bytes." in str(found)


def test_nothing_fits() -> None:
    with pytest.raises(UsageError) as error:
        cnncost.memory("mobilenet_v2", runtime="tflm", dtype="int8", fits=1024)
    assert str(error.value) == (
        "nothing of mobilenet_v2 fits into 1,024 bytes: its smallest input needs 7,712, 6,688 more\n"
        "  pass a larger fits"
    )


def spec(text: str) -> cnncost.Graph:
    from cnncost.language.zoo import graph_of, parse_text

    return graph_of(parse_text(f"family: net\n{text}", "net.yaml", "net"), None)


def test_an_output_within_the_stages_is_whole() -> None:
    """A map that the network gives is none of tiles: 8 x 16 x 16 stay beside what comes after."""
    graph = spec(
        "input: [4, 16, 16]\nbody:\n  - {conv: {out: 8, kernel: 3, pad: 1}, as: early}\n"
        "  - {conv: {out: 32, kernel: 3, pad: 1}}\n  - {conv: {out: 4, kernel: 3, stride: 4, pad: 1}, as: late}\n"
        "outputs: [early, late]"
    )
    whole, found = (deploy(graph, "tflm", dtype="int8", patches=count) for count in (0, 4))
    assert whole.arena_bytes == 8 * 256 + 32 * 256 + 4 * 16
    assert found.patched is not None
    assert found.patched.until == "early"
    assert found.arena_bytes >= 8 * 256 + 32 * 256


def test_whether_it_fits_and_what_to_do() -> None:
    """Of a map that is not square the sides grow in proportion."""
    graph = spec(
        "input: [1, 48, 12]\nbody:\n  - {conv: {out: 16, kernel: 3, pad: 1}}\n"
        "  - {conv: {out: 16, kernel: 3, pad: 1, groups: 16}}\n  - {maxpool: {kernel: 6}}"
    )
    needs = 2 * 16 * 48 * 12
    assert deploy(graph, "tflm", dtype="int8").ram_bytes == needs == 18_432
    roomy = cnncost.memory(graph, runtime="tflm", dtype="int8", fits=20_000)
    assert "It fits into 19.5 KiB: 1,568 bytes are left." in str(roomy)
    assert roomy.to_dict()["fits"]["left"] == 20_000 - needs
    tight = cnncost.memory(graph, runtime="tflm", dtype="int8", fits=10_000)
    halves = deploy(graph, "tflm", dtype="int8", patches=2).ram_bytes
    assert halves <= 10_000
    assert (
        f"It does not fit into 9.77 KiB: 8,432 bytes too many; with --patches 2 it does ({halves:,} bytes)."
    ) in str(tight)
    again = cnncost.memory(graph, runtime="tflm", dtype="int8", fits=10_000, patches=2)
    assert again.to_dict()["fits"] == {"bytes": 10_000, "left": 10_000 - halves}
