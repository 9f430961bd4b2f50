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

A program that watches code counts what it sees of it (`WATCHES`): thop only torch.nn's layers, calflops
what goes through torch.nn.functional. So a line says how the PyTorch twin writes the operator, if not as
a layer of torch.nn, and a rule may be only for calls written in some way; an import says of every call
how its code writes it (the words of importers/aten/written). Features are those of `features`; no
program is run here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Rule(NamedTuple):
    """Operations of an operator beyond its MACs: multiples of features, and their name."""

    label: str
    times: Mapping[str, int]  #: how often each of `FEATURES` counts
    params: bool = True  #: whether the operator's parameters are counted
    on: str = ""  #: the way of writing that it is for; "": whatever the program sees
    off: str = ""  #: a way of writing that it is not for


Rules = tuple[Rule, ...]
CLASS, LEAF, FUNCTION, MULTIHEAD, NAMED = "class", "leaf", "function", "multihead", "named"
SPECIAL = "special"
LAYER = frozenset({CLASS, LEAF, FUNCTION})  # a layer of torch.nn


class Answers(NamedTuple):
    """What the programs make of one operator."""

    rules: Mapping[str, Rules]  #: of the programs that were run on it
    written: frozenset[str] = LAYER  #: how the PyTorch twin writes it


PROGRAMS = (
    "torch", "fvcore", "torchinfo", "ptflops", "ptflops_aten", "thop", "calflops", "calflops_flops",
    "torchprofile",
)  # fmt: skip
"""The conventions that are programs."""
WATCHES: Mapping[str, frozenset[str]] = {
    "torchinfo": frozenset({LEAF}),
    "thop": frozenset({CLASS}),
    "ptflops": frozenset({CLASS, MULTIHEAD, NAMED}),
    "calflops": frozenset({FUNCTION, NAMED}),
    "calflops_flops": frozenset({FUNCTION, NAMED}),
}
"""What a program must see of the code to count a call; the others count every call of PyTorch's operators."""
UNTESTED = Answers({})
"""The line of an operator that no program was run on; as one program's answer: that one was not."""


def rule(label: str, *, on: str = "", off: str = "", **times: int) -> Rule:
    """A rule: `times` features of a node, under a label."""
    return Rule(label, times, on=on, off=off)


def answers(written: str = "", **found: Rule | Rules | Answers) -> Answers:
    """A line: the rules of the programs named, none for the others; `UNTESTED` leaves a program out.

    `written`: how the twin writes the operator, words between spaces; by default as a layer of torch.nn.
    Raises TypeError for a program that there is not.
    """
    if not found.keys() <= set(PROGRAMS):
        raise TypeError(f"no program is called {', '.join(found.keys() - set(PROGRAMS))}")
    line: dict[str, Rules] = dict.fromkeys(PROGRAMS, ())
    for program, given in found.items():
        if isinstance(given, Rule):
            line[program] = (given,)
        elif isinstance(given, Answers):
            del line[program]
        else:
            line[program] = given
    return Answers(line, frozenset(written.split()) or LAYER)


# Rules that several lines share. A norm without a learned scale costs one less per element in all.

BIAS = rule("bias adds", biased=1)
NO_PARAMS = Rule("", {}, params=False)  # thop: no rule for the class, so no parameters either
PARAMS = rule("params of other layers", learned=1)
BATCH_NORM = rule("2 per BN element", input=1, scaled=1)
NORM = rule("5 per norm element", input=4, scaled=1)
NORM_THOP = rule("4 per norm element", input=4)
NORM_PROFILE = rule("1 per norm element", scaled=1)
NORM_PTFLOPS = rule("2 per norm element", input=2)
TWICE = (  # by the module and by the function in it
    rule("2 per activation", on=CLASS, input=2),
    rule("1 per activation", on=FUNCTION, off=CLASS, input=1),
)
# ReLU6 calls hardtanh, which is not watched; SiLU and softmax have no rule as modules.
PTFLOPS_ONCE = rule("1 per ReLU6, SiLU, softmax", on=FUNCTION, input=1)
ACTIVATION = rule("1 per activation", input=1)
POOL_TWICE = (
    rule("2 per pool input", on=CLASS, input=2),
    rule("1 per pool input", on=FUNCTION, off=CLASS, input=1),
)
POOL = rule("1 per pool input", on=FUNCTION, input=1)
POOL_AVERAGE = rule("average pool outputs", output=1)
ADAPTIVE = rule("adaptive pool inputs", on=FUNCTION, input_2d=1)  # not x.mean((2, 3)); two axes only
ADAPTIVE_THOP = rule("adaptive pool inputs and outputs", input=1, output=1)
MULTIPLIED = rule("1 per multiplication", output=1)
POOL_INSIDE = rule("pool, ReLU and product inside", input=1, output=2)  # of F.lp_pool1d to 3d
TWO_PRODUCTS = rule("1 per multiplication", output=2)
LRN = rule("LRN", input=3, padded=1)
UNSEEN = rule("products overlooked", macs=-1)
UNSEEN_FLOPS = rule("products overlooked", macs=-2)  # of a convention with 2 FLOPs per MAC
NAMED_ONCE = rule("1 per call of add or mul by name", on=NAMED, output=1)
BY_NAME = dict[str, "Rule | Rules"](ptflops=NAMED_ONCE, calflops_flops=NAMED_ONCE)

MAX_POOL = answers(ptflops=POOL_TWICE, calflops_flops=POOL)
AVERAGE_ALL = answers(
    fvcore=ADAPTIVE, ptflops=POOL_TWICE, thop=ADAPTIVE_THOP, calflops_flops=POOL, torchprofile=POOL_AVERAGE
)


def recurrent(gates: int, hooks: int, thops: int, **more: Rules) -> Answers:
    """The line of a recurrent layer: gates of a unit, and what is counted per unit and step beside MACs.

    `hooks` are those of ptflops and calflops, `thops` those of thop; both without biases.
    """
    biases = rule("bias adds", biased_units=2 * gates)
    flops = rule("gates", units=hooks - 2 * gates, biased_units=2 * gates)
    found: dict[str, Any] = {
        "fvcore": (UNSEEN,),
        "torchinfo": (biases,),
        "ptflops": (biases, rule("gates", units=hooks)),
        "ptflops_aten": (biases,),
        "thop": (rule("gates", units=thops, biased_units=2 * gates),),
        "calflops": (UNSEEN,),
        "calflops_flops": (flops,),
        "torchprofile": () if "torchprofile" in more else (UNSEEN,),
    }
    return answers(**{program: rules + more.get(program, ()) for program, rules in found.items()})


ANSWERS: dict[str, Answers] = {
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
    "lp_pool": answers(
        ptflops=POOL_INSIDE, calflops_flops=POOL_INSIDE, torchprofile=(POOL_AVERAGE, TWO_PRODUCTS)
    ),
    "global_avgpool": AVERAGE_ALL,
    "adaptive_avgpool": AVERAGE_ALL,
    "max_unpool": answers(),
    "softmax": answers(
        ptflops=PTFLOPS_ONCE, thop=rule("softmax", input=3, positions=-1), calflops_flops=ACTIVATION
    ),
    "mul": answers(written=LEAF, **BY_NAME, torchprofile=rule("1 per multiplication", joined=1)),
    "add": answers(written=LEAF, **BY_NAME),
    "mean": answers(),
    "concat": answers(),
    "layer_scale": answers(written=LEAF, **BY_NAME, torchprofile=MULTIPLIED),
    "scale": answers(written=LEAF, **BY_NAME, torchprofile=MULTIPLIED),
    "scaled_tanh": answers(torchprofile=TWO_PRODUCTS),
    "lrn": answers(ptflops=LRN, calflops_flops=LRN, torchprofile=rule("LRN", input=3)),
    "interpolate": answers(
        written=f"{LEAF} {FUNCTION}",
        fvcore=rule("interpolation", nearest_2d=1, bilinear=4),
        ptflops=(
            rule("interpolation", on=FUNCTION, output=1),
            rule("interpolation, the module's", on=CLASS, output=1),
        ),
        thop=rule("interpolation", nearest=1, bilinear=11, bicubic=259),
        calflops_flops=rule("interpolation, channels forgotten", pixels=1),
        torchprofile=rule("interpolation", bilinear=4),
    ),
    "roi_pool": answers(written=f"{LEAF} {FUNCTION}", ptflops=POOL, calflops_flops=POOL),
    "subsample": answers(
        written=f"{LEAF} {FUNCTION}", torchinfo=PARAMS, ptflops=POOL, calflops_flops=POOL,
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
    "rnn": recurrent(1, 1, 1),
    "gru": recurrent(3, 7, 7),
    "lstm": recurrent(
        4, 10, 8,
        ptflops=(rule("projections overlooked", projection=-1),),
        ptflops_aten=(rule("fused LSTM overlooked", one_kernel=-1),),
        thop=(rule("projections overlooked", unprojected=1, macs=-1),),
        calflops_flops=(rule("projections overlooked", projection=-2),),
        torchprofile=(rule("units taken for those of the projection", projected_only=1, macs=-1),),
    ),
    "embedding": answers(torchinfo=PARAMS, thop=NO_PARAMS),
    "bilinear": answers(
        fvcore=UNSEEN, ptflops=UNSEEN, ptflops_aten=UNSEEN, calflops=UNSEEN, torchprofile=UNSEEN,
        torch=UNSEEN_FLOPS, calflops_flops=UNSEEN_FLOPS,
        torchinfo=(UNSEEN, PARAMS), thop=(UNSEEN, NO_PARAMS),
    ),
    "deform_conv": answers(  # of torchvision.ops; ours stands in for its shapes
        torch=UNSEEN_FLOPS, fvcore=UNSEEN, torchinfo=BIAS, ptflops_aten=UNSEEN, thop=(UNSEEN, NO_PARAMS),
        ptflops=(BIAS, rule("24 per tap, 25 with a mask", taps=24, masked=1)),
        calflops=UNSEEN, calflops_flops=UNSEEN_FLOPS, torchprofile=UNSEEN,
    ),
    "custom": UNTESTED,
    "grid_sample": answers(
        written=LEAF, fvcore=rule("grid sampling", output=4), torchprofile=rule("grid sampling", bilinear=4)
    ),
    "pixel_shuffle": answers(),
    "pixel_unshuffle": answers(),
    "selu": answers(),
    "celu": answers(),
    "glu": answers(),
    "log_softmax": answers(),
    "rbf": answers(written=LEAF),
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
    "matmul": answers(written=LEAF, torch=rule("products with a vector overlooked", on=SPECIAL, macs=-2)),
    "einsum": answers(
        written=f"{LEAF} {NAMED}",
        ptflops=UNSEEN,
        torch=rule("outer products overlooked", outer=-2),
        ptflops_aten=rule("outer products overlooked", outer=-1),
        fvcore=rule("einsum to four digits", einsum_rounding=1),
        calflops=UNSEEN,
        calflops_flops=rule("einsum to four digits", einsum_estimate=1, macs=-2),
    ),
    "attention": answers(
        written=f"{LEAF} {FUNCTION}",
        fvcore=UNSEEN,
        ptflops=rule("scaling and softmax", on=MULTIHEAD, input=1, weighed=1),
        ptflops_aten=rule("fused attention overlooked", fused=-1),
        calflops=UNSEEN,
        calflops_flops=UNSEEN_FLOPS,
        torchprofile=rule("4 products of sizes per multi-head attention", on=MULTIHEAD, once=4),
    ),
    "conv_given": answers(
        written=f"{LEAF} {FUNCTION}", ptflops=BIAS, ptflops_aten=BIAS,
        calflops_flops=rule("conv bias adds", biased=1),
    ),
    "linear_given": answers(written=f"{LEAF} {FUNCTION}", ptflops=BIAS, ptflops_aten=BIAS),
    "elementwise": answers(written=LEAF, **BY_NAME),
    "combine": answers(written=LEAF, **BY_NAME, torchprofile=rule("1 per multiplication", multiplied=1)),
    "reduce": answers(written=LEAF, torchprofile=rule("1 per mean", averaged=1)),
    "learned": answers(written=LEAF),
    "unused": answers(written=LEAF),
    "constant": answers(),
    "view": answers(),
    "copy": answers(),
    "permute": answers(),
    "slice": answers(),
    "select": answers(),
    "expand": answers(),
    "roll": answers(),
    "flip": answers(),
    "pad": answers(),
    "gather": answers(),
    "overwrite": answers(),
}  # fmt: skip
"""Every operator's line. Their order is the order in which `reconcile` names the terms."""


def rules_of(program: str) -> dict[str, Rules]:
    """A program's rules by operator; of an operator that is not in it the program is untested."""
    return {name: line.rules[program] for name, line in ANSWERS.items() if program in line.rules}
