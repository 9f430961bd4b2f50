"""cnncost compare: models side by side, analytic and, with a device, measured."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from cnncost.cli import options
from cnncost.cli.measure import Threads, TimeLimit, WarmupLimit
from cnncost.errors import UnavailableError

EXAMPLES = (
    "cnncost compare vgg16 resnet50 mobilenet_v2",
    "cnncost compare resnet18 resnet34 --batch 32 --optimizer adam",
    "cnncost compare vgg16 resnet50 --device cuda --batch 64 --dtype bfloat16",
    "cnncost compare alexnet squeezenet1_1 --format markdown",
)


def command(
    specs: options.Specs,
    device: Annotated[
        Optional[str],
        typer.Option("--device", help="Measure too: cpu, cuda, cuda:1.", show_default="analysis only"),
    ] = None,
    batch: options.Batch = 1,
    dtype: options.Dtype = "float32",
    optimizer: Annotated[
        str, typer.Option("--optimizer", help="Of the training memory: sgd, momentum, adam.")
    ] = "sgd",
    threads: Threads = None,
    time_limit: TimeLimit = 10.0,
    warmup_limit: WarmupLimit = 5.0,
    input: options.Input = None,
    set: options.Set = None,
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Put models side by side with ratios to the first; needs no torch unless a device is named."""
    from cnncost import __version__
    from cnncost.analysis.compare import compare
    from cnncost.tables import compare as tables
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    target: Any = None
    if device is not None:
        from cnncost.measure.device import device as of_name

        target = of_name(device)
    graphs = [options.load(spec, input, set) for spec in specs]
    sides = compare(graphs, batch=batch, dtype=dtype, optimizer=optimizer)
    measured: list[Any] | None = None
    failed: list[str] = []
    interrupted = False
    if target is not None:
        from cnncost.cli.measure import run
        from cnncost.measure.latency import Setting, check

        setting = Setting(target, batch, dtype, threads=threads)
        check(setting)
        found, failed, interrupted = run(graphs, setting, time_limit, warmup_limit)
        by_name = {one.model: one for one in found}
        measured = [by_name.get(graph.name) for graph in graphs]
    grid = tables.grid(sides, batch, optimizer, measured)
    emit(
        [grid], tables.document(sides, batch, optimizer, __version__, measured), format=format, output=output
    )
    if interrupted:
        raise KeyboardInterrupt
    if failed:
        raise UnavailableError("\n".join(failed))
