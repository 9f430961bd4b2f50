"""How much of torchvision and timm imports, and that it is right: a table with every failure.

    python benchmarks/import_coverage.py                     all of torchvision, a fixed sample of timm
    python benchmarks/import_coverage.py --library timm --every 1       all of timm (hours)
    python benchmarks/import_coverage.py --library torchvision -o reports/import_torchvision.md

An import is right when its parameters are those of the module (those that the inference pass never
reads set apart), its MACs half of what torch's FlopCounterMode counts for the module itself, every
node's shape PyTorch's (the importer checks that itself, for one image and for a batch), and its YAML
reads back as the same graph. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import torchvision_shim  # noqa: E402

import cnncost  # noqa: E402
from cnncost.importers import from_module, sources, write  # noqa: E402
from cnncost.spec import zoo  # noqa: E402

torchvision_shim.models()  # timm imports it too

EVERY = 25
"""The fixed sample of timm: the first of every 25 names, in timm's order."""


class Result(NamedTuple):
    """How the import of one model went; `failure` is empty if it is right."""

    name: str
    nodes: int
    params: int
    macs: int
    seconds: float
    failure: str


def names(library: str, every: int = EVERY) -> list[str]:
    """The models of a library: torchvision's classifiers and segmentation nets, or a sample of timm."""
    models = torchvision_shim.models()
    if library == "torchvision":
        kinds = (models, models.segmentation)
        return [f"torchvision:{name}" for kind in kinds for name in models.list_models(module=kind)]
    import timm

    return [f"timm:{name}" for name in timm.list_models()[::every]]


def checked(name: str) -> Result:
    """Import a model and hold it to PyTorch."""
    start = time.perf_counter()
    nodes = params = macs = 0
    try:
        network, shape = sources.build(name, None, {})
        graph = from_module(network, shape, name=name)
        seconds = time.perf_counter() - start
        report = cnncost.analyze(graph)
        nodes, params, macs = len(graph.nodes) - 1, report.totals.params, report.totals.macs
        failure = wrong(network, shape, graph, report)
    except Exception as error:
        seconds = time.perf_counter() - start
        failure = str(error).strip().partition("\n")[0].removeprefix(f"{name}: ") or type(error).__name__
    return Result(name, nodes, params, macs, seconds, failure)


def wrong(network: nn.Module, shape: tuple[int, ...], graph: cnncost.Graph, report: cnncost.Report) -> str:
    """What does not agree with PyTorch, or "" if everything does."""
    whole = sum(parameter.numel() for parameter in network.parameters())
    if report.totals.params + graph.facts.get("unused_params", 0) != whole:
        return f"{report.totals.params:,} params, the module has {whole:,}"
    counted = flops(network, shape)
    if 2 * report.totals.macs != counted:
        return f"{report.totals.macs:,} MACs, FlopCounterMode counts {counted // 2:,}"
    read = zoo.build(zoo.parse_text(write.text(graph), "read back", "model"), None)
    if not same(graph, read):
        return "its YAML reads back as another graph"
    return ""


def flops(network: nn.Module, shape: tuple[int, ...]) -> int:
    """What torch's FlopCounterMode counts for one image."""
    network.eval().to("meta")
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, *shape, device="meta"))
    return int(counter.get_total_flops())


def same(graph: cnncost.Graph, other: cnncost.Graph) -> bool:
    """Whether two graphs have the same nodes (names, operators, edges, shapes) and outputs."""
    plain = [node._replace(place=None) for node in graph.nodes]
    return plain == [node._replace(place=None) for node in other.nodes] and graph.outputs == other.outputs


def table(results: list[Result], command: str) -> str:
    """The results as Markdown."""
    right = [result for result in results if not result.failure]
    lines = [
        f"<!-- cnncost {cnncost.__version__}, torch {torch.__version__}, meta device: {command} -->",
        "",
        "# Import coverage",
        "",
        f"{len(right)} of {len(results)} right ({100 * len(right) / len(results):.1f}%).",
        "",
        "| model | nodes | params | MACs | seconds | failure |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for result in results:
        failure = result.failure.replace("|", "\\|")
        lines.append(
            f"| {result.name} | {result.nodes} | {result.params:,} | {result.macs:,} |"
            f" {result.seconds:.1f} | {failure} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the coverage and print or write its table; exit 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--library", choices=("torchvision", "timm"), action="append")
    parser.add_argument("--every", type=int, default=EVERY, help="every n-th model of timm")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    results: list[Result] = []
    for library in options.library or ("torchvision", "timm"):
        for name in names(library, options.every):
            results.append(checked(name))
            last = results[-1]
            print(f"{name}  {last.failure or 'right'}  {last.seconds:.1f} s", file=sys.stderr, flush=True)
    text = table(results, " ".join(["python", *sys.argv]))
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text)
    sys.exit(any(result.failure for result in results))


if __name__ == "__main__":
    main()
