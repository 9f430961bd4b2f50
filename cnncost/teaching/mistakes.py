"""What is likely to go wrong with a cell of the table, as a formula of its own.

A mistake is an operator that is taken for another (no bias, one group), or a formula that is changed (rounded
the other way, doubled). Marking puts a student's own numbers into it, as it does with the right formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from cnncost.analysis.traced import Term
from cnncost.errors import OperatorError
from cnncost.ops.base import Operator
from cnncost.teaching.formula import rounded_otherwise
from cnncost.teaching.lines import AnswerPart, Lines, TableLine


class Mistake(NamedTuple):
    """A likely mistake, and what it would have led to."""

    says: str
    terms: tuple[Term, ...]


def _swapped(argument: str, wrong: Callable[[Any], Any]) -> Callable[[Operator], Operator | None]:
    """The operator with another value of an argument; None if it has none, or already that value."""

    def swap(op: Operator) -> Operator | None:
        known = op.given(argument)
        if known is None or isinstance(known, str) or argument not in op.arguments:
            return None
        value = wrong(known)
        return None if value == known else op.replace(**{argument: value})

    return swap


def _once(pad: Any) -> Any:
    """Padding that is added on one side only, on every axis."""
    sides = pad if isinstance(pad, tuple) else (pad,)
    if len(sides) not in (1, 2, 3):
        return pad
    axes = sides * 2 if len(sides) == 1 else sides
    return [side for size in axes for side in (0, size)]


def _nothing(pad: Any) -> Any:
    return 0 if any(pad if isinstance(pad, tuple) else (pad,)) else pad


def _one(size: Any) -> Any:
    return 1 if {1} != set(size if isinstance(size, tuple) else (size,)) else size


TAKEN_FOR: dict[str, tuple[str, Callable[[Operator], Operator | None], tuple[str, ...]]] = {
    "bias forgotten": ("the bias is forgotten", _swapped("bias", lambda bias: False), ("params",)),
    "bias added": ("there is no bias here", _swapped("bias", lambda bias: True), ("params",)),
    "groups ignored": ("the groups are ignored", _swapped("groups", _one), ("params", "macs")),
    "padding left out": ("the padding is left out", _swapped("pad", _nothing), ("shape",)),
    "padding once": ("the padding is added on one side only", _swapped("pad", _once), ("shape",)),
    "stride ignored": ("the stride is ignored", _swapped("stride", _one), ("shape",)),
    "dilation ignored": ("the dilation is ignored", _swapped("dilation", _one), ("shape",)),
}
"""Mistakes that take the line's operator for another: what is said, the operator, and of which quantities."""


def _changed(
    quantity: str, parts: tuple[AnswerPart, ...], line: TableLine, lines: Lines
) -> Iterator[Mistake]:
    """Mistakes in the formula itself."""
    terms = tuple([part.term for part in parts])
    if quantity == "shape":
        yield Mistake("rounded the wrong way", tuple(map(rounded_otherwise, terms)))
        yield Mistake("the + 1 is forgotten", (terms[0], *[term - Term(1) for term in terms[1:]]))
        yield Mistake("one too many", (terms[0], *[term + Term(1) for term in terms[1:]]))
    elif quantity == "memory":
        yield Mistake("values are counted, not their bytes", (terms[0] // Term(lines.bytes),))
        yield Mistake("bits are counted, not bytes", (terms[0] * Term(8),))
    elif quantity == "macs":
        name = lines.rules.ops_name
        if name == "MACs":
            yield Mistake("FLOPs are counted, two per MAC", (terms[0] * Term(2),))
        elif lines.rules.per_mac == 2:
            yield Mistake("MACs are counted, half of the FLOPs", (terms[0] // Term(2),))
        else:
            yield Mistake(f"doubled: here a multiply-add is one of the {name}", (terms[0] * Term(2),))
        positions = [part.term for part in line.cells["shape"][1:]]
        if positions and int(terms[0].value):
            yield Mistake("one output position is counted, not all", (_divided(terms[0], positions),))
    elif quantity == "receptive" and line.row is not None and line.row.kernel:
        kernel = max(line.row.kernel)
        yield Mistake("this is the kernel alone", (Term(kernel),))
    elif quantity == "stride" and line.row is not None and line.row.stride:
        yield Mistake("this is its own stride, not the product of all", (Term(max(line.row.stride)),))


def _divided(term: Term, sizes: list[Term]) -> Term:
    for size in sizes:
        term = term // Term(int(size.value))
    return term


def mistakes(lines: Lines, line: TableLine, quantity: str) -> tuple[Mistake, ...]:
    """The likely mistakes with a cell, each with a result of its own."""
    right = line.cells[quantity]
    found: list[Mistake] = []
    seen = {tuple([part.term.value for part in right])}
    for mistake in _all(lines, line, quantity):
        values = tuple([term.value for term in mistake.terms])
        if values not in seen and len(values) == len(right) and all(value > 0 for value in values):
            seen.add(values)
            found.append(mistake)
    return tuple(found)


def _all(lines: Lines, line: TableLine, quantity: str) -> Iterator[Mistake]:
    group = lines.groups[line.at - 1]
    for says, swap, quantities in TAKEN_FOR.values():
        if quantity not in quantities:
            continue
        try:
            swapped = swap(line.nodes[0].op)
            if swapped is None:
                continue
            wrong: Operator = swapped
            cells = lines.cells(line.at, group, lambda op, wrong=wrong: wrong)  # type: ignore[misc]
        except OperatorError:
            continue
        yield Mistake(says, tuple([part.term for part in cells[quantity]]))
    yield from _changed(quantity, line.cells[quantity], line, lines)
