"""An operator and shapes whose sizes are traced under their letters: C, H, W, K, S, P."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost.analysis.traced import Traced, leaf, term_of
from cnncost.graph import Node
from cnncost.ops.base import Operator
from cnncost.ops.sizes import FREE, Shape, axes_of, resized


def traced(op: Operator, axes: Sequence[str]) -> Operator:
    """The operator with its sizes traced under their letters; a 1 or 0 that changes nothing stays plain.

    `axes` are the letters of the map's space, by which the numbers of a window are told apart.
    """
    found: dict[str, Any] = {}
    for name, value in op.values.items():
        declared = op.arguments.get(name)
        if isinstance(value, Operator):
            found[name] = traced(value, axes)
        elif declared is not None and declared.symbol and value is not None and not isinstance(value, str):
            found[name] = _traced_argument(value, declared.symbol, axes)
    return op.with_values(**found)


SIDES = {"D": ("front", "back"), "H": ("t", "b"), "W": ("l", "r")}
"""What distinguishes the letters of a padding before and after an axis: top and bottom, left and right."""


def _traced_argument(value: Any, symbol: str, axes: Sequence[str]) -> Any:
    if not isinstance(value, tuple):
        return _named(symbol, value)
    if len(set(value)) == 1:
        return (_named(symbol, value[0]),) * len(value)
    if len(value) == len(axes):
        ends = [axis.lower() for axis in axes]
    elif value[::2] == value[1::2]:
        named = [
            _named(f"{symbol}_{axis.lower()}", side) for axis, side in zip(axes, value[::2], strict=True)
        ]
        return tuple([side for side in named for _ in range(2)])
    else:
        ends = [side for axis in axes for side in SIDES.get(axis, ("before", "after"))]
    return tuple(_named(f"{symbol}_{end}", size) for end, size in zip(ends, value, strict=True))


def _named(symbol: str, value: int) -> int:
    # No padding, no dilation and one group leave no trace in a formula; a kernel or stride of 1 does.
    return value if value == 0 or (value == 1 and symbol[0] in "DG") else Traced(leaf(symbol, value))


def letters_of(shape: Shape) -> tuple[str, ...]:
    """A letter per axis; those of a free shape are numbered."""
    axes = axes_of(shape)
    return (
        tuple(axes) if axes != FREE else ("N", *[f"D{axis}" for axis in range(1, len(shape))])[: len(shape)]
    )


def named_input(shape: Shape, position: int, node: Node) -> Shape:
    """An input shape under its letters: N (if not 1), C_in, H, W; C_1, C_2, ... for a join."""
    join = node.op.inputs is None
    reference = not join and position > 0
    names = [
        f"{letter}_like" if reference
        else letter if letter != "C"
        else f"C_{position + 1}" if join
        else "C_in"
        for letter in letters_of(shape)
    ]  # fmt: skip
    sizes = zip(names, shape, strict=True)
    return resized(
        shape, [size if name == "N" and size == 1 else Traced(leaf(name, size)) for name, size in sizes]
    )


def named_output(size: int, letter: str) -> int:
    """An output size under its letter: its own if it has one, else C', H', W'."""
    term = term_of(size)
    if term.symbol or (letter == "N" and size == 1):
        return size
    return Traced(leaf(f"{letter}'", int(size)))


def with_macs(op: Operator, macs: Traced) -> Operator:
    """A copy whose MACs are one number with a name: what a convention's rules are about."""
    return op.with_values(macs=lambda *_: macs)
