"""What an ONNX file is given: several inputs, and a batch that stands first, elsewhere or nowhere.

Right values: products of sizes by hand, and what onnxruntime gives.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import cnncost
from cnncost.importers import from_onnx

Shape = Sequence["int | str"]


def stored(**shapes: tuple[int, ...]) -> list[Any]:
    """Weights of random values."""
    random = np.random.default_rng(0)
    return [
        numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]


def written(path: Path, nodes: Sequence[Any], weights: Sequence[Any], **inputs: Shape) -> str:
    """A file with these nodes and inputs; `ids` are whole numbers. Its output is y."""
    given = [
        helper.make_tensor_value_info(
            name, TensorProto.INT64 if name == "ids" else TensorProto.FLOAT, list(shape)
        )
        for name, shape in inputs.items()
    ]
    graph = helper.make_graph(nodes, "net", given, [helper.make_empty_tensor_value_info("y")], list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path / "net.onnx")
    return str(path / "net.onnx")


def conv_of_one_image(path: Path, first: int | str = 3) -> str:
    """An image without a batch gets an axis for it, and a convolution of 108 weights at 6 x 6 places."""
    nodes = [helper.make_node("Unsqueeze", ["x", "zero"], ["a"]), helper.make_node("Conv", ["a", "w"], ["y"])]
    zero = numpy_helper.from_array(np.array([0]), "zero")
    return written(path, nodes, [*stored(w=(4, 3, 3, 3)), zero], x=(first, 8, 8))


def classifier(path: Path, batch: int | str) -> str:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("GlobalAveragePool", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["c"]),
        helper.make_node("MatMul", ["c", "m"], ["y"]),
    ]
    return written(path, nodes, stored(w=(4, 3, 3, 3), m=(4, 5)), x=(batch, 3, 8, 8))


def sequence(path: Path, shape: Shape) -> str:
    """A recurrent layer, ONNX's own order: time, batch, features."""
    nodes = [helper.make_node("GRU", ["x", "w", "r"], ["y"], hidden_size=6)]
    return written(path, nodes, stored(w=(1, 18, 5), r=(1, 18, 6)), x=shape)


IMAGE = 36 * 108
HEAD = 36 * 108 + 20


def test_an_image_without_a_batch_is_taken_whole_and_said_so(tmp_path: Path) -> None:
    path = conv_of_one_image(tmp_path)
    report = cnncost.analyze(from_onnx(path))
    assert (report.totals.params, report.totals.macs, report.input_shape) == (108, IMAGE, (3, 8, 8))
    assert report.taken == (
        f"{path}: its input 'x' (3x8x8) is taken whole, without a batch\n"
        "  the file does not say so; if an axis is the batch: --batch-axis 0",
    )
    asked = cnncost.analyze(from_onnx(path, batch_axis=None))
    assert (asked.totals, asked.taken, asked.batch_axis) == (report.totals, (), None)


def test_what_is_said_stands_on_stderr_and_in_the_document(tmp_path: Path) -> None:
    path = conv_of_one_image(tmp_path)
    command = [sys.executable, "-m", "cnncost", "table", path, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    (model,) = json.loads(done.stdout)["models"]
    assert done.stderr == f"note: {model['taken'][0]}\n"
    assert (model["batch_axis"], model["road"]) == (None, "onnx")
    done = subprocess.run([*command, "--batch-axis", "none"], capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.parametrize(("name", "axis"), [("batch", 0), ("N", 0), ("batch_size", 0), ("s77", 0), (1, 0)])
def test_a_batch_that_is_named_open_or_one_is_the_batch(name: Any, axis: int, tmp_path: Path) -> None:
    report = cnncost.analyze(from_onnx(classifier(tmp_path, name)), batch=3)
    assert (report.totals.macs, report.input_shape) == (3 * HEAD, (3, 8, 8))
    assert (report.taken, report.batch_axis) == ((), axis)


def test_a_batch_that_the_file_fixes_is_taken_and_said_so(tmp_path: Path) -> None:
    path = classifier(tmp_path, 7)
    report = cnncost.analyze(from_onnx(path))
    assert (report.totals.macs, report.input_shape) == (HEAD, (3, 8, 8))
    assert report.taken == (
        f"{path}: axis 0 of its input 'x' (7x3x8x8) is taken for the batch, so that one of 7 is counted\n"
        "  the file does not say so; if it is none: --batch-axis none",
    )
    whole = cnncost.analyze(from_onnx(path, batch_axis=None))
    assert (whole.totals.macs, whole.input_shape, whole.taken) == (7 * HEAD, (7, 3, 8, 8), ())


def test_a_height_is_no_batch(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "m"], ["y"])]
    path = written(tmp_path, nodes, stored(m=(8, 5)), x=("height", 8))
    report = cnncost.analyze(from_onnx(path, (6, 8)))
    assert (report.totals.macs, report.input_shape) == (6 * 40, (6, 8))
    assert "is taken whole" in report.taken[0]


def test_a_vector_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path, [helper.make_node("MatMul", ["x", "m"], ["y"])], stored(m=(8, 5)), x=(8,))
    report = cnncost.analyze(from_onnx(path))
    assert (report.totals.macs, report.input_shape, report.taken) == (40, (8,), ())


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_in_the_middle(batch: int, tmp_path: Path) -> None:
    """Of a recurrent layer: 3 gates of 5 inputs and 6 states, 6 outputs each, in 4 turns."""
    macs = batch * 4 * 3 * 6 * (5 + 6)
    named = cnncost.analyze(from_onnx(sequence(tmp_path, (4, "batch", 5)), batch=batch), batch=batch)
    assert (named.totals.macs, named.batch_axis, named.input_shape) == (macs, 1, (4, 5))
    path = sequence(tmp_path, (4, 3, 5))
    asked = [sys.executable, "-m", "cnncost", "table", path, "--batch-axis", "1", "--format", "json"]
    done = subprocess.run([*asked, "--batch", str(batch)], capture_output=True, text=True)
    if batch == 3:
        assert json.loads(done.stdout)["models"][0]["totals"]["macs"] == macs
    else:
        assert done.stderr == (
            f"error: {path}: it is written for a batch of 3, which stands at axis 1\n  count that: --batch 3\n"
        )


def test_an_axis_that_is_not_there(tmp_path: Path) -> None:
    path = classifier(tmp_path, 1)
    with pytest.raises(cnncost.UsageError) as caught:
        from_onnx(path, batch_axis=4)
    assert str(caught.value) == (
        f"{path}: its input 'x' is 1x3x8x8: it has no axis 4\n  its axes are 0 to 3, or: --batch-axis none"
    )


def test_a_network_without_a_batch_has_none_of_three(tmp_path: Path) -> None:
    graph = from_onnx(conv_of_one_image(tmp_path), batch_axis=None)
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(graph, batch=3)
    assert str(caught.value) == (
        "net has no batch: its input is taken whole\n  leave batch out, or say where it is: batch_axis"
    )


def two_inputs(path: Path) -> str:
    """An image and tokens: a convolution, and rows of a table, summed."""
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["a"]),
        helper.make_node("ReduceMean", ["a"], ["b"], axes=[2, 3], keepdims=0),
        helper.make_node("Gather", ["table", "ids"], ["c"]),
        helper.make_node("ReduceMean", ["c"], ["d"], axes=[1], keepdims=0),
        helper.make_node("Add", ["b", "d"], ["y"]),
    ]
    weights = stored(w=(4, 3, 3, 3), table=(50, 4))
    return written(path, nodes, weights, image=("batch", 3, 8, 8), ids=("batch", "length"))


def test_several_inputs(tmp_path: Path) -> None:
    path = two_inputs(tmp_path)
    report = cnncost.analyze(from_onnx(path, ("ids=9",)), batch=2)
    assert (report.totals.params, report.totals.macs) == (108 + 200, 2 * IMAGE)
    assert [item._asdict() for item in report.inputs] == [
        {"name": "image", "shape": (3, 8, 8), "dtype": "float32"},
        {"name": "ids", "shape": (9,), "dtype": "int64"},
    ]
    in_order = cnncost.analyze(from_onnx(path, ("3x8x8", "int64:9")), batch=2)
    assert in_order.totals == report.totals


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            None,
            "its input 'ids' is length: the file does not say how large length is\n"
            "  pass it: --input ids=224",
        ),
        (("words=9",), "it has no input for --input words\n  its inputs: image, ids"),
        (("ids=float32:9",), "its input 'ids' is of int64, not float32\n  leave the type out"),
    ],
)  # fmt: skip
def test_several_inputs_are_named(texts: Any, message: str, tmp_path: Path) -> None:
    path = two_inputs(tmp_path)
    with pytest.raises(cnncost.UsageError) as caught:
        from_onnx(path, texts)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("flat", [True, False])
def test_a_sparse_weight_has_its_whole_shape(flat: bool, tmp_path: Path) -> None:
    """5 x 3 weights of which two are stored; onnxruntime reads them like that."""
    import onnxruntime

    values = numpy_helper.from_array(np.array([2.0, 3.0], np.float32), "w")
    places = np.array([1, 7]) if flat else np.array([[0, 1], [2, 1]])
    sparse = helper.make_sparse_tensor(values, numpy_helper.from_array(places.astype(np.int64), "i"), [5, 3])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])], sparse_initializer=[sparse],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "net.onnx")
    report = cnncost.analyze(from_onnx(str(tmp_path / "net.onnx")))
    assert (report.totals.params, report.totals.macs) == (15, 15)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": np.ones((2, 5), np.float32)})[0].shape == (2, 3)


def test_a_file_of_one_batch_is_run_at_that(tmp_path: Path) -> None:
    """onnxruntime refuses other batches of it, so the shape of what nobody knows is that of the file's own."""
    strange = helper.make_node("ExpandDims", ["x", "at"], ["a"], domain="com.microsoft")
    at = numpy_helper.from_array(np.array(1, np.int32), "at")
    graph = helper.make_graph(
        [strange, helper.make_node("MatMul", ["a", "w"], ["y"])], "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 4])],
        [helper.make_empty_tensor_value_info("y")], [*stored(w=(4, 3)), at],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), tmp_path / "net.onnx")
    report = cnncost.analyze(from_onnx(str(tmp_path / "net.onnx"), allow_unknown=True))
    assert (report.unknown, report.totals.macs) == (1, 4 * 4 * 3)
