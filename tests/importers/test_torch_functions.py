"""Functions of torch and torch.nn.functional that no module stands for: MACs, and the shape of what they give.

MACs are those of PyTorch's own counter, or by hand where it does not count a product: of a vector, of an outer one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as fn
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers import from_module

Function = Callable[[Tensor], Tensor]


def whole(x: Tensor) -> Tensor:
    """Whole numbers below 5."""
    return (x.abs() * 2).long() % 5


FUNCTIONS: dict[str, tuple[tuple[int, ...], Function, int | None]] = {
    "affine_grid and grid_sample": (
        (3, 6, 5), lambda x: fn.grid_sample(x, fn.affine_grid(x[:, 0, :2, :3], x.shape, align_corners=False)), 6 * 5 * 2 * 3,
    ),
    "grid_sample over three axes": (
        (3, 4, 4, 4), lambda x: fn.grid_sample(x, x.movedim(1, -1), align_corners=False), None,
    ),
    "one_hot": ((6,), lambda x: fn.one_hot(whole(x), 5).float(), 0),
    "normalize": ((4, 6), fn.normalize, 0),
    "cdist": ((4, 3), lambda x: torch.cdist(x, x * 2), 0),
    "conv_tbc": ((7, 4), lambda x: x.cumsum(1).flip(2).narrow(1, 1, 3), 0),
    "interpolate, nearest-exact": ((4, 6, 5), lambda x: fn.interpolate(x, scale_factor=2, mode="nearest-exact"), 0),
    "interpolate, linear": ((4, 6), lambda x: fn.interpolate(x, scale_factor=2, mode="linear"), 0),
    "interpolate, trilinear": ((4, 3, 4, 5), lambda x: fn.interpolate(x, scale_factor=2, mode="trilinear"), 0),
    "interpolate, antialias": (
        (4, 8, 8), lambda x: fn.interpolate(x, (4, 4), mode="bicubic", antialias=True), 0,
    ),
    "attention, causal": (
        (2, 5, 8), lambda x: fn.scaled_dot_product_attention(x, x, x, is_causal=True), 2 * 2 * 5 * 5 * 8,
    ),
    "attention, keys that heads share": (
        (4, 5, 8), lambda x: fn.scaled_dot_product_attention(x, x[:, :2], x[:, :2], enable_gqa=True), 2 * 4 * 5 * 5 * 8,
    ),
    "a matrix times a vector": ((4, 6), lambda x: x @ torch.ones(6), 4 * 6),
    "outer": ((6,), lambda x: torch.einsum("bi,bj->bij", x, x), 6 * 6),
    "baddbmm": ((4, 4), lambda x: torch.baddbmm(x, x, x, beta=0.5, alpha=2), None),
    "addmm": ((6,), lambda x: torch.addmm(x, x, torch.ones(6, 6)), None),
    "tensordot": ((4, 6), lambda x: torch.tensordot(x, torch.ones(6, 3), 1), None),
    "three factors": ((4, 6), lambda x: torch.einsum("bij,bkj,bkl->bil", x, x, x), None),
    "complex": ((4, 8), lambda x: torch.fft.fft(x).abs(), 0),
    "real transform and back": ((4, 8), lambda x: torch.fft.irfft(torch.fft.rfft(x)), 0),
    "topk": ((4, 8), lambda x: x.topk(3).values, 0),
    "sort": ((4, 8), lambda x: x.sort(-1).values, 0),
    "argmax": ((4, 8), lambda x: x.argmax(-1).float(), 0),
    "comparisons": ((4, 8), lambda x: x * (x > 0) + torch.where(x < 1, x, 0.5), 0),
    "gather and scatter": (
        (4, 8), lambda x: x.gather(2, whole(x)[..., :3]) + x.new_zeros(x.shape[0], 4, 3), 0,
    ),
    "clamp by tensors": ((4, 8), lambda x: x.clamp(x.min(), x.max() * 2), 0),
    "aliases": ((4, 8), lambda x: torch.subtract(torch.multiply(x, 2), torch.divide(x, 3)).absolute(), 0),
    "tril and masked_fill": ((8, 8), lambda x: x.masked_fill(torch.ones(8, 8).tril() == 0, -1e9).softmax(-1), 0),
    "logsumexp": ((4, 8), lambda x: x.logsumexp(1), 0),
    "a spectral norm": (
        (3, 6, 6), nn.utils.spectral_norm(nn.Conv2d(3, 4, 3)).eval(), 4 * 27 * 16 + 4 * 27 + 4,
    ),
    "a temporal shift": ((4, 8), lambda x: torch.cat([x[:, 1:], torch.zeros_like(x[:, :1])], 1), 0),
    "a shift into zeros": ((4, 8), lambda x: shifted(x), 0),
    "gumbel_softmax": ((4, 8), lambda x: (x - x.exp().log()).softmax(-1), 0),
}  # fmt: skip


def shifted(x: Tensor) -> Tensor:
    """Values written into zeros, as in temporal shift modules."""
    o = torch.zeros_like(x)
    o[:, :-1] = x[:, 1:]
    return o


class Calls(nn.Module):
    """A module of one function."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function(name: str) -> None:
    shape, function, macs = FUNCTIONS[name]
    network = Calls(function).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.enable_grad(), FlopCounterMode(display=False) as counter:
            output = network(torch.randn(1, *shape))
        graph = from_module(network, shape, name=name)
    counted = macs if macs is not None else counter.get_total_flops() // 2
    assert cnncost.analyze(graph).totals.macs == counted
    assert graph.nodes[graph.outputs[0]].shape == tuple(output.shape)
