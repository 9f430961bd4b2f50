"""Every model of torchvision that is not quantised: params and MACs beside PyTorch's and torchvision's own.

    python benchmarks/torchvision_table.py -o reports/torchvision.md      (ten minutes of one core)

Counted by FlopCounterMode of the module itself on the same input: on tensors without memory, or, where sizes
depend on values (detectors), in a run with the same seed. Published: the `_ops` of torchvision's weights, in
thousand millions with three digits, at the size to which those weights crop their images; where torchvision
does not say for which input a figure is (detection, segmentation, flow), it is left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import networks  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

import cnncost  # noqa: E402
from cnncost.importers import from_module  # noqa: E402
from cnncost.importers.inputs import Example, call  # noqa: E402
from cnncost.importers.sources import library  # noqa: E402

MODELS = library("torchvision")
KINDS = {
    "classification": MODELS,
    "segmentation": MODELS.segmentation,
    "detection": MODELS.detection,
    "video": MODELS.video,
    "optical flow": MODELS.optical_flow,
}
FOUND = {"rpn_post_nms_top_n_test": 100, "box_score_thresh": 0.0, "box_detections_per_img": 20}
"""Boxes for the heads of networks that were never trained to find one."""


class Line(NamedTuple):
    """One model of the table."""

    name: str
    kind: str
    input: str
    road: str
    params: int
    macs: int
    module_params: int
    module_macs: int
    published: float | None
    seconds: float
    failure: str

    @property
    def right(self) -> bool:
        """Whether everything that is known agrees."""
        same = (self.params, self.macs) == (self.module_params, self.module_macs)
        as_published = self.published is None or round(self.macs / 1e9, 3) == self.published
        return not self.failure and same and as_published


def cases() -> list[tuple[str, str]]:
    """(kind, name) of all models that are not quantised."""
    return [(kind, name) for kind, room in KINDS.items() for name in MODELS.list_models(module=room)]


def network(kind: str, name: str) -> tuple[nn.Module, Example, float | None]:
    """A model with random weights, what it is called with, and what is published at that input."""
    weights = list(MODELS.get_model_weights(name))
    presets = [entry.transforms() for entry in weights]
    arguments: dict[str, Any] = {"weights": None}
    published = None
    if kind == "classification":
        sizes = [preset.crop_size[0] for preset in presets]
        side = min(sizes)
        published = weights[sizes.index(side)].meta["_ops"]
        example = call((3, side, side))
    elif kind == "video":
        example = call((3, 16, *presets[0].crop_size))
        published = weights[0].meta["_ops"]
    elif kind == "optical flow":
        example = call(("3x128x128", "3x128x128"))
    else:
        arguments["weights_backbone"] = None
        small = kind == "detection" and not name.startswith("ssd")
        arguments |= {"min_size": 128, "max_size": 128} if small else {}
        arguments |= FOUND if "rcnn" in name else {}
        side = {"segmentation": 224}.get(kind, 128 if small else 320)
        example = call((3, side, side))
    if name in ("googlenet", "inception_v3"):
        arguments["init_weights"] = False
    torch.manual_seed(0)
    return MODELS.get_model(name, **arguments).eval(), example, published


def line(kind: str, name: str) -> Line:
    """One model, imported and held to the module itself."""
    start = time.process_time()
    try:
        module, example, published = network(kind, name)
        graph = from_module(module, example, name=name)
        totals = cnncost.analyze(graph).totals
        seconds = time.process_time() - start
        real = graph.facts["road"] == "one run"
        macs = networks.counted(module, example, real)
    except Exception as error:
        return Line(name, kind, "", "", 0, 0, 0, 0, None, 0.0, networks.first_line(error))
    params = sum(parameter.numel() for parameter in module.parameters())
    given, road = str(example), graph.facts["road"]
    return Line(name, kind, given, road, totals.params, totals.macs, params, macs, published, seconds, "")


def table(lines: list[Line]) -> str:
    """The lines as Markdown."""
    right = sum(each.right for each in lines)
    head = f"torch {torch.__version__}, torchvision {sys.modules['torchvision'].__version__}"
    rows = [
        f"<!-- cnncost {cnncost.__version__}, {head}: python benchmarks/torchvision_table.py -->",
        "",
        "# torchvision",
        "",
        f"{right} of {len(lines)} models are right: params and MACs are those of the module itself, and its"
        " MACs what torchvision publishes (in thousand millions, to three digits) where the input of that"
        " figure is known.",
        "",
        "| model | kind | input | road | params | MACs | FlopCounterMode | published | right |",
        "|---|---|---|---|---:|---:|---:|---:|---|",
    ]
    for each in lines:
        published = "" if each.published is None else f"{each.published:.3f}"
        verdict = "yes" if each.right else f"NO {each.failure}".strip()
        rows.append(
            f"| {each.name} | {each.kind} | {each.input} | {each.road} | {each.params:,} | {each.macs:,} |"
            f" {each.module_macs:,} | {published} | {verdict} |"
        )
    return "\n".join(rows) + "\n"


def main() -> None:
    """Write the table; exit 1 if anything is not right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--resume", type=Path, help="a file of lines: what is right there is not run again")
    parser.add_argument("--no-run", action="store_true", help="a table of what --resume holds")
    options = parser.parse_args()
    known: dict[str, Line] = {}
    if options.resume and options.resume.exists():
        lines = [Line(**json.loads(text)) for text in options.resume.read_text().splitlines()]
        known = {each.name: each for each in lines if each.right}
    for kind, name in cases():
        if name not in known and not options.no_run:
            known[name] = line(kind, name)
            print(f"{name}  {'right' if known[name].right else known[name]}", file=sys.stderr, flush=True)
            if options.resume:
                with options.resume.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(known[name]._asdict()) + "\n")
    text = table([known[name] for _, name in cases() if name in known])
    if len(known) < len(cases()):
        text += f"\n{len(cases()) - len(known)} of {len(cases())} have not been run.\n"
    print(text) if options.output is None else options.output.write_text(text, encoding="utf-8")
    sys.exit(not all(each.right for each in known.values()))


if __name__ == "__main__":
    main()
