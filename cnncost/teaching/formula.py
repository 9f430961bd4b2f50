"""The working of an answer as data: a term whose leaves are cells of the table, to be put in anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnncost.analysis.traced import Exact, Term, leaf

DEEPEST = 200
"""Operations inside each other that are read from a file."""
MOST = 10**30
"""Of a number that is read from a file, or that a formula in it comes to."""


def evaluate(term: Term, cells: Mapping[str, Exact]) -> Exact:
    """What a term comes to with these values of its cells; a cell that is not given keeps its own.

    Raises ZeroDivisionError where a given value makes it divide by zero.
    """
    if not term.operation:
        return cells.get(term.symbol, term.value) if term.symbol else term.value
    parts = [evaluate(part, cells) for part in term.parts]
    if term.operation == "neg":
        return -parts[0]
    if term.operation == "max":
        return max(parts)
    left, right = parts
    if term.operation == "+":
        return left + right
    if term.operation == "-":
        return left - right
    return left * right if term.operation == "*" else left // right


def reads(term: Term) -> set[str]:
    """The cells that a term reads."""
    if not term.operation:
        return {term.symbol} if term.symbol else set()
    return {cell for part in term.parts for cell in reads(part)}


def rounded_otherwise(term: Term) -> Term:
    """The same with every division rounded up where it is rounded down, and down where it is rounded up."""
    division = term.rounded_up
    if division is not None:
        top, bottom = division.parts
        return rounded_otherwise(top) // rounded_otherwise(bottom)
    if not term.operation:
        return term
    parts = tuple(map(rounded_otherwise, term.parts))
    if term.operation == "//":
        top, bottom = parts
        return -((-top) // bottom)
    again = Term(term.value, term.operation, parts, leaves=term.leaves)
    return Term(evaluate(again, {}), term.operation, parts, leaves=term.leaves)


def to_json(term: Term) -> Any:
    """A number; {"cell": name, "value": number}; or [operation, part, ...]."""
    if term.operation:
        return [term.operation, *map(to_json, term.parts)]
    return {"cell": term.symbol, "value": int(term.value)} if term.symbol else int(term.value)


def from_json(plain: Any, depth: int = 0) -> Term:
    """The term that `to_json` wrote. Raises ValueError for anything else."""
    if type(plain) is int and abs(plain) <= MOST:
        return Term(plain)
    if isinstance(plain, dict) and isinstance(plain.get("cell"), str):
        value = plain.get("value")
        if type(value) is int and abs(value) <= MOST:
            return leaf(plain["cell"], value)
    if not isinstance(plain, list) or not plain or depth > DEEPEST:
        raise ValueError("it is no formula")
    operation, parts = plain[0], tuple([from_json(part, depth + 1) for part in plain[1:]])
    expected = {"+": 2, "-": 2, "*": 2, "//": 2, "neg": 1, "max": len(parts) or 1}
    if not isinstance(operation, str) or expected.get(operation) != len(parts):
        raise ValueError("it is no formula")
    bare = Term(0, operation, parts, leaves=sum(part.leaves for part in parts))
    try:
        value = evaluate(bare, {})
    except ZeroDivisionError:
        raise ValueError("it divides by zero") from None
    if abs(int(value)) > MOST:
        raise ValueError("it comes to more than any network costs")
    return Term(value, operation, parts, leaves=bare.leaves)
