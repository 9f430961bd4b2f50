"""A device's YAML file, checked where it comes in.

    name: NVIDIA GeForce RTX 4090        what people call it
    source: ...                          where the figures are from
    memory: 24GB                         with its unit; of a microcontroller its RAM
    flash: 2MiB                          a microcontroller's memory for weights and code
    bandwidth_gb_s: 1008                 of that memory
    tflops: {float32: 82.6, ...}         peaks by dtype, and tf32 and float8; of int8 10^12 operations
    tf32_convolutions: true              PyTorch's float32 convolutions run in TF32 by default (cuDNN)
    units: {float32: {count, clock_ghz, flops}}   what a peak follows from; a list where units differ
    memory_bus: {bits, gbit_s}           what the bandwidth follows from
    profiles: [...]                      what was calibrated (`cnncost calibrate`)

Only the name must be there; what is missing cannot be asked for later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cnncost import units
from cnncost.border import Fields, shown
from cnncost.devices.device import Device
from cnncost.dtypes import DTYPES
from cnncost.errors import UsageError, known_word

KEYS = (
    "name", "source", "memory", "flash", "bandwidth_gb_s", "tflops", "tf32_convolutions", "units",
    "memory_bus", "profiles",
)  # fmt: skip
RATES = (*DTYPES, "tf32", "float8")
"""What a peak may be of."""
MAX_BYTES = 4_000_000
DEEPEST = 50
"""Lists and mappings inside each other."""


def document(path: Path, place: str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises UsageError if there is none to be read."""
    import yaml

    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode("utf-8")
    except OSError as error:
        raise UsageError(
            f"{place}: {error.strerror}\n  a device's file is made by cnncost calibrate"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{place} is not text in UTF-8, so it describes no device") from None
    if len(text) > MAX_BYTES:
        raise UsageError(f"{place} is larger than {MAX_BYTES // 10**6} MB, so it describes no device")
    kind = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = kind(text)
    try:
        if _depth(yaml.parse(text, Loader=kind)) > DEEPEST:  # composing recurses, in C until the stack ends
            raise RecursionError
        node = loader.get_single_node()
        _plain(node, place)
        found = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{place}:{mark.line + 1}:{mark.column + 1}" if mark else place
        raise UsageError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise UsageError(f"{place}: not YAML: it is nested too deeply") from None
    finally:
        loader.dispose()
    if not isinstance(found, dict):
        raise UsageError(f"{place} describes no device: it holds {shown(found)}, not a mapping")
    return found


def _depth(events: Iterable[Any]) -> int:
    """How deep lists and mappings stand in each other, in events of YAML; no deeper than is too deep."""
    import yaml

    depth = deepest = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            deepest = max(deepest, depth)
            if deepest > DEEPEST:
                break
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return deepest


def _plain(root: Any, place: str) -> None:
    """Raise UsageError for aliases, of which few lines make millions of entries, and what is said twice."""
    import yaml

    seen: set[int] = set()
    waiting = [] if root is None else [root]
    while waiting:
        node = waiting.pop()
        where = f"{place}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
        if id(node) in seen:
            raise UsageError(f"{where}: an alias stands for this\n  write it out where it is needed")
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if len(set(keys)) < len(keys):
                twice = next(key for at, key in enumerate(keys) if key in keys[:at])
                raise UsageError(f"{where}: {shown(twice)} stands in here twice")
            waiting += [each for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def described(key: str, plain: Mapping[str, Any], place: str) -> Device:
    """The device that a mapping describes. Raises UsageError, which names the entry that is wrong."""
    fields = Fields(plain, place)
    for each in plain:
        known_word(f"{place}: unknown entry", str(each), KEYS)
    if "name" not in plain:
        raise UsageError(f"{place} describes no device: it has no name", cure="add a line: name: My laptop")
    gb_per_s = fields.positive("bandwidth_gb_s", optional=True)
    profiles = plain.get("profiles")
    if profiles is not None:
        fields.entries("profiles")
    peaks = _peaks(fields) if plain.get("tflops") is not None else {}
    tf32 = "tf32_convolutions" in plain and fields.flag("tf32_convolutions")
    if tf32 and "tf32" not in peaks:
        raise UsageError(f"{place}.tf32_convolutions is true, but {place}.tflops has no tf32")
    return Device(
        key=key,
        name=fields.text("name"),
        source=fields.text("source", optional=True) or "",
        place=place,
        peaks=peaks,
        bandwidth=None if gb_per_s is None else 1e9 * gb_per_s,
        memory_bytes=_bytes(fields, "memory"),
        flash_bytes=_bytes(fields, "flash"),
        tf32_convolutions=tf32,
        profiles=tuple(profiles or ()),
    )


def _peaks(fields: Fields) -> dict[str, float]:
    rates = fields.inside("tflops")
    for dtype in rates.fields:
        known_word(f"{rates.place}: unknown dtype", str(dtype), RATES)
    return {dtype: 1e12 * rates.positive(dtype) for dtype in rates.fields}


def _bytes(fields: Fields, key: str) -> int | None:
    text = fields.text(key, optional=True)
    if text is None:
        return None
    size = units.written_bytes(text)
    if not size:
        raise UsageError(f"{fields.place}.{key} must be a size with its unit, not {text!r}\n  24GB, 512KiB")
    return size
