"""What ONNX's operators are in ours: one table, by ONNX's name, put together from the kinds."""

from __future__ import annotations

from cnncost.importers.onnx import (
    activations,
    arithmetic,
    contrib,
    general,
    layers,
    moves,
    products,
    quantised,
    recurrent,
    sampling,
    windows,
)
from cnncost.importers.onnx.translation import Translation

KINDS = (
    general, layers, recurrent, quantised, windows, sampling, activations, arithmetic, products, moves,
    contrib,
)  # fmt: skip

TRANSLATIONS: dict[str, Translation] = {
    name: translation for kind in KINDS for name, translation in kind.TRANSLATIONS.items()
}
