"""YAML nodes -> a family: what a spec says, checked for form, not yet run.

Everything that can be refused without knowing parameters is refused here: unknown keys, unknown
operators and arguments, malformed signatures. Nothing here builds a graph.
"""

from __future__ import annotations

import re

from cnncost.dtypes import BITS, NodeTypes
from cnncost.errors import SpecError, did_you_mean
from cnncost.language import rows, words
from cnncost.language.document import Document, Mapping, Scalar, ScalarValue, Sequence, YamlNode, unknown
from cnncost.language.expression import ExpressionError, between_commas, compile_expression
from cnncost.language.facts import facts_of
from cnncost.language.family import TENSOR_NAMES, Block, Family, Given, Step, Variant
from cnncost.language.quantised import read
from cnncost.ops import REGISTRY, Operator

TOP_LEVEL = [
    "family", "description", "paper", "dtype", "input", "params", "variants",
    "blocks", "body", "heads", "outputs", "published",
]  # fmt: skip
IN_VARIANT = ["input", "description", "paper", "published"]
MODIFIERS = ["as", "from", "times", "for", "if", "dtype", "bits"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]*\$?[A-Za-z0-9_]+)*\Z")
"""A name, or the path of a module as imports write it: layer1.0.conv1, layer1.$index.conv1."""
_SIGNATURE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*(?:\((.*)\))?\s*\Z")


class Grammar:
    """Reads one document; raises SpecError at the first fault."""

    def __init__(self, document: Document):
        self.document = document
        self.blocks: dict[str, Block] = {}
        self.params: dict[str, Given] = {}
        self.labels: set[str] = set()  #: those read so far

    def family(self, default_name: str) -> Family:
        """The family that the document describes."""
        root = self.mapping(self.document.root, "a spec", TOP_LEVEL)
        if "body" not in root.entries:
            raise self.document.error("a spec needs a body: the list of its steps", root)
        self.params = self._params(root.get("params"))
        for key, _ in self.mapping(root.get("blocks"), "blocks").entries.values():
            block = self._signature(key)
            if block.name in self.blocks:
                raise self.document.error(f"duplicate block {block.name!r}", key)
            self.blocks[block.name] = block
        for key, value in self.mapping(root.get("blocks"), "blocks").entries.values():
            self.blocks[self._signature(key).name].steps.extend(self.steps(value, "a block"))
        family = root.get("family")
        return Family(
            document=self.document,
            name=self.word(family, "family") if family else default_name,
            types=self.types(root.get("dtype")),
            input=root.get("input"),
            params=self.params,
            variants=self._variants(root.get("variants")),
            blocks=self.blocks,
            body=self.steps(root.get("body"), "body"),
            heads=[
                (key, self.steps(value, "a head"))
                for key, value in self.mapping(root.get("heads"), "heads").entries.values()
            ],
            outputs=[self.scalar(item, "an output") for item in self.listed(root.get("outputs"), "outputs")],
            facts=facts_of(self, root),
        )

    # Steps ------------------------------------------------------------------------------------

    def steps(self, node: YamlNode | None, what: str) -> list[Step]:
        """A list of steps."""
        if isinstance(node, Scalar) and node.value is None:
            node = None
        if not isinstance(node, Sequence):
            at = node or self.document.root
            described = node.describe() if node else "nothing"
            cure = None
            if isinstance(node, Scalar):
                step = node.text in self.blocks or node.text in REGISTRY or not what.startswith("branch")
                cure = f"write [{node.text}]" if step else f"of a label: [{{from: {node.text}}}]"
            if isinstance(node, Mapping):
                cure = "each step begins with a hyphen: - relu"
            raise self.document.error(f"{what} must be a list of steps, not {described}", at, cure=cure)
        return [self._step(item) for item in node.items]

    def _step(self, node: YamlNode) -> Step:
        if isinstance(node, Scalar):
            step = Step(node, node, node.text)
            self._name(step)
            self._finish(step)
            return step
        if not isinstance(node, Mapping):
            raise self.document.error(f"a step is a name or a mapping, not {node.describe()}", node)
        named = [entry for key, entry in node.entries.items() if key not in MODIFIERS]
        if len(named) > 1:
            first, second = named[0][0], named[1][0]
            wrong, cure = words.too_many(first.text, second.text, MODIFIERS)
            raise self.document.error(
                f"a step has one operator or block, {first.text!r} and {second.text!r} are two",
                first if wrong == first.text else second,
                cure=cure,
                more="modifiers: " + ", ".join(MODIFIERS),
            )
        if named:
            key, value = named[0]
            step = Step(node, key, key.text)
            self._modifiers(step, node)
            self._name(step)
            self._arguments(step, value)
        elif list(node.entries) == ["from"]:
            step = Step(node, None, None)
            self._modifiers(step, node)
        else:
            raise self.document.error(
                "a step without an operator or block", node, cure="only `from` may stand alone"
            )
        self._finish(step)
        return step

    def _name(self, step: Step) -> None:
        key = step.key
        assert key is not None and step.name is not None
        if step.name.startswith("$"):
            step.dynamic = True
            step.name = step.base = step.name[1:]
        elif step.name in self.blocks:
            # A block hides an operator of its name: a spec keeps its meaning when operators are added.
            step.operator = None
        elif step.name in REGISTRY:
            step.operator = REGISTRY[step.name]
        else:
            known = [*self.blocks, *REGISTRY]
            cure = words.operator_cure(step.name, known, self.labels)
            kin = words.kin_of(cure) or "operators: cnncost help operators lists them"
            blocks = ["blocks: " + ", ".join(self.blocks)] if self.blocks else []
            raise self.document.error(
                f"unknown operator or block {step.name!r}", key, cure=cure, more="\n  ".join([*blocks, kin])
            )
        if step.label is not None:
            step.base = step.label.text

    def _modifiers(self, step: Step, node: Mapping) -> None:
        for key in ("as", "from"):
            value = node.get(key)
            if value is not None:
                label = self.scalar(value, f"`{key}`")
                if not _LABEL.match(label.text.removeprefix("$") if key == "from" else label.text):
                    raise self.document.error(
                        f"{label.text!r} is not a label", label, cure="letters, digits and _"
                    )
                if key == "as":
                    step.label = label
                    self.labels.add(label.text)
                else:
                    step.source = label
        times, columns, condition = node.get("times"), node.get("for"), node.get("if")
        if times is not None:
            step.times = self.given(times)
        if columns is not None:
            step.columns = rows.columns(self, columns)
        if condition is not None:
            step.condition = self.given(condition)
        step.types = self.types(node.get("dtype"))
        written = node.get("bits")
        if written is not None:
            step.bits = read(self.scalar(written, "`bits`"), self.document) or self.given(written)

    def types(self, node: YamlNode | None) -> NodeTypes | None:
        """The element types of a tensor, of the weights of what makes it, of a bias: one for all, or more."""
        if node is None:
            return None
        parts = node.items if isinstance(node, Sequence) else [node]
        if not 1 <= len(parts) <= 3:
            raise self.document.error(
                "`dtype` is a type, or several: of the output, of the weights, of the bias", node
            )
        output, weights, *bias = map(self.dtype, (parts * 2)[: max(2, len(parts))])
        return NodeTypes(output, weights, *bias)

    def dtype(self, node: YamlNode) -> str:
        """An element type."""
        word = self.word(node, "dtype")
        if word not in BITS:
            cure = did_you_mean(word, BITS)
            raise self.document.error(f"unknown element type {word!r}", node, cure=cure)
        return word

    def _arguments(self, step: Step, value: YamlNode) -> None:
        if isinstance(value, Scalar) and value.value is None:
            return
        if step.operator is not None and step.operator.inputs is None:
            if not isinstance(value, Mapping):
                raise self.document.error(
                    f"{step.name} must be a mapping, not {value.describe()}",
                    value,
                    more=f"for example: {words.example(step.operator.name)}",
                )
            for key, branch in value.entries.values():
                if key.text in step.operator.arguments or _is_value(key, branch, step.operator):
                    step.arguments.append((key, self.given(branch)))
                else:
                    step.branches.append((key.text, self.steps(branch, f"branch {key.text!r}")))
            self.check_arguments(step, step.operator)
            return
        if isinstance(value, Sequence) and step.operator is None:
            step.arguments = [(None, self.given(item)) for item in value.items]
            return
        if not isinstance(value, Mapping):
            takes = "a mapping of arguments" if step.operator else "arguments: a mapping or a list"
            example = [f"for example: {words.example(step.operator.name)}"] if step.operator else []
            raise self.document.error(
                f"{step.name} takes {takes}, not {value.describe()}",
                value,
                more="\n  ".join([*filter(None, [self._takes(step)]), *example]) or None,
            )
        for key, item in value.entries.values():
            step.arguments.append((key, self.given(item)))
        if step.operator is not None:
            self.check_arguments(step, step.operator)

    def check_arguments(self, step: Step, operator: type[Operator]) -> None:
        """Refuse arguments that the operator does not have; set the reference apart."""
        for key, given in step.arguments:
            if key is None:
                raise self.document.error(f"{operator.name} takes its arguments by name", given.node)
            declared = operator.arguments.get(key.text)
            if declared is None:
                known = list(operator.arguments)
                takes = [*known, *["branches (lists of steps)"] * (operator.inputs is None)]
                more = f"{operator.name} takes{': ' if takes else ' no arguments'}{', '.join(takes)}"
                raise self.document.error(
                    f"{operator.name} has no argument {key.text!r}",
                    key,
                    cure=words.argument_cure(key.text, known),
                    more=more,
                )
            if key.text == operator.reference and isinstance(given.node, Scalar):
                step.reference = given.node
        if step.reference is not None:
            step.arguments = [
                entry for entry in step.arguments if entry[0] and entry[0].text != operator.reference
            ]

    def _takes(self, step: Step) -> str | None:
        if step.operator is not None:
            return (
                f"{step.name} takes: {', '.join(step.operator.arguments)}"
                if step.operator.arguments
                else None
            )
        return None

    def _finish(self, step: Step) -> None:
        joins = step.operator is not None and step.operator.inputs is None
        if step.operator is not None and joins and not (step.branches or step.operator.alone):
            raise self.document.error(
                f"{step.name} joins branches, but has none",
                step.node,
                more=f"for example: {words.example(step.operator.name)}",
            )
        if step.types is not None and step.operator is None:
            raise self.document.error(
                "`dtype` is of an operator's tensor", step.node, cure="write it at the operators of the block"
            )
        if step.operator is not None and step.operator.reference and step.reference is None:
            declared = step.operator.arguments[step.operator.reference]
            if declared.required:
                raise self.document.error(
                    f"{step.name} needs the argument {declared.name!r}", step.node, more=self._takes(step)
                )
        names: set[str] = set()
        for _, given in step.arguments:
            names |= given.names()
        for single in (step.condition, step.times, step.bits):
            names |= single.names() if isinstance(single, Given) else set()
        step.place = self.document.place(step.key or step.node)
        step.uses_tensor = bool(names & TENSOR_NAMES)
        step.condition_sees_tensor = bool(step.condition and step.condition.names() & TENSOR_NAMES)

    # Values -----------------------------------------------------------------------------------

    def given(self, node: YamlNode) -> Given:
        """A value: number, expression or list."""
        if isinstance(node, Mapping):
            raise self.document.error(
                "a value is a number, a word, an expression or a list, not a mapping", node
            )
        if isinstance(node, Sequence):
            return Given(node, None, [self.given(item) for item in node.items], None)
        if not isinstance(node.value, str):
            return Given(node, None, None, node.value)
        if not node.plain:
            node = node._replace(column=node.column + 1)
        try:
            return Given(node, compile_expression(node.text.removeprefix("$")), None, None)
        except ExpressionError as error:
            raise self.expression_error(error, node) from None

    def expression_error(self, error: ExpressionError, node: YamlNode, more: str | None = None) -> SpecError:
        """The error at its place inside an expression."""
        cure = words.expression_cure(node.text if isinstance(node, Scalar) else "", error.message)
        return self.document.error(
            error.message, node, offset=error.offset, length=error.length, cure=cure, more=more
        )

    def mapping(self, node: YamlNode | None, what: str, known: list[str] | None = None) -> Mapping:
        """A mapping with none but the known keys; nothing counts as an empty one."""
        if node is None or (
            isinstance(node, Scalar) and node.value is None and node is not self.document.root
        ):
            return Mapping(0, 0, {})
        if not isinstance(node, Mapping):
            whole = "input: [3, 224, 224], then body: and the steps under it"
            cure = whole if node is self.document.root else None
            raise self.document.error(f"{what} must be a mapping, not {node.describe()}", node, cure=cure)
        for key, _ in node.entries.values():
            if known is not None and key.text not in known:
                cure = words.key_cure(key.text, known)
                raise unknown(self.document, "unknown key", key, known, cure=cure)
        return node

    def listed(self, node: YamlNode | None, what: str) -> list[YamlNode]:
        """A list; nothing counts as an empty one."""
        if node is None:
            return []
        if not isinstance(node, Sequence):
            raise self.document.error(f"{what} must be a list, not {node.describe()}", node)
        return node.items

    def scalar(self, node: YamlNode, what: str) -> Scalar:
        """A scalar that is not empty."""
        if not isinstance(node, Scalar) or node.value is None:
            raise self.document.error(f"{what} must be a word, not {node.describe()}", node)
        return node

    def word(self, node: YamlNode, what: str) -> str:
        """A scalar's text, fit to be a name."""
        scalar = self.scalar(node, what)
        if not _NAME.match(scalar.text):
            raise self.document.error(
                f"{what}: {scalar.text!r} is not a name", scalar, cure="letters, digits and _, no digit first"
            )
        return scalar.text

    # Parts of a family ------------------------------------------------------------------------

    def _params(self, node: YamlNode | None) -> dict[str, Given]:
        params = {}
        for key, value in self.mapping(node, "params").entries.values():
            params[self.word(key, "a parameter")] = rows.parameter(self, value)
        return params

    def _variants(self, node: YamlNode | None) -> dict[str, Variant]:
        variants = {}
        for key, value in self.mapping(node, "variants").entries.values():
            name = self.word(key, "a variant")
            entries = self.mapping(value, f"variant {name}")
            variant = Variant(name, key, facts=facts_of(self, entries), input=entries.get("input"))
            for own, given in entries.entries.values():
                if own.text not in IN_VARIANT:
                    declared = self.params.get(own.text)
                    variant.params[own.text] = rows.parameter(
                        self, given, declared.keys if declared else None
                    )
            variants[name] = variant
        return variants

    def check_variants(self, family: Family) -> None:
        """Refuse a variant that sets what is no parameter of the family."""
        for variant in family.variants.values():
            for name, given in variant.params.items():
                if name not in family.params:
                    key = Scalar(given.node.line, given.node.column, name, name)
                    entry = self.mapping(self.document.root, "a spec").get("variants")
                    if isinstance(entry, Mapping):
                        inner = entry.entries[variant.name][1]
                        key = inner.entries[name][0] if isinstance(inner, Mapping) else key
                    raise unknown(self.document, "unknown parameter", key, [*family.params, *IN_VARIANT])

    def _signature(self, key: Scalar) -> Block:
        match = _SIGNATURE.match(key.text)
        if match is None:
            raise self.document.error(
                f"{key.text!r} is not a signature", key, cure="write name(argument, argument=default)"
            )
        name, inside = match.group(1), match.group(2)
        parameters: list[tuple[str, Given | None]] = []
        offset = match.start(2)
        for part in between_commas(inside) if (inside or "").strip() else []:
            parameter, equals, default = part.partition("=")
            stripped = parameter.strip()
            place = Scalar(key.line, key.column + offset + len(part) - len(part.lstrip()), stripped, stripped)
            if not _NAME.match(stripped):
                raise self.document.error(f"{stripped!r} is not the name of a parameter", place)
            if any(stripped == known for known, _ in parameters):
                raise self.document.error(f"duplicate parameter {stripped!r}", place)
            given = None
            if equals:
                text = default.strip()
                at = key.column + offset + len(part) - len(default.lstrip())
                given = self.given(Scalar(key.line, at, _default(text), text))
            parameters.append((stripped, given))
            offset += len(part) + 1
        return Block(name, key, parameters, [])


def _is_value(key: Scalar, node: YamlNode, operator: type[Operator]) -> bool:
    """Whether what stands in the place of a branch was meant to be an argument."""
    value = node.value if isinstance(node, Scalar) else None
    known = list(operator.arguments)
    return value is not None and (not isinstance(value, str) or bool(words.argument_cure(key.text, known)))


def _default(text: str) -> ScalarValue:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return {"true": True, "false": False, "null": None}.get(text, text)
