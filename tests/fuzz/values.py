"""Every option and argument of every command, given what nobody means."""

from __future__ import annotations

import random
import shlex
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnncost.cli.main import COMMANDS, app
from fuzz.target import Target

BAD = (
    "", " ", "0", "-1", "1.5", "nan", "inf", "-inf", "1e400", "9" * 25, "9" * 5000, "0x10", "1_0", "٣", "true", "None",
    "x", "=", "x=", "=x", "a=b=c", ",", ",,", "1,2", "1,,2", "..", "1..0", "1..9:0", "x=1..9", ":", "::", "a:b", "*", "[", "[0]",
    "{}", "[1]", '{"a": NaN}', "3x3", "3x0x3", "0x0", "x3x", "1MiB", "MiB", "1 XB", "5%", "-5%", "1e6M", "1ms", "/", ".", "/dev/null",
    "/dev/full", "/nonexistent/x", "nosuch.yaml", "nosuch.onnx", "nosuch.json", "nosuch.lock", "net.yaml", "\x1b[31m", "::error::x",
    "\u202e", "é", "a" * 300, "a\nb", "\udcff", "%s", "{0}", "$(x)", "--", "-", "../x", "lenet5", "tcp://[", "s:x", "os:system",
)  # fmt: skip
FIRST = {
    "table": "lenet5", "compare": "lenet5 lenet5_1998", "reconcile": "lenet5", "explain": "lenet5 C1", "lock": "lenet5 -o a.lock",
    "check": "lenet5 --lock a.lock", "diff": "lenet5 lenet5_1998", "audit": "--deck tum", "plot": "layers lenet5 -o a.svg",
    "draw": "lenet5 -o a.svg", "report": "lenet5 -o a.html", "memory": "lenet5", "verify": "lenet5", "measure": "lenet5 --device cpu --time-limit 0.05 --warmup-limit 0.05",
    "predict": "lenet5 --on t4", "train": "lenet5 --on rtx-3090 --images 50k --epochs 3 --batch 64", "calibrate": "-o mine.yaml", "import": "net.onnx", "export": "lenet5 --onnx a.onnx", "list": "--family vgg",
    "pick": "--max-params 1G --from net.yaml", "search": "lenet5 --vary classes=2,3", "show": "lenet5", "schema": "", "live": "nosuch.txt",
    "exercise": "lenet5", "grade": "a.csv --sheet s.json", "help": "conv",
}  # fmt: skip
"""A line of every command, to which bad values are added; what measures or serves is stopped before it does."""
STOPPED = {"measure": "--time-limit 0", "calibrate": "--minutes 0", "live": "", "verify": "--batch 0"}
LAST = 0.3
"""How often a word of the line itself is the one that is bad."""


@lru_cache(maxsize=1)
def options() -> dict[str, list[str]]:
    """Every command's options that take a value."""
    import typer

    group: Any = typer.main.get_command(app)
    context = group.make_context("cnncost", [], resilient_parsing=True)
    found = {}
    for name in COMMANDS:
        command = group.get_command(context, name)
        found[name] = [
            option.opts[0]
            for option in command.params
            if option.param_type_name == "option"
            and not getattr(option, "is_flag", False)
            and option.opts[0] != "--help"
        ]
    return found


def line(chance: random.Random, _: str) -> str:
    """A command line with one or two bad values."""
    name = chance.choice(list(FIRST))
    words = shlex.split(FIRST[name])
    if words and chance.random() < LAST:
        words[chance.randrange(len(words))] = chance.choice(BAD)
    for _ in range(chance.choice((1, 1, 2))):
        if options()[name]:
            words += [chance.choice(options()[name]), chance.choice(BAD)]
    return shlex.join([name, *words, *STOPPED.get(name, "").split()])


def run(given: str, folder: Path) -> bool:
    """The command line, in a folder with a spec."""
    from regress.specs import write

    from fuzz.targets import command

    write(folder)
    return command(given, folder)


TARGET = Target(lambda: ("",), (line,), run)
