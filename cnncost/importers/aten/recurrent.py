"""PyTorch's recurrent layers, as it calls them; a cell is composed of linear layers and gates."""

from __future__ import annotations

from typing import Any

from cnncost.importers import recurrent
from cnncost.importers.aten.convert import Conversion
from cnncost.importers.aten.translation import Translation
from cnncost.importers.aten.values import arguments, part_shape, shape_of
from cnncost.importers.aten.written import path_of
from cnncost.importers.building import Unsupported
from cnncost.importers.parts import build
from cnncost.importers.shapes import batched


def layers(kind: str, **fixed: Any) -> Translation:
    """rnn, lstm or gru over a whole sequence."""

    def translate(t: Conversion, node: Any) -> list[Any]:
        a = arguments(node)
        packed = "batch_first" not in a
        if a["train"] and a["dropout"]:
            raise Unsupported("dropout that is on in inference")
        x, weights = a["data" if packed else "input"], a["params"]
        if not packed and not a["batch_first"] and 0 in batched(shape_of(x)):
            part = path_of(node) or kind
            t.taken.append(
                f"{t.title}: {part} takes turns along the axis that is taken for the batch"
                "\n  if time stands first in its input: --batch-axis 1"
            )
        states = a["hx"] if kind == "lstm" else [a["hx"]]
        hidden = shape_of(weights[1])
        settings = {
            "hidden": shape_of(weights[0])[0] // GATES[kind],
            "layers": a["num_layers"],
            "bidirectional": a["bidirectional"],
            "bias": a["has_biases"],
            "time_first": not packed and not a["batch_first"],
            "frozen": t.frozen(weights[0]),
            **fixed,
        }
        if kind == "lstm" and hidden[1] != settings["hidden"]:
            settings["projection"] = hidden[1]
        shapes = [part_shape(node, place) for place in range(2 if kind != "lstm" else 3)]
        op = build(kind, **settings)
        if packed:
            return recurrent.of_several_lengths(t, node, op, x, weights, states, shapes)
        return recurrent.recurrent(t, node, op, x, weights, states, shapes)

    return translate


GATES = {"rnn": 1, "lstm": 4, "gru": 3}

TRANSLATIONS: dict[str, Translation] = {
    "lstm": layers("lstm"),
    "gru": layers("gru"),
    "rnn_tanh": layers("rnn"),
    "rnn_relu": layers("rnn", function="relu"),
}
