"""`verify` of an import asks the user's module itself: what a wrong graph says, its twin would say, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from cnncost.graph import Graph
from cnncost.importers import from_module
from cnncost.measure.original import ITSELF
from cnncost.measure.verify import Check, verify


class Twice(nn.Module):
    """One layer called twice, a buffer, a weight that is not read, and the input kept to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.again = nn.Conv2d(8, 8, 3, padding=1)
        self.unread = nn.Parameter(torch.zeros(5))
        self.register_buffer("mask", torch.ones(8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first(x))
        return self.again(self.again(y)) * self.mask + y


class Chosen(nn.Module):
    """As many rows as values are positive."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x[x[:, 0] > 0])  # type: ignore[no-any-return]


class Recurring(nn.Module):
    """A recurrent layer, which FlopCounterMode sees only as what it is composed of."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 16, num_layers=2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0]  # type: ignore[no-any-return]


def itself(graph: Graph, batch: int = 2) -> dict[str, Check]:
    """The checks against the module."""
    found = verify(graph, batch=batch, fvcore=False)
    return {check.quantity: check for check in found.checks if check.row == ITSELF}


def test_the_module_is_asked() -> None:
    network = Twice()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    checks = itself(from_module(network, (3, 6, 6)))
    assert {name: (check.result, check.found) for name, check in checks.items()} == {
        "params": ("ok", 8 * 28 + 8 * 73 + 5),
        "output shape": ("ok", (2, 8, 6, 6)),
        "MACs (torch)": ("ok", 2 * 36 * (8 * 27 + 2 * 8 * 72)),
        "peak bytes": ("ok", 4 * 2 * 36 * (3 + 3 * 8)),
    }
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_graph_that_left_something_out_differs_though_its_twin_agrees() -> None:
    graph = from_module(Twice(), (3, 6, 6))
    wrong = replace(from_module(nn.Conv2d(3, 8, 3, padding=1), (3, 6, 6)), origin=graph.origin)
    found = verify(wrong, fvcore=False)
    differing = {check.quantity for check in found.checks if check.result == "differs"}
    assert all(check.row == ITSELF for check in found.checks if check.result == "differs")
    assert differing == {"params", "MACs (torch)", "peak bytes"}
    smaller = replace(from_module(nn.Conv2d(3, 8, 3), (3, 6, 6)), origin=graph.origin)
    assert itself(smaller)["output shape"].result == "differs"


def test_what_values_decide_is_run_with_the_same_values() -> None:
    checks = itself(from_module(Chosen(), (4,), batch=20), batch=20)
    torch.manual_seed(0)
    rows = int((torch.randn(20, 4)[:, 0] > 0).sum())
    assert 0 < rows < 20
    assert checks["output shape"].found == (rows, 5)
    assert checks["MACs (torch)"].found == rows * 20
    assert [checks[name].result for name in ("params", "output shape", "MACs (torch)")] == ["ok"] * 3
    assert checks["peak bytes"].result == "not checked"


def test_recurrent_layers_count() -> None:
    check = itself(from_module(Recurring(), (5, 8)))["MACs (torch)"]
    assert (check.result, check.found) == ("ok", 2 * 5 * 4 * 16 * (8 + 16 + 16 + 16))


def test_a_module_that_cannot_be_run_again_is_not_called_right() -> None:
    graph = from_module(nn.Conv2d(3, 8, 3), (3, 6, 6))

    class Gone(nn.Conv2d):
        def forward(self, *_: Any) -> Any:
            raise OSError("no")

    assert graph.origin is not None
    broken = replace(graph, origin=graph.origin._replace(module=Gone(3, 8, 3)))
    checks = itself(broken)
    assert checks["MACs (torch)"].result == checks["peak bytes"].result == "not checked"
    assert checks["MACs (torch)"].reason == "its forward pass fails: OSError"


def test_a_spec_has_no_module() -> None:
    import cnncost

    assert itself(cnncost.load("lenet5")) == {}
