"""What every operator declares, and how a declaration becomes a schema.

An operator is a class: its annotated fields are the arguments of the YAML spec, its docstring
is the help, its methods are the formulas. `Operator` collects the fields (a dataclass would do
the same; collecting them here costs 50 times less at import, and a table must come at once).

Only declarations belong in this room: no file, no graph, no text layout, and torch only inside
`module`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from cnncost.errors import OperatorError
from cnncost.ops import arguments
from cnncost.ops.sizes import Shape, holds

if TYPE_CHECKING:
    from fractions import Fraction
    from typing import dataclass_transform

    from torch import nn
else:

    def dataclass_transform(**_: Any) -> Callable[[type], type]:
        """What Python 3.10 does not have yet; only type checkers read it."""
        return lambda declared: declared


REQUIRED: Any = object()
"""Default of an argument that must be given."""

Reach = tuple[tuple[int, "int | Fraction"], tuple[int, "int | Fraction"]]
"""((kernel, stride) over height, (kernel, stride) over width): what `receptive` tells."""

POINTWISE: Reach = ((1, 1), (1, 1))
"""Every output value sees only the input values at its own position."""


class Argument(NamedTuple):
    """One argument of an operator, as the schema, the help and the parser see it."""

    name: str
    kind: str  #: the annotation: int, float, bool, str, Pair, Padding, Sizes, Table, Label
    default: Any
    help: str
    symbol: str  #: its letter in a formula, "" if it has none
    choices: tuple[str, ...]
    minimum: int | None

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


def argument(
    default: Any = REQUIRED,
    *,
    help: str,
    symbol: str = "",
    choices: tuple[str, ...] = (),
    minimum: int | None = None,
) -> Any:
    """Declare one argument of an operator: its default, help, symbol and legal values.

    With the default None it accepts None; `check` may then put another value in its place.
    """
    return Argument("", "", default, help, symbol, choices, minimum)


class Weight(NamedTuple):
    """One learnable tensor of an operator."""

    role: str  #: weight, bias, scale or shift: what conventions tell apart
    count: int  # type: ignore[assignment]  # hides tuple.count
    frozen: bool = False


class Storage(enum.Enum):
    """Where an operator's output lives."""

    NEW = "new"
    VIEW = "view"  #: a view of the input: flatten, channel split
    IN_PLACE = "in place"  #: overwrites the input: ReLU-like activations
    OUTSIDE = "outside"  #: a weight or a constant, which is there before the network runs


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(argument,))
class Operator:
    """Base of all operators; see `Conv` for a whole one.

    Formulas take and return shapes with the batch first. They must work for ints, NumPy arrays
    and traced numbers alike (see `sizes`).
    """

    name: ClassVar[str]  #: the name in a spec
    kin: ClassVar[str]  #: what sums and conventions call it: convolution, linear, pooling, ...
    arguments: ClassVar[dict[str, Argument]] = {}
    defaults: ClassVar[dict[str, Any]] = {}  #: of the optional arguments, as the formulas read them
    inputs: ClassVar[int | None] = 1  #: how many tensors it takes; None: the branches of a join
    reference: ClassVar[str | None] = None  #: the argument that names a label, if any
    undoes: ClassVar[bool] = False  #: it needs the indices that the operator its `reference` names has made
    reference_inputs: ClassVar[bool] = False  #: it needs the shapes of what the referenced operator read
    folds: ClassVar[bool] = False  #: a lecture's table folds it into the layer before

    def __init_subclass__(cls) -> None:
        found = dict(cls.arguments)
        for name, kind in vars(cls).get("__annotations__", {}).items():
            declared = vars(cls).get(name)
            if isinstance(declared, Argument):
                optional = "" if declared.default is not None or "None" in kind else " | None"
                found[name] = declared._replace(name=name, kind=f"{kind}{optional}")
                delattr(cls, name)
        cls.arguments = found
        cls.defaults = {
            name: arguments.read(cls.__name__, name, declared.kind, declared.default)
            for name, declared in found.items()
            if not declared.required
        }

    def __init__(self, **given: Any) -> None:
        values = vars(self)
        for name, declared in self.arguments.items():
            if name in given:
                kind, choices, minimum = declared.kind, declared.choices, declared.minimum
                values[name] = arguments.read(self.name, name, kind, given.pop(name), choices, minimum)
            elif declared.required:
                raise OperatorError(f"{self.name} needs the argument {name!r}", missing=name)
            else:
                values[name] = self.defaults[name]
        if given:
            raise OperatorError(f"{self.name} has no argument {next(iter(given))!r}")
        self.check()

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((self.name, repr(sorted(vars(self).items()))))

    def __repr__(self) -> str:
        nothing = object()
        given = (f"{k}={v!r}" for k, v in vars(self).items() if v != self.defaults.get(k, nothing))
        return f"{type(self).__name__}({', '.join(given)})"

    def replace(self, **changes: Any) -> Operator:
        """The same operator with some arguments changed (what `refer` told it is kept)."""
        values = vars(self)
        changed = type(self)(**{name: values[name] for name in self.arguments} | changes)
        vars(changed).update({name: values[name] for name in values if name not in self.arguments})
        return changed

    # What a subclass declares ---------------------------------------------------------------

    def check(self) -> None:
        """Raise OperatorError if the arguments contradict each other."""

    def refer(self, target: Operator) -> Operator:
        """This operator, knowing the one its `reference` names (an unpooling its pooling).

        Raises OperatorError if `target` is not of the right kind.
        """
        return self

    def output_shape(self, *inputs: Shape) -> Shape:
        """Shape of the output. Raises OperatorError if the inputs do not fit."""
        raise NotImplementedError

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """The learnable tensors."""
        return ()

    def buffers(self, *inputs: Shape) -> int:
        """Number of values that are kept but not learned: BN's running mean and variance."""
        return 0

    def macs(self, output: Shape, *inputs: Shape) -> int:
        """Multiply-accumulates of the whole batch; bias additions are not counted."""
        return 0

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        """Every other arithmetic operation of the whole batch, by what it is.

        FLOPs are 2 * macs plus the sum of these. An empty dict says that the operator is free.
        """
        return {}

    def storage(self, training: bool = False) -> Storage:
        """Where the output lives, before the graph has its say on in-place safety."""
        return Storage.NEW

    def receptive(self, *inputs: Shape) -> Reach | None:
        """((kernel, stride) over height, the same over width); None: sees the whole input.

        The kernel is the largest number of neighbouring input positions, gaps included, that one
        output value sees; the stride is how many input positions lie between neighbouring outputs,
        a `Fraction` if the operator upsamples (a transposed convolution of stride 2: 1/2). With
        r and j for receptive field and jump: r' = r + (kernel - 1) * j, j' = j * stride.
        Sizes must be ints here. What has no positions (a vector) keeps those of its values.
        """
        return POINTWISE

    def module(self, *inputs: Shape) -> nn.Module:
        """The PyTorch counterpart for these input shapes, with fresh random weights.

        It takes the tensors whose values are read, whatever their batch. Layers that may work in
        place have an attribute `inplace`, set as the argument says.
        """
        raise NotImplementedError(f"{self.name} has no PyTorch counterpart")

    # What follows from it -------------------------------------------------------------------

    def params(self, *inputs: Shape) -> int:
        """Number of learnable values: biases, scales and shifts included."""
        return sum(weight.count for weight in self.weights(*inputs))

    def flops(self, output: Shape, *inputs: Shape) -> int:
        """2 * macs plus every other arithmetic operation."""
        return 2 * self.macs(output, *inputs) + sum(self.arithmetic(output, *inputs).values())


class Elementwise(Operator):
    """An operator whose output has the shape of its only input."""

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return x


class Reshaping(Operator):
    """A view of the only input in another shape."""

    kin = "reshape"

    def storage(self, training: bool = False) -> Storage:
        return Storage.VIEW


def channels_of(operator: Operator, shape: Shape) -> int:
    """Channels of a batched map (N, C, H, W); OperatorError for a vector."""
    if len(shape) != 4:
        raise OperatorError(
            f"{operator.name} needs a map (channels x height x width), not {text(shape)}",
            cure="put it before the flatten" if len(shape) == 2 else None,
        )
    return shape[1]


def divide(operator: Operator, channels: int, parts: int, what: str, argument: str = "groups") -> int:
    """channels / parts; OperatorError if that is a fraction. `what` names the channels."""
    if parts == 1:
        return channels
    if not holds(channels % parts == 0):
        raise OperatorError(
            f"{operator.name}: {channels} {what} channels cannot be divided into {parts} {argument}",
            argument=argument,
        )
    return channels // parts


def channel_axis(shape: Shape) -> int:
    """The axis of the channels: 1 in maps (N, C, H, W) and vectors (N, F), 2 in tokens (N, L, F)."""
    return 2 if len(shape) == 3 else 1


def text(shape: Shape) -> str:
    """A shape without its batch as the tables print it: 64x56x56."""
    return "x".join(str(size) for size in shape[1:])
