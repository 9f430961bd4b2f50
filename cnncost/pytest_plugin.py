"""pytest's plugin: budgets in a test suite.

    pytest --cnncost          a test per model of the lock and the configuration: `cnncost check`
    --cnncost-allow-imports   models that these name as package.module:factory, too: their code runs
    cnncost_budget            a fixture that holds an nn.Module or a spec to limits:

        def test_size(cnncost_budget):
            cnncost_budget("nets/edge.yaml", max_params="4.5M", max_macs="600M")
            cnncost_budget(Net(), max_params=4_500_000, max_macs="600M", input=(3, 224, 224))

Every pytest run in an environment with cnncost loads this file, so it imports what it needs when it needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    import torch

    from cnncost.graph import Graph
    from cnncost.regress.check import ModelCheck


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --cnncost and --cnncost-allow-imports."""
    group = parser.getgroup("cnncost", "costs of convolutional networks")
    group.addoption("--cnncost", action="store_true", help="also run `cnncost check`, a test per model")
    group.addoption(
        "--cnncost-allow-imports",
        action="store_true",
        help="import package.module:factory where cnncost.lock or the configuration names it",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """With --cnncost, add a test per model; -k and --deselect see them."""
    if config.getoption("--cnncost"):
        items.extend(CheckFile.from_parent(session, path=config.rootpath / "cnncost.lock").collect())


class CheckFile(pytest.File):
    """The lock of the root directory, whether there is one or only budgets."""

    def collect(self) -> Iterator[pytest.Item]:
        """An item per model. Raises UsageError of pytest for a lock or configuration that is wrong."""
        from cnncost.errors import CnncostError
        from cnncost.regress.project import check_project, open_project

        try:
            checked = check_project(
                open_project(
                    self.config.rootpath, allow_imports=self.config.getoption("--cnncost-allow-imports")
                )
            )
        except CnncostError as error:
            raise pytest.UsageError(str(error)) from None
        for model in checked.models:
            yield CheckItem.from_parent(self, name=model.model, check=model)


class CheckItem(pytest.Item):
    """One model of the check."""

    def __init__(self, *, check: ModelCheck, **given: Any):
        super().__init__(**given)
        self.check = check

    def runtest(self) -> None:
        """Fail with every finding."""
        if self.check.findings:
            raise Exceeded("\n".join(f"{self.check.model}: {item.message}" for item in self.check.findings))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The findings without a traceback."""
        if isinstance(excinfo.value, Exceeded):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the model is declared, and what the test is called."""
        place = self.check.place
        if place is None:
            return self.path, None, f"cnncost: {self.check.model}"
        return self.config.rootpath / place.file, place.line - 1, f"cnncost: {self.check.model}"


class Exceeded(AssertionError):
    """A model does not hold what it is held to."""


class BudgetFixture(Protocol):
    """What the fixture `cnncost_budget` gives: see there."""

    def __call__(
        self,
        model: Any,
        *,
        input: Sequence[int] | None = None,
        set: Mapping[str, Any] | None = None,
        batch: int = 1,
        **limits: int | str,
    ) -> dict[str, int]: ...


@pytest.fixture
def cnncost_budget() -> BudgetFixture:
    """A function that fails the test if a model exceeds limits, and returns what it counted.

    The model is a spec (as on the command line) or a `torch.nn.Module`. Limits are max_params, max_macs,
    max_bops, max_peak_bytes and max_training_bytes, as numbers or texts with a unit ("4.5M", "32 MiB"). Of a
    module, parameters are its distinct parameter values; MACs are half of what torch's FlopCounterMode counts
    in one forward pass in eval mode (convolutions and matrix products) on zeros of shape (batch, *input);
    memory is that of the graph as which it is imported. Raises UsageError for an unknown limit, unit or
    model.
    """
    return hold


def hold(
    model: Any,
    *,
    input: Sequence[int] | None = None,
    set: Mapping[str, Any] | None = None,
    batch: int = 1,
    **limits: int | str,
) -> dict[str, int]:
    """The body of the fixture `cnncost_budget`."""
    from cnncost.border import whole_number
    from cnncost.errors import UsageError, known_word
    from cnncost.regress import limits as kinds
    from cnncost.regress.snapshot import MEMORY
    from cnncost.tables.unknown import at_least, because

    known = [key for key in kinds.KINDS if "latency" not in key]
    read = []
    for key, value in limits.items():
        try:
            read.append(kinds.limit(known_word("unknown limit", key, known, "limits"), value))
        except kinds.Refused as refused:
            raise UsageError(f"{refused}\n  {refused.cure}") from None
        if read[-1].percent:
            raise UsageError(
                f"{key} = {value!r}: a percentage needs a lock\n  `pytest --cnncost` compares with it"
            )
    if not read:
        raise UsageError(f"a budget without a limit\n  limits: {', '.join(known)}")
    wanted = [item.kind.quantity for item in read]
    batch = whole_number("a batch", batch)
    if isinstance(model, str):
        counted, estimated = _counts_of_spec(model, wanted, input, set, batch)
    else:
        counted, estimated = _counts_of_module(model, wanted, input, batch)
    exceeded = []
    for item in read:
        quantity = item.kind.quantity
        if Decimal(counted[quantity]) > item.value:
            doubted = estimated if quantity in MEMORY else ()
            shown = at_least(f"{counted[quantity]:,}", 0, doubted)
            over = f"{quantity} is {shown}, over {item.key} = {item.show(item.value)}"
            exceeded.append(over + because(doubted))
    if exceeded:
        name = model if isinstance(model, str) else type(model).__name__
        raise Exceeded("\n".join(f"{name}: {line}" for line in exceeded))
    return counted


def _counts_of_spec(
    spec: str, wanted: list[str], input: Sequence[int] | None, set: Mapping[str, Any] | None, batch: int
) -> tuple[dict[str, int], tuple[str, ...]]:
    from cnncost.models import load

    return _counts_of_graph(load(spec, input=input, set=set), wanted, batch)


def _counts_of_graph(graph: Graph, wanted: list[str], batch: int) -> tuple[dict[str, int], tuple[str, ...]]:
    """What is wanted of a graph, and the operators whose memory is an estimate, if memory is wanted."""
    from cnncost.analysis import analyze
    from cnncost.regress.snapshot import MEMORY

    report = analyze(graph, batch=batch, by="stage")
    totals, estimated = report.totals, report.estimated if MEMORY[0] in wanted else ()
    counted = {"params": totals.params, "macs": totals.macs, "bops": totals.bops}
    counted["peak_bytes"] = totals.peak_bytes
    if "training_bytes" in wanted:
        from cnncost.execution.training import training_memory

        step = training_memory(graph, batch=batch)
        counted["training_bytes"] = step.peak
        estimated = tuple(dict.fromkeys((*estimated, *step.estimated)))
    return {quantity: counted[quantity] for quantity in wanted}, estimated


def _counts_of_module(
    module: Any, wanted: list[str], input: Sequence[int] | None, batch: int
) -> tuple[dict[str, int], tuple[str, ...]]:
    from cnncost.errors import UsageError
    from cnncost.measure.device import require_torch

    require_torch()
    import torch

    if not isinstance(module, torch.nn.Module):
        raise UsageError(f"a budget is for a spec or an nn.Module, not {type(module).__name__}")
    counted: dict[str, int] = {}
    estimated: tuple[str, ...] = ()
    if "params" in wanted:
        counted["params"] = sum(parameter.numel() for parameter in module.parameters())
    rest = [quantity for quantity in wanted if quantity != "params"]
    if rest and input is None:
        raise UsageError(f"max_{rest[0]} of a module needs its input: input=(3, 224, 224)")
    if "macs" in rest and input is not None:
        counted["macs"] = _macs_of_module(module, (batch, *input))
    memory = [quantity for quantity in rest if quantity != "macs"]
    if memory and input is not None:
        from cnncost.importers import from_module

        found, estimated = _counts_of_graph(from_module(module, input), memory, batch)
        counted |= found
    return counted, estimated


def _macs_of_module(module: torch.nn.Module, shape: tuple[int, ...]) -> int:
    """What FlopCounterMode counts in a forward pass in eval mode, halved; the module is left as it was."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    weight = next(module.parameters(), torch.empty(0))
    training = [(part, part.training) for part in module.modules()]
    try:
        module.eval()
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(torch.zeros(shape, dtype=weight.dtype, device=weight.device))
    finally:
        for part, mode in training:
            part.training = mode
    return int(counter.get_total_flops()) // 2
