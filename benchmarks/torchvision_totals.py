"""All of torchvision's classifiers and segmenters: our figures of the imports against what runs. Two tables.

    python benchmarks/torchvision_totals.py memory --resume memory.jsonl -o reports/torchvision_memory.md
    python benchmarks/torchvision_totals.py rivals --resume rivals.jsonl -o reports/torchvision_rivals.md
    python benchmarks/torchvision_totals.py rivals --only thop --only fvcore

`memory`: the peak of a forward pass of the network's own code, by a trace of live storages, at batch 1 and 8.
`rivals`: what each rival counts of the network, run in a process of its own, against the convention of its
name. A table has a row for everything that was compared; what differs says by how much, and whether our
total says that it may. Exit code 1 if something differs without a word.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from analysis import rivals as programs  # noqa: E402

import cnncost  # noqa: E402
from cnncost.execution.memory import liveness_bytes, peak_bytes  # noqa: E402
from cnncost.execution.plan import plan  # noqa: E402
from cnncost.importers import from_module  # noqa: E402
from cnncost.importers.aten.exported import spelled_out  # noqa: E402
from cnncost.importers.sources import library  # noqa: E402
from cnncost.measure.trace import LiveStorages  # noqa: E402

RIVALS = ("torch", "fvcore", "torchinfo", "ptflops", "ptflops_aten", "thop", "calflops", "torchprofile")
BATCHES = (1, 8)
AT_ONCE = 10
"""Networks that one process of a rival counts."""
SECONDS = 1800
"""A process may take."""


class Line(NamedTuple):
    """One comparison."""

    model: str
    what: str  #: the batch, or the rival and what it counts
    ours: int | None
    theirs: int | None  #: None: it was not run
    word: str = ""  #: what our figure says of itself, or why there is none

    @property
    def verdict(self) -> str:
        if self.ours is None or self.theirs is None:
            return "not run"
        if self.ours == self.theirs:
            return "equal"
        return f"{self.ours - self.theirs:+,} ({(self.ours - self.theirs) / max(self.theirs, 1):+.2%})"

    @property
    def silent(self) -> bool:
        """It differs, and nothing says so."""
        return self.ours != self.theirs and not self.word


def classifiers() -> list[str]:
    """The names of torchvision's classifiers."""
    models = library("torchvision")
    return [str(name) for name in models.list_models(module=models)]


def segmenters() -> list[str]:
    """The names of torchvision's networks for segmentation."""
    models = library("torchvision")
    return [str(name) for name in models.list_models(module=models.segmentation)]


def network(name: str) -> tuple[torch.nn.Module, tuple[int, ...]]:
    """A network of torchvision's without weights, as its users build it, and its input."""
    options: dict[str, object] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    if name in segmenters():
        options["weights_backbone"] = None
    module = library("torchvision").get_model(name, **options)
    return module, (3, 299, 299) if name == "inception_v3" else (3, 224, 224)


def remembered(name: str) -> list[Line]:
    """A network's peak at every batch, ours and traced."""
    try:
        module, shape = network(name)
        graph = from_module(module, shape, name=name)
        found = []
        for batch in BATCHES:
            running = plan(graph, batch=batch)
            word = f"estimated: {', '.join(running.estimated)}" if running.estimated else ""
            theirs = traced(module, shape, batch)
            beside = f"batch {batch}; liveness {liveness_bytes(running):,}"
            found.append(Line(name, beside, peak_bytes(running), theirs, word))
    except Exception as error:
        return [Line(name, "", None, None, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")]
    return found


def traced(module: torch.nn.Module, shape: tuple[int, ...], batch: int) -> int:
    """Peak bytes of a forward pass of the module itself, on tensors without memory."""
    meta = torch.device("meta")
    module = module.to(meta).eval()
    x = torch.empty(batch, *shape, device=meta)
    weights = [*module.parameters(), *module.buffers()]
    with torch.no_grad(), spelled_out(), LiveStorages(meta, [x], weights) as live:
        module(x)
    return int(live.peak)


def counted(name: str) -> dict[str, dict[str, object]]:
    """What every rival's convention counts of an import: as the rival names it, and what is untested."""
    module, shape = programs.of_torchvision(name)
    graph = from_module(module, shape, name=name)
    found: dict[str, dict[str, object]] = {}
    for rival in RIVALS:
        report = cnncost.analyze(graph, convention=rival)
        found[rival] = {**report.totals.counted._asdict(), "untested": list(report.untested)}
    report = cnncost.analyze(graph, convention="calflops_flops")
    found["calflops"] |= {"flops": report.totals.counted.ops}
    return found


def count(rival: str, names: Sequence[str]) -> dict[str, dict[str, int] | str]:
    """What a rival counts of some networks; why not, where it crashes: then each is asked alone."""
    program = ROOT / "tests" / "analysis" / "rivals.py"
    command = [sys.executable, str(program), rival, *[f"torchvision:{name}" for name in names]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        if done.returncode == 0:
            found = json.loads(done.stdout.splitlines()[-1])
            return {name.removeprefix("torchvision:"): each for name, each in found.items()}
        why = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
    except subprocess.TimeoutExpired:
        why = f"not done in {SECONDS} s"
    if len(names) == 1:
        return {names[0]: f"{rival} fails: {why}"}
    return {name: each for one in names for name, each in count(rival, [one]).items()}


def compared(rival: str, name: str, kept: Kept) -> Iterator[Line]:
    """A line for each of what a rival counts of one network; none where it was not run."""
    theirs = kept.found.get(f"{rival} {name}", {})
    if isinstance(theirs, str):
        yield Line(name, rival, None, None, theirs)
        return
    for key, value in theirs.items():
        ours = kept.found[f"ours {name}"][rival]
        word = f"untested: {', '.join(ours['untested'])}" if ours["untested"] else ""
        yield Line(name, f"{rival} {key}", int(ours[key]), value, word)


class Kept:
    """What was found, in a file as it comes if one is given: a run that was cut off goes on from there."""

    def __init__(self, path: Path | None):
        self.path = path
        written = path.read_text(encoding="utf-8") if path is not None and path.exists() else ""
        self.found: dict[str, Any] = dict(json.loads(line) for line in written.splitlines())

    def add(self, key: str, value: Any) -> Any:
        """Keep a value."""
        self.found[key] = value
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, value]) + "\n")
        return value

    def missing(self, what: str, names: Sequence[str], run: bool) -> list[str]:
        """The names of which there is nothing yet; none where nothing is to be run."""
        return [name for name in names if run and f"{what} {name}" not in self.found]


def memory(wanted: Sequence[str], only: Sequence[str], kept: Kept, run: bool) -> Iterator[Line]:
    """The lines of `memory`."""
    with get_context("spawn").Pool(1, maxtasksperchild=20) as pool:
        missing = kept.missing("memory", wanted, run)
        for name, lines in zip(missing, pool.imap(remembered, missing), strict=True):
            kept.add(f"memory {name}", lines)
            said(name, f"{[line.verdict for line in lines]}")
    for name in wanted:
        for line in kept.found.get(f"memory {name}", ()):
            yield Line(*line)


def rivals(wanted: Sequence[str], only: Sequence[str], kept: Kept, run: bool) -> Iterator[Line]:
    """The lines of `rivals`: some networks by every rival, then the next."""
    for start in range(0, len(wanted), AT_ONCE):
        names = wanted[start : start + AT_ONCE]
        with get_context("spawn").Pool(1, maxtasksperchild=20) as pool:
            missing = kept.missing("ours", names, run)
            for name, ours in zip(missing, pool.imap(counted, missing), strict=True):
                kept.add(f"ours {name}", ours)
                said(name, "imported")
        for rival in only or RIVALS:
            missing = kept.missing(rival, names, run)
            for name, theirs in (count(rival, missing) if missing else {}).items():
                kept.add(f"{rival} {name}", theirs)
                said(name, f"{[line.verdict for line in compared(rival, name, kept)]}", rival)
    for rival in only or RIVALS:
        for name in wanted:
            yield from compared(rival, name, kept)


START = time.perf_counter()


def said(name: str, what: str, rival: str = "") -> None:
    """How far it is."""
    print(f"{time.perf_counter() - START:7.0f} s  {name}  {rival}  {what}", file=sys.stderr, flush=True)


def table(what: str, lines: Sequence[Line], command: str) -> str:
    """The lines as Markdown, what differs first."""
    equal = sum(line.verdict == "equal" for line in lines)
    silent = sum(line.silent for line in lines)
    written = [
        f"<!-- cnncost {cnncost.__version__}, torch {torch.__version__}: {command} -->",
        "",
        f"# torchvision's networks: {what}",
        "",
        f"{equal:,} of {len(lines):,} are equal; {silent:,} differ and our figure does not say so.",
        "",
        "| network | what | ours | theirs | difference | our word |",
        "|---|---|---:|---:|---|---|",
    ]
    for line in sorted(lines, key=lambda line: (not line.silent, line.verdict == "equal")):
        ours, theirs = ("" if value is None else f"{value:,}" for value in (line.ours, line.theirs))
        word = line.word.replace("|", "\\|")
        written.append(f"| {line.model} | {line.what} | {ours} | {theirs} | {line.verdict} | {word} |")
    return "\n".join(written) + "\n"


def per_rival(lines: Sequence[Line]) -> str:
    """How many of each rival's figures are equal, and how many differ with a word, or were not run."""
    written = [
        "| rival counts | equal | differ and say so | differ in silence | not run |",
        "|---|--:|--:|--:|--:|",
    ]
    for what in dict.fromkeys(line.what for line in lines):
        of = [line for line in lines if line.what == what]
        equal = sum(line.verdict == "equal" for line in of)
        not_run = sum(line.verdict == "not run" for line in of)
        silent = sum(line.silent for line in of)
        written.append(f"| {what} | {equal} | {len(of) - equal - not_run - silent} | {silent} | {not_run} |")
    return "\n".join(written) + "\n"


KINDS: dict[str, tuple[str, Callable[[Sequence[str], Sequence[str], Kept, bool], Iterator[Line]]]] = {
    "memory": ("the peak of a forward pass, in bytes", memory),
    "rivals": ("what the rivals count", rivals),
}


def main() -> int:
    """Compare and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--only", choices=RIVALS, action="append", default=[], help="this rival")
    parser.add_argument("--model", action="append", help="this network instead of all")
    parser.add_argument(
        "--resume", type=Path, help="a file: what it holds is not run again, the rest is added"
    )
    parser.add_argument("--no-run", action="store_true", help="a table of what --resume holds")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    title, compare = KINDS[options.kind]
    wanted = options.model or [*classifiers(), *(segmenters() if options.kind == "memory" else [])]
    lines = list(compare(wanted, options.only, Kept(options.resume), not options.no_run))
    text = table(title, lines, f"python benchmarks/torchvision_totals.py {options.kind}")
    if options.kind == "rivals":
        text += "\n" + per_rival(lines)
    if left := [name for name in wanted if name not in {line.model for line in lines}]:
        text += f"\nNot run: {', '.join(left)}.\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text)
    return int(any(line.silent for line in lines))


if __name__ == "__main__":
    sys.exit(main())
