"""How a model is named in a lock or a configuration: as on the command line.

    resnet50                                  a zoo name, or an importer's
    nets/edge.yaml:small                      a file's variant
    resnet50 --set classes=10 --batch 32      with what is not the default
    nets:Net --input 3x32x32 --allow-unknown  an import, an operator of which has no known cost
    resnet*                                   a pattern: zoo names
    nets/*.yaml, nets/edge.yaml:s*            patterns: files and all their variants; some variants

Paths are kept relative to the directory of the lock, with `/`, so that the same lock serves every machine.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import cnncost
from cnncost.analysis.cost import MODES
from cnncost.errors import SpecError, UsageError, known_word
from cnncost.graph import Graph, Place
from cnncost.language import zoo

OPTIONS = ("--input", "--set", "--batch", "--dtype", "--mode", "--allow-unknown")
SUFFIXES = (".yaml", ".yml", ".onnx")


class Request(NamedTuple):
    """A model and how it is to be counted."""

    spec: str
    input: tuple[int, ...] | None = None
    set: tuple[tuple[str, str], ...] = ()
    batch: int = 1
    dtype: str = "float32"
    mode: str = "eval"
    allow_unknown: bool = False

    def text(self) -> str:
        """The request as `parse` reads it; what is the default is left out."""
        words = [shlex.quote(self.spec)]
        if self.input is not None:
            words += ["--input", "x".join(map(str, self.input))]
        for name, value in sorted(self.set):
            words += ["--set", shlex.quote(f"{name}={value}")]
        for name, default in (("batch", 1), ("dtype", "float32"), ("mode", "eval")):
            if getattr(self, name) != default:
                words += [f"--{name}", str(getattr(self, name))]
        if self.allow_unknown:
            words.append("--allow-unknown")
        return " ".join(words)


def parse(text: str) -> Request:
    """The request that a line of a lock or of a configuration writes. Raises UsageError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r} does not name a model: {str(error).lower()}") from None
    if not words or words[0].startswith("-"):
        raise UsageError(f"{text!r} does not name a model\n  for example: resnet50 --set classes=10")
    request = Request(words[0])
    options = iter(words[1:])
    for option in options:
        if option == "--allow-unknown":
            request = request._replace(allow_unknown=True)
            continue
        value = next(options, None)
        known_word(f"{text!r}: unknown option", option, OPTIONS, "options")
        if value is None:
            raise UsageError(f"{text!r}: {option} needs a value")
        request = _with(request, option.removeprefix("--"), value, text)
    return request


def _with(request: Request, name: str, value: str, text: str) -> Request:
    if name == "set":
        parameter, equals, given = value.partition("=")
        if not equals or not parameter:
            raise UsageError(f"{text!r}: --set {value!r} is not name=value\n  for example: --set classes=10")
        return request._replace(set=(*request.set, (parameter, given)))
    if name == "input":
        sizes = value.split("x")
        if not all(size.isdecimal() for size in sizes):
            raise UsageError(f"{text!r}: --input {value!r} is not a size\n  for example: --input 3x256x256")
        return request._replace(input=tuple(int(size) for size in sizes))
    if name == "batch":
        if not value.isdecimal() or int(value) < 1:
            raise UsageError(f"{text!r}: --batch {value!r} is not a whole number, at least 1")
        return request._replace(batch=int(value))
    return request._replace(dtype=value) if name == "dtype" else request._replace(mode=value)


def expand(requests: Iterable[Request], base: Path) -> list[Request]:
    """The requests with patterns replaced by what they match, each once, in order.

    Paths are relative to `base`. A pattern of a file (.yaml, .yml) gives every variant of each, or those that
    a pattern after `:` matches; any other matches zoo names. Raises UsageError if nothing matches.
    """
    found: dict[Request, None] = {}
    for request in requests:
        for spec in _matches(request.spec, base) if is_pattern(request.spec) else [request.spec]:
            found[request._replace(spec=spec)] = None
    return list(found)


def is_pattern(spec: str) -> bool:
    """True if a name stands for all that it matches."""
    return any(character in spec for character in "*?[")


def _matches(pattern: str, base: Path) -> list[str]:
    file_pattern, variant_pattern = split_file(pattern)
    if file_pattern is None:
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
    return request._replace(spec=relative(located(request.spec, old), new))


def loaded(request: Request, base: Path) -> Graph:
    """The graph that is requested. Raises SpecError or UsageError."""
    spec = located(request.spec, base)
    graph = cnncost.load(
        spec, input=request.input, set=dict(request.set), allow_unknown=request.allow_unknown
    )
    return in_mode(graph, request.mode)


def in_mode(graph: Graph, mode: str) -> Graph:
    """The graph with its training heads (train), or without (eval). Raises UsageError for another mode."""
    return graph if known_word("unknown mode", mode, MODES) == "train" else graph.without_heads()


def gone(request: Request, base: Path) -> bool:
    """True if no such name, file or variant is there any more (a spec that is wrong is not gone)."""
    file, _ = split_file(request.spec)
    if file is None and ":" in request.spec:
        return False  # an importer's name
    if file is not None and not (base / file).exists():
        return True
    try:
        zoo.find(located(request.spec, base))
    except SpecError:
        return False
    except UsageError:
        return True
    return False


def place(request: Request, base: Path) -> Place | None:
    """Where a model is declared: its variant's line, else the spec's first; None if no spec declares it."""
    try:
        family, variant = zoo.find(located(request.spec, base))
    except (SpecError, UsageError):
        return None
    return family.document.place(variant.node if variant else family.document.root)


def named(specs: Sequence[str], base: Path) -> list[Request]:
    """Requests for the names that a command line gives, relative to `base`."""
    return [Request(relative(spec, base)) for spec in specs]
