"""How what operators make lies in memory, their gradients included, against PyTorch's own strides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from ops.cases import CASES as ALL_CASES
from ops.cases import Case

from cnncost.execution.call import Gradient
from cnncost.execution.eager import RULES, rule_of
from cnncost.execution.lowering import Lowering
from cnncost.execution.strides import contiguous
from cnncost.graph import Graph, InputNode, Node

LAYOUTS = (
    "contiguous",
    "channels last",
    "transposed",
    "reversed",
    "batch second",
    "some channels",
    "columns",
)
CASES = [
    case
    for case in ALL_CASES
    if type(case.operator()) in RULES and max(map(len, case.shapes)) > 2
    if case.target is None and not case.arguments.get("like") and case.arguments.get("mode") != "circular"
]


class Same(torch.autograd.Function):
    """The same values with the same strides, but no leaf."""

    @staticmethod
    def forward(ctx: object, x: torch.Tensor) -> torch.Tensor:
        return torch.empty_strided(x.shape, x.stride()).copy_(x)

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


def laid_out(shape: Sequence[int], layout: str) -> torch.Tensor:
    """A tensor whose values lie so; one of fewer than three axes is contiguous."""
    rank = len(shape)
    orders = {
        "channels last": [0, *range(2, rank), 1],
        "some channels": [0, *range(2, rank), 1],
        "transposed": [0, *range(1, rank - 2), rank - 1, rank - 2],
        "reversed": [0, *reversed(range(1, rank))],
        "batch second": [1, 0, *range(2, rank)],
    }
    whole = list(shape)
    if rank > 2 and layout == "some channels":
        whole[1] += 2
    if rank > 2 and layout == "columns":
        whole[-1] += 1
    strides = contiguous(whole, orders.get(layout) if rank > 2 else None)
    return torch.empty_strided(shape, strides).uniform_(0.1, 1)


def significant(shape: Sequence[int], strides: tuple[int, ...]) -> list[int]:
    """Strides of the axes that have several positions; those of the others say nothing."""
    return [step for size, step in zip(shape, strides, strict=True) if size > 1]


def lowered(case: Case, xs: list[torch.Tensor]) -> Lowering:
    """The case's operator, the last kernel, behind inputs that lie in memory as given."""
    inputs = [Node(at, f"input{at}", InputNode(), (), shape) for at, shape in enumerate(case.shapes)]
    work = Lowering(Graph("case", (inputs[0],), (0,)), case.shapes[0])
    work.nodes, work.shapes = list(inputs), list(case.shapes)
    work.strides = [tuple(x.stride()) for x in xs]
    op, places = case.operator(), tuple(range(len(xs)))
    work.emit(Node(len(xs), "operator", op, places, op.output_shape(*case.shapes)), op, list(places))
    return work


def runs(case: Case) -> Iterator[tuple[Lowering, list[torch.Tensor], torch.Tensor]]:
    """The case on inputs of every layout: what we say of it, the inputs, PyTorch's output."""
    torch.manual_seed(0)
    for layout in LAYOUTS:
        xs = [laid_out(shape, layout).requires_grad_() for shape in case.shapes]
        if case.name == "lrn" and xs[0].dim() == 5 and layout in ("transposed", "reversed"):
            continue  # PyTorch refuses: it views a map of three axes as one of two
        work, values = lowered(case, xs), list(map(Same.apply, xs))
        if work.doubted:
            continue
        output = case.operator().module(*case.shapes).train()(*values)
        if output.data_ptr() != values[0].data_ptr() or output.shape != values[0].shape:  # not in place
            yield work, xs, output


@pytest.mark.parametrize("case", CASES, ids=str)
def test_outputs_and_gradients(case: Case) -> None:
    for work, xs, output in runs(case):
        shape = tuple(output.shape)
        assert significant(shape, work.strides[-1]) == significant(shape, output.stride())
        if output.requires_grad and len(work.nodes) == len(xs) + 1:  # one kernel
            for layout in (*LAYOUTS[:3], "columns"):
                check_gradients(case, work, xs, output, laid_out(shape, layout))


def check_gradients(
    case: Case, work: Lowering, xs: list[torch.Tensor], output: torch.Tensor, gradient: torch.Tensor
) -> None:
    rule, whole = rule_of(case.operator()), work.call(case.operator(), list(range(len(xs))))
    for place in range(whole.reads):
        call = replace(whole, untrained=frozenset(at for at in range(len(xs)) if at != place))
        (found,) = torch.autograd.grad(output, xs[place], gradient, retain_graph=True, allow_unused=True)
        shape, strides = case.shapes[place], tuple(gradient.stride())
        if found is None or (rule.autograd(call).broadcasts and xs[place].numel() < output.numel()):
            continue  # it is summed in a new tensor
        if rule.copies_gradient(call, strides):
            strides = contiguous(call.output)
        same = rule.autograd(call).gradient_of(place) is Gradient.SAME
        said = strides if same else rule.gradient_strides(call, place, strides) or contiguous(shape)
        assert significant(shape, said) == significant(shape, found.stride())
