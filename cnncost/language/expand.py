"""A family and its parameters -> the layer graph.

Expansion runs the steps: it calls blocks, builds operators, infers shapes and names nodes by their
place. It is the only writer of graphs that come from specs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from cnncost.bits import Bits
from cnncost.dtypes import NodeTypes
from cnncost.errors import OperatorError, did_you_mean
from cnncost.execution.quantising import settled
from cnncost.graph import FurtherInput, Graph, InputNode, Node
from cnncost.language.batches import hold_to_any_batch
from cnncost.language.document import Scalar, YamlNode
from cnncost.language.family import TENSOR_NAMES, Block, Family, Given, Step
from cnncost.language.grammar import Grammar
from cnncost.language.numbering import Numbering, weights_of
from cnncost.language.quantised import asked, quantised
from cnncost.language.scope import Names, Scope
from cnncost.ops import REGISTRY, Operator
from cnncost.ops.arguments import show
from cnncost.ops.base import text as shape_text
from cnncost.ops.sizes import Shape, axes_of
from cnncost.report import InputTensor

MAX_GRAPH = 100_000
MAX_STEPS = 300_000
MAX_CALLS = 80
MAX_REPEATS = 100_000
MAX_ELEMENTS = 10**15

WhatIsBuilt = TypeVar("WhatIsBuilt")


class DeclaredInput(NamedTuple):
    """A tensor that a network is given."""

    name: str
    shape: Shape  #: batch 1 first
    dtype: str = ""  #: "": that of the report


class Expander:
    """Builds graphs of a family, one after the other; raises SpecError with the place at fault."""

    def __init__(self, family: Family):
        self.family = family
        self.document = family.document
        self.grammar = Grammar(family.document)
        self.names = Names(family)
        self.nodes: list[Node] = []
        self.used: set[str] = set()
        self.operators: dict[Any, Operator] = {}
        self.shapes: dict[tuple[int, ...], Shape] = {}  #: by ids of an operator and of shapes it reads
        self.equal: dict[tuple[str, Shape], Shape] = {}  #: equal shapes are one object
        self.weights: dict[int, dict[str, int]] = {}  #: by id of a list of steps
        self.steps_run = 0
        self.made_by: list[Step] = []  #: for every node after the inputs the step that made it
        self.head: str | None = None
        self.bits: Bits | None = None  #: of the step that runs, or of the block that it stands in

    def graph(
        self, name: str, params: Mapping[str, Any], inputs: Sequence[DeclaredInput], facts: Mapping[str, Any]
    ) -> Graph:
        """The graph of the family's body with these parameters and these inputs (batch 1)."""
        self.nodes, self.used, self.steps_run, self.head, self.made_by = [], set(), 0, None, []
        top = Scope(dict(params), TENSOR_NAMES.intersection(params), None, "", 0)
        for index, (called, shape, dtype) in enumerate(inputs):
            types = NodeTypes(dtype, dtype) if dtype else self.family.types
            op = FurtherInput(shape=(-1, *shape[1:])) if index else InputNode()
            shape = self.equal.setdefault((axes_of(shape), shape), shape)  # keeps its id its own
            self.nodes.append(Node(index, called, op, (0,) if index else (), shape, types=types))
            self.used.add(called)
            top.labels[called] = index
        top.labels.setdefault("input", 0)
        if len(inputs) > 1:
            given = tuple([InputTensor(each.name, tuple(each.shape[1:]), each.dtype) for each in inputs])
            facts = {**facts, "inputs": given}
        last = self.run(self.family.body, top, 0)
        if last < len(inputs):
            raise self.document.error("the body builds no layer", self.document.root)
        outputs = [self.names.find(label, top) for label in self.family.outputs] or [last]
        for key, steps in self.family.heads:
            self.head = key.text
            if not steps or steps[0].source is None:
                raise self.document.error("a head begins with `from: label`", key)
            built = len(self.nodes)
            end = self.run(steps, Scope(top.variables, top.own, top, f"{key.text}.", 1), last)
            if len(self.nodes) > built:  # else `if` has dropped the whole head
                outputs.append(end)
        nodes = settled(self.nodes) if any(node.bits for node in self.nodes) else tuple(self.nodes)
        graph = Graph(name, nodes, tuple(outputs), self.document.file, facts)
        hold_to_any_batch(graph, self.made_by, self.document)
        return graph

    # Steps ------------------------------------------------------------------------------------

    def run(self, steps: list[Step], scope: Scope, current: int) -> int:
        """Run a list of steps on a node; the index of the node they end in."""
        weights = self.weights.get(id(steps))
        if weights is None:
            weights = self.weights[id(steps)] = weights_of(steps)
        numbering = Numbering(weights)
        for step in steps:
            if step.repeats:
                own = scope.own | TENSOR_NAMES.intersection(name for name, _ in step.columns)
                for variables in self.repetitions(step, scope, current):
                    inner = Scope(variables, own, scope, scope.prefix, scope.calls)
                    inner.labels, inner.owners = scope.labels, scope.owners
                    current = self.step(step, inner, current, numbering)
            else:
                current = self.step(step, scope, current, numbering)
        return current

    def repetitions(self, step: Step, scope: Scope, current: int) -> list[dict[str, Any]]:
        """The variables of each repetition of a step with `times` or `for`."""
        scope.see(self.nodes[current].shape)
        rows: list[dict[str, Any]] = [{}]
        if step.columns:
            columns = [(name, self.names.value(given, scope), given) for name, given in step.columns]
            length = None
            for name, values, given in columns:
                if not isinstance(values, (list, tuple)):
                    raise self.document.error(f"column {name!r} must be a list", given.node)
                if length is not None and len(values) != length:
                    raise self.document.error(
                        f"column {name!r} has {len(values)} values, {columns[0][0]!r} has {length}",
                        given.node,
                    )
                length = len(values)
            rows = [{name: values[i] for name, values, _ in columns} for i in range(length or 0)]
        if step.times is not None:
            times = self.names.value(step.times, scope)
            if isinstance(times, float) and times.is_integer():
                times = int(times)
            if isinstance(times, bool) or not isinstance(times, int) or times < 0:
                raise self.document.error("`times` must be a whole number, at least 0", step.times.node)
            if times * len(rows) > MAX_REPEATS:
                raise self.document.error(f"`times` of more than {MAX_REPEATS:,}", step.times.node)
            rows = [row for row in rows for _ in range(times)]
        return [{**scope.variables, **row, "index": index} for index, row in enumerate(rows)]

    def step(self, step: Step, scope: Scope, current: int, numbering: Numbering) -> int:
        """Run one step once."""
        self.steps_run += 1
        if self.steps_run > MAX_STEPS:
            raise self.document.error(
                f"more than {MAX_STEPS:,} steps", step.node, cure="does a block call itself?"
            )
        before = current
        if not step.condition_sees_tensor and not self.holds(step, scope):
            return before  # dropped before its label is looked up: the label may be dropped too
        if step.source is not None:
            current = self.names.find(step.source, scope)
        if step.uses_tensor:
            scope.see(self.nodes[current].shape)
        if step.condition_sees_tensor and not self.holds(step, scope):
            return before
        if step.name is None:
            return current
        outside = self.bits
        if step.bits is not None:
            self.bits = asked(step.bits, self.names, scope).over(outside)
        labelled = step.label is not None and "$" in step.base
        base = self.numbered(step, scope) if labelled else numbering.name(step.base)
        if step.operator is not None and step.branches:
            result = self.join(step, scope, current, base, numbering)
        elif step.operator is not None:
            result = self.operator(step, step.operator, scope, current, scope.prefix + base)
        elif step.dynamic:
            result = self.call_by_name(step, scope, current, base)
        else:
            result = self.call(step, self.family.blocks[step.name], scope, current, base)
        if step.label is not None:
            self.mark(step, step.label, base if labelled else step.label.text, scope, result)
        self.bits = outside
        return result

    def holds(self, step: Step, scope: Scope) -> bool:
        """Whether a step's `if` lets it run."""
        return step.condition is None or bool(self.names.value(step.condition, scope))

    def mark(self, step: Step, place: Scalar, label: str, scope: Scope, node: int) -> None:
        """Let a label stand for a node from here on; one step alone may set it, again and again."""
        if scope.owners.setdefault(label, step) is not step:
            first = scope.owners[label].node.line + 1
            raise self.document.error(
                f"duplicate label {label!r}", place, cure=f"it is already on line {first}"
            )
        scope.labels[label] = node

    def numbered(self, step: Step, scope: Scope) -> str:
        """A label such as layer1.$index with the values of its parameters."""
        label = step.label
        assert label is not None

        def shown(match: re.Match[str]) -> str:
            name = match.group(1)
            if name not in scope.variables:
                cure = did_you_mean(name, list(scope.variables))
                raise self.document.error(f"unknown parameter {name!r}", label, cure=cure)
            return str(scope.variables[name])

        return re.sub(r"\$(\w+)", shown, step.base)

    def operator(self, step: Step, operator: type[Operator], scope: Scope, current: int, name: str) -> int:
        """Add one operator to the graph."""
        op = step.ready or self.build(step, operator, scope)
        inputs: tuple[int, ...] = (current,)
        if step.reference is not None:
            target, unreferred = self.names.find(step.reference, scope), op
            op = self.guarded(step, lambda: unreferred.refer(self.nodes[target].op))
            inputs = (current, target, *(self.nodes[target].inputs if op.reference_inputs else ()))
        return self.add(step, op, inputs, name)

    def build(self, step: Step, operator: type[Operator], scope: Scope) -> Operator:
        """The operator with its arguments evaluated; equal ones are shared."""
        values = []
        for key, given in step.arguments:
            assert key is not None
            expression = given.expression
            if expression is None and given.items is None:
                value = given.constant
            elif (
                expression is not None
                and expression.name is not None
                and operator.arguments[key.text].takes_words
                and expression.name not in scope.variables
            ):
                value = expression.name
            else:
                value = _frozen(self.names.value(given, scope))
            values.append((key.text, value))
        if step.reference is not None and operator.reference:
            values.append((operator.reference, step.reference.text))
        built = (operator, tuple(values), tuple([type(value) for _, value in values]))
        op = self.operators.get(built)
        if op is None:
            op = self.operators[built] = self.guarded(step, lambda: operator(**dict(values)))
        if not step.dynamic and all(given.is_constant for _, given in step.arguments):
            step.ready = op
        return op

    def add(self, step: Step, op: Operator, inputs: tuple[int, ...], name: str) -> int:
        """Append a node."""
        nodes = self.nodes
        shapes = tuple([nodes[index].shape for index in inputs])
        key = (id(op), *map(id, shapes))
        shape = self.shapes.get(key)
        if shape is None:
            shape = self.guarded(step, lambda: op.output_shape(*shapes), shapes)
            self.operators[id(op)] = op  # keeps the id its own
            size = 1
            for length in shape:
                size *= length
            if min(shape, default=1) < 1 or size > MAX_ELEMENTS:
                raise self.document.error(
                    f"{op.name} would give {shape_text(shape)}: not a size to compute", step.node
                )
            shape = self.shapes[key] = self.equal.setdefault((axes_of(shape), shape), shape)
        index = len(nodes)
        if index >= MAX_GRAPH:
            raise self.document.error(f"more than {MAX_GRAPH:,} layers", step.node)
        if name in self.used:
            name = self.another(name)
        self.used.add(name)
        types = step.types or self.family.types
        node = Node(index, name, op, inputs, shape, step.place, self.head, types=types)
        nodes.append(quantised(step, node, nodes, self.bits, self.document) if self.bits else node)
        self.made_by.append(step)
        return index

    def another(self, name: str) -> str:
        """A free name like a taken one."""
        number = 2
        while f"{name}_{number}" in self.used:
            number += 1
        return f"{name}_{number}"

    def join(self, step: Step, scope: Scope, current: int, base: str, numbering: Numbering) -> int:
        """Run the branches, all from the same node, and join them."""
        assert step.operator is not None
        ends = []
        outside = scope.prefix
        for branch, steps in step.branches:
            scope.prefix = f"{outside}{numbering.name(branch)}."
            ends.append(self.run(steps, scope, current))
        scope.prefix = outside
        op = step.ready or self.build(step, step.operator, scope)
        return self.add(step, op, tuple(ends), outside + base)

    # Blocks -----------------------------------------------------------------------------------

    def call_by_name(self, step: Step, scope: Scope, current: int, base: str) -> int:
        """Run the block or operator that a parameter names."""
        assert step.key is not None and step.name is not None
        if step.name not in scope.variables:
            known = [name for name in scope.variables if isinstance(scope.variables[name], str)]
            raise self.document.error(
                f"unknown parameter {step.name!r}", step.key, cure=did_you_mean(step.name, known)
            )
        target = scope.variables[step.name]
        if isinstance(target, str) and target in self.family.blocks:
            return self.call(step, self.family.blocks[target], scope, current, base)
        operator = REGISTRY.get(target) if isinstance(target, str) else None
        if operator is None or (operator.inputs is None and not operator.alone):
            known = [*self.family.blocks, *REGISTRY]
            raise self.document.error(
                f"parameter {step.name!r} is {show(target)}, not the name of a block",
                step.key,
                cure=did_you_mean(str(target), known),
                more="blocks: " + (", ".join(self.family.blocks) or "none"),
            )
        self.grammar.check_arguments(step, operator)
        return self.operator(step, operator, scope, current, scope.prefix + base)

    def call(self, step: Step, block: Block, scope: Scope, current: int, base: str) -> int:
        """Run a block instance; its labels are seen outside under its own: stage.fine."""
        inner = self.enter(step, block, scope, current, base)
        end = self.run(block.steps, inner, current)
        if step.label is not None:
            label = base if "$" in step.base else step.label.text
            paths = ((f"{label}.{name}", node) for name, node in inner.labels.items())
            scope.labels.update([(path, node) for path, node in paths if path not in scope.owners])
        return end

    def enter(self, step: Step, block: Block, scope: Scope, current: int, base: str) -> Scope:
        """The scope of a block instance: the family's parameters and its own arguments."""
        if scope.calls >= MAX_CALLS:
            raise self.document.error(
                f"blocks call each other more than {MAX_CALLS} deep",
                step.key or step.node,
                cure=f"{block.name!r} needs an `if` that ends the recursion"
                if block.name == step.name
                else None,
            )
        given = self.bind(step, block)
        top = scope.top
        variables = dict(top.variables)
        own = top.own | block.hides if block.hides else top.own
        inner = Scope(variables, own, scope, f"{scope.prefix}{base}.", scope.calls + 1)
        inner.entry = current
        if block.uses_tensor:
            inner.see(self.nodes[current].shape)
        for name, default in block.parameters:
            if name in given:
                variables[name] = self.names.value(given[name], scope)
            elif default is not None:
                variables[name] = self.names.value(default, inner)
            else:
                raise self.document.error(
                    f"{block.name} needs the argument {name!r}", step.key or step.node, more=_signature(block)
                )
        return inner

    def bind(self, step: Step, block: Block) -> dict[str, Given]:
        """Arguments of a call by parameter name."""
        names = [name for name, _ in block.parameters]
        bound: dict[str, Given] = {}
        for position, (key, given) in enumerate(step.arguments):
            if key is None:
                if position >= len(names):
                    raise self.document.error(
                        f"{block.name} takes {len(names)} argument{'s' * (len(names) != 1)},"
                        f" not {len(step.arguments)}",
                        given.node,
                        more=_signature(block),
                    )
                bound[names[position]] = given
            elif key.text in names:
                bound[key.text] = given
            else:
                raise self.document.error(
                    f"{block.name} has no argument {key.text!r}",
                    key,
                    cure=did_you_mean(key.text, names),
                    more=_signature(block),
                )
        return bound

    def guarded(
        self, step: Step, action: Callable[[], WhatIsBuilt], shapes: tuple[Shape, ...] = ()
    ) -> WhatIsBuilt:
        """Run something that may refuse, and give its refusal a place."""
        try:
            return action()
        except OperatorError as error:
            node: YamlNode = step.key or step.node
            for key, given in step.arguments:
                if key is not None and key.text == error.argument:
                    node = given.node
            if step.reference is not None and step.operator and error.argument == step.operator.reference:
                node = step.reference
            more = None
            if step.branches and shapes:
                parts = zip((name for name, _ in step.branches), shapes, strict=False)
                more = "branches: " + ", ".join(f"{name} {shape_text(shape)}" for name, shape in parts)
            elif step.operator is not None and error.missing is not None:
                more = f"{step.name} takes: {', '.join(step.operator.arguments)}"
            raise self.document.error(error.message, node, cure=error.cure, more=more) from None


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _signature(block: Block) -> str:
    return f"{block.name} takes: {', '.join(name for name, _ in block.parameters) or 'nothing'}"
