"""What it costs to train a network on a device: hours with their interval, energy and money, as a table and
as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from cnncost import units
from cnncost.border import whole_number
from cnncost.devices import Device
from cnncost.graph import Graph
from cnncost.predict import Prediction
from cnncost.predict.capacity import least_bytes
from cnncost.report import document as reports_document
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.predict import (
    Predicted,
    Rates,
    about,
    add_to,
    figure,
    milliseconds,
    rate,
)
from cnncost.tables.unknown import at_least, marked

HOUR = 3600
MOST = 10**15


class TrainingLength(NamedTuple):
    """How much is trained: every epoch sees every image once, the last batch of an epoch may be smaller."""

    images: int
    epochs: int

    @classmethod
    def of(cls, images: Any, epochs: Any) -> TrainingLength:
        """A schedule of whole numbers. Raises UsageError for anything else."""
        return cls(
            whole_number("the number of images", images, most=MOST),
            whole_number("the number of epochs", epochs, most=MOST),
        )

    def steps(self, batch: int) -> int:
        """Steps in all; a smaller last batch counts as a whole step."""
        return -(-self.images // batch) * self.epochs


class Trained(NamedTuple):
    """One network: its step, and the bytes that the step needs at the least."""

    model: Predicted
    need: int

    def lacks(self, device: Device) -> bool:
        """Whether the device's memory is known to be too small."""
        return device.memory_bytes is not None and self.need > device.memory_bytes


def trained(graph: Graph, model: Predicted) -> Trained:
    """A network with the memory of its step, to the byte where all of it runs in one element type.

    Under autocast weights are wider and what is saved in 16 bits: its step needs no less than one that runs
    in 16 bits throughout.
    """
    step = model.prediction
    return Trained(model, least_bytes(graph, batch=step.batch, dtype=model.report.dtype, mode="train"))


class Hours(NamedTuple):
    """Device-hours of a whole training; of a lower bound there is no upper end."""

    steps: int
    estimate: float
    low: float
    high: float | None

    @classmethod
    def of(cls, step: Prediction, schedule: TrainingLength) -> Hours:
        """The hours of a schedule whose every step takes as long as the one that was predicted."""
        steps = schedule.steps(step.batch)
        each = steps / 1e3 / HOUR
        high = None if step.high_ms is None else step.high_ms * each
        return cls(steps, step.latency_ms * each, step.low_ms * each, high)


def training_figures(one: Trained, device: Device, schedule: TrainingLength, rates: Rates) -> dict[str, Any]:
    """The JSON form: `training_run` of a model. Energy in kilowatt-hours, cost in the price's currency."""
    step = one.model.prediction
    hours = Hours.of(step, schedule)
    found: dict[str, Any] = {
        "images": schedule.images,
        "epochs": schedule.epochs,
        "batch": step.batch,
        "steps": hours.steps,
        "device_hours": hours.estimate,
        "low_device_hours": hours.low,
        "high_device_hours": hours.high,
        "calibrated": step.calibrated,
        "least_memory_bytes": one.need,
        "too_large": one.lacks(device),
    }
    for name, given, each in _rates(rates):
        found |= {
            given: getattr(rates, given.split("_")[0]),
            name: each * hours.estimate,
            f"low_{name}": each * hours.low,
            f"high_{name}": None if hours.high is None else each * hours.high,
        }
    return found


def _rates(rates: Rates) -> list[tuple[str, str, float]]:
    """(what an hour makes, what was given, how much of it an hour makes)."""
    found = []
    if rates.watts is not None:
        found.append(("kilowatt_hours", "watts", rates.watts / 1e3))
    if rates.price is not None:
        found.append(("cost", "price_per_hour", rates.price))
    return found


def training_document(
    found: Sequence[Trained], device: Device, schedule: TrainingLength, rates: Rates
) -> dict[str, Any]:
    """The reports of the contract, in mode train, with `predicted` and `training_run` in every model."""
    whole = reports_document([one.model.report for one in found])
    for plain, one in zip(whole["models"], found, strict=True):
        add_to(plain, one.model.prediction, one.model.rows)
        plain["training_run"] = training_figures(one, device, schedule, rates)
    return whole


def training_grid(found: Sequence[Trained], device: Device, schedule: TrainingLength, rates: Rates) -> Grid:
    """Networks side by side: a step, images per second, hours, energy, cost."""
    models = [one.model for one in found]
    first = models[0].prediction
    most = "" if first.calibrated else " at least"
    columns = [
        Column("name", "model", False),
        Column("input", "input", False),
        Column("step_ms", f"step{most}"),
        Column("images_per_second", "images/s" if first.calibrated else "images/s at most"),
        Column("device_hours", f"device-hours{most}"),
        *(
            [Column("low_device_hours", "90% from"), Column("high_device_hours", "to")]
            if first.calibrated
            else []
        ),
    ]
    headings = {"kilowatt_hours": f"kWh{most}", "cost": f"cost{most}"}
    columns += [Column(name, headings[name]) for name, _, _ in _rates(rates)]
    rows = []
    for report, step, _ in models:
        hours = Hours.of(step, schedule)
        shown = figure(hours.estimate)
        cells = [
            Cell(marked(report.name, report.unknown), report.name),
            text(units.shape(report.input_shape)),
            milliseconds(step.latency_ms),
            rate(step),
            shown._replace(text=at_least(shown.text, report.unknown)),
        ]
        if first.calibrated:
            cells += [figure(hours.low), figure(hours.high or hours.estimate)]
        cells += [figure(each * hours.estimate) for _, _, each in _rates(rates)]
        rows.append(tuple(cells))
    images, epochs = units.things(schedule.images, "image"), units.things(schedule.epochs, "epoch")
    steps = units.things(schedule.steps(first.batch), "step")
    return Grid(
        columns=tuple(columns),
        rows=tuple(rows),
        title=f"{images}, {epochs} on {device.name}  batch {first.batch}  {first.setting}",
        notes=(
            f"{steps} of forward pass, backward pass and update with momentum, every one as long as the"
            " first. Not in it: reading and augmenting images,"
            " copying them, validation, exchange between devices. Device-hours are of one device.",
            *about([(model.report.name, model.prediction) for model in models], device),
            *_said(rates, first.calibrated),
        ),
        optional=("input", "step_ms", "images_per_second", "high_device_hours", "low_device_hours"),
        caption=f"Training on {device.name}, predicted.",
        label="train",
    )


def _said(rates: Rates, calibrated: bool) -> list[str]:
    time = "predicted" if calibrated else "least possible"
    found = []
    if rates.watts is not None:
        found.append(
            f"kWh: the {time} hours at {rates.watts:g} W throughout, as given; nothing was measured."
        )
    if rates.price is not None:
        found.append(f"Cost: the {time} hours at {rates.price:g} an hour, as given.")
    return found
