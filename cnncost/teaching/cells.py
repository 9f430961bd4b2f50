"""Questions that are cells of the lecture's table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cnncost.teaching.lines import AnswerPart, Lines, TableLine
from cnncost.teaching.question import Question


def heading(kind: str, lines: Lines) -> str:
    """What the column of a kind of cell is called under a convention."""
    rules = lines.rules
    return {
        "shape": "output",
        "memory": "memory",
        "params": "params",
        "macs": rules.ops_name,
        "receptive": "receptive field",
        "stride": "total stride",
    }[kind]


def cells(kind: str, level: int) -> Callable[[Lines], Iterator[Question]]:
    """The questions that ask a column's cells, as difficult as `level` or one more."""

    def ask(lines: Lines) -> Iterator[Question]:
        for line in lines.lines:
            parts = line.cells.get(kind)
            if not parts or line.row is None or not (line.alone and _worth_asking(kind, line, parts)):
                continue
            harder = kind != "memory" and _is_harder(line)
            what = f"{heading(kind, lines)} of {line.row.name}"
            unit = "B" if kind == "memory" else ""
            yield Question(kind, level + harder, line.at, what, parts, unit, hides=kind)

    return ask


def _worth_asking(kind: str, line: TableLine, parts: tuple[AnswerPart, ...]) -> bool:
    """Not a cell that is 0, nor one that repeats the line above."""
    if any(int(part.term.value) <= 0 for part in parts):
        return False
    if kind in ("receptive", "stride"):
        return bool(parts[0].term.operation) or line.at == 1
    return True


def _is_harder(line: TableLine) -> bool:
    """Whether groups, a dilation or a rounding make a line harder than the plain formula."""
    op = line.nodes[0].op
    uneven = any(value not in (None, 1, (1,), (1, 1)) for value in map(op.given, ("groups", "dilation")))
    return uneven or op.given("rounding") == "ceil" or len(line.nodes) > 3
