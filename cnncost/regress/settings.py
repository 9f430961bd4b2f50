"""What a project holds its models to: `cnncost.toml`, or `[tool.cnncost]` of pyproject.toml.

    models = ["resnet50 --set classes=10", "nets/*.yaml"]    what `cnncost check` reads without arguments
    lock = "cnncost.lock"
    convention = "cnncost"
    published = true                                         hold the specs to their published figures

    [budgets."nets/edge.yaml:*"]                             a model or a pattern; all that match hold
    max_params = "4.5M"
    max_macs = "5%"                                          over the lock
    max_latency = "12 ms"
    measured = "run.json"                                    where the latency stands
    max_predicted_latency = "9 ms"
    on = "rtx-4090"                                          the device it is predicted for, or a YAML file
    layout = "nhwc"                                          and how it runs: layout, launch, tf32, stack

A percentage holds its quantity and what goes with it (params: buffers; macs: flops; peak_bytes:
activation_bytes) instead of the exact lock; nodes that changed are then shown, but no fault. Other quantities
stay exact.
"""

from __future__ import annotations

import fnmatch
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cnncost.analysis.conventions import CONVENTIONS
from cnncost.border import file_text
from cnncost.errors import Place, Source, UsageError, did_you_mean
from cnncost.predict.profile import LAUNCHES, LAYOUTS
from cnncost.regress.limits import KINDS, Limit, Refused, limit

KEYS = ("models", "lock", "convention", "published", "budgets")
IN_BUDGET = (*KINDS, "measured", "on", "layout", "launch", "tf32", "stack")


class Budget(NamedTuple):
    """Limits for the models that a pattern matches."""

    pattern: str
    limits: tuple[Limit, ...]
    measured: str | None
    place: Place
    on: str | None = None  #: the device that a latency is predicted for, and how it runs there
    layout: str | None = None
    launch: str | None = None
    tf32: bool = True
    stack: str | None = None

    def matches(self, request: str, spec: str) -> bool:
        """True if the pattern is a model's whole request, or its name, or matches one of them."""
        return self.pattern in (request, spec) or any(
            fnmatch.fnmatchcase(name, self.pattern) for name in (request, spec)
        )


class Settings(NamedTuple):
    """A whole configuration; without a file, the defaults."""

    file: Path | None = None
    models: tuple[str, ...] = ()
    lock: str | None = None
    convention: str = "cnncost"
    published: bool = True
    budgets: tuple[Budget, ...] = ()


def find(directory: Path) -> Path | None:
    """The configuration of a directory: cnncost.toml, else a pyproject.toml that has [tool.cnncost]."""
    own, project = directory / "cnncost.toml", directory / "pyproject.toml"
    if own.is_file():
        return own
    if project.is_file() and "[tool.cnncost" in file_text(project, errors="replace"):
        return project
    return None


def read(path: Path) -> Settings:
    """The configuration in a file. Raises UsageError with the line at fault."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        text = file_text(path)
        document = tomllib.loads(text)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise UsageError(f"{path}: not valid TOML: it is nested too deeply") from None
    except ValueError as error:  # TOML that is none, and numbers of thousands of digits
        raise UsageError(f"{path}: not valid TOML: {error}") from None
    if path.name == "pyproject.toml":
        for key in ("tool", "cnncost"):
            document = document.get(key, {})
            if not isinstance(document, dict):
                raise UsageError(f"{path}: {key!r} must be a table\n  for example: [tool.cnncost]")
        return _Reader(path, text, "tool.cnncost").settings(document)
    return _Reader(path, text, "").settings(document)


class _Reader:
    """Turns the plain document into settings; finds the lines that errors quote."""

    def __init__(self, path: Path, text: str, table: str):
        self.path = path
        self.lines = text.split("\n")
        self.table = table

    def settings(self, document: Mapping[str, Any]) -> Settings:
        """The settings of a parsed document."""
        self.known(document, KEYS, "unknown key")
        convention = self.typed(document, "convention", str, "a word", "cnncost")
        if convention not in CONVENTIONS:
            raise self.error(
                f"unknown convention {convention!r}",
                did_you_mean(convention, CONVENTIONS) or f"known: {', '.join(CONVENTIONS)}",
                "convention",
            )
        models = self.typed(document, "models", list, "a list of models", [])
        if not all(isinstance(model, str) for model in models):
            raise self.error("models must be a list of texts", 'for example: models = ["resnet50"]', "models")
        budgets = self.typed(document, "budgets", dict, "a table of budgets", {})
        return Settings(
            file=self.path,
            models=tuple(models),
            lock=self.typed(document, "lock", str, "a file name", None),
            convention=convention,
            published=self.typed(document, "published", bool, "true or false", True),
            budgets=tuple(self.budget(pattern, table) for pattern, table in budgets.items()),
        )

    def budget(self, pattern: str, given: Any) -> Budget:
        """One table of [budgets]."""
        if not isinstance(given, dict):
            raise self.error(
                f"budgets: {pattern!r} is not a table of limits of a model",
                'for example: [budgets."resnet*"]',
                pattern,
                "budgets",
            )
        table = f"budgets.{pattern}"
        self.known(given, IN_BUDGET, "unknown limit", table)
        limits = []
        for key, value in given.items():
            if key in KINDS:
                try:
                    limits.append(limit(key, value))
                except Refused as refused:
                    raise self.error(str(refused), refused.cure, key, table) from None
        measured = self.typed(given, "measured", str, "a file name", None, table)
        if measured is None and "max_latency" in given:
            raise self.error(
                "max_latency needs a measurement",
                'write one with `cnncost measure -o run.json` and name it: measured = "run.json"',
                "max_latency",
                table,
            )
        on = self.typed(given, "on", str, "a device: rtx-4090, or a YAML file", None, table)
        there = (
            self.word(given, "layout", LAYOUTS, table),
            self.word(given, "launch", LAUNCHES, table),
            self.typed(given, "tf32", bool, "true or false", True, table),
            self.typed(given, "stack", str, "words of a stack: PyTorch 2.1", None, table),
        )
        if not limits:
            raise self.error(
                f"the budget of {pattern!r} limits nothing", f"limits: {', '.join(KINDS)}", None, table
            )
        place = Place(str(self.path), self.line(None, table) or 1, 1)
        return Budget(pattern, tuple(limits), measured, place, on, *there)

    def word(self, given: Mapping[str, Any], key: str, words: tuple[str, ...], table: str) -> str | None:
        """A value that is one of some words; None where it is not given."""
        value: str | None = self.typed(given, key, str, f"one of {', '.join(words)}", None, table)
        if value is not None and value not in words:
            raise self.error(f"unknown {key} {value!r}", f"known: {', '.join(words)}", key, table)
        return value

    def known(self, given: Mapping[str, Any], keys: tuple[str, ...], what: str, table: str = "") -> None:
        """Refuse a key that is none of the known ones."""
        for key in given:
            if key not in keys:
                cure = did_you_mean(key, keys)
                listed = f"known: {', '.join(keys)}"
                raise self.error(f"{what} {key!r}", f"{cure} {listed}" if cure else listed, key, table)

    def typed(
        self, given: Mapping[str, Any], key: str, kind: type, expected: str, default: Any, table: str = ""
    ) -> Any:
        """A value of a type, or the default."""
        value = given.get(key, default)
        if value is default or isinstance(value, kind):
            return value
        raise self.error(f"{key} must be {expected}, not {value!r}", None, key, table)

    def error(self, message: str, cure: str | None, key: str | None, table: str = "") -> UsageError:
        """The error at a key of a table, with its line."""
        line = self.line(key, table)
        if line is None:
            return UsageError(f"{self.path}: {message}", cure=cure)
        source = Source(self.lines[line - 1].strip()[:100])
        return UsageError(message, place=Place(str(self.path), line, 1), source=source, cure=cure)

    def line(self, key: str | None, table: str) -> int | None:
        """The line (from 1) of a key in a table, or of the table's header; None if it is not found.

        TOML parsers keep no places, so this looks for the usual spelling.
        """
        wanted = ".".join(part for part in (self.table, table) if part).replace(" ", "")
        inside = not wanted
        for number, line in enumerate(self.lines, 1):
            header = re.match(r"\s*\[(.*)\]\s*(?:#.*)?$", line)
            if header and "=" not in line:
                name = header[1].replace('"', "").replace("'", "").replace(" ", "")
                inside = name == wanted
                if (inside and key is None) or name == f"{wanted}.{key}".removeprefix("."):
                    return number
            elif inside and key is not None and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return number
        return None
