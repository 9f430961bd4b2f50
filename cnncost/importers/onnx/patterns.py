"""Operators that exporters spell out in smaller ones, found again: silu, gelu, mish, hardswish, lrn.

A pattern is a product or quotient of a tensor and a function of the same tensor. What stands in between
may be read by nobody else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import isclose, sqrt
from typing import Any, NamedTuple

from cnncost.importers.parts import build
from cnncost.ops.base import Operator

NumberOf = Callable[[str], "float | None"]


class Found(NamedTuple):
    """One operator that was spelled out."""

    operator: Operator
    source: str  #: the tensor that it takes
    inside: frozenset[str]  #: tensors in between, which are no nodes of their own


def find(nodes: Sequence[Any], uses: Counter[str], number: NumberOf) -> dict[str, Found]:
    """The patterns among some nodes, by the name of the tensor that they make.

    `uses` says how many nodes read a tensor, `number` gives the value of a constant scalar or None.
    """
    makers = {name: node for node in nodes for name in node.output}
    found: dict[str, Found] = {}
    for node in nodes:
        if node.op_type in ("Mul", "Div"):
            pattern = ProductPattern(node, makers, uses, number).pattern() or local_response(
                node, makers, uses, number
            )
            if pattern:
                found[node.output[0]] = pattern
    inner = {name for pattern in found.values() for name in pattern.inside}
    return {name: pattern for name, pattern in found.items() if name not in inner}


RESPONSE = ("Pow", "Add", "Mul", "Reshape", "If", "AveragePool", "Pad", "Reshape", "Mul")
"""What PyTorch's older exporter makes of the divisor of a local response norm, the last first.

Where the batch is open it squeezes an axis under a condition.
"""


def local_response(node: Any, makers: dict[str, Any], uses: Counter[str], number: NumberOf) -> Found | None:
    """x / (k + alpha * mean of x * x over neighbouring channels) ^ beta"""
    x, name = node.input
    inside: set[str] = set()
    numbers: list[float | None] = []
    window: dict[str, list[int]] = {}
    maker: Any = None
    for kind in RESPONSE:
        maker = makers.get(name)
        if maker is not None and kind == "If" and maker.op_type == "Squeeze":
            kind = "Squeeze"
        if maker is None or maker.op_type != kind or uses[name] != 1:
            return None
        inside.add(name)
        if kind in ("Pow", "Add", "Mul") and len(numbers) < 3:
            numbers.append(number(maker.input[1]))
        if kind == "AveragePool":
            window = {item.name: list(item.ints) for item in maker.attribute}
        name = squeezed(maker) if kind == "If" else maker.input[0]
    if list(maker.input) != [x, x] or None in numbers or window["kernel_shape"][1:] != [1, 1]:
        return None
    beta, k, alpha = numbers
    op = build("lrn", size=window["kernel_shape"][0], alpha=alpha, beta=beta, k=k)
    return Found(op, x, frozenset(inside))


def squeezed(node: Any) -> str:
    """The tensor that a node If squeezes, "" if it does something else."""
    inner = [item for branch in node.attribute for item in branch.g.node if item.op_type == "Squeeze"]
    return str(inner[0].input[0]) if inner else ""


class ProductPattern:
    """A product, its factors that are products themselves multiplied out."""

    def __init__(self, node: Any, makers: dict[str, Any], uses: Counter[str], number: NumberOf):
        self.makers = makers
        self.uses = uses
        self.number = number
        self.factor = 1.0
        self.tensors: list[str] = []
        self.inside: set[str] = set()
        self.multiply(node)

    def multiply(self, node: Any) -> None:
        """Take over the factors of a product or a quotient."""
        for position, name in enumerate(node.input):
            number = self.number(name)
            divides = node.op_type == "Div" and position == 1
            if number:
                self.factor *= 1 / number if divides else number
            elif not divides and self.made(name, "Mul", "Div"):
                self.inside.add(name)
                self.multiply(self.makers[name])
            else:
                self.tensors.append(name)

    def made(self, name: str, *kinds: str) -> Any:
        """The node that makes a tensor, if it is of a kind and nobody else reads that."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type in kinds and self.uses[name] == 1 else None

    def pattern(self) -> Found | None:
        """The operator that this product spells out."""
        if len(self.tensors) != 2:
            return None
        for x, function in (self.tensors, self.tensors[::-1]):
            for operator, factor, is_that in (
                ("silu", 1.0, self.sigmoid),
                ("hardswish", 1.0, self.hard_sigmoid),
                ("hardswish", 1 / 6, self.clipped),
                ("mish", 1.0, self.tanh_of_softplus),
                ("gelu", 0.5, self.error_function),
            ):
                inside = is_that(function, x) if isclose(self.factor, factor, rel_tol=1e-4) else None
                if inside is not None:
                    return Found(build(operator), x, frozenset(self.inside | inside | {function}))
        return None

    def sigmoid(self, name: str, x: str) -> set[str] | None:
        """sigmoid(x)"""
        node = self.made(name, "Sigmoid")
        return set() if node is not None and node.input[0] == x else None

    def hard_sigmoid(self, name: str, x: str) -> set[str] | None:
        """max(0, min(1, x / 6 + 1 / 2))"""
        node = self.made(name, "HardSigmoid")
        if node is None or node.input[0] != x:
            return None
        slope = {item.name: item.f for item in node.attribute}.get("alpha", 0.2)
        return set() if isclose(slope, 1 / 6, rel_tol=1e-4) else None

    def clipped(self, name: str, x: str) -> set[str] | None:
        """clip(x + 3, 0, 6)"""
        node = self.made(name, "Clip")
        if node is None:
            return None
        return self.shifted(node.input[0], x, 3.0)

    def shifted(self, name: str, x: str, by: float) -> set[str] | None:
        """x + by"""
        node = self.made(name, "Add")
        if node is None or x not in node.input:
            return None
        other = node.input[1] if node.input[0] == x else node.input[0]
        return {name} if self.number(other) == by else None

    def tanh_of_softplus(self, name: str, x: str) -> set[str] | None:
        """tanh(softplus(x))"""
        node = self.made(name, "Tanh")
        inner = self.made(node.input[0], "Softplus") if node is not None else None
        return {node.input[0]} if inner is not None and inner.input[0] == x else None

    def error_function(self, name: str, x: str) -> set[str] | None:
        """1 + erf(x / sqrt 2)"""
        node = self.made(name, "Add")
        if node is None:
            return None
        for erf, one in (tuple(node.input), tuple(node.input)[::-1]):
            inner = self.made(erf, "Erf")
            if inner is not None and self.number(one) == 1.0:
                scaled = self.made(inner.input[0], "Div", "Mul")
                if scaled is not None and self.is_scaled(scaled, x):
                    return {erf, inner.input[0]}
        return None

    def is_scaled(self, node: Any, x: str) -> bool:
        """x / sqrt 2, or times its inverse."""
        if x not in node.input:
            return False
        number = self.number(node.input[1] if node.input[0] == x else node.input[0])
        wanted = sqrt(2) if node.op_type == "Div" else 1 / sqrt(2)
        return number is not None and isclose(number, wanted, rel_tol=1e-4)
