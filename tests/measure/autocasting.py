"""A training step under torch.autocast, traced on fake tensors: nothing is computed.

CUDA's rules without CUDA: its lists, read from PyTorch's own header, put upon the CPU's dispatch key. What fake
tensors do otherwise than the kernels they stand for is mended here: the CPU and CUDA keep statistics of
normalisations in float32, and the CPU's dropout keeps a mask of floats.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._pytree import tree_leaves, tree_map

from cnncost.measure.trace import LiveStorages, trained

HEADER = Path(torch.__file__).parent / "include" / "ATen" / "autocast_mode.h"
KEY = "AutocastCPU"
NARROW = (torch.float16, torch.bfloat16)
STATISTICS = ("native_batch_norm", "native_layer_norm", "native_group_norm")


class Traced(NamedTuple):
    """What one training step under autocast kept alive, in bytes; weights not."""

    saved: int
    peak: int
    gradients: int


class Live(LiveStorages):
    """Live storages of fake tensors, as the kernels of a device would have them."""

    device_rules = "cpu"

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        name = function.__name__.split(".")[0]
        if name == "native_dropout" and self.device_rules == "cpu":
            result = (result[0], result[1].to(result[0].dtype))
        elif not any(isinstance(item, FakeTensor) for item in args):
            pass
        elif name in STATISTICS and args[0].dtype in NARROW:
            training = args[5] if name == "native_batch_norm" else True
            kept = [part.float() if training else part.new_empty(0) for part in result[1:]]
            alone = name == "native_layer_norm" and args[2] is None and args[3] is None
            result = result if alone and self.device_rules == "cpu" else (result[0], *kept)
        elif name == "native_group_norm_backward" and result[0].dtype != args[1].dtype:
            result = (result[0].to(args[1].dtype), *result[1:])
        for item in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(item, torch.Tensor):
                self.watch(item)
        return result


def step(
    net: nn.Module,
    xs: list[torch.Tensor],
    dtype: str,
    device: str = "cpu",
    passes: int = 1,
    losses: Callable[[list[torch.Tensor]], list[torch.Tensor]] | None = None,
    held: list[torch.Tensor] | None = None,
) -> Traced:
    """Forward and backward passes of a network of fake tensors, the last one traced; gradients accumulate.

    The forward pass, and the losses if there are some, run in the context; the backward pass outside.
    """
    low = getattr(torch, dtype)
    own = [*net.parameters(), *net.buffers()]
    known = {tensor.untyped_storage()._cdata for tensor in own}
    kept: dict[int, int] = {}
    alive = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            kept[storage._cdata] = storage.nbytes()
            alive.append(storage)
        return tensor

    def forward() -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        with torch.autocast("cpu", low):
            outputs = trained(net(*xs))
            made = losses(outputs) if losses else []
        CASTS.clear()
        return outputs, made

    with rules(device, low):
        with Live(xs[0].device, [*xs, *(held or ())], own) as live:
            live.device_rules = device
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
                given = forward()
            del given
        saved = sum(kept.values())
        alive.clear()
        with Live(xs[0].device, [*xs, *(held or ())], own) as live:
            live.device_rules = device
            before = live.live
            for _ in range(passes):
                live.peak = live.live
                outputs, made = forward()
                starts = None if losses else [torch.ones_like(one) for one in outputs]
                torch.autograd.backward(made or outputs, starts)
                del outputs, made, starts
            found = Traced(saved, live.peak, live.live - before)
    for weight in net.parameters():
        weight.grad = None
    return found


def faked(make: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> tuple[nn.Module, list[torch.Tensor]]:
    """A network of fake tensors on the CPU, and its inputs."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        return make(), [torch.zeros(shape) for shape in shapes]


# CUDA's rules ----------------------------------------------------------------------------------------------

CASTS: dict[int, torch.Tensor] = {}
"""The casts of weights that CUDA's context keeps, where the CPU's does not know the operator."""


def cuda_lists() -> dict[str, list[str]]:
    """The operators of CUDA's lists, from the header."""
    text, found = HEADER.read_text(), {}
    for name in ("LOWER_PRECISION_FP", "FP32", "FP32_SET_OPT_DTYPE", "PROMOTE"):
        match = re.search(rf"#define AT_FORALL_{name}\(_\)(.*?)\n\n", text, re.DOTALL)
        assert match
        found[name] = [
            ".".join(map(str.strip, one.split(","))) for one in re.findall(r"_\(([^)]*)\)", match[1])
        ]
    return found


@contextlib.contextmanager
def rules(device: str, low: torch.dtype) -> Iterator[None]:
    """In here autocast on the CPU treats operators by the rules of a device."""
    if device == "cpu":
        yield
        return
    treat = {
        "LOWER_PRECISION_FP": lambda op, *call: below(op, *tree_map(lambda one: narrowed(one, low), call)),
        "FP32": lambda op, *call: below(op, *tree_map(widened, call)),
        "FP32_SET_OPT_DTYPE": in_float32,
        "PROMOTE": to_the_widest,
    }
    library = torch.library.Library("aten", "IMPL")
    lists = cuda_lists()
    of_cuda = set()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for kind, names in lists.items():
                for name in names:
                    op = overload(name)
                    of_cuda.add(op.name())
                    if kind != "LOWER_PRECISION_FP" or not registered(op.name()):
                        put(library, op, treat[kind])
            for name in torch._C._dispatch_get_all_op_names():
                known = name in of_cuda or "padding" in name  # conv2d.padding is conv2d
                if name.startswith("aten::") and not known and registered(name):
                    bare, key = name.removeprefix("aten::"), KEY
                    library.impl(bare, torch.library.fallthrough_kernel, key, allow_override=True)
            dropped = torch.ops.aten.native_dropout  # CUDA's kernel, with a mask of bytes
            library.impl("dropout", lambda x, p, train: dropped(x, p, train)[0] if p and train else x, KEY)
        yield
    finally:
        library._destroy()


def put(library: Any, op: Any, treat: Callable[..., Any]) -> None:
    """Have an operator treated so under autocast on the CPU."""
    name = op.name().removeprefix("aten::")
    library.impl(name, lambda *args, **kwargs: treat(op, args, kwargs), KEY, allow_override=True)


def registered(name: str) -> bool:
    """Whether the CPU's autocast treats an operator."""
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(name, KEY))


def overload(name: str) -> Any:
    """PyTorch's operator of a name."""
    base, _, which = name.partition(".")
    return getattr(getattr(torch.ops.aten, base), which or "default")


def below(op: Any, args: Any, kwargs: Any) -> Any:
    """Call an operator without autocast."""
    with torch._C._ExcludeDispatchKeyGuard(torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, KEY))):
        return op(*args, **kwargs)


def eligible(value: Any) -> bool:
    """Whether autocast casts it at all."""
    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.dtype != torch.float64


def widened(value: Any) -> Any:
    """A value in float32."""
    return value.float() if eligible(value) else value


def narrowed(value: Any, low: torch.dtype) -> Any:
    """A value in low precision; casts of weights are kept."""
    if not eligible(value) or value.dtype == low:
        return value
    if not (value.requires_grad and value.is_leaf) or value._is_view():
        return value.to(low)
    if id(value) not in CASTS:
        CASTS[id(value)] = value.to(low)
    return CASTS[id(value)]


def in_float32(op: Any, args: Any, kwargs: Any) -> Any:
    """Have an operator that can say so give float32."""
    place = [argument.name for argument in op._schema.arguments].index("dtype")
    given = args[place] if place < len(args) else kwargs.get("dtype")
    if eligible(args[0]) and given is None:
        args, kwargs = args[:place], {**kwargs, "dtype": torch.float32}
    return below(op, args, kwargs)


def to_the_widest(op: Any, args: Any, kwargs: Any) -> Any:
    """Call an operator on tensors of one type, the widest of theirs."""
    wide = any(eligible(item) and item.dtype == torch.float32 for item in tree_leaves((args, kwargs)))
    return below(op, *(tree_map(widened, (args, kwargs)) if wide else (args, kwargs)))
