"""Parameters that are lists of mappings, as the tables of papers are: a row per repetition of a `for`.

    params:
      stages:
        - {width: 16, kernel: 3}
        - {width: 32, kernel: 5}
    body:
      - {stage: [width, kernel], for: stages}

`for: stages` is short for the columns `for: {width: ..., kernel: ...}` of these rows. The keys are those of
the list in `params`; a list that stands in for it, of a variant or of --set, has the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.errors import SpecError, did_you_mean
from cnncost.language.document import Document, Mapping, Scalar, Sequence, YamlNode, unknown
from cnncost.language.expression import Expression, ExpressionError, Variables
from cnncost.language.family import Given

if TYPE_CHECKING:
    from cnncost.language.grammar import Grammar


class TableRow:
    """One of the mappings, evaluated: it never changes, so that it can be looked up by its value."""

    __slots__ = ("entries", "values")

    def __init__(self, entries: tuple[tuple[str, Any], ...]):
        self.entries = entries
        self.values = dict(entries)

    @property
    def keys(self) -> tuple[str, ...]:
        """Its keys, in order."""
        return tuple(self.values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableRow) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.entries)

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key}: {value!r}" for key, value in self.entries) + "}"


def table_row(values: dict[str, Any]) -> TableRow:
    """A row of evaluated values; lists in it become tuples."""
    return TableRow(tuple([(key, _fixed(value)) for key, value in values.items()]))


def with_rows(value: Any) -> Any:
    """A value with rows in the place of dicts."""
    if isinstance(value, dict):
        return table_row(value)
    return [with_rows(item) for item in value] if isinstance(value, (list, tuple)) else value


def _fixed(value: Any) -> Any:
    return tuple([_fixed(item) for item in value]) if isinstance(value, (list, tuple)) else value


def column(table: str, key: str, keys: tuple[str, ...]) -> Expression:
    """What `for: table` makes of a key: its value in every row.

    Evaluating it raises ExpressionError where the name stands for something else than rows with these keys.
    """

    wanted = set(keys)

    def values(scope: Variables) -> list[Any]:
        rows = scope.get(table)
        if not isinstance(rows, (list, tuple)) or not all(
            isinstance(row, TableRow) and row.values.keys() == wanted for row in rows
        ):
            raise ExpressionError(
                f"{table!r} is not a list of mappings with the keys {', '.join(keys)}", 0, len(table)
            )
        return [row.values[key] for row in rows]

    return Expression(values, frozenset({table}), None)


def columns(grammar: Grammar, node: YamlNode) -> list[tuple[str, Given]]:
    """The columns of a `for`: as they stand there, or those of a parameter that is a list of mappings."""
    document = grammar.document
    if isinstance(node, Scalar) and node.value is not None:
        given = grammar.params.get(node.text)
        if given is None or given.keys is None:
            tables = [name for name, value in grammar.params.items() if value.keys]
            raise document.error(
                "`for` takes columns, or a parameter that is a list of mappings",
                node,
                cure=did_you_mean(node.text, tables),
            )
        if "index" in given.keys:
            raise document.error("`index` counts the rows: a key has another name", node)
        return [(key, Given(node, column(node.text, key, given.keys), None, None)) for key in given.keys]
    listed = grammar.mapping(node, "`for`").entries.values()
    if not listed:
        raise document.error("`for` needs at least one column", node)
    for key, _ in listed:
        if key.text == "index":
            raise document.error("`index` counts the repetitions: a column has another name", key)
    return [(key.text, grammar.given(value)) for key, value in listed]


def parameter(grammar: Grammar, node: YamlNode, keys: tuple[str, ...] | None = None) -> Given:
    """The value of a parameter: any, or a list of mappings; `keys` are those that its rows must have."""
    if not isinstance(node, Sequence) or not any(isinstance(item, Mapping) for item in node.items):
        return grammar.given(node)
    check_rows(grammar.document, node.items, keys)
    table = [(row, grammar.mapping(row, "a row").entries.values()) for row in node.items]
    return Given(
        node,
        None,
        [
            Given(
                row,
                None,
                None,
                None,
                {grammar.word(key, "a key"): grammar.given(value) for key, value in part},
            )
            for row, part in table
        ],
        None,
    )


def check_rows(document: Document, items: list[YamlNode], keys: tuple[str, ...] | None = None) -> None:
    """Refuse rows that are none, that have no keys, or others than the first (than `keys`)."""
    for item in items:
        if not isinstance(item, Mapping):
            raise document.error(f"a list of mappings has nothing else in it, not {item.describe()}", item)
        if not item.entries:
            raise document.error("a row needs at least one key", item, cure="write {width: 16, kernel: 3}")
        keys = keys or tuple(item.entries)
        for name, (key, _) in item.entries.items():
            if name not in keys:
                raise unknown(document, "unknown key", key, list(keys))
        for name in keys:
            if name not in item.entries:
                raise missing(document, item, name, keys)


def missing(document: Document, row: YamlNode, name: str, keys: tuple[str, ...]) -> SpecError:
    """The error where a row lacks a key that the others have."""
    return document.error(f"the row lacks {name!r}", row, more=f"every row has: {', '.join(keys)}")
