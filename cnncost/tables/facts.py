"""Where a model comes from: its citation, and what is published of it beside what is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncost import units
from cnncost.analysis.published import PublishedFact
from cnncost.language.facts import FIGURES
from cnncost.tables.grid import Cell, Column, Grid, text

HEADINGS = {
    "macs": "MACs",
    "flops": "FLOPs",
    "size_mb": "weights (MB)",
    "top1": "top-1 (%)",
    "top5": "top-5 (%)",
    "top1_error": "top-1 error (%)",
    "top5_error": "top-5 error (%)",
    "error": "error (%)",
    "miou": "mean IoU (%)",
}
"""Headings of figures whose keys are none."""


def citation(paper: Mapping[str, Any]) -> str:
    """Authors, year, title, venue and link, as far as a spec gives them."""
    authors = str(paper.get("authors", "")).rstrip(".")
    year = f"({paper['year']})" if paper.get("year") else ""
    parts = [f"{authors} {year}".strip(), paper.get("title"), paper.get("venue"), link(paper)]
    return ". ".join(str(part) for part in parts if part)


def link(paper: Mapping[str, Any]) -> str:
    """The address of a paper, if its spec tells one."""
    if paper.get("arxiv"):
        return f"https://arxiv.org/abs/{paper['arxiv']}"
    return f"https://doi.org/{paper['doi']}" if paper.get("doi") else str(paper.get("url") or "")


def facts_grid(facts: Sequence[tuple[Mapping[str, Any], Sequence[PublishedFact]]]) -> Grid:
    """Published figures in the order of the spec, each with its source.

    Every fact comes with those of its figures that were held against counts, if any.
    """
    rows, notes = [], []
    for fact, held in facts:
        counted = {item.quantity: item for item in held}
        about = ", ".join(str(fact[key]) for key in ("dataset", "protocol", "input") if fact.get(key))
        for key in FIGURES:
            if key in fact:
                heading = HEADINGS.get(key, key)
                rows.append(_row(heading, fact["printed"][key], counted.get(key), fact, about))
        remarks = "; ".join(str(fact[key]) for key in ("reason", "note") if fact.get(key))
        if remarks:
            notes.append(f"{fact['source']}: {remarks}.")
    columns = (
        Column("figure", "published", number=False),
        Column("printed", "printed"),
        Column("counted", "counted"),
        Column("agrees", "agrees", number=False),
        Column("source", "source", number=False),
        Column("about", "measured on", number=False),
    )
    return Grid(columns, tuple(rows), notes=tuple(notes))


def _row(
    heading: str, printed: str, item: PublishedFact | None, fact: Mapping[str, Any], about: str
) -> tuple[Cell, ...]:
    counted, agrees = "", ""
    if item is not None:
        counted = units.MB.format(item.counted) if item.quantity == "size_mb" else f"{item.counted:,}"
        agrees = "yes" if item.agrees else "no, see below" if item.reason else "no"
    return (
        text(heading),
        Cell(units.printed(printed), printed),
        Cell(counted, item.counted if item else None),
        text(agrees),
        text(str(fact["source"])),
        text(about),
    )
