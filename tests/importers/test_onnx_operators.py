"""ONNX's operators, one by one: stored parameters, MACs by hand, shapes that onnxruntime gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, defs, helper, numpy_helper, save

import cnncost
from cnncost.importers import from_onnx
from cnncost.importers.onnx.convert import CONTROL
from cnncost.importers.onnx.table import TRANSLATIONS

Weights = dict[str, np.ndarray[Any, Any]]

NO_NUMBERS = {
    "ImageDecoder", "StringConcat", "StringNormalizer", "StringSplit", "RegexFullMatch", "TfIdfVectorizer",
}  # fmt: skip
"""They read text or files of images."""
CONSTANT = {
    "Constant", "ConstantOfShape", "BlackmanWindow", "HammingWindow", "HannWindow", "MelWeightMatrix",
    "RandomNormal", "RandomUniform", "Shape", "Size",
}  # fmt: skip
"""They read nothing of the input but its shape."""
LISTS = {
    "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert", "SequenceLength", "SequenceMap",
    "OptionalHasElement",
}  # fmt: skip
"""They change lists of tensors, whose lengths a graph does not know."""
COMPOSED = {"LinearAttention", "SwiGLU", "CausalConvWithState"}
"""New or rare ones that nobody has asked for yet."""
TRAINING = {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}
"""They compare an output with a target."""


def test_every_operator_is_declared_or_named() -> None:
    names = {schema.name for schema in defs.get_all_schemas() if schema.domain == ""}
    others = NO_NUMBERS | CONSTANT | LISTS | COMPOSED | TRAINING | set(CONTROL)
    assert names - set(TRANSLATIONS) - others == set()
    assert others & set(TRANSLATIONS) == set()


class Case(NamedTuple):
    """A model of a few nodes."""

    name: str
    nodes: Sequence[Any]
    weights: Weights
    input: tuple[int, ...]
    params: int
    macs: int
    opset: int = 21
    domain: str = ""


def floats(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).uniform(0.1, 1, shape).astype(np.float32)


def bytes_(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(-100, 100, shape).astype(np.int8)


def node(kind: str, inputs: str, output: str = "y", **given: Any) -> Any:
    return helper.make_node(kind, inputs.split(" ") if inputs else [], output.split(), **given)


def conv_axes(axes: int) -> Case:
    filters = (4, 3, *[3] * axes)
    size = (3, 8, 7, 6)[: axes + 1]
    output = 4 * int(np.prod([side - 2 for side in size[1:]]))
    return Case(
        f"Conv over {axes} axes",
        [node("Conv", "x w b")],
        {"w": floats(*filters), "b": floats(4)},
        size,
        4 * 3 * 3**axes + 4,
        output * 3 * 3**axes,
    )


def recurrent(kind: str, gates: int, bidirectional: bool) -> Case:
    d = 2 if bidirectional else 1
    weights = {"w": floats(d, gates * 5, 4), "r": floats(d, gates * 5, 5), "b": floats(d, gates * 10)}
    direction = "bidirectional" if bidirectional else "forward"
    nodes = [
        node("Transpose", "x", "t", perm=[1, 0, 2]),
        node(kind, "t w r b", "y h", hidden_size=5, direction=direction),
    ]
    params = d * gates * 5 * (4 + 5 + 2)
    return Case(f"{kind} {direction}", nodes, weights, (6, 4), params, 6 * d * gates * 5 * (4 + 5))


ZERO = {"zero": np.array(0, np.int8), "one": np.array(0.1, np.float32)}

CASES = [
    *map(conv_axes, (1, 2, 3)),
    *(recurrent(kind, gates, two) for kind, gates in (("RNN", 1), ("LSTM", 4), ("GRU", 3)) for two in (False, True)),
    Case(
        "QDQ",
        [
            node("QuantizeLinear", "x one zero", "q"),
            node("DequantizeLinear", "q one zero", "d"),
            node("DequantizeLinear", "w scales zeros", "v", axis=0),
            node("DequantizeLinear", "b one", "c"),
            node("Conv", "d v c"),
        ],
        {"w": bytes_(4, 3, 3, 3), "b": np.arange(4, dtype=np.int32), "scales": floats(4), "zeros": np.zeros(4, np.int8), **ZERO},
        (3, 8, 8),
        4 * 27 + 4,
        4 * 27 * 36,
    ),
    Case(
        "QLinearConv",
        [
            node("QuantizeLinear", "x one zero", "q"),
            node("QLinearConv", "q one zero w one zero one zero b", "c"),
            node("DequantizeLinear", "c one zero"),
        ],
        {"w": bytes_(4, 3, 3, 3), "b": np.arange(4, dtype=np.int32), **ZERO},
        (3, 8, 8),
        4 * 27 + 4,
        4 * 27 * 36,
    ),
    Case(
        "QLinearMatMul",
        [
            node("QuantizeLinear", "x one zero", "q"),
            node("QLinearMatMul", "q one zero w one zero one zero", "c"),
            node("DequantizeLinear", "c one zero"),
        ],
        {"w": bytes_(8, 5), **ZERO},
        (8,),
        40,
        40,
    ),
    Case(
        "dynamic quantisation",
        [
            node("DynamicQuantizeLinear", "x", "q s z"),
            node("MatMulInteger", "q w z", "i"),
            node("Cast", "i", "f", to=TensorProto.FLOAT),
            node("Mul", "f s"),
        ],
        {"w": np.random.default_rng(0).integers(0, 200, (8, 5)).astype(np.uint8)},
        (8,),
        40,
        40,
    ),
    Case(
        "ConvInteger",
        [node("DynamicQuantizeLinear", "x", "q s z"), node("ConvInteger", "q w z", "i"), node("Cast", "i", to=1)],
        {"w": np.random.default_rng(0).integers(0, 200, (4, 3, 3, 3)).astype(np.uint8)},
        (3, 8, 8),
        108,
        4 * 27 * 36,
    ),
    Case("ArgMax", [node("ArgMax", "x", axis=1)], {}, (4, 6), 0, 0),
    Case("TopK", [node("TopK", "x k", "y i", axis=1)], {"k": np.array([3])}, (4, 6), 0, 0),
    Case("GridSample", [node("Slice", "x a b c", "s"), node("Transpose", "s", "g", perm=[0, 2, 3, 1]), node("GridSample", "x g")],
         {"a": np.array([0]), "b": np.array([2]), "c": np.array([1])}, (3, 8, 7), 0, 0),
    Case(
        "DeformConv",
        [node("Conv", "x v", "o", pads=[1] * 4), node("DeformConv", "x w o b", pads=[1] * 4)],
        {"v": floats(18, 3, 3, 3), "w": floats(4, 3, 3, 3), "b": floats(4)},
        (3, 8, 7),
        18 * 27 + 4 * 27 + 4,
        (18 + 4) * 27 * 56,
        22,
    ),
    Case(
        "GroupNormalization 21",
        [node("GroupNormalization", "x s b", num_groups=2)],
        {"s": floats(4), "b": floats(4)},
        (4, 6, 5),
        8,
        0,
    ),
    Case(
        "GroupNormalization 18",
        [node("GroupNormalization", "x s b", num_groups=2)],
        {"s": floats(2), "b": floats(2)},
        (4, 6, 5),
        4,
        0,
        18,
    ),
    Case("Selu", [node("Selu", "x")], {}, (4, 6), 0, 0),
    Case("Celu", [node("Celu", "x")], {}, (4, 6), 0, 0),
    Case("LpPool", [node("LpPool", "x", kernel_shape=[2, 2])], {}, (4, 6, 6), 0, 0),
    Case("MeanVarianceNormalization", [node("MeanVarianceNormalization", "x")], {}, (4, 6, 6), 0, 0),
    Case("PRelu of one slope", [node("PRelu", "x a")], {"a": floats(1)}, (4, 6, 6), 1, 0),
    Case("Softmax 11 over three axes", [node("Softmax", "x", axis=1)], {}, (4, 6, 6), 0, 0, 11),
    Case("Pad wrap", [node("Pad", "x p", mode="wrap")], {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])}, (4, 6, 6), 0, 0),
    Case("Slice backwards", [node("Slice", "x a b c d")],
         {"a": np.array([-1]), "b": np.array([-100]), "c": np.array([1]), "d": np.array([-1])}, (4, 6), 0, 0),
    Case("Clip with computed bounds", [node("ReduceMin", "x", "m", keepdims=0), node("Clip", "x m")], {}, (4, 6), 0, 0, 18),
    Case("a factor per row", [node("ReduceMean", "x a", "m"), node("Mul", "m s")],
         {"a": np.array([1]), "s": floats(1, 512)}, (4,), 512, 0),
    Case("a bias reshaped before it is added",
         [node("Conv", "x w", "c"), node("Reshape", "b r", "v"), node("Add", "c v")],
         {"w": floats(4, 3, 3, 3), "b": floats(4), "r": np.array([1, 4, 1, 1])}, (3, 8, 8), 112, 4 * 27 * 36),
    Case("FusedConv", [node("FusedConv", "x w b", domain="com.microsoft", activation="Relu")],
         {"w": floats(4, 3, 3, 3), "b": floats(4)}, (3, 8, 8), 112, 4 * 27 * 36, domain="com.microsoft"),
    Case("Gelu of onnxruntime", [node("Gelu", "x", domain="com.microsoft")], {}, (4, 6), 0, 0, domain="com.microsoft"),
    Case("SkipLayerNormalization", [node("SkipLayerNormalization", "x x s b", domain="com.microsoft")],
         {"s": floats(6), "b": floats(6)}, (4, 6), 12, 0, domain="com.microsoft"),
    Case("Attention of onnxruntime", [node("Attention", "x w b", domain="com.microsoft", num_heads=2)],
         {"w": floats(8, 24), "b": floats(24)}, (5, 8), 8 * 24 + 24, 5 * 8 * 24 + 2 * 5 * 5 * 8, domain="com.microsoft"),
]  # fmt: skip


def value(name: str, kind: int, *shape: Any) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


def looped() -> Case:
    """Three turns of a product with one matrix; the last value and the values of all turns."""
    body = helper.make_graph(
        [node("Identity", "c", "d"), node("MatMul", "v w", "n"), node("Identity", "n", "row")],
        "body",
        [value("i", TensorProto.INT64), value("c", TensorProto.BOOL), value("v", TensorProto.FLOAT, "N", 6)],
        [
            value("d", TensorProto.BOOL),
            value("n", TensorProto.FLOAT, "N", 6),
            value("row", TensorProto.FLOAT, "N", 6),
        ],
    )
    nodes = [
        node("Loop", "m c0 x", "last rows", body=body),
        node("ReduceMean", "rows a", "r", keepdims=0),
        node("Add", "last r"),
    ]
    weights = {"m": np.array(3), "c0": np.array(True), "w": floats(6, 6), "a": np.array([0])}
    return Case("Loop", nodes, weights, (6,), 36, 3 * 36)


def scanned() -> Case:
    """A sum of products over the rows of a sequence."""
    body = helper.make_graph(
        [node("MatMul", "e w", "p"), node("Add", "h p", "g"), node("Identity", "g", "row")],
        "body",
        [value("h", TensorProto.FLOAT, "N", 6), value("e", TensorProto.FLOAT, "N", 6)],
        [value("g", TensorProto.FLOAT, "N", 6), value("row", TensorProto.FLOAT, "N", 6)],
    )
    scan = node(
        "Scan", "h0 x", "last y", body=body, num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[1]
    )
    return Case(
        "Scan",
        [node("ReduceMean", "x a", "h0", keepdims=0), scan],
        {"w": floats(6, 6), "a": np.array([1])},
        (4, 6),
        36,
        4 * 36,
    )


def test_shapes_that_only_a_run_shows(tmp_path: Path) -> None:
    """Boxes that are kept, and an operator of onnxruntime that nothing here knows."""
    nodes = [
        node("Slice", "x zero four two", "b"),
        node("Slice", "x four five two", "s0"),
        node("Transpose", "s0", "s", perm=[0, 2, 1]),
        node("NonMaxSuppression", "b s most", "kept"),
        node("Cast", "kept", to=TensorProto.FLOAT),
    ]
    weights = {
        "zero": np.array([0]), "four": np.array([4]), "five": np.array([5]), "two": np.array([2]), "most": np.array([3]),
    }  # fmt: skip
    graph = from_onnx(written(Case("boxes", nodes, weights, (6, 5), 0, 0), tmp_path / "boxes.onnx"))
    assert graph.facts["as_run"] == ["node 'kept' (NonMaxSuppression)"]
    assert graph.nodes[graph.outputs[0]].shape[1:] == (3,)


def test_an_unknown_operator_has_the_shape_that_a_run_shows(tmp_path: Path) -> None:
    nodes = [node("Conv", "x w", "c"), node("ExpandDims", "c at", domain="com.microsoft")]
    weights = {"w": floats(4, 3, 3, 3), "at": np.array(1, np.int32)}
    path = written(Case("more", nodes, weights, (3, 8, 8), 0, 0, domain="com.microsoft"), tmp_path / "x.onnx")
    with pytest.raises(cnncost.UsageError, match=r"com\.microsoft::ExpandDims is not an operator of cnncost"):
        from_onnx(path)
    graph = from_onnx(path, allow_unknown=True)
    assert graph.unknown == 1
    assert graph.nodes[graph.outputs[0]].shape == (1, 1, 4, 6, 6)


def written(case: Case, path: Path) -> str:
    """The model in a file; its batch is open."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *case.input])
    y = (
        helper.ValueInfoProto(name="y")
        if hasattr(helper, "ValueInfoProto")
        else helper.make_empty_tensor_value_info("y")
    )
    stored = [numpy_helper.from_array(value, name) for name, value in case.weights.items()]
    graph = helper.make_graph(case.nodes, "g", [x], [y], stored)
    opsets = [helper.make_opsetid("", case.opset)]
    if case.domain:
        opsets.append(helper.make_opsetid(case.domain, 1))
    save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return str(path)


@pytest.mark.parametrize("case", [*CASES, looped(), scanned()], ids=lambda case: case.name)
def test_an_operator(case: Case, tmp_path: Path) -> None:
    np.random.seed(0)
    path = written(case, tmp_path / "model.onnx")
    graph = from_onnx(path)
    totals = cnncost.analyze(graph).totals
    assert (totals.params, totals.macs) == (case.params, case.macs)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = session.run(None, {"x": floats(1, *case.input)})[0]
    assert graph.nodes[graph.outputs[0]].shape == given.shape
