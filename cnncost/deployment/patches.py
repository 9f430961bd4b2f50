"""The first stages patch by patch (Lin et al. 2021, MCUNetV2): less memory, some values computed twice.

The map at the end of the patched stages is cut into N x N tiles. Each is computed by itself, from the part of
the image that it sees, so that before that map no tensor is ever whole; where the parts of neighbouring tiles
overlap (the halo) values are computed again. The map itself is whole, and the rest runs as always. The image
lies outside the arena and is read part by part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

from cnncost.deployment.program import Schedule, Task
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.ops.sizes import Shape, elements

POINTWISE = (
    "bn", "add", "mul", "relu", "relu6", "sigmoid", "tanh", "hardswish", "hardsigmoid", "silu", "leaky_relu",
    "elu", "dropout", "drop_path", "identity",
)  # fmt: skip
"""Operators that see of a map only what lies at their own position, if all they read are maps of one size."""
WINDOWS = ("conv", "maxpool", "avgpool")

Span = tuple[int, int]
"""From a position of an axis up to another, not included."""
Tile = tuple[Span, ...]
"""A span for every axis of space."""


class Patched(NamedTuple):
    """What running in patches costs."""

    patches: int  #: along each axis
    until: str  #: the node whose map is put together of the patches
    map: tuple[int, ...]  #: its sizes
    extra_macs: int  #: of values that are computed more than once
    macs: int  #: of the whole network without them


class Halo:
    """What every tile of a node's map needs of the nodes before it."""

    def __init__(self, graph: Graph, shapes: Sequence[Shape], end: int, patches: int) -> None:
        self.graph, self.shapes, self.end, self.patches = graph, shapes, end, patches
        self.tiles = [self.needed(tile) for tile in self.cut()]

    def cut(self) -> list[Tile]:
        """The map at the end in tiles."""
        axes = [
            [(size * part // self.patches, size * (part + 1) // self.patches) for part in range(self.patches)]
            for size in self.shapes[self.end][2:]
        ]
        return list(product(*axes))

    def needed(self, tile: Tile) -> dict[int, Tile]:
        """For every node before the end what of its map a tile needs."""
        wanted: dict[int, Tile] = {self.end: tile}
        for node in reversed(self.graph.nodes[: self.end + 1]):
            if node.index not in wanted:
                continue
            for source in node.reads:
                if len(self.shapes[source]) < 3:
                    continue
                part = seen(self.graph, node.index, self.shapes[source], wanted[node.index])
                wanted[source] = joined(wanted[source], part) if source in wanted else part
        return wanted

    def most(self, index: int) -> int:
        """Elements of the largest part of a node's map that a tile needs."""
        channels = elements(self.shapes[index][:2])
        return max([channels * area(tile[index]) for tile in self.tiles if index in tile], default=0)

    def extra_macs(self) -> int:
        """Multiply-accumulates that are done more than once, over all tiles."""
        total = 0
        for node in self.graph.nodes[1 : self.end + 1]:
            whole = macs(self.graph, self.shapes, node.index)
            if whole:
                space = elements(self.shapes[node.index][2:])
                done = sum(area(tile[node.index]) for tile in self.tiles if node.index in tile)
                total += whole * done // space - whole
        return total


def area(tile: Tile) -> int:
    """Positions of a tile."""
    return elements(tuple([stop - start for start, stop in tile]))


def joined(one: Tile, other: Tile) -> Tile:
    """The smallest tile that holds both."""
    return tuple([(min(a, c), max(b, d)) for (a, b), (c, d) in zip(one, other, strict=True)])


def seen(graph: Graph, index: int, shape: Shape, tile: Tile) -> Tile:
    """What a tile of an operator's output sees of an input, as far as that reaches."""
    node = graph.nodes[index]
    if node.op.name not in WINDOWS:
        return tile
    spans = []
    for (start, stop), slide, size in zip(tile, node.op.windows(shape), shape[2:], strict=True):
        first = start * slide.stride - slide.padding(size)[0]
        last = (stop - 1) * slide.stride - slide.padding(size)[0] + slide.reach
        spans.append((min(max(first, 0), size - 1), max(min(last, size), 1)))
    return tuple(spans)


def ends(graph: Graph, program: Schedule, shapes: Sequence[Shape]) -> list[int]:
    """Nodes up to which a network can run in patches: all before sees only a part, and nothing passes by."""
    found = []
    last = [0] * len(graph.nodes)
    for node in graph.nodes:
        for source in node.inputs:
            last[source] = max(last[source], node.index)
    for index in graph.outputs:  # is whole, and stays
        last[index] = len(graph.nodes)
    open_until = 0  # the last reader of anything before
    for node in graph.nodes[1:]:
        maps = [shapes[source] for source in node.inputs]
        same = all(tuple(one[2:]) == tuple(maps[0][2:]) for one in maps) and all(len(one) > 2 for one in maps)
        if node.op.name not in (*POINTWISE, *WINDOWS, "concat") or not same:
            break
        open_until = max(open_until, last[node.index - 1])
        if open_until <= node.index and program.places[node.index] is not None:
            found.append(node.index)
    written = {step.node for step in program.steps}
    return [index for index in found if index in written]


def patched(
    graph: Graph, program: Schedule, shapes: Sequence[Shape], end: int, patches: int, size: int
) -> tuple[Schedule, Patched]:
    """The program whose nodes up to `end` run in patches; `size` is the bytes of an element."""
    halo = Halo(graph, shapes, end, patches)
    values, tile = list(program.values), program.places[end]
    assert tile is not None
    steps: list[Task] = []
    for step in program.steps:
        if step.node < end:
            for value in step.writes:
                values[value] = values[value]._replace(bytes=halo.most(step.node) * size)
        elif step.node == end:  # the tile is written into the whole map, which is there from the first one on
            values[tile] = values[tile]._replace(name=f"{graph.nodes[end].name} (map)", view=None, early=True)
        steps.append(step)
    image = program.inputs[0]
    values[image] = values[image]._replace(bytes=halo.most(0) * size, name="input (patch)")
    return replace(program, steps=tuple(steps), values=tuple(values)), Patched(
        patches,
        graph.nodes[end].name,
        tuple(shapes[end][1:]),
        halo.extra_macs(),
        sum(macs(graph, shapes, index) for index in range(1, len(graph.nodes))),
    )


def macs(graph: Graph, shapes: Sequence[Shape], index: int) -> int:
    """Multiply-accumulates of a node."""
    node = graph.nodes[index]
    return node.op.macs(shapes[index], *[shapes[source] for source in node.inputs])


def stages(graph: Graph, program: Schedule, shapes: Sequence[Shape], patches: int) -> list[int]:
    """The nodes up to which a network can run in so many patches along each axis.

    Raises UsageError where none of the maps divides into them.
    """
    if patches < 2:
        raise UsageError(f"--patches {patches}: at least 2 along each axis, or leave it out")
    found = ends(graph, program, shapes)
    divided = [index for index in found if not any(side % patches for side in shapes[index][2:])]
    if not divided:
        sizes = dict.fromkeys("x".join(map(str, shapes[index][2:])) for index in found)
        raise UsageError(
            f"{graph.name}: no map of the first stages divides into {patches} x {patches} patches"
            f"\n  their sizes are {', '.join(sizes) or 'none: nothing can run in patches'}"
        )
    return divided
