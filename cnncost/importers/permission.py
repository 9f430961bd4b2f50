"""What of a user's own code may be called: decided by what it is, before anything is called.

A name on a command line asks for its module: its nn.Module classes and its functions. A name in a file (a
lock, a configuration) asks for nothing: with `--allow-imports` it may name nn.Module classes, and functions
of the project, the tree of the current directory. Arguments come from such a file too, so no other callable
may be reached: with chosen arguments, half of the standard library runs programs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

from cnncost.errors import UsageError

_KNOWN = ("torchvision", "timm")
"""Registries whose models have names of their own; weights are never asked for."""


def runs_code(name: str) -> bool:
    """Whether a model's name means `package.module:factory`, whose code would run."""
    from cnncost.importers.names import is_import, is_onnx

    return is_import(name) and not is_onnx(name) and name.partition(":")[0] not in _KNOWN


def refuse(name: str) -> UsageError:
    """The error for such a name in a file, where nobody has allowed it."""
    return UsageError(
        f"{name!r} stands in a file and would run Python code, which no file may ask for",
        cure="if you trust this project: --allow-imports",
    )


def check(name: str, found: Any) -> None:
    """Raise UsageError for what is neither an nn.Module, nor a class of them, nor a function of a module."""
    from torch import nn

    if isinstance(found, nn.Module) or (isinstance(found, type) and issubclass(found, nn.Module)):
        return
    home = _home(found)
    if home is None:
        raise UsageError(f"{name} is {_kind(found)}, not an nn.Module class or a function that gives one")
    if home.partition(".")[0] in sys.stdlib_module_names:
        raise UsageError(f"{name} is a function of Python's own module {home!r}, which makes no network")


def check_of_file(name: str) -> None:
    """The same for a name in a file, whose module this imports: functions must be of the project."""
    from torch import nn

    from cnncost.importers.sources import of_module

    path, _, attribute = name.rpartition(":")
    if path.endswith(".py") and not _in_project(Path(path).resolve()):
        raise UsageError(
            f"{name!r} stands in a file and names one that is not of this project",
            cure="name it on the command line, where you ask for it yourself",
        )
    found = of_module(path, attribute)
    check(name, found)
    if isinstance(found, (nn.Module, type)):
        return
    home = str(_home(found))
    file = getattr(sys.modules.get(home), "__file__", None)
    if file is None or not _in_project(Path(file).resolve()):
        raise UsageError(
            f"{name!r} stands in a file and names a function of {home!r}, which is not of this project",
            cure="name it on the command line, where you ask for it yourself",
        )


def _home(found: Any) -> str | None:
    """The module of a function, or of a class's method; None for any other object."""
    if isinstance(found, MethodType) and isinstance(found.__self__, type):
        found = found.__func__
    return found.__module__ if isinstance(found, FunctionType) else None


def _in_project(file: Path) -> bool:
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return not installed and file.is_relative_to(Path.cwd().resolve())


def _kind(found: Any) -> str:
    return f"the class {found.__qualname__}" if isinstance(found, type) else f"of type {type(found).__name__}"
