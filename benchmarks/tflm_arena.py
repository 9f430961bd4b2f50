"""The arena that `cnncost memory --runtime tflm` plans, against TensorFlow Lite Micro's recording allocator.

    python -m venv tflm; tflm/bin/pip install tflite-micro -e .
    tflm/bin/python benchmarks/tflm_arena.py [--bits w4] [names]

With `--bits w4` the weights of convolutions and linear layers are of four bits.

A network becomes an int8 .tflite file whose operators, shapes and constants are ours (weights are zeros).
TFLM's interpreter allocates it with its own kernels and planner, and the head of the arena that it records is
compared with ours, to the byte. Prints a line per network; exits 1 if one differs.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from importlib.metadata import version
from typing import Any

import cnncost
from cnncost.deployment.deploy import deploy
from cnncost.deployment.lowering import lower, prepared
from cnncost.deployment.program import Schedule, Task
from cnncost.deployment.runtimes import RUNTIMES
from cnncost.graph import Graph, Node

NAMES = (
    ("mobilenet_v2", (96, 96), {"width": 0.35}), ("mobilenet_v1", (96, 96), {"width": 0.25}),
    ("resnet20_cifar", None, {}), ("squeezenet1_1", (64, 64), {}), ("mobilenet_v3_small", (64, 64), {}),
    ("mnasnet0_5", (64, 64), {}), ("resnet18", (32, 32), {}),
    ("vgg11", (32, 32), {}),
)  # fmt: skip
ARENA = 64 * 2**20
RANGES = {
    "LOGISTIC": (1 / 256, -128),
    "SOFTMAX": (1 / 256, -128),
    "TANH": (1 / 128, 0),
    "LOG_SOFTMAX": (1 / 16, 127),
}
"""Scale and zero point of what some kernels write, which check them; else 1 and 0."""


def main(names: list[str]) -> int:
    """Compare; 1 if a network differs."""
    print(f"tflite-micro {version('tflite-micro')}")
    wrong = 0
    bits = ()
    if names[:1] == ["--bits"]:
        bits, names = (names[1],), names[2:]
    for name, size, options in NAMES:
        if names and name not in names:
            continue
        graph = cnncost.load(name, input=size, set=options, bits=bits)
        ours = deploy(graph, "tflm", dtype="int8").arena_bytes
        theirs = recorded(model(graph))
        wrong += ours != theirs
        print(f"{name:20} {theirs:>12,} {ours:>12,} {'' if ours == theirs else ours - theirs}", flush=True)
    return min(wrong, 1)


def recorded(data: bytes) -> int:
    """Bytes of the head of the arena, as the recording allocator prints them."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(data, arena_size=ARENA)
    with tempfile.TemporaryFile() as log:
        kept = os.dup(1), os.dup(2)
        try:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            interpreter.print_allocations()
        finally:
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
        log.seek(0)
        text = log.read().decode()
    found = re.search(r"Arena allocation head (\d+) bytes", text)
    if found is None:
        raise SystemExit(f"TFLM prints no head:\n{text}")
    return int(found[1])


class File:
    """A .tflite file in the making."""

    def __init__(self, graph: Graph, program: Schedule) -> None:
        from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

        self.schema, self.graph, self.program = schema, graph, program
        self.codes: dict[str, int] = {}
        self.tensors: list[Any] = []
        self.buffers: list[Any] = [schema.BufferT(), schema.BufferT()]
        self.operators: list[Any] = []
        self.shapes: dict[int, list[int]] = {}

    def tensor(
        self, name: str, shape: list[int], dtype: str = "INT8", data: bytes | None = None, kernel: str = ""
    ) -> int:
        """A tensor; with `data` a constant, which needs a buffer of its own. `kernel` is what writes it."""
        schema = self.schema
        made, scale = schema.TensorT(), schema.QuantizationParametersT()
        steps, zero = RANGES.get(kernel, (1.0, 0))
        scale.scale, scale.zeroPoint = [steps], [zero]
        made.name, made.shape, made.quantization = name, shape, scale
        made.type = getattr(schema.TensorType, dtype)
        made.buffer = 1
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = list(data)
            made.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(made)
        return len(self.tensors) - 1

    def weights(self, node: Node, shape: list[int]) -> int:
        """The weights of a node, of a byte or, two in one, of half a byte."""
        narrow = node.bits is not None and node.bits.weights == 4
        data = bytes((count(shape) + 1) // 2 if narrow else count(shape))
        return self.tensor("w", shape, "INT4" if narrow else "INT8", data)

    def operator(self, kernel: str, inputs: list[int], outputs: list[int], kind: str, **options: Any) -> None:
        """An operator of the file."""
        schema, made = self.schema, self.schema.OperatorT()
        made.opcodeIndex = self.codes.setdefault(kernel, len(self.codes))
        made.inputs, made.outputs = inputs, outputs
        if kind:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            made.builtinOptions = getattr(schema, f"{kind}T")()
            for name, value in options.items():
                setattr(made.builtinOptions, name, value)
        self.operators.append(made)

    def bytes(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The whole file."""
        import flatbuffers

        schema = self.schema
        graph, found = schema.SubGraphT(), schema.ModelT()
        graph.tensors, graph.operators, graph.inputs, graph.outputs = (
            self.tensors,
            self.operators,
            inputs,
            outputs,
        )
        found.version, found.subgraphs, found.buffers = 3, [graph], self.buffers
        found.operatorCodes = []
        for kernel in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, kernel)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.version = 1
            found.operatorCodes.append(code)
        builder = flatbuffers.Builder(1024)
        builder.Finish(found.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def channels_last(shape: tuple[int, ...]) -> list[int]:
    """A shape as TensorFlow has it."""
    return [shape[0], *shape[2:], shape[1]] if len(shape) == 4 else list(shape)


def model(graph: Graph) -> bytes:
    """The .tflite file of a network."""
    rules = RUNTIMES["tflm"]
    ready = prepared(graph, rules)
    program = lower(ready, rules, dtype="int8")
    file = File(ready, program)
    places: dict[int, int] = {}
    for value in program.inputs:
        places[value] = file.tensor("input", channels_last(ready.nodes[0].shape))
        file.shapes[value] = channels_last(ready.nodes[0].shape)
    for step in program.steps:
        file.shapes[step.writes[0]] = shape = channels_last(ready.nodes[step.node].shape)
        places[step.writes[0]] = file.tensor(step.name, shape, kernel=step.kernel)
        add(file, step, [places[value] for value in step.reads], places[step.writes[0]])
    return file.bytes(
        [places[value] for value in program.inputs], [places[value] for value in program.outputs]
    )


def add(file: File, step: Task, inputs: list[int], output: int) -> None:
    """One operator with its constants and options."""
    schema = file.schema
    node = next(node for node in file.graph.nodes if node.name == step.name)
    x, out = file.shapes[step.reads[0]], file.shapes[step.writes[0]]
    if step.kernel in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        slides = node.op.windows(*file.graph.input_shapes(node))
        kernel, stride = [one.kernel for one in slides], [one.stride for one in slides]
        deep = step.kernel == "DEPTHWISE_CONV_2D"
        filters = [1, *kernel, out[-1]] if deep else [out[-1], *kernel, x[-1] // node.op.given("groups")]
        weights = file.weights(node, filters)
        bias = file.tensor("b", [out[-1]], "INT32", bytes(4 * out[-1]))
        options = {"strideH": stride[0], "strideW": stride[1], "dilationHFactor": 1, "dilationWFactor": 1}
        padded = any(sum(one.padding(size)) for one, size in zip(slides, x[1:3], strict=True))
        options["padding"] = schema.Padding.SAME if padded else schema.Padding.VALID
        if deep:
            options["depthMultiplier"] = out[-1] // x[-1]
        kind = "DepthwiseConv2DOptions" if deep else "Conv2DOptions"
        file.operator(step.kernel, [*inputs, weights, bias], [output], kind, **options)
    elif step.kernel == "TRANSPOSE_CONV":
        slide = node.op.windows(*file.graph.input_shapes(node))[0]
        shape = file.tensor("s", [4], "INT32", b"".join(size.to_bytes(4, "little") for size in out))
        filters = [out[-1], slide.kernel, slide.kernel, x[-1]]
        weights = file.tensor("w", filters, data=bytes(count(filters)))
        file.operator(
            step.kernel, [shape, weights, *inputs], [output], "TransposeConvOptions",
            strideH=slide.stride, strideW=slide.stride, padding=schema.Padding.VALID,
        )  # fmt: skip
    elif step.kernel == "FULLY_CONNECTED":
        weights = file.weights(node, [out[-1], x[-1]])
        bias = file.tensor("b", [out[-1]], "INT32", bytes(4 * out[-1]))
        file.operator(step.kernel, [*inputs, weights, bias], [output], "FullyConnectedOptions")
    elif step.kernel in ("MEAN", "REDUCE_MAX"):
        axes = file.tensor("axes", [2], "INT32", b"\1\0\0\0\2\0\0\0")
        file.operator(step.kernel, [*inputs, axes], [output], "ReducerOptions", keepDims=len(out) == 4)
    elif step.kernel in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        slides = node.op.windows(*file.graph.input_shapes(node))
        file.operator(
            step.kernel, inputs, [output], "Pool2DOptions", filterHeight=slides[0].kernel,
            filterWidth=slides[1].kernel, strideH=slides[0].stride, strideW=slides[1].stride,
            padding=schema.Padding.SAME,
        )  # fmt: skip
    elif step.kernel == "PAD":
        first = [0, *[0] * (len(x) - 1)]
        sides = b"".join(
            size.to_bytes(4, "little")
            for at, (a, b) in enumerate(zip(x, out, strict=True))
            for size in (first[at], b - a)
        )
        file.operator(step.kernel, [*inputs, file.tensor("p", [len(x), 2], "INT32", sides)], [output], "")
    elif step.kernel == "SOFTMAX":
        file.operator(step.kernel, inputs, [output], "SoftmaxOptions", beta=1.0)
    elif step.kernel == "RESHAPE":
        file.operator(step.kernel, inputs, [output], "ReshapeOptions", newShape=out)
    elif step.kernel == "CONCATENATION":
        file.operator(step.kernel, inputs, [output], "ConcatenationOptions", axis=len(out) - 1)
    elif step.kernel in ("ADD", "MUL"):
        while len(inputs) < 2:  # the other operand is a constant
            inputs = [*inputs, file.tensor("c", [1], data=b"\1")]
        file.operator(step.kernel, inputs, [output], f"{step.kernel.capitalize()}Options")
    else:
        file.operator(step.kernel, inputs, [output], "")


def count(shape: list[int]) -> int:
    """Values of a shape."""
    total = 1
    for size in shape:
        total *= size
    return total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
