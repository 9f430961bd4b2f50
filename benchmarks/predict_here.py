"""Calibrate this machine's processor, predict networks that the calibration never saw, and measure them.

    python benchmarks/predict_here.py --output reports/predict/cpu-NAME           # 8 minutes at most
    python benchmarks/predict_here.py --output DIR --one-thread          # on a machine that is not quiet
    python benchmarks/predict_here.py --output DIR --quick               # does it run? no figures to keep

20 networks of families that calibrating neither fits nor judges with, batch 1 and 8, float32: calibrated
first, then measured in rounds, all networks in turn. DIR gets profile.yaml (for --on), calibration.json and
judged.json (raw samples) and README.md: errors beside the noise floor of the measuring itself. On a machine
that is too noisy to be calibrated nothing is written. `--one-thread` times one thread by the processor's
time that it takes, which others on the machine change little.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import judging
from judging import Case, Judged, say

UNSEEN = (
    "resnet18", "resnet50", "se_resnet50", "vgg11", "densenet121", "alexnet", "nin",
    "googlenet", "inception_v3", "squeezenet1_1", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small",
    "mobilenet_v3_large", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "efficientnet_b0", "regnet_x_400mf",
    "regnet_y_800mf", "convnext_tiny",
)  # fmt: skip
QUICK = ("resnet20_cifar", "squeezenet1_1", "mobilenet_v3_small")
ROUNDS = 3
NOISY = 0.15
"""The noise floor of the measuring above which it judges nothing."""
GOAL = 0.08
"""The median error that is aimed at, where twice the noise floor is below it."""


def main() -> int:
    """Calibrate, predict, measure, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="the directory for the results")
    parser.add_argument("--minutes", type=float, help="when to stop (8, quick 1); half of it is calibrating")
    parser.add_argument("--quick", action="store_true", help="three networks, however noisy it is")
    parser.add_argument("--one-thread", action="store_true", help="one thread, by the processor's clock")
    given = parser.parse_args()

    from cnncost.errors import CnncostError

    try:
        minutes = given.minutes or (1.0 if given.quick else 8.0)
        return job(given.output, minutes, given.quick, given.one_thread)
    except CnncostError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def job(output: Path, minutes: float, quick: bool, one_thread: bool = False) -> int:
    """The whole run."""
    import torch

    from cnncost import calibrate
    from cnncost.calibrate import campaign as campaigns
    from cnncost.calibrate import making, networks, samples
    from cnncost.calibrate.bench import TorchBench
    from cnncost.devices import device as of_file
    from cnncost.measure.clock import ProcessorClock
    from cnncost.measure.device import device as of_name

    end = judging.STARTED + 60 * minutes
    if one_thread:
        torch.set_num_threads(1)
    bench = TorchBench(of_name("cpu"), "float32", "nchw", ProcessorClock() if one_thread else None)
    noisy = math.inf if quick else campaigns.NOISY
    fitted, held_out = (networks.QUICK_FITTED, networks.QUICK_HELD_OUT) if quick else (
        networks.FITTED, networks.HELD_OUT,
    )  # fmt: skip
    campaign = calibrate.run(
        bench, 30 * minutes, lambda what: None, noisy=noisy, fitted=fitted, held_out=held_out
    )
    bench.release()
    calibrate.check(campaign, noisy)
    say(f"calibrated: {len(campaign.measured)} measurements, noise floor {campaign.noise:.1%}")

    output.mkdir(parents=True, exist_ok=True)
    profile = making.profile_of(campaign, "profile")
    making.write(output / "profile.yaml", making.device_document([campaign], [profile]))
    (output / "calibration.json").write_text(json.dumps(samples.document(campaign)) + "\n")
    cases = [
        Judged(Case(name, batch, "float32", "nchw", "eager"), judging.family(name))
        for name in (QUICK if quick else UNSEEN)
        for batch in (1, 8)
    ]
    left_out = judging.predict_all(cases, of_file(f"{output}/profile.yaml"))
    for number in range(1, ROUNDS + 1):
        each = (end - time.monotonic()) / (ROUNDS + 1 - number) / len(cases)
        share = judging.until(time.monotonic() + (end - time.monotonic()) / (ROUNDS + 1 - number))
        left_out += [
            f"round {number}: {what}"
            for what in judging.measure_round(cases, {("float32", "nchw"): bench}, max(0.2, each / 3), share)
        ]
        say(f"round {number} of {ROUNDS}")
    (output / "judged.json").write_text(json.dumps(judging.document(cases)) + "\n")
    (output / "README.md").write_text(report(campaign, profile, cases, left_out))
    say(verdict(cases))
    return 0


def verdict(cases: list[Judged]) -> str:
    """Whether the goal is met, in a sentence."""
    found = judging.figures(cases)
    if found is None or found.noise is None:
        return "Too little was measured to judge by."
    if found.noise > NOISY:
        return (
            f"Median error {found.median:.1%} at a noise floor of {found.noise:.1%}: the machine was too"
            " noisy to judge anything by it."
        )
    goal = max(2 * found.noise, GOAL)
    met = "met" if found.median <= goal else "missed"
    return (
        f"Median error {found.median:.1%} at a noise floor of {found.noise:.1%}; the goal, twice that floor"
        f" or {GOAL:.0%}, is {met}."
    )


def report(campaign: object, profile: object, cases: list[Judged], left_out: list[str]) -> str:
    """README.md."""
    from cnncost import __version__
    from cnncost.calibrate import making

    assert hasattr(campaign, "machine") and hasattr(profile, "held_out")
    machine = {**campaign.machine, "networks fitted": ", ".join(making.measured(campaign)["networks"])}
    machine["networks held out"] = ", ".join(making.measured(campaign)["held_out"])
    lines = [
        f"<!-- cnncost {__version__}: python benchmarks/predict_here.py {' '.join(sys.argv[1:])} -->",
        "",
        "# Predicted and measured on one processor",
        "",
        verdict(cases),
        "",
        "Networks of families that the calibration neither fitted nor was judged by; every network is timed"
        " once a round, all in turn. Error: predicted over measured, less one. Noise floor: how far the"
        " rounds of one network lie apart, the median over networks.",
        "",
        judging.summary(cases),
        f"Of the calibration: {len(campaign.kernels)} kernels, noise floor {campaign.noise:.1%}"
        f" ({campaign.seconds / 60:.1f} minutes); on the networks that it held out: "
        + ", ".join(f"{name} {value:.3g}" for name, value in profile.held_out.items())
        + ".",
        "",
        judging.table(cases),
        "| what | value |",
        "| --- | --- |",
        *(f"| {what} | {value} |" for what, value in machine.items()),
        "",
        *(["Left out:", *(f"- {what}" for what in left_out)] if left_out else ["Nothing was left out."]),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
