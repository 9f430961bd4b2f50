"""A family, one of its variants and a user's overrides -> parameters, input and graph.

Nothing here knows where families come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncost.border import integer
from cnncost.errors import SpecError, UsageError, did_you_mean, known_word
from cnncost.graph import Graph
from cnncost.language import document as documents
from cnncost.language.document import Document, YamlNode
from cnncost.language.expand import Expander
from cnncost.language.expression import ExpressionError
from cnncost.language.family import Family, Given, Variant
from cnncost.language.grammar import Grammar
from cnncost.language.scope import WORDS
from cnncost.ops import REGISTRY

MAX_INPUT = 1_000_000


def graph_of(
    family: Family,
    variant: Variant | None,
    *,
    input: Sequence[int] | None = None,
    set: Mapping[str, Any] | None = None,
) -> Graph:
    """The graph of a family's variant (None: the defaults).

    `input` replaces the input shape (channels, height, width; or height, width; without batch),
    `set` overrides parameters. Raises SpecError or UsageError.
    """
    given = {**family.params, **(variant.params if variant else {})}
    for name, value in (set or {}).items():
        known_word(f"{family.name} has no parameter", name, family.params, "parameters")
        given[name] = _override(family, name, value)
    params = resolve(family, given)
    shape = _input_shape(family, variant, params, input)
    facts = {"family": family.name, **family.facts, **(variant.facts if variant else {})}
    if variant is not None and family.variants and "published" not in variant.facts:
        facts.pop("published", None)
    name = variant.name if variant else family.name
    return Expander(family).graph(name, params, shape, facts)


def resolve(family: Family, given: Mapping[str, Given]) -> dict[str, Any]:
    """The values of parameters, which may refer to each other in any order."""
    values: dict[str, Any] = {}
    pending: list[str] = []
    grammar = Grammar(family.document)

    def of(name: str) -> Any:
        if name not in values:
            if name in pending:
                raise family.document.error(f"parameter {name!r} depends on itself", given[name].node)
            pending.append(name)
            values[name] = evaluate(given[name])
            pending.pop()
        return values[name]

    def evaluate(value: Given) -> Any:
        if value.items is not None:
            return [evaluate(item) for item in value.items]
        expression = value.expression
        if expression is None:
            return value.constant
        word = expression.name
        if word is not None and word not in given:
            if word in family.blocks or word in REGISTRY or word in WORDS:
                return word
            known = [*given, *family.blocks]
            raise family.document.error(f"unknown name {word!r}", value.node, cure=did_you_mean(word, known))
        scope = {name: of(name) for name in expression.names if name in given}
        try:
            return expression.evaluate(scope)
        except ExpressionError as error:
            raise grammar.expression_error(error, value.node) from None

    for name in given:
        of(name)
    return {name: values[name] for name in given}


def _override(family: Family, name: str, value: Any) -> Given:
    text = value if isinstance(value, str) else _yaml(value)
    node = documents.parse_value(text, name)
    try:
        return Grammar(Document(f"--set {name}", text)).given(node)
    except SpecError as error:
        raise UsageError(error.message, **error.parts) from None


def _yaml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _input_shape(
    family: Family, variant: Variant | None, params: Mapping[str, Any], override: Sequence[int] | None
) -> tuple[int, ...]:
    node = variant.input if variant and variant.input is not None else family.input
    if node is None:
        raise family.document.error("a spec needs an input: [channels, height, width]", family.document.root)
    declared = _declared_input(family, node, params)
    if override is None:
        return declared
    shape = tuple(override)
    if len(shape) == 2 and len(declared) == 3:
        shape = (declared[0], *shape)
    sizes = tuple([size for size in map(integer, shape) if size is not None and 0 < size <= MAX_INPUT])
    if len(sizes) != len(shape):
        raise UsageError(f"input sizes must be whole numbers from 1 to {MAX_INPUT:,}, not {shape!r}")
    if len(shape) not in (1, 3):
        raise UsageError("an input is channels x height x width, height x width, or one number of features")
    return sizes


def _declared_input(family: Family, node: YamlNode, params: Mapping[str, Any]) -> tuple[int, ...]:
    grammar = Grammar(family.document)
    items = grammar.listed(node, "input")
    sizes = []
    for item in items:
        given = grammar.given(item)
        value = given.constant
        if given.expression is not None:
            try:
                value = given.expression.evaluate(params)
            except ExpressionError as error:
                raise grammar.expression_error(error, item) from None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_INPUT:
            raise family.document.error(f"an input size must be a whole number from 1 to {MAX_INPUT:,}", item)
        sizes.append(value)
    if len(sizes) not in (1, 3):
        raise family.document.error("an input is [channels, height, width] or [features]", node)
    return tuple(sizes)
