"""Where work of many equal pieces is done: here, in a pool of processes, or by the workers of a Dask cluster.

    for place, result in done(function, pieces, Workers(processes=4)):
        ...

One seam for everything that has many pieces; `opened` keeps the workers for several rounds. A piece is given
to a module's function that takes it alone; results come as they are ready, each with the place of its piece,
each once: a piece whose worker died is done again, and what was done already is not counted twice. Who calls
keeps what came, so that a scheduler that is lost costs what was under way.
"""

from __future__ import annotations

import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

from cnncost.errors import UnavailableError, UsageError

PieceOfWork = TypeVar("PieceOfWork")
ItsResult = TypeVar("ItsResult")

AHEAD = 4
"""Pieces per worker that are handed out before their results are asked for."""
SUSPECT = 2
"""Times that a piece is under way where a process dies before it is done alone."""
DEADLY = 4
"""Times after which it is given up."""
MOST = 10_000
"""Processes that one machine is asked for."""
AGAIN = "start it again and repeat the command"


class Workers(NamedTuple):
    """How the work is spread."""

    processes: int = 0  #: 0: here; else a pool of so many processes on this machine
    cluster: str | None = None  #: the address of a Dask scheduler: tcp://host:8786
    resources: tuple[tuple[str, float], ...] = ()
    """What of a worker a piece needs, as dask names it: (GPU, 1)."""
    fresh_after: int | None = None  #: processes of a pool end after so many pieces each, for their memory
    devices: bool = False  #: each process of a pool sees one CUDA device, the next one the next


HERE = Workers()


class DeadlyPieceError(UnavailableError):
    """A piece that ends every process that it is given to."""

    def __init__(self, place: int):
        super().__init__(
            f"piece {place + 1} of the work ends every process that it is given to\n"
            "  is there enough memory? run it without --workers to see"
        )
        self.at = place  #: of the piece


class Crew(Protocol):
    """Workers that are ready."""

    def done(
        self, function: Callable[[PieceOfWork], ItsResult], pieces: Sequence[PieceOfWork]
    ) -> Iterator[tuple[int, ItsResult]]:
        """The results of a function on every piece, as they are ready, with the piece's place."""
        ...

    def close(self) -> None:
        """Send them away; what is under way is given up."""
        ...


def done(
    function: Callable[[PieceOfWork], ItsResult],
    pieces: Sequence[PieceOfWork],
    workers: Workers = HERE,
    again: str = AGAIN,
) -> Iterator[tuple[int, ItsResult]]:
    """The results of a function on every piece, as they are ready, with the piece's place.

    What the function raises is raised here. Raises UnavailableError without dask where a cluster is named,
    where there is none, and where it is lost: then `again` says what to do.
    """
    with opened(workers, again) as crew:
        yield from crew.done(function, pieces)


@contextmanager
def opened(workers: Workers = HERE, again: str = AGAIN) -> Iterator[Crew]:
    """The workers, ready; they are sent away at the end. Raises UnavailableError as `done` does."""
    if workers.processes < 0:
        raise UsageError(
            f"--workers {workers.processes} is not a number of processes\n  for example: --workers 4"
        )
    if workers.processes > MOST:
        raise UsageError(f"--workers is at most {MOST:,} processes, not {workers.processes:,}")
    crew: Crew
    if workers.cluster is not None:
        crew = DaskCrew(workers, again)
    elif workers.processes > 1 or (workers.processes and workers.fresh_after):
        crew = PoolCrew(workers)
    else:
        crew = AloneCrew()
    try:
        yield crew
    finally:
        crew.close()


class AloneCrew:
    """This process."""

    def done(
        self, function: Callable[[PieceOfWork], ItsResult], pieces: Sequence[PieceOfWork]
    ) -> Iterator[tuple[int, ItsResult]]:
        """The results, in order."""
        for place, piece in enumerate(pieces):
            yield place, function(piece)

    def close(self) -> None:
        """Nothing has to be sent away."""


class PoolCrew:
    """A pool of processes; one that dies takes the pool with it, and what was under way is done again."""

    def __init__(self, workers: Workers):
        self.workers = workers
        self.pool: Any = None
        self.given = 0  #: pieces, since the processes are as they are

    def done(
        self, function: Callable[[PieceOfWork], ItsResult], pieces: Sequence[PieceOfWork]
    ) -> Iterator[tuple[int, ItsResult]]:
        """The results, as they are ready. Raises DeadlyPieceError for a piece that ends its process."""
        from concurrent.futures import FIRST_COMPLETED, wait
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import active_children

        left, suspects = deque(range(len(pieces))), deque[int]()
        broken: Counter[int] = Counter()
        running: dict[Any, int] = {}
        while left or suspects or running:
            if not running and self.worn():
                self.close()
            try:
                while len(running) < self.room(bool(suspects)) and (left or suspects) and not self.worn():
                    place = (suspects or left)[0]
                    with _deaf():
                        running[self.started().submit(function, pieces[place])] = place
                    (suspects or left).popleft()
                    self.given += 1
                ready, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ready:
                    result = future.result()
                    yield running.pop(future), result
            except BrokenProcessPool:
                self.close()
                for place in sorted(running.values()):
                    broken[place] += 1
                    if broken[place] >= DEADLY:
                        raise DeadlyPieceError(place) from None
                    (suspects if broken[place] >= SUSPECT else left).append(place)
                running.clear()
            except BaseException:  # nobody waits for what is under way: Ctrl-C, an error, enough results
                for child in active_children():
                    child.terminate()
                raise

    def room(self, alone: bool) -> int:
        """How many pieces may be under way."""
        return 1 if alone else AHEAD * self.workers.processes

    def worn(self) -> bool:
        """Whether the processes have done as much as they may."""
        most = self.workers.fresh_after
        return most is not None and self.given >= most * self.workers.processes

    def started(self) -> Any:
        """The pool, started if it is not."""
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        if self.pool is None:
            spawn = get_context("spawn")
            number = spawn.Value("i", 0) if self.workers.devices else None
            preparing = (own_device, (number,)) if number is not None else (None, ())
            self.pool = ProcessPoolExecutor(self.workers.processes, spawn, *preparing)
            self.given = 0
        return self.pool

    def close(self) -> None:
        """End the processes, when they have done the piece that they are at."""
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
            self.pool = None
        self.given = 0


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that are started in here do not hear Ctrl-C: this one does, and ends them."""
    mask = getattr(signal, "pthread_sigmask", None)  # Windows has none
    if mask is None:
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # whose start unblocks the signal
    old = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, old)


def own_device(started: Any) -> None:
    """Let this process see one CUDA device of those there are: the first process the first, and so on."""
    with started.get_lock():
        number = started.value
        started.value += 1
    seen = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    os.environ["CUDA_VISIBLE_DEVICES"] = seen[number % len(seen)] if seen else str(number)


class DaskCrew:
    """The workers of a Dask cluster, which does again what a worker took with it."""

    def __init__(self, workers: Workers, again: str):
        self.address, self.again = workers.cluster, again
        self.needs = dict(workers.resources) or None
        self.distributed = _dask()
        try:
            _reach(str(self.address))
            self.client: Any = self.distributed.Client(self.address, timeout=10, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise UnavailableError(
                f"no Dask scheduler answers at {self.address}: {error}\n"
                "  start one: dask scheduler; and workers: dask worker tcp://host:8786"
            ) from None
        there = self.client.scheduler_info(n_workers=-1)["workers"].values()
        self.count = sum(self.suits(each.get("resources", {})) for each in there)
        if not self.count:
            self.client.close()
            named = " ".join(f"{name}={units:g}" for name, units in workers.resources)
            raise UnavailableError(
                f"the cluster at {self.address} has no workers{f' with {named}' if named else ''}\n"
                f"  start one: dask worker {self.address}{f' --resources {named!r}' if named else ''}"
            )

    def suits(self, resources: dict[str, float]) -> bool:
        """Whether a worker has what a piece needs."""
        return all(resources.get(name, 0) >= units for name, units in (self.needs or {}).items())

    def done(
        self, function: Callable[[PieceOfWork], ItsResult], pieces: Sequence[PieceOfWork]
    ) -> Iterator[tuple[int, ItsResult]]:
        """The results, as they are ready. Raises UnavailableError where the scheduler is lost."""
        distributed = self.distributed
        ready = distributed.as_completed([], loop=self.client.loop)
        running: dict[Any, int] = {}
        left = deque(range(len(pieces)))
        finished = 0

        def hand_out() -> None:
            while left and len(running) < AHEAD * self.count:
                place = left.popleft()
                future = self.client.submit(function, pieces[place], pure=False, resources=self.needs)
                running[future.key] = place
                ready.add(future)

        hand_out()
        while running:
            try:
                future = next(ready)
                result = future.result()
            except distributed.KilledWorker as error:
                raise UnavailableError(
                    f"a piece of the work kills every worker that it is given to: {error}\n"
                    "  is there enough memory on them? run it without --cluster to see"
                ) from None
            except (
                OSError, TimeoutError, StopIteration, CancelledError, distributed.client.FutureCancelledError,
            ):  # fmt: skip
                raise self.lost(finished, len(pieces)) from None
            place = running.pop(future.key)
            finished += 1
            hand_out()
            yield place, result

    def lost(self, finished: int, total: int) -> UnavailableError:
        """The error where the scheduler went away."""
        return UnavailableError(
            f"the Dask scheduler at {self.address} was lost: {finished:,} of {total:,} pieces are done\n"
            f"  {self.again}"
        )

    def close(self) -> None:
        """Leave the cluster; its workers stay."""
        self.client.close()


def _reach(address: str) -> None:
    """Raise OSError where nothing listens at an address: Dask itself would go on asking for ten seconds.

    Raises UsageError for what is no address.
    """
    import socket
    from urllib.parse import urlsplit

    try:
        where = urlsplit(address if "://" in address else f"tcp://{address}")
        host, port = where.hostname, where.port
    except ValueError:
        host = port = None
    if host and port:
        socket.create_connection((host, port), timeout=5).close()
    elif not address.startswith("inproc://"):
        raise UsageError(
            f"--cluster {address!r} is not the address of a Dask scheduler\n"
            "  for example: --cluster tcp://host:8786, as dask scheduler prints it"
        )


def _dask() -> Any:
    from importlib import import_module

    try:
        return import_module("distributed")
    except ModuleNotFoundError:
        raise UnavailableError("--cluster needs Dask\n  pip install 'cnncost[cluster]'") from None
