"""A family and its parameters -> the layer graph.

Expansion runs the steps: it evaluates expressions, calls blocks, follows labels, infers shapes and
names nodes by their place. It is the only writer of graphs that come from specs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cnncost.errors import OperatorError, SpecError, did_you_mean
from cnncost.graph import Graph, InputNode, Node
from cnncost.ops import REGISTRY, Operator
from cnncost.ops.arguments import show
from cnncost.ops.base import text as shape_text
from cnncost.ops.sizes import Shape
from cnncost.spec.document import Scalar, YamlNode
from cnncost.spec.expression import ExpressionError
from cnncost.spec.grammar import TENSOR_NAMES, Block, Family, Given, Grammar, Step

MAX_GRAPH = 100_000
MAX_STEPS = 300_000
MAX_CALLS = 80
MAX_REPEATS = 100_000
MAX_ELEMENTS = 10**15

ENTRY = "block_input"
"""The label, in every block, of the tensor that the block was called on."""

WORDS = frozenset({"same"}).union(
    *(declared.choices for operator in REGISTRY.values() for declared in operator.arguments.values())
)


class LabelRef(NamedTuple):
    """A label passed as an argument: its name and the node it stands for."""

    name: str
    node: int


class Scope:
    """Where a block instance looks up names and labels, and what its nodes' names begin with."""

    __slots__ = ("calls", "entry", "labels", "own", "owners", "parent", "prefix", "variables")

    def __init__(
        self, variables: dict[str, Any], own: frozenset[str], parent: Scope | None, prefix: str, calls: int
    ):
        self.variables = variables
        self.own = own  #: of channels, height, width those that a parameter of that name hides
        self.parent = parent
        self.prefix = prefix
        self.calls = calls
        self.entry: int | None = None  #: what a block instance was called on
        self.labels: dict[str, int] = {}
        self.owners: dict[str, Step] = {}

    def label(self, name: str) -> int | None:
        """The node that a label stands for, here or outside."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.labels:
                return scope.labels[name]
            if name == ENTRY and scope.entry is not None:
                return scope.entry
            scope = scope.parent
        return None

    def all_labels(self) -> list[str]:
        """Every label that can be seen from here."""
        outside = self.parent.all_labels() if self.parent else []
        return [*self.labels, *outside]


class Expander:
    """Builds one graph; raises SpecError with the place at fault."""

    def __init__(self, family: Family):
        self.family = family
        self.document = family.document
        self.grammar = Grammar(family.document)
        self.nodes: list[Node] = []
        self.used: set[str] = set()
        self.operators: dict[Any, Operator] = {}
        self.shapes: dict[Any, Shape] = {}
        self.bases: dict[int, dict[str, int]] = {}
        self.steps_run = 0
        self.head: str | None = None

    def graph(
        self, name: str, params: Mapping[str, Any], input_shape: tuple[int, ...], facts: Mapping[str, Any]
    ) -> Graph:
        """The graph of the family's body with these parameters and this input (without batch)."""
        self.nodes.append(Node(0, "input", InputNode(), (), (1, *input_shape)))
        self.used.add("input")
        top = Scope(dict(params), TENSOR_NAMES.intersection(params), None, "", 0)
        top.labels["input"] = 0
        last = self.run(self.family.body, top, 0)
        if last == 0:
            raise self.document.error("the body builds no layer", self.document.root)
        outputs = [self.find(label, top) for label in self.family.outputs] or [last]
        for key, steps in self.family.heads:
            self.head = key.text
            if not steps or steps[0].source is None:
                raise self.document.error("a head begins with `from: label`", key)
            built = len(self.nodes)
            end = self.run(steps, Scope(top.variables, top.own, top, f"{key.text}.", 1), last)
            if len(self.nodes) > built:  # else `if` has dropped the whole head
                outputs.append(end)
        return Graph(name, tuple(self.nodes), tuple(outputs), self.document.file, facts)

    # Steps ------------------------------------------------------------------------------------

    def run(self, steps: list[Step], scope: Scope, current: int) -> int:
        """Run a list of steps on a node; the index of the node they end in."""
        bases = self.bases.get(id(steps))
        if bases is None:
            bases = self.bases[id(steps)] = _bases(steps)
        counters: dict[str, int] = {}
        for step in steps:
            if step.repeats:
                own = scope.own | TENSOR_NAMES.intersection(name for name, _ in step.columns)
                for variables in self.repetitions(step, scope, current):
                    inner = Scope(variables, own, scope, scope.prefix, scope.calls)
                    inner.labels, inner.owners = scope.labels, scope.owners
                    current = self.step(step, inner, current, bases, counters)
            else:
                current = self.step(step, scope, current, bases, counters)
        return current

    def repetitions(self, step: Step, scope: Scope, current: int) -> list[dict[str, Any]]:
        """The variables of each repetition of a step with `times` or `for`."""
        self.see_tensor(scope, current)
        rows: list[dict[str, Any]] = [{}]
        if step.columns:
            columns = [(name, self.value(given, scope), given) for name, given in step.columns]
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
            times = self.value(step.times, scope)
            if isinstance(times, float) and times.is_integer():
                times = int(times)
            if isinstance(times, bool) or not isinstance(times, int) or times < 0:
                raise self.document.error("`times` must be a whole number, at least 0", step.times.node)
            if times * len(rows) > MAX_REPEATS:
                raise self.document.error(f"`times` of more than {MAX_REPEATS:,}", step.times.node)
            rows = [row for row in rows for _ in range(times)]
        return [{**scope.variables, **row, "index": index} for index, row in enumerate(rows)]

    def step(
        self, step: Step, scope: Scope, current: int, bases: dict[str, int], counters: dict[str, int]
    ) -> int:
        """Run one step once."""
        self.steps_run += 1
        if self.steps_run > MAX_STEPS:
            raise self.document.error(
                f"more than {MAX_STEPS:,} steps", step.node, cure="does a block call itself?"
            )
        before = current
        condition = step.condition
        if condition is not None and not step.condition_sees_tensor and not self.value(condition, scope):
            return before  # dropped before its label is looked up: the label may be dropped too
        if step.source is not None:
            current = self.find(step.source, scope)
        if step.uses_tensor:
            self.see_tensor(scope, current)
        if condition is not None and step.condition_sees_tensor and not self.value(condition, scope):
            return before
        if step.name is None:
            return current
        base = step.base
        if "$" in base and step.label is not None:
            base = self.numbered(step, scope)
        elif bases[base] > 1:
            count = counters[base] = counters.get(base, 0) + 1
            base = f"{base}_{count}" if base[-1].isdigit() else f"{base}{count}"
        if step.operator is not None and step.branches:
            result = self.join(step, scope, current, base, bases, counters)
        elif step.operator is not None:
            result = self.operator(step, step.operator, scope, current, scope.prefix + base)
        elif step.dynamic:
            result = self.call_by_name(step, scope, current, base)
        else:
            assert step.name is not None
            result = self.call(step, self.family.blocks[step.name], scope, current, base)
        if step.label is not None:
            label = base if "$" in step.label.text else step.label.text
            if scope.owners.setdefault(label, step) is not step:
                first = scope.owners[label].node.line + 1
                raise self.document.error(
                    f"duplicate label {label!r}", step.label, cure=f"it is already on line {first}"
                )
            scope.labels[label] = result
        return result

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
        op = step.ready
        if op is None:
            op = self.build(step, operator, scope)
        inputs: tuple[int, ...] = (current,)
        if step.reference is not None:
            target = self.find(step.reference, scope)
            op = self.guarded(step, lambda: op.refer(self.nodes[target].op))
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
                and (operator.arguments[key.text].choices or operator.arguments[key.text].kind == "str")
                and expression.name not in scope.variables
            ):
                value = expression.name
            else:
                value = _frozen(self.value(given, scope))
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
        key = (id(op), shapes)
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
            self.shapes[key] = shape
        index = len(nodes)
        if index >= MAX_GRAPH:
            raise self.document.error(f"more than {MAX_GRAPH:,} layers", step.node)
        if name in self.used:
            name = self.another(name)
        self.used.add(name)
        nodes.append(Node(index, name, op, inputs, shape, step.place, self.head))
        return index

    def another(self, name: str) -> str:
        """A free name like a taken one."""
        number = 2
        while f"{name}_{number}" in self.used:
            number += 1
        return f"{name}_{number}"

    def join(
        self,
        step: Step,
        scope: Scope,
        current: int,
        base: str,
        bases: dict[str, int],
        counters: dict[str, int],
    ) -> int:
        """Run the branches, all from the same node, and join them."""
        assert step.operator is not None
        ends = []
        outside = scope.prefix
        for branch, steps in step.branches:
            part = branch
            if bases[branch] > 1:
                count = counters[branch] = counters.get(branch, 0) + 1
                part = f"{branch}_{count}" if branch[-1].isdigit() else f"{branch}{count}"
            scope.prefix = f"{outside}{part}."
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
        if target in self.family.blocks:
            return self.call(step, self.family.blocks[target], scope, current, base)
        operator = REGISTRY.get(target) if isinstance(target, str) else None
        if operator is None or operator.inputs is None:
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
        """Run a block instance."""
        if scope.calls >= MAX_CALLS:
            raise self.document.error(
                f"blocks call each other more than {MAX_CALLS} deep",
                step.key or step.node,
                cure=f"{block.name!r} needs an `if` that ends the recursion"
                if block.name == step.name
                else None,
            )
        given = self.bind(step, block)
        top = self.top(scope)
        variables = dict(top.variables)
        own = top.own | block.hides if block.hides else top.own
        inner = Scope(variables, own, scope, f"{scope.prefix}{base}.", scope.calls + 1)
        inner.entry = current
        if block.uses_tensor:
            self.see_tensor(inner, current)
        for name, default in block.parameters:
            if name in given:
                variables[name] = self.value(given[name], scope)
            elif default is not None:
                variables[name] = self.value(default, inner)
            else:
                raise self.document.error(
                    f"{block.name} needs the argument {name!r}", step.key or step.node, more=_signature(block)
                )
        return self.run(block.steps, inner, current)

    def top(self, scope: Scope) -> Scope:
        """The family's parameters: blocks see these and their own arguments, nothing else."""
        while scope.parent is not None:
            scope = scope.parent
        return scope

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

    # Names and values -------------------------------------------------------------------------

    def see_tensor(self, scope: Scope, current: int) -> None:
        """Let expressions see the current tensor's size, except under names that are taken."""
        shape = self.nodes[current].shape
        sizes = zip(("channels", "height", "width"), shape[1:], strict=False)
        for name in TENSOR_NAMES - scope.own:
            scope.variables.pop(name, None)
        for name, size in sizes:
            if name not in scope.own:
                scope.variables[name] = size

    def value(self, given: Given, scope: Scope) -> Any:
        """A given value: number, list, word, or a label as a LabelRef."""
        expression = given.expression
        if expression is None:
            if given.items is not None:
                return [self.value(item, scope) for item in given.items]
            return given.constant
        if expression.name is not None:
            return self.word(expression.name, given.node, scope)
        try:
            return expression.evaluate(scope.variables)
        except ExpressionError as error:
            raise self.named_error(error, given.node, scope) from None

    def word(self, name: str, node: YamlNode, scope: Scope) -> Any:
        """What a bare word stands for: a variable, a label, a block or operator, a choice."""
        if name in scope.variables:
            return scope.variables[name]
        if name in ("true", "false"):
            return name == "true"
        label = scope.label(name)
        if label is not None:
            return LabelRef(name, label)
        if name in self.family.blocks or name in REGISTRY or name in WORDS:
            return name
        error = ExpressionError(f"unknown name {name!r}", 0, len(name), unknown=name)
        raise self.named_error(error, node, scope)

    def named_error(self, error: ExpressionError, node: YamlNode, scope: Scope) -> SpecError:
        """An expression's error, with the names in scope if one was unknown."""
        if error.unknown is None:
            return self.grammar.expression_error(error, node)
        if error.unknown in ("height", "width"):
            return self.document.error(
                f"{error.unknown!r} is not known here: the tensor is a vector", node, offset=error.offset,
                length=error.length,
            )  # fmt: skip
        known = list({**scope.variables, **dict.fromkeys(("channels", "height", "width"))})
        return self.document.error(
            error.message,
            node,
            offset=error.offset,
            length=error.length,
            cure=did_you_mean(error.unknown, [*known, *scope.all_labels(), *self.family.blocks]),
            more="names here: " + ", ".join(known),
        )

    def find(self, label: Scalar, scope: Scope) -> int:
        """The node of a label, or of a label passed as `$parameter`."""
        if label.text.startswith("$"):
            name = label.text[1:]
            value = scope.variables.get(name)
            if isinstance(value, LabelRef):
                return value.node
            what = (
                f"parameter {name!r} is not a label"
                if name in scope.variables
                else f"unknown parameter {name!r}"
            )
            raise self.document.error(what, label, cure=did_you_mean(name, list(scope.variables)))
        node = scope.label(label.text)
        if node is None:
            known = scope.all_labels()
            value = scope.variables.get(label.text)
            cure = (
                f"did you mean '${label.text}'?"
                if isinstance(value, LabelRef)
                else did_you_mean(label.text, known)
            )
            raise self.document.error(
                f"unknown label {label.text!r}",
                label,
                cure=cure,
                more="labels here: " + (", ".join(known) if known else "none"),
            )
        return node

    def guarded(self, step: Step, action: Any, shapes: tuple[Shape, ...] = ()) -> Any:
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
            elif step.operator is not None and error.message.endswith(
                f"needs the argument {error.argument!r}"
            ):
                more = f"{step.name} takes: {', '.join(step.operator.arguments)}"
            raise self.document.error(error.message, node, cure=error.cure, more=more) from None


def _bases(steps: list[Step]) -> dict[str, int]:
    """How often each base name can occur in a list of steps: more than once, and it is numbered."""
    bases: dict[str, int] = {}
    for step in steps:
        weight = 2 if step.repeats else 1
        if step.name is not None:
            bases[step.base] = bases.get(step.base, 0) + weight
        for branch, _ in step.branches:
            bases[branch] = bases.get(branch, 0) + weight
    return bases


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _signature(block: Block) -> str:
    return f"{block.name} takes: {', '.join(name for name, _ in block.parameters) or 'nothing'}"
