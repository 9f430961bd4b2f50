"""Operators that have no name of their own here: `custom`, with the cost that a formula states."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cnncost.importers.building import OneBatchOnly
from cnncost.importers.conversion import Conversion
from cnncost.importers.parts import build
from cnncost.importers.shapes import BATCH, Shape, with_batch_as
from cnncost.ops import sizes
from cnncost.ops.base import Operator
from cnncost.ops.sizes import elements, resized


class StatedCost(NamedTuple):
    """What an operator costs at one batch."""

    macs: int = 0
    operations: int = 0


CostFormula = Callable[..., StatedCost]
"""The cost from the output's shape and the inputs', or from the batch."""


def free(output: Shape, *inputs: Shape) -> StatedCost:
    """Values are moved, nothing is computed."""
    return StatedCost()


def per_output(count: int = 1) -> CostFormula:
    """So many operations per value of the output."""
    return lambda output, *inputs: StatedCost(operations=count * elements(output))


def per_input(count: int = 1) -> CostFormula:
    """So many operations per value of the first input: a reduction, a cumulative sum."""
    return lambda output, *inputs: StatedCost(operations=count * elements(inputs[0]))


def of(op: Operator) -> CostFormula:
    """The cost of an operator of ours, without its parameters."""

    def cost(output: sizes.Shape, *inputs: sizes.Shape) -> StatedCost:
        return StatedCost(op.macs(output, *inputs), sum(op.arithmetic(output, *inputs).values()))

    return cost


def of_first(op: Operator, count: int = 1) -> CostFormula:
    """As `of`, of an operator that reads the first inputs alone; the others are its weights."""
    cost = of(op)
    return lambda output, *inputs: cost(output, *inputs[:count])


def custom(
    t: Conversion,
    call: Any,
    what: str,
    sources: Sequence[int],
    shape: Shape,
    formula: CostFormula,
    *,
    whole: bool = False,
    pointwise: bool = False,
    parameters: int = 0,
    frozen: bool = False,
    buffers: int = 0,
) -> int:
    """A node of stated cost that makes a tensor of `shape`; `whole`: the formula is of the batch alone."""
    inputs = [t.building.at_batch[index] for index in sources]

    def by_shapes(batch: int) -> StatedCost:
        return formula(at(sizes.free(shape), batch), *[at(each, batch) for each in inputs])

    macs, operations = per_image(formula if whole else by_shapes)
    op = build(
        "custom",
        what=re.sub(r"\W+", "_", what),  # a word, as a spec can write it
        takes=[with_batch_as(each) for each in inputs],
        shape=with_batch_as(shape),
        mac_counts=macs,
        operations=operations,
        parameters=parameters,
        frozen=frozen,
        kept=buffers,
        pointwise=pointwise,
    )
    return t.emit(op, sources, call, shape=shape)


def per_image(cost: CostFormula) -> list[list[int]]:
    """[of any batch, per image] of MACs and of operations, from the costs at batches of 1, 2 and 3."""
    found = []
    for one, two, three in zip(cost(1), cost(2), cost(3), strict=True):
        if three - two != two - one or 2 * one < two:
            raise OneBatchOnly("its cost does not grow evenly with the batch")
        found.append([2 * one - two, two - one])
    return found


def at(shape: sizes.Shape, batch: int) -> sizes.Shape:
    """A shape of the import at a batch."""
    made = [size // BATCH * batch if size and size % BATCH == 0 else size for size in shape]
    return resized(shape, made)
