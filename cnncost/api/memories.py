"""The memory of a forward pass, of a training step, of an inference runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnncost.api.models import ModelLike
from cnncost.border import whole_number
from cnncost.graph import Graph
from cnncost.models import as_graph, typed
from cnncost.request import Run
from cnncost.tables.answer import Answer
from cnncost.tables.grid import Grid

if TYPE_CHECKING:
    from cnncost.execution.autocast import Autocast
    from cnncost.execution.training import StepSettings


def memory(
    model: ModelLike,
    input_shape: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str | None = None,
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
    held: Sequence[str] = (),
    ddp: str = "none",
    loss: str = "none",
    autocast: str | None = None,
    runtime: str | None = None,
    order: str = "given",
    patches: int = 0,
) -> Answer:
    """The memory of a forward pass node by node, or of a training step part by part, in bytes.

    `fits` is a number of bytes: the largest batch within stands in a note, and under "fits" of the
    document. `round_to` rounds tensors up to whole blocks (CUDA: 512); `together` has the optimizer update
    all weights at once, `fused` in one kernel; `micro_batches` accumulate their gradients, layers
    that `freeze` names (stage1, *.bn) are not trained, those that `held` names stay in eval mode; on the
    `device` cpu dropout keeps masks of floats. The `loss` none leaves the gradients of the outputs to the
    caller, cross_entropy makes them.
    `ddp` copies or views is a process of DistributedDataParallel, with its buckets by formula.
    `autocast` (bfloat16, float16) runs the step in a context of torch.autocast, by the rules of the `device`.

    With `plan_for` a number of bytes the answer is a training step that fits into them: checkpoints with the
    least recomputation, in how many micro-batches, under autocast or not (to bfloat16, if no other type is
    named; the `autocast` none rules it out).

    With a `runtime` (eager, tflm, tinyengine, executorch) the answer is what that needs to run the network:
    its arena tensor by tensor, its flash; `fits` then says whether that fits, how else
    it does, and the largest input and width of a spec. `order` best
    searches other orders of execution, `patches` runs the first stages patch by patch. Raises UsageError for
    an unknown word, a number that cannot be, or an operator that the runtime lacks.
    """
    from cnncost.analysis.cost import analyze
    from cnncost.errors import known_word
    from cnncost.execution import freezing
    from cnncost.execution.autocast import context
    from cnncost.execution.fits import fits as fitting
    from cnncost.execution.memory import timeline, weight_bytes
    from cnncost.execution.plan import plan
    from cnncost.execution.training import OPTIMIZERS, StepSettings
    from cnncost.tables import memory as tables

    check(
        convention=convention, train=train, optimizer=optimizer, together=together, fused=fused,
        plan_for=plan_for, round_to=round_to, device=device, micro_batches=micro_batches, freeze=freeze,
        held=held, ddp=ddp, loss=loss, autocast=autocast, runtime=runtime, order=order, patches=patches,
    )  # fmt: skip
    mode = "train" if train or plan_for is not None else "eval"
    whole = typed(as_graph(model, input_shape, batch, mode=mode), dtype)
    run = Run(batch, dtype or "float32", convention=convention, device=device)
    if fits is not None:
        whole_number("what is to fit into", fits)
    if runtime is not None:
        return _deployment(whole, run, runtime, order, patches, fits)
    known_word("unknown optimizer", optimizer, OPTIMIZERS)
    graph = freezing.hold(freezing.freeze(whole, freeze), held)
    inference = graph.without_heads()
    report = analyze(inference, **run.counting)
    running = plan(inference, batch=batch, dtype=run.dtype, packed=not train)
    weights = weight_bytes(running, round_to)
    where = known_word("unknown device", (device or "cuda").partition(":")[0], ("cpu", "cuda"))
    step = StepSettings(run.dtype, optimizer, together, fused, round_to, where)
    mixed = context(autocast, where)
    if plan_for is not None:
        return _training_plan(graph, run._replace(mode=mode), plan_for, step, autocast)
    step = step._replace(autocast=autocast, loss=loss)
    if train:
        grid, found = _training(graph, batch, micro_batches, ddp, mixed, step)
    else:
        line = timeline(running, round_to)
        grid = tables.timeline_grid(inference, batch, weights, line)
        found = tables.timeline_document(inference, line)
    notes = [tables.PACKED if graph.quantised else tables.APART, tables.counted(report)]
    if fits is not None:
        largest = fitting(graph, fits, step)
        found["fits"] = largest._asdict()
        notes.insert(0, tables.largest(largest, graph.unknown, found.get("estimated", ())))
    what = "a training step" if train else "a forward pass"
    return Answer(
        f"memory of {what} of {graph.name}",
        (tables.with_notes(grid, notes),),
        tables.document(report, run._replace(mode=mode), round_to, weights, found),
    )


def _training(
    graph: Graph, batch: int, micro_batches: int, ddp: str, mixed: Autocast | None, step: StepSettings
) -> tuple[Grid, dict[str, Any]]:
    """The table of a training step, with a note on everything that makes it another than the plain one, and
    its part of the document.
    """
    from cnncost.execution.training import check_floats, training_memory
    from cnncost.tables import memory as tables

    check_floats(graph.name, graph.dtype or step.dtype)
    training = training_memory(graph, batch=batch, micro_batches=micro_batches, ddp=ddp, **step._asdict())
    grid = tables.training_grid(graph, batch, step.optimizer, training, step.device, step.loss)
    found, notes = tables.training_document(training, step.optimizer, step.loss), []
    if mixed:
        found["autocast"] = mixed.dtype
        notes.append(tables.mixed(mixed))
    if micro_batches > 1:
        found["micro_batches"] = micro_batches
        notes.append(tables.accumulated(batch, micro_batches))
    if training.buckets:
        found["ddp"] = {"way": ddp, "buckets": list(training.buckets.sizes)}
        notes.append(tables.gathered(training.buckets))
    if graph.frozen:
        found["frozen"] = [graph.nodes[index].name for index in sorted(graph.frozen)]
        notes.append(tables.untrained(graph))
    return tables.with_notes(grid, notes), found


OF_RUNTIME = {"order": "given", "patches": 0}
"""What is asked of a runtime's arena alone, and what stands for nothing."""
OF_TRAINING: dict[str, Any] = {
    "micro_batches": 1, "fused": False, "freeze": (), "held": (), "ddp": "none", "autocast": None,
    "loss": "none",
}  # fmt: skip
"""What is asked of a training step alone."""
OF_PYTORCH = {
    "train": False, "together": False, "round_to": 1, "device": None, "optimizer": "sgd", "plan_for": None,
    "convention": "cnncost",
}  # fmt: skip
"""What no other runtime knows."""
OPTIONS = {"round_to": "--round", "held": "--eval", "plan_for": "--plan"}
"""Arguments whose option has another name."""


def check(**asked: Any) -> None:
    """Raise UsageError for a question that nothing answers: what is of a training step alone without one,
    of a runtime without one, or of PyTorch beside one; and for numbers that cannot be.
    """
    from cnncost.errors import UsageError

    def given(usual: Mapping[str, Any]) -> str:
        said = {name: tuple(asked[name]) if value == () else asked[name] for name, value in usual.items()}
        names = [name for name, value in usual.items() if said[name] != value]
        return OPTIONS.get(names[0], f"--{names[0].replace('_', '-')}") if names else ""

    if asked["runtime"] is None and given(OF_RUNTIME):
        raise UsageError(f"{given(OF_RUNTIME)} is of a runtime's arena\n  name one: --runtime tflm")
    if asked["runtime"] is not None and given(OF_PYTORCH):
        wrong = given(OF_PYTORCH)
        raise UsageError(f"--runtime is inference on a device: it does not use {wrong}\n  drop {wrong}")
    if asked["plan_for"] is not None and asked["loss"] != "none":
        raise UsageError("--loss is not of a plan, which is made without one\n  drop --loss")
    if not asked["train"] and asked["plan_for"] is None and given(OF_TRAINING):
        raise UsageError(f"{given(OF_TRAINING)} is of a training step\n  pass --train")
    if asked["round_to"] < 1:
        raise UsageError(
            f"--round {asked['round_to']} is not a number of bytes\n  CUDA's allocator rounds to 512"
        )


def _training_plan(graph: Graph, run: Run, limit: int, step: StepSettings, autocast: str | None) -> Answer:
    """A training step within so many bytes, as `memory` answers it."""
    from cnncost.execution.budget import fitting_plan
    from cnncost.execution.training import check_autocast
    from cnncost.tables import training_plan as tables

    check_autocast(graph, run.dtype, autocast)
    float32 = (graph.dtype or run.dtype) == "float32"
    offered = {None: "bfloat16" if float32 else None, "none": None}.get(autocast, autocast)
    found = fitting_plan(graph, limit, batch=run.batch, settings=step, autocast=offered)
    return Answer(
        f"a training step of {graph.name} that fits",
        (tables.grid(graph, found, step.optimizer),),
        tables.document(graph, run, found, step.optimizer, step.device),
    )


def _deployment(graph: Graph, run: Run, runtime: str, order: str, patches: int, fits: int | None) -> Answer:
    """What a runtime needs for a graph, as `memory` answers it."""
    from cnncost.deployment.deploy import deploy
    from cnncost.deployment.largest import fitting, other_way, searchable
    from cnncost.deployment.runtimes import RUNTIMES
    from cnncost.models import graph as loaded
    from cnncost.tables import deployment as tables

    asked: dict[str, Any] = {"batch": run.batch, "dtype": run.dtype, "order": order, "patches": patches}
    found = deploy(graph, runtime, **asked)
    room: tables.Room | None = None
    if fits is not None:
        room = tables.Room(fits, fits - found.ram_bytes)

        def needed(one: Graph = graph, **other: Any) -> int:
            return deploy(one, runtime, **{**asked, **other}).ram_bytes

        if room.left < 0 and not patches and runtime in RUNTIMES:
            room = room._replace(way=other_way(needed, fits, RUNTIMES[runtime].patches))
        if searchable(graph) and not patches:
            room = room._replace(largest=fitting(graph, loaded, needed, fits))
    return Answer(
        f"memory of {graph.name} on {runtime}",
        (tables.grid(graph, run.batch, found, room),),
        tables.document(graph, run, found, room),
    )
