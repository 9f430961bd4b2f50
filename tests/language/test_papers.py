"""Networks of papers, written from the manual alone by somebody who had not read the code, against published counts."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnncost
from cnncost.language import zoo

PAPERS = sorted((Path(__file__).parent / "papers").glob("*.yaml"))


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.stem)
def test_published_counts(path: Path) -> None:
    variants = zoo.parse(path).variants
    for name in [f"{path}:{variant}" for variant in variants] or [str(path)]:
        graph = cnncost.load(name)
        totals, (published,) = cnncost.analyze(graph).totals, graph.facts["published"]
        assert (totals.params, totals.macs) == (published["params"], published.get("macs", totals.macs)), name
