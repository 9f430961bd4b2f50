"""How much of torchvision, timm and ONNX imports, and that it is right: a table with every failure.

    python benchmarks/import_coverage.py             all of torchvision, a fixed sample of timm
    python benchmarks/import_coverage.py --library timm --every 1       all of timm (an hour)
    python benchmarks/import_coverage.py --library torchvision -o reports/import_torchvision.md
    python benchmarks/import_coverage.py --library onnx      ten of torchvision, by way of a file
    python benchmarks/import_coverage.py --workers 4         four processes; or --cluster tcp://host:8786
    python benchmarks/import_coverage.py --library monai     a library of networks.yaml; networks: all of them

An import is right when its parameters are those of the module (those that the inference pass never
reads set apart), its MACs half of what torch's FlopCounterMode counts for the module itself, every
node's shape PyTorch's (the importer checks that itself, for one image and for a batch), and its YAML
reads back as the same graph. An ONNX file is right when what it learned is that of the module's own
import, layer by layer, and its YAML reads back. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

sys.path.append(str(ROOT / "benchmarks"))
import networks  # noqa: E402

import cnncost  # noqa: E402
from cnncost.importers import from_module, from_onnx, sources, write  # noqa: E402
from cnncost.language import zoo  # noqa: E402
from cnncost.language.instance import graph_of  # noqa: E402
from cnncost.workers import DeadlyPieceError, Workers, done  # noqa: E402

sources.library("torchvision")  # timm imports it too

EVERY = 25
"""The fixed sample of timm: the first of every 25 names, in timm's order."""

LIBRARIES = tuple(dict.fromkeys(("torchvision", "timm", "onnx", "networks", *networks.LIST)))

PER_PROCESS = 50
"""Models that one process imports: PyTorch's caches never shrink."""


EXPORTS = {
    "alexnet": 224, "vgg11_bn": 224, "resnet18": 64, "squeezenet1_0": 224, "densenet121": 64,
    "googlenet": 96, "mobilenet_v2": 64, "mobilenet_v3_small": 64, "shufflenet_v2_x0_5": 64,
    "efficientnet_b0": 64, "convnext_tiny": 64, "vit_b_32": 224,
}  # fmt: skip
"""torchvision's models that are exported to ONNX, and the side of their input: small ones are as good."""


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
    if library in networks.LIST:
        return networks.names(library)
    models = sources.library("torchvision")
    if library == "onnx":
        return [f"onnx:{name}" for name in EXPORTS]
    if library == "torchvision":
        kinds = (models, models.segmentation)
        return [f"torchvision:{name}" for kind in kinds for name in models.list_models(module=kind)]
    import timm

    return [f"timm:{name}" for name in timm.list_models()[::every]]


def checked(name: str) -> Result:
    """Import a model and hold it to PyTorch."""
    if name.partition(":")[0] in networks.LIST:
        return Result(name, *networks.checked(name))
    if name.startswith("onnx:"):
        return checked_file(name.removeprefix("onnx:"))
    start = time.perf_counter()
    nodes = params = macs = 0
    try:
        network, shape, _ = sources.build(name, None, {})
        graph = from_module(network, shape, name=name)
        seconds = time.perf_counter() - start
        report = cnncost.analyze(graph)
        nodes, params, macs = len(graph.nodes) - 1, report.totals.params, report.totals.macs
        failure = wrong(network, shape, graph, report)
    except Exception as error:
        seconds = time.perf_counter() - start
        failure = str(error).strip().partition("\n")[0].removeprefix(f"{name}: ") or type(error).__name__
    return Result(name, nodes, params, macs, seconds, failure)


def checked_file(name: str, dynamo: bool = False) -> Result:
    """Export one of torchvision's to ONNX, import the file, and hold it to the module's own import."""
    side = EXPORTS[name]
    network, shape, _ = sources.build(f"torchvision:{name}", (3, side, side), {})
    filled(network)
    start = time.perf_counter()
    nodes = params = macs = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        export(network, shape, path, dynamo=dynamo)
        try:
            graph = from_onnx(str(path))
            report = cnncost.analyze(graph)
            nodes, params, macs = len(graph.nodes) - 1, report.totals.params, report.totals.macs
            read = graph_of(zoo.parse_text(write.text(graph), "read back", "model"), None)
            failure = "" if same(graph, read) else "its YAML reads back as another graph"
            if learned(graph) != learned(from_module(network, shape, name=name)):
                failure = "its layers are not those of the module's import"
        except cnncost.CnncostError as error:
            failure = str(error).partition("\n")[0]
    return Result(f"onnx:{name}", nodes, params, macs, time.perf_counter() - start, failure)


def filled(network: nn.Module) -> None:
    """Weights of which no two are equal: exporters store equal ones once, and leave zeros out."""
    with torch.no_grad():
        for value in (*network.parameters(), *network.buffers()):
            if value.is_floating_point():
                value.uniform_(0.5, 1.5)


def export(
    network: nn.Module,
    shape: tuple[int, ...],
    path: Path,
    *,
    dynamo: bool = False,
    folded: bool = False,
    batch: int | None = None,
) -> None:
    """Write a module as ONNX, for any batch or for one, its batch norms as they are or folded."""
    image = torch.randn(batch or 2, *shape)
    settings: dict[str, object] = {"dynamo": dynamo, "input_names": ["image"]}
    if dynamo:
        batches = ({0: torch.export.Dim("batch")},)
        settings |= {"optimize": folded, "dynamic_shapes": None if batch else batches, "verbose": False}
    else:
        mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
        axes = {"image": {0: "batch"}}
        settings |= {"training": mode, "do_constant_folding": folded, "dynamic_axes": None if batch else axes}
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(network.eval(), (image,), str(path), **settings)  # type: ignore[arg-type]
    finally:
        logging.disable(before)


def learned(graph: cnncost.Graph) -> list[tuple[object, ...]]:
    """Name, operator, parameters, MACs and output shape of every layer that is used and has learned."""
    found = []
    for node in graph.nodes:
        shapes = graph.input_shapes(node)
        params = node.op.params(*shapes)
        if params and node.op.name != "unused":
            found.append((node.name, node.op.name, params, node.op.macs(node.shape, *shapes), node.shape))
    return found


def wrong(network: nn.Module, shape: tuple[int, ...], graph: cnncost.Graph, report: cnncost.Report) -> str:
    """What does not agree with PyTorch, or "" if everything does."""
    whole = sum(parameter.numel() for parameter in network.parameters())
    if report.totals.params != whole:
        return f"{report.totals.params:,} params, the module has {whole:,}"
    counted = flops(network, shape)
    if 2 * report.totals.macs != counted:
        return f"{report.totals.macs:,} MACs, FlopCounterMode counts {counted // 2:,}"
    read = graph_of(zoo.parse_text(write.text(graph), "read back", "model"), None)
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
    """Whether two graphs have the same nodes (names, operators as written, edges, shapes) and outputs."""
    one, two = (
        [(node.name, node.op.name, write.given(node.op), node.inputs, node.shape) for node in each.nodes]
        for each in (graph, other)
    )
    return one == two and graph.outputs == other.outputs


def run(names: list[str], workers: Workers) -> Iterator[Result]:
    """The results of some models, as they come; one that ends every process it is given to is a failure."""
    from import_coverage import checked as function  # by its name: as a worker elsewhere finds it

    left = list(names)
    while left:
        now = list(left)
        try:
            for place, result in done(function, now, workers):
                left.remove(now[place])
                yield result
        except DeadlyPieceError as error:
            left.remove(now[error.at])
            yield Result(now[error.at], 0, 0, 0, 0.0, "its process ends")


def kept(path: Path | None) -> list[Result]:
    """The results of earlier runs, a later one of a model after an earlier one."""
    if path is None or not path.exists():
        return []
    return [Result(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def summary(results: list[Result]) -> str:
    """How many of each library are right, and how long one takes: timm: 1,360 of 1,371 (99.2%), 2.1 s."""
    lines = []
    for library in dict.fromkeys(result.name.partition(":")[0] for result in results):
        every = [result for result in results if result.name.startswith(f"{library}:")]
        of = [result for result in every if not result.failure.startswith("not counted")]
        right = sum(not result.failure for result in of)
        share = f"{100 * right / len(of):.1f}%" if of else "none"
        seconds = median(result.seconds for result in of) if of else 0.0
        lines.append(f"{library}: {right:,} of {len(of):,} right ({share}), {seconds:.1f} s (median).")
    return "  \n".join(lines)


def table(results: list[Result], command: str) -> str:
    """The results as Markdown."""
    lines = [
        f"<!-- cnncost {cnncost.__version__}, torch {torch.__version__}, meta device: {command} -->",
        "",
        "# Import coverage",
        "",
        summary(results),
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
    parser.add_argument("--library", choices=LIBRARIES, action="append")
    parser.add_argument("--every", type=int, default=EVERY, help="every n-th model of timm")
    parser.add_argument("--workers", type=int, default=1, help="processes side by side")
    parser.add_argument(
        "--cluster",
        help="a Dask scheduler, tcp://host:8786; its workers find this file: PYTHONPATH=benchmarks",
    )
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument(
        "--resume",
        type=Path,
        help="a file of results: what is right there is not run again, the rest is added",
    )
    parser.add_argument("--no-run", action="store_true", help="a table of what --resume holds")
    options = parser.parse_args()
    libraries = options.library or ("torchvision", "timm")
    if "networks" in libraries:
        libraries = tuple(networks.LIST)
    wanted = [name for library in libraries for name in names(library, options.every)]
    known = {result.name: result for result in kept(options.resume)}
    missing = [name for name in wanted if name not in known or known[name].failure]
    workers = Workers(options.workers, options.cluster, fresh_after=PER_PROCESS)
    for result in run([] if options.no_run else missing, workers):
        known[result.name] = result
        if options.resume:
            with options.resume.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result._asdict()) + "\n")
        print(
            f"{result.name}  {result.failure or 'right'}  {result.seconds:.1f} s", file=sys.stderr, flush=True
        )
    results = [known[name] for name in wanted if name in known]
    text = table(results, " ".join(["python", *sys.argv]))
    if len(results) < len(wanted):
        text += f"\n{len(wanted) - len(results)} of {len(wanted)} have not been run.\n"
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        print(text)
    sys.exit(any(result.failure for result in results))


if __name__ == "__main__":
    main()
