"""analyze: the quantities of every node and of the whole, as a report."""

from __future__ import annotations

from collections.abc import Sequence

from cnncost.analysis.conventions import Convention
from cnncost.analysis.conventions import convention as named_convention
from cnncost.analysis.quantities import Cost, node_costs, summed
from cnncost.analysis.rows import rows
from cnncost.border import whole_number
from cnncost.dtypes import bits_of, is_float
from cnncost.errors import UsageError, known_word
from cnncost.execution.memory import liveness_bytes, peak_bytes
from cnncost.execution.plan import Plan, plan
from cnncost.graph import Graph, Node
from cnncost.ops.sizes import elements
from cnncost.report import InputTensor, Report, Totals
from cnncost.request import Run

MODES = ("eval", "train")


def analyze(
    graph: Graph,
    *,
    batch: int = 1,
    dtype: str = "float32",
    mode: str = "eval",
    by: str = "layer",
    convention: str | Convention = "cnncost",
) -> Report:
    """The report of a graph: rows at a level (op, layer, block, stage) and totals.

    Counts are of the whole batch, `dtype` sets the bytes of an element where the graph has no types of its
    own (an import has: `Graph.in_type` makes them others), `mode` is eval (training
    heads left out) or train. Raises UsageError for an unknown word or a batch that is no whole number from 1.
    """
    batch = whole_number("a batch", batch)
    known_word("unknown mode", mode, MODES)
    if mode == "train" and graph.facts.get("mode") == "eval":
        raise UsageError(
            f"{graph.name} was imported in mode eval, without what only training runs\n"
            "  import it in mode train: cnncost.load(name, mode='train')"
        )
    rules = named_convention(convention) if isinstance(convention, str) else convention
    if mode == "eval":
        graph = graph.without_heads()
    running = plan(graph, batch=batch, dtype=dtype, packed=True)
    costs = node_costs(graph, running.source_shapes, running.element_sizes, rules)
    if mode == "train":
        from cnncost.analysis.backward import backward_macs  # here: a plain table starts without it

        backward = backward_macs(graph, batch)
        costs = [cost._replace(backward_macs=macs) for cost, macs in zip(costs, backward, strict=True)]
    return Report(
        name=graph.name,
        source=graph.source,
        input_shape=graph.input_shape,
        run=Run(batch, graph.dtype or dtype, mode, rules.name),
        totals=totals_of(running, costs, rules),
        rows=rows(running, costs, by, rules),
        facts=graph.facts,
        inputs=inputs(graph, dtype),
        as_run=tuple(graph.facts.get("as_run", ())),
        road=graph.facts.get("road", ""),
        batch_axis=graph.batch_axis,
        taken=tuple(graph.facts.get("taken", ())),
        unknown=graph.unknown,
        estimated=running.estimated,
        bits=widths(graph),
        untested=rules.untested_of(graph.nodes),
        model=graph.model,
    )


def totals_of(running: Plan, costs: Sequence[Cost], rules: Convention) -> Totals:
    """The sums over all nodes, and what only the whole has."""
    whole, sizes, graph = summed(costs), running.element_sizes, running.source
    given = [sizes.output(node, elements(running.source_shapes[node.index])) for node in graph.inputs]
    input_bytes = rules.input_bytes(sum(given))
    peak = peak_bytes(running)
    return Totals(
        params=whole.params,
        trainable=whole.trainable,
        buffers=whole.buffers,
        weight_bytes=whole.weight_bytes,
        macs=whole.macs,
        backward_macs=whole.backward_macs,
        flops=whole.flops,
        activation_elements=whole.elements,
        activation_bytes=whole.activation_bytes,
        peak_bytes=peak,
        liveness_bytes=peak if running.last is running.last_reads else liveness_bytes(running),
        counted=whole.counted._replace(memory_bytes=whole.counted_bytes + input_bytes),
        bops=whole.bops,
    )


def widths(graph: Graph) -> tuple[int, ...]:
    """The bits that were asked for, or that an import's whole-number weights have; (): none are quantised."""
    if graph.quantised:
        return graph.widths
    learned = [node for node in graph.nodes if node.types and node.op.params(*graph.input_shapes(node))]
    return tuple(sorted({bits_of(node.types.weights) for node in learned if node.types and whole(node)}))


def whole(node: Node) -> bool:
    """Whether an import has a node's weights as whole numbers."""
    return node.types is not None and not is_float(node.types.weights)


def inputs(graph: Graph, dtype: str) -> tuple[InputTensor, ...]:
    """What the network is given; what has no element type of its own has that of the report."""
    given = graph.facts.get("inputs")
    if not given:
        types = graph.nodes[0].types
        return (InputTensor("input", tuple(graph.input_shape), types.output if types else dtype),)
    return tuple(
        [
            InputTensor(item.name, item.shape, node.types.output if node.types else item.dtype or dtype)
            for item, node in zip(given, graph.inputs, strict=False)  # what nothing reads has no node
        ]
    )
