"""Which names mean an import. Imported with every command, so it imports nothing."""

from __future__ import annotations

import os
import re

_IMPORT = re.compile(r"[A-Za-z_]\w*(\.\w+)*:[A-Za-z_]\w*(\.\w+)*\Z")


def is_import(name: str) -> bool:
    """Whether a model's name is `package.module:factory` and not a variant of a spec file."""
    file = name.partition(":")[0]
    return bool(_IMPORT.match(name)) and not file.endswith((".yaml", ".yml")) and not os.path.isfile(file)
