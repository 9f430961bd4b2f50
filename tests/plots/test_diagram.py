"""The drawn graph: every box and every tensor is there, once, under the right name; a missing dot is told."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

import cnncost
from cnncost import units
from cnncost.errors import UnavailableError, UsageError
from cnncost.language import zoo
from cnncost.plots import boxes as boxes_of
from cnncost.plots import diagram

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's program dot is not installed")
NETS = ("googlenet", "resnet50", "unet", "mobilenet_v2", "densenet121")


def laid_out(name: str, **choices: Any) -> dict[str, Any]:
    """What dot made of it."""
    found: dict[str, Any] = json.loads(diagram.picture(cnncost.load(name), "json", **choices))
    return found


def boxes(layout: dict[str, Any]) -> dict[int, str]:
    return {
        item["_gvid"]: item["name"] for item in layout["objects"] if not item["name"].startswith("cluster")
    }


@needs_dot
@pytest.mark.parametrize("by", ["op", "layer", "stage"])
@pytest.mark.parametrize("name", NETS)
def test_boxes_are_the_rows_and_edges_their_inputs(name: str, by: str) -> None:
    if name == "densenet121" and by == "op":
        pytest.skip("more boxes than can be read")
    layout = laid_out(name, by=by)
    report = cnncost.analyze(cnncost.load(name), by=by)
    names = boxes(layout)
    assert sorted(names.values()) == sorted(["input", *(row.name for row in report.rows)])
    edges = {(names[edge["tail"]], names[edge["head"]], edge["label"].strip()) for edge in layout["edges"]}
    assert edges == {
        (source, row.name, units.shape(shape))
        for row in report.rows
        for source, shape in zip(row.inputs, row.input_shapes, strict=True)
        if source != row.name
    }


@needs_dot
@pytest.mark.parametrize("name", NETS)
def test_boxes_do_not_overlap_and_hold_their_texts(name: str) -> None:
    layout = laid_out(name)
    drawn = []
    for item in layout["objects"]:
        if not item["name"].startswith("cluster"):
            x, y = map(float, item["pos"].split(","))
            half_width, half_height = 36 * float(item["width"]), 36 * float(item["height"])
            drawn.append((x - half_width, y - half_height, x + half_width, y + half_height))
            for operation in item["_ldraw_"]:
                if operation["op"] == "T":
                    assert operation["width"] <= 2 * half_width
    for index, (left, bottom, right, top) in enumerate(drawn):
        for other in drawn[index + 1 :]:
            assert other[0] >= right or other[2] <= left or other[1] >= top or other[3] <= bottom


@needs_dot
def test_every_edge_label_has_its_own_place() -> None:
    for name in ("googlenet", "resnet50", "unet"):
        labels = []
        for edge in laid_out(name)["edges"]:
            x, y = map(float, edge["lp"].split(","))
            half = 2.2 * len(edge["label"].strip())  # 8 point text takes about 4.4 points a character
            labels.append((x - half, y - 4, x + half, y + 4))
        for index, (left, bottom, right, top) in enumerate(labels):
            for other in labels[index + 1 :]:
                assert other[0] >= right or other[2] <= left or other[1] >= top or other[3] <= bottom, name


def test_blocks_fold_as_far_as_they_are_whole() -> None:
    """U-Net: a double convolution is a box; upwards, its neighbours in the block stay boxes of their own."""
    report = cnncost.analyze(cnncost.load("unet"))
    found = {box.name: len(box.rows) for box in boxes_of.blocks(report.rows)}
    assert found["d0"] == found["u3.double_conv"] == 2
    assert [name for name in found if name.startswith("u3")] == [
        "u3.upconv",
        "u3.skip",
        "u3.concat",
        "u3.double_conv",
    ]
    assert sum(found.values()) == len(report.rows)
    edges = boxes_of.edges(boxes_of.blocks(report.rows))
    assert ("d3", "u3.skip", (512, 64, 64)) in edges and ("u3.skip", "u3.concat", (512, 56, 56)) in edges


def test_frames_are_the_blocks() -> None:
    report = cnncost.analyze(cnncost.load("googlenet"))
    whole = boxes_of.framed(boxes_of.blocks(report.rows))
    frames = {part.name: len(part.parts) for part in whole.parts if isinstance(part, boxes_of.Frame)}
    assert frames == {
        f"inception{name}": 5 for name in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
    }


@needs_dot
def test_svg_says_names_shapes_and_costs() -> None:
    root = ElementTree.fromstring(diagram.picture(cnncost.load("resnet50"), "svg"))
    said = {(element.text or "").strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {
        "resnet50",
        "conv1",
        "conv 7x7 / 2",
        "9.54 k params, 118 M MACs",
        "256x56x56",
        "stage3",
        "unit2 to unit6",
        "x 5, each of 4 layers; together:",
    } <= said


def test_colour_is_the_share_of_the_largest() -> None:
    source = str(diagram.source(cnncost.load("alexnet"), by="layer", color="params"))
    fills = dict(re.findall(r"^\s*(\w+) \[label=.*? fillcolor=\"?(#\w+|white)", source, re.MULTILINE))
    assert fills["fc6"] == "#E69F00" and fills["pool1"] == "#FFFFFF"
    share = (4096 * 4096 + 4096) / (9216 * 4096 + 4096)
    assert fills["fc7"] == "#" + "".join(f"{round(255 + (part - 255) * share):02X}" for part in (230, 159, 0))


def test_a_convention_counts_boxes_and_is_stated() -> None:
    """fvcore counts 2 per BN element: 4,111,512,576 for ResNet-50, and 2 per element of its first BN."""
    source = str(diagram.source(cnncost.load("resnet50"), by="layer", convention="fvcore"))
    assert "25.6 M parameters, 4.11 G FLOPs; batch 1" in source
    stem = 118_013_952 + 2 * 64 * 112 * 112
    assert f"9.54 k params, {units.count(stem)} FLOPs" in source
    assert "colour: FLOPs, white 0 to darkest" in source
    assert (
        'Convention fvcore: 1 FLOP is 1 MAC; batch norm 2 per<br align="left"/>element, other norms 5'
        in source
    )
    with pytest.raises(UsageError) as error:
        diagram.source(cnncost.load("lenet5"), convention="fvcor")
    assert str(error.value).splitlines()[0] == "unknown convention 'fvcor': did you mean 'fvcore'?"


def test_without_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnavailableError) as error:
        diagram.picture(cnncost.load("lenet5"), "svg")
    assert error.value.exit_code == 3
    assert str(error.value) == (
        "drawing a graph needs the program dot of Graphviz, which is not there\n"
        "  apt install graphviz, brew install graphviz, or https://graphviz.org/download"
    )


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError) as error:
        diagram.source(cnncost.load("lenet5"))
    assert str(error.value) == (
        'drawing a graph needs the package graphviz, which is not installed\n  pip install "cnncost[draw]"'
    )


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        (
            "lenet5",
            {"color": "colour"},
            "unknown --color 'colour'\n  known: ops, params, memory, macs, activation_bytes",
        ),
        ("lenet5", {"direction": "up"}, "unknown --direction 'up'\n  known: down, right"),
        (
            "densenet121",
            {"by": "op"},
            "densenet121 has 427 boxes, too many to read\n  at most 400: try --by block or --by stage",
        ),
    ],
)
def test_errors_say_what_to_do(name: str, choices: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        diagram.source(cnncost.load(name), **choices)
    assert str(error.value) == message


@needs_dot
@pytest.mark.parametrize(
    "choices", [{}, {"by": "stage"}, {"direction": "right"}], ids=["down", "stage", "right"]
)
@pytest.mark.parametrize("name", ["resnet50", "googlenet", "unet"])
def test_all_of_an_svg_lies_in_its_picture(name: str, choices: dict[str, str]) -> None:
    """Every text stands inside the viewBox: what a viewer shows of an SVG."""
    root = ElementTree.fromstring(diagram.picture(cnncost.load(name), "svg", **choices))
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    (group,) = (child for child in root if child.attrib.get("class") == "graph")
    moved = re.fullmatch(
        r"scale\(1 1\) rotate\(0\) translate\(([\d.]+) ([\d.]+)\)", group.attrib["transform"]
    )
    assert moved is not None, group.attrib["transform"]
    across, down = map(float, moved.groups())
    places = [
        (float(text.attrib["x"]) + across, float(text.attrib["y"]) + down)
        for text in root.iter("{http://www.w3.org/2000/svg}text")
    ]
    assert all(left <= x <= left + width and top <= y <= top + height for x, y in places)
    assert max(y for _, y in places) > 0.8 * height


@needs_dot
@pytest.mark.slow
@pytest.mark.parametrize("viewer", ["rsvg-convert", "chromium"])
def test_viewers_show_all_of_an_svg(viewer: str, tmp_path: Path) -> None:
    """No ink touches the border, and there is some in each corner's half: nothing is cut."""
    program = shutil.which(viewer)
    if program is None:
        pytest.skip(f"no {viewer} on this machine")
    import numpy as np
    from matplotlib.image import imread

    picture, shown = tmp_path / "net.svg", tmp_path / "net.png"
    picture.write_bytes(diagram.picture(cnncost.load("resnet50"), "svg", by="stage"))
    root = ElementTree.fromstring(picture.read_bytes())
    width, height = (
        int(float(root.attrib[side].removesuffix("pt")) * 4 / 3) + 1 for side in ("width", "height")
    )
    command = [program, "-b", "white", "-o", str(shown), str(picture)]
    if viewer == "chromium":
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={shown}", f"--window-size={width},{height}", picture.as_uri(),
        ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    ink = imread(shown)[..., :3].min(axis=2) < 0.8
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert rows[0] > 2 and columns[0] > 2
    assert ink.shape[0] - rows[-1] > 3 and ink.shape[1] - columns[-1] > 3
    assert rows[-1] > 0.9 * ink.shape[0] and columns[-1] > 0.8 * ink.shape[1]


def test_equal_blocks_are_drawn_once() -> None:
    """ResNet-50: after the first unit of a stage, which projects, the others are equal; their costs add up."""
    report = cnncost.analyze(cnncost.load("resnet50"))
    boxes = boxes_of.collapsed(boxes_of.blocks(report.rows))
    assert {box.name: (box.times, box.last) for box in boxes if box.times > 1} == {
        "stage1.unit2": (2, "unit3"),
        "stage2.unit2": (3, "unit4"),
        "stage3.unit2": (5, "unit6"),
        "stage4.unit2": (2, "unit3"),
    }
    assert sum(box.cost("macs") for box in boxes) == report.totals.macs
    # DenseNet's layers grow, VGG's convolutions are no blocks: nothing is equal.
    for name in ("densenet121", "vgg16"):
        rows = cnncost.analyze(cnncost.load(name)).rows
        assert len(boxes_of.collapsed(boxes_of.blocks(rows))) == len(boxes_of.blocks(rows))


@pytest.mark.parametrize(
    ("name", "depths"),
    [("densenet121", (6, 12, 24, 16)), ("densenet201", (6, 12, 48, 32)), ("densenet264", (6, 12, 64, 48))],
)
def test_blocks_that_grow_are_one_where_there_are_many(name: str, depths: tuple[int, ...]) -> None:
    """Table 1 of the paper: so many layers in each dense block."""
    boxes = boxes_of.by_block(cnncost.analyze(name).rows)
    assert tuple(box.times for box in boxes if box.times > 1) == depths
    assert all(box.grows for box in boxes if box.times > 1)


@needs_dot
def test_what_grows_says_from_what_to_what() -> None:
    """256 channels enter the third block of DenseNet-201, 48 layers of 32 leave 1792."""
    said = str(diagram.source(cnncost.load("densenet201")))
    assert "layer1 to layer48" in said and "x 48, each of 3 layers; together:" in said
    assert "alike: 288x14x14 to 1792x14x14" in said
    said = str(diagram.source(cnncost.load("nasnet_a_large")))
    assert "x 5, each of 31 layers; together:" in said and "alike, channels differ inside" in said


@pytest.mark.parametrize("name", ["nasnet_a_mobile", "nasnet_a_large"])
def test_cells_and_stages_that_are_no_blocks_are_found(name: str) -> None:
    """NASNet's stages hold each other, and their cells are numbered parts: three stages of cells each."""
    boxes = [box for box in boxes_of.by_block(cnncost.analyze(name).rows) if "cell" in box.name]
    count = 4 if name == "nasnet_a_mobile" else 6
    assert [box.times for box in boxes] == [1, count - 1] * 3
    assert len({box.frame for box in boxes}) == 3
    graph = cnncost.load(name).without_heads()
    stages = boxes_of.by_stage(graph, cnncost.analyze(name, by="op").rows)
    macs = cnncost.analyze(name).totals.macs
    assert max(box.cost("macs") for box in stages) < 0.4 * macs
    assert sum(box.cost("macs") for box in stages) == macs
    order = [box.name for box in stages]
    assert all(
        order.index(start) < order.index(end) for start, end, _ in boxes_of.edges(stages) if start != "input"
    )


@pytest.mark.parametrize("name", zoo.names())
def test_every_network_can_be_read_by_block_and_by_stage(name: str) -> None:
    """At most 64 boxes of different names, which hold every row once; stages are those of the table."""
    report, ops = cnncost.analyze(name), cnncost.analyze(name, by="op")
    boxes = boxes_of.by_block(report.rows)
    assert len(boxes) <= 64 and len({box.name for box in boxes}) == len(boxes)
    assert sorted(row.name for box in boxes for row in box.rows) == sorted(row.name for row in report.rows)
    stages = boxes_of.by_stage(cnncost.load(name).without_heads(), ops.rows)
    if "nasnet_a" not in name:
        found = [(box.name, box.cost("macs"), box.cost("params")) for box in stages]
        table = cnncost.analyze(name, by="stage").rows
        assert found == [(row.name, row.macs, row.params) for row in table]
