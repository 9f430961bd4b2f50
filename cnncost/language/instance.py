"""A family, one of its variants and a user's overrides -> parameters, input and graph.

Nothing here knows where families come from.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Union

from cnncost.bits import is_word
from cnncost.border import integer
from cnncost.dtypes import is_float
from cnncost.errors import OperatorError, SpecError, SpecWarning, UsageError, did_you_mean, known_word
from cnncost.graph import Graph
from cnncost.language import document as documents
from cnncost.language import words
from cnncost.language.document import Document, YamlNode
from cnncost.language.expand import DeclaredInput, Expander
from cnncost.language.expression import ExpressionError
from cnncost.language.family import Family, Given, Variant
from cnncost.language.grammar import Grammar
from cnncost.language.rows import TableRow, parameter, table_row
from cnncost.language.scope import WORDS
from cnncost.ops import REGISTRY
from cnncost.ops.reshape import check_axes
from cnncost.ops.sizes import AXES, MAPS, Shape, resized, shaped

INPUT_KEYS = ["shape", "axes", "dtype"]
_LABEL = re.compile(r"[A-Za-z_]\w*\Z")
_PLAIN = re.compile(r"[\w$(.-][\w $+\-*/%().<>=!]*\Z")
"""Text that YAML reads as it stands, inside a list too."""
MAX_CHAIN = 100
MAX_INPUT = 1_000_000
FEW_CHANNELS = 4
"""An input whose last size is no larger than this, and no other is near, may have its channels last."""


class OtherInput(NamedTuple):
    """What is asked for instead of a declared input."""

    name: str | None  #: None: of the next one that is not named
    sizes: tuple[int, ...]  #: without the batch
    dtype: str | None = None  #: None: as it is declared


OtherInputs = Union[Sequence[int], Sequence[OtherInput]]
"""Sizes of the first input, or of several by name."""


def graph_of(
    family: Family,
    variant: Variant | None,
    *,
    input: OtherInputs | None = None,
    set: Mapping[str, Any] | None = None,
) -> Graph:
    """The graph of a family's variant (None: the defaults).

    `input` replaces the sizes of the (first) input, without batch: all of them (channels, height, width),
    those of its space (height, width), or one for every axis of its space; or those of several inputs.
    `set` overrides parameters. What is published is of the network as its spec has it: with other parameters
    nothing of it stays, and at another input `usual_input` says which one it is of. Raises SpecError or
    UsageError.
    """
    params = parameters(family, variant, set)
    graph = graph_with(family, variant, params, input)
    if set and params != parameters(family, variant):
        return replace(graph, facts={name: graph.facts[name] for name in graph.facts if name != "published"})
    usual = graph.input_shape if input is None else inputs_of(family, variant, params)[0].shape[1:]
    if usual != graph.input_shape:
        return replace(graph, facts={**graph.facts, "usual_input": usual})
    return graph


def graph_with(
    family: Family,
    variant: Variant | None,
    params: Mapping[str, Any],
    input: OtherInputs | None = None,
    expander: Expander | None = None,
) -> Graph:
    """The graph under some values of all parameters; `expander` has built others of the family, which saves
    work. Raises as `graph_of` does.
    """
    inputs = inputs_of(family, variant, params, input)
    facts = {"family": family.name, **family.facts, **(variant.facts if variant else {})}
    if variant is not None and family.variants and "published" not in variant.facts:
        facts.pop("published", None)
    name = variant.name if variant else family.name
    return (expander or Expander(family)).graph(name, params, inputs, facts)


def given_of(
    family: Family, variant: Variant | None, set: Mapping[str, Any] | None = None
) -> dict[str, Given]:
    """The parameters of a variant as they are written, `set` in their place. Raises UsageError."""
    given = {**family.params, **(variant.params if variant else {})}
    for name, value in (set or {}).items():
        known_word(f"{family.name} has no parameter", name, family.params, "parameters")
        given[name] = _override(family, name, value)
    return given


def parameters(
    family: Family, variant: Variant | None, set: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The values of the parameters of a variant, `set` in their place. Raises SpecError or UsageError."""
    return resolve(family, given_of(family, variant, set))


def resolve(family: Family, given: Mapping[str, Given]) -> dict[str, Any]:
    """The values of parameters, which may refer to each other in any order."""
    values: dict[str, Any] = {}
    pending: list[str] = []
    grammar = Grammar(family.document)

    def of(name: str) -> Any:
        if name not in values:
            if name in pending:
                raise family.document.error(f"parameter {name!r} depends on itself", given[name].node)
            if len(pending) >= MAX_CHAIN:
                raise family.document.error(
                    f"parameters that read each other more than {MAX_CHAIN} deep", given[name].node
                )
            pending.append(name)
            values[name] = evaluate(given[name])
            pending.pop()
        return values[name]

    def evaluate(value: Given) -> Any:
        if value.items is not None:
            return [evaluate(item) for item in value.items]
        if value.entries is not None:
            return table_row({key: evaluate(part) for key, part in value.entries.items()})
        expression = value.expression
        if expression is None:
            return value.constant
        word = expression.name
        if word is not None and word not in given:
            if word in family.blocks or word in REGISTRY or word in WORDS or is_word(word):
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
        return parameter(Grammar(Document(f"--set {name}", text)), node, family.params[name].keys)
    except SpecError as error:
        raise UsageError(error.message, **error.parts) from None


def _yaml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    if isinstance(value, (Mapping, TableRow)):
        entries = value.entries if isinstance(value, TableRow) else value.items()
        return "{" + ", ".join(f"{key}: {_yaml(part)}" for key, part in entries) + "}"
    if value is None:
        return "null"
    if isinstance(value, str) and not _PLAIN.match(value):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def input_shape(
    family: Family, variant: Variant | None, params: Mapping[str, Any], override: OtherInputs | None = None
) -> Shape:
    """The (first) input of a variant under some parameters, batch 1, or with the sizes of `override`.

    Raises SpecError or UsageError.
    """
    return inputs_of(family, variant, params, override)[0].shape


def inputs_of(
    family: Family, variant: Variant | None, params: Mapping[str, Any], override: OtherInputs | None = None
) -> list[DeclaredInput]:
    """All that the network is given, with what `override` asks for. Raises SpecError or UsageError."""
    node = variant.input if variant and variant.input is not None else family.input
    if node is None:
        raise family.document.error("a spec needs an input: [channels, height, width]", family.document.root)
    found = declared_inputs(family, node, params)
    for at, other in [] if override is None else placed(found, override):
        shape = overridden(found[at].shape, other.sizes) if other.sizes else found[at].shape
        declared = found[at].dtype or "float32"
        if other.dtype is not None and is_float(other.dtype) != is_float(declared):
            raise UsageError(
                f"--input {other.dtype}:... is of another kind than {found[at].name!r}, which is {declared}"
                f"\n  declare it in the spec: {found[at].name}: {{shape: [...], dtype: {other.dtype}}}"
            )
        found[at] = found[at]._replace(shape=shape, dtype=other.dtype or found[at].dtype)
    return found


def placed(declared: Sequence[DeclaredInput], given: OtherInputs) -> list[tuple[int, OtherInput]]:
    """Which declared inputs are asked for in other sizes. Raises UsageError for one that is not there."""
    others = [item for item in given if isinstance(item, OtherInput)]
    if not others:
        return [(0, OtherInput(None, tuple(given)))]  # type: ignore[arg-type]
    names = [item.name for item in declared]
    unnamed = iter([name for name in names if name not in {other.name for other in others}])
    found: dict[str, OtherInput] = {}
    for other in others:
        name = next(unnamed, None) if other.name is None else other.name
        if name not in names:
            what = "x".join(map(str, other.sizes)) if other.name is None else other.name
            raise UsageError(f"the network has no input for --input {what}\n  its inputs: {', '.join(names)}")
        if name in found:
            raise UsageError(f"--input gives {name} twice")
        found[name] = other
    return [(names.index(name), other) for name, other in found.items()]


def declared_inputs(family: Family, node: YamlNode, params: Mapping[str, Any]) -> list[DeclaredInput]:
    """The inputs that a spec declares: one without a name, or a mapping of several by their labels."""
    if (
        not isinstance(node, documents.Mapping)
        or "shape" in node.entries
        or set(node.entries) <= set(INPUT_KEYS)
    ):
        return [declared_input(family, node, params)]
    single = [value.text for _, value in node.entries.values() if isinstance(value, documents.Scalar)]
    if len(single) == len(node.entries):
        cure = words.sizes_cure(" ".join(single))
        raise family.document.error("input is a list of sizes, not a mapping of them", node, cure=cure)
    found = []
    for key, value in node.entries.values():
        if not _LABEL.match(key.text) or key.text in INPUT_KEYS:
            raise family.document.error(
                f"an input's name is a word, not {key.describe()}", key, cure="{image: [3, 224, 224]}"
            )
        found.append(declared_input(family, value, params)._replace(name=key.text))
    return found


def overridden(declared: Shape, given: tuple[int, ...]) -> Shape:
    """A declared input (batch 1) with other sizes: all of them, those of its space, or one for its space.

    Raises UsageError for more or fewer sizes than the network's input has.
    """
    sizes = tuple([size for size in map(integer, given) if size is not None and 0 < size <= MAX_INPUT])
    if len(sizes) != len(given):
        raise UsageError(f"input sizes must be whole numbers from 1 to {MAX_INPUT:,}, not {given!r}")
    letters = declared.axes[1:]
    space = len(letters) - 1
    if len(given) == len(letters):
        meant = _channels_first(sizes)
        if meant is not None and letters == MAPS[len(letters) - 1][1:] and sizes != declared[1:]:
            first = f"{_taken(sizes)}: channels come first"
            _warn(f"warning: input {_joined(sizes)} {first}\n  was {_joined(meant)} meant?")
        return resized(declared, (1, *sizes))
    if space and len(given) in (1, space):
        wanted = iter(sizes * space if len(given) == 1 else sizes)
        kept = zip(declared.axes, declared, strict=True)
        return resized(declared, [size if letter in "NC" else next(wanted) for letter, size in kept])
    axes = [AXES[letter] for letter in letters]
    without = [word for word in axes if word != "channels"]
    raise UsageError(
        f"an input of {_joined(given)} has {len(given)} sizes; this network takes"
        f" {' x '.join(axes)}" + (f", or {' x '.join(without)}" if without else ""),
        cure=f"without the batch: {_joined(given[1:])}"
        if given[1:2] == declared[1:2] and len(given) == len(letters) + 1
        else None,
    )


def _joined(sizes: Sequence[int]) -> str:
    """Sizes as people write them: 3x224x224."""
    return "x".join(map(str, sizes))


def declared_input(family: Family, node: YamlNode, params: Mapping[str, Any]) -> DeclaredInput:
    """One input, batch 1: a list of sizes, or a mapping of `shape`, `axes` and `dtype`."""
    grammar = Grammar(family.document)
    axes, dtype = None, ""
    sizes_node = node
    if isinstance(node, documents.Mapping):
        entries = grammar.mapping(node, "an input", INPUT_KEYS)
        shape = entries.get("shape")
        if shape is None:
            raise family.document.error("an input needs a shape: {shape: [128, 768], axes: LC}", node)
        sizes_node, axes = shape, entries.get("axes")
        kind = entries.get("dtype")
        if kind is not None:
            dtype = grammar.dtype(kind)
    if isinstance(sizes_node, documents.Scalar):
        raise family.document.error(
            f"input must be a list, not {sizes_node.describe()}",
            sizes_node,
            cure=words.sizes_cure(sizes_node.text),
        )
    sizes = [_input_size(family, grammar, item, params) for item in grammar.listed(sizes_node, "input")]
    if not 1 <= len(sizes) < len(MAPS) + 1:
        raise family.document.error(
            "an input is [channels, height, width], [channels, width], [channels, depth, height, width] or"
            " [features]",
            sizes_node,
        )
    letters = MAPS[len(sizes) - 1][1:]
    if axes is not None:
        letters = grammar.word(axes, "axes")
        try:
            check_axes("input", letters, len(sizes))
        except OperatorError as error:
            raise family.document.error(error.message, axes, cure=error.cure) from None
    else:
        _check_order(family, sizes_node, sizes)
    return DeclaredInput("input", shaped(f"N{letters}", (1, *sizes)), dtype)


def _input_size(family: Family, grammar: Grammar, item: YamlNode, params: Mapping[str, Any]) -> int:
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
    return value


def _check_order(family: Family, node: YamlNode, sizes: list[int]) -> None:
    """Warn of an input of a spec that was perhaps meant otherwise, with the way to say that it was not."""
    meant, why = _channels_first(sizes), "channels come first"
    if meant is None and len(sizes) == 4 and sizes[1] <= FEW_CHANNELS and min(sizes[2:]) >= 2 * FEW_CHANNELS:
        meant, why = sizes[1:], "an input is without the batch"
    if meant is not None:
        place = f"{family.document.file}:{node.line + 1}:{node.column + 1}"
        as_written = f"{{shape: {sizes}, axes: {MAPS[len(sizes) - 1][1:]}}}"
        _warn(
            f"{place}: warning: input {sizes} {_taken(sizes)}: {why}\n"
            f"  was {meant} meant? if not: input: {as_written}"
        )


def _channels_first(sizes: Sequence[int]) -> list[int] | None:
    """The sizes as they were probably meant, if their channels seem to be last, as Keras has them."""
    *space, last = sizes
    return [last, *space] if space and last <= FEW_CHANNELS and min(space) >= 2 * FEW_CHANNELS else None


def _taken(sizes: Sequence[int]) -> str:
    channels = f"{sizes[0]} channel{'s' * (sizes[0] > 1)}"
    return f"is taken for {channels} of {_joined(sizes[1:])}"


def _warn(message: str) -> None:
    warnings.warn(message, SpecWarning, stacklevel=2)
