"""What a project's check reads: its configuration, its lock, and which models they name."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cnncost.analysis.conventions import convention as named_convention
from cnncost.errors import UsageError
from cnncost.regress import lock as locks
from cnncost.regress import names
from cnncost.regress import settings as configurations
from cnncost.regress.check import Checked, check
from cnncost.regress.lock import Lock
from cnncost.regress.predicted import on_device
from cnncost.regress.settings import Settings
from cnncost.request import Request, Run, parse


class Project(NamedTuple):
    """A directory's configuration and lock."""

    settings: Settings
    lock_file: Path
    lock: Lock | None  #: None: this check does without one
    allow_imports: bool = False  #: names in its files may run code: somebody said so outside of them

    @property
    def base(self) -> Path:
        """What the paths in the lock are relative to."""
        return self.lock_file.parent


def settings_of(directory: Path, file: Path | None = None) -> Settings:
    """The configuration in a file, or of a directory; the defaults if there is none. Raises UsageError."""
    path = file or configurations.find(directory)
    return configurations.read(path) if path is not None else Settings()


def lock_file_of(settings: Settings, directory: Path) -> Path:
    """The lock that a configuration names, beside it; else cnncost.lock of the directory."""
    beside = settings.file.parent if settings.file is not None else directory
    return beside / (settings.lock or locks.DEFAULT)


def open_project(
    directory: Path,
    *,
    lock: Path | None = None,
    budget: Path | None = None,
    update: bool = False,
    allow_imports: bool = False,
    run: Run = Run(),
) -> Project:
    """The configuration and the lock of a directory, or those that are named.

    `run.on` is the device of predicted latencies, instead of those of the budgets, and how it runs.

    A lock that is not there is an error, unless it is to be written (`update`), or nobody asked for one
    and there are budgets that do without. Raises UsageError.
    """
    settings = settings_of(directory, budget)
    if run.on is not None:
        settings = settings._replace(budgets=on_device(settings.budgets, run))
    path = lock or lock_file_of(settings, directory)
    percent = any(limit.percent for budget in settings.budgets for limit in budget.limits)
    asked = lock is not None or settings.lock is not None or percent or not settings.budgets
    held = locks.read(path) if path.exists() or (asked and not update) else None
    return Project(settings, path, held, allow_imports)


def models_of(project: Project, specs: list[str] | None = None) -> list[Request]:
    """What is to be checked: the models named, else those of the configuration and of the lock.

    Raises UsageError for nothing, a budget or pattern that matches nothing, or a name that would run code.
    """
    settings, base = project.settings, project.base
    locked = [parse(name) for name in project.lock.models] if project.lock is not None else []
    if specs:
        found: list[Request] = []
        for request in names.expand(names.named(specs, base), base):
            # A model that is locked with options is checked with these.
            found += [other for other in locked if other.model.spec == request.model.spec] or [request]
        return list(dict.fromkeys(found))
    budgeted = [budget.pattern for budget in settings.budgets if not names.is_pattern(budget.pattern)]
    named = [configured_request(project, text) for text in (*settings.models, *budgeted)]
    wanted = list(dict.fromkeys([*names.expand(named, base), *locked]))
    if not wanted:
        raise UsageError(
            "nothing to check\n"
            "  name models (cnncost check resnet50), lock some, or set models = [...] in cnncost.toml"
        )
    permitted(project, wanted)
    for budget in settings.budgets:
        if not any(budget.matches(request.text(), request.model.spec) for request in wanted):
            shown = ", ".join(request.text() for request in wanted[:10]) + (
                ", ..." if len(wanted) > 10 else ""
            )
            raise UsageError(
                f"no model matches the budget {budget.pattern!r}",
                place=budget.place,
                more=f"models: {shown}" + _without_variants(budget.pattern),
            )
    return wanted


def _without_variants(pattern: str) -> str:
    """The cure where a pattern asks for the variants of a file that may have none."""
    file, colon, _ = pattern.rpartition(":")
    return (
        f"\n  a spec without variants is {file!r}, without ':*'" if colon and file.endswith(".yaml") else ""
    )


def permitted(project: Project, requests: list[Request]) -> None:
    """Raise UsageError if names that stand in files would run code that nobody has allowed."""
    from cnncost.importers import permission
    from cnncost.measure.device import require_torch

    names_of_code = [request.model.spec for request in requests if permission.runs_code(request.model.spec)]
    for name in names_of_code:
        if not project.allow_imports:
            raise permission.refuse(name)
        require_torch()
        permission.check_of_file(names.located(name, project.base))


def configured_request(project: Project, text: str) -> Request:
    """A model that the configuration names, relative to the lock instead of to the configuration."""
    file = project.settings.file
    request = parse(text)
    return names.moved(request, file.parent, project.base) if file is not None else request


def check_project(project: Project, specs: list[str] | None = None, convention: str | None = None) -> Checked:
    """Check the models of a project, or those named, under its convention or the one named."""
    return check(
        models_of(project, specs),
        named_convention(convention or project.settings.convention),
        base=project.base,
        lock=project.lock,
        lock_file=str(project.lock_file),
        budgets=project.settings.budgets,
        published=project.settings.published,
    )
