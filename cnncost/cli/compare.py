"""cnncost compare: models side by side, analytic and, with a device, measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from cnncost.cli import options
from cnncost.cli.measure import Threads, TimeLimit, WarmupLimit
from cnncost.cli.spread import MODEL, asks
from cnncost.errors import UnavailableError
from cnncost.request import PREDICTED, Model, Run, Training
from cnncost.tables.paper import Paper

EXAMPLES = (
    "cnncost compare vgg16 resnet50",
    "cnncost compare resnet18 resnet34 resnet50 --batch 32 --optimizer adam",
    "cnncost compare xception resnet50_keras --convention keras --format markdown",
    "cnncost compare resnet18 mobilenet_v2 --bits w4a8",
    "cnncost compare resnet18 mobilenet_v2 --on t4 --batch 32",
    "cnncost compare vgg16 resnet50 --device cuda --batch 64 --dtype bfloat16",
)


def command(
    models: Annotated[list[Model], asks(*MODEL, "bits")],
    run: Annotated[
        Run,
        asks(
            "batch", "dtype", "convention", "on", *PREDICTED, device="Measure too, there: cpu, cuda, cuda:1."
        ),
    ] = Run(),
    training: Annotated[Training, asks("optimizer")] = Training(),
    threads: Threads = None,
    time_limit: TimeLimit = 10.0,
    warmup_limit: WarmupLimit = 5.0,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare models: counts, weights, memory, receptive field, accuracy, as ratios to the first.

    Without a device it needs no torch; with --device latency and memory are measured too, with --on latency
    is predicted for a device that is not at hand.
    """
    from cnncost.devices import device as known_device
    from cnncost.tables.compare import Compared, compare_grid, compared, document
    from cnncost.tables.measure import measured_values, warnings_of
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    options.one_device(run)
    run.check_predicting()
    on = None if run.on is None else known_device(run.on)
    if run.device is not None:
        from cnncost.measure.device import device as of_name

        target = of_name(run.device)
    graphs = options.load(models, run.batch, run.mode)
    found = compared(graphs, run, training.optimizer, on)
    failed: list[str] = []
    notes: tuple[str, ...] = ()
    interrupted = False
    if run.device is not None:
        from cnncost.cli.measure import measure_all, stopping_of
        from cnncost.measure.setting import Setting, check

        setting = Setting(target, run.batch, run.dtype, threads=threads)
        check(setting)
        stopping = stopping_of(time_limit, warmup_limit)
        timed, failures, interrupted = measure_all(graphs, setting, stopping)
        failed = list(failures.values())
        found = [
            Compared(
                model.report,
                model.training,
                measured_values(timed[place]) if place in timed else {},
                failures.get(place, "" if place in timed else "interrupted").partition("\n")[0],
            )
            for place, model in enumerate(found)
        ]
        notes = warnings_of(list(timed.values()))
    grid = compare_grid(found, optimizer=training.optimizer, on=on)
    grid = replace(grid, notes=(*grid.notes, *notes))
    emit([grid], document(found), format=format, output=output, paper=paper)
    if interrupted:
        raise KeyboardInterrupt
    if failed:
        raise UnavailableError("\n".join(failed))
