"""A twin with its input on a device, run in the way that a setting says.

Imports torch at the top: import this module only where a network is really run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from cnncost.errors import UnavailableError
from cnncost.graph import Graph
from cnncost.measure.setting import LAYOUTS, Setting
from cnncost.measure.twin import Twin, example_inputs


class Runner:
    """A twin with its input on a device, that has run once; a call runs it as the setting says.

    Nothing in it refers back to it, so that a device's memory is free as soon as it is dropped.
    Raises UnavailableError where torch.compile or CUDA graphs cannot take the network.
    """

    def __init__(self, graph: Graph, setting: Setting):
        device, dtype = setting.device, getattr(torch, setting.dtype)
        torch.manual_seed(0)
        with device:
            self.twin = Twin.of(graph, setting.mode)
        layout = LAYOUTS[setting.layout]
        self.twin = self.twin.to(dtype=dtype)
        for parameter in self.twin.parameters():
            if parameter.dim() == 4:  # only filters have a channels_last layout
                parameter.data = parameter.data.contiguous(memory_format=layout)
        given = example_inputs(graph, setting.batch, device, dtype)
        self.given = tuple([x.contiguous(memory_format=layout) if x.dim() == 4 else x for x in given])
        self.optimizer = None
        if setting.mode == "train":
            trained = [parameter for parameter in self.twin.parameters() if parameter.requires_grad]
            self.optimizer = torch.optim.SGD(trained, lr=1e-6)
        self.model: Callable[..., Any] = self.twin
        if setting.compile:
            torch.compiler.reset()  # else the ninth network in one process is run without being compiled
            self.model = torch.compile(self.twin)
        with refusal("--compile", f"torch.compile cannot take {graph.name} here", setting.compile):
            self.run()  # an idle GPU has low clocks
        self.replay: Callable[[], object] | None = None
        if setting.graph:
            with refusal("--graph", f"{graph.name} cannot be captured as a CUDA graph"):
                self.replay = self.captured()

    @property
    def given_bytes(self) -> int:
        """Bytes of the inputs."""
        return sum(x.nbytes for x in self.given)

    def __call__(self) -> None:
        """Run once; a network that was captured is replayed."""
        (self.replay or self.run)()

    def run(self) -> None:
        """Run once: a forward pass, or in training a whole step."""
        if self.optimizer is None:
            with torch.no_grad():
                self.model(*self.given)
        else:
            self.step(self.optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Forward, backward, update; the gradients of the outputs are ones."""
        outputs = self.model(*self.given)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def captured(self, times: int = 1) -> Callable[[], object]:
        """The replay of a CUDA graph of so many runs, captured after some on a side stream."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.run()
        torch.cuda.current_stream().wait_stream(stream)
        recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recorded):
            for _ in range(times):
                self.run()
        return recorded.replay


@contextmanager
def refusal(flag: str, what: str, asked: bool = True) -> Iterator[None]:
    """Turn whatever is raised into an error that names the flag, if it was asked for at all."""
    try:
        yield
    except Exception as error:  # compilers and drivers raise what they like
        if not asked or out_of_memory(error):
            raise
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
        raise UnavailableError(f"{what}: {type(error).__name__}: {reason}\n  leave {flag} out") from None


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or a library on it, has not enough memory."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError)
        and re.search("allocate memory|out of memory|ALLOC_FAILED", str(error)) is not None
    )


@contextmanager
def current(device: torch.device) -> Iterator[None]:
    """Make a CUDA device the one that streams and graphs belong to, for a while."""
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        yield


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """So many CPU threads for a while, kept to as many cores where the system can do that."""
    if count is None:
        yield
        return
    before = torch.get_num_threads()
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if cores:
        os.sched_setaffinity(0, sorted(cores)[:count])
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        if cores:
            os.sched_setaffinity(0, cores)
