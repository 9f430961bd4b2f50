"""Recurrent layers: a state that every step of a sequence changes. Layers, both directions, projections.

A sequence is (N, L, F), or (L, N, F) with time_first. The output is that of every step, of both directions
side by side; the last states are parts of it, or were made on the way.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from cnncost.errors import OperatorError
from cnncost.ops.base import Operator, Reach, Weight, argument, text
from cnncost.ops.modules import calling
from cnncost.ops.sizes import FREE, Shape, axes_of, elements, resized

if TYPE_CHECKING:
    from torch import nn

SIGMOID = {"exponentials": 1, "additions": 1, "divisions": 1}
TANH = {"multiplications": 1, "exponentials": 1, "additions": 1, "subtractions": 1, "divisions": 1}
"""What one value of a gate costs, as of the operators of those names."""


def times(count: int, costs: dict[str, int]) -> dict[str, int]:
    """So many times some operations."""
    return {kind: count * cost for kind, cost in costs.items()}


def both(*parts: dict[str, int]) -> dict[str, int]:
    """The sum of some counts of operations, by kind."""
    found: dict[str, int] = {}
    for part in parts:
        for kind, count in part.items():
            found[kind] = found.get(kind, 0) + count
    return found


class Recurrent(Operator):
    """What the three share. With G gates, F input features, H units, every step of a layer takes
    G * H * (F + H) MACs per sequence; the input of a further layer is the output of the one before.
    """

    kin = "recurrent"
    inputs = None
    alone = True
    gates: ClassVar[int]
    per_unit: ClassVar[dict[str, int]]  #: operations of one unit at one step, beside sums of products

    hidden: int = argument(symbol="H", minimum=1, help="number of units of a layer and direction")
    layers: int = argument(1, minimum=1, help="number of layers, each reads the one before")
    bidirectional: bool = argument(False, help="a second set of units reads the sequence backwards")
    bias: bool = argument(True, help="two learned values per gate and unit, as in cuDNN")
    time_first: bool = argument(False, help="the sequence comes as length x batch x features")
    frozen: bool = argument(False, help="weights are counted but not trained")

    @property
    def out(self) -> int:
        """Features that one direction gives."""
        return self.hidden

    @property
    def directions(self) -> int:
        """1, or 2 where a second layer reads from the end."""
        return 2 if self.bidirectional else 1

    def output_shape(self, *inputs: Shape) -> Shape:
        x = inputs[0]
        axes = axes_of(x)
        channels_last = axes[2:] == "C" and axes.find("N") == (1 if self.time_first else 0)
        if len(x) != 3 or not (channels_last or axes == FREE):
            raise OperatorError(
                f"{self.name} needs a sequence (length x features), not {text(x)}",
                cure="of a map: reshape: {shape: [channels, -1], axes: CL}, then permute: {axes: [0, 2, 1]}",
            )
        return resized(x, (*x[:-1], self.directions * self.out))

    def read(self, *inputs: Shape) -> list[int]:
        """Input features of every layer."""
        return [inputs[0][-1], *[self.directions * self.out] * (self.layers - 1)]

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        rows = self.gates * self.hidden * self.directions
        found = [
            Weight("weight", rows * (features + self.out), self.frozen) for features in self.read(*inputs)
        ]
        if self.bias:
            found.append(Weight("bias", 2 * rows * self.layers, self.frozen))
        return tuple(found)

    def steps(self, *inputs: Shape) -> int:
        """Steps of all sequences of the batch, of one layer and direction."""
        return elements(inputs[0][:-1])

    def macs(self, output: Shape, *inputs: Shape) -> int:
        products = sum(features + self.out for features in self.read(*inputs))
        return self.steps(*inputs) * self.directions * self.gates * self.hidden * products

    def backward_macs(
        self, output: Shape, *inputs: Shape, trained: bool = True, wanted: Collection[int] = (0,)
    ) -> int:
        """As many for all gradients of weights, and of what they multiply with.

        Left out are the gradients of the state before the first step, unless it is given, and of a
        sequence that needs none.
        """
        steps, rows = self.steps(*inputs), self.directions * self.gates * self.hidden
        sequences = inputs[0][1 if self.time_first else 0]
        backwards = self.macs(output, *inputs)
        if 1 not in wanted:
            backwards -= sequences * rows * self.layers * self.out
        if 0 not in wanted:
            backwards -= steps * rows * inputs[0][-1]
        return self.macs(output, *inputs) * trained + backwards

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        units = self.steps(*inputs) * self.directions * self.layers * self.hidden
        sums = {"sums of products": units * self.gates}
        if self.bias:
            sums["bias additions"] = 2 * units * self.gates
        return sums | times(units, self.per_unit)

    def receptive(self, *inputs: Shape) -> Reach | None:
        return None

    def settings(self) -> dict[str, Any]:
        """The arguments of PyTorch's module."""
        return {
            "num_layers": self.layers,
            "bias": self.bias,
            "bidirectional": self.bidirectional,
            "batch_first": not self.time_first,
        }

    def module(self, *inputs: Shape) -> nn.Module:
        from torch import nn

        layer = getattr(nn, self.name.upper())(inputs[0][-1], self.hidden, **self.settings())
        if self.frozen:
            layer.requires_grad_(False)

        def run(module: Any, x: Any, *states: Any) -> Any:
            given = tuple(states) if len(states) > 1 else states[0] if states else None
            with warnings.catch_warnings():  # PyTorch says that it runs a projection without oneDNN
                warnings.simplefilter("ignore", UserWarning)
                return module.layer(x, given)[0]

        return calling(self.name, run, layer=layer)


class Rnn(Recurrent):
    """Simple recurrent layer h_t = tanh(W x_t + b + U h_(t-1) + c), or a rectifier.

    Parameters H * (F + H + 2); H * (F + H) MACs per step, and per unit a tanh or a comparison (Elman 1990).
    """

    name = "rnn"
    gates = 1
    per_unit = TANH

    function: str = argument("tanh", choices=("tanh", "relu"), help="what is applied to the sum")

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        found = super().arithmetic(output, *inputs)
        if self.function == "tanh":
            return found
        units = self.steps(*inputs) * self.directions * self.layers * self.hidden
        kept = {kind: count for kind, count in found.items() if kind not in TANH}
        return kept | {"comparisons": units}

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"nonlinearity": self.function}


class Lstm(Recurrent):
    """Long short-term memory: input, forget and output gates, and a cell that they write and read.

    Parameters 4 * H * (F + H + 2); 4 * H * (F + H) MACs per step; per unit three sigmoids, two tanh, three
    multiplications and an addition (Hochreiter and Schmidhuber 1997; Gers et al. 2000). With a projection to
    P features, F + P in place of F + H and another P * H of both (Sak et al. 2014, equations 7 to 15).
    """

    name = "lstm"
    gates = 4
    per_unit = both(times(3, SIGMOID), times(2, TANH), {"multiplications": 3, "additions": 1})

    projection: int = argument(0, minimum=0, help="the output is projected to so many features; 0: it is not")

    @property
    def out(self) -> int:
        return self.projection or self.hidden

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        found = super().weights(*inputs)
        if not self.projection:
            return found
        count = self.layers * self.directions * self.projection * self.hidden
        return *found, Weight("weight", count, self.frozen)

    def macs(self, output: Shape, *inputs: Shape) -> int:
        gates = super().macs(output, *inputs)
        if not self.projection:
            return gates
        return gates + self.steps(*inputs) * self.layers * self.directions * self.projection * self.hidden

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"proj_size": self.projection}


class Gru(Recurrent):
    """Gated recurrent unit: a reset and an update gate, and a candidate.

    Parameters 3 * H * (F + H + 2); 3 * H * (F + H) MACs per step; per unit two sigmoids, a tanh, three
    multiplications, an addition and a subtraction (Cho et al. 2014, equations 5 to 8).
    """

    name = "gru"
    gates = 3
    per_unit = both(times(2, SIGMOID), TANH, {"multiplications": 3, "additions": 1, "subtractions": 1})
