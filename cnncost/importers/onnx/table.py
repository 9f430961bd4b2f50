"""What ONNX's operators are in ours: one table, by ONNX's name, put together from the kinds."""

from __future__ import annotations

from cnncost.importers.onnx import activations, arithmetic, layers, moves, products, windows
from cnncost.importers.onnx.translation import Translation

TRANSLATIONS: dict[str, Translation] = {
    name: translation
    for kind in (layers, windows, activations, arithmetic, products, moves)
    for name, translation in kind.TRANSLATIONS.items()
}
