"""Runs one rival on some models and prints what it counts, as JSON: a program of its own.

    python tests/analysis/rivals.py fvcore torchvision:resnet50 resnet50 my.yaml

A name is one of torchvision's models, or a spec, whose PyTorch twin is counted.
A rival may leave its patches of torch behind (calflops, ptflops) or change a global, so no two of
them share a process. Weights are zero: every rival here counts shapes, not values.
"""

from __future__ import annotations

import json
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from cnncost.graph import Graph, Node
from cnncost.importers.sources import library

torchvision = library("torchvision")  # ptflops imports it too
Counts = dict[str, int]
KEPT: list[Any] = []
"""A library that is collected takes its operators with it."""


def build(name: str) -> tuple[torch.nn.Module, torch.Tensor]:
    """A model in eval mode, without auxiliary classifiers, all weights zero, and one image."""
    with torch.device("meta"):
        model, shape = of_torchvision(name[12:]) if name.startswith("torchvision:") else of_spec(name)
    if next(model.parameters()).is_meta:
        model = model.to_empty(device="cpu")
    model.eval()
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.zero_()
    return model, torch.zeros(1, *shape)


def of_torchvision(name: str) -> tuple[torch.nn.Module, tuple[int, ...]]:
    options: dict[str, Any] = {}
    if name in ("googlenet", "inception_v3"):
        options = {"aux_logits": False, "init_weights": False}
    size = 299 if name == "inception_v3" else 224
    with torch.device("cpu" if name.startswith("regnet") else torch.get_default_device()):
        return torchvision.get_model(name, **options), (3, size, size)  # RegNet reads values of tensors


def of_spec(name: str) -> tuple[torch.nn.Module, tuple[int, ...]]:
    import cnncost
    from cnncost.measure.twin import Twin

    graph = cnncost.load(name)
    twin = Twin.of(graph)
    layers = {node.name: deformable(graph, node) for node in graph.nodes if node.op.name == "deform_conv"}
    if not layers:
        return twin, graph.input_shape
    found = {node.name: layers.get(node.name) or twin.get_submodule(node.name) for node in graph.nodes[1:]}
    return Twin(graph, found, twin.owners), graph.input_shape


def deformable(graph: Graph, node: Node) -> torch.nn.Module:
    """torchvision's own layer, where the twin's stands in for its shapes only."""
    from torchvision.ops import deform_conv

    if not hasattr(torch.ops.torchvision, "deform_conv2d"):  # torchvision is of another build of PyTorch
        deform_conv._assert_has_ops = lambda: None
        declare_deform_conv2d()
    op = node.op
    given = [op.given(name) for name in ("out", "kernel", "stride", "pad", "dilation", "groups", "bias")]
    return deform_conv.DeformConv2d(graph.input_shapes(node)[0][1], *given)


def declare_deform_conv2d() -> None:
    """The operator's signature and the shape of what it gives: all that the rivals see of it."""
    sizes = ", ".join(
        f"int {name}" for name in ("sh", "sw", "ph", "pw", "dh", "dw", "groups", "offset_groups")
    )
    library: Any = torch.library.Library("torchvision", "FRAGMENT")
    tensors = "Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias"
    library.define(f"deform_conv2d({tensors}, {sizes}, bool use_mask) -> Tensor")

    def zeros(x: torch.Tensor, weight: torch.Tensor, offset: torch.Tensor, *_: Any) -> torch.Tensor:
        return x.new_zeros(x.shape[0], weight.shape[0], *offset.shape[2:])

    library.impl("deform_conv2d", zeros, "CompositeExplicitAutograd")
    KEPT.append(library)


def fvcore(model: torch.nn.Module, x: torch.Tensor) -> Counts:
    from fvcore.nn import FlopCountAnalysis, parameter_count

    counted = FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return {"ops": counted.total(), "params": parameter_count(model)[""]}


def torch_flop_counter(model: torch.nn.Module, x: torch.Tensor) -> Counts:
    from torch.utils.flop_counter import FlopCounterMode

    # On the CPU it has no formula for the kernel of fused attention.
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        model.to("meta")(x.to("meta"))
    return {"ops": counted.get_total_flops()}


def torchinfo(model: torch.nn.Module, x: torch.Tensor) -> Counts:
    from torchinfo import summary

    counted = summary(model, input_data=x, verbose=0)
    return {
        "ops": counted.total_mult_adds,
        "params": counted.total_params,
        "memory_bytes": counted.total_output_bytes,
    }


def ptflops(model: torch.nn.Module, x: torch.Tensor) -> Counts:
    from ptflops import get_model_complexity_info

    ops, params = get_model_complexity_info(
        model, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, backend="pytorch"
    )
    return {"ops": int(ops), "params": int(params)}


def ptflops_aten(model: torch.nn.Module, x: torch.Tensor) -> Counts:
    from ptflops import get_model_complexity_info

    ops, params = get_model_complexity_info(
        model, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, backend="aten"
    )
    return {"ops": int(ops), "params": int(params)}


def thop(model: torch.nn.Module, x: torch.Tensor) -> Counts:
    from thop import profile

    ops, params = profile(model, inputs=(x,), verbose=False)
    return {"ops": int(ops), "params": int(params)}


def calflops(model: torch.nn.Module, x: torch.Tensor) -> Counts:
    # calflops imports transformers, which it does not declare, in the two files that fetch language models.
    for file, name in (("flops_counter_hf", "calculate_flops_hf"), ("estimate", "create_empty_model")):
        absent = types.ModuleType(f"calflops.{file}")
        setattr(absent, name, None)
        sys.modules[absent.__name__] = absent
    from calflops import calculate_flops

    flops, macs, params = calculate_flops(
        model, input_shape=tuple(x.shape), output_as_string=False, print_results=False
    )
    return {"ops": macs, "flops": flops, "params": int(params)}


def torchprofile(model: torch.nn.Module, x: torch.Tensor) -> Counts:
    from torchprofile import profile_macs

    return {"ops": profile_macs(model, x)}


def main() -> None:
    """Count the named models with the named rival."""
    rival, *names = sys.argv[1:]
    count = torch_flop_counter if rival == "torch" else globals()[rival]
    warnings.simplefilter("ignore")
    print(json.dumps({name: count(*build(name)) for name in names}))


if __name__ == "__main__":
    main()
