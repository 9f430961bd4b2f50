"""onnxruntime's own operators, loops and branches: shapes as onnxruntime gives them, MACs and parameters by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import cnncost
from cnncost.importers import from_onnx

FLOAT, BYTE, INT = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT32
Array = np.ndarray[Any, Any]
ROWS = ("N", 7, 8)


class Case(NamedTuple):
    """A node, or a few, its weights, its inputs, and what it costs for one image."""

    nodes: Sequence[Any]
    weights: dict[str, Array]
    inputs: dict[str, tuple[int | str, ...]]
    macs: int = 0
    params: int = 0
    kind: int = FLOAT


def f(*shape: int) -> Array:
    return np.random.default_rng(0).uniform(0.1, 1, shape).astype(np.float32)


def b(*shape: int) -> Array:
    return np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)


TENTH, NONE = np.float32(0.1), np.uint8(0)


def ms(kind: str, inputs: str, outputs: str = "y", **given: Any) -> list[Any]:
    """A node of com.microsoft; "-" stands for an input that is left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return [helper.make_node(kind, names, outputs.split(), domain="com.microsoft", **given)]


IMAGE = {"x": ("N", 3, 8, 8)}
HEADS = {"q": ("N", 7, 8), "k": ("N", 9, 8), "v": ("N", 9, 8)}
FUSED = {
    "FusedConv": Case(ms("FusedConv", "x w b", activation="Relu"), {"w": f(4, 3, 3, 3), "b": f(4)}, IMAGE, 36 * 108, 112),
    "FusedGemm": Case(
        ms("FusedGemm", "x w b", activation="LeakyRelu", activation_alpha=0.1, transB=1),
        {"w": f(5, 8), "b": f(5)}, {"x": ("N", 8)}, 40, 45,
    ),
    "FusedMatMul": Case(ms("FusedMatMul", "x w", transB=1, alpha=0.5), {"w": f(5, 8)}, {"x": ROWS}, 7 * 40, 40),
    "GemmFastGelu": Case(ms("GemmFastGelu", "x w b"), {"w": f(8, 5), "b": f(5)}, {"x": ROWS}, 7 * 40, 45),
    "MultiHeadAttention": Case(ms("MultiHeadAttention", "q k v", num_heads=2), {}, HEADS, 7 * 9 * 16),
    "MultiHeadAttention of one tensor": Case(
        ms("MultiHeadAttention", "x x x", num_heads=2), {}, {"x": ROWS}, 7 * 7 * 16
    ),
    "Attention": Case(
        ms("Attention", "x w b", num_heads=2), {"w": f(8, 24), "b": f(24)}, {"x": ROWS},
        7 * 8 * 24 + 2 * 7 * 7 * 8, 216,
    ),
    "QAttention": Case(
        ms("QAttention", "x w b s t", num_heads=2), {"w": b(8, 24), "b": f(24), "s": TENTH, "t": TENTH},
        {"x": ROWS}, 7 * 8 * 24 + 2 * 7 * 7 * 8, 216, BYTE,
    ),
    "GroupQueryAttention": Case(
        ms("GroupQueryAttention", "q k v - - s t", "y m n", num_heads=4, kv_num_heads=2),
        {"s": np.array([6], np.int32), "t": np.array(7, np.int32)},
        {"q": ("N", 7, 32), "k": ("N", 7, 16), "v": ("N", 7, 16)}, 7 * 7 * 64,
    ),
    "EmbedLayerNormalization": Case(
        ms("EmbedLayerNormalization", "x s w p t g h", "y m"),
        {"w": f(50, 8), "p": f(10, 8), "t": f(2, 8), "g": f(8), "h": f(8)},
        {"x": ("N", 7), "s": ("N", 7)}, 0, 400 + 80 + 16 + 16, INT,
    ),
    "MatMulNBits": Case(
        ms("MatMulNBits", "x w s", K=32, N=5, bits=4, block_size=32), {"w": b(5, 1, 16), "s": f(5, 1)},
        {"x": ("N", 7, 32)}, 7 * 160, 160,
    ),
    "DynamicQuantizeMatMul": Case(
        ms("DynamicQuantizeMatMul", "x w s"), {"w": b(8, 5), "s": TENTH}, {"x": ROWS}, 7 * 40, 40
    ),
    "MatMulIntegerToFloat": Case(
        ms("MatMulIntegerToFloat", "x w s t"), {"w": b(8, 5), "s": TENTH, "t": TENTH}, {"x": ROWS}, 7 * 40, 40, BYTE
    ),
    "QGemm": Case(
        ms("QGemm", "x s z w t z c u z"),
        {"w": b(8, 5), "s": TENTH, "t": TENTH, "u": TENTH, "z": NONE, "c": np.arange(5, dtype=np.int32)},
        {"x": ("N", 8)}, 40, 45, BYTE,
    ),
    "QLinearConcat": Case(
        ms("QLinearConcat", "s z x s z x s z", axis=1), {"s": TENTH, "z": NONE}, {"x": ("N", 3, 4, 4)}, 0, 0, BYTE
    ),
    "QLinearAveragePool": Case(
        ms("QLinearAveragePool", "x s z s z", kernel_shape=[2, 2], strides=[2, 2]), {"s": TENTH, "z": NONE},
        {"x": ("N", 3, 4, 4)}, 0, 0, BYTE,
    ),
    "QLinearSoftmax": Case(
        ms("QLinearSoftmax", "x s z s z", axis=-1, opset=17), {"s": TENTH, "z": NONE}, {"x": ROWS}, 0, 0, BYTE
    ),
    "RotaryEmbedding": Case(
        ms("RotaryEmbedding", "x p c s"), {"p": np.array([0]), "c": f(10, 4), "s": f(10, 4)}, {"x": ROWS}
    ),
    "QuantizeLinear and back": Case(
        [*ms("QuantizeLinear", "x s z", "a"), *ms("DequantizeLinear", "a s z")],
        {"s": TENTH, "z": np.uint16(0)}, {"x": ROWS},
    ),
    "Inverse": Case(ms("Inverse", "x"), {}, {"x": ("N", 4, 4)}),
    "GridSample": Case(ms("GridSample", "x g"), {}, {**IMAGE, "g": ("N", 5, 5, 2)}),
    "SkipLayerNormalization": Case(
        ms("SkipLayerNormalization", "x x g h i"), {"g": f(8), "h": f(8), "i": f(8)}, {"x": ROWS}, 0, 24
    ),
}  # fmt: skip


NUMBERS = {"i": TensorProto.INT64, "go": TensorProto.BOOL, "more": TensorProto.BOOL}


def graph_of(nodes: Sequence[Any], name: str, given: str = "", made: str = "") -> Any:
    def stated(each: str) -> Any:
        if each in NUMBERS:
            return helper.make_tensor_value_info(each, NUMBERS[each], [])
        return helper.make_empty_tensor_value_info(each)

    return helper.make_graph(nodes, name, [*map(stated, given.split())], [*map(stated, made.split())])


def node(kind: str, inputs: str, outputs: str = "y", **given: Any) -> Any:
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(kind, names, outputs.split(), **given)


TURN = [node("Conv", "v w", "u", pads=[1] * 4), node("Add", "k one", "l"), node("Less", "l three", "more")]
WHILE = graph_of(TURN, "body", "i go v k", "more u l")
ONES = {
    "one": np.array(1),
    "three": np.array(3),
    "zero": np.array(0),
    "yes": np.array(True),
    "w": f(3, 3, 3, 3),
}
WIDE = graph_of([node("Conv", "x w", "t", pads=[1] * 4)], "wide", made="t")
THIN = graph_of([node("Conv", "x p", "e")], "thin", made="e")
RANGE = [node("ReduceMax", "x", "m", keepdims=0), node("Greater", "m none", "c")]
CHOICE = {"w": f(4, 3, 3, 3), "p": f(4, 3, 1, 1)}
OTHERS = {
    "a loop that its condition ends": Case(
        [node("Loop", "- yes x zero", "y n", body=WHILE)], ONES, IMAGE, 3 * 64 * 81, 81
    ),
    "a loop that ends before its turns do": Case(
        [node("Loop", "most yes x zero", "y n", body=WHILE)], {**ONES, "most": np.array(9)}, IMAGE, 3 * 64 * 81, 81
    ),
    "a loop of fewer turns": Case(
        [node("Loop", "most yes x zero", "y n", body=WHILE)], {**ONES, "most": np.array(2)}, IMAGE, 2 * 64 * 81, 81
    ),
    "a branch that values choose": Case(
        [*RANGE, node("If", "c", then_branch=WIDE, else_branch=THIN)], {**CHOICE, "none": np.float32(-1e9)},
        IMAGE, 64 * 108, 120,
    ),
    "STFT": Case(
        [node("STFT", "x s w n")], {"s": np.array(16), "w": f(16), "n": np.array(16)}, {"x": ("N", 64, 1)}
    ),
    "Det": Case([node("Det", "x")], {}, {"x": ("N", 2, 5, 5)}),
}  # fmt: skip


def written(case: Case, path: Path) -> str:
    """The model in a file."""
    given = [
        helper.make_tensor_value_info(name, case.kind, list(shape)) for name, shape in case.inputs.items()
    ]
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in case.weights.items()]
    output = [helper.make_empty_tensor_value_info("y")]
    graph = helper.make_graph(case.nodes, "net", given, output, stored)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return str(path)


def shape_of_a_run(path: str) -> tuple[int, ...]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    kinds = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32}
    given = {
        item.name: np.ones([size if isinstance(size, int) else 1 for size in item.shape], kinds[item.type])
        for item in session.get_inputs()
    }
    return tuple(session.run(["y"], given)[0].shape)


@pytest.mark.parametrize("case", [*FUSED.values(), *OTHERS.values()], ids=[*FUSED, *OTHERS])
def test_costs_and_shapes(case: Case, tmp_path: Path) -> None:
    path = written(case, tmp_path / "net.onnx")
    graph = from_onnx(path)
    report = cnncost.analyze(graph)
    assert (report.totals.macs, report.totals.params) == (case.macs, case.params)
    if "GemmFastGelu" not in {node.op_type for node in case.nodes}:  # not on a CPU
        assert graph.nodes[graph.outputs[0]].shape == shape_of_a_run(path)


def test_what_values_choose_is_as_run(tmp_path: Path) -> None:
    graph = from_onnx(written(OTHERS["a branch that values choose"], tmp_path / "net.onnx"))
    assert graph.facts["as_run"] == ["node 'y' (If)"]


def test_packed_weights_take_as_many_bytes_as_the_file_has(tmp_path: Path) -> None:
    report = cnncost.analyze(from_onnx(written(FUSED["MatMulNBits"], tmp_path / "net.onnx")))
    stored = FUSED["MatMulNBits"].weights
    assert report.totals.weight_bytes == stored["w"].nbytes + stored["s"].nbytes  # with its scales


@pytest.mark.parametrize(
    ("nodes", "inputs", "reason"),
    [
        (
            ms("MultiHeadAttention", "q k v - - - p p", num_heads=2), {**HEADS, "p": ("N", 2, 3, 4)},
            "attention with a memory",
        ),
        (
            ms("MultiHeadAttention", "x", num_heads=2), {"x": ("N", 7, 2, 3, 4)},
            "queries, keys and values in one tensor, or with an axis of heads",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(nodes: Any, inputs: Any, reason: str, tmp_path: Path) -> None:
    path = written(Case(nodes, {}, inputs), tmp_path / "net.onnx")
    with pytest.raises(cnncost.UsageError, match=reason):
        from_onnx(path)
