"""Results as plain frozen data, and their exact JSON form (the contract of schema version 1).

Renderers see only what stands here. Nothing in this room computes a cost, formats a number or
knows an operator.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncost.errors import nearest
from cnncost.request import Model, Run, asked
from cnncost.version import __version__

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
COUNTING = ("batch", "dtype", "convention", "mode")
"""What a report says of its run."""


NOTEBOOK = "cnncost.tables.notebook"
"""Who draws results in notebooks, which ask the result itself: named here, imported only then."""


def drawn_by(function: str, result: Any) -> str:
    """A result as HTML, by a function of `NOTEBOOK`."""
    return str(getattr(import_module(NOTEBOOK), function)(result))


class Counted(NamedTuple):
    """What the chosen convention makes of a row or a total."""

    params: int
    ops: int
    memory_bytes: int


class InputTensor(NamedTuple):
    """A tensor that the network is given; its shape is without the batch."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class Row(NamedTuple):
    """One layer. Counts are of the whole batch; shapes are without it."""

    name: str
    op: str
    inputs: tuple[str, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    params: int
    buffers: int
    macs: int
    flops: int
    activation_elements: int  #: 0 for views and in-place operators
    activation_bytes: int
    receptive_field: tuple[int, ...] | None  #: per axis (height, width), in input pixels; None: all of it
    jump: tuple[float, ...] | None  #: input pixels between neighbouring outputs; None: no position
    kernel: tuple[int, ...] | None  #: per axis of the map
    stride: tuple[int, ...] | None
    padding: tuple[int, ...] | str | None  #: before and after per axis (top, bottom, left, right), or "same"
    counted: Counted
    trainable: int = 0  #: params that are not frozen
    traffic_bytes: int = 0  #: read and written at the least: inputs, weights and output, each once
    backward_macs: int = 0  #: in mode train: multiply-accumulates of the backward pass
    weight_bytes: int = 0  #: params and buffers with scales and zero points, as they are stored
    bops: int = 0  #: bit operations: MACs times the bits of weights and values
    weight_bits: tuple[int, ...] = ()  #: of its weights, in rising order; (): it has none
    activation_bits: int = 0  #: of a value of the output
    unknown: int = 0  #: operators whose cost is not known
    untested: tuple[str, ...] = ()  #: operators that nobody has run the convention's program on


class Totals(NamedTuple):
    """Sums over the rows, and what only the whole has (weights, peak)."""

    params: int
    buffers: int
    weight_bytes: int  #: params and buffers in the chosen dtype, or their bits with scales and zero points
    macs: int
    flops: int
    activation_elements: int
    activation_bytes: int
    peak_bytes: int
    counted: Counted
    trainable: int = 0  #: params that are not frozen
    liveness_bytes: int = 0  #: the peak if no code kept a reference beyond the last read
    backward_macs: int = 0  #: in mode train: multiply-accumulates of the backward pass
    bops: int = 0  #: bit operations: MACs times the bits of weights and values


class Report(NamedTuple):
    """Everything that is known of one model at one batch, dtype, mode and convention."""

    name: str
    source: str
    input_shape: tuple[int, ...]
    run: Run
    totals: Totals
    rows: tuple[Row, ...]
    facts: Mapping[str, Any] = MappingProxyType({})
    unknown: int = 0  #: operators whose cost is not known; if there are any, totals are lower bounds
    untested: tuple[str, ...] = ()  #: operators that nobody has run the convention's program on
    estimated: tuple[str, ...] = ()  #: operators whose memory is an estimate, so that the peak is one
    inputs: tuple[InputTensor, ...] = ()  #: all that the network is given
    as_run: tuple[str, ...] = ()  #: of one run: the lines at which values decided
    road: str = ""  #: of an import: how it came in, one of torch.export, torch.fx, one run, onnx
    batch_axis: int | None = 0  #: where the first input has its batch; None: it has none
    taken: tuple[str, ...] = ()  #: of an import: what nobody said and was taken for granted
    model: Model | None = None  #: what was asked for, if it was loaded by name
    bits: tuple[int, ...] = ()  #: of quantised values, in rising order; (): nothing is quantised

    @property
    def batch(self) -> int:
        """Images in the batch that is counted."""
        return self.run.batch

    @property
    def dtype(self) -> str:
        """Type of an element."""
        return self.run.dtype

    @property
    def convention(self) -> str:
        """The convention's name."""
        return self.run.convention

    @property
    def mode(self) -> str:
        """eval or train."""
        return self.run.mode

    if not TYPE_CHECKING:  # type: ignore[misc]  # a checker knows the names

        def __getattr__(self, name: str) -> Any:
            """What stands in the totals is not here: say so."""
            where = f": report.totals.{name}" if name in Totals._fields else ""
            raise AttributeError(f"'Report' has no attribute {name!r}{where}", name=name, obj=self)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.input_shape))
        run = f"batch {self.batch}, {self.dtype}, {self.mode}, {self.convention}"
        return (
            f"<Report {self.name} {shape}, {run}: {self.totals.params:,} params, {self.totals.macs:,} MACs, "
            f"{len(self.rows)} rows>"
        )

    def _repr_html_(self) -> str:
        return drawn_by("of_report", self)

    def __getitem__(self, key: Any) -> Any:
        """A row by its name, `report["conv1"]`; by number a field, as of every named tuple."""
        if not isinstance(key, str):
            return tuple.__getitem__(self, key)
        for row in self.rows:
            if row.name == key:
                return row
        match = nearest(key, [row.name for row in self.rows])
        raise KeyError(f"{self.name} has no row {key!r}" + (f": did you mean {match!r}?" if match else ""))

    def to_dict(self) -> dict[str, Any]:
        """The entry of `models` in the JSON contract; integers raw, tuples as lists.

        `unknown` is there only where an import has operators of unknown cost, `untested` only where the
        convention is a program that nobody has run on some operators, `estimated` only where the peak is
        an estimate, `bits` only where something is quantised. `road` and `batch_axis` are there of an
        import, `taken` where something was taken for granted.
        """
        plain: dict[str, Any] = {
            **{"name": self.name, "source": self.source, "input_shape": list(self.input_shape)},
            "inputs": [{**item._asdict(), "shape": list(item.shape)} for item in self.inputs],
            **{key: getattr(self, key) for key in COUNTING},
            **{"totals": _plain(self.totals), "rows": _plain(self.rows)},
        }
        if self.mode != "train":
            for part in (plain["totals"], *plain["rows"]):
                del part["backward_macs"]
        marks = {"unknown": self.unknown, "untested": list(self.untested), "estimated": list(self.estimated)}
        marks |= {
            "bits": list(self.bits),
            "as_run": list(self.as_run),
            "road": self.road,
            "taken": list(self.taken),
        }
        axis = {"batch_axis": self.batch_axis} if self.road else {}
        return plain | axis | {mark: value for mark, value in marks.items() if value}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Report:
        """The report that `to_dict` wrote: an exact inverse (facts and model are not carried)."""
        return cls(
            name=plain["name"],
            source=plain["source"],
            input_shape=tuple(plain["input_shape"]),
            run=Run(**{key: plain[key] for key in COUNTING}),
            totals=_counted(Totals, plain["totals"]),
            rows=tuple(_counted(Row, row) for row in plain["rows"]),
            unknown=plain.get("unknown", 0),
            untested=tuple(plain.get("untested", ())),
            estimated=tuple(plain.get("estimated", ())),
            inputs=tuple(
                InputTensor(item["name"], tuple(item["shape"]), item["dtype"])
                for item in plain.get("inputs", ())
            ),
            as_run=tuple(plain.get("as_run", ())),
            road=plain.get("road", ""),
            batch_axis=plain.get("batch_axis", 0),
            taken=tuple(plain.get("taken", ())),
            bits=tuple(plain.get("bits", ())),
        )

    def to_dataframe(self) -> pd.DataFrame:
        """The rows as a pandas DataFrame, one column per field, `counted` flattened."""
        import pandas as pd

        rows = []
        for row in self.rows:
            plain = row._asdict()
            counted = plain.pop("counted")
            rows.append({**plain, **{f"counted_{key}": value for key, value in counted._asdict().items()}})
        return pd.DataFrame(rows)


def document(reports: Sequence[Report]) -> dict[str, Any]:
    """The whole JSON document for some reports of one run."""
    run = reports[0].run if reports else None
    return {
        **head([report.model for report in reports], run),
        "models": [report.to_dict() for report in reports],
    }


def head(models: Iterable[Model | None] = (), run: Run | None = None) -> dict[str, Any]:
    """How every JSON document begins: the schema's version, the tool, and what was asked of it."""
    request = asked(models, run)
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "cnncost", "version": __version__},
        **({"request": request} if request else {}),
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        plain = {key: _plain(item) for key, item in value._asdict().items()}
        for mark in ("unknown", "untested"):
            if not plain.get(mark, True):
                del plain[mark]
        return plain
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list) else value


def _counted(kind: type[Any], plain: Mapping[str, Any]) -> Any:
    values = {key: _tupled(value) for key, value in plain.items()}
    values["counted"] = Counted(**plain["counted"])
    return kind(**values)
