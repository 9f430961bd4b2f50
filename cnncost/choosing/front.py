"""The Pareto front: what no other beats in every objective.

By halves, after Kung, Luccio and Preparata, 'On finding the maxima of a set of vectors', Journal of the ACM
22 (1975): n rows of k objectives take about n log(n) ^ (k - 1) steps, whatever share of them is on the front.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 64
"""So many rows are compared each with each."""


def front(costs: NDArray[Any]) -> NDArray[Any]:
    """Which rows are on the front: a mask for an array of n rows and an objective a column, less is better.

    A row is beaten by another that is nowhere worse and somewhere better; equal rows are all kept.
    """
    import numpy as np

    costs = np.asarray(costs, dtype=float)
    count, objectives = costs.shape
    if not count or not objectives:
        return np.ones(count, dtype=bool)
    # Sorted, only an earlier row can beat a later one; and one of several equal rows speaks for all.
    order = np.lexsort(costs.T[::-1])
    rows = costs[order]
    new = np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)])
    left = np.empty(count, dtype=bool)
    left[order] = _unbeaten(rows[new])[np.cumsum(new) - 1]
    return left


def _unbeaten(rows: NDArray[Any]) -> NDArray[Any]:
    """The front of different rows that are sorted by all columns, the first before the others."""
    import numpy as np

    if rows.shape[1] < 3:  # those whose last column is less than in every row before
        least = np.minimum.accumulate(rows[:, -1])
        return np.concatenate([[True], least[1:] < least[:-1]])
    if len(rows) <= FEW:
        return _compared(rows, rows, np.triu(np.ones((len(rows), len(rows)), dtype=bool), 1))
    half = len(rows) // 2
    left = np.concatenate([_unbeaten(rows[:half]), _unbeaten(rows[half:])])
    best, others = rows[:half][left[:half]], half + np.flatnonzero(left[half:])
    left[others] = ~beaten(best[:, 1:], rows[others][:, 1:])
    return left


def beaten(best: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Which rows are nowhere less than some row of `best`."""
    import numpy as np

    found = np.zeros(len(rows), dtype=bool)
    if not len(best) or not len(rows):
        return found
    if rows.shape[1] == 2:
        best = best[np.argsort(best[:, 0])]
        before = np.searchsorted(best[:, 0], rows[:, 0], side="right")
        least = np.minimum.accumulate(best[:, 1])
        found[before > 0] = (least[before - 1] <= rows[:, 1])[before > 0]
        return found
    if min(len(best), len(rows)) <= FEW:
        return ~_compared(best, rows, np.ones((len(best), len(rows)), dtype=bool))
    values = np.unique(np.concatenate([best[:, 0], rows[:, 0]]))
    if len(values) == 1:
        return beaten(best[:, 1:], rows[:, 1:])
    middle = values[len(values) // 2]
    lower: NDArray[Any] = best[:, 0] < middle
    low: NDArray[Any] = rows[:, 0] < middle
    found[low] = beaten(best[lower], rows[low])
    found[~low] = beaten(best[~lower], rows[~low])
    left = np.flatnonzero(~low & ~found)  # the lower of the best have less in this column
    found[left] = beaten(best[lower][:, 1:], rows[left][:, 1:])
    return found


def _compared(best: NDArray[Any], rows: NDArray[Any], pairs: NDArray[Any]) -> NDArray[Any]:
    """Which rows are somewhere less than every row of `best` that they are paired with."""
    found: Any = pairs
    for column in range(rows.shape[1]):
        found = found & (best[:, column, None] <= rows[None, :, column])
    left: NDArray[Any] = ~found.any(axis=0)
    return left
