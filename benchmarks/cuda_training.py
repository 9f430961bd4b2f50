"""Training steps on a GPU: peak memory beside what is predicted; a minute or two.

    python benchmarks/cuda_training.py -o reports/h100-sxm/training.md
    python benchmarks/cuda_training.py --device cpu --batch 2    # does it run? a trace alone

Of some networks a step in float32 and under `torch.autocast`, with the optimizers' loops over all weights at
once (foreach) and in one kernel (fused). The caching allocator says what was allocated at the peak; a second,
traced step says what of it were tensors: the rest is what kernels (cuDNN) took beside them. Every step is the
second one, so that the optimizer has its state. The mask that dropout keeps is weighed, too.
"""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cnncost  # noqa: E402
from cnncost.execution.training import training_memory  # noqa: E402
from cnncost.measure import build  # noqa: E402
from cnncost.measure.trace import LiveStorages, states  # noqa: E402
from cnncost.version import __version__  # noqa: E402

NETWORKS = (("resnet50", 32), ("mobilenet_v2", 32), ("vgg11", 32))
BLOCK = 512
"""Bytes that CUDA's caching allocator rounds a tensor up to."""


class Step(NamedTuple):
    """How a step is run."""

    optimizer: str
    autocast: str | None = None
    fused: bool = False

    def __str__(self) -> str:
        how = "fused" if self.fused else "foreach"
        return f"{self.optimizer} ({how}), {'autocast ' + self.autocast if self.autocast else 'float32'}"


STEPS = (
    Step("momentum"), Step("momentum", "float16"), Step("momentum", "bfloat16"), Step("adam"),
    Step("adam", fused=True), Step("momentum", fused=True),
)  # fmt: skip


def optimizer_of(step: Step, weights: list[torch.Tensor]) -> torch.optim.Optimizer:
    """PyTorch's optimizer."""
    how: dict[str, Any] = {"fused": True} if step.fused else {"foreach": True}
    if step.optimizer == "adam":
        return torch.optim.Adam(weights, lr=1e-6, **how)
    return torch.optim.SGD(weights, lr=1e-6, momentum=0.9, **how)


def row(name: str, batch: int, step: Step, device: torch.device) -> str:
    """A network and a step: predicted, traced, allocated."""
    graph = cnncost.load(name)
    said = training_memory(
        graph, batch=batch, optimizer=step.optimizer, together=True, fused=step.fused,
        autocast=step.autocast, device=device.type, round_to=BLOCK if device.type == "cuda" else 1,
    )  # fmt: skip
    torch.manual_seed(0)
    with device:
        net = build(graph, "train")
    optimizer = optimizer_of(step, [weight for weight in net.parameters() if weight.requires_grad])
    x = torch.rand(batch, *graph.input_shape, device=device)

    def run() -> None:
        dtype = getattr(torch, step.autocast) if step.autocast else None
        with torch.autocast(device.type, dtype=dtype, enabled=step.autocast is not None):
            found = net(x)
        outputs = found if isinstance(found, tuple) else (found,)
        torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    run()
    held = sum(value.nbytes for value in states(net) if value.is_floating_point()) + sum(
        value.nbytes
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor) and value.dim()
    )
    peak = allocated(run, device)
    own = [*states(net), *(v for s in optimizer.state.values() for v in s.values() if torch.is_tensor(v))]
    with LiveStorages(device, [x], own) as live:
        run()
    cells = [said.peak, live.peak + held, peak]
    ratios = [f"{said.peak / other - 1:+.2%}" if other else "" for other in cells[1:]]
    shown = [f"{cell:,}" if cell else "" for cell in cells]
    return f"| {name} | {batch} | {step} | {shown[0]} | {shown[1]} | {ratios[0]} | {shown[2]} | {ratios[1]} |"


def allocated(run: Any, device: torch.device) -> int:
    """Bytes at the peak of a run by CUDA's caching allocator, all that was there with them; 0 elsewhere."""
    if device.type != "cuda":
        return 0
    gc.collect()
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    run()
    torch.cuda.synchronize(device)
    return int(torch.cuda.max_memory_allocated(device))


def mask(device: torch.device) -> str:
    """Bytes of a value that dropout keeps for its backward pass."""
    x = torch.rand(1 << 20, device=device, requires_grad=True)
    kept: list[torch.Tensor] = []

    def pack(value: torch.Tensor) -> torch.Tensor:
        kept.append(value)
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        torch.nn.functional.dropout(x, 0.5)
    sizes = [f"{value.dtype}".removeprefix("torch.") for value in kept if value.numel() == x.numel()]
    return f"Dropout keeps a mask of {', '.join(sizes) or 'nothing'}."


def main() -> int:
    """Run, and print or write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batch", type=int, help="this batch instead of 32")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    device = torch.device(given.device)
    machine = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    lines = [
        f"<!-- cnncost {__version__}, PyTorch {torch.__version__}, {machine}:"
        f" python benchmarks/cuda_training.py {' '.join(sys.argv[1:])} -->",
        "# Peak memory of training steps", "",
        "Bytes, weights and optimizer state with them. Traced: tensors alone; allocated: by CUDA's caching"
        " allocator, workspaces of cuDNN and cuBLAS with them.", "",
        "| network | batch | step | predicted | traced | predicted - traced | allocated"
        " | predicted - allocated |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for name, batch in NETWORKS:
        for step in STEPS:
            try:
                lines.append(row(name, given.batch or batch, step, device))
            except Exception as error:
                why = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
                lines.append(f"| {name} | {given.batch or batch} | {step} | {why} | | | | |")
            gc.collect()
            if device.type == "cuda":
                torch.cuda.empty_cache()
            print(lines[-1], file=sys.stderr, flush=True)
    text = "\n".join([*lines, "", mask(device), ""])
    if given.output:
        given.output.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
