"""A file of Python -> its module, imported as in its own project: packages, neighbours, no command line.

`models/net.py` may say `from .blocks import Block`, `from blocks import Block` or `from models.blocks import
Block`, and read its arguments when it is imported; people run such files from other folders than ours.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from cnncost.errors import UsageError
from cnncost.importers.beside import imported

RELATIVE = ("attempted relative import", "beyond top-level package")
"""How a relative import fails in a file that is imported without the packages around it."""
MOST = 8
"""Folders that are tried one after the other, for packages and for neighbours."""


def of_file(file: str) -> Any:
    """The module of a file. Raises UsageError if there is none, else what its own code raises.

    Folders with an `__init__.py` are its packages. A relative import that needs more of them, and a
    neighbour that only lies in a folder further out, are looked for outwards.
    """
    if not os.path.isfile(file):
        raise UsageError(f"{file}: no such file\n  it is looked for from the current directory")
    path = os.path.realpath(file)
    levels = packages(path)
    for _ in range(MOST):
        folder, name = named(path, levels)
        for place in (os.path.dirname(path), os.getcwd(), folder):
            if place not in sys.path:
                sys.path.insert(0, place)
        try:
            with no_command_line(path):
                return loaded(name, path)
        except ModuleNotFoundError as error:
            outer = holding(path, (error.name or "").partition(".")[0])
            if outer is None or outer in sys.path:
                raise
            sys.path.insert(1, outer)
        except ImportError as error:
            if not any(words in str(error) for words in RELATIVE):
                raise
            levels += 1
    raise UsageError(f"{file}: its relative imports lead out of the folders around it")


def packages(path: str) -> int:
    """How many folders around a file are packages, one in the other."""
    found = 0
    for folder in around(path):
        if not os.path.isfile(os.path.join(folder, "__init__.py")):
            break
        found += 1
    return found


def named(path: str, levels: int) -> tuple[str, str]:
    """The folder to import a file from, and its dotted name there, if so many folders are its packages."""
    folder, name = os.path.split(path.removesuffix(".py"))
    for _ in range(levels):
        folder, package = os.path.split(folder)
        name = f"{package}.{name}"
    return folder, name


def loaded(name: str, path: str) -> Any:
    """The module of a file under a dotted name, or another one if that is taken by another file's."""
    known = sys.modules.get(name)
    if known is None and all(part.isidentifier() for part in name.split(".")):
        known = imported(name)
    if known is not None and os.path.realpath(getattr(known, "__file__", None) or "") == path:
        return known
    name = f"{name.replace('.', '_')}_{abs(hash(path))}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None  # it ends in .py
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def holding(path: str, name: str) -> str | None:
    """The nearest folder around a file that has a module or package of a name; None if none has."""
    for folder in around(path):
        place = os.path.join(folder, name)
        if name and (os.path.isdir(place) or os.path.isfile(f"{place}.py")):
            return folder
    return None


def around(path: str) -> Iterator[str]:
    """The folders that a file lies in, innermost first."""
    for _ in range(MOST):
        path, before = os.path.dirname(path), path
        if path == before:
            return
        yield path


def no_command_line(path: str) -> Any:
    """In here code that reads its command line finds none: ours is not meant for it."""
    return patch.object(sys, "argv", [path])
