"""Convolutions with weights of their own. A padding that PyTorch's argument cannot express is a copy."""

from __future__ import annotations

from typing import Any

from cnncost.execution.call import Autograd, BackwardStep, Call, Part
from cnncost.execution.eager.rule import SuggestedFormat, runs
from cnncost.execution.strides import Strides, contiguous, is_channels_last, is_contiguous
from cnncost.ops.arguments import Table
from cnncost.ops.conv import Conv, ConvTranspose
from cnncost.ops.move import Pad
from cnncost.ops.sizes import Shape
from cnncost.ops.window import borders


@runs(Conv)
class Convolution(SuggestedFormat[Conv]):
    """The input is saved, or its padded copy; with a connection table what each output map reads."""

    def temporary(self, call: Call[Conv]) -> int:
        copy = call.op.padded(call.x)
        padded = call.bytes_of(copy) if copy else 0
        if call.op.connections is None:
            return padded
        out = call.output_bytes
        maps = out // call.op.out
        # Every map is kept until all are there; the last moment holds them beside the output.
        inside = max(
            read + maps * (done + 1) for done, read in enumerate(gathered(call, copy, call.op.connections))
        )
        return max(inside - out, out) + padded

    def autograd(self, call: Call[Conv]) -> Autograd:
        copy = call.op.padded(call.x)
        if call.op.connections is not None:
            return by_map(call, copy, call.op.connections)
        if copy is None:
            return Autograd((0,), weights=(0,))
        padded = call.bytes_of(copy)
        uncut = 0 if 0 in call.untrained else padded - call.bytes_of(call.x)  # of the input's gradient
        return Autograd(extra=(padded,), weights=(0,), backward=uncut)

    def apart(self, call: Call[Conv]) -> tuple[Part, ...]:
        if call.op.padded(call.x) is None or call.op.connections is not None:
            return ()
        space, positions = call.x[2:], call.output[2:]
        sides = [(0, 0), (0, 0), *borders(call.op.windows(call.x), space, positions)]
        around: dict[str, Any] = dict(zip(("before", "after"), zip(*sides, strict=True), strict=True))
        pad = Pad(**around)
        return Part(pad, (~0,), referenced=True), Part(call.op.replace(pad=0, rounding="floor"), (0,))

    def output_strides(self, call: Call[Conv]) -> Strides:
        return contiguous(call.output) if call.op.connections else super().output_strides(call)

    def gradient_strides(self, call: Call[Conv], position: int, strides: Strides) -> Strides | None:
        if call.op.connections:
            return contiguous(call.x)
        return super().gradient_strides(call, position, strides)

    def recopied_weights(self, call: Call[Conv]) -> int:
        # With channels last the filters' gradient comes with channels last, too.
        op, x, strides = call.op, call.x, call.strides[0]
        last = not is_contiguous(x, strides) and is_channels_last(x, strides)
        pointwise = all(slide.kernel == 1 for slide in op.windows(x)) or x[1] == op.groups
        return op.filters(x) if last and not (pointwise or op.frozen) else 0


def gathered(call: Call[Conv], copy: Shape | None, connections: Table) -> list[int]:
    """Bytes of the input maps that every output map of a connection table reads."""
    whole = call.bytes_of(copy or call.x)
    return [whole // call.x[1] * len(row) for row in connections]


def by_map(call: Call[Conv], copy: Shape | None, connections: Table) -> Autograd:
    """Autograd of a connection table: a gather and a convolution per output map, then a concat.

    Backward from the last map to the first; every map's gradient of the input is a whole one.
    """
    op = call.op
    whole, maps = call.bytes_of(copy or call.x), call.output_bytes
    reads = gathered(call, copy, connections)
    per_map = op.filters(call.x) // sum(map(len, connections))  # the weights of one connection
    steps, alive, so_far, added = [], sum(reads), 0, 0
    for place in reversed(range(op.out)):
        values = 0 if op.frozen else len(connections[place]) * per_map + op.bias
        weights = values * call.element_bytes
        alive += weights
        steps.append(BackwardStep(alive + reads[place] + so_far, added=added))
        added += weights
        alive -= reads[place]
        needed = place > 0
        steps.append(BackwardStep(alive + reads[place] + so_far + 2 * whole, needed, added=added))
        steps.append(BackwardStep(alive + (3 * whole if so_far else whole), needed, added=added))
        so_far = whole
    if copy:
        steps.append(BackwardStep(alive + whole + call.bytes_of(call.x), gradient=False, added=added))
        maps += whole
    if 0 in call.untrained:
        return Autograd(extra=tuple(reads), forward=maps)
    return Autograd(extra=tuple(reads), forward=maps, steps=tuple(steps))


@runs(ConvTranspose)
class TransposedConvolution(SuggestedFormat[ConvTranspose]):
    """What PyTorch cannot cut itself is made whole, then cut."""

    def temporary(self, call: Call[ConvTranspose]) -> int:
        whole = call.op.uncut(call.output)
        return call.bytes_of(whole) if whole else 0

    def autograd(self, call: Call[ConvTranspose]) -> Autograd:
        whole = call.op.uncut(call.output)
        if whole is None:
            return Autograd((0,), weights=(0,))
        size = call.bytes_of(whole)
        made = call.trained_bytes + (0 if 0 in call.untrained else call.bytes_of(call.x))
        steps = (BackwardStep(size), BackwardStep(size + made, gradient=False))
        return Autograd((0,), weights=(0,), forward=size, steps=steps)
