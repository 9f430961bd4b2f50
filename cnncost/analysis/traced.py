"""Numbers that remember how they came about, so that a formula can print its own working.

    width, kernel = Traced(leaf("W", 227)), Traced(leaf("K", 11))
    (width - kernel) // 4 + 1                    an int, 55
    symbols((width - kernel) // 4 + 1)           "floor((W - K) / 4) + 1"
    numbers((width - kernel) // 4 + 1)           "floor((227 - 11) / 4) + 1"

A `Term` is the tree of a computation, a `Traced` the same as an int, which any formula of an operator
takes. The numbers are legal Python once `floor` and `ceil` are imported from math. Nothing here knows an
operator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from fractions import Fraction

Exact = Union[int, "Fraction"]

MAX_LEAVES = 40
"""A term of more numbers than these becomes one number: nobody follows it."""

SUM, PRODUCT, ATOM = 1, 2, 3
"""How strongly the outermost operation of a text binds."""


@dataclass(frozen=True, slots=True)
class Term:
    """One operation on terms, or a leaf: a named size, or a plain number (no symbol)."""

    value: Exact
    operation: str = ""  #: "" (a leaf), + - * // neg max
    parts: tuple[Term, ...] = ()
    symbol: str = ""
    leaves: int = 1

    def __add__(self, other: Term) -> Term:
        if _plain(other, 0):
            return self
        if _plain(self, 0):
            return other
        if other.operation == "neg" and other.rounded_up is None:
            return self - other.parts[0]
        return _made(self.value + other.value, "+", self, other)

    def __sub__(self, other: Term) -> Term:
        return self if _plain(other, 0) else _made(self.value - other.value, "-", self, other)

    def __mul__(self, other: Term) -> Term:
        if _plain(other, 1):
            return self
        if _plain(self, -1):
            return -other
        return other if _plain(self, 1) else _made(self.value * other.value, "*", self, other)

    def __floordiv__(self, other: Term) -> Term:
        return self if _plain(other, 1) else _made(self.value // other.value, "//", self, other)

    def __neg__(self) -> Term:
        if self.operation == "neg":
            return self.parts[0]
        return _made(-self.value, "neg", self)

    @property
    def rounded_up(self) -> Term | None:
        """The division whose ceiling this is, if it is one: -(-a // b)."""
        if self.operation == "neg" and self.parts[0].operation == "//":
            top, bottom = self.parts[0].parts
            if top.operation == "neg":
                return Term(top.parts[0].value // bottom.value, "//", (top.parts[0], bottom))
        return None


def leaf(symbol: str, value: Exact) -> Term:
    """A size with its letter; without a letter a plain number."""
    return Term(value, symbol=symbol)


def largest(*terms: Term) -> Term:
    """The largest of some terms."""
    return terms[0] if len(terms) == 1 else _made(max(term.value for term in terms), "max", *terms)


def _made(value: Exact, operation: str, *parts: Term) -> Term:
    """An operation; only its value if it is on plain numbers, or on too many, or a product with 0."""
    leaves = sum([part.leaves for part in parts])
    constant = all(not part.operation and not part.symbol for part in parts) or leaves > MAX_LEAVES
    if constant or (operation == "*" and any(_plain(part, 0) for part in parts)):
        return Term(value)
    return Term(value, operation, parts, leaves=leaves)


def _plain(term: Term, value: int) -> bool:
    return not term.operation and not term.symbol and term.value == value


class Traced(int):
    """An int with the term that it came from; + - * // give such ints again."""

    term: Term

    def __new__(cls, term: Term) -> Traced:
        number = super().__new__(cls, int(term.value))
        number.term = term
        return number

    def __add__(self, other: int) -> Traced:
        return Traced(self.term + term_of(other))

    def __radd__(self, other: int) -> Traced:
        return Traced(term_of(other) + self.term)

    def __sub__(self, other: int) -> Traced:
        return Traced(self.term - term_of(other))

    def __rsub__(self, other: int) -> Traced:
        return Traced(term_of(other) - self.term)

    def __mul__(self, other: int) -> Traced:
        return Traced(self.term * term_of(other))

    def __rmul__(self, other: int) -> Traced:
        return Traced(term_of(other) * self.term)

    def __floordiv__(self, other: int) -> Traced:
        return Traced(self.term // term_of(other))

    def __rfloordiv__(self, other: int) -> Traced:
        return Traced(term_of(other) // self.term)

    def __neg__(self) -> Traced:
        return Traced(-self.term)


def term_of(number: Any) -> Term:
    """The term of a traced number; another number is a leaf without a letter."""
    return number.term if isinstance(number, Traced) else Term(number)


# Texts --------------------------------------------------------------------------------------------------


def symbols(number: int | Term) -> str:
    """The formula in letters: floor((W - K + 2P) / S) + 1."""
    return _text(number if isinstance(number, Term) else term_of(number), _letter)[0]


def numbers(number: int | Term) -> str:
    """The formula with its numbers put in: floor((227 - 11 + 2*2) / 4) + 1."""
    return _text(number if isinstance(number, Term) else term_of(number), _digits)[0]


def inexact(number: int | Term) -> Iterator[tuple[Term, bool]]:
    """Every division in it that leaves a remainder, and whether it is rounded up."""
    term = number if isinstance(number, Term) else term_of(number)
    division = term.rounded_up
    if division is not None or term.operation == "//":
        top, bottom = (division or term).parts
        if top.value % bottom.value:
            yield division or term, division is not None
        term = division or term
    for part in term.parts:
        yield from inexact(part)


def fraction(division: Term) -> str:
    """A division in numbers, not rounded: (227 - 11) / 4."""
    return _quotient(division, _digits)


def _letter(term: Term) -> str:
    return term.symbol or _digits(term)


def _digits(term: Term) -> str:
    value = term.value
    return str(value) if isinstance(value, int) or value.denominator != 1 else str(value.numerator)


def _text(term: Term, show: Callable[[Term], str]) -> tuple[str, int]:
    """The text of a term and how strongly its outermost operation binds."""
    if not term.operation:
        text = show(term)
        return text, PRODUCT if "/" in text else SUM if text.startswith("-") else ATOM
    if term.operation == "max":
        return f"max({', '.join(_text(part, show)[0] for part in term.parts)})", ATOM
    division = term.rounded_up
    if division is not None:
        return f"ceil({_quotient(division, show)})", ATOM
    if term.operation == "//":
        quotient = _quotient(term, show)
        top, bottom = term.parts
        # A sum that is divided is a size formula, which is rounded whether it must be or not.
        exact = top.value % bottom.value == 0 and top.operation not in ("+", "-")
        return (quotient, PRODUCT) if exact else (f"floor({quotient})", ATOM)
    if term.operation == "neg":
        return f"-{_inside(term.parts[0], show, PRODUCT)}", SUM
    if term.operation == "*":
        factors = list(_factors(term))
        if len(factors) == 2 and factors[1].symbol and not factors[0].operation and not factors[0].symbol:
            # A number times a letter, alone: 2P, and 2*2.
            between = "*" if show is _digits else " " if factors[1].symbol[1:2].isalpha() else ""
            return between.join(map(show, factors)), PRODUCT
        return " * ".join([_inside(factor, show, ATOM) for factor in factors]), PRODUCT
    left, right = term.parts
    second = _inside(right, show, PRODUCT if term.operation == "-" else SUM)
    return f"{_text(left, show)[0]} {term.operation} {second}", SUM


def _factors(term: Term) -> Iterator[Term]:
    for part in term.parts:
        if part.operation == "*":
            yield from _factors(part)
        else:
            yield part


def _quotient(division: Term, show: Callable[[Term], str]) -> str:
    top, bottom = division.parts
    return f"{_inside(top, show, PRODUCT)} / {_inside(bottom, show, ATOM)}"


def _inside(term: Term, show: Callable[[Term], str], needed: int) -> str:
    """The text of a part, in parentheses if it binds less than its place needs."""
    text, strength = _text(term, show)
    return text if strength >= needed else f"({text})"
