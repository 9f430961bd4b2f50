"""What the grammar means: each construct in a small spec, checked by shapes and names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cnncost
from cnncost.errors import SpecError
from cnncost.graph import Graph
from cnncost.language import zoo
from cnncost.language.instance import graph_of
from cnncost.language.zoo import parse_text


def graph(tmp_path: Path, body: str, *, head: str = "", **options: Any) -> Graph:
    path = tmp_path / "net.yaml"
    path.write_text("input: [4, 8, 8]\n" + head + "body:\n" + body)
    return cnncost.load(str(path), **options)


def layers(net: Graph) -> list[tuple[str, tuple[int, ...]]]:
    return [(node.name, node.shape[1:]) for node in net.nodes[1:]]


def test_names_are_numbered_only_where_a_base_repeats(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - {conv: {out: 2}}\n  - relu\n  - {conv: {out: 3}}\n  - {gelu: , times: 1}\n")
    assert [name for name, _ in layers(net)] == ["conv1", "relu", "conv2", "gelu1"]


def test_label_names_a_step(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - {conv: {out: 2}, as: stem}\n  - {linear: {out: 5}, from: flat, if: false}\n"
                "  - {flatten: , as: flat}\n  - {linear: {out: 5}, from: flat, as: fc}\n")  # fmt: skip
    assert layers(net) == [("stem", (2, 8, 8)), ("flat", (128,)), ("fc", (5,))]


def test_from_resumes_at_a_label(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - {conv: {out: 2}, as: a}\n  - {conv: {out: 3}}\n  - from: a\n  - relu\n")
    assert net.nodes[3].inputs == (1,)


def test_join_branches_start_from_the_same_tensor(tmp_path: Path) -> None:
    net = graph(
        tmp_path, "  - concat: {left: [], right: [{conv: {out: 2}}, relu], far: [{conv: {out: 1}}]}\n"
    )
    assert layers(net) == [
        ("right.conv", (2, 8, 8)),
        ("right.relu", (2, 8, 8)),
        ("far.conv", (1, 8, 8)),
        ("concat", (7, 8, 8)),
    ]
    assert net.nodes[-1].inputs == (0, 2, 3)


BLOCKS = """\
params: {base: 8, unit: plain}
blocks:
  plain(out, kernel=3, inner=out // 2):
    - {conv: {out: inner, kernel: kernel, pad: kernel // 2}}
    - {conv: {out: out}}
  shrink(n):
    - {maxpool: {kernel: 2}, if: n > 0}
    - {shrink: [n - 1], if: n > 1}
  skip_to(source):
    - concat: {here: [], there: [{from: $source}]}
"""


def test_block_arguments_by_position_name_and_default(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - plain: [6]\n  - plain: {out: base, inner: channels}\n", head=BLOCKS)
    assert [shape[0] for _, shape in layers(net)] == [3, 6, 6, 8]
    assert net.nodes[1].name == "plain1.conv1"


def test_block_named_by_a_parameter(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - $unit: [6]\n", head=BLOCKS)
    assert net.nodes[1].name == "unit.conv1"
    net = graph(tmp_path, "  - $unit\n", head=BLOCKS, set={"unit": "gelu"})
    assert (net.nodes[1].name, net.nodes[1].op.name) == ("unit", "gelu")


def test_a_block_hides_an_operator_of_its_name(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - gelu\n", head="blocks:\n  gelu:\n    - {conv: {out: 7}}\n")
    assert layers(net) == [("gelu.conv", (7, 8, 8))]


def test_recursion_ends_under_if(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - shrink: [3]\n", head=BLOCKS)
    assert [name for name, _ in layers(net)] == [
        "shrink.maxpool", "shrink.shrink.maxpool", "shrink.shrink.shrink.maxpool",
    ]  # fmt: skip


def test_label_passed_as_an_argument(tmp_path: Path) -> None:
    net = graph(
        tmp_path,
        "  - {conv: {out: 2}, as: early}\n  - relu\n  - {conv: {out: 5}}\n  - skip_to: [early]\n",
        head=BLOCKS,
    )
    assert net.nodes[-1].inputs == (3, 1)
    assert net.nodes[-1].shape == (1, 7, 8, 8)


def test_for_zips_columns_and_times_counts(tmp_path: Path) -> None:
    net = graph(
        tmp_path,
        "  - {conv: {out: w, stride: s}, for: {w: [2, 3], s: [1, 2]}}\n  - {conv: {out: index + 1}, times: 3}\n",
    )
    assert [shape for _, shape in layers(net)] == [(2, 8, 8), (3, 4, 4), (1, 4, 4), (2, 4, 4), (3, 4, 4)]
    assert [name for name, _ in layers(net)] == ["conv1", "conv2", "conv3", "conv4", "conv5"]


def test_a_parameter_may_hide_the_current_size(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - {conv: {out: width}}\n", head="params: {width: 5}\n")
    assert net.nodes[1].shape[1] == 5
    assert graph(tmp_path, "  - {conv: {out: width}}\n").nodes[1].shape[1] == 8


def test_a_whole_float_is_a_whole_number(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - {conv: {out: (32 * 1.1 + 4) // 8 * 8}}\n")
    assert net.nodes[1].shape[1] == 32


def test_parameters_refer_to_each_other_in_any_order(tmp_path: Path) -> None:
    head = "params: {n: (depth - 2) // 6, depth: 20}\n"
    assert len(graph(tmp_path, "  - {relu: , times: n}\n", head=head).nodes) == 4
    assert len(graph(tmp_path, "  - {relu: , times: n}\n", head=head, set={"depth": 32}).nodes) == 6


def test_yaml_1_2_words_are_words(tmp_path: Path) -> None:
    net = graph(tmp_path, "  - {relu: , as: on}\n  - {relu: , as: no}\n  - {relu: , from: on, as: off}\n")
    assert [name for name, _ in layers(net)] == ["on", "no", "off"]


def test_training_heads_are_left_out_of_inference(tmp_path: Path) -> None:
    head = "heads:\n  aux:\n    - {from: early}\n    - flatten\n    - linear: {out: 3}\n"
    net = graph(tmp_path, "  - {conv: {out: 2}, as: early}\n  - {conv: {out: 5}}\n", head=head)
    assert [node.name for node in net.nodes] == ["input", "early", "conv", "aux.flatten", "aux.linear"]
    assert net.outputs == (2, 4)
    assert [node.name for node in net.without_heads().nodes] == ["input", "early", "conv"]
    assert cnncost.analyze(net).totals.params == 2 * 4 + 2 + 5 * 2 + 5
    assert cnncost.analyze(net, mode="train").totals.params == 2 * 4 + 2 + 5 * 2 + 5 + 128 * 3 + 3


def test_several_outputs(tmp_path: Path) -> None:
    head = "outputs: [scores, boxes]\n"
    net = graph(
        tmp_path,
        "  - {flatten: , as: features}\n  - {linear: {out: 3}, as: scores}\n  - {linear: {out: 9}, from: features, as: boxes}\n",
        head=head,
    )
    assert [net.nodes[index].name for index in net.outputs] == ["scores", "boxes"]


def test_input_override_keeps_the_channels(tmp_path: Path) -> None:
    assert graph(tmp_path, "  - relu\n", input=(16, 12)).input_shape == (4, 16, 12)
    assert graph(tmp_path, "  - relu\n", input=(1, 16, 12)).input_shape == (1, 16, 12)


def test_the_quick_index_is_what_parsing_finds() -> None:
    parsed = {}
    for family in zoo.families():
        for name in list(family.variants) or [family.name]:
            parsed[name] = family.document.file
    found = {name: f"specs/{path.name}" for name, path in zoo.index().items() if name in parsed}
    assert found == parsed


@pytest.mark.parametrize("name", ["resnet50", "googlenet"])
def test_every_node_knows_its_place(name: str) -> None:
    net = cnncost.load(name)
    lines = (zoo.specs_directory().parent / net.source).read_text().splitlines()
    for node in net.nodes[1:]:
        assert node.place is not None
        quoted = lines[node.place.line - 1][node.place.column - 1 :]
        assert quoted.startswith((node.op.name, "$"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'widths[1]'", 24), ("'widths[-1]'", 40), ("'widths[index + 1]'", 24), ("'min(widths[0], 12)'", 12),
        ("'max(3, 2 * n, 5)'", 14), ("ceil(n / 2)", 4), ("floor(n / 2)", 3), ("int(0.9 * n)", 6),
        ("round(2.5)", 2), ("round(n / 8) * 8", 8), ("'max(8, int(n * 1.4 + 4) // 8 * 8)'", 8),
    ],
)  # fmt: skip
def test_functions_and_elements(written: str, value: int) -> None:
    """As Python has them, and in a block's default, where a comma within brackets divides nothing."""
    head = "input: [3, 32, 32]\nparams: {n: 7, widths: [16, 24, 40]}\n"
    once = f"{head}body:\n  - {{conv: {{out: {written}}}, times: 1}}\n"
    assert graph_of(parse_text(once, "t.yaml", "t"), None).nodes[-1].shape[1] == value
    if "index" not in written:
        default = written.strip("'")
        called = (
            f"{head}blocks:\n  'unit(a=1, out={default}, b=2)':\n    - conv: {{out: out}}\nbody:\n  - unit\n"
        )
        assert graph_of(parse_text(called, "t.yaml", "t"), None).nodes[-1].shape[1] == value


def test_labels_of_a_block_are_seen_under_its_own(tmp_path: Path) -> None:
    """Also through two blocks, of the last repetition, and behind a label that is written so itself."""
    head = (
        "blocks:\n  pair(n):\n    - {conv: {out: n}, as: a}\n    - {conv: {out: n + 1}, as: b}\n"
        "  outer:\n    - {pair: [5], as: inner}\n    - relu\n"
    )
    body = "  - {pair: [index + 2], as: p, times: 2}\n  - {outer: , as: o}\n"
    for source, width in {"p.a": 3, "p.b": 4, "p": 4, "o.inner.a": 5, "o.inner": 6, "o": 6}.items():
        net = graph(tmp_path, f"{body}  - {{relu: , from: {source}}}\n", head=head)
        assert net.nodes[-1].shape[1] == width, source
    passed = head + "  use(skip):\n    - {relu: , from: $skip}\n"
    assert graph(tmp_path, body + "  - {use: [o.inner.a]}\n", head=passed).nodes[-1].shape[1] == 5
    own = graph(tmp_path, "  - {conv: {out: 9}, as: p.a}\n" + body + "  - {relu: , from: p.a}\n", head=head)
    assert own.nodes[-1].shape[1] == 9
    with pytest.raises(SpecError, match=r"unknown label 'a'"):
        graph(tmp_path, body + "  - {relu: , from: a}\n", head=head)
