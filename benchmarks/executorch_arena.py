"""The arena that `cnncost memory --runtime executorch` plans, against ExecuTorch's own planner.

    python -m venv et; et/bin/pip install executorch torchvision -e .
    et/bin/python benchmarks/executorch_arena.py [torchvision's names, or specs: net.yaml]

Every network is exported by torch.export, lowered by `to_edge` and `to_executorch` with their defaults, and
the size of the one buffer of the plan is compared, to the byte; of a spec it is its twin (measure/twin.py)
that is exported. Two go by another name here. Prints a line per network; exits 1 if one differs.
"""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING

import cnncost
from cnncost.deployment.deploy import deploy

if TYPE_CHECKING:
    from torch import Tensor, nn

NAMES = (
    "alexnet", "vgg11", "vgg13_bn", "vgg16", "vgg19", "squeezenet1_0", "squeezenet1_1", "resnet18",
    "resnet34", "resnet50", "resnet101", "wide_resnet50_2", "resnext50_32x4d", "mobilenet_v2",
    "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet0_5", "mnasnet1_0", "mnasnet1_3",
    "googlenet",
    "inception_v3", "efficientnet_b0",
)  # fmt: skip
OTHERWISE = {"alexnet": "alexnet_torchvision", "googlenet": "torchvision:googlenet"}
"""Networks of ours that go by another name, or are other graphs."""


def example(name: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A network in eval mode, and what it is called with."""
    import torch
    import torchvision

    from cnncost.measure.twin import Twin, example_inputs

    if name.endswith(".yaml"):
        graph = cnncost.load(name)
        return Twin.of(graph).eval(), example_inputs(graph, 1, torch.device("cpu"))
    side = 299 if name == "inception_v3" else 224
    return torchvision.models.get_model(name, weights=None).eval(), (torch.zeros(1, 3, side, side),)


def planned(name: str) -> int:
    """Bytes of the buffer that ExecuTorch plans for a network."""
    import torch
    from executorch.exir import to_edge

    module, given = example(name)
    with torch.no_grad():
        program = torch.export.export(module, given)
    plan = to_edge(program).to_executorch().executorch_program.execution_plan[0]
    return int(plan.non_const_buffer_sizes[1])


def main(names: list[str]) -> int:
    """Compare; the number of networks that differ, at most 1."""
    warnings.filterwarnings("ignore")
    print(", ".join(f"{package} {version(package)}" for package in ("executorch", "torch", "torchvision")))
    wrong = 0
    for name in names or NAMES:
        side = 299 if name == "inception_v3" else 224
        theirs = planned(name)
        size = None if name.endswith(".yaml") else (3, side, side)
        graph = cnncost.load(OTHERWISE.get(name, name), input=size)
        ours = deploy(graph, "executorch").arena_bytes
        wrong += ours != theirs
        print(f"{name:20} {theirs:>12,} {ours:>12,} {'' if ours == theirs else ours - theirs}", flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
