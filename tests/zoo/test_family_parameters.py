"""A family's parameters reach the right net, also where no variant is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import cnncost

CASES = yaml.safe_load(Path(__file__).with_name("family_parameters.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[f"{case['reference']} as {case['model']}" for case in CASES])
def test_counts(case: dict[str, Any]) -> None:
    graph = cnncost.load(case["model"], input=case.get("input"), set=case.get("set"))
    totals = cnncost.analyze(graph).totals
    assert (totals.params, totals.buffers, totals.macs) == (
        case["params"],
        case.get("buffers", 0),
        case["macs"],
    )
