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
    conv,
    factor,
    join,
    learned,
    lenet,
    linear,
    move,
    norm,
    patch,
    pool,
    product,
    region,
    regularize,
    resample,
    reshape,
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
    lenet.Rbf,
    pool.MaxPool,
    pool.AvgPool,
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
    resample.Interpolate,
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
    learned.Learned,
    learned.Constant,
    move.View,
    move.Copy,
    move.Permute,
    move.Slice,
    move.Select,
    move.Expand,
    move.Roll,
    move.Pad,
    move.Gather,
    move.Overwrite,
)
"""Every operator by its name in a spec, kin beside kin."""
