"""What `cnncost measure -o run.json` wrote, read again for pictures and pages; without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cnncost.border import Fields, file_text, parse_json, shown
from cnncost.errors import UsageError

VERSION = 1
"""The version of the format that is read."""


class RecordedSetting(NamedTuple):
    """Where and how a model was run."""

    device: str
    batch: int
    dtype: str
    layout: str
    mode: str
    ways: tuple[str, ...]  #: CUDA graph, compiled

    def text(self) -> str:
        """For a legend."""
        return ", ".join((self.device, f"batch {self.batch}", self.dtype, self.layout, self.mode, *self.ways))


class Recorded(NamedTuple):
    """One model measured once."""

    model: str
    setting: RecordedSetting
    macs: int  #: of the batch, forward
    seconds: float  #: median
    low: float  #: 95 % confidence interval of the median
    high: float
    images_per_second: float | None = None
    peak_bytes: int | None = None  #: measured, weights included
    predicted_bytes: int | None = None
    estimated: tuple[str, ...] = ()  #: operators that make the prediction an estimate
    layers: tuple[tuple[str, float], ...] = ()  #: node and its share of the seconds, if layers were timed


def read_all(paths: Sequence[Path]) -> tuple[Recorded, ...]:
    """All measurements of some files. Raises UsageError for one that cannot be read."""
    return tuple(measurement for path in paths for measurement in read(path))


def read(path: Path) -> list[Recorded]:
    """The measurements of a file."""
    cure = "cnncost measure resnet50 -o run.json writes one"
    try:
        document = parse_json(file_text(path))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}\n  {cure}") from None
    except ValueError as error:
        raise UsageError(f"{path}: not JSON: {error}\n  {cure}") from None
    if not isinstance(document, dict) or "schema_version" not in document:
        raise UsageError(f"{path}: not a file of measurements\n  {cure}")
    if document["schema_version"] != VERSION:
        given = shown(document["schema_version"])
        raise UsageError(
            f"{path}: version {given} of the format; this cnncost reads version {VERSION}"
            "\n  measure again with this cnncost"
        )
    if not isinstance(document.get("measured"), list):
        raise UsageError(f"{path}: JSON of cnncost, but not of cnncost measure\n  {cure}")
    try:
        return [_measurement(entry) for entry in Fields(document, "it").entries("measured")]
    except UsageError as error:
        raise UsageError(f"{path}: {str(error).removeprefix('it.')}\n  measure again") from None


def latencies(measured: Sequence[Recorded]) -> dict[str, Recorded]:
    """Measurements by model, all of one setting. Raises UsageError if they are of several."""
    settings = {each.setting: None for each in measured}
    if len(settings) > 1:
        listed = "\n  ".join(setting.text() for setting in settings)
        raise UsageError(f"the files hold {len(settings)} settings; pass those of one\n  {listed}")
    return {each.model: each for each in measured}


def _measurement(entry: Fields) -> Recorded:
    """One entry; every field is of its type, finite and possible, or UsageError names it."""
    setting, seconds, machine = map(entry.inside, ("setting", "seconds", "environment"))
    memory = entry.inside("memory") if entry.fields.get("memory") is not None else Fields({}, entry.place)
    median, low, high = map(seconds.positive, ("median", "low", "high"))
    if not low <= median <= high:
        raise UsageError(
            f"{seconds.place}.median must be from low to high, and {low} <= {median} <= {high} is not"
        )
    threads = machine.whole("threads", least=1)
    cpu = f"{machine.text('cpu')}, {threads} {'thread' if threads == 1 else 'threads'}"
    ways = tuple(
        name for name, key in (("CUDA graph", "graph"), ("compiled", "compile")) if setting.flag(key)
    )
    return Recorded(
        model=entry.text("model"),
        setting=RecordedSetting(
            machine.text("gpu", optional=True) or cpu,
            setting.whole("batch", least=1),
            setting.text("dtype"),
            setting.text("layout"),
            setting.text("mode"),
            ways,
        ),
        macs=entry.whole("macs"),
        seconds=median,
        low=low,
        high=high,
        images_per_second=entry.positive("images_per_second", optional=True),
        peak_bytes=memory.whole("peak", optional=True),
        predicted_bytes=memory.whole("predicted", optional=True),
        estimated=memory.texts("estimated"),
        layers=tuple(
            (layer.text("name"), layer.positive("scaled"))
            for layer in (entry.entries("layers") if "layers" in entry.fields else [])
        ),
    )
