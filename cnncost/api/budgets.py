"""The networks and the settings that keep a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncost.limits import CostLimits, named
from cnncost.request import Run
from cnncost.tables.answer import Answer

if TYPE_CHECKING:
    from cnncost.choosing.explore import Objective, SearchResult
    from cnncost.choosing.pick import Choice
    from cnncost.workers import Workers


def pick(
    *origins: str,
    on: str | None = None,
    batch: int = 1,
    dtype: str | None = None,
    layout: str | None = None,
    launch: str | None = None,
    tf32: bool = True,
    stack: str | None = None,
    runtime: str | None = None,
    task: str = "imagenet",
    sort: str = "top1",
    resume: str | Path | None = None,
    **limits: float | None,
) -> Answer:
    """The networks of some origins (zoo, torchvision, timm, spec or ONNX files) that keep every limit.

    Limits: max_params, max_macs, max_flops and max_activations are counts of batch 1, max_peak is in bytes
    (PyTorch in float32), max_ram and max_flash are in bytes (of a `runtime`: tflm, tinyengine, executorch),
    max_latency in seconds (predicted for the device `on` with this `batch` and `dtype`; `layout`, `launch`,
    `tf32` and `stack` are as of `latency`), min_top1 in percent; costs are at the resolution at which the
    accuracy was published. `resume` is a file that keeps what takes long to find, so that a choice that was
    interrupted goes on. Raises UsageError for an unknown word, and where nothing keeps the limits.
    """
    return picked(
        choice(
            named(limits),
            origins=origins or ("zoo",),
            task=task,
            sort=sort,
            on=on,
            run=_run(batch, dtype, layout, launch, tf32, stack, runtime),
            resume=None if resume is None else Path(resume),
        ),
        rows=0,
    )


def _run(
    batch: int,
    dtype: str | None,
    layout: str | None,
    launch: str | None,
    tf32: bool,
    stack: str | None,
    runtime: str | None,
) -> Run:
    """How what is chosen from runs: on the device whose time is predicted, or in a runtime."""
    return Run(
        batch, layout=layout, launch=launch, no_tf32=not tf32, precision=dtype, stack=stack, runtime=runtime
    )


def choice(
    given: CostLimits,
    *,
    origins: Sequence[str] = ("zoo",),
    task: str = "imagenet",
    sort: str = "top1",
    on: str | None = None,
    run: Run = Run(),
    resume: Path | None = None,
    told: Callable[[str], None] | None = None,
) -> Choice:
    """What `pick` finds, as plain data; `told` hears how far it is."""
    from cnncost.choosing.pick import pick as choose
    from cnncost.limits import limits

    return choose(limits(given), origins, task, sort, on, run, told or (lambda text: None), resume)


def picked(choice: Choice, rows: int) -> Answer:
    """A choice as tables, the first `rows` of it (0: all), and its document."""
    from cnncost.choosing.grids import choice_grids
    from cnncost.choosing.pick import document

    return Answer("networks that keep the limits", choice_grids(choice, rows), document(choice))


def search(
    model: str,
    vary: Sequence[str] | Mapping[str, Sequence[Any]],
    *,
    maximize: Sequence[str] = (),
    minimize: Sequence[str] = (),
    objective: Objective | None = None,
    strategy: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    on: str | None = None,
    batch: int = 1,
    dtype: str | None = None,
    layout: str | None = None,
    launch: str | None = None,
    tf32: bool = True,
    stack: str | None = None,
    runtime: str | None = None,
    resume: str | Path | None = None,
    workers: int = 0,
    cluster: str | None = None,
    **limits: float | None,
) -> Answer:
    """The settings of a spec that keep the limits, and the front of the objectives among them.

    Limits and what is said of the device are those of `pick`, but min_top1. `vary` is texts as of --vary
    (width=0.5..1.5:0.25), or values by axis. `objective` is called with a setting (values by axis) and its
    counts, of those that keep the limits on counts; its number is the quantity "objective", maximized unless
    an objective is named. Raises SpecError, UsageError.
    """
    from cnncost.choosing import results
    from cnncost.workers import Workers

    if isinstance(vary, Mapping):
        vary = [f"{axis}={','.join(map(str, values))}" for axis, values in vary.items()]
    found = searched(
        model, vary, named(limits, but=("min_top1",)), maximize=maximize, minimize=minimize,
        strategy=strategy, samples=samples, seed=seed, on=on,
        run=_run(batch, dtype, layout, launch, tf32, stack, runtime), objective=objective,
        resume=None if resume is None else Path(resume), workers=Workers(workers, cluster),
    )  # fmt: skip
    return Answer(f"settings of {model}", (results.front_grid(found, 0),), results.document(found))


def searched(
    model: str,
    vary: Sequence[str],
    given: CostLimits,
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
    told: Callable[[str], None] | None = None,
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
        sizes = [len(axis.values) for axis in space.axes]
        journal = Journal(resume, question, "\n".join(space.family.document.lines), sizes)
    return explored(question, journal, workers or HERE, told or (lambda text: None))
