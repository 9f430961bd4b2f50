"""How somebody counts, as data: parameters, operations, memory, units.

A `Convention` says which learnable values are parameters, what one operation is, which tensors
are memory, and in which units its author prints them. Operations start from the MACs of
convolutions and matrix products; every rule adds a labelled number of features of a node, so that
`reconcile` can walk from the MACs to any total. A new convention is one entry of `CONVENTIONS`.

    rules = convention("fvcore")                                    UsageError: unknown name
    call = Counting(op, output, inputs)                             one call of an operator
    rules.count(call, activation_bytes, output_bytes)               what it counts of one -> Counted
    rules.terms(call)                                               {label: operations} beyond MACs
    rules.input_bytes(bytes)                                        the input's share of memory

The rules of other programs stand in `rivals`, a line per operator. Nothing is printed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from cnncost import units
from cnncost.analysis import bops
from cnncost.analysis.bops import Operands
from cnncost.analysis.features import FEATURES, Inputs
from cnncost.analysis.rivals import ANSWERS, UNTESTED, WATCHES, Rule, Rules, rule, rules_of
from cnncost.errors import known_word
from cnncost.ops.base import Operator
from cnncost.ops.sizes import Shape, elements
from cnncost.report import Counted
from cnncost.units import Unit

if TYPE_CHECKING:
    from cnncost.graph import Node

ROLES = frozenset({"weight", "bias", "scale", "shift"})
"""What a learnable tensor can be."""


OVERLOOKED = "functions overlooked"
MORE_BITS = "more than one bit operation per MAC"
Ways = Optional[frozenset[str]]  # None: as the PyTorch twin writes it


class Counting(NamedTuple):
    """One call of an operator."""

    op: Operator
    output: Shape
    inputs: Inputs
    written: Ways = None  #: how an import's code writes it
    bits: Operands = Operands()  #: of what it multiplies

    @property
    def ways(self) -> frozenset[str]:
        """How it is written: as an import says, else as the PyTorch twin does."""
        return ways_of(self.op, self.written)


def ways_of(op: Operator, written: Ways) -> frozenset[str]:
    """How a call of an operator is written: as an import says, else as the PyTorch twin does."""
    return ANSWERS.get(op.name, UNTESTED).written if written is None else written


@dataclass(frozen=True)
class Convention:
    """One way to count."""

    name: str
    title: str  #: whose it is
    statement: str  #: the closing line of a table

    roles: frozenset[str] = ROLES  #: of the learnable tensors that are parameters
    frozen: bool = True  #: values that are not trained are parameters
    buffers: bool = False  #: BN's running mean and variance are parameters

    ops_name: str = "MACs"  #: what its author calls the operations
    per_mac: int = 1  #: operations per MAC
    bit_rule: Callable[[Any, Any, Operands], Any] | None = None  #: operations of MACs by their bits
    rules: Mapping[str, Rules] = field(default_factory=dict)  #: further operations, by operator
    program: bool = False  #: a program's: what it makes of an operator that `rules` lacks is untested
    watches: frozenset[str] | None = None  #: how a call must be written to be counted; None: anyhow
    doubts: frozenset[str] = frozenset()  #: ways of writing of which it is not known what the program makes
    learned_only: bool = False  #: only layers with parameters are counted: operations, memory
    params_of_seen: bool = False  #: parameters of calls that are overlooked are no parameters

    memory_of: frozenset[str] | None = None  #: rows whose outputs are memory; None: new tensors
    memory_of_input: bool = False  #: the network's input is memory
    memory_times: int = 1

    memory_unit: Unit = units.KIB
    params_unit: Unit = units.THOUSAND
    ops_unit: Unit = units.MILLION
    decimals: int | None = None  #: None: three significant digits

    @cached_property
    def plain(self) -> bool:
        """Whether it counts what the quantities are: parameters, MACs and the bytes of new tensors."""
        return self == Convention(self.name, self.title, self.statement)

    def count(self, call: Counting, activation_bytes: int, output_bytes: int) -> Counted:
        """Parameters, operations and bytes of one node for the whole batch.

        `activation_bytes` is the new memory of the output: 0 for views and in-place operators, `output_bytes`
        that of the output wherever it lives.
        """
        ops = call.op.macs(call.output, *call.inputs)
        if self.program or self.rules or self.per_mac > 1 or self.bit_rule:
            ops += sum(self.terms(call).values())
        return Counted(self._params(call), ops, self._memory_bytes(call, activation_bytes, output_bytes))

    def terms(self, call: Counting) -> dict[str, int]:
        """Operations of one node beyond its MACs, by label; MACs and terms make `count`'s ops."""
        found: dict[str, int] = {}
        seen, macs = self._sees(call), call.op.macs(call.output, *call.inputs)
        if not seen:
            found[OVERLOOKED] = -macs
        elif self.per_mac > 1:
            found[self._per_mac_label] = (self.per_mac - 1) * macs
        elif self.bit_rule:
            found[MORE_BITS] = self.bit_rule(macs, elements(call.output), call.bits) - macs
        for each in self.rules.get(call.op.name, ()):
            if (each.on in call.ways and each.off not in call.ways) if each.on else seen:
                found[each.label] = found.get(each.label, 0) + _amount(each, call)
        return found

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that `terms` can give, in the order of declaration."""
        first = (self._per_mac_label,) if self.per_mac > 1 else (MORE_BITS,) if self.bit_rule else ()
        found = [each.label for rules in self.rules.values() for each in rules]
        return tuple(dict.fromkeys((*first, *found, OVERLOOKED)))

    def untested(self, op: Operator, written: Ways = None) -> bool:
        """Whether nobody has run the program on such an operator, or it depends on code that is not read."""
        if not self.program or op.kin in ("input", "unknown"):
            return False
        return op.name not in self.rules or bool(self.doubts & ways_of(op, written))

    def untested_of(self, nodes: Iterable[Node]) -> tuple[str, ...]:
        """The names of the operators that are untested, each once."""
        return tuple(dict.fromkeys([node.op.name for node in nodes if self.untested(node.op, node.written)]))

    def input_bytes(self, size: int) -> int:
        """Bytes of the network's input, as far as they count: part of the total, but no row."""
        return self.memory_times * size if self.memory_of_input else 0

    def _sees(self, call: Counting) -> bool:
        """Whether the program counts such a call at all."""
        if self.learned_only and not call.op.params(*call.inputs):
            return False
        return self.watches is None or not self.watches.isdisjoint(call.ways)

    def _params(self, call: Counting) -> int:
        op, inputs = call.op, call.inputs
        overlooked = any(not each.params for each in self.rules.get(op.name, ()))
        if overlooked or (self.params_of_seen and not self._sees(call)):
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

    def _memory_bytes(self, call: Counting, activation_bytes: int, output_bytes: int) -> int:
        """Bytes of one node's output, as far as they count."""
        if self.memory_of is not None:
            size = output_bytes if call.op.name in self.memory_of else 0
        elif self.learned_only:
            size = output_bytes if self._sees(call) else 0
        else:
            size = activation_bytes
        return self.memory_times * size

    @property
    def _per_mac_label(self) -> str:
        return f"{self.per_mac - 1} more per MAC"


def _amount(each: Rule, call: Counting) -> int:
    op, output, inputs, *_ = call
    return sum(times * FEATURES[name](op, output, inputs) for name, times in each.times.items())


# The presets: the learned layers, the poolings, then everybody's rules --------------------------

LAYERS = "conv conv_transpose linear"
WHOLE_MAPS = "global_maxpool adaptive_maxpool global_avgpool adaptive_avgpool"
POOLS = f"maxpool avgpool {WHOLE_MAPS}"

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
            rules={
                **dict.fromkeys(("maxpool", "avgpool"), (rule("K*K per pool output", window=1),)),
                **dict.fromkeys(WHOLE_MAPS.split(), (rule("K*K per pool output", input=1),)),
            },
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
            "bops",
            "bit operations of Bayesian Bits and HAWQ-V3 (van Baalen et al. 2020, Yao et al. 2021)",
            "ops: MACs times the bits of the weight times those of the value (32 * 32 of float32); params:"
            " learnable values; memory: every new output tensor.",
            ops_name="BOPs",
            bit_rule=bops.plain,
            ops_unit=units.BILLION,
        ),
        Convention(
            "uniq",
            "bit operations of UNIQ (Baskin et al. 2021)",
            "ops: MACs times (b_w b_a + b_w + b_a + log2 n), n products to a sum of b_w + b_a + log2 n bits;"
            " params: learnable values; memory: every new output tensor.",
            ops_name="BOPs",
            bit_rule=bops.summed,
            ops_unit=units.BILLION,
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
            rules=rules_of("torch"),
            program=True,
        ),
        Convention(
            "fvcore",
            "fvcore.nn.FlopCountAnalysis",
            "1 FLOP is 1 MAC; batch norm 2 per element, other norms 5, adaptive pooling 1 per input element,"
            " interpolation 1 (nearest) or 4 (bilinear) per output element; memory as cnncost.",
            ops_name="FLOPs",
            rules=rules_of("fvcore"),
            program=True,
        ),
        Convention(
            "torchinfo",
            "torchinfo.summary",
            "mult-adds: MACs and bias adds; of other layers the number of parameters, once per image;"
            " memory: twice the outputs of layers with parameters.",
            ops_name="mult-adds",
            learned_only=True,
            memory_times=2,
            memory_unit=units.MB,
            rules=rules_of("torchinfo"),
            program=True,
            watches=WATCHES["torchinfo"],
        ),
        Convention(
            "ptflops",
            "ptflops, its default backend",
            "MACs and bias adds; batch norm 2 per element; activations and pooling inputs counted twice, by"
            " the module and by the function in it; memory as cnncost.",
            rules=rules_of("ptflops"),
            program=True,
            watches=WATCHES["ptflops"],
            doubts=frozenset({"unread"}),
        ),
        Convention(
            "ptflops_aten",
            "ptflops, backend aten",
            "MACs and bias adds; memory as cnncost.",
            rules=rules_of("ptflops_aten"),
            program=True,
        ),
        Convention(
            "thop",
            "thop (pytorch-OpCounter)",
            "MACs; batch and layer norm 4 per element, average pooling 1 per output element, adaptive pooling"
            " 1 per input and output element; params only of layers it knows; memory as cnncost.",
            rules=rules_of("thop"),
            program=True,
            watches=WATCHES["thop"],
            params_of_seen=True,
        ),
        Convention(
            "calflops",
            "calflops, its MACs",
            "MACs, those of transposed convolutions divided by the groups twice; memory as cnncost.",
            rules=rules_of("calflops"),
            program=True,
            watches=WATCHES["calflops"],
            doubts=frozenset({"unread"}),
        ),
        Convention(
            "calflops_flops",
            "calflops, its FLOPs",
            "1 MAC is 2 FLOPs; bias adds of convolutions, batch norm 2 per element, other norms 5,"
            " activations, softmax and pooling 1 per input element; memory as cnncost.",
            ops_name="FLOPs",
            per_mac=2,
            rules=rules_of("calflops_flops"),
            program=True,
            watches=WATCHES["calflops_flops"],
            doubts=frozenset({"unread"}),
        ),
        Convention(
            "torchprofile",
            "torchprofile.profile_macs",
            "MACs; norms with a scale 1 per element, average pooling and multiplications 1 per output"
            " element, bilinear interpolation 4; it reports no params and no memory (here: as cnncost).",
            rules=rules_of("torchprofile"),
            program=True,
            doubts=frozenset({"sizes"}),
        ),
    )
}  # fmt: skip
"""Every convention by its name, ours first."""


def convention(name: str) -> Convention:
    """The convention of that name. Raises UsageError with the nearest name."""
    return CONVENTIONS[known_word("unknown convention", name, CONVENTIONS)]
