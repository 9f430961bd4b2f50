"""What the parameters of a spec are where axes change them: their values, and which every setting has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.choosing.axes import INPUT, Space, VariedAxis
from cnncost.choosing.counting import first_line
from cnncost.choosing.states import grouped
from cnncost.errors import CnncostError, UsageError
from cnncost.language.instance import given_of, resolve
from cnncost.language.rows import with_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Refusals:
    """Why settings cannot be, each reason once, so that an array of settings has its place."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """The place of a reason."""
        found = self.places.setdefault(text, len(self.texts))
        if found == len(self.texts):
            self.texts.append(text)
        return found


class Varied(NamedTuple):
    """A parameter that some axes change: its values, and which a setting has."""

    axes: tuple[int, ...]
    values: list[Any]
    known: dict[tuple[int, ...], int]  #: by the places of these axes
    places: dict[tuple[type, str], int]  #: of values, equal ones of different types apart


class Parameters:
    """The parameters of a space that its axes change; each value is found once."""

    def __init__(self, space: Space, refusals: Refusals):
        self.space = space
        self.refusals = refusals
        self.varied = {name: Varied(axes, [], {}, {}) for name, axes in _depends(space).items() if axes}
        given = given_of(space.family, space.variant)
        own = {name: [axis for axis in space.axes if axis.parameter == name] for name in given}
        #: those that are what their own axes say, and read no other
        self.constant = {
            name
            for name, axes in own.items()
            if axes and (given[name].is_constant or not all(axis.place for axis in axes))
        }

    def forget(self, most: int) -> None:
        """Forget the values of parameters of which more than so many are known."""
        for varied in self.varied.values():
            if len(varied.known) > most:
                for known in (varied.known, varied.places, varied.values):
                    known.clear()

    def values(self, codes: Sequence[int]) -> dict[str, Any]:
        """All parameters of one setting. Raises UsageError for one that cannot be."""
        params = dict(self.space.base)
        for name, varied in self.varied.items():
            place = self._place(name, tuple([int(codes[axis]) for axis in varied.axes]))
            if place < 0:
                raise UsageError(self.refusals.texts[-1 - place])
            params[name] = varied.values[place]
        return params

    def columns(self, codes: NDArray[Any], reasons: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Which of its values every parameter has in every setting; why there is none goes to `reasons`."""
        return {name: self._column(name, codes, reasons) for name in self.varied}

    def _column(self, name: str, codes: NDArray[Any], reasons: NDArray[Any]) -> NDArray[Any]:
        import numpy as np

        axes = self.varied[name].axes
        inverse, first = grouped([(codes[:, axis], len(self.space.axes[axis].values)) for axis in axes])
        keys = [tuple([int(codes[row, axis]) for axis in axes]) for row in first]
        found = np.array([self._place(name, key) for key in keys], dtype=np.int64)
        places: NDArray[Any] = found[inverse]
        refused = np.flatnonzero(places < 0)
        reasons[refused] = np.maximum(reasons[refused], -places[refused] - 1)
        kept: NDArray[Any] = np.maximum(places, 0)
        return kept

    def _place(self, name: str, key: tuple[int, ...]) -> int:
        """The place of a parameter's value for some places on its axes; -1 - a reason if there is none."""
        varied = self.varied[name]
        place = varied.known.get(key)
        if place is None:
            place = varied.known[key] = self._value(name, varied, key)
        return place

    def _value(self, name: str, varied: Varied, key: tuple[int, ...]) -> int:
        space = self.space
        setting = {
            space.axes[axis].name: space.axes[axis].values[code]
            for axis, code in zip(varied.axes, key, strict=True)
        }
        changed = space.overrides(setting)[0]
        try:
            if name in self.constant and all(_whole(space.axes[axis]) for axis in varied.axes):
                value = with_rows(changed[name])  # as it is written: no other parameter is read
            else:
                value = resolve(space.family, given_of(space.family, space.variant, changed))[name]
        except CnncostError as error:
            return -1 - self.refusals.place(first_line(error))
        place = varied.places.setdefault((type(value), repr(value)), len(varied.values))
        if place == len(varied.values):
            varied.values.append(value)
        return place


def input_size(space: Space, codes: Sequence[int]) -> tuple[int, ...] | None:
    """The size of the input that a setting has; None: no axis changes it."""
    for axis, code in zip(space.axes, codes, strict=True):
        if axis.parameter == INPUT:
            value = axis.values[int(code)]
            return value if isinstance(value, tuple) else (value,)
    return None


def _whole(axis: VariedAxis) -> bool:
    """Whether an axis has nothing but whole numbers."""
    return all(type(value) is int for value in axis.of_every_type)


def _depends(space: Space) -> dict[str, tuple[int, ...]]:
    """Of every parameter the axes that change it, be it through others that it reads."""
    given = given_of(space.family, space.variant)
    own = {name: {place for place, axis in enumerate(space.axes) if axis.parameter == name} for name in given}
    replaced = {axis.parameter for axis in space.axes if not axis.place}
    changed = True
    while changed:
        changed = False
        for name, value in given.items():
            if name in replaced:
                continue
            reads = set().union(*(own[other] for other in value.names() if other in own))
            if not reads <= own[name]:
                own[name] |= reads
                changed = True
    return {name: tuple(sorted(axes)) for name, axes in own.items()}
