"""A profile: what was measured of one device at one precision, layout and stack, as a few dozen named
numbers.

It is a plain mapping in YAML; `parse` checks one, `as_document` writes it again. `NUMBERS` says what every
number means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnncost.border import MOST, Fields, shown
from cnncost.errors import UsageError
from cnncost.execution.kinds import KINDS

VERSION = 2
"""The version of the form below. Another one is refused: a number may have changed its meaning."""

DTYPES = ("float32", "float16", "bfloat16")
LAYOUTS = ("nchw", "nhwc")
LAUNCHES = ("eager", "graph", "compile")
MODES = ("eval", "train")

OWN = ("reduction", "group_norm", "concat", "lrn", "1-D", "3-D")
"""Classes that one kind of kernel has several of (`kernels.class_of`)."""

LAUNCHED = (*[kind for kind in KINDS if kind not in ("view", "unknown")], *OWN)
"""Classes of kernels that a profile has numbers for: all that launch something that is known."""

MULTIPLYING = (
    "stem", "1x1", "kxk", "depthwise", "grouped", "transposed", "linear", "recurrent", "attention",
    "1-D", "3-D",
)  # fmt: skip
"""Classes with arithmetic that can bound them; 1-D and 3-D are convolutions over one and three axes."""

NUMBERS: Mapping[str, str] = {
    "peak.tflops": "peak arithmetic of the data sheet, 10^12 FLOP/s; efficiencies are shares of it",
    "peak.bandwidth_gb_s": "peak memory bandwidth of the data sheet, 10^9 bytes/s; traffic shares are of it",
    **{
        f"efficiency.{kind}": f"share of the peak that a large kernel of class {kind} reaches"
        for kind in MULTIPLYING
    },
    "efficiency.large_depthwise": "the same of a depthwise convolution of a window larger than 5 x 5",
    **{
        f"traffic.{kind}": f"share of the bandwidth that a kernel of class {kind} moves its bytes with"
        for kind in LAUNCHED
    },
    **{
        f"weights.{kind}": f"share of the bandwidth that weights of class {kind} come with; small where a"
        " library packs them anew"
        for kind in MULTIPLYING
    },
    "traffic.reordering": "share of the bandwidth at which dense convolutions bring inputs and outputs into"
    " the order that the library computes in, beside their arithmetic; large: they need not",
    "cache.mb": "10^6 bytes of the last cache: what a kernel moves of less than that comes from it",
    "cache.speedup": "how many times faster the cache is than memory",
    "half.filters": "columns of a product (filters per group) at which half of the efficiency is reached",
    "half.group": "the same of a grouped convolution",
    "half.depth": "depth of a product (input channels per group x window) at which half is reached",
    "half.positions": "rows of a product (batch x positions) at which half is reached",
    "half.outputs": "values of a product (m x n, of all products) at which half is reached: fewer leave"
    " processors idle; 0: no such loss",
    "block.channels": "channels that a product computes at once: the last of them may be padding; 1: none",
    "unaligned": "how many times longer a product takes whose columns or depth are no multiple of 8",
    "functions.g_s": "10^9 exponentials, error functions and the like per second, of activations and softmax",
    "overlap": "exponent that joins a kernel's arithmetic and traffic: 1 their sum, large the longer of both",
    "launch.kernel_us": "microseconds that a kernel takes beyond its work: launch, ramp, tail",
    **{
        f"launches.{kind}": f"how many times that a kernel of class {kind} takes: a library launches several"
        for kind in LAUNCHED
    },
    "launch.dispatch_us": "microseconds that the host takes to launch a kernel; the device waits for it",
}
"""Every number of a profile and its meaning."""

NEUTRAL = {
    "half.outputs": 0.0,
    "block.channels": 1.0,
    "unaligned": 1.0,
    **{f"launches.{kind}": 1.0 for kind in LAUNCHED},
}
"""Numbers that a profile may lack, since it was fitted without them: these values change nothing."""

WITHIN = {"concat": "move", "lrn": "reduction"}
"""Classes that were part of another one: a profile without numbers of theirs has that one's."""


@dataclass(frozen=True)
class Observed:
    """What the fit saw: outside of it an interval widens, and the prediction says so."""

    kinds: Mapping[str, float]  #: share of all time by class
    batch: tuple[int, int]  #: smallest and largest
    pixels: tuple[int, int]  #: side of the image, smallest and largest
    axes: tuple[int, ...] = (2,)  #: axes of space of the maps
    networks: int = 0
    families: int = 0


@dataclass(frozen=True)
class Profile:
    """The numbers of one device, precision, layout, way of launching and stack."""

    device: str  #: the key of the device
    dtype: str
    layout: str  #: nchw or nhwc (channels last)
    launch: str  #: eager, graph (CUDA graph) or compile (torch.compile)
    mode: str  #: eval or train
    autocast: bool  #: weights in float32, products in `dtype`
    wide_norms: bool  #: under autocast: norms in float32, as PyTorch does of itself
    tf32: bool  #: float32 products on tensor cores
    stack: str  #: what ran: PyTorch 2.9.1, CUDA 12.8
    source: str  #: whose measurements these are
    numbers: Mapping[str, float]  #: by the names of `NUMBERS`
    interval: tuple[
        float, float
    ]  #: measured / predicted of unseen families lies in here nine times out of ten
    seen: Observed
    attended: tuple[float, float] | None = None  #: the same of networks with attention, if there were any
    held_out: Mapping[str, float] = field(
        default_factory=dict
    )  #: errors on families that the fit did not see
    bias_kernel: bool = (
        False  #: a convolution's bias is added by a kernel of its own, as PyTorch does with cuDNN
    )
    measured: Mapping[str, Any] = field(
        default_factory=dict
    )  #: of the measuring: machine, clock, noise floor, date

    @property
    def attention_interval(self) -> tuple[float, float]:
        """The interval of a network with attention."""
        return self.attended or self.interval

    @property
    def title(self) -> str:
        """How a message names it: float16 (autocast), nchw, eager, eval."""
        how = " (autocast)" if self.autocast else " (TF32)" if self.tf32 and self.dtype == "float32" else ""
        dtype = f"{self.dtype}{how}"
        return ", ".join((dtype, self.layout, self.launch, self.mode))


def parse(document: Any, place: str) -> Profile:
    """The profile that a mapping describes. `place` is what messages call it: my-laptop.yaml, profiles[0].

    Raises UsageError for another version, a missing, unknown or wrong field, a number that is negative or not
    finite: with its place, and what to do.
    """
    read = Fields(document, place)
    version = read.whole("version")
    if version != VERSION:
        raise UsageError(
            f"{place} is a profile of version {version}; this cnncost reads version {VERSION}",
            cure="make it again: cnncost calibrate",
        )
    numbers = _numbers(read.inside("numbers").fields, f"{place}.numbers")
    seen = read.inside("seen")
    attended = _factors(read, "interval_with_attention") if "interval_with_attention" in document else None
    held_out = document.get("held_out", {})
    return Profile(
        device=read.text("device"),
        dtype=_word(read, "dtype", DTYPES),
        layout=_word(read, "layout", LAYOUTS),
        launch=_word(read, "launch", LAUNCHES),
        mode=_word(read, "mode", MODES),
        autocast=read.flag("autocast"),
        wide_norms=read.flag("wide_norms"),
        bias_kernel=read.flag("bias_kernel"),
        tf32=read.flag("tf32"),
        stack=read.text("stack"),
        source=read.text("source"),
        numbers=numbers,
        interval=_factors(read, "interval"),
        attended=attended,
        seen=Observed(
            kinds=_shares(seen.inside("kinds")) | _within(seen.inside("kinds").fields),
            batch=_whole_pair(seen, "batch"),
            pixels=_whole_pair(seen, "pixels"),
            axes=tuple(_list(seen, "axes", int)),
            networks=seen.whole("networks"),
            families=seen.whole("families"),
        ),
        held_out=_figures(held_out, f"{place}.held_out"),
        measured=dict(_mapping(document.get("measured") or {}, f"{place}.measured")),
    )


def as_document(profile: Profile) -> dict[str, Any]:
    """The mapping that `parse` reads back as the same profile."""
    seen = profile.seen
    return {
        "version": VERSION,
        "device": profile.device,
        "dtype": profile.dtype,
        "layout": profile.layout,
        "launch": profile.launch,
        "mode": profile.mode,
        "autocast": profile.autocast,
        "wide_norms": profile.wide_norms,
        "bias_kernel": profile.bias_kernel,
        "tf32": profile.tf32,
        "stack": profile.stack,
        "source": profile.source,
        "interval": list(profile.interval),
        **({"interval_with_attention": list(profile.attended)} if profile.attended else {}),
        "held_out": dict(profile.held_out),
        "measured": dict(profile.measured),
        "seen": {
            "networks": seen.networks,
            "families": seen.families,
            "batch": list(seen.batch),
            "pixels": list(seen.pixels),
            "axes": list(seen.axes),
            "kinds": dict(seen.kinds),
        },
        "numbers": _nested(profile.numbers),
    }


def _nested(numbers: Mapping[str, float]) -> dict[str, Any]:
    """Numbers by the parts of their names."""
    found: dict[str, Any] = {}
    for name, value in numbers.items():
        group, _, last = name.rpartition(".")
        (found.setdefault(group, {}) if group else found)[last] = value
    return found


LEAST = {"half": 0.0, "launch": 0.0, "overlap": 0.01}
"""Of numbers that nothing is divided by, and of the exponent, of which less joins no two times."""
TINY = 1e-12
"""The least of all others, which something is divided by."""


def _numbers(given: Mapping[str, Any], place: str) -> dict[str, float]:
    """Every number of `NUMBERS`, and no other. Raises UsageError."""
    flat: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[str(key)] = value
    for name in flat:
        if name not in NUMBERS:
            raise UsageError(f"{place}.{name} is no number of a profile")
    inherited = {
        f"traffic.{kind}": flat[f"traffic.{whole}"]
        for kind, whole in WITHIN.items()
        if f"traffic.{whole}" in flat
    }
    flat = {**NEUTRAL, **inherited, **flat}
    for name, meaning in NUMBERS.items():
        if name not in flat:
            raise UsageError(f"{place}.{name} is missing: {meaning}")
        least = LEAST.get(name.partition(".")[0], TINY)
        if not _is_number(flat[name]) or flat[name] < least:
            raise UsageError(
                f"{place}.{name} must be a finite number from {least:g} on,"
                f" not {shown(flat[name])}: {meaning}"
            )
    return {name: float(flat[name]) for name in NUMBERS}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -MOST <= value <= MOST


def _word(read: Fields, key: str, words: tuple[str, ...]) -> str:
    found: str = read.text(key)
    if found not in words:
        raise UsageError(f"{read.place}.{key} must be one of {', '.join(words)}, not {found!r}")
    return found


def _list(read: Fields, key: str, kind: type) -> list[Any]:
    found = read.fields.get(key)
    good = isinstance(found, list) and found
    if not good or not all(
        _is_number(value) and (kind is float or value == int(value)) for value in found or ()
    ):
        what = "finite numbers" if kind is float else "whole numbers"
        given = repr(found) if isinstance(found, list) else shown(found)
        raise UsageError(f"{read.place}.{key} must be a list of {what}, not {given}")
    return [kind(value) for value in found or ()]


def _pair(read: Fields, key: str, kind: type = float) -> tuple[Any, Any]:
    found = _list(read, key, kind)
    if len(found) != 2 or found[0] > found[1]:
        raise UsageError(f"{read.place}.{key} must be two numbers, the smaller first, not {found}")
    return found[0], found[1]


def _factors(read: Fields, key: str) -> tuple[float, float]:
    low, high = _pair(read, key)
    if not 0 < low <= 1 <= high:
        raise UsageError(f"{read.place}.{key} must be factors around 1, the lower first, not {[low, high]}")
    return low, high


def _whole_pair(read: Fields, key: str) -> tuple[int, int]:
    return _pair(read, key, int)


def _shares(read: Fields) -> dict[str, float]:
    found = _figures(read.fields, read.place)
    for kind in found:
        if kind not in LAUNCHED:
            raise UsageError(f"{read.place}.{kind} is no class of kernel\n  classes: {', '.join(LAUNCHED)}")
    return found


def _within(kinds: Mapping[str, Any]) -> dict[str, float]:
    """Classes that a profile saw as part of another one; their share stands in that one's."""
    return {kind: 0.0 for kind, whole in WITHIN.items() if whole in kinds and kind not in kinds}


def _mapping(given: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise UsageError(f"{place} must be an object, not {shown(given)}")
    return given


def _figures(given: Any, place: str) -> dict[str, float]:
    for key, value in _mapping(given, place).items():
        if not _is_number(value) or (value < 0 and key != "bias"):
            least = "" if key == "bias" else " from 0 on"
            raise UsageError(f"{place}.{key} must be a finite number{least}, not {shown(value)}")
    return {str(key): float(value) for key, value in given.items()}
