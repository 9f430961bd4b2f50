"""Shapes that only a run shows: of onnxruntime, where it is there, at two batches with random input."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

from cnncost.importers.onnx.inputs import FileInputs

Shape = tuple[int, ...]
BATCHES = (2, 3)
"""Two batches: a size that grows with them grows with any."""
IR = 10
"""What onnxruntime reads for long; newer files have no other operators for that, their opset says those."""

BY_VALUE = {"NonMaxSuppression", "NonZero", "Unique", "Compress"}
"""Operators of which values decide how much they give, whatever two runs show."""


class Shown:
    """What a run showed of a tensor."""

    def __init__(self, two: Any, three: Any):
        self.kind = helper.np_dtype_to_tensor_dtype(two.dtype)  #: its element type
        self.at_two, self.at_three = two.shape, three.shape
        self.number = two.reshape(()) if two.size == 1 else None  #: what it was, if it is one

    def shape(self, batch: int) -> Shape:
        """Its shape at a batch; a size that values decide is the one that was seen first."""
        pairs = zip(self.at_two, self.at_three, strict=True)
        return tuple([two // 2 * batch if two and 3 * two == 2 * three else two for two, three in pairs])

    @property
    def by_value(self) -> bool:
        """Whether values decide about a size."""
        pairs = zip(self.at_two, self.at_three, strict=True)
        return any(two != three and 3 * two != 2 * three for two, three in pairs)


def cure() -> str:
    """What to do about a size that only a run shows, where none did."""
    if importlib.util.find_spec("onnxruntime") is None:
        return "a run would show it: pip install onnxruntime"
    return "onnxruntime does not run the file with random input: export it with sizes that are constants"


def run(model: Any, given: FileInputs, at: int | None) -> dict[str, Shown]:
    """Every tensor that nodes of a model make, by random inputs: at two batches, or `at` one, twice.

    {} without onnxruntime, or if it cannot run the model.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        return {}
    import onnxruntime

    watched = ModelProto()
    watched.CopyFrom(model)
    watched.ir_version = min(watched.ir_version, IR)
    named = {value.name for value in watched.graph.output}
    made = [output for node in model.graph.node for output in node.output if output]
    watched.graph.output.extend(
        helper.make_empty_tensor_value_info(each) for each in made if each not in named
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            watched.SerializeToString(),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # it prints what fails
        )
        names = [output.name for output in session.get_outputs()]
        runs = [session.run(names, examples(given, batch)) for batch in ((at, at) if at else BATCHES)]
    except Exception:
        return {}
    return {
        each: Shown(two, three)
        for each, two, three in zip(names, *runs, strict=True)
        if isinstance(two, np.ndarray) and isinstance(three, np.ndarray) and two.ndim == three.ndim
    }


def examples(given: FileInputs, batch: int) -> dict[str, Any]:
    """Inputs at a batch, by name."""
    pairs = zip(given.tensors, given.kinds, strict=True)
    return {item.name: example(kind, item.at(batch)) for item, kind in pairs}


def example(kind: int, shape: Shape) -> Any:
    """A random input of an element type."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    if kind in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE):
        return np.random.default_rng(0).random(shape).astype(dtype)
    return np.ones(shape, dtype)
