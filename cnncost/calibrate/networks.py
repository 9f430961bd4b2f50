"""Whole networks that calibrating runs: to fit with, and to judge the fit by.

Of each family one, small enough for a laptop. The families that users ask about most (ResNet, VGG, MobileNet,
DenseNet, Inception v3, EfficientNet, RegNet, ConvNeXt) are in neither list: `benchmarks/` judges profiles by
them.
"""

from __future__ import annotations

FITTED = (
    "preact_resnet50", "mnasnet1_0", "zfnet", "shufflenet_v1_g3", "efficientnet_v2_b0", "wrn_16_4",
    "nasnet_a_mobile", "waveform_m5", "enet", "fractalnet20",
    "mcunet_in4", "inception_v4", "segnet_basic",
)  # fmt: skip
"""Networks that the numbers of a profile are fitted to, beside single kernels; the most needed first."""

HELD_OUT = (
    "xception", "inception_v2", "densenet_bc100_cifar", "resnet56_cifar", "inception_resnet_v1",
    "nin_cifar10", "lenet5", "tcn_mnist",
)  # fmt: skip
"""Networks of other families, which the fit does not see: their errors stand in the profile."""

QUICK_FITTED = ("densenet40_cifar", "lenet5", "nin_cifar10")
QUICK_HELD_OUT = ("wrn_40_1", "tcn_mnist")
"""Small ones, for a run that only shows that everything runs."""


def family(name: str) -> str:
    """The family of a network of the zoo: the spec that it stands in."""
    from cnncost.language import zoo

    return zoo.index()[name].stem
