"""How fast cnncost is, against the peers and against the budgets: ratios within one run.

    python benchmarks/speed.py            print the table
    python benchmarks/speed.py --write    and rewrite benchmarks/README.md
    python benchmarks/speed.py --ratios   load + analyze of three networks over 10^6 steps of Python, alone

Whole processes are run in turn, A B C A B C ..., so that a machine that slows down slows all of them; the
median is quoted. Needs the [test] extra for the peers; one that is not installed is left out and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
BASELINE = "import typer, rich.console, rich.table, yaml"

# What a user of each peer writes to learn what AlexNet costs. The shim only mends the import of a torchvision
# that was built for another torch.
MODEL = f"""
import sys, warnings; warnings.simplefilter("ignore"); sys.path.insert(0, {str(HERE.parent / "tests")!r})
import torch
from cnncost.importers.sources import library
model, x = library("torchvision").alexnet(weights=None).eval(), torch.zeros(1, 3, 224, 224)
"""
PEERS = {
    "torchinfo": "import torchinfo; print(torchinfo.summary(model, input_data=x))",
    "fvcore": "import fvcore.nn as nn; print(nn.flop_count_table(nn.FlopCountAnalysis(model, x)))",
    "ptflops": "import ptflops; print(ptflops.get_model_complexity_info(model, (3, 224, 224)))",
    "thop": "import thop; print(thop.profile(model, inputs=(x,)))",
    "calflops": "import calflops; print(calflops.calculate_flops(model, input_shape=(1, 3, 224, 224)))",
    "torchprofile": "from torchprofile import profile_macs; print(profile_macs(model, x))",
    "FlopCounterMode": "import torch.utils.flop_counter as counter\nwith counter.FlopCounterMode(): model(x)",
}
MODULES = {"FlopCounterMode": "torch"}


def run(command: list[str]) -> tuple[float, float]:
    """Seconds and peak MiB of a whole process; raises if it fails."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(errors.decode()[-300:])
    return seconds, usage.ru_maxrss / 1024


def processes(rounds: int) -> list[str]:
    """Rows of the table of whole processes."""
    commands = {
        f"`python -c '{BASELINE}'`": [sys.executable, "-c", BASELINE],
        "`cnncost table alexnet`": [sys.executable, "-m", "cnncost", "table", "alexnet"],
        "`cnncost list`, the whole zoo": [sys.executable, "-m", "cnncost", "list"],
    }
    if importlib.util.find_spec("cnncost.regress") and (HERE.parent / "cnncost.lock").exists():
        lock = str(HERE.parent / "cnncost.lock")
        commands["`cnncost check`, the whole zoo"] = [
            sys.executable,
            "-m",
            "cnncost",
            "check",
            "--lock",
            lock,
        ]
    left_out = []
    for peer, code in PEERS.items():
        if importlib.util.find_spec(MODULES.get(peer, peer)):
            commands[peer] = [sys.executable, "-c", MODEL + code]
        else:
            left_out.append(f"| {peer} | not installed | | | |")
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    failed: dict[str, str] = {}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            if name in failed:
                continue
            try:
                result = run(command)
            except RuntimeError as error:
                failed[name] = str(error).strip().splitlines()[-1]
                continue
            if turn:  # the first turn warms the disk
                times[name].append(result)
    base = statistics.median(seconds for seconds, _ in next(iter(times.values())))
    base_memory = statistics.median(memory for _, memory in next(iter(times.values())))
    rows = [
        "| whole process | median s | times the baseline | peak MiB | times its memory |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, samples in times.items():
        if name in failed:
            rows.append(f"| {name} | failed: {failed[name]} | | | |")
            continue
        seconds = statistics.median(s for s, _ in samples)
        memory = statistics.median(m for _, m in samples)
        rows.append(
            f"| {name} | {seconds:.3f} | {seconds / base:.2f} | {memory:.0f} | {memory / base_memory:.1f} |"
        )
    return rows + left_out


def chain(blocks: int) -> str:
    """A residual net with so many blocks, as a spec."""
    return f"""
input: [3, 32, 32]
blocks:
  conv_bn(out):
    - conv: {{out: out, kernel: 3, pad: 1, bias: false}}
    - bn
  unit(out):
    - add: {{main: [{{conv_bn: [out]}}, relu, {{conv_bn: [out]}}], shortcut: []}}
    - relu
body:
  - conv_bn: [16]
  - {{unit: [16], times: {blocks}}}
"""


def timed(action: Callable[[], object], repeats: int = 9) -> float:
    """Median seconds of an action."""
    samples = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def in_process() -> list[str]:
    """Rows of the table of what happens inside one process."""
    import cnncost
    from cnncost.analysis.sweep import sweep
    from cnncost.language import zoo

    def model(name: str) -> Callable[[], object]:
        return lambda: cnncost.analyze(cnncost.load(name))

    with tempfile.TemporaryDirectory() as directory:
        nets = {}
        for blocks in (500, 1_000, 2_000):
            path = Path(directory) / f"net{blocks}.yaml"
            path.write_text(chain(blocks))
            nets[blocks] = timed(model(str(path)), 5)
    import numpy as np

    batches, sizes = np.meshgrid(np.arange(1, 101), np.arange(100) * 4 + 64)
    graph = cnncost.load("resnet50")
    points = timed(lambda: sweep(graph, batch=batches, height=sizes, width=sizes), 5)
    names = zoo.names()
    whole = timed(lambda: [cnncost.analyze(cnncost.load(name)) for name in names], 3)
    milliseconds = {
        "load + analyze of resnet152": (timed(model("resnet152")), 10),
        "load + analyze of a residual net of 1,000 blocks": (nets[1_000], 100),
        f"load + analyze of the whole zoo, {len(names)} models": (whole, 2_000),
        "sweep of resnet50 over 10,000 (batch, resolution) points": (points, None),
    }
    rows = ["| in one process | median ms | budget ms |", "|---|--:|--:|"]
    for what, (seconds, budget) in milliseconds.items():
        rows.append(f"| {what} | {seconds * 1e3:.1f} | {budget or ''} |")
    rows.append(f"| time of 1,000 blocks over 500 | {nets[1_000] / nets[500]:.2f} times | |")
    rows.append(f"| time of 2,000 blocks over 1,000 | {nets[2_000] / nets[1_000]:.2f} times | |")
    return rows


RATIOS = {"resnet50": 0.06, "densenet201": 0.2, "1,000 residual blocks": 1.5, "2,000 residual blocks": 3.0}
"""Processor time of load + analyze that we aim at, as a part of `million_steps`."""


def million_steps() -> float:
    """Processor seconds of 10^6 steps of `s += i * i`: how fast this machine is at this moment."""
    start, total = time.process_time(), 0
    for i in range(10**6):
        total += i * i
    return time.process_time() - start


def ratios() -> list[str]:
    """Rows of the table of load + analyze over `million_steps`, measured side by side; the least of 7."""
    import cnncost

    rows = ["| load + analyze | ratio | aim |", "|---|--:|--:|"]
    with tempfile.TemporaryDirectory() as directory:
        for what, aim in RATIOS.items():
            name = what
            if what[0].isdigit():
                name = str(Path(directory) / "net.yaml")
                Path(name).write_text(chain(int(what.split()[0].replace(",", ""))))
            found = []
            for _ in range(8):  # the first warms up
                start = time.process_time()
                cnncost.analyze(cnncost.load(name))
                seconds = time.process_time() - start
                found.append(seconds / min(million_steps(), million_steps()))
            rows.append(f"| {what} | {min(found[1:]):.3f} | {aim} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="turns through all processes")
    parser.add_argument("--write", action="store_true", help="rewrite benchmarks/README.md")
    parser.add_argument("--ratios", action="store_true", help="only load + analyze over steps of Python")
    options = parser.parse_args()
    if options.ratios:
        print("\n".join(ratios()))
        return
    versions = ", ".join(f"{name} {version(name)}" for name in ("cnncost", "typer", "rich", "PyYAML"))
    lines = [
        "# Speed",
        "",
        "Written by `python benchmarks/speed.py --write`; the ratios are within one run, on one machine.",
        f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; {versions}.",
        "",
        *processes(options.rounds),
        "",
        *in_process(),
        "",
        *ratios(),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if options.write:
        (HERE / "README.md").write_text(text)


if __name__ == "__main__":
    main()
