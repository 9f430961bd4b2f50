"""What an operator refuses, and the whole message."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from cnncost.errors import OperatorError
from cnncost.ops import REGISTRY


class Refusal(NamedTuple):
    """What is asked of an operator and what it answers."""

    name: str
    arguments: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    message: str
    argument: str | None = None
    cure: str | None = None
    inputs: tuple[int, ...] = ()

    def answer(self) -> tuple[str, str | None, str | None, tuple[int, ...]]:
        """What the operator says: the message, the argument, the cure, which inputs."""
        with pytest.raises(OperatorError) as caught:
            operator = REGISTRY[self.name](**self.arguments)
            if self.shapes:
                operator.output_shape(*self.shapes)
        error = caught.value
        assert str(error) == error.message
        return error.message, error.argument, error.cure, error.inputs

    def __str__(self) -> str:
        return f"{self.name}-{self.message}"
