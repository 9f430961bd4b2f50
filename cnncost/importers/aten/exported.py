"""An nn.Module -> PyTorch's own operators, by torch.export on tensors without memory.

The batch is a large prime, not a symbol, with which export takes twice as long.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cnncost.errors import CnncostError, UsageError
from cnncost.importers.aten.untouched import in_inference
from cnncost.importers.shapes import BATCH

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram


def export(module: nn.Module, input: tuple[int, ...], title: str) -> ExportedProgram:
    """The inference program of a module; the module is left as it was.

    Where export fails on the module itself it is tried on what torch.fx traces. Raises UsageError where
    its code fails, or needs the values of tensors, with the line.
    """
    with in_inference(module), quiet():
        try:
            return exported(module, input)
        except CnncostError:
            raise
        except Exception as error:
            program = by_symbols(module, input)
            if program is None:
                raise UsageError(told(error, title, input)) from None
            return program


def exported(module: nn.Module, input: tuple[int, ...]) -> ExportedProgram:
    """The program of a module by torch.export. Raises what the module's code raises."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    device = next(
        (tensor.device for tensor in [*module.parameters(), *module.buffers()]), torch.device("cpu")
    )
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    with torch.enable_grad():
        with FakeTensorMode(allow_non_fake_inputs=True):
            example = torch.empty(BATCH, *input, device=device, dtype=dtype)
        return torch.export.export(module, (example,), strict=False)


def by_symbols(module: nn.Module, input: tuple[int, ...]) -> ExportedProgram | None:
    """The program of what torch.fx traces of a module, or None if that fails too.

    No tensor is there while it traces, so code that export stumbles over may pass: what is read from a
    tensor for nobody (a value to log) is left out before the export.
    """
    from torch import fx

    try:
        traced = fx.symbolic_trace(module)
        traced.graph.eliminate_dead_code(is_impure_node=may_matter)
        traced.recompile()
        program = exported(traced, input)
    except Exception:
        return None
    learned = {id(parameter) for parameter in module.parameters()}
    found = {id(program.state_dict[name]) for name in program.graph_signature.inputs_to_parameters.values()}
    return program if found == learned else None  # else it lost some: those of a scripted part, say


def may_matter(node: Any) -> bool:
    """Whether a call whose result nobody reads has to stay: anything but a method that changes nothing."""
    return bool(node.op != "call_method" or node.target.endswith("_"))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """In here export says nothing: what concerns the user is in the error."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def told(error: Exception, title: str, input: tuple[int, ...]) -> str:
    """An export's failure in words: what, and the line of the user's code."""
    shape = "x".join(map(str, input))
    where = user_line(error)
    kind = type(error).__name__
    if "DataDependent" in kind or "data-dependent" in str(error) or "data dependent" in str(error):
        what = "its control flow depends on the values of tensors, so there is not one graph"
        cure = "\n  compute it from shapes, or take that part out of what is imported"
    else:
        first = str(error).strip().partition("\n")[0].replace(f"[{BATCH}, ", "[N, ")
        what = f"its forward pass fails at input {shape}: {kind}: {first}"
        cure = "\n  is that its input? --input CxHxW"
    return f"{title}: {what}{where}{cure}"


def user_line(error: BaseException) -> str:
    """The innermost line outside torch that an error passed, quoted."""
    import os
    import traceback

    import torch

    inside = os.path.dirname(torch.__file__), os.path.dirname(__file__)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.line and not frame.filename.startswith(inside)
    ]
    if not frames:
        return ""
    frame = frames[-1]
    return f"\n  {frame.filename}:{frame.lineno}\n      {frame.line}"
