"""What a runtime is: which kernels it has, what it folds and fuses, how it plans its arena."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cnncost.deployment.arena import Planner
from cnncost.execution.call import Call


class Lacking(Exception):
    """A runtime has no kernel for a call: the message says for what, the cure what to write instead."""

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what)
        self.cure = cure


class Launch(NamedTuple):
    """One kernel of the runtime, of those that do an operator's work."""

    kernel: str
    of: tuple[int, ...] | None = None  #: earlier parts by their place, the operator's inputs as ~position
    bytes: int | None = None  #: of what it writes; None: of the operator's output
    scratch: tuple[int, ...] = ()
    view: bool = False  #: nothing runs: what it gives lies in its input's memory
    overwrites: bool = False  #: it may write over an input that nothing reads later
    beside: tuple[tuple[str, int], ...] = ()  #: other things that it writes: (what, bytes)

    def inputs(self, given: int) -> tuple[int, ...]:
        """What it reads; by default all `given` inputs of the operator."""
        return tuple([~place for place in range(given)]) if self.of is None else self.of


Launches = Callable[[Call[Any]], tuple[Launch, ...]]
"""The kernels that run an operator; raises Lacking where there is none."""


@dataclass(frozen=True)
class Runtime:
    """How a runtime runs networks, by its own documents and source."""

    name: str
    statement: str  #: its rules in a sentence or two, for a table's closing lines
    source: str  #: where they stand
    dtypes: tuple[str, ...]
    kernels: Mapping[str, Launches]
    flash: Callable[[Call[Any]], int]  #: bytes of an operator's weights as they are stored
    planner: Planner
    alignment: int
    folds: bool = True  #: batch norms are folded into the layers before them
    fused: frozenset[str] = frozenset()  #: activations that the kernel before them does
    takes: frozenset[str] = frozenset()  #: those kernels
    splits: bool = False  #: one kernel gives all parts of a channel_split
    apart: bool = False  #: scratch lies beside the arena, in static buffers
    patches: bool = False  #: the first stages can be run patch by patch
    narrow: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  #: by dtype other bits of weights
    unpacks: frozenset[str] = frozenset()  #: operators whose weights may have them


def kernel(name: str, **more: Any) -> Launches:
    """The rule of an operator that is one kernel."""
    return lambda call: (Launch(name, **more),)


def view(call: Call[Any]) -> tuple[Launch, ...]:
    """The rule of an operator for which nothing runs."""
    return (Launch("", view=True),)


def chain(name: str, **more: Any) -> Launches:
    """The rule of a join whose kernel takes two inputs: of n inputs it runs n - 1 times."""

    def parts(call: Call[Any]) -> tuple[Launch, ...]:
        first = Launch(name, of=(~0, ~1) if call.reads > 1 else (~0,), **more)
        return (first, *[Launch(name, of=(place - 2, ~place), **more) for place in range(2, call.reads)])

    return parts
