"""cnncost verify: every layer's figures against PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import NETWORK, asks
from cnncost.cli.workers import Cluster, WorkerCount, workers_of
from cnncost.errors import CheckFailed, UnavailableError, UsageError
from cnncost.request import Model, Run
from cnncost.tables.paper import Paper

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
    from cnncost.workers import done

    chosen_format(format, output)
    if bool(specs) == all:
        raise UsageError("verify needs models, or --all\n  for example: cnncost verify resnet50")
    rules = named(run.convention)
    target = of_name(run.device or "meta")
    from cnncost.measure.verify import verify

    models = options.models(changed, zoo.names() if all else specs or [])
    lost: UnavailableError | None = None
    if workers or cluster:
        spread = done(verified, [(model, run) for model in models], workers_of(workers, cluster))
        results: dict[int, Any] = {}
        with progress("verifying", len(models)) as step:
            try:
                for place, one in spread:
                    step(models[place].spec)
                    results[place] = one
            except UnavailableError as error:  # what came is shown
                lost = error
                if not results:
                    raise
        found = [results[place] for place in sorted(results)]
    else:
        graphs = options.load(models, run.batch, run.mode)
        with progress("verifying", len(graphs)) as step:
            found = []
            for graph in graphs:
                step(graph.name)
                found.append(verify(graph, target, run.mode, run.batch, convention=rules))
    grids = [tables.model_grid(found)] if all else [tables.layer_grid(one) for one in found]
    emit(grids, tables.document(found), format=format, output=output, paper=paper)
    if lost is not None:
        raise lost
    if message := tables.differing(found):
        raise CheckFailed(message)


def verified(given: tuple[Model, Run]) -> Verification:
    """One model, held to PyTorch by whichever worker has it: what `verify` of the room measure gives."""
    from cnncost.analysis.conventions import convention as named
    from cnncost.measure.device import device as of_name
    from cnncost.measure.verify import verify

    model, run = given
    (graph,) = options.load([model], run.batch, run.mode)
    device = of_name(run.device or "meta")
    return verify(graph, device, run.mode, run.batch, convention=named(run.convention))
