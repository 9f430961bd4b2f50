"""The Pareto front: what no other beats in every objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIEVE = 256
"""How many of the best by each objective sift the rest before they are compared one by one."""


def front(costs: NDArray[Any]) -> NDArray[Any]:
    """Which rows are on the front: a mask for an array of n rows and an objective a column, less is better.

    A row is beaten by another that is nowhere worse and somewhere better; equal rows are all kept.
    """
    import numpy as np

    costs = np.asarray(costs, dtype=float)
    count, objectives = costs.shape
    left = np.ones(count, dtype=bool)
    if not count or not objectives:
        return left
    if objectives < 3:
        return _front_of_two(costs[:, 0], costs[:, -1])
    for column in range(objectives):
        for row in np.argsort(costs[:, column], kind="stable")[: SIEVE // objectives]:
            if left[row]:
                left &= ~beaten_by(costs[row], costs)
    # What is left is sorted, so that only an earlier row can beat a later one.
    places = np.flatnonzero(left)
    places = places[np.lexsort(costs[places].T[::-1])]
    kept = np.empty((len(places), objectives))
    found = 0
    for place in places:
        row = costs[place]
        before = kept[:found]
        if found and ((before <= row).all(axis=1) & (before < row).any(axis=1)).any():
            left[place] = False
        else:
            kept[found] = row
            found += 1
    return left


def _front_of_two(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
    """The same of two: of those with equal `one` the least `two`, if nothing before is as little."""
    import numpy as np

    order = np.lexsort((two, one))
    sorted_one, sorted_two = one[order], two[order]
    first = np.concatenate([[True], sorted_one[1:] != sorted_one[:-1]])
    least = sorted_two[first]
    before = np.concatenate([[np.inf], np.minimum.accumulate(least)[:-1]])
    group = np.cumsum(first) - 1
    left = np.empty(len(one), dtype=bool)
    unbeaten = least < before
    unbeaten[0] = True  # also where it is infinite
    left[order] = unbeaten[group] & (sorted_two == least[group])
    return left


def beaten_by(row: NDArray[Any], costs: NDArray[Any]) -> NDArray[Any]:
    """Which of many rows one row beats."""
    import numpy as np

    beaten: NDArray[Any] = np.all(row <= costs, axis=1) & np.any(row < costs, axis=1)
    return beaten
