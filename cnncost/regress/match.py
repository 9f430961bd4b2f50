"""The nodes of two snapshots, paired by what they are and where they stand, not by what they are called.

Equal digests in the same order are paired first; in what lies between, equal names, then equal operators in
order.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from cnncost.regress.snapshot import NodeCost

MAX_WORK = 50_000_000
"""Above so many pairs of nodes, order is no longer searched; names alone decide."""


class Pair(NamedTuple):
    """A node before and after; None: it is not there."""

    old: NodeCost | None
    new: NodeCost | None
    rewired: bool = False  #: it reads other nodes than before


def pairs(old: Sequence[NodeCost], new: Sequence[NodeCost]) -> list[Pair]:
    """Every node of both, once, in the order of `new` with removed nodes where they stood."""
    partners = _partners(old, new)
    position_of = dict(partners)
    taken = set(position_of.values())
    result: list[Pair] = []
    done = 0
    for index, node in enumerate(old):
        if index not in position_of:
            result.append(Pair(node, None))
            continue
        partner = position_of[index]
        result += [Pair(None, new[other]) for other in range(done, partner) if other not in taken]
        done = max(done, partner + 1)
        result.append(Pair(node, new[partner], _rewired(index, partner, old, new, position_of, taken)))
    result += [Pair(None, new[other]) for other in range(done, len(new)) if other not in taken]
    return result


def _partners(old: Sequence[NodeCost], new: Sequence[NodeCost]) -> list[tuple[int, int]]:
    """Positions in both that belong together."""
    start = 0
    while start < min(len(old), len(new)) and old[start].digest == new[start].digest:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end].digest == new[-1 - end].digest:
        end += 1
    found = [(index, index) for index in range(start)]
    found += [(len(old) - back, len(new) - back) for back in range(end, 0, -1)]
    olds, news = range(start, len(old) - end), range(start, len(new) - end)
    for key in (_digest, _name, _operator):
        for a, b in _gaps(found, olds, news):
            if key is _name:
                found += _by_name(old, new, a, b)
            elif len(a) * len(b) <= MAX_WORK:
                found += _in_order([key(old[i]) for i in a], [key(new[i]) for i in b], a.start, b.start)
    return found


def _digest(node: NodeCost) -> str:
    return node.digest


def _name(node: NodeCost) -> str:
    return node.name


def _operator(node: NodeCost) -> str:
    return node.op


def _in_order(old: list[str], new: list[str], old_start: int, new_start: int) -> list[tuple[int, int]]:
    """Equal values in the same order."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return [
        (old_start + block.a + offset, new_start + block.b + offset)
        for block in blocks
        for offset in range(block.size)
    ]


def _by_name(old: Sequence[NodeCost], new: Sequence[NodeCost], a: range, b: range) -> list[tuple[int, int]]:
    """Equal names and operators, as far as their order agrees."""
    where = {(new[index].name, new[index].op): index for index in b}
    found: list[tuple[int, int]] = []
    last = -1
    for index in a:
        partner = where.get((old[index].name, old[index].op), -1)
        if partner > last:
            found.append((index, partner))
            last = partner
    return found


def _gaps(found: list[tuple[int, int]], olds: range, news: range) -> list[tuple[range, range]]:
    """What lies between the pairs that are found, where both sides have something left."""
    gaps = []
    a, b = olds.start, news.start
    inside = sorted(pair for pair in found if pair[0] in olds)
    for next_a, next_b in [*inside, (olds.stop, news.stop)]:
        if next_a > a and next_b > b:
            gaps.append((range(a, next_a), range(b, next_b)))
        a, b = next_a + 1, next_b + 1
    return gaps


def _rewired(
    index: int,
    partner: int,
    old: Sequence[NodeCost],
    new: Sequence[NodeCost],
    position_of: dict[int, int],
    taken: set[int],
) -> bool:
    """True if the node reads other nodes than before; added and removed nodes in between do not count."""
    before = [_through(index - back, old, position_of.__contains__) for back in old[index].inputs]
    after = [_through(partner - back, new, taken.__contains__) for back in new[partner].inputs]
    return [position_of.get(source, -1) for source in before] != after


def _through(index: int, nodes: Sequence[NodeCost], paired: object) -> int:
    """The nearest node at or before an input that has a partner; -1: the model's input."""
    while index >= 0 and not paired(index):  # type: ignore[operator]
        index -= nodes[index].inputs[0]
    return max(index, -1)
