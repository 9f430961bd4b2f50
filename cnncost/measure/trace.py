"""What a run really keeps alive: the oracle of the memory model, on meta, CPU or CUDA tensors.

Every tensor that PyTorch makes passes a dispatch mode, which counts its storage until that is
freed. What a kernel allocates inside itself (cuDNN and cuBLAS workspaces) is not seen, and what an
allocator adds (rounding, fragments) neither. On meta, batch norm makes statistics in evaluation,
which neither the CPU nor cuDNN does; they are dropped. With a dispatch mode active, the autograd engine
never adds gradients in place: where branches meet, the sum is a new tensor for a moment. So it is with
what PyTorch does in place only where nobody watches: the gradient of a gather, the bias of a product.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from cnncost.measure.twin import Twin


class LiveStorages(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all storages that live on a device, as far as it has seen them.

    `held` are tensors that are alive already and count, `ignored` those that do not (weights).
    """

    def __init__(self, device: torch.device, held: Iterable[torch.Tensor], ignored: Iterable[torch.Tensor]):
        super().__init__()  # type: ignore[no-untyped-call]
        self.device = device
        self.live: int = 0
        self.peak: int = 0
        self.seen: dict[int, Any] = {}
        for tensor in ignored:
            self.seen[tensor.untyped_storage()._cdata] = tensor
        for tensor in held:
            self.watch(tensor)

    def watch(self, tensor: torch.Tensor) -> None:
        """Count a tensor's storage until it is freed."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self.seen or tensor.device.type != self.device.type:
            return
        size = storage.nbytes()

        def freed(_: object) -> None:
            self.live -= size
            del self.seen[key]

        self.seen[key] = weakref.ref(storage, freed)
        self.live += size
        self.peak = max(self.peak, self.live)

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        if function is torch.ops.aten.native_batch_norm.default and not args[5]:
            result = (result[0], *(item.new_empty(0) for item in result[1:]))
        if isinstance(result, torch.Tensor):
            self.watch(result)
        elif isinstance(result, (tuple, list)):
            for item in result:
                if isinstance(item, torch.Tensor):
                    self.watch(item)
        return result


def states(twin: Twin) -> list[torch.Tensor]:
    """The tensors that a twin keeps: parameters and buffers."""
    return [*twin.parameters(), *twin.buffers()]


def inference_peak(twin: Twin, x: torch.Tensor) -> int:
    """Peak bytes of a forward pass without gradients: the input included, weights not."""
    with torch.no_grad(), LiveStorages(x.device, [x], states(twin)) as live:
        twin(x)
    return int(live.peak)


class TrainingTrace(NamedTuple):
    """What one training step kept alive, in bytes; weights and optimizer state not included."""

    saved: int  #: storages that autograd saved in the forward pass, each once
    backward_peak: int  #: of forward and backward, gradients of weights included
    step_peak: int  #: of the optimizer step, gradients included
    gradients: int


def saved_bytes(twin: Twin, x: torch.Tensor, targets: Sequence[torch.Tensor] = ()) -> int:
    """Bytes that autograd saves for the backward pass, each storage once, weights not.

    With `targets` of the outputs, those of their cross entropies, too.
    """
    kept: dict[int, int] = {}
    own = {tensor.untyped_storage()._cdata for tensor in states(twin)}
    alive = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own and tensor.device == x.device:
            kept[storage._cdata] = storage.nbytes()
            alive.append(storage)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = trained(twin(x))
        losses = list(map(torch.nn.functional.cross_entropy, outputs, targets)) if targets else []
    del outputs, losses
    return sum(kept.values())


def training_step(
    twin: Twin, x: torch.Tensor, optimizer: torch.optim.Optimizer, loss: str = "none"
) -> TrainingTrace:
    """Trace a training step in steady state: the optimizer has its state already.

    The caller holds input, outputs and the gradients of the outputs until the backward pass ends; with the
    `loss` cross_entropy the targets and the losses instead of these gradients.
    """
    if optimizer.defaults.get("momentum") != 0:  # plain SGD has no state
        run_step(twin, x, optimizer)
    targets = targets_of(twin, x) if loss == "cross_entropy" else []
    saved = saved_bytes(twin, x, targets)
    state = [
        value for group in optimizer.state.values() for value in group.values() if torch.is_tensor(value)
    ]
    with LiveStorages(x.device, [x, *targets], [*states(twin), *state]) as live:
        before = live.live
        backward(twin, x, targets)
        backward_peak = live.peak
        gradients = live.live - before
        live.peak = live.live
        optimizer.step()
        step_peak = live.peak
    optimizer.zero_grad(set_to_none=True)
    return TrainingTrace(saved, backward_peak, step_peak, gradients)


def trained(outputs: torch.Tensor | tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    """The outputs that have a gradient."""
    every = outputs if isinstance(outputs, tuple) else (outputs,)
    return [output for output in every if output.requires_grad]


def targets_of(twin: Twin, x: torch.Tensor) -> list[torch.Tensor]:
    """A target of classes for every trained output."""
    shapes = [output.shape for output in trained(twin(x))]
    return [torch.zeros(n, *rest, dtype=torch.int64, device=x.device) for n, _, *rest in shapes]


def backward(twin: Twin, x: torch.Tensor, targets: Sequence[torch.Tensor] = ()) -> None:
    """Forward and backward from all outputs: from ones, or from cross entropies with `targets`."""
    outputs = trained(twin(x))
    if targets:
        losses = list(map(torch.nn.functional.cross_entropy, outputs, targets))
        torch.autograd.backward(losses)
    else:
        torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])


def run_step(twin: Twin, x: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    """One whole training step: forward, backward, update, gradients dropped."""
    backward(twin, x)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
