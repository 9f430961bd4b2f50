"""Work that is spread: every piece once, whoever dies; and the four commands and scripts that use it."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cnncost
from cnncost.cli.main import app
from cnncost.errors import CnncostError, UnavailableError, UsageError
from cnncost.workers import DeadlyPieceError, Workers, done, opened

ROOT = Path(cnncost.__file__).resolve().parent.parent
PIECES = """
import os, signal, time
from pathlib import Path

def square(given):
    place, log = given
    time.sleep(0.02)
    with open(log, "a") as file:
        file.write(f"{place} {os.getpid()}\\n")
    return place * place

def mortal(given):
    place, log = given
    mark = Path(log + str(place))
    if place in (2, 5) and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(given)

def deadly(place):
    if place == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return place

def wrong(place):
    raise ValueError(f"piece {place}")

def device(given):
    _, seen = given
    seen = Path(seen)
    found = os.environ["CUDA_VISIBLE_DEVICES"]
    (seen / found).touch()
    while len(list(seen.iterdir())) < 2:  # the other process has a piece, too
        time.sleep(0.02)
    return found
"""


@pytest.fixture
def pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module of functions that processes elsewhere find, too."""
    (tmp_path / "some_pieces.py").write_text(PIECES)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    from importlib import import_module

    yield import_module("some_pieces")
    del sys.modules["some_pieces"]


def test_every_piece_is_done_once_here() -> None:
    assert list(done(abs, [-1, -2, 3])) == [(0, 1), (1, 2), (2, 3)]


def test_processes_that_die_lose_nothing_and_count_nothing_twice(pieces: Any, tmp_path: Path) -> None:
    given = [(place, str(tmp_path / "log")) for place in range(20)]
    found = list(done(pieces.mortal, given, Workers(2)))
    assert sorted(found) == [(place, place * place) for place in range(20)]
    assert len({line.split()[1] for line in (tmp_path / "log").read_text().splitlines()}) > 2


@pytest.mark.slow
def test_a_piece_that_kills_whoever_has_it_is_named(pieces: Any) -> None:
    with pytest.raises(DeadlyPieceError) as error:
        list(done(pieces.deadly, range(6), Workers(2)))
    assert (error.value.at, error.value.exit_code, str(error.value)) == (
        3,
        3,
        "piece 4 of the work ends every process that it is given to\n"
        "  is there enough memory? run it without --workers to see",
    )


def test_what_a_piece_raises_is_raised_here(pieces: Any) -> None:
    with pytest.raises(ValueError, match=r"piece \d"):
        list(done(pieces.wrong, range(4), Workers(2)))


@pytest.mark.slow
def test_processes_end_after_so_many_pieces(pieces: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = list(done(pieces.square, [(place, str(log)) for place in range(9)], Workers(1, fresh_after=4)))
    assert sorted(found) == [(place, place * place) for place in range(9)]
    by = [line.split()[1] for line in log.read_text().splitlines()]
    assert len(set(by)) == 3 and max(map(by.count, by)) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("there", "seen"), [("4,7", {"4", "7"}), (None, {"0", "1"})])
def test_every_process_sees_a_device_of_its_own(
    there: str | None, seen: set[str], pieces: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if there is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", there)
    (tmp_path / "seen").mkdir()
    given = [(place, str(tmp_path / "seen")) for place in range(6)]
    assert {device for _, device in done(pieces.device, given, Workers(2, devices=True))} == seen


def test_workers_stay_between_rounds(pieces: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"
    given = [(place, str(log)) for place in range(6)]
    with opened(Workers(2)) as crew:
        assert len(list(crew.done(pieces.square, given))) == len(list(crew.done(pieces.square, given))) == 6
    assert len({line.split()[1] for line in log.read_text().splitlines()}) <= 2


# What uses it ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers of one thread, each with one device, as `dask worker --resources device=1` has it."""
    distributed = pytest.importorskip("distributed")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, resources={"device": 1}
        )
        yield made
        made.close()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


QUICK = ("--time-limit", "100ms", "--warmup-limit", "50ms")


@pytest.mark.slow
def test_measure_over_a_cluster(cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--cluster", cluster.scheduler_address, "--resource", "device=1")
    app(["measure", "lenet5", "alexnet", "lenet5", *QUICK, *where, "-f", "json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)["measured"]
    assert [each["model"] for each in found] == ["lenet5", "alexnet", "lenet5"]  # as asked, not as ready
    assert all(each["seconds"] for each in found)


@pytest.mark.slow
def test_verify_over_a_cluster(cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    app(["verify", "lenet5", "alexnet", "-f", "json"], standalone_mode=False)
    here = json.loads(capsys.readouterr().out)
    where = ("--cluster", cluster.scheduler_address)
    app(["verify", "lenet5", "alexnet", *where, "-f", "json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == here


@pytest.mark.slow
def test_import_coverage_over_a_cluster_and_in_a_pool(cluster: Any) -> None:
    sys.path.append(str(ROOT / "benchmarks"))
    import import_coverage

    names = ["torchvision:squeezenet1_1", "torchvision:no_such_network"]
    for workers in (Workers(cluster=cluster.scheduler_address), Workers(1, fresh_after=50)):
        found = {result.name: result for result in import_coverage.run(names, workers)}
        assert sorted(found) == sorted(names)
        assert not found[names[0]].failure and found[names[0]].params == 1_235_496
        assert "no_such_network" in found[names[1]].failure


@pytest.mark.slow
def test_search_over_a_cluster(cluster: Any, tmp_path: Path) -> None:
    net = str(ROOT / "tests" / "choosing" / "stages.yaml")
    vary = ["stages[*].kernel=3,5,7", "stages[0].depth=1..9"]
    here = cnncost.search(net, vary, max_macs=2e8).to_dict()["search"]
    there = cnncost.search(net, vary, max_macs=2e8, cluster=cluster.scheduler_address).to_dict()["search"]
    assert {**here, "seconds": 0} == {**there, "seconds": 0}


def test_a_lost_scheduler_ends_in_a_message_and_what_came(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever came before is written; the last line says that the scheduler was lost, with exit code 3."""
    lost = (
        "the Dask scheduler at tcp://127.0.0.1:9 was lost: 1 of 2 pieces are done\n"
        "  start it again and repeat the command"
    )

    def some(function: Any, given: Any, workers: Any) -> Iterator[Any]:
        assert workers.cluster == "tcp://127.0.0.1:9"
        yield 0, function(given[0])
        raise UnavailableError(lost)

    monkeypatch.setattr("cnncost.cli.verify.done", some)
    monkeypatch.setattr("cnncost.cli.measure.done", some)
    where = ("--cluster", "tcp://127.0.0.1:9")
    for words in (
        ("verify", "lenet5", "alexnet", *where),
        ("measure", "lenet5", "alexnet", *QUICK, *where, "--resource", "device=1"),
    ):
        with pytest.raises(CnncostError) as error:
            app([*words, "-f", "json"], standalone_mode=False)
        assert (str(error.value), error.value.exit_code) == (lost, 3)
        document = json.loads(capsys.readouterr().out)
        (one,) = document["verified" if words[0] == "verify" else "measured"]
        assert one["model"] == "lenet5"


CORES = os.cpu_count() or 1
BAD: dict[tuple[str, ...], str] = {
    ("--cluster", "tcp://127.0.0.1:9"): "measuring on a cluster needs a resource that every worker has one of\n"
    "  start them so: dask worker tcp://127.0.0.1:9 --resources device=1\n  and name it: --resource device=1",
    ("--workers", "2"): f"--workers 2 would measure each other on the {CORES} cores of this machine\n"
    "  give each its own: --workers 2 --threads 1; or pass a --cluster of several machines",
    ("--workers", "1", "--resource", "GPU=1"): "--resource names what a worker of a --cluster has\n"
    "  leave it out, or pass --cluster",
    ("--workers", "2", "--resource", "GPU"): "--resource 'GPU' is not a resource and a number\n"
    "  for example: --resource GPU=1",
    ("--workers", "-2"): "--workers -2 is not a count from 0 on\n  for example: --workers 10",
}  # fmt: skip


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_workers_that_cannot_measure(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as error:
        app(["measure", "lenet5", "alexnet", *QUICK, *words], standalone_mode=False)
    assert str(error.value) == BAD[words]


@pytest.mark.slow
def test_a_cluster_without_the_resource(cluster: Any) -> None:
    with pytest.raises(UnavailableError) as error:
        list(done(abs, [1], Workers(cluster=cluster.scheduler_address, resources=(("GPU", 1.0),))))
    address = cluster.scheduler_address
    assert str(error.value) == (
        f"the cluster at {address} has no workers with GPU=1\n"
        f"  start one: dask worker {address} --resources 'GPU=1'"
    )
