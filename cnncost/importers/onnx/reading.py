"""An ONNX file -> its model, without the weights."""

from __future__ import annotations

import heapq
import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

from cnncost.border import file_bytes
from cnncost.errors import UnavailableError, UsageError
from cnncost.importers.onnx.reads import reads

OLDEST = 7
"""Opsets before broadcast by an attribute."""
DOMAINS = ("", "ai.onnx")
MOST_BYTES = 2**31 - 1
"""Of a file: no message of protobuf is larger."""
FLOATS = (1, 10, 11, 16)
"""ONNX's numbers of float32, float16, float64 and bfloat16."""


def read(path: str) -> Any:
    """The model in a file, its functions put where they are called; external weights stay where they are.

    Raises UsageError if it is no ONNX file or a damaged one, UnavailableError without `onnx`.
    """
    if importlib.util.find_spec("onnx") is None:
        raise UnavailableError(f"{path}: reading it needs the package onnx\n  pip install 'cnncost[onnx]'")
    try:
        data = file_bytes(Path(path), MOST_BYTES)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise UsageError(
            f"{path}: not an ONNX file, or one that is cut off ({len(data):,} bytes)\n"
            "  copy or export it again"
        ) from None
    for node in model.graph.node:
        if any(isinstance(text, bytes) for text in words(node)):
            raise UsageError(f"{path}: it is damaged: a name is not text\n  copy or export it again")
    written = Counter(name for node in model.graph.node for name in node.output if name)
    twice = [name for name, times in written.items() if times > 1]
    if twice:
        raise UsageError(
            f"{path}: it is damaged: two nodes write the tensor {twice[0]!r}\n  copy or export it again"
        )
    if not model.graph.node or not model.opset_import:
        raise UsageError(f"{path}: an ONNX file without a graph\n  copy or export it again")
    opset = opset_of(model)
    if opset < OLDEST:
        raise UsageError(
            f"{path}: opset {opset} is older than {OLDEST}\n"
            "  convert it: onnx.version_converter.convert_version(model, 13)"
        )
    if model.functions:
        from onnx.inliner import inline_local_functions

        model = inline_local_functions(model)
    spread(model)
    store(model)
    put_in_order(model)
    return model


def put_in_order(model: Any) -> None:
    """Put every node behind those whose tensors it reads, as ONNX asks and onnxruntime does.

    Converters to float16 append their casts at the end. Nodes of a circle stay last, as they are.
    """
    nodes = list(model.graph.node)
    makers = {name: place for place, node in enumerate(nodes) for name in node.output if name}
    needs = [
        {makers[name] for name in (*node.input, *reads(node)) if name in makers} - {place}
        for place, node in enumerate(nodes)
    ]
    if all(max(before, default=0) <= place for place, before in enumerate(needs)):
        return
    readers: dict[int, list[int]] = {}
    for place, before in enumerate(needs):
        for maker in before:
            readers.setdefault(maker, []).append(place)
    ready = [place for place, before in enumerate(needs) if not before]
    order: list[int] = []
    while ready:
        order.append(place := heapq.heappop(ready))
        for reader in readers.get(place, ()):
            needs[reader].discard(place)
            if not needs[reader]:
                heapq.heappush(ready, reader)
    circle = sorted(set(range(len(nodes))).difference(order))
    del model.graph.node[:]
    model.graph.node.extend([nodes[place] for place in (*order, *circle)])


def spread(model: Any) -> None:
    """Store the tensors of which a file keeps only what is not zero as other files do, whole.

    A tensor so written has as many weights as its shape, as PyTorch and onnxruntime hold it.
    """
    import numpy as np
    from onnx import numpy_helper

    for sparse in model.graph.sparse_initializer:
        values, places = (numpy_helper.to_array(item) for item in (sparse.values, sparse.indices))
        dense = np.zeros(tuple(sparse.dims), values.dtype)
        if places.ndim == 1:
            dense.reshape(-1)[places] = values
        else:
            dense[tuple(places.T)] = values
        model.graph.initializer.append(numpy_helper.from_array(dense, sparse.values.name))
    del model.graph.sparse_initializer[:]


LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
"""Operators whose further inputs are weights."""


def store(model: Any) -> None:
    """Store the weights of a file that keeps them in nodes Constant as other files do.

    Such a file (Paddle2ONNX writes them) has layers whose weights those nodes make; then every such tensor
    of floats is one that is stored, whatever its values.
    """
    made = {
        node.output[0]: item.t
        for node in model.graph.node
        if node.op_type == "Constant"
        for item in node.attribute
        if item.name == "value" and item.t.data_type in FLOATS and len(item.t.dims)
    }
    weights = {name for node in model.graph.node if node.op_type in LAYERS for name in node.input[1:]}
    if not weights.intersection(made):
        return
    for name, tensor in made.items():
        model.graph.initializer.add().CopyFrom(tensor)
        model.graph.initializer[-1].name = name
    kept = [node for node in model.graph.node if node.op_type != "Constant" or node.output[0] not in made]
    del model.graph.node[:]
    model.graph.node.extend(kept)


def words(node: Any) -> list[Any]:
    """The names in a node; protobuf gives bytes for what is not text."""
    return [node.name, node.op_type, node.domain, *node.input, *node.output]


def fault(path: str) -> str:
    """What ONNX's own checker says against a file, "" if nothing."""
    import onnx

    try:
        onnx.checker.check_model(path)
    except Exception as error:
        return str(error).strip().partition("\n")[0]
    return ""


def opset_of(model: Any) -> int:
    """The version of ONNX's own operators that a model uses."""
    return max((int(item.version) for item in model.opset_import if item.domain in DOMAINS), default=1)
