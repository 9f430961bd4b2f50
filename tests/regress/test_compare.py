"""What differs between two snapshots: matched by structure, not by names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regress.specs import NET, write

import cnncost
from cnncost.analysis.conventions import convention
from cnncost.regress.compare import Comparison, compare
from cnncost.regress.match import pairs
from cnncost.regress.snapshot import LockLine, Snapshot, parse_node, snapshot

OWN = convention("cnncost")


def compared(tmp_path: Path, old: str, new: str) -> Comparison:
    """The comparison of two specs that differ in text."""
    one, other = write(tmp_path, old, "old.yaml"), write(tmp_path, new, "new.yaml")
    return compare(snapshot(cnncost.load(str(one)), OWN), snapshot(cnncost.load(str(other)), OWN))


def changed(comparison: Comparison) -> list[tuple[str, str, str]]:
    return [(change.kind, change.node.name, change.words) for change in comparison.nodes]


def test_nothing(tmp_path: Path) -> None:
    assert compared(tmp_path, NET, NET.replace("# unit1", "# one")) == Comparison()


def test_a_renamed_block_is_one_line(tmp_path: Path) -> None:
    comparison = compared(tmp_path, NET, NET.replace("unit", "layer"))
    assert comparison.same
    assert [tuple(renaming) for renaming in comparison.renamings] == [
        ("unit1", "layer1", 3),
        ("unit2", "layer2", 3),
        ("unit3", "layer3", 3),
    ]


def test_a_block_around_everything_changes_nothing(tmp_path: Path) -> None:
    wrapped = NET.replace(
        "body:\n  - unit: [width]\n    times: 3\n",
        "  stem():\n    - {unit: [width], times: 3}\nbody:\n  - stem\n",
    )
    comparison = compared(tmp_path, NET, wrapped)
    assert comparison.same
    assert [tuple(renaming) for renaming in comparison.renamings] == [
        ("unit1", "stem.unit1", 3),
        ("unit2", "stem.unit2", 3),
        ("unit3", "stem.unit3", 3),
    ]


def test_one_more_unit(tmp_path: Path) -> None:
    comparison = compared(tmp_path, NET, NET.replace("times: 3", "times: 4"))
    assert changed(comparison) == [
        ("added", "unit4.conv", "conv(out=8, kernel=3, pad=1, bias=false) 8x16x16 -> 8x16x16"),
        ("added", "unit4.bn", "bn() 8x16x16 -> 8x16x16"),
        ("added", "unit4.relu", "relu() 8x16x16 -> 8x16x16"),
    ]
    assert comparison.renamings == ()
    assert [(change.quantity, change.difference) for change in comparison.quantities][:3] == [
        ("params", 576 + 16),
        ("buffers", 16),
        ("macs", 576 * 256),
    ]


def test_one_unit_less(tmp_path: Path) -> None:
    comparison = compared(tmp_path, NET, NET.replace("times: 3", "times: 2"))
    assert [change[:2] for change in changed(comparison)] == [
        ("removed", "unit3.conv"),
        ("removed", "unit3.bn"),
        ("removed", "unit3.relu"),
    ]


def test_changed_arguments_are_named(tmp_path: Path) -> None:
    new = NET.replace("kernel: 3, pad: 1", "kernel: 5, pad: 2").replace("bias: false", "bias: true")
    comparison = compared(tmp_path, NET, new)
    assert changed(comparison) == [
        (
            "changed",
            f"unit{number}.conv",
            "conv: kernel 3 -> 5, pad 1 -> 2, bias false -> true",
        )
        for number in (1, 2, 3)
    ]
    assert comparison.nodes[0].difference("params") == 8 * 3 * (25 - 9) + 8


def test_changed_shapes_are_named(tmp_path: Path) -> None:
    comparison = compared(tmp_path, NET, NET.replace("{classes: 10, ", "{classes: 12, "))
    assert changed(comparison) == [("changed", "fc", "linear: out 10 -> 12, output 10 -> 12")]


def test_another_operator(tmp_path: Path) -> None:
    comparison = compared(tmp_path, NET, NET.replace("maxpool", "avgpool"))
    assert [change[:2] for change in changed(comparison)] == [("removed", "maxpool"), ("added", "avgpool")]


def test_an_inserted_layer_shifts_numbers_but_is_one_change(tmp_path: Path) -> None:
    body = "input: [3, 16, 16]\nbody:\n"
    layers = [f"  - conv: {{out: {size}, kernel: 3, pad: 1}}\n  - relu\n" for size in (8, 8, 16, 16, 32, 32)]
    inserted = "  - conv: {out: 3}\n"
    comparison = compared(tmp_path, body + "".join(layers), body + inserted + "".join(layers))
    assert changed(comparison) == [("added", "conv1", "conv(out=3) 3x16x16 -> 3x16x16")]
    assert ("conv1", "conv2", 1) in [tuple(renaming) for renaming in comparison.renamings]


def test_other_edges_of_the_same_nodes(tmp_path: Path) -> None:
    """A skip that begins elsewhere has other edges and the same costs."""
    text = """\
input: [8, 16, 16]
body:
  - {conv: {out: 8}, as: one}
  - {conv: {out: 8}, as: two}
  - {conv: {out: 8}, as: three}
  - {add: {main: [], skip: [{from: one}]}, as: sum}
"""
    comparison = compared(tmp_path, text, text.replace("from: one", "from: two"))
    assert changed(comparison) == [
        ("rewired", "sum", "add() 8x16x16, 8x16x16 -> 8x16x16, reads other nodes than before")
    ]


def test_a_layer_in_a_branch_does_not_rewire_the_join(tmp_path: Path) -> None:
    text = "input: [8, 16, 16]\nbody:\n  - relu\n  - add: {main: [{conv: {out: 8}}, bn], skip: []}\n"
    comparison = compared(tmp_path, text, text.replace("bn]", "bn, relu]"))
    assert [change[:2] for change in changed(comparison)] == [("added", "main.relu")]


def test_against_a_lock_there_is_no_before_to_quote(tmp_path: Path) -> None:
    new = snapshot(cnncost.load(str(write(tmp_path))), OWN)
    lines = [line._replace(rest=line.rest.replace("linear ", "linear 0")) for line in new.lines]
    old = Snapshot(new.input_shape, "0" * 16, new.quantities, lambda: lines)
    assert changed(compare(old, new)) == [("changed", "fc", "linear(out=10) 512 -> 10")]


@pytest.mark.parametrize(
    ("one", "other", "kinds"),
    [
        # 3 units in stage 2 instead of 2, 6 of 3 in stage 3, and so on: 8 more of 7 nodes
        ("resnet18", "resnet34", {"added": 56}),
        ("resnet34", "resnet18", {"removed": 56}),
        # v1.5 moves a stride in three units: two convolutions and what stands between them
        ("resnet50", "resnet50_v1", {"changed": 12}),
        ("resnet50", "resnet101", {"added": 17 * 10}),
        ("vgg16", "vgg19", {"added": 6}),
        # 13 normalisations, and the adaptive pooling of torchvision, whose net it is
        ("vgg16", "vgg16_bn", {"added": 14}),
    ],
)
def test_members_of_a_family(one: str, other: str, kinds: dict[str, int]) -> None:
    comparison = compare(snapshot(cnncost.load(one), OWN), snapshot(cnncost.load(other), OWN))
    assert Counter(change.kind for change in comparison.nodes) == kinds
    old, new = (cnncost.analyze(cnncost.load(name)).totals for name in (one, other))
    for field in ("params", "macs", "flops", "activation_bytes"):
        brought = sum(change.difference(field) for change in comparison.nodes)
        assert brought == getattr(new, field) - getattr(old, field)


chains = st.lists(st.sampled_from("abcd"), max_size=25)


@given(chains, chains)
def test_every_node_is_paired_once_and_in_order(old: list[str], new: list[str]) -> None:
    before, after = (
        [
            parse_node(LockLine(f"{letter}{index}", f"{letter} {letter} 0 0 0 0"))
            for index, letter in enumerate(chain)
        ]
        for chain in (old, new)
    )
    found = pairs(before, after)
    assert [pair.old for pair in found if pair.old] == before
    assert [pair.new for pair in found if pair.new] == after
    assert (old == new) == all(pair.old == pair.new for pair in found)


def test_deep_nets_are_compared_in_moderate_time() -> None:
    deep = snapshot(cnncost.load("resnet_cifar", set={"depth": 602}), OWN)
    deeper = snapshot(cnncost.load("resnet_cifar", set={"depth": 608}), OWN)
    assert Counter(change.kind for change in compare(deep, deeper).nodes) == {"added": 3 * 7}
