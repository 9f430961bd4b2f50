"""How the figures of a layer come about: the formula, the numbers put in, the result.

The operator's own methods run on traced numbers (see `traced`), so what is printed is what was computed.
Nothing here knows a formula, prints, or formats a table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from cnncost import units
from cnncost.analysis import bops, receptive
from cnncost.analysis.bops import Operands
from cnncost.analysis.conventions import CONVENTIONS, Convention, Counting, convention
from cnncost.analysis.letters import letters_of, named_input, named_output, traced, with_macs
from cnncost.analysis.positions import Number, simplest
from cnncost.analysis.receptive import Field
from cnncost.analysis.traced import Term, Traced, fraction, inexact, largest, leaf, numbers, symbols, term_of
from cnncost.bits import SCALES, packed
from cnncost.errors import UsageError
from cnncost.graph import ElementSizes, Graph, Node, at_batch
from cnncost.ops.base import Operator, Storage, flops
from cnncost.ops.sizes import AXES, Shape, elements, resized
from cnncost.report import Counted, Report, Row

OURS = CONVENTIONS["cnncost"]


class Line(NamedTuple):
    """One result: W' = floor((W - K + 2P) / S) + 1 = floor((227 - 11 + 2*2) / 4) + 1 = 56."""

    quantity: str  #: output width, params, macs, ...
    symbol: str  #: what a later formula calls it
    formula: str  #: in letters
    numbers: str  #: with the numbers put in
    value: Number
    unit: str = ""
    note: str = ""

    @property
    def working(self) -> str:
        """The line as a lecture prints it."""
        result = f"{self.value:,}" if isinstance(self.value, int) else f"{float(self.value):,g}"
        distinct = dict.fromkeys((self.symbol, self.formula, self.numbers))  # each once
        steps = [step for step in distinct if step and step != str(self.value)]
        return " = ".join([*steps, f"{result} {self.unit}".rstrip()]) + (
            f" ({self.note})" if self.note else ""
        )


@dataclass(frozen=True)
class Explained:
    """A layer and the lines that explain it."""

    name: str
    op: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    lines: tuple[Line, ...]


def explain(
    graph: Graph, layer: str, *, batch: int = 1, element_bytes: int = 4, rules: Convention = OURS
) -> list[Explained]:
    """The working of a layer, or of every layer of a block, with what a convention makes of it.

    `layer` is a node's or a block's name, or its last parts (`conv2`) if no other ends in them. Raises
    UsageError if there is none (with the nearest names) or if there are several (they are listed).
    """
    shapes = at_batch(graph, batch)
    fields = receptive.receptive_fields(graph)
    return [explained(graph, node, shapes, fields, element_bytes, rules) for node in find(graph, layer)]


def find(graph: Graph, layer: str) -> list[Node]:
    """The nodes that a name means; see `explain`."""
    wanted = tuple(layer.split("."))
    found: dict[tuple[str, ...], list[Node]] = {}
    for node in graph.nodes[1:]:
        path = node.path
        for start in range(len(path) - len(wanted) + 1):
            if path[start : start + len(wanted)] == wanted:
                found.setdefault(path[: start + len(wanted)], []).append(node)
                break
    if wanted in found:
        return found[wanted]
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        names = [".".join(path) for path in found]
        raise UsageError(f"{graph.name}: {len(names)} layers are called {layer!r}\n  {_listed(names)}")
    known = list(dict.fromkeys(name for node in graph.nodes[1:] for name in _names(node)))
    begun = [name for name in known if name.startswith(layer)]
    near = begun[:3] or difflib.get_close_matches(layer, known, n=3, cutoff=0.5)
    message = f"{graph.name} has no layer {layer!r}" + (
        f": did you mean {' or '.join(map(repr, near))}?" if near else ""
    )
    raise UsageError(f"{message}\n  `cnncost show {graph.facts.get('imported', graph.name)}` lists them")


def _names(node: Node) -> Iterator[str]:
    """A node's name, its last part, and the blocks it is in."""
    yield node.name
    yield from node.path


def _listed(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f", ... {len(names) - most} more" if len(names) > most else "")


def explained(
    graph: Graph,
    node: Node,
    shapes: Sequence[Shape],
    fields: Sequence[Field],
    element_bytes: int = 4,
    rules: Convention = OURS,
) -> Explained:
    """The working of one node; `shapes` are of the batch in question."""
    plain = tuple([shapes[index] for index in node.inputs])
    op = traced(node.op, letters_of(plain[0])[2:] if plain else ())
    inputs = tuple(named_input(shape, position, node) for position, shape in enumerate(plain))
    computed = resized(node.shape, op.output_shape(*inputs))
    letters = letters_of(computed)
    output = resized(computed, map(named_output, computed, letters))
    sizes = ElementSizes(element_bytes)
    made = output_bytes(sizes.bits(node), output)
    bits = bops.operands(graph, node, sizes)
    named = Operands(Traced(leaf("b_a", bits.values)), Traced(leaf("b_w", bits.weights)))
    call = Counting(op, output, inputs, node.written, named)
    new = made if graph.storages[node.index] == node.index else 0
    lines = [
        *_shape_lines(computed, inputs[0]),
        _memory_line(graph, node, made),
        *_weight_lines(op, inputs),
        *(_stored_lines(node, op, inputs, sizes) if graph.quantised else ()),
        *_operation_lines(call),
        *(_bit_lines(call) if graph.quantised else ()),
        *_counted_lines(call, new, made, rules),
        *_receptive_lines(graph, node, op, plain, fields),
    ]
    return Explained(
        node.name,
        node.op.name,
        tuple([shape[1:] for shape in plain]),
        shapes[node.index][1:],
        tuple(lines),
    )


# Lines --------------------------------------------------------------------------------------------------


def _line(quantity: str, symbol: str, number: int | Term, unit: str = "", note: str = "") -> Line:
    term = number if isinstance(number, Term) else term_of(number)
    return Line(quantity, symbol, symbols(term), numbers(term), simplest(term.value), unit, note)


def _shape_lines(computed: Shape, x: Shape) -> Iterator[Line]:
    letters = letters_of(computed)
    for letter, size in zip(letters, computed, strict=True):
        if letter == "N" and x and size is x[0]:
            continue
        note = "; ".join(
            f"fractions are illegal: {fraction(division)} = {float(_exactly(division)):.6g},"
            f" rounded {'up' if up else 'down'}"
            for division, up in inexact(size)
        )
        symbol = f"{letter}'" if len(letters) != 2 or letter != "C" else "C_out"
        yield _line(f"output {AXES.get(letter) or f'axis {letter[1:]}'}", symbol, size, note=note)


def _exactly(division: Term) -> Any:
    from fractions import Fraction

    top, bottom = division.parts
    return Fraction(top.value) / bottom.value


HOLDS = {
    Storage.IN_PLACE: "overwrites its input",
    Storage.VIEW: "a view of its input",
    Storage.OUTSIDE: "held outside the network's run",
}
"""What is said of a node that makes no tensor."""


def output_bytes(bits: int, output: Shape) -> Any:
    """Bytes of a tensor of so many bits a value: whole ones, the last filled up."""
    return elements(output) * (bits // 8) if bits % 8 == 0 else packed(bits, elements(output))


def _memory_line(graph: Graph, node: Node, made: Any) -> Line:
    if graph.storages[node.index] != node.index:
        how = HOLDS[node.op.storage()]
        return Line("memory", "", "", "", 0, "bytes", how)
    line = _line("memory", "", made, "bytes")
    return line._replace(note=units.size(int(line.value))) if line.value >= 1024 else line


def _weight_lines(op: Operator, inputs: tuple[Shape, ...]) -> Iterator[Line]:
    frozen = any(weight.frozen for weight in op.weights(*inputs))
    yield _line("params", "", op.params(*inputs), note="frozen: counted, not trained" if frozen else "")
    buffers = op.buffers(*inputs)
    if buffers:
        yield _line("buffers", "", buffers, note="kept, not learned")


def _stored_lines(node: Node, op: Operator, inputs: tuple[Shape, ...], sizes: ElementSizes) -> Iterator[Line]:
    """Bytes of a quantised network's weights, with what is stored beside them."""
    weights, buffers = op.weights(*inputs), op.buffers(*inputs)
    if weights:
        bits = node.bits
        asked = bits is not None and bits.weights is not None
        note = f"weights of {bits.weights} bits; {SCALES[bits.scales]}" if bits and asked else "not quantised"
        yield _line("weights", "", sizes.stored(node._replace(op=op), weights, buffers), "bytes", note)


def _operation_lines(call: Counting) -> Iterator[Line]:
    op, output, inputs, *_ = call
    if op.kin == "unknown":
        for quantity in ("macs", "flops"):
            yield Line(quantity, "", "", "", 0, note=f"a lower bound: nobody has declared {op.given('what')}")
        return
    macs = op.macs(output, *inputs)
    other = {kind: count for kind, count in op.arithmetic(output, *inputs).items() if count}
    yield _line("macs", "", macs)
    for kind, count in other.items():
        yield _line(kind, "", count)
    if not macs and not other:
        yield Line("flops", "", "", "", 0, note="free: nothing is computed")
        return
    # The sum of what the lines above have found, each under its name.
    found = {kind: Traced(leaf(kind, int(count))) for kind, count in other.items()}
    yield _line("flops", "", flops(Traced(leaf("MACs", int(macs))) if macs else 0, found))


def _bit_lines(call: Counting) -> Iterator[Line]:
    """Bit operations: the MACs times the bits of both factors."""
    macs = call.op.macs(call.output, *call.inputs)
    if macs:
        found = bops.plain(Traced(leaf("MACs", int(macs))), 1, call.bits)
        yield _line("bops", "", found, note="b_a: of the values that are read")


def _counted_lines(call: Counting, new: Any, made: Any, rules: Convention) -> Iterator[Line]:
    """What a convention makes of a node: its own rules run on the traced numbers. Ours is above already.

    `made` are the bytes of its output, `new` those of them that are new memory.
    """
    if rules is OURS or call.op.kin == "unknown":
        return
    macs = call.op.macs(call.output, *call.inputs)
    terms = [leaf("MACs", int(macs))] if macs else []
    if macs:
        call = call._replace(op=with_macs(call.op, Traced(terms[0])))
    counted = rules.count(call, new, made)
    for label, ops in rules.terms(call).items():
        if ops:
            yield _line(f"{rules.name}: {label}", "", ops)
            terms.append(leaf(label, int(ops)))
    untested = " (untested)" if rules.untested(call.op, call.written) else ""
    yield _line(
        f"{rules.name}: {rules.ops_name}{untested}", "", sum(terms[1:], terms[0]) if terms else Term(0)
    )
    yield _line(f"{rules.name}: params", "", counted.params)
    yield _line(f"{rules.name}: memory", "", counted.memory_bytes, "bytes")


def _receptive_lines(
    graph: Graph, node: Node, op: Operator, plain: tuple[Shape, ...], fields: Sequence[Field]
) -> Iterator[Line]:
    """One pair of lines if all axes agree, else a pair for each."""
    sources = [fields[index] for index in node.reads]
    axes = [letter for letter in letters_of(graph.nodes[0].shape) if letter not in "NC"]
    rank = receptive.rank_of(graph.nodes[0].shape)
    seen = receptive.window(node, op, plain, rank) or ((1, 1),) * rank
    lines = []
    for axis, letter in enumerate(axes[:rank]):
        numbered = [""] if len(sources) == 1 else [f"_{index + 1}" for index in range(len(sources))]
        size = largest(
            *[leaf(f"r{end}", field.size[axis]) for end, field in zip(numbered, sources, strict=True)]
        )
        jump = largest(
            *[leaf(f"j{end}", field.jump[axis]) for end, field in zip(numbered, sources, strict=True)]
        )
        kernel, stride = seen[axis]
        whole = not isinstance(kernel, Traced) and kernel > 1 and kernel in plain[0].space[axis : axis + 1]
        window = leaf(letter, kernel) if whole else term_of(kernel)
        size, jump = receptive.widened(Axis(size), Axis(jump), Axis(window), Axis(term_of(stride)))
        found = fields[node.index]
        if (size.term.value, jump.term.value) != (found.size[axis], found.jump[axis]):
            # Positions were followed through views or slices, which is no formula of one window.
            lines.append((f"_{letter.lower()}", term_of(found.size[axis]), term_of(found.jump[axis])))
        else:
            lines.append((f"_{letter.lower()}", size.term, jump.term))
    same = len({(numbers(size), numbers(jump)) for _, size, jump in lines}) == 1
    for suffix, size, jump in lines[:1] if same else lines:
        end = "" if same else suffix
        yield _line("receptive field", f"r{end}'", size)
        yield _line("jump", f"j{end}'", jump)


class Axis:
    """A term that plain numbers may meet: what the receptive field's formula computes with."""

    def __init__(self, term: Term):
        self.term = term

    def __add__(self, other: Axis | int) -> Axis:
        return Axis(self.term + _term(other))

    def __sub__(self, other: Axis | int) -> Axis:
        return Axis(self.term - _term(other))

    def __mul__(self, other: Axis | int) -> Axis:
        return Axis(self.term * _term(other))


def _term(other: Axis | int) -> Term:
    return other.term if isinstance(other, Axis) else Term(other)


# A whole model ------------------------------------------------------------------------------------------


class Kin(NamedTuple):
    """What the operators of one kin cost together."""

    kin: str
    layers: int
    memory_bytes: int
    params: int
    macs: int
    flops: int
    counted: Counted  #: what the report's convention makes of them


class Biggest(NamedTuple):
    """The layer that takes most of something."""

    quantity: str
    name: str
    value: int
    whole: int


def by_kin(graph: Graph, report: Report) -> list[Kin]:
    """Totals by kin of operator, in order of appearance; `report` is by op."""
    ops = {node.name: node.op for node in graph.nodes}
    rows: dict[str, list[Row]] = {}
    for row in report.rows:
        rows.setdefault(ops[row.name].kin, []).append(row)
    return [
        Kin(
            kin,
            len(several),
            sum([row.activation_bytes for row in several]),
            sum([row.params for row in several]),
            sum([row.macs for row in several]),
            sum([row.flops for row in several]),
            Counted(*map(sum, zip(*[row.counted for row in several], strict=True))),
        )
        for kin, several in rows.items()
    ]


def biggest(report: Report) -> list[Biggest]:
    """The layers that take most memory, parameters and operations as counted; the first of equals."""
    found = []
    fields = {"memory": "memory_bytes", "params": "params", convention(report.convention).ops_name: "ops"}
    for quantity, field in fields.items():
        row: Row = max(report.rows, key=attrgetter(f"counted.{field}"))
        value, whole = getattr(row.counted, field), getattr(report.totals.counted, field)
        found.append(Biggest(quantity, row.name, value, whole))
    return found
