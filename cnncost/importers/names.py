"""Which names mean an import. Imported with every command, so it imports nothing."""

from __future__ import annotations

import os
import re

_IMPORT = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*(\.\w+)*\Z")


def is_onnx(name: str) -> bool:
    """Whether a model's name is that of an ONNX file."""
    return name.lower().endswith(".onnx")


def is_import(name: str) -> bool:
    """Whether a model's name is an ONNX file, or `package.module:factory` and no variant of a spec file."""
    if is_onnx(name):
        return True
    file = name.partition(":")[0]
    return bool(_IMPORT.match(name)) and not file.endswith((".yaml", ".yml")) and not os.path.isfile(file)
