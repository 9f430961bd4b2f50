"""Verifications as tables: layer by layer, or a line per model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost import units
from cnncost.analysis.conventions import convention
from cnncost.report import head
from cnncost.tables.grid import Cell, Column, Grid, text

if TYPE_CHECKING:
    from cnncost.measure.verify import Check, Verification

SHOWN = 10
"""Differing checks that an error message lists."""


def layer_grid(found: Verification) -> Grid:
    """A row per node: for each quantity ok, the two figures that differ, or not checked."""
    quantities = list(dict.fromkeys(check.quantity for check in found.checks))
    rows: dict[str, dict[str, Check]] = {}
    for check in found.checks:
        rows.setdefault(check.row, {})[check.quantity] = check
    return Grid(
        (Column("name", "node", False), *(Column(name, name, False) for name in quantities)),
        tuple(
            (text(row), *(cell(checks[name]) if name in checks else text("") for name in quantities))
            for row, checks in rows.items()
        ),
        title=f"{found.model} ({found.mode}, batch {found.batch}) on {found.device}: against PyTorch",
        optional=("buffers", "output bytes"),
        notes=(summary(found), *reasons([found]), counted(found), *stated([found])),
    )


def cell(check: Check) -> Cell:
    """ok, not checked, or both figures."""
    if check.result == "differs":
        return text(f"{figure(check.expected)} but {figure(check.found)}")
    return text(f"{figure(check.expected)} {check.result}")


def figure(value: Any) -> str:
    """A shape or a count in full."""
    return units.shape(value[1:]) if isinstance(value, tuple) else f"{value:,}"


def summary(found: Verification) -> str:
    """How many checks are ok, differ, were not made."""
    return ", ".join(f"{found.counted(result):,} {result}" for result in ("ok", "differs", "not checked"))


def counted(found: Verification) -> str:
    """What a convention makes of the model, which the counters above are not asked for."""
    rules, total = convention(found.convention), found.counted_as
    return f"Counted as {rules.name}: {total.params:,} params, {total.ops:,} {rules.ops_name}."


def stated(several: list[Verification]) -> list[str]:
    """The closing line: the convention."""
    names = dict.fromkeys(found.convention for found in several)
    return [f"Convention {name}: {convention(name).statement}" for name in names]


def reasons(several: list[Verification]) -> list[str]:
    """Why something was not checked, and what each counter leaves out; each sentence once."""
    from cnncost.measure.verify import NOT_COUNTED

    unchecked = [
        f"{check.quantity} not checked: {check.reason}"
        for found in several
        for check in found.checks
        if check.reason
    ]
    return [*dict.fromkeys(unchecked), *NOT_COUNTED.values()]


def model_grid(several: list[Verification]) -> Grid:
    """A row per model."""
    results = ("ok", "differs", "not checked")
    columns = (
        Column("model", "model", False),
        *(Column(result, result) for result in (*results, "params", "ops")),
    )
    rows = tuple(
        (
            text(found.model),
            *(whole(found.counted(result)) for result in results),
            whole(found.counted_as.params),
            whole(found.counted_as.ops),
        )
        for found in several
    )
    return Grid(columns, rows, notes=(f"{len(several)} models", *reasons(several), *stated(several)))


def whole(value: int) -> Cell:
    """A count, exact."""
    return Cell(f"{value:,}", value)


def differing(several: list[Verification]) -> str:
    """The first differing rows as a message, "" if all is well."""
    lines = [
        f"  {found.model}: {check.row}: {check.quantity} {figure(check.expected)},"
        f" PyTorch {figure(check.found)}"
        for found in several
        for check in found.checks
        if check.result == "differs"
    ]
    if not lines:
        return ""
    more = [f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n".join([f"{len(lines)} figures differ from PyTorch's", *lines[:SHOWN], *more])


def document(several: list[Verification]) -> dict[str, Any]:
    """The JSON form."""
    return {
        **head([found.asked for found in several], several[0].run if several else None),
        "verified": [
            {
                "model": found.model,
                "device": found.device,
                "mode": found.mode,
                "batch": found.batch,
                "convention": found.convention,
                "counted": found.counted_as._asdict(),
                "checks": [{**check._asdict(), "result": check.result} for check in found.checks],
            }
            for found in several
        ],
    }
