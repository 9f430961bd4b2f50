"""Small networks that are legal and nice to compute: every division is exact, numbers stay small."""

from __future__ import annotations

from random import Random

from cnncost.graph import Graph
from cnncost.language.instance import graph_of
from cnncost.language.zoo import parse_text
from cnncost.teaching.chance import pick

SIDES = (28, 32, 40, 48, 64)
WIDTHS = (4, 8, 12, 16, 20, 24, 32)
CLASSES = (2, 4, 5, 8, 10)
WINDOWS = (
    (3, 1, 1),
    (5, 1, 2),
    (3, 1, 0),
    (5, 1, 0),
    (1, 1, 0),
    (2, 2, 0),
    (4, 2, 1),
    (7, 1, 3),
    (5, 2, 1),
    (3, 2, 1),
)
"""(kernel, stride, padding) of convolutions; one whose division leaves a rest is not taken."""
SMALLEST = 4
"""A side at which no further window is put on."""


def spec(chance: Random, name: str, layers: int = 6) -> str:
    """The spec of a network of so many windows, an average or a flatten, and a linear layer."""
    side, body, convolutions = pick(chance, SIDES), [], 0
    lines = [f"family: {name}", f"input: [{pick(chance, (1, 3))}, {side}, {side}]", "body:"]
    for at in range(layers):
        halves = side % 2 == 0 and side > 2 * SMALLEST
        if at % 3 == 2 and halves:
            body.append(f"  - {{maxpool: {{kernel: 2, stride: 2}}, as: pool{at + 1}}}")
            side //= 2
            continue
        fitting = [
            window
            for window in WINDOWS
            if (room := side - window[0] + 2 * window[2]) >= 0
            and room % window[1] == 0
            and room // window[1] + 1 >= SMALLEST
        ]
        kernel, stride, pad = pick(chance, fitting or [(1, 1, 0)])
        side = (side - kernel + 2 * pad) // stride + 1
        convolutions += 1
        groups = 2 if convolutions == 3 else 1
        out = pick(chance, WIDTHS)
        bias = "" if pick(chance, (True, True, False)) else ", bias: false"
        grouped = f", groups: {groups}" if groups > 1 else ""
        window = f"kernel: {kernel}, stride: {stride}, pad: {pad}"
        body.append(f"  - {{conv: {{out: {out}, {window}{grouped}{bias}}}, as: conv{at + 1}}}")
        body.append("  - relu")
    body += ["  - global_avgpool", "  - flatten"] if side > 2 * SMALLEST else ["  - flatten"]
    body.append(f"  - {{linear: {{out: {pick(chance, CLASSES)}}}, as: fc}}")
    return "\n".join([*lines, *body]) + "\n"


def network(chance: Random, name: str) -> tuple[Graph, str]:
    """A network, and the spec that it is written as."""
    text = spec(chance, name)
    return graph_of(parse_text(text, name, name), None), text
