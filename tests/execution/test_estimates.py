"""Memory that is an estimate says so wherever it is shown: tables, JSON, the page, plots."""

from __future__ import annotations

from typing import Any

import pytest

import cnncost
from cnncost.execution.memory import timeline
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory
from cnncost.graph import Graph, InputNode, Node
from cnncost.ops.base import Elementwise
from cnncost.ops.conv import Conv
from cnncost.report import Report
from cnncost.tables import memory as tables
from cnncost.tables.compare import Compared, compare_grid
from cnncost.tables.layers import layer_grid

NOTE = "Estimated: the memory of net; there is no exact rule for stranger."


class Stranger(Elementwise):
    """An operator that nobody wrote a rule for."""

    name = "stranger"
    kin = "activation"


@pytest.fixture
def graph() -> Graph:
    """A convolution, then the stranger."""
    conv, shape = Conv(out=2), (1, 3, 4, 4)
    made = conv.output_shape(shape)
    nodes = (
        Node(0, "input", InputNode(), (), shape),
        Node(1, "conv", conv, (0,), made),
        Node(2, "odd", Stranger(), (1,), made),
    )
    return Graph("net", nodes, (2,))


def test_the_plain_rule_is_a_new_output_and_its_input_saved(graph: Graph) -> None:
    running = plan(graph, training=True)
    conv, stranger = running.kernels
    assert (stranger.writes.storage, stranger.writes.bytes) == (2, 128)
    assert [buffer.storage for buffer in stranger.saved] == [1]
    assert conv.kind == "stem"
    # The input, the convolution's output and the stranger's: 3, 2 and 2 maps of 16 values.
    assert timeline(plan(graph)).peak.alive == 4 * 16 * (3 + 2 + 2)
    assert training_memory(graph).saved == 4 * 16 * (3 + 2)


def test_reports_tables_and_json(graph: Graph) -> None:
    report = cnncost.analyze(graph)
    assert report.estimated == ("stranger",)
    assert report.to_dict()["estimated"] == ["stranger"]
    assert Report.from_dict(report.to_dict()) == report._replace(facts={})
    notes = layer_grid(report).notes
    assert NOTE in notes
    assert any("peak memory ≈ 448 B without weights" in note for note in notes)
    compared = compare_grid([Compared(report, training_memory(graph))], optimizer="sgd")
    assert NOTE in compared.notes
    shown = {column.key: cell.text for column, cell in zip(compared.columns, compared.rows[0], strict=True)}
    assert shown["peak_bytes"] == "≈ 448 B"
    assert shown["training_bytes"].startswith("≈ ")


def test_memory_of_a_forward_pass_and_of_a_step(graph: Graph) -> None:
    line, memory = timeline(plan(graph)), training_memory(graph)
    assert tables.timeline_document(graph, line)["estimated"] == ["stranger"]
    assert tables.training_document(memory, "sgd")["estimated"] == ["stranger"]
    forward = tables.timeline_grid(graph, 1, 0, line).notes
    assert NOTE in forward
    assert any(note.startswith("* Peak: ≈ 448 bytes") for note in forward)
    step = tables.training_grid(graph, 1, "sgd", memory).notes
    assert NOTE in step
    assert any(f"≈ {memory.peak:,} bytes" in note for note in step)


def test_the_page_and_the_plot(graph: Graph) -> None:
    from cnncost.html.content import model_content
    from cnncost.plots import draw_kind

    content: dict[str, Any] = model_content(graph)
    assert NOTE in content["note"]
    assert ["peak memory of a forward pass", "≈ 448 B"] in content["allocated"]
    assert NOTE in draw_kind("memory", [graph]).notes


def test_what_is_to_the_byte_is_not_marked() -> None:
    report = cnncost.analyze(cnncost.load("resnet18"))
    assert report.estimated == ()
    assert "estimated" not in report.to_dict()
    assert not any("Estimated" in note or "≈" in note for note in layer_grid(report).notes)
