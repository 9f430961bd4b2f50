"""What a shell offers when Tab is pressed: models, and the values that an option of a name takes.

`spread` gives every option named in `VALUES` its completer, in whatever command it stands. Nothing is
imported before a Tab asks for it; what is not installed offers nothing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from typing import Any

import typer

LIBRARIES = ("torchvision", "timm")


def model(incomplete: str) -> list[str]:
    """Zoo names in any case; after a colon the variants of a file, or a library's models."""
    start, colon, rest = incomplete.partition(":")
    if not colon:
        from cnncost.language import zoo

        libraries = [f"{name}:" for name in LIBRARIES if importlib.util.find_spec(name)]
        return _starting([*zoo.index(), *libraries], incomplete.lower())
    names = _of_library(start) if start in LIBRARIES else _of_file(start)
    return [f"{start}:{name}" for name in _starting(names, rest)]


def layer(context: typer.Context, incomplete: str) -> list[str]:
    """The layers and blocks of the model that the command line names already."""
    from cnncost.errors import CnncostError
    from cnncost.language import load

    try:
        graph = load(str(context.params.get("spec") or ""))
    except CnncostError:
        return []
    blocks = (
        ".".join(node.path[:depth]) for node in graph.nodes[1:] for depth in range(1, len(node.path) + 1)
    )
    return _starting(dict.fromkeys(blocks), incomplete)


def parameter(context: typer.Context, incomplete: str) -> list[str]:
    """The parameters of the spec that the command line names already, each with its equals sign."""
    from cnncost.errors import CnncostError
    from cnncost.language import zoo

    given = context.params.get("spec") or context.params.get("specs") or context.params.get("before")
    spec = str(given[0] if isinstance(given, (list, tuple)) else given or "")
    try:
        family, _ = zoo.find(spec)
    except (CnncostError, OSError):
        return []
    return _starting((f"{name}=" for name in family.params), incomplete)


def _of_library(library: str) -> list[str]:
    """The models of torchvision or timm, if it is installed and can be imported."""
    try:
        if library == "timm":
            import timm

            return list(timm.list_models())
        from torchvision import models

        return list(models.list_models())
    except Exception:  # a broken library must not break a shell
        return []


def _of_file(file: str) -> list[str]:
    """The variants of a spec file."""
    from pathlib import Path

    from cnncost.errors import CnncostError
    from cnncost.language import zoo

    try:
        return list(zoo.parse(Path(file)).variants)
    except (CnncostError, OSError):
        return []


def _starting(names: Iterable[str], start: str) -> list[str]:
    return [name for name in names if name.startswith(start)]


def _conventions() -> Iterable[str]:
    from cnncost.analysis.conventions import CONVENTIONS

    return CONVENTIONS


def _levels() -> Iterable[str]:
    from cnncost.analysis.grouping import LEVELS

    return LEVELS


def _formats() -> Iterable[str]:
    from cnncost.tables.output import FORMATS

    return FORMATS


def _kinds() -> Iterable[str]:
    from cnncost.plots import KINDS

    return KINDS


def _families() -> Iterable[str]:
    from cnncost.language import zoo

    return (family.name for family in zoo.families())


def _dtypes() -> Iterable[str]:
    from cnncost.dtypes import DTYPES

    return DTYPES


def _optimizers() -> Iterable[str]:
    from cnncost.execution.training import OPTIMIZERS

    return OPTIMIZERS


def _objectives() -> Iterable[str]:
    from cnncost.limits import QUANTITIES

    return (quantity for quantity, known in QUANTITIES.items() if known.cost)


def _tasks() -> Iterable[str]:
    from cnncost.choosing.candidates import tasks

    return tasks()


def _sorts() -> Iterable[str]:
    from cnncost.tables.zoo import SORTS

    return SORTS


def _devices() -> Iterable[str]:
    from cnncost.devices import names

    return names()


def _losses() -> Iterable[str]:
    from cnncost.execution.loss import LOSSES

    return LOSSES


def _layouts() -> Iterable[str]:
    from cnncost.predict.profile import LAYOUTS

    return LAYOUTS


def _launches() -> Iterable[str]:
    from cnncost.predict.profile import LAUNCHES

    return LAUNCHES


def _decks() -> Iterable[str]:
    from cnncost.figures.claims import deck_names

    return deck_names()


def _verdicts() -> Iterable[str]:
    from cnncost.figures.claims import VERDICTS

    return VERDICTS


def _questions() -> Iterable[str]:
    from cnncost.teaching.questions import KINDS

    return KINDS


def _topics() -> Iterable[str]:
    from cnncost.reference import topics

    return topics.names()


VALUES: dict[str, Callable[[], Iterable[str]]] = {
    "convention": _conventions,
    "by": _levels,
    "format": _formats,
    "kind": _kinds,
    "family": _families,
    "dtype": _dtypes,
    "optimizer": _optimizers,
    "sort": _sorts,
    "origins": lambda: ("zoo", *LIBRARIES),
    "task": _tasks,
    "strategy": lambda: ("grid", "random", "evolve"),
    "maximize": _objectives,
    "minimize": _objectives,
    "mode": lambda: ("eval", "train"),
    "runtime": lambda: ("eager", "tflm", "tinyengine", "executorch"),
    "order": lambda: ("given", "best"),
    "direction": lambda: ("down", "right"),
    "color": lambda: ("ops", "params", "memory", "macs", "activation_bytes"),
    "width": lambda: ("line", "column", "page"),
    "paper": lambda: ("column", "page"),
    "names": lambda: ("real", "plain"),
    "road": lambda: ("export", "fx", "run"),
    "batch_axis": lambda: ("none", "0", "1"),
    "device": lambda: ("cpu", "cuda", "meta"),
    "loss": _losses,
    "ddp": lambda: ("none", "copies", "views"),
    "autocast": lambda: ("bfloat16", "float16", "none"),
    "layout": _layouts,
    "launch": _launches,
    "deck": _decks,
    "verdict": _verdicts,
    "questions": _questions,
    "topic": _topics,
    "what": lambda: ("spec", "output"),
    "x": lambda: ("macs", "params", "activations", "peak", "latency", "resolution", "batch"),
    "y": lambda: ("top1", "top5", "macs", "flops", "activations"),
    "on": _devices,
    "fits": _devices,
}
"""Options and arguments, and the words that they take."""


def of(name: str) -> Callable[..., list[str]] | None:
    """The completer of an option or argument; None: the shell's own, for files."""
    if name in ("spec", "specs", "before", "after"):
        return model
    if name in ("layer", "freeze", "held", "only"):
        return layer
    if name in ("set", "vary"):
        return parameter
    if name not in VALUES:
        return None

    def values(incomplete: str) -> list[str]:
        return _starting(VALUES[name](), incomplete)

    return values


def complete(parameter: Any, name: str) -> None:
    """Give what typer knows of an option its completer, unless it has one."""
    if isinstance(parameter, (typer.models.OptionInfo, typer.models.ArgumentInfo)):
        parameter.autocompletion = parameter.autocompletion or of(name)
