"""One call of an operator, and the words in which a runtime's rules answer about it."""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from cnncost.execution.strides import Strides
from cnncost.ops.base import Operator
from cnncost.ops.sizes import Shape, elements

Op = TypeVar("Op", bound=Operator)


@dataclass(frozen=True, slots=True)
class Call(Generic[Op]):
    """An operator at work: on which shapes (batch first), with which dtype, how its inputs lie in memory."""

    op: Op
    inputs: Sequence[Shape]
    output: Shape
    element_bytes: int = 4
    strides: Sequence[Strides] = ()  #: of the inputs; empty where nothing depends on them
    in_place: bool = False  #: the output overwrites the first input
    device: str = "cuda"  #: cuda or cpu, where kernels differ
    weight_bytes: int = 4  #: of a value of a weight, as the kernel reads it
    bytes_read: int = 4  #: of an element of the first input, where a kernel changes the type
    weight_bits: int = 0  #: of its weights, where a runtime has them narrower than values; 0: as values
    frozen: Collection[str] = ()  #: roles of its weights for which a training step makes no gradient
    untrained: Collection[int] = ()  #: places of the inputs for which it makes none

    @property
    def reads(self) -> int:
        """Number of inputs whose values are read; a reference gives only its shape."""
        return len(self.inputs) if self.op.inputs is None else self.op.inputs

    @property
    def x(self) -> Shape:
        """Shape of the first input."""
        return self.inputs[0]

    @property
    def output_bytes(self) -> int:
        """Bytes of the output."""
        return elements(self.output) * self.element_bytes

    @property
    def statistic_bytes(self) -> int:
        """Bytes of a mean or a deviation, which PyTorch keeps in float32 where values are narrower."""
        return max(self.element_bytes, 4)

    @property
    def trained_bytes(self) -> int:
        """Bytes of the gradients that a training step makes of its weights."""
        weights = self.op.weights(*self.inputs)
        return sum([weight.count for weight in weights if weight.role not in self.frozen]) * self.weight_bytes

    def bytes_of(self, shape: Sequence[int]) -> int:
        """Bytes of a tensor of that shape."""
        return elements(tuple(shape)) * self.element_bytes


class Gradient(enum.Enum):
    """Where the gradient of an operator's input lives."""

    NEW = "new"  #: a new tensor
    SAME = "same"  #: the gradient of the output itself: add
    VIEW = "view"  #: a view of it: concat, flatten
    ONE = "one"  #: one new tensor that all inputs share: mean
    NONE = "none"  #: there is none, since only the input's shape is read


class BackwardStep(NamedTuple):
    """One kernel of an operator's backward pass."""

    bytes: int  #: tensors of its own that are alive: saved ones, temporaries, gradients so far
    gradient: bool = True  #: the gradient of the output is still needed
    freed: tuple[int, ...] = ()  #: positions of saved inputs that are not needed from here on
    #: of its bytes gradients of weights of earlier kernels: where gradients accumulate they are gone by now
    added: int = 0
    #: of later kernels' bytes the part of the first input's gradient that this one has made: where another
    #: gradient is there already the engine adds the two, and the part is gone
    part: int = 0


class Autograd(NamedTuple):
    """What PyTorch's autograd saves of an operator in training, and what its passes allocate.

    Bytes are of the whole batch. Weights are not saved: they are alive anyway.
    """

    inputs: tuple[int, ...] = ()  #: positions of the inputs that are saved for the backward pass
    only_for: tuple[tuple[int, int], ...] = ()  #: (saved input, the only input whose gradient needs it)
    output: bool = False  #: the output is saved
    extra: tuple[int, ...] = ()  #: bytes of other saved tensors: masks, indices, statistics
    forward: int = 0  #: bytes that the forward pass needs for a moment beside output and saved tensors
    gradient: Gradient | tuple[Gradient, ...] = Gradient.NEW  #: of all inputs, or of each
    broadcasts: bool = False  #: gradients have the output's size, then are summed for inputs of size 1
    backward: int = 0  #: bytes that the backward pass needs for a moment beside all gradients of it
    inner: tuple[int, ...] = ()  #: for each input bytes that its own gradient needs beside it, the last first
    weights: tuple[int, ...] = ()  #: positions of the weights that are saved: it matters if they are cast
    for_input: bool = False  #: weights are saved for the gradient of the first input alone
    steals: bool = False  #: AccumulateGrad steals the incoming gradient: it becomes that of the weight
    steps: tuple[BackwardStep, ...] = ()  #: of a backward pass of several kernels, instead of `backward`

    def gradient_of(self, position: int) -> Gradient:
        """Where the gradient of an input lives."""
        return self.gradient if isinstance(self.gradient, Gradient) else self.gradient[position]


class Part(NamedTuple):
    """One of the operators that a composite is made of."""

    op: Operator
    inputs: tuple[int, ...]  #: earlier parts by their place, inputs of the composite as ~position
    referenced: bool = False  #: the composite keeps a reference to its output until the last part has run
