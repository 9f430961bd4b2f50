"""Explanations -> tables: a layer's working line by line, or a model's totals by kin of operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost import units
from cnncost.analysis.conventions import Convention, convention
from cnncost.analysis.explain import Biggest, Explained, Kin
from cnncost.report import Report, head
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.unknown import at_least, lower_bound, marked, not_tested
from cnncost.units import Unit

LINES = (Column("quantity", "quantity", False), Column("working", "working", False, working=True))


def layer_grids(model: str, layers: Sequence[Explained], rules: Convention) -> list[Grid]:
    """A table per layer: quantity and working; the convention below."""
    return [
        Grid(
            columns=LINES,
            rows=tuple((text(line.quantity), text(line.working)) for line in layer.lines),
            title=f"{model} {layer.name} ({layer.op}): {_shapes(layer)}",
            notes=(stated(rules),),
            label=f"{model}-{layer.name}",
            caption=f"{model}: {layer.name}.",
        )
        for layer in layers
    ]


def _shapes(layer: Explained) -> str:
    inputs = ", ".join(map(units.shape, layer.input_shapes))
    return f"{inputs} to {units.shape(layer.output_shape)}"


def model_grid(report: Report, kins: Sequence[Kin], biggest: Sequence[Biggest]) -> Grid:
    """A model's totals by kin of operator as its convention counts; its biggest layers below."""
    totals, rules = report.totals, convention(report.convention)
    total = Kin(
        marked("total", report.unknown, report.untested),
        sum(kin.layers for kin in kins),
        totals.activation_bytes,
        totals.params,
        totals.macs,
        totals.flops,
        totals.counted,
    )
    called = report.facts.get("imported", report.name)
    columns = (
        Column("kin", "kind", False),
        Column("layers", "operators"),
        Column("memory", rules.memory_unit.heading("memory"), unit=_unit(rules, rules.memory_unit)),
        Column("params", rules.params_unit.heading("params"), unit=_unit(rules, rules.params_unit)),
        Column("ops", rules.ops_unit.heading(rules.ops_name), unit=_unit(rules, rules.ops_unit)),
        Column("ops_share", "%"),
        Column("flops", "all FLOPs (M)", unit=units.MILLION),
    )
    return Grid(
        columns=columns,
        rows=tuple(_kin_row(kin, totals.counted.ops, rules, kin.kin == "unknown") for kin in kins),
        title=f"{report.name} by kind of operator, batch {report.batch}",
        total=_kin_row(total, totals.counted.ops, rules, bool(report.unknown), report.untested),
        notes=(
            *[
                f"Most {each.quantity}: {each.name}, {_amount(each)} ({units.share(each.value, each.whole)})"
                for each in biggest
            ],
            f"`cnncost explain {called} {biggest[0].name}` shows the working.",
            *lower_bound(report.name, report.unknown),
            *not_tested(report.name, rules.name, report.untested),
            "All FLOPs: 2 per MAC and every other arithmetic operation.",
            stated(rules),
        ),
        label=f"{report.name}-kinds",
        caption=f"{report.name} by kind of operator.",
    )


def stated(rules: Convention) -> str:
    """The closing line of a table: its convention."""
    return f"Convention {rules.name}: {rules.statement}"


def _unit(rules: Convention, unit: Unit) -> Unit | None:
    """The unit of a column; None if the convention also fixes the decimals."""
    return unit if rules.decimals is None else None


def _kin_row(
    kin: Kin, whole: int, rules: Convention, unknown: bool, untested: Sequence[str] = ()
) -> tuple[Cell, ...]:
    counted = kin.counted
    return (
        text(kin.kin),
        Cell(str(kin.layers), kin.layers),
        Cell(rules.memory_unit.format(counted.memory_bytes, rules.decimals), counted.memory_bytes),
        Cell(rules.params_unit.format(counted.params, rules.decimals), counted.params),
        Cell(at_least(rules.ops_unit.format(counted.ops, rules.decimals), unknown, untested), counted.ops),
        Cell(units.share(counted.ops, whole), counted.ops / whole if whole else None),
        Cell(at_least(units.MILLION.format(kin.flops), unknown), kin.flops),
    )


def _amount(each: Biggest) -> str:
    return units.size(each.value) if each.quantity == "memory" else f"{each.value:,}"


def document(
    report: Report,
    *,
    layers: Sequence[Explained] = (),
    kins: Sequence[Kin] = (),
    biggest: Sequence[Biggest] = (),
) -> dict[str, Any]:
    """The JSON document of an explanation; values are raw, `working` is what a table shows."""
    plain: dict[str, Any] = {
        **head([report.model], report.run),
        "model": {"name": report.name, "source": report.source, "input_shape": list(report.input_shape)},
        "batch": report.batch,
        "convention": report.convention,
        **({"unknown": report.unknown} if report.unknown else {}),
    }
    if layers:
        plain["layers"] = [
            {
                "name": layer.name,
                "op": layer.op,
                "input_shapes": [list(shape) for shape in layer.input_shapes],
                "output_shape": list(layer.output_shape),
                "lines": [
                    {
                        **line._asdict(),
                        "value": line.value if isinstance(line.value, int) else float(line.value),
                    }
                    | {"working": line.working}
                    for line in layer.lines
                ],
            }
            for layer in layers
        ]
    else:
        plain["kins"] = [{**kin._asdict(), "counted": kin.counted._asdict()} for kin in kins]
        plain["biggest"] = [each._asdict() for each in biggest]
    return plain
