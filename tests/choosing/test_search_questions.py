"""Every wrong question to a search, and the settings that cannot be built."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnncost
from cnncost.cli.main import app
from cnncost.errors import CnncostError, UsageError

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
    ("--vary", "width=4,8", "--max-macs", "10"): "none of 2 settings keeps every limit\n  --max-macs 10 excludes 2 by itself (was 10M meant?)\n  the least MACs: 277 k",
    ("--vary", "width=4,8", "--max-macs", "10", "--max-peak", "1KiB"): "none of 2 settings keeps every limit\n"
    "  --max-macs 10 excludes 2 by itself (was 10M meant?)\n  the least MACs: 277 k\n  --max-peak 1.00 KiB was not looked at: nothing keeps the others",
    ("--vary", "width=4,8", "--max-peak", "1KiB"): "none of 2 settings keeps every limit\n"
    "  --max-peak 1.00 KiB excludes 2 by itself\n  the least peak memory: 32.0 KiB",
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
    "  --max-ram 1.00 KiB excludes 2 by itself\n  the least RAM: 8.41 KiB",
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


def test_an_objective_that_is_no_number_is_none(net: str) -> None:
    with pytest.raises(UsageError, match="the objective is nan"):
        cnncost.search(net, ["width=4,8"], objective=lambda setting, counts: float("nan"))


def test_parquet_without_pyarrow_says_what_to_install(net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CnncostError) as error:
        app(["search", net, "--vary", "width=4,8", "--kept", "kept.parquet"], standalone_mode=False)
    assert error.value.exit_code == 3
    assert str(error.value) == "kept.parquet: Parquet needs pyarrow\n  pip install pyarrow, or write a .csv"
