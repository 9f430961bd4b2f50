"""The lecture's table as formulas: what every cell comes to is what a table counts."""

from __future__ import annotations

import pytest

import cnncost
from cnncost.analysis import analyze
from cnncost.analysis.conventions import convention
from cnncost.language import zoo
from cnncost.teaching.lines import Lines

SMALL = (
    "alexnet",
    "vgg16",
    "googlenet",
    "resnet50",
    "mobilenet_v2",
    "unet",
    "lenet5_1998",
    "r3d_18",
    "waveform_m5",
)


def of(name: str, rules: str = "cnncost", by: str = "layer", batch: int = 1) -> Lines:
    graph = cnncost.load(name).without_heads()
    report = analyze(graph, by=by, convention=rules, batch=batch)
    return Lines(graph, report, convention(rules), 1, by)


@pytest.mark.parametrize("name", zoo.names())
def test_every_cell_of_the_zoo_is_what_a_table_counts(name: str) -> None:
    lines = of(name)
    for line, row in zip(lines.lines, lines.report.rows, strict=True):
        shape, memory, params, macs = (line.cells[kind] for kind in ("shape", "memory", "params", "macs"))
        assert tuple(int(part.term.value) for part in shape) == tuple(row.output_shape), row.name
        counted = row.counted
        found = [int(parts[0].term.value) for parts in (memory, params, macs)]
        assert found == [counted.memory_bytes, counted.params, counted.ops], row.name
        if "receptive" in line.cells and row.receptive_field is not None and row.jump is not None:
            assert {int(line.cells["receptive"][0].term.value)} == set(row.receptive_field), row.name
            assert {int(line.cells["stride"][0].term.value)} == set(row.jump), row.name


@pytest.mark.parametrize("rules", ["deeprob", "keras", "cs231n", "fvcore", "torch"])
@pytest.mark.parametrize("by", ["layer", "block", "stage"])
@pytest.mark.parametrize("name", SMALL)
def test_other_conventions_levels_and_batches(name: str, by: str, rules: str) -> None:
    lines = of(name, rules, by, batch=3)
    for line, row in zip(lines.lines, lines.report.rows, strict=True):
        found = [int(line.cells[kind][0].term.value) for kind in ("params", "macs", "memory")]
        assert tuple(found) == tuple(row.counted), row.name


def test_only_keeps_lines_and_what_is_in_blocks() -> None:
    lines = of("googlenet")
    lines.show(["conv1", "inception3a"])
    names = [line.row.name for line in lines.lines if line.row]
    assert names[0] == "conv1" and all(name.startswith("inception3a.") for name in names[1:])
    assert len(names) > 5
    with pytest.raises(cnncost.UsageError) as caught:
        lines.show(["conf1"])
    assert str(caught.value).startswith("googlenet has no line 'conf1': did you mean 'conv1'?")
