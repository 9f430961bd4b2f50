"""What is varied: the axes of a space of settings, as people write them.

width=0.25..1.4:0.05      a parameter, from, to (included) and step
depth=2,3,4               a parameter, value by value
depths[1]=2,3,4           one element of a list
depths[*]=2,3,4           every element of it, each an axis of its own
input=128..256:32         the height and width of the input
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

from cnncost.errors import UsageError, did_you_mean
from cnncost.language.family import Family, Variant
from cnncost.language.instance import parameters

MOST_VALUES = 1_000_000
"""Of one axis."""
MOST_DIGITS = 100
"""Of one number, before its point or behind it."""
INPUT = "input"
_PATH = re.compile(r"(\w+)((?:\[(?:\d{1,4}|\*)\])*)\Z")
_RANGE = re.compile(r"(-?[\d.]+)\s*\.\.\s*(-?[\d.]+)(?:\s*:\s*(-?[\d.]+))?\Z")


class VariedAxis(NamedTuple):
    """One thing that is varied."""

    name: str  #: as the results call it: width, depths[1], input
    parameter: str  #: of the spec, or `INPUT`
    place: tuple[int, ...]  #: in a list; (): the whole
    values: tuple[Any, ...]


class Space(NamedTuple):
    """All settings: every combination of the values of its axes."""

    family: Family
    variant: Variant | None
    axes: tuple[VariedAxis, ...]
    base: dict[str, Any]  #: the parameters that the axes start from

    @property
    def size(self) -> int:
        """How many settings there are."""
        return prod(len(axis.values) for axis in self.axes)

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
                whole = changed.setdefault(axis.parameter, _copied(self.base[axis.parameter]))
                for place in axis.place[:-1]:
                    whole = whole[place]
                whole[axis.place[-1]] = value
        return changed, size


def space(family: Family, variant: Variant | None, texts: Sequence[str]) -> Space:
    """The space that `--vary` options describe. Raises UsageError for one that describes no axis."""
    if not texts:
        raise UsageError("search needs something to vary\n  for example: --vary width=0.5..1.5:0.25")
    base = parameters(family, variant)
    axes = [axis for text in texts for axis in _axes(family, base, text)]
    seen: set[str] = set()
    for axis in axes:
        if axis.name in seen or (axis.place and axis.parameter in seen):
            raise UsageError(f"--vary varies {axis.name} twice")
        seen.add(axis.name)
    return Space(family, variant, tuple(axes), base)


def _axes(family: Family, base: Mapping[str, Any], text: str) -> list[VariedAxis]:
    path, equals, written = text.partition("=")
    match = _PATH.match(path.strip())
    if not equals or not written.strip():
        raise UsageError(f"--vary {text!r} is not axis=values\n  for example: --vary width=0.5..1.5:0.25")
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
    indices = re.findall(r"\d+|\*", match[2])
    return [
        VariedAxis(name + "".join(f"[{place}]" for place in places), name, places, values)
        for places in _places(path.strip(), base[name], indices)
    ]


def _places(path: str, value: Any, indices: Sequence[str]) -> list[tuple[int, ...]]:
    """The elements that indices stand for."""
    if not indices:
        return [()]
    if not isinstance(value, (list, tuple)):
        raise UsageError(
            f"--vary {path!r}: {value!r} is not a list\n  vary it whole: --vary {path.partition('[')[0]}=..."
        )
    first, rest = indices[0], indices[1:]
    places = range(len(value)) if first == "*" else [int(first)]
    if places and places[-1] >= len(value):
        raise UsageError(f"--vary {path!r}: there are {len(value)} elements, counted from 0")
    return [(place, *more) for place in places for more in _places(path, value[place], rest)]


def values_of(text: str, written: str, size: bool = False) -> tuple[Any, ...]:
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
            first, last = Fraction(match[1]), Fraction(match[2])
            step = Fraction(match[3]) if match[3] else Fraction(1)
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
        count = int((last - first) / step) + 1
        if count > MOST_VALUES:
            raise UsageError(
                f"--vary {text!r} has {count:,} values; an axis has at most {MOST_VALUES:,}\n"
                "  take a larger step"
            )
        whole = all(part is None or part.lstrip("-").isdecimal() for part in match.groups())
        found = tuple(
            [int(first + step * place) if whole else float(first + step * place) for place in range(count)]
        )
    else:
        if ".." in written:
            raise UsageError(f"--vary {text!r} is not a range\n  write from..to:step, as 0.5..1.5:0.25")
        parts = [part.strip() for part in written.split(",")]
        if not all(parts):
            raise UsageError(f"--vary {text!r} has an empty value\n  write 2,3,4")
        found = tuple([_value(part, size) for part in parts])
        if len({str(value) for value in found}) < len(found):
            raise UsageError(f"--vary {text!r} has a value twice")
    if size and not all(_is_size(value) for value in found):
        raise UsageError(
            f"--vary {text!r}: an input is whole numbers from 1\n  for example: input=128..256:32"
        )
    return found


def _is_size(value: Any) -> bool:
    sizes = value if isinstance(value, tuple) else (value,)
    return all(isinstance(each, int) and each > 0 for each in sizes)


def _value(part: str, size: bool) -> Any:
    if re.fullmatch(r"-?\d+", part):
        return int(part)
    if size and re.fullmatch(r"\d+(x\d+)+", part):
        return tuple(map(int, part.split("x")))
    try:
        return float(part)
    except ValueError:
        return {"true": True, "false": False}.get(part, part)


def _copied(value: Any) -> Any:
    return [_copied(item) for item in value] if isinstance(value, (list, tuple)) else value
