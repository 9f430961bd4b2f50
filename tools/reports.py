"""Regenerate reports/: every file is the output of the command that its first line names.

    python tools/reports.py              all of it
    python tools/reports.py --text       only what is text (a test compares it with what is committed)
    python tools/reports.py --into DIR   into another directory

What was measured (reports/cpu, reports/<gpu>) is not touched: that is written where the device is.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import cnncost
from cnncost.cli.main import app
from cnncost.language import zoo

ROOT = Path(__file__).resolve().parent.parent
VGG = "vgg11 vgg11_lrn vgg13 vgg16_c vgg16 vgg19"  # A, A-LRN, B, C, D, E of the paper's Table 1
RESNETS = "plain34 resnet18_a resnet34_a resnet34 resnet50_v1 resnet101_v1 resnet152_v1 resnet50 resnet152"
KERAS = "vgg16 inception_v3_keras resnet50_keras xception inception_resnet_v2_keras resnext50_keras"
KNOWN = (
    "alexnet_torchvision caffenet zfnet vgg11_bn vgg16 vgg19_bn googlenet_torchvision inception_v3 "
    "resnet18 resnet34 resnet50 resnet101 resnet152 densenet121 densenet161 squeezenet1_1 mobilenet_v1 "
    "mobilenet_v2 mobilenet_v3_large mobilenet_v3_small shufflenet_v2_x1_0 efficientnet_b0 efficientnet_b4 "
    "efficientnet_b7 convnext_tiny convnext_base regnet_y_400mf nasnet_a_large xception"
)
LECTURE = "alexnet vgg16 googlenet resnet50 resnet152"

TABLES = {
    "zoo.md": "list",
    "audit.md": "audit",
    "compare/vgg-a-to-e.md": f"compare {VGG}",
    "compare/resnets.md": f"compare {RESNETS}",
    "compare/keras-table.md": f"compare {KERAS} --convention keras",
    "reconcile/resnet50.md": "reconcile resnet50",
    "reconcile/convnext_tiny.md": "reconcile convnext_tiny",
    "explain/alexnet-conv1.md": "explain alexnet conv1",
    "explain/googlenet.md": "explain googlenet",
}
PICTURES = {
    "plots/accuracy.svg": f"plot accuracy {KNOWN}",
    "plots/accuracy-zoo.svg": "plot accuracy",
    "plots/accuracy-top5-params.svg": "plot accuracy --x params --y top5",
    "plots/layers-alexnet.svg": "plot layers alexnet",
    "plots/layers-vgg16.svg": "plot layers vgg16",
    "plots/shares.svg": f"plot shares {LECTURE}",
    "plots/memory-resnet50.svg": "plot memory resnet50",
    "plots/receptive.svg": "plot receptive alexnet vgg16 resnet50",
    "plots/roofline-resnet50.svg": "plot roofline resnet50",
    "plots/ilsvrc.svg": "plot ilsvrc",
    "plots/timeline.svg": "plot timeline",
    "plots/ops-time.svg": "plot ops-time --measured reports/cpu/measure.json",
    "plots/sweep-resnet50.svg": "plot sweep resnet50 --x resolution",
    "draw/googlenet.svg": "draw googlenet --by block",
    "draw/resnet50.svg": "draw resnet50 --by block",
    "draw/unet.svg": "draw unet",
    "draw/densenet201.svg": "draw densenet201",
    "draw/nasnet_a_large.svg": "draw nasnet_a_large",
    "draw/nasnet_a_large-stages.svg": "draw nasnet_a_large --by stage",
}
SHEETS = {
    "alexnet": "alexnet --convention deeprob --blanks 16",
    "vgg16": "vgg16 --convention cs231n --questions shape,memory,params,macs,most --blanks 18 --seed 2",
    "vgg16-stacks": "vgg16 --only conv1_1,conv1_2,pool1,conv2_1,conv2_2,pool2,conv3_1,conv3_2,conv3_3,pool3"
    " --questions stacks,receptive,stride,params --blanks 10 --seed 3",
    "googlenet-stem": "googlenet --only conv1,pool1,lrn1,conv2,conv3,lrn2,pool2"
    " --questions shape,params,macs,exact,receptive --blanks 12 --seed 4",
    "inception": "googlenet --only inception3a,inception3b --questions shape,params,macs,most"
    " --blanks 14 --seed 5",
    "resnet-stages": "resnet34 --only conv1,pool1,stage1,stage2.unit1"
    " --questions shape,memory,params,macs,infer --blanks 14 --seed 6",
    "depthwise-separable": "mobilenet_v1 --only stem,stage1,stage2 --questions shape,params,macs,infer,most"
    " --blanks 11 --seed 7",
    "lenet5": "lenet5_1998 --questions shape,params,receptive,stride,exact --blanks 12 --seed 8",
    "fcn": "fcn32s_vgg16 --questions shape,memory,params,exact --blanks 12 --seed 9",
    "training": "alexnet --batch 128 --questions memory,training,change,infer --blanks 10 --seed 10",
}
PAGES = {"zoo.html": f"report {LECTURE} inception_v3 densenet121 mobilenet_v2 efficientnet_b0 convnext_tiny"}


def family_tables() -> dict[str, str]:
    """A file for every family of the zoo: its models by stage."""
    commands = {}
    for family in zoo.families():
        names = " ".join(list(family.variants) or [family.name])
        commands[f"families/{family.name}.md"] = f"table {names} --by stage"
    return commands


def run(command: str) -> str:
    """What a command prints. Raises if it fails."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        app(shlex.split(command), prog_name="cnncost", standalone_mode=False)
    return out.getvalue()


def head(command: str) -> str:
    """The first line of a text report."""
    return f"<!-- cnncost {cnncost.__version__}, no device: cnncost {command} -->\n\n"


def texts() -> Iterator[tuple[str, str]]:
    """Every text report: its path in reports/, its content."""
    listed = {**TABLES, **family_tables()}
    for path, command in listed.items():
        command = f"{command} --format markdown"
        yield path, head(command) + run(command)
    for name, command in SHEETS.items():
        command = f"exercise {command} --solutions"
        yield f"exercises/{name}.md", head(command) + run(f"{command} --format markdown")
        yield f"exercises/{name}.tex", run(f"{command} --format latex")
    yield "README.md", contents(listed)


def contents(listed: dict[str, str]) -> str:
    """The table of contents."""
    lines = [
        f"<!-- cnncost {cnncost.__version__}, no device: python tools/reports.py -->\n",
        "# Reports\n",
        "Generated by `make reports`, never edited. The first line of each file names its command.\n",
        "## Tables\n",
        *(f"- [{path}]({path}): `cnncost {command}`" for path, command in listed.items()),
        "\n## Exercises, with solutions\n",
        *(
            f"- [exercises/{name}.md](exercises/{name}.md), [.tex](exercises/{name}.tex):"
            f" `cnncost exercise {command}`"
            for name, command in SHEETS.items()
        ),
        "\n## Pictures and pages\n",
        *(f"- [{path}]({path}): `cnncost {command}`" for path, command in {**PICTURES, **PAGES}.items()),
        "\n## Measured\n",
        *(
            f"- [{path.parent.name}]({path.parent.name}/{path.name})"
            for path in sorted((ROOT / "reports").glob("*/measured.md"))
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", action="store_true", help="only text")
    parser.add_argument("--into", type=Path, default=ROOT / "reports", help="where to write")
    options = parser.parse_args()
    into = options.into.resolve()
    os.chdir(ROOT)
    for path, content in texts():
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    if options.text:
        return
    for path, command in {**PICTURES, **PAGES}.items():
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        print(f"cnncost {command} -o {path}")
        run(f"{command} -o {shlex.quote(str(target))}")


if __name__ == "__main__":
    main()
