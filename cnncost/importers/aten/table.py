"""What PyTorch's operators are in ours: one table, by PyTorch's name, put together from the kinds."""

from __future__ import annotations

from cnncost.importers.aten import (
    activations,
    arithmetic,
    general,
    layers,
    moves,
    products,
    recurrent,
    sampling,
    windows,
)
from cnncost.importers.aten.translation import Translation

TRANSLATIONS: dict[str, Translation] = {
    name: translation
    for kind in (general, layers, recurrent, windows, sampling, activations, arithmetic, products, moves)
    for name, translation in kind.TRANSLATIONS.items()
}
"""Names are without overload and without the mark of in-place operators."""
