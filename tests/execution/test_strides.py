"""Strides against PyTorch's: of views, and of what functions of every value make."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from cnncost.execution import strides

SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=5)


@st.composite
def tensors(draw: Any) -> torch.Tensor:
    """Tensors that lie in memory in any order, with gaps or without."""
    sizes = draw(SIZES)
    x = torch.zeros(sizes).permute(draw(st.permutations(range(len(sizes)))))
    axis = draw(st.integers(0, x.dim() - 1))
    return x.narrow(axis, 0, draw(st.integers(1, x.shape[axis])))


def significant(shape: Any, strides: Any) -> list[int]:
    """Strides of the axes that have several positions; those of the others say nothing."""
    return [step for size, step in zip(shape, strides, strict=True) if size > 1]


@given(tensors(), st.data())
def test_views(x: torch.Tensor, data: st.DataObject) -> None:
    new, left = [], x.numel()
    while left > 1:
        new.append(data.draw(st.sampled_from([size for size in range(1, left + 1) if left % size == 0])))
        left //= new[-1]
        if len(new) == 6:
            new.append(left)
            break
    new = new or [1]
    found = strides.view(tuple(x.shape), x.stride(), tuple(new))
    try:
        expected = x.view(new)
    except RuntimeError:
        assert found is None
    else:
        assert found is not None
        assert significant(new, found) == significant(new, expected.stride())


@given(tensors())
def test_functions_of_every_value_keep_the_order(x: torch.Tensor) -> None:
    found = strides.preserve_format(tuple(x.shape), x.stride())
    assert significant(x.shape, found) == significant(x.shape, x.exp().stride())


@given(tensors())
def test_rows(x: torch.Tensor) -> None:
    assert strides.is_contiguous(tuple(x.shape), x.stride()) == x.is_contiguous()
    assert strides.mergeable(tuple(x.shape), x.stride(), range(x.dim())) or not x.is_contiguous()
