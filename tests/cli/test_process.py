"""The program as its users run it: a process, its streams, its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

FORBIDDEN = ("torch", "pandas", "matplotlib", "numpy", "fvcore", "pydantic")


def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cnncost", *arguments], capture_output=True, text=True, timeout=300, **options
    )  # type: ignore[call-overload, no-any-return]


def test_table_is_the_lectures() -> None:
    """The columns of DeepRob's AlexNet table (lines 880 to 940 of the deck), conv1 and fc6."""
    done = run("table", "alexnet")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line and line[0].isalpha()}
    assert rows["conv1"][1:8] == ["3x227x227", "64x56x56", "11", "4", "2", "784", "23.3"]
    assert rows["fc6"][1:5] == ["9216", "4096", "16.0", "37,753"]
    assert list(rows)[2:14] == [
        "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "flatten", "fc6", "fc7", "fc8",
    ]  # fmt: skip


def test_heavy_packages_stay_out() -> None:
    code = f"""
import sys
from cnncost.cli.main import main
sys.argv = ["cnncost", "table", "alexnet"]
try:
    main()
except SystemExit:
    pass
print([name for name in {FORBIDDEN!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stderr == "[]\n"


def test_json_is_the_contract() -> None:
    done = run("table", "alexnet", "resnet18", "--format", "json", "--batch", "2")
    document = json.loads(done.stdout)
    assert (document["schema_version"], document["tool"]["name"]) == (1, "cnncost")
    model = document["models"][0]
    assert {key: model[key] for key in ("name", "source", "input_shape", "batch", "dtype", "convention", "mode")} == {
        "name": "alexnet", "source": "specs/alexnet.yaml", "input_shape": [3, 227, 227], "batch": 2,
        "dtype": "float32", "convention": "cnncost", "mode": "eval",
    }  # fmt: skip
    assert set(model["totals"]) == {
        "params", "buffers", "weight_bytes", "macs", "flops", "activation_elements", "activation_bytes", "peak_bytes", "liveness_bytes", "counted",
        "trainable", "bops",
    }  # fmt: skip
    row = model["rows"][0]
    assert set(row) >= {
        "name", "op", "inputs", "input_shapes", "output_shape", "params", "buffers", "macs", "flops",
        "activation_elements", "activation_bytes", "receptive_field", "counted",
    }  # fmt: skip
    assert (row["name"], row["inputs"], row["input_shapes"], row["output_shape"]) == (
        "conv1", ["input"], [[3, 227, 227]], [64, 56, 56],
    )  # fmt: skip
    assert row["receptive_field"] == [11, 11]
    assert row["macs"] == 2 * 72_855_552  # DeepRob's derivation for one image
    assert model["totals"]["params"] == 61_100_840


@pytest.mark.parametrize("by", ["op", "layer", "block", "stage"])
def test_totals_are_the_same_at_every_level(by: str) -> None:
    model = json.loads(run("table", "googlenet", "--mode", "train", "--by", by, "-f", "json").stdout)[
        "models"
    ][0]
    assert model["totals"]["params"] == 13_378_280
    for quantity in ("params", "buffers", "macs", "flops", "activation_elements", "activation_bytes"):
        assert sum(row[quantity] for row in model["rows"]) == model["totals"][quantity]


USAGE = {
    ("table", "alexnt"): (
        "error: unknown model 'alexnt': did you mean 'alexnet'?\n"
        "  `cnncost list` shows the zoo; a file ends in .yaml or .yml; of libraries: torchvision:NAME, timm:NAME\n"
    ),
    ("table", "alexnet", "--set", "clases=3"): (
        "error: alexnet has no parameter 'clases': did you mean 'classes'?\n"
        "  parameters: classes, maps1, maps2, maps3, maps4, maps5, pad1, groups, normalise, normalise_pooled, k, dropout_first, fixed_head\n"
    ),
    ("table", "alexnet", "--set", "classes"): (
        "error: --set 'classes' is not name=value\n  for example: --set classes=10\n"
    ),
    ("table", "alexnet", "--input", "3x22x"): (
        "error: --input '3x22x' is not a size\n  write channels x height x width: --input 3x256x256\n"
    ),
    ("table", "alexnet", "--by", "layr"): (
        "error: unknown level 'layr': did you mean 'layer'?\n  levels: op, layer, block, stage\n"
    ),
    ("table", "alexnet", "--batch", "0"): "error: a batch is at least 1, not 0\n",
    (
        "table",
        "alexnet",
        "--mode",
        "eva",
    ): "error: unknown mode 'eva': did you mean 'eval'?\n  known: eval, train\n",
    ("table", "alexnet", "--dtype", "float31"): (
        "error: unknown dtype 'float31': did you mean 'float32'?\n"
        "  known: float64, float32, float16, bfloat16, int8\n"
    ),
    ("table", "alexnet", "--columns", "name,mac"): (
        "error: unknown column 'mac': did you mean 'macs'?\n"
        "  columns: name, op, input, output, kernel, stride, padding, memory, memory_share, params, params_share, trainable, ops, ops_share, macs, backward_macs, flops, buffers, activation_elements, activation_bytes, weight_bytes, weight_bits, activation_bits, bops, receptive_field, jump, unknown, untested\n"
    ),
    ("table", "alexnet", "--format", "jsn"): (
        "error: unknown format 'jsn': did you mean 'json'?\n  formats: text, markdown, csv, latex, json\n"
    ),
    ("table", "alexnet", "-o", "out.doc"): (
        "error: out.doc: no format has the suffix '.doc'\n"
        "  suffixes: .txt (text), .md (markdown), .csv (csv), .tex (latex), .json (json); or pass --format\n"
    ),
    ("table", "alexnet", "-o", "nowhere/out.md"): (
        "error: nowhere/out.md: no directory 'nowhere'\n  make it first: mkdir -p nowhere\n"
    ),
    ("memory", "alexnet", "--optimizer", "adm"): (
        "error: unknown optimizer 'adm': did you mean 'adam'?\n  known: sgd, momentum, adam, adamw\n"
    ),
    ("plot", "memory", "alexnet", "--batch", "0", "-o", "x.png"): "error: a batch is at least 1, not 0\n",
    ("measure", "alexnet", "--time-limit", "nan"): (
        "error: --time-limit nan is not a number of seconds above 0\n"
    ),
    ("compare", "alexnet", "--device", "cpu", "--warmup-limit", "-1"): (
        "error: --warmup-limit -1 is not a number of seconds above 0\n"
    ),
    ("list", "--year", "95"): "error: --year '95' is not a year\n  write 2015, 2012-2014, 2015- or -2014\n",
}


TORCH = ("measure", "--device")
"""What is in a command that answers otherwise where there is no torch."""


@pytest.mark.parametrize(
    "arguments",
    [pytest.param(each, marks=[pytest.mark.torch] * any(word in each for word in TORCH)) for each in USAGE],
    ids=" ".join,
)
def test_bad_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == USAGE[arguments]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("compare", "alexnet"),
        ("explain", "alexnet", "conv1"),
        ("memory", "alexnet"),
        ("plot", "layers", "alexnet", "-o", "x.png"),
        ("plot", "memory", "alexnet", "-o", "x.png"),
        ("plot", "sweep", "alexnet", "-o", "x.png"),
        ("draw", "alexnet"),
        ("report", "alexnet", "-o", "x.html"),
        ("lock", "alexnet", "-o", "x.lock"),
    ],
    ids=" ".join,
)
def test_an_unknown_dtype_is_the_same_error_everywhere(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, "--dtype", "float31", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == USAGE["table", "alexnet", "--dtype", "float31"]
    assert list(tmp_path.iterdir()) == []


def test_more_images_than_a_machine_integer_holds(tmp_path: Path) -> None:
    out = tmp_path / "x.svg"
    done = run("plot", "layers", "alexnet", "--batch", str(10**13), "-o", str(out))
    assert (done.returncode, done.stderr) == (0, "") and out.exists()


def test_a_wrong_spec_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("input: [3, 8, 8]\nbody:\n  - conv: {out: 2, strid: 2}\n")
    done = run("table", "net.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "net.yaml:3:20: conv has no argument 'strid'\n"
        "    - conv: {out: 2, strid: 2}\n"
        "                     ^~~~~  did you mean 'stride'?\n"
        "  conv takes: out, kernel, stride, pad, dilation, groups, bias, rounding, connections, frozen\n"
    )


def test_output_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "table.md"
    assert run("table", "alexnet", "-o", str(out)).returncode == 0
    kept = out.read_text()
    assert kept.startswith("### alexnet")
    assert run("table", "alexnet", "nosuch", "-o", str(out)).returncode == 2
    assert out.read_text() == kept
    assert list(tmp_path.iterdir()) == [out]


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m cnncost table resnet152 --by op | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("resnet152")


def test_ctrl_c_ends_quietly(tmp_path: Path) -> None:
    fifo = tmp_path / "net.yaml"
    os.mkfifo(fifo)  # reading it blocks, so the program is surely at work
    process = subprocess.Popen(
        [sys.executable, "-m", "cnncost", "table", str(fifo)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )
    with fifo.open("w"):  # which waits until the program has opened it, too
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


def test_no_colour_off_a_terminal() -> None:
    assert "\x1b" not in run("table", "alexnet").stdout


@pytest.mark.parametrize("no_color", [False, True])
def test_colour_on_a_terminal_unless_refused(no_color: bool) -> None:
    import pty

    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **({"NO_COLOR": "1"} if no_color else {})}
    environment.pop("NO_COLOR", None) if not no_color else None
    subprocess.run(
        [sys.executable, "-m", "cnncost", "table", "lenet5"],
        stdout=follower,
        env=environment,
        timeout=300,
        check=True,
    )
    os.close(follower)
    seen = os.read(leader, 100_000).decode()
    os.close(leader)
    assert ("\x1b[" in seen) is not no_color


def test_version_and_module() -> None:
    import cnncost

    assert run("--version").stdout == f"cnncost {cnncost.__version__}\n"


def test_help_of_every_command_ends_with_examples() -> None:
    from cnncost.cli.main import COMMANDS

    for command in COMMANDS:
        done = run(command, "--help")
        assert done.returncode == 0, done.stderr
        _, _, examples = done.stdout.rpartition("Examples:")
        assert f"cnncost {command}" in examples, command


def test_model_names_complete() -> None:
    environment = {
        **os.environ,
        "_CNNCOST_COMPLETE": "complete_bash",
        "COMP_WORDS": "cnncost table resnet1",
        "COMP_CWORD": "2",
    }
    done = run(env=environment)
    assert {"resnet18", "resnet101", "resnet152"} <= set(done.stdout.split())
    assert "alexnet" not in done.stdout
