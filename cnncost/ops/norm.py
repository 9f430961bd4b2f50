"""Normalisations: mean and variance, or energy, of groups of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncost.errors import OperatorError
from cnncost.ops.base import (
    Autograd,
    Elementwise,
    Moment,
    Part,
    Weight,
    argument,
    channel_axis,
    channels_of,
    divide,
    text,
)
from cnncost.ops.layout import Strides, channels_last, is_row, like
from cnncost.ops.modules import calling
from cnncost.ops.move import Permute
from cnncost.ops.sizes import Shape, elements, holds

if TYPE_CHECKING:
    from torch import nn


class Normalization(Elementwise):
    """What the normalisations share: a learned scale and shift per channel."""

    kin = "normalization"
    folds = True

    scale: bool = argument(True, help="multiply by a learned value per channel")
    shift: bool = argument(True, help="add a learned value per channel")
    eps: float = argument(1e-5, help="added to the variance before its root is taken")

    def channels(self, x: Shape) -> int:
        """Number of channels that have a scale and a shift of their own."""
        return channels_of(self, x)

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        self.channels(x)
        return x

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        channels = self.channels(x)
        scale = (Weight("scale", channels),) if self.scale else ()
        return (*scale, Weight("shift", channels)) if self.shift else scale

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
        """The module without the scale or the shift that this operator does not have."""
        if not self.scale:
            module.register_parameter("weight", None)
        if not self.shift:
            module.register_parameter("bias", None)
        return module


class BatchNorm(Normalization):
    """Batch normalisation: every channel to mean 0 and variance 1 over the training data.

    Parameters 2 * C (scale and shift), buffers 2 * C (running mean and variance). In inference it
    is one multiplication and one addition per value, whatever it has learned; it can be folded into
    the convolution before it (Ioffe and Szegedy 2015, algorithm 2).
    """

    name = "bn"
    keeps_layout = True

    statistics: bool = argument(True, help="keep a running mean and variance for inference")

    def channels(self, x: Shape) -> int:
        if len(x) == 3:
            raise OperatorError(f"bn needs a map or a vector, not {text(x)}")
        return x[1]

    def buffers(self, *inputs: Shape) -> int:
        (x,) = inputs
        return 2 * x[1] if self.statistics else 0

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        return {"scale and shift": 2 * elements(output)}

    def temporaries(self, output: Shape, *inputs: Shape, element_bytes: int) -> int:
        # Mean and inverse deviation of the batch.
        return 0 if self.statistics else 2 * inputs[0][1] * max(element_bytes, 4)

    def autograd(
        self, output: Shape, *inputs: Shape, element_bytes: int = 4, in_place: bool = False
    ) -> Autograd:
        channel = inputs[0][1] * max(element_bytes, 4)
        return Autograd((0,), extra=(channel, channel))  # mean and inverse deviation of the batch

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        kind = nn.BatchNorm2d if len(x) == 4 else nn.BatchNorm1d
        return self.learned(kind(x[1], self.eps, track_running_stats=self.statistics))


class LayerNorm(Normalization):
    """Layer normalisation: mean 0 and variance 1 over the channels of every position.

    In a map over the C channels at each position (ConvNeXt), else, or with channels_last, over the last
    axis. Parameters
    2 * C. Per value 4 operations for mean and variance (an addition; a subtraction, a
    multiplication, an addition) and a multiplication to normalise, one each for scale and shift;
    per position 2 divisions, a root and a reciprocal (Ba et al. 2016, equation 3).
    """

    name = "layer_norm"
    arranges = True

    channels_last: bool = argument(False, help="maps come as height x width x channels")

    def channels(self, x: Shape) -> int:
        return x[-1 if self.channels_last else channel_axis(x)]

    def groups_of(self, x: Shape) -> int:
        return elements(x) // self.channels(x)

    def composed(self, strides: Sequence[Strides], *inputs: Shape) -> tuple[Part, ...]:
        (x,) = inputs
        if len(x) != 4 or self.channels_last:
            return ()
        norm = self.replace(channels_last=True)
        return (
            Part(Permute(axes=(0, 2, 3, 1)), (~0,)),
            Part(norm, (0,)),
            Part(Permute(axes=(0, 3, 1, 2)), (1,)),
        )

    def gradient_lies(self, position: int, output: Shape, shape: Shape, strides: Strides) -> Strides | None:
        return like(shape, strides)

    def temporaries(self, output: Shape, *inputs: Shape, element_bytes: int) -> int:
        return 2 * self.groups_of(inputs[0]) * max(element_bytes, 4)  # mean and inverse deviation

    def autograd(
        self, output: Shape, *inputs: Shape, element_bytes: int = 4, in_place: bool = False
    ) -> Autograd:
        statistics = self.groups_of(inputs[0]) * max(element_bytes, 4)
        return Autograd((0,), extra=(statistics, statistics))

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        norm = self.learned(nn.LayerNorm(self.channels(x), self.eps))
        if len(x) != 4 or self.channels_last:
            return norm
        return calling(
            "layer_norm",
            lambda module, x: module.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
            norm=norm,
        )


class RmsNorm(Elementwise):
    """Root-mean-square normalisation: every position divided by the root of its mean square.

    Over the last axis. Parameters C. Per value a multiplication and an addition for the mean square, a
    multiplication to normalise and one for the scale; per position a division, a root and a reciprocal
    (Zhang and Sennrich 2019, equation 4).
    """

    name = "rms_norm"
    kin = "normalization"
    folds = True

    scale: bool = argument(True, help="multiply by a learned value per channel")
    eps: float = argument(1e-5, help="added to the mean square before its root is taken")

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (x,) = inputs
        return (Weight("scale", x[-1]),) if self.scale else ()

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        count = {
            "mean square": 2 * total,
            "roots and divisions": 3 * (total // output[-1]),
            "normalisation": total,
        }
        return count | {"scale": total} if self.scale else count

    def autograd(
        self, output: Shape, *inputs: Shape, element_bytes: int = 4, in_place: bool = False
    ) -> Autograd:
        size, own = elements(output) * element_bytes, self.params(*inputs) * element_bytes
        roots = self.roots(output, element_bytes)
        normed = size * self.scale
        factor = Moment(roots + normed + 2 * size + own)  # the scale's gradient before it is summed
        product = Moment(2 * roots + normed + 2 * size + own, gradient=not self.scale)
        square = Moment(5 * size + own, gradient=False)
        moments = (factor, product, square) if self.scale else (product, square)
        extra = (roots, normed) if self.scale else (roots,)
        return Autograd((0,), extra=extra, forward=roots - roots * self.scale, moments=moments)

    def roots(self, output: Shape, element_bytes: int) -> int:
        """Bytes of the inverse root of the mean square of every position."""
        return elements(output) // output[-1] * max(element_bytes, 4)

    def temporaries(self, output: Shape, *inputs: Shape, element_bytes: int) -> int:
        roots = self.roots(output, element_bytes)
        # Without scale the squares, before there is an output, their means and the inverse roots.
        return elements(output) * element_bytes + roots if self.scale else 2 * roots

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return nn.RMSNorm(x[-1], self.eps, elementwise_affine=self.scale)


class InstanceNorm(Normalization):
    """Instance normalisation: mean 0 and variance 1 over every map of every image.

    Parameters 2 * C; no running statistics. Operations as of layer_norm, per map instead of per
    position (Ulyanov et al. 2016, equation 3).
    """

    name = "instance_norm"

    def channels(self, x: Shape) -> int:
        channels = channels_of(self, x)
        if not holds(elements(x[2:]) > 1):
            raise OperatorError("instance_norm: one value per map has no variance")
        return channels

    def groups_of(self, x: Shape) -> int:
        return x[0] * x[1]

    def rearranged(self, position: int, strides: Strides, *inputs: Shape) -> bool:
        return not is_row(inputs[0], strides)

    def temporaries(self, output: Shape, *inputs: Shape, element_bytes: int) -> int:
        # PyTorch makes every map a channel: scale and shift repeated, mean and inverse deviation.
        return (2 + self.scale + self.shift) * self.groups_of(inputs[0]) * max(element_bytes, 4)

    def autograd(
        self, output: Shape, *inputs: Shape, element_bytes: int = 4, in_place: bool = False
    ) -> Autograd:
        maps = self.groups_of(inputs[0]) * max(element_bytes, 4)
        kept = (maps,) * (2 + self.scale)
        size, gradients = elements(output) * element_bytes, (self.scale + self.shift) * maps
        own = self.params(*inputs) * element_bytes
        moments = (
            Moment(sum(kept) + size + gradients),
            Moment(size + gradients + own, gradient=False, freed=(0,)),
        )
        return Autograd((0,), extra=kept, forward=self.shift * maps, moments=moments)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return self.learned(nn.InstanceNorm2d(x[1], self.eps, affine=True))


class GroupNorm(Normalization):
    """Group normalisation: mean 0 and variance 1 over groups of channels of every image.

    Parameters 2 * C. Operations as of layer_norm, per group instead of per position (Wu and He
    2018, equation 1).
    """

    name = "group_norm"

    groups: int = argument(symbol="G", minimum=1, help="number of channel groups")

    def channels(self, x: Shape) -> int:
        if len(x) == 3:
            raise OperatorError(f"group_norm needs a map or a vector, not {text(x)}")
        divide(self, x[1], self.groups, "input")
        return x[1]

    def groups_of(self, x: Shape) -> int:
        return x[0] * self.groups

    def rearranged(self, position: int, strides: Strides, *inputs: Shape) -> bool:
        return not is_row(inputs[0], strides) and not channels_last(inputs[0], strides)

    def temporaries(self, output: Shape, *inputs: Shape, element_bytes: int) -> int:
        return 2 * self.groups_of(inputs[0]) * max(element_bytes, 4)  # mean and inverse deviation

    def autograd(
        self, output: Shape, *inputs: Shape, element_bytes: int = 4, in_place: bool = False
    ) -> Autograd:
        statistics = self.groups_of(inputs[0]) * max(element_bytes, 4)
        return Autograd((0,), extra=(statistics, statistics))

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        (x,) = inputs
        return self.learned(nn.GroupNorm(self.groups, x[1], self.eps))


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
        (x,) = inputs
        channels_of(self, x)
        return x

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        total = elements(output)
        return {
            "multiplications": 2 * total,
            "additions": self.size * total,
            "powers": total,
            "divisions": total,
        }

    def padded(self, x: Shape) -> int:
        """Number of squares, the zero channels at both ends included."""
        return elements(x) // x[1] * (x[1] + self.size - 1)

    def temporaries(self, output: Shape, *inputs: Shape, element_bytes: int) -> int:
        size = elements(output)
        # The padded squares, before there is an output; means, means times alpha, that plus k.
        return max(self.padded(output), 2 * size) * element_bytes

    def autograd(
        self, output: Shape, *inputs: Shape, element_bytes: int = 4, in_place: bool = False
    ) -> Autograd:
        size, padded = elements(output) * element_bytes, self.padded(output) * element_bytes
        # Kept: the padded squares, the base of the power and the power. Backward: the quotient, then
        # the power, each with three inner tensors; then the gradient of the padded squares, which is
        # the most where the window is wider than there are channels.
        moments = (
            Moment(6 * size + padded),
            Moment(6 * size + padded, gradient=False),
            Moment(2 * size + 2 * padded, gradient=False),
        )
        return Autograd((0,), extra=(padded, size, size), moments=moments)

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        return nn.LocalResponseNorm(self.size, self.alpha, self.beta, self.k)
