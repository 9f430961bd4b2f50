"""cnncost measure: latency and memory of models on this machine."""

from __future__ import annotations

import sys
from math import inf
from typing import TYPE_CHECKING, Annotated, NamedTuple, Optional

import typer

from cnncost.cli import numbers, options
from cnncost.cli.spread import NETWORK, RUN, asks
from cnncost.cli.workers import Cluster, Resource, WorkerCount, workers_of
from cnncost.errors import UnavailableError, UsageError
from cnncost.graph import Graph
from cnncost.request import Model, Run
from cnncost.tables.paper import Paper
from cnncost.workers import HERE, Workers, done

if TYPE_CHECKING:
    from cnncost.measure.latency import Measurement
    from cnncost.measure.sampling import Progress, Stopping
    from cnncost.measure.setting import Setting
    from cnncost.measure.spread import MeasuringTask

EXAMPLES = (
    "cnncost measure resnet50",
    "cnncost measure resnet50 vgg16 --device cuda --batch 64 --dtype bfloat16 --layout nhwc",
    "cnncost measure mobilenet_v2 --threads 1 --layers",
    "cnncost measure alexnet --mode train -o run.json",
    "cnncost measure resnet18 --convention fvcore",
    "cnncost measure resnet18 resnet50 vgg16 --device cuda --cluster tcp://10.0.0.1:8786 --resource GPU=1",
)

Layout = Annotated[str, typer.Option("--layout", help="nchw or nhwc (channels last).")]
Threads = Annotated[Optional[int], typer.Option("--threads", help="CPU threads.", show_default="torch's own")]
TimeLimit = Annotated[
    float,
    typer.Option(
        "--time-limit",
        metavar="TIME",
        parser=numbers.seconds("--time-limit", bare=True),
        help="Of sampling per model, in seconds: 10, 500ms, 2min.",
    ),
]
WarmupLimit = Annotated[
    float,
    typer.Option(
        "--warmup-limit",
        metavar="TIME",
        parser=numbers.seconds("--warmup-limit", bare=True),
        help="Of warm-up per model, likewise.",
    ),
]


class MeasuredModels(NamedTuple):
    """What came of measuring several models, each by its place among them."""

    found: dict[int, Measurement]
    failed: dict[int, str]  #: messages of those that did not fit
    interrupted: bool  #: Ctrl-C came


def command(
    models: Annotated[list[Model], asks("spec", *NETWORK)],
    run: Annotated[Run, asks(*RUN, "device", dtype="float32, bfloat16 or float16.")] = Run(device="cpu"),
    layout: Layout = "nchw",
    graph: Annotated[bool, typer.Option("--graph", help="Replay a CUDA graph.")] = False,
    compile: Annotated[bool, typer.Option("--compile", help="Compile with torch.compile.")] = False,
    layers: Annotated[bool, typer.Option("--layers", help="The time of every layer too.")] = False,
    threads: Threads = None,
    time_limit: TimeLimit = 10.0,
    warmup_limit: WarmupLimit = 5.0,
    workers: WorkerCount = 0,
    cluster: Cluster = None,
    resource: Resource = None,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Measure until the median is known to 1 percent; memory against the prediction."""
    from cnncost.analysis.conventions import convention as named
    from cnncost.measure.device import device as of_name
    from cnncost.measure.device import require_torch
    from cnncost.tables import measure as tables
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    rules = named(run.convention)
    spread = workers_of(workers, cluster, resource)
    stopping = stopping_of(time_limit, warmup_limit)
    if spread != HERE:
        require_torch()
        from cnncost.measure.spread import MeasuringTask

        asked = (run, layout, graph, compile, layers, threads, stopping)
        outcome = spread_over(spread, [MeasuringTask(model, *asked) for model in models])
    else:
        target = of_name(run.device or "cpu")
        from cnncost.measure.setting import Setting, check

        setting = Setting(target, run.batch, run.dtype, layout, run.mode, graph, compile, layers, threads)
        check(setting)
        graphs = options.load(models, run.batch, run.mode)
        outcome = measure_all(graphs, setting, stopping, rules.name)
    found, failed, interrupted = outcome
    measured = [found[place] for place in sorted(found)]
    if measured:
        grids = [tables.model_grid(measured)] + [tables.layer_grid(one) for one in measured if one.layers]
        emit(grids, tables.document(measured), format=format, output=output, paper=paper)
    if interrupted:
        raise KeyboardInterrupt
    if failed:
        raise UnavailableError("\n".join(dict.fromkeys(failed.values())))


def spread_over(workers: Workers, tasks: list[MeasuringTask]) -> MeasuredModels:
    """Models measured by workers.

    What came before a scheduler was lost is among them, and that it was is the last message.
    """
    from cnncost.cli.progress import progress
    from cnncost.measure.spread import measured, workers_of

    found: dict[int, Measurement] = {}
    failed: dict[int, str] = {}
    with progress("measuring", len(tasks)) as step:
        try:
            for place, result in done(measured, tasks, workers_of(tasks[0], workers)):
                step(tasks[place].model.spec)
                if isinstance(result, str):
                    failed[place] = result
                else:
                    found[place] = result
        except UnavailableError as error:
            failed[len(tasks)] = str(error)
        except KeyboardInterrupt:
            return MeasuredModels(found, failed, True)
    return MeasuredModels(found, failed, False)


def stopping_of(time_limit: float, warmup_limit: float) -> Stopping:
    """When to stop measuring. Raises UsageError for a limit that is no time."""
    from cnncost.measure.sampling import Stopping

    for option, seconds in (("--time-limit", time_limit), ("--warmup-limit", warmup_limit)):
        if not 0 < seconds < inf:
            raise UsageError(f"{option} {seconds:g} is not a number of seconds above 0")
    return Stopping(time_limit=time_limit, warmup_limit=warmup_limit)


def measure_all(
    graphs: list[Graph], setting: Setting, stopping: Stopping, convention: str = "cnncost"
) -> MeasuredModels:
    """Models measured here, one after the other."""
    from cnncost.cli.progress import progress
    from cnncost.execution.training import check_batch
    from cnncost.graph import at_batch
    from cnncost.measure.latency import measure

    for graph in graphs:  # before the first is measured
        check_batch(graph, at_batch(graph, setting.batch), setting.mode)
    measured: dict[int, Measurement] = {}
    failed: dict[int, str] = {}
    with progress("measuring", len(graphs)) as step:
        for place, graph in enumerate(graphs):
            step(graph.name)
            try:
                measured[place] = measure(
                    graph, setting, stopping, progress=samples_line(graph.name), convention=convention
                )
            except UnavailableError as error:
                failed[place] = str(error)
                continue
            except KeyboardInterrupt:
                return MeasuredModels(measured, failed, True)
            if measured[place].samples.interrupted:
                return MeasuredModels(measured, failed, True)
    return MeasuredModels(measured, failed, False)


def samples_line(name: str) -> Progress | None:
    """A line on a terminal's standard error that says how well the median is known; else nothing."""
    if not sys.stderr.isatty():
        return None

    def show(count: int, width: float) -> None:
        known = "" if width == float("inf") else f", median known to {width:.1%}"
        print(f"\r\033[K{name}: {count} samples{known}", end="\r", file=sys.stderr, flush=True)

    return show
