"""A search that was interrupted goes on; journals that are damaged, foreign or cannot be written."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from choosing.conftest import VARY

import cnncost
from cnncost.choosing import explore, journal
from cnncost.errors import CnncostError, UsageError


def test_an_interrupted_search_goes_on(net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "CHUNK", 64)
    whole = cnncost.search(net, VARY, max_macs=3e6).to_dict()["search"]
    path = tmp_path / "search.journal"
    counted = explore.evaluate
    calls: list[int] = []

    def interrupted(given: Any) -> Any:
        calls.append(len(given[1]))
        if len(calls) == 5:
            raise KeyboardInterrupt
        return counted(given)

    monkeypatch.setattr(explore, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cnncost.search(net, VARY, max_macs=3e6, resume=path)
    path.write_text(
        path.read_text() + '{"chunk": 4, "part": [64, ['
    )  # as a kill in the middle of a line leaves it
    again = cnncost.search(net, VARY, max_macs=3e6, resume=path).to_dict()["search"]
    assert len(calls) == 5 + 5 and sum(calls) == 567 + 64  # 9 chunks: 4 kept, one interrupted, 5 after
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    assert cnncost.search(net, VARY, max_macs=3e6, resume=path).to_dict()["search"]["kept"] == whole["kept"]
    assert len(calls) == 10


def test_a_journal_of_another_search_is_refused(net: str, tmp_path: Path) -> None:
    path = tmp_path / "search.journal"
    cnncost.search(net, ["width=4,8"], resume=path)
    with pytest.raises(UsageError) as error:
        cnncost.search(net, ["width=4,8,12"], resume=path)
    assert str(error.value) == (
        f"{path} is the journal of another search\n  repeat that command, or name another file: resume FILE"
    )
    other = tmp_path / "other.txt"
    other.write_text("something\n")
    with pytest.raises(UsageError, match="is not the journal of a search"):
        cnncost.search(net, ["width=4,8"], resume=other)
    path.write_text(path.read_text() + "{damaged}\n")
    with pytest.raises(UsageError, match=r"a line of the journal is damaged\n  remove it"):
        cnncost.search(net, ["width=4,8"], resume=path)


@pytest.mark.slow
def test_a_lost_scheduler_ends_in_a_message_and_a_journal_that_goes_on(
    net: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(explore, "FEW", 16)
    monkeypatch.setenv("PYTHONPATH", str(Path(cnncost.__file__).parent.parent))
    path = tmp_path / "search.journal"
    alone = cnncost.search(net, VARY, max_macs=3e6, max_peak=120_000).to_dict()["search"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
        address = cluster.scheduler_address
        keep = journal.Journal.keep

        def kept(self: Any, place: int, part: Any) -> None:
            keep(self, place, part)
            if len(self.parts) == 3:
                cluster.close()

        monkeypatch.setattr(journal.Journal, "keep", kept)
        with pytest.raises(CnncostError) as error:
            cnncost.search(net, VARY, max_macs=3e6, max_peak=120_000, resume=path, cluster=address)
    assert error.value.exit_code == 3
    assert str(error.value).startswith(f"the Dask scheduler at {address} was lost: ")
    assert str(error.value).endswith("with resume FILE what is done is kept")
    monkeypatch.setattr(journal.Journal, "keep", keep)
    again = cnncost.search(net, VARY, max_macs=3e6, max_peak=120_000, resume=path).to_dict()["search"]
    assert {**again, "seconds": 0} == {**alone, "seconds": 0}


@pytest.mark.parametrize(
    "part",
    ["null", "[]", "[1, 2]", '[1, [[9, 0]], [[1, 1, 1, 1]], {}, {}, {}]', "[1, [[-1]], [[1, 1, 1, 1]], {}, {}, {}]",
     "[1, [[0]], [[1]], {}, {}, {}]", '[1, [[0]], [["x", 1, 1, 1]], {}, {}, {}]', "[-1, [], [], {}, {}, {}]",
     "[1, [], [], [], {}, {}]", '[1, [], [], {}, {}, {"macs": "x"}]', "[1, [], [], {}, {}]"],
)  # fmt: skip
def test_a_part_that_no_search_has_kept_is_refused(part: str, net: str, tmp_path: Path) -> None:
    path = tmp_path / "search.journal"
    cnncost.search(net, ["width=4,8"], resume=path)
    head = path.read_text().split("\n")[0]
    path.write_text(f'{head}\n{{"chunk": 0, "part": {part}}}\n')
    with pytest.raises(UsageError) as error:
        cnncost.search(net, ["width=4,8"], resume=path)
    assert str(error.value) == f"{path}:2: a line of the journal is damaged\n  remove it"


def test_a_journal_that_cannot_be_written(net: str, tmp_path: Path) -> None:
    for path, why in ((tmp_path, "Is a directory"), (tmp_path / "no" / "x", "No such file or directory")):
        with pytest.raises(UsageError) as error:
            cnncost.search(net, ["width=4,8"], resume=path)
        assert why in str(error.value)
