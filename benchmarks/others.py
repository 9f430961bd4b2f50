"""What other tools say of a network, and how long they take: the table of docs/others.md, every line run.

    python benchmarks/others.py            print the table
    python benchmarks/others.py --write    and put it between the marks in docs/others.md

Each tool is given what a user of it writes. It runs in processes of its own, in turns, so that a machine that
slows down slows all of them; the median is quoted, over that of `cnncost table resnet50`. Tools that are not
installed keep the line that the document has.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import os
import re
import statistics
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parent / "docs" / "others.md"
BEGIN, END = "<!-- table: python benchmarks/others.py --write -->\n", "<!-- end of the table -->"


class Tool(NamedTuple):
    """A line of the table: what the tool needs and gives, and what its user writes.

    `total` is an expression of the total for `model`, a torch module, and its input `x`, after `setup`;
    `wider` one of a total that sees more, where it has one.
    """

    package: str
    needs: str
    gives: str
    setup: str
    total: str
    word: str  #: what it calls the total
    wider: str = ""

    @property
    def installed(self) -> bool:
        needed = (self.package, *(["transformers"] if self.package == "calflops" else []))
        return all(importlib.util.find_spec(package) is not None for package in needed)


FORWARD = "torch, a module, a forward pass"
TOOLS = {
    "fvcore": Tool(
        "fvcore", FORWARD, "MACs by module and operator",
        "from fvcore.nn import FlopCountAnalysis", "FlopCountAnalysis(model, x).total()", "FLOPs",
    ),
    "torchinfo": Tool(
        "torchinfo", FORWARD, "shapes, parameters, multiply-adds by layer",
        "import torchinfo", "torchinfo.summary(model, input_data=x, verbose=0).total_mult_adds", "mult-adds",
    ),
    "ptflops": Tool(
        "ptflops", FORWARD, "MACs and parameters by module",
        "import ptflops",
        "ptflops.get_model_complexity_info(model, tuple(x.shape[1:]), as_strings=False,"
        " print_per_layer_stat=False)[0]",
        "MACs",
    ),
    "thop": Tool(
        "thop", FORWARD, "MACs and parameters",
        "import thop", "int(thop.profile(model, inputs=(x,), verbose=False)[0])", "MACs",
    ),
    "calflops": Tool(
        "calflops", "torch, transformers, a module, a forward pass", "MACs, FLOPs and parameters by module",
        "import calflops, transformers",
        "calflops.calculate_flops(model, input_shape=tuple(x.shape), output_as_string=False,"
        " print_results=False)[1]",
        "MACs",
    ),
    "torchprofile": Tool(
        "torchprofile", "torch, a module, a trace", "MACs",
        "from torchprofile import profile_macs", "profile_macs(model, x)", "MACs",
    ),
    "FlopCounterMode": Tool(
        "torch", FORWARD, "FLOPs of matrix products and convolutions",
        "from torch.utils.flop_counter import FlopCounterMode\ncounter = FlopCounterMode(display=False)",
        "(counter.__enter__(), model(x), counter.__exit__(None, None, None), counter.get_total_flops())[-1]",
        "FLOPs",
    ),
    "TorchScan": Tool(
        "torchscan", FORWARD, "parameters, MACs, FLOPs, memory reads by layer; FLOPs by operator",
        "import torchscan",
        "torchscan.crawl_module(model, tuple(x.shape[1:]))['totals']['macs']['value']", "MACs",
        wider="torchscan.crawl_module(model, tuple(x.shape[1:]))['totals']['operator_flops']['value']",
    ),
    "flopth": Tool(
        "flopth", FORWARD, "FLOPs and parameters by module",
        "from flopth import flopth", "flopth(model, in_size=(tuple(x.shape[1:]),), bare_number=True)[0]",
        "FLOPs",
    ),
    "torchsummary": Tool(
        "torchsummary", FORWARD, "shapes and parameters by layer; no operations",
        "from torchsummary import summary", "summary(model, tuple(x.shape[1:]), verbose=0) and None", "",
    ),
}  # fmt: skip
RESNET = f"""
import sys, warnings; warnings.simplefilter("ignore"); sys.path.insert(0, {str(HERE.parent / "tests")!r})
import torch
from cnncost.importers.sources import library
model, x = library("torchvision").resnet50(weights=None).eval(), torch.zeros(1, 3, 224, 224)
"""
PRODUCT = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3)
        self.w = torch.nn.Parameter(torch.zeros(900, 10))
    def forward(self, x):
        return self.conv(x).flatten(2) @ self.w
model, x = Net().eval(), torch.zeros(1, 3, 32, 32)
"""
CONVOLUTION, MATRIX = 8 * 30 * 30 * 27, 8 * 900 * 10
"""MACs of the second network, by hand: of its convolution, and of the product that `forward` writes as @."""


def answer(tool: Tool, network: str) -> int | None:
    """What a tool says of a network, in this process; None where it has no total. Raises as the tool does."""
    scope: dict[str, Any] = {}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        exec(network, scope)
        exec(tool.setup, scope)
        found = eval(tool.total, scope)
    return None if found is None else int(found)


def seen(tool: Tool) -> str:
    """Whether a tool sees a product that no module does."""
    try:
        found = answer(tool._replace(total=tool.wider or tool.total), PRODUCT)
    except Exception as error:  # whatever a tool raises is what its user sees
        return f"raises {type(error).__name__}"
    if found is None:
        return ""
    per = 2 if found >= 2 * CONVOLUTION else 1
    return "yes" if found >= per * (CONVOLUTION + MATRIX) else "no"


def lines(rounds: int, known: dict[str, str]) -> list[str]:
    """The rows of the table; `known` are those of the document, for tools that are not here."""
    from speed import run

    ours = [sys.executable, "-m", "cnncost", "table", "resnet50"]
    commands = {"cnncost": ours}
    for name, tool in TOOLS.items():
        if tool.installed:
            commands[name] = [sys.executable, "-c", f"{RESNET}{tool.setup}\nprint({tool.total})"]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    failed: set[str] = set()
    for turn in range(rounds + 1):
        for name, command in commands.items():
            if name in failed:
                continue
            try:
                found = run(command)
            except RuntimeError:
                failed.add(name)
                continue
            if turn:  # the first warms the disk
                times[name].append(found)
    base, memory = (statistics.median(sample[at] for sample in times["cnncost"]) for at in (0, 1))
    rows = [
        "| tool | needs | gives | its total for ResNet-50 | sees a product written `@` | time | memory |",
        "|---|---|---|--:|---|--:|--:|",
        "| cnncost | a name, a spec, a module or an ONNX file | shapes, parameters, MACs, FLOPs, memory,"
        " receptive fields; all conventions | 4,089,184,256 MACs | yes |"
        f" 1 ({base:.2f} s) | 1 ({memory:.0f} MiB) |",
    ]
    for name, tool in TOOLS.items():
        if name not in times or name in failed:
            rows.append(known.get(name, f"| {name} | {tool.needs} | {tool.gives} | not run | | | |"))
            continue
        total = answer(tool, RESNET)
        seconds, space = (statistics.median(sample[at] for sample in times[name]) for at in (0, 1))
        said = "" if total is None else f"{total:,} {tool.word}"
        ratios = f"{seconds / base:.0f} | {space / memory:.0f}"
        rows.append(f"| {name} | {tool.needs} | {tool.gives} | {said} | {seen(tool)} | {ratios} |")
    return rows


def table(text: str) -> dict[str, str]:
    """The rows of the document's table by tool."""
    inside = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    rows = [line for line in inside.splitlines() if line.startswith("| ")][1:]
    return {re.split(r" \| ", row[2:])[0]: row for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns through all tools")
    parser.add_argument("--write", action="store_true", help="put the table into docs/others.md")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = lines(options.rounds, table(text))
    print("\n".join(rows))
    if options.write:
        begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
        DOCUMENT.write_text(text[:begin] + "\n".join(rows) + "\n" + text[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
