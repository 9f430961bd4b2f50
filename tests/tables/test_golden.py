"""What the renderings look like. `pytest --golden` rewrites the files; a person reads the difference."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import cnncost
from cnncost.report import document
from cnncost.tables.layers import layer_grid
from cnncost.tables.output import SUFFIXES, rendered
from cnncost.tables.tree import tree

Golden = Callable[[str, str], None]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_alexnet_in_every_format(suffix: str, golden: Golden) -> None:
    report = cnncost.analyze(cnncost.load("alexnet"))
    plain = document([report]) | {"tool": {"name": "cnncost", "version": "0"}}
    golden(f"alexnet{suffix}", rendered([layer_grid(report)], plain, SUFFIXES[suffix]))


def test_resnet_by_stage(golden: Golden) -> None:
    report = cnncost.analyze(cnncost.load("resnet50"), by="stage", batch=32)
    golden("resnet50_by_stage.txt", rendered([layer_grid(report)], None, "text"))


def test_two_models_as_csv(golden: Golden) -> None:
    reports = [cnncost.analyze(cnncost.load(name), by="stage") for name in ("lenet5", "alexnet")]
    grids = [layer_grid(report, ["name", "output", "params", "macs"]) for report in reports]
    golden("two_models.csv", rendered(grids, None, "csv"))


def test_tree(golden: Golden) -> None:
    golden("lenet5.tree", tree(cnncost.load("lenet5")))
    golden("block.tree", tree(cnncost.load("squeezenet1_1")))
