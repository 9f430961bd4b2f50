"""Marking: what is right, what follows from an error, which mistake it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnncost
from cnncost.analysis.conventions import convention
from cnncost.errors import UsageError
from cnncost.request import Run
from cnncost.teaching.choosing import Wanted, sheets
from cnncost.teaching.grade import grade
from cnncost.teaching.question import Question
from cnncost.teaching.questions import KINDS, with_mistakes
from cnncost.teaching.reading import read
from cnncost.teaching.sheet import Blank, ExerciseSheet
from cnncost.teaching.solving import answer
from tests.teaching.test_lines import of


def sheet(name: str, *cells: tuple[str, str], rules: str = "cnncost") -> ExerciseSheet:
    """A sheet that asks for some cells: line and kind."""
    lines = of(name, rules)
    at = {line.row.name: line.at for line in lines.lines if line.row}
    blanks = []
    for number, (line, kind) in enumerate(cells, 1):
        parts = lines.lines[at[line] - 1].cells[kind]
        unit = "B" if kind == "memory" else ""
        question = Question(kind, 1, at[line], f"{kind} of {line}", parts, unit, hides=kind)
        blanks.append(Blank(number, 1, with_mistakes(question, lines)))
    return ExerciseSheet("s", None, rules, tuple(blanks), (lines,))


def comments(of_sheet: ExerciseSheet, *given: str) -> list[tuple[int, str]]:
    marked = grade(of_sheet, dict(enumerate(given, 1)), "a")
    return [(mark.points, mark.comment) for mark in marked.marks]


@pytest.mark.parametrize("name", ["alexnet", "vgg16", "googlenet", "mobilenet_v1", "resnet18", "r3d_18"])
def test_the_right_answers_are_right(name: str) -> None:
    graph = cnncost.load(name)
    for rules in ("cnncost", "deeprob", "keras"):
        (one,) = sheets([graph], Run(convention=rules), Wanted(tuple(KINDS), 40))
        marked = grade(one, {blank.number: answer(blank).split(" (")[0] for blank in one.blanks}, "a")
        assert marked.points == 40, [mark for mark in marked.marks if not mark.points]


def test_an_error_is_charged_once() -> None:
    cells = (
        ("conv1", "shape"),
        ("conv1", "memory"),
        ("pool1", "shape"),
        ("conv2", "shape"),
        ("conv2", "macs"),
    )
    # Without its padding conv1 makes 55 x 55 (the paper's), which halves to 27 as 56 does.
    assert comments(sheet("alexnet", *cells), "64x55x55", "774,400", "64x27x27", "192x27x27", "223948800") == [
        (0, "the padding is left out"), (1, "follows from (1)"), (1, ""), (1, ""), (1, ""),
    ]  # fmt: skip
    wide = comments(
        sheet("alexnet", *cells), "64x221x221", "12503296", "64x110x110", "192x110x110", "3717120000"
    )
    assert wide == [
        (0, "the stride is ignored"), (1, "follows from (1)"), (1, "follows from (1)"), (1, "follows from (3)"),
        (1, "follows from (4)"),
    ]  # fmt: skip


def test_an_error_inside_an_error_is_named() -> None:
    cells = (("conv1", "shape"), ("conv1", "memory"))
    assert comments(sheet("alexnet", *cells), "64x55x55", "193600")[1] == (
        0,
        "values are counted, not their bytes",
    )


def test_channels_last_carry_on_too() -> None:
    cells = (("conv1", "shape"), ("conv1", "memory"))
    assert comments(sheet("alexnet", *cells), "56x56x64", "784 KB") == [(1, ""), (1, "")]
    assert comments(sheet("alexnet", *cells), "55x55x64", "774400") == [
        (0, "the padding is left out"), (1, "follows from (1)"),
    ]  # fmt: skip


@pytest.mark.parametrize("name, line, kind, given, said", [
    ("alexnet", "conv1", "params", "23232", "the bias is forgotten"),
    ("alexnet", "conv1", "macs", "145711104", "FLOPs are counted, two per MAC"),
    ("alexnet", "conv1", "memory", "803", "1000 is taken for 1024: kB for KiB"),
    ("alexnet", "conv1", "memory", "200704", "values are counted, not their bytes"),
    ("alexnet", "conv1", "memory", "6422528", "bits are counted, not bytes"),
    ("alexnet", "pool1", "shape", "64x28x28", "rounded the wrong way"),
    ("alexnet", "pool1", "shape", "64x26x26", "the + 1 is forgotten"),
    ("alexnet", "pool1", "stride", "2", "this is its own stride, not the product of all"),
    ("alexnet", "conv2", "receptive", "5", "this is the kernel alone"),
    ("alexnet", "conv2", "shape", "192x23x23", "the padding is left out"),
    ("alexnet", "conv2", "shape", "192x25x25", "the padding is added on one side only"),
    ("alexnet", "conv2", "shape", "64x27x27", "the channels are wrong"),
    ("alexnet", "conv2", "params", "lots", "this is no number of that kind"),
    ("alexnet", "conv2", "params", "", "no answer"),
    ("alexnet", "conv2", "params", "0.3 M", "right, but to too few digits"),
    ("googlenet", "pool1", "shape", "64x55x55", "rounded the wrong way"),
])  # fmt: skip
def test_the_likely_mistake_is_named(name: str, line: str, kind: str, given: str, said: str) -> None:
    assert comments(sheet(name, (line, kind)), given) == [(0, said)]


def test_groups_ignored_are_named() -> None:
    lines = of("mobilenet_v1")
    line = next(line for line in lines.lines if (line.nodes[0].op.given("groups") or 1) > 1)
    assert line.row is not None
    channels = line.nodes[0].shape[1]
    dense = 9 * channels * channels + 2 * channels  # and the batch norm's scale and shift
    assert comments(sheet("mobilenet_v1", (line.row.name, "params")), str(dense)) == [
        (0, "the groups are ignored")
    ]


@pytest.mark.parametrize("rules, said", [
    ("torch", "MACs are counted, half of the FLOPs"),
    ("deeprob", "doubled: here a multiply-add is one of the FLOPs"),
])  # fmt: skip
def test_operations_are_those_of_the_convention(rules: str, said: str) -> None:
    right = int(of("alexnet", rules).lines[0].cells["macs"][0].term.value)
    wrong = right // 2 if convention(rules).per_mac == 2 else right * 2
    assert comments(
        sheet("alexnet", ("conv1", "macs"), rules=rules),
        str(right),
    ) == [(1, "")]
    assert comments(sheet("alexnet", ("conv1", "macs"), rules=rules), str(wrong)) == [(0, said)]


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(["", "x", "64x55x55", "1", "802816", "0", "9e99", "-1", "conv1", "yes"]),
        min_size=14,
        max_size=14,
    )
)
def test_marking_never_fails_and_never_gives_more_than_there_is(given_: list[str]) -> None:
    (one,) = sheets([GRAPH], Run(), Wanted(tuple(KINDS), 14))
    marked = grade(one, dict(enumerate(given_, 1)), "a")
    assert len(marked.marks) == 14 and 0 <= marked.points <= 14
    assert all(bool(mark.comment) or mark.points == 1 for mark in marked.marks)


GRAPH = cnncost.load("alexnet")


def _file(tmp_path: Path, content: str, name: str = "answers.csv") -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def test_answers_of_every_form_are_read(tmp_path: Path) -> None:
    one = sheet("alexnet", ("conv1", "shape"), ("conv1", "params"))
    forms = {
        "long.csv": "student,question,answer\nann,1,64x56x56\nann,2,23296\n",
        "semicolon.csv": "student;question;answer\nann;(1);64x56x56\nann;2;23296\n",
        "wide.csv": "student,1,2\nann,64x56x56,23296\n",
        "moodle.csv": "\ufeffstudent,Response 1,Response 2\nann,64x56x56,23296\n",
    }
    for name, content in forms.items():
        (found,) = read(_file(tmp_path, content, name), [one])
        assert (found.student, found.answers) == ("ann", {1: "64x56x56", 2: "23296"}), name


def test_a_filled_notebook_is_read(tmp_path: Path) -> None:
    from cnncost.teaching.formats.notebook import render

    one = sheet("alexnet", ("conv1", "shape"), ("conv1", "params"))
    notebook = render(one, False).replace("answer_1 = ...", "answer_1 = '64x56x56'  # mine")
    (found,) = read(_file(tmp_path, notebook, "ann.ipynb"), [one])
    assert (found.student, found.answers) == ("ann", {1: "64x56x56"})


@pytest.mark.parametrize("cell, answer", [
    ("answer_1 = 64 * 56 * 56", "200704"),
    ("answer_1 = (64 * 11 * 11 * 3\n            + 64)", "23296"),
    ("side = (227 - 11 + 2 * 2) // 4 + 1\nanswer_1 = 64 * side * side", "200704"),
    ("answer_1 = (64, 56, 56)  # channels first", "64x56x56"),
    ("answer_1 = [56, 56, 64]", "56x56x64"),
    ("answer_1 = 200_704", "200704"), ("answer_1 = 1568 / 2", "784"), ("answer_1 = 0.766", "0.766"),
    ("answer_1 = 784 KB  # no Python", "784 KB"), ("answer_1 = yes", "yes"), ("answer_1 = '\\d'", r"\d"),
    ("answer_1 = 3\nanswer_1 = 4", "4"),
    ("answer_1 = open('x')", "open('x')"), ("answer_1 = 9 ** 9 ** 9", "9 ** 9 ** 9"), ("answer_1 = 1 / 0", "1 / 0"),
    ("answer_1 = " + "-" * 20_000 + "1", "-" * 20_000 + "1"),
])  # fmt: skip
def test_what_a_cell_of_a_notebook_calculates(tmp_path: Path, cell: str, answer: str) -> None:
    """As Python does it, but nothing is run."""
    from cnncost.teaching.formats.notebook import render

    one = sheet("alexnet", ("conv1", "shape"))
    notebook = json.loads(render(one, False))
    notebook["cells"][-1]["source"] = [cell]
    (found,) = read(_file(tmp_path, json.dumps(notebook), "ann.ipynb"), [one])
    assert found.answers == {1: answer}


@pytest.mark.parametrize("content, message", [
    ("student,question,answer\nann,9,1\n",
     "there is no question 9 on sheet s, which has 1\n  are these the answers to another sheet or seed?"),
    ("sheet,question,answer\nalexnet-8,1,1\n",
     "these are answers to sheet 'alexnet-8', and --sheet has s\n  give the sheet of the same network and seed"),
    ("name,mark\nann,1\n",
     "no answers in the columns name, mark\n  columns are student, question, answer; or student, 1, 2, 3, ..."),
    ("", "has no answers"),
])  # fmt: skip
def test_answers_that_are_not_to_this_sheet(content: str, message: str, tmp_path: Path) -> None:
    path = _file(tmp_path, content)
    with pytest.raises(UsageError) as caught:
        read(path, [sheet("alexnet", ("conv1", "shape"))])
    assert str(caught.value).replace(": ", " ", 1) == f"{path} {message}".replace(": ", " ", 1)


def test_a_line_without_a_number_is_named(tmp_path: Path) -> None:
    path = _file(tmp_path, "question,answer\nfirst,1\n")
    with pytest.raises(UsageError) as caught:
        read(path, [sheet("alexnet", ("conv1", "shape"))])
    assert str(caught.value) == f"{path}, line 2: the question is a number, not 'first'"


def test_hidden_tests_of_the_notebook_mark_as_we_do() -> None:
    from cnncost.teaching.formats.notebook import render

    one = sheet("alexnet", ("conv1", "shape"), ("conv1", "memory"))
    cells = json.loads(render(one, True))["cells"]
    tests = ["".join(cell["source"]) for cell in cells if cell["id"].startswith("test-")]
    assert len(tests) == 2
    exec(tests[1], {"answer_2": "784 KB"})
    with pytest.raises(AssertionError):
        exec(tests[1], {"answer_2": "785 KB"})
