"""If, Loop and Scan: what their bodies compute, turn by turn, as if it stood there.

A loop's number of turns, or the condition that ends it, is a constant, or as it was in one run. Glue between
turns is written as nodes of ONNX's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto, helper, numpy_helper

from cnncost.importers.building import Unsupported
from cnncost.importers.shapes import axis

if TYPE_CHECKING:
    from cnncost.importers.onnx.convert import Conversion

MOST = 1000
"""Turns of a loop that are unrolled at the most."""


def branch(t: Conversion, node: Any) -> None:
    """The nodes of a condition's branch: exporters squeeze an axis if it is 1."""
    condition = known(t, node, node.input[0])
    if condition is None:
        raise Unsupported("what it does depends on the values of tensors")
    t.enter(node)
    graph = body(node, "then_branch" if bool(condition) else "else_branch")
    t.use([value.name for value in graph.output], graph.node)
    for inner in graph.node:
        t.call(inner)
    for outer, result in zip(node.output, graph.output, strict=True):
        t.rename(outer, result.name)


def loop(t: Conversion, node: Any) -> None:
    """A loop of a known number of turns: (turn, condition, values) gives (condition, values, rows)."""
    turns, going = (known(t, node, name) if name else None for name in node.input[:2])
    if (node.input[0] and turns is None) or (node.input[1] and going is None):
        raise Unsupported("a loop whose number of turns depends on the values of tensors")
    graph = body(node, "body")
    t.enter(node)
    t.use((), [*graph.node, *graph.node])  # a weight of several turns is nobody's own
    values = list(node.input[2:])
    rows: list[list[str]] = [[] for _ in node.output[len(values) :]]
    turn, goes_on = 0, going is None or bool(going)
    while goes_on and (turns is None or turn < int(turns)):
        if turn == MOST:
            raise Unsupported("a loop of over a thousand turns")
        place = constant(t, node, f"{turn}", np.int64(turn))
        always = constant(t, node, f"{turn}.condition", np.bool_(True))
        condition, *results = turned(t, node, graph, turn, [place, always, *values])
        after = t.tensors.value(condition)
        if after is None:
            raise Unsupported("a loop that values of tensors end")
        turn, goes_on = turn + 1, bool(after)
        values = results[: len(values)]
        for row, result in zip(rows, results[len(values) :], strict=True):
            row.append(result)
    for outer, value in zip(node.output, values, strict=False):
        t.rename(outer, value)
    for outer, row in zip(node.output[len(values) :], rows, strict=True):
        stacked(t, node, outer, row, 0)


def scan(t: Conversion, node: Any) -> None:
    """A body for every position of an axis: (states, parts of inputs) gives (states, parts of outputs)."""
    if t.tensors.opset < 9:
        raise Unsupported("opset 8 has lengths of sequences beside it")
    a: dict[str, Any] = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    graph = body(node, "body")
    t.enter(node)
    t.use((), [*graph.node, *graph.node])  # a weight of several turns is nobody's own
    count = int(a["num_scan_inputs"])
    states, sources = list(node.input[:-count]), list(node.input[-count:])
    shapes = [t.shape(name) for name in sources]
    places = a.get("scan_input_axes", [0] * count)
    along = [axis(place, len(shape)) for place, shape in zip(places, shapes, strict=True)]
    turns = shapes[0][along[0]]
    outputs = node.output[len(states) :]
    rows: list[list[str]] = [[] for _ in outputs]
    if turns > MOST:
        raise Unsupported("over a thousand turns")
    for turn in range(turns):
        parts = [part(t, node, name, place, turn) for name, place in zip(sources, along, strict=True)]
        results = turned(t, node, graph, turn, [*states, *parts])
        states = results[: len(states)]
        for row, result in zip(rows, results[len(states) :], strict=True):
            row.append(result)
    for outer, value in zip(node.output, states, strict=False):
        t.rename(outer, value)
    for outer, row, place in zip(outputs, rows, a.get("scan_output_axes", [0] * len(rows)), strict=True):
        stacked(t, node, outer, row, int(place))


def known(t: Conversion, node: Any, name: str) -> Any:
    """The value of a number that decides what is computed: a constant, or what it was in one run."""
    value = t.tensors.value(name)
    if value is None and name in t.seen():
        value = t.seen()[name].number
        if value is not None:
            t.note_values(node)
    return value


def body(node: Any, name: str) -> Any:
    """A graph that a node holds."""
    return next(item.g for item in node.attribute if item.name == name)


def turned(t: Conversion, node: Any, graph: Any, turn: int, given: list[str]) -> list[str]:
    """One turn of a body: its nodes under names of their own; the names of what it gives."""
    names = {value.name: name for value, name in zip(graph.input, given, strict=True)}
    for inner in graph.node:
        names.update({name: f"{node.output[0]}.{turn}.{name}" for name in inner.output if name})
    copies = [renamed(inner, names) for inner in graph.node]
    results = [names.get(value.name, value.name) for value in graph.output]
    t.use(results, copies)
    for copy in copies:
        t.call(copy)
    return results


def renamed(node: Any, names: Mapping[str, str]) -> Any:
    """A node that reads and makes tensors of other names."""
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [names.get(name, name) for name in node.input]
    copy.output[:] = [names.get(name, name) for name in node.output]
    for item in copy.attribute:
        if item.HasField("g"):
            inner = [renamed(each, names) for each in item.g.node]
            del item.g.node[:]
            item.g.node.extend(inner)
            for value in item.g.output:
                value.name = names.get(value.name, value.name)
    return copy


def constant(t: Conversion, node: Any, turn: Any, value: Any) -> str:
    """The name of a constant of a turn."""
    name = f"{node.output[0]}.{turn}.turn"
    t.call(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value), name)))
    return name


def part(t: Conversion, node: Any, name: str, along: int, turn: int) -> str:
    """The name of one position of an axis."""
    found = f"{node.output[0]}.{turn}.{name}.part"
    place = constant(t, node, f"{turn}.{name}", np.int64(turn))
    gather = helper.make_node("Gather", [name, place], [found], axis=along)
    t.use([name, place, found])
    t.call(gather)
    return found


def stacked(t: Conversion, node: Any, outer: str, row: list[str], along: int) -> None:
    """What the turns gave, along a new axis."""
    where = constant(t, node, f"{outer}.axis", np.array([along], np.int64))
    names = [f"{name}.row" for name in row]
    for name, result in zip(row, names, strict=True):
        t.use([name, result])
        t.call(helper.make_node("Unsqueeze", [name, where], [result]))
    t.call(helper.make_node("Concat", names, [outer], axis=along))
