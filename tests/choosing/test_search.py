"""Searching: what is kept, the front, strategies, resuming, workers, and every wrong question."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import cnncost
from cnncost.choosing import explore, journal
from cnncost.choosing.explore import SearchQuestion
from cnncost.cli.main import app
from cnncost.errors import CnncostError, UsageError
from cnncost.workers import Workers, done

NET = """\
family: net
input: [3, 32, 32]
params: {width: 8, depths: [1, 2], groups: 1}
blocks:
  stage(out, depth):
    - {conv: {out: out, kernel: 3, pad: 1, groups: groups, stride: 2}}
    - relu
    - {conv: {out: out, kernel: 3, pad: 1}, times: depth}
body:
  - {conv: {out: width, kernel: 3, pad: 1}}
  - {stage: [base * width, depth], for: {base: [1, 2], depth: depths}}
  - global_avgpool
  - flatten
  - {linear: {out: 10}}
"""
VARY = ("width=4..16:2", "depths[*]=1,2,3", "input=16..48:16", "groups=1,2,4")
QUANTITIES = ("params", "macs", "flops", "activations", "peak")


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(NET)
    return str(path)


def brute(net: str) -> tuple[list[dict[str, Any]], int]:
    """Every setting, one by one, and how many cannot be built."""
    found, refused = [], 0
    for width, one, two, size, groups in product(
        range(4, 17, 2), (1, 2, 3), (1, 2, 3), (16, 32, 48), (1, 2, 4)
    ):
        changed = {"width": width, "depths": [one, two], "groups": groups}
        try:
            totals = cnncost.analyze(cnncost.load(net, input=(size,), set=changed)).totals
        except CnncostError:
            refused += 1
            continue
        setting = {"width": width, "depths[0]": one, "depths[1]": two, "input": size, "groups": groups}
        found.append({
            "setting": setting, "params": totals.params, "macs": totals.macs, "flops": totals.flops,
            "activations": totals.activation_elements, "peak": totals.peak_bytes,
        })  # fmt: skip
    return found, refused


def on_front(rows: list[dict[str, Any]], most: str, least: str) -> list[dict[str, Any]]:
    def beats(a: Any, b: Any) -> bool:
        no_worse = a[most] >= b[most] and a[least] <= b[least]
        return bool(no_worse and (a[most] > b[most] or a[least] < b[least]))

    return [row for row in rows if not any(beats(other, row) for other in rows)]


@pytest.mark.slow
def test_a_grid_is_what_trying_everything_finds(net: str) -> None:
    every, refused = brute(net)
    answer = cnncost.search(
        net, VARY, max_macs=3e6, max_peak=120_000, maximize=["params"], minimize=["macs"]
    ).to_dict()["search"]
    kept = [row for row in every if row["macs"] <= 3e6 and row["peak"] <= 120_000]
    assert (answer["space"], answer["evaluated"], answer["kept"]) == (567, 567, len(kept)) and refused
    assert sum(answer["refused"].values()) == refused
    assert answer["excluded"] == {
        "--max-macs 3.00 M": sum(row["macs"] > 3e6 for row in every),
        "--max-peak 117 KiB": sum(row["peak"] > 120_000 for row in every if row["macs"] <= 3e6),
    }

    def key(row: dict[str, Any]) -> str:
        return str(sorted(row["setting"].items()))

    wanted = sorted(on_front(kept, "params", "macs"), key=key)
    assert sorted(answer["front"], key=key) == wanted


def test_random_settings_are_different_and_those_of_the_seed(net: str) -> None:
    def tried(seed: int) -> list[Any]:
        question = SearchQuestion(net, VARY, samples=200, strategy="random", seed=seed, maximize=("macs",))
        return explore.search(question).codes.tolist()

    one = tried(1)
    assert tried(1) == one and tried(2) != one
    assert len({tuple(row) for row in one}) == len(one)


def test_an_evolution_finds_the_best_with_less(net: str) -> None:
    """The most MACs under a budget: in a space of 10^6 settings, 4,000 of them, against the grid's best."""
    vary = ["width=4..40:2", "depths[*]=1..16", "input=8..128:8"]
    grid = cnncost.search(net, vary, max_macs=2e7, max_params=1e5).to_dict()["search"]
    found = cnncost.search(net, vary, max_macs=2e7, max_params=1e5, strategy="evolve", samples=4000, seed=3)
    again = cnncost.search(net, vary, max_macs=2e7, max_params=1e5, strategy="evolve", samples=4000, seed=3)
    answer = found.to_dict()["search"]
    assert answer["space"] == grid["evaluated"] == 19 * 16 * 16 * 16 and answer["evaluated"] == 4000
    assert answer["front"][0]["macs"] > 0.995 * grid["front"][0]["macs"]
    assert again.to_dict()["search"]["front"] == answer["front"]


def test_an_objective_of_the_user(net: str) -> None:
    seen = []

    def objective(setting: dict[str, Any], counts: dict[str, int]) -> float:
        seen.append(setting)
        return -abs(counts["params"] - 5000)

    answer = cnncost.search(net, {"width": range(4, 17)}, max_params=8000, objective=objective)
    (best,) = answer.to_dict()["search"]["front"]
    assert len(seen) == answer.to_dict()["search"]["kept"]
    nearest = min(
        abs(cnncost.analyze(cnncost.load(net, set={"width": width})).totals.params - 5000)
        for width in range(4, 17)
    )
    assert best["objective"] == -nearest


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
def test_a_pool_gives_the_same(net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "CHUNK", 100)
    alone = cnncost.search(net, VARY, max_macs=3e6).to_dict()["search"]
    pool = cnncost.search(net, VARY, max_macs=3e6, workers=2).to_dict()["search"]
    assert {**pool, "seconds": 0} == {**alone, "seconds": 0}


# Results -------------------------------------------------------------------------------------------

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> str:
        app(list(words), standalone_mode=False)
        return capsys.readouterr().out

    return call


def test_table_json_csv_parquet_and_picture(net: str, run: Run, tmp_path: Path) -> None:
    kept, columns, picture = tmp_path / "kept.csv", tmp_path / "kept.parquet", tmp_path / "flops.svg"
    ask = ("search", net, "--vary", "width=4..16:2", "--vary", "input=16,32", "--max-macs", "2M")
    out = run(
        *ask,
        "--kept",
        str(kept),
        "--picture",
        str(picture),
        "--rows",
        "2",
        "--minimize",
        "params",
        "--maximize",
        "macs",
    )
    assert "The front of" in out and "most MACs, least parameters" in out and "--rows 0 shows all" in out
    assert "share of the settings kept" in picture.read_text()
    found = json.loads(run(*ask, "-f", "json"))["search"]
    for key in ("space", "evaluated", "kept", "seconds", "front"):
        assert key in found
    rows = list(csv.DictReader(io.StringIO(kept.read_text())))
    assert len(rows) == found["kept"] and set(rows[0]) == {
        "width",
        "input",
        "params",
        "macs",
        "flops",
        "activations",
        "front",
    }
    for row in rows:
        totals = cnncost.analyze(
            cnncost.load(net, input=(int(row["input"]),), set={"width": int(row["width"])})
        ).totals
        assert (int(row["params"]), int(row["macs"])) == (totals.params, totals.macs)
    parquet = pytest.importorskip("pyarrow.parquet")
    run(*ask, "--kept", str(columns))
    table = parquet.read_table(columns).to_pylist()
    assert [str(row["macs"]) for row in table] == [row["macs"] for row in rows]


def test_parquet_without_pyarrow_says_what_to_install(net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CnncostError) as error:
        app(["search", net, "--vary", "width=4,8", "--kept", "kept.parquet"], standalone_mode=False)
    assert error.value.exit_code == 3
    assert str(error.value) == "kept.parquet: Parquet needs pyarrow\n  pip install pyarrow, or write a .csv"


@pytest.mark.parametrize("strategy", ["random", "evolve"])
def test_of_a_long_range_each_value_is_found_as_it_is_drawn(tmp_path: Path, strategy: str) -> None:
    """499,500,000,001 values; what a setting costs is counted by hand."""
    spec, kept = tmp_path / "pyramid.yaml", tmp_path / "kept.csv"
    spec.write_text(PYRAMID)
    ask = [
        "search",
        str(spec),
        "--vary",
        "width=5..5000:0.00000001",
        "--samples",
        "600",
        "--strategy",
        strategy,
    ]
    ask += [
        "--minimize",
        "params",
        "--kept",
        str(kept),
        "--format",
        "json",
        "-o",
        str(tmp_path / "found.json"),
    ]
    app(ask, standalone_mode=False)
    answer = json.loads((tmp_path / "found.json").read_text())["search"]
    assert answer["axes"] == [
        {"name": "width", "values": [], "from": 5.0, "to": 5000.0, "step": 1e-8, "count": 499_500_000_001}
    ]
    assert answer["evaluated"] == answer["kept"] == 600
    rows = list(csv.DictReader(kept.read_text().splitlines()))
    assert len({row["width"] for row in rows}) == 600  # none twice, all digits there
    for width, params in ((float(row["width"]), int(row["params"])) for row in rows):
        assert 5 <= width <= 5000 and round(width * 10**8) / 10**8 == width
        assert params == (3 * 9 + 1) * int(width)


PYRAMID = """\
family: pyramid
input: [3, 8, 8]
params: {width: 8.0}
body:
  - {conv: {out: width // 1, kernel: 3}}
"""


SMALL_DEVICE = """\
family: tiny
input: [3, 32, 32]
params: {width: 8}
body:
  - {conv: {out: width, kernel: 3, stride: 2, pad: 1, bias: false}}
  - bn
  - relu
  - {conv: {out: 2 * width, kernel: 3, pad: 1}}
  - global_avgpool
  - flatten
  - {linear: {out: 10}}
"""


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_what_fits_into_the_memory_of_a_microcontroller(tmp_path: Path, dtype: str) -> None:
    """By hand: TensorFlow Lite Micro folds the norm and fuses the ReLU, so that what is alive is what the first
    convolution reads and writes, or the second; what follows is less.
    """
    spec = tmp_path / "tiny.yaml"
    spec.write_text(SMALL_DEVICE)
    size = 1 if dtype == "int8" else 4
    found = cnncost.search(
        str(spec), ["width=4,8,16,24", "input=16,32"], max_ram=8192 * size, minimize=["ram"], maximize=["macs"],
        runtime="tflm", dtype=None if dtype == "int8" else dtype,
    ).to_dict()["search"]  # fmt: skip
    ram = {}
    for width, side in product((4, 8, 16, 24), (16, 32)):
        image, half = 3 * side**2, (side // 2) ** 2
        ram[width, side] = size * max(image + half * width, half * width + half * 2 * width)
    kept = {place for place, need in ram.items() if need <= 8192 * size}
    assert 0 < found["kept"] == len(kept) < len(ram)
    assert list(found["excluded"].values()) == [len(ram) - len(kept)]
    for each in found["front"]:
        width, side = each["setting"]["width"], each["setting"]["input"]
        assert (width, side) in kept and each["ram"] == ram[width, side]
        channels = width + 2 * width + 10  # of the three layers: a bias each, and in int8 a scale
        values = 9 * 3 * width + 9 * width * 2 * width + 2 * width * 10
        assert each["flash"] == size * values + 4 * channels * (2 if dtype == "int8" else 1)


# Wrong questions -----------------------------------------------------------------------------------

KNOWN = "axes: input, width, depths, groups"
BAD: dict[tuple[str, ...], str] = {
    (): f"search needs something to vary\n  for example: --vary input=128..256:32\n  {KNOWN}",
    ("--vary", "widht=4,8"): f"--vary 'widht' is no axis of net: did you mean 'width'?\n  {KNOWN}",
    ("--vary", "stages[*].kernel=3,5"): f"--vary 'stages[*].kernel' is no axis of net\n  {KNOWN}",
    ("--vary", "width"): "--vary 'width' is not axis=values\n  for example: --vary input=128..256:32",
    ("--vary", "width=8..4:2"): "--vary 'width=8..4:2' goes backwards\n  write 4..8:2",
    ("--vary", "width=4..8:0"): "--vary 'width=4..8:0': the step is 0, so that nothing ends it\n  write one above 0",
    ("--vary", "width=4..8:-1"): "--vary 'width=4..8:-1': the step is -1, so that nothing ends it\n  write one above 0",
    ("--vary", "width=1..1000000000000"): "the space has 1,000,000,000,000 settings, a grid at most 10,000,000\n"
    "  try some of them: --samples 10000, or fewer values: --vary width=0.5..1.5:0.25",
    ("--vary", "width=1..1000000000001", "--samples", "10"): "--vary 'width=1..1000000000001' has 1,000,000,000,001 values;"
    " an axis has at most 1,000,000,000,000\n  take a larger step",
    ("--vary", "width=1..1000000000000", "--samples", "1G"): "--samples 1,000,000,000: a search tries at most 10,000,000 settings\n"
    "  for example: --samples 100k",
    ("--vary", "width=1..7", "--vary", "groups=8..20"): "none of 91 settings can be built"
    + "".join(f"\n  1: conv: 1 output channels cannot be divided into {groups} groups" for groups in range(8, 13))
    + "\n  86, for 86 other reasons",
    ("--vary", "width=a..b"): "--vary 'width=a..b' is not a range\n  write from..to:step, as 0.5..1.5:0.25",
    ("--vary", "width=4,,8"): "--vary 'width=4,,8' has an empty value\n  write 2,3,4",
    ("--vary", f"width=4,{'9' * 101}"): "--vary 'width' has a number of more than 100 digits\n  write a smaller one",
    ("--vary", "width=4,4"): "--vary 'width=4,4' has a value twice",
    ("--vary", "width=4,8", "--vary", "width=2,3"): "--vary varies width twice",
    ("--vary", "depths[5]=1,2"): "--vary 'depths[5]': there are 2 elements, counted from 0",
    ("--vary", "width[0]=1,2"): "--vary 'width[0]': 8 is not a list\n  vary it whole: --vary width=...",
    ("--vary", "input=0,16"): "--vary 'input=0,16': an input is whole numbers from 1\n  for example: input=128..256:32",
    ("--vary", "width=1..1000", "--vary", "input=1..1000", "--vary", "groups=1..1000", "--vary", "depths[*]=1..1000"): (
        "the space has 1,000,000,000,000,000 settings, a grid at most 10,000,000\n"
        "  try some of them: --samples 10000, or fewer values: --vary width=0.5..1.5:0.25"
    ),
    ("--vary", "width=4,8", "--max-macs", "10"): "none of 2 settings keeps every limit\n  --max-macs 10 excludes 2 by itself",
    ("--vary", "width=4,8", "--max-macs", "10", "--max-peak", "1KiB"): "none of 2 settings keeps every limit\n"
    "  --max-macs 10 excludes 2 by itself\n  --max-peak 1.00 KiB was not looked at: nothing keeps the others",
    ("--vary", "width=4,8", "--max-peak", "1KiB"): "none of 2 settings keeps every limit\n"
    "  --max-peak 1.00 KiB excludes 2 by itself",
    ("--vary", "width=3,5", "--vary", "groups=2,4"): "none of 4 settings can be built"
    + "".join(f"\n  1: conv: {width} output channels cannot be divided into {groups} groups" for width in (3, 5) for groups in (2, 4)),
    ("--vary", "width=4,8", "--max-peak", "1MiB", "--dtype", "int8"): "--dtype is of a predicted time, and no device is named\n  for example: --on rtx-4090",
    ("--vary", "width=4,8", "--maximize", "speed"): "unknown objective 'speed'\n  known: params, macs, flops, activations, peak, ram, flash, latency",
    ("--vary", "width=4,8", "--strategy", "genetic"): "unknown strategy 'genetic'\n  known: grid, random, evolve",
    ("--vary", "width=4,8", "--samples", "0"): "--samples 0 is not a number from 1\n  for example: --samples 10000",
    ("--vary", "width=4,8", "--samples", "many"): "--samples 'many' is not a count\n  for example: --samples 10M, 4.5G or 10e6",
    ("--vary", "width=4,8", "--maximize", "latency"): "a limit or an objective of latency needs a device\n  name it: --on rtx-4090",
    ("--vary", "width=4,8", "--max-ram", "320KiB"): "RAM is that of a runtime\n  name it: --runtime tflm",
    ("--vary", "width=4,8", "--minimize", "flash"): "flash is that of a runtime\n  name it: --runtime tflm",
    ("--vary", "width=4,8", "--runtime", "tfm"): "unknown runtime 'tfm': did you mean 'tflm'?\n  runtimes: tflm, tinyengine, executorch",
    ("--vary", "width=4,8", "--runtime", "tflm", "--dtype", "float16"): "tflm runs int8 and float32, not float16\n  pass --dtype int8",
    ("--vary", "width=4,8", "--runtime", "tinyengine", "--max-ram", "1KiB"): "none of 2 settings keeps every limit\n"
    "  --max-ram 1.00 KiB excludes 2 by itself",
    ("--vary", "width=4,8", "--kept", "kept.xls"): "kept.xls: kept settings are written as .csv or .parquet",
}  # fmt: skip


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_bad_input(words: tuple[str, ...], net: str) -> None:
    with pytest.raises(CnncostError) as error:
        app(["search", net, *words], standalone_mode=False)
    assert (str(error.value), error.value.exit_code) == (BAD[words], 2)


ROWS = {
    "stages[*].kernl=3,5": "--vary 'stages[*].kernl': no key 'kernl': did you mean 'kernel'?\n"
    "  keys: width, depth, kernel, expand, stride",
    "stages.kernel=3,5": "--vary 'stages.kernel': a list has no key 'kernel'\n"
    "  of every element: --vary 'stages[*].kernel=...'",
    "stages[1]=3,5": "--vary 'stages[1]' is a row\n  vary a key of it: --vary 'stages[1].width=...'",
    "stages[5].kernel=3,5": "--vary 'stages[5].kernel': there are 5 elements, counted from 0",
    "classes.kernel=3,5": "--vary 'classes.kernel': 1000 has no key 'kernel'",
    "stages[0].kernel[1]=3,5": "--vary 'stages[0].kernel[1]': 3 is not a list\n  vary it whole: --vary stages[0].kernel=...",
}


def test_the_picture_has_a_curve_per_value_of_an_axis(net: str, run: Run, tmp_path: Path) -> None:
    """The share of every curve grows to 1 over its own settings, whose FLOPs are those of `analyze`."""
    from cnncost.choosing.axes import space
    from cnncost.language import zoo
    from cnncost.plots import distribution

    question = SearchQuestion(net, ("width=4,8,12", "input=16,32"), maximize=("macs",))
    drawing = distribution.draw(explore.search(question), by=["input"])
    for size in (16, 32):
        flops = sorted(
            cnncost.analyze(cnncost.load(net, input=(size,), set={"width": width})).totals.flops
            for width in (4, 8, 12)
        )
        rows = [row[1:] for row in drawing.rows if row[0] == f"input {size}"]
        assert rows == [(value, (place + 1) / 3) for place, value in enumerate(flops)]
    path = tmp_path / "flops.svg"
    run(
        "search",
        net,
        "--vary",
        "width=4,8,12",
        "--vary",
        "input=16,32",
        "--picture",
        str(path),
        "--curves",
        "input",
    )
    assert "input 16: mean" in path.read_text() and "input 32: mean" in path.read_text()
    where = space(*zoo.find(net), ["width=1..13"])
    for by, message in {
        "wdith": "--curves: no axis 'wdith': did you mean 'width'?\n  axes: width",
        "width": "--curves width makes 13 curves, of which 12 can be told apart\n"
        "  name one axis, or vary it over fewer values",
    }.items():
        with pytest.raises(UsageError) as error:
            distribution.check(where, [by])
        assert str(error.value) == message


@pytest.mark.parametrize("vary", ROWS)
def test_bad_paths_into_rows(vary: str) -> None:
    with pytest.raises(UsageError) as error:
        cnncost.search(str(Path(__file__).parent / "stages.yaml"), [vary])
    assert str(error.value) == ROWS[vary].replace("--vary", "vary")  # as Python calls it


def test_a_place_is_varied_once(net: str) -> None:
    for vary in (["depths[0]=1,2", "depths[*]=3,4"], ["depths[0]=1,2", "depths=3,4"]):
        with pytest.raises(UsageError) as error:
            cnncost.search(net, vary)
        assert str(error.value) == f"vary varies {'depths[0]' if '*' in vary[1] else 'depths'} twice"


def test_a_setting_that_cannot_be_built_is_counted_by_its_reason(net: str) -> None:
    answer = cnncost.search(net, ["width=4,5,6,8", "groups=1,2,4"]).to_dict()["search"]
    assert answer["kept"] + sum(answer["refused"].values()) == answer["evaluated"] == 12
    assert all("groups" in reason or "divi" in reason for reason in answer["refused"]), answer["refused"]


# Workers -------------------------------------------------------------------------------------------


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


def test_every_piece_is_done_once_here() -> None:
    assert list(done(abs, [-1, -2, 3])) == [(0, 1), (1, 2), (2, 3)]


def test_a_latency_that_is_a_lower_bound_is_called_so(net: str, tmp_path: Path) -> None:
    """A device of a data sheet alone; against the prediction of the same network by itself."""
    sheet = tmp_path / "chip.yaml"
    sheet.write_text("name: Chip\nmemory: 1GiB\nbandwidth_gb_s: 10\ntflops: {float32: 0.1}\nsource: a test\n")
    answer = cnncost.search(net, ["width=4,8"], on=str(sheet), max_latency=1.0, minimize=["latency"])
    found = answer.to_dict()["search"]
    alone = cnncost.latency(cnncost.load(net, set={"width": 4}), on=str(sheet)).to_dict()
    assert found["calibrated"] is False and found["front"][0]["setting"] == {"width": 4}
    assert found["front"][0]["latency"] > 0 and alone
    assert "It is only a lower bound" in str(answer)


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
    ["null", "[]", "[1, 2]", '[1, [[9, 0]], [[1, 1, 1, 1]], {}, {}]', "[1, [[-1]], [[1, 1, 1, 1]], {}, {}]",
     "[1, [[0]], [[1]], {}, {}]", '[1, [[0]], [["x", 1, 1, 1]], {}, {}]', "[-1, [], [], {}, {}]", "[1, [], [], [], {}]"],
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


def test_an_objective_that_is_no_number_is_none(net: str) -> None:
    with pytest.raises(UsageError, match="the objective is nan"):
        cnncost.search(net, ["width=4,8"], objective=lambda setting, counts: float("nan"))
