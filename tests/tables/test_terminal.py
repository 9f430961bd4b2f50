"""A terminal gets a table that fits it, whole numbers and no false zero; a pipe gets all of it."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncost
from cnncost.cli import main
from cnncost.tables.fit import fitted, legible
from cnncost.tables.grid import Cell, Column, Grid
from cnncost.tables.grid import text as words
from cnncost.tables.layers import layer_grid
from cnncost.tables.plain import HANDLER, plain
from cnncost.tables.text import render
from cnncost.tables.wrap import wrap
from cnncost.units import KIB, MIB, MILLION, THOUSAND, of_column

SAID = {
    "table": "table densenet121",
    "compare": "compare vgg16 resnet50 alexnet",
    "reconcile": "reconcile resnet50",
    "explain": "explain alexnet conv1",
    "diff": "diff resnet18 resnet34",
    "audit": "audit --deck iitkgp --verdict erratum",
    "memory": "memory resnet50",
    "list": "list --family resnet",
    "search": "search lenet5 --vary classes=2..10 --maximize params",
    "pick": "pick --max-params 5M --min-top1 70",
    "show": "show googlenet",
    "predict": "predict resnet50 vgg16 --on t4 --watts 70 --price 0.5",
    "train": "train resnet50 vgg16 --on t4 --images 1281167 --epochs 90 --watts 70 --price 0.5",
    "predict --layers": "predict resnet50 --on t4 --layers",
}
"""A call of every command that prints a table without torch, a lock or a file."""
NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,])")


class Terminal(io.StringIO):
    """Standard output as a terminal of some width."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, call: str, columns: int) -> str:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["cnncost", *call.split()])
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    main.main() if call.split()[0] not in main.COMMANDS else main.app(call.split(), standalone_mode=False)
    return stream.getvalue()


@pytest.mark.parametrize("columns", [20, 60, 80, 100])
@pytest.mark.parametrize("call", SAID.values(), ids=SAID)
def test_every_table_fits(call: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = on_terminal(monkeypatch, call, columns)
    assert [line for line in shown.splitlines() if len(line) > columns] == []


@pytest.mark.parametrize("call", ["reconcile resnet50", "diff resnet18 resnet34"])
@pytest.mark.parametrize("columns", [40, 60, 80])
def test_numbers_are_whole(
    call: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = on_terminal(monkeypatch, call, columns)
    monkeypatch.undo()
    main.app(call.split(), standalone_mode=False)
    assert set(NUMBER.findall(shown)) <= set(NUMBER.findall(capsys.readouterr().out))


def test_columns_go_in_the_stated_order() -> None:
    grid = layer_grid(cnncost.analyze(cnncost.load("alexnet")))
    lines = render(grid, width=60).splitlines()
    assert lines[2:8] == [
        "layer    output     memory  params       %  MACs       %",
        "                     (KiB)     (M)           (M)",
        "────────────────────────────────────────────────────────",
        "conv1    64x56x56      784   0.023   <0.1%  72.9   10.2%",
        "pool1    64x27x27      182       0             0",
        "conv2    192x27x27     547    0.31    0.5%   224   31.2%",
    ]
    assert (
        "Left out at 60 columns: padding, stride, kernel, input. A\nwider terminal, `| less -S` or --columns shows them."
        in render(grid, width=60)
    )
    whole = render(grid, width=200)
    assert "Left out" not in whole and "64x56x56        11        4     2" in whole


def test_units_of_columns() -> None:
    assert of_column([802_816, 2_358_000], KIB) == KIB
    assert of_column([61_100_840, 23_296], THOUSAND) == MILLION
    assert of_column([3_600_000_000], KIB) == MIB
    assert of_column([], MILLION).symbol == ""


def test_not_zero_is_not_shown_as_zero() -> None:
    column = Column("macs", "MACs (M)", unit=MILLION)
    shares = Column("share", "%")
    grid = Grid(
        (column, shares), ((Cell("0.00", 4096), Cell("0.0%", 0.0001)), (Cell("0", 0), Cell("0.0%", 0)))
    )
    assert [[cell.text for cell in row] for row in legible(grid).rows] == [["4,096", "<0.1%"], ["0", "0.0%"]]
    grid = Grid((column,), ((Cell("0.00", 4096),), (Cell("500", 500_000_000),)))
    assert [row[0].text for row in legible(grid).rows] == ["0.004", "500"]
    grid = Grid((column,), ((Cell("0.00", 96),), (Cell("500", 500_000_000),)))
    assert [row[0].text for row in legible(grid).rows] == ["<0.001", "500"]


names = st.text(st.sampled_from("abc._/ 0123456789,xé漢"), max_size=40)


@given(
    st.lists(st.tuples(names, st.integers(0, 10**13), names), max_size=5),
    st.integers(1, 120),
    st.text(max_size=60),
)
def test_any_table_at_any_width(rows: list[tuple[str, int, str]], width: int, note: str) -> None:
    grid = Grid(
        (Column("name", "the name", False), Column("n", "number of it"), Column("why", "why", False)),
        tuple((words(name), Cell(f"{number:,}", number), words(why)) for name, number, why in rows),
        title="a title of some words",
        notes=(note,),
    )
    fit, _ = fitted(grid, width)
    assert len(fit.rows) == len(rows)
    kept = [column.key for column in fit.columns]
    assert kept[:1] == ["name"]
    if "n" in kept:
        assert [row[kept.index("n")].text for row in fit.rows] == [f"{number:,}" for _, number, _ in rows]


@given(st.text(max_size=80), st.integers(1, 60))
def test_wrapping_loses_nothing_but_blanks(text: str, width: int) -> None:
    assert "".join("".join(wrap(text, width)).split()) == "".join(text.split())


def test_a_sum_breaks_before_its_plus() -> None:
    assert wrap("4,089,184,256 + 22,227,968 (2 per BN element) + 100,352 (pool)", 30) == [
        "4,089,184,256 + 22,227,968 (2",
        "per BN element) + 100,352",
        "(pool)",
    ]
    assert wrap("stage1.unit1.shortcut.option.conv_bn", 20) == [
        "stage1.unit1.",
        "shortcut.option.",
        "conv_bn",
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii"])
@pytest.mark.parametrize("call", ["table alexnet", "plot --help", "explain nasnetalarge", "table ─×漢"])
def test_other_encodings_get_plain_characters(encoding: str, call: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-m", "cnncost", *call.split()], capture_output=True, env=environment, timeout=300
    )
    assert b"internal error" not in done.stderr and b"Traceback" not in done.stderr
    (done.stdout + done.stderr).decode(encoding)
    if call == "table alexnet":
        assert done.returncode == 0
        assert b"-" * 112 in done.stdout


def test_plain_characters() -> None:
    assert plain("─ 3×3 µs ≥ 5 → é 漢") == "- 3x3 us >= 5 -> e ?"
    assert "×─".encode("cp1252", errors=HANDLER) == b"\xd7-"
