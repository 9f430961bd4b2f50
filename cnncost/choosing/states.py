"""The tensors that settings are at, told apart but for their sizes in space, and equal rows of columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.choosing.counting import LARGEST, TensorState
from cnncost.ops.sizes import Shape, axes_of, resized, shaped

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TensorKind(NamedTuple):
    """A tensor but for the sizes of its space."""

    axes: str
    other: tuple[int, ...]  #: the sizes of the axes that are not of space, the batch first
    places: tuple[int, ...]  #: where these stand
    space: tuple[int, ...]  #: where those of space stand
    outside: bool

    def at(self, sizes: Sequence[tuple[int, ...]]) -> Shape:
        """The tensor at some sizes of space: arrays if there are several."""
        import numpy as np

        whole: list[Any] = [0] * (len(self.places) + len(self.space))
        for place, size in zip(self.places, self.other, strict=True):
            whole[place] = size
        for place, along in zip(self.space, zip(*sizes, strict=True), strict=True):
            whole[place] = along[0] if len(sizes) == 1 else np.array(along, dtype=np.int64)
        return shaped(self.axes, whole)


class Coded(NamedTuple):
    """Values, and which of them every setting has."""

    values: list[Any]
    codes: NDArray[Any]


class States:
    """The tensors that settings are at, each once."""

    def __init__(self) -> None:
        self.known: dict[tuple[Any, ...], int] = {}
        self.kinds: dict[TensorKind, int] = {}
        self.sizes: dict[tuple[int, ...], int] = {}
        self.parts: list[tuple[int, int]] = []
        self.several: dict[tuple[Any, ...], list[int]] = {}

    def place(self, state: TensorState) -> int:
        """The place of a tensor."""
        key = state.key()
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = len(self.parts)
            letters = axes_of(state.shape)
            inside = [place for place, letter in enumerate(letters) if letter not in "NC?"]
            if letters == "?" or len(letters) != len(state.shape):
                inside = []
            rest = tuple([place for place in range(len(state.shape)) if place not in inside])
            kind = TensorKind(
                letters, tuple([state.shape[place] for place in rest]), rest, tuple(inside), state.outside
            )
            size = tuple([state.shape[place] for place in inside])
            self.parts.append(
                (self.kinds.setdefault(kind, len(self.kinds)), self.sizes.setdefault(size, len(self.sizes)))
            )
        return found

    def places(self, state: TensorState, count: int) -> list[int]:
        """The places of the tensors that one of arrays stands for."""
        key = (count, *state.key())
        found = self.several.get(key)
        if found is None:
            whole: tuple[Any, ...] = state.shape
            sizes = [each.tolist() if getattr(each, "ndim", 0) else [int(each)] * count for each in whole]
            found = self.several[key] = [
                self.place(TensorState(resized(state.shape, each), state.outside))
                for each in zip(*sizes, strict=True)
            ]
        return found

    def split(self, states: NDArray[Any]) -> tuple[Coded, Coded]:
        """The kinds of some tensors, and their sizes in space, the smallest first; only those there are."""
        import numpy as np

        table = np.array(self.parts, dtype=np.int64)
        kinds, sizes = list(self.kinds), list(self.sizes)
        used, codes = np.unique(table[states, 1], return_inverse=True)
        order = sorted(range(len(used)), key=lambda place: (len(sizes[used[place]]), sizes[used[place]]))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return (
            Coded(kinds, table[states, 0]),
            Coded([sizes[used[place]] for place in order], rank[codes.reshape(-1)]),
        )


def grouped(columns: Sequence[tuple[NDArray[Any], int]], rows: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Equal rows of some columns (codes, and how many there can be): for every row its group, and the first
    row of every group."""
    import numpy as np

    if not columns:
        return np.zeros(rows, dtype=np.int64), np.zeros(min(rows, 1), dtype=np.int64)
    code, bound = np.zeros(len(columns[0][0]), dtype=np.int64), 1
    for column, count in columns:
        if bound * count >= LARGEST:
            _, code = np.unique(code, return_inverse=True)
            bound = len(code)
        code, bound = code * max(count, 1) + column, bound * max(count, 1)
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return inverse.reshape(-1), first
