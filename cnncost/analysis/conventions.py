"""How somebody counts, as data: parameters, operations, memory, units.

A `Convention` says which learnable values are parameters, what one operation is, which tensors
are memory, and in which units its author prints them. Operations start from the MACs of
convolutions and matrix products; every rule adds a labelled number of features of a node, so that
`reconcile` can walk from the MACs to any total. A new convention is one entry of `CONVENTIONS`.

    rules = convention("fvcore")                                    UsageError: unknown name
    rules.count(op, output, inputs, activation_bytes, element_bytes)   one node -> Counted
    rules.terms(op, output, inputs)                                 {label: operations} beyond MACs
    rules.input_bytes(shape, element_bytes)                         the input's share of memory

The rules of the rivals hold for their PyTorch twin, whose activations and poolings are modules:
some of them see a function not at all, or once instead of twice. Nothing is printed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from cnncost import units
from cnncost.analysis.features import FEATURES, Inputs
from cnncost.errors import known_word
from cnncost.ops.base import Operator
from cnncost.ops.sizes import Shape, elements
from cnncost.report import Counted
from cnncost.units import Unit

ROLES = frozenset({"weight", "bias", "scale", "shift"})
"""What a learnable tensor can be."""


class Rule(NamedTuple):
    """Operations of some operators beyond their MACs: multiples of features, and their name."""

    operators: tuple[str, ...]
    label: str
    times: Mapping[str, int]  #: how often each of `FEATURES` counts


def rule(operators: str, label: str, **times: int) -> Rule:
    """A rule; the operators' names are separated by spaces."""
    return Rule(tuple(operators.split()), label, times)


@dataclass(frozen=True)
class Convention:
    """One way to count."""

    name: str
    title: str  #: whose it is
    statement: str  #: the closing line of a table

    roles: frozenset[str] = ROLES  #: of the learnable tensors that are parameters
    frozen: bool = True  #: values that are not trained are parameters
    buffers: bool = False  #: BN's running mean and variance are parameters
    unseen: frozenset[str] = frozenset()  #: operators whose parameters are overlooked

    ops_name: str = "MACs"  #: what its author calls the operations
    per_mac: int = 1  #: operations per MAC
    rules: tuple[Rule, ...] = ()  #: further operations

    memory_of: frozenset[str] | None = None  #: rows whose outputs are memory; None: new tensors
    memory_of_learned: bool = False  #: memory is the outputs of rows with parameters
    memory_of_input: bool = False  #: the network's input is memory
    memory_times: int = 1

    memory_unit: Unit = units.KIB
    params_unit: Unit = units.THOUSAND
    ops_unit: Unit = units.MILLION
    decimals: int | None = None  #: None: three significant digits

    def count(
        self, op: Operator, output: Shape, inputs: Inputs, activation_bytes: int, element_bytes: int
    ) -> Counted:
        """Parameters, operations and bytes of one node for the whole batch.

        `activation_bytes` is the new memory of the output: 0 for views and in-place operators.
        """
        ops = self.per_mac * op.macs(output, *inputs)
        if self.rules:
            ops += sum(_amount(each, op, output, inputs) for each in self._rules_of.get(op.name, ()))
        memory = self.memory_bytes(op, output, inputs, activation_bytes, element_bytes)
        return Counted(self.params(op, inputs), ops, memory)

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
        """Operations of one node beyond its MACs, by label; MACs and terms make `count`'s ops."""
        found: dict[str, int] = {}
        if self.per_mac > 1:
            found[self._per_mac_label] = (self.per_mac - 1) * op.macs(output, *inputs)
        for each in self._rules_of.get(op.name, ()):
            found[each.label] = found.get(each.label, 0) + _amount(each, op, output, inputs)
        return found

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that `terms` can give, in the order of declaration."""
        first = (self._per_mac_label,) if self.per_mac > 1 else ()
        return tuple(dict.fromkeys((*first, *(each.label for each in self.rules))))

    def memory_bytes(
        self, op: Operator, output: Shape, inputs: Inputs, activation_bytes: int, element_bytes: int
    ) -> int:
        """Bytes of one node's output, as far as they count."""
        if self.memory_of is not None:
            size = elements(output) * element_bytes if op.name in self.memory_of else 0
        elif self.memory_of_learned:
            size = elements(output) * element_bytes if op.params(*inputs) else 0
        else:
            size = activation_bytes
        return self.memory_times * size

    def input_bytes(self, shape: Shape, element_bytes: int) -> int:
        """Bytes of the network's input, as far as they count: part of the total, but no row."""
        return self.memory_times * elements(shape) * element_bytes if self.memory_of_input else 0

    @cached_property
    def _rules_of(self) -> dict[str, tuple[Rule, ...]]:
        """The rules by operator."""
        found: dict[str, tuple[Rule, ...]] = {}
        for each in self.rules:
            for name in each.operators:
                found[name] = (*found.get(name, ()), each)
        return found

    @property
    def _per_mac_label(self) -> str:
        return f"{self.per_mac - 1} more per MAC"


def _amount(each: Rule, op: Operator, output: Shape, inputs: Inputs) -> int:
    return sum(times * FEATURES[name](op, output, inputs) for name, times in each.times.items())


# The presets: the learned layers, the poolings, then everybody's rules --------------------------

LAYERS = "conv conv_transpose linear"
AVERAGES = "global_avgpool adaptive_avgpool"  # torch.nn.AdaptiveAvgPool2d
WHOLE_MAPS = "global_maxpool adaptive_maxpool global_avgpool adaptive_avgpool"
POOLS = f"maxpool avgpool {WHOLE_MAPS}"
NORMS = "layer_norm group_norm instance_norm"

_BIAS_ADDS = rule(LAYERS, "bias adds", biased=1)
# A norm without a learned scale costs one less per element in all of these.
_BATCH_NORM = rule("bn", "2 per BN element", input=1, scaled=1)
_OTHER_NORMS = rule(NORMS, "5 per norm element", input=4, scaled=1)
_AT_OUTPUT = rule("conv_transpose", "transposed conv by output size", at_output=1, macs=-1)
_LRN = rule("lrn", "LRN", input=3, padded=1)

CONVENTIONS: dict[str, Convention] = {
    each.name: each
    for each in (
        Convention(
            "cnncost",
            "this tool",
            "params: learnable values; ops: MACs of convolution and linear layers, without bias;"
            " memory: every new output tensor.",
        ),
        Convention(
            "deeprob",
            "DeepRob lecture 8 (Michigan and Minnesota, 2023)",
            "params: weights and biases; 1 FLOP is 1 MAC, pooling K*K per output; memory: outputs of"
            " convolution, pooling, flatten and linear rows.",
            ops_name="FLOPs",
            rules=(
                rule("maxpool avgpool", "K*K per pool output", window=1),
                rule(WHOLE_MAPS, "K*K per pool output", input=1),
            ),
            memory_of=frozenset(f"{LAYERS} {POOLS} flatten".split()),
            decimals=0,
        ),
        Convention(
            "cs231n",
            "Stanford CS231n, notes on convolutional networks",
            "params: weights without biases; ops: MACs; memory: the input and the outputs of convolution,"
            " pooling and linear rows.",
            roles=frozenset({"weight"}),
            memory_of=frozenset(f"{LAYERS} {POOLS}".split()),
            memory_of_input=True,
            memory_unit=units.KB,
        ),
        Convention(
            "keras",
            "Keras, Model.summary",
            "params: learnable values and batch norm's moving mean and variance; ops: MACs;"
            " memory: every new output tensor.",
            buffers=True,
            memory_unit=units.KB,
        ),
        Convention(
            "torchvision",
            "torchvision, GFLOPS of its published weights",
            "params: learnable values; 1 FLOP is 1 MAC; memory: every new output tensor.",
            ops_name="FLOPs",
            memory_unit=units.MB,
            params_unit=units.MILLION,
            ops_unit=units.BILLION,
            decimals=3,
        ),
        Convention(
            "torch",
            "torch.utils.flop_counter.FlopCounterMode",
            "1 MAC is 2 FLOPs, nothing else counts; it reports no params and no memory (here: as cnncost).",
            ops_name="FLOPs",
            per_mac=2,
        ),
        Convention(
            "fvcore",
            "fvcore.nn.FlopCountAnalysis",
            "1 FLOP is 1 MAC; batch norm 2 per element, other norms 5, adaptive pooling 1 per input element,"
            " interpolation 1 (nearest) or 4 (bilinear) per output element; memory as cnncost.",
            ops_name="FLOPs",
            rules=(
                _BATCH_NORM,
                _OTHER_NORMS,
                rule(AVERAGES, "adaptive pool inputs", input=1),
                rule("interpolate", "interpolation", nearest=1, bilinear=4),
            ),
        ),
        Convention(
            "torchinfo",
            "torchinfo.summary",
            "mult-adds: MACs and bias adds; of other layers the number of parameters, once per image;"
            " memory: twice the outputs of layers with parameters.",
            ops_name="mult-adds",
            rules=(
                _BIAS_ADDS,
                rule(f"bn {NORMS} prelu subsample", "params of other layers", learned=1),
                rule("linear", "linear layers once per image", learned=1, macs=-1, biased=-1),
                _AT_OUTPUT,
            ),
            memory_of_learned=True,
            memory_times=2,
            memory_unit=units.MB,
        ),
        Convention(
            "ptflops",
            "ptflops, its default backend",
            "MACs and bias adds; batch norm 2 per element; activations and pooling inputs counted twice, by"
            " the module and by the function in it; memory as cnncost.",
            rules=(
                _BIAS_ADDS,
                rule("bn", "2 per BN element", input=2),
                rule("group_norm instance_norm", "2 per norm element", input=2),
                rule("layer_norm", "1 per layer norm element", input=1),
                rule("relu elu prelu gelu", "2 per activation", input=2),
                # ReLU6 calls hardtanh, which is not watched; SiLU and softmax have no rule as modules.
                rule("relu6 silu softmax", "1 per ReLU6, SiLU, softmax", input=1),
                rule(POOLS, "2 per pool input", input=2),
                rule("interpolate", "interpolation", output=1),
                rule("roi_pool subsample", "1 per pool input", input=1),
                _LRN,
            ),
        ),
        Convention(
            "ptflops_aten",
            "ptflops, backend aten",
            "MACs and bias adds; memory as cnncost.",
            rules=(_BIAS_ADDS,),
        ),
        Convention(
            "thop",
            "thop (pytorch-OpCounter)",
            "MACs; batch and layer norm 4 per element, average pooling 1 per output element, adaptive pooling"
            " 1 per input and output element; params only of layers it knows; memory as cnncost.",
            unseen=frozenset({"group_norm", "layer_scale", "subsample"}),
            rules=(
                _AT_OUTPUT,
                rule("bn layer_norm instance_norm", "4 per norm element", input=4),
                rule("prelu", "1 per PReLU", input=1),
                rule("avgpool", "average pool outputs", output=1),
                rule(AVERAGES, "adaptive pool inputs and outputs", input=1, output=1),
                rule("softmax", "softmax", input=3, positions=-1),
            ),
        ),
        Convention(
            "calflops",
            "calflops, its MACs",
            "MACs, those of transposed convolutions divided by the groups twice; memory as cnncost.",
            rules=(rule("conv_transpose", "transposed conv groups twice", groups_twice=1, macs=-1),),
        ),
        Convention(
            "calflops_flops",
            "calflops, its FLOPs",
            "1 MAC is 2 FLOPs; bias adds of convolutions, batch norm 2 per element, other norms 5,"
            " activations, softmax and pooling 1 per input element; memory as cnncost.",
            ops_name="FLOPs",
            per_mac=2,
            rules=(
                rule("conv", "conv bias adds", biased=1),
                _BATCH_NORM,
                _OTHER_NORMS,
                # ReLU6 calls hardtanh, which is not watched.
                rule("relu elu prelu gelu silu softmax", "1 per activation", input=1),
                rule(f"{POOLS} roi_pool subsample", "1 per pool input", input=1),
                rule("interpolate", "interpolation, channels forgotten", pixels=1),
                rule("conv_transpose", "transposed conv groups twice", groups_twice=2, macs=-2),
                rule("conv_transpose", "transposed conv bias, as of a conv", bias_as_of_conv=1),
                _LRN,
            ),
        ),
        Convention(
            "torchprofile",
            "torchprofile.profile_macs",
            "MACs; norms with a scale 1 per element, average pooling and multiplications 1 per output"
            " element, bilinear interpolation 4; it reports no params and no memory (here: as cnncost).",
            rules=(
                rule("conv_transpose", _AT_OUTPUT.label, at_output_dense=1, macs=-1),
                rule(f"bn {NORMS}", "1 per norm element", scaled=1),
                rule(f"avgpool subsample {AVERAGES}", "average pool outputs", output=1),
                rule("mul", "1 per multiplication", joined=1),
                rule("layer_scale scale subsample", "1 per multiplication", output=1),
                rule("scaled_tanh", "1 per multiplication", output=2),
                rule("lrn", "LRN", input=3),
                rule("interpolate", "interpolation", bilinear=4),
            ),
        ),
    )
}  # fmt: skip
"""Every convention by its name, ours first."""


def convention(name: str) -> Convention:
    """The convention of that name. Raises UsageError with the nearest name."""
    return CONVENTIONS[known_word("unknown convention", name, CONVENTIONS)]
