"""What a network is called with: tensors by name, their shapes without the batch, and element types.

Torch is not needed to say what the inputs are; it is to make them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Given(NamedTuple):
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
    """A call of the network: arguments as it takes them, lists and dicts too, whose tensors are `Given`."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = {}

    def __str__(self) -> str:
        return ", ".join(map(str, self.given))

    @property
    def given(self) -> list[Given]:
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

        def made(item: Given) -> Any:
            return tensor(item, batch, dtype, device, values)

        args, kwargs = mapped((self.args, dict(self.kwargs)), made)
        return args, kwargs

    def named(self, args: Any, kwargs: Any) -> Iterator[tuple[str, Any]]:
        """The tensors of a call that `arguments` made, by name."""
        for item, made in zip(self.given, tensors((args, kwargs)), strict=True):
            yield item.name, made


def image(shape: Sequence[int]) -> Example:
    """The call of a network with one tensor, whose shape is given without the batch."""
    return Example((Given("input", tuple(shape)),))


def tensor(item: Given, batch: int, dtype: Any, device: Any, values: bool) -> Any:
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


def leaves(value: Any) -> Iterator[Given]:
    """The given tensors in a structure, in order."""
    if isinstance(value, Given):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)


def tensors(value: Any) -> Iterator[Any]:
    """The tensors in a structure, in order."""
    if hasattr(value, "untyped_storage"):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors(item)


def mapped(value: Any, make: Any) -> Any:
    """A structure with every given tensor in it made."""
    if isinstance(value, Given):
        return make(value)
    if isinstance(value, Mapping):
        return {key: mapped(item, make) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(item, make) for item in value)
    return value
