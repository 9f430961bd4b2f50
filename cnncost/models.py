"""Any model by its name, and any model analysed: the zoo and spec files, or an import.

The one place that knows both roads to a graph. The importers, and torch with them, are loaded only
when a name or a module asks for it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cnncost import analysis, language
from cnncost.border import integer, parse_json, shown
from cnncost.errors import UsageError
from cnncost.execution.quantising import quantise
from cnncost.graph import Graph
from cnncost.importers.names import BatchAxis, is_import, misnamed
from cnncost.language import zoo
from cnncost.language.instance import OtherInput, OtherInputs
from cnncost.report import Report
from cnncost.request import Model
from cnncost.spoken import in_python

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnncost.analysis.conventions import Convention


@in_python("input")
def load(
    name: str,
    *,
    input: Sequence[int | str] | int | str | None = None,
    set: Mapping[str, Any] | None = None,
    allow_unknown: bool = False,
    batch: int = 1,
    batch_axis: BatchAxis = "find",
    mode: str = "eval",
    bits: str | Sequence[str] = (),
    road: str | None = None,
) -> Graph:
    """The graph of a model: a zoo name, a spec file, its variant (`my.yaml:small`), or an import.

    Imports are `torchvision:resnet50`, `timm:convnext_tiny`, `model.onnx`, and `net.py:Net` or
    `package.module:factory`, whose code is run. `input` replaces the input shape (channels, height, width; or
    height, width; without batch), or gives an ONNX file the sizes it leaves open; texts are of several
    inputs (`["image=3x64x64", "ids=128"]`). `set` overrides
    parameters of a spec, or gives an import's factory its keyword arguments. `allow_unknown` goes on
    where an import meets an operator that nobody has declared: its row is "unknown", totals are lower
    bounds. `batch` is what an import is right for if what the network computes depends on its batch; any
    other import is right for every batch. `batch_axis` is where an import's inputs have their batch, None
    for nowhere: else it is the first axis of a module's, and what an ONNX file says. `mode` train imports a
    module as it trains. `bits` quantises: "w4a8", or several as `--bits` writes them, "stem.*=w1". `road`
    forces one way in of a module: export, fx or run. Raises SpecError, UsageError or UnavailableError.
    """
    sizes = None if input is None else _several(input)
    axis = None if batch_axis == "find" else "none" if batch_axis is None else str(batch_axis)
    changed = tuple((set or {}).items())
    asked = (bits,) if isinstance(bits, str) else tuple(bits)
    model = Model(name, sizes, changed, allow_unknown=allow_unknown, road=road, batch_axis=axis, bits=asked)
    return graph(model, batch, mode)


def _several(given: Any) -> tuple[Any, ...]:
    """Sizes, or texts of inputs, one of them alone too. Raises UsageError for what is neither."""
    if isinstance(given, str) or integer(given) is not None:
        given = (given,)
    if isinstance(given, (bytes, Mapping)) or not hasattr(given, "__iter__") or not len(given):
        raise UsageError(
            f"input is {shown(given)}, not a shape without the batch\n"
            "  for example: (3, 224, 224); several: ['image=3x224x224', 'ids=128']"
        )
    return tuple([_plain(size) for size in given])


def _plain(size: Any) -> Any:
    """A whole number of any library as an int; who reads it refuses anything else."""
    found = integer(size)
    return size if found is None else found


def graph(model: Model, batch: int = 1, mode: str = "eval") -> Graph:
    """The graph of a model, training heads included; it carries the model. Raises as `load`."""
    found = _read(model, batch, mode)
    if model.fold_bn:
        from cnncost.analysis.fold import fold_batch_norms

        found = fold_batch_norms(found)
    return replace(quantise(typed(found, model.dtype), model.bits), model=model)


def told_apart(graphs: Sequence[Graph]) -> list[Graph]:
    """The graphs; those of one name (two files' `small`) bear what was asked for: nets/a.yaml:small."""
    often = Counter(each.name for each in graphs)
    return [
        replace(each, name=each.model.spec) if each.model is not None and often[each.name] > 1 else each
        for each in graphs
    ]


def _read(model: Model, batch: int, mode: str) -> Graph:
    module = f"{model.spec}.py"  # nets, where nets.py is what was meant
    wrong = misnamed(module if os.path.isfile(module) and model.spec not in zoo.index() else model.spec)
    if wrong is not None:
        raise UsageError(wrong)
    if not is_import(model.spec):
        said = {"--road": model.road, "--batch-axis": model.batch_axis}
        for option in (option for option, given in said.items() if given is not None):
            raise UsageError(
                f"{option} is for a network that is imported, which {model.spec} is not\n  drop {option}"
            )
        return language.load(model.spec, input=spec_input(model), set=dict(model.set))
    from cnncost.importers import from_name

    arguments = {key: _value(value) for key, value in model.arguments.items()}
    return from_name(
        model.spec,
        input=model.input,
        arguments=arguments,
        batch_axis=_axis(model.batch_axis),
        road=model.road,
        mode=mode,
        batch=max(batch, 1),  # who analyses it refuses a smaller one
        allow_unknown=model.allow_unknown,
    )


def spec_input(model: Model) -> OtherInputs | None:
    """What is asked for instead of a spec's own inputs: sizes, or several inputs by name or in order.

    Raises UsageError for an input that a spec cannot have: in a list or a dictionary.
    """
    given = model.input
    if given is None or all(not isinstance(size, str) for size in given):
        return given  # type: ignore[return-value]
    if any(not isinstance(text, str) for text in given):
        raise UsageError(
            f"{model.spec}: the input of a spec is its sizes, or a text for each of several, not {given!r}"
            "\n  for example: --input 3x256x256"
        )
    from cnncost.importers.inputs import call

    example = call(given)
    listed = [item for item in example.kwargs.values() if not isinstance(item, tuple)]
    if listed:
        raise UsageError(
            f"{model.spec}: the inputs of a spec are not lists or dictionaries"
            "\n  give each by its name: --input image=3x224x224"
        )
    return [
        OtherInput(None if any(item is each for each in example.args) else item.name, item.shape, item.dtype)
        for item in example.given
    ]


def _axis(text: str | None) -> BatchAxis:
    """What `--batch-axis` says: an axis, None for none, "find" if nothing. Raises UsageError."""
    if text is None:
        return "find"
    if text.isdecimal() and len(text) < 10:
        return int(text)
    if text != "none":
        raise UsageError(f"--batch-axis {text!r} is not an axis\n  write a number from 0 on, or none")
    return None


def _value(text: Any) -> Any:
    """What `--set name=value` means to a factory: JSON where it is, else the text itself."""
    if not isinstance(text, str):
        return text
    try:
        return parse_json(text)
    except ValueError:
        return text


@in_python("input_shape")
def analyze(
    model: str | Graph | nn.Module,
    input_shape: Sequence[int] | Tensor | None = None,
    *,
    batch: int | None = None,
    dtype: str | None = None,
    mode: str = "eval",
    by: str = "layer",
    convention: str | Convention = "cnncost",
    example_inputs: Sequence[Any] = (),
    example_kwargs: Mapping[str, Any] = MappingProxyType({}),
    batch_axis: BatchAxis = "find",
    allow_unknown: bool = False,
    road: str | None = None,
) -> Report:
    """The report of a model: a name as `load` takes it, a graph, or an nn.Module and its input.

    The input of a module is its shape without the batch (channels, height, width), or a tensor with one,
    whose batch is counted then; or `example_inputs` and `example_kwargs`, arguments as the module takes
    them: tensors, and lists and dictionaries of tensors. `batch_axis` is where inputs have their batch, the
    first axis unless it is said; None: nowhere. `allow_unknown` goes on at operators that nobody
    has declared, `road` forces one of export, fx and run. Rows are at a level (op, layer, block, stage).
    Counts are of the whole batch, `dtype` sets the bytes of floating-point elements (an import has its own
    types, any other model is of float32), `mode` is
    eval (training heads left out) or train. A module is left as it was, whatever its own mode is. Raises
    UsageError for an unknown word, a batch below 1, a module without an input, or one that
    cannot be imported.
    """
    arguments = (input_shape,) if _is_call(model, input_shape) else tuple(example_inputs)
    if arguments or example_kwargs:
        from cnncost.importers.inputs import of_tensors

        example, found = of_tensors(arguments, example_kwargs, batch_axis)
        images = found if batch is None else batch
        graph = _imported(model, example, images, allow_unknown, road, mode)
    else:
        images = _images(input_shape) if batch is None else batch
        graph = as_graph(model, input_shape, images, allow_unknown, road, mode, batch_axis)
    graph = typed(graph, dtype)
    dtype = dtype or "float32"  # of what has none of its own
    return analysis.analyze(graph, batch=images, dtype=dtype, mode=mode, by=by, convention=convention)


@in_python("input_shape")
def as_graph(
    model: Any,
    input_shape: Any = None,
    batch: int = 1,
    allow_unknown: bool = False,
    road: str | None = None,
    mode: str = "eval",
    batch_axis: BatchAxis = "find",
) -> Graph:
    """The graph of a name, a graph or an nn.Module. Raises UsageError for anything else.

    `input_shape` is without the batch, or a tensor with one; a name takes it for another input.
    """
    sizes = _sizes(input_shape)
    if isinstance(model, Graph):
        if sizes is not None:
            raise UsageError("a graph has its input shape already\n  give it to load: load(name, input=...)")
        return model
    if isinstance(model, str):
        return load(
            model, input=sizes, batch=batch, allow_unknown=allow_unknown, mode=mode, batch_axis=batch_axis,
            road=road,
        )  # fmt: skip
    if sizes is not None and batch_axis != "find":
        from cnncost.importers.inputs import call

        return _imported(model, call(sizes, batch_axis), batch, allow_unknown, road, mode)
    return _imported(model, sizes, batch, allow_unknown, road, mode)


def typed(graph: Graph, dtype: str | None) -> Graph:
    """The graph with its floating-point numbers in a type; None: in its own, of an import, or none."""
    return graph if dtype is None else graph.in_type(dtype)


def _is_call(model: Any, value: Any) -> bool:
    """Whether a module is given a tensor of PyTorch's, whose element type counts."""
    whole = hasattr(value, "untyped_storage") and value.dim() > 1
    return whole and not isinstance(model, (str, Graph))


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _images(value: Any) -> int:
    """The batch of a tensor; 1 of a shape."""
    return int(value.shape[0]) if _is_tensor(value) and len(value.shape) > 1 else 1


def _sizes(value: Any) -> tuple[int, ...] | None:
    """An input shape without the batch. Raises UsageError for what is neither a shape nor a tensor."""
    if value is None:
        return None
    if type(value).__module__ == "numpy" and value.ndim == 1 and value.dtype.kind in "iu":
        return tuple(value.tolist())  # a shape that was computed
    if _is_tensor(value):
        if len(value.shape) < 2:
            raise UsageError(
                f"a tensor of shape {tuple(value.shape)} has no batch\n"
                "  give its shape instead: tuple(x.shape)"
            )
        return tuple(map(int, value.shape[1:]))
    tensors = isinstance(value, Sequence) and any(map(_is_tensor, value))
    if tensors and not all(len(item.shape) == 0 for item in value if _is_tensor(item)):
        raise UsageError("input_shape is a list of tensors\n  several inputs: example_inputs=(x, y)")
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence) or not value:
        raise UsageError(
            f"input_shape is {value!r}, not a shape without the batch\n  for example: (3, 224, 224)"
        )
    return tuple(value)


def _imported(module: Any, given: Any, batch: int, allow_unknown: bool, road: str | None, mode: str) -> Graph:
    kind = type(module)
    if isinstance(module, type) and any(base.__module__.startswith("torch.nn") for base in module.__mro__):
        name = module.__name__
        raise UsageError(
            f"{name} is a class, not a module\n  make one: cnncost.analyze({name}(), (3, 224, 224))"
        )
    if not any(base.__module__.startswith("torch.nn") for base in kind.__mro__):
        raise UsageError(
            f"a model is a name, a graph or an nn.Module, not {kind.__name__}"
            "\n  for example: cnncost.analyze('resnet50')"
        )
    if given is None:
        raise UsageError(
            f"{kind.__name__}: a module needs an input shape, without the batch\n"
            "  cnncost.analyze(module, (3, 224, 224))"
        )
    from cnncost.importers import from_module

    return from_module(module, given, batch=max(batch, 1), allow_unknown=allow_unknown, road=road, mode=mode)
