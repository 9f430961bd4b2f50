"""cnncost pick: the networks that keep a budget."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.chosen import DeviceRun, RowCount
from cnncost.limits import CostLimits
from cnncost.request import Run
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost pick --max-params 5M --max-macs 600M --min-top1 70",
    "cnncost pick --max-macs 1G --from zoo --from torchvision --from timm --sort macs",
    "cnncost pick --max-peak 2MiB --min-top1 60 --from timm",
    "cnncost pick --max-latency 10ms --on t4 --min-top1 75",
    "cnncost pick --max-ram 320KiB --max-flash 1MiB --runtime tflm",
    "cnncost pick --max-macs 300M --from zoo --from my.yaml --picture choice.svg",
)


def command(
    limits: CostLimits = CostLimits(),
    origins: Annotated[
        Optional[list[str]],
        typer.Option(
            "--from",
            metavar="zoo|torchvision|timm|FILE",
            help="Where from: zoo, torchvision, timm, a spec or an ONNX file. Repeated for several.",
            show_default="zoo",
        ),
    ] = None,
    task: Annotated[
        str, typer.Option("--task", help="What the accuracy is of: imagenet, cifar10, ...")
    ] = "imagenet",
    sort: Annotated[
        str,
        typer.Option(
            "--sort",
            help="top1, params, macs, flops, activations, peak, ram, flash, latency or name; -macs reverses.",
        ),
    ] = "top1",
    run: DeviceRun = Run(),
    resume: Annotated[
        Optional[Path],
        typer.Option(
            "--resume",
            metavar="FILE",
            help="Write down in FILE what takes long to find; go on from what it holds.",
            show_default=False,
        ),
    ] = None,
    rows: RowCount = 20,
    picture: Annotated[
        Optional[Path],
        typer.Option(
            "--picture", metavar="FILE", help="Draw the choice as .png, .svg or .pdf.", show_default=False
        ),
    ] = None,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Pick networks that keep every limit: the Pareto front marked, and the nearest misses."""
    from cnncost import api
    from cnncost.cli.progress import line
    from cnncost.escape import terminal
    from cnncost.plots.drawing import picture_format
    from cnncost.tables.output import chosen_format, emit
    from cnncost.writing import write

    chosen_format(format, output)
    if picture is not None:
        picture_format(picture)
    with line() as told:
        choice = api.choice(
            limits,
            origins=tuple(origins or ("zoo",)),
            task=task,
            sort=sort,
            on=run.on,
            run=run,
            resume=resume,
            told=told,
        )
    if picture is not None:
        from cnncost.plots import choice as drawn

        drawing = drawn.draw(choice)
        write(picture, drawing.bytes(picture_format(picture)))
        for note in drawing.notes:
            print(terminal(f"note: {note}"), file=sys.stderr)
    answer = api.picked(choice, rows)
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)
