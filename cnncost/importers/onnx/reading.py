"""An ONNX file -> its model, without the weights, and the shape of its input."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnncost.errors import UnavailableError, UsageError

OLDEST = 7
"""Opsets before broadcast by an attribute."""
DOMAINS = ("", "ai.onnx")
FLOATS = (1, 10, 11, 16)
"""ONNX's numbers of float32, float16, float64 and bfloat16."""


def read(path: str) -> Any:
    """The model in a file, its functions put where they are called; external weights stay where they are.

    Raises UsageError if it is no ONNX file or a damaged one, UnavailableError without `onnx`.
    """
    if importlib.util.find_spec("onnx") is None:
        raise UnavailableError(f"{path}: reading it needs the package onnx\n  pip install 'cnncost[onnx]'")
    try:
        data = Path(path).read_bytes()
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
    store(model)
    return model


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


def image(model: Any, path: str) -> Any:
    """The one input that is no weight. Raises UsageError if there is none, or several."""
    weights = {tensor.name for tensor in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in weights]
    if len(given) != 1:
        named = ", ".join(value.name for value in given) or "none"
        raise UsageError(f"{path}: it takes {len(given)} inputs ({named}), not one image")
    return given[0]


def input_shape(value: Any, path: str, wanted: Sequence[int | str] | None) -> tuple[tuple[int, ...], int]:
    """(the input's shape without the batch, the batch that the file was made for: 1 if any).

    `wanted` gives sizes that the file leaves open, all of them or height and width. Raises UsageError
    if one is missing, or differs from the file's.
    """
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
        raise UsageError(f"{path}: its input {value.name!r} has no shape in the file")
    stated = [
        int(dim.dim_value) if dim.HasField("dim_value") and dim.dim_value > 0 else dim.dim_param or "?"
        for dim in value.type.tensor_type.shape.dim
    ]
    if len(stated) < 2:
        raise UsageError(f"{path}: its input {value.name!r} has no axis beside the batch")
    batch = stated[0] if isinstance(stated[0], int) else 1
    sizes = stated[1:]
    written = "x".join(map(str, sizes))
    if wanted is None:
        open_axes = [str(size) for size in sizes if isinstance(size, str)]
        if open_axes:
            example = "x".join(str(s) if isinstance(s, int) else "224" for s in sizes)
            raise UsageError(
                f"{path}: its input {value.name!r} is {written}: the file does not say how large"
                f" {' and '.join(open_axes)} {'is' if len(open_axes) == 1 else 'are'}\n"
                f"  pass it: --input {example}"
            )
        return tuple(int(size) for size in sizes), batch
    given: tuple[Any, ...] = tuple(wanted)
    if len(given) == 1 and len(sizes) == 3:
        given *= 2
    if len(given) < len(sizes):
        given = (*(int(s) for s in sizes[: len(sizes) - len(given)] if isinstance(s, int)), *given)
    fits = len(given) == len(sizes) and all(
        isinstance(size, str) or size == new for size, new in zip(sizes, given, strict=True)
    )
    if not fits:
        raise UsageError(
            f"{path}: its input {value.name!r} is {written}, not {'x'.join(map(str, wanted))}\n"
            "  sizes that the file fixes cannot be changed: export it with dynamic height and width"
        )
    return given, batch
