"""What runtimes need: published figures, hand formulas, and every family of the zoo."""

from __future__ import annotations

import keras_arena
import pytest

import cnncost
from cnncost.deployment.deploy import NAMES, Deployment, deploy
from cnncost.deployment.runtimes import RUNTIMES
from cnncost.errors import UsageError
from cnncost.execution.memory import peak_bytes
from cnncost.execution.plan import plan
from cnncost.language import zoo
from cnncost.ops import REGISTRY

FAMILIES = [next(iter(family.variants)) for family in zoo.families() if family.variants]


def net(body: str, input: str = "[4, 8, 8]") -> cnncost.Graph:
    """A network of a few steps."""
    from cnncost.language.zoo import graph_of, parse_text

    return graph_of(parse_text(f"family: net\ninput: {input}\nbody:\n{body}", "net.yaml", "net"), None)


@pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=lambda runtime: runtime.name)
def test_a_runtimes_operators_are_ours(runtime: object) -> None:
    assert set(runtime.kernels) <= set(REGISTRY)  # type: ignore[attr-defined]


def test_mobilenet_v2_of_the_papers() -> None:
    """1372 KiB layer by layer (arXiv 2110.15352); TFLM's depthwise convolution has both its maps whole."""
    graph = cnncost.load("mobilenet_v2")
    assert deploy(graph, "tinyengine", dtype="int8").arena_bytes == 1372 * 1024 == 1_404_928
    assert deploy(graph, "tflm", dtype="int8").arena_bytes == 96 * 112 * 112 + 96 * 56 * 56 == 1_505_280
    small = cnncost.load("mobilenet_v2", input=(144, 144), set={"width": 0.35})
    assert deploy(small, "tinyengine", dtype="int8").arena_bytes == (8 + 48) * 72 * 72 == 290_304


@pytest.mark.parametrize(
    ("name", "options", "kib"),
    [
        ("mobilenet_v2", {"input": (144, 144), "set": {"width": 0.35}}, 295),
        ("mcunet_in0", {}, 49),
        ("mcunet_in1", {}, 96),
        ("mcunet_in2", {}, 215),
        ("mcunet_in3", {}, 260),
        ("mcunet_in4", {}, 416),
    ],
)
def test_tinyengines_published_table(name: str, options: dict[str, object], kib: int) -> None:
    """README of mit-han-lab/tinyengine (2022-12): SRAM on an STM32H743, arena and static buffers, to the KiB."""
    found = deploy(cnncost.load(name, **options), "tinyengine", dtype="int8")  # type: ignore[arg-type]
    assert abs(found.ram_bytes / 1024 - kib) <= 0.5


RESIDUAL = """
  - add:
      main: [{conv: {out: 24, bias: false}}, bn, relu6, {conv: {out: 24, kernel: 3, pad: 1, groups: 24}}, relu6,
             {conv: {out: 4}}]
      identity: []
  - relu
  - global_avgpool
  - flatten
  - {linear: {out: 10}}
"""


def test_by_hand() -> None:
    """An inverted residual unit on 4 x 8 x 8: x lives until the sum; TinyEngine overwrites the wide map."""
    tflm = deploy(net(RESIDUAL), "tflm", dtype="int8")
    assert [step.rpartition(" (")[2][:-1] for step in tflm.steps] == [
        "CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD", "MEAN", "RESHAPE", "FULLY_CONNECTED",
    ]  # fmt: skip
    x, wide = 4 * 64, 24 * 64
    assert tflm.arena_bytes == tflm.liveness_bytes == x + wide + wide
    tiny = deploy(net(RESIDUAL), "tinyengine", dtype="int8")
    assert tiny.arena_bytes == tiny.liveness_bytes == x + wide + x  # the projection beside what it reads
    lives = {tensor.name: (tensor.first, tensor.last) for tensor in tiny.tensors}
    assert lives["input"] == (0, 4)
    assert lives["main.conv3"] == (3, 5)  # the sum is written over it, and the mean reads that
    columns, kernels = 2 * 2 * 24, 0  # of the projection; no dense window of more than one tap
    channel = 2 * 10 * 10
    assert tiny.scratch_bytes == max(columns, channel, 2 * 2 * 4) + kernels
    weights = (4 * 24 + 24 * 9 + 24 * 4 + 4 * 10) + 4 * 2 * (24 + 24 + 4 + 10)  # biases and scales of 4 bytes
    assert tflm.flash_bytes == tiny.flash_bytes == weights
    mean = next(tensor for tensor in tflm.tensors if "scratch" in tensor.name)
    assert (mean.bytes, mean.first, mean.last) == (4 * 4, 5, 5)


def test_executorch_by_hand() -> None:
    """Nothing is folded or fused, the linear layer's weights are copied; numbers are tensors of 16 bytes."""
    found = deploy(net("  - {conv: {out: 4, bias: false}}\n  - bn\n  - hardswish\n  - flatten\n  - {linear: {out: 7}}"),
                   "executorch")  # fmt: skip
    assert [step.rpartition(" (")[2][:-1] for step in found.steps] == [
        "convolution", "_native_batch_norm_legit_no_training", "_to_dim_order_copy", "add", "clamp", "clamp",
        "mul", "_to_dim_order_copy", "div", "permute_copy", "addmm",
    ]  # fmt: skip
    one = 4 * 64 * 4
    assert (
        found.liveness_bytes == one + 7 * one + 32
    )  # the last map, the copied weights, the output in blocks
    assert found.arena_bytes >= found.liveness_bytes
    assert found.flash_bytes == 4 * (16 + 16 + 7 * 256 + 7)


@pytest.mark.parametrize(
    ("name", "arena"),
    [
        ("squeezenet1_0", 9_124_608),
        ("resnet18", 6_422_528),
        ("mobilenet_v3_small", 4_898_816),
        ("mobilenet_v2", 9_936_896),
        ("mnasnet1_3", 8_732_672),
        ("alexnet_torchvision", 151_048_192),
    ],
)
def test_executorchs_own_planner(name: str, arena: int) -> None:
    """Recorded from executorch 1.5.1 with torch 2.14.1 by benchmarks/executorch_arena.py."""
    assert deploy(cnncost.load(name, input=(224, 224)), "executorch").arena_bytes == arena


@pytest.mark.parametrize(
    ("input", "body", "arena"),
    [
        ("[3, 20, 20]", "{conv: {out: 8, kernel: 3, pad: 1}}, prelu, {zero_pad: {pad: [1, 0, 2, 0]}},"
         " {crop: {size: [18, 17]}}, {conv: {out: 8, kernel: 3}}, prelu", 43_584),
        ("[16, 12, 12]", "{pixel_shuffle: {factor: 2}}, relu, {pixel_unshuffle: {factor: 2}},"
         " {channel_shuffle: {groups: 4}}, relu", 18_432),
        ("[4, 12, 12]", "{interpolate: {scale: 3}}, {crop: {size: [36, 30]}}, {interpolate: {size: [50, 41], mode:"
         " bilinear}}, {permute: {axes: [0, 2, 3, 1]}}, {slice: {axis: 1, start: 3, stop: 40}}", 82_880),
        ("[8, 16, 16]", "concat: {a: [{channel_split: {parts: 2, take: 1}}, prelu], b: [{channel_split: {parts: 2,"
         " take: 0}}, {conv: {out: 12, kernel: 3, pad: 1}}, gelu], c: [{maxpool: {kernel: 3, stride: 1, pad: 1}},"
         " {crop: {size: [12, 16]}}, {interpolate: {size: [16, 16]}}]}, {channel_shuffle: {groups: 3}},"
         " {conv_transpose: {out: 6, kernel: 4, stride: 2, pad: 1}}, {avgpool: {kernel: 3, stride: 2, pad: 1}},"
         " {adaptive_avgpool: {size: 3}}, flatten, {linear: {out: 7, bias: false}}, log_softmax", 65_536),
    ],
    ids=["pads", "shuffles", "sizes", "branches"],
)  # fmt: skip
def test_executorchs_own_planner_on_small_networks(input: str, body: str, arena: int) -> None:
    """Recorded from executorch 1.5.1 with torch 2.14.1 by benchmarks/executorch_arena.py net.yaml."""
    found = deploy(net(f"  [{body}]", input), "executorch")
    assert found.arena_bytes == arena


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "unet", "convnext_tiny"])
def test_eager_is_the_memory_that_is_counted_anyway(name: str) -> None:
    graph = cnncost.load(name)
    found = deploy(graph, "eager", batch=2)
    assert found.liveness_bytes == peak_bytes(plan(graph.without_heads(), batch=2))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_a_plan_or_is_refused_by_name(name: str) -> None:
    graph = cnncost.load(name)
    for runtime in NAMES[1:]:
        dtype = RUNTIMES[runtime].dtypes[0]
        try:
            found = deploy(graph, runtime, dtype=dtype)
        except UsageError as error:
            assert f": {runtime} has no kernel for " in str(error)
            assert error.place is not None
        else:
            check(found, graph, dtype)


def check(found: Deployment, graph: cnncost.Graph, dtype: str) -> None:
    """An arena's tensors do not overlap; the largest map is among them, and all weights are in flash."""
    assert found.arena_bytes >= found.liveness_bytes > 0
    placed = sorted(found.tensors, key=lambda tensor: tensor.first)
    for index, tensor in enumerate(placed):
        assert 0 <= tensor.first <= tensor.last <= len(found.steps)
        for other in placed[:index]:
            if other.last >= tensor.first:
                assert (
                    tensor.offset + tensor.bytes <= other.offset
                    or other.offset + other.bytes <= tensor.offset
                )
    report = cnncost.analyze(graph, dtype=dtype)
    if dtype == "float32":
        assert found.flash_bytes == report.totals.weight_bytes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"runtime": "tflite"}, "unknown runtime 'tflite': did you mean 'tflm'?\n  runtimes: eager, tflm, tinyengine, executorch"),
        ({"runtime": "tinyengine"}, "tinyengine runs int8, not float32\n  pass --dtype int8"),
        ({"runtime": "tflm", "dtype": "float16"}, "tflm runs int8 or float32, not float16\n  pass --dtype int8"),
        ({"runtime": "tflm", "order": "all"}, "unknown order 'all'\n  orders: given, best"),
        ({"runtime": "executorch", "patches": 2}, "executorch runs no patches\n  pass --runtime tinyengine or tflm"),
        (
            {"runtime": "eager", "patches": 2},
            "eager runs what the module's code says: no other order, no patches\n  pass --runtime tflm or tinyengine or"
            " executorch",
        ),
    ],
)  # fmt: skip
def test_bad_questions(call: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as error:
        deploy(net(RESIDUAL), **call)  # type: ignore[arg-type]
    assert str(error.value) == message


def test_an_operator_that_a_runtime_lacks() -> None:
    with pytest.raises(UsageError) as error:
        deploy(net("  - {conv: {out: 8, kernel: 5}}"), "tinyengine", dtype="int8")
    assert str(error.value) == (
        "net.yaml:4:6: net: tinyengine has no kernel for a 5x5 conv, at conv\n"
        "  it runs adaptive_avgpool, add, avgpool, concat, conv, flatten, global_avgpool, interpolate, linear,"
        " maxpool, reshape, view"
    )


def test_weights_of_four_bits() -> None:
    """TFLM spreads them out in the arena before a kernel runs; recorded by benchmarks/tflm_arena.py --bits w4."""
    graph = cnncost.load("mobilenet_v2", input=(96, 96), set={"width": 0.35}, bits="w4")
    narrow, wide = deploy(graph, "tflm", dtype="int8"), deploy(
        cnncost.load("mobilenet_v2", input=(96, 96), set={"width": 0.35}), "tflm", dtype="int8"
    )  # fmt: skip
    assert (wide.arena_bytes, narrow.arena_bytes) == (138_240, 1_282_288)
    weights = [
        weight.count
        for node in graph.nodes
        for weight in node.op.weights(*graph.input_shapes(node))
        if weight.role == "weight"
    ]
    assert wide.flash_bytes - narrow.flash_bytes == sum(count // 2 for count in weights)
    other = cnncost.load("resnet18", input=(32, 32), bits="w4a8")
    assert deploy(other, "tflm", dtype="int8").arena_bytes == 2_361_344


@pytest.mark.parametrize(
    ("bits", "runtime", "dtype", "message"),
    [
        ("w3", "tflm", "int8", "conv of int8 with weights of 3 bits, at conv\n  it runs int8 or float32, beside int8"
         " weights of 4 bits in conv and linear"),
        ("w4a8", "tflm", "float32", "input of float32 with values of 8 bits, at input\n  it runs int8 or float32, beside"
         " int8 weights of 4 bits in conv and linear"),
        ("conv=w4:tensor", "tflm", "int8", "conv of int8 with scales by tensor, at conv\n  it runs int8 or float32,"
         " beside int8 weights of 4 bits in conv and linear"),
        ("w4", "tinyengine", "int8", "conv of int8 with weights of 4 bits, at conv\n  it runs int8"),
        ("conv=a8", "executorch", "float32", "conv of float32 with values of 8 bits, at conv\n  it runs float32"),
    ],
)  # fmt: skip
def test_bits_that_a_runtime_lacks(bits: str, runtime: str, dtype: str, message: str) -> None:
    from cnncost.execution.quantising import quantise

    graph = quantise(net("  - {conv: {out: 8, kernel: 3}}\n  - flatten\n  - {linear: {out: 2}}"), [bits])
    with pytest.raises(UsageError) as error:
        deploy(graph, runtime, dtype=dtype)
    place = "" if "at input" in message else "net.yaml:4:6: "
    assert str(error.value) == f"{place}net: {runtime} has no {message}"


@pytest.mark.parametrize("pair", keras_arena.PAIRS, ids=lambda pair: pair.name)
def test_files_of_tensorflows_own_converter(pair: keras_arena.Pair) -> None:
    """TFLM's arena of networks written in Keras and converted by TensorFlow, recorded by that benchmark."""
    assert keras_arena.planned(pair) == pair.arena


@pytest.mark.parametrize(
    ("step", "input", "dtype", "arena"),
    [("global_avgpool", "[3, 12, 12]", "int8", 496), ("global_avgpool", "[16, 12, 12]", "int8", 2_416),
     ("global_avgpool", "[40, 2, 2]", "int8", 400), ("global_avgpool", "[3, 12, 12]", "float32", 1_776),
     ("{reduce: {function: mean, axes: [2, 3]}}", "[3, 12, 12]", "int8", 496),
     ("{reduce: {function: mean, axes: [2], keep: true}}", "[8, 4, 4]", "int8", 320),
     ("global_maxpool", "[20, 12, 12]", "int8", 2_944), ("global_maxpool", "[20, 12, 12]", "float32", 11_632)],
)  # fmt: skip
def test_what_a_reduction_needs_beside_its_tensors(step: str, input: str, dtype: str, arena: int) -> None:
    """A position and two axes, of a mean in int8 sums of four bytes; tflite-micro 0.dev20261023182759."""
    assert deploy(net(f"  - {step}", input), "tflm", dtype=dtype).arena_bytes == arena


def test_parts_of_a_split_are_made_at_once() -> None:
    """SPLIT gives all parts, also those that nothing reads; a convolution over one axis has a cure."""
    body = "  - {channel_split: {parts: 4, take: 2}}\n  - relu"
    found = deploy(net(body), "tflm", dtype="int8")
    assert found.steps == ("channel_split (SPLIT)", "relu (RELU)")
    assert sum(tensor.bytes for tensor in found.tensors if "channel_split" in tensor.name) == 4 * 64
    with pytest.raises(UsageError) as error:
        deploy(net("  - {conv: {out: 4, kernel: 3}}", "[4, 8]"), "tflm", dtype="int8")
    assert str(error.value).endswith(
        "\n  write it as a map of height 1, as TensorFlow does: input [C, 1, L], kernel [1, K]"
    )


def test_an_input_of_another_width() -> None:
    graph = net("  - relu", "{shape: [4, 8, 8], dtype: int16}")
    with pytest.raises(UsageError) as error:
        deploy(graph, "tflm", dtype="int8")
    assert str(error.value) == "net: tflm has no input of int16 beside int8, at input"


@pytest.mark.parametrize(
    ("runtime", "dtype", "step", "input", "lacks", "place"),
    [
        ("executorch", "float32", "{conv: {out: 4, kernel: 3}}", "[4, 8, 8, 8]", "conv over 3 axes", "conv"),
        ("executorch", "float32", "{maxpool: {kernel: 2}}", "[4, 8]", "maxpool over 1 axes", "maxpool"),
        ("executorch", "float32", "{avgpool: {kernel: 2}}", "[4, 8, 8, 8]", "avgpool over 3 axes", "avgpool"),
        ("tflm", "int8", "{conv: {out: 4, kernel: 3}}", "[4, 8]", "conv over 1 axes", "conv"),
        ("tflm", "int8", "{maxpool: {kernel: 2}}", "[4, 8, 8, 8]", "maxpool over 3 axes", "maxpool"),
        ("tinyengine", "int8", "{conv: {out: 4, kernel: 3}}", "[4, 8, 8, 8]", "conv over 3 axes", "conv"),
        ("tinyengine", "int8", "sigmoid", "[4, 8, 8]", "sigmoid", "sigmoid"),
        ("tflm", "int8", "gelu", "[4, 8, 8]", "gelu", "gelu"),
        (
            "tflm",
            "int8",
            "{reduce: {function: var, axes: [2]}}",
            "[4, 8, 8]",
            "reduce, function var",
            "reduce",
        ),
    ],
)
def test_maps_of_other_axes_and_other_operators(
    runtime: str, dtype: str, step: str, input: str, lacks: str, place: str
) -> None:
    """Kernels of these runtimes are of maps of two axes; ExecuTorch's convolution takes one or two."""
    with pytest.raises(UsageError) as error:
        deploy(net(f"  - {step}", input), runtime, dtype=dtype)
    column = 6 if step.startswith("{") else 5
    first = f"net.yaml:4:{column}: net: {runtime} has no kernel for {lacks}, at {place}"
    assert str(error.value).splitlines()[0] == first
