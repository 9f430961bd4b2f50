"""Report -> the lecture's table: a row per layer, totals, shares, the convention below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Union

from cnncost import units
from cnncost.analysis.conventions import Convention, convention
from cnncost.errors import UsageError, known_word
from cnncost.ops.learned import Unused
from cnncost.report import Report, Row, Totals
from cnncost.tables.grid import Cell, Column, Grid, text
from cnncost.tables.unknown import at_least, estimate, lower_bound, marked, not_tested
from cnncost.units import Unit


class Words(NamedTuple):
    """A column that describes a layer."""

    heading: str
    of: Callable[[Row], str]
    number: bool = False


class Figures(NamedTuple):
    """A column of a quantity, which has a total and a unit."""

    heading: Callable[[Convention], str]
    of: Callable[[Union[Row, Totals]], int]
    unit: Callable[[Convention], Unit]


class Share(NamedTuple):
    """A column of a quantity's share of its total."""

    of: str  #: the key of a `Figures` column


def _quantity(name: str, heading: str, unit: Unit) -> Figures:
    return Figures(lambda rules: heading, lambda part: int(getattr(part, name)), lambda rules: unit)


def _name(row: Row) -> str:
    return f"{row.name}, {row.op}" if row.op == Unused.title else row.name


def inputs_text(report: Report) -> str:
    """The input's shape; of several their names too."""
    if len(report.inputs) < 2:
        return units.shape(report.input_shape)
    return ", ".join(f"{item.name} {units.shape(item.shape)}" for item in report.inputs)


ROADS = {
    "torch.export": "Imported by torch.export",
    "torch.fx": "Imported by torch.fx and torch.export",
    "one run": "Imported as it ran once on the CPU, with random input and weights (seed 0)",
    "onnx": "Imported from an ONNX file",
}
"""The roads of imports in words."""


def _road(report: Report) -> tuple[str, ...]:
    """The note on how a network came in, where its batch stands, and what was taken for granted."""
    if not report.road:
        return ()
    axis = report.batch_axis
    batch = "" if axis == 0 else "; its input has no batch" if axis is None else f"; its batch is axis {axis}"
    return (f"{ROADS[report.road]}{batch}.", *[" ".join(note.split()) for note in report.taken])


def as_run(places: Sequence[str]) -> tuple[str, ...]:
    """The note on a network whose path or sizes depend on values, at these places; none if there are none."""
    if not places:
        return ()
    shown = "; ".join(places[:3]) + ("; ..." if len(places) > 3 else "")
    where = units.things(len(places), "place")
    return (f"As run once with random input (seed 0): values decide at {where}: {shown}",)


def _asked(report: Report) -> str:
    """The bits of a quantised network, for a title."""
    return f", bits {_bits(report.bits)}" if report.bits else ""


def _sides(sizes: Sequence[float] | None) -> str:
    return units.sides(sizes or ())


def padding(row: Row) -> str:
    """The padding of a window: 1, 0x3, or every side of it where the two of an axis differ."""
    sides = row.padding
    if sides is None or isinstance(sides, str):
        return sides or ""
    before, after = sides[::2], sides[1::2]
    return _sides(before) if before == after else ",".join(map(str, sides))


def _bits(widths: Sequence[int]) -> str:
    return ", ".join(map(str, widths))


def _shapes(row: Row) -> str:
    shown = [units.shape(shape) for shape in row.input_shapes]
    if len(set(shown)) == 1 and len(shown) > 1:
        return f"{len(shown)} of {shown[0]}"
    return ", ".join(shown[:3]) + (f", ... {len(shown)}" if len(shown) > 3 else "")


class UnknownColumn(NamedTuple):
    """The column of how many operators of a row have no known cost."""

    heading: str = "unknown"


class UntestedColumn(NamedTuple):
    """The column of a row's operators that nobody has run the convention's program on."""

    heading: str = "untested"


OPERATIONS = ("ops", "macs", "flops", "backward_macs", "bops")
"""What an operator of unknown cost adds to, nobody knows how much."""
COLUMNS: dict[str, Words | Figures | Share | UnknownColumn | UntestedColumn] = {
    "name": Words("layer", _name),
    "op": Words("operator", lambda row: row.op),
    "input": Words("input", _shapes),
    "output": Words("output", lambda row: units.shape(row.output_shape)),
    "kernel": Words("kernel", lambda row: _sides(row.kernel), number=True),
    "stride": Words("stride", lambda row: _sides(row.stride), number=True),
    "padding": Words("pad", padding, number=True),
    "memory": Figures(lambda _: "memory", lambda part: part.counted.memory_bytes, lambda c: c.memory_unit),
    "memory_share": Share("memory"),
    "params": Figures(lambda _: "params", lambda part: part.counted.params, lambda c: c.params_unit),
    "params_share": Share("params"),
    "trainable": _quantity("trainable", "trainable", units.THOUSAND),
    "ops": Figures(lambda c: c.ops_name, lambda part: part.counted.ops, lambda c: c.ops_unit),
    "ops_share": Share("ops"),
    "macs": _quantity("macs", "MACs", units.MILLION),
    "backward_macs": _quantity("backward_macs", "backward MACs", units.MILLION),
    "flops": _quantity("flops", "all FLOPs", units.MILLION),
    "buffers": _quantity("buffers", "buffers", units.THOUSAND),
    "activation_elements": _quantity("activation_elements", "elements", units.THOUSAND),
    "activation_bytes": _quantity("activation_bytes", "activations", units.KIB),
    "weight_bytes": _quantity("weight_bytes", "weights", units.KIB),
    "weight_bits": Words("weight bits", lambda row: _bits(row.weight_bits), number=True),
    "activation_bits": Words("activation bits", lambda row: _bits([row.activation_bits]), number=True),
    "bops": Figures(
        lambda c: "BOPs of products" if c.bit_rule else "BOPs",
        lambda part: part.bops,
        lambda _: units.BILLION,
    ),
    "receptive_field": Words("receptive field", lambda row: _sides(row.receptive_field), number=True),
    "jump": Words("jump", lambda row: _sides(row.jump), number=True),
    "unknown": UnknownColumn(),
    "untested": UntestedColumn(),
}
DEFAULT = (
    "name", "input", "output", "kernel", "stride", "padding",
    "memory", "params", "params_share", "ops", "ops_share",
)  # fmt: skip

QUANTISED = ("weight_bits", "activation_bits", "weight_bytes", "bops")
"""What a table of a quantised network has besides, if nobody says which columns."""


def quantised_columns(name: str) -> tuple[str, ...]:
    """`QUANTISED`, without the bit operations where a convention of this name counts them itself."""
    return tuple(key for key in QUANTISED if key != "bops" or not convention(name).bit_rule)


OPTIONAL = (
    "padding", "stride", "kernel", "jump", "input", "buffers", "trainable", "params_share", "memory_share",
    "activation_elements", "activation_bytes", "receptive_field", "memory", "op", "output",
)  # fmt: skip
"""What a narrow terminal leaves out of a table, the first to go first."""


def layer_grid(
    report: Report,
    columns: Sequence[str] = DEFAULT,
    *,
    in_units: Mapping[str, Unit] | None = None,
) -> Grid:
    """The table of a report; `in_units` overrides the units of columns, by key.

    With operators of unknown cost there is a column "unknown", and totals say that they are lower bounds.
    Raises UsageError for an unknown column, or a unit of a column that has none.
    """
    rules = convention(report.convention)
    chosen = dict(in_units or {})
    if report.bits and tuple(columns[: len(DEFAULT)]) == DEFAULT:
        columns = tuple(dict.fromkeys((*columns, *quantised_columns(report.convention))))
    for key in (*columns, *chosen):
        known_word("unknown column", key, COLUMNS, "columns")
        if key in chosen and not isinstance(COLUMNS[key], Figures):
            raise UsageError(f"column {key!r} has no unit")
    if "backward_macs" in columns and report.mode != "train":
        raise UsageError("column 'backward_macs' is of training\n  pass --mode train")
    if report.unknown:
        columns = tuple(dict.fromkeys((*columns, "unknown")))
    if report.untested:
        columns = tuple(dict.fromkeys((*columns, "untested")))
    drawn = [_column(key, report, rules, chosen) for key in columns]
    title = (
        report.name,
        f"input {inputs_text(report)}",
        f"batch {report.batch}",
        report.dtype + _asked(report),
        report.mode,
    )
    return Grid(
        columns=tuple(column for column, _ in drawn),
        rows=tuple(zip(*(cells[:-1] for _, cells in drawn), strict=True)),
        title="  ".join(title),
        total=tuple(cells[-1] for _, cells in drawn),
        optional=OPTIONAL,
        notes=(
            *lower_bound(report.name, report.unknown),
            *_road(report),
            *as_run(report.as_run),
            *not_tested(report.name, rules.name, report.untested),
            *estimate(report.name, report.estimated),
            summary(report),
            f"Convention {rules.name}: {rules.statement}",
        ),
        caption=f"{report.name} at {units.shape(report.input_shape)}.",
        label=report.name,
    )


def _column(
    key: str, report: Report, rules: Convention, in_units: Mapping[str, Unit]
) -> tuple[Column, list[Cell]]:
    """A column and its cells, the total's last."""
    kind = COLUMNS[key]
    parts: list[Row | Totals] = [*report.rows, report.totals]
    total = marked("total", report.unknown, report.untested)
    if isinstance(kind, Words):
        cells = [text(kind.of(row)) for row in report.rows]
        return Column(key, kind.heading, kind.number), [*cells, text(total if key == "name" else "")]
    unknown = [*(row.unknown for row in report.rows), report.unknown]
    untested = [*(row.untested for row in report.rows), report.untested]
    if isinstance(kind, UnknownColumn):
        return Column(key, kind.heading), [Cell(str(count or ""), count) for count in unknown]
    if isinstance(kind, UntestedColumn):
        return Column(key, kind.heading, False), [text(", ".join(operators)) for operators in untested]
    if isinstance(kind, Share):
        figures = COLUMNS[kind.of]
        assert isinstance(figures, Figures)
        values = [figures.of(part) for part in parts]
        whole = values[-1]
        return Column(key, "%"), [
            Cell(units.share(value, whole) if value else "", value / whole if whole else None)
            for value in values
        ]
    unit = in_units.get(key) or kind.unit(rules)
    heading = unit.heading(kind.heading(rules))
    decimals = rules.decimals if key in ("memory", "params", "ops") else None
    values = [kind.of(part) for part in parts]
    texts = [unit.format(value, decimals) for value in values]
    if key in OPERATIONS:
        texts = list(map(at_least, texts, unknown, untested if key == "ops" else [()] * len(texts)))
    chosen = key in in_units or decimals is not None
    return Column(key, heading, unit=None if chosen else unit), list(map(Cell, texts, values))


def parse_units(given: str) -> dict[str, Unit]:
    """`memory=MiB,params=M,ops=G` as units of columns. Raises UsageError for an unknown one."""
    chosen = {}
    for item in given.split(","):
        key, equals, symbol = (part.strip() for part in item.partition("="))
        key = key.lower() if key.lower() in COLUMNS else key
        if not equals:
            raise UsageError(
                f"--units {item!r} is not column=unit\n  for example: --units memory=MiB,params=M,ops=G"
            )
        figures = [name for name, kind in COLUMNS.items() if isinstance(kind, Figures)]
        known_word("--units: no column with a unit", key, figures, "columns")
        of_bytes = key in ("memory", "activation_bytes", "weight_bytes")
        kinds = (*units.BINARY, *units.DECIMAL) if of_bytes else units.COUNTS
        known = {unit.symbol or "1": unit for unit in kinds}
        chosen[key] = known[known_word("unknown unit", symbol, known, "units")]
    return chosen


def summary(report: Report) -> str:
    """One line of totals that a table of layers cannot carry."""
    totals = report.totals
    macs, flops = (at_least(f"{total:,}", report.unknown) for total in (totals.macs, totals.flops))
    return (
        f"{totals.params:,} params ({units.size(totals.weight_bytes)} of weights and buffers), "
        f"{macs} MACs, {flops} FLOPs, "
        f"peak memory {at_least(units.size(totals.peak_bytes), 0, report.estimated)} without weights"
    )
