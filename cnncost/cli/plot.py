"""cnncost plot: a picture of one or more models, or of the history."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from cnncost.cli import options
from cnncost.cli.spread import COUNTED, RUN, asks
from cnncost.plots import KINDS
from cnncost.request import PREDICTED, Model, Run

if TYPE_CHECKING:
    from cnncost.plots.drawing import Added

EXAMPLES = (
    "cnncost plot layers alexnet -o alexnet.svg",
    "cnncost plot accuracy -o zoo.pdf --data zoo.csv",
    "cnncost plot accuracy vgg16 resnet50 mobilenet_v2 --add my.yaml=74.1 --paper column -o figure.pdf",
    "cnncost plot accuracy resnet18 resnet50 vgg16 --x params --y top5",
    "cnncost plot accuracy resnet18 resnet50 mobilenet_v2 --x latency --on t4 --batch 8",
    "cnncost plot shares alexnet vgg16 resnet50 mobilenet_v2",
    "cnncost plot roofline resnet50 --on h100-sxm --dtype bfloat16 --batch 32",
    "cnncost plot sweep resnet50 --x resolution --values 128:512:32",
    "cnncost plot ops-time --measured run.json",
    "cnncost plot timeline",
)

MOST_VALUES = 10_000

SomeSpecs = Annotated[
    Optional[list[str]],
    typer.Argument(
        metavar="[SPEC]...",
        help="Zoo names, spec files, variants (my.yaml:small), imports (torchvision:resnet50).",
        show_default=False,
    ),
]


def command(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help=f"{'; '.join(f'{kind}: {about.shows}' for kind, about in KINDS.items())}.",
            show_default=False,
        ),
    ],
    specs: SomeSpecs = None,
    x: Annotated[
        Optional[str],
        typer.Option(
            "--x",
            help="accuracy: macs, params, activations, peak, latency; sweep: resolution, batch.",
            show_default=False,
        ),
    ] = None,
    y: Annotated[
        Optional[str],
        typer.Option(
            "--y", help="accuracy: top1, top5; sweep: macs, flops, activations.", show_default=False
        ),
    ] = None,
    values: Annotated[
        Optional[str],
        typer.Option("--values", help="A sweep's values: 128,224 or 128:512:32.", show_default=False),
    ] = None,
    by: Annotated[
        Optional[str],
        typer.Option(
            "--by", help="layers, roofline: layer, block or stage.", show_default="the finest readable"
        ),
    ] = None,
    measured: Annotated[
        Optional[list[Path]],
        typer.Option("--measured", metavar="FILE", help="What cnncost measure -o wrote.", show_default=False),
    ] = None,
    changed: Annotated[Model, asks(*COUNTED)] = Model(""),
    run: Annotated[
        Run,
        asks(
            *RUN,
            *PREDICTED,
            on="roofline: the device whose roof it is, rtx-4090 or ./mine.yaml; else a100-80gb."
            " accuracy --x latency: the device to predict for.",
            device="roofline: another name of --on.",
            layout="accuracy --x latency: nchw, or nhwc (channels last); else as calibrated.",
            launch="accuracy --x latency: eager, graph (a CUDA graph) or compile (torch.compile).",
            no_tf32="roofline and --x latency: no TF32 for convolutions of float32"
            " (torch.backends.cudnn.allow_tf32 = False).",
        ),
    ] = Run(),
    add: Annotated[
        Optional[list[str]],
        typer.Option(
            "--add",
            metavar="SPEC=TOP1",
            help="accuracy: place a model of yours by its accuracy in percent: mine.yaml=74.1.",
            show_default=False,
            rich_help_panel="Paper",
        ),
    ] = None,
    paper: Annotated[
        Optional[str],
        typer.Option(
            "--paper",
            help="For a two-column article, column or page: 3.35 or 6.99 inches, 8 point type, real names,"
            " no title; the footnote goes to standard error, for the caption.",
            show_default=False,
            rich_help_panel="Paper",
        ),
    ] = None,
    size: Annotated[
        Optional[str],
        typer.Option(
            "--size",
            metavar="WxH",
            help="Inches: 3.35x2.5, or 3.35.",
            show_default=False,
            rich_help_panel="Paper",
        ),
    ] = None,
    font: Annotated[
        Optional[str],
        typer.Option(
            "--font",
            metavar="NAME",
            help="A font family: Times New Roman.",
            show_default=False,
            rich_help_panel="Paper",
        ),
    ] = None,
    title: Annotated[
        Optional[str],
        typer.Option(
            "--title",
            metavar="TEXT",
            help='Another title; "" for none.',
            show_default=False,
            rich_help_panel="Paper",
        ),
    ] = None,
    names: Annotated[
        Optional[str],
        typer.Option(
            "--names",
            help="Models' names: real (VGG-16-BN), plain (vgg16_bn), or vgg16='VGG (D)',resnet50=Ours.",
            show_default="plain; real on paper",
            rich_help_panel="Paper",
        ),
    ] = None,
    output: Annotated[
        Optional[Path],
        typer.Option(
            "--output", "-o", metavar="FILE", help="A .png, .svg or .pdf file.", show_default="KIND.png"
        ),
    ] = None,
    data: Annotated[
        Optional[Path],
        typer.Option(
            "--data", metavar="FILE", help="Write the numbers behind it as CSV.", show_default=False
        ),
    ] = None,
) -> None:
    """Draw a picture into a PNG, SVG or PDF file; its name is printed."""
    from cnncost.errors import UsageError, known_word
    from cnncost.escape import line, terminal
    from cnncost.measure.files import read_all
    from cnncost.plots import draw_kind
    from cnncost.plots.drawing import picture_format
    from cnncost.plots.sheet import sheet
    from cnncost.writing import write

    later = next((word for word in specs or [] if word in KINDS), None)
    if kind not in KINDS and later is not None:
        models = " ".join([kind, *(word for word in specs or [] if word != later)])
        raise UsageError(f"the kind of plot comes first\n  write cnncost plot {later} {models}")
    known_word("unknown kind of plot", kind, KINDS)
    if not specs and (changed.input or changed.set or changed.kwargs):
        raise UsageError("--input, --set and --kwargs change a model, but none is given")
    if kind == "roofline" and run.on is not None and run.device is not None:
        raise UsageError(
            f"--on {run.on} and --device {run.device} at once: both name the device whose roof is drawn\n"
            "  pass one of them; --device is the older name"
        )
    path = output or Path(f"{kind}.png")
    format = picture_format(path)
    given: dict[str, Any] = {
        "by": by, "x": x, "y": y, "values": parse_values(values), "measured": read_all(measured or []),
    }  # fmt: skip
    on = sheet(paper, size=size, font=font, title=title, names=names)
    graphs = options.load(options.models(changed, specs or []), run.batch, run.mode)
    given["add"] = added(add or [])
    drawing = draw_kind(kind, graphs, on, **run._asdict(), **given)
    write(path, drawing.bytes(format))
    if data is not None:
        write(data, drawing.csv())
    if not on.footnote:
        print(f"note: {drawing.figure.get_label()}", file=sys.stderr)
    for note in drawing.notes:
        print(terminal(f"note: {note}"), file=sys.stderr)
    print(line(str(path)))


def added(items: list[str]) -> tuple[Added, ...]:
    """`SPEC=TOP1` options as models to place. Raises UsageError for an accuracy that is none."""
    from cnncost.errors import UsageError
    from cnncost.models import load
    from cnncost.plots.drawing import Added

    found = []
    for item in items:
        spec, equals, text = item.rpartition("=")
        try:
            accuracy = float(text.removesuffix("%"))
        except ValueError:
            accuracy = -1.0
        if 0 < accuracy <= 1 and not text.endswith("%"):
            raise UsageError(
                f"--add {item!r}: an accuracy is in percent\n"
                f"  write --add {spec}={100 * accuracy:g}, or {text}% if it is that small"
            )
        if not equals or not spec or not 0 <= accuracy <= 100:
            raise UsageError(
                f"--add {item!r} is not a model and an accuracy from 0 to 100\n"
                "  for example: --add mine.yaml=74.1 --add model.onnx=71.0"
            )
        found.append(Added(load(spec), accuracy))
    return tuple(found)


def parse_values(text: str | None) -> tuple[int, ...] | None:
    """`128,224` or `first:last:step` (last included) as sizes; UsageError for anything else."""
    import re

    from cnncost.errors import UsageError
    from cnncost.units import written_count

    if text is None:
        return None
    parts = [written_count(part) for part in re.split("[,:]", text)]
    known = [part for part in parts if part is not None and part < 10**9]
    found: tuple[int, ...] = ()
    if len(known) == len(parts) and "," not in text and len(parts) in (2, 3):
        first, last, step = (*known, 1)[:3]
        found = tuple(range(first, last + 1, step)[: MOST_VALUES + 1]) if step else ()
    elif len(known) == len(parts) and ":" not in text:
        found = tuple(known)
    if not found or len(found) > MOST_VALUES or min(found) < 1:
        raise UsageError(
            f"--values {text!r} is not a list of sizes\n  write 128,224 or first:last:step, as 128:512:32;"
            f" at most {MOST_VALUES:,}"
        )
    return found
