"""What a total does not have, and how tables and pictures say so.

Unknown operators, which an import may allow, make every total a lower bound. Untested ones are those
that nobody has run a convention's program on: its total has their MACs only. Estimated is the memory of
operators that `execution` has no exact rule for.
"""

from __future__ import annotations

from collections.abc import Collection

from cnncost import units


def lower_bound(name: str, unknown: int) -> tuple[str, ...]:
    """The note below a model's figures; none if every operator's cost is known."""
    if not unknown:
        return ()
    operators = units.things(unknown, "operator")
    return (f"Lower bounds: the cost of {operators} of {name} is unknown, and no total has it.",)


def not_tested(name: str, convention: str, operators: Collection[str]) -> tuple[str, ...]:
    """The note below what a convention counts of a model; none if its program was run on all of it."""
    if not operators:
        return ()
    return (f"Untested: what {convention} makes of {', '.join(operators)}; its totals of {name} may differ.",)


def estimate(name: str, operators: Collection[str]) -> tuple[str, ...]:
    """The note below memory of a model; none if it is to the byte."""
    if not operators:
        return ()
    return (f"Estimated: the memory of {name}; {_no_rule(operators)}.",)


def because(operators: Collection[str]) -> str:
    """What a sentence about memory ends with where operators make it an estimate."""
    return f"; estimated: {_no_rule(operators)}" if operators else ""


def _no_rule(operators: Collection[str]) -> str:
    return f"there is no exact rule for {', '.join(operators)}"


def marked(label: str, unknown: int, untested: Collection[str] = ()) -> str:
    """A label of figures that may be lower bounds, or not what a program counts."""
    label = f"{label} (lower bound)" if unknown else label
    return f"{label} (untested)" if untested else label


def at_least(figure: str, unknown: int, doubted: Collection[str] = ()) -> str:
    """A figure that may be a lower bound, or an estimate (not what a program counts, not to the byte)."""
    return f"≥ {figure}" if unknown else f"≈ {figure}" if doubted else figure


def sign(figure: str) -> str:
    """What `at_least` put before a figure."""
    return figure[:2] if figure.startswith(("≥ ", "≈ ")) else ""
