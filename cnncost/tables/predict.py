"""Predicted times as tables and as JSON: whole networks side by side, and one network row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnncost import units
from cnncost.analysis import analyze
from cnncost.devices import Device
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.predict import Prediction, Timed, predict
from cnncost.predict.predict import by_rows
from cnncost.report import Report, document
from cnncost.request import Run
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.layers import inputs_text
from cnncost.tables.unknown import at_least, marked

MILLION_IMAGES = 1_000_000


class Rates(NamedTuple):
    """What a second costs: watts drawn, and a price per hour. None: nobody said."""

    watts: float | None = None
    price: float | None = None

    def check(self) -> None:
        """Raise UsageError for a number that is none."""
        for option, value, example in (("--watts", self.watts, "350"), ("--price", self.price, "2.49")):
            if value is not None and not 0 < value < float("inf"):
                raise UsageError(
                    f"{option} {value:g} is not a number above 0\n  for example: {option} {example}"
                )

    def joules(self, seconds: float) -> float | None:
        """Energy of so many seconds at the watts that were given."""
        return None if self.watts is None else self.watts * seconds

    def cost(self, seconds: float) -> float | None:
        """Price of a million times so many seconds."""
        return None if self.price is None else self.price * MILLION_IMAGES * seconds / 3600


class Predicted(NamedTuple):
    """One network: its report, its time, and the time of every row of the report."""

    report: Report
    prediction: Prediction
    rows: tuple[Timed, ...]


def predicted(
    graphs: Sequence[Graph],
    device: Device,
    run: Run,
    *,
    by: str = "layer",
) -> list[Predicted]:
    """Networks with their predicted times on a device. Raises as `predict` does."""
    found = []
    for graph in graphs:
        whole = predict(graph, device, **run.predicting)
        counted = run._replace(dtype=whole.dtype)  # as predicted: what was not asked for is as calibrated
        report = analyze(graph, by=by, **counted.counting)._replace(run=counted)
        found.append(Predicted(report, whole, by_rows(whole, graph, by)))
    return found


def figures(prediction: Prediction, rates: Rates = Rates()) -> dict[str, Any]:
    """The JSON form of a prediction, `predicted` of a model. Times are of the whole batch."""
    per_image = prediction.latency_ms / 1e3 / prediction.batch
    joules, cost = rates.joules(per_image), rates.cost(per_image)
    return {
        "device": prediction.device,
        "setting": prediction.setting,
        "latency_ms": prediction.latency_ms,
        "low_ms": prediction.low_ms,
        "high_ms": prediction.high_ms,
        "images_per_second": prediction.images_per_second if prediction.latency_ms else None,
        "calibrated": prediction.calibrated,
        "bound": prediction.bound,
        "warnings": list(prediction.warnings),
        **({} if joules is None else {"watts": rates.watts, "joules_per_image": joules}),
        **({} if cost is None else {"price_per_hour": rates.price, "cost_per_million_images": cost}),
    }


def row_figures(row: Timed, batch: int) -> dict[str, Any]:
    """The same of a row."""
    return {
        "kind": row.kind,
        "latency_ms": row.latency_ms,
        "low_ms": row.low_ms,
        "high_ms": row.high_ms,
        "images_per_second": 1e3 * batch / row.latency_ms if row.latency_ms else None,
        "share": row.share,
        "bound": row.bound,
        "calibrated": row.calibrated,
    }


def predict_document(models: Sequence[Predicted], rates: Rates = Rates()) -> dict[str, Any]:
    """The reports of the contract with `predicted` in every model and in every row."""
    whole = document([model.report for model in models])
    for plain, model in zip(whole["models"], models, strict=True):
        add_to(plain, model.prediction, model.rows, rates)
    return whole


def add_to(plain: dict[str, Any], whole: Prediction, rows: Sequence[Timed], rates: Rates = Rates()) -> None:
    """Put `predicted` into the JSON form of a report and of its rows."""
    plain["predicted"] = figures(whole, rates)
    for row, timed in zip(plain["rows"], rows, strict=True):
        row["predicted"] = row_figures(timed, whole.batch)


def predict_grid(models: Sequence[Predicted], device: Device, rates: Rates = Rates()) -> Grid:
    """Networks side by side."""
    first = models[0].prediction
    columns = [
        Column("name", "model", False),
        Column("input", "input", False),
        Column("latency_ms", LATENCY[first.calibrated]),
        *([Column("low_ms", "90% from"), Column("high_ms", "to")] if first.calibrated else []),
        Column("images_per_second", "images/s" if first.calibrated else "images/s at most"),
        Column("bound", "bound by", False),
    ]
    most = "" if first.calibrated else " at least"
    if rates.watts is not None:
        columns.append(Column("joules_per_image", f"J/image{most}"))
    if rates.price is not None:
        columns.append(Column("cost_per_million_images", f"cost of a million images{most}"))
    rows = []
    for report, whole, _ in models:
        per_image = whole.latency_ms / 1e3 / whole.batch
        name = Cell(marked(report.name, report.unknown), report.name)
        shown = milliseconds(whole.latency_ms)
        shown = shown._replace(text=at_least(shown.text, report.unknown))
        cells = [name, text(inputs_text(report)), shown]
        if first.calibrated:
            cells += [milliseconds(whole.low_ms), milliseconds(whole.high_ms)]
        cells += [rate(whole), text(whole.bound)]
        cells += [
            figure(each) for each in (rates.joules(per_image), rates.cost(per_image)) if each is not None
        ]
        rows.append(tuple(cells))
    return Grid(
        columns=tuple(columns),
        rows=tuple(rows),
        title=f"{device.name}  batch {first.batch}  {first.setting}",
        notes=(*_about(models, device), *money(rates, first.calibrated)),
        optional=("input", "bound", "images_per_second", "high_ms", "low_ms"),
        caption=f"Predicted for {device.name}.",
        label="predict",
    )


def rows_grid(model: Predicted, device: Device) -> Grid:
    """One network, a row per layer (or operator, block, stage)."""
    report, whole, timed = model
    columns = [
        Column("name", report_level(report), False),
        Column("output", "output", False),
        Column("kind", "kind", False),
        Column("latency_ms", LATENCY[whole.calibrated]),
        *([Column("low_ms", "90% from"), Column("high_ms", "to")] if whole.calibrated else []),
        Column("share", "share"),
        Column("bound", "bound by", False),
        *([Column("calibrated", "calibrated", False)] if _partly(timed) else []),
    ]
    rows = []
    for row, each in zip(report.rows, timed, strict=True):
        cells = [text(row.name), text(units.shape(row.output_shape)), text(each.kind)]
        cells.append(milliseconds(each.latency_ms))
        if whole.calibrated:
            cells += [milliseconds(each.low_ms), milliseconds(each.high_ms)]
        cells += [Cell(units.share(each.share, 1.0), each.share), text(each.bound if each.latency_ms else "")]
        if _partly(timed):
            cells.append(Cell("" if each.calibrated else "no", each.calibrated))
        rows.append(tuple(cells))
    total = [text("total"), text(""), text(""), milliseconds(whole.latency_ms)]
    if whole.calibrated:
        total += [milliseconds(whole.low_ms), milliseconds(whole.high_ms)]
    total += [Cell("100.0%", 1.0), text(whole.bound), *([text("")] if _partly(timed) else [])]
    return Grid(
        columns=tuple(columns),
        rows=tuple(rows),
        total=tuple(total),
        title=f"{report.name} on {device.name}  batch {whole.batch}  {whole.setting}",
        notes=tuple(_about([model], device)),
        optional=("kind", "output", "low_ms", "high_ms", "calibrated", "bound"),
        caption=f"{report.name}, predicted for {device.name}.",
        label=f"{report.name}-predicted",
    )


MOST_WARNINGS = 8
"""So many warnings of single networks are written below a table."""
LATENCY = {True: "latency", False: "latency at least"}
"""What the time is called: calibrated, or a bound."""


def report_level(report: Report) -> str:
    """What a row is called."""
    return report.rows[0].op if report.rows and report.rows[0].op in ("block", "stage") else "layer"


def milliseconds(value: float | None) -> Cell:
    """A time as a cell; its raw value is in milliseconds."""
    return Cell("" if value is None else units.duration(value / 1e3) if value else "0", value)


def rate(prediction: Prediction) -> Cell:
    """Images per second as a cell."""
    if not prediction.latency_ms:
        return Cell("", None)
    return figure(prediction.images_per_second)


def figure(value: float) -> Cell:
    """A number with three digits that count."""
    return Cell(f"{value:,.0f}" if value >= 100 else f"{value:.3g}", value)


def money(rates: Rates, calibrated: bool) -> list[str]:
    """What the joules and the cost are made of."""
    time = "predicted" if calibrated else "least possible"
    found = []
    if rates.watts is not None:
        found.append(
            f"J/image: the {time} time at {rates.watts:g} W throughout, as given; no power was measured."
        )
    if rates.price is not None:
        found.append(f"Cost: the {time} time at {rates.price:g} an hour, as given, with nothing idle.")
    return found


def _partly(rows: Sequence[Timed]) -> bool:
    """Whether a profile saw some classes of these rows and others not."""
    return any(row.calibrated for row in rows) and not all(row.calibrated for row in rows if row.latency_ms)


def _about(models: Sequence[Predicted], device: Device) -> list[str]:
    """What the figures are, how far they are to be trusted, and what is outside of the profile."""
    return about([(model.report.name, model.prediction) for model in models], device)


def about(named: Sequence[tuple[str, Prediction]], device: Device) -> list[str]:
    """The same of predictions by the names of their networks; a warning that all share is said once."""
    first = named[0][1]
    found = [calibration(first, device)]
    common = set(first.warnings).intersection(*(set(each.warnings) for _, each in named))
    found += [f"{_sentence(each)}." for each in first.warnings if each in common and first.calibrated]
    of_one = [f"{name}: {each}." for name, whole in named for each in whole.warnings if each not in common]
    found += of_one[:MOST_WARNINGS]
    if len(of_one) > MOST_WARNINGS:
        found.append(f"{len(of_one) - MOST_WARNINGS} warnings more: --format json has them all.")
    if not first.calibrated:
        found += [f"{_sentence(each)}." for each in first.warnings[1:] if each in common]
    return found


def setting_note(prediction: Prediction, device: Device) -> str:
    """What a time is of, where a title does not say so."""
    return f"Latency on {device.name}: batch {prediction.batch}, {prediction.setting}."


def calibration(prediction: Prediction, device: Device) -> str:
    """Where the figures are from."""
    profile = prediction.profile
    if profile is None:
        return (
            f"Not calibrated, by the data sheet alone ({device.source or device.place}): the time that its"
            " peak and bandwidth allow at best, every layer through memory. Real times are longer, often"
            " several times."
        )
    of = "" if prediction.mode == profile.mode else " in inference"
    return (
        f"Times are of the whole batch, for {profile.stack}, calibrated by {profile.source}: "
        f"{_held_out(profile.held_out, of)}"
        f"of networks of families that it did not see 9 in 10 lay within the interval{of}."
    )


def _held_out(errors: Mapping[str, float], of: str) -> str:
    for key in ("median_error", "median"):
        if key in errors:
            return f"a median error of {100 * errors[key]:.1f}%{of}; "
    return ""


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
