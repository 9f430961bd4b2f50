"""cnncost compare: models side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from cnncost.cli import options

EXAMPLES = (
    "cnncost compare vgg16 resnet50",
    "cnncost compare resnet18 resnet34 resnet50 --batch 32 --optimizer adam",
    "cnncost compare xception resnet50_keras --convention keras --format markdown",
)


def command(
    specs: options.Specs,
    batch: options.Batch = 1,
    input: options.Input = None,
    dtype: options.Dtype = "float32",
    set: options.Set = None,
    convention: options.ConventionName = "cnncost",
    optimizer: Annotated[str, typer.Option("--optimizer", help="sgd, momentum or adam.")] = "sgd",
    format: options.Format = None,
    output: options.Output = None,
) -> None:
    """Compare models: counts, weights, memory, receptive field, accuracy, as ratios to the first."""
    from cnncost import __version__
    from cnncost.analysis import analyze
    from cnncost.analysis.training import training_memory
    from cnncost.tables.compare import Compared, compare_grid, document
    from cnncost.tables.output import chosen_format, emit

    chosen_format(format, output)
    models = []
    for spec in specs:
        graph = options.load(spec, input, set)
        report = analyze(graph, batch=batch, dtype=dtype, by="op", convention=convention)
        training = training_memory(graph, batch=batch, dtype=dtype, optimizer=optimizer)
        models.append(Compared(report, training.peak))
    emit(
        [compare_grid(models, optimizer=optimizer)],
        document(models, __version__),
        format=format,
        output=output,
    )
