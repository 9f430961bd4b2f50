"""Parts that one call cuts a tensor into: their gradients are put together, in imports, against a trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from cnncost.execution.training import training_memory
from cnncost.importers import from_module
from cnncost.measure.trace import training_step

CUTS: dict[str, Callable[[Tensor], Sequence[Tensor]]] = {
    "unbind": lambda y: y.unbind(2),
    "unbind of the last": lambda y: y.unbind(-1)[:2],
    "one of unbind": lambda y: y.unbind(2)[3:4],
    "chunk": lambda y: y.chunk(2, 1),
    "split": lambda y: y.split(3, 1)[:2],
    "sizes": lambda y: y.split([2, 4, 2], 2)[::2],
    "tensor_split": lambda y: y.tensor_split(2, 1),
    "slices": lambda y: (y[:, :4], y[:, 4:]),
    "selects": lambda y: (y[:, :, 0], y[:, :, 1]),
}


class Cut(nn.Module):
    """A convolution whose output is cut, and something done with every part."""

    def __init__(self, cut: Callable[[Tensor], Sequence[Tensor]], joined: bool):
        super().__init__()
        self.before = nn.Conv2d(3, 8, 3, padding=1)
        self.cut = cut
        self.joined = joined

    def forward(self, x: Tensor) -> Tensor:
        whole = self.before(x)
        parts = [part.sigmoid().flatten(1).sum(1, keepdim=True) for part in self.cut(whole)]
        if self.joined:  # another gradient of what was cut
            parts.append(whole.tanh().flatten(1))
        return torch.cat(parts, 1)


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("name", CUTS)
def test_a_training_step(name: str, joined: bool) -> None:
    module = Cut(CUTS[name], joined)
    memory = training_memory(from_module(module.eval(), (3, 8, 8), name="cut"), batch=2, device="cpu")
    module.train()
    traced = training_step(module, torch.rand(2, 3, 8, 8), torch.optim.SGD(module.parameters(), lr=0.1))  # type: ignore[arg-type]
    assert memory.estimated == ()
    assert (memory.saved, memory.gradients) == (traced.saved, traced.gradients)
    assert memory.peak - memory.weights == max(traced.backward_peak, traced.step_peak)


@pytest.mark.parametrize(
    ("wrapped", "doubt"),
    [
        (nn.utils.parametrizations.weight_norm, "weight norm"),
        (nn.utils.parametrizations.spectral_norm, "spectral norm"),
    ],
)
def test_what_parametrisations_keep_is_an_estimate(
    wrapped: Callable[[nn.Module], nn.Module], doubt: str
) -> None:
    graph = from_module(nn.Sequential(wrapped(nn.Conv2d(3, 8, 3)), nn.ReLU()).eval(), (3, 8, 8), name="net")
    assert training_memory(graph, device="cpu").estimated == (doubt,)
