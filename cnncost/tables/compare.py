"""Models side by side: a row per model, quantities with their ratio to the first model's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cnncost import units
from cnncost.analysis.conventions import Convention, convention
from cnncost.analysis.published import headline
from cnncost.bits import spoken
from cnncost.devices import Device
from cnncost.execution.training import TrainingMemory, refused, training_memory
from cnncost.graph import Graph
from cnncost.predict import Prediction, Timed, predict
from cnncost.predict.predict import by_rows
from cnncost.report import Report
from cnncost.request import Run
from cnncost.tables.grid import Cell, Column, Grid, text, with_counts, with_words
from cnncost.tables.layers import OPERATIONS, inputs_text
from cnncost.tables.predict import about, add_to, setting_note
from cnncost.tables.unknown import at_least, estimate, lower_bound, marked, not_tested
from cnncost.units import Unit


@dataclass(frozen=True)
class Compared:
    """One model: its report (rows by op), the memory of a training step, what was measured of it."""

    report: Report
    training: TrainingMemory | None  #: None where PyTorch refuses to train at the batch
    measured: dict[str, float] = field(default_factory=dict)  #: by the keys of `MEASURED`, in base units
    failed: str = ""  #: why it could not be measured
    predicted: Prediction | None = None  #: its time on a device that is not at hand
    rows: tuple[Timed, ...] = ()  #: the same of its rows

    @property
    def training_bytes(self) -> int | None:
        """Peak of a training step."""
        return self.training.peak if self.training else None

    @property
    def estimated(self) -> tuple[str, ...]:
        """Operators whose memory is an estimate, those of training heads among them."""
        step = self.training.estimated if self.training else ()
        return tuple(dict.fromkeys((*self.report.estimated, *step)))


class Quantity(NamedTuple):
    """A column: its heading, its value in base units, how it is printed."""

    heading: str
    of: Callable[[Compared], float | None]
    format: Callable[[float], str]
    compared: bool = True  #: followed by a column of ratios to the first model
    unit: Unit | None = None  #: what the heading says; a terminal may choose another


MEASURED = {
    "latency": Quantity("latency", lambda m: m.measured.get("latency"), units.duration),
    "images_per_second": Quantity(
        "images/s", lambda m: m.measured.get("images_per_second"), lambda v: f"{v:,.3g}"
    ),
    "flops_per_second": Quantity(
        "achieved FLOP/s", lambda m: m.measured.get("flops_per_second"), units.count, compared=False
    ),
    "measured_bytes": Quantity(
        "measured memory", lambda m: m.measured.get("measured_bytes"), units.size, compared=False
    ),
    "memory_error": Quantity(
        "predicted", lambda m: m.measured.get("memory_error"), lambda v: f"{100 * v:+.1f}%", compared=False
    ),
}
"""What measuring adds; `memory_error` is (predicted - measured) / measured."""


PREDICTED = {
    "predicted_ms": Quantity(
        "", lambda m: m.predicted and m.predicted.latency_ms, lambda v: units.duration(v / 1e3)
    ),
    "predicted_low_ms": Quantity(
        "90% from",
        lambda m: m.predicted and m.predicted.low_ms,
        lambda v: units.duration(v / 1e3),
        compared=False,
    ),
    "predicted_high_ms": Quantity(
        "to", lambda m: m.predicted and m.predicted.high_ms, lambda v: units.duration(v / 1e3), compared=False
    ),
    "predicted_images_per_second": Quantity(
        "",
        lambda m: m.predicted.images_per_second if m.predicted and m.predicted.latency_ms else None,
        lambda v: f"{v:,.3g}" if v < 100 else f"{v:,.0f}",
        compared=False,
    ),
}
"""What a device that is not at hand adds; without a profile there is a bound, and no interval."""


def predicted_quantities(calibrated: bool) -> dict[str, Quantity]:
    """The columns of `PREDICTED`, named for what they are."""
    if calibrated:
        names = {"predicted_ms": "predicted latency", "predicted_images_per_second": "images/s"}
        return {key: q._replace(heading=names.get(key, q.heading)) for key, q in PREDICTED.items()}
    return {
        "predicted_ms": PREDICTED["predicted_ms"]._replace(heading="latency at least"),
        "predicted_images_per_second": PREDICTED["predicted_images_per_second"]._replace(
            heading="images/s at most"
        ),
    }


def quantities(rules: Convention, measured: bool, quantised: bool = False) -> dict[str, Quantity]:
    """The columns under a convention; of quantised networks their bit operations, too."""
    found = {
        "params": Quantity(
            rules.params_unit.heading("params"),
            lambda m: m.report.totals.counted.params,
            lambda v: rules.params_unit.format(v, rules.decimals),
            unit=rules.params_unit if rules.decimals is None else None,
        ),
        "ops": Quantity(
            rules.ops_unit.heading(rules.ops_name),
            lambda m: m.report.totals.counted.ops,
            lambda v: rules.ops_unit.format(v, rules.decimals),
            unit=rules.ops_unit if rules.decimals is None else None,
        ),
        "flops": Quantity(
            "all FLOPs (M)",
            lambda m: m.report.totals.flops,
            units.MILLION.format,
            compared=False,
            unit=units.MILLION,
        ),
        "bops": Quantity(
            "BOPs of products" if rules.bit_rule else "BOPs", lambda m: m.report.totals.bops, units.count
        ),
        "weight_bytes": Quantity(
            "weights", lambda m: m.report.totals.weight_bytes, units.size, compared=False
        ),
        "peak_bytes": Quantity("peak memory", lambda m: m.report.totals.peak_bytes, units.size),
        "training_bytes": Quantity("training memory", lambda m: m.training_bytes, units.size),
        "receptive_field": Quantity(
            "receptive field", _receptive_field, lambda v: f"{v:,.0f}", compared=False
        ),
        "top1": Quantity("top-1 (%)", lambda m: _headline(m)[0], lambda v: f"{v:.2f}", compared=False),
    }
    if not quantised:
        found.pop("bops")
    return found | MEASURED if measured else found


def compared(graphs: Sequence[Graph], run: Run, optimizer: str, on: Device | None = None) -> list[Compared]:
    """The models, analysed, predicted for a device, and not yet measured. Raises as `predict` does."""
    from cnncost.analysis import analyze

    found = []
    for graph in graphs:
        whole = predict(graph, on, **run.predicting) if on else None
        report = analyze(graph, by="op", **run.counting)._replace(run=run)
        rows = by_rows(whole, graph, "op") if whole else ()
        found.append(Compared(report, step_memory(graph, run, optimizer), predicted=whole, rows=rows))
    return found


def step_memory(graph: Graph, run: Run, optimizer: str) -> TrainingMemory | None:
    """Memory of a training step; None of a batch that PyTorch's batch norm refuses, or of a quantised one."""
    if graph.quantised or refused(graph, run.batch):
        return None
    return training_memory(graph, batch=run.batch, dtype=run.dtype, optimizer=optimizer)


OPTIONAL = (
    "input", "flops", "bops_ratio", "weight_bytes", "receptive_field", "training_bytes_ratio",
    "peak_bytes_ratio", "memory_error", "measured_bytes", "flops_per_second", "images_per_second_ratio",
    "training_bytes", "images_per_second", "predicted_images_per_second", "params_ratio", "latency_ratio",
    "predicted_ms_ratio", "ops_ratio", "peak_bytes", "top1", "predicted_high_ms", "predicted_low_ms",
)  # fmt: skip
"""What a narrow terminal leaves out of a comparison, the first to go first."""


MEMORY = ("peak_bytes", "training_bytes", "memory_error")
"""Quantities that may be estimates, or rest on one."""


def compare_grid(models: Sequence[Compared], *, optimizer: str, on: Device | None = None) -> Grid:
    """The table; the first model is what the others are divided by."""
    report = models[0].report
    rules = convention(report.convention)
    measured = any(model.measured or model.failed for model in models)
    columns = [Column("name", "model", False), Column("input", "input", False)]
    rows: list[list[Cell]] = [
        [
            Cell(marked(model.report.name, model.report.unknown, model.report.untested), model.report.name),
            text(inputs_text(model.report)),
        ]
        for model in models
    ]
    first = models[0].predicted
    shown_quantities = quantities(rules, measured, any(model.report.bits for model in models))
    if first is not None:
        shown_quantities |= predicted_quantities(first.calibrated)
    for key, quantity in shown_quantities.items():
        columns.append(Column(key, quantity.heading, unit=quantity.unit))
        values = [quantity.of(model) for model in models]
        if quantity.compared:
            columns.append(Column(f"{key}_ratio", "x"))
        for row, value, model in zip(rows, values, models, strict=True):
            bound = model.report.unknown if key in (*OPERATIONS, "predicted_ms") else 0
            doubted = {"ops": model.report.untested, **dict.fromkeys(MEMORY, model.estimated)}
            shown = "" if value is None else at_least(quantity.format(value), bound, doubted.get(key, ()))
            row.append(Cell(shown, value))
            if quantity.compared:
                ratio = value / values[0] if value is not None and values[0] else None
                row.append(Cell("" if ratio is None else f"{ratio:.2f}", ratio))
    grid = Grid(
        columns=tuple(columns),
        rows=tuple(map(tuple, rows)),
        title=f"batch {report.batch}  {report.dtype}",
        notes=_notes(models, rules, optimizer, on),
        label="compare",
        optional=OPTIONAL,
        caption="Comparison.",
    )
    grid = with_words(grid, "untested", [", ".join(model.report.untested) for model in models])
    grid = with_words(grid, "estimated", [", ".join(model.estimated) for model in models])
    unknown = [model.report.unknown for model in models]
    return with_counts(grid, "unknown", unknown)


def _notes(
    models: Sequence[Compared], rules: Convention, optimizer: str, on: Device | None
) -> tuple[str, ...]:
    """What a reader must know of the columns, then of single models."""
    report, first = models[0].report, models[0].predicted
    return (
        "x: times the first model. All FLOPs: 2 per MAC and every other operation. Peak memory is of a"
        " forward pass, without weights; training memory of "
        f"forward, backward and an update with {optimizer}, with weights; both as PyTorch allocates.",
        *(note for model in models for note in lower_bound(model.report.name, model.report.unknown)),
        *(
            note
            for model in models
            for note in not_tested(model.report.name, rules.name, model.report.untested)
        ),
        f"Convention {rules.name}: {rules.statement}",
        *(note for model in models for note in estimate(model.report.name, model.estimated)),
        *(
            f"{model.report.name}: PyTorch refuses to train it at batch {report.batch}."
            for model in models
            if model.training_bytes is None and not model.report.bits
        ),
        *(
            f"{model.report.name} has tensors of {spoken(model.report.bits)} bits: what a training step"
            " of them needs is not known."
            for model in models
            if model.training_bytes is None and model.report.bits
        ),
        *(f"{model.report.name} was not measured: {model.failed}" for model in models if model.failed),
        *([setting_note(first, on)] if on and first else ()),
        *(about([(m.report.name, m.predicted) for m in models if m.predicted], on) if on else ()),
        *_protocols(models),
    )


def document(models: Sequence[Compared]) -> dict[str, Any]:
    """The JSON form: the reports by op of the contract, and beside them what only this command knows."""
    from cnncost.report import document as reports

    whole = reports([model.report for model in models])
    for plain, model in zip(whole["models"], models, strict=True):
        if model.predicted is not None:
            add_to(plain, model.predicted, model.rows)
    whole["compare"] = [
        {
            "name": model.report.name,
            "training_bytes": model.training_bytes,
            **({"estimated": list(model.estimated)} if model.estimated else {}),
            "receptive_field": _receptive_field(model),
            "top1": _headline(model)[0],
            "protocol": _headline(model)[1],
            **({"measured": model.measured} if model.measured else {}),
            **({"not_measured": model.failed} if model.failed else {}),
        }
        for model in models
    ]
    return whole


def _receptive_field(model: Compared) -> int:
    """The largest of any layer that still has positions: before global pooling or flattening."""
    with_positions = [
        row
        for row in model.report.rows
        if len(row.output_shape) == len(model.report.input_shape) and max(row.output_shape[1:], default=1) > 1
    ]
    return max((max(row.receptive_field) for row in with_positions if row.receptive_field), default=1)


def _headline(model: Compared) -> tuple[float | None, str | None]:
    best = headline(model.report.facts, model.report.input_shape)
    return (best[0], best[1].get("protocol")) if best else (None, None)


def _protocols(models: Sequence[Compared]) -> list[str]:
    protocols = {_headline(model)[1] for model in models} - {None}
    if len(protocols) < 2:
        return [f"Accuracy: {protocol}." for protocol in protocols]
    named = "; ".join(
        f"{model.report.name}: {_headline(model)[1]}" for model in models if _headline(model)[1] is not None
    )
    return [f"Accuracies are not comparable without their protocols: {named}."]
