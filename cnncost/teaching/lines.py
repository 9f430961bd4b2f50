"""A network -> the lines of the lecture's table, every cell with the formula that leads from others to it.

A cell is called `1.3.H`: network, line, axis; or `1.3.r`, `1.3.j` for receptive field and jump; line 0 is
the input. The formulas are those of the operators, run on numbers that remember which cell they
are of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cnncost import units
from cnncost.analysis import bops, receptive
from cnncost.analysis.conventions import Convention, Counting
from cnncost.analysis.explain import Axis
from cnncost.analysis.grouping import Group, groups
from cnncost.analysis.letters import letters_of
from cnncost.analysis.traced import Term, Traced, leaf, term_of
from cnncost.bits import spoken
from cnncost.dtypes import element_bytes
from cnncost.errors import UsageError, nearest
from cnncost.graph import ElementSizes, Graph, Node, at_batch
from cnncost.ops.base import Operator
from cnncost.ops.sizes import Shape, elements, resized
from cnncost.report import Report, Row

Swap = Callable[[Operator], Operator]
"""Another operator in the place of a line's first: what a mistake takes it for."""


class AnswerPart(NamedTuple):
    """A number of an answer: the cell that it fills ("" if no formula reads it), and its formula."""

    cell: str
    term: Term


Cells = dict[str, tuple[AnswerPart, ...]]
"""The parts of a line's cells by quantity: one each, but for a shape one per axis."""


@dataclass(frozen=True, eq=False)
class TableLine:
    """A line of the table."""

    at: int  #: 0 is the input
    row: Row | None  #: as a table prints it; None: the input
    nodes: tuple[Node, ...]
    cells: Cells

    @property
    def alone(self) -> bool:
        """Whether it is one layer, so that the table says all that its cells follow from."""
        return all(node.op.shares_row for node in self.nodes[1:])


class Lines:
    """The lines of one network of a sheet."""

    def __init__(self, graph: Graph, report: Report, rules: Convention, place: int, by: str):
        if graph.quantised:
            raise UsageError(
                f"{graph.name} has tensors of {spoken(graph.widths)} bits: no question is asked of them"
            )
        self.graph, self.report, self.rules, self.place = graph, report, rules, place
        self.shapes = at_batch(graph, report.batch)
        self.fields = receptive.receptive_fields(graph)
        self.rank = receptive.rank_of(graph.nodes[0].shape)
        self.bytes = element_bytes(report.dtype)
        self.groups = groups(graph, by)
        self.last: dict[int, int] = {0: 0}  # nodes whose output is a line's, and which
        for at, group in enumerate(self.groups, 1):
            self.last[group.nodes[-1].index] = at
        self.input = TableLine(0, None, graph.nodes[:1], {})
        self.lines = [
            TableLine(at, report.rows[at - 1], tuple(group.nodes), self.cells(at, group))
            for at, group in enumerate(self.groups, 1)
        ]

    def show(self, only: Sequence[str]) -> None:
        """Keep only the lines of these names, or in these blocks. Raises UsageError for one that none is."""
        if not only:
            return
        kept = []
        for name in only:
            found = [line for line in self.lines if line.row and f"{line.row.name}.".startswith(f"{name}.")]
            if not found:
                near = nearest(name, [row.name for row in self.report.rows])
                raise UsageError(
                    f"{self.graph.name} has no line {name!r}"
                    + (f": did you mean {near!r}?" if near else "")
                    + f"\n  `cnncost table {self.graph.name}` lists them"
                )
            kept += found
        self.lines = sorted(dict.fromkeys(kept, 0), key=lambda line: line.at)

    def line(self, at: int) -> TableLine:
        """The line of a number; lines that are not shown leave gaps."""
        return next(line for line in self.lines if line.at == at)

    def cell(self, at: int, letter: str) -> str:
        """What a cell is called."""
        return f"{self.place}.{at}.{letter}"

    def named(self, node: int) -> Shape:
        """The shape of a node's output, its sizes the cells of its line; plain if it ends no line."""
        shape, at = self.shapes[node], self.last.get(node)
        if at is None:
            return shape
        return resized(
            shape,
            [
                size if letter == "N" else Traced(leaf(self.cell(at, letter), size))
                for letter, size in zip(letters_of(shape), shape, strict=True)
            ],
        )

    def cells(self, at: int, group: Group, swap: Swap | None = None) -> Cells:
        """The cells of a line, its first operator swapped for what a mistake takes it for.

        Raises OperatorError if that cannot be.
        """
        inside: dict[int, Shape] = {}
        params = operations = memory = 0
        output = self.named(group.nodes[-1].index)
        first, last = group.nodes[0], group.nodes[-1]
        for node in group.nodes:
            op = swap(node.op) if swap is not None and node is first else node.op
            inputs = tuple([inside[i] if i in inside else self.named(i) for i in node.inputs])
            computed = resized(node.shape, op.output_shape(*inputs)) if inputs else self.shapes[node.index]
            inside[node.index] = computed
            ends = tuple(self.shapes[node.index]) == tuple(self.shapes[last.index])
            own = output if ends else computed
            made = elements(own) * self.bytes
            new = made if self.graph.storages[node.index] == node.index else 0
            bits = bops.operands(self.graph, node, ElementSizes(self.bytes))
            counted = self.rules.count(Counting(op, own, inputs, node.written, bits), new, made)
            params, operations = params + counted.params, operations + counted.ops
            memory = memory + counted.memory_bytes
        computed = inside[last.index]
        letters = letters_of(computed)
        found: Cells = {
            "shape": tuple(
                [
                    AnswerPart(self.cell(at, letter), term_of(size))
                    for letter, size in zip(letters, computed, strict=True)
                    if letter != "N"
                ]
            ),
            "memory": (AnswerPart("", term_of(memory)),),
            "params": (AnswerPart("", term_of(params)),),
            "macs": (AnswerPart("", term_of(operations)),),
        }
        return found | self.seen(at, group)

    def seen(self, at: int, group: Group) -> Cells:
        """Receptive field and jump, where one window after the other leads to them, alike on all axes."""
        if not self.rank:
            return {}
        inside: dict[int, tuple[Axis, Axis]] = {}
        for node in group.nodes:
            known = [inside[i] if i in inside else self._seen_by(i) for i in node.reads]
            if len(known) != 1 or known[0] is None:
                return {}
            plain = tuple([self.shapes[i] for i in node.inputs])
            reach = receptive.window(node, node.op, plain, self.rank) or ((1, 1),)
            kernel, stride = reach[0]
            if len(set(reach)) > 1 or not isinstance(stride, int):
                return {}
            inside[node.index] = receptive.widened(*known[0], Axis(Term(kernel)), Axis(Term(stride)))
        size, jump = (axis.term for axis in inside[group.nodes[-1].index])
        field = self.fields[group.nodes[-1].index]
        if {*field.size} != {size.value} or {*field.jump} != {jump.value}:
            return {}
        return {
            "receptive": (AnswerPart(self.cell(at, "r"), size),),
            "stride": (AnswerPart(self.cell(at, "j"), jump),),
        }

    def _seen_by(self, node: int) -> tuple[Axis, Axis] | None:
        field, at = self.fields[node], self.last.get(node)
        if at is None or len({*field.size}) > 1 or len({*field.jump}) > 1:
            return None
        if at == 0:
            return Axis(Term(1)), Axis(Term(1))
        size, jump = field.size[0], field.jump[0]
        if not isinstance(size, int) or not isinstance(jump, int):
            return None
        return Axis(leaf(self.cell(at, "r"), size)), Axis(leaf(self.cell(at, "j"), jump))

    def described(self, at: int) -> str:
        """What a question calls a line: conv1 (11x11, stride 4)."""
        row = self.report.rows[at - 1]
        window = [units.sides(row.kernel)] if row.kernel else []
        if row.stride and set(row.stride) != {1}:
            window.append(f"stride {units.sides(row.stride)}")
        return f"{row.name} ({', '.join([row.op, *window])})"


def values(cells: Mapping[str, tuple[AnswerPart, ...]]) -> dict[str, int]:
    """The right values of the cells that formulas read."""
    return {part.cell: int(part.term.value) for parts in cells.values() for part in parts if part.cell}
