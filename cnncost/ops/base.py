"""What every operator declares, and how a declaration becomes a schema.

An operator is a class: its annotated fields are the arguments of the YAML spec, its docstring
is the help, its methods are the formulas. `Operator` collects the fields (a dataclass would do
the same; collecting them here costs 50 times less at import, and a table must come at once).

Only declarations belong in this room: no file, no graph, no text layout, and torch only inside
`module`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from cnncost.errors import OperatorError
from cnncost.ops import arguments
from cnncost.ops.sizes import AXES, FREE, MAPS, Shape, axes_of, holds, layout

if TYPE_CHECKING:
    from fractions import Fraction
    from typing import dataclass_transform

    from torch import nn

    from cnncost.ops.window import Slides
else:

    def dataclass_transform(**_: Any) -> Callable[[type], type]:
        """What Python 3.10 does not have yet; only type checkers read it."""
        return lambda declared: declared


REQUIRED: Any = object()
"""Default of an argument that must be given."""

Reach = tuple[tuple[int, "int | Fraction"], ...]
"""(kernel, stride) over every axis of space: what `receptive` tells."""

POINTWISE: Reach = ()
"""Every output value sees only the input values at its own position, on whatever axes."""


class Argument(NamedTuple):
    """One argument of an operator, as the schema, the help and the parser see it."""

    name: str
    kind: str  #: the annotation: int, float, bool, str, PerAxis, Padding, Sizes, Table, Label
    default: Any
    help: str
    symbol: str  #: its letter in a formula, "" if it has none
    choices: tuple[str, ...]
    minimum: int | None
    like: str = ""  #: the argument whose value it has by default

    @property
    def required(self) -> bool:
        """Whether it has to be given."""
        return self.default is REQUIRED

    @property
    def takes_words(self) -> bool:
        """Whether a bare word in a spec may be its value, and not only the name of one."""
        return bool(self.choices) or self.kind.partition(" | ")[0] == "str"


def argument(
    default: Any = REQUIRED,
    *,
    help: str,
    symbol: str = "",
    choices: tuple[str, ...] = (),
    minimum: int | None = None,
    like: str = "",
) -> Any:
    """Declare one argument of an operator: its default, help, symbol and legal values.

    With the default None it accepts None, which stands for the value of the argument `like`, if one is
    named (a pooling's stride is its kernel); that must be declared before it.
    """
    return Argument("", "", default, help, symbol, choices, minimum, like)


class Weight(NamedTuple):
    """One learnable tensor of an operator."""

    role: str  #: weight, bias, scale or shift: what conventions tell apart
    count: int  # type: ignore[assignment]  # hides tuple.count
    frozen: bool = False
    read: bool = True  #: False: no pass reads it, so it gets no gradient


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
    title: ClassVar[str] = ""  #: what tables call it, if not so
    kin: ClassVar[str]  #: what sums and conventions call it: convolution, linear, pooling, ...
    arguments: ClassVar[dict[str, Argument]] = {}
    defaults: ClassVar[dict[str, Any]] = {}  #: of the optional arguments, as the formulas read them
    inputs: ClassVar[int | None] = 1  #: how many tensors it takes; None: the branches of a join
    alone: ClassVar[bool] = False  #: a join that may stand without branches, and then takes one tensor
    reference: ClassVar[str | None] = None  #: the argument that names a label, if any
    undoes: ClassVar[bool] = False  #: it needs the indices that the operator its `reference` names has made
    reference_inputs: ClassVar[bool] = False  #: it needs the shapes of what the referenced operator read
    moves_batch: ClassVar[bool] = False  #: the batch may stand elsewhere in its output, or not at all
    shares_row: ClassVar[bool] = False  #: a lecture's table has it in the row of the layer before

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
            if declared.like and values[name] is None:
                values[name] = values[declared.like]
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

    def with_values(self, **values: Any) -> Operator:
        """A copy with values put in as they are, unread and unchecked: traced numbers, what `refer` tells."""
        copy = object.__new__(type(self))
        vars(copy).update(vars(self), **values)
        return copy

    @property
    def values(self) -> Mapping[str, Any]:
        """The arguments with their values, and what `refer` told it."""
        return MappingProxyType(vars(self))

    def given(self, name: str) -> Any:
        """The value of an argument, None if the operator has none of that name."""
        return vars(self).get(name)

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

    def backward_macs(
        self, output: Shape, *inputs: Shape, trained: bool = True, wanted: Collection[int] = (0,)
    ) -> int:
        """Multiply-accumulates of the backward pass: gradients of weights, if `trained`, and inputs `wanted`.

        That of the weights takes as many as the forward pass, that of all that they multiply with too
        (Goodfellow et al. 2016, 6.5).
        """
        return self.macs(output, *inputs) * (trained + bool(wanted))

    def arithmetic(self, output: Shape, *inputs: Shape) -> dict[str, int]:
        """Every other arithmetic operation of the whole batch, by what it is.

        FLOPs are 2 * macs plus the sum of these. An empty dict says that the operator is free.
        """
        return {}

    def storage(self, training: bool = False) -> Storage:
        """Where the output lives, before the graph has its say on in-place safety."""
        return Storage.NEW

    def windows(self, *inputs: Shape) -> Slides:
        """The window that slides over the first input's map, one slide per axis of space; () if none does.

        Raises OperatorError for an argument of another number of axes than the map has.
        """
        return ()

    def receptive(self, *inputs: Shape) -> Reach | None:
        """(kernel, stride) over every axis of space; POINTWISE: none widens; None: sees the whole input.

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

    def trainable(self, *inputs: Shape) -> int:
        """Number of learnable values that are not frozen."""
        return sum(weight.count for weight in self.weights(*inputs) if not weight.frozen)

    def flops(self, output: Shape, *inputs: Shape) -> int:
        """2 * macs plus every other arithmetic operation."""
        total: int = flops(self.macs(output, *inputs), self.arithmetic(output, *inputs))
        return total


def flops(macs: Any, arithmetic: Mapping[str, Any]) -> Any:
    """2 * macs plus every other arithmetic operation: of whole numbers, arrays or traced numbers."""
    return 2 * macs + sum(arithmetic.values())


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


def map_of(operator: Operator, shape: Shape) -> Shape:
    """A map as the operator reads it, channels first: (N, C, H, W), with one to three axes of space.

    A free shape is read so, as PyTorch's functions of maps do. OperatorError for a vector, for tokens and
    for channels last.
    """
    axes = axes_of(shape)
    if axes[:2] == "NC" and len(axes) > 2:
        return shape
    if axes == FREE and 3 <= len(shape) <= 5:
        return layout(MAPS[len(shape) - 2])(shape)
    cure = None
    if axes in ("NC", FREE) and len(shape) == 2:
        cure = "put it before the flatten"
    elif axes[:1] == "N" and axes[-1:] == "C":
        first = [0, len(axes) - 1, *range(1, len(axes) - 1)]
        cure = f"permute: {{axes: {first}}} puts the channels first"
    raise OperatorError(
        f"{operator.name} needs a map (channels x height x width), not {described(shape)}", cure=cure
    )


def channels_first(operator: Operator, shape: Shape) -> Shape:
    """The shape of a vector or a map, channels after the batch; OperatorError for another."""
    axes = axes_of(shape)
    if axes[:2] == "NC" or (axes == FREE and 2 <= len(shape) <= 5):
        return shape
    raise OperatorError(f"{operator.name} needs a map or a vector, not {described(shape)}")


def only_of(operator: Operator, shape: Shape, count: int, what: str = "") -> None:
    """Raise OperatorError unless a map has so many axes of space; `what` is the operator, more closely."""
    if len(shape) - 2 != count:
        raise OperatorError(
            f"{what or operator.name} has no meaning on a map of {len(shape) - 2}"
            f" ax{'i' if len(shape) == 3 else 'e'}s ({words(axes_of(shape)[2:])})",
            cure=f"it takes {words(MAPS[count][2:])}",
        )


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


def channel_axis(shape: Shape, operator: Operator | None = None) -> int:
    """The axis of the channels: 1 in maps (N, C, H, W) and vectors (N, C), 2 in tokens (N, L, C).

    OperatorError for a free shape, unless it is a vector.
    """
    place = channel_place(shape)
    if place is not None:
        return place
    raise OperatorError(
        f"{operator.name if operator else 'this'}: which axis of {text(shape)} are the channels is not known",
        argument="axis" if operator and "axis" in operator.arguments else None,
        cure="say it: axis: 1" if operator and "axis" in operator.arguments else None,
    )


def channel_place(shape: Shape) -> int | None:
    """The same, None of a free shape that is no vector."""
    axes = axes_of(shape)
    return axes.index("C") if "C" in axes else 1 if axes == FREE and len(shape) == 2 else None


def words(axes: str) -> str:
    """Letters of axes as words: height x width."""
    return " x ".join([AXES[letter] for letter in axes])


def described(shape: Shape) -> str:
    """A shape as `text`, and what its axes are, where they are not those of a vector or a map."""
    axes = axes_of(shape)
    if axes in MAPS or axes == FREE or "N" not in axes:
        return text(shape)
    return f"{text(shape)} ({words(axes.replace('N', ''))})"


def text(shape: tuple[int, ...]) -> str:
    """A shape without its batch as the tables print it: 64x56x56."""
    return "x".join(str(size) for size in shape[1:])
