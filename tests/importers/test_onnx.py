"""ONNX files as graphs: equal to the module's own import; other frameworks' habits; what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import import_coverage
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import cnncost
from cnncost.analysis.fold import fold_batch_norms
from cnncost.graph import Graph, at_batch
from cnncost.importers import from_module, from_onnx, sources
from cnncost.importers.onnx import running

FAST = {"resnet18", "squeezenet1_0"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in import_coverage.EXPORTS],
)
def test_exports_of_torchvision_are_equal_to_its_import(name: str) -> None:
    """By the exporter of traces: names, operators, parameters, MACs and shapes of all that learns."""
    assert import_coverage.checked_file(name).failure == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_the_newer_exporters_are_equal_too(name: str) -> None:
    assert import_coverage.checked_file(name, dynamo=True).failure == ""


def exported(network: nn.Module, shape: tuple[int, ...], folder: Path, **settings: Any) -> Graph:
    """A module by way of a file."""
    import_coverage.filled(network)
    import_coverage.export(network, shape, folder / "model.onnx", **settings)
    return from_onnx(str(folder / "model.onnx"))


class Zoo(nn.Module):
    """Layers that torchvision's networks do not have."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1)
        self.prelu = nn.PReLU(6)
        self.group = nn.GroupNorm(2, 6)
        self.instance = nn.InstanceNorm2d(6, affine=True)
        self.bare = nn.InstanceNorm2d(6)
        self.pad = nn.ConstantPad2d((1, 2, 0, 3), 0.0)
        self.pool = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.shuffle = nn.PixelShuffle(2)
        self.line = nn.Conv1d(8, 5, 3, bias=False)
        self.norm = nn.BatchNorm1d(5)
        self.head = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bare(self.instance(self.group(self.prelu(self.up(x)))))
        x = nn.functional.leaky_relu(self.pool(self.pad(x)), 0.2)
        first, second = x.split([2, 4], 1)
        larger = nn.functional.interpolate(first, scale_factor=2.0, mode="bilinear")
        x = torch.cat([self.shuffle(second), larger], 1)
        x = nn.functional.elu(nn.functional.softplus(x) - 2 * x.clamp(0.1, 3.0) + x.exp().sqrt())
        x = x.view(x.shape[0], 3, 2, -1).transpose(1, 2).reshape(x.shape[0], 3, -1)
        x = torch.cat([x, x[:, :, ::2], x[:, :, :1]], 2)
        x = torch.cat([x, x, x[:, 1:]], 1)
        return self.head(torch.softmax(self.norm(self.line(x)), 1).amax(2))


def macs_of(network: nn.Module, shape: tuple[int, ...]) -> int:
    """MACs of one image by torch's own counter."""
    return import_coverage.flops(network, shape) // 2


@pytest.mark.parametrize(
    ("dynamo", "batch"),
    [(False, None), (False, 1), (False, 3), pytest.param(True, None, marks=pytest.mark.slow)],
)
def test_one_import_serves_every_batch(dynamo: bool, batch: int | None, tmp_path: Path) -> None:
    """Also that of a file which was written for one batch, its reshapes with the batch as a constant."""
    file = exported(Zoo(), (4, 6, 6), tmp_path, dynamo=dynamo, batch=batch)
    assert {shape[0] for shape, node in zip(at_batch(file, 7), file.nodes, strict=True)
            if node.op.kin != "weights" and node.op.name != "view"} == {7}  # fmt: skip
    assert at_batch(file, 7)[-1] == (7, 3)
    for size in (1, 7):
        totals = cnncost.analyze(file, batch=size).totals
        assert totals.params == sum(parameter.numel() for parameter in Zoo().parameters())
        assert totals.macs == size * macs_of(Zoo(), (4, 6, 6))


@pytest.mark.parametrize("dynamo", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_folded_batch_norms_are_what_fold_bn_says(dynamo: bool, tmp_path: Path) -> None:
    """Exporters fold by default: no batch norm is left in a residual net, and each filter has a bias."""
    network, shape, _ = sources.build("torchvision:resnet18", (3, 64, 64), {})
    file = exported(network, shape, tmp_path, folded=True, dynamo=dynamo)
    folded = fold_batch_norms(from_module(network, shape))
    ours, theirs = ([line[1:] for line in import_coverage.learned(graph)] for graph in (file, folded))
    assert ours == theirs
    assert sum(line[1] for line in ours if isinstance(line[1], int)) == 11_684_712


# Files that nobody's exporter wrote: one node after the other, by hand ----------------------


def tensor(name: str, *shape: int, kind: type = np.float32) -> Any:
    """A weight of random values."""
    return numpy_helper.from_array(np.random.default_rng(0).normal(size=shape).astype(kind), name)


def constant(name: str, value: Any, kind: type = np.int64) -> Any:
    """An initialiser with these values."""
    return numpy_helper.from_array(np.array(value, kind), name)


def written(
    folder: Path,
    nodes: Sequence[Any],
    stored: Sequence[Any],
    shape: Sequence[int | str] = ("N", 3, 8, 8),
    *,
    opset: int = 13,
    listed: bool = False,
    **more: Any,
) -> str:
    """A file with these nodes: the input is x, the output y. `listed`: weights are inputs too."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    if listed:
        inputs += [helper.make_tensor_value_info(item.name, item.data_type, item.dims) for item in stored]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", inputs, [output], list(stored), **more)
    domains = {node.domain for node in nodes if node.domain}
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), folder / "net.onnx")
    return str(folder / "net.onnx")


def rows(path: str, **settings: Any) -> list[tuple[str, int, int, tuple[int, ...]]]:
    """(operator, parameters, MACs, output) of every node."""
    report = cnncost.analyze(from_onnx(path, **settings), by="op")
    return [(row.op, row.params, row.macs, row.output_shape) for row in report.rows]


def test_an_old_file_lists_its_weights_among_the_inputs(tmp_path: Path) -> None:
    """Opset 7, as the model zoo's first files: no kernel_shape, bounds and shapes as attributes."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], strides=[2, 2], pads=[1, 0, 2, 1]),
        helper.make_node("BatchNormalization", ["a", "s", "b", "m", "v"], ["c"]),
        helper.make_node("Clip", ["c"], ["d"], min=0.0, max=6.0),
        helper.make_node("Dropout", ["d"], ["e"], ratio=0.3),
        helper.make_node("Upsample", ["e", "scales"], ["f"], mode="nearest"),
        helper.make_node("LRN", ["f"], ["n"], size=3),
        helper.make_node("GlobalAveragePool", ["n"], ["g"]),
        helper.make_node("Flatten", ["g"], ["h"]),
        helper.make_node("Gemm", ["h", "fc", "fb"], ["i"], transB=1),
        helper.make_node("Softmax", ["i"], ["y"]),
    ]
    stored = [
        tensor("w", 6, 3, 3, 3), *(tensor(name, 6) for name in "sbmv"), tensor("fc", 5, 6), tensor("fb", 5),
        constant("scales", [1, 1, 2, 2], np.float32),
    ]  # fmt: skip
    path = written(tmp_path, nodes, stored, (1, 3, 8, 8), opset=9, listed=True)
    assert rows(path) == [
        ("conv", 162, 162 * 20, (6, 5, 4)),
        ("bn", 12, 0, (6, 5, 4)),
        ("relu6", 0, 0, (6, 5, 4)),
        ("dropout", 0, 0, (6, 5, 4)),
        ("interpolate", 0, 0, (6, 10, 8)),
        ("lrn", 0, 0, (6, 10, 8)),
        ("global_avgpool", 0, 0, (6, 1, 1)),
        ("flatten", 0, 0, (6,)),
        ("linear", 35, 30, (5,)),
        ("softmax", 0, 0, (5,)),
    ]


def test_one_of_a_list_of_parts(tmp_path: Path) -> None:
    """As PyTorch's newer exporter writes a split: a list has no element type of its own, its tensors have."""
    nodes = [
        helper.make_node("SplitToSequence", ["x", "sizes"], ["parts"], axis=1),
        helper.make_node("SequenceAt", ["parts", "one"], ["a"]),
        helper.make_node("Relu", ["a"], ["y"]),
    ]
    graph = from_onnx(written(tmp_path, nodes, [constant("sizes", [1, 2]), constant("one", 1)]))
    assert [(node.op.name, node.shape) for node in graph.nodes[1:]] == [
        ("slice", (1, 2, 8, 8)),
        ("relu", (1, 2, 8, 8)),
    ]
    assert {node.types and node.types.output for node in graph.nodes} == {"float32"}


def test_a_file_in_tensorflows_style(tmp_path: Path) -> None:
    """Images with channels last, automatic padding, weights in nodes, a dense layer as product and sum."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[0, 3, 1, 2], name="net/conv/Transpose"),
        helper.make_node("Constant", [], ["w"], value=tensor("w", 4, 3, 3, 3)),
        helper.make_node(
            "Conv", ["a", "w"], ["b"], auto_pad="SAME_LOWER", strides=[2, 2], name="net/conv/Conv2D"
        ),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER"),
        helper.make_node("Sigmoid", ["c"], ["d"]),
        helper.make_node("Mul", ["d", "c"], ["e"], name="net/swish/mul"),
        helper.make_node("ReduceMean", ["e"], ["f"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["f", "fc"], ["g"], name="net/dense/MatMul"),
        helper.make_node("Add", ["g", "fb"], ["y"], name="net/dense/BiasAdd"),
    ]
    path = written(tmp_path, nodes, [tensor("fc", 4, 5), tensor("fb", 5)], ("N", 7, 7, 3))
    assert rows(path) == [
        ("permute", 0, 0, (3, 7, 7)),
        ("conv", 108, 108 * 16, (4, 4, 4)),
        ("maxpool", 0, 0, (4, 2, 2)),
        ("silu", 0, 0, (4, 2, 2)),
        ("global_avgpool", 0, 0, (4, 1, 1)),
        ("flatten", 0, 0, (4,)),
        ("linear", 25, 20, (5,)),
    ]
    assert [node.name for node in from_onnx(path).nodes][-1] == "net.dense"


def test_gelu_hardswish_and_mish_are_found_again(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Div", ["x", "root"], ["a"]),
        helper.make_node("Erf", ["a"], ["b"]),
        helper.make_node("Add", ["b", "one"], ["c"]),
        helper.make_node("Mul", ["x", "c"], ["d"]),
        helper.make_node("Mul", ["d", "half"], ["e"]),
        helper.make_node("Add", ["e", "three"], ["f"]),
        helper.make_node("Clip", ["f", "zero", "six"], ["g"]),
        helper.make_node("Mul", ["e", "g"], ["h"]),
        helper.make_node("Div", ["h", "six"], ["i"]),
        helper.make_node("Softplus", ["i"], ["j"]),
        helper.make_node("Tanh", ["j"], ["k"]),
        helper.make_node("Mul", ["k", "i"], ["y"]),
    ]
    numbers = {"root": 2**0.5, "one": 1, "half": 0.5, "three": 3, "zero": 0, "six": 6}
    stored = [constant(name, value, np.float32) for name, value in numbers.items()]
    path = written(tmp_path, nodes, stored)
    assert [row[0] for row in rows(path)] == ["gelu", "hardswish", "mish"]


def test_what_is_shared_is_learned_once_and_equal_scales_are_everybodys(tmp_path: Path) -> None:
    """Weights of two layers count once; ones and zeros, which exporters store once, count for each."""
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Conv", ["a", "w"], ["b"]),
        helper.make_node("Identity", ["ones"], ["scale"]),
        helper.make_node("BatchNormalization", ["b", "ones", "zeros", "zeros", "ones"], ["c"]),
        helper.make_node("BatchNormalization", ["c", "scale", "zeros", "zeros", "ones"], ["y"]),
    ]
    stored = [
        tensor("w", 3, 3, 1, 1),
        constant("ones", [1] * 3, np.float32),
        constant("zeros", [0] * 3, np.float32),
    ]
    assert [row[:3] for row in rows(written(tmp_path, nodes, stored))] == [
        ("learned", 9, 0),
        ("conv_given", 0, 576),
        ("conv_given", 0, 576),
        ("bn", 6, 0),
        ("bn", 6, 0),
    ]


def test_a_condition_on_shapes_is_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch squeezes an axis like that; what depends on the image is as in one run, refused without one."""
    y = helper.make_empty_tensor_value_info
    branches = {
        "then_branch": helper.make_graph([helper.make_node("Relu", ["a"], ["t"])], "then", [], [y("t")]),
        "else_branch": helper.make_graph([helper.make_node("Sigmoid", ["a"], ["e"])], "else", [], [y("e")]),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Shape", ["a"], ["s"]),
        helper.make_node("Gather", ["s", "one"], ["n"]),
        helper.make_node("Equal", ["n", "four"], ["c"]),
        helper.make_node("If", ["c"], ["y"], **branches),
    ]
    stored = [tensor("w", 4, 3, 3, 3), constant("one", 1), constant("four", 4)]
    assert [row[0] for row in rows(written(tmp_path, nodes, stored))] == ["conv", "relu"]
    stored[2] = constant("four", 5)
    assert [row[0] for row in rows(written(tmp_path, nodes, stored))] == ["conv", "sigmoid"]
    nodes[1] = helper.make_node("ReduceMax", ["a"], ["s"], axes=[0, 1, 2], keepdims=0)
    nodes[3] = helper.make_node("Greater", ["n", "half"], ["c"])
    stored.append(constant("half", 0.5, np.float32))
    assert cnncost.analyze(written(tmp_path, nodes, stored)).as_run == ("node 'y' (If)",)
    monkeypatch.setattr(running, "run", lambda *given: {})
    assert refusal(written(tmp_path, nodes, stored)).partition("\n")[0] == (
        "net.onnx: If is not an operator of cnncost: what it does depends on the values of tensors"
    )


def test_no_torch_is_loaded(tmp_path: Path) -> None:
    path = written(tmp_path, [helper.make_node("Relu", ["x"], ["y"])], [])
    code = f"import sys, cnncost; cnncost.analyze(cnncost.load({path!r})); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_import_writes_a_spec_that_costs_the_same(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="/stem/Conv"),
        helper.make_node("Relu", ["a"], ["y"]),
    ]
    path = written(tmp_path, nodes, [tensor("w", 4, 3, 3, 3)])
    done = cnncost_run("import", path, "-o", str(tmp_path / "my.yaml"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "my.yaml").read_text() == (
        f"# Imported from {path}.\n"
        "family: net\n"
        "input: [3, 8, 8]\n"
        "body:\n"
        "  - {conv: {out: 4, kernel: 3, bias: false}, as: stem}\n"
        "  - {relu: {}, as: relu}\n"
    )


# What is refused --------------------------------------------------------------------------


def cnncost_run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cnncost", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])


def refusal(path: str, **settings: Any) -> str:
    """The message for a file, without its folder."""
    with pytest.raises(cnncost.UsageError) as caught:
        from_onnx(path, **settings)
    return str(caught.value).replace(f"{Path(path).parent}/", "")


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    assert refusal(str(path)) == "net.onnx: no such file"
    path.write_bytes(b"")
    assert refusal(str(path)) == "net.onnx: an ONNX file without a graph\n  copy or export it again"
    path.write_text("family: lenet\n")
    assert refusal(str(path)) == (
        "net.onnx: not an ONNX file, or one that is cut off (14 bytes)\n  copy or export it again"
    )
    whole = Path(written(tmp_path, [helper.make_node("Conv", ["x", "w"], ["y"])], [tensor("w", 4, 3, 3, 3)]))
    whole.write_bytes(whole.read_bytes()[:300])
    assert refusal(str(path)) == (
        "net.onnx: not an ONNX file, or one that is cut off (300 bytes)\n  copy or export it again"
    )


def test_damage_anywhere_is_a_message_or_another_network(tmp_path: Path) -> None:
    """A file cut off anywhere, or with other bytes in it, never ends in anything but a message."""
    exported(Zoo(), (4, 6, 6), tmp_path)
    path = tmp_path / "model.onnx"
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for case in range(200):
        damaged = bytearray(whole)
        if case % 2:
            del damaged[random.integers(len(whole)) :]
        else:
            damaged[random.integers(len(whole))] = random.integers(256)
        path.write_bytes(damaged)
        try:
            cnncost.analyze(from_onnx(str(path)))
        except cnncost.CnncostError:
            refused += 1
    assert refused > 100  # every one that is cut off


def test_what_the_checker_finds(tmp_path: Path) -> None:
    path = Path(written(tmp_path, [helper.make_node("LeakyRelu", ["x"], ["y"], alpha=0.3)], []))
    model = onnx.load(path)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, ("N", 3, 8, 8)))
    path.write_bytes(model.SerializeToString().replace(b"alpha", b"alph\xff"))
    assert refusal(str(path)) == (
        "net.onnx: it is damaged: 'utf-8' codec can't decode byte 0xff in position 28: invalid start byte\n"
        "  copy or export it again"
    )
    path.write_bytes(path.read_bytes().replace(b"alph\xff", b"alpha").replace(b"LeakyRelu", b"LeakyRel\xff"))
    assert refusal(str(path)) == ("net.onnx: it is damaged: a name is not text\n  copy or export it again")


def test_the_process_says_so_with_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"no onnx")
    done = cnncost_run("table", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {path}: not an ONNX file, or one that is cut off (7 bytes)\n  copy or export it again\n"
    )


def test_a_node_that_reads_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, [helper.make_node("Conv", ["x", "w"], ["y"], name="stem")], [])
    assert refusal(path) == (
        "net.onnx: node 'stem' (Conv) reads 'w', which nothing makes\n"
        "  is the file whole? copy or export it again"
    )


def test_weights_elsewhere_are_not_needed_but_shapes_are(tmp_path: Path) -> None:
    """Only values that shapes depend on are read from the data file."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("Reshape", ["a", "size"], ["y"])]
    path = written(tmp_path, nodes, [tensor("w", 4, 3, 3, 3), constant("size", [0, -1])])
    model = onnx.load(path)
    for item in model.graph.initializer:
        onnx.external_data_helper.set_external_data(item, "net.data")
    onnx.external_data_helper.write_external_data_tensors(model, str(tmp_path))
    onnx.save(model, path)
    assert [row[0] for row in rows(path)] == ["conv", "flatten"]
    (tmp_path / "net.data").unlink()
    assert refusal(path) == (
        "net.onnx: shapes depend on 'size', which is in the file 'net.data'\n"
        "  that file is missing or cut off: put it beside the model"
    )


@pytest.mark.parametrize(
    ("shape", "given", "message"),
    [
        (
            ("N", 3, "height", "width"), None,
            "net.onnx: its input 'x' is 3xheightxwidth: the file does not say how large height and width are\n"
            "  pass it: --input 3x224x224",
        ),
        (
            ("N", 3, 8, 8), (3, 9, 9),
            "net.onnx: its input 'x' is 3x8x8, not 3x9x9\n"
            "  sizes that the file fixes cannot be changed: export it with dynamic height and width",
        ),
    ],
)  # fmt: skip
def test_inputs(
    shape: tuple[int | str, ...], given: tuple[int, ...] | None, message: str, tmp_path: Path
) -> None:
    path = written(tmp_path, [helper.make_node("Relu", ["x"], ["y"])], [], shape)
    assert refusal(path, input=given) == message


def test_open_sizes_are_given(tmp_path: Path) -> None:
    path = written(tmp_path, [helper.make_node("Relu", ["x"], ["y"])], [], ("N", 3, "height", "width"))
    assert from_onnx(path, (3, 20, 24)).input_shape == from_onnx(path, (20, 24)).input_shape == (3, 20, 24)


def test_an_old_opset(tmp_path: Path) -> None:
    path = written(tmp_path, [helper.make_node("Relu", ["x"], ["y"])], [], opset=6)
    assert refusal(path) == (
        "net.onnx: opset 6 is older than 7\n  convert it: onnx.version_converter.convert_version(model, 13)"
    )


def test_sizes_that_do_not_fit(tmp_path: Path) -> None:
    path = written(
        tmp_path, [helper.make_node("Gemm", ["x", "w"], ["y"], name="fc")], [tensor("w", 4, 5)], ("N", 3)
    )
    assert refusal(path) == (
        "net.onnx: node 'fc' (Gemm) has no shape at Nx3 and 4x5: Dimension mismatch in unification between 4 and 3\n"
        "  is that the file's input? if it fixes its batch or size, export it with dynamic axes"
    )


def test_an_unknown_operator_is_named_with_its_node(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("FFT", ["a"], ["b"], name="/spectrum/FFT", domain="com.example"),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    known = [helper.make_tensor_value_info("b", TensorProto.FLOAT, ("N", 4, 6, 6))]
    path = written(tmp_path, nodes, [tensor("w", 4, 3, 3, 3)], value_info=known)
    assert refusal(path) == (
        "net.onnx: com.example::FFT is not an operator of cnncost: nobody has declared it\n"
        "  node '/spectrum/FFT' (com.example::FFT)\n"
        "  go on without its cost, totals being lower bounds: --allow-unknown\n"
        "  or declare it: a class in cnncost/ops, a function in cnncost/importers/onnx (CONTRIBUTING.md)"
    )
    graph = from_onnx(path, allow_unknown=True)
    assert [node.op.name for node in graph.nodes] == ["input", "conv", "unknown", "relu"]
    assert cnncost.analyze(graph).unknown == 1
    path = written(tmp_path, nodes, [tensor("w", 4, 3, 3, 3)])
    assert refusal(path, allow_unknown=True) == (
        "net.onnx: com.example::FFT is not an operator of cnncost, and the file does not say what shape it gives\n"
        "  node '/spectrum/FFT' (com.example::FFT)\n"
        "  write it into the file, as graph.value_info of 'b': onnx.helper.make_tensor_value_info"
    )


def test_parameters_cannot_be_set(tmp_path: Path) -> None:
    path = written(tmp_path, [helper.make_node("Relu", ["x"], ["y"])], [])
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.load(path, set={"classes": "10"})
    assert str(caught.value) == f"{path}: an ONNX file has no parameters to set: classes"


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, [helper.make_node("Relu", ["x"], ["y"])], [])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(cnncost.UnavailableError) as caught:
        from_onnx(path)
    assert (str(caught.value), caught.value.exit_code) == (
        f"{path}: reading it needs the package onnx\n  pip install 'cnncost[onnx]'", 3,
    )  # fmt: skip
