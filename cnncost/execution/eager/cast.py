"""A change of the element type, which autocast makes."""

from __future__ import annotations

from cnncost.execution.autocast import Cast
from cnncost.execution.call import Autograd, Call
from cnncost.execution.eager.rule import PreservesFormat, runs
from cnncost.ops.sizes import elements


@runs(Cast)
class Casting(PreservesFormat[Cast]):
    """A new tensor; its gradient is one of the first type."""

    def autograd(self, call: Call[Cast]) -> Autograd:
        return Autograd()

    def gradient_bytes(self, call: Call[Cast], position: int) -> int:
        return elements(call.x) * call.bytes_read
