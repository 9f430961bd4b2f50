"""Sheets: the same for ever, as difficult for everyone, nothing given away; what cannot be is said."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnncost
from cnncost.errors import UsageError
from cnncost.request import Run
from cnncost.teaching.chance import chance, pick
from cnncost.teaching.choosing import Wanted, kinds_of, random_sheets, sheets
from cnncost.teaching.formats.markdown import render
from cnncost.teaching.invent import network
from cnncost.teaching.questions import KINDS, questions
from cnncost.teaching.sheet import Blank, ExerciseSheet, document, read
from cnncost.teaching.solving import answer, solutions
from tests.teaching.test_lines import of

EVERYTHING = tuple(KINDS)


def made(*names: str, **wanted: Any) -> list[ExerciseSheet]:
    return list(sheets([cnncost.load(name) for name in names], Run(), Wanted(**wanted)))


def test_the_same_seed_gives_the_same_sheet_for_ever(golden: Any) -> None:
    (one,) = made("alexnet", seed=7, kinds=EVERYTHING, blanks=20)
    golden("alexnet-7.md", render(one, True))
    invented = next(random_sheets(Run(), Wanted(seed=7)))
    golden("net7.md", render(invented, True))


def test_chance_is_the_same_in_every_python() -> None:
    by = chance(7, "x")  # Mersenne Twister, seeded by the SHA-512 of a text: documented as reproducible
    assert [pick(by, range(1000)) for _ in range(4)] == [pick(chance(7, "x"), range(1000)), *_rest()]


def _rest() -> list[int]:
    by = chance(7, "x")
    return [int(by.random() * 1000) for _ in range(4)][1:]


@pytest.mark.parametrize("random", [False, True])
def test_students_have_different_sheets_of_equal_difficulty(random: bool) -> None:
    wanted = Wanted(students=60, kinds=EVERYTHING, blanks=14, seed=3)
    found = list(random_sheets(Run(), wanted) if random else sheets([cnncost.load("vgg16")], Run(), wanted))
    shares = {
        tuple(sorted(Counter((b.question.kind, b.question.level) for b in one.blanks).items()))
        for one in found
    }
    assert len(shares) == 1
    asked = {tuple((b.question.line, b.question.what) for b in one.blanks) for one in found}
    assert len(asked) == 60 and [one.student for one in found] == list(range(1, 61))


@pytest.mark.parametrize(
    "name", ["alexnet", "vgg16", "googlenet", "mobilenet_v1", "resnet18", "unet", "waveform_m5"]
)
def test_no_text_gives_an_answer_away(name: str) -> None:
    for seed in range(5):
        (one,) = made(name, seed=seed, kinds=EVERYTHING, blanks=14, by="layer")
        shown = render(one, False)
        table = [line for line in shown.splitlines() if line.startswith("|")]
        for blank in one.blanks:
            if blank.question.hides:
                assert sum(f" ({blank.number}) " in line for line in table) == 1
        hidden = {(b.question.line, b.question.hides) for b in one.blanks}
        assert not hidden & {cell for b in one.blanks for cell in b.question.tells}


@settings(max_examples=40)
@given(st.integers(0, 10**9))
def test_an_invented_network_divides_and_stays_small(seed: int) -> None:
    graph, text = network(chance(seed), "n")
    report = cnncost.analyze(graph)
    for row in report.rows:
        assert row.params < 10**6 and row.macs < 10**9
    for node in graph.nodes[1:]:
        for slide, size in zip(
            node.op.windows(*graph.input_shapes(node)), graph.input_shapes(node)[0].space, strict=False
        ):
            assert (size - slide.reach + slide.before + slide.after) % slide.stride == 0
    assert "conv" in text and "linear" in text


def test_json_and_back(tmp_path: Path) -> None:
    from cnncost import escape

    found = made("alexnet", "lenet5_1998", kinds=EVERYTHING, blanks=30, students=3)
    path = tmp_path / "sheet.json"
    path.write_text(escape.document(document(found, 1)))
    for one, again in zip(found, read(path), strict=True):
        assert (one.name, one.student, one.convention) == (again.name, again.student, again.convention)
        assert [answer(blank) for blank in one.blanks] == [answer(blank) for blank in again.blanks]
        for blank, other in zip(one.blanks, again.blanks, strict=True):
            assert [m.says for m in blank.question.mistakes] == [m.says for m in other.question.mistakes]


def test_every_blank_has_its_working_and_it_ends_in_the_answer() -> None:
    for name, by in (
        ("alexnet", "layer"),
        ("googlenet", "layer"),
        ("r3d_18", "layer"),
        ("resnet18", "layer"),
    ):
        (one,) = made(name, kinds=EVERYTHING, blanks=40, by=by, seed=2)
        for found in solutions(one):
            assert found.working, found.blank
            if found.blank.question.words or found.blank.question.kind in ("shape", "stacks"):
                continue
            value = f"{int(found.blank.question.parts[0].term.value):,}"
            assert any(value in line for line in found.working), found


def test_what_cannot_be_is_said() -> None:
    for wanted, message in (
        (
            {"blanks": 100, "kinds": ("shape", "params")},
            "--blanks 100, but only 20 questions of the kinds shape, params can be asked here\n"
            f"  --blanks 20, or more kinds: {', '.join(KINDS)}",
        ),
        (
            {"blanks": 12, "kinds": ("shape",), "students": 2},
            "there are no 2 different sheets of 12 blanks: 1 were found\n"
            "  fewer --blanks, more kinds of --questions, or --random",
        ),
    ):
        with pytest.raises(UsageError) as caught:
            made("alexnet", **wanted)
        assert str(caught.value) == message
    with pytest.raises(UsageError) as caught:
        made("densenet201")
    assert str(caught.value) == (
        "densenet201 has 305 lines, and a sheet shows 100 at most\n"
        "  --by block or --by stage, or a part of it: --only conv1,layer1"
    )
    with pytest.raises(UsageError) as caught:
        kinds_of("shape,parms")
    assert str(caught.value).startswith("--questions: unknown kind 'parms': did you mean 'params'?")


@pytest.mark.parametrize("content, said", [
    ("{", "is no sheet: "), ("[]", "must be an object"), ("{}", ".sheets is missing"),
    ('{"sheets": [{"sheet": "a", "student": null, "convention": "cnncost", "blanks": [{"number": 1}]}]}', "is missing"),
])  # fmt: skip
def test_a_file_that_is_no_sheet(content: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "sheet.json"
    path.write_text(content)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert said in str(caught.value) and "exercise" in str(caught.value)
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "nothing.json")
    assert "cannot be read" in str(caught.value)


def test_questions_with_a_text_have_right_answers() -> None:
    """Against PyTorch: what a changed convolution has, what a missing kernel makes, what training keeps."""
    from torch import nn

    found = questions(of("alexnet"), ("infer", "change", "stacks", "exact", "most", "training"))
    asked = {question.what: answer(Blank(1, 1, question)) for question in found}
    assert asked["How large is the kernel of conv2, along one side? The division is exact."] == "5"
    assert asked["How large is the padding of conv3, on each side? The division is exact."] == "1"
    double = "conv1 (conv, 11, stride 4) gets twice as many filters, all else as it is. How many parameters does it have then?"
    assert asked[double] == f"{sum(p.numel() for p in nn.Conv2d(3, 128, 11).parameters()):,}"
    stack = "3 convolutions 3x3 in a row stand in the place of one 7x7, 64 channels in and out, no bias. How many parameters fewer is that?"
    fewer = (
        nn.Conv2d(64, 64, 7, bias=False).weight.numel() - 3 * nn.Conv2d(64, 64, 3, bias=False).weight.numel()
    )
    assert asked[stack] == f"{fewer:,}"
    assert asked["Which line has most params?"] == "fc6" and asked["Which line has most memory?"] == "conv1"
    training = next(what for what in asked if "trained with adam" in what)
    assert asked[training].startswith(f"{61_100_840 * 4 * 4:,} bytes")
    # (227 - 11 + 4) / 4 = 55, (56 - 3) / 2 = 26.5, (27 - 3) / 2 = 12, (13 - 3) / 2 = 5
    exact = {what: found for what, found in asked.items() if what.startswith("Is the division exact")}
    assert list(exact.values()) == ["yes", "no", "yes", "yes"]


RECTANGLES = """\
input: [3, 63, 64]
body:
  - {conv: {out: 8, kernel: [3, 5], stride: 2, pad: [1, 2]}}
  - {conv: {out: 16, kernel: [1, 7], pad: [0, 3]}}
"""


def test_questions_about_windows_that_are_no_squares(tmp_path: Path) -> None:
    """Against PyTorch; a division is exact if it is along every axis, whichever comes first."""
    from torch import empty, nn

    spec = tmp_path / "rectangles.yaml"
    spec.write_text(RECTANGLES)
    found = questions(of(str(spec)), ("infer", "change", "exact"))
    asked = {question.what: answer(Blank(1, 1, question)) for question in found}
    inferred = {what: int(right) for what, right in asked.items() if what.startswith("How large is the")}
    kernel, padding = (
        "How large is the kernel of {}, along the {}?",
        "How large is the padding of {}, along the {}, on each side?",
    )
    first = [
        inferred[f"{text.format('conv1', axis)} The division is exact."]
        for text, axis in ((kernel, "height"), (padding, "height"))
    ]
    assert first == [3, 1] and nn.Conv2d(3, 8, (3, 5), 2, (1, 2))(empty(1, 3, 63, 64)).shape[2:] == (32, 32)
    # along the width (64 - 5 + 4) / 2 is not exact, so that other kernels fit as well
    assert not [what for what in inferred if "conv1" in what and "width" in what]
    assert inferred[f"{kernel.format('conv2', 'width')} The division is exact."] == 7
    assert inferred[f"{padding.format('conv2', 'width')} The division is exact."] == 3
    larger = "conv2 (conv, 1x7) gets a kernel larger by 2 on every side, all else as it is. How many parameters does it have then?"
    assert asked[larger] == f"{sum(p.numel() for p in nn.Conv2d(8, 16, (3, 9)).parameters()):,}"
    (exact,) = [(what, right) for what, right in asked.items() if what.startswith("Is the division exact")]
    assert exact == (
        "Is the division exact in the output size of conv1 (conv, 3x5, stride 2) with padding 1x2 on 63x64? (yes or no)",
        "no",
    )


def test_two_sheets_of_a_call_are_told_apart_by_name() -> None:
    names = [one.name for one in itertools.islice(random_sheets(Run(), Wanted(students=3)), 3)]
    assert names == ["net1_1-1", "net1_2-1", "net1_3-1"]
    assert [one.name for one in made("alexnet", students=2)] == ["alexnet-1-1", "alexnet-1-2"]
