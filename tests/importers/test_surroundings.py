"""What a stranger's code finds around it: its own project, no command line of ours, no CUDA, no weights to load.

The oracle is the same network written without any of that, counted as the import counts it and by PyTorch.
"""

from __future__ import annotations

import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers.permission import check_of_file
from cnncost.measure.original import module_figures

PLAIN = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        mask = torch.zeros(x.size(0), 8, 8, 8)
        return self.head(torch.relu(self.conv(x)) * mask)
"""
SAME = "self.conv = nn.Conv2d(3, 8, 3, padding=1)\n"
CUDA = {
    "forward": PLAIN.replace("8, 8, 8)", "8, 8, 8).cuda()"),
    "factory": PLAIN.replace("8, 8, 8)", "8, 8, 8, device='cuda:0')"),
    "to": PLAIN.replace("8, 8, 8)", "8, 8, 8).to(torch.device('cuda'))"),
    "kind": PLAIN.replace("torch.zeros(", "torch.cuda.FloatTensor("),
    "type": PLAIN.replace("8, 8, 8)", "8, 8, 8).type('torch.cuda.FloatTensor')"),
    "input": PLAIN.replace("        mask", "        x = x.cuda()\n        mask"),
    "part": PLAIN.replace(SAME, SAME.replace("padding=1)", "padding=1).cuda()")),
    "whole": PLAIN.replace("        self.head", "        self.cuda()\n        self.head"),
    "buffer": PLAIN.replace(SAME, SAME + "        self.w = torch.zeros(2, device='cuda')\n"),
    "module": "import torch\nW = torch.zeros(2, device='cuda')\n" + PLAIN,
}


def totals(graph: cnncost.Graph) -> Any:
    return cnncost.analyze(graph).totals


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What an import of these files adds to sys.path and sys.modules is gone after it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name, module in list(sys.modules.items()):
        if str(tmp_path) in f"{vars(module).get('__file__')} {vars(module).get('__path__')}":
            del sys.modules[name]


@pytest.mark.parametrize("way", CUDA)
def test_code_that_asks_for_cuda(way: str, tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "asks.py").write_text(CUDA[way])
    plain = cnncost.load(f"{tmp_path}/plain.py:Net", input=(3, 8, 8))
    asks = cnncost.load(f"{tmp_path}/asks.py:Net", input=(3, 8, 8))
    assert totals(asks) == totals(plain)
    if not torch.cuda.is_available():
        run = way in ("forward", "factory", "to", "kind", "type", "input")
        assert cnncost.analyze(asks).taken == (("Its code asks for CUDA and had the CPU.",) if run else ())
    figures = {name: (ours, theirs) for name, ours, theirs, _ in module_figures(asks, 1, "eval")}
    assert len(figures) == 4 and all(ours == theirs for ours, theirs in figures.values())


def test_the_counter_agrees(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    namespace: dict[str, Any] = {}
    exec(PLAIN, namespace)
    module = namespace["Net"]()
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 3, 8, 8))
    found = totals(cnncost.load(f"{tmp_path}/plain.py:Net", input=(3, 8, 8)))
    assert 2 * found.macs == counter.get_total_flops()
    assert found.params == sum(parameter.numel() for parameter in module.parameters())


def test_a_module_that_asks_for_cuda_in_python() -> None:
    class Asks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x) + torch.zeros(2).cuda()  # type: ignore[no-any-return]

    assert cnncost.analyze(Asks(), (4,)).totals.macs == 8


LOADS = """
import torch
from torch import hub, nn
from torch.hub import load_state_dict_from_url


class Net(nn.Module):
    def __init__(self, way):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        if way == "file":
            self.load_state_dict(torch.load("weights/best.pth", map_location="cpu")["state_dict"])
        if way == "renamed":
            given = torch.load("weights/best.pth")
            self.load_state_dict({name[7:]: value for name, value in given.items()})
        if way == "own":
            own = self.state_dict()
            own.update({name: value for name, value in torch.load("best.pth").items() if name in own})
            self.load_state_dict(own)
        if way == "hub":
            self.load_state_dict(load_state_dict_from_url("https://example.com/net.pth"))
        if way == "here":
            self.load_state_dict(torch.load(FILE))
        if way == "read":
            self.conv = nn.Conv2d(3, torch.load("weights/best.pth")["width"], 3)

    def forward(self, x):
        return self.conv(x)
"""


@pytest.mark.parametrize("way", ["file", "renamed", "own", "hub"])
def test_weights_that_are_not_here(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("it asks the network")

    monkeypatch.setattr(urllib.request, "urlopen", never)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    (tmp_path / "loads.py").write_text(LOADS)
    found = totals(cnncost.load(f"{tmp_path}/loads.py:Net", input=(3, 8, 8), set={"way": way}))
    assert (found.params, found.macs) == (4 * 27 + 4, 4 * 27 * 36)
    file = "net.pth" if way == "hub" else "best.pth"
    assert capsys.readouterr().err.endswith(
        f"note: weights that are not here, and that no count needs: {file}\n"
    )


def test_weights_that_are_here_or_that_more_is_read_from(tmp_path: Path) -> None:
    torch.save(nn.Conv2d(3, 5, 3).state_dict(), tmp_path / "other.pth")
    (tmp_path / "loads.py").write_text(LOADS.replace("FILE", repr(str(tmp_path / "other.pth"))))
    name = f"{tmp_path}/loads.py:Net"
    with pytest.raises(cnncost.UsageError, match=r"cannot be built: RuntimeError: Error\(s\) in loading"):
        cnncost.load(name, input=(3, 8, 8), set={"way": "here"})
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.load(name, input=(3, 8, 8), set={"way": "read"})
    assert str(caught.value) == (
        f"{name} cannot be built: FileNotFoundError: [Errno 2] No such file or directory: 'weights/best.pth'\n"
        f"  {tmp_path}/loads.py:25\n"
        '      self.conv = nn.Conv2d(3, torch.load("weights/best.pth")["width"], 3)\n'
        "  it is looked for from the current directory: run in the folder where its code runs"
    )


BLOCK = "from torch import nn\n\n\ndef block(width):\n    return nn.Conv2d(3, width, 1)\n"
NET = "\n\nclass Net(nn.Module):\n    def __init__(self, width=4):\n        super().__init__()\n        self.conv = block(width)\n\n    def forward(self, x):\n        return self.conv(x)\n"
PROJECTS = {
    "package": ({"pk/__init__.py": "", "pk/parts/__init__.py": "", "pk/parts/block.py": BLOCK}, "pk/nets/net.py", "from ..parts.block import block"),
    "relative": ({"models/block.py": BLOCK}, "models/net.py", "from .block import block"),
    "beside": ({"models/block.py": BLOCK}, "models/net.py", "from block import block"),
    "outer": ({"utils/block.py": BLOCK}, "models/deep/net.py", "from utils.block import block"),
    "dash": ({}, "my-models/04-net.py", BLOCK),
    "taken": ({}, "json.py", BLOCK),
}  # fmt: skip


@pytest.mark.parametrize("kind", PROJECTS)
def test_a_file_is_imported_as_in_its_project(kind: str, tmp_path: Path) -> None:
    others, file, first = PROJECTS[kind]
    for name, text in {**others, file: f"from torch import nn\n{first}{NET}"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = cnncost.load(f"{tmp_path / file}:Net", input=(3, 5, 5), set={"width": 7})
    assert (totals(graph).params, graph.name) == (7 * 4, "Net")


def test_a_script_does_not_read_our_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "script.py").write_text(
        "import argparse\nfrom torch import nn\n\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('words', nargs='*')\nparser.add_argument('--batch', type=int, default=3)\n"
        "args = parser.parse_args()\n\n\nclass Net(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Linear(4, args.batch))\n"
    )
    monkeypatch.setattr(sys, "argv", ["cnncost", "table", "script.py:Net", "--batch", "64"])
    for name in (f"{tmp_path}/script.py:Net", "script:Net"):
        monkeypatch.chdir(tmp_path)
        assert totals(cnncost.load(name, input=(4,))).params == 4 * 3 + 3


SETTINGS = """
from torch import nn


class Net(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.fc = nn.Linear(args.inner.features, args["classes"], bias=getattr(args, "bias", False))

    def forward(self, x):
        return self.fc(x)
"""


def test_an_object_of_settings(tmp_path: Path) -> None:
    (tmp_path / "wants.py").write_text(SETTINGS)
    name = f"{tmp_path}/wants.py:Net"
    for given in (
        {"args.inner.features": "4", "args.classes": "3"},
        {"args": {"inner": {"features": 4}}, "args.classes": 3},
        {"args": {"inner": {"features": 4}, "classes": 3}},
    ):
        assert totals(cnncost.load(name, input=(4,), set=given)).params == 12

    said = {}
    for case, wrong in {
        "none": {},
        "less": {"args.inner.features": 4},
        "both": {"args": 3, "args.x": 4},
    }.items():
        with pytest.raises(cnncost.UsageError) as caught:
            cnncost.load(name, input=(4,), set=wrong)
        said[case] = str(caught.value).replace(name, "NET").replace(str(tmp_path), "HERE")
    line = (
        '      self.fc = nn.Linear(args.inner.features, args["classes"], bias=getattr(args, "bias", False))\n'
    )
    assert said == {
        "none": "NET cannot be built: Net.__init__() missing 1 required positional argument: 'args'\n"
        "  its arguments: --set args.NAME=VALUE, or all in one: --kwargs JSON",
        "less": f"NET cannot be built: KeyError: 'classes'\n  HERE/wants.py:8\n{line}"
        "  give it that, too: --set args.classes=VALUE",
        "both": "--set args.x: args is a value already, not an object",
    }


FAILS = {
    "import nosuchpackage": "needs 'nosuchpackage', which is not installed\n  FILE:1\n      import nosuchpackage\n"
    "  install it where cnncost is, or run in the folder that it lies in",
    "raise SystemExit(2)": "cannot be imported: SystemExit: 2\n  FILE:1\n      raise SystemExit(2)\n"
    "  it ends when it is imported: put what is a program under if __name__ == '__main__':",
    "open('data.csv')": "cannot be imported: FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'\n"
    "  FILE:1\n      open('data.csv')\n"
    "  what it does beside defining the network belongs under if __name__ == '__main__':",
}  # fmt: skip


@pytest.mark.parametrize("code", FAILS)
def test_a_file_whose_import_fails(code: str, tmp_path: Path) -> None:
    file = tmp_path / "fails.py"
    file.write_text(f"{code}\n")
    kind = cnncost.UnavailableError if "needs" in FAILS[code] else cnncost.UsageError
    with pytest.raises(kind) as caught:
        cnncost.load(f"{file}:Net", input=(4,))
    assert str(caught.value) == f"{file}:Net: {file} {FAILS[code].replace('FILE', str(file))}"


def test_no_file_and_no_such_class(tmp_path: Path) -> None:
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.load("nosuch.py:Net", input=(4,))
    assert str(caught.value) == "nosuch.py: no such file\n  it is looked for from the current directory"
    (tmp_path / "wants.py").write_text(SETTINGS)
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.load(f"{tmp_path}/wants.py:Nett", input=(4,))
    assert str(caught.value) == f"{tmp_path}/wants.py has no 'Nett': did you mean 'Net'?"


def test_a_file_that_a_lock_names_is_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "net.py").write_text(PLAIN)
    (tmp_path / "outside.py").write_text("raise AssertionError('it runs')\n")
    monkeypatch.chdir(tmp_path / "project")
    check_of_file("net.py:Net")
    with pytest.raises(cnncost.UsageError) as caught:
        check_of_file("../outside.py:Net")
    assert str(caught.value) == (
        "'../outside.py:Net' stands in a file and names one that is not of this project\n"
        "  name it on the command line, where you ask for it yourself"
    )
