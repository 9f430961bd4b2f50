"""What acts only in training: the random masks."""

from __future__ import annotations

from cnncost.execution.call import Autograd, Call, Gradient
from cnncost.execution.eager.rule import PreservesFormat, runs
from cnncost.ops.regularize import Dropout, DropPath
from cnncost.ops.sizes import elements


@runs(Dropout)
class Dropped(PreservesFormat[Dropout]):
    """The mask has a byte per value on CUDA (native_dropout), a float on the CPU (bernoulli_, div_, mul).

    Of whole maps it is a factor per map, of two kernels.
    """

    random = True

    def nothing(self, call: Call[Dropout]) -> bool:
        return not call.op.p

    def autograd(self, call: Call[Dropout]) -> Autograd:
        if not call.op.p:
            return Autograd(gradient=Gradient.SAME)
        if call.op.maps:
            factors = elements(call.output[:2]) * call.element_bytes
            return Autograd(extra=(factors,), forward=factors)
        return Autograd(extra=(call.output_bytes if call.device == "cpu" else elements(call.output),))


@runs(DropPath)
class DroppedPath(PreservesFormat[DropPath]):
    """A factor per image, of two kernels."""

    random = True

    def nothing(self, call: Call[DropPath]) -> bool:
        return not call.op.p

    def autograd(self, call: Call[DropPath]) -> Autograd:
        if not call.op.p:
            return Autograd(gradient=Gradient.SAME)
        factors = call.output[0] * call.element_bytes
        return Autograd(extra=(factors,), forward=factors)
