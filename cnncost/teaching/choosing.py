"""A seed and a student -> the blanks of a sheet: as many of every kind and level for every student."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnncost.analysis import analyze
from cnncost.analysis.conventions import convention
from cnncost.errors import UsageError, known_word
from cnncost.graph import Graph
from cnncost.request import Run
from cnncost.teaching.chance import chance, pick
from cnncost.teaching.invent import network
from cnncost.teaching.lines import Lines
from cnncost.teaching.question import CELLS, Question
from cnncost.teaching.questions import KINDS, questions, with_mistakes
from cnncost.teaching.sheet import Blank, ExerciseSheet

MOST_LINES = 100
"""Lines that a sheet shows of a network."""
MOST_STUDENTS = 10_000
TRIES = 200
"""Draws for a sheet that no other student has, before it is said that there is none."""
USUAL = ("shape", "memory", "params", "macs")


class Wanted(NamedTuple):
    """What is asked for: kinds of question, how many, by which seed, how the networks are shown."""

    kinds: tuple[str, ...] = USUAL
    blanks: int = 12
    seed: int = 1
    by: str = "layer"
    students: int = 1
    only: tuple[str, ...] = ()  #: lines that are shown: by name, or by the block that they are in


def kinds_of(text: str) -> tuple[str, ...]:
    """`shape,memory` as kinds of question. Raises UsageError for an unknown one."""
    found = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in found:
        known_word("--questions: unknown kind", word, KINDS, "kinds")
    return found


Stock = Sequence[tuple[int, Question]]
"""Everything that can be asked: the place of a network, and a question."""
Shares = dict[tuple[str, int], int]
"""How many questions of every kind and level a sheet has."""


def sheets(graphs: Sequence[Graph], run: Run, wanted: Wanted) -> Iterator[ExerciseSheet]:
    """A sheet for every student on the same networks; no two have the same blanks.

    Raises UsageError for more blanks than there are cells, a network too large for a sheet, and more
    students than there are different sheets.
    """
    networks = tuple([_lines(graph, run, wanted, place) for place, graph in enumerate(graphs, 1)])
    stock = [(lines.place, question) for lines in networks for question in _asked(lines, wanted)]
    shares = _workable(stock, wanted)
    seen: set[tuple[int, ...]] = set()
    for student in range(1, wanted.students + 1):
        draws = (_draw(stock, shares, wanted.seed, student, attempt) for attempt in range(TRIES))
        drawn = next((drawn for drawn in draws if drawn is not None and drawn not in seen), None)
        if drawn is None:
            raise UsageError(
                f"there are no {wanted.students} different sheets of {wanted.blanks} blanks:"
                f" {len(seen)} were found\n"
                "  fewer --blanks, more kinds of --questions, or --random"
            )
        seen.add(drawn)
        yield _sheet(networks, [stock[place] for place in drawn], student, run, wanted, {})


def random_sheets(run: Run, wanted: Wanted) -> Iterator[ExerciseSheet]:
    """A sheet for every student on a network of its own, invented by the seed; as `sheets`."""
    shares: Shares = {}
    for student in range(1, wanted.students + 1):
        for attempt in range(TRIES):
            by = chance(wanted.seed, "network", student, attempt)
            graph, text = network(by, f"net{wanted.seed}_{student}")
            lines = _lines(graph, run, wanted, 1)
            stock = [(1, question) for question in _asked(lines, wanted)]
            shares = shares or _workable(stock, wanted)  # the first student's are everybody's
            drawn = _draw(stock, shares, wanted.seed, student, attempt)
            if drawn is not None:
                break
        else:
            raise UsageError(
                f"no network for student {student} was found that has {wanted.blanks} such questions\n"
                "  fewer --blanks, or more kinds of --questions"
            )
        yield _sheet((lines,), [stock[place] for place in drawn], student, run, wanted, {1: text})


def _lines(graph: Graph, run: Run, wanted: Wanted, place: int) -> Lines:
    graph = graph if run.mode == "train" else graph.without_heads()
    report = analyze(graph, by=wanted.by, **run.counting)
    lines = Lines(graph, report, convention(run.convention), place, wanted.by)
    lines.show(wanted.only)
    if len(lines.lines) > MOST_LINES:
        raise UsageError(
            f"{graph.name} has {len(lines.lines)} lines, and a sheet shows {MOST_LINES} at most\n"
            "  --by block or --by stage, or a part of it: --only conv1,layer1"
        )
    return lines


def _asked(lines: Lines, wanted: Wanted) -> list[Question]:
    shown = {line.at for line in lines.lines} | {0}
    return [question for question in questions(lines, wanted.kinds) if question.line in shown]


def _workable(stock: Stock, wanted: Wanted) -> Shares:
    """Shares by which a sheet can be drawn that gives no answer away. Raises UsageError if there are none."""
    for attempt in range(TRIES // 10):
        shares = _shares(stock, wanted, attempt)
        draws = (_draw(stock, shares, wanted.seed, 1, each) for each in range(TRIES // 10))
        if any(drawn is not None for drawn in draws):
            return shares
    raise UsageError(
        f"{wanted.blanks} questions of the kinds {', '.join(wanted.kinds)} give each other's answers away\n"
        "  fewer --blanks, or other kinds"
    )


def _shares(stock: Stock, wanted: Wanted, attempt: int) -> Shares:
    """How many questions of every kind and level there are to be: by the seed alone, so that every student's
    sheet is as difficult as the next. The kinds take turns."""
    if wanted.blanks > len(stock):
        raise UsageError(
            f"--blanks {wanted.blanks}, but only {len(stock)} questions of the kinds"
            f" {', '.join(wanted.kinds)} can be asked here\n"
            + (f"  --blanks {len(stock)}, or more" if stock else "  other")
            + f" kinds: {', '.join(KINDS)}"
        )
    there = Counter([(question.kind, question.level) for _, question in stock])
    kinds = list(dict.fromkeys(kind for kind, _ in there))
    taken: Counter[tuple[str, int]] = Counter()
    by, turn = chance(wanted.seed, "shares", attempt), 0
    while sum(taken.values()) < wanted.blanks:
        kind = kinds[turn % len(kinds)]
        rest = [key for key in there if key[0] == kind for _ in range(there[key] - taken[key])]
        if rest:
            taken[pick(by, rest)] += 1
        turn += 1
    return dict(taken)


def _draw(stock: Stock, shares: Shares, seed: int, student: int, attempt: int) -> tuple[int, ...] | None:
    """The places of a sheet's questions; None if there are too few of a kind and level that no other gives
    away. What a text tells is drawn first."""
    by, drawn = chance(seed, student, attempt), list[int]()
    asked, told = set[Spot](), set[Spot]()
    for share in sorted(shares, key=lambda share: share[0] in CELLS):
        places = [at for at, (_, one) in enumerate(stock) if (one.kind, one.level) == share]
        for _ in range(shares[share]):
            free = [at for at in places if _hidden(stock[at]) not in told and not _told(stock[at]) & asked]
            if not free:
                return None
            chosen = pick(by, free)
            places.remove(chosen)
            drawn.append(chosen)
            asked.add(_hidden(stock[chosen]))
            told |= _told(stock[chosen])
    return tuple(sorted(drawn))


Spot = tuple[int, int, str]
"""A cell of a sheet: network, line, column."""


def _hidden(one: tuple[int, Question]) -> Spot:
    return (one[0], one[1].line, one[1].hides)


def _told(one: tuple[int, Question]) -> set[Spot]:
    return {(one[0], *cell) for cell in one[1].tells}


def _sheet(
    networks: tuple[Lines, ...],
    drawn: Sequence[tuple[int, Question]],
    student: int,
    run: Run,
    wanted: Wanted,
    specs: dict[int, str],
) -> ExerciseSheet:
    order = sorted(drawn, key=lambda each: (not each[1].cell, each[0], each[1].line if each[1].cell else 0))
    blanks = tuple(
        [
            Blank(number, place, with_mistakes(question, networks[place - 1]))
            for number, (place, question) in enumerate(order, 1)
        ]
    )
    called = "-".join(dict.fromkeys(lines.graph.name for lines in networks))
    several = wanted.students > 1
    name = f"{called}-{wanted.seed}" + (f"-{student}" if several and not specs else "")
    return ExerciseSheet(name, student if several else None, run.convention, blanks, networks, specs)
