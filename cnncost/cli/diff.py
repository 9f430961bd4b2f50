"""cnncost diff: what changed between two models, node by node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import COUNTED, asks
from cnncost.request import Model, Request, Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost diff resnet50 resnet50_v1",
    "cnncost diff nets/edge.yaml --rev main",
    "cnncost diff resnet50 nets/edge.yaml:small --format markdown",
    "cnncost diff resnet18 resnet34 --width column --label tab:diff -o difference.tex",
)


def command(
    before: Annotated[
        str,
        typer.Argument(metavar="SPEC", help="A model.", show_default=False),
    ],
    after: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[SPEC]",
            help="The model to compare with.",
            show_default=False,
        ),
    ] = None,
    rev: Annotated[
        Optional[str],
        typer.Option(
            "--rev",
            metavar="REV",
            help="Compare with the first spec at this git revision.",
            show_default=False,
        ),
    ] = None,
    changed: Annotated[Model, asks(*COUNTED)] = Model(""),
    run: Run = Run(),
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare two models in structure and cost: totals, and nodes added, removed, changed or rewired.

    With --rev the spec at that revision is compared with the file as it is now. Nodes are paired by
    structure; a renamed block is one line.
    """
    from cnncost.analysis.conventions import convention as named
    from cnncost.errors import UsageError
    from cnncost.regress import names
    from cnncost.regress.compare import compare
    from cnncost.regress.documents import difference_document
    from cnncost.regress.grids import difference_grids
    from cnncost.regress.revision import at_revision
    from cnncost.regress.snapshot import snapshot
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    if (after is None) == (rev is None):
        raise UsageError(
            "diff compares two models, or one with a git revision\n"
            "  cnncost diff resnet50 resnet50_v1, or cnncost diff nets/edge.yaml --rev main"
        )
    here = Path()
    specs = [before] if after is None else [before, after]
    one, *other = [Request(model, run) for model in options.models(changed, specs)]
    if rev is not None:
        titles = (f"{before}@{rev}", before)
        graphs = (at_revision(one.model, rev, here), names.loaded(one, here))
    else:
        titles = (before, specs[1])
        graphs = (names.loaded(one, here), names.loaded(other[0], here))
    rules = named(run.convention)
    bits = any(graph.quantised for graph in graphs)
    old, new = (snapshot(names.in_mode(graph, run.mode), rules, run, bits=bits) for graph in graphs)
    comparison = compare(old, new)
    grids = difference_grids(titles, old, new, comparison, rules)
    document = difference_document(titles, old, new, comparison, run)
    emit(grids, document, format=format, output=output, paper=paper)
