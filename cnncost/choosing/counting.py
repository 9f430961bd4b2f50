"""The exact counts of many settings of one spec at once.

A body is cut into pieces (`straight.py`). For every piece the settings that look alike to it - the same
parameters that it reads, the same channels - are counted once, for all sizes of the input in one pass, by
the same formulas on arrays; blocks inside likewise. What a setting costs is the sum over its pieces, so ten
thousand settings need some hundreds of blocks. What cannot be cut is built whole, setting by setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnncost.choosing.straight import Cutter, StepsAlone
from cnncost.errors import CnncostError, OperatorError
from cnncost.graph import Graph, InputNode, Node
from cnncost.language.expand import MAX_GRAPH, Expander
from cnncost.language.family import TENSOR_NAMES, Block, Family, Step
from cnncost.language.numbering import Numbering, weights_of
from cnncost.language.scope import LabelRef, Scope
from cnncost.ops.base import Elementwise, flops
from cnncost.ops.sizes import Shape, axes_of, elements, free, resized

FIGURES = ("params", "macs", "flops", "activations")
LARGEST = 2**61
"""No sum may reach it: whole numbers of 64 bits wrap around without a word."""


class Crossing(Exception):
    """A label or a size crosses from one piece into another: the setting has to be built whole."""


class Made(Elementwise):
    """Stands for the operator, of another piece, that made a piece's input: a tensor of its own, no cost."""

    name = "made"
    kin = "input"


class TensorState(NamedTuple):
    """What goes from a piece to the next."""

    shape: Shape  #: sizes of space are arrays if several are counted at once
    outside: bool  #: its memory is that of the network's input, which is never overwritten

    def key(self) -> tuple[Any, ...]:
        """The same for equal states, and for no others."""
        sizes = [size if isinstance(size, int) else size.tobytes() for size in self.shape]
        return (axes_of(self.shape), self.outside, *sizes)


class Tally(NamedTuple):
    """Sums over some operators: ints, or arrays over sizes."""

    params: Any = 0
    macs: Any = 0
    flops: Any = 0
    activations: Any = 0
    operators: int = 0

    def plus(self, other: Tally) -> Tally:
        """Quantity by quantity."""
        return Tally(*[one + two for one, two in zip(self, other, strict=True)])

    def times(self, number: int) -> Tally:
        """The same so many times."""
        return self if number == 1 else Tally(*[one * number for one in self])


class Walker:
    """Counts pieces of one family's body, and remembers what it has counted."""

    def __init__(self, family: Family):
        self.family = family
        self.cutter = Cutter(family)
        self.expander = Expander(family)
        self.known: dict[tuple[Any, ...], tuple[TensorState, Tally]] = {}
        self.names: dict[int, tuple[str, ...]] = {}

    def forget(self, most: int) -> None:
        """Remember nothing any more, if that is more than so much."""
        if len(self.known) > most:
            self.known = {}
            self.expander = Expander(self.family)

    def top(self, params: Mapping[str, Any]) -> Scope:
        """The scope of the body under some parameters."""
        return Scope(dict(params), TENSOR_NAMES.intersection(params), None, "", 0)

    def walk(self, steps: list[Step], scope: Scope, state: TensorState) -> tuple[TensorState, Tally]:
        """Run a list of steps on a tensor: the tensor it ends in, and what it costs.

        Raises CnncostError or OperatorError where it cannot be, Crossing where it cannot be cut.
        """
        names = self.names.get(id(steps))
        if names is None:
            pieces = self.cutter.pieces(steps)
            names = self.names[id(steps)] = tuple(sorted({name for each in pieces for name in each.names}))
        key = (id(steps), *values_of(names, scope.variables), *state.key())
        found = self.known.get(key)
        if found is None:
            tally = Tally()
            before = state
            for piece in self.cutter.pieces(steps):
                state, more = self.piece(piece, scope, before)
                before, tally = state, tally.plus(more)
            found = self.known[key] = (before, tally)
        return found

    def piece(self, piece: StepsAlone, scope: Scope, state: TensorState) -> tuple[TensorState, Tally]:
        """The same of a piece."""
        if piece.sizes - scope.own and not _plain(state.shape):
            raise Crossing
        step = piece.single
        if step is None:
            return self.leaf(piece.steps, piece.names, scope, state)
        if not step.repeats:
            return self.single(piece, step, scope, state)
        tally = Tally()
        own = scope.own | TENSOR_NAMES.intersection(name for name, _ in step.columns)
        self.begin(state)
        rows = self.expander.repetitions(step, scope, 0)
        alike = not step.columns and "index" not in self.cutter.of_run(step)
        for number, variables in enumerate(rows):
            before = state
            inner = Scope(variables, own, scope, "", scope.calls)
            state, more = self.single(piece, step, inner, state)
            if alike and state.key() == before.key():  # so are all that follow
                return state, tally.plus(more.times(len(rows) - number))
            tally = tally.plus(more)
        return state, tally

    def rows(self, step: Step, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a step that repeats says of every repetition: its columns and `index`."""
        expander, names = self.expander, [name for name, _ in step.columns]
        expander.nodes = [Node(0, "input", InputNode(), (), free(()))]
        found = expander.repetitions(step, self.top(params), 0)
        return [{name: row[name] for name in (*names, "index")} for row in found]

    def once(
        self,
        piece: StepsAlone,
        step: Step,
        params: Mapping[str, Any],
        row: Mapping[str, Any],
        state: TensorState,
    ) -> tuple[TensorState, Tally]:
        """One repetition of a step of the body."""
        top = self.top(params)
        own = top.own | TENSOR_NAMES.intersection(name for name, _ in step.columns)
        return self.single(piece, step, Scope({**params, **row}, own, top, "", 0), state)

    def single(
        self, piece: StepsAlone, step: Step, scope: Scope, state: TensorState
    ) -> tuple[TensorState, Tally]:
        """One run of a step: a block is entered, anything else is built."""
        block = self.block_of(step, scope)
        if block is None:
            return self.leaf(piece.steps, self.cutter.of_run(step), scope, state, step)
        if step.condition is not None or step.uses_tensor or block.uses_tensor:
            self.begin(state)
        if step.condition is not None:
            scope.see(self.expander.nodes[0].shape)
            if not self.expander.holds(step, scope):
                return state, Tally()
        if step.uses_tensor:
            scope.see(self.expander.nodes[0].shape)
        inner = self.expander.enter(step, block, scope, 0, "")
        return self.walk(block.steps, inner, state)

    def block_of(self, step: Step, scope: Scope) -> Block | None:
        """The block that a step calls, if it can be entered: nothing in it looks at what is outside."""
        if step.operator is not None or step.source is not None or "input" in self.cutter.mentions(step):
            return None
        name = scope.variables.get(step.name or "") if step.dynamic else step.name
        return self.family.blocks.get(name) if isinstance(name, str) else None

    def begin(self, state: TensorState) -> int:
        """An empty graph with the tensor in it; the place of that."""
        expander = self.expander
        shape = state.shape
        if not _plain(shape):
            shape = resized(shape, [_largest(size) for size in shape])
        shape = expander.equal.setdefault((axes_of(shape), shape), shape)  # keeps its id its own
        expander.nodes = [Node(0, "input", InputNode(), (), shape)]
        expander.used = {"input"}
        expander.steps_run = 0
        if not state.outside:
            expander.nodes.append(Node(1, "made", MADE, (0,), shape))
        return len(expander.nodes) - 1

    def leaf(
        self,
        steps: list[Step],
        names: tuple[str, ...],
        scope: Scope,
        state: TensorState,
        once: Step | None = None,
    ) -> tuple[TensorState, Tally]:
        """Steps that are built, by the expander of specs: all of them, or one of them once."""
        key = (id(once or steps), once is None, *values_of(names, scope.variables), *state.key())
        found = self.known.get(key)
        if found is not None:
            return found
        start = self.begin(state)
        inner = Scope(scope.variables, scope.own, scope.parent, "", scope.calls)
        inner.entry = start if scope.entry is not None else None
        if start == 0 and scope.parent is None:
            inner.labels["input"] = 0
        if once is None:
            last = self.expander.run(steps, inner, start)
        else:
            last = self.expander.step(once, inner, start, Numbering(weights_of([once])))
        found = self.known[key] = self.counted(start, last, state)
        return found

    def counted(self, start: int, last: int, state: TensorState) -> tuple[TensorState, Tally]:
        """What the graph that was just built costs, at every size of the state."""
        nodes = tuple(self.expander.nodes)
        if len(nodes) > MAX_GRAPH:
            raise Crossing
        owners = Graph("", nodes, (last,)).storages
        shapes = [node.shape for node in nodes]
        exact = _tally(nodes[start + 1 :], shapes, owners)
        if _plain(state.shape):
            end = state if last == start else TensorState(shapes[last], owners[last] == 0)
            return end, exact
        if max(exact) >= LARGEST:
            raise Crossing
        many: list[Any] = [state.shape] * (start + 1)
        for node in nodes[start + 1 :]:
            many.append(resized(node.shape, node.op.output_shape(*(many[index] for index in node.inputs))))
        tally = _tally(nodes[start + 1 :], many, owners)
        place = _place_of_largest(state.shape)
        if [_at(value, place) for value in tally] != list(exact):
            raise Crossing  # what the spec computes from the size is not the same at every size
        end = state if last == start else TensorState(many[last], owners[last] == 0)
        return end, tally


MADE = Made()


def _tally(nodes: Sequence[Node], shapes: Sequence[Any], owners: Sequence[int]) -> Tally:
    params = macs = all_flops = values = 0
    for node in nodes:
        op, output = node.op, shapes[node.index]
        inputs = [shapes[index] for index in node.inputs]
        own = op.macs(output, *inputs)
        macs = macs + own
        all_flops = all_flops + flops(own, op.arithmetic(output, *inputs))
        for weight in op.weights(*inputs):
            params = params + weight.count
        if owners[node.index] == node.index:
            values = values + elements(output)
    return Tally(params, macs, all_flops, values, len(nodes))


def _plain(shape: Shape) -> bool:
    return {type(size) for size in shape} == {int}


def _largest(size: Any) -> int:
    return size if isinstance(size, int) else int(size[-1])


def _place_of_largest(shape: Shape) -> int:
    sizes: tuple[Any, ...] = shape
    return next(len(size) - 1 for size in sizes if not isinstance(size, int))


def _at(value: Any, place: int) -> int:
    return int(value) if getattr(value, "ndim", 0) == 0 else int(value[place])


MISSING = object()


def values_of(names: Sequence[str], variables: Mapping[str, Any]) -> list[Any]:
    """What some names stand for, so that equal values of different types differ."""
    return [_frozen(variables.get(name, MISSING)) for name in names]


def _frozen(value: Any) -> Any:
    kind = type(value)
    if kind is int or kind is str:
        return value
    if isinstance(value, LabelRef):
        raise Crossing
    if isinstance(value, (list, tuple)):
        return tuple([_frozen(item) for item in value])
    return (kind, value)


def first_line(error: Exception) -> str:
    """Why a setting cannot be built, without the place in the file."""
    if isinstance(error, (CnncostError, OperatorError)):
        return error.message.partition("\n")[0]
    return str(error)
