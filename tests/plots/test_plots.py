"""The pictures: the data behind them is the analysis', the SVG says it, nothing overlaps or is cut."""

from __future__ import annotations

import csv
import importlib
import inspect
import io
import xml.etree.ElementTree as ElementTree
from itertools import combinations
from typing import Any

import pytest
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox

import cnncost
from cnncost import plots
from cnncost.analysis.conventions import CONVENTIONS
from cnncost.analysis.published import headline
from cnncost.errors import UsageError
from cnncost.execution.training import training_memory
from cnncost.language import zoo
from cnncost.measure.files import Recorded, RecordedSetting
from cnncost.plots import Drawing, draw_kind, ilsvrc, layers, sweep, timeline
from cnncost.plots.drawing import Added
from cnncost.plots.names import proper
from cnncost.plots.points import Point, pareto
from cnncost.plots.sheet import PAPERS, sheet
from cnncost.request import Run

PHASES = ("inference", "forward", "backward")
ALEXNET = [cnncost.load("alexnet")]
SIX = [
    cnncost.load(name)
    for name in ("alexnet_torchvision", "vgg16", "googlenet", "resnet50", "mobilenet_v2", "squeezenet1_1")
]
MEASURED = tuple(
    Recorded(
        graph.name,
        RecordedSetting("Example GPU with a long name", batch, "bfloat16", "nhwc", "eval", ("CUDA graph",)),
        batch * cnncost.analyze(graph).totals.macs,
        1e-3 * batch**0.5 * (place + 1),
        0.95e-3 * batch**0.5 * (place + 1),
        1.05e-3 * batch**0.5 * (place + 1),
    )
    for batch in (1, 64)
    for place, graph in enumerate(SIX)
)
"""Made up, for the layout of pictures."""
TIMED = Recorded(
    "resnet50", RecordedSetting("a CPU", 1, "float32", "nchw", "eval", ()), 1, 1.0, 0.9, 1.1,
    layers=tuple((node.name, 1e-4) for node in SIX[3].nodes[1:]),
)  # fmt: skip
PICTURES: dict[str, tuple[str, list[cnncost.Graph], dict[str, Any]]] = {
    "accuracy": ("accuracy", SIX, {}),
    "accuracy-params": ("accuracy", SIX, {"x": "params", "y": "top5"}),
    "accuracy-peak": ("accuracy", SIX[1:4], {"x": "peak"}),
    "accuracy-zoo": ("accuracy", [], {}),
    "accuracy-added": ("accuracy", SIX, {"add": (Added(cnncost.load("wrn_28_10"), 74.1),)}),
    "layers": ("layers", ALEXNET, {}),
    "layers-two": ("layers", [ALEXNET[0], SIX[3]], {"convention": "deeprob", "by": "block"}),
    "shares": ("shares", SIX, {}),
    "memory": ("memory", SIX[2:4], {"batch": 4}),
    "receptive": ("receptive", SIX, {}),
    "roofline": ("roofline", SIX[3:4], {}),
    "roofline-two": ("roofline", SIX[3:5], {"batch": 32, "dtype": "bfloat16", "device": "h100-sxm"}),
    "roofline-six": ("roofline", SIX, {"batch": 8}),
    "roofline-small": ("roofline", [cnncost.load("lenet5")], {"device": "v100-sxm2"}),
    "roofline-measured": ("roofline", SIX[3:4], {"measured": (TIMED,)}),
    "layers-deep": ("layers", [cnncost.load("densenet121")], {}),
    "ilsvrc": ("ilsvrc", [], {}),
    "timeline": ("timeline", [], {}),
    "ops-time": ("ops-time", [], {"measured": MEASURED}),
    "accuracy-latency": ("accuracy", SIX, {"x": "latency", "measured": MEASURED[:6]}),
    "sweep": ("sweep", SIX[3:], {}),
    "sweep-batch": ("sweep", SIX[3:], {"x": "batch", "y": "activations"}),
}


def table(drawing: Drawing) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(drawing.csv())))


def visible(drawing: Drawing) -> list[tuple[str, Bbox]]:
    """Every text that is drawn and its box in pixels, leader lines not included."""
    figure = drawing.figure
    figure.draw_without_rendering()
    texts: list[Text] = list(figure.texts)
    legends = list(figure.legends)
    for axes in figure.axes:
        texts += [*axes.texts, axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]  # type: ignore[attr-defined]
        legends += axes.findobj(Legend)
        for axis in (axes.xaxis, axes.yaxis):
            # get_ticklabels also gives those beyond the limits, which are not drawn.
            texts += [tick.label1 for tick in axis._update_ticks()]  # type: ignore[attr-defined]
    if figure._supxlabel is not None:  # type: ignore[attr-defined]
        texts.append(figure._supxlabel)  # type: ignore[attr-defined]
    for legend in legends:
        texts += [*legend.get_texts(), legend.get_title()]
    unique = {id(text): text for text in texts if text.get_visible() and text.get_text().strip()}
    return [(text.get_text(), Text.get_window_extent(text)) for text in unique.values()]


def overlap(one: Bbox, other: Bbox) -> bool:
    """More than a touch: text boxes have a little air around the letters."""
    return (
        min(one.x1, other.x1) - max(one.x0, other.x0) > 1
        and min(one.y1, other.y1) - max(one.y0, other.y0) > 1
    )


ON_PAPER = (
    "accuracy",
    "accuracy-added",
    "layers",
    "shares",
    "memory",
    "receptive",
    "roofline",
    "ilsvrc",
    "timeline",
    "sweep",
)
"""A picture of each kind, drawn also for a column and a page of an article."""


@pytest.fixture(
    scope="module", params=[*PICTURES, *(f"{name} {paper}" for paper in PAPERS for name in ON_PAPER)]
)
def picture(request: pytest.FixtureRequest) -> Drawing:
    name, _, paper = request.param.partition(" ")
    kind, graphs, choices = PICTURES[name]
    return draw_kind(kind, graphs, sheet(paper or None), **choices)


def test_no_text_overlaps_another(picture: Drawing) -> None:
    clashes = [(a, b) for (a, one), (b, other) in combinations(visible(picture), 2) if overlap(one, other)]
    assert clashes == []


def test_nothing_is_cut(picture: Drawing) -> None:
    whole = picture.figure.bbox
    outside = [
        (text, box.extents)
        for text, box in visible(picture)
        if box.x0 < whole.x0 - 1 or box.x1 > whole.x1 + 1 or box.y0 < whole.y0 - 1 or box.y1 > whole.y1 + 1
    ]
    assert outside == []


def test_svg_is_text_and_the_same_every_time(picture: Drawing) -> None:
    first = picture.bytes("svg")
    assert first == picture.bytes("svg")
    root = ElementTree.fromstring(first)
    said = {"".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
    for axes in picture.figure.axes:
        wanted = [axes.get_xlabel(), axes.get_title(loc="left"), *(text.get_text() for text in axes.texts)]
        assert {line for text in wanted for line in text.strip().splitlines()} <= said


def test_png_and_pdf_are_what_they_say(picture: Drawing) -> None:
    assert picture.bytes("png").startswith(b"\x89PNG\r\n")
    assert picture.bytes("pdf").startswith(b"%PDF-")


def test_every_kind_is_drawn_here() -> None:
    assert {kind for kind, _, _ in PICTURES.values()} == set(plots.KINDS)


# The data behind the pictures ------------------------------------------------------------------


def test_layers_are_the_reports() -> None:
    report = cnncost.analyze(ALEXNET[0], convention="deeprob", batch=2)
    rows = table(draw_kind("layers", ALEXNET, convention="deeprob", batch=2))
    assert [(row["row"], row["memory_bytes"], row["params"], row["ops"]) for row in rows] == [
        (row.name, *(str(value) for value in (row.counted.memory_bytes, row.counted.params, row.counted.ops)))
        for row in report.rows
    ]


def test_layers_fold_until_they_can_be_read() -> None:
    """ResNet-50 has more layers than bars can be read; its blocks can."""
    rows = table(draw_kind("layers", SIX[3:4]))
    assert [row["row"] for row in rows] == [row.name for row in cnncost.analyze(SIX[3], by="block").rows]


@pytest.mark.parametrize("convention", ["cnncost", "deeprob", "keras"])
def test_shares_add_up_to_the_totals(convention: str) -> None:
    rows = table(draw_kind("shares", SIX, convention=convention))
    for graph in SIX:
        counted = cnncost.analyze(graph, convention=convention).totals.counted
        for quantity, total in counted._asdict().items():
            parts = [
                int(row["value"]) for row in rows if (row["model"], row["quantity"]) == (graph.name, quantity)
            ]
            assert sum(parts) == total


def test_shares_by_kind() -> None:
    """The lectures' finding: AlexNet has its parameters in linear layers."""
    rows = table(draw_kind("shares", ALEXNET))
    value = {(row["quantity"], row["kind"]): int(row["value"]) for row in rows}
    assert value["params", "linear"] == 37752832 + 16781312 + 4097000
    assert value["ops", "linear"] == 37748736 + 16777216 + 4096000


@pytest.mark.parametrize("x", ["macs", "params", "activations", "peak"])
def test_accuracy_against_a_cost(x: str) -> None:
    rows = {row["model"]: row for row in table(draw_kind("accuracy", SIX, x=x, batch=2))}
    for graph in SIX:
        totals = cnncost.analyze(graph, batch=2).totals
        costs = {
            "macs": totals.macs,
            "params": totals.params,
            "activations": totals.activation_bytes,
            "peak": totals.peak_bytes,
        }
        assert int(rows[graph.name][x]) == costs[x]


def test_accuracy_is_the_published_one() -> None:
    """fb.resnet.torch gives 24.01 % top-1 error of one crop for ResNet-50; the paper's is of ten."""
    (row,) = table(draw_kind("accuracy", [cnncost.load("resnet50")]))
    assert (row["top1"], row["source"], row["protocol"]) == ("75.99", "fb.resnet.torch", "single crop 224")


def test_pareto_front() -> None:
    costs = {"a": (1, 50), "b": (2, 40), "c": (2, 60), "d": (3, 60), "e": (4, 70), "f": (4, 69)}
    points = [Point(name, "", cost, percent, 1, "", "") for name, (cost, percent) in costs.items()]
    assert [point.model for point in pareto(points)] == ["a", "c", "e"]


def test_models_without_accuracy_are_named_and_the_others_drawn() -> None:
    graphs = [cnncost.load(name) for name in ("lenet5", "resnet50", "unet")]
    drawing = draw_kind("accuracy", graphs)
    assert [row["model"] for row in table(drawing)] == ["resnet50"]
    assert drawing.notes == ("no top-1 accuracy on ImageNet is published for lenet5, unet",)


def test_without_models_the_whole_zoo() -> None:
    rows = table(draw_kind("accuracy", y="top5"))
    graphs = map(cnncost.load, zoo.names())
    with_accuracy = [graph.name for graph in graphs if headline(graph.facts, graph.input_shape, "top5")]
    assert [row["model"] for row in rows] == with_accuracy and len(rows) > 60


@pytest.mark.parametrize("name", ["vgg16", "googlenet", "unet"])
def test_memory_peaks_are_those_of_the_analysis(name: str) -> None:
    graph = cnncost.load(name)
    rows = table(draw_kind("memory", [graph], batch=2))
    training = training_memory(graph, batch=2)
    most = {phase: max(int(row["alive_bytes"]) for row in rows if row["phase"] == phase) for phase in PHASES}
    assert most["inference"] == cnncost.analyze(graph, batch=2).totals.peak_bytes
    assert training.phase == "backward"
    assert most["backward"] == training.peak - training.weights - training.optimizer_state
    assert most["forward"] <= most["backward"]
    inference = [row["node"] for row in rows if row["phase"] == "inference"]
    assert inference == [node.name for node in graph.without_heads().nodes[1:]]


def test_receptive_fields_of_vgg16() -> None:
    """Araujo et al. (2019): VGG-16 sees 212 pixels after its last pooling."""
    rows = table(draw_kind("receptive", [cnncost.load("vgg16")]))
    # 3x3 convolutions add 2 jumps; a 2x2 pooling adds one jump and doubles it.
    size, jump, expected = 1, 1, [1]
    for stage in (2, 2, 3, 3, 3):
        for _ in range(stage):
            size += 2 * jump
            expected.append(size)
        size += jump
        jump *= 2
        expected[-1] = size
    assert [float(row["receptive_field"]) for row in rows] == expected
    assert expected[-1] == 212


def test_depth_is_the_longest_path() -> None:
    """GoogLeNet: 3 convolutions and 9 modules of 2 on the longest path, and no linear layer."""
    rows = table(draw_kind("receptive", [cnncost.load("googlenet")]))
    assert [int(row["depth"]) for row in rows] == list(range(22))


def test_roofline_rows() -> None:
    """conv1 of AlexNet on the A100: 2 * 72,855,552 operations and more; fc6 reads 37.8 M weights once."""
    rows = {row["row"]: row for row in table(draw_kind("roofline", ALEXNET))}
    fc6 = rows["fc6"]
    assert int(fc6["traffic_bytes"]) == 4 * (9216 + 4096 + 37752832)
    assert fc6["bound_by"] == "memory" and rows["conv2"]["bound_by"] == "arithmetic"
    assert float(fc6["seconds"]) == pytest.approx(4 * (9216 + 4096 + 37752832) / 2039e9)
    traffic = int(rows["conv2"]["traffic_bytes"])
    assert float(rows["conv2"]["seconds"]) == pytest.approx(
        max(int(rows["conv2"]["flops"]) / 156e12, traffic / 2039e9)  # PyTorch's convolutions use TF32
    )
    strict = {row["row"]: row for row in table(draw_kind("roofline", ALEXNET, no_tf32=True))}
    assert float(strict["conv2"]["seconds"]) == pytest.approx(int(rows["conv2"]["flops"]) / 19.5e12)
    assert strict["fc6"] == fc6
    report = cnncost.analyze(ALEXNET[0])
    assert [int(row["flops"]) for row in rows.values()] == [row.flops for row in report.rows]


def test_ilsvrc_is_the_lectures() -> None:
    """The errors that deck_figures.yaml records, and the winning depths."""
    entries = [(entry.year, entry.name, entry.error, entry.layers) for entry in ilsvrc.ENTRIES]
    assert entries == [
        (2012, "AlexNet", 16.4, 8),
        (2013, "ZFNet", 11.7, 8),
        (2014, "VGGNet", 7.3, 19),
        (2014, "GoogLeNet", 6.7, 22),
        (2015, "ResNet", 3.57, 152),
    ]


def test_layers_with_weights_are_those_of_the_specs() -> None:
    """The depths that the lectures quote, counted: the longest path of convolutions and linear layers."""
    specs = ("alexnet", "zfnet", "vgg19", "googlenet", "resnet152")
    for entry, name in zip(ilsvrc.ENTRIES, specs, strict=True):
        depth = [0]
        for node in cnncost.load(name).without_heads().nodes[1:]:
            depth.append(max(depth[index] for index in node.inputs) + (node.op.name in ("conv", "linear")))
        assert depth[-1] == entry.layers, name


def test_timeline_is_counted() -> None:
    rows = table(draw_kind("timeline"))
    for row, milestone in zip(rows, timeline.MILESTONES, strict=True):
        assert int(row["params"]) == cnncost.analyze(cnncost.load(milestone.spec)).totals.params
        assert (row["spec"], int(row["year"])) == (milestone.spec, milestone.year)


@pytest.mark.parametrize(("x", "values"), [("resolution", (160, 224, 300)), ("batch", (1, 3, 50))])
@pytest.mark.parametrize("y", ["macs", "flops", "activations"])
def test_sweeps_are_the_analysis_point_by_point(x: str, values: tuple[int, ...], y: str) -> None:
    rows = table(draw_kind("sweep", [cnncost.load("resnet18")], x=x, y=y, values=values, batch=1))
    for row in rows:
        value = int(row[x])
        graph = cnncost.load("resnet18", input=(value, value) if x == "resolution" else None)
        totals = cnncost.analyze(graph, batch=value if x == "batch" else 1).totals
        assert (
            int(row[y])
            == {"macs": totals.macs, "flops": totals.flops, "activations": totals.activation_bytes}[y]
        )
    assert [int(row[x]) for row in rows] == list(values)


def test_resolutions_hold_the_input() -> None:
    assert sweep.resolutions(224) == list(range(128, 449, 32))
    assert sweep.resolutions(28) == [28, 32, 36, 40, 44, 48, 52, 56]


# Bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "names", "choices", "message"),
    [
        (
            "accuracies",
            [],
            {},
            "unknown kind of plot 'accuracies': did you mean 'accuracy'?\n  known: " + ", ".join(plots.KINDS),
        ),
        ("layers", [], {}, "plot layers needs a model\n  for example: cnncost plot layers resnet50"),
        ("timeline", ["alexnet"], {}, "plot timeline takes no model, but 'alexnet' was given"),
        ("timeline", [], {"batch": 2}, "plot timeline does not use --batch\n  it uses: no options"),
        (
            "shares",
            ["alexnet"],
            {"by": "block"},
            "plot shares does not use --by\n  it uses: --batch, --dtype, --mode, --convention",
        ),
        (
            "accuracy",
            ["resnet50"],
            {"x": "flops"},
            "unknown --x 'flops'\n  known: macs, params, activations, peak, latency",
        ),
        (
            "accuracy",
            ["resnet50"],
            {"y": "top2"},
            "unknown --y 'top2': did you mean 'top5'?\n  known: top1, top5",
        ),
        (
            "accuracy",
            ["lenet5"],
            {},
            "nothing to draw\n  no top-1 accuracy on ImageNet is published for lenet5",
        ),
        (
            "layers",
            ["densenet201"],
            {"by": "layer"},
            "densenet201 has 305 rows by layer, too many to read\n  at most 60: try --by block or --by stage",
        ),
        (
            "roofline",
            ["alexnet"],
            {"device": "a11"},
            "unknown device 'a11'\n  near: a10\n"
            "  cnncost help devices lists ours; a file of yours is named by its path: ./mine.yaml",
        ),
        (
            "roofline",
            ["alexnet"],
            {"device": "coral-edge-tpu", "dtype": "int8"},
            "Google Coral Edge TPU: coral-edge-tpu.yaml gives no bandwidth, so there is no roof to draw\n"
            "  what arithmetic alone allows: cnncost predict --on coral-edge-tpu",
        ),
        (
            "roofline",
            ["alexnet"],
            {"device": "v100-sxm2", "dtype": "bfloat16"},
            "no peak of NVIDIA V100 SXM2 (32 GB) is known for bfloat16\n  known: float64, float32, float16",
        ),
        ("sweep", ["alexnet"], {"x": "width"}, "unknown --x 'width'\n  known: resolution, batch"),
    ],
)
def test_errors_say_what_to_do(kind: str, names: list[str], choices: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as error:
        draw_kind(kind, [cnncost.load(name) for name in names], **choices)
    assert str(error.value) == message


# On paper ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", PAPERS)
def test_paper_has_its_width_and_type(paper: str) -> None:
    drawing = draw_kind("accuracy", SIX, sheet(paper))
    assert drawing.figure.get_figwidth() == PAPERS[paper]
    (axes,) = drawing.figure.axes
    sizes = {text.get_fontsize() for text in drawing.figure.findobj(Text) if text.get_text()}
    assert sizes == {8.0}
    assert axes.get_title(loc="left") == "" and drawing.figure._supxlabel is None  # type: ignore[attr-defined]
    assert {"VGG-16", "ResNet-50", "MobileNetV2"} <= {text.get_text() for text in axes.texts}
    assert str(drawing.figure.get_label()).startswith("1 MAC = 1 multiply-add")


def test_what_else_is_chosen_of_a_sheet() -> None:
    on = sheet("column", size="4x3", title="Mine", names="vgg16=VGG (D),resnet50=Ours", font="DejaVu Serif")
    drawing = draw_kind("accuracy", SIX[1:4], on)
    (axes,) = drawing.figure.axes
    assert tuple(drawing.figure.get_size_inches()) == (4, 3)
    assert axes.get_title(loc="left") == "Mine"
    assert {"VGG (D)", "Ours", "GoogLeNet"} == {text.get_text() for text in axes.texts}
    assert axes.xaxis.label.get_fontname() == "DejaVu Serif"
    assert [row["model"] for row in table(drawing)] == ["vgg16", "googlenet", "resnet50"]


def test_real_names_are_those_of_the_papers() -> None:
    shown = {name: proper(name) for name in zoo.names()}
    assert len(set(shown.values())) == len(shown)
    assert not any("_" in name or "[" in name or "\\" in name for name in shown.values())
    assert {
        name: shown[name] for name in ("vgg16_bn", "mobilenet_v3_large", "regnet_x_1_6gf", "lenet5_1998")
    } == {
        "vgg16_bn": "VGG-16-BN",
        "mobilenet_v3_large": "MobileNetV3-Large",
        "regnet_x_1_6gf": "RegNetX-1.6GF",
        "lenet5_1998": "LeNet-5 (1998)",
    }


def test_an_added_model_is_a_star_of_its_own() -> None:
    drawing = draw_kind("accuracy", SIX, add=(Added(cnncost.load("wrn_28_10"), 74.1),))
    row = table(drawing)[-1]
    assert (row["model"], row["family"], row["top1"], row["on_front"]) == ("wrn_28_10", "added", "74.1", "0")


def test_bars_are_stacked_by_kind_and_sum_to_the_row() -> None:
    bars = layers.readable(cnncost.load("resnet50"), Run(), "block")
    assert set(bars.parts["stage1.unit1"]) == {"convolution", "normalization", "activation", "join"}
    for convention in CONVENTIONS:
        bars = layers.readable(cnncost.load("resnet50"), Run(convention=convention), "block")
        for row in bars.report.rows:
            parts = bars.parts[row.name].values()
            assert tuple(map(sum, zip(*parts, strict=True))) == tuple(row.counted), (convention, row.name)


def test_measured_points_are_operations_by_seconds() -> None:
    drawing = draw_kind("roofline", [SIX[3]], measured=(TIMED,))
    (axes,) = drawing.figure.axes
    rates = {points.get_offsets()[0][1] for points in axes.collections if points.get_label() == "measured"}
    conv = next(row for row in cnncost.analyze(SIX[3], by="layer").rows if row.name == "conv1")
    assert any(
        rate == pytest.approx(conv.flops / 3e-4) for rate in rates
    )  # conv, bn, relu: 1e-4 seconds each


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"paper": "colum"}, "unknown --paper 'colum': did you mean 'column'?\n  known: column, page"),
        ({"size": "0x3"}, "--size '0x3' is not a size in inches, of 1 to 60 a side\n  for example: --size 3.35x2.5, or --size 3.35"),
        ({"size": "nan"}, "--size 'nan' is not a size in inches, of 1 to 60 a side\n  for example: --size 3.35x2.5, or --size 3.35"),
        ({"names": "vgg16"}, "--names 'vgg16' is neither real, plain, nor name=text\n  for example: --names real, or --names 'vgg16=VGG (D),resnet50=Ours'"),
    ],
)  # fmt: skip
def test_sheets_that_cannot_be(choices: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        sheet(**choices)
    assert str(error.value) == message


def test_a_font_that_is_not_there() -> None:
    with pytest.raises(UsageError) as error:
        sheet(font="DejaVu Sanz")
    first, second = str(error.value).split("\n")
    assert first == "--font 'DejaVu Sanz' is not installed: did you mean 'DejaVu Sans'?"
    assert second.startswith("  fonts: ") and "DejaVu Serif" in second


@pytest.mark.parametrize("kind", plots.KINDS)
def test_a_kind_says_what_its_draw_uses(kind: str) -> None:
    module = importlib.import_module(f"cnncost.plots.{kind.replace('-', '_')}")
    graphs, run, *own = inspect.signature(module.draw).parameters.values()
    assert (graphs.name, run.name) == ("graphs", "run")
    assert tuple(parameter.name for parameter in own) == plots.KINDS[kind].own
    assert set(plots.KINDS[kind].run) <= set(Run._fields)
