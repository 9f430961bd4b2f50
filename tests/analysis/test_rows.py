"""Rows at every level add up, and carry the names that lectures use."""

from __future__ import annotations

import pytest

import cnncost
from cnncost.errors import UsageError


def names(model: str, by: str) -> list[str]:
    return [row.name for row in cnncost.analyze(cnncost.load(model), by=by).rows]


def test_a_layer_takes_its_activation_and_norm() -> None:
    report = cnncost.analyze(cnncost.load("vgg11_bn"))
    first = report.rows[0]
    assert (first.name, first.op, first.params) == ("conv1_1", "conv", 64 * 27 + 64 + 128)


def test_stages_and_blocks_of_resnet50() -> None:
    assert names("resnet50", "stage") == [
        "conv1", "pool1", "stage1", "stage2", "stage3", "stage4", "global_avgpool", "flatten", "fc",
    ]  # fmt: skip
    assert [name for name in names("resnet50", "block") if name.startswith("stage2")] == [
        "stage2.unit1", "stage2.unit2", "stage2.unit3", "stage2.unit4",
    ]  # fmt: skip


@pytest.mark.parametrize("by", ["op", "layer", "block", "stage"])
@pytest.mark.parametrize(
    "model", ["googlenet", "densenet121", "unet", "shufflenet_v2_x1_0", "nasnet_a_mobile"]
)
def test_every_node_is_in_one_row(model: str, by: str) -> None:
    report = cnncost.analyze(cnncost.load(model), by=by)
    totals = report.totals
    assert sum(row.params for row in report.rows) == totals.params
    assert sum(row.flops for row in report.rows) == totals.flops
    assert sum(row.counted.ops for row in report.rows) == totals.counted.ops
    known = {"input", *(row.name for row in report.rows)}
    assert len(known) == len(report.rows) + 1
    assert all(set(row.inputs) <= known for row in report.rows)


@pytest.mark.parametrize("model", ["preact_resnet200", "resnet50", "mobilenet_v2"])
def test_a_block_has_what_stands_in_it(model: str) -> None:
    """Also a norm that it begins with: by layer that belongs to the layer before, by block it does not."""
    graph = cnncost.load(model)
    operators = cnncost.analyze(graph, by="op").rows
    blocks = [row for row in cnncost.analyze(graph, by="block").rows if "." in row.name]
    assert blocks
    for block in blocks:
        inside = [row for row in operators if row.name.startswith(f"{block.name}.")]
        assert block.params == sum(row.params for row in inside), block.name
        assert block.flops == sum(row.flops for row in inside), block.name


def test_unknown_level() -> None:
    with pytest.raises(UsageError) as error:
        cnncost.analyze(cnncost.load("lenet5"), by="stages")
    assert (
        str(error.value) == "unknown level 'stages': did you mean 'stage'?\n  levels: op, layer, block, stage"
    )


def test_batch_scales_what_scales() -> None:
    one, eight = (cnncost.analyze(cnncost.load("resnet18"), batch=batch).totals for batch in (1, 8))
    assert (eight.params, eight.buffers) == (one.params, one.buffers)
    assert (eight.macs, eight.activation_bytes, eight.peak_bytes) == (
        8 * one.macs,
        8 * one.activation_bytes,
        8 * one.peak_bytes,
    )


def test_half_precision_halves_bytes() -> None:
    full, half = (
        cnncost.analyze(cnncost.load("vgg16"), dtype=dtype).totals for dtype in ("float32", "bfloat16")
    )
    assert 2 * half.weight_bytes == full.weight_bytes
    assert 2 * half.activation_bytes == full.activation_bytes
