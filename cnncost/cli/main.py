"""The entry point: which commands there are, and how every error leaves the program."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import warnings
from typing import Any

import typer
from typer.core import TyperGroup

from cnncost.cli.mistyped import Command, CommandLine, before_the_command, command_of

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
    "predict": "latency on a device that is not at hand, with what bounds it",
    "train": "device-hours, energy and money of a training, before it is started",
    "calibrate": "a profile of this machine, to predict networks for it",
    "import": "a PyTorch network or an ONNX file as a spec",
    "export": "a model as an ONNX file, checked by onnxruntime",
    "list": "the models of the zoo",
    "pick": "the networks that keep a budget, the best first",
    "search": "the settings of a spec that keep a budget, of up to millions",
    "show": "a model as a tree of blocks, its paper, its published figures",
    "schema": "the JSON Schema of specs, for editors, and of what commands write as JSON",
    "live": "a page on this machine where a spec is live",
    "exercise": "a sheet with blanks from a network, with solutions",
    "grade": "answers to a sheet, marked, the likely mistake named",
    "help": "the reference: operators with formulas, conventions with rules, the grammar",
}
"""Every command and its one-line help; its code is the module of the same name."""
GROUPS = {
    "Ask": ("table", "explain", "memory", "reconcile", "show"),
    "Compare and choose": ("compare", "list", "pick", "search", "diff"),
    "Check": ("lock", "check", "verify", "audit"),
    "See": ("plot", "draw", "report"),
    "Measure and predict": ("measure", "predict", "train", "calibrate"),
    "Bring in and take out": ("import", "export", "schema"),
    "Learn and teach": ("live", "exercise", "grade", "help"),
}
"""The commands by what people want; one that stands in none comes last, under "More"."""
MODULES = {"import": "importing", "export": "exporting"}
"""Commands whose module has another name: Python keeps `import` for itself."""


class Commands(TyperGroup):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, context: Any) -> list[str]:
        grouped = [name for names in GROUPS.values() for name in names]
        return [*(name for name in grouped if name in COMMANDS), *(n for n in COMMANDS if n not in grouped)]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The options in front of the command: `--version`, `--help`."""
        line = CommandLine(ctx, args)
        with line.refused(before_the_command(args, COMMANDS)):
            return list(super().parse_args(ctx, args))

    def resolve_command(self, context: Any, args: list[str]) -> Any:
        """A command by its name, or by one that is near enough to be meant."""
        if args and args[0] not in COMMANDS:
            args = [command_of(args, list(COMMANDS)), *args[1:]]
        if args and args[0] == "schema" and args[-1] == "--output":  # without a file: the schema of outputs
            args = [*args[:-1], "output"]
        return super().resolve_command(context, args)

    def get_command(self, context: Any, name: str) -> Any:
        if name not in COMMANDS:
            return None
        from cnncost.cli.spread import spread

        app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        described = app.command(
            name,
            cls=Command,
            help=_paragraphs(module(name).command.__doc__),
            epilog=_examples(module(name).EXAMPLES),
            short_help=COMMANDS[name],
            rich_help_panel=_group(name),
        )
        described(spread(module(name).command))
        return typer.main.get_command(app)


def module(name: str) -> Any:
    """The module of a command."""
    return importlib.import_module(f"cnncost.cli.{MODULES.get(name, name)}")


def _group(name: str) -> str:
    """The heading that a command stands under in the help."""
    return next((group for group, names in GROUPS.items() if name in names), "More")


def _paragraphs(text: str | None) -> str:
    """A docstring whose lines end only where its paragraphs do; "" under `python -OO`, which drops them."""
    return "\n\n".join(" ".join(each.split()) for each in inspect.cleandoc(text or "").split("\n\n"))


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


def _warn(message: Any, category: Any, filename: str, lineno: int, *_: Any) -> None:
    """A warning of ours as a line on stderr; others with their place in the code."""
    from cnncost.errors import SpecWarning
    from cnncost.escape import terminal

    plain = issubclass(category, SpecWarning)
    place = "" if plain else f"{filename}:{lineno}: {category.__name__}: "
    print(terminal(f"{place}{message}"), file=sys.stderr)


def main() -> None:
    """Run the command line; every error a user can cause ends in a message and an exit code."""
    from cnncost.cli.streams import end_on_signals, finish, interrupted, nobody_reads, open_streams, unwritten
    from cnncost.errors import CnncostError, SpecWarning
    from cnncost.escape import terminal

    end_on_signals()
    os.environ.pop("MPLBACKEND", None)  # a notebook's, say: a picture here is a file, and needs no window
    warnings.showwarning = _warn  # type: ignore[assignment]
    open_streams()
    try:
        from cnncost.tables.plain import degrade

        degrade(sys.stdout)
        degrade(sys.stderr)
        app(prog_name="cnncost")
        sys.stdout.flush()
    except CnncostError as error:
        message = str(error) if error.place else f"error: {error}"  # editors read the place first
        print(terminal(message), file=sys.stderr)
        sys.exit(error.exit_code)
    except SpecWarning as warning:  # for PYTHONWARNINGS=error it is one
        print(terminal(str(warning)), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        interrupted()
    except SystemExit as end:
        if end.code == 1 and isinstance(end.__context__, BrokenPipeError):  # click's answer to a closed pipe
            nobody_reads()
        if end.code == 130:  # click's answer to Ctrl-C
            interrupted()
        finish(end)
    except RecursionError:
        print("error: what is to be read is nested too deeply", file=sys.stderr)
        sys.exit(2)
    except MemoryError:
        print("error: this needs more memory than there is", file=sys.stderr)
        sys.exit(3)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:  # of no file that we opened
            unwritten(error)
        if os.environ.get("CNNCOST_TRACEBACK"):
            raise
        if isinstance(error, OSError) and error.strerror:  # of a file that somebody named
            print(terminal(f"error: {error.filename}: {error.strerror}"), file=sys.stderr)
            sys.exit(2)
        print(
            terminal(f"internal error: {type(error).__name__}: {error}") + "\n"
            "  this is a bug of cnncost; CNNCOST_TRACEBACK=1 shows where it happened",
            file=sys.stderr,
        )
        sys.exit(2)
