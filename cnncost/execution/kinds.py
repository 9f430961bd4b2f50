"""What class of kernel an operator runs as, and the sizes of the matrices that a product multiplies.

Times per FLOP differ by class more than by anything else: a depthwise convolution reaches a few percent of
what a 3 x 3 convolution reaches on the same device. The words are those that a device profile is fitted with.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cnncost.execution.call import Call
from cnncost.ops.base import Operator, Storage
from cnncost.ops.conv import Conv, ConvTranspose
from cnncost.ops.product import Attention, ConvGiven
from cnncost.ops.sizes import elements
from cnncost.ops.window import area

KINDS = (
    "stem", "1x1", "kxk", "depthwise", "grouped", "transposed", "linear", "recurrent", "attention", "pooling",
    "norm", "activation", "join", "arithmetic", "resampling", "move", "view", "unknown",
)  # fmt: skip
"""Every class of kernel. `view`: nothing is launched. `kxk`: a dense convolution of any window but 1 x 1."""

BY_KIN = {
    "convolution": "kxk",  # a deformable one
    "normalization": "norm", "regularization": "activation", "reshape": "move", "weights": "view",
    "input": "view",
}  # fmt: skip
"""Words that differ from the operator's own `kin`."""


class Matrices(NamedTuple):
    """A product as matrix products: `products` times an m x k matrix times a k x n one."""

    products: int
    m: int
    n: int
    k: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all."""
        return self.products * self.m * self.n * self.k


def kind_of(call: Call[Any], stem: bool = False, training: bool = False) -> str:
    """The class of kernel; `stem`: the operator reads the network's input itself."""
    op = call.op
    if op.storage() is Storage.OUTSIDE or op.storage(training) is Storage.VIEW:
        return "view"
    if isinstance(op, (Conv, ConvGiven)):
        return _of_a_convolution(call, stem)
    if isinstance(op, ConvTranspose):
        return "transposed"
    if isinstance(op, Attention):
        return "attention"
    kin: str = op.kin
    return BY_KIN.get(kin, kin)


def _of_a_convolution(call: Call[Any], stem: bool) -> str:
    groups, window = _filters(call)[:2]
    channels, out = call.x[1], call.output[1]
    if groups > 1:
        return "depthwise" if groups == channels and out % channels == 0 else "grouped"
    if stem:
        return "stem"
    return "1x1" if window == 1 else "kxk"


def _filters(call: Call[Any]) -> tuple[int, int, int]:
    """(groups, taps of the window, input channels per group) of a convolution."""
    if isinstance(call.op, ConvGiven):
        filters = call.inputs[1]
        return call.x[1] // filters[1], elements(filters[2:]), filters[1]
    groups, window = call.op.groups, area(call.op.windows(*call.inputs))
    return groups, window, call.x[1] // groups


def matrices(call: Call[Any]) -> Matrices | None:
    """The matrix products that an operator comes down to (im2col for a convolution); None: it is none.

    Their MACs are those of the operator.
    """
    op, output = call.op, call.output
    macs = op.macs(output, *call.inputs)
    if not macs or isinstance(op, Attention):
        return None
    if isinstance(op, Conv) and op.connections is not None:
        return None
    if isinstance(op, (Conv, ConvGiven)):
        groups, window, channels = _filters(call)
        return Matrices(groups, elements(output) // output[1], output[1] // groups, window * channels)
    if isinstance(op, ConvTranspose):
        per_group = call.x[1] // op.groups
        rows = elements(call.x) // call.x[1]
        return Matrices(op.groups, rows, macs // (op.groups * rows * per_group), per_group)
    if op.name == "matmul" and len(output) > 2:
        rows, columns = output[-2:]
        return Matrices(elements(output[:-2]), rows, columns, call.x[-1])
    if op.name == "einsum":
        return Matrices(1, macs // elements(output), elements(output), 1)
    columns = output[-1]
    return Matrices(1, elements(output) // columns, columns, macs // elements(output))


def moved_bytes(call: Call[Operator], weights: int) -> tuple[int, int]:
    """(bytes read, bytes written) of memory at the least: inputs and weights once, the output once."""
    read = sum(call.bytes_of(shape) for shape in call.inputs[: call.reads])
    return read + weights, call.output_bytes
