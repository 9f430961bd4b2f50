"""Specs with several inputs: by their names, with element types; and an import of several as a spec.

Right values: hand formulas, PyTorch by way of `verify`, onnxruntime by way of `export`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cnncost
from cnncost.errors import UsageError
from cnncost.graph import Graph
from cnncost.language import zoo

SPEC = """\
input: {image: [3, 32, 32], ids: {shape: [12], dtype: int64}}
body:
  - {conv: {out: 8, kernel: 3}}
  - global_avgpool
  - {flatten: , as: seen}
  - {embedding: {vocabulary: 100, size: 8}, from: ids}
  - {reduce: {function: mean, axes: [1]}, as: read}
  - add: {seen: [{from: seen}], read: [{from: read}]}
  - {linear: {out: 5}}
"""
MACS = 30 * 30 * 27 * 8 + 8 * 5


def graph_of(text: str) -> Graph:
    return zoo.graph_of(zoo.parse_text(text, "two.yaml", "two"), None)


def test_what_it_costs() -> None:
    report = cnncost.analyze(graph_of(SPEC), batch=3)
    assert (report.totals.params, report.totals.macs) == (27 * 8 + 8 + 100 * 8 + 45, 3 * MACS)
    assert report.input_shape == (3, 32, 32)
    assert [tuple(item) for item in report.inputs] == [
        ("image", (3, 32, 32), "float32"),
        ("ids", (12,), "int64"),
    ]
    (table,) = [row for row in report.rows if row.op == "embedding"]
    assert (table.inputs, table.input_shapes, table.output_shape) == (("ids",), ((12,),), (12, 8))
    # the caller holds both; the convolution's map is the largest beside
    assert report.totals.peak_bytes >= 3 * (4 * 3 * 32 * 32 + 8 * 12 + 4 * 8 * 900)
    half = cnncost.analyze(graph_of(SPEC), dtype="float16")
    assert [item.dtype for item in half.inputs] == ["float16", "int64"]


def test_any_input_may_be_the_first_and_space_has_names() -> None:
    text = """\
input: {small: [1, 6, 6], large: {shape: [8, 8, 3], axes: HWC}, sound: [1, 100]}
body:
  - {conv: {out: 4, kernel: 3}, from: sound, as: line}
  - {conv: {out: 4, kernel: 3}, from: small}
outputs: [line]
"""
    rows = {row.name: row for row in cnncost.analyze(graph_of(text), by="op").rows}
    assert rows["line"].output_shape == (4, 98)
    assert rows["conv"].macs == 16 * 9 * 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "input: {image: [3, 8, 8], shape: [3]}\nbody: [relu]\n",
            "two.yaml:1:9: unknown key 'image'",
        ),
        (
            "input: {2: [3, 8, 8]}\nbody: [relu]\n",
            "two.yaml:1:9: an input's name is a word, not '2'",
        ),
        (
            "input: {ids: {shape: [3], dtype: int46}}\nbody: [relu]\n",
            "two.yaml:1:34: unknown element type 'int46'",
        ),
        (
            "input: {image: [3, 8, 8], ids: [3]}\nbody: []\n",
            "two.yaml:1:1: the body builds no layer",
        ),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(cnncost.SpecError) as caught:
        graph_of(text)
    assert str(caught.value).splitlines()[0] == message


def cnncost_run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cnncost", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


@pytest.mark.parametrize(
    "arguments",
    [
        ("table",), ("memory",), ("memory", "--train"), ("show",), ("verify",), ("compare", "lenet5"),
        ("plot", "receptive", "-o", "a.png"), ("plot", "layers", "-o", "a.png"), ("report", "-o", "a.html"),
        ("lock", "-o", "a.lock"), ("explain", "embedding"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_knows_them(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(SPEC)
    command, *rest = arguments
    before = [rest.pop(0)] if command == "plot" else []
    done = cnncost_run(command, *before, "two.yaml", *rest, folder=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_twin_is_exported_and_comes_in_again(tmp_path: Path) -> None:
    """onnxruntime and PyTorch give the same; the file has the names, and the costs of what it holds."""
    (tmp_path / "two.yaml").write_text(SPEC)
    done = cnncost_run("export", "two.yaml", "--onnx", "two.onnx", folder=tmp_path)
    assert "checked by onnxruntime" in done.stdout, done.stderr
    report = cnncost.analyze(cnncost.load(str(tmp_path / "two.onnx")))
    assert report.totals.macs == MACS
    assert [tuple(item) for item in report.inputs] == [
        ("image", (3, 32, 32), "float32"),
        ("ids", (12,), "int64"),
    ]


def test_an_import_of_several_writes_a_spec_that_reads_back(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n"
        "class Pair(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)\n"
        "        self.table = nn.Embedding(50, 4)\n"
        "    def forward(self, x, y, ids):\n"
        "        return self.first(x).mean((2, 3)) + self.second(y).mean((2, 3)) + self.table(ids).mean(1)\n"
    )
    model = ("nets:Pair", "-i", "x=3x8x8", "-i", "y=1x6x6", "-i", "ids=int64:7:0..50")
    done = cnncost_run("import", *model, "-o", "pair.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "pair.yaml").read_text().splitlines()
    assert "input: {x: [3, 8, 8], y: [1, 6, 6], ids: {shape: [7], dtype: int64}}" in lines
    found = [
        json.loads(cnncost_run("table", *each, "--format", "json", folder=tmp_path).stdout)["models"][0][
            "totals"
        ]
        for each in (model, ("pair.yaml",))
    ]
    assert found[0] == found[1]
    assert found[0]["macs"] == 36 * 108 + 16 * 36
    assert cnncost_run("verify", *model, "--device", "cpu", folder=tmp_path).returncode == 0


OTHERS = [
    (("image=3x64x64",), 62, 12), (("image=64", "ids=7"), 62, 7), (("ids=int32:7",), 30, 7),
    (("64", "9"), 62, 9), (("ids=9", "16x16"), 14, 9), ((3, 64, 64), 62, 12), ((64,), 62, 12),
]  # fmt: skip


@pytest.mark.parametrize(("given", "side", "length"), OTHERS)
def test_inputs_are_given_by_name_or_in_order(
    given: tuple[int | str, ...], side: int, length: int, tmp_path: Path
) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(SPEC)
    graph = cnncost.load(str(path), input=given)
    assert [node.name for node in graph.inputs] == ["image", "ids"]
    report = cnncost.analyze(graph)
    assert report.totals.macs == side * side * 27 * 8 + 8 * 5
    assert [item.shape for item in report.inputs] == [(3, side + 2, side + 2), (length,)]
    assert report.inputs[1].dtype == ("int32" if "ids=int32:7" in given else "int64")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("foo=3",), "the network has no input for input foo\n  its inputs: image, ids"),
        (("64", "9", "4"), "the network has no input for input=(4,)\n  its inputs: image, ids"),
        (("image=64", "image=32"), "input image is given twice"),
        (
            ("images[0]=3x9x9",),
            "{path}: the inputs of a spec are not lists or dictionaries\n"
            "  give each by its name: input=('image=3x224x224',)",
        ),
    ],
)
def test_inputs_that_the_network_does_not_have(given: tuple[str, ...], message: str, tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(SPEC)
    with pytest.raises(cnncost.UsageError) as error:
        cnncost.load(str(path), input=given)
    assert str(error.value) == message.replace("{path}", str(path))


def test_a_lock_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(SPEC)
    assert cnncost_run("lock", "two.yaml", "-i", "image=64", "-i", "ids=7", folder=tmp_path).returncode == 0
    assert "model two.yaml --input image=64 --input ids=7\n" in (tmp_path / "cnncost.lock").read_text()
    assert cnncost_run("check", folder=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("declared", "asked", "message"),
    [
        ("[3, 8, 8]", "int64:3x8x8", "--input int64:... is of another kind than 'input', which is float32"),
        ("{shape: [8], dtype: int64}", "float16:8", "--input float16:... is of another kind than 'input', which is int64"),
    ],
)  # fmt: skip
def test_an_input_stays_of_its_kind(tmp_path: Path, declared: str, asked: str, message: str) -> None:
    """PyTorch multiplies whole numbers with no weights of floats."""
    from cnncost.cli.main import app

    (tmp_path / "net.yaml").write_text(f"input: {declared}\nbody:\n  - relu\n")
    with pytest.raises(UsageError) as error:
        app(["table", str(tmp_path / "net.yaml"), "--input", asked], standalone_mode=False)
    kind = asked.partition(":")[0]
    assert str(error.value) == f"{message}\n  declare it in the spec: input: {{shape: [...], dtype: {kind}}}"
