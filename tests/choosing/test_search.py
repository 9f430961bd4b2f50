"""Searching: what is kept, the front, strategies, and what is written of them."""

from __future__ import annotations

import csv
import io
import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from choosing.conftest import VARY, Run

import cnncost
from cnncost.choosing import explore
from cnncost.choosing.explore import SearchQuestion
from cnncost.cli.main import app
from cnncost.errors import CnncostError, UsageError

QUANTITIES = ("params", "macs", "flops", "activations", "peak")


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


@pytest.mark.slow
def test_a_pool_gives_the_same(net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "CHUNK", 100)
    alone = cnncost.search(net, VARY, max_macs=3e6).to_dict()["search"]
    pool = cnncost.search(net, VARY, max_macs=3e6, workers=2).to_dict()["search"]
    assert {**pool, "seconds": 0} == {**alone, "seconds": 0}


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


def test_a_latency_that_is_a_lower_bound_is_called_so(net: str, tmp_path: Path) -> None:
    """A device of a data sheet alone; against the prediction of the same network by itself."""
    sheet = tmp_path / "chip.yaml"
    sheet.write_text("name: Chip\nmemory: 1GiB\nbandwidth_gb_s: 10\ntflops: {float32: 0.1}\nsource: a test\n")
    answer = cnncost.search(net, ["width=4,8"], on=str(sheet), max_latency=1.0, minimize=["latency"])
    found = answer.to_dict()["search"]
    alone = cnncost.latency(cnncost.load(net, set={"width": 4}), on=str(sheet)).to_dict()
    assert found["calibrated"] is False and found["front"][0]["setting"] == {"width": 4}
    assert found["front"][0]["latency"] > 0 and alone
    assert "It is only a lower bound" in str(answer) and found["interval"] is None


def test_the_interval_of_a_search_is_that_of_its_predictions(net: str) -> None:
    answer = cnncost.search(net, ["width=4,8"], on="rtx-4090", max_latency=1.0, minimize=["latency"])
    found = answer.to_dict()["search"]
    alone = cnncost.latency(cnncost.load(net, set={"width": 4}), on="rtx-4090").to_dict()
    time = alone["models"][0]["predicted"]
    assert found["calibrated"] is True and found["front"][0]["setting"] == {"width": 4}
    assert 1e3 * found["front"][0]["latency"] == pytest.approx(time["latency_ms"])
    assert found["interval"] == pytest.approx(
        [time["low_ms"] / time["latency_ms"], time["high_ms"] / time["latency_ms"]]
    )
    assert f"Of some: {time['warnings'][0]}." in str(answer)


def test_what_a_device_is_not_calibrated_for_is_no_matter_of_settings(net: str) -> None:
    for on, dtype, message in (
        ("rtx-4090", "int8", "rtx-4090 has no profile for int8, eval\n  it has: "),
        ("coral-edge-tpu", "float32", "no peak of Google Coral Edge TPU is known for float32\n  known: int8"),
    ):
        with pytest.raises(UsageError) as caught:
            cnncost.search(net, ["width=4,8"], on=on, dtype=dtype, max_latency=1.0)
        assert str(caught.value).startswith(message)
