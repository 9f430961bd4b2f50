"""What names and labels stand for at the place where a step is run.

A scope holds them, `Names` looks them up and evaluates; what is unknown is refused here, with what
could have been meant. Nothing here runs steps or builds graphs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cnncost.errors import SpecError, did_you_mean
from cnncost.language import words
from cnncost.language.document import Scalar, YamlNode
from cnncost.language.expression import ExpressionError
from cnncost.language.family import TENSOR_NAMES, Family, Given, Step
from cnncost.language.grammar import Grammar
from cnncost.ops import REGISTRY
from cnncost.ops.sizes import AXES, Shape, axes_of

ENTRY = "block_input"
"""The label, in every block, of the tensor that the block was called on."""

WORDS = frozenset({"same"}).union(
    *(declared.choices for operator in REGISTRY.values() for declared in operator.arguments.values())
)
"""Words that are values of some operator's argument."""


class LabelRef(NamedTuple):
    """A label passed as an argument: its name and the node it stands for."""

    name: str
    node: int


class Scope:
    """Where a block instance looks up names and labels, and what its nodes' names begin with."""

    __slots__ = ("calls", "entry", "labels", "looked_at", "own", "owners", "parent", "prefix", "variables")

    def __init__(
        self, variables: dict[str, Any], own: frozenset[str], parent: Scope | None, prefix: str, calls: int
    ):
        self.variables = variables
        self.own = own  #: of channels, height, width, ... those that a parameter of that name hides
        self.looked_at: Shape | None = None  #: the tensor whose sizes the variables are
        self.parent = parent
        self.prefix = prefix
        self.calls = calls  #: how many blocks deep
        self.entry: int | None = None  #: what a block instance was called on
        self.labels: dict[str, int] = {}
        self.owners: dict[str, Step] = {}

    @property
    def top(self) -> Scope:
        """The family's parameters: blocks see these and their own arguments, nothing else."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

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

    def see(self, shape: Shape) -> None:
        """Let expressions see the current tensor's size, except under names that are taken."""
        if shape is self.looked_at:
            return
        self.looked_at = shape
        own, variables = self.own, self.variables
        for name in TENSOR_NAMES:
            if name not in own:
                variables.pop(name, None)
        for letter, size in zip(axes_of(shape), shape, strict=False):
            name = AXES.get(letter, "batch")  # a free shape has no names
            if name != "batch" and name not in own:
                variables[name] = size


class Names:
    """Evaluates what one family's steps give; raises SpecError with the place at fault."""

    def __init__(self, family: Family):
        self.family = family
        self.document = family.document
        self.grammar = Grammar(family.document)

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
            raise self.error(error, given.node, scope) from None

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
        raise self.error(error, node, scope)

    def error(self, error: ExpressionError, node: YamlNode, scope: Scope) -> SpecError:
        """An expression's error, with the names in scope if one was unknown."""
        if error.unknown is None:
            return self.grammar.expression_error(error, node)
        axes = axes_of(scope.looked_at) if scope.looked_at is not None else ""
        usual = [AXES[letter] for letter in axes[1:] or "CHW"]
        if error.unknown in TENSOR_NAMES:
            what = "a vector" if axes == "NC" else " x ".join(usual) or "free"
            return self.document.error(
                f"{error.unknown!r} is not known here: the tensor is {what}", node, offset=error.offset,
                length=error.length,
            )  # fmt: skip
        known = list({**scope.variables, **dict.fromkeys(usual)})
        return self.document.error(
            error.message,
            node,
            offset=error.offset,
            length=error.length,
            cure=words.VALUES_OF_OTHERS.get(error.unknown)
            or did_you_mean(error.unknown, [*known, *scope.all_labels(), *self.family.blocks]),
            more="names here: " + ", ".join(known),
        )

    def find(self, label: Scalar, scope: Scope) -> int:
        """The node of a label, or of a label passed as `$parameter`."""
        if label.text.startswith("$"):
            return self.passed(label, scope)
        node = scope.label(label.text)
        if node is not None:
            return node
        known = scope.all_labels()
        cure = did_you_mean(label.text, known)
        if isinstance(scope.variables.get(label.text), LabelRef):
            cure = f"did you mean '${label.text}'?"
        raise self.document.error(
            f"unknown label {label.text!r}",
            label,
            cure=cure,
            more="labels here: " + (", ".join(known) if known else "none"),
        )

    def passed(self, label: Scalar, scope: Scope) -> int:
        """The node of a label that a block was given as an argument: `$parameter`."""
        name = label.text[1:]
        value = scope.variables.get(name)
        if isinstance(value, LabelRef):
            return value.node
        what = (
            f"parameter {name!r} is not a label" if name in scope.variables else f"unknown parameter {name!r}"
        )
        raise self.document.error(what, label, cure=did_you_mean(name, list(scope.variables)))
