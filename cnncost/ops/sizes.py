"""Arithmetic on sizes that reads the same for ints, NumPy integer arrays and traced numbers.

A formula of an operator is written once. Called with ints it fills a table, with arrays it
answers a whole sweep, with `Traced` numbers it prints its own working. So formulas use
`+ - * //`, comparisons only through the helpers here, and never branch on a size.
"""

from __future__ import annotations

from functools import reduce
from math import gcd
from operator import mul
from typing import Any

Shape = tuple[int, ...]
"""A tensor's shape, batch first: (N, C, H, W), (N, F) or (N, L, F)."""


def elements(shape: Shape) -> int:
    """Number of elements of a tensor, the batch included; 1 of a number."""
    return reduce(mul, shape) if shape else 1


def with_batch(shape: Shape, batch: int) -> Shape:
    """A shape in which -k stands for k times the batch."""
    return tuple(size if size >= 0 else batch if size == -1 else -size * batch for size in shape)


def maximum(a: int, b: int) -> int:
    """The larger of two sizes, element by element for arrays."""
    if isinstance(a, int) and isinstance(b, int):
        return a if a >= b else b
    import numpy as np

    return np.maximum(a, b)


def minimum(a: int, b: int) -> int:
    """The smaller of two sizes, element by element for arrays."""
    if isinstance(a, int) and isinstance(b, int):
        return a if a <= b else b
    import numpy as np

    return np.minimum(a, b)


def greatest_divisor(a: int, b: int) -> int:
    """The greatest common divisor of two sizes, element by element for arrays."""
    if isinstance(a, int) and isinstance(b, int):
        return gcd(a, b)
    import numpy as np

    return np.gcd(a, b)


def ceil_div(a: int, b: int) -> int:
    """ceil(a / b) in integers."""
    return -(-a // b)


def same(a: Shape, b: Shape) -> bool:
    """Whether two shapes agree (for arrays: everywhere)."""
    return len(a) == len(b) and all(holds(one == other) for one, other in zip(a, b, strict=True))


def holds(condition: Any) -> bool:
    """True if a comparison holds, for arrays: everywhere."""
    return condition if isinstance(condition, bool) else bool(condition.all())
