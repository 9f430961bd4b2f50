"""The kinds of arguments: from what a spec or a caller gives to what the formulas read.

Each kind has one function that normalises a plain value or says what it expected, and one
fragment of JSON Schema. A new kind is one entry in `KINDS`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from cnncost.errors import OperatorError, did_you_mean

PerAxis = int | tuple[int, ...]
"""A number for all axes of a map's space, or one for each: (height, width)."""
Padding = int | tuple[int, ...] | str
"""A number for all sides, one per axis, before and after of each axis (top, bottom, left, right), or
"same": TensorFlow's rule, the odd pixel after."""
Sizes = tuple[int, ...]
"""A list of whole numbers, or one."""
Label = str
"""The name that a step gave its output with `as`."""
Table = tuple[tuple[int, ...], ...]
"""For every output map the input maps it sees (LeNet-5's C3)."""


class Expected(Exception):
    """A value is not of its kind: what was expected, and how the value is shown if not as it is written."""

    def __init__(self, what: str, shown: str | None = None):
        super().__init__(what)
        self.what = what
        self.shown = shown


def whole(value: Any) -> int:
    """An integer; a float with an integral value counts, a bool does not."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, float):
        raise Expected("a whole number", f"{value:g}")
    raise Expected("a whole number")


def number(value: Any) -> float:
    """A number, whole or not, that a float can hold."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if abs(value) > sys.float_info.max or value != value:
            raise Expected("a finite number")
        return value
    raise Expected("a number")


def truth(value: Any) -> bool:
    """true or false."""
    if isinstance(value, bool):
        return value
    raise Expected("true or false")


def word(value: Any) -> str:
    """A word."""
    if isinstance(value, str):
        return value
    raise Expected("a word")


MOST_AXES = 3
"""Of a map's space."""


def per_axis(value: Any) -> PerAxis:
    """A whole number for all axes, or a list of one for each."""
    expected = "a whole number, or one per axis such as [height, width]"
    if isinstance(value, (list, tuple)):
        if not 1 <= len(value) <= MOST_AXES:
            raise Expected(expected)
        return tuple([whole(size) for size in value])
    try:
        return whole(value)
    except Expected as error:
        raise Expected(expected, error.shown) from None


def padding(value: Any) -> Padding:
    """A number, one per axis, before and after of each, or same."""
    if value == "same":
        return "same"
    if isinstance(value, (list, tuple)) and len(value) in (1, 2, 3, 4, 6):
        return tuple([whole(side) for side in value])
    try:
        return whole(value)
    except Expected:
        raise Expected(
            "a whole number, one per axis, before and after of each ([top, bottom, left, right]) or same"
        ) from None


def sizes(value: Any) -> tuple[int, ...]:
    """A list of whole numbers, or one."""
    if isinstance(value, (list, tuple)):
        return tuple(whole(size) for size in value)
    return (whole(value),)


def table(value: Any) -> Table:
    """A list of lists of whole numbers."""
    if isinstance(value, (list, tuple)) and all(isinstance(row, (list, tuple)) for row in value):
        return tuple(tuple(whole(size) for size in row) for row in value)
    raise Expected("a list of lists: for every output map the input maps it sees")


class Kind(NamedTuple):
    """How one kind of argument is read, and described to an editor."""

    read: Callable[[Any], Any]
    schema: dict[str, Any]


_EXPRESSION = {"type": "string"}
_WHOLE = {"anyOf": [{"type": "integer"}, _EXPRESSION]}
_LIST = {"type": "array", "items": _WHOLE}

KINDS: dict[str, Kind] = {
    "int": Kind(whole, _WHOLE),
    "float": Kind(number, {"anyOf": [{"type": "number"}, _EXPRESSION]}),
    "bool": Kind(truth, {"anyOf": [{"type": "boolean"}, _EXPRESSION]}),
    "str": Kind(word, {"type": "string"}),
    "Label": Kind(word, {"type": "string"}),
    "PerAxis": Kind(per_axis, {"anyOf": [_WHOLE, {**_LIST, "minItems": 1, "maxItems": MOST_AXES}]}),
    "Padding": Kind(padding, {"anyOf": [_WHOLE, {**_LIST, "minItems": 1, "maxItems": 2 * MOST_AXES}]}),
    "Sizes": Kind(sizes, {"anyOf": [_WHOLE, _LIST]}),
    "Table": Kind(table, {"anyOf": [{"type": "array", "items": _LIST}, _EXPRESSION]}),
}


def read(
    operator: str,
    name: str,
    kind: str,
    value: Any,
    choices: tuple[str, ...] = (),
    minimum: int | None = None,
) -> Any:
    """The normalised value of one argument; OperatorError says what was expected.

    An optional kind ("PerAxis | None") accepts None.
    """
    plain, _, optional = kind.partition(" | ")
    if value is None and optional:
        return None
    try:
        result = KINDS[plain].read(value)
    except Expected as error:
        raise OperatorError(
            f"{operator}: {name} must be {error.what}, not {error.shown or show(value)}",
            argument=name,
        ) from None
    if choices and result not in choices:
        raise OperatorError(
            f"{operator}: {name} must be one of {', '.join(choices)}, not {show(value)}",
            argument=name,
            cure=did_you_mean(str(value), choices),
        )
    if minimum is not None and result != "same":
        for size in result if isinstance(result, tuple) else (result,):
            if size < minimum:
                least = "positive" if minimum == 1 else f"at least {minimum}"
                raise OperatorError(f"{operator}: {name} must be {least}, not {size}", argument=name)
    return result


def show(value: Any) -> str:
    """A value as a spec writes it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(show(item) for item in value) + "]"
    return str(value)
