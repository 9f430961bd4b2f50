"""Names beside points: no two overlap, none leaves the picture, none covers a marker or a line."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from cnncost.plots import labels, style
from cnncost.plots.labels import Label


def drawn(points: list[Label], **options: object) -> tuple[Axes, list[str]]:
    with style.applied():
        axes = style.figure(6, 4).add_subplot()
        axes.scatter([point.x for point in points], [point.y for point in points])
        return axes, labels.place(axes, points, **options)  # type: ignore[arg-type]


def boxes(axes: Axes) -> list[Bbox]:
    """Where matplotlib really puts the texts; a leader line is not part of one."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    return [Text.get_window_extent(text) for text in axes.texts]


def overlap(one: Bbox, other: Bbox) -> bool:
    return one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1


@pytest.mark.parametrize("seed", range(5))
def test_no_two_names_overlap(seed: int) -> None:
    pick = random.Random(seed)
    points = [
        Label(f"model_{index}", pick.gauss(0, 1), pick.gauss(0, 1), pick.uniform(1, 12))
        for index in range(60)
    ]
    axes, left_out = drawn(points)
    inside = axes.get_window_extent()
    found = boxes(axes)
    assert len(found) + len(left_out) == 60 and len(found) > 30
    assert not [pair for pair in combinations(found, 2) if overlap(*pair)]
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 for box in found)
    assert all(inside.y0 <= box.y0 and box.y1 <= inside.y1 for box in found)
    centres = axes.transData.transform([(point.x, point.y) for point in points])
    assert not [box for box in found for x, y in centres if box.x0 < x < box.x1 and box.y0 < y < box.y1]


def test_names_stay_off_lines() -> None:
    points = [Label("name", 0, 0), Label("", 1, 1), Label("", -1, -1)]
    line = [(-1.0, 0.0), (1.0, 0.0)]
    axes, left_out = drawn(points, lines=[line])
    (box,) = boxes(axes)
    height = axes.transData.transform((0, 0))[1]
    assert left_out == [] and not box.y0 < height < box.y1


def test_without_room_the_names_are_told() -> None:
    points = [Label(f"a long name of number {index}", 0, 0) for index in range(200)]
    axes, left_out = drawn(points)
    assert left_out and left_out == [point.text for point in points if point.text in left_out]
    assert {text.get_text() for text in axes.texts} | set(left_out) == {point.text for point in points}
