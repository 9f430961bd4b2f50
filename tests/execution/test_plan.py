"""Plans: what their kernels read, write and compute, against reports, formulas and PyTorch."""

from __future__ import annotations

import pytest
from ops.cases import CASES, Case

import cnncost
from cnncost.execution.call import Call
from cnncost.execution.kinds import KINDS, kind_of, matrices
from cnncost.execution.plan import plan

NETWORKS = ["alexnet", "lenet5", "resnet50", "mobilenet_v2", "googlenet", "unet", "convnext_tiny", "segnet"]


@pytest.mark.parametrize("name", NETWORKS)
def test_kernels_sum_to_the_report(name: str) -> None:
    graph = cnncost.load(name).without_heads()
    kernels = plan(graph, batch=2).kernels
    assert sum(kernel.flops for kernel in kernels) == cnncost.analyze(graph, batch=2).totals.flops
    assert {kernel.kind for kernel in kernels} <= set(KINDS)
    assert {kernel.nodes[0] for kernel in kernels} == set(range(1, len(graph.nodes)))
    assert not any(kernel.fused for kernel in kernels)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_operator_has_a_kind_and_its_matrices(case: Case) -> None:
    operator = case.operator()
    output = operator.output_shape(*case.shapes)
    call = Call(operator, case.shapes, output)
    assert kind_of(call) in KINDS
    found, macs = matrices(call), operator.macs(output, *case.shapes)
    unlike = operator.name == "attention" or case.arguments.get("connections")
    assert (0 if found is None else found.macs) == (0 if unlike else macs)


def kinds(name: str) -> dict[str, int]:
    found = [kernel.kind for kernel in plan(cnncost.load(name)).kernels]
    return {kind: found.count(kind) for kind in KINDS if kind in found}


def test_kinds_of_networks() -> None:
    """By hand, from the papers' tables: ResNet-50 and MobileNetV2 (17 blocks, the first without expansion)."""
    assert kinds("resnet50") == {
        "stem": 1, "1x1": 36, "kxk": 16, "linear": 1, "pooling": 2, "norm": 53, "activation": 49, "join": 16, "view": 1,
    }  # fmt: skip
    found = kinds("mobilenet_v2")
    assert (found["depthwise"], found["1x1"], found["stem"]) == (17, 34, 1)
    assert kinds("resnext50_32x4d")["grouped"] == 16
    assert kinds("unet")["transposed"] == 4


def test_the_first_kernels_of_alexnet() -> None:
    conv, relu, pool = plan(cnncost.load("alexnet"), batch=4, training=True).kernels[:3]
    weights = 64 * 3 * 11 * 11 + 64
    assert conv.matrices == (1, 4 * 56 * 56, 64, 3 * 11 * 11)
    assert conv.bytes_read == 4 * (4 * 3 * 227 * 227 + weights)
    assert conv.bytes_written == relu.bytes_read == relu.bytes_written == 4 * 4 * 64 * 56 * 56
    assert conv.reads[0].strides == (3 * 227 * 227, 227 * 227, 227, 1)
    assert [buffer.storage for buffer in conv.saved] == [0]
    assert relu.writes.storage == 1  # in place
    assert [buffer.storage for buffer in relu.saved] == [1]
    assert pool.extra == 8 * 4 * 64 * 27 * 27  # int64 indices


def test_copies_and_parts_of_composites_are_kernels() -> None:
    """A layer norm in a map: two views, one norm between them; the convolution behind it keeps channels last."""
    graph = cnncost.load("convnext_tiny")
    kernels = plan(graph).kernels
    norm = next(kernel for kernel in kernels if kernel.call.op.name == "layer_norm")
    place = kernels.index(norm)
    assert [kernel.kind for kernel in kernels[place - 1 : place + 2]] == ["view", "norm", "view"]
    assert len({kernel.nodes for kernel in kernels[place - 1 : place + 2]}) == 1
    _, channels, height, width = kernels[place + 1].writes.shape
    assert kernels[place + 1].writes.strides == (channels * height * width, 1, channels * width, channels)
