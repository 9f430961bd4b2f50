"""Training steps of many networks against traces, and backward MACs against PyTorch's counter.

    python benchmarks/training_steps.py zoo --resume zoo.jsonl -o reports/training_zoo.md
    python benchmarks/training_steps.py torchvision --resume tv.jsonl -o reports/training_torchvision.md
    python benchmarks/training_steps.py macs -o reports/training_macs.md        (MACs alone, of all 80)

Of every model of the zoo, and of torchvision's classifiers as imports, at batch 2 on tensors without memory:
the peak of a step under autocast (CUDA's lists and the CPU's), with gradients accumulated, with the first
half of the layers frozen, with batch norms in eval mode. Of torchvision's also the multiply-accumulates of
forward and backward pass by FlopCounterMode, which takes the weights' gradient of a convolution in groups
times the groups: that is added to ours. Exit code 1 if something differs and our figure does not say that
it may.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]

from measure import autocasting  # noqa: E402
from torchvision_totals import Kept, Line, classifiers, network, said, table  # noqa: E402

import cnncost  # noqa: E402
from cnncost.execution.freezing import hold  # noqa: E402
from cnncost.execution.training import training_memory  # noqa: E402
from cnncost.graph import Graph  # noqa: E402
from cnncost.importers import from_module  # noqa: E402
from cnncost.language import zoo  # noqa: E402
from cnncost.measure import build  # noqa: E402
from cnncost.measure.trace import LiveStorages, backward, states  # noqa: E402

META = torch.device("meta")
BATCH = 2


def under_autocast(graph: Graph, device: str, dtype: str) -> tuple[Any, int]:
    """Our step under autocast, and the traced peak without weights."""
    net, xs = autocasting.faked(lambda: build(graph, "train"), (BATCH, *graph.input_shape))
    memory = training_memory(graph, batch=BATCH, device=device, autocast=dtype)
    return memory, autocasting.step(net, xs, dtype, device).peak


def traced(graph: Graph, passes: int) -> int:
    """The peak of the last of some passes, weights left out; frozen layers as the graph has them."""
    with META:
        twin = build(graph, "train")
    names = tuple(f"{graph.nodes[index].name}." for index in graph.frozen)
    for name, weight in twin.named_parameters():
        if names and name.startswith(names):
            weight.requires_grad_(False)
    x = torch.empty(BATCH, *graph.input_shape, device=META)
    with LiveStorages(META, [x], states(twin)) as live:
        for _ in range(passes):
            live.peak = live.live
            backward(twin, x)
    return live.peak


def accumulated(graph: Graph) -> tuple[Any, int]:
    """Two micro-batches."""
    return training_memory(graph, batch=2 * BATCH, micro_batches=2), traced(graph, 2)


def half_frozen(graph: Graph) -> tuple[Any, int]:
    """The first half of the layers not trained."""
    layers = [node.index for node in graph.nodes[1:] if node.op.weights(*graph.input_shapes(node))]
    half = frozenset(layers[: len(layers) // 2])
    nodes = [
        node._replace(op=node.op.replace(frozen=True))
        if node.index in half and "frozen" in node.op.arguments
        else node
        for node in graph.nodes
    ]
    graph = replace(graph, nodes=tuple(nodes), frozen=graph.frozen | half)
    return training_memory(graph, batch=BATCH), traced(graph, 1)


def in_eval_mode(graph: Graph) -> tuple[Any, int]:
    """Batch norms and dropout in eval mode."""
    graph = hold(graph, ["*"])
    return training_memory(graph, batch=BATCH), traced(graph, 1)


STEPS: dict[str, Callable[[Graph], tuple[Any, int]]] = {
    "autocast bfloat16, CPU": lambda graph: under_autocast(graph, "cpu", "bfloat16"),
    "autocast float16, CUDA": lambda graph: under_autocast(graph, "cuda", "float16"),
    "accumulation": accumulated,
    "half frozen": half_frozen,
    "eval mode": in_eval_mode,
}


def steps(graph: Graph, name: str) -> list[Line]:
    """A line for every kind of step."""
    found = []
    for what, run in STEPS.items():
        try:
            memory, theirs = run(graph)
        except Exception as error:
            why = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            found.append(Line(name, what, None, None, why))
            continue
        word = f"estimated: {', '.join(memory.estimated)}" if memory.estimated else ""
        found.append(Line(name, what, memory.peak - memory.weights, theirs, word))
    return found


def of_the_zoo(name: str) -> list[Line]:
    """The steps of a model of the zoo."""
    return steps(cnncost.load(name), name)


def of_torchvision(name: str) -> list[Line]:
    """The steps of a classifier of torchvision's as an import, and its multiply-accumulates."""
    try:
        graph = imported(name)[0]
    except Exception as error:
        return [Line(name, "", None, None, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")]
    return [*macs(name), *steps(graph, name)]


def imported(name: str) -> tuple[Graph, torch.nn.Module, tuple[int, ...]]:
    """A classifier of torchvision's in mode train: as an import, itself, its input."""
    module, shape = network(name)
    module.train()
    return from_module(module, shape, batch=BATCH, name=name, mode="train"), module, shape


def macs(name: str) -> list[Line]:
    """Multiply-accumulates of forward and backward pass of a classifier of torchvision's."""
    try:
        graph, module, shape = imported(name)
    except Exception as error:
        return [Line(name, "", None, None, f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")]
    report = cnncost.analyze(graph, batch=BATCH, mode="train", by="op")
    of_row = {row.name: row.macs for row in report.rows}
    grouped = sum(
        of_row[node.name] * (node.op.given("groups") - 1) for node in graph.nodes if node.op.name == "conv"
    )
    with FlopCounterMode(display=False) as counter:
        found = module.to(META)(torch.empty(BATCH, *shape, device=META))
        outputs = found if isinstance(found, tuple) else (found,)
        sum(output.sum() for output in outputs).backward()
    totals = report.totals
    what = "MACs" + (" (ours + gradients times groups)" if grouped else "")
    whole = totals.macs + (totals.backward_macs or 0) + grouped
    return [Line(name, what, whole, counter.get_total_flops() // 2)]


def models() -> list[str]:
    """The models of the zoo, one of every family first."""
    families = [list(family.variants) or [family.name] for family in zoo.families()]
    return [names[0] for names in families] + [name for names in families for name in names[1:]]


KINDS: dict[str, tuple[str, Callable[[], list[str]], Callable[[str], list[Line]]]] = {
    "zoo": ("the zoo", models, of_the_zoo),
    "torchvision": ("torchvision's classifiers", classifiers, of_torchvision),
    "macs": ("torchvision's classifiers, MACs only", classifiers, macs),
}


def main() -> int:
    """Compare and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--model", action="append", help="this network instead of all")
    parser.add_argument(
        "--resume", type=Path, help="a file: what it holds is not run again, the rest is added"
    )
    parser.add_argument("--no-run", action="store_true", help="a table of what --resume holds")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    title, every, run = KINDS[options.kind]
    wanted: Sequence[str] = options.model or every()
    kept = Kept(options.resume)
    missing = kept.missing(options.kind, wanted, not options.no_run)
    with get_context("spawn").Pool(1, maxtasksperchild=10) as pool:
        for name, lines in zip(missing, pool.imap(run, missing), strict=True):
            kept.add(f"{options.kind} {name}", lines)
            said(name, f"{[line.verdict for line in lines]}")
    lines = [Line(*line) for name in wanted for line in kept.found.get(f"{options.kind} {name}", ())]
    text = table("training steps", lines, " ".join(["python", "benchmarks/training_steps.py", *sys.argv[1:]]))
    text = text.replace("# torchvision's networks:", f"# {title}:")
    if left := [name for name in wanted if name not in {line.model for line in lines}]:
        text += f"\nNot run: {', '.join(left)}.\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text)
    return int(any(line.silent for line in lines))


if __name__ == "__main__":
    sys.exit(main())
