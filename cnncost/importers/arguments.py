"""What a factory is called with: `--set` and `--kwargs`, and what to write where it asks for more."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Mapping
from typing import Any

from cnncost.errors import UsageError


class GivenObject(dict[str, Any]):
    """A JSON object as an argument: `cfg["depth"]` and `args.depth` are the same in it."""

    def __init__(self, given: Mapping[str, Any]):
        super().__init__({key: inner(value) for key, value in given.items()})
        self.__dict__ = self


def inner(value: Any) -> Any:
    """A value of JSON whose objects are GivenObject."""
    if isinstance(value, Mapping):
        return GivenObject(value)
    return [inner(item) for item in value] if isinstance(value, list) else value


def settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as code takes them: `args.depth=3` is an object `args` with a `depth`. Raises UsageError."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        place, path = found, name.split(".")
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise UsageError(f"--set {name}: {part} is a value already, not an object")
        place[path[-1]] = dict(value) if isinstance(value, Mapping) else value
    return {name: inner(value) for name, value in found.items()}


OBJECTS = re.compile(r"(?i)(args|opts?|options|cfg|conf|config|configs|hparams|hp|params|flags|settings)\Z")
"""What people call an argument that is an object of settings."""
WEIGHTS = re.compile(r"(?i).*(pretrain|weights|checkpoint|ckpt|load)")
"""And one that asks for weights."""


def missing(factory: Any, arguments: Mapping[str, Any]) -> list[str]:
    """The arguments that a factory asks for and is not given."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        item.name
        for item in parameters
        if item.default is item.empty and item.kind not in kinds and item.name not in arguments
    ]


def how_to_set(factory: Any, arguments: Mapping[str, Any]) -> str:
    """The options that give a factory what it asks for."""
    asked = missing(factory, arguments)
    if not asked:
        return """its arguments: --set num_classes=10, or --kwargs '{"num_classes": 10}'"""
    parts = [f"--set {name}{'.NAME' if OBJECTS.match(name) else ''}=VALUE" for name in asked]
    return f"its arguments: {' '.join(parts)}, or all in one: --kwargs JSON"


def otherwise(error: BaseException, factory: Any, arguments: Mapping[str, Any]) -> str | None:
    """What to do about a factory that fails while it builds; None if nobody knows."""
    lacking = re.match(r"'GivenObject' object has no attribute '(\w+)'", str(error))
    key = error.args[0] if isinstance(error, KeyError) and error.args else lacking and lacking[1]
    objects = [name for name, value in arguments.items() if isinstance(value, GivenObject)]
    if isinstance(key, str) and objects:
        return f"give it that, too: --set {objects[0]}.{key}=VALUE"
    if isinstance(error, OSError):  # no such file, or no network
        with contextlib.suppress(TypeError, ValueError):
            for item in inspect.signature(factory).parameters.values():
                if WEIGHTS.match(item.name) and item.default not in (item.empty, None, False):
                    off = "false" if item.default is True else "null"
                    return f"no count needs weights: --set {item.name}={off}"
    if isinstance(error, FileNotFoundError):
        return "it is looked for from the current directory: run in the folder where its code runs"
    return None


def takes(factory: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether a factory can be called with these keyword arguments and no others."""
    try:
        inspect.signature(factory).bind(**arguments)
    except (TypeError, ValueError):  # they do not fit; nobody knows what it takes
        return False
    return True
