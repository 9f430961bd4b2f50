"""Which names mean an import. Imported with every command, so it imports nothing."""

from __future__ import annotations

import os
import re
from typing import Literal, Union

BatchAxis = Union[int, Literal["find"], None]
"""Where inputs have their batch; None: nowhere; "find": first in a module's, in a file's as it says."""

_IMPORT = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*(\.\w+)*\Z")
_OF_FILE = re.compile(r".+\.py:[A-Za-z_]\w*(\.\w+)*\Z")


def is_onnx(name: str) -> bool:
    """Whether a model's name is that of an ONNX file."""
    return name.lower().endswith(".onnx")


def is_import(name: str) -> bool:
    """Whether a name is an ONNX file, `net.py:factory`, or `package.module:factory` and no spec's variant."""
    if is_onnx(name) or _OF_FILE.match(name):
        return True
    file = name.partition(":")[0]
    return bool(_IMPORT.match(name)) and not file.endswith((".yaml", ".yml")) and not os.path.isfile(file)


def is_dotted(name: str) -> bool:
    """Whether a name is that of a thing in a Python module of the current directory: `nets.Net`."""
    parts = name.split(".")
    folder = os.path.join(*parts[:-1]) if len(parts) > 1 else ""
    return all(part.isidentifier() for part in parts) and bool(folder) and os.path.isfile(f"{folder}.py")


WEIGHTS = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".pkl", ".pickle")
"""Files of weights, which do not say what computes with them."""
OTHERS = (
    ".h5", ".keras", ".pb", ".pbtxt", ".tflite", ".mlmodel", ".mlpackage", ".engine", ".plan", ".trt", ".pt2",
    ".cfg", ".weights", ".prototxt", ".caffemodel", ".xml", ".param", ".npz", ".mat", ".ort", ".zip", ".gz",
    ".tar", ".pdf", ".html",
)  # fmt: skip
"""Files of networks of other programs, and what else is no spec."""
_LIBRARY = re.compile(r"(?:hf[-_]hub[:/])?(torchvision|timm)(?:[./:]models)?([./:])([\w.]+)\Z")
"""A library's network as Python, a path or a hub names it."""


def misnamed(name: str) -> str | None:
    """What to say of a name that is a file of another kind than those that are read; None of any other."""
    if "://" in name:
        return (
            f"{name}: nothing is fetched, cnncost never touches the network\n  download it, and name the file"
        )
    if name.endswith((".yaml", ".yml")):
        return None
    found = None if os.path.exists(name) else _LIBRARY.match(name)
    if found is not None and f"{found[1]}:{found[3]}" != name:
        return f"{name}: a library's network is named behind a colon\n  write {found[1]}:{found[3]}"
    file, _, factory = name.partition(":")
    if factory.endswith(")") and "(" in factory:
        called = name.partition("(")[0]
        cure = f"write {called}; its arguments: --set width=4"
        return f"{name}: what makes a network is named without its call\n  {cure}"
    if is_dotted(name) and not name.endswith(".py"):
        module, _, made = name.rpartition(".")
        return f"{name}: what makes a network stands behind a colon\n  write {module}:{made}"
    if factory and not _IMPORT.match(name) and os.path.isfile(f"{file}.py"):
        return f"{name}: no module has that name, but a file\n  write {file}.py:{factory}"
    kind = os.path.splitext(file)[1]
    if kind == ".py":
        if _OF_FILE.match(name):
            return None
        ways = " or ".join(f"{file}:{made}" for made in made_in(file))
        return f"{name}: a file of Python may have several networks; name what makes one\n  write {ways}"
    if kind in WEIGHTS:
        return (
            f"{name}: a file of weights does not say what computes with them, and nothing is unpickled here"
            "\n  name what makes the network, package.module:factory, or export it to ONNX"
        )
    if kind == ".ipynb":
        return f"{name}: a notebook is not read\n  in it: cnncost.analyze(net, (3, 224, 224))"
    if kind in OTHERS:
        cure = "export the network to ONNX, or name what makes it in PyTorch"
        return f"{name}: files {kind} are not read\n  {cure}"
    return None


def made_in(file: str) -> list[str]:
    """What makes a network in a file of Python: the classes that are modules, the last first, at most three.

    The file is read, not run. Net where nothing is found.
    """
    import ast

    try:
        with open(file, "rb") as text:
            tree = ast.parse(text.read(1_000_000))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ["Net"]
    bases = {
        each.name: {ast.unparse(base).rpartition(".")[2] for base in each.bases}
        for each in tree.body
        if isinstance(each, ast.ClassDef)
    }
    modules: list[str] = []
    for name, of in bases.items():
        if of & {"Module", "Sequential", "LightningModule", *modules}:
            modules.append(name)
    return modules[::-1][:3] or ["Net"]
