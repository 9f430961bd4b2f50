"""What a spec says, as plain data: values, steps, blocks, variants, the family.

grammar.py fills it from YAML, expand.py runs it. Nothing here reads text or builds graphs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cnncost.bits import Bits
from cnncost.dtypes import NodeTypes
from cnncost.errors import Place
from cnncost.language.document import Document, Scalar, YamlNode
from cnncost.language.expression import Expression
from cnncost.ops import Operator
from cnncost.ops.sizes import AXES

TENSOR_NAMES = frozenset(set(AXES.values()) - {"batch"})
"""What expressions call the sizes of the tensor that a step is run on: channels, height, width, ..."""


class Given:
    """A value as a spec gives it: a constant, an expression, a list of such, or a row of such."""

    __slots__ = ("constant", "entries", "expression", "items", "node")

    def __init__(
        self,
        node: YamlNode,
        expression: Expression | None,
        items: list[Given] | None,
        constant: Any,
        entries: dict[str, Given] | None = None,
    ):
        self.node = node
        self.expression = expression
        self.items = items
        self.constant = constant
        self.entries = entries  #: of a row, by its keys

    @property
    def parts(self) -> list[Given] | None:
        """What it is made of: the items of a list, the values of a row; None: it is one value."""
        return self.items if self.entries is None else list(self.entries.values())

    @property
    def keys(self) -> tuple[str, ...] | None:
        """The keys of the rows of a list of mappings; None for anything else."""
        first = self.items[0] if self.items else None
        return tuple(first.entries) if first is not None and first.entries is not None else None

    @property
    def is_constant(self) -> bool:
        """True if no name has to be looked up."""
        if self.parts is not None:
            return all(part.is_constant for part in self.parts)
        return self.expression is None

    def names(self) -> frozenset[str]:
        """The names that its expressions read."""
        if self.parts is not None:
            return frozenset().union(*(part.names() for part in self.parts))
        return self.expression.names if self.expression else frozenset()


class Step:
    """One step of a body, a block or a branch."""

    __slots__ = (
        "arguments", "base", "bits", "branches", "columns", "condition", "condition_sees_tensor", "dynamic",
        "key", "label", "name", "node", "operator", "place", "ready", "reference", "source", "times", "types",
        "uses_tensor",
    )  # fmt: skip

    def __init__(self, node: YamlNode, key: Scalar | None, name: str | None):
        self.node = node
        self.key = key  #: the word that names the operator or block
        self.name = name  #: None: only `from`
        self.dynamic = False  #: `$name`: the parameter tells which
        self.base = name or ""  #: what node names are made of
        self.operator: type[Operator] | None = None  #: None: a block
        self.arguments: list[tuple[Scalar | None, Given]] = []  #: keyless: by position
        self.branches: list[tuple[str, list[Step]]] = []
        self.reference: Scalar | None = None  #: the label that the operator's reference names
        self.label: Scalar | None = None
        self.source: Scalar | None = None
        self.times: Given | None = None
        self.columns: list[tuple[str, Given]] = []
        self.condition: Given | None = None
        self.types: NodeTypes | None = None  #: the element types of what it makes and of its weights
        self.bits: Bits | Given | None = None
        self.place: Place | None = None
        self.uses_tensor = False
        self.condition_sees_tensor = False
        self.ready: Operator | None = None  #: the operator, once built, if all arguments are constant

    @property
    def repeats(self) -> bool:
        """Whether it may run more than once."""
        return self.times is not None or bool(self.columns)


@dataclass
class Block:
    """A named list of steps with a signature."""

    name: str
    node: Scalar
    parameters: list[tuple[str, Given | None]]
    steps: list[Step]

    def __post_init__(self) -> None:
        defaults = [default.names() for _, default in self.parameters if default is not None]
        self.uses_tensor = any(names & TENSOR_NAMES for names in defaults)
        self.hides = TENSOR_NAMES.intersection(name for name, _ in self.parameters)


@dataclass
class Variant:
    """What a variant overrides, and its facts."""

    name: str
    node: Scalar
    params: dict[str, Given] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    input: YamlNode | None = None


@dataclass
class Family:
    """A whole spec file."""

    document: Document
    name: str
    types: NodeTypes | None  #: of tensors and weights that have none of their own; None: those of the report
    input: YamlNode | None
    params: dict[str, Given]
    variants: dict[str, Variant]
    blocks: dict[str, Block]
    body: list[Step]
    heads: list[tuple[Scalar, list[Step]]]
    outputs: list[Scalar]
    facts: dict[str, Any]
