"""Operators of unknown cost, which an import may allow: how tables and pictures say "a lower bound"."""

from __future__ import annotations


def lower_bound(name: str, unknown: int) -> tuple[str, ...]:
    """The note below a model's figures; none if every operator's cost is known."""
    if not unknown:
        return ()
    operators = "1 operator" if unknown == 1 else f"{unknown} operators"
    return (f"Lower bounds: the cost of {operators} of {name} is unknown, and no total has it.",)


def marked(label: str, unknown: int) -> str:
    """A label of figures that may be lower bounds."""
    return f"{label} (lower bound)" if unknown else label


def at_least(figure: str, unknown: int) -> str:
    """A count of operations that may be a lower bound."""
    return f"≥ {figure}" if unknown else figure
