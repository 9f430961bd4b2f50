"""What is fed with mutants, and what must hold of everything that comes out.

A target takes an input and raises if a property fails: only cnncost's own errors come out, messages are words and
short, totals are the sums of rows at every level, two images cost twice one, reports and locks read back as they were
written, and so does the spec of an import. It says whether the input was taken.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import shlex
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from regress.specs import NET

import cnncost
from cnncost import devices
from cnncost.analysis.conventions import CONVENTIONS
from cnncost.border import parse_json
from cnncost.cli.main import main
from cnncost.graph import Graph
from cnncost.importers import from_onnx, write
from cnncost.language import expand, zoo
from cnncost.language.instance import graph_of
from cnncost.measure import files
from cnncost.predict import predict
from cnncost.predict import profile as profiles
from cnncost.regress import lock as locks
from cnncost.regress import settings
from cnncost.regress.snapshot import snapshot
from fuzz import exchanged, mutants, values
from fuzz.target import Target, refusable

ROOT = Path(__file__).resolve().parents[2]
SUMMED = ("params", "buffers", "macs", "flops", "activation_elements", "activation_bytes")
LARGEST = 20_000
"""Nodes and steps of a graph in here: larger ones are slow, not wrong."""


def check_graph(graph: Graph) -> None:
    """The properties of everything that is counted."""
    one, two = cnncost.analyze(graph, by="op"), cnncost.analyze(graph, by="op", batch=2)
    for level in ("op", "layer", "stage"):
        report = cnncost.analyze(graph, by=level)
        assert report.totals == one.totals
        for name in SUMMED:
            assert sum(getattr(row, name) for row in report.rows) == getattr(report.totals, name), (
                level,
                name,
            )
    for name in ("macs", "activation_elements"):
        assert getattr(two.totals, name) == 2 * getattr(one.totals, name), name
    for row in one.rows:
        assert min(row.params, row.buffers, row.macs, row.flops, row.activation_elements) >= 0, row.name
    assert one.totals.peak_bytes >= max((row.activation_bytes for row in one.rows), default=0)
    assert cnncost.Report.from_dict(json.loads(json.dumps(one.to_dict()))).to_dict() == one.to_dict()
    taken = snapshot(graph, CONVENTIONS["cnncost"])
    lock = locks.Lock("cnncost", {"net": taken})
    text = locks.write(lock)
    (back,) = locks.parse(text, "net.lock").models.values()
    assert (back.digest, dict(back.quantities)) == (taken.digest, dict(taken.quantities))
    assert list(back.lines) == list(taken.lines)


@refusable
def spec(text: str, folder: Path) -> None:
    """A spec, its default and its first variant."""
    with patch.multiple(expand, MAX_STEPS=LARGEST, MAX_GRAPH=LARGEST, MAX_REPEATS=LARGEST):
        family = zoo.parse_text(text, "fuzzed.yaml", "fuzzed")
        for variant in [None, *family.variants.values()][:2]:
            graph = graph_of(family, variant)
            if len(graph.nodes) < 300:
                check_graph(graph.without_heads())


@refusable
def lock(text: str, folder: Path) -> None:
    """A lock: what is read is what is written."""
    read = locks.parse(text, "fuzzed.lock")
    for model in read.models.values():
        assert len(model.nodes) == len(model.lines)
    again = locks.parse(locks.write(read), "fuzzed.lock")
    assert {name: list(model.lines) for name, model in again.models.items()} == {
        name: list(model.lines) for name, model in read.models.items()
    }


@refusable
def toml(text: str, folder: Path) -> None:
    """A configuration, in pyproject.toml or as its own file."""
    path = folder / ("pyproject.toml" if "[tool" in text else "cnncost.toml")
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    settings.read(path)


@refusable
def run_json(text: str, folder: Path) -> None:
    """A file of measurements: what is read is finite and possible."""
    path = folder / "run.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for one in files.read(path):
        assert 0 < one.low <= one.seconds <= one.high < 2**63 and one.setting.batch >= 1
        assert isinstance(one.setting.text(), str)


@refusable
def device(text: str, folder: Path) -> None:
    """A device and its profiles: they read back the same, and a predicted time is a time within its interval."""
    path = folder / "mine.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found = devices.device(str(path))
    assert all(0 < peak < math.inf for peak in found.peaks.values())
    assert found.bandwidth is None or 0 < found.bandwidth < math.inf
    for given in found.profiles:
        profile = profiles.parse(given, "it")
        assert profiles.parse(profiles.as_document(profile), "it") == profile
    for dtype in (None, "float32"):
        time = predict(lenet(), found, dtype=dtype)
        assert 0 < time.low_ms <= time.latency_ms <= (time.high_ms or time.latency_ms) < math.inf


@lru_cache
def lenet() -> Graph:
    """A small network."""
    return cnncost.load("lenet5")


def device_seeds() -> tuple[str, ...]:
    """Three data sheets, and a device that was measured with one of its profiles."""
    folder = Path(devices.__file__).parent
    sheets = [
        (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in ("a10", "v100-sxm2", "mi300x")
    ]
    measured = yaml.safe_load((ROOT / "reports/h100-sxm/profile.yaml").read_text(encoding="utf-8"))
    measured["profiles"] = measured["profiles"][:1]
    return *sheets, yaml.safe_dump(measured, sort_keys=False)


@refusable
def onnx_file(data: bytes, folder: Path) -> None:
    """An ONNX file: its spec reads back, and costs the same."""
    path = folder / "fuzzed.onnx"
    path.write_bytes(data)
    graph = from_onnx(str(path))
    check_graph(graph)
    back = graph_of(zoo.parse_text(write.text(graph), "written", "model"), None)
    ours, theirs = cnncost.analyze(graph).totals, cnncost.analyze(back).totals
    assert (ours.params, ours.macs) == (theirs.params, theirs.macs)


def command(line: str, folder: Path) -> bool:
    """A command line: an exit code of ours, and never an internal error."""
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    out, err = io.StringIO(), io.StringIO()
    code: Any = 0
    with (
        contextlib.chdir(folder) if hasattr(contextlib, "chdir") else contextlib.nullcontext(),
        contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), patch.object(sys, "argv", ["cnncost", *words]), warnings.catch_warnings(),
    ):  # fmt: skip
        warnings.simplefilter("ignore")
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert code in (0, 1, 2, 3), (code, err.getvalue())
    assert "internal error" not in err.getvalue() and "Traceback" not in err.getvalue(), err.getvalue()
    assert code in (0, 1) or err.getvalue() or out.getvalue(), "an error without a word"
    if code == 0 and "--format json" in line and out.getvalue().startswith("{"):
        parse_json(out.getvalue())
    return code == 0


MODULE = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=4, sizes=(2, 3), deep=None, width=4):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, width, tuple(sizes)), nn.Linear(width, classes)

    def forward(self, x):
        return self.last(self.first(x).mean((2, 3)))
"""
"""A network of a user's own, with keyword arguments."""


@lru_cache(maxsize=1)
def project() -> dict[str, bytes]:
    """Files that command lines name: a spec, an ONNX file, a module, a lock, a sheet and answers, a measurement."""
    sheet, answers = exchanged.exercise()
    taken = snapshot(lenet(), CONVENTIONS["cnncost"])
    texts = {
        "net.yaml": NET, "made.py": MODULE, "a.lock": locks.write(locks.Lock("cnncost", {"lenet5": taken})),
        "sheet.json": sheet, "answers.csv": answers, "run.json": json.dumps(RUN),
        "cnncost.toml": '[budgets."*"]\nmax_params = "100M"\n',
    }  # fmt: skip
    return {name: text.encode() for name, text in texts.items()} | {"net.onnx": onnx_seeds()[0]}


def in_a_project(line: str, folder: Path) -> bool:
    """A command line in a folder with what it may name, as it was before the last one wrote there."""
    for name, data in project().items():
        (folder / name).write_bytes(data)
    return command(line, folder)


SPECS = (
    NET,
    "input: [3, 16, 16]\nbody:\n  - conv: {out: 8, kernel: 3, stride: 2, pad: same}\n  - bn\n  - relu\n  - add:\n"
    "      main: [{conv: {out: 8, kernel: [1, 3], pad: [0, 1], groups: 2}}, relu]\n      shortcut: []\n"
    "  - concat: {a: [], b: [{maxpool: {kernel: 3, stride: 1, pad: 1}}]}\n  - global_avgpool\n  - flatten\n"
    "  - {linear: {out: 10}, as: fc}\n",
    "input: [4, 12, 12]\nparams: {n: 2, wide: n * 4, unit: plain}\nblocks:\n  plain(out, kernel=3):\n"
    "    - {conv: {out: out, kernel: kernel, pad: kernel // 2}, as: here}\n    - {relu: {}, if: out > 4}\n  down(out):\n"
    "    - $unit: [out]\n    - {avgpool: {kernel: 2, ceil: true}, if: height > 2}\nbody:\n  - {plain: [wide], as: stem}\n"
    "  - down: [w]\n    for: {w: [8, 16]}\n  - {plain: [8, 1], times: n}\n  - conv_transpose: {out: 4, kernel: 2, stride: 2}\n"
    "heads:\n  aux:\n    - {global_avgpool: {}, from: stem}\n",
)
TOMLS = (
    '[tool.cnncost]\nmodels = ["lenet5 --batch 2", "net.yaml:*"]\nlock = "a.lock"\nconvention = "fvcore"\n'
    'published = false\n[tool.cnncost.budgets."net*"]\nmax_params = "4.5M"\nmax_macs = "5%"\nmax_peak_bytes = 33554432\n',
    'models = ["lenet5"]\n[budgets.lenet5]\nmax_latency = "12 ms"\nmeasured = "run.json"\nmax_training_bytes = "1 GiB"\n',
)  # fmt: skip
RUN = {
    "schema_version": 1,
    "measured": [
        {
            "model": "lenet5", "images_per_second": 500.0, "macs": 416_520, "memory": {"peak": 5000, "predicted": 4000},
            "setting": {"device": "cpu", "batch": 1, "dtype": "float32", "layout": "nchw", "mode": "eval", "graph": False, "compile": False},
            "seconds": {"median": 0.002, "low": 0.001, "high": 0.003}, "environment": {"cpu": "Example", "threads": 2},
        }
    ],
}  # fmt: skip
COMMANDS = (
    "table lenet5 --by op --batch 2 --input 1x32x32 --set classes=7 --columns name,macs --format csv",
    "explain lenet5 C1 --convention keras", "memory lenet5 --train --optimizer adam --fits 24GiB",
    "compare lenet5 lenet5_1998 --dtype float16", "show lenet5", "reconcile lenet5 --mode train", "schema",
    "table lenet5_1998 --by layer --dtype int8 --format markdown", "check lenet5 --lock a.lock -f github",
    "search lenet5 --vary classes=2..9:3 --vary input=28,32 --max-params 1M --samples 5 --seed 1 --minimize macs",
    "diff lenet5 lenet5_1998 --format json", "pick --max-params 5M --max-macs 600M --min-top1 70 --from timm --sort macs", "table net.yaml:small --help", "lock lenet5 --convention fvcore -o b.lock",
    "exercise lenet5 --questions shape,params --blanks 4 --seed 3 --by layer", "exercise --random --format json",
    "grade answers.csv --sheet sheet.json --comments",
    "train lenet5 --on rtx-3090 --images 50k --epochs 3 --batch 64 --watts 300 --price 1.5 --dtype float16",
    "train lenet5 --on rtx-3090 --images 60k --epochs 3 --batch 64 --dtype float16 --layout nhwc --watts 300 --price 1.5",
    "predict lenet5 --on rtx-4090 --batch 2 --layout nchw --launch eager --watts 300 --price 1.5 --by op --no-tf32",
)  # fmt: skip
OPTIONS = (
    "table lenet5 --input 1x32x32", "table lenet5 --input 32", "memory lenet5 --batch 12", "explain lenet5 --set classes=10",
    "table made:Net --input 3x8x8 --kwargs '{\"classes\": 10, \"sizes\": [1, 2]}'", "memory lenet5 --fits 24GiB",
    "memory lenet5 --train --batch 8 --fits 4MiB --plan --optimizer adamw --fused",
    "memory lenet5 --runtime tflm --dtype int8 --order best --patches 2", "memory lenet5 --runtime tflm --fits 320KiB",
    "table made:Net --input 3x8x8 --set width=7 --kwargs '{\"deep\": {\"er\": null}}'",
)  # fmt: skip


@lru_cache(maxsize=1)
def lock_seeds() -> tuple[str, ...]:
    """Locks of small networks, with repeated blocks among them."""
    graphs = {name: cnncost.load(name) for name in ("lenet5", "resnet20_cifar")}
    models = {name: snapshot(graph, CONVENTIONS["cnncost"]) for name, graph in graphs.items()}
    return tuple(locks.write(locks.Lock("cnncost", {name: model})) for name, model in models.items())


@lru_cache(maxsize=1)
def onnx_seeds() -> tuple[bytes, ...]:
    """A convolution, a pooling and a linear layer, with initial values that are only shapes."""
    from onnx import TensorProto, helper

    def constant(name: str, *shape: int) -> Any:
        size = 4
        for each in shape:
            size *= each
        return helper.make_tensor(name, TensorProto.FLOAT, shape, bytes(size), raw=True)

    nodes = [
        helper.make_node(
            "Conv", ["image", "w", "b"], ["c"], name="conv", kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2]
        ),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("MaxPool", ["r"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "v"], ["y"], name="fc", transB=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 2, 8, 8])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 5])
    body = helper.make_graph(
        nodes, "net", [image], [output], [constant("w", 4, 2, 3, 3), constant("b", 4), constant("v", 5, 16)]
    )
    return (helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString(),)


TARGETS = {
    "spec": Target(lambda: SPECS, (mutants.one_number, mutants.one_number, *mutants.TEXT), spec),
    "lock": Target(lock_seeds, mutants.TEXT, lock),
    "toml": Target(lambda: TOMLS, mutants.TEXT, toml),
    "run": Target(
        lambda: (json.dumps(RUN, indent=1),), (*mutants.TEXT, mutants.tree, mutants.tree), run_json
    ),
    "device": Target(device_seeds, (mutants.numbers, *mutants.TEXT), device),
    "onnx": Target(onnx_seeds, (mutants.octets,), onnx_file),
    "command": Target(
        lambda: COMMANDS,
        (mutants.one_number, mutants.numbers, mutants.tokens, mutants.characters),
        in_a_project,
    ),
    **exchanged.TARGETS,
    "values": values.TARGET,
    "options": Target(
        lambda: OPTIONS,
        (mutants.one_number, mutants.numbers, mutants.tokens, mutants.characters),
        in_a_project,
    ),
}
