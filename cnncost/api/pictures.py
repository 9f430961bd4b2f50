"""Networks as pictures and pages: the drawn graph, a page with everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cnncost.api.models import ModelLike
from cnncost.graph import Graph
from cnncost.models import as_graph, told_apart
from cnncost.request import Run


@dataclass(frozen=True, repr=False)
class GraphPicture:
    """A drawn graph. A notebook shows it; `save` writes an .svg, .png or .pdf file."""

    graph: Graph = field(repr=False)
    choices: dict[str, object] = field(repr=False, compare=False)

    def __repr__(self) -> str:
        return f"<picture of {self.graph.name}; save('{self.graph.name}.svg') writes it>"

    def _repr_svg_(self) -> str:
        return self.bytes("svg").decode()

    def bytes(self, format: str) -> bytes:
        """The picture as svg, png or pdf. Raises UnavailableError without Graphviz."""
        from cnncost.plots.diagram import picture

        return picture(self.graph, format, **self.choices)

    def save(self, path: str | Path) -> None:
        """Write it, in the format of the suffix. Raises UsageError for another one."""
        from cnncost.plots.drawing import picture_format
        from cnncost.writing import write

        write(Path(path), self.bytes(picture_format(Path(path))))


def draw(
    model: ModelLike,
    input_shape: Sequence[int] | None = None,
    *,
    by: str = "block",
    color: str = "ops",
    direction: str = "down",
    batch: int = 1,
    dtype: str = "float32",
    mode: str = "eval",
    convention: str = "cnncost",
) -> GraphPicture:
    """The graph as a picture: a box per op, layer, block or stage, coloured by ops, params or memory.

    Raises UsageError for an unknown word or too many boxes, UnavailableError without Graphviz.
    """
    from cnncost.plots.diagram import source

    counting = Run(batch, dtype, mode, convention).counting
    graph = as_graph(model, input_shape, batch)
    choices: dict[str, object] = {"by": by, "color": color, "direction": direction, **counting}
    source(graph, by=by, color=color, direction=direction, **counting)  # what cannot be drawn is said here
    return GraphPicture(graph, choices)


def page(
    *models: ModelLike,
    input_shape: Sequence[int] | None = None,
    batch: int = 1,
    dtype: str | None = None,
    mode: str = "eval",
    on: str | None = None,
) -> str:
    """The HTML page that `cnncost report` writes: tables, pictures, graph, differences, any convention.

    It stands alone; write it to a file. Raises UsageError for no model or an unknown word.
    """
    from cnncost.errors import UsageError
    from cnncost.html.content import model_content
    from cnncost.html.differences import differences_content
    from cnncost.html.page import page as written
    from cnncost.version import __version__

    if not models:
        raise UsageError("page needs a model\n  for example: cnncost.page('resnet50')")
    run = Run(batch, dtype or "float32", mode, on=on, precision=dtype)
    graphs = told_apart([as_graph(model, input_shape, batch) for model in models])
    contents = [model_content(graph, run) for graph in graphs]
    title = "Cost of " + ", ".join(dict.fromkeys(graph.name for graph in graphs))
    return written(
        contents,
        title=title,
        made_by=f"cnncost {__version__}",
        differences=differences_content(graphs, run),
    )
