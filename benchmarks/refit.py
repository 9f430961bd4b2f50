"""Fit a profile anew from the raw samples of an earlier run, and judge it by what was measured in that run.

    python benchmarks/refit.py reports/h100-sxm

DIR is what `gpu_job.py` or `predict_here.py` wrote: calibration.json is fitted with the model as it is now,
the cases of measure.json or judged.json are predicted by that, and profile.yaml, the file of the cases and
predict.md are rewritten. The page says that these predictions were made after the measuring; `--show` only
prints their figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import judging

TOLD = (
    "Predicted by a profile that was fitted to the raw samples of the run's own calibration, with the model"
    " as it was later. That model was changed while these measurements could be seen, the fit leaves out"
    " networks and kernels that calibrating does not run any more, so the figures are optimistic; what was"
    " predicted before anything was measured stands in README.md. "
)


def main() -> int:
    """Fit, predict, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--show", action="store_true", help="write nothing")
    given = parser.parse_args()

    from cnncost.calibrate import making, samples
    from cnncost.devices.reading import described

    raw = json.loads((given.directory / "calibration.json").read_text())
    campaigns = [listed(samples.campaign_of(one)) for one in (raw if isinstance(raw, list) else [raw])]
    profiles = [making.profile_of(one, "profile") for one in campaigns if not one.missing()]
    document = making.device_document(campaigns, profiles)
    name = next(name for name in ("judged.json", "measure.json") if (given.directory / name).exists())
    found = json.loads((given.directory / name).read_text())
    cases = judging.cases_of(found if isinstance(found, list) else found["predicted"])
    for what in judging.predict_all(cases, described("profile", document, "profile.yaml")):
        print(what, file=sys.stderr)
    print(judging.summary(cases))
    for profile in profiles:
        print(profile.title, profile.interval, dict(profile.held_out))
    if given.show:
        return 0
    making.write(given.directory / "profile.yaml", document)
    plain = judging.document(cases)
    whole = plain if isinstance(found, list) else {**found, "predicted": plain}
    (given.directory / name).write_text(json.dumps(whole) + "\n")
    from cnncost import __version__

    head = f"<!-- cnncost {__version__}: python benchmarks/refit.py {given.directory} -->\n\n"
    (given.directory / "predict.md").write_text(head + judging.page(cases, TOLD))
    return 0


def listed(campaign: Any) -> Any:
    """A campaign without the networks and kernels that calibrating does not run any more."""
    from cnncost.calibrate import campaign as campaigns
    from cnncost.calibrate import networks

    names = {*networks.FITTED, *networks.HELD_OUT, *networks.QUICK_FITTED, *networks.QUICK_HELD_OUT}
    drawn = [one for one in campaign.kernels if still_drawn(one.piece, campaign.layout)]
    kernels = drawn[: campaigns.MOST_KERNELS]
    campaign.measured = [*kernels, *(one for one in campaign.measured if not one.piece and one.name in names)]
    return campaign


def still_drawn(piece: Any, layout: str) -> bool:
    """Whether the design has such kernels: no dense 7 x 7, groups on large maps, attention in nhwc."""
    if piece.kind == "attention":
        return layout != "nhwc"
    if piece.kind == "grouped":
        return max(piece.sizes[1:]) <= 112
    return (piece.kind, dict(piece.arguments).get("kernel")) != ("kxk", 7)


if __name__ == "__main__":
    sys.exit(main())
