"""A sheet as a LaTeX document of its own."""

from __future__ import annotations

from dataclasses import replace

from cnncost.tables.latex import render as table
from cnncost.tables.mathematics import escape, mathematics
from cnncost.tables.paper import Paper
from cnncost.teaching.formats.pages import page
from cnncost.teaching.sheet import ExerciseSheet

PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=20mm]{geometry}
\usepackage{booktabs,graphicx,siunitx,amsmath,textcomp}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\begin{document}
"""


def render(sheet: ExerciseSheet, solved: bool) -> str:
    """The sheet, and its solutions where they are wanted; pdflatex sets it."""
    on = page(sheet, solved)
    parts = [rf"\section*{{{escape(on.title)}}}", *map(escape, on.lead)]
    parts += [_here(table(replace(grid, title="", caption=""), Paper(label="-"))) for grid in on.tables]
    if on.questions:
        parts.append(r"\subsection*{Questions}")
        parts += [rf"\textbf{{({number})}} {escape(text)}\par" for number, text in on.questions]
    if solved:
        parts.append(r"\subsection*{Solutions}")
        for found in on.solutions:
            what = f"{escape(found.blank.question.what)}: " if found.blank.question.cell else ""
            lines = [rf"\\ {{\small {mathematics(line)}}}" for line in found.working]
            head = rf"\textbf{{({found.blank.number})}} {what}\textbf{{{escape(found.answer)}}}"
            parts.append(head + "".join(lines) + r"\par")
    return PREAMBLE + "\n\n".join(parts) + "\n\\end{document}\n"


def _here(environment: str) -> str:
    """A table where it stands in the text, not where TeX floats it."""
    lines = environment.splitlines()
    kept = [line for line in lines if not line.startswith(("%", "\\label"))]
    inside = [
        line.replace("\\begin{table}", "\\begin{center}").replace("\\end{table}", "\\end{center}")
        for line in kept
    ]
    return "\n".join(line for line in inside if line != "\\centering")
