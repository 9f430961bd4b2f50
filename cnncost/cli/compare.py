"""cnncost compare: models side by side, analytic and, with a device, measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Optional

import typer

from cnncost.cli import options
from cnncost.cli.measure import Threads, TimeLimit, WarmupLimit
from cnncost.errors import UnavailableError

EXAMPLES = (
    "cnncost compare vgg16 resnet50",
    "cnncost compare resnet18 resnet34 resnet50 --batch 32 --optimizer adam",
    "cnncost compare xception resnet50_keras --convention keras --format markdown",
    "cnncost compare vgg16 resnet50 --device cuda --batch 64 --dtype bfloat16",
)


def command(
    specs: options.Specs,
    batch: options.Batch = 1,
    input: options.Input = None,
    dtype: options.Dtype = "float32",
    set: options.Set = None,
    kwargs: options.Kwargs = None,
    allow_unknown: options.AllowUnknown = False,
    convention: options.ConventionName = "cnncost",
    optimizer: Annotated[str, typer.Option("--optimizer", help="sgd, momentum or adam.")] = "sgd",
    device: Annotated[
        Optional[str],
        typer.Option("--device", help="Measure too: cpu, cuda, cuda:1.", show_default="analysis only"),
    ] = None,
    threads: Threads = None,
    time_limit: TimeLimit = 10.0,
    warmup_limit: WarmupLimit = 5.0,
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare models: counts, weights, memory, receptive field, accuracy, as ratios to the first.

    Without a device it needs no torch; with one, latency and memory are measured too.
    """
    from cnncost import __version__
    from cnncost.analysis import analyze
    from cnncost.execution.training import training_memory
    from cnncost.tables.compare import Compared, compare_grid, document
    from cnncost.tables.measure import measured_values, warnings_of
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    target: Any = None
    if device is not None:
        from cnncost.measure.device import device as of_name

        target = of_name(device)
    graphs = options.load_all(specs, input, set, kwargs, allow_unknown)
    models = []
    for graph in graphs:
        report = analyze(graph, batch=batch, dtype=dtype, by="op", convention=convention)
        training = training_memory(graph, batch=batch, dtype=dtype, optimizer=optimizer)
        models.append(Compared(report, training.peak))
    failed: list[str] = []
    notes: tuple[str, ...] = ()
    interrupted = False
    if target is not None:
        from cnncost.cli.measure import plan_of, run
        from cnncost.measure.setting import Setting, check

        setting = Setting(target, batch, dtype, threads=threads)
        check(setting)
        plan = plan_of(time_limit, warmup_limit)
        found, failures, interrupted = run(graphs, setting, plan)
        failed = list(failures.values())
        models = [
            Compared(
                model.report,
                model.training_bytes,
                measured_values(found[place]) if place in found else {},
                failures.get(place, "" if place in found else "interrupted").partition("\n")[0],
            )
            for place, model in enumerate(models)
        ]
        notes = warnings_of(list(found.values()))
    grid = compare_grid(models, optimizer=optimizer)
    emit(
        [replace(grid, notes=(*grid.notes, *notes))],
        document(models, __version__),
        format=format,
        output=output,
    )
    if interrupted:
        raise KeyboardInterrupt
    if failed:
        raise UnavailableError("\n".join(failed))
