"""cnncost search: the settings of a spec that keep a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.chosen import DeviceRun, RowCount
from cnncost.cli.spread import asks
from cnncost.cli.workers import Cluster, WorkerCount, workers_of
from cnncost.limits import CostLimits
from cnncost.request import Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost search mobilenet_v2 --vary width=0.25..1.4:0.05 --vary input=128..256:32 --max-macs 300M",
    "cnncost search mobilenet_v2 --vary width=0.1..1.4:0.05 --vary input=96..224:16 --runtime tflm"
    " --max-ram 320KiB --max-flash 1MiB",
    "cnncost search resnet50 --vary 'depths[*]=2,3,4' --max-peak 12MiB --maximize flops",
    "cnncost search my.yaml --vary width=1..2:0.01 --samples 100k --minimize macs --maximize params",
    "cnncost search my.yaml --vary width=1..2:0.01 --strategy evolve --samples 5k --resume search.journal",
    "cnncost search my.yaml --vary depth=1..9 --kept kept.csv --picture flops.svg --format json",
    "cnncost search mnasnet1_0 --vary 'stages[*].kernel=3,5' --vary input=96,128 --picture f.svg"
    " --curves input",
)


def command(
    spec: options.Spec,
    vary: Annotated[
        Optional[list[str]],
        typer.Option(
            "--vary",
            metavar="AXIS=VALUES",
            help="What is varied: width=0.25..1.4:0.05, depth=2,3,4, depths[*]=2,3 (each element),"
            " input=128..256:32. Repeated.",
            show_default=False,
        ),
    ] = None,
    strategy: Annotated[
        Optional[str],
        typer.Option(
            "--strategy", help="grid, random or evolve.", show_default="grid; random with --samples"
        ),
    ] = None,
    samples: Annotated[
        Optional[int],
        typer.Option("--samples", metavar="COUNT", help="Try so many settings: 10k, 1M.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the random choices.", min=0)] = 0,
    maximize: Annotated[
        Optional[list[str]],
        typer.Option(
            "--maximize",
            help="An objective: params, macs, flops, activations, peak, ram, flash or latency. Repeated.",
            show_default="macs, if there is no other",
        ),
    ] = None,
    minimize: Annotated[
        Optional[list[str]], typer.Option("--minimize", help="Likewise, less is better.", show_default=False)
    ] = None,
    limits: Annotated[CostLimits, asks(*CostLimits._fields[:-1])] = CostLimits(),
    run: DeviceRun = Run(),
    resume: Annotated[
        Optional[Path],
        typer.Option(
            "--resume",
            metavar="FILE",
            help="Write down in FILE what is done; go on from what it holds.",
            show_default=False,
        ),
    ] = None,
    workers: WorkerCount = 0,
    cluster: Cluster = None,
    rows: RowCount = 20,
    kept: Annotated[
        Optional[Path],
        typer.Option(
            "--kept", metavar="FILE", help="Every kept setting as .csv or .parquet.", show_default=False
        ),
    ] = None,
    picture: Annotated[
        Optional[Path],
        typer.Option(
            "--picture",
            metavar="FILE",
            help="Draw the distribution of FLOPs as .png, .svg or .pdf.",
            show_default=False,
        ),
    ] = None,
    curves: Annotated[
        Optional[list[str]],
        typer.Option(
            "--curves",
            metavar="AXIS",
            help="Of the picture: a curve for each value of this axis: input, width. Repeated.",
            show_default=False,
        ),
    ] = None,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Search the settings of a spec: those that keep every limit, and the Pareto front of the objectives."""
    from cnncost import api
    from cnncost.choosing import results
    from cnncost.choosing.axes import space
    from cnncost.cli.progress import line
    from cnncost.language import zoo
    from cnncost.plots.drawing import picture_format
    from cnncost.tables.output import chosen_format, emit
    from cnncost.writing import write

    chosen_format(format, output)
    if picture is not None:
        picture_format(picture)
    if curves:
        from cnncost.plots.distribution import check

        check(space(*zoo.find(spec), vary or ()), curves)
    kept_format = results.kept_format(kept) if kept is not None else ""
    with line() as told:
        found = api.searched(
            spec,
            vary or (),
            limits,
            maximize=maximize or (),
            minimize=minimize or (),
            strategy=strategy,
            samples=samples,
            seed=seed,
            on=run.on,
            run=run,
            resume=resume,
            workers=workers_of(workers, cluster),
            told=told,
        )
    if kept is not None:
        write(kept, results.kept_table(found, kept_format))
    if picture is not None:
        from cnncost.plots import distribution

        write(picture, distribution.draw(found, by=curves or ()).bytes(picture_format(picture)))
    emit(
        (results.front_grid(found, rows),),
        results.document(found),
        format=format,
        output=output,
        paper=paper,
    )
