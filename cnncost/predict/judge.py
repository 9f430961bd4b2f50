"""How wrong a profile is on families that its fit did not see, and the interval that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from cnncost.predict.priors import Prior

if TYPE_CHECKING:
    from cnncost.predict.fit import Case

FOLDS = 5
COVERED = 0.9

COVERED_OF_FAMILIES = 0.92
"""What the ends are taken at where families weigh alike: of families left out they then hold 9 in 10."""


def folds(families: Sequence[str], count: int = FOLDS) -> dict[str, int]:
    """Which fold a family is in: the largest first, each into the fold that has least so far.

    `families` has an entry per network. The same networks give the same folds.
    """
    sizes: dict[str, int] = {}
    for family in families:
        sizes[family] = sizes.get(family, 0) + 1
    filled, found = [0] * count, {}
    for family, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        place = filled.index(min(filled))
        found[family] = place
        filled[place] += size
    return found


def unseen(cases: Sequence[Case], always: Sequence[Case], known: Mapping[str, Prior]) -> Any:
    """Predicted / measured of every case, fitted without its family; `always` are in every fit."""
    from cnncost.predict.fit import fitted, predicted

    ratios = np.ones(len(cases))
    if not cases:
        return ratios
    place = folds([each.family for each in cases], min(FOLDS, len({each.family for each in cases})))
    start = fitted([*cases, *always], known)
    for fold in range(max(place.values()) + 1):
        rest = [each for each in cases if place[each.family] != fold]
        out = [at for at, each in enumerate(cases) if place[each.family] == fold]
        if rest or always:
            numbers = fitted([*rest, *always], known, start)
            ratios[out] = predicted([cases[at] for at in out], numbers)
            ratios[out] /= [cases[at].seconds for at in out]
    return ratios


def interval(ratios: Any, covered: float = COVERED) -> tuple[float, float]:
    """(lower, upper) factor to a prediction between which so many measured times lie, as far as ratios tell.

    `ratios` are predicted / measured of networks that were not fitted. The ends are the conformal quantiles
    (Vovk, Gammerman and Shafer 2005): of n residuals the ceil((n + 1) q)-th; of fewer than it needs, half
    beyond the last. Without any, a factor of three.
    """
    if not len(ratios):
        return 1 / 3, 3.0
    errors = np.sort(-np.log(ratios))
    tail = (1 - covered) / 2

    def end(sorted_errors: Any) -> float:
        place = ceil((len(sorted_errors) + 1) * (1 - tail))
        if place <= len(sorted_errors):
            return float(sorted_errors[place - 1])
        return 1.5 * float(max(sorted_errors[-1], 0.1))

    low, high = -end(np.sort(-errors)), end(errors)
    return float(f"{np.exp(min(low, -0.01)):.4g}"), float(f"{np.exp(max(high, 0.01)):.4g}")


def interval_of_families(
    ratios: Any, families: Sequence[str], covered: float = COVERED_OF_FAMILIES
) -> tuple[float, float]:
    """The same where there are many families: every one weighs as much, however many networks it has.

    A network that is asked for is of another family, and what a family has in common is most of its error. Of
    twenty families the correction for their number would take an end beyond the farthest: it is left out,
    and `covered_by_other_families` says what the interval holds without it.
    """
    errors, names = -np.log(ratios), np.array(families)
    sizes = {name: np.sum(names == name) for name in set(families)}
    weights = np.array([1 / sizes[name] for name in families]) / len(sizes)
    tail = (1 - covered) / 2

    def end(values: Any) -> float:
        order = np.argsort(values)
        place = int(np.searchsorted(np.cumsum(weights[order]), 1 - tail - 1e-9))
        return float(values[order][min(place, len(order) - 1)])

    low, high = -end(-errors), end(errors)
    return float(f"{np.exp(min(low, -0.01)):.4g}"), float(f"{np.exp(max(high, 0.01)):.4g}")


def covered_by_other_families(ratios: Any, families: Sequence[str]) -> tuple[Any, float]:
    """(whether the interval of the other families held each network, half its mean width in logarithms)."""
    names, inside, widths = np.array(families), np.ones(len(ratios), bool), []
    for name in sorted(set(families)):
        out = names == name
        if out.all():
            return inside, 0.0
        low, high = interval_of_families(ratios[~out], list(names[~out]))
        inside[out] = (low <= 1 / ratios[out]) & (1 / ratios[out] <= high)
        widths.append(float(np.log(high / low)) / 2)
    return inside, float(np.mean(widths))


def figures(ratios: Any) -> dict[str, float]:
    """Of predicted / measured: relative errors, as fractions."""
    errors = np.abs(np.asarray(ratios) - 1)
    found = {
        "count": float(len(errors)),
        "median_error": float(np.median(errors)),
        "mape": float(np.mean(errors)),
        "within_10_percent": float(np.mean(errors <= 0.1)),
        "bias": float(np.median(ratios) - 1),
    }
    return {name: float(f"{value:.4g}") for name, value in found.items()}
