"""What is said where a network does not come in, kind by kind and whole: the user's module and line, and what to do.

Python speaks Python, the command line its options.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cnncost

HERE = Path(__file__)


class Good(nn.Module):
    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(channels, 4, 3))
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean((2, 3)))  # type: ignore[no-any-return] # the line


class Two(Good):
    def forward(self, x: Tensor, y: Tensor, mask: Tensor | None = None) -> Tensor:  # two
        return super().forward(x) + y.mean()


class Silent(nn.Module):
    pass


class Array(Good):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x).detach().numpy()


class Missing(Good):
    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.nope())  # type: ignore[operator, no-any-return] # nope


class Raises(Good):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("five channels are needed")  # raised


class Whole(nn.Module):
    """It takes no batch."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        (rows,) = x.shape  # one axis
        return self.fc(x[:rows])  # type: ignore[no-any-return]


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4)

    def forward(self, ids: Tensor) -> Tensor:
        return self.table(ids)  # type: ignore[no-any-return] # words


class Named(Good):
    def forward(self, batch: Any) -> Tensor:
        return super().forward(batch["image"])  # by name


class Exits(Good):
    def forward(self, x: Tensor) -> Tensor:
        raise SystemExit(3)  # exits


class Number(Good):
    """It prints, and gives a number of Python's."""

    def forward(self, x: Tensor) -> Any:
        print("shape", x.shape)
        return super().forward(x).sum().item()


@torch.library.custom_op("cnncost_tests::strange", mutates_args=())  # type: ignore[untyped-decorator, unused-ignore]
def strange(x: Tensor) -> Tensor:
    return x.clone()


@strange.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class Strange(Good):
    def forward(self, x: Tensor) -> Tensor:
        return strange(x)  # type: ignore[no-any-return] # strange


def line(mark: str) -> str:
    """The place of a line of this file that ends in a mark, and the line, as messages quote them."""
    for number, text in enumerate(HERE.read_text().splitlines(), 1):
        if text.endswith(f"# {mark}"):
            return f"  {HERE}:{number}\n      {text.strip()}\n"
    raise AssertionError(mark)


def place(mark: str) -> str:
    return line(mark).partition("\n")[0] + "\n"


NOT_ITS_INPUT = "  is that its input? it is given without the batch: input_shape=(3, 224, 224)"
KINDS: dict[str, tuple[Any, Any, str]] = {
    "a second input is missing": (
        Two, (3, 8, 8),
        "Two: its forward takes x, y, mask, and y is not given\n" + place("two")
        + "  give every input by its name, without the batch: example_kwargs={'x': torch.zeros(1, 3, 8, 8), 'y': ...}",
    ),
    "no forward": (
        Silent, (3, 8, 8),
        "Silent: Silent has no forward, so there is nothing to count\n"
        "  name the module that computes: its class needs def forward(self, x)",
    ),
    "a shape with the batch": (
        Good, (1, 3, 8, 8),
        "Good: its forward pass fails at input 1x3x8x8: RuntimeError: Expected 3D (unbatched) or 4D (batched) input"
        " to conv2d, but got input of size: [1, 1, 3, 8, 8]\n  module features.0\n" + line("the line")
        + "  that is with the batch; give it without: input_shape=(3, 8, 8)",
    ),
    "a network without a batch": (
        Whole, (5,),
        "Whole: its forward pass fails at input 5: ValueError: too many values to unpack (expected 1)\n"
        + line("one axis") + "  it takes that without a batch: batch_axis=None",
    ),
    "channels that do not fit": (
        lambda: Good(5), (3, 8, 8),
        "Good: its forward pass fails at input 3x8x8: RuntimeError: Given groups=1, weight of size [4, 5, 3, 3],"
        " expected input[1, 4, 6, 6] to have 5 channels, but got 4 channels instead\n  module features.2\n"
        + line("the line") + NOT_ITS_INPUT,
    ),
    "channels last": (
        Good, (8, 8, 3),
        "Good: its forward pass fails at input 8x8x3: RuntimeError: Given groups=1, weight of size [4, 3, 3, 3],"
        " expected input[1, 8, 8, 3] to have 3 channels, but got 8 channels instead\n  module features.0\n"
        + line("the line") + "  its channels come first: input_shape=(3, 8, 8)",
    ),
    "whole numbers": (
        Words, (7,),
        "Words: its forward pass fails at input 7: RuntimeError: Expected tensor for argument #1 'indices' to have one"
        " of the following scalar types: Long, Int; but got torch.float32 instead\n  module table\n"
        + line("words")
        + "  it takes whole numbers: example_kwargs={'ids': torch.zeros(1, 7, dtype=torch.int64)}",
    ),
    "a dictionary": (
        Named, (3, 8, 8),
        "Named: its forward pass fails at input 3x8x8: IndexError: too many indices for tensor of dimension 4\n"
        + line("by name")
        + "  it takes a dictionary: example_kwargs={'batch': {'image': torch.zeros(1, 3, 8, 8)}}",
    ),
    "it ends the program": (
        Exits, (3, 8, 8),
        "Exits: its forward pass fails at input 3x8x8: SystemExit: 3\n" + line("exits") + NOT_ITS_INPUT,
    ),
    "a Sequential's own layer": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 4, 3)), (3, 8, 8),
        "Sequential: its forward pass fails at input 3x8x8: RuntimeError: Given groups=1, weight of size"
        " [4, 5, 3, 3], expected input[1, 4, 6, 6] to have 5 channels, but got 4 channels instead\n"
        "  module 1\n" + NOT_ITS_INPUT,
    ),
    "its own error": (
        Raises, (3, 8, 8),
        "Raises: its forward pass fails at input 3x8x8: ValueError: five channels are needed\n"
        + line("raised") + NOT_ITS_INPUT,
    ),
    "a method that tensors do not have": (
        Missing, (3, 8, 8),
        "Missing: its forward pass fails at input 3x8x8: AttributeError: 'Tensor' object has no attribute 'nope'\n"
        + line("nope") + NOT_ITS_INPUT,
    ),
    "an operator that nobody has declared": (
        Strange, (3, 8, 8),
        "Strange: cnncost_tests.strange.default is not an operator of cnncost: nobody has declared it\n"
        "  module (the network itself)\n" + line("strange")
        + "  go on without its cost, totals being lower bounds: allow_unknown=True\n"
        "  or declare it: a class in cnncost/ops, a function in cnncost/importers/aten (CONTRIBUTING.md)",
    ),
    "a class": (
        lambda: Good, (3, 8, 8),
        "Good is a class, not a module\n  make one: cnncost.analyze(Good(), (3, 224, 224))",
    ),
    "no shape": (
        Good, None,
        "Good: a module needs an input shape, without the batch\n  cnncost.analyze(module, (3, 224, 224))",
    ),
    "a text": (
        Good, "3x8x8",
        "input_shape is '3x8x8', not a shape without the batch\n  for example: (3, 224, 224)",
    ),
    "a list of tensors": (
        Good, [torch.zeros(1, 3, 8, 8)],
        "input_shape is a list of tensors\n  several inputs: example_inputs=(x, y)",
    ),
    "a vector for a shape": (
        Good, torch.zeros(3),
        "a tensor of shape (3,) has no batch\n  give its shape instead: tuple(x.shape)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind(kind: str) -> None:
    make, given, message = KINDS[kind]
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(make(), given)
    assert str(caught.value) == message


@pytest.mark.filterwarnings("ignore:.torch.jit.trace")
@pytest.mark.parametrize("make", [Array, lambda: torch.jit.trace(Good(), torch.zeros(1, 3, 8, 8))])
def test_what_used_to_be_refused_comes_in(make: Any) -> None:
    """An array at the end, and a traced module: 36 x 108 and 16 x 144 and 4 x 2 products."""
    totals = cnncost.analyze(make(), (3, 8, 8)).totals
    assert (totals.params, totals.macs) == (112 + 148 + 10, 36 * 108 + 16 * 144 + 8)


@pytest.mark.filterwarnings("ignore")
def test_a_quantised_module() -> None:
    module = torch.ao.quantization.quantize_dynamic(Good(), {nn.Linear})
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(module, (3, 8, 8))
    assert str(caught.value) == (
        "Good: quantized.linear_dynamic.default is of a quantised module, its weights packed for one machine\n"
        "  module fc\n" + line("the line")
        + "  give the module before it is quantised; dtype='int8' counts its bytes so\n"
        "  or go on without its cost, totals being lower bounds: allow_unknown=True"
    )  # fmt: skip


NETS = """
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x, y):
        return self.conv(x) + y

net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 4, 3))

def nothing():
    Two()
"""
LINES: dict[tuple[str, ...], str] = {
    ("sub/nets.py",): "sub/nets.py: a file of Python may have several networks; name what makes one\n"
    "  write sub/nets.py:Net",
    ("nets",): "nets.py: a file of Python may have several networks; name what makes one\n  write nets.py:Two",
    ("my-nets:Two",): "my-nets:Two: no module has that name, but a file\n  write my-nets.py:Two",
    ("nets.Two",): "nets.Two: what makes a network stands behind a colon\n  write nets:Two",
    ("nets.py",): "nets.py: a file of Python may have several networks; name what makes one\n  write nets.py:Two",
    ("timm/resnet50",): "timm/resnet50: a library's network is named behind a colon\n  write timm:resnet50",
    ("torchvision.models.resnet50",): "torchvision.models.resnet50: a library's network is named behind a colon\n"
    "  write torchvision:resnet50",
    ("torchvision:models.resnet50",): "torchvision:models.resnet50: a library's network is named behind a colon\n"
    "  write torchvision:resnet50",
    ("hf-hub:timm/resnet50.a1_in1k",): "hf-hub:timm/resnet50.a1_in1k: a library's network is named behind a colon\n"
    "  write timm:resnet50.a1_in1k",
    ("https://example.org/net.yaml",): "https://example.org/net.yaml: nothing is fetched, cnncost never touches the network\n"
    "  download it, and name the file",
    ("microsoft/resnet-50",): "microsoft/resnet-50: no such file\n"
    "  a spec ends in .yaml or .yml; a library's network: torchvision:NAME, timm:NAME",
    ("here.ipynb",): "here.ipynb: a notebook is not read\n  in it: cnncost.analyze(net, (3, 224, 224))",
    ("nets:Two(3)",): "nets:Two(3): what makes a network is named without its call\n"
    "  write nets:Two; its arguments: --set width=4",
    ("nets:nothing", "-i", "3x8x8"): "nets:nothing gives NoneType, not an nn.Module\n  does it end in `return`?",
    ("net.pth",): "net.pth: a file of weights does not say what computes with them, and nothing is unpickled here\n"
    "  name what makes the network, package.module:factory, or export it to ONNX",
    ("net.h5",): "net.h5: files .h5 are not read\n  export the network to ONNX, or name what makes it in PyTorch",
    ("nets:Two", "-i", "3x8x8"): "nets:Two: its forward takes x, y, and y is not given\n"
    "  HERE/nets.py:9\n"
    "  give every input by its name, without the batch: --input x=3x8x8 --input y=SIZES",
    ("nets:Two", "-i", "x=3x8x8", "-i", "z=3"): "nets:Two: its forward has no input 'z'; it takes x, y\n"
    "  HERE/nets.py:9\n"
    "  give every input by its name, without the batch: --input x=3x8x8 --input y=SIZES",
    ("nets:net", "-i", "3x8x8"): "nets:net: its forward pass fails at input 3x8x8: RuntimeError: Given groups=1, weight"
    " of size [4, 5, 3, 3], expected input[1, 4, 6, 6] to have 5 channels, but got 4 channels instead\n"
    "  module 1\n"
    "  is that its input? it is given without the batch: --input 3x224x224",
}  # fmt: skip


@pytest.mark.parametrize("arguments", LINES, ids=" ".join)
def test_on_the_command_line(arguments: tuple[str, ...], tmp_path: Path) -> None:
    for file in ("nets.py", "my-nets.py"):
        (tmp_path / file).write_text(NETS)
    command = [sys.executable, "-m", "cnncost", "table", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.replace(str(tmp_path), "HERE") == f"error: {LINES[arguments]}\n"


def test_what_a_module_prints_is_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    """A number that it gives instead of a tensor is made of what it computed."""
    totals = cnncost.analyze(Number(), (3, 8, 8)).totals
    assert (totals.params, totals.macs) == (270, 36 * 108 + 16 * 144 + 8)
    assert capsys.readouterr() == ("", "")


def test_numpy_shapes_are_shapes() -> None:
    assert cnncost.analyze(Good(), np.array([3, 8, 8])).totals.params == 270
