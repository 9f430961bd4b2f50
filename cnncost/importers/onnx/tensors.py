"""What is known of every tensor of a model: its shape, and its value where that is small and constant.

Shapes come from ONNX's own inference, node by node, with the import's batch at the input. Constants that
shapes depend on are computed by ONNX's reference evaluator, also node by node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import checker, defs, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from cnncost.errors import UsageError
from cnncost.importers.building import Unsupported
from cnncost.importers.onnx import given_shapes
from cnncost.importers.onnx.reading import opset_of
from cnncost.importers.shapes import Shape, axis, large_prime_beside, marked, unmarked, widened

LARGEST = 4096
"""Constants of more values are not computed: no shape depends on them."""
FEW = 16
"""Stored floats of more values are weights, which are not read: factors of a resize are fewer."""
FLOATS = {
    onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE,
}  # fmt: skip


TEXT = "OSU"
"""NumPy's kinds of text."""
KIND = "pkg.torch.export.graph_signature.InputSpec.kind"
"""Where PyTorch's newer exporter says whether a stored tensor is a parameter."""


class Unshaped(Exception):
    """A node whose shape ONNX's inference refuses, or leaves open."""


class Tensors:
    """The tensors of one model."""

    def __init__(self, model: Any, path: str, batch: int, sizes: Sequence[int], grows: bool = True):
        self.path = path
        self.batch = batch  #: what the file was made for, where it fixes that in its constants
        #: the batch while shapes are inferred; None: sizes are as they are
        self.prime = large_prime_beside([*sizes, *numbers_in(model)]) if grows else None
        self.opsets = {item.domain: item.version for item in model.opset_import}
        self.opset = opset_of(model)
        self.stored = {tensor.name: tensor for tensor in model.graph.initializer}
        self.kinds = {
            value.name: entry.value
            for value in model.graph.value_info
            for entry in value.metadata_props
            if entry.key == KIND
        }
        self.types: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.lists: dict[str, list[Any]] = {}  #: types of the tensors of a sequence
        for tensor in self.stored.values():
            self.store(tensor)

    def store(self, tensor: Any) -> None:
        """Know a stored tensor."""
        self.stored[tensor.name] = tensor
        self.types[tensor.name] = helper.make_tensor_type_proto(tensor.data_type, tuple(tensor.dims))

    def shape(self, name: str) -> Shape:
        """The shape of a tensor, sizes that grow with the batch being multiples of BATCH."""
        return marked(dims(self.types[name]), self.prime)

    def grows(self, shape: Shape) -> list[int]:
        """The axes of a shape as it is inferred that grow with the batch."""
        prime = self.prime
        return [] if prime is None else [at for at, size in enumerate(shape) if size and size % prime == 0]

    def is_parameter(self, name: str) -> bool:
        """Whether a stored tensor is learned: floats with at least one axis, if the file does not say.

        Of a file that says it of others a single number is none (the root that attention divides by), nor a
        row of equal ones: the scale and shift of a norm that a group norm is spelt with.
        """
        tensor = self.stored.get(name)
        if tensor is None or self.kinds.get(name, "PARAMETER") != "PARAMETER":
            return False
        if tensor.data_type not in FLOATS or not len(tensor.dims):
            return False
        own = self.kinds and name not in self.kinds  # the exporter's
        return not (own and (prod(tensor.dims) == 1 or (len(tensor.dims) == 1 and self.all_equal(name))))

    def value(self, name: str) -> Any:
        """The value of a small constant, or None. Raises UsageError if its data file is missing."""
        if name in self.stored and name not in self.values:
            tensor = self.stored[name]
            if prod(tensor.dims) > (FEW if self.is_parameter(name) else LARGEST):
                return None
            self.values[name] = self.read(tensor)
        return self.values.get(name)

    def read(self, tensor: Any) -> Any:
        """A stored tensor's values."""
        folder = str(Path(self.path).parent)
        try:
            return numpy_helper.to_array(tensor, folder)
        except Exception as error:
            if tensor.data_location != onnx.TensorProto.EXTERNAL:
                raise UsageError(
                    f"{self.path}: the tensor {tensor.name!r} is damaged: {error}\n  copy or export it again"
                ) from None
            place = {entry.key: entry.value for entry in tensor.external_data}.get("location", "?")
            raise UsageError(
                f"{self.path}: shapes depend on {tensor.name!r}, which is in the file {place!r}\n"
                "  that file is missing or cut off: put it beside the model"
            ) from None

    def number(self, name: str) -> float | None:
        """The value of a constant scalar, or None."""
        if self.is_parameter(name) or name not in self.types or prod(self.shape(name)) != 1:
            return None
        value = self.value(name)
        if value is None or value.dtype.kind in TEXT:
            return None
        return shortest(float(np.asarray(value).reshape(())))

    def all_equal(self, name: str) -> bool:
        """Whether all values of a stored or constant tensor are the same number.

        Exporters store tensors of equal values once, fresh weights (all ones) among them.
        """
        try:
            value = self.read(self.stored[name]) if name in self.stored else self.values.get(name)
        except UsageError:
            return False
        return value is not None and value.size > 0 and bool((value == value.flat[0]).all())

    def infer(self, node: Any, constant: bool) -> None:
        """Find the types of a node's outputs, and their values if all is constant and small."""
        if node.op_type in ("SplitToSequence", "SequenceAt"):
            return self.infer_part(node)
        if constant and self.evaluate_shape(node):
            return None
        if node.op_type == "Constant":
            return self.constant(node)
        rule = given_shapes.rule_of(node)
        if rule is not None:
            return self.by_rule(node, rule)
        node = given_shapes.plain(node)
        inputs = [name for name in node.input if name]
        types = {name: self.types[name] for name in inputs}
        data = {name: self.value(name) for name in inputs}
        known = {name: value for name, value in data.items() if value is not None}
        if not constant:
            self.settle(node, types, known)
        try:
            schema = defs.get_schema(node.op_type, self.opsets.get(node.domain, self.opset), node.domain)
            found = shape_inference.infer_node_outputs(
                schema,
                node,
                types,
                {name: numpy_helper.from_array(np.asarray(value), name) for name, value in known.items()},
                opset_imports=[helper.make_opsetid(*item) for item in self.opsets.items()],
            )
        except UnicodeDecodeError:
            raise
        except (shape_inference.InferenceError, checker.ValidationError, ValueError) as error:
            raise Unshaped(str(error).rpartition("Error] ")[2].strip().partition("\n")[0]) from None
        self.types.update(found)
        if constant and node.op_type == "CastLike":
            if inputs[0] in known:
                kind = helper.tensor_dtype_to_np_dtype(self.types[node.output[0]].tensor_type.elem_type)
                self.values[node.output[0]] = known[inputs[0]].astype(kind)
        elif constant and len(known) == len(set(inputs)):
            self.evaluate(node, known)
        open_outputs = [name for name in node.output if name and not self.is_static(name)]
        if open_outputs and open_outputs[0] == node.output[0]:
            raise Unshaped("it depends on the values of tensors")
        return None

    def by_rule(self, node: Any, rule: given_shapes.GivenShape) -> None:
        """The type of what one of onnxruntime's own operators gives."""
        given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        place = given_shapes.TYPED_AS.get(node.op_type, 0) if node.domain == given_shapes.DOMAIN else 0
        like = node.input[place] if place < len(node.input) and node.input[place] else node.input[0]
        first = self.types[like]
        shapes = [dims(self.types[name]) if name else () for name in node.input]
        rules = (rule, *given_shapes.FURTHER.get(node.op_type, [rule] * len(node.output)))
        for name, each in zip(node.output, rules, strict=False):
            if name:
                self.types[name] = retyped(first, each(given, shapes))

    def is_static(self, name: str) -> bool:
        """Whether every size of a tensor is known."""
        if name not in self.types or not self.types[name].tensor_type.HasField("shape"):
            return False
        return all(dim.HasField("dim_value") for dim in self.types[name].tensor_type.shape.dim)

    def evaluate_shape(self, node: Any) -> bool:
        """The shape of a tensor, or its number of elements, as a value."""
        if node.op_type not in ("Shape", "Size"):
            return False
        shape = dims(self.types[node.input[0]])
        given = {item.name: item.i for item in node.attribute}
        part = shape[given.get("start", 0) : given.get("end", len(shape))]
        self.put(node.output[0], np.array(part if node.op_type == "Shape" else prod(shape), np.int64))
        return True

    def constant(self, node: Any) -> None:
        """The tensor of a node Constant."""
        try:
            (value,) = ReferenceEvaluator(node, self.opsets).run(None, {})
        except Exception as error:
            raise UsageError(
                f"{self.path}: the constant {node.output[0]!r} is damaged: {error}\n  copy or export it again"
            ) from None
        self.put(node.output[0], np.asarray(value))

    def evaluate(self, node: Any, known: dict[str, Any]) -> None:
        """The values of a node whose inputs are constants, unless they are many."""
        if any(self.is_static(name) and prod(self.shape(name)) > LARGEST for name in node.output):
            return
        try:
            found: Any = self.with_axes(node, known) or ReferenceEvaluator(node, self.opsets).run(None, known)
        except Exception:
            return  # what it cannot compute has a shape all the same, or the node is refused
        for name, value in zip(node.output, found, strict=True):
            if name:
                self.put(name, np.asarray(value))

    def with_axes(self, node: Any, known: dict[str, Any]) -> list[Any]:
        """A constant with more or fewer axes, in opsets that have them as an attribute; [] of other nodes.

        The reference evaluator has these two as of opset 13 alone.
        """
        if node.op_type not in ("Squeeze", "Unsqueeze") or len(node.input) > 1:
            return []
        value = known[node.input[0]]
        axes = tuple(axis for item in node.attribute if item.name == "axes" for axis in item.ints)
        if node.op_type == "Unsqueeze":
            return [np.expand_dims(value, axes)]
        return [np.squeeze(value, axes or None)]

    def put(self, name: str, value: Any) -> None:
        """A constant with its value."""
        self.values[name] = value
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        self.types[name] = helper.make_tensor_type_proto(kind, value.shape)

    def infer_part(self, node: Any) -> None:
        """A tensor split into a list, and one of that list."""
        if node.op_type == "SequenceAt":
            place = self.number(node.input[1])
            if place is None:
                raise Unshaped("it depends on the values of tensors")
            self.types[node.output[0]] = self.lists[node.input[0]][int(place)]
            return
        x = self.types[node.input[0]]
        shape = dims(x)
        lengths, along = self.lengths(node)
        self.lists[node.output[0]] = [
            helper.make_tensor_type_proto(
                x.tensor_type.elem_type, (*shape[:along], size, *shape[along + 1 :])
            )
            for size in lengths
        ]

    def lengths(self, node: Any) -> tuple[list[int], int]:
        """(sizes of the parts, the axis) of SplitToSequence."""
        shape = self.shape(node.input[0])
        given = {item.name: item.i for item in node.attribute}
        along = axis(given.get("axis", 0), len(shape))
        split = self.value(node.input[1]) if len(node.input) > 1 else None
        if split is None or not given.get("keepdims", 1):
            raise Unshaped("a list of single positions")
        if split.ndim:
            return [int(size) for size in split], along
        step, size = int(split), shape[along]
        return [min(step, size - start) for start in range(0, size, step)], along

    # Files that fix the batch ---------------------------------------------------------------

    def settle(self, node: Any, types: dict[str, Any], known: dict[str, Any]) -> None:
        """Put the import's batch where a file made for one batch has that in its constants."""
        shapes = [
            dims(types[name]) if name in types and name not in self.lists else () for name in node.input
        ]
        if not shapes or self.prime is None:
            return
        if node.op_type == "Reshape" and node.input[1] in known:
            zero = any(item.name == "allowzero" and item.i for item in node.attribute)
            target = [int(size) for size in known[node.input[1]]]
            known[node.input[1]] = np.array(self.target(shapes[0], target, zero), np.int64)
        elif node.op_type == "Resize" and len(node.input) > 3 and node.input[3] in known:
            sizes = known[node.input[3]].copy()
            if len(sizes) == len(shapes[0]):
                for along in self.grows(shapes[0]):
                    sizes[along] = shapes[0][along]
                known[node.input[3]] = sizes
        elif node.op_type == "Concat" and not all(map(self.grows, shapes)):
            beside = [self.shape(name) for name in node.input]
            for name, shape in zip(node.input, beside, strict=True):
                types[name] = retyped(self.types[name], unmarked(widened(shape, beside), self.prime))

    def target(self, before: Shape, target: list[int], zero: bool) -> list[int]:
        """The shape that a Reshape means for the import's batch.

        What is computed from the batch has it. Else the target is that of the file's own batch: then
        images lie behind each other as in the input, and the axis that begins where the input's batch
        does grows with it; or, if that is the last, the features, the axis that ends where the batch does.
        An axis that is exactly the batch goes before others.
        """
        prime = self.prime or 1
        if not self.grows(before) or self.grows(tuple(target)):
            return target
        if len(self.grows(before)) > 1:
            raise Unsupported("the batch is spread over several axes")
        made_for = [size // prime * self.batch if size % prime == 0 else size for size in before]
        sizes = [made_for[at] if size == 0 and not zero else size for at, size in enumerate(target)]
        if -1 in sizes:
            sizes[sizes.index(-1)] = prod(made_for) // -prod(sizes)
        (place,) = self.grows(before)
        outer, inner = prod(before[:place]), prod(before[place + 1 :])
        begin = [at for at in range(len(sizes)) if prod(sizes[:at]) == outer]
        end = [at for at in range(len(sizes)) if prod(sizes[at + 1 :]) == inner]
        candidates = begin + end if begin and begin[0] < len(sizes) - 1 else end + begin
        for along in sorted(candidates, key=lambda at: sizes[at] != self.batch):
            if sizes[along] % self.batch == 0:
                sizes[along] = sizes[along] // self.batch * prime
                return sizes
        raise Unsupported(f"its target {target} does not say where the batch goes")


def numbers_in(model: Any) -> Iterator[int]:
    """The sizes of the stored tensors of a model, and the numbers in its attributes."""
    for tensor in model.graph.initializer:
        yield from tensor.dims
    for node in model.graph.node:
        for item in node.attribute:
            yield item.i
            yield from item.ints


def shortest(number: float) -> float:
    """A number with as many digits as float32 has: 0.1, not 0.10000000149011612."""
    return float(f"{number:.7g}")


def dims(kind: Any) -> Shape:
    """The sizes of a tensor's type."""
    return tuple(int(dim.dim_value) for dim in kind.tensor_type.shape.dim)


def retyped(kind: Any, shape: Shape) -> Any:
    """A type with another shape."""
    return helper.make_tensor_type_proto(kind.tensor_type.elem_type, shape)
