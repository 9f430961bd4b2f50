"""compare: the same numbers as the other commands give, and ratios of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cnncost
from cnncost.cli.main import app
from cnncost.execution.training import training_memory


def compare(*arguments: str) -> str:
    command = [sys.executable, "-m", "cnncost", "compare", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def test_ratios_to_the_first() -> None:
    """He et al. 2016, Table 1 and section 3.3: ResNet-34 has 18 % of VGG-19's operations."""
    lines = compare("vgg19", "resnet34", "--format", "csv").splitlines()
    header, _, second = (line.split(",") for line in lines)
    assert float(second[header.index("ops_ratio")]) == 3_663_761_408 / 19_632_062_464


def test_json_has_the_reports_and_the_rest() -> None:
    document = json.loads(compare("vgg16", "resnet50", "--format", "json", "--optimizer", "adam"))
    assert [model["totals"]["params"] for model in document["models"]] == [138_357_544, 25_557_032]
    memory = training_memory(cnncost.load("vgg16"), optimizer="adam")
    assert document["compare"][0]["training_bytes"] == memory.peak
    assert document["compare"][0]["receptive_field"] == 212  # after pool5 (Araujo et al. 2019)


def test_conventions_count() -> None:
    """Keras' own totals (Brno deck, lines 32 to 37): with BN's moving statistics."""
    lines = compare("xception", "resnet50_keras", "--convention", "keras", "--format", "csv").splitlines()
    header = lines[0].split(",")
    assert [int(line.split(",")[header.index("params")]) for line in lines[1:]] == [22_910_480, 25_636_712]


def test_it_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['cnncost', 'compare', 'lenet5', 'alexnet'];"
        "from cnncost.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "alexnet" in done.stdout


def test_two_of_one_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two files' variant `small`: the rows say which is which, in Python and on the command line."""
    spec = "input: [3, 8, 8]\nparams: {width: 4}\nvariants: {small: {}, large: {width: 9}}\n"
    paths = [tmp_path / name for name in ("a.yaml", "b.yaml")]
    for number, path in enumerate(paths):
        path.write_text(f"{spec}body:\n  - conv: {{out: width + {number}}}\n")
    names = [f"{paths[0]}:small", f"{paths[1]}:small"]
    assert [each["name"] for each in cnncost.compare(*names).to_dict()["models"]] == names
    app(["compare", *names, f"{paths[0]}:large", "--format", "json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)["models"]
    assert [(each["name"], each["totals"]["params"]) for each in found] == [
        (names[0], 16), (names[1], 20), ("large", 36),
    ]  # fmt: skip
