"""What a runtime needs as a table: every tensor of the arena at its address."""

from __future__ import annotations

from typing import Any, NamedTuple

from cnncost import units
from cnncost.bits import spoken
from cnncost.deployment.deploy import Deployment
from cnncost.deployment.largest import STEP, Largest, Way
from cnncost.graph import Graph
from cnncost.report import head
from cnncost.request import Run
from cnncost.tables.grid import Cell, Column, Grid, text


class Room(NamedTuple):
    """What an arena is to fit into."""

    bytes: int
    left: int  #: below 0: that is missing
    largest: Largest | None = None  #: None: it was not looked for
    way: Way | None = None  #: of running it so that it fits, where it does not

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        found = {} if self.largest is None else self.largest._asdict()
        way = {} if self.way is None else {"with": self.way.option, "with_needs": self.way.bytes}
        return {**found, "bytes": self.bytes, "left": self.left, **way}


def grid(graph: Graph, batch: int, found: Deployment, room: Room | None) -> Grid:
    """The tensors by address, then by time."""
    columns = (
        Column("name", "tensor", False),
        Column("offset", "address"),
        Column("bytes", "bytes"),
        Column("first", "from step"),
        Column("last", "to step"),
    )
    rows = [
        (
            text(tensor.name),
            Cell(f"{tensor.offset:,}", tensor.offset),
            Cell(f"{tensor.bytes:,}", tensor.bytes),
            Cell(str(tensor.first), tensor.first),
            Cell(str(tensor.last), tensor.last),
        )
        for tensor in sorted(found.tensors, key=lambda tensor: (tensor.first, tensor.offset))
    ]
    bits = f" and {spoken(graph.widths)} bits" if graph.widths else ""
    called = f"{graph.name}, batch {batch}, {found.dtype}{bits}: memory of {found.runtime}"
    return Grid(
        columns,
        tuple(rows),
        title=called,
        caption=f"{called}.",
        label=f"{graph.name}-{found.runtime}",
        notes=tuple(notes(found, room)),
    )


def notes(found: Deployment, room: Room | None) -> list[str]:
    """What the arena comes to, and how it was found."""
    lines = [
        f"Arena: {found.arena_bytes:,} bytes ({units.size(found.arena_bytes)}) in {len(found.steps)} steps;"
        f" {found.liveness_bytes:,} are needed at one step at the most"
        f" ({100 * found.fragmentation:.1f} % lost to gaps)."
    ]
    if found.scratch_bytes:
        lines.append(
            f"Static buffers beside it: {found.scratch_bytes:,} bytes; together {found.ram_bytes:,}"
            f" ({units.size(found.ram_bytes)})."
        )
    lines.append(
        f"Flash: {found.flash_bytes:,} bytes ({units.size(found.flash_bytes)}) of weights, biases and"
        " scales; the code and what describes the graph (operators, shapes, names) are not counted."
    )
    if found.order is not None:
        lines.append(ordered(found))
    if found.patched is not None:
        cut = found.patched
        lines.append(
            f"{cut.patches} x {cut.patches} patches up to {cut.until} ({units.shape(cut.map)}), the image"
            f" outside the arena: {cut.extra_macs:,} MACs are done again,"
            f" {100 * cut.extra_macs / cut.macs:.1f} % more."
        )
    if room is not None:
        lines.append(fitting(found, room))
    return [*lines, found.statement]


def ordered(found: Deployment) -> str:
    """What the search of other orders has found."""
    order = found.order
    assert order is not None
    if not order.complete:
        return f"Order: as written; the search gave up after {order.states:,} states."
    if not order.gained:
        return (
            f"Order: as written; none of those that the network allows needs less ({order.states:,} states)."
        )
    return (
        f"Order: another one needs {order.after:,} bytes at once instead of {order.before:,}"
        f" ({order.gained:,} less, {order.states:,} states); the smaller arena is shown."
    )


def fitting(found: Deployment, room: Room) -> str:
    """Whether it fits, what to do if not, the largest input and width."""
    if room.left < 0:
        line = f"It does not fit into {units.size(room.bytes)}: {-room.left:,} bytes too many"
        if room.way is not None:
            line += f"; with {room.way.option} it does ({room.way.bytes:,} bytes)"
        line += "."
    else:
        line = f"It fits into {units.size(room.bytes)}: {room.left:,} bytes are left."
    fits = room.largest
    if fits is None:
        return line
    line += f" Largest input: {units.shape(fits.input)} ({fits.needs:,} bytes)"
    if fits.width is not None:
        line += f"; largest width at the given input: {fits.width:g} ({fits.width_needs:,} bytes)"
    elif fits.narrowest is not None:
        line += f"; no width fits at the given input: {STEP:g} needs {fits.narrowest:,} bytes"
    return line + "."


def document(graph: Graph, run: Run, found: Deployment, room: Room | None) -> dict[str, Any]:
    """The JSON document."""
    return {
        **head([graph.model], run),
        "model": graph.name,
        "batch": run.batch,
        "dtype": found.dtype,
        "runtime": found.runtime,
        "arena_bytes": found.arena_bytes,
        "liveness_bytes": found.liveness_bytes,
        "scratch_bytes": found.scratch_bytes,
        "ram_bytes": found.ram_bytes,
        "flash_bytes": found.flash_bytes,
        "tensors": [tensor._asdict() for tensor in found.tensors],
        "steps": list(found.steps),
        **({} if found.order is None else {"order": found.order._asdict()}),
        **({} if found.patched is None else {"patches": found.patched._asdict()}),
        **({} if room is None else {"fits": room.document()}),
    }
