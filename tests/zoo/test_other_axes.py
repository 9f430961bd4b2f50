"""Clips, volumes and sequences: the zoo against torchvision, or against PyTorch written from the paper here.

Parameters are PyTorch's, multiply-accumulates those of its FlopCounterMode, on tensors without memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as fn
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers.sources import library


class C3d(nn.Sequential):
    """Tran et al. 2015, figure 3; the last pooling rounds up, as Caffe does."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        maps = 3
        for pool, outs in (((1, 2, 2), [64]), (2, [128]), (2, [256] * 2), (2, [512] * 2), (2, [512] * 2)):
            for out in outs:
                layers += [nn.Conv3d(maps, out, 3, padding=1), nn.ReLU()]
                maps = out
            layers.append(nn.MaxPool3d(pool, ceil_mode=True))
        head = [nn.Linear(8192, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 487)]
        super().__init__(*layers, nn.Flatten(), *head)


class UNet3d(nn.Module):
    """Çiçek et al. 2016, section 2: valid convolutions, maps doubled before a pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            self.pair(a, b, c) for a, b, c in ((3, 32, 64), (64, 64, 128), (128, 128, 256), (256, 256, 512))
        )
        self.up = nn.ModuleList(nn.ConvTranspose3d(c, c, 2, 2, bias=False) for c in (512, 256, 128))
        self.join = nn.ModuleList(self.pair(3 * c, c, c) for c in (256, 128, 64))
        self.out = nn.Conv3d(64, 3, 1)

    @staticmethod
    def pair(maps: int, middle: int, out: int) -> nn.Module:
        layers = []
        for a, b in ((maps, middle), (middle, out)):
            layers += [nn.Conv3d(a, b, 3), nn.BatchNorm3d(b, affine=False), nn.ReLU()]
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for level, down in enumerate(self.down):
            x = down(fn.max_pool3d(x, 2) if level else x)
            skips.append(x)
        for up, join, skip in zip(self.up, self.join, skips[-2::-1], strict=True):
            x = up(x)
            cuts = [(big - small) // 2 for big, small in zip(skip.shape[2:], x.shape[2:], strict=True)]
            for axis, (cut, size) in enumerate(zip(cuts, x.shape[2:], strict=True), 2):
                skip = skip.narrow(axis, cut, size)
            x = join(torch.cat([skip, x], 1))
        return self.out(x)


class Stage(nn.Module):
    """A stage of V-Net: convolutions of 5, their PReLUs, and the input added to the last."""

    def __init__(self, maps: int, out: int, depth: int):
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv3d(out if index else maps, out, 5, padding=2) for index in range(depth)
        )
        self.relus = nn.ModuleList(nn.PReLU(out) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        start = x
        for index, (conv, relu) in enumerate(zip(self.convs, self.relus, strict=True)):
            x = conv(x)
            x = relu(x + start if index == len(self.convs) - 1 else x)
        return x


class VNet(nn.Module):
    """Milletari et al. 2016, figure 2."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Stage(1, 16, 1)
        depths = (2, 3, 3, 3)
        self.smaller = nn.ModuleList(
            nn.Sequential(nn.Conv3d(16 << i, 32 << i, 2, 2), nn.PReLU(32 << i)) for i in range(4)
        )
        self.left = nn.ModuleList(Stage(32 << i, 32 << i, depth) for i, depth in enumerate(depths))
        self.larger = nn.ModuleList()
        self.right = nn.ModuleList()
        maps = 256
        for out, depth in ((256, 3), (128, 3), (64, 2), (32, 1)):
            self.larger.append(nn.Sequential(nn.ConvTranspose3d(maps, out // 2, 2, 2), nn.PReLU(out // 2)))
            self.right.append(Stage(out, out, depth))
            maps = out
        self.out = nn.Conv3d(32, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = [self.first(x)]
        for smaller, stage in zip(self.smaller, self.left, strict=True):
            skips.append(stage(smaller(skips[-1])))
        x = skips.pop()
        for larger, stage in zip(self.larger, self.right, strict=True):
            x = stage(torch.cat([skips.pop(), larger(x)], 1))
        return self.out(x).softmax(1)


class Residual(nn.Module):
    """Two convolutions and a shortcut; maps that are new get zeros."""

    def __init__(self, maps: int, out: int):
        super().__init__()
        self.more = out - maps
        self.main = nn.Sequential(
            nn.Conv1d(maps, out, 3, padding=1), nn.BatchNorm1d(out), nn.ReLU(),
            nn.Conv1d(out, out, 3, padding=1), nn.BatchNorm1d(out),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return fn.relu(self.main(x) + fn.pad(x, (0, 0, 0, self.more)))


class Waveform(nn.Sequential):
    """Dai et al. 2016, table 1: a wide kernel, then stages of kernels of 3 with a pooling by 4 between."""

    def __init__(
        self, width: int, widths: list[int], depths: list[int], residual: bool = False, ends: bool = False
    ):
        layers: list[nn.Module] = [
            nn.ConstantPad1d((38, 38), 0.0), nn.Conv1d(1, width, 80, 4), nn.BatchNorm1d(width), nn.ReLU()
        ]  # fmt: skip
        maps = width
        for out, depth in zip(widths, depths, strict=True):
            layers.append(nn.MaxPool1d(4, ceil_mode=True))
            for _ in range(depth):
                if residual:
                    layers.append(Residual(maps, out))
                else:
                    layers += [nn.Conv1d(maps, out, 3, padding=1), nn.BatchNorm1d(out), nn.ReLU()]
                maps = out
        if ends:
            layers.append(nn.MaxPool1d(4, ceil_mode=True))
        super().__init__(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(maps, 10))


class Level(nn.Module):
    """A level of a TCN: padded on both sides, then cut behind, as the authors do."""

    def __init__(self, maps: int, out: int, dilation: int):
        super().__init__()
        pad = 6 * dilation
        self.pad = pad
        self.first = nn.Conv1d(maps, out, 7, dilation=dilation, padding=pad)
        self.second = nn.Conv1d(out, out, 7, dilation=dilation, padding=pad)
        self.shortcut = nn.Conv1d(maps, out, 1) if maps != out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in (self.first, self.second):
            y = fn.relu(conv(y)[:, :, : -self.pad])
        return fn.relu(y + self.shortcut(x))


class Tcn(nn.Module):
    """Bai et al. 2018, figure 1, eight levels of 25 maps."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.Sequential(*[Level(25 if i else 1, 25, 2**i) for i in range(8)])
        self.fc = nn.Linear(25, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.levels(x)[:, :, -1])


CLIP, VOLUME, WAVE = (3, 16, 112, 112), (3, 132, 132, 116), (1, 32000)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    **{
        name: (partial(library("torchvision").get_model, name), CLIP)
        for name in ("r3d_18", "mc3_18", "r2plus1d_18")
    },
    "c3d": (C3d, CLIP),
    "unet3d": (UNet3d, VOLUME),
    "vnet": (VNet, (1, 128, 128, 64)),
    "waveform_m3": (partial(Waveform, 256, [256], [1], ends=True), WAVE),
    "waveform_m5": (partial(Waveform, 128, [128, 256, 512], [1] * 3, ends=True), WAVE),
    "waveform_m11": (partial(Waveform, 64, [64, 128, 256, 512], [2, 2, 3, 2]), WAVE),
    "waveform_m18": (partial(Waveform, 64, [64, 128, 256, 512], [4] * 4), WAVE),
    "waveform_m34_res": (partial(Waveform, 48, [48, 96, 192, 384], [3, 4, 6, 3], residual=True), WAVE),
    "tcn_mnist": (Tcn, (1, 784)),
}


@pytest.mark.parametrize("model", NETWORKS)
def test_counts_are_those_of_pytorch(model: str) -> None:
    make, shape = NETWORKS[model]
    with torch.device("meta"):
        net = make().eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            output = net(torch.empty(1, *shape))
    graph = cnncost.load(model)
    totals = cnncost.analyze(graph).totals
    assert graph.input_shape == shape
    assert tuple(graph.nodes[-1].shape) == tuple(output.shape)
    assert totals.params == sum(item.numel() for item in net.parameters())
    assert totals.buffers == sum(item.numel() for item in net.buffers() if item.dim())
    cut = sum(
        level.pad * conv.in_channels * conv.out_channels * 7
        for level in net.modules()
        if isinstance(level, Level)
        for conv in (level.first, level.second)
    )
    assert totals.macs == counter.get_total_flops() // 2 - cut


@pytest.mark.parametrize("model", ["r3d_18", "mc3_18", "r2plus1d_18"])
def test_torchvision_publishes_these_counts(model: str) -> None:
    meta = library("torchvision").get_model_weights(model).DEFAULT.meta
    report = cnncost.analyze(cnncost.load(model), convention="torchvision")
    assert report.totals.params == meta["num_params"]
    assert f"{report.totals.counted.ops / 1e9:.3f}" == f"{meta['_ops']:.3f}"


def test_a_temporal_convolutional_network_sees_all_of_its_sequence() -> None:
    """1 + 2 (k - 1) sum of dilations = 1 + 2 * 6 * 255 steps (Bai et al. 2018, section 3.2)."""
    rows = cnncost.analyze(cnncost.load("tcn_mnist"), by="op").rows
    assert rows[-3].receptive_field == (3061,)


def test_the_published_size_of_3d_unet() -> None:
    """132 x 132 x 116 voxels become 44 x 44 x 28, with 19,069,955 parameters (section 2)."""
    graph = cnncost.load("unet3d")
    assert tuple(graph.nodes[-1].shape[1:]) == (3, 44, 44, 28)
    assert cnncost.analyze(graph).totals.params == 19_069_955
