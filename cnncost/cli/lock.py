"""cnncost lock: write down what models cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from cnncost import units
from cnncost.cli import options
from cnncost.cli.spread import COUNTED, asks
from cnncost.request import Model, Request, Run

EXAMPLES = (
    "cnncost lock resnet50 nets/edge.yaml:small",
    "cnncost lock 'nets/*.yaml'",
    "cnncost lock mymodels:Net --input 3x32x32 --kwargs '{\"classes\": 10}'",
    "cnncost lock resnet18 --bits w4a8",
    "cnncost lock resnet50 --set classes=10 --batch 32 -o edge.lock",
)


def command(
    specs: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[SPEC...]",
            show_default=False,
            help="Models, or quoted patterns ('resnet*'; 'nets/*.yaml': all variants of the files)."
            " Without any: those that cnncost.toml or pyproject.toml names.",
        ),
    ] = None,
    changed: Annotated[Optional[Model], asks(*COUNTED, "bits")] = None,
    run: Annotated[Optional[Run], asks("batch", "dtype", "mode")] = None,
    allow_imports: options.AllowImports = False,
    convention: options.ProjectConvention = None,
    output: Annotated[
        Optional[Path],
        typer.Option("--output", "-o", metavar="FILE", help="The lock.", show_default="cnncost.lock"),
    ] = None,
) -> None:
    """Write a lock: totals, digest and cost per node of these models, for `cnncost check` to compare.

    The file holds these models and no others. It is sorted, has no time and no absolute path.
    """
    from cnncost.analysis.conventions import convention as named
    from cnncost.errors import UsageError
    from cnncost.escape import line, terminal
    from cnncost.regress import lock as locks
    from cnncost.regress import names
    from cnncost.regress.check import count
    from cnncost.regress.grids import doubts
    from cnncost.regress.project import Project, configured_request, lock_file_of, permitted, settings_of
    from cnncost.writing import write

    settings = settings_of(Path())
    path = output or lock_file_of(settings, Path())
    project = Project(settings, path, None, allow_imports)
    base = project.base
    if specs:
        wanted = names.named(specs, base)
    else:
        wanted = [configured_request(project, model) for model in settings.models]
        permitted(project, wanted)
        if not wanted:
            raise UsageError(
                "nothing to lock\n"
                "  name models (cnncost lock resnet50), or set models = [...] in cnncost.toml"
            )
    if changed is not None or run is not None:  # instead of what the configuration says of the models
        models = options.models(changed or Model(""), [request.model.spec for request in wanted])
        wanted = [Request(model, run or Run()) for model in models]
    rules = named(convention or settings.convention)
    counted = {
        request.text(): count(request, rules, base, settings.budgets)
        for request in names.expand(wanted, base)
    }
    before = locks.names(path)
    write(path, locks.write(locks.Lock(rules.name, counted)))
    typer.echo(line(f"{path}: {units.things(len(counted), 'model')}"), err=True)
    for name, model in counted.items():
        for note in doubts(name, model, rules.name):
            typer.echo(terminal(f"note: {note}"), err=True)
    dropped = sorted(before - counted.keys())
    if dropped:
        typer.echo(line(f"{path}: no longer locked: {', '.join(dropped)}"), err=True)
