"""Samples -> the numbers of a profile: robust least squares of logarithms, with priors.

A sample is a graph that was run: a network, or a kernel alone; all networks weigh as much as all kernels.

What is minimised is the squared difference of the logarithms of predicted and measured time, far ones
counted linearly (pseudo-Huber), plus the squared distance of every number's logarithm from its prior.
Numbers of one class change only the kernels of that class, so that a derivative costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnncost.execution.plan import plan
from cnncost.graph import Graph
from cnncost.predict.columns import ByClass, ClassColumns, columns, spent, table
from cnncost.predict.judge import figures, interval, unseen
from cnncost.predict.kernels import PLAIN, KernelRules, works
from cnncost.predict.priors import Prior, priors
from cnncost.predict.profile import LAUNCHED, Observed, Profile

NOISE = 0.1
"""Relative error of a network that is no surprise: of the model, more than of the clock. Smaller, ten
networks are learned by heart.
"""

ALONE = 0.3
"""The same of a kernel alone: libraries choose among algorithms by what no number tells, and a network has
many kernels, whose errors cancel. Smaller, a few thousand kernels overrule every prior and the networks.
"""

STEP = 1e-4
"""Of a logarithm, for a derivative."""

STEPS = 60
"""The most that a fit takes."""

LARGEST = 1.0
"""What a logarithm may change by in one step."""


class Sample(NamedTuple):
    """A run that was measured: a network, or a graph of one kernel."""

    name: str
    family: str  #: networks of one family are held out together; kernels: "kernel kxk"
    graph: Graph
    batch: int
    seconds: float  #: of one run
    launch: str  #: eager, graph or compile
    spread: float = 0.0  #: of its own repetitions, relative

    @property
    def is_network(self) -> bool:
        """Whether it is a whole network."""
        return not self.family.startswith("kernel")


class Case(NamedTuple):
    """A sample as a fit sees it."""

    name: str
    family: str
    table: ByClass
    seconds: float
    batch: int
    side: int  #: of its images; 0: it takes none
    axes: frozenset[int] = frozenset()  #: axes of space of its maps
    waits: bool = False  #: the host launches every kernel, so that it may be what the device waits for
    spread: float = 0.0

    @property
    def is_network(self) -> bool:
        """Whether it is a whole network."""
        return not self.family.startswith("kernel")


def case(sample: Sample, dtype: str, rules: KernelRules = PLAIN, mode: str = "eval") -> Case:
    """The kernels of a sample."""
    running = plan(sample.graph, batch=sample.batch, dtype=dtype, training=mode == "train")
    found = works(running, rules, fused=sample.launch == "compile")
    shape = sample.graph.input_shape
    side = max(shape[1:]) if len(shape) == 3 else 0
    return Case(
        sample.name,
        sample.family,
        table(found),
        sample.seconds,
        sample.batch,
        side,
        frozenset([work.axes for work in found if work.axes]),
        sample.launch == "eager",
        sample.spread,
    )


def fitted(
    cases: Sequence[Case],
    given: Mapping[str, Prior],
    start: Mapping[str, float] | None = None,
    noise: float = NOISE,
) -> dict[str, float]:
    """The numbers that explain the cases best, `given` being what is believed before."""
    problem = Problem(cases, given, noise)
    begin = problem.prior if start is None else np.log([start[name] for name in problem.names])
    return problem.numbers(least_squares(problem.residuals, problem.derivatives, begin))


def least_squares(residuals: Callable[[Any], Any], derivatives: Callable[[Any], Any], start: Any) -> Any:
    """Where the sum of squared residuals is least, near `start` (Levenberg 1944, Marquardt 1963)."""
    at, damping = start, 1e-3
    now = residuals(at)
    for _ in range(STEPS):
        slopes = derivatives(at)
        square, gradient, before = slopes.T @ slopes, slopes.T @ now, now @ now
        while damping < 1e9:
            step = np.linalg.solve(square + damping * np.diag(np.diag(square)), -gradient)
            tried = at + np.clip(step, -LARGEST, LARGEST)
            then = residuals(tried)
            if then @ then < before:
                at, now, damping = tried, then, damping / 5
                break
            damping *= 4
        if before - now @ now < 1e-5 * before:
            break
    return at


class Problem:
    """Residuals of all cases and priors, by the logarithms of the numbers that are free."""

    def __init__(self, cases: Sequence[Case], given: Mapping[str, Prior], noise: float) -> None:
        self.given = given
        self.parts = columns([case.table for case in cases])
        kinds = {part.kind for part in self.parts}
        self.names = [
            name
            for name, prior in given.items()
            if prior.spread and (class_of(name) is None or class_of(name) in kinds)
        ]
        self.prior = np.log([given[name].value for name in self.names])
        self.spread = np.array([given[name].spread for name in self.names])
        self.measured = np.log([case.seconds for case in cases])
        networks = sum([case.is_network for case in cases])
        heavier = max(1.0, (len(cases) - networks) / max(networks, 1)) ** 0.5
        weights = [heavier if case.is_network else 1.0 for case in cases]
        scatter = [noise if case.is_network else max(noise, ALONE) for case in cases]
        self.noise = np.hypot(scatter, [case.spread for case in cases]) / weights
        waits = np.array([case.waits for case in cases], float)
        self.launches = waits * sum(
            [_summed(part, part.launches * part.asked, len(cases)) for part in self.parts]
        )

    def numbers(self, logarithms: Any) -> dict[str, float]:
        """All numbers of a profile."""
        free = dict(zip(self.names, map(float, np.exp(logarithms)), strict=True))
        return {name: free.get(name, prior.value) for name, prior in self.given.items()}

    def each(self, numbers: Mapping[str, float]) -> list[Any]:
        """Seconds of every sample, class by class."""
        return [spent(part, numbers, len(self.measured)) for part in self.parts]

    def whole(self, device: Any, numbers: Mapping[str, float]) -> Any:
        """Logarithm of the time of every sample: the device's, or the host's where that is longer."""
        return np.log(np.maximum(device, 1e-6 * numbers["launch.dispatch_us"] * self.launches) + 1e-30)

    def residuals(self, logarithms: Any) -> Any:
        """Of the samples, then of the priors."""
        numbers = self.numbers(logarithms)
        error = (self.whole(sum(self.each(numbers)), numbers) - self.measured) / self.noise
        return np.concatenate([robust(error), (logarithms - self.prior) / self.spread])

    def derivatives(self, logarithms: Any) -> Any:
        """Of `residuals` by every logarithm."""
        numbers = self.numbers(logarithms)
        before = self.each(numbers)
        device = sum(before)
        error = (self.whole(device, numbers) - self.measured) / self.noise
        rows = []
        for place, name in enumerate(self.names):
            changed = numbers | {name: numbers[name] * float(np.exp(STEP))}
            kind = class_of(name)
            moved = device + sum(
                [
                    spent(part, changed, len(self.measured)) - old
                    for part, old in zip(self.parts, before, strict=True)
                    if kind in (None, part.kind)
                ]
            )
            after = (self.whole(moved, changed) - self.measured) / self.noise
            prior = np.zeros(len(self.names))
            prior[place] = 1 / self.spread[place]
            rows.append(np.concatenate([(robust(after) - robust(error)) / STEP, prior]))
        return np.array(rows).T


def class_of(name: str) -> str | None:
    """The class of kernels that a number is of; None: of all."""
    group, _, last = name.replace("large_depthwise", "depthwise").partition(".")
    return last if group in ("efficiency", "traffic", "weights", "launches") and last in LAUNCHED else None


def robust(error: Any) -> Any:
    """A residual whose square grows linearly beyond one (pseudo-Huber)."""
    return np.sign(error) * np.sqrt(2 * (np.sqrt(1 + error * error) - 1))


def _summed(part: ClassColumns, values: Any, samples: int) -> Any:
    return np.bincount(part.owner, values * part.count, minlength=samples)


def predicted(cases: Sequence[Case], numbers: Mapping[str, float]) -> Any:
    """Seconds of cases under numbers."""
    parts = columns([case.table for case in cases])
    device = sum([spent(part, numbers, len(cases)) for part in parts])
    launches = sum([_summed(part, part.launches * part.asked, len(cases)) for part in parts])
    waits = np.array([case.waits for case in cases], float)
    return np.maximum(device, 1e-6 * numbers["launch.dispatch_us"] * launches * waits)


def shares(cases: Sequence[Case], numbers: Mapping[str, float]) -> dict[str, float]:
    """Share of the time of all cases that each class takes, the mean of cases."""
    parts = columns([case.table for case in cases])
    each = {part.kind: spent(part, numbers, len(cases)) for part in parts}
    whole = sum(each.values())
    return {kind: float(f"{np.mean(value / whole):.3g}") for kind, value in each.items() if np.any(value)}


def fit(
    samples: Sequence[Sample],
    *,
    device: str,
    dtype: str,
    layout: str,
    peak: float,
    bandwidth: float,
    held_out: Sequence[Sample] = (),
    tf32: bool = False,
    stack: str = "",
    source: str = "",
    measured: Mapping[str, Any] | None = None,
    cpu: bool = False,
    rules: KernelRules = PLAIN,
) -> Profile:
    """The profile of samples, judged by those held out; without any, by leaving out families in turn.

    `peak` and `bandwidth` (FLOP/s, bytes/s) are those of a data sheet, or the most that was measured.
    Kernels (their family begins with "kernel ") are fitted; the interval is that of networks.
    """
    cases = [case(sample, dtype, rules) for sample in samples]
    known = priors(peak, bandwidth, cpu, layout == "nhwc", alone=True)
    numbers = fitted(cases, known)
    networks = [each for each in cases if each.is_network]
    ratios = unseen(networks, [each for each in cases if not each.is_network], known)
    judged = [case(sample, dtype, rules) for sample in held_out]
    if judged:
        apart = predicted(judged, numbers) / np.array([each.seconds for each in judged])
        judging, ratios = apart, np.concatenate([ratios, apart])
    else:
        judging = ratios
    return made(
        cases, judging, numbers, interval=interval(ratios), device=device, dtype=dtype, layout=layout,
        tf32=tf32, stack=stack, source=source, measured=measured or {}, bias_kernel=rules.bias_kernel,
    )  # fmt: skip


def made(cases: Sequence[Case], judging: Any, numbers: Mapping[str, float], **words: Any) -> Profile:
    """The profile of numbers that cases were fitted with, judged by predicted / measured times of others.

    `words` are the profile's other fields, the interval among them.
    """
    networks = [each for each in cases if each.is_network]
    batches = [each.batch for each in networks or cases]
    sides = [each.side for each in networks or cases if each.side] or [1]
    return Profile(
        **{"launch": "eager", "mode": "eval", "autocast": False, "wide_norms": True, **words},
        numbers={name: float(f"{value:.4g}") for name, value in numbers.items()},
        seen=Observed(
            shares(cases, numbers),
            (min(batches), max(batches)),
            (min(sides), max(sides)),
            tuple(sorted(frozenset().union(*[each.axes for each in cases]))) or (2,),
            networks=len({each.name for each in networks}),
            families=len({each.family for each in networks}),
        ),
        held_out=figures(judging) if len(judging) else {},
    )
