"""reconcile: the terms from the MACs to a total, and the check of their sum."""

from __future__ import annotations

from dataclasses import replace

import pytest

import cnncost
from cnncost.analysis.conventions import CONVENTIONS, Convention, Counting, convention
from cnncost.analysis.reconcile import reconcile
from cnncost.errors import CheckFailed
from cnncost.report import Counted


def test_resnet50_by_hand() -> None:
    """BN's and ReLU's elements of ResNet-50 as rivals.md and the paper's shapes give them."""
    rows = {row.convention.name: row for row in reconcile(cnncost.load("resnet50"))}
    assert list(rows) == list(CONVENTIONS)
    macs, elements = 4_089_184_256, 11_113_984  # conv outputs: every one has its batch norm
    assert {row.macs for row in rows.values()} == {macs}
    assert rows["cnncost"].terms == ()
    assert rows["torch"].terms == (("1 more per MAC", macs),)
    assert rows["torch"].counted.ops == 8_178_368_512
    assert rows["fvcore"].terms == (
        ("2 per BN element", 2 * elements),
        ("adaptive pool inputs", 2048 * 7 * 7),
    )
    assert rows["fvcore"].counted.ops == 4_111_512_576
    assert rows["torchinfo"].terms == (("bias adds", 1000), ("params of other layers", 53_120))
    assert rows["thop"].terms == (
        ("4 per norm element", 4 * elements),
        ("adaptive pool inputs and outputs", 2048 * 7 * 7 + 2048),
    )
    assert rows["ptflops"].terms == (
        ("bias adds", 1000),
        ("2 per BN element", 2 * elements),
        ("2 per activation", 2 * 9_608_704),
        ("2 per pool input", 2 * (64 * 112 * 112 + 2048 * 7 * 7)),
    )
    assert rows["deeprob"].terms == (("K*K per pool output", 9 * 64 * 56 * 56 + 2048 * 7 * 7),)
    assert rows["torchprofile"].terms == (("1 per norm element", elements), ("average pool outputs", 2048))


@pytest.mark.parametrize(
    "model", ["alexnet", "googlenet", "efficientnet_b0", "densenet121", "unet", "lenet5_1998"]
)
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_every_sum_is_whole(model: str, mode: str) -> None:
    for row in reconcile(cnncost.load(model), batch=3, mode=mode):
        assert row.macs + sum(ops for _, ops in row.terms) == row.counted.ops
        assert all(ops for _, ops in row.terms)
        assert len({label for label, _ in row.terms}) == len(row.terms)


class Generous(Convention):
    """A convention that counts an operation more of every node than its terms say."""

    def count(self, call: Counting, activation_bytes: int, output_bytes: int) -> Counted:
        counted = super().count(call, activation_bytes, output_bytes)
        return counted._replace(ops=counted.ops + 1)


def test_a_sum_that_is_not_whole_fails() -> None:
    graph = cnncost.load("resnet50")
    wrong = Generous(**{**vars(replace(convention("fvcore"))), "name": "generous"})
    with pytest.raises(CheckFailed) as error:
        reconcile(graph, conventions=[wrong])
    assert str(error.value) == (
        f"generous: resnet50 has {4_111_512_576 + len(graph.nodes) - 1:,} FLOPs,"
        " but the MACs and the terms make 4,111,512,576"
    )
