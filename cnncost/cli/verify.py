"""cnncost verify: every layer's figures against PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import NETWORK, asks
from cnncost.cli.workers import Cluster, WorkerCount, workers_of
from cnncost.errors import CheckFailed, UnavailableError, UsageError
from cnncost.graph import Graph
from cnncost.request import Model, Run
from cnncost.tables.paper import Paper
from cnncost.workers import Workers, done

if TYPE_CHECKING:
    from cnncost.measure.verify import Verification

EXAMPLES = (
    "cnncost verify resnet50",
    "cnncost verify googlenet --mode train --device cpu",
    "cnncost verify --all --workers 4",
    "cnncost verify my.yaml --format json",
    "cnncost verify resnet18 --convention fvcore",
)


def command(
    specs: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="SPEC...",
            help="Zoo names, spec files, variants, imports (torchvision:resnet50).",
            show_default=False,
        ),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Every model of the zoo; a line per model.")] = False,
    changed: Annotated[Model, asks(*NETWORK)] = Model(""),
    run: Annotated[
        Run, asks("batch", "mode", "convention", device="meta (nothing is computed), cpu, cuda, cuda:1.")
    ] = Run(batch=2, device="meta"),
    workers: WorkerCount = 0,
    cluster: Cluster = None,
    paper: Paper = Paper(),
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare output shapes, parameters, buffers, MACs and output bytes of every node with PyTorch's."""
    from cnncost.analysis.conventions import convention as named
    from cnncost.cli.progress import progress
    from cnncost.language import zoo
    from cnncost.measure.device import device as of_name
    from cnncost.tables import verify as tables
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    if bool(specs) == all:
        raise UsageError("verify needs models, or --all\n  for example: cnncost verify resnet50")
    named(run.convention)  # an unknown word is refused before any model is read
    of_name(run.device or "meta")
    models = options.models(changed, zoo.names() if all else specs or [])
    lost: UnavailableError | None = None
    if workers or cluster:
        found, lost = verified_by(workers_of(workers, cluster), models, run)
    else:
        found = []
        graphs = options.load(models, run.batch, run.mode)
        with progress("verifying", len(graphs)) as step:
            for graph in graphs:
                step(graph.name)
                found.append(held_to_pytorch(graph, run))
    grids = [tables.model_grid(found)] if all else [tables.layer_grid(one) for one in found]
    emit(grids, tables.document(found), format=format, output=output, paper=paper)
    if lost is not None:
        raise lost
    if message := tables.differing(found):
        raise CheckFailed(message)


def verified_by(
    workers: Workers, models: list[Model], run: Run
) -> tuple[list[Verification], UnavailableError | None]:
    """Models verified by workers, and why not all, if a scheduler was lost. Raises that where none came."""
    from cnncost.cli.progress import progress

    results: dict[int, Verification] = {}
    lost: UnavailableError | None = None
    with progress("verifying", len(models)) as step:
        try:
            for place, one in done(verified, [(model, run) for model in models], workers):
                step(models[place].spec)
                results[place] = one
        except UnavailableError as error:
            if not results:
                raise
            lost = error
    return [results[place] for place in sorted(results)], lost


def verified(given: tuple[Model, Run]) -> Verification:
    """One model, verified by whichever worker has it."""
    model, run = given
    (graph,) = options.load([model], run.batch, run.mode)
    return held_to_pytorch(graph, run)


def held_to_pytorch(graph: Graph, run: Run) -> Verification:
    """What `verify` of the room measure gives for a graph, as a run asks for it."""
    from cnncost.analysis.conventions import convention
    from cnncost.measure.device import device
    from cnncost.measure.verify import verify

    rules = convention(run.convention)
    return verify(graph, device(run.device or "meta"), run.mode, run.batch, convention=rules)
