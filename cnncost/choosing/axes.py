"""What is varied: the axes of a space of settings, as people write them.

width=0.25..1.4:0.05      a parameter, from, to (included) and step
depth=2,3,4               a parameter, value by value
depths[1]=2,3,4           one element of a list
depths[*]=2,3,4           every element of it, each an axis of its own
stages[2].kernel=3,5,7    a key of one row of a list of mappings
stages[*].kernel=3,5,7    of every row, each an axis of its own
input=128..256:32         the height and width of the input
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple, Union

from cnncost import units
from cnncost.errors import UsageError, did_you_mean, known_word
from cnncost.language.family import Family, Given, Variant
from cnncost.language.instance import given_of, parameters
from cnncost.language.rows import TableRow

MOST_VALUES = 10**12
"""Of one axis."""
MOST_LISTED = 1_000_000
"""Values of a range that are written down; of a longer one only its ends."""
MOST_DIGITS = 100
"""Of one number, before its point or behind it."""
INPUT = "input"
_PATH = re.compile(r"(\w+)((?:\[(?:\d{1,4}|\*)\]|\.\w+)*)\Z")
_PART = re.compile(r"\[(\d+|\*)\]|\.(\w+)")
_NUMBER = r"(-?[\d.]+[kMG]?)"
_RANGE = re.compile(rf"{_NUMBER}\s*\.\.\s*{_NUMBER}(?:\s*:\s*{_NUMBER})?\Z")


ValuePlace = tuple[Union[int, str], ...]
"""Where a value stands: elements of lists by their number, of rows by their key."""


class ValueRange(Sequence[Any]):
    """The values of a range, each found when it is asked for: ints, or floats if a number has a point."""

    def __init__(self, first: Fraction, step: Fraction, count: int, whole: bool):
        self.first, self.step, self.length, self.whole = first, step, count, whole

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(self.length)[place]]
        value = self.first + self.step * range(self.length)[place]
        return int(value) if self.whole else float(value)


class VariedAxis(NamedTuple):
    """One thing that is varied."""

    name: str  #: as the results call it: width, depths[1], stages[2].kernel, input
    parameter: str  #: of the spec, or `INPUT`
    place: ValuePlace  #: in a list, in a row; (): the whole
    values: Sequence[Any]

    @property
    def of_every_type(self) -> Sequence[Any]:
        """Values with every type, the least and the greatest among them: all, or the ends of a range."""
        return self.values if isinstance(self.values, tuple) else (self.values[0], self.values[-1])


class Space(NamedTuple):
    """All settings: every combination of the values of its axes."""

    family: Family
    variant: Variant | None
    axes: tuple[VariedAxis, ...]
    base: dict[str, Any]  #: the parameters that the axes start from
    written: dict[str, Any]  #: these as the spec writes them: an element may be the text of an expression

    @property
    def size(self) -> int:
        """How many settings there are."""
        return prod(len(axis.values) for axis in self.axes)

    @property
    def code_type(self) -> str:
        """The NumPy type of places among the values."""
        return "int64" if any(len(axis.values) > 2**31 for axis in self.axes) else "int32"

    def setting(self, codes: Sequence[int]) -> dict[str, Any]:
        """The values of a setting, by axis; `codes` are places among the values."""
        return {axis.name: axis.values[code] for axis, code in zip(self.axes, codes, strict=True)}

    def overrides(self, setting: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[int, ...] | None]:
        """What `load(set=, input=)` takes for the values of some axes."""
        changed: dict[str, Any] = {}
        size: tuple[int, ...] | None = None
        for axis in self.axes:
            if axis.name not in setting:
                continue
            value = setting[axis.name]
            if axis.parameter == INPUT:
                size = value if isinstance(value, tuple) else (value,)
            elif not axis.place:
                changed[axis.parameter] = value
            else:
                if axis.parameter not in changed:
                    changed[axis.parameter] = _plain(self.written[axis.parameter])
                part = changed[axis.parameter]
                for each in axis.place[:-1]:
                    part = part[each]
                part[axis.place[-1]] = value
        return changed, size


def space(family: Family, variant: Variant | None, texts: Sequence[str]) -> Space:
    """The space that `--vary` options describe. Raises UsageError for one that describes no axis."""
    if not texts:
        raise UsageError(
            "search needs something to vary",
            cure="for example: --vary input=128..256:32",
            more=f"axes: {', '.join([INPUT, *family.params])}",
        )
    base = parameters(family, variant)
    axes = [axis for text in texts for axis in _axes(family, base, text)]
    for number, axis in enumerate(axes):
        for other in axes[:number]:
            shorter = min(len(axis.place), len(other.place))
            if axis.parameter == other.parameter and axis.place[:shorter] == other.place[:shorter]:
                raise UsageError(f"--vary varies {axis.name} twice")
    written = {name: as_written(given, base[name]) for name, given in given_of(family, variant).items()}
    return Space(family, variant, tuple(axes), base, written)


def as_written(given: Given, value: Any) -> Any:
    """A parameter with its expressions as text, so that one element can be replaced and the rest still read
    what they read; `value` is what it stands for. A row is a dict."""
    if given.entries is not None:
        return {key: as_written(part, value.values[key]) for key, part in given.entries.items()}
    if given.items is not None:
        return [as_written(item, each) for item, each in zip(given.items, value, strict=True)]
    if given.expression is None or isinstance(value, (list, tuple)):  # another list, by its name
        return _plain(value)
    return str(getattr(given.node, "text", value))


def _plain(value: Any) -> Any:
    """A copy, rows as dicts."""
    if isinstance(value, TableRow):
        value = value.values
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _axes(family: Family, base: Mapping[str, Any], text: str) -> list[VariedAxis]:
    path, equals, written = text.partition("=")
    match = _PATH.match(path.strip())
    if not equals or not written.strip():
        raise UsageError(f"--vary {text!r} is not axis=values\n  for example: --vary input=128..256:32")
    known = [INPUT, *family.params]
    name = match[1] if match else path.strip()
    if match is None or name not in known:
        cure = did_you_mean(re.split(r"\W", name)[0], known)
        raise UsageError(
            f"--vary {path.strip()!r} is no axis of {family.name}" + (f": {cure}" if cure else ""),
            more=f"axes: {', '.join(known)}",
        )
    values = values_of(text, written.strip(), size=name == INPUT)
    if not match[2]:
        return [VariedAxis(name, name, (), values)]
    if name == INPUT:
        raise UsageError(
            f"--vary {path.strip()!r}: the input has no elements\n  write input=128,160 or input=128x160"
        )
    parts: list[int | str] = [
        key or (index if index == "*" else int(index)) for index, key in _PART.findall(match[2])
    ]
    return [
        VariedAxis(written_place(name, places), name, places, values)
        for places in _places(path.strip(), base[name], parts)
    ]


def written_place(name: str, place: ValuePlace) -> str:
    """A place as people write it: stages[2].kernel."""
    return name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)


def _places(path: str, value: Any, parts: Sequence[int | str]) -> list[ValuePlace]:
    """The places that a path stands for. Raises UsageError for one that is not there."""
    if not parts:
        if isinstance(value, TableRow):
            raise UsageError(
                f"--vary {path!r} is a row\n  vary a key of it: --vary '{path}.{value.keys[0]}=...'"
            )
        return [()]
    first, rest = parts[0], parts[1:]
    if isinstance(first, str) and first != "*":
        if not isinstance(value, TableRow):
            listed = path.replace(f".{first}", f"[*].{first}", 1)
            cure = f"\n  of every element: --vary '{listed}=...'" if isinstance(value, (list, tuple)) else ""
            raise UsageError(f"--vary {path!r}: {_shown(value)} has no key {first!r}{cure}")
        known_word(f"--vary {path!r}: no key", first, value.keys, "keys")
        return [(first, *more) for more in _places(path, value.values[first], rest)]
    if not isinstance(value, (list, tuple)):
        whole = path.rpartition("[")[0]
        raise UsageError(
            f"--vary {path!r}: {_shown(value)} is not a list\n  vary it whole: --vary {whole}=..."
        )
    places = range(len(value)) if first == "*" else [int(first)]
    if not places:
        raise UsageError(f"--vary {path!r}: the list is empty")
    if places[-1] >= len(value):
        raise UsageError(f"--vary {path!r}: there are {len(value)} elements, counted from 0")
    return [(place, *more) for place in places for more in _places(path, value[place], rest)]


def _shown(value: Any) -> str:
    return (
        "a row"
        if isinstance(value, TableRow)
        else "a list"
        if isinstance(value, (list, tuple))
        else repr(value)
    )


def values_of(text: str, written: str, size: bool = False) -> Sequence[Any]:
    """The values of an axis. Raises UsageError for a range that is none, empty, backwards or too long,
    and for a number that nothing has so much of.
    """
    if re.search(rf"\d{{{MOST_DIGITS + 1}}}", written):
        axis = text.partition("=")[0]
        raise UsageError(
            f"--vary {axis[:MOST_DIGITS]!r} has a number of more than {MOST_DIGITS} digits"
            "\n  write a smaller one"
        )
    match = _RANGE.match(written)
    if match:
        try:
            first, last, step = [_fraction(part or "1") for part in match.groups()]
        except (ValueError, ZeroDivisionError):
            raise UsageError(
                f"--vary {text!r} is not a range\n  write from..to:step, as 0.5..1.5:0.25"
            ) from None
        if step <= 0:
            raise UsageError(
                f"--vary {text!r}: the step is {match[3]}, so that nothing ends it\n  write one above 0"
            )
        if last < first:
            raise UsageError(
                f"--vary {text!r} goes backwards\n  write {match[2]}..{match[1]}"
                + (f":{match[3]}" if match[3] else "")
            )
        if match[3] is None and (first.denominator > 1 or last.denominator > 1):
            raise UsageError(
                f"--vary {text!r} has no step\n  write {match[1]}..{match[2]}:0.25, or {match[1]},{match[2]}"
            )
        count = int((last - first) / step) + 1
        if count > MOST_VALUES:
            raise UsageError(
                f"--vary {text!r} has {count:,} values; an axis has at most {MOST_VALUES:,}\n"
                "  take a larger step"
            )
        whole = all("." not in (part or "") for part in match.groups())
        listed = ValueRange(first, step, count, whole)
        found: Sequence[Any] = tuple(listed) if count <= MOST_LISTED else listed
    else:
        dashed = re.fullmatch(r"\s*([\d.]+)\s*(?:-|to)\s*([\d.]+)\s*(:[\d.]+)?\s*", written)
        if ".." in written or dashed:
            cure = "from..to:step, as 0.5..1.5:0.25" if not dashed else f"{dashed[1]}..{dashed[2]}"
            written_step = (dashed[3] or (":0.25" if "." in written else "")) if dashed else ""
            raise UsageError(f"--vary {text!r} is not a range\n  write {cure}{written_step}")
        parts = [part.strip() for part in written.split(",")]
        if not all(parts):
            raise UsageError(f"--vary {text!r} has an empty value\n  write 2,3,4")
        found = tuple([_value(part, size) for part in parts])
        if len({str(value) for value in found}) < len(found):
            raise UsageError(f"--vary {text!r} has a value twice")
    if size and not all(_is_size(value) for value in VariedAxis(INPUT, INPUT, (), found).of_every_type):
        raise UsageError(
            f"--vary {text!r}: an input is whole numbers from 1\n  for example: input=128..256:32"
        )
    return found


def _fraction(text: str) -> Fraction:
    """A number, which may have a prefix: 1k. Raises ValueError for anything else."""
    sizes = {unit.symbol: int(unit.size) for unit in units.COUNTS if unit.symbol}
    return Fraction(text.rstrip("kMG")) * sizes.get(text[-1:], 1)


def _is_size(value: Any) -> bool:
    sizes = value if isinstance(value, tuple) else (value,)
    return all(isinstance(each, int) and each > 0 for each in sizes)


def _value(part: str, size: bool) -> Any:
    if re.fullmatch(r"-?\d+", part):
        return int(part)
    if size and re.fullmatch(r"\d+(x\d+)+", part):
        return tuple(map(int, part.split("x")))
    if re.fullmatch(r"-?\d+[kMG]", part):
        return int(_fraction(part))
    try:
        return float(part)
    except ValueError:
        return {"true": True, "false": False}.get(part, part)
