"""What comes in from outside - numbers of callers, files, JSON, options - checked where it comes in.

Inside, a size is an int and a document is plain and finite; nothing there looks again.
"""

from __future__ import annotations

import functools
import inspect
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

from cnncost.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")

MOST = 2**63 - 1
"""The largest whole number that is read from a file of measurements."""
MOST_WHOLE = 10**30
"""The largest whole number that a caller gives: what is counted of it is still quick to print."""
MOST_RUN = 2**31 - 1
"""The largest batch that is run here, and the most threads: no machine holds as many."""
MOST_REAL = 1e300
"""The largest number that a caller gives: a thousand times as many are still finite."""
MOST_BYTES = 2**26
"""Of a text file: more is no lock, no configuration, no measurement, or a device that never ends."""


def file_bytes(path: Path, most: int) -> bytes:
    """What a file holds. Raises OSError, and UsageError if that is more than `most` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except ValueError:  # a name with a NUL in it
        raise FileNotFoundError(2, "No such file or directory", str(path)) from None
    if len(data) > most:
        raise UsageError(f"{path}: larger than {most:,} bytes, so it is not read")
    return data


def file_text(path: Path, most: int = MOST_BYTES, errors: str = "strict") -> str:
    """The text of a file in UTF-8, with or without a mark in front (BOM), its lines ended by `\\n`.

    Raises OSError, UnicodeDecodeError, and UsageError if it is larger than `most` bytes.
    """
    text = file_bytes(path, most).decode("utf-8-sig", errors)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def integer(value: Any) -> int | None:
    """The int that a whole number is, NumPy's and PyTorch's too; None for a bool, a float, anything else."""
    if isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
        return None
    try:
        return operator.index(value)
    except (TypeError, ValueError):
        return None


def whole_number(what: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """The same of a number that a caller gives. Raises UsageError unless it is one from `least` to `most`.

    `what` names it, with its article: "a batch".
    """
    number = integer(value)
    if number is None:
        raise UsageError(f"{what} is a whole number, not {value!r} ({type(value).__name__})")
    if number < least:
        raise UsageError(f"{what} is at least {least}, not {number}")
    if most is not None and number > most:
        raise UsageError(f"{what} is at most {most:,}")
    return number


def real(value: Any) -> int | float | None:
    """The int or float that a number of any library is; None for a bool, a text, anything else."""
    found: int | None = integer(value)
    of_several = bool(getattr(value, "shape", ()))
    if found is not None or isinstance(value, (bool, str, bytes)) or of_several:
        return found
    if not hasattr(value, "__float__") or "bool" in str(getattr(value, "dtype", "")):
        return None
    return float(value)


def number(what: str, value: Any) -> int | float:
    """The same of a number that a caller gives. Raises UsageError unless it is a finite one."""
    found = real(value)
    if found is None:
        raise UsageError(f"{what} is a number, not {shown(value)} ({type(value).__name__})")
    if not abs(found) <= MOST_REAL:  # not a number, too
        raise UsageError(f"{what} is a finite number, not {shown(value)}")
    return found


def yes_or_no(what: str, value: Any) -> bool:
    """The bool that a value is, NumPy's too. Raises UsageError for anything else: "false" is no False."""
    if not isinstance(value, bool) and type(value).__module__ != "numpy":
        raise UsageError(f"{what} is True or False, not {shown(value)} ({type(value).__name__})")
    if "bool" not in str(getattr(value, "dtype", "bool")):
        raise UsageError(f"{what} is True or False, not {shown(value)} ({type(value).__name__})")
    return bool(value)


def text(what: str, value: Any) -> str:
    """A text; of a dtype or device of PyTorch its name. Raises UsageError for anything else."""
    if type(value).__module__ == "torch" and type(value).__name__ in ("dtype", "device"):
        return str(value).removeprefix("torch.")
    if not isinstance(value, str):
        raise UsageError(f"{what} is a text, not {shown(value)} ({type(value).__name__})")
    return value


def texts(what: str, value: Any) -> tuple[str, ...]:
    """Several texts. Raises UsageError for anything else: one text is not a list of its letters."""
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise UsageError(f"{what} is a list of texts, not {shown(value)} ({type(value).__name__})")
    return tuple([text(f"each of {what}", item) for item in value])


ARGUMENTS: Mapping[str, Callable[[str, Any], Any]] = {
    "int": lambda what, value: whole_number(what, value, least=-MOST_WHOLE, most=MOST_WHOLE),
    "float": number,
    "bool": yes_or_no,
    "str": text,
    "Sequence[str]": texts,
}
"""What is checked of an argument, by its annotation; how large it may be, the room knows that it is for."""


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose arguments pass here first: each becomes what its annotation says, or is refused.

    Numbers of NumPy and PyTorch become Python's, so that nothing wraps around; None is taken where it may be.
    """
    signature = inspect.signature(function)
    checks = {name: _check(parameter.annotation) for name, parameter in signature.parameters.items()}

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:  # too many, too few: Python says it best
            return function(*args, **kwargs)
        for name, value in given.arguments.items():
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                continue  # limits: `limits.py` says how one is written
            if kind is inspect.Parameter.VAR_POSITIONAL:
                given.arguments[name] = tuple([checks[name](f"each of {name}", each) for each in value])
            else:
                given.arguments[name] = checks[name](name, value)
        return function(*given.args, **given.kwargs)

    return called


def _check(annotation: str) -> Callable[[str, Any], Any]:
    """What is done with an argument of an annotation, as it is written: `int | None`."""
    kinds = str(annotation).split(" | ")
    optional = "None" in kinds
    (kind,) = [each for each in kinds if each != "None"][:1] or [""]
    check = ARGUMENTS.get(kind) if len(kinds) == 1 + optional else None

    def argument(what: str, value: Any) -> Any:
        return value if check is None or (optional and value is None) else check(what, value)

    return argument


def parse_json(text: str) -> Any:
    """The document in a JSON text. Raises ValueError, also for what Python would take: NaN and Infinity."""

    def refuse(word: str) -> NoReturn:
        raise ValueError(f"{word} is no number of JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


class Fields:
    """An object of a JSON document, read field by field; UsageError names the field that is wrong."""

    def __init__(self, value: Any, place: str):
        if not isinstance(value, Mapping):
            raise UsageError(f"{place} must be an object, not {shown(value)}")
        self.fields: Mapping[str, Any] = value
        self.place = place

    def _of(self, key: str, fits: Callable[[Any], bool], expected: str, optional: bool) -> Any:
        place = f"{self.place}.{key}"
        if key not in self.fields and not optional:
            raise UsageError(f"{place} is missing; it must be {expected}")
        value = self.fields.get(key)
        if (optional and value is None) or fits(value):
            return value
        raise UsageError(f"{place} must be {expected}, not {shown(value)}")

    def inside(self, key: str) -> Fields:
        """The object at a key."""
        return Fields(self._of(key, lambda value: True, "an object", False), f"{self.place}.{key}")

    def entries(self, key: str) -> list[Fields]:
        """The objects of the list at a key."""
        found: Sequence[Any] = self._of(key, lambda value: isinstance(value, list), "a list", False)
        return [Fields(value, f"{self.place}.{key}[{place}]") for place, value in enumerate(found)]

    def text(self, key: str, optional: bool = False) -> Any:
        """The text at a key."""
        return self._of(key, lambda value: isinstance(value, str), "a text", optional)

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of the list at a key; none if it is not there."""

        def fits(value: Any) -> bool:
            return isinstance(value, list) and all(isinstance(each, str) for each in value)

        return tuple(self._of(key, fits, "a list of texts", True) or ())

    def flag(self, key: str) -> bool:
        """True or false."""
        return bool(self._of(key, lambda value: isinstance(value, bool), "true or false", False))

    def whole(self, key: str, least: int = 0, optional: bool = False) -> Any:
        """The whole number of at most 64 bits at a key."""

        def fits(value: Any) -> bool:
            return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST

        return self._of(key, fits, f"a whole number from {least}", optional)

    def positive(self, key: str, optional: bool = False) -> Any:
        """The finite number above 0 at a key."""

        def fits(value: Any) -> bool:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return False
            return 0 < value <= MOST and isfinite(value)

        return self._of(key, fits, "a number above 0", optional)


def shown(value: Any) -> str:
    """A value in a message, cut short."""
    text = repr(value) if not isinstance(value, (list, Mapping)) else f"a {type(value).__name__}"
    return text if len(text) <= 40 else f"{text[:37]}..."
