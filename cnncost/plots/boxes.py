"""What is one box of a drawn graph: rows folded into blocks, equal blocks into one, until it can be read.

by_row(rows)             each for itself
by_block(rows)           layers in their blocks, two deep; where these are many, alike ones as one
by_stage(graph, rows)    operators in their stages; a stage within a stage of its name is one of its own
edges(boxes), framed(boxes)     what passes between boxes, and the frames that they stand in
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import NamedTuple

from cnncost.analysis.grouping import groups
from cnncost.graph import Graph
from cnncost.report import Row

COSTS = {
    "ops": "counted.ops",
    "params": "counted.params",
    "memory": "counted.memory_bytes",
    "macs": "macs",
    "activation_bytes": "activation_bytes",
}
"""What can colour the boxes, and the field of a row: the first three are as the convention counts."""
LEGIBLE = 64
"""Boxes of a picture whose words can be read on a page; above, more is folded."""
_NUMBERED = re.compile(r"(.*?\D)(\d+)\Z")


class Box(NamedTuple):
    """What is drawn as one box: one or more rows of a report."""

    name: str
    rows: list[Row]
    frame: tuple[str, ...] = ()  #: the blocks that it stands in, the outermost first
    times: int = 1  #: blocks that follow each other, drawn as one
    last: str = ""  #: the name of the last of them
    grows: bool = False  #: they are alike, not equal: numbers of channels differ
    of: str = "layers"  #: what its rows are

    def cost(self, color: str) -> int:
        """The sum of a cost over its rows."""
        return sum(map(attrgetter(COSTS[color]), self.rows))


class Frame(NamedTuple):
    """Boxes and frames that stand in a block, in order; the outermost frame has the name ""."""

    name: str
    parts: list[Box | Frame]


def by_row(rows: Sequence[Row]) -> list[Box]:
    """A box per row, in its blocks, at most two deep."""
    return [Box(row.name, [row], _frames(_inside(row.name))) for row in rows]


def by_block(rows: Sequence[Row]) -> list[Box]:
    """Layers in boxes: their innermost blocks, at most two deep, equal ones that follow each other as one.

    More than LEGIBLE boxes are folded further: blocks that are alike but for their channels as one, then
    outer blocks, or what is repeated in them.
    """
    found = collapsed(blocks(rows))
    if len(found) > LEGIBLE:
        found = collapsed(found, alike=True)
    if len(found) > LEGIBLE:
        found = collapsed(collapsed(outer_blocks(rows)), alike=True)
    return found


def blocks(rows: Sequence[Row]) -> list[Box]:
    """Layers collapsed into their innermost blocks, at most two deep.

    A block that has blocks inside is not collapsed itself: its other layers stay boxes of their own.
    """
    paths = {".".join(_inside(row.name)) for row in rows}
    around = {path.rpartition(".")[0] for path in paths}
    found: dict[str, Box] = {}
    for row in rows:
        path = ".".join(_inside(row.name))
        name = path if path and path not in around else row.name
        frame = tuple(name.split(".")[:-1][:2])
        found.setdefault(name, Box(name, [], _frames(frame))).rows.append(row)
    return list(found.values())


def _inside(name: str) -> list[str]:
    """The blocks that a layer stands in, at most two."""
    return name.split(".")[:-1][:2]


def _frames(path: Sequence[str]) -> tuple[str, ...]:
    """The names of the frames along a path."""
    return tuple(".".join(path[: depth + 1]) for depth in range(len(path)))


def turn(name: str) -> str:
    """The outermost block of a name; of one that holds itself once more, the innermost that is that again."""
    path = name.split(".")[:-1]
    if not path:
        return ""
    last = max(at for at, part in enumerate(path) if part == path[0] and at != 1)  # conv1.conv1 is no turn
    return ".".join(path[: last + 1])


def outer_blocks(rows: Sequence[Row]) -> list[Box]:
    """Layers collapsed into outermost blocks, or into the repetitions within one: first2, second2, cell2."""
    children: dict[str, set[str]] = {}
    for row in rows:
        around = turn(row.name)
        if around:
            children.setdefault(around, set()).add(row.name.removeprefix(f"{around}.").split(".")[0])
    repeated = {around: _repeated(names) for around, names in children.items()}
    members: dict[str, list[Row]] = {}
    for row in rows:
        around = turn(row.name)
        key = row.name
        if around:
            child = row.name.removeprefix(f"{around}.").split(".")[0]
            number = repeated[around].get(child)
            inside = f"{around}.{child}" if number is None else f"{around}.#{number}"
            key = inside if repeated[around] else around
        members.setdefault(key, []).append(row)
    found = []
    for key, inside_rows in members.items():
        around = turn(inside_rows[0].name)
        name = key
        if "#" in key:  # called as its last part, whose value it gives
            name = f"{around}.{inside_rows[-1].name.removeprefix(f'{around}.').split('.')[0]}"
        found.append(Box(name, inside_rows, (around,) if around and repeated[around] else ()))
    return found


def _repeated(names: set[str]) -> dict[str, int]:
    """The number of the repetition that each name is of; empty if the names are no repetitions of several."""
    parts = {name: (match[1], int(match[2])) for name in names if (match := _NUMBERED.match(name))}
    words: dict[int, set[str]] = {}
    for word, number in parts.values():
        words.setdefault(number, set()).add(word)
    if len(words) < 2 or len(set(map(frozenset, words.values()))) != 1 or len(words.get(1, ())) < 2:
        return {}
    return {name: number for name, (_, number) in parts.items()}


def by_stage(graph: Graph, rows: Sequence[Row]) -> list[Box]:
    """Operators collapsed into the stages of the body; `rows` are those of `graph` by operator."""
    stage_of = {node.name: group.name for group in groups(graph, "stage") for node in group.nodes}
    found: dict[str, Box] = {}
    box_of: dict[str, str] = {}
    for row in rows:
        name = stage_of.get(row.name, row.name)
        if turn(row.name).startswith(f"{name}."):
            name = turn(row.name)
        elif "." not in row.name and name != row.name:  # an activation that belongs to what it reads
            name = box_of.get(row.inputs[0], name)
        box_of[row.name] = name
        found.setdefault(name, Box(name, [], of="operators")).rows.append(row)
    return list(found.values())


def collapsed(boxes: Sequence[Box], *, alike: bool = False) -> list[Box]:
    """Equal blocks that follow each other as one box: same layers, shapes and costs, each reads the last.

    `alike`: also those whose numbers of channels differ, and that read several of those before them.
    """
    reads = _reads(boxes)
    found: list[Box] = []
    for at, box in enumerate(boxes):
        before = found[-1] if found else None
        if before is None or box.times > 1 or not _same(before, box, reads[at - 1 : at + 1], alike):
            found.append(box)
            continue
        found[-1] = before._replace(
            rows=[*before.rows, *box.rows],
            times=before.times + 1,
            last=box.name.rpartition(".")[2],
            grows=before.grows or not _matches(before, box, _shown),
        )
    return found


def _reads(boxes: Sequence[Box]) -> list[set[tuple[int, int]]]:
    """What every box reads of others: how many boxes before it, and which of its rows from the end."""
    place = {
        row.name: (index, len(box.rows) - at)
        for index, box in enumerate(boxes)
        for at, row in enumerate(box.rows)
    }
    found = []
    for index, box in enumerate(boxes):
        sources = {place.get(name, (-1, 0)) for row in box.rows for name in row.inputs}
        found.append({(index - other, row) for other, row in sources if other != index})
    return found


def _same(before: Box, box: Box, reads: Sequence[set[tuple[int, int]]], alike: bool) -> bool:
    """Whether a block is the one before it once more: of more than a layer, and it reads the like."""
    size = len(before.rows) // before.times
    if len(box.rows) < 2 or len(box.rows) != size or box.frame != before.frame:
        return False
    if reads[1] != {(1, 1)} and not (alike and reads[0] == reads[1]):
        return False
    return _matches(before, box, _likeness if alike else _shown)


def _matches(before: Box, box: Box, shown: Callable[[Row], tuple[object, ...]]) -> bool:
    """Whether the layers of a block are those of the last of some blocks, in what is shown of them."""
    rows = before.rows[-len(box.rows) :]
    return all(shown(one) == shown(other) for one, other in zip(rows, box.rows, strict=True))


def _shown(row: Row) -> tuple[object, ...]:
    """What makes two layers equal in a picture."""
    return row.op, row.output_shape, row.kernel, row.stride, row.params, row.counted


def _likeness(row: Row) -> tuple[object, ...]:
    """What makes two layers alike: all but their channels."""
    return row.op, row.output_shape[1:], row.kernel, row.stride


def edges(boxes: Sequence[Box]) -> list[tuple[str, str, tuple[int, ...]]]:
    """(from, to, shape) of every tensor that passes between boxes, each once."""
    box_of = {row.name: box.name for box in boxes for row in box.rows}
    found = {
        (box_of.get(source, source), box.name, shape)
        for box in boxes
        for row in box.rows
        for source, shape in zip(row.inputs, row.input_shapes, strict=True)
    }
    given = {start: None for start, *_ in sorted(found) if start not in {box.name for box in boxes}}
    order = {name: index for index, name in enumerate(["input", *given, *(box.name for box in boxes)])}
    return sorted(
        (edge for edge in found if edge[0] != edge[1]),
        key=lambda edge: (order[edge[1]], order[edge[0]], edge[2]),
    )


def framed(boxes: Sequence[Box]) -> Frame:
    """The boxes in the frames of the blocks that they stand in."""
    whole = Frame("", [])
    frames: dict[str, Frame] = {}
    for box in boxes:
        inside = whole
        for name in box.frame:
            if name not in frames:
                frames[name] = Frame(name, [])
                inside.parts.append(frames[name])
            inside = frames[name]
        inside.parts.append(box)
    return whole
