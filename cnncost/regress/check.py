"""Models held to their lock, their budgets and their published facts: the result as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from cnncost import units
from cnncost.analysis.conventions import Convention
from cnncost.analysis.published import Counts, PublishedFact, published_facts
from cnncost.dtypes import DTYPES
from cnncost.errors import CnncostError, Place, UnavailableError, UsageError
from cnncost.regress import names
from cnncost.regress.compare import Comparison, compare
from cnncost.regress.limits import Limit
from cnncost.regress.lock import Lock
from cnncost.regress.settings import Budget
from cnncost.regress.snapshot import TRAINING, Snapshot, snapshot
from cnncost.request import Model, Request
from cnncost.tables.unknown import at_least, because

BOUNDED = ("macs", "bops", "peak_bytes", TRAINING, "predicted_latency")
"""Quantities that an operator of unknown cost may add to; its parameters are known."""


class LimitCheck(NamedTuple):
    """A limit of a budget, and what stands against it."""

    limit: Limit
    budget: Budget
    now: Decimal  #: in values, operations, bytes or seconds
    allowed: Decimal
    locked: int | None  #: what a percent limit is over
    unknown: int = 0  #: operators that add to what is limited, nobody knows how much
    estimated: tuple[str, ...] = ()  #: operators that make `now` an estimate
    uncalibrated: str = ""  #: the device of which `now` is only a lower bound

    @property
    def unlocked(self) -> bool:
        """True if the lock does not have what a percent limit is over."""
        return self.limit.percent and self.locked is None

    @property
    def unproven(self) -> bool:
        """True if only a lower bound keeps the limit. A percent limit compares two lower bounds."""
        bounded = self.unknown > 0 or bool(self.uncalibrated)
        return bounded and not self.limit.percent and self.now <= self.allowed

    @property
    def holds(self) -> bool:
        """Whether the limit is kept, and known to be."""
        return not self.unlocked and not self.unproven and self.now <= self.allowed


class ModelCheck(NamedTuple):
    """Everything that was found out about one model."""

    request: Request
    place: Place | None  #: where it is declared
    now: Snapshot | None = None  #: None: it cannot be counted, see `problem`
    locked: Snapshot | None = None
    comparison: Comparison = Comparison()
    excused: frozenset[str] = frozenset()  #: quantities that a percent limit holds instead of the lock
    limits: tuple[LimitCheck, ...] = ()
    facts: tuple[PublishedFact, ...] = ()
    problem: str | None = None  #: why it cannot be counted
    gone: bool = False  #: it is in the lock, but no longer exists
    against_lock: bool = True

    @property
    def model(self) -> str:
        """As the lock names it."""
        return self.request.text()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that does not hold."""
        return tuple(_findings(self))


class Finding(NamedTuple):
    """One thing that does not hold, in a sentence."""

    model: str
    kind: str  #: lock, node, budget, published or model
    message: str
    place: Place | None


class Checked(NamedTuple):
    """The result of a check."""

    models: tuple[ModelCheck, ...]
    lock_file: str | None
    convention: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for model in self.models for finding in model.findings)

    @property
    def exit_code(self) -> int:
        """0: all holds; 1: something does not; 2: a model cannot be counted."""
        if any(model.problem for model in self.models):
            return 2
        return 1 if self.findings else 0

    @property
    def exit_code_after_update(self) -> int:
        """The same once the lock is rewritten: what it said no longer counts."""
        if any(model.problem and not model.gone for model in self.models):
            return 2
        kept = all(item.holds or item.limit.percent for model in self.models for item in model.limits)
        return 0 if kept and all(fact.holds for model in self.models for fact in model.facts) else 1


def check(
    models: Iterable[Request],
    convention: Convention,
    *,
    base: Path,
    lock: Lock | None = None,
    lock_file: str | None = None,
    budgets: Sequence[Budget] = (),
    published: bool = False,
) -> Checked:
    """Hold models to a lock (None: to none), to budgets and, if `published`, to their facts.

    Files are relative to `base`. A model that cannot be counted is a result, not an exception. Raises
    UsageError if the lock has another convention, or a measurement that a budget needs is not there,
    UnavailableError if a model needs what this machine does not have.
    """
    if lock is not None and lock.convention != convention.name:
        raise UsageError(
            f"{lock_file}: locked under the convention {lock.convention!r},"
            f" this check counts {convention.name!r}\n"
            f"  pass --convention {lock.convention}, or write the lock again"
        )
    results = [_model(request, convention, base, lock, budgets, published) for request in models]
    return Checked(tuple(results), lock_file if lock is not None else None, convention.name)


def _model(
    request: Request,
    convention: Convention,
    base: Path,
    lock: Lock | None,
    budgets: Sequence[Budget],
    published: bool,
) -> ModelCheck:
    name = request.text()
    locked = lock.models.get(name) if lock is not None else None
    try:
        now = count(request, convention, base, budgets, locked)
    except UnavailableError:
        raise  # an imported model on a machine without torch: not the model's fault
    except CnncostError as error:
        gone = names.gone(request, base)
        return ModelCheck(
            request, error.place, locked=locked, problem=str(error), gone=gone and locked is not None
        )
    limits = tuple(_limits(request, now, locked, base, budgets))
    excused = frozenset(name for item in limits if item.limit.percent for name in item.limit.kind.covers)
    facts: tuple[PublishedFact, ...] = ()
    as_it_stands = request == Request(Model(request.model.spec))  # which is what facts are about
    if published and now.graph and as_it_stands:
        facts = tuple(
            published_facts(now.graph, _counts(now), lambda size: _counts_at(request, convention, base, size))
        )
    return ModelCheck(
        request=request,
        place=names.place(request, base),
        now=now,
        locked=locked,
        comparison=compare(locked, now) if locked is not None else Comparison(),
        excused=excused,
        limits=limits,
        facts=facts,
        against_lock=lock is not None,
    )


def _counts(now: Snapshot) -> Counts:
    """What published figures are about."""
    params, buffers, macs, flops = (now.quantities[name] for name in ("params", "buffers", "macs", "flops"))
    return params, macs, flops, (params + buffers) * DTYPES["float32"]


def _counts_at(request: Request, convention: Convention, base: Path, size: tuple[int, ...]) -> Counts:
    sized = request._replace(model=request.model._replace(input=size))
    return _counts(snapshot(names.loaded(sized, base).without_heads(), convention))


def _limits(
    request: Request, now: Snapshot, locked: Snapshot | None, base: Path, budgets: Sequence[Budget]
) -> Iterable[LimitCheck]:
    name = request.text()
    for budget in budgets:
        if not budget.matches(name, request.model.spec):
            continue
        for limit in budget.limits:
            quantity, uncalibrated = limit.kind.quantity, ""
            if quantity == "predicted_latency":
                from cnncost.regress.predicted import latency as predicted

                value, uncalibrated = predicted(budget, request, now)
            elif quantity == "latency":
                from cnncost.regress.measured import latency

                file = Path(budget.place.file).parent / str(budget.measured)
                called = now.graph.name if now.graph else request.model.spec
                value = latency(file, called, request, now.quantities["macs"])
            else:
                value = Decimal(now.quantities[quantity])
            if limit.percent and locked is None:
                continue  # the model is not locked, which is a finding of its own
            held_to = locked.quantities.get(quantity) if locked is not None else None
            unknown = now.unknown if quantity in BOUNDED else 0
            doubted = now.doubted(quantity)
            allowed = limit.over(held_to or 0)
            yield LimitCheck(limit, budget, value, allowed, held_to, unknown, doubted, uncalibrated)


def count(
    request: Request,
    convention: Convention,
    base: Path,
    budgets: Sequence[Budget],
    locked: Snapshot | None = None,
) -> Snapshot:
    """A model as it is now; with the memory of a training step where a budget limits it or the lock has it.

    Raises SpecError or UsageError.
    """
    graph, run = names.loaded(request, base), request.run
    keys = {
        limit.key
        for budget in budgets
        if budget.matches(request.text(), request.model.spec)
        for limit in budget.limits
    }
    counted = names.in_mode(graph, run.mode)
    bits = counted.quantised or "max_bops" in keys
    now = snapshot(counted, convention, run, bits=bits)
    if "max_training_bytes" in keys or (locked is not None and TRAINING in locked.quantities):
        from cnncost.execution.training import training_memory

        step = training_memory(graph, batch=run.batch, dtype=run.dtype)  # heads included, plain SGD
        estimated = tuple(dict.fromkeys((*now.estimated, *step.estimated)))
        return replace(now, quantities={**now.quantities, TRAINING: step.peak}, estimated=estimated)
    return now


def _findings(check: ModelCheck) -> Iterable[Finding]:
    model, place = check.model, check.place
    if check.problem is not None:
        what = "it is in the lock, but no longer exists: " if check.gone else ""
        yield Finding(model, "model", what + check.problem, place)
        return
    if check.against_lock and check.locked is None:
        yield Finding(model, "lock", "not in the lock; `cnncost check --update` adds it", place)
    for change in check.comparison.quantities:
        if change.quantity not in check.excused:
            doubted = check.now.doubted(change.quantity) if check.now else ()
            is_now = at_least(f"{change.new:,}", 0, doubted)
            message = f"{change.quantity} was {change.old:,} and is {is_now} ({change.difference:+,})"
            yield Finding(model, "lock", message + because(doubted), place)
    if not check.excused:
        for node in check.comparison.nodes:
            yield Finding(
                model, "node", f"{node.node.name} {node.kind}: {node.words}", node.node.place or place
            )
    for item in check.limits:
        wrong = _wrong(item)
        if wrong is not None:
            yield Finding(model, "budget", wrong, place)
    for fact in check.facts:
        if not fact.holds:
            yield Finding(
                model, "published",
                f"{fact.source} has {fact.quantity} {fact.printed}, counted are {fact.counted:,};"
                " correct the fact or give the reason", place,
            )  # fmt: skip


def _wrong(item: LimitCheck) -> str | None:
    """Why a limit does not hold, or cannot be held; None: it holds."""
    limit, quantity = item.limit, item.limit.kind.quantity
    if item.unlocked:
        return f"{quantity} is not in the lock; `cnncost check --update` adds it"
    if item.unproven:
        are = "is" if item.unknown == 1 else "are"
        why = f"{units.things(item.unknown, 'operator')} {are} of unknown cost,"
        if item.uncalibrated:
            why = f"{item.uncalibrated} is known by its data sheet alone,"
        return f"{quantity} is at least {limit.show(item.now)}; {why} so {limit.key} cannot be held"
    if item.holds:
        return None
    return (
        f"{quantity} is {at_least(limit.show(item.now), 0, item.estimated)},"
        f" over {limit.key} = {limit.show(item.allowed)}"
        + (f" ({limit.written} over the lock)" if limit.percent else "")
        + because(item.estimated)
    )


def updated(checked: Checked, lock: Lock | None) -> Lock:
    """The lock with what is counted now: models added, replaced, and dropped if they no longer exist."""
    models = dict(lock.models) if lock is not None else {}
    for model in checked.models:
        if model.now is not None:
            models[model.model] = model.now
        elif model.gone:
            models.pop(model.model, None)
    return Lock(checked.convention, models)
