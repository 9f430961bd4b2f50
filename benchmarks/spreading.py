"""What spreading work costs: pieces of a known length, here, in pools and on a local Dask cluster.

    python benchmarks/spreading.py             pieces that wait a second: the overhead, also on a busy machine
    python benchmarks/spreading.py --busy      pieces that compute for a second: on a quiet machine
    python benchmarks/spreading.py --pieces 40 --workers 1 2 4

The overhead of a piece is the wall time times the workers, divided by the pieces, less the length of a piece.
Starting and ending the workers stands beside it. A pool of one is no pool: it works here.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from cnncost.workers import Workers, opened  # noqa: E402


def wait(seconds: float) -> int:
    """Wait; the process that did it."""
    time.sleep(seconds)
    return os.getpid()


def compute(seconds: float) -> int:
    """Compute for so much CPU time; the process that did it."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(1000))
    return os.getpid()


def timed(workers: Workers, pieces: int, seconds: float, busy: bool) -> tuple[float, float, int]:
    """(wall time of all of it, of the work alone, processes that did it)."""
    from spreading import compute as computing  # by its module's name: as a worker finds it
    from spreading import wait as waiting

    start = time.perf_counter()
    with opened(workers) as crew:
        list(crew.done(waiting, [0.0] * max(1, workers.processes)))  # started
        ready = time.perf_counter()
        by = {pid for _, pid in crew.done(computing if busy else waiting, [seconds] * pieces)}
        worked = time.perf_counter() - ready
    return time.perf_counter() - start, worked, len(by)


def main() -> int:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pieces", type=int, default=40, help="per worker")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a piece")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--busy", action="store_true", help="compute instead of waiting")
    given = parser.parse_args()
    print("| workers | pieces | wall (s) | overhead of a piece | with start and end |")
    print("|---|---|---|---|---|")

    def row(name: str, count: int, workers: Workers) -> None:
        pieces = count * given.pieces
        whole, worked, by = timed(workers, pieces, given.seconds, given.busy)
        over, all_in_all = (wall * count / pieces / given.seconds - 1 for wall in (worked, whole))
        assert by == count, f"{by} of {count} processes worked"
        print(f"| {name} {count} | {pieces} | {whole:.1f} | {over:.1%} | {all_in_all:.1%} |", flush=True)

    for count in given.workers:
        row("pool of" if count > 1 else "here,", count, Workers(count))
    from distributed import LocalCluster

    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
    for count in given.workers:
        with (
            warnings.catch_warnings(),
            LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
        ):
            warnings.simplefilter("ignore")
            row("Dask,", count, Workers(cluster=cluster.scheduler_address))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
