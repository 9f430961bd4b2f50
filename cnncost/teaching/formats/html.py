"""A sheet as a web page that prints well, without scripts."""

from __future__ import annotations

from collections.abc import Iterator

from cnncost.escape import markup
from cnncost.tables.grid import Grid
from cnncost.teaching.formats.pages import page
from cnncost.teaching.sheet import ExerciseSheet

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: left; border-bottom: 1px solid #8884; }
th { border-bottom: 2px solid #888; }
.number { text-align: right; }
.scroll { overflow-x: auto; }
code { font-size: .9em; }
@media print { body { margin: 0; max-width: none; } .scroll { overflow: visible; } }
"""


def render(sheet: ExerciseSheet, solved: bool) -> str:
    """The sheet, and its solutions where they are wanted."""
    on = page(sheet, solved)
    body = [f"<h1>{markup(on.title)}</h1>", *[f"<p>{markup(line)}</p>" for line in on.lead]]
    for grid in on.tables:
        body += table(grid)
    if on.questions:
        body.append("<h2>Questions</h2>")
        body += [f"<p><b>({number})</b> {markup(text)}</p>" for number, text in on.questions]
    if solved:
        body.append("<h2>Solutions</h2>")
        for found in on.solutions:
            question = found.blank.question
            what = f"{markup(question.what)}: " if question.cell else ""
            body.append(f"<p><b>({found.blank.number})</b> {what}<b>{markup(found.answer)}</b></p>")
            body.append(
                "<ul>" + "".join(f"<li><code>{markup(x)}</code></li>" for x in found.working) + "</ul>"
            )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{markup(on.title)}</title>\n"
        f'<meta name="viewport" content="width=device-width">\n<style>{STYLE}</style>\n</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def table(grid: Grid) -> Iterator[str]:
    """A table with its notes; a wide one scrolls by itself, by keyboard too."""
    numbers = [' class="number"' if column.number else "" for column in grid.columns]
    head = "".join(
        f'<th scope="col"{kind}>{markup(column.heading)}</th>'
        for column, kind in zip(grid.columns, numbers, strict=True)
    )
    yield f'<h2>{markup(grid.title)}</h2>\n<div class="scroll" tabindex="0"><table><tr>{head}</tr>'
    for row in grid.rows:
        cells = zip(row, numbers, strict=True)
        yield "<tr>" + "".join(f"<td{kind}>{markup(cell.text)}</td>" for cell, kind in cells) + "</tr>"
    yield "</table></div>"
    for note in grid.notes:
        yield f"<p>{markup(note)}</p>"
