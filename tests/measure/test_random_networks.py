"""Networks that nobody designed, against their twins in PyTorch: shapes, parameters, MACs, peak memory.

Operators are drawn with random arguments and read what is there already; what does not fit is drawn again.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from measure.alone import twin_of
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.errors import OperatorError
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.graph import Graph, InputNode, Node
from cnncost.measure import build
from cnncost.measure.trace import inference_peak, training_step
from cnncost.ops import REGISTRY
from cnncost.ops.sizes import Shape, elements, shaped

INPUTS = (("NCHW", (1, 4, 8, 8)), ("NCHW", (1, 3, 9, 7)), ("NCW", (1, 6, 10)), ("NCDHW", (1, 4, 6, 6, 5)))
JOINS = ("add", "concat", "mul", "mean", "combine", "matmul")
PLAIN = (
    "identity", "relu", "relu6", "prelu", "elu", "leaky_relu", "mish", "sigmoid", "tanh", "silu", "gelu",
    "hardsigmoid", "hardswish", "softmax", "selu", "instance_norm", "rms_norm", "layer_norm", "layer_scale",
    "global_avgpool", "copy", "glu", "subsample", "scaled_tanh",
)  # fmt: skip
MOST = 100_000
"""Values of a tensor."""


def arguments(draw: random.Random, shape: Shape) -> dict[str, dict[str, Any]]:
    """Arguments of operators that read a tensor of that shape; they may not fit."""
    axis, rank, one = draw.randrange(1, len(shape)), len(shape), draw.choice
    return {
        "conv": {
            "out": one((2, 4, 6)), "kernel": one((1, 2, 3, 5)), "stride": one((1, 1, 2)), "bias": one((True, False)),
            "pad": one((0, 1, 2, "same", [0, 1, 0, 1])), "dilation": one((1, 1, 2)), "groups": one((1, 1, 2)),
        },
        "conv_transpose": {"out": 4, "kernel": one((2, 3, 4)), "stride": one((1, 2)), "pad": one((0, 1, "same"))},
        "maxpool": {"kernel": one((2, 3)), "stride": one((1, 2)), "pad": one((0, 1)), "ceil": one((True, False))},
        "avgpool": {"kernel": one((2, 3)), "stride": one((1, 2)), "pad": one((0, 1)), "ceil": one((True, False))},
        "adaptive_avgpool": {"size": one((1, 2, 3))},
        "bn": {"scale": one((True, False)), "shift": one((True, False))},
        "group_norm": {"groups": 2},
        "linear": {"out": one((2, 4)), "bias": one((True, False))},
        "zero_pad": {"pad": 1, "channels": one((0, 2))},
        "channel_shuffle": {"groups": 2},
        "channel_split": {"parts": 2, "take": one((0, 1))},
        "pixel_shuffle": {"factor": 2},
        "pixel_unshuffle": {"factor": 2},
        "interpolate": {"scale": 2, "mode": one(("nearest", "bilinear"))},
        "elementwise": {"function": one(("exp", "sqrt", "abs", "neg", "sin", "square", "reciprocal", "erf"))},
        "reduce": {"function": one(("sum", "mean", "max", "norm")), "axes": [axis], "keep": one((True, False))},
        "permute": {"axes": [0, *draw.sample(range(1, rank), rank - 1)]},
        "slice": {"axis": axis, "stop": max(1, shape[axis] // 2)},
        "select": {"axis": axis},
        "roll": {"shifts": [1], "axes": [rank - 1]},
        "flip": {"axes": [rank - 1]},
        "unfold": {"kernel": 2, "stride": one((1, 2))},
        "combine": {"function": one(("add", "sub", "mul", "div", "maximum", "minimum", "where"))},
        "rnn": {"hidden": 3},
        "gru": {"hidden": 3},
    }  # fmt: skip


DRAWN = (*PLAIN, *JOINS * 3, *arguments(random.Random(0), shaped(*INPUTS[0])), *["conv"] * 3)


def network(seed: int) -> Graph:
    """A network of up to 15 operators; what nothing reads is its output, all of it side by side."""
    draw = random.Random(seed)
    nodes = [Node(0, "input", InputNode(), (), shaped(*draw.choice(INPUTS)))]
    for _ in range(draw.randrange(20, 60)):
        source = nodes[-1] if draw.random() < 0.75 else draw.choice(nodes)
        name = draw.choice(DRAWN)
        like = [node.index for node in nodes if node.shape == source.shape]
        others = [draw.choice(like) for _ in range(draw.choice((1, 1, 2)))] if name in JOINS else []
        add(nodes, name, arguments(draw, source.shape).get(name, {}), source.index, *others)
    read = {index for node in nodes for index in node.inputs}
    for end in [node.index for node in nodes[1:] if node.index not in read]:
        add(nodes, "flatten", {}, end)
    read = {index for node in nodes for index in node.inputs}
    ends = [node.index for node in nodes[1:] if node.index not in read]
    if len(ends) > 1 and not add(nodes, "concat", {}, *ends):
        ends = ends[-1:]
    return Graph("network", tuple(nodes), (nodes[-1].index,))


def add(nodes: list[Node], name: str, given: dict[str, Any], *inputs: int) -> bool:
    """Append an operator if it can read that."""
    try:
        op = REGISTRY[name](**given)
        shape = op.output_shape(*[nodes[index].shape for index in inputs])
    except OperatorError:
        return False
    if name == "avgpool" and min(nodes[inputs[0]].shape[2:]) < given["kernel"]:
        return False  # of maps with three axes PyTorch refuses it, whatever the padding
    if name == "matmul" and len(shape) == 2:
        return False  # it would multiply along the batch
    if len(shape) < 2 or not 0 < elements(shape) <= MOST or len(nodes) > 15:
        return False
    nodes.append(Node(len(nodes), f"{name}{len(nodes)}", op, inputs, shape))
    return True


@pytest.mark.parametrize("seed", range(150))
def test_a_network_that_nobody_designed(seed: int) -> None:
    graph = network(seed)
    x = torch.rand(2, *graph.input_shape)
    twin, report = build(graph), cnncost.analyze(graph, batch=2)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = twin(x)
    assert tuple(output.shape[1:]) == tuple(graph.nodes[-1].shape[1:])
    assert report.totals.params == sum(parameter.numel() for parameter in twin.parameters())
    assert report.totals.macs == counter.get_total_flops() // 2
    running = plan(graph, batch=2, device="cpu")
    if not running.estimated:
        assert peak_bytes(running) == inference_peak(twin, x)


@pytest.mark.parametrize("seed", [395, 419, 544, 697, 862, 878, 972, 1150, 1447, 1486, *range(30)])
def test_a_training_step_of_it(seed: int) -> None:
    """The first ten once had another peak: RMS norms beside their own input, copies, sums of one kernel's gradients."""
    graph = without_dead_ends(network(seed))
    twin, x = twin_of(graph), torch.rand(2, *graph.input_shape)
    weights = list(twin.parameters())
    memory = training_memory(graph, batch=2, device="cpu") if weights and twin(x).requires_grad else None
    if memory is None or memory.estimated:
        return
    traced = training_step(twin, x, torch.optim.SGD(weights, lr=0.1))
    assert (memory.saved, memory.gradients) == (traced.saved, traced.gradients)
    assert memory.peak - memory.weights == max(traced.backward_peak, traced.step_peak)


def without_dead_ends(graph: Graph) -> Graph:
    """The nodes that the output depends on: others have no gradient in PyTorch."""
    alive = {0, *graph.outputs}
    for node in reversed(graph.nodes):
        if node.index in alive:
            alive.update(node.inputs)
    place = {index: at for at, index in enumerate(sorted(alive))}
    kept = [graph.nodes[index] for index in place]
    nodes = [
        node._replace(index=place[node.index], inputs=tuple(place[source] for source in node.inputs))
        for node in kept
    ]
    return Graph(graph.name, tuple(nodes), tuple(place[index] for index in graph.outputs))
