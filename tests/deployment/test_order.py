"""Orders of execution against all of them, on small networks."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnncost
from cnncost.deployment.arena import liveness
from cnncost.deployment.deploy import deploy
from cnncost.deployment.order import best_order
from cnncost.deployment.program import Schedule, Task, Value


@st.composite
def programs(draw: st.DrawFn) -> Schedule:
    """Up to six steps that read what is there; some may write over an input."""
    values, steps = [Value("input", draw(st.integers(1, 20)))], []
    for index in range(draw(st.integers(1, 6))):
        reads = draw(st.lists(st.integers(0, index), min_size=1, max_size=2, unique=True))
        values.append(Value(str(index), draw(st.integers(1, 20))))
        scratch = (draw(st.integers(0, 5)),)
        steps.append(Task(str(index), "K", index, tuple(reads), (index + 1,), scratch, draw(st.booleans())))
    return Schedule(tuple(steps), tuple(values), (0,), (len(values) - 1,), ())


def allowed(program: Schedule) -> list[tuple[int, ...]]:
    """All orders in which every step finds what it reads."""
    found = []
    for order in permutations(range(len(program.steps))):
        place = {index: at for at, index in enumerate(order)}
        if all(
            value == 0 or place[value - 1] < place[index]
            for index in order
            for value in program.steps[index].reads
        ):
            found.append(order)
    return found


@given(program=programs())
@settings(max_examples=150, deadline=None)
def test_nothing_is_better_than_the_best_order(program: Schedule) -> None:
    found = best_order(program)
    peaks = {order: liveness(program.tensors(order)) for order in allowed(program)}
    assert found.complete
    assert found.after == peaks[found.steps] == min(peaks.values())
    assert found.before == peaks[tuple(range(len(program.steps)))]


def test_what_it_gains_on_the_zoo() -> None:
    """Nothing on a chain; U-Net's and NASNet's branches can wait."""
    chain = deploy(cnncost.load("mobilenet_v2"), "tflm", dtype="int8", order="best")
    assert chain.order is not None
    assert chain.order.gained == 0
    unet = deploy(cnncost.load("unet"), "tflm", dtype="int8", order="best")
    assert unet.order is not None
    assert unet.order.gained > 0
    assert (
        unet.liveness_bytes
        == unet.order.after
        < deploy(cnncost.load("unet"), "tflm", dtype="int8").liveness_bytes
    )


def test_a_search_that_gives_up() -> None:
    steps = tuple(Task(str(i), "K", i, (0,), (i + 1,)) for i in range(16))
    join = Task("join", "K", 16, tuple(range(1, 17)), (17,))
    values = (Value("input", 9), *[Value(str(i), i + 1) for i in range(16)], Value("join", 1))
    program = Schedule((*steps, join), values, (0,), (17,), ())
    found = best_order(program, most=100)
    assert (found.complete, found.gained, found.steps) == (False, 0, tuple(range(17))) or found.complete


@pytest.mark.parametrize("runtime", ["tinyengine"])
def test_an_order_keeps_what_is_written_over(runtime: str) -> None:
    graph = cnncost.load("mobilenet_v2", input=(32, 32))
    assert (
        deploy(graph, runtime, dtype="int8", order="best").arena_bytes
        == deploy(graph, runtime, dtype="int8").arena_bytes
    )
