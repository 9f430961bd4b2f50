"""What a run launches: every kernel's class, arithmetic, bytes and matrices, at the element type that it
runs in.

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
from cnncost.ops.norm import BatchNorm
from cnncost.ops.sizes import axes_of, elements
from cnncost.ops.window import area

PRODUCTS = frozenset(
    ("stem", "1x1", "kxk", "depthwise", "grouped", "transposed", "linear", "attention", "recurrent")
)
"""Classes whose kernels multiply matrices; autocast runs them in 16 bits."""

NORMS = frozenset(("layer_norm", "rms_norm", "group_norm"))
"""Norms that autocast runs in float32; some programs (timm's `--fast-norm`) run them in 16 bits."""

WIDE = frozenset(("softmax", "log_softmax", "interpolate"))
"""Other operators that autocast runs in float32."""

WIDENS = frozenset(("layer_scale",))
"""Operators with a float32 weight per channel that promotes a 16-bit input; a single number does not."""


REDUCTIONS = frozenset(
    (
        "layer_norm", "rms_norm", "softmax", "log_softmax", "reduce", "global_avgpool",
        "global_maxpool",
    )
)  # fmt: skip
"""Operators that go over a sample's values before they can write one: the class `reduction`."""

CONCATENATIONS = frozenset(("concat",))
"""Copies of whole tensors side by side, where other moves change the order of values: the class `concat`."""

PASSES = {"lrn": 8}
"""Operators that PyTorch makes of so many kernels, each of which reads and writes as much as the whole; a
class each.

`local_response_norm` squares, fills and copies for padding, pools over channels, multiplies, adds, takes the
power and divides.
"""

GROUPED_NORMS = frozenset(("group_norm", "instance_norm"))
"""Norms over the positions of some channels, far apart in memory: the class `group_norm`."""

WINDOWED = frozenset(("stem", "kxk", "grouped"))
"""Convolutions whose kernels are others over one and three axes of space: the classes `1-D` and `3-D`."""

GIVEN = frozenset(("conv_given", "linear_given"))
"""Products whose weights are tensors that were computed: standardised, shared."""

FUNCTIONS = frozenset(("exponentials", "error functions", "hyperbolic tangents", "logarithms"))
"""Functions of a value that take a processor as long as a dozen additions."""


class KernelRules(NamedTuple):
    """What PyTorch makes of a network beside the plan's kernels: other element types, other kernels."""

    autocast: bool = False  #: weights are float32 and products run in the plan's element type, of two bytes
    wide_norms: bool = True  #: autocast runs norms in float32, as PyTorch does of itself
    bias_kernel: bool = (
        False  #: a convolution's bias is added by a kernel of its own, as PyTorch does with cuDNN
    )

    def wanted(self, kernel: Kernel, size: int) -> int:
        """Bytes of an element that the inputs of a kernel are converted to; 0: it takes them as they are."""
        if not self.autocast:
            return size
        name = kernel.call.op.name
        if kernel.kind in PRODUCTS or (name in NORMS and not self.wide_norms):
            return size
        return 4 if name in WIDE or name in NORMS else 0


PLAIN = KernelRules()


class Work(NamedTuple):
    """One launch, or several alike: what it computes and moves, of the whole batch."""

    nodes: tuple[int, ...]  #: the nodes of the plan's source graph whose work it does
    name: str  #: of the first of them
    kind: str  #: its class: one of `execution.kinds.KINDS`, or reduction
    flops: int
    read: int  #: bytes of inputs, each once
    weights: int  #: bytes of weights, those that were computed among them
    written: int  #: bytes of the output
    launches: int  #: kernels
    functions: int = 0  #: exponentials, error functions and the like
    products: int = 0  #: of a product: how many times an m x k matrix times a k x n one; 0: it is none
    m: int = 0
    n: int = 0
    k: int = 0
    window: int = 0  #: taps of a convolution's window
    axes: int = 0  #: axes of space of the map; 0: no map
    asked: bool = True  #: the host is asked for it; False: what it was asked for before launches this, too

    @property
    def moved(self) -> int:
        """Bytes in all."""
        return self.read + self.weights + self.written


def works(plan: Plan, rules: KernelRules = PLAIN, *, fused: bool = False) -> list[Work]:
    """What a run launches, in order; what launches nothing, or nobody knows, is left out.

    `fused`: a compiler has made one kernel of neighbouring functions of every value (`fusing`), conversions
    with them. Of a training plan the backward pass and the update follow (`training`), which no compiler
    has touched.
    """
    tensors = PlacedTensors(plan, rules)
    if fused:
        from cnncost.predict.fusing import fused_works

        return fused_works(tensors)
    found: list[Work] = []
    for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
        if kernel.kind in ("view", "unknown") or node.index in tensors.attention:
            found += tensors.attention.get(node.index) or ()
            continue
        if rules.autocast:
            found += conversions(kernel, node, tensors)
        found.append(in_passes(kernel, work_of(kernel, node, tensors)))
        if plan.training:
            found[-1] = of_statistics(kernel, found[-1])
        if rules.bias_kernel and has_bias(kernel):
            moved = found[-1].written
            found.append(Work(kernel.nodes, kernel.name, "join", 0, moved, 0, moved, 1, asked=False))
    if plan.training:
        from cnncost.predict.training import after_forward

        found += after_forward(tensors)
    return found


def in_passes(kernel: Kernel, work: Work) -> Work:
    """The work of an operator that PyTorch makes of several kernels (`PASSES`); of others as it is."""
    count = PASSES.get(kernel.call.op.name, 1)
    return work._replace(read=count * work.read, written=count * work.written, launches=count)


def of_statistics(kernel: Kernel, work: Work) -> Work:
    """A kernel's forward work in training: batch norm reads its input twice, for its statistics first."""
    if isinstance(kernel.call.op, BatchNorm) and work.kind == "norm":
        return work._replace(read=2 * work.read)
    return work


def has_bias(kernel: Kernel) -> bool:
    """Whether a kernel is a convolution that adds a bias."""
    call = kernel.call
    added = call.op.arithmetic(call.output, *call.inputs).get("bias additions")
    return bool(added) and call.op.kin == "convolution"


class PlacedTensors:
    """What the outputs of a plan's kernels are in memory: of every one its values and their bytes."""

    def __init__(self, plan: Plan, rules: KernelRules) -> None:
        self.plan, self.rules = plan, rules
        self.size = plan.element_bytes
        image = elements(plan.shapes[0])
        self.values = [
            image
        ]  #: how many different values; an expanded view has those of what it is a view of
        self.bytes = [4 if rules.autocast else self.size]  #: of an element
        self.sources = [0]  #: the kernel that made the values: of a view what it is a view of
        for kernel, node in zip(plan.kernels, plan.graph.nodes[1:], strict=True):
            count = elements(plan.shapes[node.index])
            view = kernel.kind == "view" and node.inputs
            self.values.append(min(count, self.values[node.inputs[0]]) if view else count)
            self.sources.append(self.sources[node.inputs[0]] if view else node.index)
            self.bytes.append(self._element_bytes(kernel, node) if rules.autocast else self.size)
        #: for every kernel of an attention what runs in its place: all of it in that of the last
        self.attention: dict[int, list[Work]] = {} if plan.training else attentions(self)

    def _element_bytes(self, kernel: Kernel, node: Node) -> int:
        """Bytes of an element of a kernel's output under autocast."""
        if kernel.kind == "view":
            return self.bytes[node.inputs[0]] if node.inputs else 4
        wanted = self.rules.wanted(kernel, self.size)
        if wanted:
            return wanted
        if node.op.name in WIDENS:
            return 4
        shapes = self.plan.shapes
        return max([self.bytes[at] for at in node.reads if shapes[at]], default=4)

    def weights(self, kernel: Kernel) -> int:
        """How many values the weights of a kernel have."""
        inputs = sum([elements(shape) for shape in kernel.call.inputs[: kernel.call.reads]])
        return max(kernel.bytes_read // self.size - inputs, 0)


def conversions(kernel: Kernel, node: Node, tensors: PlacedTensors) -> list[Work]:
    """What autocast converts before a kernel: a kernel per tensor, its weights with them."""
    wanted = tensors.rules.wanted(kernel, tensors.size)
    if not wanted:
        return []
    cast = [(tensors.values[at], tensors.bytes[at]) for at in node.reads if tensors.bytes[at] != wanted]
    if wanted != 4 and (values := tensors.weights(kernel)):
        cast.append((values, 4))
    if not cast:
        return []
    read = sum([count * given for count, given in cast])
    written = sum([count * wanted for count, _ in cast])
    return [Work(kernel.nodes, kernel.name, "move", 0, read, 0, written, len(cast))]


def attentions(tensors: PlacedTensors) -> dict[int, list[Work]]:
    """For every kernel of a scaled dot-product attention what runs in its place.

    Since PyTorch 2.0 one kernel does all of it in inference, and never writes the weights (Dao et al. 2022,
    FlashAttention). Its products are the only arithmetic that counts.
    """
    plan = tensors.plan
    parts: dict[int, list[int]] = {}
    for node in plan.graph.nodes[1:]:
        if plan.source.nodes[plan.belongs[node.index]].op.name == "attention":
            parts.setdefault(plan.belongs[node.index], []).append(node.index)
    found: dict[int, list[Work]] = {}
    for group in parts.values():
        kernels = [plan.kernels[index - 1] for index in group]  # the input has none
        reads = [at for index in group for at in plan.graph.nodes[index].reads]
        outside = dict.fromkeys(at for at in reads if at not in group)
        products = [kernel for kernel in kernels if kernel.matrices]
        count, m, n, k = products[0].matrices or (0, 0, 0, 0)
        whole = Work(
            nodes=kernels[0].nodes,
            name=kernels[0].name,
            kind="attention",
            flops=sum([kernel.flops for kernel in products]),
            read=sum([tensors.values[at] * tensors.size for at in outside]),
            weights=0,
            written=elements(kernels[-1].call.output) * tensors.bytes[group[-1]],
            launches=1,
            products=count,
            m=m,
            n=n,
            k=k,
        )
        found |= {index: [whole] if index == group[-1] else [] for index in group}
    return found


def work_of(kernel: Kernel, node: Node, tensors: PlacedTensors) -> Work:
    """A kernel's own work."""
    shape, size = kernel.call.output, tensors.size
    wanted = tensors.rules.wanted(kernel, size)
    products, m, n, k = kernel.matrices or (0, 0, 0, 0)
    computed = kernel.call.op.name in GIVEN
    reads, given = (node.reads[:1], node.reads[1:]) if computed else (node.reads, node.reads[:0])
    return Work(
        nodes=kernel.nodes,
        name=kernel.name,
        kind=class_of(kernel),
        flops=kernel.flops,
        read=sum([tensors.values[at] * (wanted or tensors.bytes[at]) for at in once(node, reads)]),
        weights=tensors.weights(kernel) * (wanted or 4) + sum([tensors.values[at] for at in given]) * wanted,
        written=elements(shape) * tensors.bytes[node.index],
        launches=1,
        functions=functions(kernel),
        products=products,
        m=m,
        n=n,
        k=k,
        window=taps(kernel),
        axes=len(shape) - 2 if axes_of(shape)[:2] == "NC" else 0,
    )


def once(node: Node, reads: Sequence[int]) -> Sequence[int]:
    """What is read from memory: of `x + x` x once, whose values meet; of x beside x both."""
    return reads if node.op.name in CONCATENATIONS else tuple(dict.fromkeys(reads))


def class_of(kernel: Kernel) -> str:
    """The class whose numbers a kernel has: its kind, but for what differs within one."""
    name = kernel.call.op.name
    if kernel.kind == "linear" and kernel.matrices is not None and kernel.matrices.products > 1:
        return "attention"
    if name in GROUPED_NORMS:
        return "group_norm"
    axes = len(kernel.call.output) - 2
    if kernel.kind in WINDOWED and axes in (1, 3):
        return f"{axes}-D"
    if name in CONCATENATIONS or name in PASSES:
        return name
    return "reduction" if name in REDUCTIONS else kernel.kind


def functions(kernel: Kernel) -> int:
    """How many exponentials, error functions and the like a kernel computes."""
    call = kernel.call
    counts = call.op.arithmetic(call.output, *call.inputs)
    return sum([count for name, count in counts.items() if name in FUNCTIONS])


def taps(kernel: Kernel) -> int:
    """Taps of the window that slides over a map; 0: none does."""
    call = kernel.call
    slides = call.op.windows(*call.inputs)
    return area(slides) if slides else 0
