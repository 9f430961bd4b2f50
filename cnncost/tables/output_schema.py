"""The JSON Schema of what commands write with `--format json`: an envelope, and what each puts in it.

The rows and totals of a report are described by the fields of `report.py`; what only one command has is
named by its key. Additions keep `schema_version` 1, so every object may have more than is said here.
"""

from __future__ import annotations

from typing import Any, get_type_hints

from cnncost.report import SCHEMA_VERSION, Counted, Row, Totals

PAYLOADS = {
    "models": "table, compare, predict, train, reconcile, lock and check: a list, an entry per model",
    "compare": "compare: what only a comparison knows of each model",
    "model": "explain, memory: the one model",
    "layers": "explain: the working of a layer, line by line",
    "kins": "explain: totals by kind of operator",
    "zoo": "list: the models of the zoo",
    "pick": "pick: limits, the candidates that keep them, the nearest misses",
    "search": "search: the space, how many were evaluated and kept, the front",
    "nodes": "memory: what every operator makes and keeps alive",
    "training": "memory --train: the parts of a training step, in bytes",
    "micro_batches": "memory --train --micro-batches: over how many passes gradients are accumulated",
    "autocast": "memory --train --autocast: the element type that torch.autocast casts to",
    "ddp": "memory --train --ddp: the buckets of DistributedDataParallel, in bytes",
    "frozen": "memory --train --freeze: the layers that are not trained",
    "plan": "memory --train --plan: checkpoints, micro-batches, peak, what runs again, a recipe",
    "fits": "memory --fits: the largest batches; with --runtime what is left, the largest input and width",
    "arena_bytes": "memory --runtime: the arena to the end of the tensor that reaches furthest",
    "liveness_bytes": "memory: what is alive at once at the most; no arena is smaller",
    "scratch_bytes": "memory --runtime: static buffers beside the arena",
    "ram_bytes": "memory --runtime: the arena and what lies beside it",
    "flash_bytes": "memory --runtime: weights as they are stored",
    "tensors": "memory: every tensor, its bytes and lifetime; with --runtime its offset, first and last step",
    "steps": "memory --runtime: what runs, in order; step 1 is the first",
    "order": "memory --runtime --order best: what the search has found",
    "patches": "memory --runtime --patches: what running in patches costs",
    "measured": "measure: a list, an entry per model",
    "verified": "verify: a list, an entry per model",
    "sheets": "exercise: the sheets with their answers; grade: their names",
    "students": "grade: the marks of every student",
    "claims": "audit: every published figure with its verdict",
    "counts": "audit: how many figures have each verdict",
    "disagreements": "audit: the figures that do not come out, by their names",
    "check": "check: the verdict, and of every model its figures, changes, limits and findings",
    "diff": "diff: both models, and what changed from one to the other",
    "biggest": "explain: the layers that cost the most",
    "seed": "exercise: the seed that makes the same sheet again",
    "batch": "explain, memory: inputs at once",
    "dtype": "memory: the element type of weights and activations",
    "convention": "explain, memory: the rules by which is counted",
    "optimizer": "memory --train: sgd, momentum, adam or adamw",
    "loss": "memory --train --loss: the loss that is part of the step; without it the gradients are given",
    "round_to": "memory: bytes of a block; every tensor takes whole ones",
    "runtime": "memory --runtime: which",
    "weight_bytes": "memory: all weights and buffers",
    "counted_memory_bytes": "memory: the activations as the convention counts them",
    "peak_bytes": "memory: the largest sum of what is alive, without weights",
    "peak_node": "memory: the operator at which that is",
    "estimated": "memory: operators without an exact rule: the bytes are estimates; absent if none",
}
"""Keys beside the envelope, and the commands that write them."""
MARKS = {
    "unknown": (
        "integer",
        "operators of unknown cost: totals are lower bounds; absent if none",
    ),
    "untested": ("array", "operators that nobody ran the convention's program on; absent if none"),
    "estimated": (
        "array",
        "operators without an exact rule: the peak is an estimate; absent if none",
    ),
}
"""What a report says of itself where it is less than exact."""
_COUNT = {"type": "integer", "minimum": 0}
_SIZES = {"type": "array", "items": {"type": "integer"}}


def schema() -> dict[str, Any]:
    """The schema as a dict (JSON Schema draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "JSON output of cnncost",
        "description": "Counts and bytes are raw integers of the whole batch; shapes are without it.",
        "type": "object",
        "required": ["schema_version", "tool"],
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "tool": {
                "type": "object",
                "required": ["name", "version"],
                "properties": {"name": {"const": "cnncost"}, "version": {"type": "string"}},
            },
            "request": {"type": "object", "description": "what was asked: models, and how they were run"},
            **{key: {"description": text} for key, text in PAYLOADS.items()},
        },
        "$defs": {
            "report": _report(),
            "row": _object(
                Row, {"counted": {"$ref": "#/$defs/counted"}}, predicted={"$ref": "#/$defs/predicted"}
            ),
            "totals": _object(Totals, {"counted": {"$ref": "#/$defs/counted"}}),
            "counted": _object(Counted, {}),
            "predicted": _predicted(),
        },
    }


def _report() -> dict[str, Any]:
    """An entry of `models` of table and compare."""
    texts = {key: {"type": "string"} for key in ("name", "source", "dtype", "convention", "mode")}
    return {
        "type": "object",
        "required": ["name", "input_shape", "batch", "totals", "rows"],
        "properties": {
            **texts,
            "input_shape": _SIZES,
            "batch": {"type": "integer", "minimum": 1},
            "inputs": {"type": "array", "description": "all that it is given: name, shape, dtype"},
            "road": {"type": "string", "description": "of an import: how it came in"},
            "batch_axis": {
                "type": ["integer", "null"],
                "description": "of an import: where its input has the batch; null: it has none",
            },
            "bits": _SIZES | {"description": "of quantised values, in rising order; absent if none are"},
            "taken": {"type": "array", "description": "of an import: what nobody said and was taken"},
            **{mark: {"type": kind, "description": text} for mark, (kind, text) in MARKS.items()},
            "as_run": {"type": "array", "description": "of one run: lines at which values decided"},
            "totals": {"$ref": "#/$defs/totals"},
            "predicted": {"$ref": "#/$defs/predicted"},
            "training_run": {
                "type": "object",
                "description": "train: steps, device-hours with their interval, energy and cost",
            },
            "rows": {"type": "array", "items": {"$ref": "#/$defs/row"}},
        },
    }


def _predicted() -> dict[str, Any]:
    """`predicted` of a model or a row: what `predict`, and every command with --on, adds."""
    time = {"type": "number", "minimum": 0}
    return {
        "type": "object",
        "description": "milliseconds of the whole batch; not calibrated: the least possible",
        "required": ["latency_ms", "low_ms", "high_ms", "images_per_second", "calibrated"],
        "properties": {
            "latency_ms": time,
            "low_ms": {**time, "description": "9 in 10 measured times lie from here"},
            "high_ms": {"type": ["number", "null"], "description": "to here; null: there is only a bound"},
            "images_per_second": {"type": ["number", "null"], "description": "null: it takes no time"},
            "calibrated": {"type": "boolean"},
            "share": {"type": "number", "minimum": 0, "description": "of a row: its part of the whole"},
            "kind": {"type": "string", "description": "of an operator: its class of kernel"},
            "bound": {"type": "string", "description": "arithmetic, traffic or launching"},
            "warnings": {"type": "array", "description": "what is outside of what was calibrated"},
            "device": {"type": "string", "description": "of a model: what it is predicted for"},
            "setting": {"type": "string", "description": "of a model: element type, layout, launch, mode"},
            "watts": {"type": "number", "description": "as --watts says"},
            "joules_per_image": {"type": "number"},
            "price_per_hour": {"type": "number", "description": "as --price says"},
            "cost_per_million_images": {"type": "number"},
        },
    }


def _object(kind: type[Any], known: dict[str, Any], **optional: dict[str, Any]) -> dict[str, Any]:
    """A named tuple's fields: whole numbers are counts, the rest is not said."""
    hints = get_type_hints(kind)
    defaults = kind._field_defaults
    properties = {
        name: known.get(name) or (_COUNT if hint is int else {"type": "string"} if hint is str else {})
        for name, hint in hints.items()
    }
    return {
        "type": "object",
        "required": [name for name in hints if name not in defaults],
        "properties": {**properties, **optional},
    }
