"""What a page shows of a model, as plain data: every level under every convention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.conventions import CONVENTIONS, Convention
from cnncost.analysis.grouping import LEVELS, groups
from cnncost.analysis.published import headline
from cnncost.execution.memory import timeline
from cnncost.execution.plan import plan
from cnncost.execution.training import refused, training_memory, training_timeline
from cnncost.graph import Graph
from cnncost.html.times import times
from cnncost.measure.files import Recorded
from cnncost.report import Counted, Report, Row
from cnncost.request import Run
from cnncost.tables.facts import citation
from cnncost.tables.layers import inputs_text
from cnncost.tables.unknown import at_least, estimate, lower_bound, marked, not_tested


def model_content(graph: Graph, run: Run = Run(), *, measured: Sequence[Recorded] = ()) -> dict[str, Any]:
    """One model: facts, totals, rows at every level, what every convention counts of each row.

    `measured` are measurements; those of this model are shown.
    """
    levels = {level: analyze(graph, by=level, **run.counting) for level in LEVELS}
    counts = {
        level: {
            name: _counts(analyze(graph, by=level, **run._replace(convention=name).counting), rules)
            for name, rules in CONVENTIONS.items()
        }
        for level in LEVELS
    }
    report = levels["op"]
    notes = [
        *lower_bound(report.name, report.unknown),
        *_not_tested(graph, report.mode),
        *estimate(report.name, report.estimated),
    ]
    best = headline(report.facts, report.input_shape)
    return {
        "name": report.name,
        "title": marked(report.name, report.unknown),
        "total": marked("total", report.unknown),
        "note": " ".join(notes),
        "source": report.source,
        "subtitle": f"input {inputs_text(report)}, batch {run.batch}, {run.dtype}, {run.mode}",
        "input": inputs_text(report),
        "paper": citation(report.facts.get("paper", {})),
        "published": [_fact(fact) for fact in report.facts.get("published", ())],
        "top1": best[0] if best else None,
        "protocol": best[1].get("protocol") if best else None,
        "allocated": _allocated(report),
        "alive": _alive(graph, run),
        "training": _training(graph, run),
        **times(graph, run),
        "shapes": {item.name: units.shape(item.shape) for item in report.inputs},
        "rows": {level: [_row(row) for row in levels[level].rows] for level in LEVELS},
        "counts": counts,
        "owners": _owners(graph, levels),
        "measured": [_measured(one) for one in measured if one.model == report.name],
    }


def conventions_content() -> list[dict[str, Any]]:
    """The conventions that the page can switch to, with their headings."""
    return [
        {
            "name": name,
            "title": rules.title,
            "statement": rules.statement,
            "params": rules.params_unit.heading("params"),
            "ops": rules.ops_unit.heading(rules.ops_name),
            "memory": rules.memory_unit.heading("memory"),
            "exact": ["parameters", rules.ops_name, "memory made"],
        }
        for name, rules in CONVENTIONS.items()
    ]


def _counts(report: Report, rules: Convention) -> dict[str, Any]:
    """Raw values for sorting and drawing, texts for reading; the last is the total."""
    parts = [*(row.counted for row in report.rows), report.totals.counted]
    marks = [*((row.unknown, row.untested) for row in report.rows), (report.unknown, report.untested)]
    texts = [_texts(part, rules, *mark) for part, mark in zip(parts, marks, strict=True)]
    return {"values": [list(part) for part in parts], "texts": texts, "exact": _exact(report, rules)}


def _not_tested(graph: Graph, mode: str) -> Iterator[str]:
    """A sentence for the conventions that are untested on the same operators."""
    nodes = (graph.without_heads() if mode == "eval" else graph).nodes
    found: dict[tuple[str, ...], list[str]] = {}
    for name, rules in CONVENTIONS.items():
        found.setdefault(rules.untested_of(nodes), []).append(name)
    for operators, names in found.items():
        yield from not_tested(graph.name, ", ".join(names), operators)


def _texts(counted: Counted, rules: Convention, unknown: int, untested: Sequence[str]) -> list[str]:
    return [
        rules.params_unit.format(counted.params, rules.decimals),
        at_least(rules.ops_unit.format(counted.ops, rules.decimals), unknown, untested),
        rules.memory_unit.format(counted.memory_bytes, rules.decimals),
    ]


def _row(row: Row) -> dict[str, Any]:
    window, stride = units.sides(row.kernel or ()), units.sides(row.stride or ())
    return {
        "name": row.name,
        "op": row.op if row.op == "unknown" or not row.unknown else f"{row.op}, {row.unknown} unknown",
        "inputs": list(row.inputs),
        "output": units.shape(row.output_shape),
        "window": f"{window}/{stride}" if stride else window,
        "field": units.sides(row.receptive_field or ()),
    }


def _measured(one: Recorded) -> dict[str, str]:
    """A measurement as labelled texts."""
    interval = f"{units.duration(one.low)} to {units.duration(one.high)}"
    return {
        "device and setting": one.setting.text(),
        "median": units.duration(one.seconds),
        "95 % interval": interval,
        "images/s": "" if one.images_per_second is None else f"{one.images_per_second:,.1f}",
        "memory": "" if one.peak_bytes is None else units.size(one.peak_bytes),
        "predicted": ""
        if one.predicted_bytes is None
        else at_least(units.size(one.predicted_bytes), 0, one.estimated),
    }


def _allocated(report: Report) -> list[list[str]]:
    """What PyTorch allocates, which no convention changes: label and text."""
    peak = at_least(units.size(report.totals.peak_bytes), 0, report.estimated)
    return [
        ["weights and buffers", units.size(report.totals.weight_bytes)],
        ["peak memory of a forward pass", peak],
    ]


def _exact(report: Report, rules: Convention) -> list[str]:
    """Parameters, operations and memory as a convention counts the whole, to the last integer."""
    counted = report.totals.counted
    ops = at_least(f"{counted.ops:,}", report.unknown, report.untested)
    return [f"{counted.params:,}", ops, units.size(counted.memory_bytes)]


def _alive(graph: Graph, run: Run) -> list[list[Any]]:
    """The memory of a forward pass, operator by operator: phase, name, bytes, text."""
    line = timeline(plan(graph.without_heads(), batch=run.batch, dtype=run.dtype))
    return [_moment("inference", moment.node, moment.alive, line.estimated) for moment in line.moments]


def _training(graph: Graph, run: Run) -> dict[str, Any]:
    """The memory of a training step: what is said of it, operator by operator, and the parts of its peak."""
    if refused(graph, run.batch):
        return {"about": f"PyTorch refuses to train it at batch {run.batch}.", "alive": [], "parts": []}
    step = plan(graph, batch=run.batch, dtype=run.dtype, training=True)
    memory = training_memory(graph, batch=run.batch, dtype=run.dtype)
    where = {"forward": "in the forward pass", "backward": "in the backward pass"}.get(
        memory.phase, "in the update"
    ) + (f", at {memory.node}" if memory.node else "")
    parts = {
        "weights and buffers": memory.weights,
        "gradients of weights": memory.gradients_at_peak,
        "saved for the backward pass": memory.saved_at_peak,
        "input, outputs, gradients of activations": memory.transient,
        "peak of the step": memory.peak,
    }
    return {
        "about": f"The picture is without weights; the peak of the whole step falls {where}."
        " SGD, which keeps nothing between steps; no loss.",
        "alive": [_moment(*instant, step.estimated) for instant in training_timeline(step)],
        "parts": [
            [name, at_least(units.size(size), 0, memory.estimated if name != "weights and buffers" else ())]
            for name, size in parts.items()
        ],
    }


def _moment(phase: str, node: str, alive: int, estimated: Sequence[str]) -> list[Any]:
    return [phase, node, alive, at_least(units.size(alive), 0, estimated)]


def _owners(graph: Graph, levels: Mapping[str, Report]) -> dict[str, list[int]]:
    """For every level the place of the row that each operator is in."""
    found = {}
    for level, report in levels.items():
        place = {row.name: at for at, row in enumerate(report.rows)}
        row_of = {
            node.name: place.get(group.name, 0) for group in groups(graph, level) for node in group.nodes
        }
        found[level] = [row_of.get(row.name, place.get(row.name, 0)) for row in levels["op"].rows]
    return found


def _fact(fact: Mapping[str, Any]) -> dict[str, str]:
    printed: Mapping[str, str] = fact.get("printed", {})
    shown = ("source", "reason", "protocol", "dataset", "note", "input")
    figures = ", ".join(
        f"{key.replace('_', ' ')} {text}" for key, text in printed.items() if key not in shown
    )
    about = "; ".join(str(fact[key]) for key in ("dataset", "protocol") if fact.get(key))
    return {
        "figures": figures,
        "about": about,
        "source": str(fact["source"]),
        "reason": str(fact.get("reason", "")),
    }
