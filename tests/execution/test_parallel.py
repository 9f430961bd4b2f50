"""DistributedDataParallel's buckets: PyTorch's own assignment, and a process of it under the trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.parallel import DistributedDataParallel

import cnncost
from cnncost.errors import UsageError
from cnncost.execution.parallel import CAP, FIRST_CAP, buckets
from cnncost.execution.training import training_memory
from cnncost.measure import build
from cnncost.measure.trace import LiveStorages, states


@given(st.lists(st.integers(1, 8_000_000), min_size=1, max_size=60))
def test_as_pytorch_assigns_them(counts: list[int]) -> None:
    weights = [torch.empty(count, device="meta") for count in reversed(counts)]
    assigned, _ = dist._compute_bucket_assignment_by_size(weights, [FIRST_CAP, CAP])
    sizes = [sum(weights[place].nbytes for place in group) for group in assigned]
    assert sorted(buckets([4 * count for count in counts], "copies").sizes) == sorted(sizes)


@pytest.fixture
def one_process() -> Iterator[None]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore:`broadcast_buffers`:FutureWarning")
@pytest.mark.parametrize("name", ["lenet5", "resnet18", "mobilenet_v2"])
@pytest.mark.parametrize("way", ["copies", "views"])
def test_a_process_to_the_byte(name: str, way: str, one_process: None) -> None:
    graph = cnncost.load(name, input=None if name == "lenet5" else (64, 64))
    twin = build(graph, "train")
    x = torch.zeros(2, *graph.input_shape)
    with LiveStorages(x.device, [x], states(twin)) as live:
        net = DistributedDataParallel(twin, gradient_as_bucket_view=way == "views", broadcast_buffers=False)
        for _ in range(3):  # buckets are arranged anew after the first
            live.peak = live.live
            output = net(x)
            output.backward(torch.ones_like(output))
            del output
            net.zero_grad(set_to_none=True)
        peak = live.peak
    memory = training_memory(graph, batch=2, ddp=way, device="cpu")  # whose dropout has masks of floats
    assert memory.buckets is not None
    assert memory.buckets.bytes == memory.gradients
    assert memory.peak - memory.weights == peak


def test_frozen_weights_are_in_no_bucket() -> None:
    whole = cnncost.memory("resnet18", train=True, ddp="copies").document
    part = cnncost.memory("resnet18", train=True, ddp="views", freeze=["stage4"]).document
    assert sum(whole["ddp"]["buckets"]) == whole["training"]["gradients"]
    assert sum(part["ddp"]["buckets"]) == part["training"]["gradients"] < whole["training"]["gradients"]
    plain = cnncost.memory("resnet18", train=True).document
    assert whole["training"]["peak"] == plain["training"]["peak"] + sum(whole["ddp"]["buckets"])


def test_an_unknown_way() -> None:
    with pytest.raises(UsageError) as error:
        cnncost.memory("lenet5", train=True, ddp="always")
    assert str(error.value) == "unknown way 'always'\n  known: copies, views"
