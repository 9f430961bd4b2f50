"""What a convolutional network costs: shapes, parameters, MACs, FLOPs, memory, measured too.

    import cnncost

    report = cnncost.analyze("resnet50", batch=8)   # or a graph, or an nn.Module and its input shape
    report.totals.macs, report["conv1"].output_shape
    report.to_dataframe(), report.to_dict()
    cnncost.compare("vgg16", "resnet50")            # and table, memory, latency, explain, ...

The public names are those of `__all__`. Importing this package loads neither torch nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnncost.version import __version__ as __version__

if TYPE_CHECKING:
    from cnncost.api import (
        audit,
        calibrated,
        check,
        compare,
        diff,
        draw,
        exercise,
        explain,
        export,
        grade,
        latency,
        lock,
        measured,
        memory,
        page,
        pick,
        plot,
        reconcile,
        schema,
        search,
        show,
        spec,
        table,
        training_run,
        verify,
        zoo,
    )
    from cnncost.api.lessons import Exercise
    from cnncost.api.pictures import GraphPicture
    from cnncost.errors import CheckFailed, CnncostError, SpecError, UnavailableError, UsageError
    from cnncost.graph import Graph
    from cnncost.measure import build
    from cnncost.models import analyze, load
    from cnncost.report import Report
    from cnncost.tables.answer import Answer

__all__ = [
    "Answer",
    "CheckFailed",
    "CnncostError",
    "Exercise",
    "Graph",
    "GraphPicture",
    "Report",
    "SpecError",
    "UnavailableError",
    "UsageError",
    "analyze",
    "audit",
    "build",
    "calibrated",
    "check",
    "compare",
    "diff",
    "draw",
    "exercise",
    "explain",
    "export",
    "grade",
    "latency",
    "load",
    "lock",
    "measured",
    "memory",
    "page",
    "pick",
    "plot",
    "reconcile",
    "schema",
    "search",
    "show",
    "spec",
    "table",
    "training_run",
    "verify",
    "zoo",
]

_HOMES = {
    "errors": ("CheckFailed", "CnncostError", "SpecError", "UnavailableError", "UsageError"),
    "graph": ("Graph",),
    "measure": ("build",),
    "models": ("analyze", "load"),
    "report": ("Report",),
    "tables.answer": ("Answer",),
    "api.lessons": ("Exercise",),
    "api.pictures": ("GraphPicture",),
    "api": (
        "audit",
        "calibrated",
        "check",
        "compare",
        "diff",
        "draw",
        "exercise",
        "explain",
        "export",
        "grade",
        "latency",
        "lock",
        "measured",
        "memory",
        "page",
        "pick",
        "plot",
        "reconcile",
        "schema",
        "search",
        "show",
        "spec",
        "table",
        "training_run",
        "verify",
        "zoo",
    ),
}
"""Where the public names come from."""


def __getattr__(name: str) -> Any:
    """A public name, from its room when somebody asks: Ctrl-C finds a program that has hardly begun."""
    for home, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            value = getattr(import_module(f"cnncost.{home}"), name)
            if not isinstance(value, type):
                value = _public(value, home)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'cnncost' has no attribute {name!r}{_meant(name)}")


CALLED = {
    "list": "zoo", "predict": "latency", "train": "training_run", "measure": "measured", "report": "page",
    "import": "spec", "calibrate": "calibrated",
}  # fmt: skip
"""Commands whose function has another name."""


def _meant(word: str) -> str:
    """The function that a word of another program, or of a command, was meant to be; "" if none was."""
    if word.startswith("_"):
        return ""
    from cnncost.cli.habits import WANTED

    command = next((name for name, tried in WANTED.items() if word.lower() in tried.split()), word)
    function = CALLED.get(command, command)
    if function in __all__:
        return f"; cnncost.{function} is what does it"
    return f"; it is a command: cnncost {command}" if command in ("help", "live") else ""


def _public(function: Any, home: str) -> Any:
    """A function as it is called from outside: its arguments are checked, its errors speak Python."""
    from cnncost.border import checked
    from cnncost.spoken import speaking

    return checked(speaking(function) if home == "api" else function)  # of others they do already


def __dir__() -> list[str]:
    return [*globals(), *__all__]
