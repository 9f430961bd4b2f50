"""How a network's code writes a call: what programs tell apart that watch code, not operators.

    class      the forward of one of torch.nn's own layers makes it
    leaf       the module that makes it has no modules in it
    function   it goes through torch.nn.functional, as torch.nn's layers do
    multihead  torch.nn.MultiheadAttention makes it
    named      torch.matmul(a, b) or a.matmul(b), not a @ b; so for mul, add and einsum
    sizes      sizes may be multiplied in the Python function that makes it
    special    an operator of its own multiplies, by a vector or by a sparse matrix
    unread     it is not known: the module was run, not exported

A class of one's own that inherits from a layer is not that layer. Costs do not enter here.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Set
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cnncost.importers.aten.values import operator_name, shape_of
from cnncost.importers.building import is_layer

METHODS = ("matmul", "mul", "add")
"""Methods of tensors that an operator of Python calls too."""
NAMED = {*METHODS, "einsum"}
PRODUCTS = {"matmul", "mv", "dot", "vdot"}
"""Products that may be by a vector."""
RESHAPED = {"view", "reshape", "expand"}
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


@contextlib.contextmanager
def telling_names() -> Iterator[None]:
    """In here a.matmul(b) reaches PyTorch as torch.matmul(a, b), and only a @ b as the method."""
    before = {name: vars(Tensor).get(name) for name in METHODS}
    for name in METHODS:
        setattr(Tensor, name, by_name(getattr(torch, name)))
    try:
        yield
    finally:
        for name, method in before.items():
            if method is None:
                delattr(Tensor, name)
            else:
                setattr(Tensor, name, method)


def by_name(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A method that calls a function."""
    return lambda tensor, *others, **named: function(tensor, *others, **named)


class Code:
    """The code of a module: who makes a call, and how."""

    def __init__(self, module: nn.Module, run: Set[str], tensors: Mapping[Any, str]):
        self.module = module
        self.run = run  #: paths of the modules that run
        self.tensors = tensors  #: names of parameters and buffers

    def ways(self, node: Any) -> frozenset[str]:
        """The words of this file's opening that hold for a call, or for a parameter read by itself."""
        if node.op == "placeholder":
            return self.owner(self.tensors.get(node, ""))
        module = self.at(path_of(node))
        found = {"leaf"} if module is not None and not any(True for _ in module.children()) else set()
        if special(node):
            found.add("special")
        if isinstance(module, nn.MultiheadAttention):
            return frozenset({"multihead", "function"})
        if module is not None and is_layer(class_of(module)):
            return frozenset(found | {"class", "function"})
        return frozenset(found | called_as(node))

    def owner(self, name: str) -> frozenset[str]:
        """Of a parameter: whether it belongs to one of torch.nn's layers that runs."""
        path = name.rpartition(".")[0]
        module = self.at(path)
        layer = module is not None and is_layer(class_of(module)) and path in self.run
        return frozenset({"class"} if layer else ())

    def at(self, path: str) -> nn.Module | None:
        """The module of a path, None if the path leads nowhere."""
        try:
            return self.module.get_submodule(path)
        except (AttributeError, RuntimeError):  # a ScriptModule does not look for its parts
            return None


def special(node: Any) -> bool:
    """Whether PyTorch has an operator of its own for a product: with a vector, of a sparse matrix."""
    name = operator_name(node)
    return name == "_sparse_mm" or (name in PRODUCTS and len(shape_of(node.args[1])) == 1)


def path_of(node: Any) -> str:
    """The path of the module that makes a call; a module called again has a number behind."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return re.sub(r"@\d+", "", str(stack[-1][0])) if stack else ""


def class_of(module: nn.Module) -> str:
    """The full name of a module's class."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def called_as(node: Any) -> set[str]:
    """How a call outside torch.nn's layers is written."""
    kind, _, name = str((node.meta.get("torch_fn") or ("", ""))[1]).rpartition(".")
    if not name:
        return {"unread"}
    if kind in ("function", "builtin_function_or_method"):
        if name in NAMED:
            return {"named"}
        known = getattr(functional, name, None)
        return {"function"} if type(known).__name__ == kind else set()
    return {"sizes"} if name in RESHAPED and multiplies(node) else set()


def multiplies(node: Any) -> bool:
    """Whether anything is multiplied in the function that makes a call; True if it cannot be read."""
    parts = reached(*place(node))
    return not parts or any(
        isinstance(part, (ast.BinOp, ast.AugAssign)) and isinstance(part.op, ast.Mult) for part in parts
    )


@cache
def reached(file: str, line: int) -> tuple[ast.AST, ...]:
    """The parts of the innermost function that has a line, and of the functions that it calls.

    PyTorch keeps the line of a `forward`, not those of the functions between it and the call: of those in
    the same file all parts are given.
    """
    whole = [part for part in ast.walk(tree(file)) if isinstance(part, ast.FunctionDef)]
    waiting = [part for part in whole if part.lineno <= line <= (part.end_lineno or 0)][-1:]
    known: dict[str, list[ast.FunctionDef]] = {}
    for part in whole:
        known.setdefault(part.name, []).append(part)
    found: list[ast.AST] = []
    while waiting:
        parts = list(ast.walk(waiting.pop()))
        found += parts
        for call in parts:
            if isinstance(call, ast.Call):
                waiting += known.pop(called(call), [])
    return tuple(found)


def called(call: ast.Call) -> str:
    """The name of a function, or of a method of self, that is called; "" for another."""
    if isinstance(call.func, ast.Name):
        return call.func.id
    of_self = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
    return call.func.attr if of_self and call.func.value.id == "self" else ""  # type: ignore[attr-defined]


def place(node: Any) -> tuple[str, int]:
    """File and line of a call, as the frames of the module's code give it."""
    found = list(_FRAME.finditer(node.meta.get("stack_trace") or ""))
    return (found[-1]["file"], int(found[-1]["line"])) if found else ("", 0)


@cache
def tree(file: str) -> ast.Module:
    """A file's syntax; an empty one where it cannot be read."""
    try:
        return ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return ast.Module(body=[], type_ignores=[])
