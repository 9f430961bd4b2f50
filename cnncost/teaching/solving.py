"""The working of every blank, as a lecture shows it."""

from __future__ import annotations

from typing import NamedTuple

from cnncost import units
from cnncost.analysis.explain import Explained, explained
from cnncost.teaching.lines import Lines
from cnncost.teaching.sheet import Blank, ExerciseSheet


class Solution(NamedTuple):
    """A blank's answer and how it is found, line by line."""

    blank: Blank
    answer: str
    working: tuple[str, ...]


WORDS = {"receptive": "receptive field", "stride": "jump"}
"""What `explain` calls a quantity, where it is not the kind of question."""


def solutions(sheet: ExerciseSheet) -> list[Solution]:
    """The solutions of a sheet that was made here (one that was read from a file has no networks)."""
    known: dict[tuple[int, int], list[Explained]] = {}
    found = []
    for blank in sheet.blanks:
        question = blank.question
        working = question.working
        if question.cell:
            key = (blank.network, question.line)
            if key not in known:
                known[key] = _explained(sheet.networks[blank.network - 1], question.line)
            working = _working(known[key], question.kind, sheet.networks[blank.network - 1])
        found.append(Solution(blank, answer(blank), working))
    return found


def answer(blank: Blank) -> str:
    """The right answer in words."""
    question = blank.question
    if question.words:
        return question.words[0]
    values = tuple([int(part.term.value) for part in question.parts])
    if question.kind == "shape":
        return units.shape(values)
    if question.unit == "B":
        size = f" ({units.size(values[0])})" if values[0] >= 1024 else ""
        return f"{values[0]:,} bytes{size}"
    return f"{values[0]:,}"


def _explained(lines: Lines, at: int) -> list[Explained]:
    """The working of every node of a line."""
    return [
        explained(lines.graph, node, lines.shapes, lines.fields, lines.bytes, lines.rules)
        for node in lines.line(at).nodes
    ]


def _working(layers: list[Explained], kind: str, lines: Lines) -> tuple[str, ...]:
    """The lines of `explain` that lead to a cell; of several operators those that do something to it."""
    if kind in ("receptive", "stride", "shape"):
        wanted = WORDS.get(kind, "output ")
        found = [
            line.working
            for place, layer in enumerate(layers)
            for line in layer.lines
            if line.quantity.startswith(wanted) and (not place or _does_something(layer, kind))
        ]
        return tuple(dict.fromkeys(found))
    plain = lines.rules.name == "cnncost"
    wanted = kind if plain else f"{lines.rules.name}: {lines.rules.ops_name if kind == 'macs' else kind}"
    steps = [] if plain or kind != "macs" else _operations(layers, lines)
    terms = [
        (layer.name, line)
        for layer in layers
        for line in layer.lines
        if line.quantity == wanted and line.value
    ]
    if len(terms) == 1:
        return (*steps, terms[0][1].working)
    total = sum(int(line.value) for _, line in terms)
    return (*steps, *[f"{name}: {line.working}" for name, line in terms], f"together {total:,}")


def _operations(layers: list[Explained], lines: Lines) -> list[str]:
    """The MACs, and what a convention adds to them, before it sums them up."""
    totals = [f"{lines.rules.name}: {name}" for name in (lines.rules.ops_name, "params", "memory")]
    return [
        f"{'MACs' if line.quantity == 'macs' else line.quantity.partition(': ')[2]}: {line.working}"
        for layer in layers
        for line in layer.lines
        if line.value
        and (line.quantity == "macs" or line.quantity.startswith(f"{lines.rules.name}: "))
        and not line.quantity.startswith(tuple(totals))
    ]


def _does_something(layer: Explained, kind: str) -> bool:
    """Whether an operator behind a line's first changes what is asked for."""
    if kind == "shape":
        return layer.output_shape != layer.input_shapes[0]
    return any(line.symbol in ("r'", "j'") and line.formula not in ("r", "j") for line in layer.lines)
