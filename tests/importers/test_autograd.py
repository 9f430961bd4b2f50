"""Modules that speak to autograd themselves: checkpoints, functions, hooks, `.data`, inference mode."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from importers.parts import ThreeParts
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential
from torch.utils.flop_counter import FlopCounterMode

from cnncost.analysis import analyze
from cnncost.execution.training import training_memory
from cnncost.importers import from_module
from cnncost.measure.trace import LiveStorages


class Rectify(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (x > 0)  # type: ignore[no-any-return]


class Parts(ThreeParts):
    """Its ways."""

    def middle(self, x: Tensor) -> Any:
        return self.third(checkpoint(self.second, self.first(x), use_reentrant=False))

    def logged(self, x: Tensor) -> Any:
        x = self.first(x)
        x.mean().item()
        return self.third(checkpoint(self.second, x, use_reentrant=False))

    def all_of_it(self, x: Tensor) -> Any:
        x = checkpoint(self.first, x, use_reentrant=False)
        return checkpoint(lambda y: self.third(self.second(y)), x, use_reentrant=False)

    def two_inputs(self, x: Tensor) -> Any:
        x = self.first(x)
        gate = x.mean((2, 3), keepdim=True).sigmoid()
        return self.third(checkpoint(lambda y, by: self.second(y * by) + 1, x, gate, use_reentrant=False))

    def sequential(self, x: Tensor) -> Any:
        parts = nn.Sequential(*self.first, *self.second, *self.third)
        return checkpoint_sequential(parts, 3, x, use_reentrant=False)

    def data(self, x: Tensor) -> Any:
        return self.third(self.second(self.first(x.data).data))

    def mask(self, x: Tensor) -> Any:
        x = self.first(x)
        return self.third(self.second(x * (torch.rand_like(x) > 0.1) / 0.9))

    def paths(self, x: Tensor) -> Any:
        x = self.first(x)
        keep = torch.bernoulli(torch.full((len(x), 1, 1, 1), 0.9))
        return self.third(self.second(x * keep))

    def noise(self, x: Tensor) -> Any:
        x = self.first(x)
        return self.third(self.second(x + torch.randn_like(x)) * torch.randn(20, 20))

    def positions(self, x: Tensor) -> Any:
        rows = torch.arange(20, device=x.device)
        return self.third(self.second(self.first(x)) * (rows[:, None] <= rows))

    def reentrant(self, x: Tensor) -> Any:
        return self.third(checkpoint(self.second, self.first(x), use_reentrant=True))

    def nested(self, x: Tensor) -> Any:
        def outer(y: Tensor) -> Any:
            return checkpoint(self.third, self.second(y), use_reentrant=False)

        return checkpoint(outer, self.first(x), use_reentrant=False)

    def function(self, x: Tensor) -> Any:
        return self.third(Rectify.apply(self.second(self.first(x))))

    def hooks(self, x: Tensor) -> Any:
        with torch.autograd.graph.save_on_cpu():
            x = self.second(self.first(x))
        return self.third(x)

    def inference(self, x: Tensor) -> Any:
        with torch.inference_mode():
            x = self.first(x)
        return self.third(self.second(x.clone()))


def traced(module: nn.Module, x: Tensor) -> tuple[int, int]:
    """(peak, gradients) of a step of the module itself; the caller keeps input and output."""
    with LiveStorages(x.device, [x], [*module.parameters(), *module.buffers()]) as live:
        before = live.live
        output = module(x)
        output.backward(torch.ones_like(output))
        del output
        return live.peak, live.live - before


EXACT = ["middle", "all_of_it", "two_inputs", "sequential", "data", "mask", "paths", "noise", "positions"]


@pytest.mark.parametrize(
    ("way", "road"),
    [*((way, road) for way in EXACT for road in ("export", "run")), ("inference", "export")],
)
def test_to_the_byte(way: str, road: str) -> None:
    graph = from_module(Parts(way), (3, 20, 20), batch=2, mode="train", road=road)
    memory = training_memory(graph, batch=2)
    assert memory.estimated == ()
    assert (memory.peak - memory.weights, memory.gradients) == traced(Parts(way), torch.zeros(2, 3, 20, 20))


@pytest.mark.parametrize("way", [*EXACT, "reentrant", "inference"])
def test_what_runs_again_is_multiplied_again(way: str) -> None:
    module = Parts(way)
    graph = from_module(module, (3, 20, 20), batch=2, mode="train")
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(2, 3, 20, 20)).sum().backward()
    totals = analyze(graph, batch=2, mode="train").totals
    assert 2 * (totals.macs + (totals.backward_macs or 0)) == counter.get_total_flops()


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("reentrant", "reentrant checkpoints"),
        ("nested", "checkpoints within checkpoints"),
        ("function", "a torch.autograd.Function of its own"),
        ("hooks", "hooks on what autograd saves"),
    ],
)
@pytest.mark.parametrize("road", ["export", "run"])
def test_what_no_rule_knows_is_an_estimate(way: str, said: str, road: str) -> None:
    """Every weight has its gradient all the same."""
    graph = from_module(Parts(way), (3, 20, 20), batch=2, mode="train", road=road)
    memory = training_memory(graph, batch=2)
    assert memory.estimated == (said,)
    assert memory.gradients == traced(Parts(way), torch.zeros(2, 3, 20, 20))[1]
    assert analyze(from_module(Parts(way), (3, 20, 20))).estimated == ()


@pytest.mark.parametrize("way", ["middle", "function", "inference", "logged"])
def test_symbols_are_refused_where_they_hide_it(way: str) -> None:
    with pytest.raises(Exception, match=r"torch\.fx sees no checkpoint"):
        from_module(Parts(way), (3, 20, 20), batch=2, mode="train", road="fx")


def test_pytorch_is_as_it_was() -> None:
    owners = (torch.utils.checkpoint, torch.autograd.Function, torch.inference_mode)
    before = [dict(vars(owner)) for owner in (*owners, torch.autograd.graph.saved_tensors_hooks)]
    from_module(Parts("middle"), (3, 20, 20), batch=2, mode="train")
    assert before == [dict(vars(owner)) for owner in (*owners, torch.autograd.graph.saved_tensors_hooks)]
