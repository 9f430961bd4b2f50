"""Explanations -> tables: a layer's working line by line, or a model's totals by kin of operator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncost import units
from cnncost.analysis.explain import Biggest, Explained, Kin
from cnncost.report import SCHEMA_VERSION, Report
from cnncost.tables.grid import Cell, Column, Grid, text

LINES = (Column("quantity", "quantity", False), Column("working", "working", False))
KINS = (
    Column("kin", "kin", False),
    Column("layers", "operators"),
    Column("memory", "memory (KiB)"),
    Column("params", "params (k)"),
    Column("macs", "MACs (M)"),
    Column("macs_share", "%"),
    Column("flops", "FLOPs (M)"),
)


def layer_grids(model: str, layers: Sequence[Explained]) -> list[Grid]:
    """A table per layer: quantity and working."""
    return [
        Grid(
            columns=LINES,
            rows=tuple((text(line.quantity), text(line.working)) for line in layer.lines),
            title=f"{model} {layer.name} ({layer.op}): {_shapes(layer)}",
            label=layer.name,
        )
        for layer in layers
    ]


def _shapes(layer: Explained) -> str:
    inputs = ", ".join(map(units.shape, layer.input_shapes))
    return f"{inputs} to {units.shape(layer.output_shape)}"


def model_grid(report: Report, kins: Sequence[Kin], biggest: Sequence[Biggest]) -> Grid:
    """A model's totals by kin of operator; its biggest layers below."""
    totals = report.totals
    total = Kin(
        "total",
        sum(kin.layers for kin in kins),
        totals.activation_bytes,
        totals.params,
        totals.macs,
        totals.flops,
    )
    return Grid(
        columns=KINS,
        rows=tuple(_kin_row(kin, totals.macs) for kin in kins),
        title=f"{report.name} by kin of operator, batch {report.batch}",
        total=_kin_row(total, totals.macs),
        notes=(
            *[
                f"Most {each.quantity}: {each.name}, {_amount(each)} ({units.share(each.value, each.whole)})"
                for each in biggest
            ],
            f"`cnncost explain {report.name} {biggest[0].name}` shows the working.",
        ),
        label=report.name,
    )


def _kin_row(kin: Kin, macs: int) -> tuple[Cell, ...]:
    return (
        text(kin.kin),
        Cell(str(kin.layers), kin.layers),
        Cell(units.KIB.format(kin.memory_bytes), kin.memory_bytes),
        Cell(units.THOUSAND.format(kin.params), kin.params),
        Cell(units.MILLION.format(kin.macs), kin.macs),
        Cell(units.share(kin.macs, macs), kin.macs / macs if macs else None),
        Cell(units.MILLION.format(kin.flops), kin.flops),
    )


def _amount(each: Biggest) -> str:
    return units.size(each.value) if each.quantity == "memory" else f"{each.value:,}"


def document(
    report: Report,
    version: str,
    *,
    layers: Sequence[Explained] = (),
    kins: Sequence[Kin] = (),
    biggest: Sequence[Biggest] = (),
) -> dict[str, Any]:
    """The JSON document of an explanation; values are raw, `working` is what a table shows."""
    plain: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "cnncost", "version": version},
        "model": {"name": report.name, "source": report.source, "input_shape": list(report.input_shape)},
        "batch": report.batch,
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
        plain["kins"] = [kin._asdict() for kin in kins]
        plain["biggest"] = [each._asdict() for each in biggest]
    return plain
