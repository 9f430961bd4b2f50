"""The entry point: which commands there are, and how every error leaves the program."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import warnings
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    "table": "cost of every layer, as the lectures print it",
    "compare": "models side by side, with ratios to the first",
    "reconcile": "one model under every convention, and what makes the difference",
    "explain": "how a layer's figures come about: formula, numbers, result",
    "lock": "write down what models cost",
    "check": "hold models to their lock, budgets and published figures",
    "diff": "what changed between two models, node by node",
    "audit": "the published figures of five lecture decks, recomputed",
    "plot": "pictures: accuracy against cost, bars per layer, memory, rooflines, ...",
    "draw": "the graph of a model as a picture",
    "report": "one self-contained HTML page about some models",
    "memory": "what is alive when, the peak, and the largest batch that fits",
    "verify": "every layer's figures against PyTorch",
    "measure": "latency and memory of models on this machine",
    "import": "a PyTorch network or an ONNX file as a spec",
    "export": "a model as an ONNX file, checked by onnxruntime",
    "list": "the models of the zoo",
    "show": "a model as a tree of blocks, its paper, its published figures",
    "schema": "the JSON Schema of specs, for editors",
}
"""Every command and its one-line help; its code is the module of the same name."""
MODULES = {"import": "importing", "export": "exporting"}
"""Commands whose module has another name: Python keeps `import` for itself."""


class Commands(TyperGroup):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, context: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: Any, name: str) -> Any:
        if name not in COMMANDS:
            return None
        from cnncost.cli.spread import spread

        module = importlib.import_module(f"cnncost.cli.{MODULES.get(name, name)}")
        app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        described = app.command(name, epilog=_examples(module.EXAMPLES), short_help=COMMANDS[name])
        described(spread(module.command))
        return typer.main.get_command(app)


def _examples(examples: tuple[str, ...]) -> str:
    """The examples as an epilog; blank lines keep them apart."""
    return "Examples:\n\n" + "\n\n".join(f"  {example}" for example in examples)


app = typer.Typer(
    cls=Commands,
    help="What a convolutional network costs: shapes, parameters, MACs, FLOPs and memory, layer by layer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from cnncost.version import __version__

        print(f"cnncost {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    pass


def end_on_signals() -> None:
    """A process that is told to end does so as by an exception, so that nothing half written is left."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:  # nohup ignores it
            signal.signal(number, end)


def _warn(message: Any, category: Any, filename: str, lineno: int, *_: Any) -> None:
    """A warning of ours as a line on stderr; others with their place in the code."""
    from cnncost.errors import SpecWarning

    plain = issubclass(category, SpecWarning)
    place = "" if plain else f"{filename}:{lineno}: {category.__name__}: "
    print(message if plain else f"{place}{message}", file=sys.stderr)


def main() -> None:
    """Run the command line; every error a user can cause ends in a message and an exit code."""
    from cnncost.errors import CnncostError

    end_on_signals()
    warnings.showwarning = _warn  # type: ignore[assignment]
    try:
        from cnncost.tables.plain import degrade

        degrade(sys.stdout)
        degrade(sys.stderr)
        app(prog_name="cnncost")
        sys.stdout.flush()
    except CnncostError as error:
        print(error if error.place else f"error: {error}", file=sys.stderr)  # editors read the place first
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader has enough. Point stdout elsewhere, or Python complains while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("CNNCOST_TRACEBACK"):
            raise
        print(
            f"internal error: {type(error).__name__}: {error}\n"
            "  this is a bug of cnncost; CNNCOST_TRACEBACK=1 shows where it happened",
            file=sys.stderr,
        )
        sys.exit(2)
