"""A graph that grows node by node, every shape held to the framework's own, and the names in it.

Shapes are compared for one image and for a batch: an import that is not right does not come out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Any

from cnncost.dtypes import NodeTypes
from cnncost.errors import UsageError
from cnncost.graph import FurtherInput, Graph, InputNode, Node, Running
from cnncost.importers.shapes import Shape, at_one, with_batch_as
from cnncost.ops import sizes
from cnncost.ops.base import Operator, Storage
from cnncost.ops.sizes import FREE, MAPS, axes_of, free, shaped

MAX_ELEMENTS = 10**15
"""Of a tensor of one image: what a spec, too, may have."""
IMAGES = {2: "NC", 4: "NCHW", 5: "NCDHW"}
"""The axes of an import's input, by how many it has: channels first, as --input writes an image.

Three may be a sound or tokens: the layers say.
"""


NO_INPUT = ("shape", "axes", "dtype")
"""What an input of a spec cannot be called: the parts of one."""


class Unsupported(Exception):
    """An operator, or a use of one, that has no declaration here."""


class OneBatchOnly(Unsupported):
    """What is right for one batch and cannot be for every batch: its size or cost grows otherwise."""


class Building:
    """The nodes so far. Shapes that it takes are the framework's, their batch the prime."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.at_batch: list[sizes.Shape] = []
        self.paths: list[str] = []  #: what nodes are called before names are made unique
        self.in_place: set[int] = set()  #: nodes that the module computes in place
        self.detached: set[int] = set()  #: nodes whose value has no gradient
        self.checkpoints: dict[int, int] = {}  #: for nodes in a checkpoint its number
        self.parts: list[list[int]] = []  #: nodes that one call cuts out of a tensor
        self._operators: dict[Operator, Operator] = {}

    def begin(self, shape: Shape, name: str = "input", dtype: str | None = None) -> int:
        """The network's input, or another one, of an element type. The index of its node."""
        types = NodeTypes(dtype, dtype) if dtype else None
        if self.nodes:
            self.nodes.append(
                Node(
                    len(self.nodes), "", FurtherInput(shape=with_batch_as(shape)), (0,), free(at_one(shape)),
                    types=types,
                )
            )  # fmt: skip
            self.at_batch.append(free(shape))
            self.paths.append(input_name(name, self.paths))
            return len(self.nodes) - 1
        axes = IMAGES.get(len(shape), FREE)
        self.nodes.append(Node(0, "", InputNode(), (), shaped(axes, at_one(shape)), types=types))
        self.at_batch.append(shaped(axes, shape))
        self.paths.append(input_name(name, ()))
        return 0

    def append(
        self,
        op: Operator,
        inputs: Sequence[int],
        shape: Shape,
        path: str,
        written: frozenset[str] | None = None,
        types: NodeTypes | None = None,
        scale_bytes: int = 0,
    ) -> int:
        """A node more, of a shape that the operator must give too. Its index.

        `path` is what it is called before names are made unique, `written` how its code calls the
        operator, `types` the element types of its output and its weights, `scale_bytes` those of its scales
        and zero points. Raises Unsupported, OperatorError.
        """
        op = self._operators.setdefault(op, op)
        made: list[sizes.Shape] = []
        for shapes, wanted in (
            ([self.nodes[index].shape for index in inputs], at_one(shape)),
            ([self.at_batch[index] for index in inputs], shape),
        ):
            found = op.output_shape(*shapes)
            if found != wanted:
                kind = OneBatchOnly if made else Unsupported  # only the second is of a batch
                raise kind(f"{op.name} would give {found}, but it should be {wanted} (batch first)")
            # Only the names of maps are kept: a framework reads any other axes as the next layer needs them.
            made.append(found if axes_of(found) in MAPS else free(found))
        if sizes.elements(made[0]) > MAX_ELEMENTS:
            raise UsageError(f"{path or op.name} would give {made[0]}: not a size to compute")
        index = len(self.nodes)
        node = Node(index, "", op, tuple(inputs), made[0], written=written, types=types)
        self.nodes.append(node._replace(scale_bytes=scale_bytes))
        self.at_batch.append(made[1])
        self.paths.append(path)
        return index

    def input_shapes(self, node: Node) -> list[sizes.Shape]:
        """Shapes of a node's inputs, batch 1 first."""
        return [self.nodes[index].shape for index in node.inputs]

    def take_back(self, begin: int) -> None:
        """Forget the nodes from one on."""
        del self.nodes[begin:], self.at_batch[begin:], self.paths[begin:]
        self.detached = {index for index in self.detached if index < begin}
        self.checkpoints = {index: number for index, number in self.checkpoints.items() if index < begin}
        for some in self.parts:
            some[:] = [index for index in some if index < begin]

    def retype(self, index: int, weights: str) -> None:
        """Give a node's weights another element type: of those that several share a byte."""
        node = self.nodes[index]
        if node.types is not None:
            self.nodes[index] = node._replace(types=node.types._replace(weights=weights))

    def overwrite(self, index: int, target: Any) -> None:
        """What the module writes into a tensor, if it is made of that first and does not say so itself."""
        node = self.nodes[index]
        alike = node.inputs[:1] == (target,) and self.at_batch[node.inputs[0]] == self.at_batch[index]
        if alike and node.op.storage() is Storage.NEW:
            self.in_place.add(index)

    def is_new_of_a_view(self, index: int, target: Any) -> bool:
        """Whether a node is told to make a new tensor of a view, `target`."""
        made, read = self.nodes[index], self.nodes[index].inputs[:1]
        return (
            made.op.storage(training=True) is Storage.NEW
            and read == (target,)
            and self.nodes[target].op.storage() is Storage.VIEW
        )

    def graph(
        self,
        title: str,
        outputs: Sequence[int],
        facts: Mapping[str, Any],
        batch: int | None = None,
        batch_axis: int | None = 0,
        running: Running | None = None,
    ) -> Graph:
        """The whole graph, its nodes named, right for one batch only if that is given.

        Raises UsageError if it computes nothing.
        """
        if len(self.nodes) == 1:
            raise UsageError(f"{title}: its forward pass computes nothing")
        if not outputs:
            raise UsageError(f"{title}: its output does not depend on its input")
        given = {node.index for node in self.nodes if node.op.kin == "input"}
        named = zip(self.nodes, unique(self.paths, given), strict=True)
        nodes = tuple(node._replace(name=name) for node, name in named)
        facts = {"imported": title, **facts}
        return Graph(
            plain(title), nodes, tuple(dict.fromkeys(outputs)), title, facts, batch=batch,
            batch_axis=batch_axis, in_place=frozenset(self.in_place), running=running,
            detached=frozenset(self.detached), checkpoints=self.stretches(),
            parts=tuple([tuple(some) for some in self.parts if some]),
        )  # fmt: skip

    def stretches(self) -> tuple[tuple[int, int], ...]:
        """The first and the last node of every checkpoint."""
        places: dict[int, list[int]] = {}
        for index, number in self.checkpoints.items():
            places.setdefault(number, []).append(index)
        return tuple([(min(found), max(found)) for found in places.values()])


def undeclared(title: str, operator: str, reason: str, where: Sequence[str], room: str) -> str:
    """The message for an operator that is not declared: which, where, and what to do."""
    lines = [
        f"{title}: {operator} is not an operator of cnncost: {reason}",
        *where,
        "  go on without its cost, totals being lower bounds: --allow-unknown",
        f"  or declare it: a class in cnncost/ops, a function in cnncost/importers/{room} (CONTRIBUTING.md)",
    ]
    return "\n".join(lines)


def clean(path: str) -> str:
    """A module's path as a node's name: words and numbers between dots."""
    path = re.sub(r"@\d+", "", path)
    parts = [re.sub(r"\W", "_", part) or "_" for part in path.split(".")] if path else []
    if parts and parts[0][0].isdigit():
        parts.insert(0, "net")
    return ".".join(parts)


def input_name(name: str, taken: Sequence[str]) -> str:
    """An input's name as a node's and as a spec's: a word that no other input has.

    The first one may always be called "input" in a spec, so that no other is.
    """
    word = re.sub(r"\W", "_", name) or "input"
    if word[0].isdigit() or word in NO_INPUT or (taken and word == "input"):
        word = f"input_{word}"
    while word in taken:
        word += "_"
    return word


def is_layer(kind: str) -> bool:
    """Whether a class is one of PyTorch's layers: what it computes has the module's name."""
    return kind.startswith("torch.nn.modules.") and not kind.startswith(
        ("torch.nn.modules.container", "torch.nn.modules.activation.MultiheadAttention",
         "torch.nn.modules.transformer")
    )  # fmt: skip


def plain(title: str) -> str:
    """A graph's name: the model's, without its library or folder."""
    name = re.split(r"[/\\]", title.rpartition(":")[2])[-1].removesuffix(".onnx")
    return re.sub(r"\W", "_", name) or "model"


def unique(paths: Sequence[str], given: Container[int] = ()) -> list[str]:
    """Unique names: several of one path are numbered; one that is also a block gets a part more.

    Those at the places `given`, of inputs, stay words.
    """
    blocks = {path[:end] for path in paths for end in range(len(path)) if path[end] == "."}
    others = {path for at, path in enumerate(paths) if at not in given} | blocks
    paths = [apart(path, others) if at in given else path for at, path in enumerate(paths)]
    counts = Counter(paths)
    taken = set(counts)
    numbers: Counter[str] = Counter()
    names = []
    for path in paths:
        name = path
        if counts[path] > 1:
            name = ""
            while not name or name in taken or name in blocks:
                numbers[path] += 1
                count = numbers[path]
                name = f"{path}_{count}" if path[-1].isdigit() else f"{path}{count}"
        elif path in blocks:
            name = f"{path}.value"
            while name in taken:
                name += "_"
        taken.add(name)
        names.append(name)
    return names


def apart(name: str, others: Container[str]) -> str:
    """A name that none of the others is."""
    while name in others:
        name += "_"
    return name
