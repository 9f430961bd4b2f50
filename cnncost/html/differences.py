"""What differs between any two models of a page, paired as `cnncost diff` pairs them; the page counts it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from cnncost.analysis.conventions import convention
from cnncost.graph import Graph
from cnncost.regress.compare import compare
from cnncost.regress.snapshot import snapshot
from cnncost.request import Run

MOST_PAIRS = 28
"""More would make the page large and slow to write; the page then names the command."""


def differences_content(graphs: Sequence[Graph], run: Run) -> list[dict[str, Any]]:
    """For every pair its `changes` (kind, place of the operator before and after, words) and `renamings`.

    Places are those of the rows by operator; None: it is not there. Nothing for more than MOST_PAIRS pairs.
    """
    networks = [graph if run.mode == "train" else graph.without_heads() for graph in graphs]
    pairs = list(combinations(range(len(networks)), 2))
    if len(pairs) > MOST_PAIRS:
        return []
    rules = convention(run.convention)
    snapshots = [snapshot(graph, rules, run) for graph in networks]
    places = [_places(graph) for graph in networks]
    found = []
    for before, after in pairs:
        comparison = compare(snapshots[before], snapshots[after])
        changes = [
            [
                change.kind,
                None if change.old is None else places[before].get(change.old.name),
                None if change.new is None else places[after].get(change.new.name),
                change.words,
            ]
            for change in comparison.nodes
        ]
        found.append({
            "before": before,
            "after": after,
            "changes": [change for change in changes if change[1] is not None or change[2] is not None],
            "renamings": [list(renaming) for renaming in comparison.renamings],
        })  # fmt: skip
    return found


def _places(graph: Graph) -> dict[str, int]:
    """The places of nodes among the rows by operator, which inputs are not."""
    return {
        node.name: at for at, node in enumerate(node for node in graph.nodes[1:] if node.op.kin != "input")
    }
