"""Claims -> verdicts: every figure is computed from a graph and held against the printed one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from cnncost.errors import UsageError, did_you_mean
from cnncost.figures.claims import VERDICTS, Claim, ClaimVariant, Formula, Reproduction, deck, deck_names
from cnncost.figures.measures import MeasureValue, measure
from cnncost.figures.models import model
from cnncost.language.expression import compile_expression

UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "KiB": 2**10, "MiB": 2**20, "MB": 10**6}
"""Base units in a printed unit; any other is 1."""


@dataclass(frozen=True)
class Reading:
    """A variant of a claim, computed."""

    name: str
    value: MeasureValue
    verdict: str  #: exact, rounds_to, or erratum: it does not give the printed value


@dataclass(frozen=True)
class Result:
    """What the audit found of a claim."""

    claim: Claim
    verdict: str
    value: MeasureValue | None  #: the right one, in base units
    readings: tuple[Reading, ...]
    reproduced: bool | None = (
        None  #: whether the recorded derivation gives the printed value; None: there is none
    )
    origin: MeasureValue | None = None  #: what the derivation gives, in base units

    @property
    def agrees(self) -> bool:
        """Whether the verdict is the recorded one, and the derivation holds."""
        return self.verdict == self.claim.verdict and self.reproduced is not False


def audit(
    decks: str | None = None, architecture: str | None = None, verdict: str | None = None
) -> list[Result]:
    """The results of all claims, or those of a deck, an architecture, a computed verdict.

    Raises UsageError for an unknown deck, architecture or verdict.
    """
    if verdict is not None:
        _one_of("verdict", verdict, list(VERDICTS))
    return [result for result in _results(decks, architecture) if verdict in (None, result.verdict)]


def _results(name: str | None, architecture: str | None) -> Iterator[Result]:
    names = deck_names()
    if name is not None:
        names = [_one_of("deck", name, names)]
    claims = [claim for each in names for claim in deck(each).claims]
    if architecture is not None:
        known = sorted({claim.architecture for claim in claims})
        _one_of("architecture", architecture, known)
        claims = [claim for claim in claims if claim.architecture == architecture]
    return map(judged, claims)


def judged(claim: Claim) -> Result:
    """The verdict on one claim."""
    variants = claim.variants
    if claim.value is not None:
        variants = (ClaimVariant("", claim.value, claim.where, claim.match),)
    if not variants:
        return Result(claim, "not_computable", None, ())
    readings = []
    for variant in variants:
        value = computed(variant.value, variant.where)
        readings.append(Reading(variant.name, value, compared(value, claim, variant.match or claim.match)))
    right = readings[0].value
    return Result(claim, _verdict(readings), right, tuple(readings), *_reproduced(claim, right))


def _verdict(readings: list[Reading]) -> str:
    """All readings agree, or it depends on which is meant."""
    wrong = [reading.verdict == "erratum" for reading in readings]
    return readings[0].verdict if all(wrong) or not any(wrong) else "depends_on_variant"


def computed(formula: Formula | None, where: Mapping[str, Formula]) -> MeasureValue:
    """The value of a formula: a measure of a model, or an expression over such."""
    if isinstance(formula, list):
        name, graph, *layers = formula
        return measure(name, model(graph), *layers)
    if isinstance(formula, (int, float)):
        return formula
    assert formula is not None
    names = {name: computed(inner, {}) for name, inner in where.items()}
    value: Any = compile_expression(formula).evaluate(names)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def compared(value: MeasureValue, claim: Claim, match: str = "") -> str:
    """exact, rounds_to or erratum: whether a value is the printed one, or rounds to it."""
    if isinstance(value, (bool, str)):
        return "exact" if str(value).lower() == claim.figure.lower() else "erratum"
    printed, right = Decimal(claim.figure), in_unit(value, claim.unit)
    if right == printed:
        return "exact"
    return (
        "rounds_to" if rounded(right, match or f"half_up:{_decimals(claim.figure)}") == printed else "erratum"
    )


def in_unit(value: float, unit: str) -> Decimal:
    """A value in base units in the printed unit."""
    return Decimal(repr(value)) / UNITS.get(unit, 1)


def rounded(value: Decimal, rule: str) -> Decimal:
    """A value by a rule: half_up:1, trunc:0 (decimals), sf2 (significant figures)."""
    kind, _, digits = rule.partition(":")
    if kind.startswith("sf"):
        exponent, how = value.adjusted() - int(kind[2:]) + 1, ROUND_HALF_UP
    elif kind in ("half_up", "trunc"):
        exponent, how = -int(digits), ROUND_DOWN if kind == "trunc" else ROUND_HALF_UP
    elif kind == "exact":
        return value
    else:
        raise ValueError(f"no rounding rule is called {rule!r}")
    return value.quantize(Decimal((0, (1,), exponent)), rounding=how)


def _decimals(figure: str) -> int:
    return len(figure.partition(".")[2])


def _reproduced(claim: Claim, right: MeasureValue) -> tuple[bool | None, MeasureValue | None]:
    """Whether the recorded derivation gives the printed value, and what it gives."""
    origin = claim.reproduced_by
    if origin is None:
        return None, None
    if origin.kind == "digit_slip":
        return _is_slip(claim, origin, right), None
    value = computed(origin.value, origin.where)
    return compared(value, claim, origin.match) != "erratum", value


def _is_slip(claim: Claim, origin: Reproduction, right: MeasureValue) -> bool:
    """Whether the printed digits are those of the right value, rearranged or some of them dropped."""
    assert not isinstance(right, str)
    exact = rounded(in_unit(right, claim.unit), f"half_up:{origin.decimals}")
    left = [digit for digit in str(exact) if digit.isdigit()]
    for digit in claim.figure:
        if digit not in left:
            return False
        left.remove(digit)
    return True


def _one_of(what: str, given: str, known: list[str]) -> str:
    if given not in known:
        cure = did_you_mean(given, known)
        raise UsageError(
            f"unknown {what} {given!r}" + (f": {cure}" if cure else "") + f"\n  known: {', '.join(known)}"
        )
    return given
