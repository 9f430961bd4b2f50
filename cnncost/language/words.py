"""Words of PyTorch and Keras, and what they are called here: for the cures of errors, and the reference.

Only words whose letters do not lead to ours; a misspelling of ours is found by its letters.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from cnncost.errors import did_you_mean
from cnncost.ops import REGISTRY

OPERATORS = {
    "upsample": "interpolate", "upsampling": "interpolate", "resize": "interpolate", "dense": "linear",
    "fc": "linear", "fullyconnected": "linear", "gemm": "linear", "batchnorm": "bn",
    "batchnormalization": "bn", "convolution": "conv", "convtranspose": "conv_transpose",
    "deconv": "conv_transpose", "deconvolution": "conv_transpose", "upconv": "conv_transpose",
    "maxpooling": "maxpool", "maxpool": "maxpool", "avgpool": "avgpool", "averagepooling": "avgpool",
    "averagepool": "avgpool", "globalaveragepooling": "global_avgpool",
    "globalaveragepool": "global_avgpool", "gap": "global_avgpool", "globalmaxpooling": "global_maxpool",
    "adaptiveavgpool": "adaptive_avgpool", "adaptivemaxpool": "adaptive_maxpool", "layernorm": "layer_norm",
    "layernormalization": "layer_norm", "groupnorm": "group_norm", "groupnormalization": "group_norm",
    "instancenorm": "instance_norm", "rmsnorm": "rms_norm", "localresponsenorm": "lrn", "swish": "silu",
    "leakyrelu": "leaky_relu", "concatenate": "concat", "cat": "concat", "multiply": "mul", "sum": "add",
    "plus": "add", "zeropadding": "zero_pad", "zeropad": "zero_pad", "pixelshuffle": "pixel_shuffle",
    "channelshuffle": "channel_shuffle", "transpose": "permute", "unsqueeze": "view", "squeeze": "view",
    "multiheadattention": "attention", "scaleddotproductattention": "attention", "bmm": "matmul",
    "depthwiseconv": "conv", "separableconv": "conv", "conv": "conv", "logsoftmax": "log_softmax",
    "stochasticdepth": "drop_path", "droppath": "drop_path", "hardsigmoid": "hardsigmoid",
}  # fmt: skip
"""By letters in lower case, without the 1d, 2d or 3d at the end."""
ARGUMENTS = {
    "padding": "pad", "kernelsize": "kernel", "poolsize": "kernel", "outchannels": "out",
    "outfeatures": "out", "filters": "out", "units": "out", "channels": "out", "strides": "stride",
    "dilationrate": "dilation", "dilations": "dilation", "usebias": "bias", "ceilmode": "ceil",
    "numgroups": "groups", "group": "groups", "scalefactor": "scale", "outputsize": "size",
    "negativeslope": "slope", "rate": "p", "prob": "p", "outputpadding": "output_pad",
    "hiddensize": "hidden", "numlayers": "layers", "affine": "scale", "dim": "axis",
    "op": "function", "operation": "function", "fn": "function", "mode": "function", "dims": "axes",
    "embeddingdim": "size", "numembeddings": "vocabulary", "upscalefactor": "factor", "blocksize": "factor",
    "offset": "start", "alpha": "slope", "proj": "projection", "projsize": "projection", "factor": "by",
}  # fmt: skip
INPUTS = (
    "inchannels", "infeatures", "inputshape", "inputdim", "numfeatures", "normalizedshape", "inputsize",
)  # fmt: skip
"""Arguments that say what the input has: it is known here."""
KEYS = {
    **dict.fromkeys(("layers", "model", "network", "net", "architecture", "modules", "steps"), "body"),
    **dict.fromkeys(("inputshape", "inputsize", "imagesize", "size", "shape"), "input"),
    **dict.fromkeys(("parameters", "hyperparameters", "config", "arguments", "variables"), "params"),
    **dict.fromkeys(("definitions", "functions", "macros"), "blocks"),
    "name": "family", "models": "variants", "type": "dtype",
}  # fmt: skip
"""Keys of a spec, by letters in lower case."""
MODIFIERS = {
    **dict.fromkeys(("repeat", "repeats", "n", "num", "number", "count", "depth"), "times"),
    **dict.fromkeys(("name", "id", "label"), "as"),
    **dict.fromkeys(("input", "inputs", "bottom", "source", "src"), "from"),
    **dict.fromkeys(("when", "condition"), "if"),
}
"""What stands beside an operator."""
STEPS = {
    **dict.fromkeys(("activation", "act", "nonlinearity", "actlayer"), "relu"),
    **dict.fromkeys(("bn", "norm", "batchnorm", "normlayer", "normalization", "usebn"), "bn"),
    "dropout": "{dropout: {p: 0.5}}",
    "pool": "{maxpool: {kernel: 2, stride: 2}}",
}
"""What other programs have as an argument, and is a step of its own here."""
SEQUENCES = ("sequential", "sequence", "seq", "block", "stage", "steps", "branch", "branches", "parallel")
FREE = ("alpha", "momentum", "trackrunningstats", "device", "eps")
"""Arguments of other programs that change no cost."""
VALUES_OF_OTHERS = {
    "no": "write false", "off": "write false", "yes": "write true", "on": "write true", "valid": "write 0",
    "C": "here it is channels", "H": "here it is height", "W": "here it is width", "none": "leave it out",
    "in_channels": "here it is channels", "None": "leave it out", "null": "leave it out",
}  # fmt: skip
"""Words in the place of a value."""
TYPES = ("type", "op", "class", "layer", "module", "operator", "classname")
"""Keys under which other programs name the operator."""
WITH_AXES = {
    "depthwiseconv": "conv with groups: channels",
    "separableconv": "conv with groups: channels, then conv",
}
EXAMPLES = {
    "conv_transpose": "conv_transpose: {out: 64, kernel: 2, stride: 2}",
    "deform_conv": "deform_conv: {out: 64, pad: 1, map: [], offsets: [{conv: {out: 18, kernel: 3, pad: 1}}]}",
    "conv_given": "conv_given: {pad: 1, map: [], filters: [{learned: {shape: [64, 64, 3, 3]}}]}",
    "linear_given": "linear_given: {features: [], weights: [{learned: {shape: [10, 512]}}]}",
    "bilinear": "bilinear: {out: 64, left: [], right: [{linear: {out: 128}}]}",
    "embedding": "embedding: {vocabulary: 1000, size: 64}",
    "einsum": "einsum: {equation: bchw_bcvw_bchv, left: [], right: []}",
    "matmul": "matmul: {left: [], right: [{permute: {axes: [0, 2, 1]}}]}",
    "attention": "attention: {queries: [{linear: {out: 32}}], keys: [{linear: {out: 32}}], values: []}",
    "rnn": "rnn: {hidden: 64}",
    "lstm": "lstm: {hidden: 64, bidirectional: true}",
    "gru": "gru: {hidden: 64}",
    "interpolate": "interpolate: {scale: 2}",
    "maxpool": "maxpool: {kernel: 3, stride: 2, pad: 1}",
    "avgpool": "avgpool: {kernel: 2, stride: 2}",
    "lp_pool": "lp_pool: {kernel: 3, stride: 2}",
    "max_unpool": "max_unpool: {pool: label}",
    "elementwise": "elementwise: {function: exp}",
    "combine": "combine: {function: sub, left: [], right: [{from: label}]}",
    "reduce": "reduce: {function: mean, axes: [2, 3]}",
    "permute": "permute: {axes: [0, 2, 3, 1]}",
    "reshape": "reshape: {shape: [64, 3136], axes: CW}",
    "view": "view: {shape: [-1, 64, 3136]}",
    "fold": "fold: {kernel: 3, size: 58}",
    "zero_pad": "zero_pad: {pad: 1}",
    "crop": "crop: {size: 48}",
    "slice": "slice: {axis: 1, stop: 32}",
    "gather": "gather: {axis: 1, count: 32}",
    "overwrite": "overwrite: {whole: [], part: [{crop: {size: 28}}], start: [0, 0, 0, 0]}",
    "grid_sample": "grid_sample: {map: [], grid: [{conv: {out: 2}}, {permute: {axes: [0, 2, 3, 1]}}]}",
    "channel_split": "channel_split: {parts: 2, take: 0}",
    "subsample": "subsample: {kernel: 2}",
    "lrn": "lrn: {size: 5}",
    "dropout": "dropout: {p: 0.5}",
    "add": "add: {main: [{conv: {out: 64, kernel: 3, pad: 1}}, relu], shortcut: []}",
    "mul": "mul: {map: [], gate: [global_avgpool, {conv: {out: 64}}, sigmoid]}",
    "mean": "mean: {left: [], right: [{from: label}]}",
    "concat": "concat: {up: [], skip: [{from: label}]}",
    "expand": "expand: {shape: [-1, 64, 56, 56], like: input}",
    "pad": "pad: {sides: 1, mode: reflect}",
    "learned": "combine: {function: add, x: [], positions: [{learned: {shape: [1, 64, 56, 56]}}]}",
    "constant": "combine: {function: mul, x: [], mask: [{constant: {shape: [1, 1, 56, 56]}}]}",
    "custom": "custom: {what: mine, takes: [[-1, 64, 56, 56]], shape: [-1, 8], mac_counts: [0, 5e6], x: []}",
}  # fmt: skip
"""How a step is written, where more is to be shown than an operator's arguments."""


def operator_cure(word: str, known: list[str], labels: Collection[str] = ()) -> str | None:
    """What an unknown operator was meant to be: ours for a word of PyTorch or Keras, else the nearest.

    A label or a call where a step should be is what most people try first.
    """
    if word in labels:
        return f"it is a label: {{from: {word}}}"
    block = re.match(r"(\w+)\((.*)\)\Z", word)
    if block is not None and block[1] in known and block[1] not in REGISTRY:
        return f"write {{{block[1]}: [{block[2]}]}}"
    if word.lower() in SEQUENCES:
        return "several steps under a name are a block: blocks: {name: [conv, relu]}, then - name"
    called = re.match(r"(?:nn\.|layers\.|torch\.nn\.)?(\w+)\s*(\(.*)?\Z", word, re.DOTALL)
    if called is not None and called[2]:  # Conv2d(3, 8, kernel_size=3)
        ours = OPERATORS.get(_letters(called[1]), called[1].lower())
        return f"write it as YAML: {example(ours)}" if ours in REGISTRY else None
    letters = _letters(called[1] if called is not None else word)
    if letters in WITH_AXES:
        return f"here it is {WITH_AXES[letters]}"
    ours = OPERATORS.get(letters)
    if ours is not None and ours in REGISTRY and word not in REGISTRY:
        return f"here it is {ours!r}"
    return did_you_mean(word, known)


def argument_cure(word: str, known: list[str]) -> str | None:
    """The same for an argument of an operator that takes `known`."""
    letters = re.sub(r"[\W_]", "", word).lower()
    if letters in INPUTS:
        return "leave it out: the input's sizes are known"
    ours = ARGUMENTS.get(letters)
    if ours in known:
        return f"here it is {ours!r}"
    if letters in FREE:
        return "leave it out: it changes no cost"
    if letters in STEPS:
        return f"a step of its own, after this one: - {STEPS[letters]}"
    beside = MODIFIERS.get(letters, letters if letters in MODIFIERS.values() else None)
    if beside is not None:
        return f"here it stands beside the operator: {{{example('conv')}, {beside}: {VALUES[beside]}}}"
    return did_you_mean(word.lower(), known)


VALUES = {"times": "3", "as": "label", "from": "label", "if": "stride > 1"}


def expression_cure(text: str, message: str) -> str | None:
    """What was meant by a text that is no arithmetic."""
    if text.startswith("("):
        return "a list has brackets: [3, 3]"
    if text.count("(") > text.count(")"):
        return f"within braces and brackets a comma stands in quotes: '{text}, ...)'"
    if re.fullmatch(r"\d+(x\d+)+", text):
        return sizes_cure(text)
    if "^" in text:
        return "a power is **"
    return "write numbers, names and + - * / // % **" if message.startswith("not an") else None


def key_cure(word: str, known: list[str]) -> str | None:
    """What an unknown key of a spec was meant to be."""
    ours = KEYS.get(_letters(word))
    return f"here it is {ours!r}" if ours in known else did_you_mean(word.lower(), known)


def too_many(first: str, second: str, known: list[str]) -> tuple[str, str | None]:
    """Of two keys of a step the one that is wrong, and what it was meant to be."""
    if first in TYPES:
        return first, "the operator is the key: conv: {out: 64, kernel: 3, pad: 1}"
    if second not in REGISTRY and (step := STEPS.get(_letters(second))) is not None:
        return second, f"a step of its own, after this one: - {step}"
    for word in (second, first):
        if (ours := MODIFIERS.get(_letters(word))) is not None:
            return word, f"here it is {ours!r}"
    if second in REGISTRY:
        return second, "begin a new step: a hyphen before each"
    return second, did_you_mean(second, known)


def sizes_cure(text: str) -> str:
    """How an input is written that is no list: `3x32x32` as a list of its sizes."""
    sizes = re.findall(r"\d+", text)
    return (
        f"write [{', '.join(sizes)}]" if len(sizes) > 1 else "write [channels, height, width]: [3, 224, 224]"
    )


def kin_of(cure: str | None) -> str | None:
    """The operators of the kind that a cure names: a line for an error; None if it names none."""
    named = re.search(r"'(\w+)'", cure or "")
    operator = REGISTRY.get(named[1]) if named else None
    if operator is None:
        return None
    same = [name for name, each in REGISTRY.items() if each.kin == operator.kin]
    return f"{operator.kin}: {', '.join(same)}"


def example(name: str) -> str:
    """How a step of an operator is written."""
    operator = REGISTRY[name]
    if name in EXAMPLES:
        return EXAMPLES[name]
    needed = [argument for argument in operator.arguments.values() if argument.required]
    shown = [
        *needed,
        *(a for a in operator.arguments.values() if a.name in ("kernel", "pad") and a not in needed),
    ]
    if not shown:
        return name
    values = {"out": "64", "kernel": "3", "pad": "1", "size": "7", "shape": "[16, 49]", "groups": "4"}
    return f"{name}: {{{', '.join(f'{each.name}: {values.get(each.name, 2)}' for each in shown[:3])}}}"


def _letters(word: str) -> str:
    """A word's letters, small, less the axes at its end: BatchNorm2d is batchnorm."""
    return re.sub(r"(?<=\w)[123]d", "", re.sub(r"[\W_]", "", word).lower())
