"""What becomes of an interval outside of what a profile saw, and the words for it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, log2

from cnncost import units
from cnncost.graph import Graph
from cnncost.predict.kernels import Work
from cnncost.predict.model import Parts
from cnncost.predict.profile import Profile

PER_DOUBLING = 0.1
"""What the logarithm of an interval's ends grows by for every doubling of batch or image beyond the fit's."""

UNSEEN = 3.0
"""How many times longer or shorter a class of kernels may be that the fit did not see."""

UNTRAINED = 0.4
"""What the logarithm of the ends grows by where a training step is predicted with numbers of inference.

Judged where there are both: reports/predict/README.md, "Training with the numbers of inference".
"""


def outside(
    graph: Graph,
    profile: Profile,
    batch: int,
    mode: str,
    found: Sequence[Work],
    parts: Sequence[Parts],
) -> tuple[float, float, tuple[str, ...]]:
    """(factor to the low end, factor to the high end, what is outside of what the profile saw)."""
    seen, warnings = profile.seen, []
    attends = any(work.kind == "attention" for work in found)
    low, high = map(log, profile.attention_interval if attends else profile.interval)
    if attends and "attention" in seen.kinds and profile.held_out:
        warnings.append(
            "it has attention: the median error is of networks without, the interval of those that have it"
            if profile.attended
            else "it has attention: the profile has no interval of such networks by themselves"
        )
    if mode != profile.mode:
        low, high = low - UNTRAINED, high + UNTRAINED
        warnings.append(
            "the profile saw no training: backward pass and update are predicted with the numbers of"
            " inference, and the interval is wider"
        )
    shape = graph.input_shape
    sides = shape[1:] if len(shape) == 3 else (0,)
    for what, value, (smallest, largest) in (
        ("batch", batch, seen.batch), ("an image of side", max(sides), seen.pixels),
    ):  # fmt: skip
        if value and not smallest <= value <= largest:
            doublings = abs(log2(value / (smallest if value < smallest else largest)))
            low, high = low - PER_DOUBLING * doublings, high + PER_DOUBLING * doublings
            warnings.append(f"{what} {value} is outside of what the profile saw ({smallest} to {largest})")
    total = sum([part.seconds for part in parts])
    unseen: dict[str, float] = {}
    for work, part in zip(found, parts, strict=True):
        name = work.kind if work.kind not in seen.kinds else ""
        if not name and work.axes and work.axes not in seen.axes:
            name = f"{work.kind} on {work.axes}-D maps"
        if name:
            unseen[name] = unseen.get(name, 0.0) + part.seconds / (total or 1.0)
    share = sum(unseen.values())
    warnings += [
        f"the profile saw no kernel of class {name}: {percent(spent)} of the time"
        for name, spent in unseen.items()
    ]
    warnings += time_missing(graph)
    least = exp(low) * (1 - share + share / UNSEEN)
    return least, exp(high) * (1 - share + share * UNSEEN), tuple(warnings)


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{100 * share:.0f} %" if share >= 0.005 else "less than 1 %"


def time_missing(graph: Graph) -> list[str]:
    """The warning of a network with operators that nobody has declared; none if there are none."""
    if not graph.unknown:
        return []
    are = "is unknown: its" if graph.unknown == 1 else "are unknown: their"
    return [f"{units.things(graph.unknown, 'operator')} {are} time is missing"]
