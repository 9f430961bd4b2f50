"""Whole layer tables, row by row: shapes, parameters and MACs of the nets that no package carries."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import cnncost
from cnncost.report import Row

TABLES = yaml.safe_load(Path(__file__).with_name("layer_tables.yaml").read_text(encoding="utf-8"))
TOTALS_WITH_HEADS = {
    "googlenet": (13_378_280, 1_591_044_096),
    "googlenet_torchvision": (13_004_888, 1_506_748_416),
    "inception_v3": (27_161_264, 5_718_899_296),
}
BY_MODULE = ("googlenet", "inception_v2", "inception_v2_caffe", "inception_resnet_v1")


@pytest.mark.parametrize("model", TABLES)
def test_rows(model: str) -> None:
    table = TABLES[model]
    by = "stage" if model in BY_MODULE else "layer"
    rows = {row.name: row for row in cnncost.analyze(cnncost.load(model), by=by, mode="train").rows}
    parts = {name: name.split(" + ") for name in table}
    assert [part for names in parts.values() for part in names] == list(rows)
    for name, (shape, params, macs) in table.items():
        summed = [rows[part] for part in parts[name]]
        assert summed[-1].output_shape == tuple(shape), name
        assert params is None or _total(summed, "params") == params, name
        assert macs is None or _total(summed, "macs") == macs, name


def _total(rows: list[Row], field: str) -> int:
    return sum(getattr(row, field) for row in rows)


@pytest.mark.parametrize(("model", "expected"), TOTALS_WITH_HEADS.items())
def test_training_heads_count_only_in_training(model: str, expected: tuple[int, int]) -> None:
    graph = cnncost.load(model)
    totals = cnncost.analyze(graph, mode="train").totals
    assert (totals.params, totals.macs) == expected
    assert not any(row.name.startswith("aux") for row in cnncost.analyze(graph, mode="eval").rows)


def test_a_head_adds_what_the_table_says() -> None:
    graph = cnncost.load("googlenet")
    aux = {row.name: row for row in cnncost.analyze(graph, mode="train").rows if row.name.startswith("aux1.")}
    assert [row.output_shape for row in aux.values()] == [(512, 4, 4), (128, 4, 4), (2048,), (1024,), (1000,)]
