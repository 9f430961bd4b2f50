"""cnncost show: a model as a tree of blocks, where it comes from, and what is published of it."""

from __future__ import annotations

import sys

import typer

from cnncost.cli import options

EXAMPLES = ("cnncost show resnet50", "cnncost show googlenet --set classes=10", "cnncost show my.yaml:small")


def command(
    spec: options.Spec,
    input: options.Input = None,
    set: options.Set = None,
    kwargs: options.Kwargs = None,
    allow_unknown: options.AllowUnknown = False,
) -> None:
    """Print the graph of a model: blocks, operators, shapes and where each comes from.

    Below it stand the paper and the published figures, beside what is counted; these only for a model
    as its spec has it, without --input and --set.
    """
    from cnncost.analysis import analyze
    from cnncost.analysis.published import Counts, counts_of, figures
    from cnncost.tables import text
    from cnncost.tables.facts import citation, facts_grid
    from cnncost.tables.tree import tree

    graph = options.load(spec, input, set, kwargs, allow_unknown)
    typer.echo(tree(graph, text.terminal_width(sys.stdout)), nl=False)
    if paper := graph.facts.get("paper"):
        typer.echo("\n" + text.fitting(citation(paper)))
    published = graph.facts.get("published", ())
    if published and input is None and not set:

        def at_input(size: tuple[int, ...]) -> Counts:
            return counts_of(analyze(options.load(spec, "x".join(map(str, size)), None, kwargs)).totals)

        counts = counts_of(analyze(graph).totals)
        facts = [(fact, figures(fact, graph, counts, at_input)) for fact in published]
        typer.echo()
        text.show([facts_grid(facts)])
