"""Many settings of a space at once: columns of places among values, and the counts of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.choosing.axes import INPUT, Space
from cnncost.choosing.candidates import counts_of
from cnncost.choosing.counting import LARGEST, Crossing, Tally, TensorState, Walker, first_line, values_of
from cnncost.choosing.parameters import Parameters, Refusals, Varied, input_size
from cnncost.choosing.states import States, TensorKind, grouped
from cnncost.choosing.straight import StepsAlone
from cnncost.errors import CnncostError, OperatorError
from cnncost.graph import Graph
from cnncost.language import document
from cnncost.language.expand import MAX_GRAPH, Expander
from cnncost.language.family import Step
from cnncost.language.instance import graph_with, input_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIGURES = ("params", "macs", "flops", "activations")
"""Counted of every setting: batch 1, inference; activations in values."""


WHOLE = -(2**40)
"""Stands for a tensor where a setting has to be built whole."""
MOST_KNOWN = 100_000
"""Things of one kind that are remembered: a search of any length needs no more memory."""


class CountedSettings(NamedTuple):
    """The counts of some settings, and why some have none."""

    figures: NDArray[Any]  #: int64, a row per setting, a column per `FIGURES`; zeros where there is a reason
    reasons: NDArray[Any]  #: a place in `SettingCounter.reasons`, -1 where it was counted


CountsOne = Callable[[dict[str, Any], dict[str, Any], TensorState], tuple[TensorState, Tally]]
"""Counts something under some parameters and the variables of a repetition, from a tensor on."""


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

    def move(self, rows: NDArray[Any], ends: NDArray[Any], costs: NDArray[Any]) -> None:
        """Some settings are at other tensors; `ends` has -1 - a reason where one cannot be, or WHOLE."""
        import numpy as np

        self.figures[rows] += costs
        self.whole[rows] |= (ends == WHOLE) | (self.figures[rows] >= LARGEST).any(axis=1)
        self.whole[rows] |= self.figures[rows, -1] >= MAX_GRAPH  # too many layers, or nearly so
        refused = (ends < 0) & (ends != WHOLE)
        self.reasons[rows[refused]] = -1 - ends[refused]
        self.state[rows] = np.where(ends < 0, self.state[rows], ends)

    def values(self, row: int) -> dict[str, Any]:
        """The parameters of a setting."""
        values = dict(self.base)
        for name, places in self.params.items():
            known = self.varied[name].values
            if known:
                values[name] = known[int(places[row])]
        return values


class Turn(NamedTuple):
    """A repetition of a step: what its variables can be, and which of that every setting has."""

    which: NDArray[Any]
    rows: Sequence[dict[str, Any]]

    def column(self, names: Sequence[str]) -> tuple[NDArray[Any], int]:
        """The same of those variables that are read, equal ones once; and how many there are."""
        import numpy as np

        known: dict[Any, int] = {}
        seen = [
            known.setdefault(tuple(values_of([name for name in names if name in row], row)), len(known))
            for row in self.rows
        ]
        return np.array(seen, dtype=np.int64)[self.which], len(known)

    def variables(self, place: int) -> dict[str, Any]:
        """Those of one setting."""
        return self.rows[int(self.which[place])]


class SettingCounter:
    """Counts settings of one space, and remembers what it has counted."""

    def __init__(self, space: Space):
        self.space = space
        self.walker = Walker(space.family)
        self.pieces = self.walker.cutter.pieces(space.family.body)
        self.builder = Expander(space.family)
        self.refusals = Refusals()
        self.parameters = Parameters(space, self.refusals)

    @property
    def reasons(self) -> list[str]:
        """Why settings have no counts, by the places that `count` gives."""
        return self.refusals.texts

    def count(self, codes: NDArray[Any]) -> CountedSettings:
        """The counts of settings, one a row: the place of its value on every axis."""
        import numpy as np

        self.parameters.forget(MOST_KNOWN)
        total = len(codes)
        reasons = np.full(total, -1, dtype=np.int32)
        batch = CountedTogether(
            self.space.base,
            self.parameters.varied,
            self.parameters.columns(codes, reasons),
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
        params, size = self.parameters.values(codes), input_size(space, codes)
        if len(self.builder.shapes) > MOST_KNOWN:
            self.builder = Expander(space.family)
        return graph_with(space.family, space.variant, params, size, self.builder)

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
            size = input_size(space, codes[row])
            try:
                shape = input_shape(space.family, space.variant, batch.values(int(row)), size)
                found[group] = batch.states.place(TensorState(shape, True))
            except CnncostError as error:
                batch.reasons[inverse == group] = self.refusals.place(first_line(error))
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
                Turn(which[left], with_turn),
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
                batch.reasons[alive[inverse == group]] = self.refusals.place(first_line(error))
                rows.append([])
        return rows, inverse

    def _advance(
        self,
        batch: CountedTogether,
        alive: NDArray[Any],
        names: Sequence[str],
        by_size: bool,
        run: CountsOne,
        turn: Turn | None = None,
    ) -> None:
        """Run one thing on settings: those that look alike to it once, all their sizes together."""
        import numpy as np

        if not len(alive):
            return
        kinds, sizes = batch.states.split(batch.state[alive])
        columns = [batch.column(name, alive) for name in batch.params if name in names]
        columns.append((kinds.codes, len(kinds.values)))
        if turn is not None:
            columns.append(turn.column(names))
        inverse, first = grouped(columns, len(alive))
        ends = np.zeros((len(first), len(sizes.values)), dtype=np.int64)
        costs = np.zeros((len(first), len(sizes.values), len(Tally._fields)), dtype=np.int64)
        for group, place in enumerate(first):
            like = kinds.values[int(kinds.codes[place])]
            fitting = [at for at, size in enumerate(sizes.values) if len(size) == len(like.space)]
            row = {} if turn is None else turn.variables(int(place))
            params = batch.values(int(alive[place]))
            for some, outcome in _run(run, params, row, like, sizes.values, fitting, by_size):
                if isinstance(outcome, str):
                    ends[group, some] = -1 - self.refusals.place(outcome)
                elif outcome is None:
                    ends[group, some] = WHOLE
                else:
                    ends[group, some] = batch.states.places(outcome[0], len(some))
                    for column, figure in enumerate(outcome[1]):
                        costs[group, some, column] = figure
        batch.move(alive, ends[inverse, sizes.codes], costs[inverse, sizes.codes])

    def _whole(self, codes: NDArray[Any], figures: NDArray[Any], reasons: NDArray[Any], row: int) -> None:
        """Count a setting by building all of it."""
        try:
            counts = counts_of(self.graph(codes.tolist()))
        except CnncostError as error:
            reasons[row] = self.refusals.place(first_line(error))
            return
        values = list(counts.values())
        if max(values) >= LARGEST:
            reasons[row] = self.refusals.place("its totals do not fit into 64 bits")
        else:
            figures[row, : len(FIGURES)] = values


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


def _words(space: Space) -> set[str]:
    """Words in the input's declaration: parameters that it may read."""
    node = (space.variant.input if space.variant else None) or space.family.input
    return set() if node is None else set(re.findall(r"[A-Za-z_]\w*", _text(node)))


def _text(node: document.YamlNode) -> str:
    if isinstance(node, document.Sequence):
        return " ".join(map(_text, node.items))
    if isinstance(node, document.Mapping):
        return " ".join(_text(value) for _, value in node.entries.values())
    return node.text
