"""cnncost diff: what changed between two models, node by node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost.cli import options

EXAMPLES = (
    "cnncost diff resnet50 resnet50_v1",
    "cnncost diff nets/edge.yaml --rev main",
    "cnncost diff resnet50 nets/edge.yaml:small --format markdown",
)

SUFFIXES = {".txt": "text", ".md": "markdown", ".json": "json"}
FORMATS = ("text", "markdown", "json")


def command(
    before: Annotated[
        str,
        typer.Argument(
            metavar="SPEC", help="A model.", autocompletion=options.complete_model, show_default=False
        ),
    ],
    after: Annotated[
        Optional[str],
        typer.Argument(
            metavar="[SPEC]",
            help="The model to compare with.",
            autocompletion=options.complete_model,
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
    input: options.Input = None,
    set: options.Set = None,
    kwargs: options.Kwargs = None,
    allow_unknown: options.AllowUnknown = False,
    batch: options.Batch = 1,
    dtype: options.Dtype = "float32",
    mode: options.Mode = "eval",
    convention: options.ConventionName = "cnncost",
    format: Annotated[
        Optional[str],
        typer.Option(
            "--format", "-f", help="text, markdown or json.", show_default="by --output's suffix, else text"
        ),
    ] = None,
    output: Annotated[
        Optional[Path],
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to a file (.txt .md .json).", show_default=False
        ),
    ] = None,
) -> None:
    """Compare two models in structure and cost: totals, and nodes added, removed, changed or rewired.

    With --rev the spec at that revision is compared with the file as it is now. Nodes are paired by
    structure; a renamed block is one line.
    """
    from cnncost import __version__
    from cnncost.analysis.conventions import convention as named
    from cnncost.errors import UsageError
    from cnncost.regress import request as requests
    from cnncost.regress.compare import compare
    from cnncost.regress.documents import difference_document
    from cnncost.regress.grids import difference_grids
    from cnncost.regress.revision import at_revision
    from cnncost.regress.snapshot import snapshot
    from cnncost.tables.output import chosen_format, put

    kind = chosen_format(format, output, formats=FORMATS, suffixes=SUFFIXES)
    if (after is None) == (rev is None):
        raise UsageError(
            "diff compares two models, or one with a git revision\n"
            "  cnncost diff resnet50 resnet50_v1, or cnncost diff nets/edge.yaml --rev main"
        )
    here = Path()
    specs = [before] if after is None else [before, after]
    values, sizes = options.values(specs, set, kwargs), options.parse_input(input)
    one, *other = [
        requests.Request(spec, sizes, tuple(values[spec].items()), batch, dtype, mode, allow_unknown)
        for spec in specs
    ]
    if rev is not None:
        names = (f"{before}@{rev}", before)
        graphs = (at_revision(one, rev, here), requests.loaded(one, here))
    else:
        names = (before, specs[1])
        graphs = (requests.loaded(one, here), requests.loaded(other[0], here))
    rules = named(convention)
    old, new = (snapshot(graph, rules, batch=batch, dtype=dtype) for graph in graphs)
    comparison = compare(old, new)
    grids = difference_grids(names, old, new, comparison, rules)
    document = difference_document(names, old, new, comparison, rules.name, __version__)
    put(grids, document, kind, output)
