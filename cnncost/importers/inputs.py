"""What a network is called with: tensors by name, their shapes without the batch, and element types.

Torch is not needed to say what the inputs are; it is to make them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cnncost.errors import UsageError
from cnncost.importers.names import BatchAxis

DTYPES = (
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
    "complex64", "complex128",
)  # fmt: skip
"""Element types of inputs, as PyTorch calls them."""
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+|\[\d+\])*\Z")
"""A name with places in it; any other name is that of a file's input."""
_TEXT = re.compile(
    r"(?:(?P<path>[^=\s]+)=)?"
    r"(?:(?P<dtype>[a-z]+\d*)(?::|\Z))?"
    r"(?P<sizes>\d{1,9}(?:[x×]\d{1,9})*)?"
    r"(?::?(?P<low>-?\d+(?:\.\d+)?)\.\.(?P<high>-?\d+(?:\.\d+)?))?\Z"
)


class GivenTensor(NamedTuple):
    """One tensor that the network is given."""

    name: str
    shape: tuple[int, ...]  #: without the batch
    dtype: str | None = None  #: None: the module's
    low: float | None = None  #: the least value, where values matter
    high: float | None = None  #: one more than the largest
    batch_axis: int | None = 0  #: where the batch stands; None: the tensor has none

    def __str__(self) -> str:
        return "x".join(map(str, self.shape)) or "a number"

    def at(self, batch: int) -> tuple[int, ...]:
        """The shape at a batch."""
        if self.batch_axis is None:
            return self.shape
        return (*self.shape[: self.batch_axis], batch, *self.shape[self.batch_axis :])


class Example(NamedTuple):
    """A call of the network: its arguments, lists and dicts too; their tensors are `GivenTensor`s."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = {}

    def __str__(self) -> str:
        return ", ".join(map(str, self.given))

    @property
    def given(self) -> list[GivenTensor]:
        """Its tensors, in order."""
        return list(leaves((self.args, self.kwargs)))

    @property
    def has_batch(self) -> bool:
        """Whether any of its tensors has an axis for the batch."""
        return any(item.batch_axis is not None for item in self.given)

    @property
    def sizes(self) -> list[int]:
        """All sizes in it, the batch left out."""
        return [size for item in self.given for size in item.shape]

    def arguments(self, batch: int, dtype: Any, device: Any, values: bool) -> tuple[tuple[Any, ...], Any]:
        """(arguments, keyword arguments) of a call; `values`: random ones, else what memory holds."""

        def made(item: GivenTensor) -> Any:
            return tensor(item, batch, dtype, device, values)

        args, kwargs = mapped((self.args, dict(self.kwargs)), made)
        return args, kwargs

    def named(self, args: Any, kwargs: Any) -> Iterator[tuple[str, Any]]:
        """The tensors of a call that `arguments` made, by name."""
        for item, made in zip(self.given, tensors((args, kwargs)), strict=True):
            yield item.name, made


def call(input: Sequence[int | str], batch_axis: BatchAxis = "find") -> Example:
    """The call of a network that `--input` describes: one shape without the batch, or texts, one per tensor.

    A text is [name=][dtype:]sizes[:low..high]: `3x224x224`, `ids=int64:128:0..30522`, `images[1]=3x64x64`,
    `batch.mask=bool:128`. What has a name is a keyword argument; brackets make lists, dots dictionaries.
    Raises UsageError.
    """
    axis = 0 if batch_axis == "find" else batch_axis
    if all(isinstance(size, int) for size in input):
        return with_axis(Example((GivenTensor("input", tuple(map(int, input))),)), axis)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for text in map(str, input):
        found = _TEXT.match(text)
        if found is None or not (found["sizes"] or found["dtype"]):
            raise UsageError(
                f"--input {text!r} is not an input\n  write [name=][dtype:]sizes[:low..high] without the"
                " batch, for example --input 3x224x224 --input ids=int64:128:0..30522"
            )
        if found["dtype"] and found["dtype"] not in DTYPES:
            raise UsageError(
                f"--input {text!r}: unknown dtype {found['dtype']!r}\n  dtypes: {', '.join(DTYPES)}"
            )
        path = found["path"] or f"input{len(args) or ''}"
        item = GivenTensor(
            path,
            tuple(map(int, re.split("[x×]", found["sizes"]))) if found["sizes"] else (),
            found["dtype"],
            float(found["low"]) if found["low"] else None,
            float(found["high"]) if found["high"] else None,
        )
        if found["path"] and not _PATH.match(path):
            kwargs[path] = item
        elif found["path"]:
            put(kwargs, re.findall(r"\w+", path), re.findall(r"(?:\A|\.|\[)", path), item)
        else:
            args.append(item)
    return with_axis(Example(tuple(args), kwargs), axis)


def with_axis(example: Example, axis: int | None) -> Example:
    """The call with its batch at an axis; a tensor that has too few of them has none. Raises UsageError."""
    first = example.given[0]
    if axis is not None and axis > len(first.shape):
        raise UsageError(
            f"input {first} has no axis {axis} for the batch\n"
            f"  with the batch its axes are 0 to {len(first.shape)}; without one: --batch-axis none"
        )

    def placed(item: GivenTensor) -> GivenTensor:
        fits = axis is not None and axis <= len(item.shape)
        return item._replace(batch_axis=axis if fits else None)

    args, kwargs = mapped((example.args, dict(example.kwargs)), placed)
    return Example(args, kwargs)


def put(kwargs: dict[str, Any], keys: list[str], marks: list[str], item: GivenTensor) -> None:
    """Put a tensor where its path says: `a.b[1]` has the keys a, b and 1."""
    place: Any = kwargs
    for key, following in zip(keys, [*marks[1:], ""], strict=True):
        inner: Any = item if not following else [] if following == "[" else {}
        if isinstance(place, list):
            if int(key) > len(place):
                raise UsageError(f"--input {item.name}: there is no [{len(place)}] before it")
            if int(key) == len(place):
                place.append(inner)
            place = place[int(key)]
        else:
            place = place.setdefault(key, inner)
        if type(place) is not type(inner) or (not following and place is not item):
            raise UsageError(f"--input {item.name} is given twice")


def of_tensors(
    args: Sequence[Any], kwargs: Mapping[str, Any], batch_axis: BatchAxis = "find"
) -> tuple[Example, int]:
    """(the call with these arguments, its batch): that of the first tensor at this axis.

    A tensor that is as long there has the batch there; other values stay as they are. Without a `batch_axis`
    no tensor has a batch.
    """
    axis = 0 if batch_axis == "find" else batch_axis
    first = next((item for item in tensors((args, kwargs)) if item.dim()), None)
    if first is not None and axis is not None and axis >= first.dim():
        raise UsageError(
            f"the first input, of shape {tuple(first.shape)}, has no axis {axis} for the batch"
            "\n  its axes count from 0; without a batch: batch_axis=None"
        )
    batch = 1 if first is None or axis is None else int(first.shape[axis])

    def given(value: Any, name: str) -> Any:
        if hasattr(value, "untyped_storage"):
            sizes = tuple(value.shape)
            at = axis
            if at is not None and (at >= len(sizes) or sizes[at] != batch):
                at = None
            shape = sizes if at is None else (*sizes[:at], *sizes[at + 1 :])
            number = not value.dtype.is_floating_point and not value.dtype.is_complex and value.numel()
            low, high = (int(value.min()), int(value.max()) + 1) if number else (None, None)
            kind = str(value.dtype).removeprefix("torch.")
            return GivenTensor(name, shape, kind, low, high, at)
        if isinstance(value, Mapping):
            return {key: given(item, f"{name}.{key}") for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(given(item, f"{name}[{at}]") for at, item in enumerate(value))
        return value

    found = tuple(given(value, f"input{at or ''}") for at, value in enumerate(args))
    return Example(found, {key: given(value, key) for key, value in kwargs.items()}), max(batch, 1)


def tensor(item: GivenTensor, batch: int, dtype: Any, device: Any, values: bool) -> Any:
    """One tensor of a call: normal values, or those of the range that is given."""
    import torch

    kind = dtype if item.dtype is None else getattr(torch, item.dtype)
    shape = item.at(batch)
    if not values:
        return torch.empty(shape, dtype=kind, device=device)
    if item.low is not None and item.high is not None:
        if kind.is_floating_point:
            return torch.empty(shape, dtype=kind, device=device).uniform_(item.low, item.high)
        return torch.randint(int(item.low), int(item.high), shape, dtype=kind, device=device)
    if kind.is_floating_point or kind.is_complex:
        return torch.randn(shape, dtype=kind, device=device)
    return torch.zeros(shape, dtype=kind, device=device)


def leaves(value: Any) -> Iterator[GivenTensor]:
    """The given tensors in a structure, in order."""
    if isinstance(value, GivenTensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)


def tensors(value: Any) -> Iterator[Any]:
    """The tensors in a structure, in order: in lists, dictionaries, and attributes of a user's objects."""
    if hasattr(value, "untyped_storage"):
        yield value
        return
    if isinstance(value, Mapping):
        inner: Any = value.values()
    elif isinstance(value, (list, tuple)):
        inner = value
    else:
        inner = getattr(value, "__dict__", {}).values() if not isinstance(value, type) else ()
    for item in inner:
        yield from tensors(item)


def mapped(value: Any, make: Any) -> Any:
    """A structure with every given tensor in it made."""
    if isinstance(value, GivenTensor):
        return make(value)
    if isinstance(value, Mapping):
        return {key: mapped(item, make) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(item, make) for item in value)
    return value
