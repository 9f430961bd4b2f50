"""Words of PyTorch and Keras, and what they are called here: for the cures of errors, and the reference.

Only words whose letters do not lead to ours; a misspelling of ours is found by its letters.
"""

from __future__ import annotations

import re

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
}  # fmt: skip
INPUTS = (
    "inchannels", "infeatures", "inputshape", "inputdim", "numfeatures", "normalizedshape", "inputsize",
)  # fmt: skip
"""Arguments that say what the input has: it is known here."""
WITH_AXES = {
    "depthwiseconv": "conv with groups: channels",
    "separableconv": "conv with groups: channels, then conv",
}
EXAMPLES = {
    "interpolate": "interpolate: {scale: 2}",
    "maxpool": "maxpool: {kernel: 3, stride: 2, pad: 1}",
    "avgpool": "avgpool: {kernel: 2, stride: 2}",
    "elementwise": "elementwise: {function: exp}",
    "reduce": "reduce: {function: mean, axes: [2, 3]}",
    "permute": "permute: {axes: [0, 2, 3, 1]}",
    "reshape": "reshape: {shape: [64, 3136]}",
    "zero_pad": "zero_pad: {pad: 1}",
    "crop": "crop: {size: 48}",
    "channel_split": "channel_split: {parts: 2, take: 0}",
    "subsample": "subsample: {kernel: 2}",
    "lrn": "lrn: {size: 5}",
    "dropout": "dropout: {p: 0.5}",
    "add": "add: {main: [conv_bn, relu], shortcut: []}",
    "concat": "concat: {up: [], skip: [{from: label}]}",
}
"""How a step is written, where more is to be shown than an operator's arguments."""


def operator_cure(word: str, known: list[str]) -> str | None:
    """What an unknown operator was meant to be: ours for a word of PyTorch or Keras, else the nearest."""
    letters = _letters(word)
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
    return f"here it is {ours!r}" if ours in known else did_you_mean(word, known)


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
    if operator.inputs is None:
        return f"{name}: {{a: [], b: [{{from: label}}]}}"
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
