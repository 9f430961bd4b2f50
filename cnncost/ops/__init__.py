"""The operators: this file is their table of contents.

    base.py       what an operator declares             sizes.py      shapes and their arithmetic
    arguments.py  kinds of arguments                    window.py     windows: sizes, padding, what is seen
    modules.py    PyTorch modules around a function

An operator is one class that declares its arguments, formulas and PyTorch module; a new one is
added to the module of its kin and gets a line here. Only declarations belong in this room.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cnncost.ops import (
    activation,
    adaptive,
    arithmetic,
    bilinear,
    conv,
    custom,
    embedding,
    factor,
    join,
    learned,
    lenet,
    linear,
    move,
    nonlinear,
    norm,
    patch,
    pixels,
    pool,
    product,
    recurrent,
    region,
    regularize,
    resample,
    reshape,
    sampling,
)
from cnncost.ops.base import Operator

__all__ = ["REGISTRY", "Operator"]


def table(*operators: type[Operator]) -> Mapping[str, type[Operator]]:
    """Operators by name, in the order given. Raises ValueError if two share a name."""
    found: dict[str, type[Operator]] = {}
    for operator in operators:
        if operator.name in found:
            raise ValueError(f"two operators are called {operator.name!r}")
        found[operator.name] = operator
    return MappingProxyType(found)


REGISTRY = table(
    conv.Conv,
    conv.ConvTranspose,
    linear.Linear,
    sampling.DeformConv,
    bilinear.Bilinear,
    embedding.Embedding,
    lenet.Rbf,
    recurrent.Rnn,
    recurrent.Lstm,
    recurrent.Gru,
    pool.MaxPool,
    pool.AvgPool,
    pool.LpPool,
    adaptive.GlobalAvgPool,
    adaptive.GlobalMaxPool,
    adaptive.AdaptiveAvgPool,
    adaptive.AdaptiveMaxPool,
    pool.MaxUnpool,
    region.RoiPool,
    lenet.Subsample,
    norm.BatchNorm,
    norm.LayerNorm,
    norm.RmsNorm,
    norm.InstanceNorm,
    norm.GroupNorm,
    norm.LocalResponseNorm,
    factor.LayerScale,
    factor.Scale,
    activation.Relu,
    activation.Relu6,
    activation.PRelu,
    activation.Elu,
    activation.LeakyRelu,
    activation.Mish,
    activation.Sigmoid,
    activation.Tanh,
    activation.ScaledTanh,
    activation.Silu,
    activation.Gelu,
    activation.HardSigmoid,
    activation.HardSwish,
    activation.Softmax,
    nonlinear.LogSoftmax,
    nonlinear.Selu,
    nonlinear.Celu,
    nonlinear.Glu,
    join.Add,
    join.Concat,
    join.Mul,
    join.Mean,
    regularize.Dropout,
    regularize.DropPath,
    reshape.Flatten,
    reshape.Reshape,
    reshape.ZeroPad,
    reshape.Crop,
    reshape.ChannelShuffle,
    reshape.ChannelSplit,
    reshape.Identity,
    pixels.PixelShuffle,
    pixels.PixelUnshuffle,
    resample.Interpolate,
    sampling.GridSample,
    patch.Windows,
    patch.Unfold,
    patch.Fold,
    product.MatMul,
    product.Einsum,
    product.Attention,
    product.ConvGiven,
    product.LinearGiven,
    arithmetic.Pointwise,
    arithmetic.Combine,
    arithmetic.Reduce,
    custom.Custom,
    learned.Learned,
    learned.Constant,
    learned.Unused,
    move.View,
    move.Copy,
    move.Permute,
    move.Slice,
    move.Select,
    move.Expand,
    move.Roll,
    move.Flip,
    move.Pad,
    move.Gather,
    move.Overwrite,
)
"""Every operator by its name in a spec, kin beside kin."""
