"""Networks that can be picked: what each costs at the resolution at which its accuracy was published."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncost.analysis.conventions import convention
from cnncost.analysis.published import resolution
from cnncost.analysis.quantities import node_costs, summed
from cnncost.choosing.pretrained import LIBRARIES, SOURCES, best, counted, reasons
from cnncost.errors import UsageError, known_word
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.graph import ElementSizes, Graph
from cnncost.language import zoo
from cnncost.language.family import Family, Variant
from cnncost.language.instance import graph_of
from cnncost.limits import QUANTITIES
from cnncost.request import Run

if TYPE_CHECKING:
    from cnncost.predict import Prediction

USUAL = "imagenet"
DEPLOYED = ("ram", "flash")
"""Quantities that a runtime decides."""
AS_PUBLISHED = {"torchvision:googlenet": {"aux_logits": False}}
"""Arguments without which a library builds another network than the one whose weights it publishes."""
SIDE = {"torchvision": "image_size", "timm": "img_size"}
"""What transformers of a library call the side of their input."""
_ONE_CROP = re.compile(r"single|\b1 crop\b")


FIELDS = {"activations": "activation_elements"} | {name: f"{name}_bytes" for name in ("peak", "ram", "flash")}
"""Of a candidate, by the quantity, where they have another name."""


@dataclass(frozen=True)
class Pickable:
    """A network at an input: counts of batch 1 in inference, and an accuracy at that input."""

    name: str
    origin: str  #: zoo, torchvision, timm, or the file
    family: str
    input_shape: tuple[int, ...]
    params: int
    macs: int
    flops: int | None = None  #: None, here and in what follows: not known
    activation_elements: int | None = None
    top1: float | None = None  #: percent, as published
    top5: float | None = None
    protocol: str | None = None
    source: str | None = None
    peak_bytes: int | None = None  #: float32
    ram_bytes: int | None = None  #: of the runtime that was asked for, in the element type of that
    flash_bytes: int | None = None
    latency_ms: float | None = None  #: predicted, of the batch and the element type that were asked for
    low_ms: float | None = None  #: the ends of its 90 % interval; a lower bound has no upper end
    high_ms: float | None = None
    calibrated: bool | None = None  #: False: the latency is a lower bound
    warnings: tuple[str, ...] = ()  #: of the prediction: what is outside of what was calibrated

    def value(self, quantity: str) -> float | None:
        """A quantity of `cnncost.limits.QUANTITIES`."""
        if quantity == "latency":
            return None if self.latency_ms is None else self.latency_ms / 1e3
        found: float | None = getattr(self, FIELDS.get(quantity, quantity))
        return found


def _ready(graph: Graph) -> Graph:
    return graph


Build = Callable[[], Graph]
Buildable = tuple[Pickable, Build]
"""A candidate, and how its graph is made if more has to be known of it."""


def candidates(origin: str, task: str = USUAL) -> list[Buildable]:
    """The candidates of an origin: zoo, torchvision, timm, or a spec or ONNX file.

    Raises UsageError for an unknown file, and for another task of a library than the usual one.
    """
    if origin == "zoo":
        return [each for family in zoo.families() for each in of_family(family, task)]
    if origin in LIBRARIES:
        if task != USUAL:
            raise UsageError(f"what {origin} publishes is of {USUAL} alone\n  leave out --from {origin}")
        return list(_of_library(origin))
    if re.fullmatch(r"[\w-]*", origin) and not Path(origin).exists():
        known_word("unknown origin", origin, ["zoo", *LIBRARIES, "a spec or ONNX file"], "origins")
    return _of_file(origin, task)


def of_family(family: Family, task: str, only: Variant | None = None) -> Iterator[Buildable]:
    """A candidate for every variant and every resolution at which an accuracy of it is published."""
    variants: list[Variant | None] = list(family.variants.values()) or [None]
    for variant in [only] if only else variants:
        graph = graph_of(family, variant)
        facts = _accuracies(graph, task)
        for size, fact in facts.items() or [(None, {})]:
            at = graph
            if size is not None and size != graph.input_shape[-1]:
                at = graph_of(family, variant, input=(size, size))
            yield _candidate(at, "zoo", fact), partial(_ready, at)


def _is_spec(origin: str) -> bool:
    return re.search(r"\.ya?ml(:\w+)?\Z", origin) is not None


def _of_file(file: str, task: str) -> list[Buildable]:
    if _is_spec(file):
        family, variant = zoo.find(file)
        found = of_family(family, task, variant)
        return [(replace(candidate, origin=file), build) for candidate, build in found]
    from cnncost.models import load

    graph = load(file)
    return [(_candidate(graph, file, {}), partial(_ready, graph))]


def _of_library(library: str) -> Iterator[Buildable]:
    counts = counted()
    for each in best(library):
        known = counts.get((each.name, each.size))
        if known is None:
            continue
        candidate = Pickable(
            name=each.name,
            origin=library,
            family=re.split(r"[_\d]", each.network)[0] or each.network,
            input_shape=(3, each.size, each.size),
            **known._asdict(),
            top1=each.top1,
            top5=each.top5,
            protocol=each.protocol,
            source=SOURCES[library],
        )
        yield candidate, partial(built, each.name, each.size)


def uncounted(library: str) -> dict[str, int]:
    """How many networks of a library have an accuracy, but no counts, by the reason."""
    counts, why = counted(), reasons()
    missing = [(each.name, each.size) for each in best(library) if (each.name, each.size) not in counts]
    return dict(Counter(why.get(each, "not tried yet") for each in missing).most_common())


def built(name: str, size: int) -> Graph:
    """The network of a library as it is published with its weights, at a resolution.

    Raises UsageError where it cannot be imported, UnavailableError without the library.
    """
    from cnncost.models import load

    try:
        return load(name, input=(3, size, size), set={SIDE[name.partition(":")[0]]: size, **usual(name)})
    except UsageError:  # most take any size, and no such argument
        return load(name, input=(3, size, size), set=usual(name))


def usual(name: str) -> dict[str, Any]:
    """Arguments with which a library builds a network as it is published."""
    return AS_PUBLISHED.get(name, {"num_classes": 1000} if name.startswith("timm:") else {})


def as_published(name: str, size: int) -> tuple[Any, tuple[int, ...]]:
    """The nn.Module of `built`, without weights, and its input. Raises as that does."""
    from cnncost.importers import sources

    try:
        side = SIDE[name.partition(":")[0]]
        network, shape, _ = sources.build(name, (3, size, size), {side: size, **usual(name)})
    except UsageError:
        network, shape, _ = sources.build(name, (3, size, size), usual(name))
    return network, tuple(map(int, shape))


def counts_of(graph: Graph) -> dict[str, Any]:
    """Parameters, MACs, FLOPs and activations of a graph in inference, batch 1."""
    graph = graph.without_heads()
    shapes = [node.shape for node in graph.nodes]
    whole = summed(node_costs(graph, shapes, ElementSizes(4), convention("cnncost")))
    return {
        "params": whole.params,
        "macs": whole.macs,
        "flops": whole.flops,
        "activation_elements": whole.elements,
    }


def peak_of(graph: Graph) -> int:
    """The peak memory of a forward pass of one image in float32, in bytes, weights not counted."""
    return peak_bytes(plan(graph.without_heads()))


def deployed(graph: Graph, run: Run) -> tuple[int, int]:
    """Bytes of RAM and of flash that the runtime of a run needs for one image.

    Raises UsageError where it lacks an operator.
    """
    from cnncost.deployment.deploy import deploy

    found = deploy(graph.without_heads(), str(run.runtime), dtype=runtime_dtype(run))
    return found.ram_bytes, found.flash_bytes


def runtime_dtype(run: Run) -> str:
    """The element type that a runtime is asked for: int8, if it runs that and no other was named."""
    from cnncost.deployment.runtimes import RUNTIMES

    return run.precision or RUNTIMES[str(run.runtime)].dtypes[0]


def check_runtime(asked: Collection[str], run: Run) -> None:
    """Raise UsageError where a quantity that a runtime decides is asked for and none is named.

    Likewise for a runtime that is unknown, or does not run the element type.
    """
    from cnncost.deployment.runtimes import RUNTIMES

    if run.runtime is None:
        for quantity in DEPLOYED:
            if quantity in asked:
                word = QUANTITIES[quantity].word
                raise UsageError(f"{word} is that of a runtime\n  name it: --runtime tflm")
        return
    dtypes = RUNTIMES[known_word("unknown runtime", run.runtime, RUNTIMES, "runtimes")].dtypes
    if runtime_dtype(run) not in dtypes:
        raise UsageError(
            f"{run.runtime} runs {' and '.join(dtypes)}, not {run.precision}\n  pass --dtype {dtypes[0]}"
        )


def timed(graph: Graph, on: str, run: Run) -> Prediction:
    """The predicted time of a batch on a device by its name or its file. Raises UsageError for an unknown
    one.
    """
    from cnncost.devices import device
    from cnncost.predict import predict

    return predict(graph.without_heads(), device(on), **run.predicting)


def _candidate(graph: Graph, origin: str, fact: Mapping[str, Any]) -> Pickable:
    return Pickable(
        name=graph.name,
        origin=origin,
        family=str(graph.facts.get("family", graph.name)),
        input_shape=graph.input_shape,
        **counts_of(graph),
        top1=_percent(fact, "top1"),
        top5=_percent(fact, "top5"),
        protocol=fact.get("protocol"),
        source=fact.get("source"),
    )


def _percent(fact: Mapping[str, Any], key: str) -> float | None:
    if isinstance(fact.get(key), (int, float)):
        return float(fact[key])
    if isinstance(fact.get(f"{key}_error"), (int, float)):
        return round(100 - float(fact[f"{key}_error"]), 4)
    return None


def task_of(fact: Mapping[str, Any]) -> str:
    """What an accuracy is of, as --task writes it: imagenet, cifar10, kinetics400."""
    dataset = str(fact.get("dataset", USUAL)).lower().removesuffix(" test")
    return USUAL if USUAL in dataset else re.sub(r"\W", "", dataset)


def tasks(origins: Sequence[str] = ()) -> list[str]:
    """Every task that a published accuracy of the zoo, or of a spec among some origins, is of; the usual one
    first.
    """
    families = [*zoo.families(), *(zoo.find(origin)[0] for origin in origins if _is_spec(origin))]
    facts = [each.facts for each in families]
    facts += [variant.facts for family in families for variant in family.variants.values()]
    found = {
        task_of(fact)
        for part in facts
        for fact in part.get("published", ())
        if _percent(fact, "top1") is not None
    }
    return [USUAL, *sorted(found - {USUAL})]


def _accuracies(graph: Graph, task: str) -> dict[int | None, Mapping[str, Any]]:
    """By its resolution the best top-1 that is published of a graph; None: the spec does not say it.

    On ImageNet only of a single crop: ten crops cost as much as ten passes.
    """
    found: dict[int | None, Mapping[str, Any]] = {}
    for fact in graph.facts.get("published", ()):
        top1 = _percent(fact, "top1")
        if top1 is None or task_of(fact) != task:
            continue
        if task == USUAL and not _ONE_CROP.search(str(fact.get("protocol", ""))):
            continue
        size = resolution(fact)
        before = _percent(found.get(size, {}), "top1")
        if before is None or top1 > before:
            found[size] = fact
    if None in found and graph.input_shape[-1] in found:
        del found[None]  # the one that states it stands beside the same cost
    return found
