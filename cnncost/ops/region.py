"""Pooling of regions that are found in a map."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Any

from cnncost.errors import OperatorError
from cnncost.ops import window
from cnncost.ops.arguments import PerAxis
from cnncost.ops.base import Operator, Reach, argument, map_of, only_of
from cnncost.ops.modules import calling
from cnncost.ops.sizes import Shape, elements, resized

if TYPE_CHECKING:
    from torch import nn


class RoiPool(Operator):
    """Max pooling of regions: every region of interest becomes size x size values per map.

    A batch of N images with `rois` regions each gives a batch of N * rois. The regions are known
    only at run time: H * W comparisons per map and region, as many as the largest region takes
    (Girshick 2015, section 2.1).
    """

    name = "roi_pool"
    kin = "pooling"

    size: PerAxis = argument(minimum=1, help="output size, a number or [height, width]")
    rois: int = argument(1, minimum=1, help="number of regions per image")
    scale: float = argument(1.0, help="map pixels per image pixel (1/16 behind VGG-16's conv5)")

    def check(self) -> None:
        if self.scale <= 0:
            raise OperatorError(f"roi_pool: scale must be positive, not {self.scale:g}", argument="scale")

    def output_shape(self, *inputs: Shape) -> Shape:
        x = map_of(self, inputs[0])
        only_of(self, x, 2)
        return resized(x, (x[0] * self.rois, x[1], *window.per_axis("roi_pool", "size", self.size, "HW")))

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        (x,) = inputs
        return {"comparisons": elements(x) * self.rois}

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None

    def module(self, *inputs: Shape) -> nn.Module:
        """A module of the maps and, if given, the regions: rows (image, left, top, right, bottom).

        Regions are in pixels of the image, both ends included; what lies beyond it is left out, and
        a part that sees nothing is 0. Without them every region is the whole map, so that shapes
        can be verified without a detector.
        """
        import torch
        from torch import Tensor
        from torch.nn import functional

        size: Any = window.per_axis("roi_pool", "size", self.size, "HW")

        def pool(module: nn.Module, x: Tensor, regions: Tensor | None = None) -> Tensor:
            if regions is None:
                whole: Tensor = functional.adaptive_max_pool2d(x, size)
                return whole.repeat_interleave(self.rois, 0)
            height, width = x.shape[2:]
            parts = []
            for image, *corners in regions.tolist():
                left, top, right, bottom = (floor(corner * self.scale + 0.5) for corner in corners)
                beyond = (-left, max(right, left) + 1 - width, -top, max(bottom, top) + 1 - height)
                region = functional.pad(x[int(image)], beyond, value=float("-inf"))
                part = functional.adaptive_max_pool2d(region, size)
                parts.append(part.masked_fill(part.isneginf(), 0.0))
            return torch.stack(parts)

        return calling("roi_pool", pool)
