"""Verification: per layer, what the analysis says against what PyTorch does.

Four witnesses: the twin's modules (parameters, buffers), the tensors of a forward pass (shape, bytes
of the output, whether its storage is new), torch's FlopCounterMode, and fvcore. Of an import the user's
module itself is one more, see `original`. What a witness does not count or cannot see is "not checked",
with the reason; never "ok".
"""

from __future__ import annotations

import logging
import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from cnncost.analysis.conventions import Convention, Counting
from cnncost.analysis.cost import analyze
from cnncost.execution.plan import plan
from cnncost.execution.training import check_batch
from cnncost.graph import Graph
from cnncost.measure.original import ITSELF, TORCH, module_figures
from cnncost.measure.twin import Twin, computed, example_inputs
from cnncost.ops.sizes import elements
from cnncost.report import Counted
from cnncost.request import Model, Run

NOT_COUNTED = {
    "torch": "FlopCounterMode counts convolutions and matrix products only, and no bias additions",
    "fvcore": "fvcore also counts norms, adaptive pooling and interpolation, which are left out here",
}
"""What each counter of MACs does not count, or is not asked."""
STANDS_IN = (
    "of an operator that has no name here the twin gives values of the right shape, and computes nothing"
)

FVCORE_OPERATORS = ("conv", "addmm", "matmul", "bmm", "linear")
"""What is taken of fvcore's counts."""


class Check(NamedTuple):
    """One quantity of one row: what the analysis says, what the witness found."""

    row: str
    quantity: str
    expected: Any
    found: Any  #: None: not checked
    reason: str = ""  #: why it was not checked

    @property
    def result(self) -> str:
        """ok, differs or not checked."""
        if self.reason:
            return "not checked"
        return "ok" if self.expected == self.found else "differs"


class Verification(NamedTuple):
    """All checks of one model."""

    model: str
    device: str
    mode: str
    batch: int
    checks: tuple[Check, ...]
    convention: str
    counted_as: Counted  #: what the convention makes of the batch
    asked: Model | None = None  #: if it was loaded by name

    @property
    def run(self) -> Run:
        """Under which circumstances it was verified."""
        return Run(self.batch, mode=self.mode, convention=self.convention, device=self.device)

    def counted(self, result: str) -> int:
        """How many checks have this result."""
        return sum(check.result == result for check in self.checks)


class Seen(NamedTuple):
    """What a forward pass showed of a node."""

    shape: tuple[int, ...]
    bytes: int  #: of the storage that the output adds; 0 if it lives in an input's or a weight's


def verify(
    graph: Graph,
    device: torch.device | None = None,
    mode: str = "eval",
    batch: int = 2,
    fvcore: bool = True,
    convention: str | Convention = "cnncost",
) -> Verification:
    """Check every node of a graph on a device (default meta), with batch 2: batch norm needs two.

    The model is built on that device; on meta nothing is computed. Raises what `build` raises.
    """
    device = device or torch.device("meta")
    with device:
        twin = Twin.of(graph, mode).requires_grad_(False)  # else torch's counter fails on learned outputs
    imported, graph = graph, twin.graph
    planned = plan(graph, batch=batch, training=mode == "train")
    shapes, owners = planned.source_shapes, planned.owners
    check_batch(graph, shapes, mode)
    seen, flops = run(twin, *example_inputs(graph, batch, device))
    by_name = dict(twin.named_modules())
    checks: list[Check] = []
    for node in computed(graph):
        inputs = [shapes[index] for index in node.inputs]
        output, module, found = shapes[node.index], by_name[node.name], seen[node.index]
        new = (
            owners[planned.places[node.index]] > planned.places[node.index - 1]
        )  # itself, or a copy before it
        stands_in = STANDS_IN if node.op.name == "custom" else ""
        macs = TORCH.count(Counting(node.op, output, tuple(inputs)), 0, 0).ops // 2
        checks += [
            Check(node.name, "output shape", output, found.shape),
            Check(node.name, "output bytes", 4 * elements(output) if new else 0, found.bytes, stands_in),
            Check(node.name, "params", node.op.params(*inputs), parameters(module)),
            Check(node.name, "buffers", node.op.buffers(*inputs), running(module)),
            Check(node.name, "MACs (torch)", macs, flops.get(node.name, 0) // 2, stands_in),
        ]
    checks += [Check(ITSELF, *figures) for figures in module_figures(imported, batch, mode)]
    if fvcore:
        checks += fvcore_checks(twin, shapes, device, batch)
    report = analyze(graph, batch=batch, mode=mode, convention=convention)
    return Verification(
        graph.name,
        str(device),
        mode,
        batch,
        tuple(checks),
        report.convention,
        report.totals.counted,
        graph.model,
    )


def run(twin: Twin, *given: Tensor) -> tuple[dict[int, Seen], dict[str, int]]:
    """What a forward pass shows: outputs by node, and torch's FLOPs by node name."""
    seen: dict[int, Seen] = {}
    flops: dict[str, int] = {}
    total = 0
    outside = {value.untyped_storage()._cdata for value in (*twin.parameters(), *twin.buffers())}
    plain = sdpa_kernel(SDPBackend.MATH)  # the counter does not know the CPU's fused attention
    with torch.no_grad(), plain, FlopCounterMode(display=False) as counter:
        for node, tensors, result in twin.walk(*given):
            storage = result.untyped_storage()
            known = outside | {tensor.untyped_storage()._cdata for tensor in tensors}
            size = 4 * storage.nbytes() // result.element_size()  # as in float32, what comparisons give, too
            seen[node.index] = Seen(tuple(result.shape), 0 if storage._cdata in known else size)
            before, total = total, counter.get_total_flops()
            flops[node.name] = total - before
    return seen, flops


def parameters(module: nn.Module) -> int:
    """Number of learnable values of a module."""
    return sum(parameter.numel() for parameter in module.parameters())


def running(module: nn.Module) -> int:
    """Number of values of running means and variances, and of other buffers (not the count of batches)."""
    kept = [value for name, value in module.named_buffers() if "running_" in name or name == "kept"]
    return sum(value.numel() for value in kept)


def fvcore_checks(twin: Twin, shapes: list[Any], device: torch.device, batch: int) -> list[Check]:
    """MACs by fvcore's trace, per node."""
    graph = twin.graph
    expected = {
        node.index: node.op.macs(shapes[node.index], *[shapes[index] for index in node.inputs])
        for node in computed(graph)
    }
    reason, counts = "", {}
    if device.type == "meta":
        reason = "fvcore traces real tensors, not meta ones: pass --device cpu"
    else:
        try:
            counts = fvcore_counts(twin, *example_inputs(graph, batch, device))
        except ImportError:
            reason = 'fvcore is not installed: pip install "cnncost[torch]"'
    return [
        Check(
            node.name,
            "MACs (fvcore)",
            expected[node.index],
            None if reason else counts.get(node.name, 0),
            reason,
        )
        for node in computed(graph)
    ]


def fvcore_counts(twin: Twin, *given: Tensor) -> dict[str, int]:
    """fvcore's convolutions and matrix products by node name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore uses what torch has since deprecated
        from fvcore.nn import FlopCountAnalysis

        logging.getLogger("fvcore").setLevel(logging.ERROR)
        found = FlopCountAnalysis(twin, given)
        found = found.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_module = found.by_module_and_operator()
    return {
        node.name: int(sum(by_module.get(node.name, {}).get(name, 0) for name in FVCORE_OPERATORS))
        for node in computed(twin.graph)
    }
