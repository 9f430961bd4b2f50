"""What PyTorch's operators are in ours: one table, by PyTorch's name, put together from the kinds."""

from __future__ import annotations

from cnncost.importers.aten import activations, arithmetic, layers, moves, products, windows
from cnncost.importers.aten.translation import Translation

TRANSLATIONS: dict[str, Translation] = {
    name: translation
    for kind in (layers, windows, activations, arithmetic, products, moves)
    for name, translation in kind.TRANSLATIONS.items()
}
"""Names are without overload and without the mark of in-place operators."""
