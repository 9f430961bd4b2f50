"""The time of a network on a device: a point, an interval, a row per kernel, and what was not calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from cnncost.analysis.grouping import groups
from cnncost.border import whole_number
from cnncost.devices import Device
from cnncost.dtypes import DTYPES
from cnncost.errors import UsageError, known_word
from cnncost.execution.plan import plan
from cnncost.execution.training import check_batch, check_floats
from cnncost.graph import Graph, at_batch
from cnncost.predict.capacity import too_large
from cnncost.predict.kernels import KernelRules, Work, works
from cnncost.predict.model import BOUNDS, Parts, host_seconds, seconds
from cnncost.predict.profile import LAUNCHES, LAYOUTS, MODES, Profile, parse
from cnncost.predict.widening import outside

NO_STACK = "a data sheet knows of no layout, launch or stack: its bound is the same for all"

UNLAUNCHED = (
    "most of the time is launching, of which the large networks and batches that the profile saw tell little"
)


class Timed(NamedTuple):
    """A row of a prediction: a kernel, or the kernels of a layer."""

    name: str
    kind: str  #: class of the (longest) kernel
    nodes: tuple[int, ...]  #: of the graph
    latency_ms: float
    low_ms: float
    high_ms: float | None  #: None: there is only a lower bound
    share: float  #: of the whole
    bound: str  #: arithmetic, traffic or launching
    calibrated: bool


class ProfileWords(NamedTuple):
    """The words that a profile is chosen by. None: not asked for."""

    dtype: str | None
    layout: str | None
    launch: str | None
    mode: str
    tf32: bool = True  #: float32 may run as TF32
    stack: str | None = None  #: words of its stack

    def admits(self, profile: Profile) -> bool:
        """Whether precision, layout and stack of a profile are as they are wanted."""
        named = self.stack is None or self.stack.lower() in profile.stack.lower()
        asked = (self.dtype in (None, profile.dtype), self.layout in (None, profile.layout))
        return named and all(asked) and (profile.dtype != "float32" or profile.tf32 <= self.tf32)

    def launches(self, profile: Profile) -> bool:
        """Whether a profile's kernels are launched so: those of a CUDA graph are those of eager PyTorch."""
        return self.launch in (None, profile.launch) or (self.launch, profile.launch) == ("graph", "eager")

    def departs(self, profile: Profile) -> tuple[bool, ...]:
        """How far a profile is from what is usual where nothing is asked for; the least is the best."""
        exact = self.launch in (None, profile.launch)
        return (not exact, profile.launch != "eager", profile.dtype != "float32", profile.layout != "nchw")


class Prediction(NamedTuple):
    """How long a network takes on a device, for a whole batch."""

    device: str  #: its key
    setting: str  #: precision, layout, launch, mode
    mode: str
    batch: int
    latency_ms: float
    low_ms: (
        float  #: measured times lie above it 19 times out of 20, if nothing is outside of what the fit saw
    )
    high_ms: float | None  #: and below this 19 times out of 20; None: there is only a lower bound
    calibrated: bool
    bound: str  #: what most of the time goes to: arithmetic, traffic, launching
    rows: tuple[Timed, ...]
    warnings: tuple[str, ...] = ()  #: what is outside of what was calibrated
    profile: Profile | None = None

    @property
    def dtype(self) -> str:
        """The element type that it is of; under autocast the one that is cast to."""
        return self.profile.dtype if self.profile else self.setting.partition(",")[0]

    @property
    def images_per_second(self) -> float:
        """Images per second."""
        return 1e3 * self.batch / self.latency_ms


def predict(
    graph: Graph,
    device: Device,
    *,
    batch: int = 1,
    dtype: str | None = None,
    layout: str | None = None,
    mode: str = "eval",
    launch: str | None = None,
    tf32: bool = True,
    stack: str | None = None,
) -> Prediction:
    """The predicted time of a graph on a device (`cnncost.devices.device`), a row per kernel.

    `dtype` is of a graph that has no element type of its own; an import runs in the one that its
    floating-point numbers have, and if they are of several, in `dtype`, which a warning says. What is not
    asked for is float32, nchw and eager, or else what the device is calibrated for, also for an import in
    float32: `setting` says which.
    With a profile of the device for these words a calibrated estimate with its 90 % interval; of a device
    that is only a data sheet the lower bound of its roofline. What needs more memory than the device has is
    predicted all the same, with a warning. `stack`: words of the stack that a profile is
    of. Mode train: a whole step, with backward pass and update. Raises UsageError for an unknown word, a
    batch that cannot be or that PyTorch refuses to train, or where a device has profiles but none for this.
    """
    batch = whole_number("a batch", batch)
    for what, word, known in (
        ("layout", layout, LAYOUTS), ("launch", launch, LAUNCHES), ("mode", mode, MODES),
    ):  # fmt: skip
        if word is not None:
            known_word(f"unknown {what}", word, known)
    if mode == "eval":
        graph = graph.without_heads()
    else:
        check_batch(graph, at_batch(graph, batch), "train")
    mixed = graph.dtype == "mixed"
    graph = graph.untyped if mixed else graph
    own = graph.dtype
    if own in DTYPES and (own != "float32" or dtype is not None):  # float32 runs under autocast, too
        dtype = own
    profiles = profiles_of(device)
    if mode == "train":
        check_floats(graph.name, dtype if dtype or profiles else device.usual_dtype)
    if not profiles:
        from cnncost.predict.sheet import bound

        found = bound(graph, device, batch=batch, dtype=dtype or device.usual_dtype, mode=mode, tf32=tf32)
        if layout not in (None, "nchw") or launch not in (None, "eager") or stack is not None:
            found = found._replace(warnings=(*found.warnings, NO_STACK))
    else:
        profile = chosen(profiles, ProfileWords(dtype, layout, launch, mode, tf32, stack), device.key)
        found = under(graph, profile, batch=batch, launch=launch, mode=mode)._replace(device=device.key)
    said = f"its tensors are of several element types; all of it is predicted in {found.dtype}"
    large = too_large(graph, device, batch=batch, dtype=found.dtype, mode=mode)
    return found._replace(warnings=(*([said] if mixed else []), *found.warnings, *large))


def profiles_of(device: Device) -> list[Profile]:
    """The profiles of a device. Raises UsageError for a damaged one."""
    return [parse(given, f"{device.place}.profiles[{place}]") for place, given in enumerate(device.profiles)]


def setting_of(
    device: Device,
    *,
    dtype: str | None,
    layout: str | None,
    launch: str | None,
    mode: str,
    tf32: bool,
    stack: str | None,
    batch: int,
) -> str:
    """What `predict` takes for networks without a dtype of their own: batch, dtype, layout, launch, mode.

    A batch outside of what the profile saw is said to be one.

    Raises UsageError where the device has profiles but none for this, or no peak for the dtype.
    """
    profiles = profiles_of(device)
    if not profiles:
        dtype = dtype or device.usual_dtype
        device.peak(dtype)
        return f"batch {batch}, {dtype}, {mode}"
    profile = chosen(profiles, ProfileWords(dtype, layout, launch, mode, tf32, stack), device.key)
    smallest, largest = profile.seen.batch
    apart = (
        "" if smallest <= batch <= largest else f" (outside of what the profile saw, {smallest} to {largest})"
    )
    return f"batch {batch}{apart}, {replace(profile, mode=mode, launch=launch or profile.launch).title}"


def chosen(profiles: Sequence[Profile], wanted: ProfileWords, key: str) -> Profile:
    """The first profile of a device for these words. Raises UsageError with those that there are.

    A CUDA graph runs the kernels of eager PyTorch: without a profile of its own it takes that one's. So does
    a training step, which then is predicted with the numbers of inference. What is not asked for is as
    usual, float32, nchw and eager, as far as there is a profile of that; who forbids TF32 asks for float32.
    """
    if not wanted.tf32 and any(profile.dtype == "float32" for profile in profiles):
        wanted = wanted._replace(dtype=wanted.dtype or "float32")
    for mode in dict.fromkeys((wanted.mode, "eval")):
        fitting = [
            profile
            for profile in profiles
            if profile.mode == mode and wanted.admits(profile) and wanted.launches(profile)
            and (mode == wanted.mode or profile.launch == "eager")
        ]  # fmt: skip
        if fitting:
            return min(fitting, key=wanted.departs)
    stack = wanted.stack is not None
    known = "; ".join(dict.fromkeys(f"{one.title} ({one.stack})" if stack else one.title for one in profiles))
    first = profiles[0]
    asked = (
        ("dtype", first.dtype, wanted.dtype),
        ("layout", first.layout, wanted.layout),
        ("launch", first.launch, wanted.launch),
    )
    options = " ".join([f"--{name} {its}" for name, its, given in asked if given not in (None, its)])
    of = " without TF32" if wanted.dtype == "float32" and not wanted.tf32 else ""
    of += f" of a stack with {wanted.stack!r}" if stack else ""
    raise UsageError(
        f"{key} has no profile for {', '.join([word for word in wanted[:4] if word])}{of}",
        cure=f"it has: {known}",
        more=f"for example: {options}" if options else None,
    )


def under(
    graph: Graph, profile: Profile, *, batch: int, launch: str | None = None, mode: str | None = None
) -> Prediction:
    """The prediction of a graph under one profile; launch and mode are the profile's if not given."""
    launch, mode = launch or profile.launch, mode or profile.mode
    running = plan(graph.untyped, batch=batch, dtype=profile.dtype, training=mode == "train", device="cuda")
    rules = KernelRules(profile.autocast, profile.wide_norms, profile.bias_kernel)
    found = works(running, rules, fused=profile.launch == "compile")
    parts = [seconds(work, profile.numbers) for work in found]
    device_seconds = sum([part.seconds for part in parts])
    host = host_seconds(found, profile.numbers, launch)
    total = max(device_seconds, host)
    scale = total / device_seconds if device_seconds else 1.0
    low, high, warnings = outside(graph, profile, batch, mode, found, parts)
    rows = [
        _timed(work, part, scale, total, low, high, host > device_seconds, profile)
        for work, part in zip(found, parts, strict=True)
    ]
    spent = dict.fromkeys(BOUNDS, 0.0)
    for row in rows:
        spent[row.bound] += row.latency_ms
    bound = max(spent, key=lambda name: spent[name])
    if bound == "launching" and not profile.measured:
        warnings = (*warnings, UNLAUNCHED)
    return Prediction(
        device=profile.device,
        setting=replace(profile, mode=mode, launch=launch).title,
        mode=mode,
        batch=batch,
        latency_ms=1e3 * total,
        low_ms=1e3 * total * low,
        high_ms=1e3 * total * high,
        calibrated=True,
        bound=bound,
        rows=tuple(rows),
        warnings=warnings,
        profile=profile,
    )


def _timed(
    work: Work,
    part: Parts,
    scale: float,
    total: float,
    low: float,
    high: float,
    waits: bool,
    profile: Profile,
) -> Timed:
    milliseconds = 1e3 * part.seconds * scale
    return Timed(
        name=work.name,
        kind=work.kind,
        nodes=work.nodes,
        latency_ms=milliseconds,
        low_ms=milliseconds * low,
        high_ms=milliseconds * high,
        share=milliseconds / (1e3 * total) if total else 0.0,
        bound="launching" if waits else part.bound,
        calibrated=work.kind in profile.seen.kinds,
    )


def by_rows(prediction: Prediction, graph: Graph, by: str = "layer") -> tuple[Timed, ...]:
    """A prediction's kernels summed to the rows of a report (`analyze(graph, by=by)`), in its order.

    A kernel that does the work of several rows counts in the first. Rows that launch nothing take no time.
    """
    if prediction.mode == "eval":
        graph = graph.without_heads()
    kernels: dict[int, list[Timed]] = {}
    for kernel in prediction.rows:
        kernels.setdefault(kernel.nodes[0], []).append(kernel)
    return tuple(
        [
            _summed(group.name, tuple([node.index for node in group.nodes]), [
                kernel for node in group.nodes for kernel in kernels.get(node.index, ())
            ], prediction)
            for group in groups(graph, by)
        ]
    )  # fmt: skip


def _summed(name: str, nodes: tuple[int, ...], kernels: list[Timed], whole: Prediction) -> Timed:
    longest = max(kernels, key=lambda kernel: kernel.latency_ms, default=None)
    return Timed(
        name=name,
        kind=longest.kind if longest else "view",
        nodes=nodes,
        latency_ms=sum([kernel.latency_ms for kernel in kernels]),
        low_ms=sum([kernel.low_ms for kernel in kernels]),
        high_ms=None if whole.high_ms is None else float(sum([kernel.high_ms or 0.0 for kernel in kernels])),
        share=sum([kernel.share for kernel in kernels]),
        bound=longest.bound if longest else "",
        calibrated=whole.calibrated and all(kernel.calibrated for kernel in kernels),
    )
