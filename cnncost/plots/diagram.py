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
from typing import TYPE_CHECKING, Any

from cnncost import units
from cnncost.analysis import analyze
from cnncost.analysis.conventions import Convention, convention
from cnncost.errors import UnavailableError, UsageError, known_word
from cnncost.escape import markup
from cnncost.graph import Graph
from cnncost.plots.boxes import COSTS, Box, Frame, by_block, by_row, by_stage, edges, framed
from cnncost.report import Report
from cnncost.tables.unknown import at_least, lower_bound, marked, not_tested

if TYPE_CHECKING:
    import graphviz

NAMES = {"params": "parameters", "memory": "memory", "macs": "MACs", "activation_bytes": "activation bytes"}
CAPTION = 60
"""Characters in a line of the convention's statement."""
ROWS = {"block": "layer", "stage": "op"}
"""The rows of a report that boxes are made of, where they are other ones."""
DIRECTIONS = {"down": "TB", "right": "LR"}
MOST_BOXES = 400
PNG_DPI = "110"
FONT = "Helvetica,Arial,sans-serif"
PACKAGE = 'pip install "cnncost[draw]"'
PROGRAM = "apt install graphviz, brew install graphviz, or https://graphviz.org/download"


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
    report = analyze(graph, by=ROWS.get(by, by), **counting)
    rules = convention(report.convention)
    if by == "block":
        boxes = by_block(report.rows)
    elif by == "stage":
        boxes = by_stage(graph if report.mode == "train" else graph.without_heads(), report.rows)
    else:
        boxes = by_row(report.rows)
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
        lines.append(f"x {box.times}, each of {len(box.rows) // box.times} {box.of}; together:")
        if box.grows:
            first, last = (
                units.shape(box.rows[at].output_shape) for at in (len(box.rows) // box.times - 1, -1)
            )
            lines.append(f"alike: {first} to {last}" if first != last else "alike, channels differ inside")
    elif len(box.rows) > 1:
        lines.append(f"{len(box.rows)} {box.of}")
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
