"""Activations: which of input and output their derivative is found from (PyTorch's derivatives.yaml)."""

from __future__ import annotations

from cnncost.execution.call import Autograd, BackwardStep, Call, Op
from cnncost.execution.eager.rule import PreservesFormat, Rule, runs
from cnncost.ops import activation as ops
from cnncost.ops import nonlinear
from cnncost.ops.sizes import elements


@runs(ops.Sigmoid, ops.Tanh)
class FromOutput(PreservesFormat[Op]):
    """The derivative is found from the output."""

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd(output=True)


@runs(ops.Relu)
class Relu(FromOutput[ops.Relu]):
    """The same; the derivative reads the output first."""

    def input_first(self, call: Call[ops.Relu]) -> bool:
        return True


@runs(ops.Relu6, ops.Mish, ops.Silu, ops.Gelu, ops.HardSigmoid, ops.HardSwish)
class FromInput(PreservesFormat[Op]):
    """The derivative is found from the input; in place a copy of it is saved."""

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd(extra=(call.output_bytes,)) if call.in_place else Autograd((0,))


@runs(ops.Elu, nonlinear.Selu, nonlinear.Celu)
class FromEither(PreservesFormat[Op]):
    """The derivative is found from the input; in place from the output, which has the same sign."""

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd(output=True) if call.in_place else Autograd((0,))


@runs(ops.LeakyRelu)
class LeakyRelu(FromEither[ops.LeakyRelu]):
    """The same; the derivative reads the input first."""

    def input_first(self, call: Call[ops.LeakyRelu]) -> bool:
        return True


@runs(ops.PRelu)
class PRelu(PreservesFormat[ops.PRelu]):
    """The slopes' gradient has a value per value of the map at first, also where nobody asks for it."""

    def input_first(self, call: Call[ops.PRelu]) -> bool:
        return True

    def autograd(self, call: Call[ops.PRelu]) -> Autograd:
        size = call.output_bytes
        summed = elements(call.output) > call.output[1]
        if 0 in call.untrained:  # a gradient of the input is made all the same, and freed
            steps = (BackwardStep(2 * size), BackwardStep(size + call.trained_bytes * summed))
            return Autograd((0,), weights=(0,), steps=steps)
        return Autograd((0,), weights=(0,), backward=size * (summed or bool(call.frozen)))


@runs(ops.ScaledTanh)
class ScaledTanh(PreservesFormat[ops.ScaledTanh]):
    """Three kernels: a product, tanh, a product."""

    def temporary(self, call: Call[ops.ScaledTanh]) -> int:
        return call.output_bytes

    def autograd(self, call: Call[ops.ScaledTanh]) -> Autograd:
        size = call.output_bytes
        return Autograd(extra=(size,), steps=(BackwardStep(2 * size), BackwardStep(3 * size, gradient=False)))


@runs(ops.Softmax, nonlinear.LogSoftmax)
class Softmax(Rule[Op]):
    """The derivative is found from the output, which is contiguous."""

    def autograd(self, call: Call[Op]) -> Autograd:
        return Autograd(output=True)


@runs(nonlinear.Glu)
class Glu(PreservesFormat[nonlinear.Glu]):
    """The derivative is found from the input."""

    def autograd(self, call: Call[nonlinear.Glu]) -> Autograd:
        return Autograd((0,))
