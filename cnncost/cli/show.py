"""cnncost show: a model as a tree of blocks, where it comes from, and what is published of it."""

from __future__ import annotations

import sys

import typer

from cnncost.cli import options
from cnncost.request import Model

EXAMPLES = ("cnncost show resnet50", "cnncost show googlenet --set classes=10", "cnncost show my.yaml:small")


def command(
    model: Model,
) -> None:
    """Print the graph of a model: blocks, operators, shapes and where each comes from.

    Below it stand the paper and the published figures, beside what is counted; these only for a model
    as its spec has it, without --input and --set.
    """
    from cnncost.analysis import analyze
    from cnncost.analysis.published import Counts, counts_of, figures
    from cnncost.escape import line, terminal
    from cnncost.tables import text
    from cnncost.tables.facts import citation, facts_grid
    from cnncost.tables.tree import tree

    (graph,) = options.load([model])
    typer.echo(terminal(tree(graph, text.terminal_width(sys.stdout))), nl=False)
    if paper := graph.facts.get("paper"):
        typer.echo("\n" + terminal(text.fitting(line(citation(paper)))))
    published = graph.facts.get("published", ())
    if published and model == Model(model.spec):

        def at_input(size: tuple[int, ...]) -> Counts:
            (other,) = options.load([model._replace(input=size)])
            return counts_of(analyze(other).totals)

        counts = counts_of(analyze(graph).totals)
        facts = [(fact, figures(fact, graph, counts, at_input)) for fact in published]
        typer.echo()
        text.show([facts_grid(facts)])
