"""Runs one rival on some models and prints what it counts, as JSON: a program for a process of its own.

    python tests/analysis/rivals.py fvcore resnet50 vgg16

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

sys.path.insert(0, str(Path(__file__).parents[1]))
import torch
import torchvision_shim

models = torchvision_shim.models()


def build(name: str) -> torch.nn.Module:
    """torchvision's model in eval mode, without auxiliary classifiers, all weights zero."""
    options: dict[str, Any] = {}
    if name in ("googlenet", "inception_v3"):
        options = {"aux_logits": False, "init_weights": False}
    with torch.device("meta"):
        model: torch.nn.Module = models.get_model(name, **options)
    model = model.to_empty(device="cpu").eval()
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.zero_()
    return model


def fvcore(model: torch.nn.Module, x: torch.Tensor) -> dict[str, int]:
    from fvcore.nn import FlopCountAnalysis, parameter_count

    counted = FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return {"ops": counted.total(), "params": parameter_count(model)[""], "by": dict(counted.by_operator())}


def torch_flop_counter(model: torch.nn.Module, x: torch.Tensor) -> dict[str, int]:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counted, torch.no_grad():
        model(x)
    return {"ops": counted.get_total_flops()}


def torchinfo(model: torch.nn.Module, x: torch.Tensor) -> dict[str, int]:
    from torchinfo import summary

    counted = summary(model, input_data=x, verbose=0)
    return {
        "ops": counted.total_mult_adds,
        "params": counted.total_params,
        "memory_bytes": counted.total_output_bytes,
    }


def ptflops(model: torch.nn.Module, x: torch.Tensor) -> dict[str, int]:
    from ptflops import get_model_complexity_info

    ops, params = get_model_complexity_info(
        model, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, backend="pytorch"
    )
    return {"ops": ops, "params": params}


def ptflops_aten(model: torch.nn.Module, x: torch.Tensor) -> dict[str, int]:
    from ptflops import get_model_complexity_info

    ops, params = get_model_complexity_info(
        model, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False, backend="aten"
    )
    return {"ops": ops, "params": params}


def thop(model: torch.nn.Module, x: torch.Tensor) -> dict[str, int]:
    from thop import profile

    ops, params = profile(model, inputs=(x,), verbose=False)
    return {"ops": ops, "params": params}


def calflops(model: torch.nn.Module, x: torch.Tensor) -> dict[str, int]:
    # calflops imports transformers, which it does not declare, in the two files that fetch language models.
    for file, name in (("flops_counter_hf", "calculate_flops_hf"), ("estimate", "create_empty_model")):
        absent = types.ModuleType(f"calflops.{file}")
        setattr(absent, name, None)
        sys.modules[absent.__name__] = absent
    from calflops import calculate_flops

    flops, macs, params = calculate_flops(
        model, input_shape=tuple(x.shape), output_as_string=False, print_results=False
    )
    return {"ops": macs, "flops": flops, "params": params}


def torchprofile(model: torch.nn.Module, x: torch.Tensor) -> dict[str, int]:
    from torchprofile import profile_macs

    return {"ops": profile_macs(model, x)}


def main() -> None:
    """Count the named models with the named rival."""
    rival, *names = sys.argv[1:]
    count = {"torch": torch_flop_counter}.get(rival) or globals()[rival]
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    results = {}
    for name in names:
        size = 299 if name == "inception_v3" else 224
        results[name] = count(build(name), torch.zeros(1, 3, size, size))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
