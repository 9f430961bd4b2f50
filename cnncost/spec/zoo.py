"""Where specs live and what they are called: the zoo, files, variants, overrides.

`load` is the only way from a name to a graph. The zoo is the directory `specs/`: beside the
package in a checkout, inside it in a wheel.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnncost.errors import SpecError, UsageError, did_you_mean, known_word
from cnncost.graph import Graph
from cnncost.ops import REGISTRY
from cnncost.spec import document as documents
from cnncost.spec.document import Document, Scalar, YamlNode, unknown
from cnncost.spec.expand import WORDS, Expander
from cnncost.spec.expression import ExpressionError
from cnncost.spec.grammar import Family, Given, Grammar, Variant

MAX_INPUT = 1_000_000

_FAMILY = re.compile(r"^family: *(\w+)", re.MULTILINE)
_VARIANTS = re.compile(r"^variants:[^\n]*\n((?:(?:[ #][^\n]*)?\n)*)", re.MULTILINE)
_VARIANT = re.compile(r"^  (\w+) *:", re.MULTILINE)


def specs_directory() -> Path:
    """The directory of the zoo's specs."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


@lru_cache(maxsize=1)
def index() -> dict[str, Path]:
    """Every name of the zoo and its file, found without parsing (a test holds it to the parsed names)."""
    found: dict[str, Path] = {}
    for path in sorted(specs_directory().glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        family = _FAMILY.search(text)
        variants = _VARIANTS.search(text)
        names = _VARIANT.findall(variants.group(1)) if variants else []
        for name in names or ([family.group(1)] if family else []):
            found.setdefault(name, path)
        if family:
            found.setdefault(family.group(1), path)
    return found


def names() -> list[str]:
    """The names of the zoo's models, file by file (families with variants are not models)."""
    return [name for family in families() for name in (list(family.variants) or [family.name])]


def families() -> list[Family]:
    """All families of the zoo, parsed."""
    return [parse(path) for path in sorted(specs_directory().glob("*.yaml"))]


def parse(path: Path) -> Family:
    """The family in a file; SpecError if it is not one. Parsed once per content."""
    shown = _shown(path)
    return parse_text(documents.read(path, shown), shown, path.stem)


@lru_cache(maxsize=256)
def parse_text(text: str, shown: str, stem: str) -> Family:
    """The family in a text; `shown` is what errors call its file, `stem` its name if it has none."""
    grammar = Grammar(Document(shown, text))
    family = grammar.family(re.sub(r"\W", "_", stem))
    grammar.check_variants(family)
    return family


def load(
    name: str,
    *,
    input: Sequence[int] | None = None,
    set: Mapping[str, Any] | None = None,
) -> Graph:
    """The graph of a model: a zoo name, a spec file, or a file's variant (`my.yaml:small`).

    `input` replaces the input shape (channels, height, width; or height, width; without batch),
    `set` overrides parameters. Raises SpecError or UsageError.
    """
    family, variant = find(name)
    return build(family, variant, input=input, set=set)


def find(name: str) -> tuple[Family, Variant | None]:
    """The family that a name stands for, and the variant if it names one."""
    known = index()
    if name in known:
        family = parse(known[name])
        return family, family.variants.get(name)
    file, colon, variant_name = name.rpartition(":")
    if not colon or not _is_file(file):
        file, variant_name = name, ""
    if not _is_file(file):
        cure = did_you_mean(name, known)
        raise UsageError(
            f"unknown model {name!r}" + (f": {cure}" if cure else "") + "\n  `cnncost list` shows the zoo;"
            " a file ends in .yaml or .yml"
        )
    family = parse(Path(file))
    if not variant_name:
        return family, None
    known_word(f"{file} has no variant", variant_name, family.variants, "variants")
    return family, family.variants[variant_name]


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml")) or os.sep in name or Path(name).is_file()


def build(
    family: Family,
    variant: Variant | None,
    *,
    input: Sequence[int] | None = None,
    set: Mapping[str, Any] | None = None,
) -> Graph:
    """The graph of a family's variant (None: the defaults)."""
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
        raise UsageError(str(error)) from None


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
    if not all(isinstance(size, int) and 0 < size <= MAX_INPUT for size in shape):
        raise UsageError(f"input sizes must be whole numbers from 1 to {MAX_INPUT:,}, not {shape!r}")
    if len(shape) not in (1, 3):
        raise UsageError("an input is channels x height x width, height x width, or one number of features")
    return shape


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


def _shown(path: Path) -> str:
    """A path as messages and reports show it: the zoo's relative to its directory's parent."""
    try:
        return "specs/" + path.resolve().relative_to(specs_directory().resolve()).as_posix()
    except ValueError:
        return str(path)


__all__ = [
    "Scalar",
    "build",
    "families",
    "find",
    "index",
    "load",
    "names",
    "parse",
    "specs_directory",
    "unknown",
]
