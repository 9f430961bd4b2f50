"""A command line that cannot be read: what is wrong in it, and the line that works.

The parser's own errors (a box around "No such option") reach nobody: `Command` and the group of `main.py`
turn each into an error of ours, which quotes the line and marks the word at fault.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand

from cnncost.cli.habits import MEANT, WANTED
from cnncost.errors import CnncostError, Source, UsageError, known_word, nearest

PARSERS: Any = typer.BadParameter.__bases__[0]
"""What the parser raises for any line that it cannot read."""
HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212"
"""What word processors and PDFs make of hyphens."""
UNITS = (
    "k",
    "M",
    "G",
    "T",
    "B",
    "kB",
    "KB",
    "MB",
    "GB",
    "KiB",
    "MiB",
    "GiB",
    "us",
    "ms",
    "s",
    "min",
    "h",
    "%",
)
JOINING = ("vs", "vs.", "versus", "and", "with", "to")
MODEL = ("--model", "--net", "--network", "--arch", "--architecture", "--spec", "--name", "-m")
"""Options of other programs that name a model."""
MODELS = ("spec", "specs", "before", "after", "model")
"""Arguments that are names of models."""
WRITING = ("lock", "check", "import", "export")
"""Commands that change files: a misspelling of these is not run."""


class Command(TyperCommand):
    """A command; a line that it cannot read is refused in our words."""

    allow_extra_args = True  # so that they can be named

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The parser's, on a line that has no slip of the pen."""
        line = CommandLine(ctx, args)
        line.look()
        with line.refused():
            rest: list[str] = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise line.too_many(rest[0])
        line.look_at_models()
        return rest


class CommandLine:
    """The words behind a command, and what can be wrong with them."""

    def __init__(self, context: Any, words: Sequence[str]):
        self.context, self.words = context, list(words)
        self.silent = context.resilient_parsing  # a shell asks what could follow
        self.name = "cnncost" if context.parent is None else f"cnncost {context.info_name}"
        self.parameters = context.command.get_params(context)

    @property
    def options(self) -> dict[str, Any]:
        """The options of the command by their long and short names."""
        return {
            name: each for each in self.parameters if each.param_type_name == "option" for name in each.opts
        }

    @property
    def long(self) -> list[str]:
        """The names of the options that a message lists."""
        return [name for name in self.options if name.startswith("--")]

    def error(
        self, message: str, word: str, cure: str | None, more: str | None = None, at: int | None = None
    ) -> UsageError:
        """The error about a word, which the quoted line marks: where it is first, unless it is said."""
        quoted = [shlex.quote(each) for each in self.words]
        if at is None:
            begins = [i for i, each in enumerate(self.words) if each.startswith(word)]
            at = self.words.index(word) if word in self.words else (begins or [len(quoted) - 1])[0]
        before = " ".join([self.name, *quoted[:at]])
        source = Source(" ".join([self.name, *quoted]), len(before) + 1, len(quoted[at]))
        return UsageError(message, source=source, cure=cure, more=more)

    def look(self) -> None:
        """Raise UsageError for a dash that is none, one hyphen for two, a unit that stands apart."""
        before = None
        for word in [] if self.silent else self.words:
            plain = re.sub(f"^[{HYPHENS}]+", "--", word)
            name = plain.partition("=")[0]
            if plain != word and name in self.options:
                raise self.error(f"{word!r} begins with a dash, not with hyphens", word, f"write {plain}")
            if before is not None and word in UNITS and re.fullmatch(r"[\d.]+", before):
                raise self.error(f"{before} and {word} are two words", word, f"write {before}{word}")
            before = word
            if re.match(r"-[a-z]", word) and f"-{name}" in self.options and name not in self.options:
                raise self.error(
                    f"{name} has one hyphen, which is for a single letter", word, f"write -{word}"
                )

    def look_at_models(self) -> None:
        """Raise UsageError for a word `name=value` or `help` that stands where models do."""
        for name in [] if self.silent else MODELS:
            given = self.context.params.get(name) or ()
            for word in [given] if isinstance(given, str) else given:
                if not os.path.exists(word) and (cure := self.as_option(word)):
                    raise self.error(f"{word!r} stands where a model is named", word, cure)

    def as_option(self, word: str) -> str | None:
        """How to write a word that was meant as an option, or None."""
        name, equals, value = word.partition("=")
        if word == "help":
            return f"write {self.name} --help"
        if word.lower() in JOINING:
            return "leave it out: models stand side by side"
        if "," in word and all(map(is_model, word.rstrip(",").split(","))):
            return f"write {word.rstrip(',').replace(',', ' ')}"
        if equals and re.fullmatch(r"[A-Za-z_]\w*", name):
            option = self.options.get(f"--{name.replace('_', '-')}")
            if option is not None and option.rich_help_panel != "Table":  # the width of a network is meant
                return f"write {option.opts[0]} {shlex.quote(value)}"
            for changes in ("--vary", "--set"):
                if changes in self.options:
                    return f"write {changes} {shlex.quote(word)}"
        return None

    @contextlib.contextmanager
    def refused(self, better: CnncostError | None = None) -> Iterator[None]:
        """The parser's errors in our words; `better` if there is more to say of the line than they do."""
        try:
            yield
        except PARSERS as fault:
            raise better or self.ours(fault) from None

    def ours(self, fault: Any) -> CnncostError:
        """An error of the parser in our words."""
        kind = type(fault).__name__
        if kind == "NoSuchOption":
            return self.unknown(fault.option_name)
        if kind == "MissingParameter":
            return self.missing(fault.param)
        if kind == "BadOptionUsage" and fault.option_name in self.options:
            return self.value(fault.option_name)
        return UsageError(str(fault.format_message()))

    def unknown(self, option: str) -> UsageError:
        """An option that the command does not have."""
        word = next((each for each in self.words if each.partition("=")[0] == option), option)
        _, equals, value = word.partition("=")
        following = self.words[self.words.index(word) + 1 :] if word in self.words else []
        if not equals and following and not following[0].startswith("-"):
            value = following[0]
        cure = meant(option, value, self.options)
        if cure is None and option in MODEL and any(each.name in MODELS for each in self.parameters):
            cure = f"a model stands without an option: {value or example(self.context.info_name)}"
        if cure is None and (elsewhere := commands_with(option)):
            if len(elsewhere) > MOST_ELSEWHERE:
                elsewhere = [", ".join(elsewhere[:MOST_ELSEWHERE]), "others"]
            cure = f"{' and '.join(elsewhere)} {'has' if len(elsewhere) == 1 else 'have'} it"
        if cure is None and (near := nearest(option.replace("_", "-"), self.long)):
            cure = f"did you mean {near}?"
        return self.error(
            f"{self.name} has no option {option!r}", word, cure, f"options: {', '.join(self.long)}"
        )

    def value(self, option: str) -> UsageError:
        """An option without its value, or a flag with one."""
        parameter = self.options[option]
        if parameter.is_flag:
            word = next((each for each in self.words if each.startswith(f"{option}=")), option)
            return self.error(f"{option} takes no value", word, f"write {option}")
        says = f"{option} {parameter.metavar or 'VALUE'}: {parameter.help}"
        return self.error(f"{option} needs a value", option, None, says, at=len(self.words) - 1)

    def missing(self, parameter: Any) -> UsageError:
        """An argument or an option that the command needs."""
        shown = str(parameter.metavar or parameter.name.upper())
        what = next((name for name in parameter.opts if name.startswith("--")), shown.strip("[]."))
        says = shown if what in shown else f"{what} {shown}"
        return UsageError(
            f"{self.name} needs {what}",
            cure=f"for example: {example(self.name.rpartition(' ')[2])}",
            more=f"{says}: {parameter.help}",
        )

    def too_many(self, word: str) -> UsageError:
        """A word more than the command takes."""
        takes = [each for each in self.parameters if each.param_type_name == "argument"]
        usage = " ".join([self.name, *(each.metavar or each.name.upper() for each in takes), "[OPTIONS]"])
        cure = self.as_option(word)
        if cure is None and [each.name for each in takes] == ["spec"]:
            cure = "one model at a time; several: cnncost compare"
        return self.error(f"{self.name} takes no further {word!r}", word, cure, f"usage: {usage}")


def meant(option: str, value: str, known: Mapping[str, Any]) -> str | None:
    """How an option of another program is written here, if the command has it."""
    for ours, theirs in MEANT.items():
        name, _, fixed = ours.partition(" ")
        if option.lower().replace("_", "-") in theirs.replace("_", "-").split() and name in known:
            if name == "--set" and value:
                fixed = f"classes={value}"
            return " ".join(
                filter(None, ("write", name, fixed or shlex.quote(value) if value or fixed else ""))
            )
    return None


MOST_ELSEWHERE = 3
"""Commands with an option that are named."""


def commands_with(option: str) -> list[str]:
    """The commands that have an option, predict first: what is asked for may be asked elsewhere."""
    from cnncost.cli.main import COMMANDS, app

    group: Any = typer.main.get_command(app)
    found = []
    with group.make_context("cnncost", ["--help"], resilient_parsing=True) as context:
        for name in COMMANDS:
            options = [each for one in group.get_command(context, name).params for each in one.opts]
            if option in options:
                found.append(f"cnncost {name}")
    return sorted(found, key=lambda name: name != "cnncost predict")


def example(command: str) -> str:
    """The first line that a command's help shows."""
    from cnncost.cli.main import module

    return str(module(command).EXAMPLES[0])


def command_of(words: Sequence[str], commands: Sequence[str]) -> str:
    """The command that the first word was meant to be, said on standard error.

    Raises UsageError if none is near.
    """
    word = words[0]
    if word.lower() == "version":
        raise UsageError(f"unknown command {word!r}", cure="write cnncost --version")
    wanted = next((name for name, tried in WANTED.items() if word.lower() in tried.split()), None)
    if wanted is not None:
        raise UsageError(f"unknown command {word!r}", cure=f"write {line(wanted, words[1:])}")
    close = difflib.get_close_matches(word.lower(), commands, n=2, cutoff=0.75)
    if len(close) == 1 and close[0] not in WRITING:
        print(f"note: there is no command {word!r}; this is {close[0]!r}", file=sys.stderr)
        return close[0]
    if word.lower() in commands:
        raise UsageError(f"unknown command {word!r}: did you mean {word.lower()!r}?")
    later = next((each for each in words[1:] if each in commands), None)
    if later is not None:
        rest = [*words]
        rest.remove(later)
        raise UsageError(f"the command comes first, and {word!r} is none", cure=f"write {line(later, rest)}")
    from cnncost.importers.names import misnamed

    if (wrong := misnamed(word)) is not None:
        raise UsageError(wrong)
    if is_model(word):
        raise UsageError(
            f"{word!r} is a model; a command says what to do with it",
            cure=f"write {line('compare' if len(words) > 1 and is_model(words[1]) else 'table', words)}",
            more=f"commands: {', '.join(commands)}",
        )
    return known_word("unknown command", word, commands, "commands")


def before_the_command(words: Sequence[str], commands: Iterable[str]) -> UsageError | None:
    """What to say of options in front of a command; None if no command follows them."""
    at = next((i for i, word in enumerate(words) if word in commands), None)
    if at is None:
        return None
    rest = [*words[at + 1 :], *words[:at]]
    return UsageError(f"options stand behind the command: {words[0]}", cure=f"write {line(words[at], rest)}")


def line(command: str, words: Sequence[str]) -> str:
    """A command line as a shell takes it; the command's first example if there is nothing behind it."""
    return shlex.join(["cnncost", command, *words]) if words else example(command)


def is_model(word: str) -> bool:
    """Whether a word names a model: of the zoo, of a file, of an import."""
    from cnncost.importers.names import is_import
    from cnncost.language import zoo

    if word.partition(":")[0].endswith((".yaml", ".yml")) or is_import(word):
        return True
    try:
        zoo.find(word)
    except (CnncostError, OSError):
        return False
    return True
