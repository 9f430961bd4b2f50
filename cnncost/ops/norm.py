"""Normalisations: mean and variance, or energy, of groups of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.base import (
    Elementwise,
    Operator,
    Weight,
    argument,
    channel_axis,
    channels_first,
    divide,
    map_of,
)
from cnncost.ops.modules import calling, frozen, unowned
from cnncost.ops.sizes import FREE, Shape, axes_of, elements, free, holds

if TYPE_CHECKING:
    from torch import nn


class Normalization(Elementwise):
    """What the normalisations share: a learned scale and shift per channel."""

    kin = "normalization"
    shares_row = True

    scale: bool = argument(True, help="multiply by a learned value per channel")
    shift: bool = argument(True, help="add a learned value per channel")
    eps: float = argument(1e-5, help="added to the variance before its root is taken")
    frozen: bool = argument(False, help="weights are counted but not trained")

    def channels(self, x: Shape) -> int:
        """Number of channels that have a scale and a shift of their own."""
        return channels_first(self, x)[1]

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        self.channels(x)
        return x

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        channels = self.channels(x)
        scale = (Weight("scale", channels, self.frozen),) if self.scale else ()
        return (*scale, Weight("shift", channels, self.frozen)) if self.shift else scale

    def groups_of(self, x: Shape) -> int:
        """Number of groups of values with a mean and a variance of their own."""
        raise NotImplementedError

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        total = elements(x)
        count = {
            "mean and variance": 4 * total,
            "roots and divisions": 4 * self.groups_of(x),
            "normalisation": total,
        }
        if self.scale:
            count["scale"] = total
        if self.shift:
            count["shift"] = total
        return count

    def learned(self, module: nn.Module) -> nn.Module:
        """The module without the scale or the shift that this operator does not have, trained or not."""
        if not self.scale:
            module.register_parameter("weight", None)
        if not self.shift:
            module.register_parameter("bias", None)
        return frozen(module, self.frozen)


class BatchNorm(Normalization):
    """Batch normalisation: every channel to mean 0 and variance 1 over the training data.

    Parameters 2 * C (scale and shift), buffers 2 * C (running mean and variance). In inference it
    is one multiplication and one addition per value, whatever it has learned; it can be folded into
    the convolution before it (Ioffe and Szegedy 2015, algorithm 2).
    """

    name = "bn"

    statistics: bool = argument(True, help="keep a running mean and variance for inference")
    fixed: bool = argument(False, help="stay in eval mode while the network is trained")
    shared: bool = argument(False, help="what it has learned and kept is an earlier layer's, counted there")

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return () if self.shared else super().weights(*inputs)

    def buffers(self, *inputs: Shape) -> int:
        (x,) = inputs
        return 2 * x[1] if self.statistics and not self.shared else 0

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"scale and shift": 2 * elements(output)}

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        kinds = nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d
        kind: type[nn.Module] = kinds[len(x) - 2]
        module = self.learned(kind(x[1], self.eps, track_running_stats=self.statistics))
        return unowned("bn", module) if self.shared else module


class LayerNorm(Normalization):
    """Layer normalisation: mean 0 and variance 1 over the channels of every position.

    In a map over the C channels at each position (ConvNeXt), else, or with channels_last, over the last
    axis. Parameters 2 * C. Per value 4 operations for mean and variance (an addition; a subtraction, a
    multiplication, an addition) and a multiplication to normalise, one each for scale and shift;
    per position 2 divisions, a root and a reciprocal (Ba et al. 2016, equation 3).
    """

    name = "layer_norm"

    channels_last: bool = argument(False, help="maps come as height x width x channels")

    def channels(self, x: Shape) -> int:
        return x[self.along(x)]

    def along(self, x: Shape) -> int:
        """The axis that is normalised; of a free shape the last, as PyTorch's function does."""
        if self.channels_last or axes_of(x) == FREE:
            return len(x) - 1
        return channel_axis(x, self)

    def groups_of(self, x: Shape) -> int:
        return elements(x) // self.channels(x)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        norm = self.learned(nn.LayerNorm(self.channels(x), self.eps))
        axis, rank = self.along(x), len(x)
        if axis == rank - 1:
            return norm
        there, back = last(rank, axis), back_from_last(rank, axis)
        return calling("layer_norm", lambda module, x: module.norm(x.permute(there)).permute(back), norm=norm)


def last(rank: int, axis: int) -> tuple[int, ...]:
    """The axes of a tensor in the order that puts one of them last."""
    return *range(axis), *range(axis + 1, rank), axis


def back_from_last(rank: int, axis: int) -> tuple[int, ...]:
    """The axes of a tensor in the order that puts the last where `axis` was."""
    return *range(axis), rank - 1, *range(axis, rank - 1)


class RmsNorm(Elementwise):
    """Root-mean-square normalisation: every position divided by the root of its mean square.

    Over the last axis. Parameters C. Per value a multiplication and an addition for the mean square, a
    multiplication to normalise and one for the scale; per position a division, a root and a reciprocal
    (Zhang and Sennrich 2019, equation 4).
    """

    name = "rms_norm"
    kin = "normalization"
    shares_row = True

    scale: bool = argument(True, help="multiply by a learned value per channel")
    eps: float = argument(1e-5, help="added to the mean square before its root is taken")
    frozen: bool = argument(False, help="weights are counted but not trained")

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        return (Weight("scale", x[-1], self.frozen),) if self.scale else ()

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        count = {
            "mean square": 2 * total,
            "roots and divisions": 3 * (total // output[-1]),
            "normalisation": total,
        }
        return count | {"scale": total} if self.scale else count

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return frozen(nn.RMSNorm(x[-1], self.eps, elementwise_affine=self.scale), self.frozen)


class InstanceNorm(Normalization):
    """Instance normalisation: mean 0 and variance 1 over every map of every image.

    Parameters 2 * C; no running statistics. Operations as of layer_norm, per map instead of per
    position (Ulyanov et al. 2016, equation 3).
    """

    name = "instance_norm"

    def channels(self, x: Shape) -> int:
        x = map_of(self, x)
        if not holds(elements(x[2:]) > 1):
            raise OperatorError("instance_norm: one value per map has no variance")
        return x[1]

    def groups_of(self, x: Shape) -> int:
        return x[0] * x[1]

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        kinds = nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d
        kind: type[nn.Module] = kinds[len(x) - 3]
        return self.learned(kind(x[1], self.eps, affine=True))


class GroupNorm(Normalization):
    """Group normalisation: mean 0 and variance 1 over groups of channels of every image.

    Parameters 2 * C. Operations as of layer_norm, per group instead of per position (Wu and He
    2018, equation 1).
    """

    name = "group_norm"

    groups: int = argument(symbol="G", minimum=1, help="number of channel groups")

    def channels(self, x: Shape) -> int:
        channels = channels_first(self, x)[1]
        divide(self, channels, self.groups, "input")
        return channels

    def groups_of(self, x: Shape) -> int:
        return x[0] * self.groups

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return self.learned(nn.GroupNorm(self.groups, x[1], self.eps))


class ChannelMeans(Operator):
    """Means over neighbouring channels (axis 2): a part of local response normalisation.

    An average pooling (avg_pool3d, or avg_pool2d) of windows of `size` channels and one position.
    """

    name = "avgpool"
    kin = "pooling"

    size: int = argument(5, minimum=1, help="number of channels")

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return free((*x[:2], x[2] - self.size + 1, *x[3:]))


class LocalResponseNorm(Elementwise):
    """Local response normalisation: a value divided by the energy of its neighbouring channels.

    x / (k + alpha / size * sum of squares over `size` channels)^beta. Per value 2 multiplications
    (its square, alpha / size), `size` additions (the sum and k), a power and a division
    (Krizhevsky et al. 2012, section 3.3; alpha is divided by size as Caffe and PyTorch do).
    """

    name = "lrn"
    kin = "normalization"

    size: int = argument(5, minimum=1, help="number of neighbouring channels")
    alpha: float = argument(0.0001, help="weight of the sum of squares")
    beta: float = argument(0.75, help="the power")
    k: float = argument(1.0, help="added to the sum (2 in the AlexNet paper, 1 in Caffe)")

    def output_shape(self, *inputs: Shape) -> Shape:
        return map_of(self, inputs[0])

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        return {
            "multiplications": 2 * total,
            "additions": self.size * total,
            "powers": total,
            "divisions": total,
        }

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.LocalResponseNorm(self.size, self.alpha, self.beta, self.k)
