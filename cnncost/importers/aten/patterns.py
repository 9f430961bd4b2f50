"""Layers that PyTorch writes in Python as several calls, found again: the local response norm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cnncost.importers.aten.values import arguments, operator_name
from cnncost.importers.parts import build
from cnncost.ops.base import Operator


class Found(NamedTuple):
    """One operator that was written as several calls."""

    operator: Operator
    source: Any  #: the tensor that it takes
    inside: frozenset[Any]  #: calls in between, which are no nodes of their own


VIEWS = {"view", "reshape", "squeeze", "unsqueeze"}
RESPONSE = (
    {"pow"}, {"add"}, {"mul"}, VIEWS, VIEWS, {"avg_pool2d", "avg_pool3d"}, {"pad", "constant_pad_nd"}, VIEWS,
    VIEWS, {"mul"},
)  # fmt: skip
"""What torch.nn.functional.local_response_norm makes of its divisor, the last first; views may be missing."""


def find(graph: Any) -> Mapping[Any, Found]:
    """The patterns of a graph, by the call that makes the result."""
    found = {}
    for node in graph.nodes:
        if node.op == "call_function" and operator_name(node) == "div":
            pattern = local_response(node)
            if pattern is not None:
                found[node] = pattern
    return found


def local_response(node: Any) -> Found | None:
    """x / (k + alpha * mean of x * x over neighbouring channels) ^ beta"""
    x, item = node.args[:2]
    inside: set[Any] = set()
    numbers: dict[str, Any] = {}
    for names in RESPONSE:
        name = operator_name(item) if getattr(item, "op", "") == "call_function" else ""
        if name not in names and names is VIEWS:
            continue
        if name not in names or len(item.users) != 1:
            return None
        inside.add(item)
        if name in ("pow", "add", "mul") and name not in numbers and "pool" not in numbers:
            numbers[name] = item.args[1]
        if "pool" in name:
            numbers["pool"] = list(arguments(item)["kernel_size"])
        factors, item = item.args[:2], item.args[0]
    kernel = numbers["pool"]
    known = all(isinstance(numbers[name], (int, float)) for name in ("pow", "add", "mul"))
    if not known or factors != (x, x) or set(kernel[1:]) != {1}:
        return None
    op = build("lrn", size=kernel[0], alpha=numbers["mul"], beta=numbers["pow"], k=numbers["add"])
    return Found(op, x, frozenset(inside))
