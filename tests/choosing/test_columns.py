"""The counts of many settings at once are those of each one built and analysed by itself."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnncost.analysis import analyze
from cnncost.choosing.axes import Space, space
from cnncost.choosing.columns import SettingCounter, grouped
from cnncost.choosing.sampling import codes_of, drawn
from cnncost.errors import CnncostError
from cnncost.language import zoo
from cnncost.language.instance import graph_of, parameters
from cnncost.language.rows import TableRow

SPACE = str(Path(__file__).parent / "space.yaml")
"""Residual networks, basic or bottleneck, of four stages: as RegNet's and TinyNAS's authors search them."""
AXES = (
    "width=0.25..1.4:0.05", "depths[*]=2,3,4", "kernels[*]=3,5,7", "input=128..256:32", "unit=basic,bottleneck",
)  # fmt: skip


def analysed(where: Space, codes: Any) -> list[int] | None:
    """What `analyze` counts of a setting; None if it cannot be built."""
    changed, size = where.overrides(where.setting([int(code) for code in codes]))
    try:
        totals = analyze(graph_of(where.family, where.variant, set=changed, input=size)).totals
    except CnncostError:
        return None
    return [totals.params, totals.macs, totals.flops, totals.activation_elements]


def check(where: Space, codes: Any, some: int, seed: int = 0) -> int:
    """Hold some of the counts to `analyze`; how many of them were built."""
    counted = SettingCounter(where).count(codes)
    built = 0
    for row in random.Random(seed).sample(range(len(codes)), min(some, len(codes))):
        wanted = analysed(where, codes[row])
        found = None if counted.reasons[row] >= 0 else counted.figures[row].tolist()
        assert found == wanted, where.setting(codes[row].tolist())
        built += wanted is not None
    return built


def test_random_settings_of_a_residual_space_are_exact() -> None:
    where = space(*zoo.find(SPACE), AXES)
    assert where.size == 24 * 3**4 * 3**4 * 5 * 2
    assert check(where, drawn(where, 3000, np.random.default_rng(1)), 100) == 100


ROWS = ("stages[*].kernel=3,5,7", "stages[*].depth=1,2,3", "stages[*].width=16..32:8", "stages[1].expand=3,6",
        "input=160,192,224", "classes=10,1000")  # fmt: skip
"""Every row of a list of mappings, by the keys of each: 5 stages."""


def test_random_settings_of_rows_are_exact() -> None:
    where = space(*zoo.find(str(Path(__file__).parent / "stages.yaml")), ROWS)
    assert where.size == 3**5 * 3**5 * 3**5 * 2 * 3 * 2
    assert check(where, drawn(where, 1000, np.random.default_rng(4)), 60) == 60


READS = """
input: [3, 16, 16]
params:
  w: 8
  list: [w, 2 * w, 4]
  rows: [{out: w, kernel: 3}, {out: 3 * w, kernel: 1}]
body:
  - {conv: {out: out, kernel: kernel}, for: rows}
  - {conv: {out: out}, for: {out: list}}
"""


def test_what_is_not_varied_of_a_list_still_reads_what_it_read() -> None:
    """`list[2]` and `rows[0].kernel` are varied; the other elements follow `w`."""
    family = zoo.parse_text("family: net\n" + READS.lstrip("\n"), "net.yaml", "net")
    where = space(family, None, ["w=8,12", "list[2]=4,5", "rows[0].kernel=1,3"])
    codes = codes_of(where, np.arange(where.size))
    counted = SettingCounter(where).count(codes)
    for row, code in enumerate(codes.tolist()):
        w, last, kernel = where.setting(code).values()
        outs, kernels = [w, 3 * w, w, 2 * w, last], [kernel, 1, 1, 1, 1]
        params = sum((k * k * i + 1) * o for k, i, o in zip(kernels, [3, *outs], outs, strict=False))
        assert counted.figures[row, 0] == params
    assert check(where, codes, where.size) == where.size


@pytest.mark.slow
def test_a_thousand_random_settings_are_exact() -> None:
    where = space(*zoo.find(SPACE), AXES)
    assert check(where, drawn(where, 10_000, np.random.default_rng(2)), 1000) == 1000


def _axes(family: Any, variant: Any) -> list[str]:
    """An axis for every parameter that is a number, for the elements of every list, and for the input."""
    axes = []
    for name, value in parameters(family, variant).items():
        if isinstance(value, bool):
            axes.append(f"{name}=true,false")
        elif isinstance(value, int):
            axes.append(f"{name}={value},{value + 1},{2 * value + 2}")
        elif isinstance(value, float):
            axes.append(f"{name}={value},{value * 1.25 + 0.25}")
        elif isinstance(value, list) and value and all(type(each) is int for each in value):
            axes.append(f"{name}[0]={value[0]},{value[0] + 1}")
            if len(value) > 1:
                axes.append(f"{name}[{len(value) - 1}]={value[-1]},{2 * value[-1] + 2}")
        elif isinstance(value, list) and value and isinstance(value[0], TableRow):
            for row in (0, len(value) - 1):
                axes += [
                    f"{name}[{row}].{key}={each},{each + 1}"
                    for key, each in value[row].entries
                    if type(each) is int
                ]
    return axes


@pytest.mark.slow
@pytest.mark.parametrize("family", zoo.families(), ids=lambda family: family.name)
def test_settings_of_every_family_are_exact(family: Any) -> None:
    """Every parameter of every spec of the zoo is varied at once, those that cannot be built included."""
    variant = next(iter(family.variants.values()), None)
    graph = graph_of(family, variant)
    sizes = graph.input_shape[1:]
    axes = _axes(family, variant)
    if len(sizes) == 2 and sizes[0] == sizes[1]:
        axes.append(f"input={sizes[0]},{sizes[0] + 32},{max(8, sizes[0] // 2 + 1)}")
    if not axes:
        return
    where = space(family, variant, axes)
    some = 4 if len(graph.nodes) > 400 else 8
    codes = drawn(where, min(where.size, some), np.random.default_rng(3))
    own = np.zeros((1, len(where.axes)), dtype=np.int32)
    check(where, np.concatenate([own, codes]), some + 1)


TRICKY = {
    "a relu at the start does not overwrite the input": """
input: [3, 16, 16]
params: {n: 1, w: 8}
body:
  - relu
  - {conv: {out: w, kernel: 3, pad: 1}}
  - {relu: {}, times: n}
  - flatten
  - {linear: {out: w}}
""",
    "a label crosses blocks": """
input: [3, 16, 16]
params: {n: 1, w: 8}
blocks:
  unit(out):
    - {conv: {out: out, kernel: 3, pad: 1}}
    - relu
body:
  - {unit: [w], as: skip}
  - {unit: [w], times: n}
  - {relu: {}, from: skip}
  - {unit: [2 * w]}
""",
    "what is read of the map's size": """
input: [3, 16, 16]
params: {n: 1, w: 8}
blocks:
  down(out):
    - {conv: {out: out, kernel: 3, pad: 1, stride: 2}, if: height > 4}
    - {conv: {out: out + height, kernel: 1}}
body:
  - {down: [w], times: n}
  - {avgpool: {kernel: [height, width]}}
  - flatten
  - {linear: {out: 10}}
""",
    "a skip passed as an argument, in a loop": """
input: [3, 16, 16]
params: {n: 2, w: 8}
blocks:
  decoder(skip, out):
    - {conv_transpose: {out: out, kernel: 2, stride: 2}}
    - concat: {up: [], skip: [{relu: {}, from: $skip}]}
    - {conv: {out: out, kernel: 3, pad: 1}}
body:
  - {conv: {out: w, kernel: 3, pad: 1}, as: first}
  - {maxpool: {kernel: 2}}
  - {conv: {out: 2 * w, kernel: 3, pad: 1}, times: n}
  - {decoder: [first, w]}
""",
    "a block that calls itself": """
input: [3, 16, 16]
params: {n: 2, w: 8}
blocks:
  fractal(columns, out):
    - {conv: {out: out, kernel: 3, pad: 1}, if: columns == 1}
    - mean:
        short: [{conv: {out: out, kernel: 3, pad: 1}}]
        long: [{fractal: [columns - 1, out]}, {fractal: [columns - 1, out]}]
      if: columns > 1
body:
  - {fractal: [n, w]}
""",
    "heads and a shortcut that relus share": """
input: [3, 16, 16]
params: {n: 2, w: 8}
body:
  - {conv: {out: w, kernel: 3, pad: 1}, as: stem}
  - add: {a: [relu], b: [], c: [{conv: {out: w, kernel: 1}}]}
  - {relu: {}, times: n}
heads:
  aux:
    - {global_avgpool: {}, from: stem}
""",
}


@pytest.mark.parametrize("what", TRICKY)
def test_what_crosses_from_step_to_step_is_exact(what: str) -> None:
    family = zoo.parse_text("family: net\n" + TRICKY[what].lstrip("\n"), "net.yaml", "net")
    where = space(family, None, ["n=1,2,3", "w=4,8,12", "input=8,12,16,17"])
    codes = codes_of(where, np.arange(where.size))
    assert check(where, codes, where.size) > where.size // 4


def test_rows_that_agree_are_one_group() -> None:
    chance = np.random.default_rng(0)
    columns = [(chance.integers(0, 2**40, 500) % 3, 2**40), (chance.integers(0, 4, 500), 2**40)]
    inverse, first = grouped(columns)
    rows = np.stack([column for column, _ in columns], axis=1)
    assert (rows[first][inverse] == rows).all() and len(first) == len({tuple(row) for row in rows.tolist()})
