"""How somebody counts, as data: parameters, operations, memory, units.

A `Convention` says which learnable values are parameters, what one operation is, which tensors are memory, and in
which units its author prints them. Operations start from the MACs of convolutions and matrix products; `rules` adds
labelled terms per operator, each a whole multiple of a feature of the node: so `reconcile` can walk from the MACs to
any total. A new convention is one entry of `CONVENTIONS`, a new feature one function in `FEATURES`.

    rules = convention("fvcore")                                      UsageError for an unknown name
    rules.count(op, output, inputs, activation_bytes, element_bytes)  -> Counted, of one node
    rules.terms(op, output, inputs)                                   -> {label: operations} beyond the MACs
    rules.input_bytes(shape, element_bytes)                           -> memory of the input, if it counts

The rules of the rivals are those of their PyTorch twin: activations and poolings are modules. No number is computed
for a model here, and nothing is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cnncost import units
from cnncost.errors import UsageError, did_you_mean
from cnncost.ops.base import Operator
from cnncost.ops.sizes import Shape, elements
from cnncost.report import Counted
from cnncost.units import Unit

Inputs = tuple[Shape, ...]


class Term(NamedTuple):
    """So many operations per unit of a feature, and what a reader calls them."""

    label: str
    times: int
    feature: str  #: a name in `FEATURES`


# Features of a node: whole numbers from the operator and its shapes, for the whole batch --------------------


def _macs(op: Operator, output: Shape, inputs: Inputs) -> int:
    return op.macs(output, *inputs)


def _output(op: Operator, output: Shape, inputs: Inputs) -> int:
    return elements(output)


def _input(op: Operator, output: Shape, inputs: Inputs) -> int:
    return elements(inputs[0])


def _bias(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements that a bias is added to."""
    return elements(output) if vars(op).get("bias") else 0


def _affine(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Input elements that a normalisation scales by a learned factor."""
    return elements(inputs[0]) if vars(op).get("scale") else 0


def _window(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Kernel area times output elements."""
    height, width = vars(op)["kernel"]
    return int(height * width) * elements(output)


def _joined(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Output elements of a join, once per branch after the first."""
    return (len(inputs) - 1) * elements(output)


def _vectors(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Number of channel vectors: images times positions."""
    return elements(inputs[0]) // inputs[0][1]


def _learned(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Learnable values, once per image."""
    return output[0] * op.params(*inputs)


def _weights_per_position(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Filter weights times output positions; for a transposed convolution more than its MACs."""
    weights = sum(weight.count for weight in op.weights(*inputs) if weight.role == "weight")
    return weights * (elements(output) // output[1])


def _dense_weights_per_position(op: Operator, output: Shape, inputs: Inputs) -> int:
    """The same with the groups forgotten, unless as many maps leave as enter (torchprofile)."""
    groups = 1 if output[1] == inputs[0][1] else vars(op)["groups"]
    return groups * _weights_per_position(op, output, inputs)


def _groups_twice(op: Operator, output: Shape, inputs: Inputs) -> int:
    """MACs of a transposed convolution, divided by the groups once more (calflops)."""
    groups, (height, width) = vars(op)["groups"], vars(op)["kernel"]
    return elements(inputs[0]) * int(height * width) * (output[1] // groups // groups)


def _padded_channels(op: Operator, output: Shape, inputs: Inputs) -> int:
    """Elements that LRN averages over: zero channels are added on both sides."""
    x = inputs[0]
    return elements(x) // x[1] * (x[1] + vars(op)["size"] - 1)


FEATURES: dict[str, Callable[[Operator, Shape, Inputs], int]] = {
    "macs": _macs,
    "output": _output,
    "input": _input,
    "bias": _bias,
    "affine": _affine,
    "window": _window,
    "joined": _joined,
    "vectors": _vectors,
    "learned": _learned,
    "weights per position": _weights_per_position,
    "dense weights per position": _dense_weights_per_position,
    "groups twice": _groups_twice,
    "padded channels": _padded_channels,
}

ROLES = frozenset({"weight", "bias", "scale", "shift"})
"""What a learnable tensor can be."""

Rules = Mapping[str, tuple[Term, ...]]


@dataclass(frozen=True)
class Convention:
    """One way to count."""

    name: str
    title: str  #: whose it is
    statement: str  #: the closing line of a table
    # Parameters
    roles: frozenset[str] = ROLES  #: the roles of the learnable tensors that count
    buffers: bool = False  #: BN's running mean and variance count too
    frozen: bool = True  #: values that are not trained count
    unseen: frozenset[str] = frozenset()  #: operators whose parameters are overlooked
    # Operations
    ops_name: str = "MACs"  #: what its author calls them
    per_mac: int = 1  #: operations per MAC
    rules: Rules = field(default_factory=dict)  #: by operator, beyond per_mac
    # Memory
    memory_of: frozenset[str] | None = None  #: operators whose outputs count, views too; None: every new tensor
    memory_of_learned: bool = False  #: only operators with parameters
    memory_of_input: bool = False
    memory_times: int = 1
    # How its author prints
    memory_unit: Unit = units.KIB
    params_unit: Unit = units.THOUSAND
    ops_unit: Unit = units.MILLION
    decimals: int | None = None  #: None: three significant digits

    def count(
        self, op: Operator, output: Shape, inputs: Inputs, activation_bytes: int, element_bytes: int
    ) -> Counted:
        """Parameters, operations and bytes of one node for the whole batch.

        `activation_bytes` is what the engine found: 0 for views and in-place operators.
        """
        ops = self.per_mac * op.macs(output, *inputs)
        if self.rules:
            for term in self.rules.get(op.name, ()):
                ops += term.times * FEATURES[term.feature](op, output, inputs)
        return Counted(
            self.params(op, inputs), ops, self.memory_bytes(op, output, inputs, activation_bytes, element_bytes)
        )

    def params(self, op: Operator, inputs: Inputs) -> int:
        """Parameters of one operator."""
        if op.name in self.unseen:
            return 0
        if self.roles is ROLES and self.frozen:
            params = op.params(*inputs)
        else:
            params = sum(
                weight.count
                for weight in op.weights(*inputs)
                if weight.role in self.roles and (self.frozen or not weight.frozen)
            )
        return params + op.buffers(*inputs) if self.buffers else params

    def terms(self, op: Operator, output: Shape, inputs: Inputs) -> dict[str, int]:
        """Operations of one node beyond its MACs, by label."""
        found: dict[str, int] = {}
        if self.per_mac > 1:
            found[_per_mac_label(self.per_mac)] = (self.per_mac - 1) * op.macs(output, *inputs)
        for label, times, feature in self.rules.get(op.name, ()):
            found[label] = found.get(label, 0) + times * FEATURES[feature](op, output, inputs)
        return found

    def labels(self) -> tuple[str, ...]:
        """Every label that `terms` can give, in the order of declaration."""
        first = [_per_mac_label(self.per_mac)] if self.per_mac > 1 else []
        return tuple(dict.fromkeys(first + [term.label for terms in self.rules.values() for term in terms]))

    def memory_bytes(
        self, op: Operator, output: Shape, inputs: Inputs, activation_bytes: int, element_bytes: int
    ) -> int:
        """Bytes of one node's output, as far as they count."""
        if self.memory_of is not None:
            if op.name not in self.memory_of:
                return 0
            activation_bytes = elements(output) * element_bytes
        elif self.memory_of_learned:
            if not op.params(*inputs):
                return 0
            activation_bytes = elements(output) * element_bytes
        return self.memory_times * activation_bytes

    def input_bytes(self, shape: Shape, element_bytes: int) -> int:
        """Bytes of the network's input, as far as they count: part of the total, no row."""
        return self.memory_times * elements(shape) * element_bytes if self.memory_of_input else 0


def _per_mac_label(per_mac: int) -> str:
    return f"{per_mac} per MAC, not 1"


# The presets ----------------------------------------------------------------------------------------------


def _rules(*entries: tuple[str, tuple[Term, ...]]) -> Rules:
    """Rules from (operators separated by spaces, terms); several entries for an operator add up."""
    rules: dict[str, tuple[Term, ...]] = {}
    for names, terms in entries:
        for name in names.split():
            rules[name] = rules.get(name, ()) + terms
    return rules


WINDOWS = "maxpool avgpool"
WHOLE_MAPS = "global_avgpool global_maxpool"
POOLS = "maxpool avgpool global_avgpool global_maxpool adaptive_avgpool"
GEMMS = "conv conv_transpose linear"

_BIAS = (Term("bias adds", 1, "bias"),)
_ONE_AND_AFFINE = (Term("batch norm, 2 per element", 1, "input"), Term("batch norm, 2 per element", 1, "affine"))
_FOUR_AND_AFFINE = (Term("other norms, 5 per element", 4, "input"), Term("other norms, 5 per element", 1, "affine"))
_BY_OUTPUT_SIZE = "transposed convolution by its output size"


def _presets(*conventions: Convention) -> dict[str, Convention]:
    return {each.name: each for each in conventions}


CONVENTIONS = _presets(
    Convention(
        "cnncost",
        "this tool",
        "params are all learnable values, 1 op is 1 MAC of a convolution or linear layer (biases not counted), "
        "memory is every new output tensor.",
    ),
    Convention(
        "deeprob",
        "DeepRob lecture 8 (University of Michigan, 2023)",
        "params include biases, 1 FLOP is 1 MAC, pooling is K*K per output element, memory is the outputs of "
        "convolution, pooling, flatten and linear rows in KiB.",
        ops_name="FLOPs",
        rules=_rules(
            (WINDOWS, (Term("pooling, K*K per output", 1, "window"),)),
            (f"{WHOLE_MAPS} adaptive_avgpool", (Term("pooling, K*K per output", 1, "input"),)),
        ),
        memory_of=frozenset(f"{GEMMS} {POOLS} flatten".split()),
        decimals=0,
    ),
    Convention(
        "cs231n",
        "Stanford CS231n, notes on convolutional networks",
        "params are weights without biases, 1 op is 1 MAC, memory is the input and the outputs of convolution, "
        "pooling and linear rows.",
        roles=frozenset({"weight"}),
        memory_of=frozenset(f"{GEMMS} {POOLS}".split()),
        memory_of_input=True,
        memory_unit=units.KB,
    ),
    Convention(
        "keras",
        "Keras, Model.summary",
        "params include the moving mean and variance of batch norm, 1 op is 1 MAC, memory is every new output tensor.",
        buffers=True,
        memory_unit=units.KB,
    ),
    Convention(
        "torchvision",
        "torchvision, GFLOPS of its model weights",
        "params are all learnable values, 1 FLOP is 1 MAC of a convolution or linear layer, memory is every new "
        "output tensor.",
        ops_name="FLOPs",
        memory_unit=units.KB,
        params_unit=units.MILLION,
        ops_unit=units.BILLION,
        decimals=3,
    ),
    Convention(
        "torch",
        "torch.utils.flop_counter.FlopCounterMode",
        "1 MAC of a convolution or matrix product is 2 FLOPs, nothing else counts.",
        ops_name="FLOPs",
        per_mac=2,
    ),
    Convention(
        "fvcore",
        "fvcore.nn.FlopCountAnalysis",
        "1 FLOP is 1 MAC; batch norm adds 2 per element, other norms 5, adaptive pooling 1 per input element, "
        "interpolation 1 (nearest) or 4 (bilinear) per output element.",
        ops_name="FLOPs",
        rules=_rules(
            ("bn", _ONE_AND_AFFINE),
            ("layer_norm group_norm instance_norm", _FOUR_AND_AFFINE),
            (f"{WHOLE_MAPS} adaptive_avgpool", (Term("adaptive pooling, 1 per input element", 1, "input"),)),
        ),
    ),
    Convention(
        "torchinfo",
        "torchinfo.summary",
        "mult-adds are MACs and bias adds; a layer that is no convolution counts its parameters once per image; "
        "memory is twice the outputs of layers with parameters.",
        ops_name="mult-adds",
        rules=_rules(
            ("conv conv_transpose", _BIAS),
            (
                "conv_transpose",
                (Term(_BY_OUTPUT_SIZE, 1, "weights per position"), Term(_BY_OUTPUT_SIZE, -1, "macs")),
            ),
            ("linear", _BIAS),
            ("bn layer_norm group_norm instance_norm", (Term("norms, their parameters", 1, "learned"),)),
            ("prelu", (Term("PReLU, its parameters", 1, "learned"),)),
        ),
        memory_of_learned=True,
        memory_times=2,
        memory_unit=units.MB,
    ),
    Convention(
        "ptflops",
        "ptflops, its default backend pytorch",
        "MACs, bias adds, 2 per batch norm element, and per element of each activation and pooling input 2, because "
        "the module and the function in it both count.",
        rules=_rules(
            (GEMMS, _BIAS),
            ("bn", _ONE_AND_AFFINE),
            ("group_norm instance_norm", (Term("other norms, per element", 1, "input"),)),
            ("group_norm instance_norm", (Term("other norms, per element", 1, "affine"),)),
            ("layer_norm", (Term("other norms, per element", 1, "input"),)),
            ("relu relu6 elu prelu gelu", (Term("activations, counted twice", 2, "input"),)),
            ("silu softmax", (Term("SiLU and softmax, 1 per element", 1, "input"),)),
            (POOLS, (Term("pooling inputs, counted twice", 2, "input"),)),
            ("lrn", (Term("LRN", 3, "input"), Term("LRN", 1, "padded channels"))),
        ),
    ),
    Convention(
        "ptflops_aten",
        "ptflops, backend aten",
        "MACs and bias adds.",
        rules=_rules((GEMMS, _BIAS)),
    ),
    Convention(
        "thop",
        "thop (pytorch-OpCounter)",
        "MACs, 4 per element of batch and layer norm, average pooling 1 per output, adaptive pooling 1 per input and "
        "output element; params of layers it has no rule for are left out.",
        unseen=frozenset({"group_norm", "layer_scale"}),
        rules=_rules(
            (
                "conv_transpose",
                (Term(_BY_OUTPUT_SIZE, 1, "weights per position"), Term(_BY_OUTPUT_SIZE, -1, "macs")),
            ),
            (
                "bn layer_norm instance_norm",
                (Term("norms, 4 per element", 2, "input"), Term("norms, 4 per element", 2, "affine")),
            ),
            ("prelu", (Term("PReLU, 1 per element", 1, "input"),)),
            ("avgpool", (Term("average pooling, 1 per output", 1, "output"),)),
            (
                "global_avgpool adaptive_avgpool",
                (
                    Term("adaptive pooling, 1 per input and output element", 1, "input"),
                    Term("adaptive pooling, 1 per input and output element", 1, "output"),
                ),
            ),
            (
                "softmax",
                (Term("softmax, 3 per element less 1", 3, "input"), Term("softmax, 3 per element less 1", -1, "vectors")),
            ),
        ),
    ),
    Convention(
        "calflops",
        "calflops, its MACs",
        "MACs; those of a grouped transposed convolution are divided by the groups twice.",
        rules=_rules(
            (
                "conv_transpose",
                (
                    Term("transposed convolution, groups twice", 1, "groups twice"),
                    Term("transposed convolution, groups twice", -1, "macs"),
                ),
            ),
        ),
    ),
    Convention(
        "calflops_flops",
        "calflops, its FLOPs",
        "1 MAC is 2 FLOPs; bias adds of convolutions, 2 per batch norm element, 5 of other norms, and 1 per input "
        "element of activations, softmax and pooling are added.",
        ops_name="FLOPs",
        per_mac=2,
        rules=_rules(
            ("conv", _BIAS),
            ("bn", _ONE_AND_AFFINE),
            ("layer_norm group_norm instance_norm", _FOUR_AND_AFFINE),
            ("relu relu6 elu prelu gelu silu softmax", (Term("activations, 1 per element", 1, "input"),)),
            (POOLS, (Term("pooling, 1 per input element", 1, "input"),)),
            ("lrn", (Term("LRN", 3, "input"), Term("LRN", 1, "padded channels"))),
        ),
    ),
    Convention(
        "torchprofile",
        "torchprofile.profile_macs",
        "MACs, 1 per element of norms with a scale, 1 per output of average pooling and of multiplications.",
        rules=_rules(
            (
                "conv_transpose",
                (Term(_BY_OUTPUT_SIZE, 1, "dense weights per position"), Term(_BY_OUTPUT_SIZE, -1, "macs")),
            ),
            ("bn layer_norm group_norm instance_norm", (Term("norms, 1 per element", 1, "affine"),)),
            ("avgpool global_avgpool adaptive_avgpool", (Term("average pooling, 1 per output", 1, "output"),)),
            ("mul", (Term("multiplications, 1 per output", 1, "joined"),)),
            ("layer_scale scale", (Term("multiplications, 1 per output", 1, "output"),)),
        ),
    ),
)  # fmt: skip
"""Every convention by its name."""


def convention(name: str) -> Convention:
    """The convention of that name. Raises UsageError with the nearest name."""
    try:
        return CONVENTIONS[name]
    except KeyError:
        cure = did_you_mean(name, CONVENTIONS)
        raise UsageError(
            f"unknown convention {name!r}" + (f": {cure}" if cure else "") + f"\n  known: {', '.join(CONVENTIONS)}"
        ) from None


def summed(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Labelled terms of several nodes as one."""
    total: dict[str, int] = {}
    for part in parts:
        for label, count in part.items():
            total[label] = total.get(label, 0) + count
    return total
