"""The arena that `cnncost memory --runtime tflm` plans, against files of TensorFlow's own converter.

    python -m venv keras; keras/bin/pip install tensorflow-cpu tflite-micro -e .
    keras/bin/python benchmarks/keras_arena.py [names]

`tflm_arena.py` writes files of our own steps; here a network is written in Keras and, by hand, as a spec. The
one in Keras is converted to int8, TFLM allocates it, and the head of its arena is compared with what the spec
is said to need: what is folded, fused, split and left in floats is the converter's, too. `arena` is what was
recorded with TensorFlow 2.21.0 and tflite-micro 0.dev20261023182759; a test holds the specs to it. Prints a
line per network; exits 1 if one differs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import cnncost
from cnncost.deployment.deploy import deploy
from cnncost.language.zoo import graph_of, parse_text


class Pair(NamedTuple):
    """A network twice, and the bytes of its arena."""

    name: str
    keras: Callable[[Any], tuple[Any, Any]]  #: of keras.layers: (inputs, outputs)
    spec: str
    arena: int


def separable(k: Any) -> tuple[Any, Any]:
    x = i = k.Input((49, 10, 1))
    for kernel, stride in (((10, 4), 2), *[(3, 1)] * 4):
        if x is i:
            x = k.Conv2D(64, kernel, stride, "same", use_bias=False)(x)
        else:
            x = k.ReLU()(k.BatchNormalization()(k.DepthwiseConv2D(kernel, stride, "same", use_bias=False)(x)))
            x = k.Conv2D(64, 1, use_bias=False)(x)
        x = k.ReLU()(k.BatchNormalization()(x))
    return i, k.Softmax()(k.Dense(12)(k.GlobalAveragePooling2D()(x)))


def outputs(k: Any) -> tuple[Any, Any]:
    i = k.Input((64, 64, 3))
    x = k.ReLU(6.0)(k.Conv2D(8, 3, 2, "same")(i))
    x = k.ReLU(6.0)(k.DepthwiseConv2D(3, 2, "same")(x))
    wide = k.Conv2D(24, 1)(x)
    return i, [k.Conv2D(6, 3, 1, "same")(wide), k.Activation("sigmoid")(k.Conv2D(2, 1)(wide)), wide]


def excitation(k: Any) -> tuple[Any, Any]:
    i = k.Input((40, 40, 3))
    x = k.Activation("hard_swish")(k.BatchNormalization()(k.Conv2D(16, 3, 2, "same", use_bias=False)(i)))
    x = k.ReLU()(k.BatchNormalization()(k.DepthwiseConv2D(5, 2, "same", use_bias=False)(x)))
    gate = k.Conv2D(8, 1, activation="relu")(k.GlobalAveragePooling2D(keepdims=True)(x))
    x = k.Multiply()([x, k.Activation("sigmoid")(k.Conv2D(16, 1)(gate))])
    x = k.Conv2D(24, 1)(x)
    x = k.Add()([k.Conv2D(24, 1)(k.Activation("hard_swish")(k.Conv2D(96, 1)(x))), x])
    return i, k.Softmax()(k.Dense(10)(k.GlobalAveragePooling2D()(x)))


def twice_read(k: Any) -> tuple[Any, Any]:
    i = k.Input((16, 16, 8))
    first = k.Conv2D(16, 3, 1, "same")(i)
    early = k.ReLU()(first)
    total = k.Add()([early, k.Conv2D(16, 3, 1, "same")(first)])
    x = k.Multiply()([k.Multiply()([total, k.ReLU()(total)]), early])
    return i, [early, k.MaxPool2D(2)(x)]


def split(k: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    i = k.Input((16, 16, 8))
    x = k.Conv2D(8, 1)(k.Conv2D(8, 3, 1, "same")(i))
    x = k.Conv2D(8, 1)(k.Lambda(lambda t: tf.nn.space_to_depth(tf.nn.depth_to_space(t, 2), 2))(x))
    x = k.Lambda(lambda t: t[:, 2:14, 1:9, :])(k.Permute((2, 1, 3))(x))
    x = k.Lambda(lambda t: tf.image.resize(t, (24, 16), method="nearest"))(x)
    a, b = k.Lambda(lambda t: tf.split(t, 2, axis=-1))(x)
    x = k.Conv2D(6, 1)(k.Concatenate()([k.Conv2D(4, 1)(a), b]))
    return i, k.Lambda(lambda t: tf.nn.log_softmax(t))(x)


def floats(k: Any) -> tuple[Any, Any]:
    i = k.Input((20, 20, 4))
    x = k.Conv2D(8, 3, 1, "same")(k.LeakyReLU(negative_slope=0.01)(k.Conv2D(8, 3, 1, "same")(i)))
    x = k.Activation("silu")(k.Conv2D(12, 1)(k.Activation("elu")(x)))
    return i, k.Dense(6)(k.Flatten()(k.Activation("tanh")(k.AveragePooling2D(2)(x))))


def decoder(k: Any) -> tuple[Any, Any]:
    i = k.Input((8, 8, 16))
    x = k.ReLU()(k.Conv2DTranspose(8, 2, 2)(i))
    return i, k.Activation("sigmoid")(k.Conv2DTranspose(4, 2, 2)(x))


def sensors(k: Any) -> tuple[Any, Any]:
    image, vector = k.Input((24, 24, 3)), k.Input((6,))
    a = k.GlobalAveragePooling2D()(k.Conv2D(8, 3, 2, "same", activation="relu")(image))
    x = k.Concatenate()([a, k.Dense(8, "relu")(vector)])
    return [image, vector], k.Softmax()(k.Dense(3)(x))


UNIT = (
    "{conv: {out: channels, kernel: 3, pad: 1, groups: channels, bias: false}}, bn, relu,"
    " {conv: {out: 64, bias: false}}, bn, relu"
)
PAIRS = (
    Pair("separable", separable, f"""
input: [1, 49, 10]
blocks: {{unit: [{UNIT}]}}
body: [{{conv: {{out: 64, kernel: [10, 4], stride: 2, pad: [4, 5, 1, 1], bias: false}}}}, bn, relu,
       {{unit: , times: 4}}, global_avgpool, flatten, {{linear: {{out: 12}}}}, softmax]
""", 16_000),
    Pair("outputs", outputs, """
input: [3, 64, 64]
body: [{conv: {out: 8, kernel: 3, stride: 2, pad: 1}}, relu6,
       {conv: {out: 8, kernel: 3, stride: 2, pad: 1, groups: 8}}, relu6, {conv: {out: 24}, as: wide},
       {conv: {out: 6, kernel: 3, pad: 1}, as: box}, {conv: {out: 2}, from: wide}, {sigmoid: , as: class}]
outputs: [box, class, wide]
""", 20_480),
    Pair("excitation", excitation, """
input: [3, 40, 40]
body: [{conv: {out: 16, kernel: 3, stride: 2, pad: 1, bias: false}}, bn, hardswish,
       {conv: {out: 16, kernel: 5, stride: 2, pad: 2, groups: 16, bias: false}}, bn, relu,
       mul: {x: [], gate: [global_avgpool, {conv: {out: 8}}, relu, {conv: {out: 16}}, sigmoid]},
       {conv: {out: 24}}, add: {main: [{conv: {out: 96}}, hardswish, {conv: {out: 24}}], shortcut: []},
       global_avgpool, flatten, {linear: {out: 10}}, softmax]
""", 21_600),
    Pair("twice_read", twice_read, """
input: [8, 16, 16]
body: [{conv: {out: 16, kernel: 3, pad: 1}, as: first}, {relu: , as: early},
       {conv: {out: 16, kernel: 3, pad: 1}, from: first, as: second},
       {add: {a: [{from: early}], b: [{from: second}]}, as: total}, {relu: , as: positive},
       mul: {a: [{from: total}], b: [{from: positive}], c: [{from: early}]},
       {maxpool: {kernel: 2, stride: 2}, as: late}]
outputs: [early, late]
""", 16_384),
    Pair("split", split, """
input: [8, 16, 16]
body: [{conv: {out: 8, kernel: 3, pad: 1}}, {conv: {out: 8}}, {pixel_shuffle: {factor: 2}},
       {pixel_unshuffle: {factor: 2}}, {conv: {out: 8}}, {permute: {axes: [0, 1, 3, 2]}},
       {crop: {size: [12, 8]}}, {interpolate: {size: [24, 16]}},
       concat: {a: [{channel_split: {parts: 2, take: 0}}, {conv: {out: 4}}],
                b: [{channel_split: {parts: 2, take: 1}}]},
       {conv: {out: 6}}, log_softmax]
""", 7_680),
    Pair("floats", floats, """
input: [4, 20, 20]
body: [{conv: {out: 8, kernel: 3, pad: 1}}, leaky_relu, {conv: {out: 8, kernel: 3, pad: 1}}, elu,
       {conv: {out: 12}}, silu, {avgpool: {kernel: 2, stride: 2}}, tanh, flatten, {linear: {out: 6}}]
""", 25_600),
    Pair("decoder", decoder, """
input: [16, 8, 8]
body: [{conv_transpose: {out: 8, kernel: 2, stride: 2}}, relu,
       {conv_transpose: {out: 4, kernel: 2, stride: 2}}, sigmoid]
""", 22_528),
    Pair("sensors", sensors, """
input: {image: [3, 24, 24], vector: [6]}
body: [{conv: {out: 8, kernel: 3, stride: 2, pad: 1}}, relu, global_avgpool, {flatten: , as: a},
       {linear: {out: 8}, from: vector}, {relu: , as: b}, concat: {a: [{from: a}], b: [{from: b}]},
       {linear: {out: 3}}, softmax]
""", 2_896),
)  # fmt: skip


def planned(pair: Pair) -> int:
    """Bytes of the arena of a spec."""
    graph: cnncost.Graph = graph_of(parse_text(f"family: {pair.name}\n{pair.spec}", "net.yaml", "net"), None)
    return deploy(graph, "tflm", dtype="int8").arena_bytes


def converted(pair: Pair) -> bytes:
    """The .tflite file of a network of Keras, of one image, all of int8."""
    import numpy as np
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    layers = tf.keras.layers
    inputs, made = pair.keras(layers)
    model = tf.keras.Model(inputs, made)
    shapes = [(1, *each.shape[1:]) for each in model.inputs]
    called = tf.function(lambda *given: model(given if len(given) > 1 else given[0], training=False))
    concrete = called.get_concrete_function(*[tf.TensorSpec(shape, tf.float32) for shape in shapes])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(concrete)])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    random = np.random.default_rng(0)
    images = [[random.normal(size=shape).astype("float32") for shape in shapes] for _ in range(3)]
    converter.representative_dataset = lambda: images
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def main(names: list[str]) -> int:
    """Compare; 1 if a network differs."""
    from tflm_arena import recorded

    wrong = 0
    for pair in PAIRS:
        if not names or pair.name in names:
            theirs, ours = recorded(converted(pair)), planned(pair)
            wrong += theirs != ours
            print(
                f"{pair.name:12} {theirs:>8,} {ours:>8,} {'' if ours == theirs else ours - theirs}",
                flush=True,
            )
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
