"""Any model by its name, and any model analysed: the zoo and spec files, or an import.

The one place that knows both roads to a graph. The importers, and torch with them, are loaded only
when a name or a module asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnncost import analysis, language
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.importers.names import is_import
from cnncost.report import Report
from cnncost.request import Model

if TYPE_CHECKING:
    from torch import nn

    from cnncost.analysis.conventions import Convention


def load(
    name: str,
    *,
    input: Sequence[int] | None = None,
    set: Mapping[str, Any] | None = None,
    allow_unknown: bool = False,
    batch: int = 1,
) -> Graph:
    """The graph of a model: a zoo name, a spec file, its variant (`my.yaml:small`), or an import.

    Imports are `torchvision:resnet50`, `timm:convnext_tiny`, `model.onnx` and `package.module:factory`;
    the last runs that module's code. `input` replaces the input shape (channels, height, width; or
    height, width; without batch), or gives an ONNX file the sizes it leaves open. `set` overrides
    parameters of a spec, or gives an import's factory its keyword arguments. `allow_unknown` goes on
    where an import meets an operator that nobody has declared: its row is "unknown", totals are lower
    bounds. `batch` is what an import is right for if what the network computes depends on its batch; any
    other import is right for every batch. Raises SpecError, UsageError or UnavailableError.
    """
    sizes = None if input is None else tuple(input)
    return graph(Model(name, sizes, tuple((set or {}).items()), allow_unknown=allow_unknown), batch)


def graph(model: Model, batch: int = 1) -> Graph:
    """The graph of a model, training heads included; it carries the model. Raises as `load`."""
    found = _read(model, batch)
    if model.fold_bn:
        from cnncost.analysis.fold import fold_batch_norms

        found = fold_batch_norms(found)
    return replace(found, model=model)


def _read(model: Model, batch: int) -> Graph:
    if not is_import(model.spec):
        return language.load(model.spec, input=model.input, set=dict(model.set))
    from cnncost.importers import from_name

    arguments = {key: _value(value) for key, value in model.arguments.items()}
    return from_name(
        model.spec,
        input=model.input,
        arguments=arguments,
        batch=max(batch, 1),  # who analyses it refuses a smaller one
        allow_unknown=model.allow_unknown,
    )


def _value(text: Any) -> Any:
    """What `--set name=value` means to a factory: JSON where it is, else the text itself."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def analyze(
    model: Graph | nn.Module,
    input_shape: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    mode: str = "eval",
    by: str = "layer",
    convention: str | Convention = "cnncost",
) -> Report:
    """The report of a graph, or of an nn.Module at an input shape (channels, height, width).

    Rows are at a level (op, layer, block, stage). Counts are of the whole batch, `dtype` sets the bytes
    of an element, `mode` is eval (training heads left out) or train. A module is left as it was, and
    its inference pass is what counts. Raises UsageError for an unknown word, a batch below 1, a
    module without an input shape, or one that cannot be imported.
    """
    if not isinstance(model, Graph):
        model = _imported(model, input_shape, batch)
    elif input_shape is not None:
        raise UsageError("a graph has its input shape already\n  give it to load: load(name, input=...)")
    return analysis.analyze(model, batch=batch, dtype=dtype, mode=mode, by=by, convention=convention)


def _imported(module: Any, input_shape: Sequence[int] | None, batch: int) -> Graph:
    kind = type(module)
    if not any(base.__module__.startswith("torch.nn") for base in kind.__mro__):
        raise UsageError(
            f"analyze takes a graph or an nn.Module, not {kind.__name__}\n  cnncost.load(name) gives a graph"
        )
    if input_shape is None:
        raise UsageError(
            f"{kind.__name__}: a module needs an input shape, without the batch\n"
            "  cnncost.analyze(module, (3, 224, 224))"
        )
    from cnncost.importers import from_module

    return from_module(module, input_shape, batch=max(batch, 1))
