"""Kinds of question, and everything that can be asked of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from cnncost.teaching.cells import cells
from cnncost.teaching.lines import Lines
from cnncost.teaching.mistakes import mistakes
from cnncost.teaching.question import Question
from cnncost.teaching.texts import change, exactness, missing, most, stacks, training


class Asking(NamedTuple):
    """A kind of question."""

    help: str
    ask: Callable[[Lines], Iterator[Question]]


KINDS: dict[str, Asking] = {
    "shape": Asking("the output's shape", cells("shape", 1)),
    "memory": Asking("memory of the output", cells("memory", 1)),
    "params": Asking("learnable parameters", cells("params", 1)),
    "macs": Asking("operations, as the convention counts them", cells("macs", 2)),
    "receptive": Asking("receptive field, in pixels of the input", cells("receptive", 3)),
    "stride": Asking("total stride: pixels between neighbouring outputs", cells("stride", 2)),
    "infer": Asking("a missing kernel or padding", missing),
    "most": Asking("the line that has most of something", most),
    "stacks": Asking("small convolutions in a row against a large one", stacks),
    "exact": Asking("whether a division is exact", exactness),
    "change": Asking("a count after a change", change),
    "training": Asking("memory of training", training),
}
"""Every kind of question, in the order of a sheet."""


def questions(lines: Lines, kinds: tuple[str, ...]) -> list[Question]:
    """Everything of these kinds that can be asked of a network."""
    return [question for kind in kinds for question in KINDS[kind].ask(lines)]


def with_mistakes(question: Question, lines: Lines) -> Question:
    """A cell with its likely mistakes; a question with a text has them."""
    if not question.cell:
        return question
    line = lines.line(question.line)
    return question._replace(mistakes=mistakes(lines, line, question.kind))
