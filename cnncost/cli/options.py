"""Options that several commands share, and what those of a Model parse to.

The options of a Model and a Run are declared at their fields, in `cnncost/request.py`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional, get_type_hints

import typer

from cnncost.border import parse_json
from cnncost.cli import completing
from cnncost.errors import UsageError
from cnncost.escape import terminal
from cnncost.graph import Graph
from cnncost.importers.names import is_import
from cnncost.request import Model, Run

SPEC: dict[str, Any] = {
    "help": get_type_hints(Model, include_extras=True)["spec"].__metadata__[0].help,
    "autocompletion": completing.model,
    "show_default": False,
}
Specs = Annotated[list[str], typer.Argument(metavar="SPEC...", **SPEC)]
Spec = Annotated[str, typer.Argument(metavar="SPEC", **SPEC)]
AllowImports = Annotated[
    bool,
    typer.Option(
        "--allow-imports",
        help="Import package.module:factory where the lock or the configuration names it: the code runs.",
    ),
]
ProjectConvention = Annotated[
    Optional[str],
    typer.Option(
        "--convention", "-c", help="How to count.", show_default="the configuration's, else cnncost"
    ),
]
Format = Annotated[
    Optional[str],
    typer.Option(
        "--format",
        "-f",
        help="text, markdown, csv, latex or json.",
        show_default="by --output's suffix, else text",
    ),
]
Output = Annotated[
    Optional[Path],
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to a file (.txt .md .csv .tex .json).",
        show_default=False,
    ),
]

_SIZE = re.compile(r"[\[(]?\d{1,9}(?:[x×X*,] ?\d{1,9})*[\])]?\Z")


def parse_input(texts: list[str] | None) -> tuple[int | str, ...] | None:
    """`--input 3x224x224` as sizes; what has a name or an element type, and several, as they are written.

    Raises UsageError for what is neither.
    """
    if not texts:
        return None
    if len(texts) == 1 and _SIZE.match(texts[0]):
        return tuple(map(int, re.findall(r"\d+", texts[0])))
    for text in texts:
        if not (_SIZE.match(text) or re.search("[=:]", text)):
            raise UsageError(
                f"--input {text!r} is not a size\n  write channels x height x width: --input 3x256x256"
            )
    from cnncost.importers.inputs import call

    call(texts)
    return tuple(texts)


def parse_set(items: list[str] | None) -> dict[str, str]:
    """`name=value` options as a dict; UsageError for one without `=`."""
    values = {}
    for item in items or []:
        name, equals, value = item.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {item!r} is not name=value\n  for example: --set classes=10")
        values[name.strip()] = value.strip()
    return values


def parse_kwargs(text: str | None) -> dict[str, str]:
    """--kwargs as --set would write it, the values as JSON; UsageError if it is not a JSON object."""
    if text is None:
        return {}
    example = "for example: --kwargs '{\"num_classes\": 10}'"
    try:
        found = parse_json(text)
    except ValueError as error:
        raise UsageError(f"--kwargs {text!r} is not JSON: {error}\n  {example}") from None
    if not isinstance(found, dict):
        raise UsageError(f"--kwargs {text!r} is not a JSON object\n  {example}")
    return {name: json.dumps(value) for name, value in found.items()}


def template(
    input: list[str] | None = None,
    set: list[str] | None = None,
    kwargs: str | None = None,
    bits: list[str] | None = None,
    **others: Any,
) -> Model:
    """What options change of a model, before its name is known."""
    changed, arguments = tuple(parse_set(set).items()), tuple(parse_kwargs(kwargs).items())
    return Model("", parse_input(input), changed, arguments, bits=tuple(bits or ()), **others)


def models(template: Model, specs: Sequence[str]) -> list[Model]:
    """The models of these names, changed as the template is; a spec has no keyword arguments or road.

    Raises UsageError if there are some, but no import.
    """
    if not any(map(is_import, specs)):
        said = {"--kwargs": template.kwargs, "--road": template.road, "--batch-axis": template.batch_axis}
        for option in (option for option, given in said.items() if given):
            cure = "parameters of a spec: --set classes=10" if option == "--kwargs" else f"drop {option}"
            verb = "are" if option == "--kwargs" else "is"
            raise UsageError(
                f"{option} {verb} for a network that is imported, which {', '.join(specs)} is not\n  {cure}"
            )
    of_a_spec = template._replace(kwargs=(), allow_unknown=False, road=None, batch_axis=None, dtype=None)
    return [(template if is_import(spec) else of_a_spec)._replace(spec=spec) for spec in specs]


def one_device(run: Run) -> None:
    """Raise UsageError where time is asked for here and elsewhere at once."""
    if run.on is not None and run.device is not None:
        raise UsageError(
            f"--on {run.on} and --device {run.device} at once: --on predicts for a device without running "
            "anything,\n  --device measures on this machine; pass one of them"
        )


def say_which(model: Model) -> None:
    """A note on standard error where a family's name is given: which of its variants that is."""
    from cnncost.language import zoo

    found = None if model.set or is_import(model.spec) else zoo.stands_for(model.spec)
    if found is not None:
        family, variant = found
        of = f"is {variant}" if variant else "is the family with its defaults, none of its variants"
        print(f"note: {model.spec} {of}; variants: {', '.join(family.variants)}", file=sys.stderr)


def load(models: Sequence[Model], batch: int = 1, mode: str = "eval") -> list[Graph]:
    """The graphs of some models, training heads included; imports are right for this batch and mode."""
    from cnncost.models import graph, told_apart
    from cnncost.tables.layers import as_run

    for model in models:
        say_which(model)
    graphs = told_apart([graph(model, batch, mode) for model in models])
    for found in graphs:
        decided = [
            f"{found.source}: {note[0].lower()}{note[1:]}" for note in as_run(found.facts.get("as_run", ()))
        ]
        for note in (*found.facts.get("taken", ()), *decided):
            print(f"note: {terminal(note)}", file=sys.stderr)
    return graphs
