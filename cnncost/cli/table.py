"""cnncost table: the lecture's table of one or more models."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import MODEL, PAPER, asks
from cnncost.request import Model, Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost table alexnet",
    "cnncost table resnet50 --by stage --batch 32",
    "cnncost table googlenet --mode train --by block",
    "cnncost table vgg16 --convention deeprob",
    "cnncost table resnet50 --fold-bn",
    "cnncost table wrn_28_10 --set widen=4 --format markdown",
    "cnncost table my.yaml:small -o cost.tex",
    "cnncost table torchvision:resnet50 --by stage",
    "cnncost table resnet18 --bits w4a4 --bits stem=8 --bits fc=8",
    "cnncost table vgg16 --units memory=MiB,params=M,ops=G --columns name,memory,params,ops",
)

COLUMNS = "Columns, in this order, by comma: name,output,macs,receptive_field,..."


def command(
    models: Annotated[list[Model], asks(*MODEL, "fold_bn", "bits")],
    run: Run = Run(),
    by: Annotated[str, typer.Option("--by", help="A row per op, layer, block or stage.")] = "layer",
    units: Annotated[
        Optional[str], typer.Option("--units", help="Units of columns: memory=MiB,params=M,ops=G.")
    ] = None,
    paper: Annotated[Paper, asks(*PAPER, columns=COLUMNS)] = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Print the cost of every layer, with totals, shares and the convention."""
    from cnncost.analysis import analyze
    from cnncost.report import document
    from cnncost.tables.layers import DEFAULT, layer_grid, parse_units, quantised_columns
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    reports = [analyze(graph, by=by, **run.counting) for graph in options.load(models, run.batch, run.mode)]
    wanted = list(paper.columns or DEFAULT)
    if any(report.unknown for report in reports) and "unknown" not in wanted:
        wanted.append("unknown")  # in every table: CSV has one header
    if not paper.columns and any(report.bits for report in reports):
        wanted += [column for column in quantised_columns(run.convention) if column not in wanted]
    in_units = parse_units(units) if units else {}
    grids = [layer_grid(report, wanted, in_units=in_units) for report in reports]
    emit(grids, document(reports), format=format, output=output, paper=paper._replace(columns=()))
