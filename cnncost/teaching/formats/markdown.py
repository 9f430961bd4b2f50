"""A sheet in Markdown."""

from __future__ import annotations

from cnncost.escape import markdown
from cnncost.tables.markdown import render as table
from cnncost.teaching.formats.pages import page
from cnncost.teaching.sheet import ExerciseSheet


def render(sheet: ExerciseSheet, solved: bool) -> str:
    """The sheet, and its solutions where they are wanted."""
    on = page(sheet, solved)
    parts = [f"# {markdown(on.title)}", *on.lead, *[table(grid).rstrip("\n") for grid in on.tables]]
    if on.questions:
        parts += ["## Questions", *[f"({number}) {markdown(text)}" for number, text in on.questions]]
    if solved:
        parts.append("## Solutions")
        for found in on.solutions:
            what = markdown(found.blank.question.what) if found.blank.question.cell else ""
            head = f"({found.blank.number}) {what + ': ' if what else ''}**{markdown(found.answer)}**"
            parts.append("\n".join([head, *[f"- `{line}`" for line in found.working]]))
    return "\n\n".join(parts) + "\n"
