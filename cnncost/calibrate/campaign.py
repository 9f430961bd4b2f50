"""What is run, in which order, until when: copies and products, chains, kernels of the design, networks.

A campaign is one profile's measurements: one number format and layout on one device. It stops at its deadline
or on Ctrl-C and keeps what it has; what could not be run is listed. A kernel of its own, the sentinel, is
timed again and again: how far those times lie apart is the noise floor, and a machine whose floor is too high
is refused, early if it shows early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import Any, NamedTuple

from cnncost.calibrate import networks, pieces
from cnncost.calibrate.bench import Bench, Taken
from cnncost.calibrate.pieces import Limits, Trial, work_of
from cnncost.dtypes import element_bytes
from cnncost.errors import UnavailableError
from cnncost.graph import Graph
from cnncost.measure.sampling import Stopping, percentile

LEAST_SECONDS = 45.0
"""Of a campaign: below it a laptop does not measure what a profile needs."""
LEAST_KERNELS, LEAST_NETWORKS, LEAST_HELD_OUT = 40, 3, 2
"""What a profile needs."""
NOISY = 0.15
"""The noise floor above which no profile is made."""
FIRST_SENTINELS = 8
SHARES = {"kernels": 0.5, "fitted": 0.3, "held out": 0.2}
"""Of the time, for kernels of the design and for networks."""
BETWEEN_SENTINELS = 12
MOST_KERNELS = 1600
"""Of the design: a GPU times thousands in four minutes, which tell no more."""
Telling = Callable[[str], None]


class Extent(NamedTuple):
    """Sizes and limits that differ by device."""

    longest: float  #: seconds that a kernel may take if it reaches the measured peaks
    most_bytes: float  #: that it may move
    most_batch: int  #: of kernels
    batches: tuple[int, ...]  #: of networks
    kernel: Stopping  #: for one kernel


SCALES = {
    "cpu": Extent(0.02, 4e8, 16, (1, 8), Stopping(0.02, time_limit=0.2, warmup_limit=0.08, most=200)),
    "cuda": Extent(
        0.003, 1.5e9, 64, (1, 64, 8), Stopping(0.02, time_limit=0.08, warmup_limit=0.05, most=200)
    ),
}


class Measured(NamedTuple):
    """A graph that was run."""

    name: str
    family: str  #: of a network; "kernel" and its class otherwise
    graph: Graph
    batch: int
    launch: str
    timed: Taken
    piece: Trial | None = None  #: None: a network
    held_out: bool = False

    @property
    def seconds(self) -> float:
        """The median of one run."""
        return median(self.timed.seconds)

    @property
    def spread(self) -> float:
        """(p90 - p10) / median of the samples."""
        ordered = sorted(self.timed.seconds)
        return (percentile(ordered, 0.9) - percentile(ordered, 0.1)) / self.seconds


@dataclass
class Campaign:
    """The measurements of one profile."""

    device: str  #: cpu or cuda
    dtype: str
    layout: str
    memory_bytes: int  #: of the device
    measured: list[Measured] = field(default_factory=list)
    sentinels: list[float] = field(default_factory=list)  #: medians in seconds, in order
    clocks: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    seconds: float = 0.0  #: that it took

    @property
    def kernels(self) -> list[Measured]:
        return [one for one in self.measured if one.piece]

    def networks(self, held_out: bool) -> list[Measured]:
        """Whole networks, to fit with or to judge by."""
        return [one for one in self.measured if not one.piece and one.held_out == held_out]

    @property
    def noise(self) -> float:
        """The noise floor: a standard deviation of the sentinel's medians (1.4826 times their median
        deviation) as a share of their median."""
        if len(self.sentinels) < 2:
            return 0.0
        middle = median(self.sentinels)
        return 1.4826 * median([abs(one - middle) for one in self.sentinels]) / middle

    @property
    def bandwidth(self) -> float:
        """Bytes per second of the fastest large copy, read and written, 0 if there was none.

        Large: at least a sixteenth of the largest. Smaller ones stay in caches.
        """
        copies = [one for one in self.kernels if one.piece and one.piece.kind == "copy"]
        moved = [work_of(one.graph, one.batch, self.dtype)[1] for one in copies]
        large = [one for one, size in zip(copies, moved, strict=True) if 16 * size >= max(moved)]
        return max([self.rates(one)[1] for one in large], default=0.0)

    @property
    def peak(self) -> float:
        """FLOP per second of the fastest kernel; 0 if there was none."""
        return max([self.rates(one)[0] for one in self.kernels], default=0.0)

    def rates(self, one: Measured) -> tuple[float, float]:
        """(FLOPs, bytes) per second of a measurement."""
        flops, moved = work_of(one.graph, one.batch, self.dtype)
        return flops / one.seconds, moved / one.seconds

    def missing(self) -> list[str]:
        """What a profile needs and is not there, in words."""
        families = [len({one.family for one in self.networks(held_out)}) for held_out in (False, True)]
        counted = (
            (len(self.kernels), LEAST_KERNELS, "kernels"),
            (families[0], LEAST_NETWORKS, "families of networks to fit with"),
            (families[1], LEAST_HELD_OUT, "families of networks to judge by"),
        )
        return [f"{found} of {least} {what}" for found, least, what in counted if found < least]


def run(
    bench: Bench,
    seconds: float,
    progress: Telling | None = None,
    *,
    noisy: float = NOISY,
    fitted: Sequence[str] = networks.FITTED,
    held_out: Sequence[str] = networks.HELD_OUT,
) -> Campaign:
    """Measure until the time is up or Ctrl-C comes; whatever was measured is kept.

    `fitted` and `held_out` are the networks, of different families.

    Raises UnavailableError if the machine shows at once that it is too noisy. `check` says whether what was
    measured makes a profile.
    """
    began = bench.now()
    campaign = Campaign(bench.device, bench.dtype, bench.layout, bench.memory_bytes())
    campaign.machine, campaign.clocks = bench.machine(), [bench.clocks()]
    work = UnderWay(bench, campaign, began, seconds, progress or (lambda what: None))
    try:
        work.all(noisy, fitted, held_out)
    except KeyboardInterrupt:
        campaign.interrupted = True
    campaign.seconds = bench.now() - began
    campaign.clocks.append(bench.clocks())
    return campaign


def check(campaign: Campaign, noisy: float = NOISY) -> None:
    """Raise UnavailableError if the machine was too noisy, or if too little was measured for a profile."""
    check_noise(campaign, noisy)
    check_enough(campaign)


class UnderWay(NamedTuple):
    """A campaign under way."""

    bench: Bench
    campaign: Campaign
    began: float
    seconds: float
    progress: Telling

    @property
    def scale(self) -> Extent:
        """What suits the device."""
        return SCALES[self.bench.device]

    def going_on(self) -> bool:
        """Whether there is time left."""
        return self.bench.now() - self.began < self.seconds

    def all(self, noisy: float, fitted: Sequence[str], held_out: Sequence[str]) -> None:
        """The sentinel, the opening, then kernels and networks side by side, each for its share of the time.

        So whenever it ends there are some of each.
        """
        for _ in range(FIRST_SENTINELS):
            self.sentinel()
        check_noise(self.campaign, noisy)
        self.opening()
        streams = {
            "kernels": self.kernels(),
            "fitted": self.networks(fitted, held_out=False),
            "held out": self.networks(held_out, held_out=True),
        }
        spent = dict.fromkeys(streams, 0.0)
        while streams and self.going_on():
            behind = min(streams, key=lambda name: spent[name] / SHARES[name])
            start = self.bench.now()
            if next(streams[behind], None) is None:
                del streams[behind]
            spent[behind] += self.bench.now() - start

    def opening(self) -> None:
        """Copies and products, larger and larger until they take long enough; chains, however launched."""
        bench = self.bench
        for growing in (pieces.copies(element_bytes(bench.dtype)), pieces.products(), pieces.convolutions()):
            for piece in growing:
                one = self.piece(piece, bench.launches[-1])
                if one is None or one.seconds > self.scale.longest / 2 or not self.going_on():
                    break
        for piece in pieces.chains():
            for launch in bench.launches:
                self.piece(piece, launch)

    def kernels(self) -> Iterator[str]:
        """Kernels of the design, the sentinel between them; a name for every step."""
        campaign, scale = self.campaign, self.scale
        moved = min(scale.longest * campaign.bandwidth, scale.most_bytes)
        limits = Limits(scale.longest * campaign.peak, moved, scale.most_batch)
        design = islice(pieces.design(self.bench.dtype, limits), MOST_KERNELS)
        for place, piece in enumerate(design):
            if place % BETWEEN_SENTINELS == 0:
                self.sentinel()
            if piece.kind == "attention" and self.bench.layout == "nhwc":
                continue  # heads are no channels: nobody keeps them last
            self.piece(piece, self.bench.launches[-1])
            yield piece.name

    def networks(self, names: Sequence[str], held_out: bool) -> Iterator[str]:
        """Networks, launched in every way: all of them once, at batches in turn, then at their next batch."""
        from cnncost import language

        limit = min(2.0, max(0.3, self.seconds / 300))
        stopping = Stopping(0.02, time_limit=limit, warmup_limit=limit / 2, most=200)
        batches = self.scale.batches
        for turn in range(len(batches)):
            for place, name in enumerate(names):
                graph = language.load(name).without_heads()
                batch = batches[(place + turn) % len(batches)]
                for launch in self.bench.launches:
                    one = Measured(name, networks.family(name), graph, batch, launch, NOTHING, None, held_out)
                    self.take(one, stopping, batched=False)
                    yield name
                self.sentinel()

    def piece(self, piece: Trial, launch: str) -> Measured | None:
        """A kernel; None if it could not be run."""
        one = Measured(piece.name, f"kernel {piece.kind}", piece.graph(), piece.batch, launch, NOTHING, piece)
        return self.take(one, self.scale.kernel, batched=True)

    def sentinel(self) -> None:
        """The sentinel once more."""
        piece, bench = pieces.SENTINEL._replace(batch=self.scale.most_batch), self.bench
        timed = bench.time(piece.graph(), piece.batch, bench.launches[-1], self.scale.kernel, True)
        self.campaign.sentinels.append(median(timed.seconds))
        stop_if(timed)

    def take(self, one: Measured, stopping: Stopping, batched: bool) -> Measured | None:
        """Run it and keep it."""
        self.progress(one.name if one.piece else f"{one.name}, batch {one.batch}, {one.launch}")
        try:
            timed = self.bench.time(one.graph, one.batch, one.launch, stopping, batched)
        except UnavailableError as error:
            self.campaign.skipped.append(error.message.partition("\n")[0])
            return None
        if not timed.interrupted:
            self.campaign.measured.append(one._replace(timed=timed))
        stop_if(timed)
        return self.campaign.measured[-1]


NOTHING = Taken((), 1, False)


def stop_if(timed: Taken) -> None:
    """Pass Ctrl-C on that came while samples were taken: they are too few to be kept."""
    if timed.interrupted:
        raise KeyboardInterrupt


def check_noise(campaign: Campaign, noisy: float) -> None:
    """Raise UnavailableError if the machine does not agree with itself."""
    if campaign.noise <= noisy:
        return
    times = sorted(campaign.sentinels)
    raise UnavailableError(
        f"this machine is too noisy to be calibrated: {len(times)} times the same kernel took"
        f" {1e3 * times[0]:.3g} to {1e3 * times[-1]:.3g} ms, a noise floor of {campaign.noise:.0%}"
        f" (at most {noisy:.0%}); nothing was written",
        cure="close other programs, plug in the power supply, let it cool down, and calibrate again",
    )


def check_enough(campaign: Campaign) -> None:
    """Raise UnavailableError unless what was measured is enough for a profile."""
    missing = campaign.missing()
    if not missing:
        return
    what = f"a profile needs more than was measured: {', '.join(missing)}; nothing was written"
    if campaign.interrupted:
        raise UnavailableError(
            f"interrupted after {campaign.seconds:.0f} s: {what}",
            cure=f"let it run for {LEAST_SECONDS:.0f} s at least, or for the time that --minutes gives",
        )
    skipped = f"could not be run: {campaign.skipped[0]}" if campaign.skipped else None
    raise UnavailableError(
        f"in {campaign.seconds:.0f} s {what}",
        cure=f"pass --minutes {2 * campaign.seconds / 60:.2g} or more",
        more=skipped,
    )
