"""Single kernels to time: what they are, and a design that spreads them over the sizes that networks have.

Sizes are drawn log-uniformly (channels, positions, batch) or from the windows that networks use, class by
class, by a generator with a fixed seed: the same design on every machine, cut off where time is up. Classes
come in turns, so that a design that was cut off has some of each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any, NamedTuple

from cnncost import units
from cnncost.errors import OperatorError
from cnncost.execution.plan import plan
from cnncost.graph import Graph, InputNode, Node
from cnncost.ops import REGISTRY
from cnncost.ops.base import Operator
from cnncost.ops.sizes import shaped

SEED = 18
LEAST_WORK = 1e-3
"""Of the largest kernel's work: a design of sizes alone would mostly draw kernels that have next to none."""


class Trial(NamedTuple):
    """An operator on an input, once or several times in a row."""

    kind: str  #: what of the design it is: a word of `DESIGN`, `copy`, `chain` or `sentinel`
    axes: str  #: of the input: NCHW, NLC, ...
    sizes: tuple[int, ...]  #: of one input, without the batch
    batch: int
    op: str
    arguments: tuple[tuple[str, Any], ...] = ()
    reads: int = 1  #: how often it reads its input: both sides of an addition; query, key and value
    length: int = 1  #: operators in a row, each on the output of the one before

    @property
    def name(self) -> str:
        """In words: kxk 64x56x56, batch 4: conv(out=128, kernel=3)."""
        given = ", ".join(f"{name}={value}" for name, value in self.arguments)
        times = f" {self.length} times" if self.length > 1 else ""
        return f"{self.kind} {units.shape(self.sizes)}, batch {self.batch}: {self.op}({given}){times}"

    def graph(self) -> Graph:
        """The network that is this operator alone.

        It reads a view of the input, not the input itself, so that a convolution is not taken for a stem; a
        stem's reads the input. Raises OperatorError where the operator refuses the sizes.
        """
        nodes = [Node(0, "input", InputNode(), (), shaped(self.axes, (1, *self.sizes)))]
        last = 0
        if self.kind != "stem":
            last = append(nodes, REGISTRY["identity"](), 1, last)
        for _ in range(self.length):
            last = append(nodes, REGISTRY[self.op](**dict(self.arguments)), self.reads, last)
        return Graph(self.name, tuple(nodes), (last,), "calibration")


def append(nodes: list[Node], op: Operator, reads: int, source: int) -> int:
    """A node more that reads another one so many times; its index."""
    shape = op.output_shape(*[nodes[source].shape] * reads)
    nodes.append(Node(len(nodes), f"{op.name}{len(nodes)}", op, (source,) * reads, shape))
    return len(nodes) - 1


class Limits(NamedTuple):
    """How large a kernel of the design may be."""

    flops: float
    bytes: float
    batch: int  #: the largest


def work_of(graph: Graph, batch: int, dtype: str) -> tuple[int, int]:
    """(FLOPs, bytes of memory traffic) of all kernels of a graph."""
    kernels = plan(graph, batch=batch, dtype=dtype).kernels
    return sum(each.flops for each in kernels), sum(each.bytes_read + each.bytes_written for each in kernels)


def logarithmic(random: Random, low: float, high: float) -> int:
    """A whole number between two, every factor as likely."""
    return round(math.exp(random.uniform(math.log(low), math.log(high))))


def channels(random: Random, low: int = 8, high: int = 2048) -> int:
    """A number of channels: half of them 2^n or 3 x 2^n, as in networks, one in twenty no multiple of 8."""
    drawn, kind = logarithmic(random, low, high), random.random()
    if kind < 0.5:
        return min(usual(8, high), key=lambda width: abs(math.log(width / drawn)))
    return drawn if kind > 0.95 else max(8, 8 * round(drawn / 8))


def usual(low: int, high: int) -> list[int]:
    """Every 2^n and 3 x 2^n between two numbers."""
    return [width for power in range(12) for width in (2**power, 3 * 2**power) if low <= width <= high]


def image(random: Random, high: int = 224) -> tuple[int, int]:
    """Height and width of a map; half of them 7 x 2^n or 2^n, as in networks."""
    side = logarithmic(random, 4, high)
    if random.random() < 0.5:
        near = [each for power in range(9) for each in (2**power, 7 * 2**power) if 4 <= each <= high]
        side = min(near, key=lambda each: abs(math.log(each / side)))
    return side, side


def batch_of(random: Random, limits: Limits) -> int:
    """A batch: one in four is 1, every factor as likely else."""
    return 1 if random.random() < 0.25 else logarithmic(random, 1, limits.batch)


def convolution(random: Random, limits: Limits, kind: str, window: int, **more: Any) -> Trial:
    """A padded convolution of an image, one in six with stride 2."""
    given = {"out": channels(random), "kernel": window, "stride": random.choice((1, 1, 1, 1, 1, 2)), **more}
    given |= {"pad": window // 2, "bias": False}
    sizes = (channels(random), *image(random))
    return Trial(kind, "NCHW", sizes, batch_of(random, limits), "conv", tuple(given.items()))


def one_by_one(random: Random, limits: Limits) -> Trial:
    """A convolution of single positions."""
    return convolution(random, limits, "1x1", 1)


def dense(random: Random, limits: Limits) -> Trial:
    """A convolution of windows of 3, now and then of 5."""
    return convolution(random, limits, "kxk", random.choice((3, 3, 3, 3, 3, 3, 3, 5)))


def stem(random: Random, limits: Limits) -> Trial:
    """A first layer: of an image with few channels."""
    window, stride = random.choice(((3, 1), (3, 1), (3, 2), (3, 2), (7, 2), (7, 2), (11, 4), (4, 4)))
    given = {"out": channels(random, 16, 128), "kernel": window, "stride": stride, "pad": window // 2}
    sizes = (random.choice((1, 3, 3, 3)), *[logarithmic(random, 28, 320)] * 2)
    return Trial("stem", "NCHW", sizes, batch_of(random, limits), "conv", tuple(given.items()))


def depthwise(random: Random, limits: Limits) -> Trial:
    """A convolution of every channel by itself."""
    width, stride = channels(random, 8, 2048), random.choice((1, 1, 2))
    window = random.choice((3, 3, 5, 7))
    made = convolution(random, limits, "depthwise", window, out=width, groups=width, stride=stride)
    return made._replace(sizes=(width, *made.sizes[1:]))


def grouped(random: Random, limits: Limits) -> Trial:
    """A convolution in groups, as ResNeXt has them."""
    groups, inside = random.choice((2, 3, 4, 8, 16, 32, 32)), random.choice((4, 8, 16, 24, 32, 48, 64))
    window = random.choice((1, 3, 3, 3))
    made = convolution(random, limits, "grouped", window, out=groups * inside, groups=groups)
    return made._replace(sizes=(groups * inside, *image(random, 112)))


def transposed(random: Random, limits: Limits) -> Trial:
    """A transposed convolution that doubles an image."""
    window, pad = random.choice(((2, 0), (3, 1), (4, 1)))
    given = {"out": channels(random, 8, 512), "kernel": window, "stride": 2, "pad": pad}
    sizes = (channels(random, 8, 1024), *image(random, 112))
    return Trial(
        "transposed", "NCHW", sizes, batch_of(random, limits), "conv_transpose", tuple(given.items())
    )


def of_sounds(random: Random, limits: Limits) -> Trial:
    """A convolution along one axis."""
    window = random.choice((1, 3, 9))
    given = {"out": channels(random, 8, 512), "kernel": window, "pad": window // 2}
    sizes = (channels(random, 8, 512), logarithmic(random, 64, 16384))
    return Trial("1-D", "NCW", sizes, batch_of(random, limits), "conv", tuple(given.items()))


def of_volumes(random: Random, limits: Limits) -> Trial:
    """A convolution over three axes."""
    window = random.choice((1, 3, 3))
    given = {"out": channels(random, 8, 256), "kernel": window, "pad": window // 2}
    sizes = (channels(random, 8, 256), logarithmic(random, 4, 16), *image(random, 64))
    return Trial("3-D", "NCDHW", sizes, batch_of(random, limits), "conv", tuple(given.items()))


def linear(random: Random, limits: Limits) -> Trial:
    """A linear layer on vectors or on tokens."""
    given = (("out", channels(random, 10, 4096)),)
    width, images = channels(random, 16, 8192), batch_of(random, limits)
    if random.random() < 0.5:
        return Trial("linear", "NC", (width,), images, "linear", given)
    return Trial("linear", "NLC", (logarithmic(random, 16, 3136), min(width, 2048)), images, "linear", given)


def attention(random: Random, limits: Limits) -> Trial:
    """The product of attention for some heads."""
    sizes = (random.choice((3, 6, 12)), logarithmic(random, 16, 1024), random.choice((32, 64)))
    return Trial("attention", "NCHW", sizes, batch_of(random, limits), "attention", reads=3)


def on_a_map(kind: str, op: str, reads: int = 1, **given: Any) -> Callable[[Random, Limits], Trial]:
    """An operator on a map of any size."""

    def draw(random: Random, limits: Limits) -> Trial:
        sizes = (max(8, 8 * round(channels(random) / 8)), *image(random))
        return Trial(kind, "NCHW", sizes, batch_of(random, limits), op, tuple(given.items()), reads)

    return draw


def of_tokens(random: Random, limits: Limits) -> Trial:
    """A layer norm of tokens."""
    sizes = (logarithmic(random, 16, 3136), channels(random, 32, 2048))
    return Trial("norm", "NLC", sizes, batch_of(random, limits), "layer_norm")


DESIGN: tuple[Callable[[Random, Limits], Trial], ...] = (
    dense, one_by_one, depthwise, on_a_map("norm", "bn"), linear, dense, stem, on_a_map("activation", "relu"),
    one_by_one, stem, on_a_map("join", "add", 2), grouped, depthwise,
    on_a_map("pooling", "maxpool", kernel=3, stride=2, pad=1), dense, one_by_one,
    on_a_map("pooling", "maxpool", kernel=2, stride=2), on_a_map("norm", "lrn"),
    on_a_map("move", "channel_shuffle", groups=4), transposed, of_tokens, linear,
    on_a_map("activation", "silu"), one_by_one, depthwise, on_a_map("join", "concat", 2), dense,
    on_a_map("pooling", "global_avgpool"), attention, on_a_map("norm", "bn"), of_sounds, grouped, of_volumes,
    on_a_map("activation", "gelu"), on_a_map("resampling", "interpolate", scale=2), one_by_one, dense,
    on_a_map("pooling", "avgpool", kernel=2, stride=2), on_a_map("activation", "hardswish"),
    on_a_map("join", "mul", 2), on_a_map("activation", "sigmoid"), dense, one_by_one,
    on_a_map("pooling", "maxpool", kernel=3, stride=1, pad=1), on_a_map("join", "concat", 2), linear, dense,
)  # fmt: skip
"""What the design draws, in this order, again and again."""


def design(dtype: str, limits: Limits, seed: int = SEED) -> Iterator[Trial]:
    """Kernels without end; those beyond the limits, and those that cannot be, are drawn anew."""
    random = Random(seed)
    for place in count():
        yield drawn(DESIGN[place % len(DESIGN)], random, dtype, limits)


def drawn(draw: Callable[[Random, Limits], Trial], random: Random, dtype: str, limits: Limits) -> Trial:
    """One kernel that is neither too large nor so small that it is nothing but a launch."""
    while True:
        piece = draw(random, limits)
        try:
            flops, moved = work_of(piece.graph(), piece.batch, dtype)
        except OperatorError:
            continue
        share = max(flops / limits.flops, moved / limits.bytes)
        if LEAST_WORK <= share <= 1:
            return piece


def copies(element_bytes: int) -> Iterator[Trial]:
    """Copies of 16 KiB and, four times as large each, on to 4 GiB."""
    for power in range(10):
        yield Trial("copy", "NCW", (1, (4**power << 14) // element_bytes), 1, "copy")


def products() -> Iterator[Trial]:
    """Matrix products, four times as large each."""
    for power in range(7):
        yield Trial("linear", "NLC", (196, 1024), 4**power, "linear", (("out", 1024),))


def convolutions() -> Iterator[Trial]:
    """Dense 3 x 3 convolutions, four times as large each."""
    given = (("out", 128), ("kernel", 3), ("pad", 1), ("bias", False))
    for power in range(7):
        yield Trial("kxk", "NCHW", (128, 28, 28), 4**power, "conv", given)


def chains() -> list[Trial]:
    """Rows of operators that have next to nothing to do: what is left is launching."""
    small = (8, 4, 4)
    convolution = (("out", 8), ("kernel", 3), ("pad", 1))
    return [
        Trial("chain", "NCHW", small, 1, op, given, length=length)
        for length in (16, 64)
        for op, given in (("relu", ()), ("bn", ()), ("conv", convolution))
    ]


SENTINEL = Trial("sentinel", "NCHW", (64, 28, 28), 4, "conv", (("out", 64), ("kernel", 3), ("pad", 1)))
"""The kernel that is timed again and again: how far a machine agrees with itself."""
