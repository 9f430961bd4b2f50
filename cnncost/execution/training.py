"""Memory of a training step, to the byte: weights, gradients, optimizer state, and what is alive beside them.

The step itself is simulated in step.py; here the optimizer's update is added, and the peak is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost.border import whole_number
from cnncost.errors import UsageError, known_word
from cnncost.execution.autocast import context
from cnncost.execution.checkpoint import Segment
from cnncost.execution.ledger import Top
from cnncost.execution.loss import LOSSES
from cnncost.execution.parallel import WAYS, Buckets, buckets
from cnncost.execution.plan import Plan, plan
from cnncost.execution.step import TrainingStep
from cnncost.graph import MOST_IMAGES, Graph, at_batch
from cnncost.ops.norm import BatchNorm
from cnncost.ops.sizes import Shape, elements


class Optimizer(NamedTuple):
    """What an optimizer keeps and needs, in tensors of the size of a weight."""

    state: int  #: kept between steps, for every weight
    temporary: int  #: alive for a moment while one weight is updated
    together: int  #: the same where all weights are updated at once (foreach)


OPTIMIZERS = {
    "sgd": Optimizer(0, 0, 0),
    "momentum": Optimizer(1, 0, 0),  # the momentum buffer
    "adam": Optimizer(2, 2, 1),  # the two moments; the root of the second, and its quotient
    "adamw": Optimizer(2, 2, 1),  # the decay is in place
}
"""As torch.optim updates one weight after the other (foreach=False), all at once (foreach=True, its default
on CUDA: `together`), or in one kernel that needs nothing beside (`fused`)."""


MOST_PARTS = 4096
"""Of a batch."""


class StepSettings(NamedTuple):
    """How a training step runs, whatever its batch and its checkpoints: arguments of `training_memory`."""

    dtype: str = "float32"
    optimizer: str = "sgd"
    together: bool = False
    fused: bool = False
    round_to: int = 1
    device: str = "cuda"
    loss: str = "none"
    autocast: str | None = None


class TrainingMemory(NamedTuple):
    """Bytes of a training step.

    At the peak some gradients are not made yet and some of what was saved is freed already:
    peak = weights + optimizer_state + gradients_at_peak + saved_at_peak + transient, and what buckets hold
    beside the gradients.
    """

    weights: int  #: parameters and buffers
    gradients: int  #: of all trained weights; one that is a view of another tensor keeps all of that alive
    optimizer_state: int
    saved: int  #: kept for the backward pass at the end of the forward pass, each storage once, weights not
    peak: int
    phase: str  #: where the peak falls: forward, backward or update
    node: str  #: the node that runs then, "" in the update
    gradients_at_peak: int
    saved_at_peak: int
    transient: int  #: what else is alive at the peak: input, outputs, gradients of activations
    estimated: tuple[str, ...] = ()  #: operators whose memory is an estimate
    buckets: Buckets | None = None  #: of DistributedDataParallel, beside the gradients or around them


def one_by_one(weights: Sequence[int], temporary: int) -> int:
    """The most bytes beside the weights when they are updated one after the other.

    torch.optim's loop refers to the last temporary of one weight until it has the first of the next.
    """
    before = [0, *weights] if temporary else [0] * (len(weights) + 1)
    return max([temporary * size + last for size, last in zip(weights, before, strict=False)], default=0)


def divisors(batch: int) -> list[int]:
    """Into how many micro-batches of one size a batch can be cut."""
    return [part for part in range(1, min(batch, MOST_PARTS) + 1) if batch % part == 0]


def check_floats(name: str, dtype: str | None) -> None:
    """Raise UsageError for a training step in int8: PyTorch has gradients of floating-point numbers alone."""
    if dtype == "int8":
        raise UsageError(
            f"{name} in int8 cannot be trained: gradients are floating-point numbers\n  pass --dtype float32"
        )


def check_batch(graph: Graph, shapes: Sequence[Shape], mode: str) -> None:
    """Raise UsageError where a batch is too small for PyTorch's batch norm: one value has no variance.

    `shapes` are those of the nodes' outputs, the batch included.
    """
    for node in graph.nodes:
        batch = mode == "train" and not (isinstance(node.op, BatchNorm) and node.op.fixed)
        if isinstance(node.op, BatchNorm) and (batch or not node.op.statistics):
            x = shapes[node.inputs[0]]
            if elements(x) == x[1]:
                raise UsageError(
                    f"{graph.name}: at batch {shapes[0][0]} {node.name} normalises one value per channel,"
                    " which PyTorch refuses\n  pass a larger --batch"
                )


def check_autocast(graph: Graph, dtype: str, autocast: str | None) -> None:
    """Raise UsageError where weights are not float32, as autocast has them."""
    own = graph.dtype or dtype
    if autocast not in (None, "none") and own != "float32":
        raise UsageError(
            f"{graph.name}: autocast runs a network whose weights are float32, and these are {own}\n"
            f"  {'import it in float32: --dtype float32' if graph.dtype else 'drop --dtype'}"
        )


def refused(graph: Graph, batch: int) -> bool:
    """Whether PyTorch refuses to train at a batch. Raises UsageError for one that the graph cannot have."""
    shapes = at_batch(graph, batch)
    try:
        check_batch(graph, shapes, "train")
    except UsageError:
        return True
    return False


def training_memory(
    graph: Graph,
    *,
    batch: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    together: bool = False,
    fused: bool = False,
    round_to: int = 1,
    device: str = "cuda",
    segments: Sequence[Segment] | None = None,
    micro_batches: int = 1,
    loss: str = "none",
    autocast: str | None = None,
    ddp: str = "none",
) -> TrainingMemory:
    """Memory of a training step in steady state (the optimizer has its state already).

    `round_to` rounds every tensor up to whole blocks (CUDA's allocator: 512 bytes); `together`
    updates all weights at once, as torch.optim does on CUDA, `fused` in one kernel. On the `device` cpu
    masks of dropout are floats. `segments` run as checkpoints, else those that the graph has. With several
    micro-batches, which must divide the batch, gradients are accumulated: from the second on those of all
    weights are alive throughout.
    `loss` none leaves the gradients of the outputs to the caller; cross_entropy makes them of targets.
    `autocast` (bfloat16, float16) runs forward pass and loss in a context of torch.autocast, whose rules are
    those of the `device`; weights, their gradients and the optimizer's state stay float32. `ddp`: one process
    of DistributedDataParallel, whose buckets gradients are copied into (copies) or are views of (views).
    Raises UsageError, also for a batch that PyTorch's batch norm refuses.
    """
    known_word("unknown loss", loss, LOSSES, "losses")
    rules = OPTIMIZERS[known_word("unknown optimizer", optimizer, OPTIMIZERS)]
    batch = whole_number("a batch", batch, most=MOST_IMAGES)
    if micro_batches < 1 or batch % micro_batches:
        raise UsageError(
            f"{micro_batches} micro-batches do not divide a batch of {batch}"
            f"\n  they can be {', '.join(str(part) for part in divisors(batch))}"
        )
    check_autocast(graph, dtype, autocast)
    running = plan(
        graph, batch=batch // micro_batches, dtype=dtype, training=True, device=device,
        autocast=context(autocast, device),
    )  # fmt: skip
    check_batch(graph, running.source_shapes, "train")
    step = TrainingStep(running, round_to, segments, loss=loss)
    step.run()
    top, made = step.ledger.top, step.made_gradients
    weights = [size for sizes in step.weights for size, _ in sizes]
    trained = [size for sizes in step.weights for size, frozen in sizes if not frozen]
    gathered = None if ddp == "none" else buckets(trained, known_word("unknown way", ddp, WAYS))
    if micro_batches > 1 or ddp == "views":
        later = TrainingStep(running, round_to, segments, made, loss)
        later.run()
        top = max(top, later.ledger.top, key=lambda moment: moment.alive)
    buffers = [step.rounded(size) for size in step.buffers]
    update = rules.together * sum(trained) if together else one_by_one(trained, rules.temporary)
    fixed = sum(weights) + sum(buffers) + rules.state * sum(trained)
    gradients = made
    after = step.input_bytes + gradients + (0 if fused else update)
    if after > top.alive:
        top = Top(after, "update", "", gradients, 0)
    return TrainingMemory(
        weights=sum(weights) + sum(buffers),
        gradients=gradients,
        optimizer_state=rules.state * sum(trained),
        saved=step.saved,
        peak=fixed + top.alive + (gathered.bytes if gathered and ddp == "copies" else 0),
        phase=top.phase,
        node=top.node,
        gradients_at_peak=top.gradients,
        saved_at_peak=top.saved,
        transient=top.alive - top.gradients - top.saved,
        estimated=step.plan.estimated,
        buckets=gathered,
    )


class Instant(NamedTuple):
    """The most that is alive while a node runs: activations, gradients, temporaries; no weights."""

    phase: str  #: forward or backward
    node: str  #: "" while the caller makes the gradients of the outputs
    alive: int


def training_timeline(running: Plan) -> list[Instant]:
    """Forward and backward pass of a plan in order of execution, weights and optimizer state left out.

    Raises UsageError for a batch that PyTorch's batch norm refuses.
    """
    check_batch(running.source, running.source_shapes, "train")
    step = TrainingStep(running)
    step.run()
    return [Instant(*at, alive) for at, alive in step.ledger.most.items()]
