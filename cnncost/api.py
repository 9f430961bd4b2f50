"""What the command line does, as functions: a question in Python, an `Answer` (or a Figure) back.

    cnncost.compare("vgg16", "resnet50")       cnncost.explain("alexnet", "conv1")
    cnncost.memory("resnet50", train=True)     cnncost.reconcile("resnet50")
    cnncost.zoo(family="resnet")               cnncost.plot("layers", "alexnet")
    cnncost.pick("zoo", "timm", max_macs=3e8, min_top1=70)
    cnncost.latency("resnet50", on="rtx-4090")
    cnncost.search("mobilenet_v2", ["width=0.5..1.5:0.25", "input=128..256:32"], max_macs=3e8)

A model is a name (as `cnncost.load` takes it), a graph, or an nn.Module with its `input_shape`. The commands
of the same names print these answers; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from cnncost.graph import Graph
from cnncost.models import as_graph
from cnncost.report import Report
from cnncost.request import Run
from cnncost.tables.answer import Answer

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from cnncost.choosing.explore import Objective, SearchResult
    from cnncost.choosing.pick import Choice
    from cnncost.workers import Workers

ModelLike = Union[str, Graph, "nn.Module"]


def table(
    model: ModelLike | Report,
    input_shape: Sequence[int] | None = None,
    *,
    columns: Sequence[str] | None = None,
    units: str = "",
    by: str = "layer",
    batch: int = 1,
    dtype: str = "float32",
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
        counting = Run(batch, dtype, mode, convention).counting
        report = analyze(as_graph(model, input_shape, batch), by=by, **counting)
    grid = layer_grid(report, columns or DEFAULT, in_units=parse_units(units) if units else {})
    return Answer(f"the layers of {report.name}", (grid,), document([report]))


def compare(
    *models: ModelLike,
    input_shape: Sequence[int] | None = None,
    batch: int = 1,
    dtype: str = "float32",
    convention: str = "cnncost",
    optimizer: str = "sgd",
    on: str | None = None,
) -> Answer:
    """Models side by side, with ratios to the first: counts, weights, memory, receptive field, accuracy.

    `input_shape` is that of every nn.Module among them; `on` names a device to predict the latency for.
    Raises UsageError for no model or an unknown word.
    """
    from cnncost.devices import device
    from cnncost.errors import UsageError
    from cnncost.tables.compare import compare_grid, compared, document

    if not models:
        raise UsageError("compare needs a model\n  for example: cnncost.compare('vgg16', 'resnet50')")
    graphs = [as_graph(model, input_shape, batch) for model in models]
    chosen = None if on is None else device(on)
    found = compared(graphs, Run(batch, dtype, convention=convention, on=on), optimizer, chosen)
    names = ", ".join(graph.name for graph in graphs)
    grid = compare_grid(found, optimizer=optimizer, on=chosen)
    return Answer(f"comparison of {names}", (grid,), document(found))


def memory(
    model: ModelLike,
    input_shape: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    convention: str = "cnncost",
    train: bool = False,
    optimizer: str = "sgd",
    together: bool = False,
    fused: bool = False,
    plan_for: int | None = None,
    fits: int | None = None,
    round_to: int = 1,
    device: str | None = None,
    micro_batches: int = 1,
    freeze: Sequence[str] = (),
    loss: str = "none",
    runtime: str | None = None,
    order: str = "given",
    patches: int = 0,
) -> Answer:
    """The memory of a forward pass node by node, or of a training step part by part, in bytes.

    `fits` is a number of bytes: the largest batch within stands in a note, and under "fits" of the
    document. `round_to` rounds tensors up to whole blocks (CUDA: 512); `together` has the optimizer update
    all weights at once, `fused` in one kernel; `micro_batches` accumulate their gradients, layers
    that `freeze` names (stage1, *.bn) are not trained; on the `device` cpu dropout keeps masks of floats. The
    `loss` none leaves the gradients of the outputs to the caller, cross_entropy makes them.

    With `plan_for` a number of bytes the answer is a training step that fits into them: checkpoints with the
    least recomputation, in how many micro-batches.

    With a `runtime` (eager, tflm, tinyengine, executorch) the answer is what that needs to run the network:
    its arena tensor by tensor, its flash; `fits` then gives the largest input and width. `order` best
    searches other orders of execution, `patches` runs the first stages patch by patch. Raises UsageError for
    an unknown word, a number that cannot be, or an operator that the runtime lacks.
    """
    from cnncost.analysis.cost import analyze
    from cnncost.errors import UsageError, known_word
    from cnncost.execution import freezing
    from cnncost.execution.fits import fits as fitting
    from cnncost.execution.memory import timeline, weight_bytes
    from cnncost.execution.plan import plan
    from cnncost.execution.training import OPTIMIZERS, training_memory
    from cnncost.tables import memory as tables

    if runtime is not None:
        given = Run(batch, dtype, convention=convention, device=device)
        return _deployment(as_graph(model, input_shape, batch), given, runtime, order, patches, fits)
    if round_to < 1:
        raise UsageError(f"--round {round_to} is not a number of bytes\n  CUDA's allocator rounds to 512")
    known_word("unknown optimizer", optimizer, OPTIMIZERS)
    graph = freezing.freeze(as_graph(model, input_shape, batch), freeze)
    run = Run(batch, dtype, convention=convention, device=device)
    inference = graph.without_heads()
    report = analyze(inference, **run.counting)
    running = plan(inference, batch=batch, dtype=dtype)
    weights = weight_bytes(running, round_to)
    step: dict[str, Any] = {
        "dtype": dtype, "optimizer": optimizer, "together": together, "fused": fused, "round_to": round_to,
        "device": known_word("unknown device", (device or "cuda").partition(":")[0], ("cpu", "cuda")),
    }  # fmt: skip
    if plan_for is not None:
        return _training_plan(graph, run._replace(mode="train"), plan_for, step)
    if train:
        training = training_memory(graph, batch=batch, micro_batches=micro_batches, loss=loss, **step)
        found = tables.training_document(training, optimizer, loss)
        grid = tables.training_grid(graph, batch, optimizer, training, step["device"], loss)
        if micro_batches > 1:
            found["micro_batches"] = micro_batches
            grid = tables.with_notes(grid, [tables.accumulated(batch, micro_batches)])
        if graph.frozen:
            found["frozen"] = [graph.nodes[index].name for index in sorted(graph.frozen)]
            grid = tables.with_notes(grid, [tables.untrained(graph)])
    else:
        line = timeline(running, round_to)
        found = tables.timeline_document(inference, line)
        grid = tables.timeline_grid(inference, batch, weights, line)
    notes = [tables.APART, tables.counted(report)]
    if fits is not None:
        largest = fitting(graph, fits, loss=loss, **step)
        found["fits"] = largest._asdict()
        notes.insert(0, tables.largest(largest, graph.unknown, found.get("estimated", ())))
    run = run._replace(mode="train" if train else "eval")
    what = "a training step" if train else "a forward pass"
    return Answer(
        f"memory of {what} of {graph.name}",
        (tables.with_notes(grid, notes),),
        tables.document(report, run, round_to, weights, found),
    )


def _training_plan(graph: Graph, run: Run, limit: int, step: dict[str, Any]) -> Answer:
    """A training step within so many bytes, as `memory` answers it."""
    from cnncost.execution.budget import fitting_plan
    from cnncost.tables import training_plan as tables

    found = fitting_plan(graph, limit, batch=run.batch, **step)
    return Answer(
        f"a training step of {graph.name} that fits",
        (tables.grid(graph, found, step["optimizer"]),),
        tables.document(graph, run, found, step["optimizer"]),
    )


def _deployment(graph: Graph, run: Run, runtime: str, order: str, patches: int, fits: int | None) -> Answer:
    """What a runtime needs for a graph, as `memory` answers it."""
    from cnncost.deployment.deploy import deploy
    from cnncost.deployment.largest import Largest, fitting
    from cnncost.errors import UsageError
    from cnncost.models import graph as loaded
    from cnncost.tables import deployment as tables

    asked: dict[str, Any] = {"batch": run.batch, "dtype": run.dtype, "order": order, "patches": patches}
    found = deploy(graph, runtime, **asked)
    largest: Largest | None = None
    if fits is not None and patches:
        raise UsageError("--fits looks at networks that are run whole\n  drop --patches")
    if fits is not None:
        largest = fitting(graph, loaded, lambda one: deploy(one, runtime, **asked).ram_bytes, fits)
    return Answer(
        f"memory of {graph.name} on {runtime}",
        (tables.grid(graph, run.batch, found, largest),),
        tables.document(graph, run, found, largest),
    )


def latency(
    *models: ModelLike,
    on: str,
    input_shape: Sequence[int] | None = None,
    batch: int = 1,
    dtype: str = "float32",
    mode: str = "eval",
    layout: str = "nchw",
    launch: str = "eager",
    tf32: bool = True,
    by: str | None = None,
    watts: float | None = None,
    price: float | None = None,
) -> Answer:
    """The predicted time of a batch on a device, as `cnncost predict` prints it: nothing is run.

    `on` is a device's name or the path of its YAML file; `launch` is eager, graph or compile; `tf32` False is
    `torch.backends.cudnn.allow_tf32 = False`; `by` (op, layer, block, stage) adds a table of rows per model.
    `watts` and `price` (of an hour) give joules per image and the cost of a million. A device that is not
    calibrated gives a lower bound. Raises UsageError for no model, an unknown word, or a dtype, layout or
    launch that the device was not calibrated for.
    """
    from cnncost.devices import device
    from cnncost.errors import UsageError
    from cnncost.tables import predict as tables

    if not models:
        raise UsageError("latency needs a model\n  for example: cnncost.latency('resnet50', on='rtx-4090')")
    rates = tables.Rates(watts, price)
    rates.check()
    chosen, run = device(on), Run(batch, dtype, mode, on=on)
    graphs = [as_graph(model, input_shape, batch) for model in models]
    found = tables.predicted(graphs, chosen, run, by=by or "layer", layout=layout, launch=launch, tf32=tf32)
    grids = [tables.rows_grid(each, chosen) for each in found] if by else []
    if not by or len(found) > 1 or watts is not None or price is not None:
        grids.insert(0, tables.predict_grid(found, chosen, rates))
    names = ", ".join(graph.name for graph in graphs)
    return Answer(
        f"predicted time of {names} on {chosen.name}", tuple(grids), tables.predict_document(found, rates)
    )


def explain(
    model: ModelLike,
    layer: str | None = None,
    input_shape: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
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
    graph, run = as_graph(model, input_shape, batch), Run(batch, dtype, mode, convention)
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
    layers = explained(graph, layer, batch=batch, element_bytes=element_bytes(dtype), rules=rules)
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
    graphs = [as_graph(model, input_shape, batch) for model in models]
    rows = [reconciled(graph, batch=batch, mode=mode, conventions=rules) for graph in graphs]
    unknown = any(graph.unknown for graph in graphs)  # in every table: CSV has one header
    grids = [reconcile_grid(graph, each, batch, unknown) for graph, each in zip(graphs, rows, strict=True)]
    names = ", ".join(graph.name for graph in graphs)
    document = reconcile_document(graphs, rows, Run(batch, mode=mode))
    return Answer(f"conventions of {names}", tuple(grids), document)


def zoo(
    *,
    family: str | None = None,
    years: str | None = None,
    max_params: float | None = None,
    max_macs: float | None = None,
    max_flops: float | None = None,
    max_activations: float | None = None,
    max_peak: float | None = None,
    min_top1: float | None = None,
    sort: str = "family",
    convention: str = "cnncost",
    on: str | None = None,
    batch: int = 1,
    dtype: str = "float32",
) -> Answer:
    """The models of the zoo that pass the filters, with counts and published top-1 accuracy.

    `years` is 2015, 2012-2014 or 2015-; limits are as of `pick`; `sort` is name, family, year, params, macs,
    top1 or latency, -macs reverses. `on` names a device whose predicted latency at a batch and dtype is
    added. Raises UsageError for an unknown word.
    """
    from cnncost.devices import device
    from cnncost.errors import UsageError
    from cnncost.limits import limits
    from cnncost.tables.zoo import document, selected, timed, zoo_grid, zoo_models

    kept = {
        "params": max_params, "macs": max_macs, "flops": max_flops, "activations": max_activations,
        "peak": max_peak, "top1": min_top1,
    }  # fmt: skip
    by_time = sort.removeprefix("-") == "latency"
    if by_time and on is None:
        raise UsageError("--sort latency needs a device\n  for example: --on rtx-4090")
    run, chosen = Run(batch, dtype, convention=convention, on=on), None if on is None else device(on)
    models = selected(zoo_models(convention, family, years), limits(kept), "family" if by_time else sort)
    if chosen is not None:
        models = timed(models, chosen, run)
        models = selected(models, sort=sort) if by_time else models
    return Answer("models of the zoo", (zoo_grid(models, convention, chosen),), document(models, run))


def pick(
    *origins: str,
    max_params: float | None = None,
    max_macs: float | None = None,
    max_flops: float | None = None,
    max_activations: float | None = None,
    max_peak: float | None = None,
    max_latency: float | None = None,
    min_top1: float | None = None,
    on: str | None = None,
    batch: int = 1,
    dtype: str = "float32",
    task: str = "imagenet",
    sort: str = "top1",
) -> Answer:
    """The networks of some origins (zoo, torchvision, timm, spec or ONNX files) that keep every limit.

    Limits are counts of batch 1, bytes (`max_peak`, float32), seconds (`max_latency`, predicted for the
    device `on` with this `batch` and `dtype`) and percent; costs are at the resolution at which the
    accuracy was published. Raises UsageError for an unknown word, and where nothing keeps the limits.
    """
    limits = {
        "params": max_params, "macs": max_macs, "flops": max_flops, "activations": max_activations,
        "peak": max_peak, "latency": max_latency, "top1": min_top1,
    }  # fmt: skip
    return picked(
        choice(limits, origins=origins or ("zoo",), task=task, sort=sort, on=on, run=Run(batch, dtype)),
        rows=0,
    )


def choice(
    given: Mapping[str, float | None],
    *,
    origins: Sequence[str] = ("zoo",),
    task: str = "imagenet",
    sort: str = "top1",
    on: str | None = None,
    run: Run = Run(),
) -> Choice:
    """What `pick` finds, as plain data; `given` has a limit for any of `cnncost.limits.QUANTITIES`."""
    from cnncost.choosing.pick import pick as choose
    from cnncost.limits import limits

    return choose(limits(given), origins, task, sort, on, run)


def picked(choice: Choice, rows: int) -> Answer:
    """A choice as tables, the first `rows` of it (0: all), and its document."""
    from cnncost.choosing.grids import choice_grids
    from cnncost.choosing.pick import document

    return Answer("networks that keep the limits", choice_grids(choice, rows), document(choice))


def search(
    model: str,
    vary: Sequence[str] | Mapping[str, Sequence[Any]],
    *,
    max_params: float | None = None,
    max_macs: float | None = None,
    max_flops: float | None = None,
    max_activations: float | None = None,
    max_peak: float | None = None,
    max_latency: float | None = None,
    maximize: Sequence[str] = (),
    minimize: Sequence[str] = (),
    objective: Objective | None = None,
    strategy: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    on: str | None = None,
    batch: int = 1,
    dtype: str = "float32",
    resume: str | Path | None = None,
    workers: int = 0,
    cluster: str | None = None,
) -> Answer:
    """The settings of a spec that keep the limits, and the front of the objectives among them.

    `vary` is texts as of --vary (width=0.5..1.5:0.25), or values by axis. `objective` is called with a
    setting (values by axis) and its counts, of those that keep the limits on counts; its number is the
    quantity "objective", maximized unless an objective is named. Raises SpecError, UsageError.
    """
    from cnncost.choosing import results
    from cnncost.workers import Workers

    if isinstance(vary, Mapping):
        vary = [f"{axis}={','.join(map(str, values))}" for axis, values in vary.items()]
    limits = {
        "params": max_params, "macs": max_macs, "flops": max_flops, "activations": max_activations,
        "peak": max_peak, "latency": max_latency,
    }  # fmt: skip
    found = searched(
        model, vary, limits, maximize=maximize, minimize=minimize, strategy=strategy, samples=samples,
        seed=seed, on=on, run=Run(batch, dtype), objective=objective,
        resume=None if resume is None else Path(resume), workers=Workers(workers, cluster),
    )  # fmt: skip
    return Answer(f"settings of {model}", (results.front_grid(found, 0),), results.document(found))


def searched(
    model: str,
    vary: Sequence[str],
    given: Mapping[str, float | None],
    *,
    maximize: Sequence[str] = (),
    minimize: Sequence[str] = (),
    strategy: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    on: str | None = None,
    run: Run = Run(),
    objective: Objective | None = None,
    resume: Path | None = None,
    workers: Workers | None = None,
    told: Callable[[int], None] | None = None,
) -> SearchResult:
    """What `search` finds, as plain data, every kept setting with it."""
    from cnncost.choosing.explore import SearchQuestion, check
    from cnncost.choosing.explore import search as explored
    from cnncost.choosing.journal import Journal
    from cnncost.limits import limits
    from cnncost.workers import HERE

    if not maximize and not minimize:
        maximize = ("objective",) if objective else ("macs",)
    question = SearchQuestion(
        model, tuple(vary), limits(given), tuple(maximize), tuple(minimize),
        strategy or ("grid" if samples is None else "random"), samples, seed, on, run, objective,
    )  # fmt: skip
    space = check(question)
    journal = None
    if resume is not None:
        journal = Journal(resume, question, "\n".join(space.family.document.lines))
    return explored(question, journal, workers or HERE, told or (lambda evaluated: None))


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

    graphs = [as_graph(model, input_shape, choices.get("batch", 1)) for model in models]
    on = sheet(paper, size=size, font=font, title=title, names=names)
    return draw_kind(kind, graphs, on, **choices).figure
