"""The networks of `networks.yaml`: built, run by PyTorch for the right values, imported and held to them.

Right: parameters are the sum of numel, MACs half of what FlopCounterMode counts on the CPU with plain
attention, every output shape that of a forward pass, and the module is as it was: values and modes.
"""

from __future__ import annotations

import contextlib
import signal
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers import from_module
from cnncost.importers.aten import waiting
from cnncost.importers.aten.exported import SEED, spelled_out
from cnncost.importers.inputs import Example, call

LIST = yaml.safe_load(Path(__file__).with_name("networks.yaml").read_text(encoding="utf-8"))
LONGEST = 60
"""CPU seconds after which an import that has given no answer is stopped; clocks on the wall say nothing where
others work, too."""
waiting.UNTIL = dict.fromkeys(waiting.UNTIL, 3600.0)


class Reference(NamedTuple):
    """What PyTorch says of a network."""

    params: int
    macs: int
    shapes: list[tuple[int, ...]]


def names(library: str) -> list[str]:
    """The networks of a library as the table names them."""
    return [f"{library}:{name}" for name in LIST[library]["networks"]]


def build(name: str) -> tuple[nn.Module, Example]:
    """A network with random weights, and what it is called with."""
    library, _, network = name.partition(":")
    entry = LIST[library]["networks"][network]
    space: dict[str, Any] = {}
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(LIST[library]["import"], space)
        return eval(entry["make"], space), call(entry["input"])


def flat(given: Any) -> list[torch.Tensor]:
    """The tensors in what a network gives, in order."""
    if isinstance(given, torch.Tensor):
        return [given]
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, (tuple, list)):
        return [tensor for each in given for tensor in flat(each)]
    return flat(list(vars(given).values())) if hasattr(given, "__dict__") else []


def reference(network: nn.Module, example: Example) -> Reference:
    """The right values, on the values that a run of an import has. Raises what the network raises."""
    params = sum(parameter.numel() for parameter in network.parameters())
    network.eval()
    recurrent = any(isinstance(part, nn.RNNBase) for part in network.modules())
    fused = torch.backends.mkldnn.flags(enabled=not recurrent)  # the counter does not know its LSTM
    with warnings.catch_warnings(), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), fused:
        warnings.simplefilter("ignore")
        with FlopCounterMode(display=False) as counter:
            torch.manual_seed(SEED)
            args, kwargs = example.arguments(1, torch.float32, "cpu", True)
            given = network(*args, **kwargs)
    shapes = [tuple(tensor.shape) for tensor in flat(given)]
    return Reference(params, counter.get_total_flops() // 2, shapes)


def counted(network: nn.Module, example: Example, real: bool) -> int:
    """The MACs that FlopCounterMode counts of one image: on tensors without memory, or of a seeded run."""
    around: Any = contextlib.nullcontext() if real else FakeTensorMode(allow_non_fake_inputs=True)
    with torch.no_grad(), around, spelled_out(), sdpa_kernel(SDPBackend.MATH):
        torch.manual_seed(SEED)
        args, kwargs = example.arguments(1, torch.float32, "cpu", real)
        with FlopCounterMode(display=False) as counter:
            network(*args, **kwargs)
    return int(counter.get_total_flops()) // 2


def state(network: nn.Module) -> list[Any]:
    """What an import must leave: modes, and every tensor's place and version."""
    tensors = [*network.parameters(), *network.buffers()]
    return [[part.training for part in network.modules()], [(id(t), t._version) for t in tensors]]


class TooSlow(BaseException):
    """An import without an answer."""


def stop(*_: Any) -> None:
    raise TooSlow(f"no answer after {LONGEST} s")


def checked(name: str) -> tuple[int, int, int, float, str]:
    """(nodes, params, macs, seconds, what is wrong or "") of one network."""
    try:
        network, example = build(name)
        right = reference(network, example)
    except Exception as error:
        return 0, 0, 0, 0.0, f"not counted: PyTorch or its configuration fails: {first_line(error)}"
    before = state(network)
    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    start = time.process_time()
    try:
        graph = from_module(network, example, name=name.rpartition(":")[2])
        totals = cnncost.analyze(graph).totals
    except (Exception, TooSlow) as error:
        kind = "" if isinstance(error, (cnncost.CnncostError, TooSlow)) else f"{type(error).__name__}: "
        return 0, 0, 0, time.process_time() - start, kind + first_line(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    seconds = time.process_time() - start
    library, _, network_name = name.partition(":")
    differs = LIST[library]["networks"][network_name].get("differs", {"macs": 0})
    right = right._replace(macs=right.macs + differs["macs"])
    wrong = fault(graph, totals, right, before == state(network))
    return len(graph.nodes) - 1, totals.params, totals.macs, seconds, wrong


def fault(graph: cnncost.Graph, totals: Any, right: Reference, unchanged: bool) -> str:
    """What differs from PyTorch, or "" if nothing does."""
    if not unchanged:
        return "DAMAGED: the module is not as it was"
    if totals.params != right.params:
        return f"WRONG: {totals.params:,} params, the module has {right.params:,}"
    if totals.macs != right.macs:
        return f"WRONG: {totals.macs:,} MACs, FlopCounterMode counts {right.macs:,}"
    given = sorted(graph.nodes[index].shape for index in graph.outputs)
    missing = [shape for shape in set(given) if shape not in right.shapes]
    return f"WRONG: an output of {missing[0]}, a forward pass gives {right.shapes}" if missing else ""


def first_line(error: Exception) -> str:
    """The first line of an error."""
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
