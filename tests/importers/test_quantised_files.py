"""Quantised ONNX files, made by onnxruntime's own quantiser: weights to the byte of what they store."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import cnncost
from cnncost.importers.write import text

quantization = pytest.importorskip("onnxruntime.quantization")

BITS = {
    TensorProto.FLOAT: 32, TensorProto.INT32: 32, TensorProto.INT8: 8, TensorProto.UINT8: 8,
    TensorProto.INT4: 4, TensorProto.UINT4: 4, TensorProto.INT64: 64,
}  # fmt: skip


class Images:
    """Two images to calibrate with."""

    def __init__(self) -> None:
        self.left = [np.random.default_rng(seed).random((1, 3, 16, 16), np.float32) for seed in range(2)]

    def get_next(self) -> dict[str, Any] | None:
        return {"x": self.left.pop()} if self.left else None


def network(path: Path) -> None:
    """Convolutions, one depthwise, a sum, a linear layer; odd numbers of weights."""
    random = np.random.default_rng(0)
    sizes = {"w1": (9, 3, 3, 3), "b1": (9,), "w2": (11, 9, 3, 3), "b2": (11,), "w3": (11, 1, 3, 3), "b3": (11,),
             "w4": (5, 11), "b4": (5,)}  # fmt: skip
    weights = [
        numpy_helper.from_array(random.normal(size=size).astype(np.float32), name)
        for name, size in sizes.items()
    ]
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1] * 4), node("Relu", ["c1"], ["r1"]),
        node("MaxPool", ["r1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p1", "w2", "b2"], ["c2"], pads=[1] * 4), node("Relu", ["c2"], ["r2"]),
        node("Conv", ["r2", "w3", "b3"], ["c3"], pads=[1] * 4, group=11), node("Add", ["c3", "r2"], ["a"]),
        node("GlobalAveragePool", ["a"], ["g"]), node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "w4", "b4"], ["y"], transB=1),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])], weights,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def stored(path: Path) -> int:
    """Bytes of the tensors that a file stores and reads, a type below a byte packed."""
    model = onnx.load(path)
    read = {name for node in model.graph.node for name in node.input}
    return sum(
        -(-prod(tensor.dims) * BITS[tensor.data_type] // 8)
        for tensor in model.graph.initializer
        if tensor.name in read
    )


@pytest.mark.parametrize(
    ("given", "weight_bits", "value_bits"),
    [
        ({"quant_format": "QDQ"}, 8, 8),
        ({"quant_format": "QDQ", "per_channel": True}, 8, 8),
        ({"quant_format": "QDQ", "weight_type": "QInt4"}, 4, 8),
        ({"quant_format": "QDQ", "activation_type": "QUInt8", "weight_type": "QUInt8"}, 8, 8),
        ({"quant_format": "QOperator"}, 8, 8),
    ],
)  # fmt: skip
def test_files_of_onnxruntimes_quantiser(
    given: dict[str, Any], weight_bits: int, value_bits: int, tmp_path: Path
) -> None:
    """Weights, biases of 32 bits, scales and zero points, one or one per channel; MACs times both bits."""
    network(tmp_path / "float.onnx")
    kinds = {"quant_format": quantization.QuantFormat}
    options = {
        name: getattr(kinds.get(name, quantization.QuantType), value) if isinstance(value, str) else value
        for name, value in given.items()
    }
    path = tmp_path / "net.onnx"
    quantization.quantize_static(str(tmp_path / "float.onnx"), str(path), Images(), **options)
    before, report = cnncost.analyze(str(tmp_path / "float.onnx")), cnncost.analyze(str(path))
    assert before.totals.weight_bytes == stored(tmp_path / "float.onnx") and not before.bits
    assert before.totals.bops == 32 * 32 * before.totals.macs
    assert report.totals.weight_bytes == stored(path)
    assert sum(row.weight_bytes for row in report.rows) == stored(path)
    assert (report.totals.params, report.totals.macs) == (before.totals.params, before.totals.macs)
    assert report.totals.bops == weight_bits * value_bits * report.totals.macs
    assert report.bits == (weight_bits,)
    scales = sum(node.scale_bytes for node in cnncost.load(str(path)).nodes)
    (tmp_path / "net.yaml").write_text(text(cnncost.load(str(path))))
    again = cnncost.analyze(str(tmp_path / "net.yaml")).totals
    assert (again.weight_bytes, again.bops) == (report.totals.weight_bytes - scales, report.totals.bops)
    assert f"# Without the {scales:,} bytes of scales" in (tmp_path / "net.yaml").read_text()


def test_a_matrix_of_packed_blocks(tmp_path: Path) -> None:
    """MatMulNBits: 4-bit weights of language models, a scale and a zero point for 32 of them."""
    quantizer = pytest.importorskip("onnxruntime.quantization.matmul_nbits_quantizer")
    weight = np.random.default_rng(0).normal(size=(64, 48)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 48])],
        [numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    made = quantizer.MatMulNBitsQuantizer(model, block_size=32, is_symmetric=False)
    made.process()
    made.model.save_model_to_file(str(tmp_path / "net.onnx"))
    totals = cnncost.analyze(str(tmp_path / "net.onnx")).totals
    assert totals.weight_bytes == stored(tmp_path / "net.onnx") == 64 * 48 // 2 + 48 * 2 * 4 + 48
    assert totals.bops == 4 * 32 * totals.macs


def test_scales_of_what_is_quantised_as_it_comes(tmp_path: Path) -> None:
    """quantize_dynamic multiplies them in nodes of their own; a scale per channel was a parameter once."""
    network(tmp_path / "float.onnx")
    path = tmp_path / "net.onnx"
    kind = quantization.QuantType.QUInt8
    quantization.quantize_dynamic(tmp_path / "float.onnx", path, weight_type=kind, per_channel=True)
    before, totals = (cnncost.analyze(str(each)).totals for each in (tmp_path / "float.onnx", path))
    assert (totals.params, totals.macs) == (before.params, before.macs)
    assert totals.weight_bytes == stored(path) - 3 * 4 * 8  # less the shapes of three biases


def test_a_runtime_wants_the_float_file(tmp_path: Path) -> None:
    network(tmp_path / "float.onnx")
    quantization.quantize_static(tmp_path / "float.onnx", tmp_path / "net.onnx", Images())
    with pytest.raises(cnncost.UsageError) as error:
        cnncost.memory(str(tmp_path / "net.onnx"), runtime="tflm", dtype="int8")
    assert str(error.value) == (
        "net: tflm has no kernel for QuantizeLinear, at x_QuantizeLinear\n"
        "  give it the file before it was quantised: dtype int8 plans that in bytes"
    )


def test_a_bias_of_bytes(tmp_path: Path) -> None:
    """What is added to a quantised product is stored in bytes, too, and learned."""
    random = np.random.default_rng(0)
    weights = {"w": random.normal(size=(256, 7)), "b": random.normal(size=7)}
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("Relu", ["f"], ["r"]),
         helper.make_node("Slice", ["r", "zero", "end", "one"], ["s"]),
         helper.make_node("MatMul", ["s", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])],
        "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 7])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
        + [numpy_helper.from_array(np.array([value]), name) for name, value in
           {"zero": 0, "end": 256, "one": 1}.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "float.onnx")
    kind = quantization.QuantFormat.QOperator
    quantization.quantize_static(tmp_path / "float.onnx", tmp_path / "net.onnx", Images(), quant_format=kind)
    totals = cnncost.analyze(str(tmp_path / "net.onnx")).totals
    assert (totals.params, totals.macs) == (256 * 7 + 7, 256 * 7)


def test_nodes_in_another_order(tmp_path: Path) -> None:
    """Converters to float16 append casts at the end of the list; onnxruntime sorts the nodes."""
    network(tmp_path / "net.onnx")
    before = cnncost.analyze(str(tmp_path / "net.onnx"))
    model = onnx.load(tmp_path / "net.onnx")
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, tmp_path / "net.onnx")
    assert cnncost.analyze(str(tmp_path / "net.onnx")).rows == before.rows
    model.graph.node[-1].input[0] = model.graph.node[0].output[0]  # a circle
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(cnncost.UsageError) as error:
        cnncost.load(str(tmp_path / "net.onnx"))
    assert "which nothing makes" in str(error.value)
