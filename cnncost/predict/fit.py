"""From measured times to the numbers of a profile: robust log least squares with priors.

A sample is a graph that was run: a network, or a kernel alone. What the model predicts for it is compared in
logarithms, so that a microsecond of a small kernel counts like a millisecond of a large one; a sample that
fits no numbers pulls with its first power only (soft L1). Numbers are fitted as logarithms, which keeps them
positive, and each is drawn a little towards what devices usually have, so that a class that was hardly seen
stays sensible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, exp, log
from statistics import mean, median
from types import SimpleNamespace
from typing import Any, NamedTuple

from cnncost.execution.plan import plan
from cnncost.graph import Graph
from cnncost.predict.kernels import Work, works
from cnncost.predict.model import host_seconds, seconds
from cnncost.predict.profile import LAUNCHED, NUMBERS, Observed, Profile


class Sample(NamedTuple):
    """A graph that was run."""

    name: str
    family: str  #: of a network; "kernel" and its class of a kernel alone
    graph: Graph
    batch: int
    seconds: float  #: the median of one run
    launch: str  #: eager or graph
    spread: float = 0.0  #: (p90 - p10) / median

    @property
    def is_network(self) -> bool:
        return not self.family.startswith("kernel")


class Prior(NamedTuple):
    """What a number usually is, and by what factor it may differ for one unit of doubt."""

    usual: float
    factor: float


USUAL: Mapping[str, Prior] = {
    "efficiency": Prior(0.5, 3.0),
    "efficiency.depthwise": Prior(0.05, 3.0),
    "efficiency.grouped": Prior(0.2, 3.0),
    "efficiency.stem": Prior(0.3, 3.0),
    "efficiency.recurrent": Prior(0.1, 3.0),
    "traffic": Prior(0.6, 2.0),
    "half.filters": Prior(16, 4.0),
    "half.depth": Prior(64, 4.0),
    "half.positions": Prior(256, 8.0),
    "overlap": Prior(2, 1.5),
    "launch.kernel_us": Prior(3, 4.0),
    "launch.dispatch_us": Prior(5, 4.0),
}
"""By the name of a number, or of its group."""
DOUBT = 0.1
"""What one unit of a prior's doubt weighs: as much as a sample that is a tenth off."""
ROBUST = 0.15
"""The error (of a logarithm) beyond which a sample pulls less than its square."""
STEPS = 80
FITTED = tuple(name for name in NUMBERS if not name.startswith("peak."))


def fit(
    samples: Sequence[Sample],
    *,
    held_out: Sequence[Sample],
    device: str,
    dtype: str,
    layout: str,
    peak: float,
    bandwidth: float,
    tf32: bool,
    stack: str,
    source: str,
    measured: Mapping[str, Any] | None = None,
) -> Profile:
    """The profile of some measurements, judged by networks of families that it did not see.

    `peak` in FLOP/s and `bandwidth` in bytes/s are what efficiencies are shares of. The interval is
    conformal: it holds nine of ten residuals of `held_out`, and of every fitted family under a fit without
    it.
    """
    peaks = {"peak.tflops": peak / 1e12, "peak.bandwidth_gb_s": bandwidth / 1e9}
    data = Data(samples, dtype)
    start = [log(prior(name).usual) for name in FITTED]
    found = data.solved(start, peaks, data.weights())
    numbers = named(found, peaks)
    judged = Data(held_out, dtype)
    errors = judged.errors(found, peaks)
    left_out = list(errors)
    for family in sorted({sample.family for sample in samples if sample.is_network}):
        weights = data.weights(without=family)
        others = data.solved(found, peaks, weights, steps=12)
        left_out += [
            error
            for sample, error in zip(samples, data.errors(others, peaks), strict=True)
            if sample.family == family
        ]
    return Profile(
        device=device,
        dtype=dtype,
        layout=layout,
        launch="eager",
        mode="eval",
        autocast=False,
        tf32=tf32,
        stack=stack,
        source=source,
        numbers={name: float(f"{value:.4g}") for name, value in numbers.items()},
        interval=interval(left_out),
        seen=data.observed(found, peaks),
        held_out=figures(errors),
        measured=dict(measured or {}),
    )


def prior(name: str) -> Prior:
    """What a number usually is."""
    return USUAL.get(name) or USUAL[name.partition(".")[0]]


def named(logarithms: Sequence[float], peaks: Mapping[str, float]) -> dict[str, Any]:
    """All numbers of a profile from the logarithms that are fitted."""
    return {**peaks, **{name: exp(value) for name, value in zip(FITTED, logarithms, strict=True)}}


def interval(errors: Sequence[float], share: float = 0.9) -> tuple[float, float]:
    """Factors around 1 that hold a share of measured / predicted, as many at either end left out.

    `errors` are log(predicted / measured). Conformal: of n residuals the ceil((n + 1) q)-th, or the last one
    (Vovk et al. 2005).
    """
    ordered = sorted([-error for error in errors])
    if not ordered:
        return 0.5, 2.0
    place = min(ceil((len(ordered) + 1) * (1 + share) / 2), len(ordered))
    low, high = ordered[len(ordered) - place], ordered[place - 1]
    return round(min(exp(low), 1.0), 4), round(max(exp(high), 1.0), 4)


def figures(errors: Sequence[float]) -> dict[str, float]:
    """Errors of predictions, as shares, from log(predicted / measured)."""
    if not errors:
        return {}
    shares = [exp(error) - 1 for error in errors]
    found = {
        "count": len(shares),
        "median_error": median(map(abs, shares)),
        "mape": mean(map(abs, shares)),
        "within_10_percent": mean(abs(share) <= 0.1 for share in shares),
        "bias": median(shares),
    }
    return {name: float(f"{value:.4g}") for name, value in found.items()}


class Data:
    """The kernels of all samples as arrays, class by class, and the times that they have to explain."""

    def __init__(self, samples: Sequence[Sample], dtype: str):
        import numpy as np

        self.samples = samples
        by_kind: dict[str, list[tuple[int, Work]]] = {}
        self.launches = []
        for index, sample in enumerate(samples):
            found = works(plan(sample.graph, batch=sample.batch, dtype=dtype))
            self.launches.append(host_seconds(found, {"launch.dispatch_us": 1e6}, sample.launch))
            for work in found:
                by_kind.setdefault(work.kind, []).append((index, work))
        self.kinds = {
            kind: (np.array([index for index, _ in pairs]), columns([work for _, work in pairs]))
            for kind, pairs in by_kind.items()
        }
        self.seconds = np.array([sample.seconds for sample in samples])

    def predicted(self, numbers: Mapping[str, Any], kinds: Mapping[str, Any] | None = None) -> Any:
        """Seconds of all samples on the device by class."""
        import numpy as np

        return {
            kind: np.bincount(
                index, weights=seconds(work, numbers, kind).seconds, minlength=len(self.samples)
            )
            for kind, (index, work) in (self.kinds if kinds is None else kinds).items()
            if kind in LAUNCHED
        }

    def errors(self, logarithms: Sequence[float], peaks: Mapping[str, float]) -> list[float]:
        """log(predicted / measured) of every sample."""
        return [float(error) for error in self.residuals(logarithms, peaks)]

    def residuals(self, logarithms: Sequence[float], peaks: Mapping[str, float]) -> Any:
        """The same as an array."""
        import numpy as np

        if not len(self.samples):
            return np.zeros(0)
        numbers = named(logarithms, peaks)
        device = sum(self.predicted(numbers).values())
        host = 1e-6 * numbers["launch.dispatch_us"] * np.array(self.launches)
        return np.log(np.maximum(np.maximum(device, host), 1e-12) / self.seconds)

    def weights(self, without: str | None = None) -> Any:
        """What every sample weighs: all networks as much as all kernels; of one family it may be nothing."""
        import numpy as np

        networks = sum(sample.is_network for sample in self.samples)
        heavier = max(1.0, (len(self.samples) - networks) / max(networks, 1)) ** 0.5
        return np.array(
            [
                0.0 if sample.family == without else heavier if sample.is_network else 1.0
                for sample in self.samples
            ]
        )

    def solved(
        self, start: Sequence[float], peaks: Mapping[str, float], weights: Any, steps: int = STEPS
    ) -> list[float]:
        """The logarithms of the numbers that explain the samples best."""
        import numpy as np

        usual = np.array([log(prior(name).usual) for name in FITTED])
        doubt = np.array([DOUBT / log(prior(name).factor) for name in FITTED])

        def residuals(logarithms: Any) -> Any:
            data = weights * self.residuals(logarithms, peaks)
            return np.concatenate([data, doubt * (logarithms - usual)])

        robust = np.concatenate([weights * ROBUST + 1e-9, np.full(len(FITTED), 1e9)])
        found = least_squares(residuals, np.array(start, dtype=float), robust, steps)
        return [float(value) for value in found]

    def observed(self, logarithms: Sequence[float], peaks: Mapping[str, float]) -> Observed:
        """What the samples hold: classes by their share of the time, axes; of networks batches and images."""
        import numpy as np

        spent = self.predicted(named(logarithms, peaks))
        total = sum(float(np.sum(each)) for each in spent.values()) or 1.0
        networks = [sample for sample in self.samples if sample.is_network] or self.samples
        shapes = [sample.graph.input_shape for sample in networks]
        images = [side for shape in shapes if len(shape) == 3 for side in shape[1:]]
        axes = {int(axis) for _, (_, work) in self.kinds.items() for axis in set(work.axes.tolist()) if axis}
        batches = [sample.batch for sample in networks]
        return Observed(
            kinds={kind: float(f"{np.sum(each) / total:.4g}") for kind, each in spent.items()},
            batch=(min(batches), max(batches)),
            pixels=(min(images), max(images)) if images else (1, 1),
            axes=tuple(sorted(axes)) or (2,),
            networks=len({sample.name for sample in networks}),
            families=len({sample.family for sample in networks}),
        )


def columns(found: Sequence[Work]) -> SimpleNamespace:
    """Works as arrays, field by field."""
    import numpy as np

    numeric = [name for name in Work._fields if name not in ("nodes", "name", "kind")]
    return SimpleNamespace(
        **{name: np.array([getattr(work, name) for work in found], dtype=float) for name in numeric}
    )


def least_squares(residuals: Callable[[Any], Any], start: Any, robust: Any, steps: int) -> Any:
    """Where the sum of soft-L1 losses of some residuals is least, near `start` (Levenberg and Marquardt).

    Soft L1 of r with scale s: 2 s^2 (sqrt(1 + (r / s)^2) - 1), a square near 0 and straight far from it;
    `robust` has the scale of every residual. Derivatives are differences.
    """
    import numpy as np

    def loss(found: Any) -> float:
        return float(np.sum(2 * robust**2 * (np.sqrt(1 + (found / robust) ** 2) - 1)))

    at, damping = start.copy(), 1e-2
    now = residuals(at)
    cost = loss(now)
    for _ in range(steps):
        slopes = np.empty((len(now), len(at)))
        for place in range(len(at)):
            moved = at.copy()
            moved[place] += 1e-4
            slopes[:, place] = (residuals(moved) - now) / 1e-4
        pull = 1 / np.sqrt(1 + (now / robust) ** 2)
        square = slopes.T @ (pull[:, None] * slopes)
        gradient = slopes.T @ (pull * now)
        before = cost
        while damping < 1e9:
            step = np.linalg.solve(square + damping * np.diag(np.diag(square)), -gradient)
            tried = at + np.clip(step, -1.5, 1.5)
            then = residuals(tried)
            if loss(then) < cost:
                at, now, cost, damping = tried, then, loss(then), damping / 4
                break
            damping *= 4
        if before - cost < 1e-7 * before:
            break
    return at
