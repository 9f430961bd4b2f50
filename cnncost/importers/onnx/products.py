"""ONNX's other products in ours: of letters, and attention. Those with a weight are in layers."""

from __future__ import annotations

from typing import Any

from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes
from cnncost.importers.parts import build


def einsum(t: Conversion, node: Any) -> int:
    equation = attributes(node)["equation"].replace(" ", "")
    if "->" not in equation:
        raise Unsupported("a product whose output is not named")
    op = build("einsum", equation=equation.replace("->", "_").replace(",", "_"))
    return t.emit(op, [t.node(name) for name in node.input], node)


def attention(t: Conversion, node: Any) -> int:
    sources = [name for name in node.input[:4] if name]
    if len(t.shape(sources[0])) != 4 or any(node.input[4:]) or any(t.uses[name] for name in node.output[1:]):
        raise Unsupported("attention whose heads are not an axis, or with a memory")
    if t.shape(sources[0])[1] != t.shape(sources[1])[1]:
        raise Unsupported("keys that several heads share")
    return t.emit(build("attention"), [t.node(name) for name in sources], node)


TRANSLATIONS: dict[str, Translation] = {"Einsum": einsum, "Attention": attention}
