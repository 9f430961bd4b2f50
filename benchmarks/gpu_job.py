"""Verify, measure and check the memory model on one device, and write what was found.

    python benchmarks/gpu_job.py --output DIR                    # one GPU, 8 minutes at most
    python benchmarks/gpu_job.py --output DIR --device cpu --quick

Runs from a plain checkout. DIR gets verify.json and .md (every model of the zoo against PyTorch on this
device), measure.json and .md (25 architectures, batch 1 and 64, float32 and bfloat16; latency, and memory
against the prediction) and README.md (command, versions, what was left out). When time is up, what is left is
listed, not guessed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ARCHITECTURES = (
    "alexnet", "vgg11", "vgg16", "vgg16_bn", "nin", "googlenet", "inception_v3", "resnet18", "resnet34",
    "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d", "se_resnet50", "densenet121",
    "densenet201", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large",
    "shufflenet_v2_x1_0", "efficientnet_b0", "convnext_tiny", "regnet_y_3_2gf",
)  # fmt: skip
QUICK = ("lenet5_1998", "resnet20_cifar", "squeezenet1_1")


def main() -> int:
    """Run the job; exit code 1 if a figure differs from PyTorch's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="the directory for the results")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="three small models, for a test")
    parser.add_argument("--minutes", type=float, default=7.5, help="when to stop")
    given = parser.parse_args()

    from cnncost.errors import CnncostError

    try:
        return job(given.output, given.device, given.quick, time.monotonic() + 60 * given.minutes)
    except CnncostError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def job(output: Path, device: str, quick: bool, deadline: float) -> int:
    """Verify, measure, write."""
    from cnncost import __version__
    from cnncost.measure.device import device as of_name
    from cnncost.measure.environment import environment
    from cnncost.tables import markdown
    from cnncost.tables import measure as measure_tables
    from cnncost.tables import verify as verify_tables
    from cnncost.tables.output import write

    target = of_name(device)
    output.mkdir(parents=True, exist_ok=True)
    left_out: list[str] = []
    verified = verify_all(target, quick, deadline, left_out)
    measured = measure_all(target, quick, deadline, left_out)

    machine = environment(target)
    command = "python benchmarks/gpu_job.py " + " ".join(sys.argv[1:])
    head = f"<!-- cnncost {__version__}, {machine.get('gpu', machine['cpu'])}: {command} -->\n\n"
    write(output / "verify.json", json.dumps(summary(verified), indent=1) + "\n")
    write(output / "verify.md", head + markdown.render(verify_tables.model_grid(verified)))
    write(output / "measure.json", json.dumps(measure_tables.document(measured)) + "\n")
    groups: dict[Any, list[Any]] = {}
    for one in measured:
        groups.setdefault((one.setting.batch, one.setting.dtype), []).append(one)
    tables = [markdown.render(measure_tables.model_grid(group)) for group in groups.values()]
    write(output / "measure.md", head + "\n".join(tables))
    differs = verify_tables.differing(verified)
    write(output / "README.md", head + readme(machine, verified, measured, left_out, differs))
    print(
        differs or f"{len(verified)} models verified, {len(measured)} measurements in {output}",
        file=sys.stderr,
    )
    return 1 if differs else 0


def verify_all(target: Any, quick: bool, deadline: float, left_out: list[str]) -> list[Any]:
    """Every model of the zoo against PyTorch on the device, for half of the time at most."""
    import torch

    import cnncost
    from cnncost.language import zoo
    from cnncost.measure.verify import verify

    half = time.monotonic() + (deadline - time.monotonic()) / 2
    found = []
    for name in QUICK if quick else zoo.names():
        if time.monotonic() > half:
            left_out.append(f"verification of {name}: time was up")
            continue
        try:
            found.append(verify(cnncost.load(name), target, fvcore=False))
        except torch.OutOfMemoryError:
            left_out.append(f"verification of {name}: out of memory")
    return found


def measure_all(target: Any, quick: bool, deadline: float, left_out: list[str]) -> list[Any]:
    """Latency and memory of the architectures, as many as time allows."""
    import cnncost
    from cnncost.errors import UnavailableError
    from cnncost.measure.latency import measure
    from cnncost.measure.sampling import Stopping
    from cnncost.measure.setting import Setting

    plan = Stopping(time_limit=0.5, warmup_limit=0.3) if quick else Stopping(time_limit=1.5, warmup_limit=1.0)
    found = []
    for batch in (1, 4) if quick else (1, 64):
        for dtype in ("float32", "bfloat16"):
            for name in QUICK if quick else ARCHITECTURES:
                what = f"{name}, batch {batch}, {dtype}"
                if time.monotonic() > deadline:
                    left_out.append(f"{what}: time was up")
                    continue
                try:
                    found.append(measure(cnncost.load(name), Setting(target, batch, dtype), plan))
                except UnavailableError as error:
                    left_out.append(f"{what}: {error}")
                print(what, file=sys.stderr)
    return found


def summary(verified: list[Any]) -> dict[str, Any]:
    """The verification in JSON: counts per model, and every check that is not ok."""
    from cnncost.tables.verify import document

    plain = document(verified)
    for one, found in zip(plain["verified"], verified, strict=True):
        one["results"] = {result: found.counted(result) for result in ("ok", "differs", "not checked")}
        one["checks"] = [check for check in one["checks"] if check["result"] != "ok"]
    return plain


def readme(
    machine: dict[str, Any], verified: list[Any], measured: list[Any], left_out: list[str], differs: str
) -> str:
    """The versions, what was found and what was left out."""
    errors = [one.memory.error for one in measured if one.memory]
    lines = ["| what | value |", "| --- | --- |"]
    lines += [f"| {what} | {value} |" for what, value in machine.items()]
    checks = sum(len(found.checks) for found in verified)
    lines += ["", f"{len(verified)} models verified: {checks:,} checks, {differs or 'none differs'}.", ""]
    if errors:
        span = f"{min(errors):+.2%} to {max(errors):+.2%}"
        lines.append(f"{len(measured)} measurements; predicted against measured memory: {span}.")
    noisy = sum(bool(one.warnings) for one in measured)
    lines.append(f"{noisy} of them have warnings (measure.md): latencies with warnings are rough.")
    lines += (
        ["", "Left out:", *(f"- {what}" for what in left_out)] if left_out else ["", "Nothing was left out."]
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
