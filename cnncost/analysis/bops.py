"""Bit operations: what multiply-accumulates cost by the bits of the numbers that they multiply.

A product of b_w and b_a bits is b_w * b_a operations on single bits: BOPs = MACs * b_w * b_a (van Baalen et
al. 2020, "Bayesian Bits"; Yao et al. 2021, "HAWQ-V3", table 1). Baskin et al. (2021, "UNIQ") add the sum to
it: an accumulator of b_w + b_a + log2(n) bits for n products, in each of them.
"""

from __future__ import annotations

from math import log2
from typing import Any, NamedTuple

from cnncost.graph import ElementSizes, Graph, Node
from cnncost.ops.base import Storage

BACK = "DequantizeLinear"
"""What gives whole numbers back as floats: runtimes multiply the whole numbers."""


class Operands(NamedTuple):
    """Bits of the two numbers that an operator multiplies."""

    values: int = 32  #: of what it reads
    weights: int = 32  #: of its weights; of what it reads second, if it has none


def operands(graph: Graph, node: Node, sizes: ElementSizes) -> Operands:
    """The bits of what a node multiplies: its first input with its weights, or with its second input."""
    if not node.reads:  # another input of the network's: it multiplies nothing
        return Operands(sizes.bits(node), sizes.bits(node))
    read = [value_bits(graph, graph.nodes[index], sizes) for index in node.reads[:2]]
    if not read:  # it is handed in, or its input gives only a shape
        return Operands(sizes.bits(node), sizes.bits(node))
    if node.op.weights(*graph.input_shapes(node)):
        return Operands(read[0], sizes.weight_bits(node))
    return Operands(read[0], read[-1])


def value_bits(graph: Graph, node: Node, sizes: ElementSizes) -> int:
    """Bits of a tensor's values as who multiplies them has them."""
    if str(node.op.given("what")).endswith(BACK) and not (node.bits and node.bits.activations):
        return sizes.bits(graph.nodes[node.reads[0]])
    if node.op.storage() is Storage.OUTSIDE and node.op.kin != "input":
        return sizes.weight_bits(node)
    return sizes.bits(node)


def plain(macs: Any, outputs: Any, bits: Operands) -> Any:
    """Bit operations of products alone: each is of b_w * b_a."""
    return macs * (bits.weights * bits.values)


def summed(macs: Any, outputs: Any, bits: Operands) -> Any:
    """The same with the sums: each of b_w + b_a + log2(n) bits, n = MACs / outputs.

    The logarithms of one output, n * log2(n), are rounded to a whole number: a batch multiplies it.
    """
    own = macs * (bits.weights * bits.values + bits.weights + bits.values)
    products = int(macs) / int(outputs) if int(macs) else 1.0
    return own + outputs * round(products * log2(products))
