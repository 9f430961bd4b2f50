"""The decks' claims as data: what is printed where, what recomputes it, what we recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Union

from cnncost.figures.models import DIRECTORY, read

VERDICTS = {
    "exact": "the printed value is the recomputed one",
    "rounds_to": "the recomputed value rounds to the printed one by the claim's rule",
    "depends_on_variant": "one documented variant of the net or the counting gives it, another does not",
    "erratum": "wrong as printed",
    "not_computable": "accuracy, competition result or rule of thumb: no architecture gives it",
}
"""What an audit can find."""

CONVENTIONS = {
    "shape-formula": "output = (W - K + 2P) / S + 1, a fraction is an error",
    "shape-floor": "output = floor((W - K + 2P) / S + 1)",
    "elements": "output elements of one image",
    "kb-1024": "output elements * 4 bytes / 1024; pooling, flatten and linear rows too",
    "mb-rows": "outputs of convolutions and poolings, 4 bytes, MB = 2^20 bytes",
    "mb-conv-only": "outputs of convolutions only, 4 bytes, MB = 2^20 bytes",
    "mb-1e6": "elements * 4 bytes, MB = 10^6 bytes",
    "params-nobias": "weights without biases",
    "params-bias": "weights and biases",
    "params-either": "prints the same with and without biases",
    "params-trainable": "learnable values, batch norm's scale and shift included",
    "params-keras": "learnable values and batch norm's moving statistics",
    "macs": "1 operation = 1 multiply-add of a convolution or linear layer",
    "macs-pool": "multiply-adds, and K*K per output of a pooling",
    "weight-layers": "convolutions and linear layers on the longest path",
    "weight-layers-all": "convolutions and linear layers, parallel branches too",
    "topological-depth": "Keras' depth: layers on the longest path, each operation one",
    "hdf5-mib": "Keras weight file in MiB",
    "ratio-of-rounded": "quotient of two printed numbers",
    "formula": "a formula, checked with numbers",
    "receptive-field": "r += (K - 1) * jump, jump *= S",
    "structure": "layers, their order and arguments",
    "connections-1998": "uses of weights and biases, sub-sampling and output included",
    "literature": "measured, not computed",
}
"""How a deck counts, in a line."""

Formula = Union[list[str], str, int, float]
"""A measure [name, model, layers], or an expression over the names of `where`."""


@dataclass(frozen=True)
class ClaimVariant:
    """One reading of a claim."""

    name: str
    value: Formula
    where: Mapping[str, Formula] = field(default_factory=dict)
    match: str = ""


@dataclass(frozen=True)
class Reproduction:
    """What gives the wrong value that is printed."""

    kind: str  #: derivation (recomputed), inference (an arithmetic fit), digit_slip
    explanation: str
    value: Formula | None = None
    where: Mapping[str, Formula] = field(default_factory=dict)
    match: str = ""
    decimals: int = 0  #: digit_slip: of the right value in the printed unit


@dataclass(frozen=True)
class Claim:
    """One published figure."""

    id: str
    deck: str
    lines: tuple[int, ...]  #: of the deck's text
    quote: str
    architecture: str
    layer: str
    printed: str
    convention: str
    verdict: str  #: the recorded one
    figure: str = ""  #: the printed value as it can be compared: 13.6, 224x224x64, true
    unit: str = ""
    match: str = ""  #: half_up:N decimals, trunc:N, sfN figures; by default as many decimals as printed
    value: Formula | None = None
    where: Mapping[str, Formula] = field(default_factory=dict)
    variants: tuple[ClaimVariant, ...] = ()
    reproduced_by: Reproduction | None = None
    explanation: str = ""


@dataclass(frozen=True)
class Deck:
    """A lecture deck and its claims."""

    name: str
    title: str
    claims: tuple[Claim, ...]


def deck_names() -> list[str]:
    """The decks there are."""
    return sorted(path.stem for path in (DIRECTORY / "claims").glob("*.yaml"))


@lru_cache(maxsize=8)
def deck(name: str) -> Deck:
    """A deck's claims."""
    path = DIRECTORY / "claims" / f"{name}.yaml"
    plain = read(path)
    return Deck(name, plain["title"], tuple(_claim(name, entry, path) for entry in plain["claims"]))


def _claim(deck_name: str, entry: dict[str, Any], path: Path) -> Claim:
    values = dict(entry)
    try:
        values["lines"] = tuple(values["lines"])
        values["variants"] = tuple(ClaimVariant(**variant) for variant in values.get("variants", ()))
        if "reproduced_by" in values:
            values["reproduced_by"] = Reproduction(**values["reproduced_by"])
        return Claim(deck=deck_name, **values)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: {entry.get('id')}: {error}") from None
