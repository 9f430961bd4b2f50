"""How a lock or a configuration names models: patterns, and paths that serve every machine.

    resnet*                                   a pattern: zoo names
    nets/*.yaml, nets/edge.yaml:s*            patterns: files and all their variants; some variants

Paths are kept relative to the directory of the lock, with `/`. One model's text is `request.parse`'s.
"""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cnncost import models
from cnncost.analysis.cost import MODES
from cnncost.errors import Place, SpecError, UsageError, known_word
from cnncost.graph import Graph
from cnncost.language import zoo
from cnncost.request import Model, Request

SUFFIXES = (".yaml", ".yml", ".onnx", ".py")


def expand(requests: Iterable[Request], base: Path) -> list[Request]:
    """The requests with patterns replaced by what they match, each once, in order.

    Paths are relative to `base`. A pattern of a file (.yaml, .yml) gives every variant of each, or those that
    a pattern after `:` matches; any other matches zoo names. Raises UsageError if nothing matches.
    """
    found: dict[Request, None] = {}
    for request in requests:
        spec = request.model.spec
        for name in _matches(spec, base) if is_pattern(spec) else [spec]:
            found[renamed(request, name)] = None
    return list(found)


def renamed(request: Request, spec: str) -> Request:
    """The request with another model's name."""
    return request._replace(model=request.model._replace(spec=spec))


def is_pattern(spec: str) -> bool:
    """True if a name stands for all that it matches."""
    return any(character in spec for character in "*?[")


def _matches(pattern: str, base: Path) -> list[str]:
    file_pattern, variant_pattern = split_file(pattern)
    if file_pattern is None or file_pattern.endswith(".py"):
        names = sorted(fnmatch.filter(zoo.names(), pattern))
        if not names:
            raise UsageError(f"no model of the zoo matches {pattern!r}\n  `cnncost list` shows the zoo")
        return names
    files = sorted(glob.glob(file_pattern, root_dir=base, recursive=True))
    if not files:
        raise UsageError(f"no file matches {file_pattern!r}")
    specs = []
    for file in files:
        variants = list(zoo.parse(base / file).variants)
        shown = file.replace(os.sep, "/")
        chosen = fnmatch.filter(variants, variant_pattern or "*")
        if variant_pattern and not chosen:
            raise UsageError(
                f"{shown} has no variant that matches {variant_pattern!r}\n"
                f"  variants: {', '.join(variants) or 'none'}"
            )
        specs += [f"{shown}:{variant}" for variant in chosen] or [shown]
    return specs


def relative(spec: str, base: Path) -> str:
    """A name as the lock in `base` writes it: files relative to `base`, with `/`; other names as they are."""
    file, variant = split_file(spec)
    if file is None:
        return spec
    path = os.path.relpath(Path(file).absolute(), base.absolute()).replace(os.sep, "/")
    return f"{path}:{variant}" if variant else path


def split_file(spec: str) -> tuple[str | None, str]:
    """The file that a name names, and its variant; None for a name that is no path."""
    file, _, variant = spec.partition(":") if not spec.endswith(SUFFIXES) else (spec, "", "")
    if file.endswith(SUFFIXES) and spec not in zoo.index():
        return file, variant
    return None, ""


def located(spec: str, base: Path) -> str:
    """The inverse of `relative`: the name that `cnncost.load` understands from here."""
    file, variant = split_file(spec)
    if file is None:
        return spec
    path = os.path.relpath(base / file)
    return f"{path}:{variant}" if variant else path


def moved(request: Request, old: Path, new: Path) -> Request:
    """A request whose file is relative to `old`, made relative to `new`."""
    return renamed(request, relative(located(request.model.spec, old), new))


def loaded(request: Request, base: Path) -> Graph:
    """The graph that is requested, training heads included. Raises SpecError or UsageError."""
    request.check()
    return models.graph(
        request.model._replace(spec=located(request.model.spec, base)), request.run.batch, request.run.mode
    )


def in_mode(graph: Graph, mode: str) -> Graph:
    """The graph with its training heads (train), or without (eval). Raises UsageError for another mode."""
    return graph if known_word("unknown mode", mode, MODES) == "train" else graph.without_heads()


def gone(request: Request, base: Path) -> bool:
    """True if no such name, file or variant is there any more (a spec that is wrong is not gone)."""
    file, _ = split_file(request.model.spec)
    if file is None and ":" in request.model.spec:
        return False  # an importer's name
    if file is not None and not (base / file).exists():
        return True
    try:
        zoo.find(located(request.model.spec, base))
    except SpecError:
        return False
    except UsageError:
        return True
    return False


def place(request: Request, base: Path) -> Place | None:
    """Where a model is declared: its variant's line, else the spec's first; None if no spec declares it."""
    try:
        family, variant = zoo.find(located(request.model.spec, base))
    except (SpecError, UsageError):
        return None
    return family.document.place(variant.node if variant else family.document.root)


def named(specs: Sequence[str], base: Path) -> list[Request]:
    """Requests for the names that a command line gives, relative to `base`."""
    return [Request(Model(relative(spec, base))) for spec in specs]
