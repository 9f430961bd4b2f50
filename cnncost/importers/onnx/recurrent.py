"""ONNX's recurrent layers, as its files state them: one layer, its directions an axis of their own."""

from __future__ import annotations

from typing import Any

from cnncost.importers import moves
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx.convert import Conversion
from cnncost.importers.onnx.translation import Translation, attributes, optional
from cnncost.importers.parts import build
from cnncost.importers.recurrent import layer
from cnncost.importers.stated import custom, free


def recurrent(kind: str) -> Translation:
    """rnn, lstm or gru; their outputs are every step of every direction, and the last states."""

    def translate(t: Conversion, node: Any) -> list[Any]:
        a = attributes(node)
        if optional(node, 4) and t.depends(node.input[4]):
            raise Unsupported("sequences of several lengths")
        if optional(node, 7):
            raise Unsupported("gates that read the cell")
        x, weight, recurrence = node.input[:3]
        bias = None if t.absent(optional(node, 3)) else node.input[3]
        directions = 2 if a.get("direction") == "bidirectional" else 1
        time_first = not a.get("layout", 0)
        functions = {str(name).lower() for name in a.get("activations", [])}
        settings = {"function": "relu"} if kind == "rnn" and functions == {"relu"} else {}
        op = build(
            kind,
            hidden=a["hidden_size"],
            bidirectional=directions == 2,
            bias=bias is not None,
            time_first=time_first,
            **settings,
        )
        first, second, _ = t.shape(x)
        together = (first, second, directions * a["hidden_size"])
        states = [name for name in node.input[5:7] if name and t.depends(name)]
        sources = [t.node(name) for name in (x, *states)]
        index = layer(t, node, op, sources, [weight, recurrence, bias], together)
        apart = (first, second, directions, a["hidden_size"])
        whole = moves.viewed(t, node, index, together, apart)
        order = [0, 2, 1, 3] if time_first else [0, 1, 2, 3]
        turned = tuple(apart[place] for place in order)
        if time_first:
            whole = t.emit(build("permute", axes=order), [whole], node, shape=turned)
        last = [
            custom(t, node, "last state", [index], t.shape(name), free) if name and t.uses[name] else None
            for name in node.output[1:]
        ]
        return [whole, *last]

    return translate


TRANSLATIONS: dict[str, Translation] = {
    "RNN": recurrent("rnn"),
    "LSTM": recurrent("lstm"),
    "GRU": recurrent("gru"),
}
