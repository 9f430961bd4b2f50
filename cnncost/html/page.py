"""Content, template, style and script -> one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from cnncost import escape, web
from cnncost.html.content import conventions_content

HERE = Path(__file__).parent
SCRIPTS = ("state.js", "tables.js", "charts.js", "roof.js", "differences.js", "page.js")
"""In this order: the last one draws."""


def page(
    models: Sequence[Mapping[str, Any]],
    *,
    title: str,
    made_by: str,
    differences: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The page about some models (each from `content.model_content`).

    `title` heads the page, `made_by` is its closing line (command and version); `differences` are those of
    `differences.differences_content`.
    """
    data = {
        "models": list(models),
        "conventions": conventions_content(),
        "differences": list(differences),
    }
    return Template(_asset("page.html")).substitute(
        title=escape.markup(title),
        made_by=escape.markup(made_by),
        style=_asset("page.css") + web.asset(web.STYLE),
        script="".join([*map(web.asset, web.SCRIPTS), *map(_asset, SCRIPTS)]),
        data=escape.script(data),
    )


def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
