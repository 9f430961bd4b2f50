"""Networks that are already written, as graphs: nn.Module, torchvision, timm, ONNX; and graphs as YAML.

    names.py     which names mean an import: torchvision:resnet50, package.module:factory, model.onnx
    beside.py    torchvision beside a PyTorch that it was not compiled for
    inputs.py    what a network is called with: tensors by name, shape and element type
    permission.py  what of a user's own code may be called
    sources.py   such a name -> what makes the network, and its usual input
    files.py     a file of Python -> its module, imported as in its own project
    arguments.py what a factory is called with, and what to write where it asks for more
    making.py    what makes a network -> an nn.Module without weights
    draws.py     random numbers that a network's own code draws
    surroundings.py  what a network's own code finds around it: no CUDA, no weights to load
    aten/        an nn.Module -> Graph
    onnx/        an ONNX file -> Graph
    building.py  a graph that grows node by node, held to the framework's shapes
    conversion.py  what a translation asks of a framework's conversion
    layers.py, recurrent.py, windows.py, activations.py, arithmetic.py, products.py, moves.py
                 what operators are in ours, once for every framework; the two rooms only read arguments
    stated.py, formulas.py
                 operators that have no name here: `custom`, and the formulas of what they cost
    parts.py     operators that every translation puts together
    shapes.py    sizes, axes and shapes as frameworks write them
    write.py     Graph -> a spec that reads back as the same graph

Importing a module runs its code. Nothing is unpickled and nothing downloaded, and no weight is read:
shapes are all that is asked for. What reads ONNX does without torch, as do `names` and `write`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnncost.border import whole_number
from cnncost.errors import CnncostError, UsageError, known_word
from cnncost.graph import Graph
from cnncost.importers.names import BatchAxis, is_onnx

if TYPE_CHECKING:
    from torch import nn

    from cnncost.importers.inputs import Example

__all__ = ["from_module", "from_name", "from_onnx"]


def from_name(
    name: str,
    *,
    input: Sequence[int | str] | None = None,
    arguments: Mapping[str, Any] | None = None,
    batch: int = 1,
    batch_axis: BatchAxis = "find",
    allow_unknown: bool = False,
    road: str | None = None,
    mode: str = "eval",
) -> Graph:
    """The graph of `torchvision:resnet50`, `timm:convnext_tiny`, `net.py:Net`, `model.onnx`.

    `arguments` are keyword arguments of what builds the network. `input` is one shape without the batch, or
    texts as `inputs.call` reads them; torchvision and timm know their own, and read height x width as an
    image's. `batch`, `batch_axis` and `road` are as of `from_module`. Runs the code of the module named; a
    file is only read. Raises UsageError, and UnavailableError without torch or the package in question.
    """
    if input is not None and all(isinstance(size, int) for size in input):
        input = _whole(input)
    if is_onnx(name):
        if arguments:
            raise UsageError(f"{name}: an ONNX file has no parameters to set: {', '.join(arguments)}")
        return from_onnx(name, input, batch=batch, batch_axis=batch_axis, allow_unknown=allow_unknown)
    from cnncost.importers.inputs import call
    from cnncost.importers.sources import build

    module, given, again = build(name, input, arguments or {})
    example = call(given, batch_axis)
    return from_module(
        module,
        example,
        name=name,
        batch=batch,
        allow_unknown=allow_unknown,
        road=road,
        again=again,
        mode=mode,
    )


def from_module(
    module: nn.Module,
    input: Sequence[int] | Example,
    *,
    name: str | None = None,
    batch: int = 1,
    allow_unknown: bool = False,
    road: str | None = None,
    mode: str = "eval",
    again: Callable[[], nn.Module] | None = None,
) -> Graph:
    """The inference graph of a module for an input, a shape without the batch or a whole call.

    It serves every batch, unless what the module computes depends on the batch: then it is that of
    `batch`. `road` forces one of export, fx and run, `mode` is eval or train. The module is left as it was;
    if its weights are not initialised, `again` makes it with weights for a run whose values matter. An
    operator that is not declared raises UsageError with its place, or becomes a node "unknown" if that is
    allowed.
    """
    from cnncost.importers.aten.convert import Conversion
    from cnncost.importers.aten.exported import program
    from cnncost.importers.aten.table import TRANSLATIONS
    from cnncost.importers.aten.waiting import Watch
    from cnncost.importers.building import OneBatchOnly
    from cnncost.importers.inputs import Example, call

    title = name or type(module).__name__
    example = input if isinstance(input, Example) else call(_whole(input))
    kind = known_word("unknown mode", mode, ("eval", "train"))
    with Watch(title) as watch:
        found = program(module, example, batch, watch, road, again, kind)
        try:
            return Conversion(found, title, TRANSLATIONS, allow_unknown).graph()
        except OneBatchOnly:
            found = program(module, example, batch, watch, road, again, kind, every_batch=False)
            return Conversion(found, title, TRANSLATIONS, allow_unknown).graph()


def from_onnx(
    path: str,
    input: Sequence[int | str] | None = None,
    *,
    batch: int = 1,
    batch_axis: BatchAxis = "find",
    allow_unknown: bool = False,
) -> Graph:
    """The inference graph of an ONNX file, whatever batch it was written for.

    `input` gives the sizes that the file leaves open: those of its first input, or texts as
    `inputs.call` reads them, by the names of the file's inputs. `batch_axis` is where the inputs have their
    batch, None for nowhere; else the file tells by the names of its axes, or what was taken stands in the
    graph's facts, as "taken". Where the batch does not stand first, the graph is right for `batch` alone.
    Raises UsageError for a file that is none or damaged, an open size that is not given, or an operator
    that is not declared (unless allowed), and UnavailableError without the package `onnx`.
    """
    from cnncost.importers.onnx.inputs import given
    from cnncost.importers.onnx.reading import fault, read

    model = read(path)
    found = given(model, path, input, batch_axis)
    from cnncost.importers.onnx.importing import imported

    try:
        return imported(model, path, found, batch, allow_unknown)
    except CnncostError:
        raise
    except Exception:
        wrong = fault(path)
        if not wrong:
            raise  # a bug of ours, not of the file's
        raise UsageError(f"{path}: it is damaged: {wrong}\n  copy or export it again") from None


def _whole(input: Sequence[int | str]) -> tuple[int, ...]:
    return tuple([whole_number("an input size", size) for size in input])
