"""Every module of torch.nn comes in: its parameters, its MACs, the shape of what it gives.

A row of the table is a class, how it is made, and the shape of its input without the batch. What takes
several tensors is given parts of one. MACs are those of PyTorch's own counter, which does not count recurrent
layers and elementwise products: those have their formula beside them.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers import from_module

LOSSES = {name for name in dir(nn) if name.endswith(("Loss", "Loss2d"))} - {"AdaptiveLogSoftmaxWithLoss"}
"""They compare an output with a target, and belong to training."""

NOT_IMPORTED = {
    "DataParallel": "it copies its module to several GPUs",
    "Identity": "it computes nothing",
    "CrossMapLRN2d": "a leftover of Lua's Torch: LocalResponseNorm is its successor",
}
"""The classes that do not come in, at most five, and why."""

ABSTRACT = {
    "Module", "Container", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict",
    "RNNBase", "RNNCellBase",
}  # fmt: skip
"""They hold other modules, or are bases of others."""


class Row(NamedTuple):
    """One module of torch.nn."""

    make: Callable[[], nn.Module]
    input: tuple[int, ...]
    forward: Callable[[nn.Module, Tensor], Any] = lambda module, x: module(x)
    macs: int | None = None  #: by hand, of one image; None: FlopCounterMode knows


class Wrapped(nn.Module):
    """A module that is called in its own way."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.inner = row.make()
        self.call = row.forward

    def forward(self, x: Tensor) -> Any:
        return self.call(self.inner, x)


def ids(x: Tensor) -> Tensor:
    """Whole numbers below 10 from any tensor."""
    return (x.abs() * 3).long() % 10


def padding(kind: str) -> dict[str, Row]:
    """Padding on one to three axes."""
    value = (0.5,) if kind == "Constant" else ()
    sizes = {1: (3, 8), 2: (3, 8, 6), 3: (3, 8, 6, 4)}
    return {
        f"{kind}Pad{rank}d": Row(
            lambda name=f"{kind}Pad{rank}d": getattr(nn, name)(1, *value),
            size,  # type: ignore[misc]
        )
        for rank, size in sizes.items()
    }


def over(name: str, *settings: Any, size: int = 8, channels: int = 4, **named: Any) -> dict[str, Row]:
    """A module of one to three axes of space with the same arguments."""
    return {
        f"{name}{rank}d": Row(
            lambda name=f"{name}{rank}d": getattr(nn, name)(*settings, **named),  # type: ignore[misc]
            (channels, *(size - axis for axis in range(rank))),
        )
        for rank in (1, 2, 3)
    }


def plain(names: str, *settings: Any, input: tuple[int, ...] = (4, 6, 5)) -> dict[str, Row]:
    """Modules of any shape."""
    return {name: Row(lambda name=name: getattr(nn, name)(*settings), input) for name in names.split()}  # type: ignore[misc]


def unpooled(rank: int) -> Row:
    pool = getattr(nn, f"MaxPool{rank}d")(2, return_indices=True)
    size = (4, 8, 6, 4)[: rank + 1]

    def forward(module: nn.Module, x: Tensor) -> Tensor:
        y, places = pool(x)
        return module(y, places)  # type: ignore[no-any-return]

    return Row(lambda: getattr(nn, f"MaxUnpool{rank}d")(2), size, forward)  # type: ignore[no-any-return]


def transformer(kind: str) -> Row:
    layer = {
        "Transformer": lambda: nn.Transformer(8, 2, 1, 1, 16, batch_first=True),
        "TransformerDecoder": lambda: nn.TransformerDecoder(
            nn.TransformerDecoderLayer(8, 2, 16, batch_first=True), 2
        ),
        "TransformerDecoderLayer": lambda: nn.TransformerDecoderLayer(8, 2, 16, batch_first=True),
        "TransformerEncoder": lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2
        ),
        "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
    }[kind]
    twice = "Encoder" not in kind
    return Row(layer, (5, 8), lambda module, x: module(x, x * 2) if twice else module(x))


SEQUENCE = 7 * 2 * (4 * 6 * (5 + 6) + 4 * 6 * (2 * 6 + 6))
"""LSTM of two layers and directions: steps x directions x gates x units x (features + units)."""

ROWS: dict[str, Row] = {
    **over("Conv", 4, 6, 3, padding=1, groups=2),
    **over("ConvTranspose", 4, 6, 3, stride=2, padding=1, output_padding=1),
    **over("LazyConv", 6, 3),
    **over("LazyConvTranspose", 6, 3),
    **over("MaxPool", 2),
    **over("AvgPool", 2),
    **over("LPPool", 2, 2),
    **over("AdaptiveAvgPool", 2),
    **over("AdaptiveMaxPool", 2),
    **over("BatchNorm", 4),
    **over("LazyBatchNorm"),
    **over("InstanceNorm", 4, affine=True, track_running_stats=True),
    **over("LazyInstanceNorm"),
    **over("Dropout", 0.5),
    "SyncBatchNorm": Row(lambda: nn.SyncBatchNorm(4), (4, 6, 5)),
    **{name: row for kind in ("Zero", "Constant", "Reflection", "Replication", "Circular")
       for name, row in padding(kind).items()},
    **{f"MaxUnpool{rank}d": unpooled(rank) for rank in (1, 2, 3)},
    **plain(
        "CELU ELU GELU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid Mish RReLU ReLU"
        " ReLU6 SELU SiLU Sigmoid Softplus Softshrink Softsign Tanh Tanhshrink Dropout AlphaDropout"
        " FeatureAlphaDropout Flatten PReLU Softmax2d"
    ),
    **plain("Softmax Softmin LogSoftmax GLU", 1),
    "Threshold": Row(lambda: nn.Threshold(0.1, 20.0), (4, 6, 5)),
    "Linear": Row(lambda: nn.Linear(5, 3), (5,)),
    "LazyLinear": Row(lambda: nn.LazyLinear(3), (5,)),
    "LayerNorm": Row(lambda: nn.LayerNorm([4, 6, 5]), (4, 6, 5)),
    "RMSNorm": Row(lambda: nn.RMSNorm([6, 5]), (4, 6, 5)),
    "GroupNorm": Row(lambda: nn.GroupNorm(2, 4), (4, 6, 5)),
    "LocalResponseNorm": Row(lambda: nn.LocalResponseNorm(3), (4, 6, 5)),
    "FractionalMaxPool2d": Row(lambda: nn.FractionalMaxPool2d(2, 3), (4, 8, 7)),
    "FractionalMaxPool3d": Row(lambda: nn.FractionalMaxPool3d(2, 3), (4, 8, 7, 6)),
    "ChannelShuffle": Row(lambda: nn.ChannelShuffle(2), (4, 6, 5)),
    "PixelShuffle": Row(lambda: nn.PixelShuffle(2), (4, 6, 5)),
    "PixelUnshuffle": Row(lambda: nn.PixelUnshuffle(2), (4, 6, 4)),
    "Upsample": Row(lambda: nn.Upsample(scale_factor=2, mode="nearest"), (4, 6, 5)),
    "UpsamplingBilinear2d": Row(lambda: nn.UpsamplingBilinear2d(scale_factor=2), (4, 6, 5)),
    "UpsamplingNearest2d": Row(lambda: nn.UpsamplingNearest2d(scale_factor=2), (4, 6, 5)),
    "Fold": Row(lambda: nn.Fold((4, 5), 2), (8, 12)),
    "Unfold": Row(lambda: nn.Unfold(2), (4, 6, 5)),
    "Unflatten": Row(lambda: nn.Unflatten(1, (2, 2)), (4, 5)),
    "Bilinear": Row(
        lambda: nn.Bilinear(3, 4, 5), (7,), lambda m, x: m(x[:, :3], x[:, 3:]), macs=5 * 4 * (3 + 1)
    ),
    "CosineSimilarity": Row(lambda: nn.CosineSimilarity(), (2, 5), lambda m, x: m(x[:, 0], x[:, 1])),
    "PairwiseDistance": Row(lambda: nn.PairwiseDistance(), (2, 5), lambda m, x: m(x[:, 0], x[:, 1])),
    "Embedding": Row(lambda: nn.Embedding(10, 4), (7,), lambda m, x: m(ids(x))),
    "EmbeddingBag": Row(lambda: nn.EmbeddingBag(10, 4), (7,), lambda m, x: m(ids(x))),
    "AdaptiveLogSoftmaxWithLoss": Row(
        lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 12]), (8,), lambda m, x: m.log_prob(x)
    ),
    "MultiheadAttention": Row(
        lambda: nn.MultiheadAttention(8, 2, batch_first=True), (5, 8), lambda m, x: m(x, x, x)[0]
    ),
    **{f"Transformer{kind}": transformer(f"Transformer{kind}")
       for kind in ("", "Decoder", "DecoderLayer", "Encoder", "EncoderLayer")},
    "RNN": Row(lambda: nn.RNN(5, 6, batch_first=True), (7, 5), macs=7 * 6 * (5 + 6)),
    "LSTM": Row(lambda: nn.LSTM(5, 6, 2, bidirectional=True, batch_first=True), (7, 5), macs=SEQUENCE),
    "GRU": Row(lambda: nn.GRU(5, 6, batch_first=True), (7, 5), macs=7 * 3 * 6 * (5 + 6)),
    "RNNCell": Row(lambda: nn.RNNCell(5, 6), (5,)),
    "LSTMCell": Row(lambda: nn.LSTMCell(5, 6), (5,)),
    "GRUCell": Row(lambda: nn.GRUCell(5, 6), (5,)),
}  # fmt: skip


def wanted() -> list[str]:
    """The classes of torch.nn that compute an output in inference."""
    found = inspect.getmembers(nn, inspect.isclass)
    classes = [name for name, kind in found if issubclass(kind, nn.Module)]
    return sorted(set(classes) - LOSSES - ABSTRACT - set(NOT_IMPORTED))


def test_every_module_has_its_row() -> None:
    assert sorted(ROWS) == wanted()
    assert len(NOT_IMPORTED) <= 5


def run(module: nn.Module, x: Tensor) -> tuple[list[tuple[int, ...]], int]:
    """(shapes of what a module gives, its MACs by PyTorch's counter)"""
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        given = module(x)
    listed = given if isinstance(given, (tuple, list)) else [given]
    flat = [item for each in listed for item in (each if isinstance(each, (tuple, list)) else [each])]
    return [tuple(item.shape) for item in flat], counter.get_total_flops() // 2


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_module(name: str) -> None:
    row = ROWS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = Wrapped(row).eval()
        shapes, macs = run(module, torch.randn(1, *row.input))  # also makes lazy modules whole
    graph = from_module(module, row.input, name=name)
    report = cnncost.analyze(graph)
    assert report.totals.params == sum(parameter.numel() for parameter in module.parameters())
    assert report.totals.macs == (macs if row.macs is None else row.macs)
    assert [graph.nodes[index].shape for index in graph.outputs][: len(shapes)] == shapes
