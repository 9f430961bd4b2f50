"""Grid -> HTML for a notebook: a table that sorts by click where scripts run, and reads well where none do.

GitHub and VS Code drop scripts and styles; what is left is a plain table. At most `MOST_ROWS` rows, so that
a cell stays below 50 kB: a line says how many are left out and how to see them.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnncost.escape import markup
from cnncost.graph import Graph
from cnncost.report import Report
from cnncost.tables.grid import Cell, Grid
from cnncost.tables.layers import layer_grid

MOST_ROWS = 100
"""Of a table; the first and the last are shown."""
_STYLE = (
    ".cnncost td,.cnncost th{text-align:left;white-space:nowrap;padding:.15em .6em}"
    ".cnncost .n{text-align:right;font-variant-numeric:tabular-nums}.cnncost th{cursor:pointer}"
    ".cnncost tfoot td{font-weight:bold;border-top:1px solid}.cnncost p{margin:.2em 0;opacity:.75}"
)
_SCRIPT = (
    "document.currentScript.parentNode.querySelectorAll('table').forEach(t=>{"
    "const h=[...t.tHead.rows[0].cells];h.forEach((c,i)=>c.onclick=()=>{"
    "const b=t.tBodies[0],s=c.dataset.s==='1'?-1:1;h.forEach(x=>delete x.dataset.s);c.dataset.s=s;"
    "const v=r=>{const d=r.cells[i].dataset.v,x=d===undefined?r.cells[i].textContent:d;"
    "return x!==''&&isFinite(x)?+x:x};"
    "[...b.rows].sort((p,q)=>{const x=v(p),y=v(q);return s*(typeof x==='number'&&typeof y==='number'"
    "?y-x:String(x).localeCompare(String(y),'en',{numeric:true}))}).forEach(r=>b.append(r))})})"
)
"""A click on a heading sorts, the largest or the first in the alphabet first; another turns it round."""


def html(grids: Sequence[Grid]) -> str:
    """Tables as one fragment of HTML; nothing in it comes from elsewhere."""
    tables = "".join(map(_table, grids))
    return f'<div class="cnncost"><style>{_STYLE}</style>{tables}<script>{_SCRIPT}</script></div>'


def of_report(report: Report) -> str:
    """A report's table."""
    return html([layer_grid(report)])


def of_graph(graph: Graph) -> str:
    """A graph by its blocks: its operators are counted nowhere, and named where a block has one."""
    from cnncost.analysis import analyze

    report = analyze(graph, by="block")
    return html([layer_grid(report, ("name", "op", "input", "output", "params", "macs"))])


def _table(grid: Grid) -> str:
    """One table, its title above and its notes below."""
    title = f"<p><b>{markup(grid.title)}</b></p>" if grid.title else ""
    notes = "".join(f"<p>{markup(note)}</p>" for note in grid.notes)
    if not grid.columns:
        return title + notes
    numbers = [column.number for column in grid.columns]
    head = "".join(
        f'<th{_number(column.number)} scope="col" title="sort">{markup(column.heading)}</th>'
        for column in grid.columns
    )
    rows = list(grid.rows)
    if (more := len(rows) - MOST_ROWS) > 0:
        rows = rows[: MOST_ROWS * 3 // 4] + rows[-MOST_ROWS // 4 :]
        notes = f"<p>{more:,} rows between are left out; to_dataframe() has all.</p>{notes}"
    body = "".join(_row(row, numbers) for row in rows)
    foot = f"<tfoot>{_row(grid.total, numbers)}</tfoot>" if grid.total else ""
    return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table>{notes}"


def _row(row: tuple[Cell, ...], numbers: Sequence[bool]) -> str:
    return f"<tr>{''.join(map(_cell, row, numbers))}</tr>"


def _cell(cell: Cell, number: bool) -> str:
    plain = isinstance(cell.value, (int, float)) and str(cell.value) != cell.text
    value = f' data-v="{cell.value:.6g}"' if number and plain else ""
    return f"<td{_number(number)}{value}>{markup(cell.text)}</td>"


def _number(number: bool) -> str:
    return ' class="n"' if number else ""
