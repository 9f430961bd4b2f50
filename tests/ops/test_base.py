"""What becomes of a declaration: fields, defaults, immutability; the kinds of arguments; sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncost.errors import OperatorError
from cnncost.ops import REGISTRY, arguments, sizes
from cnncost.ops.base import Argument, Elementwise, Operator, argument

CONV = REGISTRY["conv"]


class Example(Elementwise):
    """An operator of its own, outside the registry."""

    name = "example"
    kin = "activation"

    needed: int = argument(minimum=1, symbol="n", help="a number")
    where: arguments.PerAxis = argument(None, help="a pair or nothing")
    how: str = argument("fast", choices=("fast", "slow"), help="a word")


class Derived(Example):
    """One more argument than its base."""

    name = "derived"

    more: bool = argument(False, help="more")


def test_fields_become_arguments() -> None:
    assert list(Example.arguments) == ["needed", "where", "how"]
    needed, where, how = Example.arguments.values()
    assert needed == Argument("needed", "int", needed.default, "a number", "n", (), 1)
    assert needed.required and not where.required
    assert (where.kind, where.default) == ("arguments.PerAxis | None", None)
    assert (how.kind, how.default, how.choices) == ("str", "fast", ("fast", "slow"))
    assert list(Derived.arguments) == ["needed", "where", "how", "more"]
    assert not hasattr(Example, "needed")  # a forgotten argument is not read as its declaration


def test_every_declared_kind_is_known() -> None:
    for operator in REGISTRY.values():
        for declared in operator.arguments.values():
            plain, _, optional = declared.kind.partition(" | ")
            assert plain in arguments.KINDS, (operator, declared)
            assert bool(optional) == (declared.default is None), (operator, declared)


def test_defaults_are_read_like_given_values() -> None:
    conv: Any = CONV(out=8)
    assert (conv.kernel, conv.stride, conv.pad) == (1, 1, 0)
    assert conv == CONV(out=8, kernel=1.0, pad=0, stride=1, bias=True)
    pool: Any = REGISTRY["maxpool"](kernel=[3, 2])
    assert pool.stride == (3, 2)
    assert pool == REGISTRY["maxpool"](kernel=[3, 2], stride=[3, 2])


def test_operators_are_immutable_values() -> None:
    conv: Any = CONV(out=8, kernel=3)
    with pytest.raises(AttributeError, match=r"^Conv is immutable$"):
        conv.out = 9
    assert conv != CONV(out=9, kernel=3) and conv != REGISTRY["linear"](out=8)
    assert len({conv, CONV(out=8, kernel=3.0), CONV(out=9, kernel=3)}) == 2
    assert repr(conv) == "Conv(out=8, kernel=3)"
    assert conv.replace(out=9) == CONV(out=9, kernel=3)
    assert conv == CONV(out=8, kernel=3)


def test_what_a_label_told_is_kept() -> None:
    pool = REGISTRY["maxpool"](kernel=2)
    unpool: Any = REGISTRY["max_unpool"](pool="pool1")
    known: Any = unpool.refer(pool)
    assert known != unpool and known == unpool.refer(pool)
    assert known.replace(size=8).pooled_by is pool
    assert "pool" in repr(known)
    assert list(known.arguments) == ["pool", "size"]  # the schema knows nothing of it


PLAIN: dict[str, Any] = {"Label": "somewhere", "str": "ij,jk->ik", "Table": [[4]]}


@pytest.mark.parametrize("operator", REGISTRY.values(), ids=lambda operator: operator.name)
def test_every_declaration_can_be_written_down_again(operator: type[Operator]) -> None:
    """The arguments that an operator stores are arguments that it accepts."""
    given: dict[str, Any] = {
        name: argument.choices[0] if argument.choices else PLAIN.get(argument.kind, 4)
        for name, argument in operator.arguments.items()
        if argument.required
    }
    given |= {"size": 4} if operator.name in ("crop", "interpolate") else {}
    given |= {"number": 4} if operator.name == "elementwise" else {}
    given |= {"sides": 4} if operator.name == "pad" else {}
    made = operator(**given)
    assert operator(**vars(made)) == made


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("int", 3, 3),
        ("int", 3.0, 3),
        ("float", 3, 3),
        ("float", 0.5, 0.5),
        ("bool", False, False),
        ("str", "floor", "floor"),
        ("Label", "conv1", "conv1"),
        ("PerAxis", 3, 3),
        ("PerAxis", [1, 7.0], (1, 7)),
        ("PerAxis", [1, 7, 7], (1, 7, 7)),
        ("Padding", 3, 3),
        ("Padding", [1, 2], (1, 2)),
        ("Padding", [1, 1, 2, 2, 3, 3], (1, 1, 2, 2, 3, 3)),
        ("Padding", [1, 2, 3, 4], (1, 2, 3, 4)),
        ("Padding", "same", "same"),
        ("Sizes", 5, (5,)),
        ("Sizes", [1, 2, 3], (1, 2, 3)),
        ("Table", [[0, 1], [2]], ((0, 1), (2,))),
        ("Table | None", None, None),
    ],
    ids=str,
)
def test_kinds_of_arguments(kind: str, value: Any, expected: Any) -> None:
    assert arguments.read("op", "x", kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("float", float("inf"), "op: x must be a finite number, not inf"),
        ("float", float("nan"), "op: x must be a finite number, not nan"),
        ("float", True, "op: x must be a number, not true"),
        ("int", float("nan"), "op: x must be a whole number, not nan"),
        ("PerAxis", "3", "op: x must be a whole number, or one per axis such as [height, width], not '3'"),
        ("PerAxis", [1, 2.5], "op: x must be a whole number, not 2.5"),
        ("PerAxis", [], "op: x must be a whole number, or one per axis such as [height, width], not []"),
        ("Sizes", ["a"], "op: x must be a whole number, not ['a']"),
        ("Table", [1], "op: x must be a list of lists: for every output map the input maps it sees, not [1]"),
        ("bool", {"a": 1}, "op: x must be true or false, not {'a': 1}"),
        (
            "PerAxis",
            None,
            "op: x must be a whole number, or one per axis such as [height, width], not nothing",
        ),
    ],
    ids=str,
)
def test_values_of_the_wrong_kind(kind: str, value: Any, message: str) -> None:
    with pytest.raises(OperatorError) as caught:
        arguments.read("op", "x", kind, value)
    assert (caught.value.message, caught.value.argument) == (message, "x")


def test_a_number_beyond_floats_is_refused() -> None:
    with pytest.raises(OperatorError, match=r"^op: x must be a finite number, not 1000"):
        arguments.read("op", "x", "float", 10**400)


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=8), st.integers(1, 10**6))
def test_sizes_for_ints_and_arrays(values: list[int], other: int) -> None:
    array: Any = np.array(values)
    for function in (sizes.maximum, sizes.minimum, sizes.ceil_div, sizes.greatest_divisor):
        assert function(array, other).tolist() == [function(value, other) for value in values]
        assert isinstance(function(values[0], other), int)
    assert sizes.maximum(values[0], other) == max(values[0], other)
    assert sizes.minimum(values[0], other) == min(values[0], other)
    assert sizes.holds(array > 0) and not sizes.holds(array < max(values))
    assert sizes.same((2, array), (2, array)) and not sizes.same((2, array), (3, array))
    assert not sizes.same((2, 3), (2, 3, 4))


@given(st.integers(1, 60), st.integers(1, 60))
def test_windows_of_adaptive_pooling(size: int, count: int) -> None:
    """Against their definition: floor(i W / W') to ceil((i + 1) W / W')."""
    lengths = [-(-(index + 1) * size // count) - index * size // count for index in range(count)]
    pool: Any = REGISTRY["adaptive_avgpool"](size=[count, 2])
    assert pool.seen((1, 1, size, 2)) == 2 * sum(lengths)
    (kernel, stride), _ = pool.receptive((1, 1, size, 2))
    assert (kernel, stride * count) == (max(lengths), size)
