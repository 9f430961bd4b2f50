"""The design of kernels: every class, sizes over decades, nothing that cannot be run."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
import torch

from cnncost.calibrate import pieces
from cnncost.calibrate.pieces import DESIGN, LEAST_WORK, Limits, work_of
from cnncost.execution.plan import plan
from cnncost.measure.twin import Twin, example_input

LIMITS = Limits(flops=2e9, bytes=4e8, batch=16)
SMALL = Limits(flops=2e7, bytes=4e6, batch=2)


def drawn(count: int, limits: Limits = LIMITS, dtype: str = "float32") -> list[pieces.Trial]:
    return list(islice(pieces.design(dtype, limits), count))


def test_the_design_is_the_same_everywhere() -> None:
    assert drawn(100) == drawn(100)
    assert drawn(30) == drawn(100)[:30]


def test_every_kernel_is_within_the_limits_and_more_than_a_launch() -> None:
    for piece in drawn(2 * len(DESIGN)):
        flops, moved = work_of(piece.graph(), piece.batch, "float32")
        assert flops <= LIMITS.flops and moved <= LIMITS.bytes
        assert flops >= LEAST_WORK * LIMITS.flops or moved >= LEAST_WORK * LIMITS.bytes
        assert 1 <= piece.batch <= LIMITS.batch


def test_a_turn_has_every_class_that_is_asked_for() -> None:
    turn = drawn(len(DESIGN))
    launched = {kernel.kind for piece in turn for kernel in plan(piece.graph(), batch=piece.batch).kernels}
    assert launched == {
        "view", "stem", "1x1", "kxk", "depthwise", "grouped", "transposed", "linear", "norm", "activation",
        "join", "pooling", "move", "resampling",
    }  # fmt: skip
    assert {"attention", "1-D", "3-D"} <= {piece.kind for piece in turn}
    assert {"NCHW", "NC", "NLC", "NCW", "NCDHW"} == {piece.axes for piece in drawn(4 * len(DESIGN))}


def test_a_kernel_is_of_the_class_that_it_is_called() -> None:
    """But attention, which is several, and windows of one or three axes, which are classes of images."""
    for piece in drawn(4 * len(DESIGN)):
        launched = [kernel.kind for kernel in plan(piece.graph(), batch=piece.batch).kernels[-1:]]
        if piece.kind in ("stem", "1x1", "kxk", "depthwise", "transposed", "linear", "norm", "activation"):
            assert launched == [piece.kind], piece.name


def test_sizes_spread_over_decades() -> None:
    """Log-uniform: of channels, sides and batches no third of the (logarithmic) range is left out."""
    convolutions = [piece for piece in drawn(600) if piece.kind in ("1x1", "kxk")]
    for sizes, edges in (
        ([piece.sizes[0] for piece in convolutions], (8, 50, 320, 2048)),
        ([piece.sizes[1] for piece in convolutions], (4, 15, 58, 224)),
        ([piece.batch for piece in convolutions], (1, 3, 7, 16)),
    ):
        for low, high in pairwise(edges):
            share = sum(low <= size <= high for size in sizes) / len(sizes)
            assert share > 0.12, (low, high, share)
    multiples = sum(piece.sizes[0] % 8 == 0 for piece in convolutions) / len(convolutions)
    assert 0.85 < multiples < 0.99


@pytest.mark.parametrize("number", range(len(DESIGN)))
def test_pytorch_runs_it(number: int) -> None:
    """Every line of the design is a network that PyTorch runs, with the shape that we say."""
    piece = drawn(len(DESIGN), SMALL)[number]
    graph = piece.graph()
    with torch.no_grad():
        made = Twin.of(graph)(example_input(graph, piece.batch, torch.device("cpu")))
    assert tuple(made.shape) == (piece.batch, *graph.nodes[-1].shape[1:])


def test_a_chain_and_both_sides_of_an_addition() -> None:
    (relu, *_) = pieces.chains()
    graph = relu.graph()
    assert relu.name == "chain 8x4x4, batch 1: relu() 16 times"
    assert [node.op.name for node in graph.nodes] == ["input", "identity", *["relu"] * 16]
    assert [node.inputs for node in graph.nodes[1:4]] == [(0,), (1,), (2,)]
    add = next(piece for piece in drawn(len(DESIGN)) if piece.op == "add")
    assert add.graph().nodes[-1].inputs == (1, 1)


def test_copies_and_products_grow_by_four() -> None:
    copies = [work_of(piece.graph(), 1, "float32")[1] for piece in pieces.copies(4)]
    assert copies[0] == 2 * 16 * 1024
    assert all(after == 4 * before for before, after in pairwise(copies))
    for growing in (pieces.products(), pieces.convolutions()):
        flops = [work_of(piece.graph(), piece.batch, "float32")[0] for piece in growing]
        assert len(flops) == 7
        assert all(after == 4 * before for before, after in pairwise(flops))
