"""The graph of a model as a picture, laid out by Graphviz: boxes, tensors on the edges, blocks as frames.

    picture(graph, "svg", by="block")     bytes; `source(graph)` is what Graphviz lays out

`by` (op, layer, block, stage) says how far blocks are collapsed into boxes; what is not stands in
the frames of its blocks. Needs the package graphviz and the program
dot: UnavailableError says how to get them.
"""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.conventions import Convention, convention
from cnncost.errors import UnavailableError, UsageError, known_word
from cnncost.escape import markup
from cnncost.graph import Graph
from cnncost.report import Report, Row
from cnncost.tables.unknown import at_least, lower_bound, marked, not_tested

if TYPE_CHECKING:
    import graphviz

COSTS = {
    "ops": "counted.ops",
    "params": "counted.params",
    "memory": "counted.memory_bytes",
    "macs": "macs",
    "activation_bytes": "activation_bytes",
}
"""What can colour the boxes, and the field of a row: the first three are as the convention counts."""
NAMES = {"params": "parameters", "memory": "memory", "macs": "MACs", "activation_bytes": "activation bytes"}
CAPTION = 60
"""Characters in a line of the convention's statement."""
DIRECTIONS = {"down": "TB", "right": "LR"}
MOST_BOXES = 400
PNG_DPI = "110"
FONT = "Helvetica,Arial,sans-serif"
PACKAGE = 'pip install "cnncost[draw]"'
PROGRAM = "apt install graphviz, brew install graphviz, or https://graphviz.org/download"


class Box(NamedTuple):
    """What is drawn as one box: one or more rows of a report."""

    name: str
    rows: list[Row]
    times: int = 1  #: equal blocks that follow each other, drawn as one
    last: str = ""  #: the name of the last of them

    def cost(self, color: str) -> int:
        """The sum of a cost over its rows."""
        return sum(map(attrgetter(COSTS[color]), self.rows))


class Frame(NamedTuple):
    """Boxes and frames that stand in a block, in order; the outermost frame has the name ""."""

    name: str
    parts: list[Box | Frame]


def picture(graph: Graph, format: str, **choices: Any) -> bytes:
    """The picture as svg, png or pdf; `choices` as of `source`. Raises UnavailableError without Graphviz."""
    drawn = source(graph, **choices)
    if format == "png":
        # Only for dots: an SVG of more than 72 dots per inch is scaled by Graphviz, and cut by its viewBox.
        drawn.attr(dpi=PNG_DPI)
    import graphviz

    try:
        found: bytes = drawn.pipe(format=format)
    except graphviz.ExecutableNotFound:
        raise UnavailableError(
            f"drawing a graph needs the program dot of Graphviz, which is not there\n  {PROGRAM}"
        ) from None
    return found


def source(
    graph: Graph, *, by: str = "block", color: str = "ops", direction: str = "down", **counting: Any
) -> graphviz.Digraph:
    """The picture before it is laid out.

    `color` is the cost that colours the boxes; `counting` goes to `analyze` (batch, dtype, mode,
    convention).
    """
    known_word("unknown --color", color, COSTS)
    known_word("unknown --direction", direction, DIRECTIONS)
    report = analyze(graph, by="layer" if by == "block" else by, **counting)
    rules = convention(report.convention)
    boxes = collapsed(blocks(report.rows)) if by == "block" else [Box(row.name, [row]) for row in report.rows]
    if len(boxes) > MOST_BOXES:
        raise UsageError(
            f"{report.name} has {len(boxes)} boxes, too many to read\n  at most {MOST_BOXES}: "
            "try --by block or --by stage"
        )
    if importlib.util.find_spec("graphviz") is None:
        raise UnavailableError(
            f"drawing a graph needs the package graphviz, which is not installed\n  {PACKAGE}"
        )
    import graphviz

    drawn = graphviz.Digraph(report.name)
    font = {"fontname": FONT, "fontsize": "10"}
    drawn.attr(
        rankdir=DIRECTIONS[direction],
        label=_caption(report, rules, boxes, color),
        labelloc="t",
        labeljust="l",
        nodesep="0.25",
        ranksep="0.3",
        **font,
    )
    drawn.attr(
        "node", shape="box", style="filled,rounded", color="#666666", margin="0.12,0.06", height="0.3", **font
    )
    drawn.attr("edge", color="#666666", arrowsize="0.6", fontname=FONT, fontsize="8", fontcolor="#333333")
    for node, item in zip(graph.inputs, report.inputs, strict=False):
        drawn.node(_key(node.name), _text(item.name, units.shape(item.shape)), fillcolor="white")
    most = max(box.cost(color) for box in boxes) or 1
    _fill(drawn, framed(boxes), "", color, most, rules)
    for start, end, shape in edges(boxes):
        drawn.edge(_key(start), _key(end), label=f" {units.shape(shape)} ")
    return drawn


def blocks(rows: Sequence[Row]) -> list[Box]:
    """Layers collapsed into their innermost blocks, at most two deep.

    A block that has blocks inside is not collapsed itself: its other layers stay boxes of their own.
    """
    paths = {".".join(row.name.split(".")[:-1][:2]) for row in rows}
    around = {path.rpartition(".")[0] for path in paths}
    found: dict[str, Box] = {}
    for row in rows:
        path = ".".join(row.name.split(".")[:-1][:2])
        name = path if path and path not in around else row.name
        found.setdefault(name, Box(name, [])).rows.append(row)
    return list(found.values())


def collapsed(boxes: Sequence[Box]) -> list[Box]:
    """Equal blocks that follow each other as one box: same layers, shapes and costs, each reads the last."""
    found: list[Box] = []
    for box in boxes:
        before = found[-1] if found else None
        if before is not None and _same(before, box):
            found[-1] = before._replace(
                rows=[*before.rows, *box.rows], times=before.times + 1, last=box.name.rpartition(".")[2]
            )
        else:
            found.append(box)
    return found


def _same(before: Box, box: Box) -> bool:
    """Whether a block is the one before it once more: of more than a layer, and it reads that one alone."""
    inside = {row.name for row in box.rows}
    read = {source for row in box.rows for source in row.inputs if source not in inside}
    size = len(before.rows) // before.times
    if len(box.rows) < 2 or len(box.rows) != size or read != {before.rows[-1].name}:
        return False
    if box.name.rpartition(".")[0] != before.name.rpartition(".")[0]:
        return False
    return all(_shown(one) == _shown(other) for one, other in zip(before.rows[-size:], box.rows, strict=True))


def _shown(row: Row) -> tuple[object, ...]:
    """What makes two layers equal in a picture."""
    return row.op, row.output_shape, row.kernel, row.stride, row.params, row.counted


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
    """The boxes in the frames of their stages, and within these of their blocks."""
    whole = Frame("", [])
    frames = {"": whole}
    for box in boxes:
        path = box.name.split(".")[:-1][:2]
        inside = whole
        for depth in range(1, len(path) + 1):
            name = ".".join(path[:depth])
            if name not in frames:
                frames[name] = Frame(name, [])
                inside.parts.append(frames[name])
            inside = frames[name]
        inside.parts.append(box)
    return whole


def _fill(drawn: Any, frame: Frame, above: str, color: str, most: int, rules: Convention) -> None:
    """Put the rows of a frame into a graph, frames within as clusters; one box alone gets no frame."""
    for part in frame.parts:
        if isinstance(part, Box):
            name = part.name.removeprefix(above and f"{above}.")
            label = _text(f"{name} to {part.last}" if part.last else name, *_lines(part, rules))
            drawn.node(_key(part.name), label, fillcolor=_shade(part.cost(color) / most))
        elif len(part.parts) == 1:
            _fill(drawn, part, above, color, most, rules)
        else:
            with drawn.subgraph(name=f"cluster {part.name}") as cluster:
                title = part.name.removeprefix(above and f"{above}.")
                cluster.attr(
                    label=title, labeljust="l", style="rounded", color="#BBBBBB", fontcolor="#333333"
                )
                _fill(cluster, part, part.name, color, most, rules)


def _lines(box: Box, rules: Convention) -> list[str]:
    """What a box says below its name."""
    lines = []
    if box.times > 1:
        lines.append(f"x {box.times}, each of {len(box.rows) // box.times} layers; together:")
    elif len(box.rows) > 1:
        lines.append(f"{len(box.rows)} layers")
    elif box.rows[0].op not in ("block", "stage"):
        row = box.rows[0]
        window = ""
        if row.kernel is not None:
            window = f" {units.shape(row.kernel)}"
            if row.stride is not None and set(row.stride) != {1}:
                window += f" / {units.sides(row.stride)}"
        if row.op + window != row.name.rpartition(".")[2]:
            lines.append(row.op + window)
    costs = [
        f"{units.count(box.cost(key))} {name}"
        for key, name in (("params", "params"), ("ops", rules.ops_name))
        if box.cost(key)
    ]
    return [*lines, *([", ".join(costs)] if costs else [])]


def _text(name: str, *lines: str) -> str:
    """An HTML label of Graphviz: the name in bold, the rest small below it."""
    rest = "".join(f'<br/><font point-size="8">{markup(line)}</font>' for line in lines)
    return f"<<b>{markup(name)}</b>{rest}>"


def _caption(report: Report, rules: Convention, boxes: Sequence[Box], color: str) -> str:
    counted = report.totals.counted
    shares = [box.cost(color) for box in boxes]
    shown = rules.ops_name if color == "ops" else NAMES[color]
    notes = (
        *lower_bound(report.name, report.unknown),
        *not_tested(report.name, rules.name, report.untested),
    )
    lines = (
        f"{units.count(counted.params)} parameters, "
        f"{at_least(units.count(counted.ops), report.unknown, report.untested)} {rules.ops_name};"
        f" batch {report.batch}",
        f"colour: {shown}, white 0 to darkest {units.share(max(shares), sum(shares))} of the whole",
        *(line for note in notes for line in textwrap.wrap(note, CAPTION)),
        *textwrap.wrap(f"Convention {rules.name}: {rules.statement}", CAPTION),
    )
    title = f"<b>{markup(marked(report.name, report.unknown))}</b>"
    text = f'{title}<br align="left"/>' + "".join(f'{markup(line)}<br align="left"/>' for line in lines)
    scale = _scale(max(shares), units.count if color != "memory" else units.size)
    return (
        '<<table border="0" cellborder="0" cellpadding="1">'
        f'<tr><td align="left" balign="left">{text}</td></tr>'
        f'<tr><td align="left">{scale}</td></tr></table>>'
    )


def _scale(most: float, written: Callable[[float], str]) -> str:
    """The colours from nothing to the dearest box, with what they stand for."""
    steps = (0, 0.25, 0.5, 0.75, 1)
    cells = "".join(
        f'<td bgcolor="{_shade(step)}" border="1" color="#BBBBBB">'
        f'<font point-size="8"> {markup(written(step * most))} </font></td>'
        for step in steps
    )
    return f'<table border="0" cellborder="0" cellspacing="0" cellpadding="3"><tr>{cells}</tr></table>'


def _key(name: str) -> str:
    """A name as Graphviz takes it: a colon would mean a port."""
    return name.replace(":", "_")


def _shade(share: float) -> str:
    """White for nothing to orange for the largest; black text reads well on all of it."""
    orange = (0xE6, 0x9F, 0x00)
    return "#" + "".join(f"{round(255 + (part - 255) * share):02X}" for part in orange)
