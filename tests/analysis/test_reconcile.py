"""reconcile: the terms from the MACs to a total, and the check of their sum."""

from __future__ import annotations

from dataclasses import replace

import pytest

import cnncost
from cnncost.analysis.bops import Operands
from cnncost.analysis.conventions import CONVENTIONS, Convention, Ways, convention
from cnncost.analysis.reconcile import reconcile
from cnncost.errors import CheckFailed
from cnncost.ops.base import Operator
from cnncost.ops.sizes import Shape


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


class Forgetful(Convention):
    """A convention whose terms leave out what its count has."""

    def terms(
        self,
        op: Operator,
        output: Shape,
        inputs: tuple[Shape, ...],
        written: Ways = None,
        bits: Operands = Operands(),
    ) -> dict[str, int]:
        return {
            label: ops
            for label, ops in super().terms(op, output, inputs, written, bits).items()
            if "BN" not in label
        }


def test_a_sum_that_is_not_whole_fails() -> None:
    wrong = Forgetful(**{**vars(replace(convention("fvcore"))), "name": "forgetful"})
    with pytest.raises(CheckFailed) as error:
        reconcile(cnncost.load("resnet50"), conventions=[wrong])
    assert str(error.value) == (
        "forgetful: resnet50 has 4,111,512,576 FLOPs, but the MACs and the terms make 4,089,284,608"
    )
