"""Checks and comparisons as tables: what differs, and what it costs. Only what does not hold has a row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal

from cnncost import units
from cnncost.analysis.conventions import Convention
from cnncost.regress.check import Checked, LimitCheck, ModelCheck
from cnncost.regress.compare import Comparison, NodeChange
from cnncost.regress.snapshot import Snapshot
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.unknown import at_least, estimate, lower_bound, marked, not_tested

MAX_NODES = 40
"""Rows of nodes per model that a table shows; JSON has them all."""

_MODEL = Column("model", "model", False)
_QUANTITY = Column("quantity", "quantity", False)
_NOW = Column("now", "now")
_AMOUNTS = (Column("difference", "difference"), Column("percent", "%"))
_NODE = (
    Column("change", "change", False), Column("node", "node", False), Column("what", "what", False),
    Column("params", "params"), Column("macs", "MACs"), Column("activation_bytes", "activation bytes"),
)  # fmt: skip


def check_grids(checked: Checked) -> list[Grid]:
    """The tables of a check; the last one closes with a summary line."""
    grids = [
        grid
        for grid in (
            _counts(checked.models),
            _nodes(checked.models),
            _limits(checked.models),
            _facts(checked.models),
        )
        if grid.rows or grid.notes
    ]
    bounds = [
        note
        for model in checked.models
        if model.now
        for note in doubts(model.model, model.now, checked.convention)
    ]
    if bounds:
        grids.append(Grid((), (), notes=tuple(bounds)))
    return [*grids, Grid((), (), notes=(summary(checked),))]


def doubts(name: str, model: Snapshot, convention: str) -> tuple[str, ...]:
    """The notes on what a model's totals do not have."""
    return (
        *lower_bound(name, model.unknown),
        *not_tested(name, convention, model.untested),
        *estimate(name, model.estimated),
    )


def summary(checked: Checked) -> str:
    """One line: how many models, what holds and what does not."""
    models = checked.models
    parts = [units.things(len(models), "model")]
    if checked.lock_file is not None:
        same = sum(
            model.locked is not None and model.now is not None and model.comparison.same for model in models
        )
        parts.append(f"{same} as in {checked.lock_file}")
    limits = [item for model in models for item in model.limits]
    facts = [fact for model in models for fact in model.facts]
    if limits:
        parts.append(f"{sum(item.holds for item in limits)} of {units.things(len(limits), 'limit')} kept")
    if facts:
        parts.append(
            f"{sum(fact.holds for fact in facts)} of {units.things(len(facts), 'published figure')} explained"
        )
    problems = sum(model.problem is not None for model in models)
    if problems:
        parts.append(f"{problems} cannot be counted")
    return ", ".join(parts) + f" (convention {checked.convention})"


def _counts(models: Sequence[ModelCheck]) -> Grid:
    columns = (_MODEL, _QUANTITY, Column("locked", "locked"), _NOW, *_AMOUNTS, Column("verdict", "", False))
    rows: list[tuple[Cell, ...]] = []
    for model in models:
        if model.against_lock and model.now is not None and model.locked is None:
            for quantity, value in model.now.quantities.items():
                rows.append(
                    (
                        text(model.model),
                        text(quantity),
                        text("-"),
                        whole(value, model.now.doubted(quantity)),
                        text(""),
                        text(""),
                        text("not locked"),
                    )
                )
        for change in model.comparison.quantities:
            verdict = "left to the budget" if change.quantity in model.excused else "changed"
            doubted = model.now.doubted(change.quantity) if model.now else ()
            rows.append(
                (text(model.model), text(change.quantity), whole(change.old), whole(change.new, doubted),
                 *amounts(change.old, change.new), text(verdict))
            )  # fmt: skip
    return Grid(columns, tuple(rows), title="Counts that are not as locked")


def _nodes(models: Sequence[ModelCheck]) -> Grid:
    rows: list[tuple[Cell, ...]] = []
    notes: list[str] = []
    for model in models:
        rows += [(text(model.model), *row) for row in node_rows(model.comparison.nodes[:MAX_NODES])]
        left_out = len(model.comparison.nodes) - MAX_NODES
        if left_out > 0:
            notes.append(f"{model.model}: {left_out:,} more; --format json has them all")
        notes += [f"{model.model}: {note}" for note in renaming_notes(model.comparison)]
    if not rows:
        return Grid((), (), notes=tuple(notes))
    return Grid((_MODEL, *_NODE), tuple(rows), title="Nodes", notes=tuple(notes))


def _limits(models: Sequence[ModelCheck]) -> Grid:
    limit, allowed = Column("limit", "limit", False), Column("allowed", "allowed")
    columns = (_MODEL, limit, allowed, _NOW, *_AMOUNTS, Column("budget", "budget", False))
    rows = []
    for model in models:
        for item in model.limits:
            if not item.holds:
                show = item.limit.show
                over, without = item.now - item.allowed, item.unlocked or item.unproven
                rows.append(
                    (
                        text(model.model),
                        text(f"{item.limit.key} = {item.limit.written}"),
                        text("not locked") if item.unlocked else Cell(show(item.allowed), raw(item.allowed)),
                        Cell(at_least(show(item.now), _bounded(item), item.estimated), raw(item.now)),
                        text("") if without else Cell(f"+{show(over)}", raw(over)),
                        text("") if without else percent(item.allowed, item.now),
                        text(item.budget.pattern),
                    )
                )
    return Grid(columns, tuple(rows), title="Budgets that do not hold")


def _bounded(item: LimitCheck) -> int:
    """How many reasons there are why a value is only a lower bound."""
    return item.unknown + bool(item.uncalibrated)


def _facts(models: Sequence[ModelCheck]) -> Grid:
    printed, counted = Column("printed", "printed"), Column("counted", "counted")
    columns = (_MODEL, _QUANTITY, printed, counted, Column("source", "source", False))
    rows = tuple(
        (text(model.model), text(fact.quantity), text(fact.printed), whole(fact.counted), text(fact.source))
        for model in models
        for fact in model.facts
        if not fact.holds
    )
    return Grid(columns, rows, title="Published figures that the counts do not give, without a reason")


def difference_grids(
    names: tuple[str, str], old: Snapshot, new: Snapshot, comparison: Comparison, rules: Convention
) -> list[Grid]:
    """The tables of `cnncost diff`: all totals, then the nodes that differ."""
    columns = (
        Column("quantity", "quantity", False),
        Column("before", marked(names[0], old.unknown, old.untested)),
        Column("after", marked(names[1], new.unknown, new.untested)),
        *_AMOUNTS,
    )
    totals = tuple(
        (
            text(quantity),
            whole(old.quantities[quantity], old.doubted(quantity)),
            whole(value, new.doubted(quantity)),
            *amounts(old.quantities[quantity], value),
        )
        for quantity, value in new.quantities.items()
    )
    notes = renaming_notes(comparison)
    kinds = [change.kind for change in comparison.nodes]
    counts = [
        f"{kinds.count(kind):,} {kind}"
        for kind in ("added", "removed", "changed", "rewired")
        if kind in kinds
    ]
    all_nodes = units.things(len(new.nodes), "node")
    notes.append(f"{', '.join(counts)} of {all_nodes}" if counts else "the same nodes")
    notes += [
        note
        for name, model in zip(names, (old, new), strict=True)
        for note in doubts(name, model, rules.name)
    ]
    notes.append(f"Convention {rules.name}: {rules.statement}")
    caption, label = f"From {names[0]} to {names[1]}", f"{names[0]}-{names[1]}"
    grids = [Grid(columns, totals, title=f"{names[0]} -> {names[1]}", caption=f"{caption}.", label=label)]
    rows = tuple(node_rows(comparison.nodes))
    nodes = Grid(
        _NODE if rows else (),
        rows,
        title="Nodes" if rows else "",
        notes=tuple(notes),
        caption=f"{caption}, node by node." if rows else "",
        label=f"{label}-nodes" if rows else "",
        optional=("activation_bytes", "what"),
    )
    return [*grids, nodes]


def node_rows(changes: Iterable[NodeChange]) -> list[tuple[Cell, ...]]:
    """A row per change: what happened to which node, and what it brings."""
    rows = []
    for change in changes:
        fields = ("params", "macs", "activation_bytes")
        costs = [signed(change.difference(field)) for field in fields]
        rows.append((text(change.kind), text(change.node.name), text(change.words), *costs))
    return rows


def renaming_notes(comparison: Comparison) -> list[str]:
    """A line per renamed block."""
    return [
        f"{renaming.old} is now called {renaming.new} ({units.things(renaming.nodes, 'node')}, the same)"
        for renaming in comparison.renamings
    ]


def raw(value: Decimal) -> int | float:
    """A limit's value for programs: whole where it is."""
    return int(value) if value == int(value) else float(value)


def amounts(old: int, new: int) -> tuple[Cell, Cell]:
    """Difference and percent."""
    return signed(new - old), percent(Decimal(old), Decimal(new))


def whole(value: int, doubted: Collection[str] = ()) -> Cell:
    """A count, exact but where operators make it an estimate."""
    return Cell(at_least(f"{value:,}", 0, doubted), value)


def signed(difference: int) -> Cell:
    """A difference, exact; nothing for none."""
    return Cell(f"{difference:+,}" if difference else "", difference)


def percent(old: Decimal, new: Decimal) -> Cell:
    """How much more, in percent of the old value."""
    if not old or old == new:
        return Cell("", None)
    share = float((new - old) * 100 / old)
    return Cell(f"{share:+.2f}" if abs(share) < 10 else f"{share:+.1f}", share)
