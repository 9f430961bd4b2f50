"""Quantised networks: published sizes and bit operations, formulas by hand, what is refused."""

from __future__ import annotations

import json
from math import log2, prod
from pathlib import Path
from typing import Any

import pytest

import cnncost
from cnncost.analysis import analyze
from cnncost.cli.main import app
from cnncost.errors import CnncostError, SpecError, UsageError
from cnncost.graph import Graph
from cnncost.language import load
from cnncost.language.zoo import names
from cnncost.ops.base import Storage

FIRST_AND_LAST = ("w4a4:bare", "input=a8", "conv1=w8:bare", "fc=w8:bare", "global_avgpool=a8")


@pytest.mark.parametrize(
    ("name", "bits", "megabytes", "bops"),
    [
        ("resnet18", ("32:bare",), 44.6, 1858), ("resnet18", ("8:bare",), 11.1, 116),
        ("resnet18", FIRST_AND_LAST, 5.8, 34), ("resnet50_v1", ("32:bare",), 97.8, 3951),
        ("resnet50_v1", ("8:bare",), 24.5, 247), ("resnet50_v1", FIRST_AND_LAST, 13.1, 67),
    ],
)  # fmt: skip
def test_published_sizes_and_bit_operations(
    name: str, bits: tuple[str, ...], megabytes: float, bops: int
) -> None:
    """HAWQ's model zoo (github.com/Zhen-Dong/HAWQ, model_zoo.md), its MB of 2^20 bytes.

    Its 4-bit networks keep the first and the last layer at 8, 34 and 67 are cut off; sizes are of weights,
    which are counted here with batch norms and biases in four bytes: up to 0.6 MB more.
    """
    graph = cnncost.load(name, bits=bits)
    totals = analyze(graph).totals
    assert bops <= totals.bops / 1e9 < bops + 1 or round(totals.bops / 1e9) == bops
    weights = others = 0
    for node in graph.nodes:
        others += 4 * node.op.buffers(*graph.input_shapes(node))
        for weight in node.op.weights(*graph.input_shapes(node)):
            if weight.role == "weight" and node.bits and node.bits.weights:
                weights += -(-weight.count * node.bits.weights // 8)
            else:
                others += 4 * weight.count
    assert totals.weight_bytes == weights + others
    assert abs(weights / 2**20 / megabytes - 1) < 0.012


def by_hand(graph: Graph, layer: str) -> Any:
    return next(row for row in analyze(graph, by="op").rows if row.name == layer)


def test_a_layer_by_hand() -> None:
    """LeNet-5's kind: a convolution of 3 x 3 from 16 to 9 channels, values of 8 bits, weights of 3."""
    spec = "input: [16, 10, 10]\nbody:\n  - {conv: {out: 9, kernel: 3}, bits: w3a5}\n  - relu\n"
    graph = parsed(spec)
    graph = cnncost.load(str(graph), bits=("input=a8",))
    row, relu = by_hand(graph, "conv"), by_hand(graph, "relu")
    weights = 9 * 16 * 3 * 3
    assert row.macs == weights * 64 and row.bops == row.macs * 3 * 8
    assert row.weight_bytes == -(-weights * 3 // 8) + 4 * 9 + 4 * 9  # scales, and a bias of 32 bits
    assert (row.weight_bits, row.activation_bits) == ((3,), 5)
    assert row.activation_bytes == 9 * 8 * 8 * 5 / 8
    assert (relu.weight_bits, relu.activation_bits, relu.activation_bytes, relu.bops) == ((), 5, 0, 0)
    totals = analyze(graph, convention="uniq").totals
    sums = round(16 * 3 * 3 * log2(16 * 3 * 3))  # of an output
    assert totals.counted.ops == row.macs * (3 * 8 + 3 + 8) + 9 * 8 * 8 * sums
    assert analyze(graph, convention="bops").totals.counted.ops == totals.bops == row.bops


def test_bit_operations_with_their_sums() -> None:
    """The unpruned network of 32 bits of Hawks et al. 2021 ("Ps and Qs", Frontiers in AI 4): 4,652,832 BOPs.

    Layers of 64, 32, 32 and 5 behind 16 features, by the formula of Baskin et al.
    """
    layers = "".join(f"  - {{linear: {{out: {out}}}}}\n" for out in (64, 32, 32, 5))
    graph = cnncost.load(str(parsed(f"input: [16]\nbody:\n{layers}")))
    assert analyze(graph, convention="uniq").totals.counted.ops == 4_652_832
    assert analyze(graph, batch=3, convention="uniq").totals.counted.ops == 3 * 4_652_832


@pytest.mark.parametrize("name", ["bops", "uniq", "cnncost"])
def test_one_column_of_a_heading(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the convention counts is not there twice; who asks for the products gets them by their name."""
    app(["table", "lenet5", "--bits", "w4a8", "--convention", name], standalone_mode=False)
    header = capsys.readouterr().out.splitlines()[2]
    assert header.count("BOPs") == 1 and ("MACs" in header) == (name == "cnncost")
    app(["table", "lenet5", "--columns", "name,ops,bops", "--convention", "uniq"], standalone_mode=False)
    assert capsys.readouterr().out.splitlines()[2].split() == [
        "layer",
        "BOPs",
        "(G)",
        "BOPs",
        "of",
        "products",
        "(G)",
    ]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def parsed(text: str) -> Path:
    path = Path("net.yaml")
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", sorted(names())[::7])
def test_every_tensor_of_the_zoo_is_packed(name: str) -> None:
    """Bytes and bit operations of networks at w2a4 from their shapes alone."""
    graph = load(name).without_heads()
    wide, narrow = analyze(graph, by="op"), analyze(cnncost.load(name, bits="w2a4:bare"), by="op")
    assert narrow.totals.macs == wide.totals.macs and narrow.totals.params == wide.totals.params
    quantised = cnncost.load(name, bits="w2a4:bare").without_heads()
    assert quantised.storages == graph.storages
    for row, node in zip(narrow.rows, quantised.nodes[1:], strict=True):
        made = graph.storages[node.index] == node.index
        assert row.activation_bytes == (-(-4 * prod(node.shape) // 8) if made else 0), row.name
        learned = any(weight.role == "weight" for weight in node.op.weights(*graph.input_shapes(node)))
        assert row.bops == row.macs * 4 * (2 if learned else 4), row.name
    outside = any(node.op.storage() is Storage.OUTSIDE for node in graph.nodes)
    assert outside or narrow.totals.peak_bytes <= wide.totals.peak_bytes / 8 + len(graph.nodes)


def test_what_keeps_values_keeps_their_bits() -> None:
    graph = cnncost.load("resnet18", bits=("w4a4", "conv1=a8", "stage1.*=a2", "stage2.unit1.relu=a3"))
    bits = {node.name: node.bits.activations for node in graph.nodes if node.bits}
    assert bits["conv1.conv"] == bits["conv1.bn"] == bits["relu"] == bits["pool1"] == 8
    assert bits["stage1.unit1.add"] == 2
    assert bits["stage2.unit1.add"] == 4 and bits["stage2.unit1.relu"] == 3
    assert bits["flatten"] == bits["global_avgpool"] == 4
    index = graph["stage2.unit1.relu"].index
    assert graph.storages[index] == index  # it cannot overwrite values of another width


def test_a_folded_batch_norm_hands_its_bits_on() -> None:
    from cnncost.analysis.fold import fold_batch_norms

    graph = fold_batch_norms(cnncost.load("resnet18", bits=("w4a4", "conv1.bn=a6")))
    assert graph["conv1.conv"].bits == (4, 6, "channel")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv9=4", "--bits 'conv9=4' matches no layer of resnet18: did you mean 'conv1'?\n  for example: --bits 4,"
         " or --bits fc=w8a8"),
        ("relu=w4", "--bits 'relu=w4': relu has no weights to quantise\n  a4 is of the tensor that it makes"),
        ("conv1=w4a9", "--bits 'conv1=w4a9': no rule knows values of 9 bits\n  it is 1 to 8, 16, or 32 (not quantised)"),
        ("conv1=", "--bits 'conv1=': '' is not a number of bits\n  write 4, w4a8, w4 or a8, and :tensor or :bare for"
         " scales"),
    ],
)  # fmt: skip
def test_bits_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        cnncost.load("resnet18", bits=text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{conv: {out: 4, kernel: 3}, bits: 9}", "net.yaml:4:39: no rule knows values of 9 bits\n  it is 1 to 8, 16, or"
         " 32 (not quantised)\n    - {conv: {out: 4, kernel: 3}, bits: 9}\n"),
        ("{conv: {out: 4, kernel: 3}, bits: w4x8}", "net.yaml:4:39: 'w4x8' is not a number of bits\n"),
        ("{conv: {out: 4, kernel: 3}, bits: c}", "net.yaml:4:39: unknown name 'c'\n"),
        ("{conv: {out: 4, kernel: 3}, bits: b}", "net.yaml:4:39: no rule knows values of 12 bits\n"),
        ("{relu: {}, bits: w4}", "net.yaml:4:6: relu has no weights to quantise\n"),
    ],
)  # fmt: skip
def test_bits_in_a_spec_that_cannot_be(step: str, message: str) -> None:
    path = parsed(f"input: [3, 8, 8]\nparams: {{b: 12}}\nbody:\n  - {step}\n")
    with pytest.raises(SpecError) as error:
        cnncost.load(str(path))
    first = message.splitlines()[0]
    assert str(error.value).splitlines()[0] == first


def test_bits_of_a_block_and_of_a_parameter() -> None:
    path = parsed(
        "input: [3, 8, 8]\nparams: {b: w2a4}\nblocks:\n  unit(out):\n    - {conv: {out: out, kernel: 3, pad: 1}}\n"
        "    - bn\n    - relu\nbody:\n  - {unit: [4], bits: b, as: one}\n  - {unit: [4], as: two}\n"
        "  - {unit: [4], bits: a8, as: three}\n"
    )
    bits = {node.name: node.bits for node in cnncost.load(str(path)).nodes}
    assert bits["one.conv"] == (2, 4, "channel") and bits["one.relu"] == (None, 4, "channel")
    assert bits["two.conv"] is None and bits["two.relu"] is None
    assert bits["three.conv"] == bits["three.bn"] == (None, 8, "channel")
    assert cnncost.load(str(path), set={"b": "w1"})["one.conv"].bits == (1, None, "channel")


REFUSED = (
    "memory --train", "memory --fits 1GiB", "memory --runtime eager", "memory --runtime tflm",
    "memory --runtime tinyengine --dtype int8", "memory --runtime executorch", "predict --on t4", "verify",
    "measure --device cpu", "plot memory", "plot roofline", "plot sweep", "report -o net.html", "exercise",
    "export --onnx net.onnx", "compare --on t4", "compare --device cpu",
)  # fmt: skip


@pytest.mark.parametrize("command", REFUSED)
def test_who_does_not_know_such_tensors_says_so(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    parsed("input: [3, 8, 8]\nbody:\n  - {conv: {out: 4, kernel: 3}, bits: w4a4}\n  - relu\n")
    name, *rest = command.split()
    place = [*rest[:1], "net.yaml", *rest[1:]] if name == "plot" else ["net.yaml", *rest]
    with pytest.raises(CnncostError) as error:
        app([name, *place], standalone_mode=False)
    assert "4 bits" in str(error.value)
    assert capsys.readouterr().out == ""


def test_a_lock_keeps_them_and_a_budget_limits_them(capsys: pytest.CaptureFixture[str]) -> None:
    def run(text: str) -> int:
        with pytest.raises(SystemExit) as stopped:
            app(text.split())
        return int(stopped.value.code or 0)

    assert run("lock resnet18 --bits w4a8 --bits fc=8") == 0
    text = Path("cnncost.lock").read_text()
    bops = analyze(cnncost.load("resnet18", bits=("w4a8", "fc=8"))).totals.bops
    assert "model resnet18 --bits w4a8 --bits fc=8\n" in text and f"\nbops {bops}\n" in text
    assert run("check") == 0
    Path("cnncost.lock").write_text(text.replace(f"bops {bops}", f"bops {bops + 1}"))
    assert run("check") == 1
    assert f"{bops + 1:,}" in capsys.readouterr().out
    Path("cnncost.toml").write_text(f'[budgets."resnet18*"]\nmax_bops = {bops - 1}\n')
    Path("cnncost.lock").write_text(text)
    assert run("check --format json") == 1
    (found,) = json.loads(capsys.readouterr().out)["check"]["models"]
    assert [each["message"] for each in found["findings"]] == [
        f"bops is {bops:,}, over max_bops = {bops - 1:,}"
    ]


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    app(["table", "lenet5", "--bits", "w1a2", "--format", "json"], standalone_mode=False)
    whole = json.loads(capsys.readouterr().out)
    model = whole["models"][0]
    assert whole["request"]["models"][0]["bits"] == ["w1a2"] and model["bits"] == [1, 2]
    assert model["totals"]["bops"] == 2 * model["totals"]["macs"] == sum(row["bops"] for row in model["rows"])
    assert sum(row["weight_bytes"] for row in model["rows"]) == model["totals"]["weight_bytes"]
    assert model["estimated"] == ["tensors of 1 and 2 bits"]
    assert cnncost.Report.from_dict(model).to_dict() == model


@pytest.mark.parametrize("name", ["resnet18", "unet", "convnext_tiny", "densenet121"])
def test_the_peak_of_wide_tensors_is_that_of_eager(name: str) -> None:
    """With 32 bits for every tensor nothing is packed; these networks' kernels need no temporaries."""
    wide, plain = analyze(cnncost.load(name, bits="32:bare")), analyze(load(name))
    assert wide.totals.peak_bytes == plain.totals.peak_bytes and not plain.estimated
    assert wide.totals.weight_bytes == plain.totals.weight_bytes
    assert wide.totals.activation_bytes == plain.totals.activation_bytes


def test_the_memory_of_packed_tensors() -> None:
    found = cnncost.memory(cnncost.load("resnet18", bits="w4a4")).to_dict()
    eager = cnncost.memory("resnet18").to_dict()
    assert (
        found["peak_bytes"]
        == found["liveness_bytes"]
        == analyze(cnncost.load("resnet18", bits="4")).totals.peak_bytes
    )
    assert found["tensors"][0]["bytes"] == 3 * 224 * 224 // 2
    assert [(each["node"], 8 * each["made"]) for each in found["nodes"]] == [
        (each["node"], each["made"]) for each in eager["nodes"]
    ]
    assert found["estimated"] == ["tensors of 4 bits"]


def test_several_inputs_are_alive_throughout() -> None:
    path = parsed(
        "input: {a: [4, 8, 8], b: [4, 8, 8]}\nbody:\n  - add: {a: [{from: a}], b: [{from: b}]}\n  - relu\n"
    )
    assert analyze(cnncost.load(str(path), bits="4")).totals.peak_bytes == 3 * 4 * 64 // 2


def test_the_working_is_what_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    app(["explain", "resnet18", "fc", "--bits", "w3a5:tensor"], standalone_mode=False)
    text = capsys.readouterr().out
    assert "ceil(C_out * 5 / 8) = ceil(1000 * 5 / 8) = 625 bytes" in text
    assert (
        "ceil(C_out * C_in * 3 / 8) + 4 + 1 + 4C_out = ceil(1000 * 512 * 3 / 8) + 4 + 1 + 4*1000 = 196,005"
        in text
    )
    assert "MACs * b_w * b_a = 512000 * 3 * 5 = 7,680,000" in text
