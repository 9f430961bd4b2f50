"""cnncost reconcile and --fold-bn, as processes: formats, streams, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

from cnncost.analysis.conventions import CONVENTIONS


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cnncost", *arguments], capture_output=True, text=True, timeout=300
    )


def test_markdown_has_a_row_per_convention() -> None:
    done = run("reconcile", "resnet50", "-c", "fvcore", "-c", "torch", "--format", "markdown")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "### resnet50  input 3x224x224  batch 1\n"
        "\n"
        "| convention | counts | total | params | from the MACs |\n"
        "| --- | --- | --: | --: | --- |\n"
        "| fvcore | FLOPs | 4,111,512,576 | 25,557,032 |"
        " 4,089,184,256 + 22,227,968 (2 per BN element) + 100,352 (adaptive pool inputs) |\n"
        "| torch | FLOPs | 8,178,368,512 | 25,557,032 | 4,089,184,256 + 4,089,184,256 (1 more per MAC) |\n"
        "\n"
        "Every total is the MACs and its terms, to the last integer.\n"
    )


def test_text_shows_every_convention() -> None:
    done = run("reconcile", "alexnet", "squeezenet1_0")
    assert (done.returncode, done.stderr) == (0, "")
    for name in CONVENTIONS:
        assert sum(line.split()[:1] == [name] for line in done.stdout.splitlines()) == 2, name


def test_json_sums() -> None:
    document = json.loads(run("reconcile", "alexnet", "unet", "--batch", "2", "--format", "json").stdout)
    assert [model["name"] for model in document["models"]] == ["alexnet", "unet"]
    for model in document["models"]:
        assert [entry["name"] for entry in model["conventions"]] == list(CONVENTIONS)
        for entry in model["conventions"]:
            terms = sum(term["ops"] for term in entry["terms"])
            assert model["macs"] + terms == entry["counted"]["ops"], entry["name"]


def test_an_unknown_convention_is_an_error() -> None:
    done = run("reconcile", "alexnet", "-c", "thob")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "error: unknown convention 'thob': did you mean 'thop'?"


def test_fold_bn() -> None:
    done = run("table", "resnet50", "--fold-bn", "--format", "json")
    model = json.loads(done.stdout)["models"][0]
    assert model["name"] == "resnet50-folded"
    assert (model["totals"]["buffers"], model["totals"]["macs"]) == (0, 4_089_184_256)
    # 53,120 scales and shifts less, 26,560 biases more
    assert model["totals"]["params"] == 25_557_032 - 53_120 + 26_560


def test_fold_bn_is_for_inference() -> None:
    done = run("table", "resnet50", "--fold-bn", "--mode", "train")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: --fold-bn is for inference: training needs its batch norms\n  drop --mode train\n"
    )
