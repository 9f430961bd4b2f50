"""Where specs live and what they are called: the zoo, files, variants.

`load` is the only way from a name to a graph. The zoo is the directory `specs/`: beside the
package in a checkout, inside it in a wheel.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnncost.errors import UsageError, did_you_mean, known_word
from cnncost.graph import Graph
from cnncost.language import document as documents
from cnncost.language.document import Document
from cnncost.language.family import Family, Given, Variant
from cnncost.language.grammar import Grammar
from cnncost.language.instance import OtherInputs, graph_of

LIBRARIES = "torchvision:NAME, timm:NAME"
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
    input: OtherInputs | None = None,
    set: Mapping[str, Any] | None = None,
) -> Graph:
    """The graph of a model: a zoo name, a spec file, or a file's variant (`my.yaml:small`).

    `input` and `set` as of `graph_of`. Raises SpecError or UsageError.
    """
    family, variant = find(name)
    return graph_of(family, variant, input=input, set=set)


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
        if (same := _same_letters(name, known)) is not None:
            return find(same)
        cure = did_you_mean(name, known)
        listed = f"cnncost list {name}" if any(holds(each, name) for each in known) else "cnncost list"
        raise UsageError(
            f"unknown model {name!r}" + (f": {cure}" if cure else ""),
            cure=f"`{listed}` shows the zoo; a file ends in .yaml or .yml; of libraries: {LIBRARIES}",
        )
    family = parse(Path(file))
    if not variant_name:
        return family, None
    known_word(f"{file} has no variant", variant_name, family.variants, "variants")
    return family, family.variants[variant_name]


def _same_letters(name: str, known: Iterable[str]) -> str | None:
    """The one name of the zoo with the same letters and digits: ResNet-50 is resnet50; None if none is."""

    found = [each for each in known if _letters(each) == _letters(name)]
    return found[0] if len(found) == 1 and _letters(name) else None


def _letters(text: str) -> str:
    """A name without what people write differently; a plus is another network (U-Net++)."""
    return re.sub(r"[-_. ]", "", text).lower()


def holds(name: str, word: str) -> bool:
    """Whether a part of a name begins with a word, in any case: mobilenet has no lenet."""
    parts = name.split("_")
    begun = _letters(word)
    return bool(begun) and any(_letters("".join(parts[i:])).startswith(begun) for i in range(len(parts)))


def stands_for(name: str) -> tuple[Family, str | None] | None:
    """For a family's name that is no variant's: the family, and the variant that has its defaults, if any.

    None for any other name.
    """
    path = index().get(name)
    family = parse(path) if path is not None else None
    if family is None or name in family.variants or not family.variants:
        return None
    for variant in family.variants.values():
        if variant.input is None and all(
            key in family.params and _written(given) == _written(family.params[key])
            for key, given in variant.params.items()
        ):
            return family, variant.name
    return family, None


def _written(given: Given) -> object:
    """A parameter's value as it is written: a constant, a list or a row of such, or an expression's text."""
    if given.entries is not None:
        return {key: _written(part) for key, part in given.entries.items()}
    if given.items is not None:
        return [_written(item) for item in given.items]
    return given.constant if given.expression is None else str(getattr(given.node, "text", given.expression))


def _is_file(name: str) -> bool:
    try:
        return name.endswith((".yaml", ".yml")) or os.sep in name or Path(name).is_file()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL
        return False


def _shown(path: Path) -> str:
    """A path as messages and reports show it: the zoo's relative to its directory's parent."""
    try:
        return "specs/" + Path(os.path.realpath(path)).relative_to(specs_directory().resolve()).as_posix()
    except ValueError:
        return str(path)
