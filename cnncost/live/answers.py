"""A spec's text -> what the page shows of it, as plain data; what is wrong with it, at its place."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.conventions import convention
from cnncost.analysis.explain import explained
from cnncost.analysis.grouping import Group, groups
from cnncost.analysis.receptive import receptive_fields
from cnncost.dtypes import element_bytes
from cnncost.errors import CnncostError, SpecWarning, known_word
from cnncost.graph import Graph, at_batch
from cnncost.language.instance import graph_of
from cnncost.language.schema import schema
from cnncost.language.zoo import parse_text
from cnncost.live.question import LiveQuestion
from cnncost.ops import REGISTRY
from cnncost.regress.compare import compare as compared
from cnncost.regress.grids import difference_grids
from cnncost.regress.snapshot import snapshot
from cnncost.report import Report
from cnncost.tables.grid import Cell, Grid
from cnncost.tables.layers import layer_grid

COLUMNS = ("name", "output", "params", "ops", "memory", "op", "receptive_field")
BARS = {"memory": "memory_bytes", "params": "params", "ops": "ops"}
"""Columns that are drawn as bars, and the field of `counted`."""
MOST_WORKINGS = 3
"""Layers whose working is shown of one line of the spec."""


def graph(question: LiveQuestion, file: str) -> Graph:
    """The graph of a question's text; `file` is what errors call it. Raises SpecError or UsageError."""
    family = parse_text(question.text, file, file.rpartition("/")[2].partition(".")[0] or "spec")
    variant = None
    if question.variant:
        name = known_word(f"{file} has no variant", question.variant, family.variants, "variants")
        variant = family.variants[name]
    found = graph_of(family, variant, input=question.input)
    return found if question.run.mode == "train" else found.without_heads()


_ONE_AT_A_TIME = Lock()
"""Warnings are caught for the whole process, so answers do not overlap."""


def answered(make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` gives, and `errors` instead where it cannot; warnings stand beside."""
    begun = time.perf_counter()
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", SpecWarning)
        try:
            found = {"errors": [], **make()}
        except CnncostError as error:
            found = {"errors": [_error(error)]}
        except RecursionError:
            found = {"errors": [{"message": "this is nested too deeply"}]}
    found["warnings"] = [str(each.message) for each in told if issubclass(each.category, SpecWarning)]
    found["milliseconds"] = round(1e3 * (time.perf_counter() - begun), 1)
    return found


def _error(error: CnncostError) -> dict[str, Any]:
    """An error for the editor: line and column from 1, how many characters are at fault."""
    plain: dict[str, Any] = {"message": error.message, "cure": error.cure, "more": error.more}
    if error.place is not None:
        plain |= {"line": error.place.line, "column": error.place.column}
        plain["length"] = error.source.length if error.source else 0
    return plain


def count(question: LiveQuestion, file: str) -> dict[str, Any]:
    """The table, totals, graph and predicted time of a question, and which lines its rows come from."""
    network = graph(question, file)
    report = analyze(network, by=question.by, **question.run.counting)
    grid = layer_grid(report, COLUMNS)
    rows = groups(network, question.by)
    family = parse_text(question.text, file, file.rpartition("/")[2].partition(".")[0] or "spec")
    return {
        "name": report.name,
        "title": grid.title,
        "variants": list(family.variants),
        "columns": [
            {"key": column.key, "heading": column.heading, "number": column.number} for column in grid.columns
        ],
        "rows": [
            {
                "cells": _texts(cells),
                "line": _line(group),
                "share": _shares(report, at),
                "part": _part(report, at),
                "inputs": list(report.rows[at].inputs),
            }
            for at, (cells, group) in enumerate(zip(grid.rows, rows, strict=True))
        ],
        "total": _texts(grid.total or ()),
        "notes": list(grid.notes),
        "totals": _totals(report),
        "shapes": {item.name: units.shape(item.shape) for item in report.inputs},
        "predicted": _predicted(network, question) if question.run.device else None,
    }


def _texts(cells: Sequence[Cell]) -> list[str]:
    return [cell.text for cell in cells]


def _line(group: Group) -> int | None:
    """The line of the spec that a row's first operator stands in."""
    place = group.nodes[0].place
    return place.line if place else None


def _shares(report: Report, at: int) -> dict[str, float]:
    """A row's share of the largest row, for its bars."""
    found = {}
    for key, field in BARS.items():
        largest = max((getattr(row.counted, field) for row in report.rows), default=0)
        found[key] = round(getattr(report.rows[at].counted, field) / largest, 4) if largest > 0 else 0.0
    return found


def _totals(report: Report) -> list[dict[str, str]]:
    """The totals in words: as the convention counts, and what only the whole has."""
    totals, rules = report.totals, convention(report.convention)
    shown = {
        "params": f"{totals.counted.params:,}",
        rules.ops_name: f"{totals.counted.ops:,}",
        "memory": units.size(totals.counted.memory_bytes),
        "peak": units.size(totals.peak_bytes) + (" (estimated)" if report.estimated else ""),
        "weights": units.size(totals.weight_bytes),
    }
    return [{"name": name, "value": value} for name, value in shown.items()]


def _part(report: Report, at: int) -> float:
    """A row's part of all operations, for its box in the graph."""
    whole = report.totals.counted.ops
    return round(report.rows[at].counted.ops / whole, 5) if whole > 0 else 0.0


def _predicted(network: Graph, question: LiveQuestion) -> dict[str, Any]:
    """The time on a device; in words where it cannot be said."""
    from cnncost.devices import device
    from cnncost.predict.predict import predict

    run = question.run
    try:
        dtype = None if run.dtype == type(run)().dtype else run.dtype  # a page always names one
        found = predict(network, device(run.device or ""), batch=run.batch, dtype=dtype, mode=run.mode)
    except CnncostError as error:
        return {"text": error.message}
    high = f" to {found.high_ms:.3g}" if found.high_ms is not None else " at the least"
    calibrated = "" if found.calibrated else ", not calibrated"
    return {"text": f"{found.dtype}: {found.latency_ms:.3g} ms ({found.low_ms:.3g}{high}{calibrated})"}


def explain(question: LiveQuestion, file: str, line: int) -> dict[str, Any]:
    """The working of the layers that a line of the spec makes."""
    network = graph(question, file)
    nodes = [node for node in network.nodes[1:] if node.place is not None and node.place.line == line]
    shapes, fields = at_batch(network, question.run.batch), receptive_fields(network)
    size, rules = element_bytes(question.run.dtype), convention(question.run.convention)
    layers = [explained(network, node, shapes, fields, size, rules) for node in nodes[:MOST_WORKINGS]]
    return {
        "layers": [
            {
                "name": layer.name,
                "op": layer.op,
                "shapes": ", ".join(map(units.shape, layer.input_shapes))
                + f" to {units.shape(layer.output_shape)}",
                "lines": [{"quantity": each.quantity, "working": each.working} for each in layer.lines],
            }
            for layer in layers
        ],
        "more": max(0, len(nodes) - MOST_WORKINGS),
    }


def difference(question: LiveQuestion, file: str, other: Graph, title: str) -> dict[str, Any]:
    """What changed from another network to this one: totals, and nodes added, removed, changed or rewired."""
    network = graph(question, file)
    rules = convention(question.run.convention)
    before = other if question.run.mode == "train" else other.without_heads()
    bits = before.quantised or network.quantised
    old, new = (snapshot(each, rules, question.run, bits=bits) for each in (before, network))
    comparison = compared(old, new)
    grids = difference_grids((title, "as typed"), old, new, comparison, rules)
    return {"tables": list(map(_table, grids))}


def _table(grid: Grid) -> dict[str, Any]:
    return {
        "title": grid.title,
        "columns": [{"heading": column.heading, "number": column.number} for column in grid.columns],
        "rows": [_texts(row) for row in (*grid.rows, *([grid.total] if grid.total else []))],
        "notes": list(grid.notes),
    }


def words() -> dict[str, Any]:
    """What the editor completes: from the schema of specs, so that a new operator is there by itself."""
    whole: Mapping[str, Any] = schema()
    step = whole["$defs"]["step"]["anyOf"][1]["properties"]
    top = {name: found.get("description", "") for name, found in whole["properties"].items()}
    operators = {}
    for name, operator in REGISTRY.items():
        help_ = (operator.__doc__ or "").strip().partition("\n")[0]
        arguments = {
            key: {"help": each.help, "choices": list(each.choices), "required": each.required}
            for key, each in operator.arguments.items()
        }
        operators[name] = {"help": help_, "arguments": arguments}
    modifiers = {name: found.get("description", "") for name, found in step.items() if name not in operators}
    return {"top": top, "operators": operators, "modifiers": modifiers}
