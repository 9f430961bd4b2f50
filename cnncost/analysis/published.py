"""The published facts of a spec against what is counted.

A fact holds if the count, rounded as the fact is printed, gives the printed digits: `3.8e9` is
precise to 0.1e9, `25557032` to 1. A fact that does not hold must carry the reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from cnncost.graph import Graph
from cnncost.report import Totals

COMPUTABLE = ("params", "macs", "flops", "size_mb")
"""The fields of a fact that follow from the architecture; `size_mb` is 10**6 bytes of float32."""

Counts = tuple[int, int, int, int]
"""A count for each of `COMPUTABLE`; for `size_mb`, bytes."""

AtInput = Callable[[tuple[int, ...]], Counts]
"""The counts at another (height, width)."""


class PublishedFact(NamedTuple):
    """One published number and the count that stands against it."""

    quantity: str  #: one of `COMPUTABLE`
    printed: str  #: as the spec writes it
    counted: int  #: in values, operations or, for `size_mb`, bytes
    source: str
    reason: str | None  #: why the exact count differs, as the spec says
    agrees: bool

    @property
    def holds(self) -> bool:
        """True if it agrees, or the spec says why it does not."""
        return self.agrees or bool(self.reason)


def counts_of(totals: Totals) -> Counts:
    """What published figures are about, of a float32 report of batch 1."""
    return totals.params, totals.macs, totals.flops, totals.weight_bytes


def published_facts(graph: Graph, counts: Counts, at_input: AtInput | None = None) -> list[PublishedFact]:
    """Every computable number that the spec of a graph quotes, against the counts at the input it states.

    `counts` are those of the graph itself, `at_input` gives those for another (height, width); without it
    facts about other inputs are left out.
    """
    published = graph.facts.get("published", ())
    return [item for fact in published for item in figures(fact, graph, counts, at_input)]


def figures(
    fact: Mapping[str, Any], graph: Graph, counts: Counts, at_input: AtInput | None = None
) -> list[PublishedFact]:
    """The computable numbers of one fact, likewise."""
    if fact.keys().isdisjoint(COMPUTABLE):
        return []
    size = stated_input(fact)
    if size is not None and size != graph.input_shape[1:]:
        if at_input is None:
            return []
        counts = at_input(size)
    found = []
    for quantity, counted in zip(COMPUTABLE, counts, strict=True):
        if quantity in fact:
            printed = fact["printed"][quantity]
            value = Decimal(counted).scaleb(-6) if quantity == "size_mb" else Decimal(counted)
            source, reason = str(fact["source"]), _text(fact.get("reason"))
            found.append(PublishedFact(quantity, printed, counted, source, reason, agrees(value, printed)))
    return found


def stated_input(fact: Mapping[str, Any]) -> tuple[int, ...] | None:
    """(height, width) that a fact states: `240` for a square, or `360x640`; None: it states none."""
    if "input" not in fact:
        return None
    sizes = tuple(int(size) for size in str(fact["input"]).split("x"))
    return sizes * 2 if len(sizes) == 1 else sizes


def agrees(value: Decimal | int, printed: str) -> bool:
    """True if `value` rounds to what is printed, at the precision that is printed."""
    try:
        number = Decimal(printed)
    except InvalidOperation:
        return False
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):  # NaN or infinity
        return False
    return 2 * abs(Decimal(value) - number) <= Decimal(1).scaleb(exponent)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def headline(
    facts: Mapping[str, Any], input_shape: Sequence[int], of: str = "top1"
) -> tuple[float, Mapping[str, Any]] | None:
    """The published accuracy (top1, top5) on ImageNet in percent that compares best, and its fact; of a
    graph's facts.

    It stands beside a cost, so one of another resolution than that of the input is none; where a protocol
    states no resolution, it is that of the spec's own input. The best protocol comes first, then what the
    spec states first; an error is turned into an accuracy.
    """
    usual = tuple(facts.get("usual_input", input_shape))
    own = (None,) if usual == tuple(input_shape) else ()
    found = []
    for fact in facts.get("published", ()):
        of_imagenet = "imagenet" in str(fact.get("dataset", "ImageNet")).lower()
        if not of_imagenet or resolution(fact) not in (*own, input_shape[-1]):
            continue
        if isinstance(fact.get(of), (int, float)):
            found.append((float(fact[of]), fact))
        elif isinstance(fact.get(f"{of}_error"), (int, float)):
            found.append((round(100 - float(fact[f"{of}_error"]), 4), fact))
    return min(found, key=lambda item: protocol_rank(str(item[1].get("protocol", ""))), default=None)


def protocol_rank(protocol: str) -> int:
    """How well an accuracy compares, 0 the best: one crop of the image and nothing else; the same with other
    training data or a later recipe; several crops, or what is not said.
    """
    if not protocol.startswith("single"):
        return 2
    return 1 if "," in protocol else 0


_RESOLUTION = re.compile(r"\b(?:crop|dense) (\d{3})\b|\b(\d{3}) crop\b")


def resolution(fact: Mapping[str, Any]) -> int | None:
    """The height and width at which an accuracy was measured, if its protocol states it.

    An accuracy stands beside a cost only where that is the cost's own.
    """
    match = _RESOLUTION.search(str(fact.get("protocol", "")))
    return int(match[1] or match[2]) if match else None
