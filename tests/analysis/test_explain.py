"""The printed working: parsed and evaluated here, it gives the printed result and the operator's own."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncost
from cnncost.analysis.conventions import CONVENTIONS
from cnncost.analysis.explain import Explained, biggest, by_kin, explain, explained, find
from cnncost.analysis.receptive import receptive_fields
from cnncost.analysis.traced import Term, Traced, leaf, numbers, symbols
from cnncost.errors import UsageError
from cnncost.graph import Graph, at_batch
from cnncost.importers.sources import library
from cnncost.language import zoo
from cnncost.ops.sizes import axes_of

FUNCTIONS: dict[str, Callable[..., int]] = {"floor": math.floor, "ceil": math.ceil, "max": max}


def evaluate(text: str) -> Fraction:
    """A printed line of numbers, exactly: + - * / and floor, ceil, max."""

    def value(tree: ast.expr) -> Fraction:
        if isinstance(tree, ast.Constant):
            assert isinstance(tree.value, int)
            return Fraction(tree.value)
        if isinstance(tree, ast.UnaryOp):
            assert isinstance(tree.op, ast.USub)
            return -value(tree.operand)
        if isinstance(tree, ast.Call):
            assert isinstance(tree.func, ast.Name)
            return Fraction(FUNCTIONS[tree.func.id](*map(value, tree.args)))
        assert isinstance(tree, ast.BinOp)
        a, b = value(tree.left), value(tree.right)
        match tree.op:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                return a / b
        raise AssertionError(text)

    return value(ast.parse(text, mode="eval").body)


def check(graph: Graph, batch: int) -> None:
    """Every line of every node against its own numbers and against the operator."""
    shapes, fields = at_batch(graph, batch), receptive_fields(graph)
    for node in graph.nodes[1:]:
        result = explained(graph, node, shapes, fields)
        for line in result.lines:
            if line.numbers:
                assert evaluate(line.numbers) == line.value, (graph.name, node.name, line)
            assert len(f"{line.formula} {line.numbers}") < 200, (graph.name, node.name, line)
        inputs = tuple(shapes[index] for index in node.inputs)
        output = shapes[node.index]
        found = values(result)
        assert found["params"] == node.op.params(*inputs)
        assert found["macs"] == node.op.macs(output, *inputs)
        assert found["flops"] == node.op.flops(output, *inputs)
        assert found["receptive field"] in fields[node.index].size
        assert found["jump"] in fields[node.index].jump
        new = graph.storages[node.index] == node.index
        assert found["memory"] == (4 * math.prod(output) if new else 0)
        if axes_of(output) == "NCHW":
            assert (found["output height"], found["output width"]) == output[2:]


def values(result: Explained) -> dict[str, int | Fraction]:
    return {line.quantity: line.value for line in result.lines}


def working(name: str, layer: str, **options: Any) -> list[str]:
    return [
        f"{line.quantity}: {line.working}"
        for result in explain(cnncost.load(name), layer, **options)
        for line in result.lines
    ]


@pytest.mark.parametrize(
    "name",
    [
        "lenet5_1998",
        "alexnet_2gpu",
        "alexnet_torchvision",
        "googlenet",
        "resnet18",
        "unet",
        "segnet_basic",
        "mobilenet_v3_small",
    ],
)
@pytest.mark.parametrize("batch", [1, 3])
def test_printed_working_gives_the_printed_result(name: str, batch: int) -> None:
    check(cnncost.load(name), batch)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["torchvision:swin_t", "torchvision:maxvit_t", "timm:volo_d1_224"])
def test_printed_working_of_an_import(name: str) -> None:
    """Tensors of any rank: windows of a map, heads of an attention, columns of an unfolding."""
    library("torchvision")
    check(cnncost.load(name), 3)


def check_convention(graph: Graph, batch: int, name: str) -> None:
    """What a convention counts of every node, as printed, against the report's."""
    rules = CONVENTIONS[name]
    shapes, fields = at_batch(graph, batch), receptive_fields(graph)
    report = cnncost.analyze(graph, batch=batch, by="op", convention=rules)
    for node, row in zip(graph.nodes[1:], report.rows, strict=True):
        result = explained(graph, node, shapes, fields, rules=rules)
        lines = [line for line in result.lines if line.quantity.startswith(f"{name}: ")]
        for line in lines:
            assert evaluate(line.numbers or "0") == line.value, (graph.name, node.name, line)
            assert len(line.working) < 250, (graph.name, node.name, line)
        *terms, ops, params, memory = [int(line.value) for line in lines]
        assert (params, ops, memory) == row.counted, (graph.name, node.name, name)
        assert row.macs + sum(terms) == ops, (graph.name, node.name, name)
        assert [line.quantity for line in lines[-3:]] == [
            f"{name}: {what}" for what in (rules.ops_name, "params", "memory")
        ]


@pytest.mark.parametrize("convention", [name for name in CONVENTIONS if name != "cnncost"])
@pytest.mark.parametrize("name", ["alexnet_2gpu", "lenet5_1998", "resnet18", "mobilenet_v3_small", "unet"])
def test_printed_working_of_a_convention(name: str, convention: str) -> None:
    check_convention(cnncost.load(name), 1, convention)


@pytest.mark.parametrize("convention", [name for name in CONVENTIONS if name != "cnncost"])
def test_rare_arguments_under_a_convention(convention: str, tmp_path: Path) -> None:
    spec = tmp_path / "rare.yaml"
    spec.write_text(RARE)
    check_convention(cnncost.load(str(spec)), 2, convention)


def test_a_conventions_rule_and_its_result() -> None:
    """fvcore: 2 per BN element. torchinfo: a transposed convolution counts at its output's size."""
    shown = working("resnet50", "conv1.bn", rules=CONVENTIONS["fvcore"])
    assert shown[9:11] == [
        "fvcore: 2 per BN element: C_in * H * W + C_in * H * W = 64 * 112 * 112 + 64 * 112 * 112 = 1,605,632",
        "fvcore: FLOPs: 2 per BN element = 1,605,632",
    ]
    shown = working("unet", "u0.upconv", rules=CONVENTIONS["torchinfo"])
    assert shown[9:11] == [
        "torchinfo: transposed conv by output size: C_in * C_out * K * K * (C_out * H' * W' / C_out) - MACs"
        " = 128 * 64 * 2 * 2 * (64 * 392 * 392 / 64) - 1258815488 = 3,776,446,464",
        "torchinfo: mult-adds: MACs + bias adds + transposed conv by output size"
        " = 1258815488 + 9834496 + 3776446464 = 5,045,096,448",
    ]


@pytest.mark.slow
def test_printed_working_of_the_whole_zoo() -> None:
    for name in zoo.names():
        check(cnncost.load(name), 1)


RARE = """
input: [8, 30, 21]
body:
  - {conv: {out: 12, kernel: [3, 1], stride: [2, 1], pad: [0, 1, 2, 3], dilation: 2}, as: a}
  - {conv: {out: 12, kernel: [3, 5], pad: [1, 2], groups: 4, frozen: true}, as: b}
  - {conv: {out: 12, kernel: 4, stride: 3, pad: same}, as: c}
  - {conv_transpose: {out: 6, kernel: 4, stride: 3, pad: 1, output_pad: 1, groups: 2}, as: d}
  - {conv_transpose: {out: 6, kernel: 4, stride: 2, pad: same}, as: e}
  - {maxpool: {kernel: 3, stride: 2, pad: 1, dilation: 2, ceil: true}, as: f}
  - {max_unpool: {pool: f}, as: g}
  - {interpolate: {scale: 0.5, mode: bilinear}, as: h}
  - {adaptive_avgpool: {size: [5, 3]}, as: i}
  - {zero_pad: {pad: 1, channels: [0, 2]}, as: j}
  - {group_norm: {groups: 2}, as: k}
  - {roi_pool: {size: 3, rois: 2}, as: l}
  - {channel_split: {parts: 4}, as: m}
  - {crop: {size: 2}, as: n}
  - {avgpool: {kernel: 2, pad: 1, count_pad: false}, as: o}
  - {reshape: {shape: [2, -1]}, as: p}
  - {softmax: , as: q}
"""


@pytest.mark.parametrize("batch", [1, 2])
def test_rare_arguments(batch: int, tmp_path: Path) -> None:
    spec = tmp_path / "rare.yaml"
    spec.write_text(RARE)
    check(cnncost.load(str(spec)), batch)


def test_the_lectures_first_layer() -> None:
    assert working("alexnet", "conv1") == [
        "output channels: C' = C_out = 64",
        "output height: H' = floor((H - K + 2P) / S) + 1 = floor((227 - 11 + 2*2) / 4) + 1 = 56",
        "output width: W' = floor((W - K + 2P) / S) + 1 = floor((227 - 11 + 2*2) / 4) + 1 = 56",
        "memory: C_out * H' * W' * 4 = 64 * 56 * 56 * 4 = 802,816 bytes (784 KiB)",
        "params: C_out * C_in * K * K + C_out = 64 * 3 * 11 * 11 + 64 = 23,296",
        "macs: C_out * H' * W' * C_in * K * K = 64 * 56 * 56 * 3 * 11 * 11 = 72,855,552",
        "bias additions: C_out * H' * W' = 64 * 56 * 56 = 200,704",
        "flops: 2 MACs + bias additions = 2*72855552 + 200704 = 145,911,808",
        "receptive field: r' = r + (K - 1) * j = 1 + (11 - 1) * 1 = 11",
        "jump: j' = j * S = 1 * 4 = 4",
    ]


def test_fractions_are_illegal() -> None:
    assert working("alexnet", "pool1")[2] == (
        "output width: W' = floor((W - K) / S) + 1 = floor((56 - 3) / 2) + 1 = 27"
        " (fractions are illegal: (56 - 3) / 2 = 26.5, rounded down)"
    )
    assert working("googlenet", "pool1")[2] == (
        "output width: W' = ceil((W - K) / S) + 1 = ceil((112 - 3) / 2) + 1 = 56"
        " (fractions are illegal: (112 - 3) / 2 = 54.5, rounded up)"
    )


def test_groups_divide_the_channels() -> None:
    assert working("alexnet_2gpu", "conv2")[4] == (
        "params: C_out * (C_in / G) * K * K + C_out = 256 * (96 / 2) * 5 * 5 + 256 = 307,456"
    )


def test_the_batch_is_a_factor_only_if_it_is_more_than_one() -> None:
    assert working("alexnet", "fc8", batch=32)[3] == "macs: N * C_out * C_in = 32 * 1000 * 4096 = 131,072,000"


def test_views_and_free_operators_say_so() -> None:
    assert working("alexnet", "flatten") == [
        "output channels: C_out = C_in * H * W = 256 * 6 * 6 = 9,216",
        "memory: 0 bytes (a view of its input)",
        "params: 0",
        "macs: 0",
        "flops: 0 (free: nothing is computed)",
        "receptive field: r' = r + (H - 1) * j = 195 + (6 - 1) * 32 = 355",
        "jump: j' = j = 32",
    ]
    assert "memory: 0 bytes (overwrites its input)" in working("alexnet", "relu1")


# Names --------------------------------------------------------------------------------------------


def test_a_name_may_be_a_suffix_or_a_block() -> None:
    graph = cnncost.load("googlenet")
    assert [node.name for node in find(graph, "pool1")] == ["pool1"]
    assert [node.name for node in find(graph, "conv2")] == ["conv2.conv", "conv2.relu"]
    assert [node.name for node in find(graph, "inception4a.pool.maxpool")] == ["inception4a.pool.maxpool"]
    assert len(find(graph, "inception4a")) == 14


def test_several_layers_of_that_name_are_listed() -> None:
    with pytest.raises(UsageError) as error:
        explain(cnncost.load("googlenet"), "concat")
    assert str(error.value) == (
        "googlenet: 9 layers are called 'concat'\n"
        "  inception3a.concat, inception3b.concat, inception4a.concat, inception4b.concat,"
        " inception4c.concat, inception4d.concat, inception4e.concat, inception5a.concat, inception5b.concat"
    )


def test_an_unknown_layer_gets_the_nearest_names() -> None:
    with pytest.raises(UsageError) as error:
        explain(cnncost.load("alexnet"), "pol1")
    assert str(error.value) == (
        "alexnet has no layer 'pol1': did you mean 'pool1' or 'pool5' or 'pool2'?\n"
        "  `cnncost show alexnet` lists them"
    )
    with pytest.raises(UsageError) as error:
        explain(cnncost.load("alexnet"), "zzzzzz")
    assert str(error.value) == "alexnet has no layer 'zzzzzz'\n  `cnncost show alexnet` lists them"


# A whole model ------------------------------------------------------------------------------------


def test_totals_by_kin_and_the_biggest_layers() -> None:
    graph = cnncost.load("vgg16")
    report = cnncost.analyze(graph, by="op")
    kins = {kin.kin: kin for kin in by_kin(graph, report)}
    assert kins["linear"].params == 123_642_856
    assert kins["convolution"].macs == 15_346_630_656
    assert sum(kin.params for kin in kins.values()) == 138_357_544
    assert [(each.quantity, each.name, each.value) for each in biggest(report)] == [
        ("memory", "conv1_1.conv", 4 * 224 * 224 * 64),
        ("params", "fc6", 102_764_544),
        ("MACs", "conv1_2.conv", 1_849_688_064),
    ]


# Traced numbers -----------------------------------------------------------------------------------


def trace(tree: object) -> int:
    """A tree of operations on named and plain numbers, computed."""
    if isinstance(tree, tuple):
        operation, left, right = tree
        a, b = trace(left), trace(right)
        if operation == "+":
            return a + b
        if operation == "-":
            return a - b
        if operation == "*":
            return a * b
        return a // b if operation == "//" and b > 0 else -(-a // b) if b > 0 else a
    assert isinstance(tree, int)
    return Traced(leaf(f"x{tree}", tree)) if tree % 2 else tree


@given(
    st.recursive(
        st.integers(min_value=0, max_value=99),
        lambda inner: st.tuples(st.sampled_from(["+", "-", "*", "//", "ceil"]), inner, inner),
        max_leaves=25,
    )
)
def test_what_is_printed_is_what_was_computed(tree: object) -> None:
    result = trace(tree)
    assert evaluate(numbers(result)) == int(result)
    # The letters are the same text: with each number put in it gives the same value.
    letters = symbols(result)
    if isinstance(result, Traced) and not any(mark in letters for mark in ("2x", "4x", "6x", "8x", "0x")):
        assert evaluate(letters.replace("x", "")) == int(result)


def test_parentheses_only_where_needed() -> None:
    a, b, c = (Traced(leaf(letter, value)) for letter, value in (("A", 7), ("B", 5), ("C", 2)))
    assert symbols(a * (b + c) * c) == "A * (B + C) * C"
    assert symbols(a - (b - c)) == "A - (B - C)"
    assert symbols(a + (b - c)) == "A + B - C"
    assert symbols(-(-a // c)) == "ceil(A / C)"
    assert symbols((a - b) // c * a) == "floor((A - B) / C) * A"
    assert symbols(2 * a + 0) == "2A"
    assert numbers(2 * a) == "2*7"
    assert symbols(1 * a * b) == "A * B"


def test_a_long_computation_becomes_its_number() -> None:
    total = sum((Traced(leaf("A", 3)) for _ in range(200)), 0)
    assert len(symbols(total)) < 250
    assert evaluate(numbers(total)) == 600
    assert Term(600).value == int(total)


# The command --------------------------------------------------------------------------------------


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    from cnncost.cli.main import app

    app(["explain", "alexnet", "conv1", "--format", "json"], standalone_mode=False)
    plain = json.loads(capsys.readouterr().out)
    assert plain["schema_version"] == 1
    assert plain["model"] == {"name": "alexnet", "source": "specs/alexnet.yaml", "input_shape": [3, 227, 227]}
    (layer,) = plain["layers"]
    assert (layer["name"], layer["op"], layer["output_shape"]) == ("conv1", "conv", [64, 56, 56])
    by_quantity = {line["quantity"]: line for line in layer["lines"]}
    assert by_quantity["params"]["value"] == 23_296
    assert by_quantity["params"]["formula"] == "C_out * C_in * K * K + C_out"


def test_markdown_keeps_the_stars(capsys: pytest.CaptureFixture[str]) -> None:
    from cnncost.cli.main import app

    app(["explain", "alexnet", "conv1", "--format", "markdown"], standalone_mode=False)
    assert r"| floor" not in (shown := capsys.readouterr().out)
    assert r"(227 - 11 + 2\*2) / 4) + 1 = 56 |" in shown


def test_without_a_layer_the_totals(capsys: pytest.CaptureFixture[str]) -> None:
    from cnncost.cli.main import app

    app(["explain", "vgg16"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "Most params: fc6, 102,764,544 (74.3%)" in shown
    assert (
        "convolution             13         52,920       14,715     15,347    99.2%          30,707" in shown
    )
    assert shown.endswith(
        "Convention cnncost: params: learnable values; ops: MACs of convolution and linear layers, without bias;"
        " memory: every new output tensor.\n"
    )


def test_a_convention_counts_kins_and_layers(capsys: pytest.CaptureFixture[str]) -> None:
    """Stanford's notes: VGG-16 has 138 M weights; its biases are none of them."""
    from cnncost.cli.main import app

    app(["explain", "vgg16", "--convention", "cs231n", "--format", "json"], standalone_mode=False)
    plain = json.loads(capsys.readouterr().out)
    assert plain["convention"] == "cs231n"
    assert sum(kin["params"] for kin in plain["kins"]) == 138_357_544
    assert sum(kin["counted"]["params"] for kin in plain["kins"]) == 138_344_128
    assert [(each["quantity"], each["value"]) for each in plain["biggest"]][1] == ("params", 102_760_448)
    app(["explain", "resnet50", "conv1.bn", "--convention", "fvcore"], standalone_mode=False)
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .startswith("Convention fvcore: 1 FLOP is 1 MAC; batch norm 2")
    )
    with pytest.raises(UsageError) as error:
        app(["explain", "vgg16", "--convention", "fvcor"], standalone_mode=False)
    assert str(error.value).splitlines()[0] == "unknown convention 'fvcor': did you mean 'fvcore'?"


def test_training_heads_are_explained_in_training_only(capsys: pytest.CaptureFixture[str]) -> None:
    from cnncost.cli.main import app

    app(["explain", "googlenet", "aux1.auxiliary.fc1", "--mode", "train"], standalone_mode=False)
    assert "C_out * C_in + C_out = 1024 * 2048 + 1024 = 2,098,176" in capsys.readouterr().out
    with pytest.raises(UsageError, match=r"googlenet has no layer 'aux1.auxiliary.fc1'"):
        app(["explain", "googlenet", "aux1.auxiliary.fc1"], standalone_mode=False)
