"""Costs of operators that multiply and add but are no products of matrices: operations, no MACs.

Every formula names its source. `output` and `inputs` are shapes, the batch included.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from cnncost.importers.stated import CostFormula, StatedCost
from cnncost.ops.sizes import Shape, elements


def fft(axes: Sequence[int], real: bool) -> CostFormula:
    """5 n log2 n per transform of n complex values, half of that of real ones (Cooley and Tukey 1965;
    the count by which FFTW's authors compare: Frigo and Johnson 2005, section V).
    """

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        whole = max((output, inputs[0]), key=elements)
        lengths = [whole[axis] for axis in axes]
        each = [elements(whole) // n * round((2.5 if real else 5) * n * log2(n)) for n in lengths]
        return StatedCost(operations=sum(each))

    return cost


def short_fft(length: int, real: bool) -> CostFormula:
    """Every frame times a window, then a transform of `length` values (see `fft`).

    The output is batch x frames x values x 2.
    """
    each = length + round((2.5 if real else 5) * length * log2(length))
    return lambda output, *inputs: StatedCost(operations=output[0] * output[1] * each)


def determinant(output: Shape, *inputs: Shape) -> StatedCost:
    """By elimination: 2/3 n^3 per matrix (Golub and Van Loan 2013, section 3.2)."""
    n = inputs[0][-1]
    return StatedCost(operations=elements(output) * (2 * n**3 // 3))


def inverse(output: Shape, *inputs: Shape) -> StatedCost:
    """By elimination, then n right sides: 2 n^3 per matrix (Golub and Van Loan 2013, section 3.2)."""
    return StatedCost(operations=2 * elements(output) * output[-1])


def cholesky(output: Shape, *inputs: Shape) -> StatedCost:
    """The root of a positive definite matrix: n^3 / 3 per matrix (Golub and Van Loan 2013, section 4.2)."""
    n = output[-1]
    return StatedCost(operations=elements(output) // n**2 * (n**3 // 3))


def solution(output: Shape, *inputs: Shape) -> StatedCost:
    """By elimination, 2/3 n^3 per matrix, then two triangular systems of n^2 each per right side (Golub and
    Van Loan 2013, sections 3.1 and 3.2).
    """
    n = inputs[0][-1]
    return StatedCost(operations=elements(inputs[0]) // n**2 * (2 * n**3 // 3) + 2 * n * elements(output))


def sorting(along: int) -> CostFormula:
    """n log2 n comparisons per list of n (Knuth 1998, section 5.3.1)."""

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        (x, *_) = inputs
        n = x[along] if x else 1
        return StatedCost(operations=elements(x) // n * round(n * log2(n)))

    return cost


def roi_align(samples: int) -> CostFormula:
    """Per value of the output samples^2 bilinear interpolations (4 multiplications, 3 additions), their sum
    and a division (He et al. 2017, section 3). Where the number of samples follows the region (0), as many as
    the whole map takes.
    """

    def cost(output: Shape, *inputs: Shape) -> StatedCost:
        height, width = inputs[0][2:]
        rows, columns = output[2:]
        points = samples * samples or -(-height // rows) * -(-width // columns)
        return StatedCost(operations=elements(output) * points * 8)

    return cost


def suppression(output: Shape, *inputs: Shape) -> StatedCost:
    """Non-maximum suppression of n boxes: their sizes (3), their order (n log2 n comparisons), and per pair
    the overlap: 4 comparisons for its sides, 2 lengths, each cut at 0, their product, the union of two sizes
    less it, a division and a comparison (torchvision/csrc/ops/cpu/nms_kernel.cpp). At most: pairs whose first
    box is suppressed are passed over.
    """
    n = inputs[0][0]
    order = round(n * log2(n)) if n else 0
    return StatedCost(operations=3 * n + order + 13 * (n * (n - 1) // 2))


def distances(output: Shape, *inputs: Shape) -> StatedCost:
    """Per pair of vectors and feature a subtraction, a multiplication and an addition; a root per pair."""
    return StatedCost(operations=elements(output) * (3 * inputs[0][-1] + 1))


def bag(output: Shape, *inputs: Shape) -> StatedCost:
    """The vectors of a bag are added up: an addition per number and feature."""
    return StatedCost(operations=elements(inputs[0]) * output[-1])
