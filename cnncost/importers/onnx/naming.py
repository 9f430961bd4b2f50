"""What a node is called: the module it comes from, as exporters write that down, and in messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cnncost.importers.building import clean, is_layer

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
LONGEST = 10_000
"""Characters of what is written of a node."""


def scope(node: Any) -> tuple[str, str | None]:
    """(path of the module that a node stands in, the module's class if the file says it).

    PyTorch's newer exporter keeps both beside the node, its older one writes scopes into the name:
    /layer1/layer1.0/conv1/Conv. So does TensorFlow.
    """
    told = {entry.key: entry.value for entry in node.metadata_props}
    if SCOPES in told:
        paths, classes = _texts(told[SCOPES]), _texts(told.get(CLASSES, ""))
        if len(paths) > 1:
            return paths[-2], classes[-2] if len(classes) == len(paths) else ""
        return "", ""
    parts = [part for part in node.name.split("/") if part]
    if "/" in node.name:
        return nested(parts[:-1]), None
    if not parts or re.fullmatch(rf"(node_)?{node.op_type}_?\d*", parts[0], re.IGNORECASE):
        return "", None
    return parts[0], None


def one_module(nodes: Sequence[Any]) -> bool:
    """Whether the file says that nodes are calls of one module: the second call of norm stands in norm_1.

    One call is none: an untrained batch norm reads one tensor of zeros as its shift and as its mean.
    """
    if len({node.output[0] for node in nodes}) < 2:
        return False
    paths = {scope(node)[0] for node in nodes}
    firsts = {re.sub(r"_\d+$", "", path) if path else "" for path in paths}
    return len(firsts) == 1 and firsts <= paths and "" not in paths


def called(modules: Mapping[int, tuple[str, str | None]], names: Sequence[str]) -> Iterable[tuple[int, str]]:
    """Every node and what it is called before names are made unique: its module, or the operator in it.

    `modules` has every node's module and its class, if that is known, `names` the operators of all nodes.
    Where the file does not say what a module is, one that does a single thing is a layer.
    """
    inside: dict[str, set[str]] = {}
    for index, (module, _) in modules.items():
        inside.setdefault(module, set()).add(names[index])
        while "." in module:
            module = module.rpartition(".")[0]
            inside.setdefault(module, set()).update(("", "."))  # a block
    for index, (module, kind) in modules.items():
        first = re.sub(r"_\d+$", "", module)  # relu_1 is the second call of relu
        if kind is None and inside[module] == inside.get(first):
            module = first
        alone = len(inside[module]) == 1 if kind is None else is_layer(kind)
        yield index, (module if alone else f"{module}.{names[index]}") if module else names[index]


def _texts(written: str) -> list[str]:
    """The texts of a list as Python writes it; none if it is something else."""
    if len(written) > LONGEST:
        return []
    try:
        found = ast.literal_eval(written)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return []
    return found if isinstance(found, list) and all(isinstance(each, str) for each in found) else []


def nested(parts: list[str]) -> str:
    """Scopes as a path: layer1, layer1.0, conv1 are layer1.0.conv1."""
    path: list[str] = []
    for part in parts:
        if path and part.startswith(f"{path[-1]}."):
            path[-1] = part
        else:
            path.append(part)
    return ".".join(path)


def stored_path(name: str) -> str:
    """A stored tensor's name as a node's."""
    return clean(name.strip("/").replace("/", "."))


def operator(node: Any) -> str:
    """An operator's name, with its domain if it is not ONNX's own."""
    return f"{node.domain}::{node.op_type}" if node.domain not in ("", "ai.onnx") else str(node.op_type)


def described(node: Any) -> str:
    """A node as a message names it."""
    return f"node {node.name or node.output[0]!r} ({operator(node)})"
