"""What is said where a module does not come in: what is wrong, the user's module and line, and what to do.

Modules are called as the user's code calls them (`features.0`), and lines are the user's: never PyTorch's,
Python's or ours.
"""

from __future__ import annotations

import inspect
import re
import sysconfig
import traceback
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from cnncost.errors import UsageError
from cnncost.importers.aten import waiting
from cnncost.importers.aten.recording import ELSEWHERE
from cnncost.importers.inputs import Example, GivenTensor

PYTHON = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
"""Where Python's own files are; packages that are installed stand within, and are the user's."""
PACKAGES = ("site-packages", "dist-packages")
Works = Callable[[Example], bool]
"""Whether the module takes another call."""


def check(module: nn.Module, example: Example, title: str) -> None:
    """Raise UsageError for a module that cannot come in, or that cannot be called like that."""
    if isinstance(module, torch.jit.ScriptModule):  # its forward is no function of Python's
        return
    if type(module).forward is nn.Module.forward and "forward" not in vars(module):
        raise UsageError(
            f"{title}: {type(module).__name__} has no forward, so there is nothing to count"
            "\n  name the module that computes: its class needs def forward(self, x)"
        )
    try:
        signature = inspect.signature(module.forward)
    except (TypeError, ValueError):  # a forward that is no function
        return
    missing = unbound(signature, example)
    if missing is not None:
        raise UsageError(f"{title}: {missing}{definition(module)}", cure=how_to_give(signature, example))


def unbound(signature: inspect.Signature, example: Example) -> str | None:
    """What does not fit between a forward and what it is given; None if it can be called."""
    try:
        signature.bind(*example.args, **example.kwargs)
        return None
    except TypeError:
        pass
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = [item for item in signature.parameters.values() if item.kind not in kinds]
    takes = ", ".join(item.name for item in named) or "nothing"
    strange = [name for name in example.kwargs if name not in signature.parameters]
    if strange:
        return f"its forward has no input {strange[0]!r}; it takes {takes}"
    known = {item.name for item in named[: len(example.args)]} | set(example.kwargs)
    left = [item.name for item in named if item.default is inspect.Parameter.empty and item.name not in known]
    if left:
        are = "is" if len(left) == 1 else "are"
        return f"its forward takes {takes}, and {' and '.join(left)} {are} not given"
    count = len(example.args) + len(example.kwargs)
    return f"its forward takes {takes}, and {count} input{'s are' if count > 1 else ' is'} given"


def how_to_give(signature: inspect.Signature, example: Example) -> str:
    """The options that give a forward what it needs; what is given stands where it would be."""
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = [item for item in signature.parameters.values() if item.kind not in kinds]
    given = {item.name: value for item, value in zip(named, example.args, strict=False)}
    given.update(example.kwargs)
    parts = []
    for item in named:
        value = given.get(item.name)
        if isinstance(value, GivenTensor):
            kind = f"{value.dtype}:" if value.dtype else ""
            parts.append(f"--input {item.name}={kind}{value}")
        elif item.default is inspect.Parameter.empty:
            parts.append(f"--input {item.name}=SIZES")
    return f"give every input by its name, without the batch: {' '.join(parts)}"


def definition(module: nn.Module) -> str:
    """Where a module's forward is written."""
    try:
        code = inspect.unwrap(type(module).forward).__code__
        return f"\n  {code.co_filename}:{code.co_firstlineno}"
    except AttributeError:
        return ""


def quantised(title: str, operator: str, path: str, where: list[str]) -> str:
    """The message for an operator whose weights are packed, so that nobody can read their sizes."""
    return "\n".join(
        [
            f"{title}: {operator} is of a quantised module, its weights packed for one machine",
            f"  module {path}",
            *where,
            "  give the module before it is quantised; --dtype int8 counts its bytes so",
            "  or go on without its cost, totals being lower bounds: --allow-unknown",
        ]
    )


def failed(error: BaseException, title: str, module: nn.Module, example: Example, works: Works) -> UsageError:
    """The failure of all roads in words: what, in which module, at which line, and what to do."""
    kind, text = type(error).__name__, str(error).strip()
    where = f"{inside(error, module)}{user_line(error)}"
    scripted = [path for path, part in module.named_modules() if isinstance(part, torch.jit.ScriptModule)]
    if scripted:
        which = f"its module {scripted[0]}" if scripted[0] else "it"
        what = f"{which} is a ScriptModule, whose code is TorchScript's and not Python's any more"
        return UsageError(f"{title}: {what}", cure="give the nn.Module that it was made of")
    packed = re.search(r"torch\.classes\.quantized\.(\w+)", text)
    if packed:
        layers = [path for path, part in module.named_modules() if hasattr(part, "_packed_params")]
        said = quantised(title, packed[1], (layers or ["(the network itself)"])[0], [])
        return UsageError(said.rpartition("\n")[0])  # no road leads through it, whatever is allowed
    if isinstance(error, waiting.TooLong):
        what = f"no answer after {waiting.UNTIL['run']:.0f} s"
        return UsageError(
            f"{title}: {what}{where}", cure="a road that is asked for by name takes its time: --road run"
        )
    if by_values(error):
        what = "its control flow depends on the values of tensors, so there is not one graph"
        return UsageError(
            f"{title}: {what}{where}",
            cure="compute it from shapes, or take that part out of what is imported",
        )
    first = text.partition("\n")[0].replace("'FakeTensor' object", "'Tensor' object")
    what = f"its forward pass fails at input {example}: {kind}: {first}"
    if "cuda" in text.lower():
        cure = "its own code asks for CUDA, which is not here: let it take the device of its input"
    elif "more than 1 value per channel" in text:
        cure = "one value has no variance: --batch 2"
    else:
        usual = "is that its input? it is given without the batch: --input 3x224x224"
        cure = of_dictionary(error, module, example) or meant(module, example, works) or usual
    return UsageError(f"{title}: {what}{where}", cure=cure)


def by_values(error: BaseException) -> bool:
    """Whether a road fails since control flow depends on values."""
    kind = type(error).__name__
    if "DataDependent" in kind or "DynamicOutputShape" in kind:
        return True
    return "data-dependent" in str(error) or "data dependent" in str(error)


def meant(module: nn.Module, example: Example, works: Works) -> str | None:
    """What was probably meant by an input that does not lead through; None if nothing else does either."""
    given = example.given
    if len(given) != 1 or given[0].batch_axis != 0:
        return None
    (item,) = given
    shorter, turned = item.shape[1:], (*item.shape[-1:], *item.shape[:-1])
    named = f"{item.name}=" if example.kwargs else ""
    called = item.name if example.kwargs else next(iter(inspect.signature(module.forward).parameters))
    for changed, cure in (
        (item._replace(shape=shorter), f"that is with the batch; give it without: --input {sized(shorter)}"),
        (item._replace(batch_axis=None), "it takes that without a batch: --batch-axis none"),
        (item._replace(shape=turned), f"its channels come first: --input {named}{sized(turned)}"),
        (item._replace(dtype="int64"), f"it takes whole numbers: --input {called}=int64:{sized(item.shape)}"),
    ):
        if changed.shape and changed != item and works(replaced(example, changed)):
            return cure
    return None


def of_dictionary(error: BaseException, module: nn.Module, example: Example) -> str | None:
    """How to give an input that the failing line takes for a dictionary of tensors; None if it does not."""
    found = re.search(r"(\w+)\[[\"'](\w+)[\"']\]", user_line(error))
    given = example.given
    if found is None or len(given) != 1 or found[1] not in inspect.signature(module.forward).parameters:
        return None
    return f"it takes a dictionary: --input {found[1]}.{found[2]}={given[0]}"


def sized(shape: tuple[int, ...]) -> str:
    """A shape as messages have it: 3x224x224."""
    return "x".join(map(str, shape))


def replaced(example: Example, item: GivenTensor) -> Example:
    """The call with another tensor instead of its only one."""
    from cnncost.importers.inputs import mapped

    args, kwargs = mapped((example.args, dict(example.kwargs)), lambda _: item)
    return Example(args, kwargs)


def inside(error: BaseException, module: nn.Module) -> str:
    """The innermost module of the user's network that an error passed."""
    paths = {id(part): path for path, part in module.named_modules()}
    found = ""
    step = error.__traceback__
    while step is not None:
        found = paths.get(id(step.tb_frame.f_locals.get("self")), "") or found
        step = step.tb_next
    return f"\n  module {found}" if found else ""


def user_line(error: BaseException) -> str:
    """The innermost line of the user's that an error passed, quoted."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.line and is_users(frame.filename)
    ]
    if not frames:
        return ""
    frame = frames[-1]
    return f"\n  {frame.filename}:{frame.lineno}\n      {frame.line}"


def line_of(node: Any) -> list[str]:
    """The innermost line of the user's at which a call stands, as a message quotes it; [] if unknown."""
    found = re.findall(r'File "([^"]+)", line (\d+)[^\n]*\n([^\n]*)', node.meta.get("stack_trace") or "")
    users = [each for each in found if is_users(each[0])]
    return [f"  {users[-1][0]}:{users[-1][1]}", f"      {users[-1][2].strip()}"] if users else []


def is_users(file: str) -> bool:
    """Whether a file is the user's, or of a package that the user has installed."""
    if file.startswith(ELSEWHERE):
        return False
    return not file.startswith(PYTHON) or any(f"/{name}/" in file for name in PACKAGES)
