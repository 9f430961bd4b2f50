"""The networks of the published step times as graphs, imported once and kept in a folder.

    python benchmarks/timm_graphs.py --timings DIR --cache DIR

timm's own code builds a network without weights; what was timed re-parameterised is fused first, by timm.
One file a network: its graph, pickled (our own files, read by nobody else), or the error that it had. Started
again it goes on where it stopped; an hour and a half in all on one core.
"""

from __future__ import annotations

import argparse
import csv
import logging
import pickle
import signal
import sys
import time
import warnings
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

LONGEST = 150
"""Seconds that one import may take."""

PER_PROCESS = 60
"""Networks that one process imports: PyTorch's caches never shrink."""

LATER = (
    "byoanet", "mobilevit", "efficientformer", "efficientformer_v2", "tiny_vit", "nextvit", "visformer",
    "shvit", "pvt_v2", "edgenext", "vision_transformer_hybrid", "metaformer", "vision_transformer",
    "eva", "xcit", "swin_transformer_v2_cr", "vitamin", "crossvit", "volo", "mvitv2", "hiera",
    "naflexvit", "beit", "davit", "coat", "tnt", "gcvit", "hieradet_sam2", "swin_transformer", "levit",
    "sequencer",
)  # fmt: skip
"""Families that are imported after the others: hybrids and transformers."""


class Network(NamedTuple):
    """A network at a size, as it was timed."""

    family: str
    name: str
    size: int
    fused: bool  #: re-parameterised where it can be, as in the author's inference

    @property
    def file(self) -> str:
        """The name of its file, without a suffix."""
        return f"{self.name}@{self.size}" + ("" if self.fused else "@train")


def networks(timings: Path) -> list[Network]:
    """Every network of the files of timings, convolutional families first."""
    found: dict[Network, None] = {}
    for path in sorted(timings.glob("benchmark-*.csv")):
        training = "-train-" in path.name
        with path.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                size = row["train_img_size" if training else "infer_img_size"]
                if size:
                    found[Network(row["family"], row["model"], int(float(size)), not training)] = None
    return sorted(found, key=lambda network: (not network.fused, network.family in LATER, network.family))


def graph_of(network: Network) -> Any:
    """The graph of a network. Raises whatever stops it."""
    from cnncost.importers import from_module, sources

    name = f"timm:{network.name}"
    factory, usual = sources.of_timm(network.name)
    module = sources.built(name, factory, {})
    sizes = usual(module)
    if sizes and sizes[-1] != network.size:
        resized = {"img_size": network.size}
        try:
            module = sources.built(name, factory, resized)
        except Exception:  # it takes any size
            module = sources.built(name, factory, {})
    if network.fused:
        module = reparameterized(module)
    graph = from_module(module, (3, network.size, network.size), name=name)
    parameters = sum(value.numel() for value in module.parameters())
    return graph, parameters


def resized(network: Network, cache: Path) -> Any:
    """The graph of a network that is kept at another size, at this one; None: its sizes are written in it."""
    for path in sorted(cache.glob(f"{network.name}@*.pickle")):
        if ("@train" in path.name) == network.fused:
            continue
        graph, parameters = pickle.loads(path.read_bytes())
        try:
            shapes = graph.reshaped((1, 3, network.size, network.size))
        except Exception:  # a view of so many positions: another import
            return None
        nodes = tuple(node._replace(shape=shape) for node, shape in zip(graph.nodes, shapes, strict=True))
        same = all(
            shape[1:] == nodes[index].shape[1:]
            for index in graph.outputs
            for shape in [graph.nodes[index].shape]
        )
        return (replace(graph, nodes=nodes), parameters) if same else None
    return None


def reparameterized(module: Any) -> Any:
    """The module as timm's benchmark runs it: branches that can be are fused."""
    import torch
    from timm.utils import reparameterize_model

    module.eval()
    with torch.no_grad():
        return reparameterize_model(module, inplace=True)


def keep(given: tuple[Network, Path]) -> str:
    """Import one network and write its file; a line that says how it went."""
    network, cache = given
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(LONGEST)
    began = time.perf_counter()
    try:
        found = resized(network, cache) or graph_of(network)
    except Exception as error:
        text = f"{type(error).__name__}: {str(error)[:500]}"
        (cache / f"{network.file}.txt").write_text(text, encoding="utf-8")
        return f"{network.file}: {text}"
    finally:
        signal.alarm(0)
    (cache / f"{network.file}.pickle").write_bytes(pickle.dumps(found))
    return f"{network.file}: {time.perf_counter() - began:.1f} s, {found[1]:,} parameters"


def _late(*_: Any) -> None:
    raise TimeoutError(f"longer than {LONGEST} s")


def make(timings: Path, cache: Path) -> None:
    """Import every network that the folder does not hold yet."""
    cache.mkdir(parents=True, exist_ok=True)
    done = {path.name.rpartition(".")[0] for path in cache.iterdir()}
    wanted = [(network, cache) for network in networks(timings) if network.file not in done]
    with get_context("spawn").Pool(1, maxtasksperchild=PER_PROCESS) as pool:
        for place, line in enumerate(pool.imap(keep, wanted)):
            print(f"{place + 1}/{len(wanted)} {line}", flush=True)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--timings", type=Path, required=True, help="the folder with benchmark-*.csv")
    parser.add_argument("--cache", type=Path, default=Path("build/timm-graphs"))
    given = parser.parse_args()
    make(given.timings, given.cache)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
