"""What networks cost, and how that comes about: tables, comparisons, workings, times, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnncost.api.models import ModelLike
from cnncost.models import as_graph, told_apart, typed
from cnncost.report import Report
from cnncost.request import Run
from cnncost.tables.answer import Answer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FLOAT = "float32"
"""The element type of what has none of its own, if nobody says another."""


def _run(batch: int, dtype: str | None, tf32: bool = True, **others: Any) -> Run:
    """A run that may be predicted: no `dtype` is float32 for counts, and what a device is calibrated for."""
    return Run(batch, dtype or FLOAT, no_tf32=not tf32, precision=dtype, **others)


def table(
    model: ModelLike | Report,
    input_shape: Sequence[int] | None = None,
    *,
    columns: Sequence[str] | None = None,
    units: str = "",
    by: str = "layer",
    batch: int = 1,
    dtype: str | None = None,
    mode: str = "eval",
    convention: str = "cnncost",
) -> Answer:
    """The cost of every layer, as `cnncost table` prints it; of a model, or a report that is there already.

    `columns` are keys of `cnncost.tables.layers.COLUMNS`; `units` is memory=MiB,params=M,ops=G. Raises
    UsageError for an unknown word.
    """
    from cnncost.analysis import analyze
    from cnncost.report import document
    from cnncost.tables.layers import DEFAULT, layer_grid, parse_units

    if isinstance(model, Report):
        report = model
    else:
        graph = typed(as_graph(model, input_shape, batch), dtype)
        report = analyze(graph, by=by, **_run(batch, dtype, mode=mode, convention=convention).counting)
    grid = layer_grid(report, columns or DEFAULT, in_units=parse_units(units) if units else {})
    return Answer(f"the layers of {report.name}", (grid,), document([report]))


def show(model: ModelLike, input_shape: Sequence[int] | None = None) -> str:
    """A model as a tree of its blocks and operators with shapes, as `cnncost show` has it: text to print."""
    from cnncost.tables.tree import tree

    return tree(as_graph(model, input_shape))


def compare(
    *models: ModelLike,
    input_shape: Sequence[int] | None = None,
    batch: int = 1,
    dtype: str | None = None,
    convention: str = "cnncost",
    optimizer: str = "sgd",
    on: str | None = None,
    layout: str | None = None,
    launch: str | None = None,
    tf32: bool = True,
    stack: str | None = None,
) -> Answer:
    """Models side by side, with ratios to the first: counts, weights, memory, receptive field, accuracy.

    `input_shape` is that of every nn.Module among them; `on` names a device to predict the latency for, and
    `layout`, `launch`, `tf32` and `stack` are as of `latency`. Raises UsageError for no model or an unknown
    word.
    """
    from cnncost.devices import device
    from cnncost.errors import UsageError
    from cnncost.tables.compare import compare_grid, compared, document

    if not models:
        raise UsageError("compare needs a model\n  for example: cnncost.compare('vgg16', 'resnet50')")
    graphs = told_apart([typed(as_graph(model, input_shape, batch), dtype) for model in models])
    chosen = None if on is None else device(on)
    run = _run(batch, dtype, tf32, convention=convention, on=on, layout=layout, launch=launch, stack=stack)
    run.check_predicting()
    found = compared(graphs, run, optimizer, chosen)
    names = ", ".join(graph.name for graph in graphs)
    grid = compare_grid(found, optimizer=optimizer, on=chosen)
    return Answer(f"comparison of {names}", (grid,), document(found))


def explain(
    model: ModelLike,
    layer: str | None = None,
    input_shape: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str | None = None,
    mode: str = "eval",
    convention: str = "cnncost",
) -> Answer:
    """How a layer's figures come about: formula, numbers, result; without a layer the totals by kind.

    `layer` is a layer's or a block's name, or its last parts. Raises UsageError if there is none, or several.
    """
    from cnncost.analysis import analyze
    from cnncost.analysis.conventions import convention as named
    from cnncost.analysis.explain import biggest, by_kin
    from cnncost.analysis.explain import explain as explained
    from cnncost.dtypes import element_bytes
    from cnncost.tables import working

    rules = named(convention)
    graph = typed(as_graph(model, input_shape, batch), dtype)
    run = _run(batch, dtype, mode=mode, convention=convention)
    report = analyze(graph, by="op", **run.counting)
    if mode == "eval":
        graph = graph.without_heads()
    if layer is None:
        kins, most = by_kin(graph, report), biggest(report)
        grids = [working.model_grid(report, kins, most)]
        return Answer(
            f"the cost of {report.name} by kind",
            tuple(grids),
            working.document(report, kins=kins, biggest=most),
        )
    layers = explained(graph, layer, batch=batch, element_bytes=element_bytes(run.dtype), rules=rules)
    grids = working.layer_grids(report.name, layers, rules)
    return Answer(
        f"the working of {layer} of {report.name}", tuple(grids), working.document(report, layers=layers)
    )


def reconcile(
    *models: ModelLike,
    conventions: Sequence[str] = (),
    input_shape: Sequence[int] | None = None,
    batch: int = 1,
    mode: str = "eval",
) -> Answer:
    """One model, or several, under every convention, and the terms that lead from the MACs to each total.

    `conventions` are names; (): all. Raises UsageError for an unknown one, or no model.
    """
    from cnncost.analysis.conventions import CONVENTIONS
    from cnncost.analysis.conventions import convention as named
    from cnncost.analysis.reconcile import reconcile as reconciled
    from cnncost.errors import UsageError
    from cnncost.tables.reconcile import reconcile_document, reconcile_grid

    if not models:
        raise UsageError("reconcile needs a model\n  for example: cnncost.reconcile('resnet50')")
    rules = [named(name) for name in conventions or CONVENTIONS]
    graphs = told_apart([as_graph(model, input_shape, batch) for model in models])
    rows = [reconciled(graph, batch=batch, mode=mode, conventions=rules) for graph in graphs]
    unknown = any(graph.unknown for graph in graphs)  # in every table: CSV has one header
    grids = [reconcile_grid(graph, each, batch, unknown) for graph, each in zip(graphs, rows, strict=True)]
    names = ", ".join(graph.name for graph in graphs)
    document = reconcile_document(graphs, rows, Run(batch, mode=mode))
    return Answer(f"conventions of {names}", tuple(grids), document)


def zoo(
    *words: str,
    family: str | None = None,
    years: str | None = None,
    sort: str = "family",
    convention: str = "cnncost",
    on: str | None = None,
    batch: int = 1,
    dtype: str | None = None,
    layout: str | None = None,
    launch: str | None = None,
    tf32: bool = True,
    stack: str | None = None,
    **limits: float | None,
) -> Answer:
    """The models of the zoo that pass the filters, with counts and published top-1 accuracy.

    `words` are of the names: `zoo("resnet", "vgg16")`; `years` is 2015, 2012-2014 or 2015-; limits are those
    of `pick`, but max_ram, max_flash and max_latency; `sort` is name, family, year, params, macs, top1 or
    latency, -macs reverses.
    `on` names a device whose predicted latency at a batch and dtype is added; `layout`, `launch`, `tf32` and
    `stack` are as of `latency`. Raises UsageError for an unknown word.
    """
    from cnncost.devices import device
    from cnncost.errors import UsageError
    from cnncost.limits import ON_DEVICE, named
    from cnncost.limits import limits as checked
    from cnncost.tables.zoo import document, selected, timed, zoo_grid, zoo_models

    kept = checked(named(limits, but=ON_DEVICE))
    by_time = sort.removeprefix("-") == "latency"
    if by_time and on is None:
        raise UsageError("--sort latency needs a device\n  for example: --on rtx-4090")
    run = _run(batch, dtype, tf32, convention=convention, on=on, layout=layout, launch=launch, stack=stack)
    run.check_predicting("precision", "batch")
    chosen = None if on is None else device(on)
    models = selected(zoo_models(convention, family, years, words), kept, "family" if by_time else sort)
    if chosen is not None:
        models = timed(models, chosen, run)
        models = selected(models, sort=sort) if by_time else models
    return Answer("models of the zoo", (zoo_grid(models, convention, chosen),), document(models, run))


def latency(
    *models: ModelLike,
    on: str,
    input_shape: Sequence[int] | None = None,
    batch: int = 1,
    dtype: str | None = None,
    mode: str = "eval",
    layout: str | None = None,
    launch: str | None = None,
    tf32: bool = True,
    stack: str | None = None,
    by: str | None = None,
    watts: float | None = None,
    price: float | None = None,
) -> Answer:
    """The predicted time of a batch on a device, as `cnncost predict` prints it: nothing is run.

    `on` is a device's name or the path of its YAML file; `launch` is eager, graph or compile; `tf32` False is
    `torch.backends.cudnn.allow_tf32 = False`; `stack` has words of a profile's stack (PyTorch 2.1), else it
    is the newest; `by` (op, layer, block, stage) adds a table of rows per model. What is None of `dtype`,
    `layout` and `launch` is as the device is calibrated. `watts` and `price` (of an hour) give joules per
    image and the cost of a million. In mode train it is a whole step. A device that is not calibrated gives a
    lower bound. Raises UsageError for no model, an unknown word, or a dtype, layout or launch that the device
    was not calibrated for.
    """
    from cnncost.devices import device
    from cnncost.errors import UsageError
    from cnncost.tables import predict as tables

    if not models:
        raise UsageError("latency needs a model\n  for example: cnncost.latency('resnet50', on='rtx-4090')")
    rates = tables.Rates(watts, price)
    rates.check()
    chosen = device(on)
    run = _run(batch, dtype, tf32, mode=mode, on=on, layout=layout, launch=launch, stack=stack)
    graphs = told_apart([typed(as_graph(model, input_shape, batch), dtype) for model in models])
    found = tables.predicted(graphs, chosen, run, by=by or "layer")
    grids = [tables.rows_grid(each, chosen) for each in found] if by else []
    if not by or len(found) > 1 or watts is not None or price is not None:
        grids.insert(0, tables.predict_grid(found, chosen, rates))
    names = ", ".join(graph.name for graph in graphs)
    return Answer(
        f"predicted time of {names} on {chosen.name}", tuple(grids), tables.predict_document(found, rates)
    )


def training_run(
    *models: ModelLike,
    on: str,
    images: int | None,
    epochs: int,
    input_shape: Sequence[int] | None = None,
    batch: int = 256,
    dtype: str | None = None,
    layout: str | None = None,
    tf32: bool = True,
    stack: str | None = None,
    watts: float | None = None,
    price: float | None = None,
) -> Answer:
    """What a whole training costs on a device, as `cnncost train` prints it: device-hours, energy, money.

    `images` are those of an epoch; without a `dtype` it is float32, or the first that the device was
    calibrated for. The others are as of `latency`. Raises UsageError as that does, and for what are no
    whole numbers.
    """
    from cnncost.devices import device
    from cnncost.errors import UsageError
    from cnncost.tables import training_run as tables
    from cnncost.tables.predict import Rates, predicted

    if not models:
        raise UsageError(
            "training_run needs a model\n  for example: cnncost.training_run('resnet50', on='rtx-3090',"
            " images=1281167, epochs=90)"
        )
    rates, schedule = Rates(watts, price), tables.TrainingLength.of(images, epochs)
    rates.check()
    chosen = device(on)
    run = _run(batch, dtype, tf32, mode="train", on=on, layout=layout, stack=stack)
    graphs = told_apart([as_graph(model, input_shape, batch) for model in models])
    steps = zip(graphs, predicted(graphs, chosen, run), strict=True)
    found = [tables.trained(graph, step) for graph, step in steps]
    grid = tables.training_grid(found, chosen, schedule, rates)
    names = ", ".join(graph.name for graph in graphs)
    document = tables.training_document(found, chosen, schedule, rates)
    return Answer(f"training of {names} on {chosen.name}", (grid,), document)


def plot(
    kind: str,
    *models: ModelLike,
    input_shape: Sequence[int] | None = None,
    paper: str | None = None,
    size: str | None = None,
    font: str | None = None,
    title: str | None = None,
    names: str | None = None,
    **choices: Any,
) -> Figure:
    """A picture as a matplotlib Figure: of a kind of `cnncost.plots.KINDS`, for some models.

    `paper`, `size`, `font`, `title` and `names` are as of `cnncost plot`; `choices` are what
    the kind uses (batch, dtype, by, x, y, values, device, ...). Raises UsageError for an
    unknown word.
    """
    from cnncost.plots import draw_kind
    from cnncost.plots.sheet import sheet

    graphs = told_apart([as_graph(model, input_shape, choices.get("batch", 1)) for model in models])
    on = sheet(paper, size=size, font=font, title=title, names=names)
    return draw_kind(kind, graphs, on, **choices).figure
