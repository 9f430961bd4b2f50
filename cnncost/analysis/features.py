"""Whole numbers of one node that conventions count with: each from the operator and its shapes.

Shapes have the batch first, so every feature is of the whole batch. A feature knows no convention;
what it is multiplied by, and for which operators, stands in `conventions`.
"""

from __future__ import annotations

from collections.abc import Callable

from cnncost.ops.activation import Softmax
from cnncost.ops.base import Operator, channel_axis
from cnncost.ops.conv import ConvTranspose
from cnncost.ops.product import ConvGiven, LinearGiven
from cnncost.ops.recurrent import Recurrent
from cnncost.ops.sizes import Shape, elements
from cnncost.ops.window import area, times_area

Inputs = tuple[Shape, ...]
Feature = Callable[[Operator, Shape, Inputs], int]


def macs(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Multiply-accumulates."""
    return op.macs(output, *inputs)


def output(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements."""
    return elements(output)


def input(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Elements of the first input."""
    return elements(inputs[0])


def input_2d(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Elements of the first input, if it is a map of two axes."""
    return elements(inputs[0]) if len(inputs[0]) == 4 else 0


def biased(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements that a bias is added to: the operator's own, or its third input."""
    given = len(inputs) == 3 if isinstance(op, ConvGiven | LinearGiven) else op.given("bias")
    return elements(output) if given else 0


def scaled(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Input elements that a normalisation multiplies by a learned scale."""
    return elements(inputs[0]) if op.given("scale") else 0


def window(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Kernel area times output elements."""
    return area(op.windows(*inputs)) * elements(output)


def taps(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Positions that a deformable convolution reads, whatever the number of channels."""
    return output[0] * elements(output[2:]) * int(op.given("kernel")) ** 2


def masked(op: Operator, output: Shape, inputs: Inputs) -> int:
    """The same, if there is a mask."""
    return taps(op, output, inputs) if len(inputs) == 3 else 0


def joined(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements of a join, once per branch after the first."""
    return (len(inputs) - 1) * elements(output)


def multiplied(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements of two tensors' product, 0 for another function of two."""
    return elements(output) if op.values["function"] == "mul" else 0


def averaged(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements of a mean, 0 for another reduction."""
    return elements(output) if op.values["function"] == "mean" else 0


def positions(op: Operator, output: Shape, inputs: Inputs) -> int:
    """How many softmaxes there are: elements of the input over those that sum to 1."""
    along = op.along(inputs[0]) if isinstance(op, Softmax) else channel_axis(inputs[0])
    return elements(inputs[0]) // inputs[0][along]


def learned(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Learnable values, once per image."""
    return output[0] * op.params(*inputs)


def at_output(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Weights times output positions: more than the MACs if a transposed convolution enlarges."""
    weights = sum(weight.count for weight in op.weights(*inputs) if weight.role == "weight")
    return weights * (elements(output) // output[1])


def at_output_dense(op: Operator, output: Shape, inputs: Inputs) -> int:
    """The same with the groups forgotten, unless as many maps leave as enter."""
    groups: int = 1 if output[1] == inputs[0][1] else op.given("groups")
    return groups * at_output(op, output, inputs)


def groups_twice(op: Operator, output: Shape, inputs: Inputs) -> int:
    """MACs of a transposed convolution, divided by the groups once more."""
    groups: int = op.given("groups")
    return times_area(elements(inputs[0]), op.windows(*inputs)) * (output[1] // groups // groups)


def bias_as_of_conv(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Bias adds of a transposed convolution if it were a convolution, per group (calflops)."""
    if not (isinstance(op, ConvTranspose) and op.bias):
        return 0
    cuts = op.cuts(inputs[0])
    even = all(before == after for before, after, _ in cuts)
    values: int = output[0] * (output[1] // op.groups)
    for size, slide, (before, _, _) in zip(inputs[0][2:], op.windows(*inputs), cuts, strict=True):
        values *= (size + 2 * before * even - slide.reach) // slide.stride + 1
    return values


def pixels(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Positions of one output map."""
    return elements(output[2:])


def padded(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Elements that LRN averages over: its input with zero channels on both sides."""
    x = inputs[0]
    size: int = op.given("size")
    return elements(x) // x[1] * (x[1] + size - 1)


def nearest(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements of an interpolation, if its mode is nearest."""
    return elements(output) if op.given("mode") == "nearest" else 0


def nearest_2d(op: Operator, output: Shape, inputs: Inputs) -> int:
    """The same, if it is of a map of two axes."""
    return nearest(op, output, inputs) if len(output) == 4 else 0


def bilinear(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements of an interpolation, if its mode is bilinear."""
    return elements(output) if op.given("mode") == "bilinear" else 0


def outer(op: Operator, output: Shape, inputs: Inputs) -> int:
    """MACs of an einsum that sums nothing, which PyTorch computes as a multiplication."""
    *factors, kept = str(op.given("equation")).split("_")
    return 0 if set("".join(factors)) - set(kept) else op.macs(output, *inputs)


def units(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Units of all layers and directions of a recurrent layer, once per step."""
    assert isinstance(op, Recurrent)
    return op.steps(*inputs) * op.directions * op.layers * op.hidden


def biased_units(op: Operator, output: Shape, inputs: Inputs) -> int:
    """The same if there are biases."""
    return units(op, output, inputs) if op.values["bias"] else 0


def projection(op: Operator, output: Shape, inputs: Inputs) -> int:
    """MACs of an LSTM's projections."""
    return units(op, output, inputs) * int(op.values["projection"])


def unprojected(op: Operator, output: Shape, inputs: Inputs) -> int:
    """MACs of an LSTM as if its projections were forgotten."""
    return op.replace(projection=0).macs(output, *inputs)


def projected_only(op: Operator, output: Shape, inputs: Inputs) -> int:
    """MACs of an LSTM as if it had as many units as its projection gives, if it has one."""
    hidden = op.values["projection"] or op.values["hidden"]
    return op.replace(hidden=hidden, projection=0).macs(output, *inputs)


def one_kernel(op: Operator, output: Shape, inputs: Inputs) -> int:
    """MACs and bias additions of an LSTM that PyTorch runs as one kernel on the CPU: without projections."""
    found = op.macs(output, *inputs) + 8 * biased_units(op, output, inputs)
    return 0 if op.values["projection"] else found


def weighed(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Weights of an attention, one per query and key of every head."""
    return elements(inputs[0][:-1]) * inputs[1][-2]


def once(op: Operator, output: Shape, inputs: Inputs) -> int:
    """One, whatever the batch."""
    return 1


def fused(op: Operator, output: Shape, inputs: Inputs) -> int:
    """MACs of an attention for which PyTorch has one kernel on the CPU."""
    query, _, value = inputs[:3]
    return op.macs(output, *inputs) if len(query) == 4 and query[-1] == value[-1] else 0


def einsum_estimate(op: Operator, output: Shape, inputs: Inputs) -> int:
    """FLOPs of an einsum as numpy.einsum_path prints them: with four digits, 1 if nothing is summed."""
    flops = 2 * op.macs(output, *inputs) - outer(op, output, inputs)
    return int(float(f"{flops:.3e}"))


def einsum_rounding(op: Operator, output: Shape, inputs: Inputs) -> int:
    """By how much half of that estimate differs from the MACs, but for the two forms fvcore knows."""
    letters = dict.fromkeys(str(op.given("equation")).replace("_", ""))
    names = dict(zip(letters, "abcdefghijklmnopqrstuvwxyz", strict=False))
    form = "".join(names.get(letter, "_") for letter in str(op.given("equation")))
    if form in ("abc_abd_acd", "abc_adc_adb"):
        return 0
    return einsum_estimate(op, output, inputs) // 2 - op.macs(output, *inputs)


def bicubic(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements of an interpolation, if its mode is bicubic."""
    return elements(output) if op.values["mode"] == "bicubic" else 0


FEATURES: dict[str, Feature] = {
    feature.__name__: feature
    for feature in (
        macs, output, input, input_2d, biased, scaled, window, taps, masked, joined, multiplied, averaged,
        positions, learned, at_output, at_output_dense, groups_twice, bias_as_of_conv, pixels, padded,
        nearest, nearest_2d, bilinear, bicubic, units, biased_units, projection, unprojected, projected_only,
        one_kernel, outer, fused, weighed, once, einsum_estimate, einsum_rounding,
    )
}  # fmt: skip
"""Every feature by its name."""
