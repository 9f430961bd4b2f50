"""Many settings of a space at once: columns of places among values, and the counts of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.choosing.axes import INPUT, Space, VariedAxis
from cnncost.choosing.candidates import counts_of
from cnncost.choosing.counting import LARGEST, Crossing, Tally, TensorState, Walker, first_line, values_of
from cnncost.choosing.states import States, TensorKind, grouped
from cnncost.choosing.straight import StepsAlone
from cnncost.errors import CnncostError, OperatorError, UsageError
from cnncost.graph import Graph
from cnncost.language.expand import MAX_GRAPH, Expander
from cnncost.language.family import Step
from cnncost.language.instance import given_of, graph_with, input_shape, resolve
from cnncost.language.rows import with_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIGURES = ("params", "macs", "flops", "activations")
"""Counted of every setting: batch 1, inference; activations in values."""


MOST_KNOWN = 100_000
"""Things of one kind that are remembered: a search of any length needs no more memory."""


class CountedSettings(NamedTuple):
    """The counts of some settings, and why some have none."""

    figures: NDArray[Any]  #: int64, a row per setting, a column per `FIGURES`; zeros where there is a reason
    reasons: NDArray[Any]  #: a place in `SettingCounter.reasons`, -1 where it was counted


CountsOne = Callable[[dict[str, Any], dict[str, Any], TensorState], tuple[TensorState, Tally]]
"""Counts something under some parameters and the variables of a repetition, from a tensor on."""


class Varied(NamedTuple):
    """A parameter that some axes change: its values, and which a setting has."""

    axes: tuple[int, ...]
    values: list[Any]
    known: dict[tuple[int, ...], int]  #: by the places of these axes
    places: dict[tuple[type, str], int]  #: of values, equal ones of different types apart


class CountedTogether(NamedTuple):
    """Settings that are counted together: an entry of every array is of one of them."""

    base: Mapping[str, Any]  #: the parameters that no axis changes
    varied: Mapping[str, Varied]
    params: dict[str, NDArray[Any]]  #: of every parameter that is changed which value it has
    states: States
    state: NDArray[Any]  #: the tensor that it is at
    figures: NDArray[Any]  #: a column per field of `Tally`
    reasons: NDArray[Any]
    whole: NDArray[Any]  #: it has to be built whole

    def alive(self) -> NDArray[Any]:
        """The settings that are still counted piece by piece."""
        import numpy as np

        return np.flatnonzero((self.reasons < 0) & ~self.whole)

    def is_alive(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Which of some settings are."""
        alive: NDArray[Any] = (self.reasons[rows] < 0) & ~self.whole[rows]
        return alive

    def column(self, name: str, rows: NDArray[Any]) -> tuple[NDArray[Any], int]:
        """Which value of a parameter some settings have, and how many there are."""
        return self.params[name][rows], len(self.varied[name].values)

    def values(self, row: int) -> dict[str, Any]:
        """The parameters of a setting."""
        values = dict(self.base)
        for name, places in self.params.items():
            known = self.varied[name].values
            if known:
                values[name] = known[int(places[row])]
        return values


class SettingCounter:
    """Counts settings of one space, and remembers what it has counted."""

    def __init__(self, space: Space):
        self.space = space
        self.walker = Walker(space.family)
        self.pieces = self.walker.cutter.pieces(space.family.body)
        self.builder = Expander(space.family)
        self.reasons: list[str] = []
        self.places: dict[str, int] = {}
        self.varied = {name: Varied(axes, [], {}, {}) for name, axes in _depends(space).items() if axes}
        given = given_of(space.family, space.variant)
        own = {name: [axis for axis in space.axes if axis.parameter == name] for name in given}
        self.constant = {
            name
            for name, axes in own.items()
            if axes and (given[name].is_constant or not all(axis.place for axis in axes))
        }
        """Parameters that are what their own axes say, and read no other."""

    def count(self, codes: NDArray[Any]) -> CountedSettings:
        """The counts of settings, one a row: the place of its value on every axis."""
        import numpy as np

        for varied in self.varied.values():
            if len(varied.known) > MOST_KNOWN:
                for known in (varied.known, varied.places, varied.values):
                    known.clear()
        total = len(codes)
        reasons = np.full(total, -1, dtype=np.int32)
        batch = CountedTogether(
            self.space.base,
            self.varied,
            {name: self._parameter(name, codes, reasons) for name in self.varied},
            States(),
            np.zeros(total, dtype=np.int64),
            np.zeros((total, len(Tally._fields)), dtype=np.int64),
            reasons,
            np.zeros(total, dtype=bool),
        )
        self._start(codes, batch)
        for piece in self.pieces:
            self._piece(piece, batch)
            self.walker.forget(MOST_KNOWN)
        for row in np.flatnonzero(batch.whole & (reasons < 0)):
            self._whole(codes[row], batch.figures, reasons, int(row))
        batch.figures[reasons >= 0] = 0
        return CountedSettings(batch.figures[:, : len(FIGURES)], reasons)

    def graph(self, codes: Sequence[int]) -> Graph:
        """The graph of one setting, by the places of its values. Raises SpecError, UsageError."""
        space = self.space
        params = dict(space.base)
        for name, varied in self.varied.items():
            key = tuple([int(codes[axis]) for axis in varied.axes])
            place = varied.known.get(key)
            if place is None:
                place = varied.known[key] = self._value(name, varied, key)
            if place < 0:
                raise UsageError(self.reasons[-1 - place])
            params[name] = varied.values[place]
        size = None
        for axis, code in zip(space.axes, codes, strict=True):
            if axis.parameter == INPUT:
                value = axis.values[int(code)]
                size = value if isinstance(value, tuple) else (value,)
        if len(self.builder.shapes) > MOST_KNOWN:
            self.builder = Expander(space.family)
        return graph_with(space.family, space.variant, params, size, self.builder)

    def reason(self, text: str) -> int:
        """The place of a reason."""
        found = self.places.setdefault(text, len(self.reasons))
        if found == len(self.reasons):
            self.reasons.append(text)
        return found

    # Parameters and the input -------------------------------------------------------------------

    def _parameter(self, name: str, codes: NDArray[Any], reasons: NDArray[Any]) -> NDArray[Any]:
        """Which of a parameter's values every setting has."""
        import numpy as np

        varied = self.varied[name]
        inverse, first = grouped(
            [(codes[:, axis], len(self.space.axes[axis].values)) for axis in varied.axes]
        )
        found = np.zeros(len(first), dtype=np.int64)
        for group, row in enumerate(first):
            key = tuple([int(codes[row, axis]) for axis in varied.axes])
            place = varied.known.get(key)
            if place is None:
                place = varied.known[key] = self._value(name, varied, key)
            found[group] = place
        places: NDArray[Any] = found[inverse]
        refused = np.flatnonzero(places < 0)
        reasons[refused] = np.maximum(reasons[refused], -places[refused] - 1)
        kept: NDArray[Any] = np.maximum(places, 0)
        return kept

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
            return -1 - self.reason(first_line(error))
        place = varied.places.setdefault((type(value), repr(value)), len(varied.values))
        if place == len(varied.values):
            varied.values.append(value)
        return place

    def _start(self, codes: NDArray[Any], batch: CountedTogether) -> None:
        """The input of every setting."""
        import numpy as np

        space = self.space
        everywhere = np.arange(len(codes))
        columns = [batch.column(name, everywhere) for name in batch.params if name in _words(space)]
        sizes = next((place for place, axis in enumerate(space.axes) if axis.parameter == INPUT), None)
        if sizes is not None:
            columns.append((codes[:, sizes], len(space.axes[sizes].values)))
        inverse, first = grouped(columns, len(codes))
        found = np.zeros(len(first), dtype=np.int64)
        for group, row in enumerate(first):
            size = None
            if sizes is not None:
                value = space.axes[sizes].values[int(codes[row, sizes])]
                size = value if isinstance(value, tuple) else (value,)
            try:
                shape = input_shape(space.family, space.variant, batch.values(int(row)), size)
                found[group] = batch.states.place(TensorState(shape, True))
            except CnncostError as error:
                batch.reasons[inverse == group] = self.reason(first_line(error))
        batch.state[:] = found[inverse]

    # Pieces -------------------------------------------------------------------------------------

    def _piece(self, piece: StepsAlone, batch: CountedTogether) -> None:
        """Run a piece on every setting that is left."""
        import numpy as np

        step = piece.single
        alive = batch.alive()
        walker, cutter = self.walker, self.walker.cutter
        if step is None or not step.repeats or cutter.rows_by_size(step):
            names, by_size = piece.names, bool(piece.sizes)
            self._advance(
                batch,
                alive,
                names,
                by_size,
                lambda params, row, state: walker.piece(piece, walker.top(params), state),
            )
            return
        # Repetition by repetition, so that settings which agree in one of them share it.
        rows, which = self._rows(step, batch, alive)
        names = cutter.of_run(step)
        by_size = bool(set(names) & cutter.space - {name for name, _ in step.columns})
        lengths = np.array([len(each) for each in rows])
        for turn in range(int(lengths.max(initial=0))):
            with_turn = [each[turn] if turn < len(each) else {} for each in rows]
            left = (lengths[which] > turn) & batch.is_alive(alive)
            self._advance(
                batch,
                alive[left],
                names,
                by_size,
                lambda params, row, state: walker.once(piece, step, params, row, state),
                (which[left], with_turn),
            )

    def _rows(
        self, step: Step, batch: CountedTogether, alive: NDArray[Any]
    ) -> tuple[list[Any], NDArray[Any]]:
        """The variables of every repetition of a step: lists of such, and which of them a setting has."""
        read = [name for name in batch.params if name in self.walker.cutter.of_rows(step)]
        inverse, first = grouped([batch.column(name, alive) for name in read], len(alive))
        rows: list[Any] = []
        for group, place in enumerate(first):
            try:
                rows.append(self.walker.rows(step, batch.values(int(alive[place]))))
            except CnncostError as error:
                batch.reasons[alive[inverse == group]] = self.reason(first_line(error))
                rows.append([])
        return rows, inverse

    def _advance(
        self,
        batch: CountedTogether,
        alive: NDArray[Any],
        names: Sequence[str],
        by_size: bool,
        run: CountsOne,
        rows: tuple[NDArray[Any], list[dict[str, Any]]] | None = None,
    ) -> None:
        """Run one thing on settings: those that look alike to it once, all their sizes together."""
        import numpy as np

        if not len(alive):
            return
        kinds, sizes = batch.states.split(batch.state[alive])
        columns = [batch.column(name, alive) for name in batch.params if name in names]
        columns.append((kinds.codes, len(kinds.values)))
        known: dict[Any, int] = {}
        if rows is not None:
            which, with_turn = rows
            seen = [
                known.setdefault(tuple(values_of([name for name in names if name in row], row)), len(known))
                for row in with_turn
            ]
            columns.append((np.array(seen, dtype=np.int64)[which], len(known)))
        inverse, first = grouped(columns, len(alive))
        ends = np.zeros((len(first), len(sizes.values)), dtype=np.int64)
        costs = np.zeros((len(first), len(sizes.values), len(Tally._fields)), dtype=np.int64)
        for group, place in enumerate(first):
            row = {} if rows is None else rows[1][int(rows[0][place])]
            like = kinds.values[int(kinds.codes[place])]
            fitting = [at for at, size in enumerate(sizes.values) if len(size) == len(like.space)]
            params = batch.values(int(alive[place]))
            for some, outcome in _run(run, params, row, like, sizes.values, fitting, by_size):
                if isinstance(outcome, str):
                    ends[group, some] = -1 - self.reason(outcome)
                elif outcome is None:
                    ends[group, some] = WHOLE
                else:
                    ends[group, some] = batch.states.places(outcome[0], len(some))
                    for column, figure in enumerate(outcome[1]):
                        costs[group, some, column] = figure
        after = ends[inverse, sizes.codes]
        batch.figures[alive] += costs[inverse, sizes.codes]
        batch.whole[alive] |= (after == WHOLE) | (batch.figures[alive] >= LARGEST).any(axis=1)
        batch.whole[alive] |= batch.figures[alive, -1] >= MAX_GRAPH  # too many layers, or nearly so
        refused = (after < 0) & (after != WHOLE)
        batch.reasons[alive[refused]] = -1 - after[refused]
        batch.state[alive] = np.where(after < 0, batch.state[alive], after)

    def _whole(self, codes: NDArray[Any], figures: NDArray[Any], reasons: NDArray[Any], row: int) -> None:
        """Count a setting by building all of it."""
        try:
            counts = counts_of(self.graph(codes.tolist()))
        except CnncostError as error:
            reasons[row] = self.reason(first_line(error))
            return
        values = list(counts.values())
        if max(values) >= LARGEST:
            reasons[row] = self.reason("its totals do not fit into 64 bits")
        else:
            figures[row, : len(FIGURES)] = values


def _whole(axis: VariedAxis) -> bool:
    """Whether an axis has nothing but whole numbers."""
    return all(type(value) is int for value in axis.of_every_type)


WHOLE = -(2**40)


def _run(
    run: CountsOne,
    params: dict[str, Any],
    row: dict[str, Any],
    like: TensorKind,
    sizes: Sequence[tuple[int, ...]],
    some: list[int],
    by_size: bool,
) -> list[tuple[list[int], tuple[TensorState, Tally] | str | None]]:
    """At some of the sizes (their places) the tensor it ends in and figures, arrays if these are several; or
    why not; or None: build it whole.
    """
    try:
        if by_size and len(some) > 1:
            raise Crossing
        end, tally = run(params, row, TensorState(like.at([sizes[at] for at in some]), like.outside))
        if any(isinstance(figure, int) and figure >= LARGEST for figure in tally):
            raise Crossing
        return [(some, (end, tally))]
    except (CnncostError, OperatorError, Crossing, OverflowError) as error:
        if len(some) > 1:
            return [each for at in some for each in _run(run, params, row, like, sizes, [at], by_size)]
        return [(some, None if isinstance(error, (Crossing, OverflowError)) else first_line(error))]


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


def _words(space: Space) -> set[str]:
    """Words in the input's declaration: parameters that it may read."""
    import re

    node = (space.variant.input if space.variant else None) or space.family.input
    return set(re.findall(r"[A-Za-z_]\w*", _text(node)))


def _text(node: Any) -> str:
    if hasattr(node, "items") and not callable(node.items):
        return " ".join(map(_text, node.items))
    if hasattr(node, "entries"):
        return " ".join(_text(value) for _, value in node.entries.values())
    return str(getattr(node, "text", ""))
