"""What other programs make of every operator, as data: one line an operator, in `ANSWERS`.

A line names the programs that count more or less than the operator's MACs, and what. A program that
the line does not name was run and counts nothing beyond the MACs: the operator is overlooked.
`UNTESTED` says that nobody has run the programs on it: totals with it are marked wherever they are
shown. A new operator gets a line here, and a network with it in tests/analysis/test_rivals.py that
every program is run on.

    "sigmoid": answers(),                                     overlooked by all of them
    "elu": answers(ptflops=TWICE, calflops_flops=ACTIVATION), counted by two
    "new": UNTESTED,
    "new": answers(thop=UNTESTED),                            tested, but for one of them

The rules hold for the PyTorch twin, whose activations and poolings are modules and whose products are
Python's operators. Features are those of `features`; no program is run here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Rule(NamedTuple):
    """Operations of an operator beyond its MACs: multiples of features, and their name."""

    label: str
    times: Mapping[str, int]  #: how often each of `FEATURES` counts
    params: bool = True  #: whether the operator's parameters are counted


Rules = tuple[Rule, ...]
PROGRAMS = (
    "torch", "fvcore", "torchinfo", "ptflops", "ptflops_aten", "thop", "calflops", "calflops_flops",
    "torchprofile",
)  # fmt: skip
"""The conventions that are programs."""
UNTESTED: Mapping[str, Rules] = {}
"""The line of an operator that no program was run on; as one program's answer: that one was not."""


def rule(label: str, **times: int) -> Rule:
    """A rule: `times` features of a node, under a label."""
    return Rule(label, times)


def answers(**found: Rule | Rules | Mapping[str, Rules]) -> Mapping[str, Rules]:
    """A line: the rules of the programs named, none for the others; `UNTESTED` leaves a program out.

    Raises TypeError for a program that there is not.
    """
    if not found.keys() <= set(PROGRAMS):
        raise TypeError(f"no program is called {', '.join(found.keys() - set(PROGRAMS))}")
    line: dict[str, Rules] = dict.fromkeys(PROGRAMS, ())
    for program, given in found.items():
        if isinstance(given, Rule):
            line[program] = (given,)
        elif not isinstance(given, Mapping):
            line[program] = given
        else:
            del line[program]
    return line


# Rules that several lines share. A norm without a learned scale costs one less per element in all.

BIAS = rule("bias adds", biased=1)
NO_PARAMS = Rule("", {}, params=False)  # thop: parameters only of layers that it knows
PARAMS = rule("params of other layers", learned=1)
BATCH_NORM = rule("2 per BN element", input=1, scaled=1)
NORM = rule("5 per norm element", input=4, scaled=1)
NORM_THOP = rule("4 per norm element", input=4)
NORM_PROFILE = rule("1 per norm element", scaled=1)
NORM_PTFLOPS = rule("2 per norm element", input=2)
TWICE = rule("2 per activation", input=2)  # by the module and by the function in it
# ReLU6 calls hardtanh, which is not watched; SiLU and softmax have no rule as modules.
PTFLOPS_ONCE = rule("1 per ReLU6, SiLU, softmax", input=1)
ACTIVATION = rule("1 per activation", input=1)
POOL_TWICE = rule("2 per pool input", input=2)
POOL = rule("1 per pool input", input=1)
POOL_AVERAGE = rule("average pool outputs", output=1)
ADAPTIVE = rule("adaptive pool inputs", input=1)
ADAPTIVE_THOP = rule("adaptive pool inputs and outputs", input=1, output=1)
MULTIPLIED = rule("1 per multiplication", output=1)
LRN = rule("LRN", input=3, padded=1)
UNSEEN = rule("products overlooked", macs=-1)
UNSEEN_FLOPS = rule("products overlooked", macs=-2)  # of a convention with 2 FLOPs per MAC

MAX_POOL = answers(ptflops=POOL_TWICE, calflops_flops=POOL)
AVERAGE_ALL = answers(
    fvcore=ADAPTIVE, ptflops=POOL_TWICE, thop=ADAPTIVE_THOP, calflops_flops=POOL, torchprofile=POOL_AVERAGE
)
FUNCTION = dict[str, Rule](torchinfo=UNSEEN, ptflops=UNSEEN, thop=UNSEEN)
"""A product that is a function, which programs that watch modules overlook."""
PRODUCT = answers(**FUNCTION, calflops=UNSEEN, calflops_flops=UNSEEN_FLOPS)

ANSWERS: dict[str, Mapping[str, Rules]] = {
    "conv": answers(
        torchinfo=BIAS, ptflops=BIAS, ptflops_aten=BIAS, calflops_flops=rule("conv bias adds", biased=1)
    ),
    "bn": answers(
        fvcore=BATCH_NORM, torchinfo=PARAMS, ptflops=rule("2 per BN element", input=2), thop=NORM_THOP,
        calflops_flops=BATCH_NORM, torchprofile=NORM_PROFILE,
    ),
    "group_norm": answers(
        fvcore=NORM, torchinfo=PARAMS, ptflops=NORM_PTFLOPS, thop=NO_PARAMS, calflops_flops=NORM,
        torchprofile=NORM_PROFILE,
    ),
    "instance_norm": answers(
        fvcore=NORM, torchinfo=PARAMS, ptflops=NORM_PTFLOPS, thop=NORM_THOP, calflops_flops=NORM,
        torchprofile=NORM_PROFILE,
    ),
    "layer_norm": answers(
        fvcore=NORM, torchinfo=PARAMS, ptflops=rule("1 per layer norm element", input=1), thop=NORM_THOP,
        calflops_flops=NORM, torchprofile=NORM_PROFILE,
    ),
    "rms_norm": answers(torchinfo=PARAMS, thop=NO_PARAMS),
    "relu": answers(ptflops=TWICE, calflops_flops=ACTIVATION),
    "elu": answers(ptflops=TWICE, calflops_flops=ACTIVATION),
    "gelu": answers(ptflops=TWICE, calflops_flops=ACTIVATION),
    "prelu": answers(
        torchinfo=PARAMS, ptflops=TWICE, thop=rule("1 per PReLU", input=1), calflops_flops=ACTIVATION
    ),
    "leaky_relu": answers(
        ptflops=rule("1 per LeakyReLU", input=1),
        calflops_flops=ACTIVATION,
        torchprofile=rule("1 per LeakyReLU", input=1),
    ),
    "relu6": answers(ptflops=PTFLOPS_ONCE),
    "silu": answers(ptflops=PTFLOPS_ONCE, calflops_flops=ACTIVATION),
    "mish": answers(),
    "sigmoid": answers(),
    "tanh": answers(),
    "hardsigmoid": answers(),
    "hardswish": answers(),
    "maxpool": MAX_POOL,
    "global_maxpool": MAX_POOL,
    "adaptive_maxpool": MAX_POOL,
    "avgpool": answers(
        ptflops=POOL_TWICE, thop=POOL_AVERAGE, calflops_flops=POOL, torchprofile=POOL_AVERAGE
    ),
    "global_avgpool": AVERAGE_ALL,
    "adaptive_avgpool": AVERAGE_ALL,
    "max_unpool": answers(),
    "softmax": answers(
        ptflops=PTFLOPS_ONCE, thop=rule("softmax", input=3, positions=-1), calflops_flops=ACTIVATION
    ),
    "mul": answers(torchprofile=rule("1 per multiplication", joined=1)),
    "add": answers(),
    "mean": answers(),
    "concat": answers(),
    "layer_scale": answers(thop=NO_PARAMS, torchprofile=MULTIPLIED),
    "scale": answers(torchprofile=MULTIPLIED),
    "scaled_tanh": answers(torchprofile=rule("1 per multiplication", output=2)),
    "lrn": answers(ptflops=LRN, calflops_flops=LRN, torchprofile=rule("LRN", input=3)),
    "interpolate": answers(
        fvcore=rule("interpolation", nearest=1, bilinear=4),
        ptflops=rule("interpolation", output=1),
        calflops_flops=rule("interpolation, channels forgotten", pixels=1),
        torchprofile=rule("interpolation", bilinear=4),
    ),
    "roi_pool": answers(ptflops=POOL, calflops_flops=POOL),
    "subsample": answers(
        torchinfo=PARAMS, ptflops=POOL, thop=NO_PARAMS, calflops_flops=POOL,
        torchprofile=(POOL_AVERAGE, MULTIPLIED),
    ),
    "linear": answers(
        torchinfo=(BIAS, rule("linear layers once per image", learned=1, macs=-1, biased=-1)),
        ptflops=BIAS,
        ptflops_aten=BIAS,
    ),
    "conv_transpose": answers(
        torchinfo=(BIAS, rule("transposed conv by output size", at_output=1, macs=-1)),
        ptflops=BIAS,
        ptflops_aten=BIAS,
        thop=rule("transposed conv by output size", at_output=1, macs=-1),
        calflops=rule("transposed conv groups twice", groups_twice=1, macs=-1),
        calflops_flops=(
            rule("transposed conv groups twice", groups_twice=2, macs=-2),
            rule("transposed conv bias, as of a conv", bias_as_of_conv=1),
        ),
        torchprofile=rule("transposed conv by output size", at_output_dense=1, macs=-1),
    ),
    "rbf": answers(),
    "dropout": answers(),
    "drop_path": answers(),
    "flatten": answers(),
    "reshape": answers(),
    "zero_pad": answers(),
    "crop": answers(),
    "channel_shuffle": answers(),
    "channel_split": answers(),
    "identity": answers(),
    "windows": answers(),
    "unfold": answers(),
    "fold": answers(),
    "matmul": PRODUCT,
    "einsum": answers(
        **FUNCTION,
        torch=rule("outer products overlooked", outer=-2),
        ptflops_aten=rule("outer products overlooked", outer=-1),
        fvcore=rule("einsum to four digits", einsum_rounding=1),
        calflops=UNSEEN,
        calflops_flops=rule("einsum to four digits", einsum_estimate=1, macs=-2),
    ),
    "attention": answers(
        **FUNCTION,
        fvcore=UNSEEN,
        ptflops_aten=rule("fused attention overlooked", fused=-1),
        calflops=UNSEEN,
        calflops_flops=UNSEEN_FLOPS,
    ),
    "conv_given": answers(**FUNCTION, ptflops_aten=BIAS, calflops_flops=rule("conv bias adds", biased=1)),
    "linear_given": answers(**FUNCTION, ptflops_aten=BIAS),
    "elementwise": answers(),
    "combine": answers(torchprofile=rule("1 per multiplication", multiplied=1)),
    "reduce": answers(torchprofile=rule("1 per mean", averaged=1)),
    "learned": answers(thop=NO_PARAMS),
    "constant": answers(),
    "unused": answers(),
    "view": answers(),
    "copy": answers(),
    "permute": answers(),
    "slice": answers(),
    "select": answers(),
    "expand": answers(),
    "roll": answers(),
    "pad": answers(),
    "gather": answers(),
    "overwrite": answers(),
}  # fmt: skip
"""Every operator's line. Their order is the order in which `reconcile` names the terms."""


def rules_of(program: str) -> dict[str, Rules]:
    """A program's rules by operator; of an operator that is not in it the program is untested."""
    return {name: line[program] for name, line in ANSWERS.items() if program in line}
