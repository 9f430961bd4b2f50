"""What a question is answered with: tables, and the JSON document that says the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cnncost.errors import nearest
from cnncost.tables.grid import Grid, Raw
from cnncost.tables.paper import Paper, chosen

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Answer:
    """Tables with their document. In a notebook it shows itself; `print` gives the tables as text.

    answer["resnet50"]      a row by its name, as a dict of raw values by column
    answer.to_dataframe()   all rows; `to_dict()` the JSON document, `to_markdown()`, `to_csv()`, `to_latex()`
    """

    question: str  #: what was asked, for the repr
    grids: tuple[Grid, ...]
    document: dict[str, Any] = field(compare=False)

    @property
    def rows(self) -> list[dict[str, Raw]]:
        """Every row of every table as a dict of raw values by column."""
        return [
            {column.key: cell.value for column, cell in zip(grid.columns, row, strict=True)}
            for grid in self.grids
            for row in grid.rows
        ]

    def __len__(self) -> int:
        return sum(len(grid.rows) for grid in self.grids)

    def __iter__(self) -> Iterator[dict[str, Raw]]:
        return iter(self.rows)

    def __getitem__(self, name: str | int) -> dict[str, Raw]:
        if isinstance(name, int):
            return self.rows[name]
        named = {str(next(iter(row.values()))): row for row in reversed(self.rows)}
        if name not in named:
            match = nearest(str(name), named)
            raise KeyError(f"no row {name!r}" + (f": did you mean {match!r}?" if match else ""))
        return named[name]

    def __repr__(self) -> str:
        rows = f"{len(self)} row{'s' if len(self) != 1 else ''}"
        return f"<{self.question}: {rows}; print() shows them, to_dataframe() gives them>"

    def __str__(self) -> str:
        from cnncost.tables import text

        return "\n".join(map(text.render, self.grids)).rstrip("\n")

    def _repr_html_(self) -> str:
        from cnncost.tables.notebook import html

        return html(self.grids)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of the command of the same name: integers raw, bytes and counts."""
        return self.document

    def to_dataframe(self) -> pd.DataFrame:
        """All rows as a pandas DataFrame, raw values, a column per column."""
        import pandas as pd

        return pd.DataFrame(self.rows)

    def to_markdown(self) -> str:
        """The tables in GitHub's Markdown."""
        from cnncost.tables import markdown

        return "\n".join(map(markdown.render, self.grids))

    def to_csv(self) -> str:
        """The tables as one CSV document of raw values."""
        from cnncost.tables import csv

        return csv.render(list(self.grids))

    def to_latex(
        self, *, columns: tuple[str, ...] = (), caption: str = "", label: str = "", width: str = "line"
    ) -> str:
        """The tables in LaTeX; `width` is line, column or page. Raises UsageError for an unknown word."""
        from cnncost.tables.output import rendered

        paper = Paper(columns, caption, label, width)
        return rendered(chosen(self.grids, columns), None, "latex", paper)
