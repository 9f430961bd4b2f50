"""Sheets and marks as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncost import units
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.layers import padding
from cnncost.teaching.cells import heading
from cnncost.teaching.grade import Marked
from cnncost.teaching.lines import Lines, TableLine
from cnncost.teaching.question import CELLS
from cnncost.teaching.sheet import ExerciseSheet
from cnncost.units import Unit

BLANK = "({})"
"""How a blank stands in a table: its number."""


def tables(sheet: ExerciseSheet) -> list[Grid]:
    """The lecture's table of every network of a sheet, with numbers in the place of what is asked for."""
    return [_table(sheet, lines) for lines in sheet.networks]


def _table(sheet: ExerciseSheet, lines: Lines) -> Grid:
    blanks = {
        (blank.question.line, blank.question.hides): BLANK.format(blank.number)
        for blank in sheet.blanks
        if blank.question.hides and blank.network == lines.place
    }
    kinds = [kind for kind in CELLS if kind == "shape" or any(kind == asked for _, asked in blanks)]
    branches = any(not _follows(line, lines) for line in lines.lines)
    columns = [
        *([Column("at", "#", False)] if branches else []),
        Column("name", "line", False),
        *([Column("reads", "reads", False)] if branches else []),
        Column("op", "op", False),
        Column("filters", "filters"),
        Column("kernel", "kernel", False),
        Column("stride", "stride", False),
        Column("padding", "padding", False),
        *[Column(f"{kind}_", _heading(kind, lines), kind != "shape") for kind in kinds],
    ]
    shape = units.shape(tuple(lines.shapes[0])[1:])
    rows: list[tuple[Cell, ...]] = []
    shown = {line.row.name for line in lines.lines if line.row}
    numbers = {row.name: at for at, row in enumerate(lines.report.rows, 1)}
    for line in lines.lines:
        row = line.row
        assert row is not None
        for name, sizes in zip(row.inputs, row.input_shapes, strict=True):
            if name not in shown:  # what a part of a network is given
                shown.add(name)
                cells = dict.fromkeys([column.key for column in columns], "")
                cells |= {"at": str(numbers.get(name, 0)), "name": name, "shape_": units.shape(sizes)}
                rows.append(tuple([text(cells[column.key]) for column in columns]))
        rows.append(_row(line, lines, kinds, blanks, numbers if branches else None))
    return Grid(
        columns=tuple(columns),
        rows=tuple(rows),
        title=f"{lines.graph.name}  input {shape}  batch {lines.report.batch}  {lines.report.dtype}",
        notes=(f"Convention {lines.rules.name}: {lines.rules.statement}",),
        caption=f"{lines.graph.name} at {shape}.",
        label=f"{sheet.name}-{lines.place}",
    )


def _heading(kind: str, lines: Lines) -> str:
    unit = _unit(kind, lines)
    return heading(kind, lines) + (f" ({unit.symbol})" if unit and unit.symbol else "")


def _unit(kind: str, lines: Lines) -> Unit | None:
    rules = lines.rules
    return {"memory": rules.memory_unit, "params": rules.params_unit, "macs": rules.ops_unit}.get(kind)


def _row(
    line: TableLine,
    lines: Lines,
    kinds: Sequence[str],
    blanks: dict[tuple[int, str], str],
    numbers: Mapping[str, int] | None,
) -> tuple[Cell, ...]:
    """The cells of a line; `numbers` of the lines by name where there are branches, to say what is read."""
    row = line.row
    assert row is not None
    window = {"kernel": _sides(row.kernel), "stride_": _sides(row.stride), "padding": padding(row)}
    named = [text(f"{row.name} ({', '.join(said)})" if (said := _said(line)) else row.name)]
    reads = [] if numbers is None else [text(", ".join(str(numbers.get(name, 0)) for name in row.inputs))]
    cells = [*([] if numbers is None else [text(str(line.at))]), *named, *reads, text(row.op)]
    filters = line.nodes[0].op.given("out") if line.alone else None
    cells.append(Cell(str(filters), filters) if filters else text(""))
    cells += [text(blanks.get((line.at, column)) or shown) for column, shown in window.items()]
    for kind in kinds:
        blank = blanks.get((line.at, kind))
        cells.append(text(blank) if blank else _given(line, kind, lines))
    return tuple(cells)


def _follows(line: TableLine, lines: Lines) -> bool:
    """Whether a line reads the one before it and nothing else."""
    row = line.row
    if row is None or line.at == 1:  # nothing but an input stands before the first line
        return row is not None and len(row.inputs) == 1
    return row.inputs == (lines.report.rows[line.at - 2].name,)


def _said(line: TableLine) -> list[str]:
    """What of a line has no column: no bias, groups, a dilation, rounding, the operators behind the first."""
    if not line.alone:
        return []
    op = line.nodes[0].op
    dilation = op.given("dilation")
    wide = dilation if isinstance(dilation, tuple) else (dilation or 1,)
    return [
        *(["no bias"] if op.given("bias") is False else []),
        *([f"{op.given('groups')} groups"] if (op.given("groups") or 1) > 1 else []),
        *([f"dilation {units.sides(wide)}"] if max(wide) > 1 else []),
        *(["rounded up"] if op.given("rounding") == "ceil" or op.given("ceil") else []),
        *[node.op.name for node in line.nodes[1:]],
    ]


def _sides(sizes: object) -> str:
    if sizes is None:
        return ""
    return units.sides(sizes) if isinstance(sizes, tuple) else str(sizes)


def _given(line: TableLine, kind: str, lines: Lines) -> Cell:
    """A cell that is not asked for."""
    parts = line.cells.get(kind)
    if parts is None:
        return text("")
    values = tuple([int(part.term.value) for part in parts])
    if kind == "shape":
        return text(units.shape(values))
    unit = _unit(kind, lines)
    return Cell(unit.format(values[0], lines.rules.decimals) if unit else f"{values[0]:,}", values[0])


def marks(marked: Sequence[Marked], details: bool) -> list[Grid]:
    """A table of everybody's points; with details another for every student, with comments."""
    columns = (Column("student", "student", False), Column("sheet", "sheet", False),
               Column("points", "points"), Column("of", "of"))  # fmt: skip
    rows = tuple(
        (text(one.student or "-"), text(one.sheet), Cell(str(one.points), one.points),
         Cell(str(len(one.marks)), len(one.marks)))
        for one in marked
    )  # fmt: skip
    found = [Grid(columns, rows, title="marks")]
    if not details:
        return [_noted(found[0])]
    detail = (Column("question", "question"), Column("answer", "answer", False), Column("points", "points"),
              Column("comment", "comment", False))  # fmt: skip
    for one in marked:
        lines = tuple(
            (Cell(str(mark.number), mark.number), text(mark.given), Cell(str(mark.points), mark.points),
             text(mark.comment))
            for mark in one.marks
        )  # fmt: skip
        found.append(Grid(detail, lines, title=f"{one.student or 'answers'}, sheet {one.sheet}"))
    return found


def _noted(grid: Grid) -> Grid:
    return Grid(grid.columns, grid.rows, grid.title, notes=("--comments shows every answer with its mark.",))
