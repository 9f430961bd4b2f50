"""What a run launches: every kernel's class, arithmetic, bytes and matrices, at the precision that it runs
in.

A plan says what eager PyTorch runs in one element type. Under autocast (`torch.autocast`, mixed precision)
a network of float32 weights runs products in 16 bits and sums, norms and softmax in 32; what lies between
is converted by kernels of its own, which cost as much as an activation. Which operator does what is
PyTorch's list ("Autocast Op Reference" of its documentation). A compiler makes one kernel of neighbouring
functions of every value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnncost.execution.plan import Kernel, Plan
from cnncost.graph import Node
from cnncost.ops.sizes import axes_of, elements
from cnncost.ops.window import area

PRODUCTS = frozenset(
    ("stem", "1x1", "kxk", "depthwise", "grouped", "transposed", "linear", "attention", "recurrent")
)
"""Classes whose kernels multiply matrices; autocast runs them in 16 bits."""

WIDE = frozenset(("layer_norm", "rms_norm", "group_norm", "softmax", "log_softmax", "interpolate"))
"""Operators that autocast runs in float32."""

WIDENS = frozenset(("scale", "layer_scale"))
"""Operators with a float32 weight that a 16-bit input is promoted to."""


class Work(NamedTuple):
    """One launch, or several alike: what it computes and moves, of the whole batch."""

    nodes: tuple[int, ...]  #: the nodes of the plan's source graph whose work it does
    name: str  #: of the first of them
    kind: str  #: its class, one of `execution.kinds.KINDS`
    flops: int
    read: int  #: bytes of inputs, each once
    weights: int  #: bytes of weights
    written: int  #: bytes of the output
    launches: int  #: kernels
    products: int = 0  #: of a product: how many times an m x k matrix times a k x n one; 0: it is none
    m: int = 0
    n: int = 0
    k: int = 0
    window: int = 0  #: taps of a convolution's window
    axes: int = 0  #: axes of space of the map; 0: no map

    @property
    def moved(self) -> int:
        """Bytes in all."""
        return self.read + self.weights + self.written


def works(plan: Plan, *, autocast: bool = False, fused: bool = False) -> list[Work]:
    """What a run launches, in order; what launches nothing is left out.

    `autocast`: weights are float32 and the plan's element type, of two bytes, is the narrow one. `fused`: a
    compiler has made one kernel of neighbouring functions of every value (`fusing`), conversions with them.
    """
    sizes = element_bytes(plan, autocast)
    if fused:
        from cnncost.predict.fusing import fused_works

        return fused_works(plan, sizes, autocast)
    found: list[Work] = []
    for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
        if kernel.kind in ("view", "unknown"):
            continue
        if autocast:
            found += conversions(kernel, node, sizes, plan)
        found.append(work_of(kernel, node, sizes, plan, autocast))
    return found


def element_bytes(plan: Plan, autocast: bool) -> list[int]:
    """Bytes of an element of every kernel's output."""
    size = plan.element_bytes
    if not autocast:
        return [size] * len(plan.graph.nodes)
    found = [4]
    for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
        op, sources = node.op, [found[index] for index in node.reads]
        if op.kin in ("input", "weights") or op.name in WIDE or op.name in WIDENS:
            found.append(4)
        elif kernel.kind in PRODUCTS:
            found.append(size)
        else:
            found.append(max(sources, default=4))
    return found


def wanted_bytes(kernel: Kernel, plan: Plan) -> int:
    """Bytes of an element that autocast converts the inputs of a kernel to; 0: it takes them as they are."""
    if kernel.kind in PRODUCTS:
        return plan.element_bytes
    return 4 if kernel.call.op.name in WIDE else 0


def weight_values(kernel: Kernel, plan: Plan) -> int:
    """How many values the weights of a kernel have."""
    inputs = sum([elements(shape) for shape in kernel.call.inputs[: kernel.call.reads]])
    return max(kernel.bytes_read // plan.element_bytes - inputs, 0)


def conversions(kernel: Kernel, node: Node, sizes: Sequence[int], plan: Plan) -> list[Work]:
    """What autocast converts before a kernel: a kernel per tensor, its weights with them."""
    wanted = wanted_bytes(kernel, plan)
    cast = [(elements(plan.shapes[at]), sizes[at]) for at in node.reads if wanted and sizes[at] != wanted]
    if kernel.kind in PRODUCTS and (values := weight_values(kernel, plan)):
        cast.append((values, 4))
    if not cast:
        return []
    read = sum([count * given for count, given in cast])
    written = sum([count * wanted for count, _ in cast])
    return [Work(kernel.nodes, kernel.name, "move", 0, read, 0, written, len(cast))]


def taps(kernel: Kernel) -> int:
    """Taps of the window that slides over a map; 0: none does."""
    call = kernel.call
    slides = call.op.windows(*call.inputs)
    return area(slides) if slides else 0


def work_of(kernel: Kernel, node: Node, sizes: Sequence[int], plan: Plan, autocast: bool) -> Work:
    """A kernel's own work."""
    shape, size = kernel.call.output, plan.element_bytes
    wanted = wanted_bytes(kernel, plan) if autocast else size
    read = sum([elements(plan.shapes[at]) * (wanted or sizes[at]) for at in node.reads])
    weights = weight_values(kernel, plan) * (4 if autocast and kernel.kind not in PRODUCTS else size)
    products, m, n, k = kernel.matrices or (0, 0, 0, 0)
    kind = "attention" if kernel.kind == "linear" and products > 1 else kernel.kind
    return Work(
        nodes=kernel.nodes,
        name=kernel.name,
        kind=kind,
        flops=kernel.flops,
        read=read,
        weights=weights,
        written=elements(shape) * sizes[node.index],
        launches=1,
        products=products,
        m=m,
        n=n,
        k=k,
        window=taps(kernel),
        axes=len(shape) - 2 if axes_of(shape)[:2] == "NC" else 0,
    )
