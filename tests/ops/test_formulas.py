"""The formulas: one text for ints, arrays and traced numbers; and what they count."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from ops.cases import ACTIVATIONS, CASES, Case

from cnncost.errors import OperatorError
from cnncost.ops import REGISTRY, Operator
from cnncost.ops.sizes import resized, shaped

Shape = tuple[Any, ...]


def everything(operator: Operator, shapes: tuple[Shape, ...]) -> dict[str, Any]:
    """All that an operator says about its costs for some input shapes."""
    output = operator.output_shape(*shapes)
    found: dict[str, Any] = {f"output {axis}": size for axis, size in enumerate(output)}
    found |= {f"weight {weight.role}": weight.count for weight in operator.weights(*shapes)}
    found |= {f"operations {key}": value for key, value in operator.arithmetic(output, *shapes).items()}
    found["macs"] = operator.macs(output, *shapes)
    found["buffers"] = operator.buffers(*shapes)
    found["flops"] = operator.flops(output, *shapes)
    return found


def grown(shapes: tuple[Shape, ...], batch: int, rows: int, columns: int) -> tuple[Shape, ...]:
    """Input shapes at another point of a sweep: axes of size 1 stay."""

    def at(shape: Shape) -> Shape:
        if len(shape) != 4:
            return resized(shape, (shape[0] * batch, *shape[1:]))
        height, width = shape[2:]
        return resized(
            shape,
            (
                shape[0] * batch,
                shape[1],
                height if height == 1 else height + rows,
                width if width == 1 else width + columns,
            ),
        )

    return tuple(at(shape) for shape in shapes)


POINTS = [(1, 0, 0), (2, 0, 0), (3, 2, 1), (1, 4, 4), (5, 6, 6), (1, 8, 4), (2, 24, 12)]
"""(times the batch, rows more, columns more)"""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_arrays_answer_like_ints(case: Case) -> None:
    """One call with arrays of batches, heights and widths is as many calls with ints."""
    operator = case.operator()
    points = []
    for point in POINTS:
        shapes = grown(case.shapes, *point)
        try:
            points.append((shapes, everything(operator, shapes)))
        except OperatorError:
            continue  # such as rounding: exact; every other point counts
    assert len(points) >= 2
    stacked = tuple(
        resized(
            shapes[0],
            [sizes[0] if len(set(sizes)) == 1 else np.array(sizes) for sizes in zip(*shapes, strict=True)],
        )
        for shapes in zip(*[shapes for shapes, _ in points], strict=True)
    )
    found = everything(operator, stacked)
    for index, (shapes, expected) in enumerate(points):
        at_point = {key: int(np.broadcast_to(value, len(points))[index]) for key, value in found.items()}
        assert at_point == expected, shapes


class Traced(int):
    """An int that remembers how it was found."""

    text: str

    def __new__(cls, value: int, text: str | None = None) -> Traced:
        traced = super().__new__(cls, value)
        traced.text = str(value) if text is None else text
        return traced

    def __str__(self) -> str:
        return self.text


def traced_operator(name: str, sign: str) -> None:
    plain = getattr(int, f"__{name}__")

    def forward(self: Traced, other: int) -> Traced:
        return Traced(plain(self, other), f"({self} {sign} {other})")

    def backward(self: Traced, other: int) -> Traced:
        return Traced(plain(int(other), int(self)), f"({other} {sign} {self})")

    setattr(Traced, f"__{name}__", forward)
    setattr(Traced, f"__r{name}__", backward)


for _name, _sign in {"add": "+", "sub": "-", "mul": "*", "floordiv": "//"}.items():
    traced_operator(_name, _sign)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_traced_numbers_answer_like_ints(case: Case) -> None:
    shapes = tuple(resized(shape, map(Traced, shape)) for shape in case.shapes)
    assert everything(case.operator(), shapes) == everything(case.operator(), case.shapes)


def test_a_traced_formula_is_the_lectures() -> None:
    x = tuple(Traced(size, text) for size, text in [(1, "N"), (3, "C"), (227, "H"), (224, "W")])
    conv = REGISTRY["conv"](out=96, kernel=11, stride=4, pad=[0, 2])
    output = conv.output_shape(x)
    assert str(output[2]) == "(((H - 11) // 4) + 1)"
    assert str(output[3]) == "((((W - 11) + 4) // 4) + 1)"
    named = (x[0], 96, Traced(55, "H'"), Traced(55, "W'"))
    assert str(conv.macs(named, x)) == "((((((N * 96) * H') * W') * C) * 11) * 11)"
    assert str(conv.weights(x)[0].count) == "(((96 * C) * 11) * 11)"


# What is counted, against a number that counts ------------------------------------------------------


class Counting:
    """A number that counts the operations done with it."""

    done: Counter[str] = Counter()

    def __init__(self, value: float):
        self.value = value

    def step(self, kind: str, value: float) -> Counting:
        self.done[kind] += 1
        return Counting(value)


def value_of(x: Any) -> float:
    return x.value if isinstance(x, Counting) else x


def counting_operator(name: str, kind: str) -> None:
    plain = getattr(float, f"__{name}__")

    def forward(self: Counting, other: Any) -> Counting:
        return self.step(kind, plain(float(self.value), float(value_of(other))))

    def backward(self: Counting, other: Any) -> Counting:
        return self.step(kind, plain(float(other), float(self.value)))

    setattr(Counting, f"__{name}__", forward)
    setattr(Counting, f"__r{name}__", backward)


for _name, _kind in {
    "add": "additions", "sub": "subtractions", "mul": "multiplications", "truediv": "divisions",
    "pow": "powers",
}.items():  # fmt: skip
    counting_operator(_name, _kind)


def exp(x: Counting) -> Counting:
    return x.step("exponentials", math.exp(x.value))


def erf(x: Counting) -> Counting:
    return x.step("error functions", math.erf(x.value))


def larger(x: Counting, bound: Any) -> Counting:
    return x.step("comparisons", max(x.value, value_of(bound)))


def smaller(x: Counting, bound: float) -> Counting:
    return x.step("comparisons", min(x.value, bound))


def negated(x: Counting) -> Counting:
    return Counting(-x.value)  # a sign is not an operation


def tanh(x: Counting, twice: float = 2.0) -> Counting:
    grown = exp(x * twice)
    return (grown - 1) / (grown + 1)


def elu(x: Counting) -> Counting:
    positive = larger(x, 0).value > 0
    negative = exp(x) - 1
    return x if positive else negative


def prelu(x: Counting) -> Counting:
    positive = larger(x, 0).value > 0
    negative = x * 0.25
    return x if positive else negative


def scaled_tanh(x: Counting) -> Counting:
    return 1.7159 * tanh(x, 4 / 3)


FORMULAS = {
    "relu": lambda x: larger(x, 0),
    "relu6": lambda x: smaller(larger(x, 0), 6),
    "prelu": prelu,
    "elu": elu,
    "sigmoid": lambda x: 1 / (1 + exp(negated(x))),
    "tanh": tanh,
    "scaled_tanh": scaled_tanh,
    "silu": lambda x: x / (1 + exp(negated(x))),
    "gelu": lambda x: 0.5 * x * (1 + erf(x * 2**-0.5)),
    "hardsigmoid": lambda x: smaller(larger(x + 3, 0), 6) * (1 / 6),
    "hardswish": lambda x: x * (smaller(larger(x + 3, 0), 6) * (1 / 6)),
}


def counted(operator: Operator, *shapes: Shape) -> dict[str, int]:
    operations = operator.arithmetic(operator.output_shape(*shapes), *shapes)
    return {kind: count for kind, count in operations.items() if count}


def test_every_activation_has_its_formula_here() -> None:
    assert set(FORMULAS) | {"softmax"} == {case.name for case in ACTIVATIONS}


@pytest.mark.parametrize("name", FORMULAS)
def test_activations_count_their_formula(name: str) -> None:
    """The documented formula gives PyTorch's values, with as many operations as are declared."""
    operator = REGISTRY[name]()
    values = torch.tensor([[-7.0, -2.5, -0.5, 0.25, 2.0, 6.5]])
    Counting.done.clear()
    found = [FORMULAS[name](Counting(value)).value for value in values[0].tolist()]
    assert counted(operator, (1, 6)) == dict(Counting.done)
    with torch.no_grad():
        expected = operator.module((1, 6)).eval()(values.clone())[0]
    torch.testing.assert_close(torch.tensor(found), expected, rtol=1e-4, atol=1e-5)


def test_softmax_counts_its_formula() -> None:
    values = [Counting(value) for value in (0.5, -1.0, 2.0, 0.0, 1.0)]
    Counting.done.clear()
    largest = values[0]
    for value in values[1:]:
        largest = larger(value, largest)
    powers = [exp(value - largest) for value in values]
    total = powers[0]
    for power in powers[1:]:
        total = total + power
    found = [(power / total).value for power in powers]
    assert counted(REGISTRY["softmax"](), (1, 5)) == dict(Counting.done)
    assert found == pytest.approx(torch.softmax(torch.tensor([0.5, -1.0, 2.0, 0.0, 1.0]), 0).tolist())
    assert counted(REGISTRY["softmax"](axis=1), (2, 5, 3, 4)) == {k: 24 * n for k, n in Counting.done.items()}


def test_normalisation_counts_its_formula() -> None:
    """8 values in one group: mean, variance, normalisation, scale and shift."""
    values = [Counting(float(value)) for value in range(8)]
    Counting.done.clear()
    mean = sum(values) / 8  # begins with 0 + x: one addition per value
    deviations = [value - mean for value in values]
    variance = sum(deviation * deviation for deviation in deviations) / 8
    inverse = 1 / variance**0.5
    for deviation in deviations:
        (deviation * inverse) * 1.5 + 0.5
    total = sum(Counting.done.values())
    assert total == 4 * 8 + 4 + 8 + 8 + 8
    norms = [
        (REGISTRY["layer_norm"](), (1, 8)),
        (REGISTRY["instance_norm"](), (1, 1, 2, 4)),
        (REGISTRY["group_norm"](groups=1), (1, 2, 2, 2)),
    ]
    for norm, x in norms:
        assert norm.flops(x, x) == total


def test_local_response_normalisation_counts_its_formula() -> None:
    squares = [Counting(1.0), Counting(2.0), Counting(3.0), Counting(4.0), Counting(5.0)]
    x = Counting(3.0)
    Counting.done.clear()
    square = x * x
    energy = squares[0]
    for other in squares[1:]:
        energy = energy + other
    x / (2.0 + energy * 2e-5) ** 0.75
    assert square.value == 9
    lrn = REGISTRY["lrn"](size=5, k=2)
    assert counted(lrn, (1, 1, 1, 1)) == dict(Counting.done)


def test_pooling_counts_every_window() -> None:
    x = (2, 3, 8, 8)
    largest = counted(REGISTRY["maxpool"](kernel=[2, 3], stride=2), x)
    assert largest == {"comparisons": 2 * 3 * 4 * 3 * (6 - 1)}
    average = counted(REGISTRY["avgpool"](kernel=3, stride=1, pad=1), x)
    assert average == {"additions": 2 * 3 * 64 * 8, "divisions": 2 * 3 * 64}
    assert counted(REGISTRY["global_avgpool"](), x) == {"additions": 6 * 63, "divisions": 6}
    assert counted(REGISTRY["global_maxpool"](), x) == {"comparisons": 6 * 63}
    # 8 values in 3 windows: [0, 3), [2, 6), [5, 8)
    adaptive = counted(REGISTRY["adaptive_avgpool"](size=3), x)
    assert adaptive == {"additions": 6 * (10 * 10 - 9), "divisions": 6 * 9}
    assert counted(REGISTRY["roi_pool"](size=7, rois=5), x) == {"comparisons": 2 * 5 * 3 * 64}


def test_joins_count_between_branches() -> None:
    x = shaped("NCHW", (2, 3, 4, 5))
    assert counted(REGISTRY["add"](), x, x, x) == {"additions": 2 * 120}
    assert counted(REGISTRY["mean"](), x, x, x) == {"additions": 2 * 120, "divisions": 120}
    assert counted(REGISTRY["mul"](), x, (2, 3)) == {"multiplications": 120}
    assert counted(REGISTRY["concat"](), x, x) == {}


def test_interpolation_counts_its_taps() -> None:
    x = (1, 3, 4, 5)
    for mode, taps in {"nearest": 0, "bilinear": 4, "bicubic": 16}.items():
        operator = REGISTRY["interpolate"](scale=2, mode=mode)
        expected = {"multiplications": taps * 240, "additions": (taps - 1) * 240} if taps else {}
        assert counted(operator, x) == expected


def test_lenets_layers_have_the_published_counts() -> None:
    """LeCun et al. 1998, section II.B: parameters and connections, layer by layer."""
    c3 = [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5], [0, 1, 2, 3], [1, 2, 3, 4],
          [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5], [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],
          [0, 1, 2, 3, 4, 5]]  # fmt: skip
    layers = [
        ("conv", {"out": 6, "kernel": 5}, (1, 1, 32, 32), 156, 122304),
        ("subsample", {}, (1, 6, 28, 28), 12, 5880),
        ("conv", {"out": 16, "kernel": 5, "connections": c3}, (1, 6, 14, 14), 1516, 151600),
        ("subsample", {}, (1, 16, 10, 10), 32, 2000),
        ("conv", {"out": 120, "kernel": 5}, (1, 16, 5, 5), 48120, 48120),
        ("linear", {"out": 84}, (1, 120), 10164, 10164),
    ]
    for name, arguments, x, params, connections in layers:
        operator = REGISTRY[name](**arguments)
        output = operator.output_shape(x)
        assert operator.params(x) == params
        assert operator.macs(output, x) + sum(operator.arithmetic(output, x).values()) == connections
    rbf = REGISTRY["rbf"](out=10)
    assert (rbf.params((1, 84)), rbf.buffers((1, 84))) == (0, 0)
    assert rbf.arithmetic((1, 10), (1, 84))["subtractions"] == 840
