"""What an ONNX file is given: its inputs, their sizes, and which axis is the batch.

A file does not say which axis is the batch, but often names it ("batch", "N"), or leaves the first axis open.
Where it fixes the first axis instead, that may be the batch it was made for, or the channels of an image that
has none; then `certain` is False, and the import holds what it makes of it against the file as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Union

from cnncost.errors import UsageError
from cnncost.importers.inputs import GivenTensor, call
from cnncost.importers.names import BatchAxis

Dim = Union[int, str]
"""A size, or the name of one that the file leaves open."""

NAMES = ("n", "b", "bs")
"""Names of the batch beside those with "batch" in them."""
OTHERS = re.compile(
    r"height|width|seq|len|time|frame|token|chan|point|feat|class|depth|row|col|[hwtcdl]\Z", re.IGNORECASE
)
"""Names of what is no batch."""


class FileInputs(NamedTuple):
    """The inputs of a file."""

    tensors: tuple[GivenTensor, ...]  #: under their names in the file
    kinds: tuple[int, ...]  #: their element types, as ONNX numbers them
    batch: int | None  #: what the file fixes the batch to; None: it is open, or there is none
    certain: bool  #: whether the file, or the user, says which axis is the batch

    @property
    def first(self) -> GivenTensor:
        """The one that the report's input shape is of."""
        return self.tensors[0]

    def as_written(self) -> FileInputs:
        """The same inputs, whole: no axis is the batch."""
        batch = self.batch or 1
        whole = tuple([item._replace(shape=item.at(batch), batch_axis=None) for item in self.tensors])
        return self._replace(tensors=whole, batch=None, certain=True)


def given(model: Any, path: str, wanted: Sequence[Dim] | None, asked: BatchAxis = "find") -> FileInputs:
    """The inputs of a file that are no weights, with the sizes that it leaves open.

    `wanted` gives those: numbers for the first input, or texts as of `inputs.call`. `asked` is the axis of
    the batch, None for none, "find" to find it. Raises UsageError for a file without an input, a size that is
    missing or another than the file's, or an axis that is not there.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in weights]
    if not values:
        raise UsageError(f"{path}: it takes no input, so its cost is none\n  is it the file that was meant?")
    told = by_name(values, path, wanted)
    stated = [dims(value, path, told.get(value.name)) for value in values]
    axes, certain = batch_axes(stated, path, [value.name for value in values], asked)
    tensors = []
    for value, sizes, axis in zip(values, stated, axes, strict=True):
        rest = sizes if axis is None else [*sizes[:axis], *sizes[axis + 1 :]]
        shape = filled(value.name, rest, told.get(value.name), path, len(values) > 1)
        tensors.append(GivenTensor(value.name, shape, element_type(value), batch_axis=axis))
    fixed = [sizes[axis] for sizes, axis in zip(stated, axes, strict=True) if axis is not None]
    batch = next((size for size in fixed if isinstance(size, int)), None)
    kinds = tuple([int(value.type.tensor_type.elem_type) for value in values])
    return FileInputs(tuple(tensors), kinds, batch, certain)


def by_name(values: Sequence[Any], path: str, wanted: Sequence[Dim] | None) -> dict[str, tuple[int, ...]]:
    """The sizes that `--input` gives to inputs: by name, or in order."""
    if not wanted:
        return {}
    if all(isinstance(size, int) for size in wanted):
        return {values[0].name: tuple(map(int, wanted))}
    known = {value.name: value for value in values}
    example = call(tuple(map(str, wanted)))
    found: dict[str, tuple[int, ...]] = {}
    in_order = [value.name for value in values if value.name not in {item.name for item in example.given}]
    for item in example.given:
        positional = any(item is each for each in example.args)
        if not (in_order if positional else item.name in known):
            raise UsageError(
                f"{path}: it has no input for --input {item.name if not positional else item}\n"
                f"  its inputs: {', '.join(known)}"
            )
        name = in_order.pop(0) if positional else item.name
        own = element_type(known[name])
        if item.dtype is not None and item.dtype != own:
            message = f"{path}: its input {name!r} is of {own}, not {item.dtype}"
            raise UsageError(f"{message}\n  leave the type out")
        found[name] = item.shape
    return found


def dims(value: Any, path: str, told: tuple[int, ...] | None) -> list[Dim]:
    """The sizes that a file states for an input; of one without a shape an open batch and what is told."""
    if not value.type.HasField("tensor_type"):
        kind = value.type.WhichOneof("value") or "nothing"
        raise UsageError(
            f"{path}: its input {value.name!r} is {kind.replace('_type', '')} of tensors, not a tensor\n"
            "  export the network with tensors as inputs"
        )
    if not value.type.tensor_type.HasField("shape"):
        if told is not None:
            return ["batch", *told]
        raise UsageError(
            f"{path}: its input {value.name!r} has no shape in the file\n"
            f"  pass it without the batch: --input {value.name}=3x224x224"
        )
    return [
        int(dim.dim_value) if dim.HasField("dim_value") and dim.dim_value > 0 else called(dim.dim_param)
        for dim in value.type.tensor_type.shape.dim
    ]


def called(name: str | bytes) -> str:
    """The name of an open size; ? where it has none (tf2onnx: unk__17) or one that is no text."""
    return "?" if isinstance(name, bytes) or not name or re.fullmatch(r"unk__\d+", name) else name


def batch_axes(
    stated: Sequence[Sequence[Dim]], path: str, names: Sequence[str], asked: BatchAxis
) -> tuple[list[int | None], bool]:
    """(the batch's axis of every input, None where it has none; whether that is certain)."""
    if asked is None:
        return [None] * len(stated), True
    if isinstance(asked, int):
        if asked >= len(stated[0]):
            raise UsageError(
                f"{path}: its input {names[0]!r} is {written(stated[0])}: it has no axis {asked}"
                f"\n  its axes are 0 to {len(stated[0]) - 1}, or: --batch-axis none"
            )
        return [asked if asked < len(sizes) else None for sizes in stated], True
    found = [next((at for at, size in enumerate(sizes) if is_batch(size)), None) for sizes in stated]
    if any(axis is not None for axis in found):
        return found, True
    first = stated[0]
    if not first:
        return found, True
    if isinstance(first[0], str):
        named = OTHERS.search(first[0]) is not None
        if named:
            return found, False
    elif len(first) == 1:
        return found, True  # a vector is whole
    return [0 if sizes and sizes[0] == first[0] else None for sizes in stated], isinstance(first[0], str)


def is_batch(size: Dim) -> bool:
    """Whether the name of an open size is that of the batch."""
    return isinstance(size, str) and ("batch" in size.lower() or size.lower() in NAMES)


def filled(
    name: str, stated: Sequence[Dim], wanted: tuple[int, ...] | None, path: str, named: bool
) -> tuple[int, ...]:
    """The sizes of an input without its batch: those of the file, and what is given for the open ones.

    All of them may be given, or those of space, or one for both sides of an image.
    """
    if wanted is None:
        open_axes = [str(size) for size in stated if isinstance(size, str)]
        if open_axes:
            example = "x".join(str(s) if isinstance(s, int) else "224" for s in stated)
            raise UsageError(
                f"{path}: its input {name!r} is {written(stated)}: the file does not say how large"
                f" {' and '.join(open_axes)} {'is' if len(open_axes) == 1 else 'are'}\n"
                f"  pass it: --input {f'{name}=' if named else ''}{example}"
            )
        return tuple([int(size) for size in stated])
    sizes: tuple[int, ...] = wanted
    if len(sizes) == 1 and len(stated) == 3:
        sizes *= 2
    if len(sizes) < len(stated):
        sizes = (*(int(s) for s in stated[: len(stated) - len(sizes)] if isinstance(s, int)), *sizes)
    fits = len(sizes) == len(stated) and all(
        isinstance(size, str) or size == new for size, new in zip(stated, sizes, strict=True)
    )
    if not fits:
        raise UsageError(
            f"{path}: its input {name!r} is {written(stated)}, not {written(wanted)}\n"
            "  sizes that the file fixes cannot be changed: export it with dynamic height and width"
        )
    return sizes


def element_type(value: Any) -> str:
    """The element type of an input, as PyTorch calls it."""
    return type_name(value.type.tensor_type.elem_type)


def type_name(number: int) -> str:
    """An element type by ONNX's number, as PyTorch calls it."""
    from onnx import TensorProto

    word = str(TensorProto.DataType.Name(number)).lower()
    return {"float": "float32", "double": "float64"}.get(word, word)


def written(sizes: Sequence[Dim]) -> str:
    """Sizes as a message shows them."""
    return "x".join(map(str, sizes)) or "a number"
