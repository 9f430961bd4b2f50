"""One network under every convention: the terms that lead from its MACs to each total."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cnncost.analysis import bops
from cnncost.analysis.conventions import CONVENTIONS, Convention, Counting
from cnncost.analysis.cost import analyze
from cnncost.dtypes import element_bytes
from cnncost.errors import CheckFailed
from cnncost.graph import ElementSizes, Graph, at_batch
from cnncost.report import Counted


class Reconciled(NamedTuple):
    """What one convention makes of a network."""

    convention: Convention
    macs: int
    terms: tuple[tuple[str, int], ...]  #: operations beyond the MACs by label; none is zero
    counted: Counted  #: counted.ops = macs + sum of the terms
    untested: tuple[str, ...] = ()  #: operators that nobody has run the convention's program on


def reconcile(
    graph: Graph,
    *,
    batch: int = 1,
    dtype: str = "float32",
    mode: str = "eval",
    conventions: Iterable[Convention] = CONVENTIONS.values(),
) -> tuple[Reconciled, ...]:
    """Every convention's total for a graph and how it comes from the MACs.

    Raises CheckFailed if terms and total disagree, UsageError as `analyze` does.
    """
    return tuple([_reconciled(graph, each, batch, dtype, mode) for each in conventions])


def _reconciled(graph: Graph, rules: Convention, batch: int, dtype: str, mode: str) -> Reconciled:
    report = analyze(graph, batch=batch, dtype=dtype, mode=mode, convention=rules)
    totals = report.totals
    if mode == "eval":
        graph = graph.without_heads()
    shapes, sizes = at_batch(graph, batch), ElementSizes(element_bytes(dtype))
    sums = dict.fromkeys(rules.labels, 0)
    for node in graph.nodes[1:]:
        inputs = tuple([shapes[index] for index in node.inputs])
        bits = bops.operands(graph, node, sizes)
        call = Counting(node.op, shapes[node.index], inputs, node.written, bits)
        for label, ops in rules.terms(call).items():
            sums[label] += ops
    terms = tuple([(label, ops) for label, ops in sums.items() if ops])
    explained = totals.macs + sum([ops for _, ops in terms])
    if explained != totals.counted.ops:
        raise CheckFailed(
            f"{rules.name}: {graph.name} has {totals.counted.ops:,} {rules.ops_name},"
            f" but the MACs and the terms make {explained:,}"
        )
    return Reconciled(rules, totals.macs, terms, totals.counted, report.untested)
