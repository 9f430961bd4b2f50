"""Errors in Python's words: what messages call by its option is an argument there."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from cnncost.errors import CnncostError

P = ParamSpec("P")
R = TypeVar("R")
_NAMED = re.compile(r"--input [A-Za-z_][\w.\[\]]*=[^\s,)]+(?: --input [A-Za-z_][\w.\[\]]*=[^\s,)]+)*")
_SHAPE = re.compile(r"--input (\d+(?:x\d+)*)")
_OTHERS = (
    (re.compile(r"--batch-axis none"), "batch_axis=None"),
    (re.compile(r"--batch-axis (\d+)"), r"batch_axis=\1"),
    (re.compile(r"--batch-axis"), "batch_axis"),
    (re.compile(r"--batch (\d+)"), r"batch=\1"),
    (re.compile(r"--batch"), "batch"),
    (re.compile(r"--dtype (\w+)"), r"dtype='\1'"),
    (re.compile(r"--road\b"), "road"),
    (re.compile(r"--mode (\w+)"), r"mode='\1'"),
    (re.compile(r"--allow-unknown"), "allow_unknown=True"),
    (re.compile(r"--set (\w+)=(\w+)"), r"set={'\1': \2}"),
)


_TENS = {"k": "e3", "M": "e6", "G": "e9"}
_RENAMED = {"eval": "held", "round": "round_to", "plan": "plan_for", "time-limit": "seconds"}
"""Options whose argument has another name."""
_FLAG = re.compile(r"pass --(train)\b")
_OPTION = re.compile(r"(?<!\S)(['`(]?)--([a-z][a-z0-9-]*)(?: (\d[\w.%]*))?")


def speaking(function: Callable[P, R]) -> Callable[P, R]:
    """The function with errors that call options by its arguments: --min-top1 70 is min_top1=70 in a cure."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except CnncostError as error:
            first, *rest = error.message.split("\n")
            error.message = "\n".join([_arguments(first, " "), *(_arguments(line, "=") for line in rest)])
            error.cure = error.cure and _arguments(error.cure, "=")
            error.more = error.more and _arguments(error.more, "=")
            raise

    return called


def _arguments(text: str, given: str) -> str:
    """The text with options as arguments, and values as Python writes them where they are `given` by =."""

    def named(match: re.Match[str]) -> str:
        before, option, value = match.groups()
        option = _RENAMED.get(option, option)
        if given == "=" and value and value[-1] in _TENS:  # 600M
            value = value[:-1] + _TENS[value[-1]]
        return before + option.replace("-", "_") + (f"{given}{value}" if value else "")

    return _OPTION.sub(named, _FLAG.sub(r"pass \1=True", text))


@contextlib.contextmanager
def in_python(argument: str) -> Iterator[None]:
    """In here errors speak Python; `argument` is what gives the function its input."""
    try:
        yield
    except CnncostError as error:
        error.message = spoken(error.message, argument)
        error.cure = error.cure and spoken(error.cure, argument)
        error.more = error.more and spoken(error.more, argument)
        raise


def spoken(text: str, argument: str) -> str:
    """A message with arguments of Python's instead of options."""

    def named(match: re.Match[str]) -> str:
        texts = re.findall(r"--input ([\w.\[\]]+)=(\S+)", match[0])
        if argument == "input":
            return f"input=({', '.join(repr(f'{name}={sizes}') for name, sizes in texts)},)"
        pairs = ", ".join(entry(name, tensor(sizes)) for name, sizes in texts)
        return f"example_kwargs={{{pairs}}}"

    text = _NAMED.sub(named, text)
    text = _SHAPE.sub(lambda match: f"{argument}={shape(match[1])}", text)
    for option, word in _OTHERS:
        text = option.sub(word, text)
    return re.sub(r"--input\b", argument, text)


def entry(name: str, value: str) -> str:
    """A tensor under its name, as code; dots are dictionaries within one another."""
    first, dot, rest = name.partition(".")
    return f"{first!r}: {{{entry(rest, value)}}}" if dot else f"{name!r}: {value}"


def tensor(sizes: str) -> str:
    """A tensor of some sizes with a batch, as code that makes it."""
    kind, _, written = sizes.rpartition(":")
    if not re.fullmatch(r"\d+(x\d+)*", written):
        return "..."
    numbers = ", ".join(["1", *written.split("x")])
    return f"torch.zeros({numbers}{f', dtype=torch.{kind}' if kind else ''})"


def shape(sizes: str) -> str:
    """Sizes as a tuple."""
    numbers = sizes.split("x")
    return f"({', '.join(numbers)}{',' * (len(numbers) == 1)})"
