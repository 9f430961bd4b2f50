"""Verify, calibrate, predict and measure on one device, and write what was found.

    python benchmarks/gpu_job.py --output DIR                        # one GPU, 9 minutes at most
    python benchmarks/gpu_job.py --output DIR --quick --minutes 1    # does everything run there?
    python benchmarks/gpu_job.py --output DIR --device cpu --quick
    python benchmarks/gpu_job.py --output DIR --skip-verification --earlier reports/h100-sxm/profile.yaml

Runs from a plain checkout. Everything is held to a deadline, what was found is written as it is found, and
what was left out is listed, not guessed. DIR gets

    README.md          machine, versions, how good the predictions are, what was left out verify.json, .md
    every model of the zoo against PyTorch on this device profile.yaml       the device as it was calibrated:
    `cnncost predict SPEC --on DIR/profile.yaml` calibration.json   every raw sample that the profile was
    fitted to measure.json, .md  25 architectures, batch 1 and 64, two precisions: latency and memory against
    the prediction predict.md         the same networks, predicted before they were measured: errors,
    intervals, noise floor; also those that no earlier run measured, and what a profile of an earlier day says
"""

from __future__ import annotations

import argparse
import json
import math
import pickle
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import judging
from judging import Case, Judged, say

ARCHITECTURES = (
    "alexnet", "vgg11", "vgg16", "vgg16_bn", "nin", "googlenet", "inception_v3", "resnet18", "resnet34",
    "resnet50", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d", "se_resnet50", "densenet121",
    "densenet201", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large",
    "shufflenet_v2_x1_0", "efficientnet_b0", "convnext_tiny", "regnet_y_3_2gf",
)  # fmt: skip
NEW = (
    "vgg13", "densenet169", "efficientnet_b2", "regnet_x_3_2gf", "mobilenet_v3_small", "shufflenet_v2_x2_0",
    "convnext_small", "fcn_resnet50",
)  # fmt: skip
"""Networks that no run had measured when the model of times was chosen; among families it was chosen with."""
QUICK = ("lenet5_1998", "resnet20_cifar", "squeezenet1_1")
PRECISIONS = (("float32", "nchw"), ("bfloat16", "nhwc"))
"""What is calibrated and measured: PyTorch's default, and what a GPU is fastest at."""
WORKERS = 12
"""Processes that verify side by side; nothing is timed meanwhile."""
VERIFIED, CALIBRATED = 0.21, 0.64
"""Shares of the time after which verification, and calibration, have to be over."""


@dataclass
class Job:
    """What is asked, and what was found so far."""

    output: Path
    target: Any  #: torch.device
    quick: bool
    minutes: float
    skip_verification: bool = False
    earlier: Path | None = None  #: a profile of an earlier day, judged by the same measurements
    verified: list[Any] = field(default_factory=list)
    campaigns: list[Any] = field(default_factory=list)
    profiles: list[tuple[Any, Any]] = field(default_factory=list)  #: each behind its campaign
    measured: list[Any] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    judged_earlier: list[Judged] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    failed: bool = False  #: a part ended with an error that nobody expected

    def until(self, share: float) -> float:
        """The moment of the monotonic clock at which that share of the time is over."""
        return judging.STARTED + 60 * self.minutes * share

    @property
    def names(self) -> tuple[str, ...]:
        """The networks that are predicted and measured."""
        return QUICK if self.quick else (*ARCHITECTURES, *NEW)

    @property
    def launches(self) -> tuple[str, ...]:
        return ("eager", "graph") if self.target.type == "cuda" else ("eager",)


def main() -> int:
    """Run the job; exit code 1 if a figure differs from PyTorch's, or a part failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="the directory for the results")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="three small models, for a test")
    parser.add_argument("--minutes", type=float, default=9.0, help="when to stop")
    parser.add_argument("--skip-verification", action="store_true", help="more time for the rest")
    parser.add_argument("--earlier", type=Path, help="a profile.yaml of an earlier day, to be judged, too")
    parser.add_argument(
        "--part", help=argparse.SUPPRESS
    )  # of verification: 3/8, whose results go to --output
    given = parser.parse_args()

    from cnncost.errors import CnncostError
    from cnncost.measure.device import device as of_name

    try:
        target = of_name(given.device)
        if given.part:
            return verify_part(given.output, target, given.quick, given.part)
        return run(
            Job(given.output, target, given.quick, given.minutes, given.skip_verification, given.earlier)
        )
    except CnncostError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def run(job: Job) -> int:
    """Verify, calibrate, predict, measure; write after each."""
    job.output.mkdir(parents=True, exist_ok=True)
    say(f"on {job.target}")
    verified = 0.0 if job.skip_verification else VERIFIED
    if job.skip_verification:
        job.left_out.append("verification: skipped")
    else:
        verify_all(job)
        write_verification(job)
    for number, (dtype, layout) in enumerate(PRECISIONS, start=1):
        share = verified + (CALIBRATED - verified) * number / len(PRECISIONS)
        with stage(job, f"calibration of {dtype}, {layout}"):
            calibrate(job, dtype, layout, job.until(share) - time.monotonic())
            write_profile(job)
    with stage(job, "prediction"):
        predict_all(job)
    with stage(job, "measuring"):
        measure_all(job)
    differs = write_measurements(job)
    say(differs or f"{len(job.verified)} models verified, {len(job.measured)} measured: {job.output}")
    return 1 if differs or job.failed else 0


@contextmanager
def stage(job: Job, what: str) -> Iterator[None]:
    """A part that may fail as a whole without the others: a lent machine is not there twice."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        job.left_out.append(f"{what} failed: {type(error).__name__}: {error}")
        job.failed = True


# Verification


def verify_all(job: Job) -> None:
    """Every model of the zoo against PyTorch on the device, in several processes."""
    names, count = zoo_names(job.quick), 2 if job.quick else WORKERS
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / str(number) for number in range(count)]
        command = [sys.executable, __file__, "--device", str(job.target), *(["--quick"] if job.quick else [])]
        workers = [
            subprocess.Popen([*command, "--output", str(file), "--part", f"{number}/{count}"])
            for number, file in enumerate(files)
        ]
        for worker in workers:
            try:
                worker.wait(max(0.1, job.until(VERIFIED) - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        found = {name: one for file in files for name, one in results(file)}
    for name in names:
        one = found.get(name, "time was up")
        if isinstance(one, str):
            job.left_out.append(f"verification of {name}: {one}")
        else:
            job.verified.append(one)
    say(f"{len(job.verified)} of {len(names)} models verified")


def zoo_names(quick: bool) -> list[str]:
    from cnncost.language import zoo

    return list(QUICK) if quick else zoo.names()


def verify_part(file: Path, target: Any, quick: bool, part: str) -> int:
    """Verify every n-th model; a pickle each of its name and what was found, or why not."""
    import torch

    import cnncost
    from cnncost.measure.verify import verify

    number, count = map(int, part.split("/"))
    torch.set_num_threads(1)
    with file.open("wb") as results:
        for name in zoo_names(quick)[number::count]:
            try:
                found: Any = verify(cnncost.load(name), target, fvcore=False)
            except torch.OutOfMemoryError:
                found = "out of memory"
                torch.cuda.empty_cache()
            pickle.dump((name, found), results)
            results.flush()
    return 0


def results(file: Path) -> list[tuple[str, Any]]:
    """What a part has written before it ended, or was ended."""
    found = []
    if file.exists():
        with file.open("rb") as stream:
            try:
                while True:
                    found.append(pickle.load(stream))
            except (EOFError, pickle.UnpicklingError):
                pass
    return found


# Calibration and prediction


def calibrate(job: Job, dtype: str, layout: str, seconds: float) -> None:
    """A campaign and the profile that it gives; whatever is in the way is listed."""
    from cnncost import calibrate
    from cnncost.calibrate import campaign as campaigns
    from cnncost.calibrate import making, networks
    from cnncost.calibrate.bench import TorchBench
    from cnncost.errors import CnncostError

    bench = TorchBench(job.target, dtype, layout)
    lists = (networks.FITTED, networks.HELD_OUT)
    if job.quick:
        lists = (networks.QUICK_FITTED, networks.QUICK_HELD_OUT)
    noisy = math.inf if job.quick else campaigns.NOISY
    try:
        campaign = calibrate.run(
            bench, max(seconds, 5), None, noisy=noisy, fitted=lists[0], held_out=lists[1]
        )
        job.campaigns.append(campaign)
        calibrate.check(campaign, noisy)
        profile = making.profile_of(campaign, "profile")
    except CnncostError as error:
        job.left_out.append(f"profile for {dtype}, {layout}: {error.message}")
    else:
        job.profiles.append((campaign, profile))
        job.left_out += [f"calibration: {what}" for what in campaign.skipped]
        say(f"calibrated {dtype}, {layout}: {len(campaign.measured)} runs, noise floor {campaign.noise:.1%}")


def predict_all(job: Job) -> None:
    """The cases, each with its prediction, before anything of them is measured."""
    from cnncost.devices import device

    job.judged = [
        Judged(Case(name, batch, dtype, layout, launch), judging.family(name))
        for name in job.names
        for dtype, layout in PRECISIONS
        for batch in ((1, 4) if job.quick else (1, 64))
        for launch in job.launches
    ]
    if job.profiles:
        job.left_out += judging.predict_all(job.judged, device(f"{job.output}/profile.yaml"))
    if job.earlier:
        job.judged_earlier = [Judged(one.case, one.family, one.rounds) for one in job.judged]
        job.left_out += judging.predict_all(job.judged_earlier, device(str(job.earlier)))
    say(f"{sum(one.predicted is not None for one in job.judged)} of {len(job.judged)} predicted")


# Measurements


def measure_all(job: Job) -> None:
    """A first round with memory, CUDA graphs at batch 1 among them; then whole rounds while there is time."""
    from cnncost.calibrate.bench import TorchBench

    end = job.until(1)
    benches = {(dtype, layout): TorchBench(job.target, dtype, layout) for dtype, layout in PRECISIONS}
    limit = 0.2 if job.quick else 0.3
    for place, one in enumerate(job.judged):
        if time.monotonic() > end:
            job.left_out.append(f"{one.case}: time was up")
        elif one.case.launch == "eager":
            measure_with_memory(job, one, limit)
        elif one.case.batch == 1 or job.quick:
            job.left_out += judging.measure_round([one], benches, limit, judging.until(end))
        if place % 20 == 19:
            write_measurements(job)
            say(f"{place + 1} of {len(job.judged)} cases")
    number = 2
    while time.monotonic() < end and number < (3 if job.quick else 5):
        skipped = judging.measure_round(job.judged, benches, limit, judging.until(end))
        if skipped:
            job.left_out.append(f"round {number}: {len(skipped)} of {len(job.judged)} cases")
        write_measurements(job)
        say(f"round {number}")
        number += 1


def measure_with_memory(job: Job, one: Judged, limit: float) -> None:
    """A measurement as `cnncost measure` makes it; its samples are the case's first round."""
    from cnncost import language
    from cnncost.errors import UnavailableError
    from cnncost.measure.latency import measure
    from cnncost.measure.sampling import Stopping
    from cnncost.measure.setting import Setting

    case = one.case
    setting = Setting(job.target, case.batch, case.dtype, case.layout)
    stopping = Stopping(time_limit=limit, warmup_limit=limit, most=200)
    try:
        found = measure(judging.graph_of(language, case.network), setting, stopping)
    except UnavailableError as error:
        job.left_out.append(f"{case}: {error.message}")
        return
    job.measured.append(found)
    one.rounds.append([float(f"{1e3 * each:.5g}") for each in found.samples.seconds])


# What is written


def head(job: Job) -> str:
    """The comment that every page begins with."""
    from cnncost import __version__
    from cnncost.measure.environment import environment

    machine = environment(job.target)
    command = "python benchmarks/gpu_job.py " + " ".join(sys.argv[1:])
    return f"<!-- cnncost {__version__}, {machine.get('gpu', machine['cpu'])}: {command} -->\n\n"


def write_verification(job: Job) -> None:
    """verify.json and verify.md."""
    from cnncost.tables import markdown
    from cnncost.tables.output import write
    from cnncost.tables.verify import document, model_grid

    if not job.verified:
        return
    plain = document(job.verified)
    for one, found in zip(plain["verified"], job.verified, strict=True):
        one["results"] = {result: found.counted(result) for result in ("ok", "differs", "not checked")}
        one["checks"] = [check for check in one["checks"] if check["result"] != "ok"]
    write(job.output / "verify.json", json.dumps(plain, indent=1) + "\n")
    write(job.output / "verify.md", head(job) + markdown.render(model_grid(job.verified)))


def write_profile(job: Job) -> None:
    """calibration.json, and profile.yaml if there is a profile."""
    from cnncost.calibrate import making, samples

    raw = [samples.document(campaign) for campaign in job.campaigns]
    (job.output / "calibration.json").write_text(json.dumps(raw) + "\n")
    if job.profiles:
        campaigns, profiles = zip(*job.profiles, strict=True)
        making.write(job.output / "profile.yaml", making.device_document(campaigns, profiles))


def write_measurements(job: Job) -> str:
    """measure.json, measure.md, predict.md and README.md; what differs from PyTorch, if anything does."""
    from cnncost.tables import markdown
    from cnncost.tables.measure import document, model_grid
    from cnncost.tables.output import write
    from cnncost.tables.verify import differing

    differs = differing(job.verified)
    if job.measured:
        cases = {"predicted": judging.document(job.judged)}
        write(job.output / "measure.json", json.dumps({**document(job.measured), **cases}) + "\n")
        groups: dict[Any, list[Any]] = {}
        for one in job.measured:
            groups.setdefault((one.setting.batch, one.setting.dtype), []).append(one)
        tables = [markdown.render(model_grid(group)) for group in groups.values()]
        write(job.output / "measure.md", head(job) + "\n".join(tables))
    write(job.output / "predict.md", head(job) + predicted(job))
    write(job.output / "README.md", head(job) + readme(job, differs))
    return differs


def predicted(job: Job) -> str:
    """predict.md."""
    parts = [
        judging.page(
            job.judged,
            "Every case was predicted before it was measured, by a profile that saw other families of"
            " networks only. ",
        )
    ]
    for what, cases in (
        ("Networks that no earlier run measured", [one for one in job.judged if one.case.network in NEW]),
        (f"The same cases by the profile of an earlier day: {job.earlier}", job.judged_earlier),
    ):
        if cases:
            parts.append(f"## {what}\n\n{judging.summary(cases)}")
    return "\n\n".join(parts)


def readme(job: Job, differs: str) -> str:
    """The versions, what was found and what was left out."""
    from cnncost.measure.environment import environment

    lines = ["| what | value |", "| --- | --- |"]
    lines += [f"| {what} | {value} |" for what, value in environment(job.target).items()]
    checks = sum(len(found.checks) for found in job.verified)
    lines += ["", f"{len(job.verified)} models verified: {checks:,} checks, {differs or 'none differs'}.", ""]
    for campaign, profile in job.profiles:
        judged = ", ".join(f"{name} {value:.3g}" for name, value in profile.held_out.items())
        lines += [
            f"Calibrated {profile.title}: {len(campaign.kernels)} kernels, noise floor {campaign.noise:.1%},"
            f" {campaign.seconds / 60:.1f} minutes; on the networks that it held out: {judged}.",
            "",
        ]
    lines += [judging.summary(job.judged)]
    errors = [one.memory.error for one in job.measured if one.memory]
    if errors:
        span = f"{min(errors):+.2%} to {max(errors):+.2%}"
        lines.append(f"{len(job.measured)} measurements; predicted against measured memory: {span}.")
        lines += workspaces([one.memory for one in job.measured if one.memory])
    noisy = sum(bool(one.warnings) for one in job.measured)
    lines.append(f"{noisy} of them have warnings (measure.md): latencies with warnings are rough.")
    left_out = job.left_out
    lines += (
        ["", "Left out:", *(f"- {what}" for what in left_out)] if left_out else ["", "Nothing was left out."]
    )
    return "\n".join(lines) + "\n"


def workspaces(memories: list[Any]) -> list[str]:
    """The same without what kernels took beside the tensors, where the allocator tells that."""
    apart = [one.predicted / (one.peak - one.kernels) - 1 for one in memories if one.kernels is not None]
    if not apart:
        return []
    span = f"{min(apart):+.2%} to {max(apart):+.2%}"
    return [f"Without the workspaces of kernels (cuDNN), which no prediction counts: {span}."]


if __name__ == "__main__":
    sys.exit(main())
