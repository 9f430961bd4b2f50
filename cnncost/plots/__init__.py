"""Graphs and measurements -> pictures.

    drawing = cnncost.plots.draw_kind("layers", [cnncost.load("alexnet")], by="layer")
    drawing.figure              a matplotlib Figure
    drawing.bytes("svg")        png, svg (texts as text) or pdf; the same bytes every time
    drawing.csv()               the numbers behind it, unrounded
    drawing.notes               what could not be drawn, and why

One file per kind of picture, each with `draw(graphs, run, *, ...) -> Drawing`, whose keywords are what it
uses beside the run; a new kind is a new file and a line in `KINDS` (ops-time is in ops_time.py). Beside them:

    drawing.py   what a kind is given and gives back
    style.py     colours, units, the closing line
    sheet.py     where it is printed: size, type, title, names
    names.py     models' names as papers write them
    ticks.py     axes numbered in a unit
    labels.py    names that do not overlap
    points.py    models by a cost and their published accuracy
    diagram.py   the graph itself, drawn by Graphviz
    boxes.py     what is one box of it
    arena.py     a runtime's arena, which `cnncost memory --plot` draws
    choice.py    what `pick` chose
    distribution.py   a quantity over the settings that `search` kept

matplotlib is imported only here, and only when something is drawn, without a display. No cost is
computed in this room.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from cnncost.bits import spoken
from cnncost.errors import UsageError, known_word
from cnncost.graph import Graph
from cnncost.plots.drawing import Drawing
from cnncost.plots.sheet import SCREEN, Sheet, on
from cnncost.request import PREDICTED, Run
from cnncost.tables.unknown import lower_bound, marked

__all__ = ["KINDS", "Drawing", "PlotKind", "draw_kind"]


class PlotKind(NamedTuple):
    """A kind of picture: what it shows, what it reads of a run and beside it, whether it needs models."""

    shows: str
    run: tuple[str, ...] = ()  #: fields of `Run`
    own: tuple[str, ...] = ()  #: keywords of its `draw`
    specs: str = "some"  #: some, none, or zoo: none given stands for the whole zoo

    @property
    def uses(self) -> tuple[str, ...]:
        """Everything that it reads."""
        return self.run + self.own


COUNTING = ("batch", "dtype", "mode")
KINDS = {
    "accuracy": PlotKind(
        "published accuracy against a cost",
        (*COUNTING, "on", *PREDICTED),
        ("x", "y", "measured", "add"),
        specs="zoo",
    ),
    "layers": PlotKind("memory, parameters and operations per layer", (*COUNTING, "convention"), ("by",)),
    "shares": PlotKind(
        "shares of memory, parameters and operations by kind of layer", (*COUNTING, "convention")
    ),
    "memory": PlotKind("live bytes over the execution order", ("batch", "dtype")),
    "receptive": PlotKind("receptive field against depth"),
    "roofline": PlotKind(
        "arithmetic intensity under a device's roof",
        (*COUNTING, "device", "on", "no_tf32"),
        ("by", "measured"),
    ),
    "ilsvrc": PlotKind("top-5 error and depth by year, from the lectures", specs="none"),
    "timeline": PlotKind("ten architectures by year, with parameters", specs="none"),
    "ops-time": PlotKind("measured time against MACs, with the fit", own=("measured",), specs="none"),
    "sweep": PlotKind("a cost against resolution or batch", ("batch", "dtype"), ("x", "y", "values")),
}
"""Every kind of picture; its code is the module of that name."""
COUNT_BITS = ("layers", "shares", "receptive")
"""Kinds that are right of quantised networks."""


def _flag(name: str) -> str:
    return name.replace("_", "-")


def draw_kind(kind: str, graphs: Sequence[Graph] = (), sheet: Sheet = SCREEN, **choices: Any) -> Drawing:
    """The picture of a kind (see `KINDS`) for some graphs.

    `choices` are fields of `Run` (batch, dtype, mode, convention, on) and keywords of the kind's `draw`;
    None, False, or nothing in a sequence, is as not given. `sheet` says where it is printed: size, type,
    names, title (`sheet.sheet` makes one of words).

    A model with operators of unknown cost is called a lower bound wherever its name stands.
    Raises UsageError for an unknown kind, for a choice that the kind does not use, and where the kind
    has nothing to draw.
    """
    known = KINDS[known_word("unknown kind of plot", kind, KINDS)]
    given = {
        name: value for name, value in choices.items() if value not in (None, (), []) and value is not False
    }
    usual = Run()._asdict()
    for name, value in given.items():
        if name == "precision" and "dtype" in known.uses:  # the dtype, once more
            continue
        if name not in known.uses and (name not in usual or value != usual[name]):
            raise UsageError(
                f"plot {kind} does not use --{_flag(name)}\n  it uses: "
                + (", ".join(f"--{_flag(each)}" for each in known.uses) or "no options")
            )
    if known.specs == "some" and not graphs:
        raise UsageError(f"plot {kind} needs a model\n  for example: cnncost plot {kind} resnet50")
    if known.specs == "none" and graphs:
        raise UsageError(f"plot {kind} takes no model, but {graphs[0].name!r} was given")
    for graph in graphs:
        if graph.quantised and kind not in COUNT_BITS:
            raise UsageError(
                f"plot {kind} does not know tensors of {spoken(graph.widths)} bits, which {graph.name} has"
                f"\n  plots that do: {', '.join(COUNT_BITS)}"
            )
    from cnncost.plots import style

    notes = [note for graph in graphs for note in lower_bound(graph.name, graph.unknown)]
    named = [replace(graph, name=marked(graph.name, graph.unknown)) for graph in graphs]
    module = importlib.import_module(f"cnncost.plots.{kind.replace('-', '_')}")
    with on(sheet), style.applied():
        run = Run(**{name: value for name, value in given.items() if name in usual})
        own = {name: value for name, value in given.items() if name not in usual}
        drawing: Drawing = module.draw(named, run, **own)
        style.settle(drawing.figure)
    return replace(drawing, notes=(*notes, *drawing.notes))
