"""The cases of ONNX's own backend test: what a file gives has the shapes that ONNX expects, or is refused.

Every case also with its further inputs stored in the file, as exporters have weights, sizes and axes.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper, save

import cnncost
from cnncost.errors import CnncostError, UsageError
from cnncost.graph import Graph, at_batch

EVERY = 7
"""So many cases of the list are one that is tried here; the rest was run when this was written."""


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    """What ONNX's backend test has, one in so many."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # casts that overflow are among them
        return list(collect_testcases(None))[::EVERY]  # type: ignore[arg-type]


def stored(model: ModelProto, given: list[Any]) -> ModelProto:
    """The model with every input stored but the first of floats, or the first that has an axis."""
    made = ModelProto()
    made.CopyFrom(model)
    wide = [place for place, each in enumerate(given) if each.ndim and each.size]
    kept = next((place for place in wide if given[place].dtype.kind == "f"), wide[0] if wide else 0)
    del made.graph.input[:]
    for place, (value, each) in enumerate(zip(model.graph.input, given, strict=True)):
        kind = value.type.tensor_type.elem_type
        if place == kept:
            made.graph.input.append(helper.make_tensor_value_info(value.name, kind, each.shape))
        else:
            made.graph.initializer.append(numpy_helper.from_array(each, value.name))
    return made


def loaded(model: ModelProto, path: Path) -> Graph | None:
    """Its graph, whole; None: it is refused."""
    save(model, path)
    try:
        return cnncost.load(str(path), batch_axis=None)
    except CnncostError:
        return None


def test_shapes_are_those_that_onnx_expects(cases: list[Any], tmp_path: Path) -> None:
    """A graph that one run has led through says so, and may have other sizes; a constant output is no node."""
    right = 0
    for case in cases:
        given, expected = case.data_sets[0]
        if not all(isinstance(each, np.ndarray) for each in (*given, *expected)):
            continue
        models = [case.model]
        if len(given) > 1 and len(given) == len(case.model.graph.input):
            models.append(stored(case.model, given))
        for model in models:
            graph = loaded(model, tmp_path / f"{case.name}.onnx")
            if graph is None or graph.facts.get("as_run"):
                continue
            shapes = at_batch(graph, 1)
            found = [tuple(shapes[index]) for index in graph.outputs]
            wanted = [each.shape for each in expected]
            assert found == wanted or (model is not case.model and set(found) < set(wanted)), case.name
            right += 1
    assert right > 200


def small(path: Path, nodes: list[Any], inputs: dict[str, tuple[int, list[Any]]], **weights: Any) -> str:
    """A file of a few nodes whose output is y."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(name, *given) for name, given in inputs.items()],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return str(path)


def test_a_size_that_an_input_gives_is_said(tmp_path: Path) -> None:
    """A run needs some number, which is 1; it stood for the size without a word once."""
    inputs = {"x": (TensorProto.FLOAT, ["batch", 1]), "sizes": (TensorProto.INT64, [2])}
    nodes = [
        helper.make_node("Abs", ["sizes"], ["whole"]),
        helper.make_node("Expand", ["x", "whole"], ["wide"], name="grow"),
        helper.make_node("Relu", ["wide"], ["y"]),
    ]
    report = cnncost.analyze(small(tmp_path / "net.onnx", nodes, inputs))
    assert report.as_run == ("node 'grow' (Expand), by the values of the input 'sizes': 1",)
    answer = str(cnncost.table(small(tmp_path / "net.onnx", nodes, inputs)))
    assert (
        "As run once with random input (seed 0): values decide at 1 place: node 'grow' (Expand), by the values"
        " of the input 'sizes': 1"
    ) in " ".join(answer.split())


def test_a_further_output_that_is_read_is_not_dropped(tmp_path: Path) -> None:
    inputs = {"x": (TensorProto.FLOAT, ["batch", 3, 4])}
    nodes = [
        helper.make_node("LayerNormalization", ["x", "s"], ["n", "mean"], name="norm"),
        helper.make_node("Sub", ["n", "mean"], ["y"]),
    ]
    with pytest.raises(UsageError) as error:
        cnncost.load(small(tmp_path / "net.onnx", nodes, inputs, s=np.arange(4, dtype=np.float32)))
    assert "LayerNormalization is not an operator of cnncost: its further output 'mean' is read" in str(
        error.value
    )


def test_axes_that_are_computed_are_refused(tmp_path: Path) -> None:
    inputs = {"x": (TensorProto.FLOAT, ["batch", 3, 4]), "axes": (TensorProto.INT64, [1])}
    nodes = [helper.make_node("ReduceMean", ["x", "axes"], ["y"], name="mean")]
    with pytest.raises(UsageError) as error:
        cnncost.load(small(tmp_path / "net.onnx", nodes, inputs))
    assert "ReduceMean is not an operator of cnncost: axes that are computed" in str(error.value)


@pytest.mark.parametrize(
    ("nodes", "macs", "shape"),
    [
        (
            [helper.make_node("Equal", ["x", "low"], ["e"]), helper.make_node("Where", ["e", "zero", "x"], ["y"])],
            0,
            (1, 4),
        ),
        ([helper.make_node("Less", ["x", "w"], ["e"]), helper.make_node("Where", ["e", "one", "one"], ["y"])], 0, (3, 4)),
        ([helper.make_node("Gemm", ["x", "v"], ["y"], transA=1)], 4 * 5, (4, 5)),
    ],
    ids=["minus infinity", "numbers of one axis", "a transposed input"],
)  # fmt: skip
def test_arithmetic_of_small_constants(
    tmp_path: Path, nodes: list[Any], macs: int, shape: tuple[int, ...]
) -> None:
    weights = {
        "low": np.array(-np.inf, np.float32), "zero": np.zeros((), np.float32), "one": np.ones(1, np.float32),
        "w": np.arange(12, dtype=np.float32).reshape(3, 4), "v": np.arange(5, dtype=np.float32).reshape(1, 5),
    }  # fmt: skip
    path = small(tmp_path / "net.onnx", nodes, {"x": (TensorProto.FLOAT, [1, 4])}, **weights)
    graph = cnncost.load(path, batch_axis=None)
    assert at_batch(graph, 1)[graph.outputs[0]] == shape
    assert cnncost.analyze(graph).totals.macs == macs


def test_a_module_that_is_called_twice_has_its_weights_once(tmp_path: Path) -> None:
    """Fresh weights are equal, and exporters store equal tensors once: the scopes in names tell them apart."""

    def params(*scopes: str) -> int:
        names = ["x", *[f"t{place}" for place in range(len(scopes) - 1)], "y"]
        nodes = [
            helper.make_node(
                "LayerNormalization", [names[at], "s", "b"], [names[at + 1]], name=f"/{scope}/Norm"
            )
            for at, scope in enumerate(scopes)
        ]
        weights = {"s": np.ones(4, np.float32), "b": np.zeros(4, np.float32)}
        path = small(tmp_path / "net.onnx", nodes, {"x": (TensorProto.FLOAT, ["batch", 3, 4])}, **weights)
        return cnncost.analyze(path).totals.params

    assert params("norm", "norm_1") == 8
    assert params("norm1", "norm2", "norm3") == 3 * 8
    assert params("layers.0/norm", "layers.1/norm") == 2 * 8


def test_files_of_tf2onnx(tmp_path: Path) -> None:
    """Open sizes are numbered, one for every input; a slice of all axes ends the batch at the largest int32."""
    inputs = {"x": (TensorProto.FLOAT, ["unk__7", 5, 6]), "z": (TensorProto.FLOAT, ["unk__8", 5, 6])}
    ends = {"starts": [0, 1, 0], "ends": [2**31 - 1, 4, 2**31 - 1]}
    nodes = [
        helper.make_node("Add", ["x", "z"], ["a"]),
        helper.make_node("Slice", ["a", "starts", "ends"], ["y"]),
    ]
    weights = {name: np.array(value, np.int64) for name, value in ends.items()}
    graph = cnncost.load(small(tmp_path / "net.onnx", nodes, inputs, **weights))
    assert [at_batch(graph, batch)[graph.outputs[0]] for batch in (1, 3)] == [(1, 3, 6), (3, 3, 6)]


@pytest.mark.parametrize(("second", "params"), [("act_1", 1), ("other", 2)])
def test_a_slope_that_comes_through_a_move(second: str, params: int, tmp_path: Path) -> None:
    """PyTorch's older exporter gives equal tensors one value and the others an Identity of it."""
    nodes = [
        helper.make_node("Identity", ["s"], ["same"]),
        helper.make_node("PRelu", ["x", "s"], ["a"], name="/act/PRelu"),
        helper.make_node("PRelu", ["a", "same"], ["y"], name=f"/{second}/PRelu"),
    ]
    path = small(
        tmp_path / "net.onnx",
        nodes,
        {"x": (TensorProto.FLOAT, ["batch", 3, 4])},
        s=np.full((1, 1), 0.25, "f4"),
    )
    assert cnncost.analyze(path).totals.params == params


@pytest.mark.parametrize(
    ("bias", "params"), [((4,), 4), ((1, 4), 4), ((1,), 1), ((1, 1), 1), ((3, 4), 12), ((3, 1), 3)]
)
def test_a_bias_of_any_shape(bias: tuple[int, ...], params: int, tmp_path: Path) -> None:
    """Gemm repeats it as it needs; one number and a matrix were taken for one value per feature."""
    weights = {
        "w": np.random.default_rng(0).random((5, 4), np.float32),
        "b": np.random.default_rng(1).random(bias, "f4"),
    }
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"])]
    path = small(tmp_path / "net.onnx", nodes, {"x": (TensorProto.FLOAT, [3, 5])}, **weights)
    totals = cnncost.analyze(path, batch_axis=None).totals
    assert (totals.params, totals.macs) == (5 * 4 + params, 3 * 5 * 4)
