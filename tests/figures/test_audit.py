"""The audit against an independent recomputation of the same claims (`recorded.yaml`), and its own rules."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from cnncost.errors import CheckFailed, UsageError
from cnncost.figures import audit as audits
from cnncost.figures import models
from cnncost.figures.audit import Result, audit, compared, judged, rounded
from cnncost.figures.claims import CONVENTIONS, VERDICTS, Claim, Formula, Reproduction, deck, deck_names
from cnncost.figures.grids import audit_grids, document
from cnncost.figures.measures import MEASURES, measure
from cnncost.figures.models import definitions, model
from cnncost.tables import markdown

RECORDED: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "recorded.yaml").read_text(encoding="utf-8")
)
CLAIMS = {claim.id: claim for name in deck_names() for claim in deck(name).claims}


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {result.claim.id: result for result in audit()}


def test_every_verdict_is_the_recorded_one(results: dict[str, Result]) -> None:
    assert [result.claim.id for result in results.values() if not result.agrees] == []
    assert Counter(result.verdict for result in results.values()) == {
        "exact": 333, "rounds_to": 96, "depends_on_variant": 28, "erratum": 36, "not_computable": 38,
    }  # fmt: skip
    assert Counter(result.claim.deck for result in results.values()) == {
        "shtech": 123, "tum": 57, "deeprob": 188, "brno": 55, "iitkgp": 108,
    }  # fmt: skip


def number(value: object) -> float:
    """A value as the recomputation has it: a shape is its number of elements."""
    if isinstance(value, str):
        return math.prod(map(int, value.split("x")))
    assert isinstance(value, (int, float)) and not isinstance(value, bool)
    return value


@pytest.mark.parametrize("id", RECORDED)
def test_right_values_are_the_recomputed_ones(id: str, results: dict[str, Result]) -> None:
    recorded, result = RECORDED[id], results[id]
    if "exact" in recorded:
        assert number(result.value) == pytest.approx(recorded["exact"], rel=1e-6)
    if "variants" in recorded:
        assert [reading.value for reading in result.readings] == recorded["variants"]
    if "reproduced" in recorded and result.origin is not None:
        assert number(result.origin) == pytest.approx(recorded["reproduced"], rel=1e-6)


def test_the_recomputation_covers_most_claims() -> None:
    assert len(RECORDED) == 420
    assert set(RECORDED) <= set(CLAIMS)


def test_known_derivations(results: dict[str, Result]) -> None:
    derived = {id: result.origin for id, result in results.items() if result.origin is not None}
    assert derived["deeprob-vgg16-total-gflop"] == 13_620_576_256
    assert derived["deeprob-vgg16-total-memory"] == 50_978_816
    assert derived["deeprob-vgg16-224to28-memory"] == 44_957_696
    assert derived["deeprob-vgg16-224to28-mflop"] == 7_485_456_384
    assert derived["deeprob-vgg16-224to28-params"] == 1_144_512
    assert derived["shtech-inception-reduced-total-ops"] == 358_055_936
    assert sum(result.claim.reproduced_by is not None for result in results.values()) == 26


# The data -----------------------------------------------------------------------------------------


def formulas(claim: Claim) -> Iterator[Formula]:
    for each in (claim, *claim.variants):
        if each.value is not None:
            yield each.value
            yield from each.where.values()


COPIED = {
    # Files that somebody measured: no graph has a container's bytes.
    "brno-keras-inceptionv3-size", "brno-keras-xception-size", "brno-keras-inceptionresnetv2-size",
}  # fmt: skip
ARITHMETIC = {"tum-conv3x3-worked-value", "tum-conv1x1-worked-table"}
"""Worked examples with pixel values, of which only the arithmetic can be checked."""


def test_no_right_value_is_copied() -> None:
    """Every computed claim reads a measure off a graph; the exceptions say so."""
    for claim in CLAIMS.values():
        found = list(formulas(claim))
        measured = any(isinstance(each, list) for each in found)
        assert measured or claim.id in ARITHMETIC or not found, claim.id
        constants = any(isinstance(each, (int, float)) for each in found)
        assert constants == (claim.id in COPIED), claim.id
        if claim.verdict == "not_computable":
            assert not found, claim.id


def test_claims_are_well_formed() -> None:
    assert len(CLAIMS) == 531
    for claim in CLAIMS.values():
        assert claim.id.startswith(f"{claim.deck}-")
        assert claim.convention in CONVENTIONS and claim.verdict in VERDICTS, claim.id
        assert claim.lines and min(claim.lines) > 0
        assert 0 < len(claim.quote.split()) <= 8, claim.id
        assert bool(claim.figure) == (claim.verdict != "not_computable"), claim.id
        for each in formulas(claim):
            if isinstance(each, list):
                assert each[0] in MEASURES or each[0].startswith("count "), claim.id


def test_every_defined_model_is_spoken_of() -> None:
    used = {
        each[1]
        for claim in CLAIMS.values()
        for each in (*formulas(claim), *_origin(claim.reproduced_by))
        if isinstance(each, list)
    }
    assert set(definitions()) - used == set()


def _origin(origin: Reproduction | None) -> Iterator[Formula]:
    if origin is not None and origin.value is not None:
        yield origin.value
        yield from origin.where.values()


# The rules ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        ("15.470", "half_up:1", "15.5"),
        ("253.5", "half_up:0", "254"),
        ("25.58", "trunc:0", "25"),
        ("3.858", "trunc:1", "3.8"),
        ("60.965", "sf1", "60"),
        ("471.04", "sf2", "470"),
        ("0.4199", "half_up:0", "0"),
    ],
)
def test_rounding(value: str, rule: str, expected: str) -> None:
    assert rounded(Decimal(value), rule) == Decimal(expected)


def claim(**changes: Any) -> Claim:
    plain: dict[str, Any] = {
        "id": "test", "deck": "test", "lines": (1,), "quote": "1", "architecture": "vgg16", "layer": "total",
        "printed": "1", "convention": "macs", "verdict": "exact",
    }  # fmt: skip
    return Claim(**plain | changes)


def test_comparison() -> None:
    assert compared(16, claim(figure="16")) == "exact"
    assert compared(802_816, claim(figure="784", unit="KiB")) == "exact"
    assert compared(15_470_264_320, claim(figure="15.5", unit="G")) == "rounds_to"
    assert compared(15_470_264_320, claim(figure="13.6", unit="G")) == "erratum"
    assert compared(60_965_224, claim(figure="60", unit="M")) == "erratum"
    assert compared(60_965_224, claim(figure="60", unit="M"), "sf1") == "rounds_to"
    assert compared(True, claim(figure="true")) == "exact"
    assert compared("64x27x27", claim(figure="64x56x56")) == "erratum"


@pytest.mark.parametrize(("printed", "slip"), [("37725832", True), ("37752831", False), ("3775283", True)])
def test_digit_slips(printed: str, slip: bool) -> None:
    origin = Reproduction(kind="digit_slip", explanation="")
    wrong = claim(figure=printed, verdict="erratum", value=["params", "alexnet", "fc6"], reproduced_by=origin)
    result = judged(wrong)
    assert (result.verdict, result.reproduced, result.agrees) == ("erratum", slip, slip)


def test_another_net_gives_other_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit can fail: without conv3_3 VGG-16's errata come out as right."""
    monkeypatch.setattr(
        audits, "model", lambda name: models.model("vgg16_without_conv3_3" if name == "vgg16" else name)
    )
    assert judged(CLAIMS["deeprob-vgg16-total-gflop"]).verdict == "rounds_to"
    assert judged(CLAIMS["shtech-vgg16-weight-layers"]).verdict == "erratum"
    assert not judged(CLAIMS["deeprob-vgg16-total-gflop"]).agrees


# Measures that the recomputation has no number for ---------------------------------------------------


def test_texts() -> None:
    assert measure("sequence", model("lenet5_32")) == "CONV POOL CONV POOL FC FC FC"
    assert measure("configuration", model("vgg11_lrn")) == (
        "conv3-64 LRN | conv3-128 | conv3-256 conv3-256 | conv3-512 conv3-512 | conv3-512 conv3-512"
    )
    assert measure("pool_windows", model("alexnet")) == "3x3 stride 2 pad 0"
    assert measure("units_by_stage", model("resnet101")) == "3 4 23 3"
    assert measure("count concat", model("googlenet")) == 9


def test_an_unknown_measure_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown measure 'mac': did you mean 'macs'"):
        measure("mac", model("alexnet"))


# What a user sees ---------------------------------------------------------------------------------


def test_filters() -> None:
    found = audit(decks="deeprob", architecture="vgg16", verdict="erratum")
    assert {result.claim.id for result in found} >= {"deeprob-vgg16-total-gflop", "deeprob-vgg16-stage3"}
    assert {result.verdict for result in found} == {"erratum"}
    with pytest.raises(UsageError) as error:
        audit(decks="deepob")
    assert str(error.value) == (
        "unknown deck 'deepob': did you mean 'deeprob'?\n  known: brno, deeprob, iitkgp, shtech, tum"
    )
    with pytest.raises(UsageError) as error:
        audit(verdict="wrong")
    assert str(error.value) == (
        "unknown verdict 'wrong'\n  known: exact, rounds_to, depends_on_variant, erratum, not_computable"
    )
    with pytest.raises(UsageError, match="unknown architecture 'googlent': did you mean 'googlenet'"):
        audit(architecture="googlent")


def test_markdown_and_json(results: dict[str, Result]) -> None:
    found = [results["deeprob-vgg16-total-gflop"], results["iitkgp-googlenet-flops"]]
    first, second = (markdown.render(grid) for grid in audit_grids(found))
    assert (
        "| deeprob-vgg16-total-gflop | 13.6 GFLOP | 15,470,264,320 = 15.5 G | erratum | macs |"
        " macs of vgg16 | what is printed (derivation): VGG-16 without conv3_3, as the CS231n box figure"
        " draws it: 13,620,576,256 = 13.6 G;"
    ) in first
    assert "pools round down: 55, 27, 13, 6: 1,431,556,352 = 1.43 G (yes)" in second
    plain = json.loads(json.dumps(document(found)))
    assert plain["counts"]["erratum"] == 1 and plain["disagreements"] == []
    assert plain["claims"][0]["value"] == 15_470_264_320
    assert plain["claims"][0]["reproduced_by"]["value"] == 13_620_576_256


def test_a_terminal_gets_wrapped_lines(results: dict[str, Result]) -> None:
    (grid,) = audit_grids([results["deeprob-vgg16-224to28-mflop-ratio"]], wrapped=True)
    assert len(grid.rows) > 2
    assert all(len(cell.text) <= 70 for row in grid.rows for cell in row)


def test_a_verdict_that_is_not_the_recorded_one_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cnncost.cli import audit as command

    command.command(verdict="erratum", deck="brno")
    assert capsys.readouterr().err == "3 claims: 3 erratum\n"
    wrong = replace(CLAIMS["brno-vgg16-filter-sizes"], verdict="exact")
    monkeypatch.setattr(audits, "audit", lambda *filters: [judged(wrong)])
    with pytest.raises(CheckFailed) as error:
        command.command()
    assert error.value.exit_code == 1
    assert str(error.value) == (
        "1 claim: 1 erratum: not as recorded\n  brno-vgg16-filter-sizes: erratum, recorded exact"
    )


def test_the_report_is_current(results: dict[str, Result]) -> None:
    report = Path(__file__).parents[2] / "reports" / "audit.md"
    rendered = "\n".join(markdown.render(grid) for grid in audit_grids(list(results.values())))
    assert report.read_text(encoding="utf-8").endswith(rendered), (
        "run `make reports`, or cnncost audit --format markdown"
    )
