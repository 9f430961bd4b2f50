"""A row of the tables of operators, and what several tables compute with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from cnncost.ops import REGISTRY, Operator
from cnncost.ops.sizes import shaped

Shape = tuple[int, ...]
Expected = Callable[..., Tensor]

MAP = shaped("NCHW", (2, 4, 9, 7))
EVEN = shaped("NCHW", (2, 4, 8, 8))
VECTOR = shaped("NC", (3, 12))
TOKENS = shaped("NLC", (2, 5, 12))


class Case(NamedTuple):
    """One row of the table."""

    name: str
    arguments: dict[str, Any]
    shapes: tuple[Shape, ...]
    expected: Expected
    target: dict[str, Any] | None = None  #: arguments of the maxpool that an unpooling undoes

    def operator(self) -> Operator:
        operator = REGISTRY[self.name](**self.arguments)
        if self.target is not None:
            return operator.refer(REGISTRY["maxpool"](**self.target))
        return operator

    def __str__(self) -> str:
        given = ",".join(f"{key}={value}" for key, value in self.arguments.items())
        return f"{self.name}({given}){list(self.shapes)}".replace(" ", "")


def case(name: str, *shapes: Shape, expected: Expected, **arguments: Any) -> Case:
    return Case(name, arguments, shapes, expected)


def normalised(x: Tensor, axes: list[int]) -> Tensor:
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-5)


def per_channel(value: Tensor, x: Tensor) -> Tensor:
    return value.reshape(-1, *[1] * (x.dim() - 2))
