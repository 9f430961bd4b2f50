"""How many bytes a value of each dtype takes."""

from __future__ import annotations

from cnncost.errors import known_word

DTYPES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}
"""Bytes of one element."""


def element_bytes(dtype: str) -> int:
    """Bytes of one element. Raises UsageError for an unknown dtype."""
    return DTYPES[known_word("unknown dtype", dtype, DTYPES)]
