"""An imported module itself as a witness: what it has, gives, counts and keeps alive when its own code runs.

A twin is made of the analysis's own graph; what the import left out, a twin leaves out, too. The module runs
on tensors without memory, or once more with the values of the import's run. It is left as it was.
"""

from __future__ import annotations

import contextlib
import copy
from collections import Counter
from typing import Any, NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from cnncost.analysis.conventions import Counting, convention
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.graph import Graph
from cnncost.importers.aten.exported import inputs, quiet, spelled_out
from cnncost.importers.aten.untouched import in_mode
from cnncost.importers.draws import SEED
from cnncost.importers.inputs import Example, tensors
from cnncost.importers.surroundings import without_cuda
from cnncost.measure.trace import LiveStorages

TORCH = convention("torch")
"""How FlopCounterMode counts: two for a MAC of those that it sees."""
ITSELF = "(the module itself)"
"""The row of these checks."""
NO_REFERENCES = "the graph does not know how long the module's own code refers to its tensors"


class Ran(NamedTuple):
    """What a forward pass of a module showed."""

    shapes: Counter[tuple[int, ...]]  #: of all tensors that it gives
    macs: int  #: by FlopCounterMode


def module_figures(graph: Graph, batch: int, mode: str) -> list[tuple[str, Any, Any, str]]:
    """(quantity, what the analysis says, what the module shows, why it is not checked) of an import.

    Nothing for a graph that was not imported from PyTorch. Of several outputs the first is shown that the
    module does not give.
    """
    origin = graph.origin
    if origin is None:
        return []
    module = origin.module
    planned = plan(graph, batch=batch, training=mode == "train")
    shapes = planned.source_shapes
    costs = [
        (
            node.op.params(*given),
            TORCH.count(Counting(node.op, shapes[node.index], given, node.written), 0, 0).ops // 2,
        )
        for node in graph.nodes[1:]
        for given in [tuple(shapes[index] for index in node.inputs)]
    ]
    params, macs = (sum(each) for each in zip(*costs, strict=True))
    has = sum(parameter.numel() for parameter in module.parameters())
    found = [("params", params, has, "")]
    try:
        with without_cuda() if origin.without_cuda else contextlib.nullcontext():
            ran = run(module, origin.example, batch, mode, origin.real)
    except Exception as error:  # the module's own code
        reason = f"its forward pass fails: {type(error).__name__}"
        return [*found, *((name, 0, None, reason) for name in ("output shape", "MACs (torch)", "peak bytes"))]
    given = Counter(tuple(planned.source_shapes[index]) for index in graph.outputs)
    unlike = given - ran.shapes
    shape = next(iter(unlike or given))
    found.append(("output shape", shape, next(iter(ran.shapes)) if unlike else shape, ""))
    found.append(("MACs (torch)", macs, ran.macs, ""))
    found.append(peak(graph, planned, module, origin.example, batch, mode))
    return found


def run(module: nn.Module, example: Example, batch: int, mode: str, real: bool) -> Ran:
    """A forward pass of a module, with values or on tensors without memory. Raises what its code raises."""
    around: Any = torch.random.fork_rng(devices=[]) if real else FakeTensorMode(allow_non_fake_inputs=True)
    plain = torch.backends.mkldnn.flags(enabled=False)  # the counter does not know its recurrent layers
    with in_mode(module, mode), quiet(), torch.no_grad(), around, plain, spelled_out():
        if real:
            torch.manual_seed(SEED)
        args, kwargs = inputs(module, example, batch, real)
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            output = module(*args, **kwargs)
        shapes = Counter(tuple(tensor.shape) for tensor in tensors(output))
    return Ran(shapes, int(counter.get_total_flops()) // 2)


def standing(module: nn.Module) -> list[torch.Tensor]:
    """The tensors that stand before a module is called: its own, and those in its plain attributes."""
    own = [*module.parameters(), *module.buffers()]
    plain = [value for part in module.modules() for value in vars(part).values()]
    listed = [item for value in plain if isinstance(value, (list, tuple)) for item in value]
    return own + [item for item in (*plain, *listed) if isinstance(item, torch.Tensor)]


def peak(
    graph: Graph, planned: Any, module: nn.Module, example: Example, batch: int, mode: str
) -> tuple[str, Any, Any, str]:
    """The most that is alive at once, by a trace of a copy of the module on tensors without memory."""
    if graph.running is None or mode != "eval":
        return "peak bytes", 0, None, NO_REFERENCES
    if planned.estimated:
        return "peak bytes", 0, None, f"the memory of {', '.join(planned.estimated)} is an estimate"
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    try:
        with quiet(), contextlib.ExitStack() as stack:
            with FakeCopyMode(fake):
                copied = copy.deepcopy(module)
            stack.enter_context(torch.no_grad())
            stack.enter_context(fake)
            stack.enter_context(spelled_out())
            if graph.origin is not None and graph.origin.without_cuda:
                stack.enter_context(without_cuda())
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))  # whose memory ours is
            copied.eval()
            args, kwargs = inputs(copied, example, batch)
            held = list(tensors((args, kwargs)))
            live = LiveStorages(held[0].device, held, standing(copied))
            with live:
                copied(*args, **kwargs)
    except Exception as error:  # a module that cannot be copied, or its own code
        return "peak bytes", 0, None, f"a copy of it cannot be traced: {type(error).__name__}"
    return "peak bytes", peak_bytes(planned), int(live.peak), ""
