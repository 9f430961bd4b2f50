"""An nn.Module -> PyTorch's own operators, by torch.export on tensors without memory.

The batch is a large prime, not a symbol, with which export takes twice as long.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cnncost.errors import CnncostError, UsageError
from cnncost.importers.shapes import BATCH

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram


def export(module: nn.Module, input: tuple[int, ...], title: str) -> ExportedProgram:
    """The inference program of a module; the module is left as it was.

    Raises UsageError where its code fails, or needs the values of tensors, with the line.
    """
    import torch

    device = next(
        (tensor.device for tensor in [*module.parameters(), *module.buffers()]), torch.device("cpu")
    )
    dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)
    from torch._subclasses.fake_tensor import FakeTensorMode

    try:
        with in_inference(module), quiet(), torch.enable_grad():
            with FakeTensorMode(allow_non_fake_inputs=True):
                example = torch.empty(BATCH, *input, device=device, dtype=dtype)
            return torch.export.export(module, (example,), strict=False)
    except CnncostError:
        raise
    except Exception as error:
        raise UsageError(told(error, title, input)) from None


@contextlib.contextmanager
def in_inference(module: nn.Module) -> Iterator[None]:
    """In here the module is in mode eval; after that every part of it is in its own mode again."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


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
