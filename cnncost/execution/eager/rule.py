"""What a rule says of an operator, the plain one, and the table of all rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar

from cnncost.execution.call import Autograd, Call, Op, Part
from cnncost.execution.strides import Strides, contiguous, iterated, suggested_format
from cnncost.ops.base import Operator, Storage


class Rule(Generic[Op]):
    """What eager PyTorch does with an operator; as it stands the plain rule.

    The plain rule: one kernel, a new contiguous output, all inputs saved for the backward pass, a new
    gradient for each. A rule overrides what differs. Strides of gradients are those of the output's gradient.
    """

    needs_strides: ClassVar[bool] = False
    """Whether strides may come to matter because of the operator: it permutes axes, or is a composite."""

    may_estimate: ClassVar[bool] = False
    """Whether `estimated` may be true."""

    random: ClassVar[bool] = False
    """Whether it makes what it saves in training also where nothing is saved: statistics, masks."""

    one_call: ClassVar[bool] = True
    """Whether a composite is one call, which autocast treats as a whole, and not a call per part."""

    chained: ClassVar[bool] = False
    """Whether inputs are joined one after the other: gradients arrive from the last to the first."""

    copies_inside: ClassVar[bool] = False
    """Whether the derivative itself copies the gradient, and holds what it was given until its end."""

    def nothing(self, call: Call[Op]) -> bool:
        """Whether nothing runs and the input itself comes out: autograd has no node of it."""
        return False

    def several(self, call: Call[Op]) -> bool:
        """Whether the operator runs as several kernels that are no parts."""
        return bool(self.autograd(call).steps)

    def estimated(self, call: Call[Op]) -> bool:
        """Whether what the rule says of a call is an estimate, not to the byte."""
        return False

    def estimated_in_training(self, call: Call[Op]) -> bool:
        """The same, of a training step."""
        return False

    def storage_bytes(self, call: Call[Op]) -> int:
        """Bytes of the storage of a new output; some kernels leave theirs in a larger one."""
        return call.output_bytes

    def gradient_bytes(self, call: Call[Op], position: int) -> int:
        """Bytes of the storage of an input's new gradient."""
        return call.bytes_of(call.inputs[position])

    def temporary(self, call: Call[Op]) -> int:
        """Bytes that are allocated beside the output while the operator runs, in inference."""
        return 0

    def autograd(self, call: Call[Op]) -> Autograd:
        """What autograd saves, and what the passes of a training step allocate."""
        return Autograd(tuple(range(call.reads)))

    def kernels(self, call: Call[Op]) -> tuple[Part, ...]:
        """The operators that a composite is made of; () if it is one call.

        Memory is then theirs; `autograd` of the whole only says what may not be overwritten.
        """
        return ()

    def returns_view(self, call: Call[Op]) -> bool:
        """Whether its output, new as it is, is a view: of what its last kernel but a view has made."""
        parts = self.kernels(call)
        return bool(parts) and parts[-1].op.storage() is Storage.VIEW

    def apart(self, call: Call[Op]) -> tuple[Part, ...]:
        """The calls that autocast treats each in its way, of an operator that is several; () if it is one."""
        return ()

    def copies_input(self, call: Call[Op], position: int) -> bool:
        """Whether an input with those strides is made contiguous first."""
        return False

    def copies_gradient(self, call: Call[Op], strides: Strides) -> bool:
        """Whether the gradient of the output with those strides is made contiguous first."""
        return False

    def output_strides(self, call: Call[Op]) -> Strides:
        """Strides of the output."""
        return contiguous(call.output)

    def gradient_strides(self, call: Call[Op], position: int, strides: Strides) -> Strides | None:
        """Strides of the gradient of an input. None, where it is a view: it has to be copied first."""
        return contiguous(call.inputs[position])

    def recopied_weights(self, call: Call[Op]) -> int:
        """Values of the weights whose gradients are copied because of the first input's strides."""
        return 0


class PreservesFormat(Rule[Op]):
    """A function of every value: the order of the axes in memory stays, of several inputs that of the first
    that has one."""

    def output_strides(self, call: Call[Op]) -> Strides:
        read = zip(call.inputs[: call.reads], call.strides, strict=False)
        return iterated(call.output, list(read))

    def gradient_strides(self, call: Call[Op], position: int, strides: Strides) -> Strides | None:
        shape = call.inputs[position]
        if shape != call.output:
            return contiguous(shape)
        gradient, read = [(shape, strides)], list(zip(call.inputs[: call.reads], call.strides, strict=False))
        return iterated(shape, [*read, *gradient] if self.input_first(call) else [*gradient, *read])

    def input_first(self, call: Call[Op]) -> bool:
        """Whether the derivative reads the input before the gradient, whose axes may be in another order."""
        return False


class SuggestedFormat(Rule[Op]):
    """A kernel that knows two formats of maps: channels last is kept, any other becomes contiguous."""

    def output_strides(self, call: Call[Op]) -> Strides:
        return suggested_format(call.x, call.strides[0], call.output)

    def gradient_strides(self, call: Call[Op], position: int, strides: Strides) -> Strides | None:
        return suggested_format(call.x, call.strides[0], call.inputs[position])


class Plain(Rule[Operator]):
    """The rule of an operator that has none of its own."""

    may_estimate = True

    def estimated(self, call: Call[Operator]) -> bool:
        return True


PLAIN = Plain()
RULES: dict[type[Operator], Rule[Any]] = {}
"""The rule of every operator that has one of its own."""

Kind = TypeVar("Kind", bound=type[Rule[Any]])


def runs(*operators: type[Operator]) -> Callable[[Kind], Kind]:
    """Make a class the rule of some operators. Raises ValueError if one has a rule already."""

    def register(kind: Kind) -> Kind:
        rule = kind()
        for operator in operators:
            if operator in RULES:
                raise ValueError(f"{operator.__name__} has two rules")
            RULES[operator] = rule
        return kind

    return register


def rule_of(operator: Operator) -> Rule[Any]:
    """The rule of an operator: its own, or the plain one. A subclass does not inherit it."""
    return RULES.get(type(operator), PLAIN)
