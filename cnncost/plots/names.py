"""Models' names as papers write them: vgg16_bn is VGG-16-BN, mobilenet_v3_large MobileNetV3-Large."""

from __future__ import annotations

import re

_RULES = (
    (r"alexnet", "AlexNet"), (r"caffenet", "CaffeNet"), (r"zfnet(?:_(\d+))?", r"ZFNet[-\1]"), (r"nin", "NiN"),
    (r"lenet5(?:_(\d+))?", r"LeNet-5[ (\1)]"), (r"(?:vgg)(\d+)", r"VGG-\1"), (r"googlenet", "GoogLeNet"),
    (r"inception_v(\d)", r"Inception-v\1"), (r"inception_resnet_v(\d)", r"Inception-ResNet-v\1"),
    (r"xception", "Xception"), (r"plain(\d+)", r"plain-\1"), (r"preact_resnet(\d+)", r"PreAct-ResNet-\1"),
    (r"se_resnet(\d+)", r"SE-ResNet-\1"), (r"wide_resnet(\d+)_(\d+)", r"Wide ResNet-\1-\2"),
    (r"resnext(\d+)(?:_(\d+x\d+d))?", r"ResNeXt-\1[ \2]"),
    (r"stochastic_depth_resnet(\d+)", r"ResNet-\1, stochastic depth"),
    (r"fcn_resnet(\d+)", r"FCN-ResNet-\1"), (r"deeplabv3_resnet(\d+)", r"DeepLabv3-ResNet-\1"),
    (r"resnet(\d+)", r"ResNet-\1"), (r"wrn_(\d+)_(\d+)", r"WRN-\1-\2"), (r"densenet(\d+)", r"DenseNet-\1"),
    (r"densenet_bc(\d+)", r"DenseNet-BC-\1"), (r"squeezenet1_(\d)", r"SqueezeNet 1.\1"),
    (r"mobilenet_v(\d)_x(\d)_(\d+)", r"MobileNetV\1 ×\2.\3"), (r"mobilenet_v(\d)", r"MobileNetV\1"),
    (r"mnasnet(\d)_(\d+)", r"MnasNet \1.\2"), (r"nasnet_a", "NASNet-A"), (r"enet", "ENet"),
    (r"unet", "U-Net"),
    (r"segnet", "SegNet"), (r"efficientnet_b(\d)", r"EfficientNet-B\1"),
    (r"efficientnet_v2_b(\d)", r"EfficientNetV2-B\1"), (r"efficientnet_v2", "EfficientNetV2"),
    (r"convnext", "ConvNeXt"), (r"fractalnet(\d+)", r"FractalNet-\1"),
    (r"fractalnet_ultra_c(\d)", r"FractalNet (ultra, \1 columns)"),
    (r"shufflenet_v1_g(\d)(?:_x(\d)_(\d+))?", r"ShuffleNetV1 (g=\1)[ ×\2.\3]"),
    (r"shufflenet_v(\d)_x(\d)_(\d+)", r"ShuffleNetV\1 ×\2.\3"),
    (r"regnet_x_(\d+)mf", r"RegNetX-\1MF"), (r"regnet_x_(\d+)(?:_(\d+))?gf", r"RegNetX-\1[.\2]GF"),
    (r"regnet_y_(\d+)mf", r"RegNetY-\1MF"), (r"regnet_y_(\d+)(?:_(\d+))?gf", r"RegNetY-\1[.\2]GF"),
    (r"fast_rcnn", "Fast R-CNN"), (r"fcn(\d+)s", r"FCN-\1s"),
)  # fmt: skip
"""Beginnings of names, whole words, and how they are printed; the longest that fits is taken. What stands
in brackets is left out where its group found nothing."""
_REMARKS = {
    "torchvision": "torchvision", "caffe": "Caffe", "keras": "Keras", "slim": "Slim", "facenet": "FaceNet",
    "cifar": "CIFAR", "cifar10": "CIFAR-10", "2gpu": "two GPUs", "release": "release", "basic": "basic",
    "svd": "SVD", "head": "head", "vgg16": "VGG-16", "caffenet": "CaffeNet", "v1": "v1",
}  # fmt: skip
"""Endings that stand in parentheses."""


def proper(name: str) -> str:
    """A model's name for print; one that follows no rule stays, its underscores blanks."""
    found = [
        (match, shown) for pattern, shown in _RULES if (match := re.match(rf"(?:{pattern})(?=_|\Z)", name))
    ]
    if not found:
        return name.replace("_", " ")
    match, shown = max(found, key=lambda each: each[0].end())
    rest = [part for part in name[match.end() :].split("_") if part]
    remarks = [_REMARKS[part] for part in rest if part in _REMARKS]
    endings = [part for part in rest if part not in _REMARKS]
    tail = "".join(f"-{part.upper() if len(part) <= 3 else part.capitalize()}" for part in endings)
    return _filled(shown, match) + tail + (f" ({', '.join(remarks)})" if remarks else "")


def _filled(shown: str, match: re.Match[str]) -> str:
    """A rule's text with the groups of a name."""

    def kept(piece: re.Match[str]) -> str:
        return piece[1] if all(match[int(group)] for group in re.findall(r"\\(\d)", piece[1])) else ""

    return match.expand(re.sub(r"\[([^\]]*)\]", kept, shown))
