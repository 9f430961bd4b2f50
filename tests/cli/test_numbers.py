"""Numbers as people write them, in every option of every command: a test over all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import typer.main

from cnncost.cli import numbers
from cnncost.cli.main import app
from cnncost.errors import UsageError
from cnncost.units import written_bytes, written_count, written_seconds

WORDS = {
    "--architecture", "--autocast", "--by", "--caption", "--cluster", "--color", "--columns", "--compare", "--convention", "--curves", "--ddp", "--deck",
    "--device", "--direction", "--dtype", "--eval", "--family", "--font", "--format", "--freeze", "--from", "--kwargs", "--label",
    "--launch", "--layout", "--loss", "--maximize", "--minimize", "--mode", "--names", "--on", "--optimizer", "--order",
    "--paper", "--questions", "--rev", "--road", "--runtime", "--sort", "--stack", "--strategy", "--task", "--title", "--units",
    "--verdict", "--width", "--x", "--y",
}  # fmt: skip
"""Options whose values are words, names or files."""
WRITTEN = {
    "--input": "sizes of axes, each of a few digits: 3x224x224; 1k would be no size of an image",
    "--set": "a value of the spec language, where 10k is no number; 10e3 is one",
    "--batch-axis": "the number of an axis",
    "--year": "years, not quantities",
    "--only": "numbers of lines, and names",
    "--size": "inches of a page: 3.35x2.5",
    "--add": "a model and its accuracy in percent: mine.yaml=74.1, or 74.1%",
    "--bits": "whole words: 4, w4a8, float32",
    "--resource": "a name and a number, which dask writes plain: GPU=1",
    "--vary": "an axis and its values, which are numbers as people write them: tested below",
    "--values": "a list of sizes, each as people write it: tested below",
    "--fits": "a size as people write it, or a device: tested below",
}
"""Texts that have numbers in them, and why they are no single number as people write it."""

OPTIONS: list[tuple[str, Any]] = []
for name in typer.main.get_command(app).list_commands(None):  # type: ignore[attr-defined,arg-type]
    command = typer.main.get_command(app).get_command(None, name)  # type: ignore[attr-defined,arg-type]
    OPTIONS += [(name, option) for option in command.params if option.param_type_name == "option"]

HUMAN = {"1k": 1000, "1KiB": 1024, "1ms": 0.001, "1%": 1.0, "90s": 1.5}
"""What the parsers make of them; each takes one."""


@pytest.mark.parametrize("of, option", OPTIONS, ids=[f"{name} {option.opts[0]}" for name, option in OPTIONS])
def test_every_option_that_takes_a_number(of: str, option: Any) -> None:
    kind = type(option.type).__name__
    if getattr(option, "is_flag", False) or "Path" in kind:
        return
    if kind == "StringParamType":
        assert option.opts[0] in WORDS or option.opts[0] in WRITTEN, (
            f"{of} {option.opts[0]}: a number or not?"
        )
        return
    assert kind == "FuncParamType", f"{of} {option.opts[0]} is read by {kind}, not as people write numbers"
    read = option.type.func
    found = []
    for text, value in HUMAN.items():
        try:
            found.append(read(text) == pytest.approx(value))
        except UsageError:
            continue
    assert any(found), f"{of} {option.opts[0]} takes none of {', '.join(HUMAN)}"
    with pytest.raises(UsageError) as error:
        read("ten")
    assert str(error.value).startswith(f"{option.opts[0]} 'ten' is not a "), "the option that is at fault"


def test_the_tables_name_options_that_there_are() -> None:
    there = {option.opts[0] for _, option in OPTIONS}
    assert WORDS | set(WRITTEN) <= there, "no such option"


BAD: list[tuple[Callable[[str], Any], str, str]] = [
    (numbers.count("--batch"), "2.5", "--batch '2.5' is not a count\n  for example: --batch 8, 32 or 1k"),
    (numbers.count("--batch"), "1,5k", "--batch '1,5k' is not a count\n  for example: --batch 8, 32 or 1k"),
    (numbers.values("--max-params"), "25MB", "--max-params '25MB' is a size, not a count\n  of float32 that is --max-params 6.25M"),
    (numbers.values("--max-params"), "1 GiB", "--max-params '1 GiB' is a size, not a count\n  of float32 that is --max-params 268.435M"),
    (numbers.values("--max-params"), "2kB", "--max-params '2kB' is a size, not a count\n  of float32 that is --max-params 500"),
    (numbers.values("--max-params"), "25x", "--max-params '25x' is not a count\n  for example: --max-params 10M, 4.5G or 10e6"),
    (numbers.count("--rows", 0), "-1", "--rows -1 is not a count from 0 on\n  for example: --rows 10"),
    (numbers.size("--max-peak"), "320", "--max-peak '320' is not a size: it has no unit\n"
     "  for example: --max-peak 320KiB, 24GiB or 500MB"),
    (numbers.size("--round", bare=True), "x", "--round 'x' is not a size\n  for example: --round 320KiB, 24GiB or 500MB"),
    (numbers.seconds("--max-latency"), "10", "--max-latency '10' is not a time\n"
     "  for example: --max-latency 10ms, 300us or 0.5s"),
    (numbers.percent("--min-top1"), "101", "--min-top1 '101' is not a percentage\n"
     "  for example: --min-top1 70 or 74.5%"),
    (numbers.minutes("--minutes"), "soon", "--minutes 'soon' is not a time\n  for example: --minutes 4, 2.5 or 90s"),
    (numbers.number("--watts"), "many", "--watts 'many' is not a number\n  for example: --watts 350, 2.5 or 1.2k"),
]  # fmt: skip


@pytest.mark.parametrize("read, text, message", BAD, ids=[text for _, text, _ in BAD])
def test_what_is_no_number(read: Callable[[str], Any], text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        read(text)
    assert str(error.value) == message


def test_a_comma_is_never_taken_for_a_point() -> None:
    """1,5M is 1.5 million to some and 15 million to others: it is none."""
    assert written_count("25,557,032") == 25_557_032 and written_count("1,000.5k") == 1_000_500
    for text in ("1,5M", "1,50", "12,3456", "1,", ",5", "1,000,00"):
        assert written_count(text) is None and written_bytes(f"{text}B") is None
    assert written_seconds("1,5s") is None


def test_a_count_is_whole() -> None:
    assert [written_count(text) for text in ("2.5", "0.1k", "1.2345k", "25e-1")] == [None, 100, None, None]
    assert written_bytes("1.3GiB") == 1_395_864_371  # as much as fits into it


@pytest.mark.parametrize(
    "text, seconds", [("2min", 120.0), ("1h", 3600.0), ("1.5 s", 1.5), ("300µs", 300e-6)]
)
def test_times(text: str, seconds: float) -> None:
    assert written_seconds(text) == seconds


def test_values_of_axes_and_sweeps() -> None:
    from cnncost.choosing.axes import values_of
    from cnncost.cli.plot import parse_values

    assert values_of("classes=1k,10k", "1k,10k") == (1000, 10_000)
    assert values_of("classes=1k..3k:1k", "1k..3k:1k") == (1000, 2000, 3000)
    assert values_of("width=0.5..1:0.25", "0.5..1:0.25") == (0.5, 0.75, 1.0)
    assert parse_values("1k:3k:1k") == (1000, 2000, 3000) and parse_values("128,1k") == (128, 1000)
    assert parse_values("128:192:32") == (128, 160, 192)


def test_sizes_as_people_write_them() -> None:
    from cnncost.cli.options import parse_input

    for text in (
        "3x32x48",
        "3X32X48",
        "3×32×48",
        "3*32*48",
        "3,32,48",
        "3, 32, 48",
        "[3, 32, 48]",
        "(3,32,48)",
    ):
        assert parse_input([text]) == (3, 32, 48), text
