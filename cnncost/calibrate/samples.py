"""A campaign as a JSON document with every raw sample, and back: a profile can be fitted anew without the
device.
"""

from __future__ import annotations

from typing import Any

from cnncost.calibrate import networks
from cnncost.calibrate.bench import Taken
from cnncost.calibrate.campaign import Campaign, Measured
from cnncost.calibrate.pieces import Trial

SHARED = ("device", "dtype", "layout", "memory_bytes", "sentinels", "clocks", "skipped", "machine",
          "interrupted", "seconds")  # fmt: skip


def document(campaign: Campaign) -> dict[str, Any]:
    """Everything that was measured, samples in seconds of one run."""
    found: dict[str, Any] = {name: getattr(campaign, name) for name in SHARED}
    return found | {"measured": [of_one(one) for one in campaign.measured]}


def of_one(one: Measured) -> dict[str, Any]:
    """A measurement as JSON."""
    what: dict[str, Any] = {"network": one.name, "held_out": one.held_out}
    if one.piece:
        what = {"piece": one.piece._asdict() | {"arguments": dict(one.piece.arguments)}}
    return what | {
        "batch": one.batch,
        "launch": one.launch,
        "repeats": one.timed.repeats,
        "settled": one.timed.settled,
        "seconds": [float(f"{each:.5g}") for each in one.timed.seconds],
    }


def campaign_of(found: dict[str, Any]) -> Campaign:
    """The campaign that `document` wrote."""
    return Campaign(
        **{name: found[name] for name in SHARED}, measured=[one_of(each) for each in found["measured"]]
    )


def one_of(found: dict[str, Any]) -> Measured:
    """A measurement that `of_one` wrote."""
    from cnncost import language

    timed = Taken(tuple(found["seconds"]), found["repeats"], found["settled"])
    if "piece" in found:
        given = dict(found["piece"])
        given |= {"sizes": tuple(given["sizes"]), "arguments": tuple(given["arguments"].items())}
        piece = Trial(**given)
        name, family, graph = piece.name, f"kernel {piece.kind}", piece.graph()
        return Measured(name, family, graph, piece.batch, found["launch"], timed, piece)
    name = found["network"]
    graph = language.load(name).without_heads()
    family = networks.family(name)
    return Measured(name, family, graph, found["batch"], found["launch"], timed, None, found["held_out"])
