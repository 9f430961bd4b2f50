"""Plans of arenas: no two tensors that are needed at once overlap, and brute force finds nothing better than is said."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncost.deployment.arena import (
    Planner,
    Resident,
    aligned,
    extent,
    greedy_by_size,
    liveness,
    shared_objects,
)

PLANNERS = (greedy_by_size, shared_objects)


@st.composite
def tensors(draw: st.DrawFn, most: int = 12) -> list[Resident]:
    """Some tensors over a few steps."""
    found = []
    for index in range(draw(st.integers(1, most))):
        first = draw(st.integers(0, 9))
        found.append(Resident(str(index), draw(st.integers(0, 40)), first, draw(st.integers(first, 10))))
    return found


def overlap(plan: list[Resident], offsets: list[int]) -> list[tuple[str, str]]:
    """Pairs that share a byte at some step."""
    return [
        (a.name, b.name)
        for i, (a, at) in enumerate(zip(plan, offsets, strict=True))
        for b, there in list(zip(plan, offsets, strict=True))[:i]
        if a.bytes and b.bytes and a.meets(b) and at < there + b.bytes and there < at + a.bytes
    ]


@pytest.mark.parametrize("planner", PLANNERS)
@given(plan=tensors())
@settings(max_examples=200, deadline=None)
def test_what_is_needed_at_once_does_not_overlap(planner: Planner, plan: list[Resident]) -> None:
    offsets = planner(plan)
    assert not overlap(plan, offsets)
    assert min(offsets) >= 0
    assert extent(plan, offsets) >= liveness(plan)


def packed(plan: list[Resident]) -> int:
    """The smallest arena: for every order each tensor at the lowest place where it fits."""
    best = sum(tensor.bytes for tensor in plan)
    for order in permutations(range(len(plan))):
        at: dict[int, int] = {}
        for index in order:
            met = sorted((at[other], plan[other].bytes) for other in at if plan[index].meets(plan[other]))
            offset = 0
            for start, size in met:
                if start - offset >= plan[index].bytes:
                    break
                offset = max(offset, start + size)
            at[index] = offset
        best = min(best, extent(plan, [at[index] for index in range(len(plan))]))
    return best


@given(plan=tensors(most=5))
@settings(max_examples=100, deadline=None)
def test_greedy_stands_between_the_best_plan_and_no_sharing(plan: list[Resident]) -> None:
    best = packed(plan)
    assert (
        liveness(plan) <= best <= extent(plan, greedy_by_size(plan)) <= sum(tensor.bytes for tensor in plan)
    )


@given(plan=tensors())
def test_liveness_is_the_largest_sum_at_one_step(plan: list[Resident]) -> None:
    sums = [sum(t.bytes for t in plan if t.first <= step <= t.last) for step in range(11)]
    assert liveness(plan) == max(sums)


def test_the_examples_of_tflms_own_tests() -> None:
    """greedy_memory_planner_test.cc: TestGreedyBasics, TestGreedyMedium, TestPersonDetectionModel."""
    basics = [Resident("a", 10, 0, 1), Resident("b", 20, 2, 3)]
    assert greedy_by_size(basics) == [0, 0]
    medium = [
        Resident(str(i), size, first, last)
        for i, (size, first, last) in enumerate([(10, 0, 1), (20, 1, 2), (30, 2, 3), (40, 3, 4), (50, 0, 1)])
    ]
    assert greedy_by_size(medium) == [50, 70, 40, 0, 0]
    person = [
        Resident(str(i), *row)
        for i, row in enumerate([
            (9216, 0, 29), (3, 28, 29), (256, 27, 28), (2304, 26, 27), (2304, 25, 26), (2304, 24, 25),
            (1152, 23, 24), (4608, 22, 23), (4608, 21, 22), (4608, 20, 21), (4608, 19, 20), (4608, 18, 19),
            (4608, 17, 18), (4608, 16, 17), (4608, 15, 16), (4608, 14, 15), (4608, 13, 14), (4608, 12, 13),
            (2304, 11, 12), (9216, 10, 11), (9216, 9, 10), (9216, 8, 9), (4608, 7, 8), (18432, 6, 7),
            (18432, 5, 6), (18432, 4, 5), (9216, 3, 4), (36864, 2, 3), (18432, 1, 2), (18432, 0, 1),
        ])
    ]  # fmt: skip
    assert not overlap(person, greedy_by_size(person))
    assert extent(person, greedy_by_size(person)) == 9216 + 18432 + 36864  # nothing is lost to gaps


def test_whole_blocks() -> None:
    assert [tensor.bytes for tensor in aligned([Resident("a", 1, 0, 0), Resident("b", 16, 0, 0)], 16)] == [
        16,
        16,
    ]
