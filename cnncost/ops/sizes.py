"""Shapes whose axes have names, and arithmetic on sizes that reads the same for ints, NumPy integer
arrays and traced numbers.

A formula of an operator is written once. Called with ints it fills a table, with arrays it
answers a whole sweep, with `Traced` numbers it prints its own working. So formulas use
`+ - * //`, comparisons only through the helpers here, and never branch on a size.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache, reduce
from math import gcd
from operator import mul
from typing import Any, ClassVar

FREE = "?"
"""The axes of a view, of a learned tensor, of an import's input: whoever reads it says what they are."""

AXES = {
    "N": "batch", "C": "channels", "D": "depth", "H": "height", "W": "width", "L": "length",
}  # fmt: skip
"""A letter per axis, as Keras and ONNX write layouts, and its word."""

MAPS = ("NC", "NCW", "NCHW", "NCDHW")
"""The layouts of vectors and of maps of one, two and three axes of space, channels first as in PyTorch."""


class Shape(tuple[int, ...]):
    """A tensor's sizes and what its axes are: "NCHW", "NLC" (tokens), "NC" (a vector), or free ("?").

    It equals a plain tuple of the same sizes, and a plain tuple is a free shape. There is one class per
    layout, made by `layout`, so that a shape costs what a tuple costs.
    """

    __slots__ = ()
    axes: ClassVar[str] = FREE
    places: ClassVar[dict[str, int]] = {}  #: of every letter where it stands

    def __reduce__(self) -> tuple[Any, ...]:
        return shaped, (self.axes, tuple(self))

    @property
    def batch(self) -> int:
        """How many images; of a free shape the first size."""
        return self[self.places.get("N", 0)]

    @property
    def channels(self) -> int:
        """Number of channels. Raises KeyError for a shape that has none."""
        return self[self.places["C"]]

    @property
    def space(self) -> tuple[int, ...]:
        """Sizes of the axes that are neither batch nor channels, in their order; none of a free shape."""
        if self.axes == FREE:
            return ()
        return tuple([size for letter, size in zip(self.axes, self, strict=True) if letter not in "NC"])


@cache
def layout(axes: str) -> type[Shape]:
    """The class of the shapes with these axes, a letter each ("NCHW"); "?" for free ones."""
    if axes == FREE:
        return Shape
    places = {letter: place for place, letter in enumerate(axes)}
    return type(f"Shape{axes}", (Shape,), {"__slots__": (), "axes": axes, "place": places})


def shaped(axes: str, sizes: Iterable[int]) -> Shape:
    """A shape with its axes: shaped("NCHW", (1, 3, 224, 224))."""
    return layout(axes)(sizes)


def axes_of(shape: tuple[int, ...]) -> str:
    """The letters of a shape's axes, "?" if they are free."""
    return shape.axes if isinstance(shape, Shape) else FREE


def resized(shape: tuple[int, ...], sizes: Iterable[int]) -> Shape:
    """Other sizes of the same axes."""
    return type(shape)(sizes) if isinstance(shape, Shape) else Shape(sizes)


def free(sizes: Iterable[int]) -> Shape:
    """A shape whose axes nobody has named."""
    return Shape(sizes)


def without(shape: tuple[int, ...], axes: Collection[int]) -> Shape:
    """A shape without some of its axes, the names of the others kept."""
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    letters = axes_of(shape)
    names = letters if letters == FREE else "".join(letters[axis] for axis in kept)
    return shaped(names or FREE, [shape[axis] for axis in kept])


def named(shapes: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The first of some shapes whose axes have names, else the first."""
    shapes = list(shapes)
    return next((shape for shape in shapes if axes_of(shape) != FREE), shapes[0])


def elements(shape: tuple[int, ...]) -> int:
    """Number of elements of a tensor, the batch included; 1 of a number."""
    return reduce(mul, shape) if shape else 1


def with_batch(shape: tuple[int, ...], batch: int) -> tuple[int, ...]:
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


def same(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two shapes agree (for arrays: everywhere)."""
    return len(a) == len(b) and all(holds(one == other) for one, other in zip(a, b, strict=True))


def holds(condition: Any) -> bool:
    """True if a comparison holds, for arrays: everywhere."""
    return condition if isinstance(condition, bool) else bool(condition.all())
