"""The nodes of two snapshots, paired by what they are and where they stand, not by what they are called.

Equal digests in the same order are paired first; in what lies between, equal names, then equal operators in
order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from cnncost.regress.snapshot import NodeCost

MAX_WORK = 50_000_000
"""Above so many pairs of nodes, order is no longer searched; names alone decide."""

Key = Callable[[NodeCost], str]
Partners = tuple[int, int]
"""Positions of a node in both."""


class Pair(NamedTuple):
    """A node before and after; None: it is not there."""

    old: NodeCost | None
    new: NodeCost | None
    rewired: bool = False  #: it reads other nodes than before


def pairs(old: Sequence[NodeCost], new: Sequence[NodeCost]) -> list[Pair]:
    """Every node of both, once, in the order of `new` with removed nodes where they stood.

    Two orders are tried, names last and names first: the one in which less has changed is right.
    """
    by_structure = _paired(old, new, _equal_ends(old, new), (_digest, _name, _operator))
    by_name = _paired(old, new, [], (_name_and_digest, _digest, _name, _operator))
    return min(by_name, by_structure, key=_changes)


def _equal_ends(old: Sequence[NodeCost], new: Sequence[NodeCost]) -> list[Partners]:
    """The nodes at the beginning and at the end that are the same in both."""
    shorter = min(len(old), len(new))
    start = end = 0
    while start < shorter and old[start].digest == new[start].digest:
        start += 1
    while end < shorter - start and old[-1 - end].digest == new[-1 - end].digest:
        end += 1
    found = [(index, index) for index in range(start)]
    return found + [(len(old) - back, len(new) - back) for back in range(end, 0, -1)]


def _changes(found: list[Pair]) -> tuple[int, int]:
    """How many nodes differ, and how many are only renamed."""
    differ = renamed = 0
    for pair in found:
        if pair.old is None or pair.new is None:
            differ += 1
        else:
            differ += pair.rewired or pair.old.digest != pair.new.digest
            renamed += pair.old.name != pair.new.name
    return differ, renamed


def _paired(
    old: Sequence[NodeCost], new: Sequence[NodeCost], found: list[Partners], keys: Sequence[Key]
) -> list[Pair]:
    """The pairs that are found already, and those that these keys find in what is left between them."""
    for key in keys:
        for a, b in _gaps(found, len(old), len(new)):
            before, after = [key(old[index]) for index in a], [key(new[index]) for index in b]
            if key in (_name, _name_and_digest):
                more = _equal_names(before, after)
            else:
                more = _in_order(before, after) if len(a) * len(b) <= MAX_WORK else []
            found += [(a.start + i, b.start + j) for i, j in more]
    position_of = dict(found)
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


def _digest(node: NodeCost) -> str:
    return node.digest


def _name(node: NodeCost) -> str:
    return f"{node.name} {node.op}"


def _name_and_digest(node: NodeCost) -> str:
    return f"{node.name} {node.digest}"


def _operator(node: NodeCost) -> str:
    return node.op


def _in_order(old: list[str], new: list[str]) -> list[Partners]:
    """Equal values in the same order."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return [(block.a + offset, block.b + offset) for block in blocks for offset in range(block.size)]


def _equal_names(old: list[str], new: list[str]) -> list[Partners]:
    """Equal names, of which there is one each, as many as stand in the same order."""
    where = {name: index for index, name in enumerate(new)}
    ends: list[int] = []  # the smallest end of a rising sequence of each length, as patience sorting keeps it
    at: list[int] = []
    before: dict[int, int] = {}
    for index, name in enumerate(old):
        if name in where:
            length = bisect_left(ends, where[name])
            ends[length : length + 1] = [where[name]]
            at[length : length + 1] = [index]
            before[index] = at[length - 1] if length else -1
    found: list[Partners] = []
    index = at[-1] if at else -1
    while index >= 0:
        found.append((index, where[old[index]]))
        index = before[index]
    return found


def _gaps(found: list[Partners], olds: int, news: int) -> list[tuple[range, range]]:
    """What lies between the pairs that are found, where both sides have something left."""
    gaps = []
    a = b = 0
    for next_a, next_b in [*sorted(found), (olds, news)]:
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
