"""The zoo as a table: which models there are, and what is published of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.conventions import convention as named
from cnncost.analysis.published import headline
from cnncost.devices import Device
from cnncost.errors import UsageError, did_you_mean, known_word
from cnncost.language import zoo
from cnncost.language.family import Family, Variant
from cnncost.language.instance import graph_of
from cnncost.limits import Threshold
from cnncost.predict import Prediction, predict
from cnncost.report import Counted, head
from cnncost.request import Run
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.predict import LATENCY, about, figures, milliseconds, setting_note


@dataclass(frozen=True)
class ZooModel:
    """One model of the zoo with its counts (batch 1, eval) and its headline accuracy."""

    name: str
    family: str
    year: int | None
    input_shape: tuple[int, ...]
    params: int
    macs: int
    flops: int
    activation_elements: int
    peak_bytes: int
    counted: Counted  #: what the chosen convention makes of them
    top1: float | None  #: percent, as published
    protocol: str | None
    source: str | None
    title: str | None
    predicted: Prediction | None = field(default=None, repr=False)  #: its time on a device


def timed(models: Sequence[ZooModel], on: Device, run: Run) -> list[ZooModel]:
    """The models with their predicted times on a device. Raises as `predict` does."""
    return [replace(model, predicted=predict(zoo.load(model.name), on, **run.predicting)) for model in models]


def zoo_models(
    convention: str = "cnncost",
    family: str | None = None,
    years: str | None = None,
    words: Sequence[str] = (),
) -> list[ZooModel]:
    """Every model of the zoo, or of a family, of some years, of these words, analysed: no other is built.

    A model is of a word if its name or that of its family holds it, whatever the case and the hyphens. Raises
    UsageError for an unknown convention or family, a word that is in no name, or what are no years.
    """
    families = zoo.families()
    for word in words:
        if not any(zoo.holds(name, word) for name in zoo.index()):
            cure = did_you_mean(word, zoo.index())
            more = "`cnncost list` shows them all"
            raise UsageError(f"no model of the zoo has {word!r} in its name", cure=cure, more=more)
    if family is not None:
        known_word("unknown family", family, sorted(each.name for each in families))
        families = [each for each in families if each.name == family]
    first, last = _years(years)
    models = []
    for each in families:
        variants: list[Variant | None] = list(each.variants.values()) or [None]
        for variant in variants:
            name = each.name if variant is None else variant.name
            if words and not any(zoo.holds(called, word) for word in words for called in (name, each.name)):
                continue
            if years is not None and not first <= (_year(each, variant) or 0) <= last:
                continue
            graph = graph_of(each, variant)
            totals = analyze(graph, convention=convention).totals
            paper = graph.facts.get("paper", {})
            best = headline(graph.facts, graph.input_shape)
            models.append(
                ZooModel(
                    name=graph.name,
                    family=each.name,
                    year=paper.get("year"),
                    input_shape=graph.input_shape,
                    params=totals.params,
                    macs=totals.macs,
                    flops=totals.flops,
                    activation_elements=totals.activation_elements,
                    peak_bytes=totals.peak_bytes,
                    counted=totals.counted,
                    top1=best[0] if best else None,
                    protocol=best[1].get("protocol") if best else None,
                    source=best[1].get("source") if best else None,
                    title=paper.get("title"),
                )
            )
    return models


SORTS: dict[str, Any] = {
    "name": lambda model: model.name,
    "family": lambda model: model.family,
    "year": lambda model: (model.year or 0, model.family),
    "params": lambda model: model.params,
    "macs": lambda model: model.macs,
    "top1": lambda model: model.top1 or 0.0,
    "latency": lambda model: model.predicted.latency_ms if model.predicted else 0.0,
}


VALUES = {"activations": "activation_elements", "peak": "peak_bytes"}
"""Fields of a model that are called otherwise than the quantity."""


def selected(
    models: list[ZooModel], limits: Sequence[Threshold] = (), sort: str = "family"
) -> list[ZooModel]:
    """The models that keep all limits, sorted. Raises UsageError for an unknown sort key."""
    reverse = sort.startswith("-")
    key = sort.removeprefix("-")
    known_word("unknown sort key", key, SORTS)

    def keeps(model: ZooModel, limit: Threshold) -> bool:
        return not limit.miss(getattr(model, VALUES.get(limit.quantity, limit.quantity)))

    kept = [model for model in models if all(keeps(model, limit) for limit in limits)]
    return sorted(kept, key=SORTS[key], reverse=reverse)


def zoo_grid(models: list[ZooModel], convention: str = "cnncost", on: Device | None = None) -> Grid:
    """The table of models, counted under a convention; `on` is what they were timed for."""
    rules = named(convention)
    times = [(model.name, model.predicted) for model in models if model.predicted]
    calibrated = bool(times) and times[0][1].calibrated
    columns = (
        Column("name", "model", False),
        Column("family", "family", False),
        Column("year", "year"),
        Column("input", "input", False),
        Column("params", "params (M)", unit=units.MILLION),
        Column("ops", f"{rules.ops_name} (M)", unit=units.MILLION),
        *([Column("latency_ms", LATENCY[calibrated])] if times else []),
        *([Column("low_ms", "90% from"), Column("high_ms", "to")] if calibrated else []),
        Column("top1", "top-1 (%)"),
        Column("protocol", "protocol", False),
    )
    rows = tuple(
        (
            text(model.name),
            text(model.family),
            Cell(str(model.year or ""), model.year),
            text(units.shape(model.input_shape)),
            Cell(units.MILLION.format(model.counted.params), model.counted.params),
            Cell(units.MILLION.format(model.counted.ops), model.counted.ops),
            *([milliseconds(model.predicted.latency_ms)] if model.predicted else []),
            *_interval(model.predicted if calibrated else None),
            Cell("" if model.top1 is None else f"{model.top1:.2f}", model.top1),
            text(model.protocol or ""),
        )
        for model in models
    )
    return Grid(
        columns,
        rows,
        notes=(
            f"{len(models)} models. Convention {rules.name}: {rules.statement}",
            *([setting_note(times[0][1], on), *about(times, on)] if on and times else []),
        ),
        optional=("input", "protocol", "family", "year", "high_ms", "low_ms"),
        caption="Models of the zoo.",
        label="zoo",
    )


def _interval(predicted: Prediction | None) -> list[Cell]:
    return [milliseconds(predicted.low_ms), milliseconds(predicted.high_ms)] if predicted else []


def document(models: list[ZooModel], run: Run) -> dict[str, Any]:
    """The JSON form; `predicted` is there where a device was named."""
    return {**head(run=run), "zoo": [_plain(model) for model in models]}


def _plain(model: ZooModel) -> dict[str, Any]:
    plain = asdict(replace(model, predicted=None))
    del plain["predicted"]
    plain |= {"input_shape": list(model.input_shape), "counted": model.counted._asdict()}
    return {**plain, "predicted": figures(model.predicted)} if model.predicted else plain


def _year(family: Family, variant: Variant | None) -> int | None:
    facts = {**family.facts, **(variant.facts if variant else {})}
    found: int | None = facts.get("paper", {}).get("year")
    return found


def _years(given: str | None) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{4})?(-)?(\d{4})?", given or "-")
    if match is None or (match[1] is None and match[2] is None) or (match[3] and not match[2]):
        raise UsageError(f"--year {given!r} is not a year\n  write 2015, 2012-2014, 2015- or -2014")
    first = int(match[1]) if match[1] else 0
    last = int(match[3]) if match[3] else (9999 if match[2] else first)
    if last < first:
        raise UsageError(f"--year {given!r} ends before it begins\n  write {last}-{first}")
    return first, last
