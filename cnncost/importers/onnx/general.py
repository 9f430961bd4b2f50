"""ONNX operators that have no name here, by what they do: per value, along an axis, or moves of values.

Formulas are those of `importers/formulas.py`; what moves values computes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from cnncost.importers import formulas
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.naming import operator
from cnncost.importers.onnx.translation import Translation, attributes, named, optional
from cnncost.importers.shapes import axis
from cnncost.importers.stated import CostFormula, StatedCost, custom, free, per_input, per_output
from cnncost.ops.sizes import Shape, elements


def several(t: Conversion, node: Any, formula: CostFormula, *, pointwise: bool = False) -> list[Any]:
    """A node of stated cost for the first tensor that a node makes; the others are free."""
    names = dict.fromkeys(name for name in node.input if name)
    sources = [t.node(name) for name in names if t.depends(name) or name in t.learned]
    made = partial(custom, t, node, operator(node), sources, pointwise=pointwise)
    outputs = [name for name in node.output if name]
    rest = [made(t.shape(name), free) if t.uses[name] else None for name in outputs[1:]]
    return [made(t.shape(outputs[0]), formula), *rest]


def stated(formula: Callable[[Any, int], CostFormula], *, pointwise: bool = False) -> Translation:
    """A translation whose cost is a formula of the node and the rank of its first input."""

    def translate(t: Conversion, node: Any) -> list[Any]:
        return several(t, node, formula(node, len(t.shape(node.input[0]))), pointwise=pointwise)

    return translate


def always(formula: CostFormula, *, pointwise: bool = False) -> Translation:
    """A translation of one formula."""
    return stated(lambda node, rank: formula, pointwise=pointwise)


def fourier(node: Any, rank: int) -> CostFormula:
    """Of a tensor whose last axis is the real and imaginary part; opset 20 has the axis as an input."""
    a = attributes(node)
    return formulas.fft([axis(a.get("axis", -2), rank)], real=False)


def short_fourier(t: Conversion, node: Any) -> list[Any]:
    """STFT: (signal, step, window, length); one of the last two says how long a frame is."""
    length = t.tensors.value(optional(node, 3)) if optional(node, 3) else t.shape(node.input[2])[0]
    if length is None:
        raise Unsupported("frames whose length is computed")
    real = t.shape(node.input[0])[2:] != (2,)
    return several(t, node, formulas.short_fft(int(length), real))


def sorted_along(node: Any, rank: int) -> CostFormula:
    """The cost of sorting along an axis."""
    return formulas.sorting(axis(attributes(node).get("axis", -1), rank))


def suppression(output: Shape, *inputs: Shape) -> StatedCost:
    """Every pair of boxes of a class is compared: 13 operations of an intersection over union."""
    boxes, scores = inputs[:2]
    return StatedCost(operations=13 * scores[0] * scores[1] * boxes[1] * boxes[1])


def aligned(node: Any, rank: int) -> CostFormula:
    """The cost of regions that are read between the values of a map."""
    return formulas.roi_align(int(attributes(node).get("sampling_ratio", 0)))


def normalised(output: Shape, *inputs: Shape) -> StatedCost:
    """A norm and a division: a multiplication, an addition and a division per value."""
    return StatedCost(operations=3 * elements(output))


MOVES = """
    BitCast Compress GatherElements ScatterElements ScatterND Scatter TensorScatter ReverseSequence OneHot
    Trilu EyeLike NonZero Unique CenterCropPad Col2Im MaxUnpool ConcatFromSequence Optional
    OptionalGetElement Range
"""
PER_INPUT = """
    ArgMax ArgMin CumSum CumProd ReduceProd ReduceL1 ReduceLogSum ReduceLogSumExp ReduceSumSquare Hardmax
    GlobalLpPool LpPool MaxRoiPool
"""
POINTWISE = "BitShift BitwiseNot Bernoulli IsNaN IsInf"

TRANSLATIONS: dict[str, Translation] = {
    **named(MOVES, always(free)),
    **named(PER_INPUT, always(per_input())),
    **named(POINTWISE, always(per_output(), pointwise=True)),
    **named("RandomNormalLike RandomUniformLike Multinomial", always(per_output())),
    "TopK": stated(sorted_along),
    "DFT": stated(fourier),
    "STFT": short_fourier,
    "Det": always(formulas.determinant),
    "NonMaxSuppression": always(suppression),
    "RoiAlign": stated(aligned),
    "LpNormalization": always(normalised),
    "MeanVarianceNormalization": always(per_output(5)),
    "AffineGrid": always(per_output(6)),
    "RotaryEmbedding": always(per_output(3)),
}
