"""Every option and argument of every command, given what it means, what another one means, and what nobody means."""

from __future__ import annotations

import random
import shlex
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cnncost.cli.main import COMMANDS, app
from fuzz.target import Target

BAD = (
    "", " ", "0", "-1", "1.5", "nan", "inf", "-inf", "1e400", "9" * 25, "9" * 5000, "0x10", "1_0", "٣", "true", "None",
    "x", "=", "x=", "=x", "a=b=c", ",", ",,", "1,2", "1,,2", "..", "1..0", "1..9:0", "x=1..9", ":", "::", "a:b", "*", "[", "[0]",
    "{}", "[1]", '{"a": NaN}', "3x3", "3x0x3", "0x0", "x3x", "1MiB", "MiB", "1 XB", "5%", "-5%", "1e6M", "1ms", "/", ".", "/dev/null",
    "/dev/full", "/nonexistent/x", "nosuch.yaml", "nosuch.onnx", "nosuch.json", "nosuch.lock", "net.yaml", "\x1b[31m", "::error::x",
    "\u202e", "é", "a" * 300, "a\nb", "\udcff", "%s", "{0}", "$(x)", "--", "-", "../x", "lenet5", "tcp://[", "s:x", "os:system",
)  # fmt: skip
GOOD: dict[str, tuple[str, ...]] = {
    "--batch": ("1", "2", "8"), "--dtype": ("float16", "float32", "int8"), "--mode": ("eval", "train"), "--convention": ("fvcore", "keras"),
    "--format": ("csv", "json", "latex"), "--by": ("op", "block", "stage"), "--input": ("1x32x32", "28"), "--set": ("classes=7", "classes=1"),
    "--columns": ("name,macs", "op,flops,params"), "--units": ("memory=MiB", "ops=G"), "--optimizer": ("adam", "adamw"), "--fits": ("24GiB", "t4"),
    "--round": ("512", "1KiB"), "--runtime": ("tflm", "executorch"), "--on": ("t4", "rtx-4090"), "--layout": ("nchw",), "--launch": ("eager",),
    "--max-params": ("1G", "5M"), "--max-macs": ("9G", "600M"), "--min-top1": ("1", "70%"), "--sort": ("macs", "-params"), "--bits": ("w4a8", "8"),
    "--vary": ("classes=2..9", "input=28,32"), "--samples": ("3",), "--seed": ("7",), "--minimize": ("params",), "--maximize": ("macs",),
    "--watts": ("300",), "--price": ("1.5",), "--blanks": ("3",), "--questions": ("shape,params",), "--title": ("a", "$x_1$"), "--year": ("1998", "2015-"),
    "--family": ("lenet", "vgg"), "--paper": ("ieee", "slides"), "--device": ("cpu",), "--only": ("C1",), "--names": ("short",), "--rows": ("3",),
}  # fmt: skip
"""What the most usual options mean: lines with these are answered, and their answers are looked at."""
FIRST = {
    "table": "lenet5", "compare": "lenet5 lenet5_1998", "reconcile": "lenet5", "explain": "lenet5 C1", "lock": "lenet5 -o b.lock",
    "check": "lenet5 --lock a.lock", "diff": "lenet5 lenet5_1998", "audit": "--deck tum", "plot": "layers lenet5 -o a.svg",
    "draw": "lenet5 -o a.svg", "report": "lenet5 -o a.html", "memory": "lenet5", "verify": "lenet5", "measure": "lenet5 --device cpu --time-limit 0.05 --warmup-limit 0.05",
    "predict": "lenet5 --on t4", "train": "lenet5 --on rtx-3090 --images 50k --epochs 3 --batch 64", "calibrate": "-o mine.yaml", "import": "net.onnx", "export": "lenet5 --onnx a.onnx", "list": "--family vgg",
    "pick": "--max-params 1G --from net.yaml", "search": "lenet5 --vary classes=2,3", "show": "lenet5", "schema": "", "live": "net.yaml --port 0",
    "exercise": "lenet5", "grade": "answers.csv --sheet sheet.json", "help": "conv",
}  # fmt: skip
"""A line of every command, to which bad values are added; what measures or serves is stopped before it does."""
STOPPED = {"measure": "--time-limit 0", "calibrate": "--minutes 0", "live": "", "verify": "--batch 0"}
LAST = 0.2
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
    """A command line with one or two values more."""
    name = chance.choice(list(FIRST))
    words = shlex.split(FIRST[name])
    if words and chance.random() < LAST:
        words[chance.randrange(len(words))] = chance.choice(BAD)
    for _ in range(chance.choice((1, 1, 2))):
        if options()[name]:
            option = chance.choice(options()[name])
            words += [
                option,
                chance.choice(chance.choice((BAD, GOOD.get(option, BAD), GOOD.get(option, BAD)))),
            ]
    return shlex.join([name, *words, *STOPPED.get(name, "").split()])


def run(given: str, folder: Path) -> bool:
    """The command line, in a folder with what it names."""
    from fuzz.targets import in_a_project

    with patch("cnncost.live.server.serve", lambda *_, **__: None):  # it would not end
        return in_a_project(given, folder)


TARGET = Target(lambda: ("",), (line,), run)
