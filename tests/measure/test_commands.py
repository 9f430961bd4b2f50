"""verify, memory, measure and compare from the command line: results, errors, exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import cnncost
from cnncost.analysis.conventions import CONVENTIONS
from cnncost.errors import UnavailableError
from cnncost.execution.training import training_memory
from cnncost.importers import from_module
from cnncost.measure import latency, verify
from cnncost.measure.clock import CpuClock
from cnncost.measure.latency import measure
from cnncost.measure.sampling import Stopping
from cnncost.measure.setting import Setting

QUICK = ("--time-limit", "0.2", "--warmup-limit", "0.1")
CPU = torch.device("cpu")


def run(*arguments: str, code: int = 0, before: str = "pass") -> subprocess.CompletedProcess[str]:
    script = f"import sys; {before}; sys.argv = ['cnncost', *{arguments!r}]; from cnncost.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    return done


NO_TORCH = (
    "import importlib.util as u; real = u.find_spec;"
    "u.find_spec = lambda name, *rest: None if name == 'torch' else real(name, *rest)"
)


@pytest.mark.parametrize(
    "arguments", [("verify", "lenet5"), ("measure", "lenet5"), ("compare", "lenet5", "--device", "cpu")]
)
def test_without_torch(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, code=3, before=NO_TORCH)
    assert done.stderr == (
        'error: this needs PyTorch, which is not installed\n  pip install "cnncost[torch]"\n'
    )
    assert done.stdout == ""


def test_build_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="pip install"):
        cnncost.build(cnncost.load("lenet5"))


@pytest.mark.parametrize("command", [("verify",), ("measure", "--device", "cpu")])
def test_a_batch_too_small_for_batch_norm(command: tuple[str, ...]) -> None:
    """Inception v3's auxiliary classifier has batch norm behind a map of 1 x 1."""
    done = run(*command, "squeezenet1_1", "inception_v3", "--mode", "train", "--batch", "1", code=2)
    assert (done.stdout, done.stderr) == (
        "",
        "error: inception_v3: at batch 1 aux.auxiliary_head.conv_bn2.bn normalises one value per channel,"
        " which PyTorch refuses\n"
        "  pass a larger --batch\n",
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("command", ["verify", "measure", "compare"])
def test_without_cuda(command: str) -> None:
    done = run(command, "lenet5", "--device", "cuda", code=3)
    assert done.stderr.startswith("error: there is no CUDA device (torch ")
    assert "\n  pass --device cpu, or install a CUDA build of torch" in done.stderr


def test_unknown_device() -> None:
    done = run("measure", "lenet5", "--device", "tpu", code=2)
    assert done.stderr == "error: unknown device 'tpu'\n  devices: cpu, cuda, cuda:1\n"


def test_memory_needs_no_torch() -> None:
    before = "sys.modules['torch'] = None"
    document = json.loads(
        run("memory", "alexnet", "--input", "224", "--format", "json", before=before).stdout
    )
    assert document["peak_bytes"] == 1_936_384
    assert document["peak_node"] == "pool1"
    alive = [
        tensor["bytes"] for tensor in document["tensors"] if tensor["from"] in ("input", "conv1", "pool1")
    ]
    assert sum(alive) + document["nodes"][2]["temporary"] == 1_936_384


def test_memory_of_training() -> None:
    arguments = ("memory", "resnet18", "--train", "--optimizer", "adam", "--batch", "4", "--format", "json")
    training = json.loads(run(*arguments).stdout)["training"]
    parts = ("weights", "optimizer_state", "gradients_at_peak", "saved_at_peak", "transient")
    assert sum(training[part] for part in parts) == training["peak"]
    assert min(training[part] for part in parts) >= 0


def test_the_largest_batch_fits_and_the_next_does_not() -> None:
    fits = json.loads(run("memory", "resnet18", "--fits", "1GiB", "--format", "json").stdout)["fits"]
    graph = cnncost.load("resnet18")
    assert training_memory(graph, batch=fits["training"]).peak <= 2**30
    assert training_memory(graph, batch=fits["training"] + 1).peak > 2**30

    def need(batch: int) -> int:
        totals = cnncost.analyze(graph, batch=batch).totals
        return totals.weight_bytes + totals.peak_bytes

    assert need(fits["inference"]) <= 2**30 < need(fits["inference"] + 1)


def test_a_size_that_is_none() -> None:
    done = run("memory", "lenet5", "--fits", "lots", code=2)
    cure = "write --fits 24GiB, 500MB or 320KiB, or a device, as rtx-4090 (cnncost help devices)"
    assert done.stderr == f"error: --fits 'lots' is not a size\n  {cure}\n"
    done = run("memory", "lenet5", "--fits", "rtx4099", code=2)
    assert done.stderr == (
        f"error: --fits 'rtx4099' is not a size, nor a device: did you mean 'rtx-4090'?\n  {cure}\n"
    )
    assert (
        run("memory", "lenet5", "--fits", "RTX 4090").stdout
        == run("memory", "lenet5", "--fits", "24GB").stdout
    )


def test_memory_as_a_convention_counts() -> None:
    """The rows of the table of VGG-16 in Stanford's notes, summed: every value takes 4 bytes."""
    maps = (
        (224, 3 + 2 * 64),
        (112, 64 + 2 * 128),
        (56, 128 + 3 * 256),
        (28, 256 + 3 * 512),
        (14, 4 * 512),
        (7, 512),
    )
    values = sum(side * side * channels for side, channels in maps) + 2 * 4096 + 1000
    arguments = ("memory", "vgg16", "--convention", "cs231n")
    document = json.loads(run(*arguments, "--format", "json").stdout)
    assert document["convention"] == "cs231n"
    assert document["counted_memory_bytes"] == 4 * values
    assert (
        run(*arguments)
        .stdout.splitlines()[-1]
        .startswith(
            "Counted as cs231n, a forward pass makes 60,950,432 bytes (58.1 MiB) in all. Convention cs231n: params:"
        )
    )


def test_verify_states_the_convention() -> None:
    document = json.loads(run("verify", "resnet18", "-c", "fvcore", "--format", "json").stdout)
    counted = document["verified"][0]["counted"]
    assert (counted["params"], counted["ops"]) == (11_689_512, 2 * 1_819_065_856)
    shown = run("verify", "resnet18", "-c", "fvcore").stdout.splitlines()
    assert shown[-2] == "Counted as fvcore: 11,689,512 params, 3,638,131,712 FLOPs."
    assert shown[-1].startswith("Convention fvcore: 1 FLOP is 1 MAC; batch norm 2 per element")


def test_measured_rate_of_a_convention() -> None:
    arguments = ("measure", "lenet5", "-c", "torch", *QUICK)
    (one,) = json.loads(run(*arguments, "--format", "json").stdout)["measured"]
    assert (one["convention"], one["counted"]["ops"]) == ("torch", 833_040)  # FlopCounterMode's
    assert one["ops_per_second"] == pytest.approx(833_040 / one["seconds"]["median"])
    assert one["flops_per_second"] == pytest.approx(one["flops"] / one["seconds"]["median"])
    shown = run(*arguments).stdout
    assert "   FLOP/s   torch FLOPs/s   " in shown
    assert shown.splitlines()[-1].startswith("Convention torch: 1 MAC is 2 FLOPs, nothing else counts")


@pytest.mark.parametrize(
    "command", ["explain", "draw", "measure", "memory", "verify", "table", "compare", "list"]
)
def test_an_unknown_convention_is_the_same_error_everywhere(command: str) -> None:
    model = () if command == "list" else ("lenet5",)
    done = run(command, *model, "--convention", "fvcor", code=2)
    assert done.stdout == ""
    assert done.stderr == (
        f"error: unknown convention 'fvcor': did you mean 'fvcore'?\n  known: {', '.join(CONVENTIONS)}\n"
    )


def test_verify_on_the_cpu_asks_fvcore_too() -> None:
    document = json.loads(run("verify", "squeezenet1_1", "--device", "cpu", "--format", "json").stdout)
    checks = document["verified"][0]["checks"]
    assert {check["result"] for check in checks} == {"ok"}
    macs = sum(check["found"] for check in checks if check["quantity"] == "MACs (fvcore)")
    assert macs == 2 * cnncost.analyze(cnncost.load("squeezenet1_1")).totals.macs  # batch 2


def test_fused_attention_is_counted() -> None:
    """On the CPU FlopCounterMode does not know it."""
    graph = from_module(Attending(), (3, 8, 6))
    found = verify.verify(graph, CPU)
    macs = next(one for one in found.checks if one.quantity == "MACs (torch)" and one.expected)
    assert (macs.expected, macs.result) == (2 * 2 * 3 * 8 * 8 * 6, "ok")


class Attending(torch.nn.Module):
    """Attention of a sequence to itself, three heads."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(x, x, x)


def test_verify_on_meta_says_what_it_did_not_check() -> None:
    done = run("verify", "lenet5")
    assert "not checked: fvcore traces real tensors, not meta ones: pass --device cpu" in done.stdout


def test_verify_needs_models_or_all() -> None:
    assert "verify needs models, or --all" in run("verify", code=2).stderr


def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnncost.ops.conv import Conv
    from cnncost.tables.verify import differing

    macs = Conv.macs
    monkeypatch.setattr(Conv, "macs", lambda self, output, *inputs: macs(self, output, *inputs) + 1)
    found = verify.verify(cnncost.load("lenet5_1998"))
    assert found.counted("differs") == 3
    message = differing([found]).splitlines()
    assert message[0] == "3 figures differ from PyTorch's"
    assert message[1] == "  lenet5_1998: C1: MACs (torch) 235,201, PyTorch 235,200"


def test_measure_keeps_raw_samples(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    run("measure", "lenet5", "resnet20_cifar", "--layers", "-o", str(path), *QUICK)
    measured = json.loads(path.read_text())["measured"]
    assert [one["model"] for one in measured] == ["lenet5", "resnet20_cifar"]
    for one in measured:
        ordered = sorted(one["samples"])
        assert ordered[0] <= one["seconds"]["p10"] <= one["seconds"]["median"] <= one["seconds"]["p90"]
        assert one["memory"]["error"] == 0
        assert one["environment"]["torch"] == torch.__version__
        assert sum(layer["scaled"] for layer in one["layers"]) == pytest.approx(one["seconds"]["median"])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_training_memory_is_measured_as_predicted(dtype: str) -> None:
    plan = Stopping(time_limit=0.1, warmup_limit=0.1)
    graph = cnncost.load("resnet20_cifar")
    found = measure(graph, Setting(CPU, 4, dtype, mode="train"), plan)
    assert found.memory is not None
    if dtype == "float32":
        assert found.memory.error == 0
    assert abs(found.memory.error) < 0.01
    assert found.flops_per_second is None


def test_dropout_keeps_on_the_cpu_what_it_keeps_there(tmp_path: Path) -> None:
    """Floats, not the bytes of CUDA: a network whose peak they are part of."""
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "input: [3, 32, 32]\nbody:\n  - {conv: {out: 8, kernel: 3}}\n  - relu\n  - dropout\n  - {conv: {out: 8, kernel: 3}}\n"
        "  - {dropout: {p: 0.2}}\n  - global_avgpool\n  - flatten\n  - {linear: {out: 10}}\n"
    )
    graph = cnncost.load(str(spec))
    found = measure(graph, Setting(CPU, 4, mode="train"), Stopping(time_limit=0.1, warmup_limit=0.1))
    assert found.memory is not None and found.memory.error == 0
    on_cuda, on_cpu = (training_memory(graph, batch=4, device=device).peak for device in ("cuda", "cpu"))
    assert on_cpu > on_cuda


def test_channels_last_gives_the_same_memory() -> None:
    found = measure(cnncost.load("resnet20_cifar"), Setting(CPU, 2, layout="nhwc"), Stopping(time_limit=0.1))
    assert found.memory is not None
    assert found.memory.error == 0


class BusyClock(CpuClock):
    """A clock whose user presses Ctrl-C after some runs."""

    name = "busy"

    def __init__(self, runs: int):
        self.left = runs

    def time(self, work: object) -> float:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return 0.01


def test_ctrl_c_keeps_what_was_measured() -> None:
    found = measure(cnncost.load("lenet5"), Setting(CPU, threads=1), clock=BusyClock(15))
    assert found.samples.interrupted
    assert found.statistics.count == 5
    assert found.memory is None
    assert found.warnings[0] == "interrupted after 5 samples"


def test_out_of_memory_says_what_was_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(latency, "Runner", refuse)
    with pytest.raises(UnavailableError) as raised:
        measure(cnncost.load("vgg16"), Setting(CPU, 8))
    need = units_of(8)
    assert str(raised.value) == (
        f"vgg16 at batch 8 does not fit on cpu: it needs {need}, workspaces not counted\n"
        "  pass a smaller --batch; `cnncost memory vgg16 --fits SIZE` finds the largest"
    )


def units_of(batch: int) -> str:
    from cnncost import units

    totals = cnncost.analyze(cnncost.load("vgg16"), batch=batch).totals
    return units.size(totals.weight_bytes + totals.peak_bytes)


def test_the_other_models_are_still_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnncost.cli.measure import measure_all as run_all

    runner = latency.Runner

    def refuse_some(graph: cnncost.Graph, setting: Setting) -> latency.Runner:
        if graph.name == "vgg16":
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return runner(graph, setting)

    monkeypatch.setattr(latency, "Runner", refuse_some)
    graphs = [cnncost.load(name) for name in ("vgg16", "lenet5")]
    found, failed, interrupted = run_all(graphs, Setting(CPU), Stopping(time_limit=0.1, warmup_limit=0.1))
    assert (list(found), list(failed), interrupted) == ([1], [0], False)


@pytest.mark.slow
def test_what_cannot_be_compiled_is_an_error_that_names_the_flag(tmp_path: Path) -> None:
    nowhere = {"CXX": "/nowhere/c++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = run("measure", "lenet5", "--compile", *QUICK, code=3, before=f"import os; os.environ |= {nowhere}")
    first, cure = done.stderr.splitlines()[-2:]
    assert first.startswith("error: torch.compile cannot take lenet5 here: InductorError: ")
    assert "No working C++ compiler" in first
    assert cure == "  leave --compile out"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled(tmp_path: Path) -> None:
    before = f"import os; os.environ['TORCHINDUCTOR_CACHE_DIR'] = {str(tmp_path)!r}"
    done = run("measure", "lenet5", "--compile", *QUICK, "--format", "json", before=before)
    (found,) = json.loads(done.stdout)["measured"]
    assert found["setting"]["compile"] and found["memory"] is None  # no trace sees it on the CPU


def test_an_operator_without_counterpart_is_named() -> None:
    from cnncost.graph import Graph, InputNode, Node
    from cnncost.ops.base import Elementwise

    class Strange(Elementwise):
        name = "strange"
        kin = "test"

    nodes = (
        Node(0, "input", InputNode(), (), (1, 3, 8, 8)),
        Node(1, "layer", Strange(), (0,), (1, 3, 8, 8)),
    )
    with pytest.raises(cnncost.UsageError) as raised:
        cnncost.build(Graph("odd", nodes, (1,)))
    assert str(raised.value) == "odd: strange has no PyTorch counterpart (node 'layer')"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (Setting(CPU, dtype="int8"), "unknown dtype 'int8'\n  known: float32, bfloat16, float16"),
        (
            Setting(CPU, graph=True),
            "--graph replays a CUDA graph\n  pass --device cuda, or leave --graph out",
        ),
        (Setting(torch.device("meta")), "nothing runs on meta\n  pass --device cpu or --device cuda"),
        (Setting(CPU, batch=0), "a batch is at least 1, not 0"),
    ],
)
def test_settings_that_make_no_sense(setting: Setting, message: str) -> None:
    with pytest.raises(cnncost.UsageError) as raised:
        measure(cnncost.load("lenet5"), setting)
    assert str(raised.value) == message
