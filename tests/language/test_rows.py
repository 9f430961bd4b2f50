"""Lists of mappings as parameters: `for: stages` is short for the columns of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cnncost
from cnncost.errors import SpecError, UsageError
from cnncost.language import zoo
from cnncost.language.instance import graph_of

ROWS = """\
input: [3, 32, 32]
params:
  base: 8
  stages:
    - {width: base, kernel: 3, repeats: [1, 2], unit: plain}
    - {width: 2 * base, kernel: 5, repeats: [3, 4], unit: plain}
"""
COLUMNS = """\
input: [3, 32, 32]
params: {base: 8}
"""
BLOCKS = """\
blocks:
  plain(out, kernel):
    - {conv: {out: out, kernel: kernel, pad: kernel // 2}}
  stage(out, kernel, counts, unit):
    - {$unit: [out, kernel], for: {n: counts}}
body:
"""
FROM_ROWS = ROWS + BLOCKS + "  - {stage: [width, kernel, repeats, unit], for: stages}\n"
FROM_COLUMNS = COLUMNS + BLOCKS + (
    "  - {stage: [width, kernel, repeats, unit], for: {width: [base, 2 * base], kernel: [3, 5],"
    " repeats: [[1, 2], [3, 4]], unit: [plain, plain]}}\n"
)  # fmt: skip


def layers(text: str, **given: Any) -> list[tuple[str, Any, Any]]:
    graph = graph_of(zoo.parse_text(text, "net.yaml", "net"), None, **given)
    return [(node.name, node.shape, node.op) for node in graph.nodes]


def test_rows_are_the_columns_written_otherwise() -> None:
    assert layers(FROM_ROWS) == layers(FROM_COLUMNS)
    assert layers(FROM_ROWS, set={"base": 12}) == layers(FROM_COLUMNS, set={"base": 12})


ONE = {"width": 6, "kernel": 1, "repeats": [1], "unit": "plain"}


@pytest.mark.parametrize(
    "given", ["[{width: 6, kernel: 1, repeats: [1], unit: plain}]", [ONE]], ids=["text", "Python"]
)
def test_rows_can_be_set(given: Any) -> None:
    assert [shape for _, shape, _ in layers(FROM_ROWS, set={"stages": given})][1:] == [(1, 6, 32, 32)]


def test_variants_have_rows_of_their_own(tmp_path: Path) -> None:
    text = ROWS + (
        "variants:\n  net_a: {}\n"
        "  net_b: {stages: [{unit: plain, repeats: [1], kernel: 3, width: 4}]}\n"
    ) + BLOCKS + "  - {stage: [width, kernel, repeats, unit], for: stages}\n"  # fmt: skip
    path = tmp_path / "net.yaml"
    path.write_text(text)
    assert cnncost.load(f"{path}:net_b").nodes[-1].shape == (1, 4, 32, 32)
    assert len(cnncost.load(f"{path}:net_a").nodes) == 5


def test_a_row_may_be_read_more_than_once_and_by_a_block() -> None:
    text = ROWS.replace(", unit: plain", "") + (
        "blocks:\n  all(of):\n    - {conv: {out: width, kernel: kernel, pad: kernel // 2}, for: stages}\n"
        "body:\n  - {all: [1], times: 2}\n  - {conv: {out: width + index}, for: stages}\n"
    )  # fmt: skip
    assert [shape[1] for _, shape, _ in layers(text)] == [3, 8, 16, 8, 16, 8, 17]


SET: dict[str, str] = {
    "[{width: 3}]": "--set stages:1:2: the row lacks 'kernel'\n    [{width: 3}]\n     ^\n"
    "  every row has: width, kernel, repeats, unit",
    "[{width: 3, kernl: 1, repeats: [1], unit: plain}]": "--set stages:1:13: unknown key 'kernl'\n"
    "    [{width: 3, kernl: 1, repeats: [1], unit: plain}]\n                ^~~~~  did you mean 'kernel'?\n"
    "  known: width, kernel, repeats, unit",
    "3": "net.yaml:13:50: 'stages' is not a list of mappings with the keys width, kernel, repeats, unit\n"
    "    - {stage: [width, kernel, repeats, unit], for: stages}\n"
    "                                                   ^~~~~~",
}  # fmt: skip


@pytest.mark.parametrize("text", SET)
def test_what_is_refused_of_set(text: str) -> None:
    with pytest.raises((UsageError, SpecError)) as error:
        layers(FROM_ROWS, set={"stages": text})
    assert str(error.value) == SET[text]
