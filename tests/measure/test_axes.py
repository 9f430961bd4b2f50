"""Whole networks over one, two and three axes, and over tokens: every figure against PyTorch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import cnncost
from cnncost.analysis.explain import explain
from cnncost.analysis.fold import fold_batch_norms
from cnncost.analysis.receptive import receptive_fields
from cnncost.analysis.sweep import sweep
from cnncost.errors import SpecError, SpecWarning, UsageError
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.graph import Graph
from cnncost.measure.fold import fold_twin
from cnncost.measure.trace import inference_peak, training_step
from cnncost.measure.verify import verify

SOUND = """
input: [1, 400]
body:
  - {conv: {out: 8, kernel: 9, stride: 4, bias: false}, as: conv1}
  - bn
  - relu
  - maxpool: {kernel: 2}
  - add: {main: [{conv: {out: 8, kernel: 3, pad: [2, 0]}}, bn], shortcut: []}
  - {conv: {out: 12, kernel: 3, dilation: 2, pad: 2}, as: conv2}
  - interpolate: {scale: 2, mode: linear}
  - {dropout: {maps: true}, if: width > 10}
  - global_avgpool
  - flatten
  - linear: {out: 10}
"""
IMAGE = (
    SOUND.replace("[1, 400]", "[1, 60, 52]").replace("mode: linear", "mode: bilinear").replace("[2, 0]", "1")
)
VIDEO = """
input: [3, 8, 20, 20]
body:
  - {conv: {out: 8, kernel: [3, 5, 5], stride: [1, 2, 2], pad: [1, 2, 2]}, as: conv1}
  - bn
  - relu
  - maxpool: {kernel: [1, 3, 3], stride: [1, 2, 2], pad: [0, 1, 1]}
  - concat:
      a: [{conv: {out: 4, kernel: [3, 1, 1], pad: [1, 0, 0]}}, bn]
      b: []
  - {conv: {out: 12, kernel: 3, stride: 2, pad: 1}, as: conv2}
  - conv_transpose: {out: 6, kernel: 2, stride: 2}
  - avgpool: {kernel: 2}
  - dropout
  - global_avgpool
  - flatten
  - linear: {out: 10}
"""
TOKENS = """
input: {shape: [12, 16], axes: LC}
body:
  - add: {main: [layer_norm, {linear: {out: 32}}, gelu, {linear: {out: 16}}], shortcut: []}
  - permute: {axes: [0, 2, 1]}
  - conv: {out: 8, kernel: 3}
"""
NETS = {"sound": SOUND, "image": IMAGE, "video": VIDEO, "tokens": TOKENS}


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.yaml"
    path.write_text(NETS[request.param])
    return path


@pytest.fixture
def graph(net: Path) -> Graph:
    return cnncost.load(str(net))


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_verify(graph: Graph, mode: str) -> None:
    found = verify(graph, mode=mode, fvcore=False)
    assert not found.counted("differs"), [check for check in found.checks if check.result == "differs"]
    assert found.counted("ok") > 4 * len(graph.nodes) - 8


def test_memory_to_the_byte(graph: Graph) -> None:
    """Of an inference pass and of a training step, against traces of live storages."""
    x = torch.zeros(3, *graph.input_shape)
    assert peak_bytes(plan(graph, batch=3)) == inference_peak(cnncost.build(graph), x)
    twin = cnncost.build(graph, "train")
    traced = training_step(twin, x, torch.optim.SGD(twin.parameters(), lr=0.1))
    memory = training_memory(graph, batch=3, device="cpu")
    assert (memory.saved, memory.gradients) == (traced.saved, traced.gradients)
    assert memory.peak - memory.weights == max(traced.backward_peak, traced.step_peak)


def test_receptive_fields_reach_as_far_as_gradients(graph: Graph) -> None:
    """Of convolutions; where a maximum is taken the gradient goes through one value only."""
    fields = receptive_fields(graph)
    axes = len(graph.input_shape) - 1
    report = cnncost.analyze(graph, by="op")
    for row in report.rows:
        assert row.receptive_field is not None and len(row.receptive_field) == axes
        assert row.kernel is None or len(row.kernel) == axes
        assert row.jump is not None and len(row.jump) == axes
        assert row.padding is None or len(row.padding) == 2 * axes
    place = max(
        node.index for node in graph.nodes if node.op.kin == "convolution" and node.name != "conv_transpose"
    )
    node = graph.nodes[place]
    short = Graph(graph.name, graph.nodes[: place + 1], (place,))
    twin = cnncost.build(short)
    for parameter in twin.parameters():
        torch.nn.init.ones_(parameter)
    x = torch.rand(1, *graph.input_shape, requires_grad=True)
    y = twin(x)
    middle = tuple(size // 2 for size in y.shape[2:])
    y[(slice(None), slice(None), *middle)].sum().backward()
    assert x.grad is not None
    channel_last = graph.nodes[0].shape.axes == "NLC"
    reached = x.grad[0].movedim(-1, 0)[0].nonzero() if channel_last else x.grad[0].abs().sum(0).nonzero()
    seen = (reached.max(0).values - reached.min(0).values + 1).tolist()
    declared = [
        min(int(size), whole)
        for size, whole in zip(fields[node.index].size, graph.nodes[0].shape.space, strict=True)
    ]
    assert all(part <= whole for part, whole in zip(seen, declared, strict=True))
    assert all(2 * part >= whole for part, whole in zip(seen, declared, strict=True))


def test_every_layer_is_explained(graph: Graph) -> None:
    for node in graph.nodes[1:]:
        (found,) = [each for each in explain(graph, node.name) if each.name == node.name]
        values = {line.quantity: line.value for line in found.lines}
        shapes = graph.input_shapes(node)
        assert values["params"] == node.op.params(*shapes)
        assert values["macs"] == node.op.macs(node.shape, *shapes)


def test_a_sweep_is_as_many_analyses(net: Path) -> None:
    graph = cnncost.load(str(net))
    axes = {"N": "batch", "W": "width", "H": "height", "D": "depth", "L": "length"}
    names = [axes[letter] for letter in graph.nodes[0].shape.axes[1:] if letter != "C"]
    own = graph.nodes[0].shape.space
    sizes = {name: np.array([size, size + 8]) for name, size in zip(names, own, strict=True)}
    swept = sweep(graph, batch=2, **sizes)
    for point in (0, 1):
        space = [int(size[point]) for size in sizes.values()]
        totals = cnncost.analyze(cnncost.load(str(net), input=space), batch=2).totals
        assert (int(swept.macs[point]), int(swept.flops[point])) == (totals.macs, totals.flops)
    with pytest.raises(UsageError) as error:
        sweep(graph, heigth=3)
    assert str(error.value).startswith(f"{graph.name}: its input has no axis 'heigth'")


def test_batch_norms_are_folded(graph: Graph) -> None:
    twin = cnncost.build(graph)
    x = torch.randn(2, *graph.input_shape)
    with torch.no_grad():
        torch.testing.assert_close(fold_twin(twin)(x.clone()), twin(x.clone()), rtol=1e-4, atol=1e-5)
    assert not any(node.op.name == "bn" for node in fold_batch_norms(graph).nodes)


COMMANDS = [
    ["table"], ["table", "--by", "op", "-f", "json"], ["explain"], ["memory"], ["memory", "--train", "-b", "2"],
    ["reconcile"], ["show"], ["predict", "--on", "t4", "--layers"], ["plot", "layers", "-o", "p.svg"], ["plot", "receptive", "-o", "r.svg"],
    ["plot", "sweep", "-o", "s.svg"], ["plot", "memory", "-o", "m.svg"], ["draw", "-o", "d.svg"],
    ["report", "-o", "page.html"], ["export", "--onnx", "net.onnx"], ["verify", "--device", "cpu"],
]  # fmt: skip


def test_every_command_takes_them(net: Path) -> None:
    """In one process a network: what a command writes is another test's matter."""
    calls = [
        [*command[: 2 if command[0] == "plot" else 1], str(net), *command[2 if command[0] == "plot" else 1 :]]
        for command in COMMANDS
    ]
    program = (
        "import json, sys\nfrom cnncost.cli.main import main\n"
        "for call in json.loads(sys.argv[1]):\n"
        "    sys.argv = ['cnncost', *call]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code, (call, end.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(calls)], cwd=net.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


# What is written wrongly ---------------------------------------------------------------------------------


def spec(tmp_path: Path, text: str) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("given", "meant", "channels", "map", "axes"),
    [
        ("[224, 224, 3]", "[3, 224, 224]", 224, "224x3", "CHW"),
        ("[16000, 1]", "[1, 16000]", 16000, "1", "CW"),
        ("[16, 112, 112, 3]", "[3, 16, 112, 112]", 16, "112x112x3", "CDHW"),
    ],
)
def test_channels_written_last_are_warned_of(
    given: str, meant: str, channels: int, map: str, axes: str, tmp_path: Path
) -> None:
    name = spec(tmp_path, f"input: {given}\nbody: [relu]\n")
    with pytest.warns(SpecWarning) as caught:
        cnncost.load(name)
    assert [str(warning.message) for warning in caught] == [
        f"{name}:1:8: warning: input {given} is taken for {channels} channels of {map}: channels come first\n"
        f"  was {meant} meant? if not: input: {{shape: {given}, axes: {axes}}}"
    ]
    cnncost.load(
        spec(tmp_path, f"input: {{shape: {given}, axes: {axes}}}\nbody: [relu]\n")
    )  # says so: no warning


def test_channels_last_are_a_layout(tmp_path: Path) -> None:
    text = "input: {{shape: [32, 32, 3], axes: HWC}}\nbody: [{}conv: {{out: 4, kernel: 3}}]\n"
    turned = cnncost.load(
        spec(
            tmp_path,
            text.format("permute: {axes: [0, 3, 1, 2]}, ")
            .replace("permute", "{permute", 1)
            .replace("2]}, conv", "2]}}, {conv")
            .replace("kernel: 3}]", "kernel: 3}}]"),
        )
    )
    assert turned.nodes[-1].shape == (1, 4, 30, 30)
    with pytest.raises(SpecError) as error:
        cnncost.load(
            spec(
                tmp_path,
                text.format("").replace("[conv: {out: 4, kernel: 3}]", "[{conv: {out: 4, kernel: 3}}]"),
            )
        )
    assert "conv needs a map (channels x height x width), not 32x32x3 (height x width x channels)" in str(
        error.value
    )


@pytest.mark.parametrize(
    ("declared", "given", "message"),
    [
        (
            "[3, 32, 32]",
            (3, 8, 32, 32),
            "an input of 3x8x32x32 has 4 sizes; this network takes channels x height x width, or height x width",
        ),
        (
            "[1, 400]",
            (1, 40, 40),
            "an input of 1x40x40 has 3 sizes; this network takes channels x width, or width",
        ),
        (
            "[3, 8, 32, 32]",
            (32, 32),
            "an input of 32x32 has 2 sizes; this network takes channels x depth x height x width, or depth x height x width",
        ),
        ("[12]", (3, 4), "an input of 3x4 has 2 sizes; this network takes channels"),
    ],
)
def test_inputs_of_more_or_fewer_axes(
    declared: str, given: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    name = spec(tmp_path, f"input: {declared}\nbody: [relu]\n")
    with pytest.raises(UsageError) as error:
        cnncost.load(name, input=given)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("declared", "given", "found"),
    [
        ("[3, 32, 32]", (40,), (3, 40, 40)), ("[1, 400]", (40,), (1, 40)), ("[12]", (40,), (40,)),
        ("[3, 8, 32, 32]", (4, 16, 16), (3, 4, 16, 16)), ("{shape: [12, 16], axes: LC}", (5,), (5, 16)),
    ],
)  # fmt: skip
def test_other_inputs(declared: str, given: tuple[int, ...], found: tuple[int, ...], tmp_path: Path) -> None:
    name = spec(tmp_path, f"input: {declared}\nbody: [relu]\n")
    assert cnncost.load(name, input=given).input_shape == found


def test_a_table_of_unfolding(tmp_path: Path) -> None:
    """Windows without a kernel of their own had no table."""
    text = "input: [3, 32, 32]\nbody: [{unfold: {kernel: 3, stride: 1, pad: 1}}, {windows: {axis: 2, size: 5, stride: 5}}]\n"
    report = cnncost.analyze(cnncost.load(spec(tmp_path, text)), by="op")
    from cnncost.tables.layers import layer_grid

    kernel, stride, pad = ([row[place].text for row in layer_grid(report).rows] for place in (3, 4, 5))
    assert (kernel, stride, pad) == (["3", ""], ["1", ""], ["1", ""])
