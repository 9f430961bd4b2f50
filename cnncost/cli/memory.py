"""cnncost memory: what is alive when, the peak, and the largest batch that fits; what a runtime needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cnncost import units
from cnncost.cli import numbers, options
from cnncost.cli.spread import MODEL, asks
from cnncost.errors import UsageError, did_you_mean
from cnncost.graph import Graph
from cnncost.request import Model, Run, Training
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost memory alexnet",
    "cnncost memory vgg16 --batch 32 --train --optimizer adam",
    "cnncost memory alexnet --train --device cpu",
    "cnncost memory resnet50 --train --freeze conv1 --eval '*.bn' --ddp copies",
    "cnncost memory unet --train --loss cross_entropy",
    "cnncost memory resnet50 --train --batch 64 --autocast bfloat16",
    "cnncost memory resnet50 --fits 24GiB",
    "cnncost memory resnet152 --train --batch 256 --fits 24GiB --plan -o plan.json",
    "cnncost memory resnet50 --round 512 --format json",
    "cnncost memory vgg16 --convention cs231n",
    "cnncost memory mobilenet_v2 --runtime tflm --dtype int8 --fits 320KiB",
    "cnncost memory mobilenet_v2 --runtime tflm --dtype int8 --bits w4",
    "cnncost memory mobilenet_v2 --runtime tinyengine --dtype int8 --patches 4",
    "cnncost memory resnet18 --runtime executorch --plot arena.svg",
)


def command(
    model: Annotated[Model, asks(*MODEL, "bits")],
    run: Annotated[Run, asks("batch", "dtype", "convention", "device")] = Run(),
    train: Annotated[
        bool, typer.Option("--train", help="A training step instead of a forward pass.")
    ] = False,
    training: Training = Training(),
    make_plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="A training step within --fits: checkpoints and micro-batches, with a recipe."
        ),
    ] = False,
    fits: Annotated[
        Optional[str],
        typer.Option(
            "--fits",
            metavar="SIZE",
            help="The largest batch in so much memory: 24GiB, 500MB, or that of a device.",
        ),
    ] = None,
    round: Annotated[
        int,
        typer.Option(
            "--round",
            metavar="BYTES",
            parser=numbers.size("--round", bare=True),
            help="Tensors in whole blocks: 512 (CUDA), 1KiB.",
        ),
    ] = 1,
    runtime: Annotated[
        Optional[str],
        typer.Option(
            "--runtime",
            help="The arena and flash that a runtime needs: eager, tflm, tinyengine, executorch.",
            show_default=False,
            rich_help_panel="Deployment",
        ),
    ] = None,
    order: Annotated[
        str,
        typer.Option(
            "--order", help="given, or best: search orders of execution.", rich_help_panel="Deployment"
        ),
    ] = "given",
    patches: Annotated[
        int,
        typer.Option(
            "--patches",
            metavar="N",
            help="Run the first stages in N x N patches.",
            show_default=False,
            rich_help_panel="Deployment",
        ),
    ] = 0,
    plot: Annotated[
        Optional[Path],
        typer.Option(
            "--plot",
            metavar="FILE",
            help="Draw the arena: time across, address up (.png .svg .pdf).",
            show_default=False,
            rich_help_panel="Deployment",
        ),
    ] = None,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Show the memory of a forward pass node by node, or of a training step; weights stated apart."""
    from cnncost import api
    from cnncost.api import memories
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    if plot is not None and runtime is None:
        raise UsageError("--plot is of a runtime's arena\n  name one: --runtime tflm")
    check_plan(train, make_plan, fits, training)
    asked: dict[str, Any] = {
        "train": train, **training._asdict(), "round_to": round,
        "plan_for": parse_size(fits) if make_plan and fits is not None else None,
        "device": run.device, "convention": run.convention,
        "runtime": runtime, "order": order, "patches": patches,
    }  # fmt: skip
    memories.check(**asked)
    (graph,) = options.load([model], run.batch, "train" if train else "eval")
    answer = api.memory(
        graph,
        batch=run.batch,
        dtype=model.dtype,
        fits=None if fits is None else parse_size(fits),
        **asked,
    )
    if plot is not None:
        deployed = {"batch": run.batch, "dtype": run.dtype, "order": order, "patches": patches}
        draw(graph, plot, str(runtime), deployed)
    emit(answer.grids, answer.document, format=format, output=output, paper=paper)


def check_plan(train: bool, plan: bool, fits: str | None, training: Training) -> None:
    """Raise UsageError for a plan of no training step, without a limit, or of what it finds itself."""
    if plan and not train:
        raise UsageError("--plan is of a training step\n  pass --train")
    if plan and fits is None:
        raise UsageError("--plan needs to know into how much memory\n  for example: --fits 24GiB")
    if plan and training.micro_batches != 1:
        raise UsageError("--plan finds the number of micro-batches itself\n  drop --micro-batches")
    if plan and training.ddp != "none":
        raise UsageError("--plan is of one process: it does not know the buckets of --ddp\n  drop --ddp")


def draw(graph: Graph, path: Path, runtime: str, asked: dict[str, Any]) -> None:
    """Draw a runtime's arena into a file."""
    from cnncost.deployment.deploy import deploy
    from cnncost.plots import arena
    from cnncost.plots.drawing import picture_format
    from cnncost.writing import write

    format = picture_format(path)
    write(path, arena.draw(graph.name, deploy(graph, runtime, **asked)).bytes(format))


def parse_size(text: str) -> int:
    """`24GiB`, `500 MB` or a device's name, whose memory it is; UsageError for anything else."""
    from cnncost.devices import device, is_one, names

    if is_one(text):
        return device(text).fitting_bytes()
    size = units.written_bytes(text)
    if size is None:
        if (either := units.either_bytes(text)) is not None:
            raise UsageError(
                f"--fits {text!r} is not a size: K, M and G are no units of bytes\n"
                f"  write --fits {' or '.join(either)}"
            )
        bare = units.written_count(text)
        cure = f"{text.strip()}GiB" if bare is not None and text.strip().isdecimal() else "24GiB"
        hint = did_you_mean(text, names()) if bare is None else None
        raise UsageError(
            f"--fits {text!r} is not a size"
            + (": it has no unit" if bare is not None else "")
            + (f", nor a device: {hint}" if hint else "")
            + f"\n  write --fits {cure}, 500MB or 320KiB, or a device, as rtx-4090 (cnncost help devices)"
        )
    return size
