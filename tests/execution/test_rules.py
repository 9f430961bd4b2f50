"""The table of rules: one for every operator, none twice, the plain one for strangers."""

from __future__ import annotations

import pytest

from cnncost.execution.call import Autograd, Call
from cnncost.execution.eager import PLAIN, RULES, Rule, rule_of, runs
from cnncost.ops import REGISTRY
from cnncost.ops.activation import Relu
from cnncost.ops.base import Elementwise, Operator


class Stranger(Elementwise):
    """An operator that nobody wrote a rule for."""

    name = "stranger"
    kin = "test"


class Child(Relu):
    """A subclass, which may do anything."""


ESTIMATED = {
    "custom": "it stands for any operator of a framework",
    "rnn": "the workspace of the library that runs it is not known",
    "lstm": "the workspace of the library that runs it is not known",
    "gru": "the workspace of the library that runs it is not known",
    "deform_conv": "torchvision's kernel unfolds as many images at once as it sees fit",
    "embedding": "its input is whole numbers, which are wider than values",
    "bilinear": "PyTorch composes it of broadcast products",
    "grid_sample": "its workspaces are not known",
}
"""Operators whose memory is an estimate, and says so."""


@pytest.mark.parametrize("name", [name for name in REGISTRY if name not in ESTIMATED])
def test_every_operator_has_a_rule(name: str) -> None:
    assert REGISTRY[name] in RULES, f"write a rule for {name} in cnncost/execution/eager/"


@pytest.mark.parametrize("operator", [Stranger(), Child()], ids=["stranger", "subclass"])
def test_the_plain_rule(operator: Operator) -> None:
    call = Call(operator, [(2, 3, 4, 4)], (2, 3, 4, 4))
    assert rule_of(operator) is PLAIN
    assert PLAIN.estimated(call)
    assert PLAIN.autograd(call) == Autograd((0,))
    assert PLAIN.temporary(call) == 0
    assert PLAIN.kernels(call) == ()
    assert PLAIN.output_strides(call) == (48, 16, 4, 1)


def test_a_second_rule_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Relu has two rules$"):
        runs(Relu)(Rule)
