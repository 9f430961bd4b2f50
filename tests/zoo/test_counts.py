"""Every model of the zoo: its exact counts, its facts, other input sizes, its JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import cnncost
from cnncost.analysis.published import PublishedFact, counts_of, published_facts, stated_input
from cnncost.language import zoo

REFERENCE = yaml.safe_load(Path(__file__).with_name("reference.yaml").read_text(encoding="utf-8"))
MODELS = zoo.names()
ONE_SIZE = {
    "fast_rcnn_vgg16_head": "RoI pooling always hands it 7 x 7 values per map",
}
"""Models that take one input size only, and why."""


def test_all_names_are_there() -> None:
    assert set(REFERENCE) <= set(MODELS)
    assert len(set(MODELS)) == len(MODELS)


@pytest.mark.parametrize("model", REFERENCE)
def test_counts(model: str) -> None:
    expected = REFERENCE[model]
    report = cnncost.analyze(cnncost.load(model))
    assert list(report.input_shape) == expected["input"]
    assert (report.totals.params, report.totals.macs) == (expected["params"], expected["macs"])


@pytest.mark.parametrize("model", MODELS)
def test_published_figures_agree_or_say_why(model: str) -> None:
    for fact in cnncost.load(model).facts.get("published", ()):
        figures = against_counts(model, fact)
        differing = [figure for figure in figures if not figure.agrees]
        if "reason" in fact:
            assert differing, f"a reason that is not needed: {fact['reason']}"
        else:
            assert not differing


def against_counts(model: str, fact: dict[str, Any]) -> list[PublishedFact]:
    """The computable figures of one fact against the counts at the fact's input."""
    graph = replace(cnncost.load(model, input=stated_input(fact)), facts={"published": [fact]})
    return published_facts(graph, counts_of(cnncost.analyze(graph).totals))


@pytest.mark.parametrize("model", MODELS)
def test_paper_can_be_found(model: str) -> None:
    paper = cnncost.load(model).facts["paper"]
    assert all(str(paper.get(key, "")).strip() for key in ("authors", "title", "venue"))
    assert 1980 < paper["year"] < 2030
    assert any(paper.get(key) for key in ("arxiv", "doi", "url"))


@pytest.mark.parametrize("model", [model for model in MODELS if model not in ONE_SIZE])
def test_two_other_input_sizes(model: str) -> None:
    graph = cnncost.load(model)
    reports = [cnncost.analyze(graph)]
    channels, *space = graph.input_shape
    for more in (32, 64):
        asked = (channels, *[size + more for size in space])
        larger = cnncost.load(model, input=asked[1:] if len(space) == 2 else asked)
        reports.append(cnncost.analyze(larger))
        assert larger.input_shape == asked
        assert [node.name for node in larger.nodes] == [node.name for node in graph.nodes]
        assert [larger.nodes[i].shape[1] for i in larger.outputs] == [
            graph.nodes[i].shape[1] for i in graph.outputs
        ]
    macs, params = zip(*((report.totals.macs, report.totals.params) for report in reports), strict=True)
    assert macs[0] < macs[1] < macs[2]
    assert params[0] <= params[1] <= params[2]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_json_round_trip(model: str, mode: str) -> None:
    report = cnncost.analyze(cnncost.load(model), mode=mode, by="op")
    read = cnncost.Report.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False)))
    assert read == report._replace(facts=read.facts, model=read.model)  # neither is carried
