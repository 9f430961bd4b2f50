"""Where work of many equal pieces is done: here, in a pool of processes, or by the workers of a Dask cluster.

    for place, result in done(function, pieces, Workers(processes=4)):
        ...

One seam for everything that has many pieces. A piece is given to a module's function that takes it alone;
results come as they are ready, each with the place of its piece, each once: a piece whose worker died is done
again, and what was done already is not counted twice. Who calls keeps what came, so that a scheduler that is
lost costs what was under way.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any, NamedTuple, TypeVar

from cnncost.errors import UnavailableError, UsageError

PieceOfWork = TypeVar("PieceOfWork")
ItsResult = TypeVar("ItsResult")

AHEAD = 4
"""Pieces per worker that are handed out before their results are asked for."""


class Workers(NamedTuple):
    """How the work is spread."""

    processes: int = 0  #: 0: here; else a pool of so many processes on this machine
    cluster: str | None = None  #: the address of a Dask scheduler: tcp://host:8786
    resources: tuple[
        tuple[str, float], ...
    ] = ()  #: what of a worker a piece needs, as dask names it: (GPU, 1)


HERE = Workers()


def done(
    function: Callable[[PieceOfWork], ItsResult], pieces: Sequence[PieceOfWork], workers: Workers = HERE
) -> Iterator[tuple[int, ItsResult]]:
    """The results of a function on every piece, as they are ready, with the piece's place.

    What the function raises is raised here. Raises UnavailableError without dask where a cluster is named,
    where there is none, and where it is lost.
    """
    if workers.processes < 0:
        raise UsageError(
            f"--workers {workers.processes} is not a number of processes\n  for example: --workers 4"
        )
    if workers.cluster is not None:
        yield from _on_cluster(function, pieces, workers)
    elif workers.processes > 1:
        yield from _in_pool(function, pieces, workers.processes)
    else:
        for place, piece in enumerate(pieces):
            yield place, function(piece)


def _in_pool(
    function: Callable[[PieceOfWork], ItsResult], pieces: Sequence[PieceOfWork], processes: int
) -> Iterator[tuple[int, ItsResult]]:
    """In a pool of processes; one that dies takes the pool with it, and what was under way is done again."""
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    waiting = list(range(len(pieces)))
    tries = 0
    while waiting:
        left = list(waiting)
        try:
            with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
                running: dict[Any, int] = {}
                try:
                    while left or running:
                        while left and len(running) < AHEAD * processes:
                            place = left.pop(0)
                            with _deaf():
                                running[pool.submit(function, pieces[place])] = place
                        ready, _ = wait(running, return_when=FIRST_COMPLETED)
                        for future in ready:
                            result = future.result()
                            place = running.pop(future)
                            waiting.remove(place)
                            tries = 0
                            yield place, result
                except BaseException:  # nobody waits for what is under way: Ctrl-C, an error, enough results
                    for child in active_children():
                        child.terminate()
                    raise
        except BrokenProcessPool:
            tries += 1
            if tries > 3:
                raise UnavailableError(
                    "the processes of --workers die before they have done anything\n"
                    "  is there enough memory? run it without --workers to see"
                ) from None


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Processes that are started in here do not hear Ctrl-C: this one does, and ends them."""
    mask = getattr(signal, "pthread_sigmask", None)  # Windows has none
    if mask is None:
        yield
        return
    old = mask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        mask(signal.SIG_SETMASK, old)


def _on_cluster(
    function: Callable[[PieceOfWork], ItsResult], pieces: Sequence[PieceOfWork], workers: Workers
) -> Iterator[tuple[int, ItsResult]]:
    """By the workers of a Dask cluster, which does again what a worker took with it."""
    distributed = _dask()
    address = workers.cluster
    try:
        client = distributed.Client(address, timeout=10, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UnavailableError(
            f"no Dask scheduler answers at {address}: {error}\n"
            "  start one: dask scheduler; and workers: dask worker tcp://host:8786"
        ) from None
    with client:
        count = len(client.scheduler_info(n_workers=-1)["workers"])
        if not count:
            raise UnavailableError(
                f"the cluster at {address} has no workers\n  start one: dask worker {address}"
            )
        ready = distributed.as_completed([], loop=client.loop)
        running: dict[Any, int] = {}
        left = list(range(len(pieces)))
        finished = 0
        needs = dict(workers.resources) or None

        def hand_out() -> None:
            while left and len(running) < AHEAD * count:
                place = left.pop(0)
                future = client.submit(function, pieces[place], pure=False, resources=needs)
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
                raise lost(address, finished, len(pieces)) from None
            place = running.pop(future.key)
            finished += 1
            hand_out()
            yield place, result


def _dask() -> Any:
    from importlib import import_module

    try:
        return import_module("distributed")
    except ModuleNotFoundError:
        raise UnavailableError("--cluster needs Dask\n  pip install 'cnncost[cluster]'") from None


def lost(address: str | None, finished: int, total: int) -> UnavailableError:
    """The error where a scheduler went away."""
    return UnavailableError(
        f"the Dask scheduler at {address} was lost: {finished:,} of {total:,} pieces are done\n"
        "  start it again and repeat the command: with --resume FILE what is done is kept"
    )
