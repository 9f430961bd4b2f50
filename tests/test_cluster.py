"""A Dask cluster that is not there, is no address, or whose workers die."""

from __future__ import annotations

import os
import signal
import warnings
from pathlib import Path

import pytest

import cnncost
from cnncost.errors import CnncostError, UsageError
from cnncost.workers import Workers, done


def test_no_cluster_is_a_message() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(CnncostError) as error:
        list(done(abs, [1, 2], Workers(cluster="tcp://127.0.0.1:9")))
    assert error.value.exit_code == 3
    assert str(error.value).startswith("no Dask scheduler answers at tcp://127.0.0.1:9: ")
    assert str(error.value).endswith("start one: dask scheduler; and workers: dask worker tcp://host:8786")


def test_where_no_scheduler_listens_dask_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would ask again and again for ten seconds."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "Client", None)
    for address in ("tcp://127.0.0.1:9", "127.0.0.1:9"):
        with pytest.raises(CnncostError, match=f"answers at {address}: .*refused"):
            list(done(abs, [1, 2], Workers(cluster=address)))


@pytest.mark.parametrize(
    "address", ["", "scheduler", "tcp://", "tcp://host:port", "tcp://:8786", "http://[", "tcp://h:99999"]
)
def test_what_is_no_address_of_a_scheduler(address: str) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(UsageError) as error:
        list(done(abs, [1, 2], Workers(cluster=address)))
    assert str(error.value) == (
        f"--cluster {address!r} is not the address of a Dask scheduler\n"
        "  for example: --cluster tcp://host:8786, as dask scheduler prints it"
    )


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CnncostError) as error:
        list(done(abs, [1], Workers(cluster="tcp://127.0.0.1:9")))
    assert (error.value.exit_code, str(error.value)) == (
        3,
        "--cluster needs Dask\n  pip install 'cnncost[cluster]'",
    )


CLUSTER = """
import sys, time
from pathlib import Path

def piece(given):
    place, log = given
    time.sleep(0.05)
    with open(log, "a") as file:
        file.write(f"{place}\\n")
    return place * place
"""


@pytest.mark.slow
def test_workers_of_a_cluster_may_die(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are killed while they work: every result comes, and comes once."""
    distributed = pytest.importorskip("distributed")
    (tmp_path / "pieces.py").write_text(CLUSTER)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(cnncost.__file__).parent.parent}")
    from importlib import import_module

    function = import_module("pieces").piece
    log = str(tmp_path / "log")
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        warnings.simplefilter("ignore")
        results = []
        given = [(place, log) for place in range(60)]
        for place, result in done(function, given, Workers(cluster=cluster.scheduler_address)):
            results.append((place, result))
            if len(results) in (10, 30):  # the nanny starts another
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    assert sorted(results) == [(place, place * place) for place in range(60)]
