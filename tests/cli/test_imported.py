"""Every command that takes a model, with a network that is imported: its numbers are PyTorch's.

Parameters are counted by `numel`, MACs by FlopCounterMode; `Odd` calls an operator that nobody has declared.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnncost.importers.sources import library

NETS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=10, activation="relu"):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.activation = {"relu": nn.ReLU(), "1": nn.SiLU()}[activation]
        self.head = nn.Linear(8, classes)

    def forward(self, x):
        return self.head(self.activation(self.norm(self.conv(x))).mean((2, 3)))


class Odd(Net):
    def forward(self, x):
        x = torch.linalg.matrix_exp(self.norm(self.conv(x)))
        return self.head(self.activation(x).mean((2, 3)))


def needy(classes):
    return Net(classes)
"""
KWARGS = ("--kwargs", '{"classes": 7}')
NET = ("imported_nets:Net", "--input", "3x32x32", *KWARGS)
ODD = ("imported_nets:Odd", "--input", "3x32x32", "--allow-unknown")
RESNET = "torchvision:resnet18"
QUICK = ("--device", "cpu", "--time-limit", "0.1", "--warmup-limit", "0.1")
ESTIMATE = "Estimated: the memory of Odd; there is no exact rule for unknown."
NOTE = "Lower bounds: the cost of 1 operator of Odd is unknown, and no total has it."
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's program dot is not installed")


class Truth(NamedTuple):
    """What PyTorch says of a network, for one image."""

    params: int
    macs: int
    running: int  #: values of running means and variances


def truth(network: nn.Module, shape: tuple[int, ...]) -> Truth:
    with FlopCounterMode(display=False) as counter:
        network.eval().to("meta")(torch.zeros(1, *shape, device="meta"))
    return Truth(
        sum(parameter.numel() for parameter in network.parameters()),
        counter.get_total_flops() // 2,
        sum(value.numel() for name, value in network.named_buffers() if "running_" in name),
    )


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the networks stand, and where the commands run."""
    made = tmp_path_factory.mktemp("imported")
    (made / "imported_nets.py").write_text(NETS)
    path = list(sys.path)
    yield made
    sys.path[:] = path
    sys.modules.pop("imported_nets", None)


@pytest.fixture
def run(directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The program, in this process."""
    from cnncost.cli.main import main

    monkeypatch.chdir(directory)

    def program(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["cnncost", *arguments])
        code: Any = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        return Done(code, *capsys.readouterr())

    return program


@pytest.fixture(scope="module")
def net(directory: Path) -> Truth:
    sys.path.insert(0, str(directory))
    return truth(importlib.import_module("imported_nets").Net(classes=7), (3, 32, 32))


@pytest.fixture(scope="module")
def resnet() -> Truth:
    return truth(library("torchvision").resnet18(), (3, 224, 224))


# Tables -------------------------------------------------------------------------------------------


def test_table(run: Run, net: Truth) -> None:
    (model,) = run("table", *NET, "--format", "json").json["models"]
    totals = model["totals"]
    assert (totals["params"], totals["macs"], totals["buffers"]) == net
    assert "unknown" not in model


def test_table_of_torchvision(run: Run, resnet: Truth) -> None:
    totals = run("table", RESNET, "--batch", "2", "--format", "json").json["models"][0]["totals"]
    assert (totals["params"], totals["macs"]) == (resnet.params, 2 * resnet.macs)


def test_folded(run: Run, resnet: Truth) -> None:
    totals = run("table", RESNET, "--fold-bn", "--format", "json").json["models"][0]["totals"]
    assert totals["params"] == resnet.params - resnet.running // 2  # scale and shift become one bias
    assert (totals["buffers"], totals["macs"]) == (0, resnet.macs)


def test_kwargs_keep_the_type_of_a_text(run: Run) -> None:
    given = ("--kwargs", '{"activation": "1"}', "--by", "op")
    rows = run("table", "imported_nets:Net", "--input", "3x32x32", *given, "-f", "json").json["models"][0][
        "rows"
    ]
    assert [row["op"] for row in rows][2] == "silu"


def test_set_goes_before_kwargs(run: Run, net: Truth) -> None:
    totals = run("table", *NET, "--set", "classes=8", "-f", "json").json["models"][0]["totals"]
    assert totals["params"] == net.params + 9


def test_compare_with_the_zoo(run: Run, resnet: Truth) -> None:
    document = run("compare", RESNET, "resnet18", "--format", "json").json
    for model in document["models"]:
        totals = model["totals"]
        assert (totals["params"], totals["macs"], totals["buffers"]) == resnet
    first, second = document["compare"]
    assert first["training_bytes"] == second["training_bytes"]


def test_compare_measured(run: Run, net: Truth) -> None:
    document = run("compare", *NET, "resnet20_cifar", *QUICK, "--format", "json").json
    assert document["models"][0]["totals"]["macs"] == net.macs
    assert document["compare"][0]["measured"]["memory_error"] == 0
    assert document["models"][1]["name"] == "resnet20_cifar"


def test_reconcile(run: Run, net: Truth) -> None:
    (model,) = run("reconcile", *NET, "-c", "torch", "-c", "ptflops_aten", "-f", "json").json["models"]
    assert model["macs"] == net.macs
    torchs, aten = (entry["counted"]["ops"] for entry in model["conventions"])
    assert torchs == 2 * net.macs
    assert aten == net.macs + 8 * 32 * 32 + 7  # a bias is added to every output


def test_explain(run: Run, net: Truth) -> None:
    kins = run("explain", *NET, "--format", "json").json["kins"]
    assert sum(kin["params"] for kin in kins) == net.params
    assert sum(kin["macs"] for kin in kins) == net.macs
    (layer,) = run("explain", NET[0], "conv", *NET[1:], "--format", "json").json["layers"]
    values = {line["quantity"]: line["value"] for line in layer["lines"]}
    assert values["params"] == sum(value.numel() for value in nn.Conv2d(3, 8, 3).parameters())
    assert "`cnncost explain imported_nets:Net conv` shows the working." in run("explain", *NET).out


def test_memory(run: Run, net: Truth) -> None:
    assert run("memory", *NET, "--format", "json").json["weight_bytes"] == 4 * (net.params + net.running)
    training = run("memory", *NET, "--train", "--optimizer", "adam", "--format", "json").json["training"]
    assert training["gradients"] == 4 * net.params
    assert training["optimizer_state"] >= 2 * 4 * net.params


def test_show(run: Run) -> None:
    done = run("show", *NET)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1].split() == ["head", "linear", "(out", "7)", "7", "(output)"]


def test_import_and_the_spec_it_writes(run: Run, net: Truth) -> None:
    assert run("import", *NET, "-o", "net.yaml") == (0, "", "")
    totals = run("table", "net.yaml", "--format", "json").json["models"][0]["totals"]
    assert (totals["params"], totals["macs"], totals["buffers"]) == net


def test_export_and_the_file_it_writes(run: Run, net: Truth) -> None:
    done = run("export", *NET, "--onnx", "net.onnx")
    assert done.code == 0 and "checked by onnxruntime: largest difference" in done.out
    totals = run("table", "net.onnx", "--format", "json").json["models"][0]["totals"]
    assert (totals["params"], totals["macs"]) == net[:2]


def test_diff(run: Run, net: Truth) -> None:
    diff = run("diff", NET[0], "resnet20_cifar", *NET[1:], "--format", "json").json["diff"]
    assert (diff["old"]["quantities"]["params"], diff["old"]["quantities"]["macs"]) == net[:2]
    assert diff["new"]["model"] == "resnet20_cifar"
    diff = run("diff", "resnet18", RESNET, "--format", "json").json["diff"]
    # torchvision adds in place, the zoo's spec makes new tensors.
    assert [each["quantity"] for each in diff["changes"]] == ["activation_bytes"]


# Locks --------------------------------------------------------------------------------------------


def test_lock_and_check(run: Run, net: Truth) -> None:
    assert run("lock", *NET, "resnet18", "-o", "a.lock").code == 0
    text = (Path.cwd() / "a.lock").read_text()
    models = [line for line in text.splitlines() if line.startswith("model ")]
    assert models == [
        "model imported_nets:Net --input 3x32x32 --set classes=7", "model resnet18 --input 3x32x32",
    ]  # fmt: skip
    assert f"\nparams {net.params}\nbuffers {net.running}\nmacs {net.macs}\n" in text
    done = run("check", "--allow-imports", "--lock", "a.lock", "--format", "json")
    assert done.json["check"]["models"][0]["quantities"]["params"] == net.params
    assert (
        run("check", "imported_nets:Net", "--lock", "a.lock").out
        == "1 model, 1 as in a.lock (convention cnncost)\n"
    )


def test_a_network_that_changed_as_a_process(tmp_path: Path) -> None:
    def program(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cnncost", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    (tmp_path / "imported_nets.py").write_text(NETS)
    locked = program("lock", *NET)
    assert (locked.returncode, locked.stdout, locked.stderr) == (0, "", "cnncost.lock: 1 model\n")
    assert program("check", "--allow-imports").returncode == 0
    (tmp_path / "imported_nets.py").write_text(
        NETS.replace("nn.Conv2d(3, 8, 3,", "nn.Conv2d(3, 8, 3, bias=False,")
    )
    done = program("check", "--allow-imports", "--format", "json")
    assert done.returncode == 1, done.stderr
    (change,) = [
        each
        for each in json.loads(done.stdout)["check"]["models"][0]["changes"]
        if each["quantity"] == "params"
    ]
    assert change["difference"] == -8


# Against PyTorch ----------------------------------------------------------------------------------


def test_verify(run: Run, net: Truth) -> None:
    (found,) = run("verify", *NET, "--device", "cpu", "--format", "json").json["verified"]
    assert {check["result"] for check in found["checks"]} == {"ok"}
    params = {check["row"]: check["found"] for check in found["checks"] if check["quantity"] == "params"}
    assert params.pop("(the module itself)") == net.params == sum(params.values())
    assert found["counted"]["ops"] == 2 * net.macs  # batch 2


def test_measure(run: Run, net: Truth) -> None:
    (one,) = run("measure", *NET, *QUICK, "-c", "torch", "--format", "json").json["measured"]
    assert (one["model"], one["macs"], one["counted"]["ops"]) == ("Net", net.macs, 2 * net.macs)
    assert one["memory"]["error"] == 0


# Pictures and pages -------------------------------------------------------------------------------


def data(run: Run, kind: str, *arguments: str) -> list[dict[str, str]]:
    done = run("plot", kind, *arguments, "-o", f"{kind}.png", "--data", f"{kind}.csv")
    assert done.code == 0, done.err
    assert (Path.cwd() / f"{kind}.png").read_bytes().startswith(b"\x89PNG")
    return list(csv.DictReader((Path.cwd() / f"{kind}.csv").read_text().splitlines()))


def test_plots(run: Run, net: Truth) -> None:
    rows = data(run, "layers", *NET)
    assert sum(int(row["params"]) for row in rows) == net.params
    assert sum(int(row["ops"]) for row in rows) == net.macs
    rows = data(run, "shares", *NET)
    assert sum(int(row["value"]) for row in rows if row["quantity"] == "params") == net.params
    assert {row["phase"] for row in data(run, "memory", *NET)} == {"inference", "forward", "backward"}
    assert [int(float(row["receptive_field"])) for row in data(run, "receptive", *NET)] == [1, 3]
    assert data(run, "roofline", *NET)[0]["row"] == "conv"
    rows = data(run, "sweep", *NET, "--x", "batch", "--values", "1,4")
    assert [int(row["macs"]) for row in rows] == [net.macs, 4 * net.macs]


@needs_dot
def test_draw(run: Run, net: Truth) -> None:
    assert run("draw", *NET) == (0, "Net.svg\n", "")
    assert f"{net.params} parameters, " in (Path.cwd() / "Net.svg").read_text()


def page(run: Run, *arguments: str) -> dict[str, Any]:
    """The first model of a page."""
    assert run("report", *arguments, "-o", "page.html") == (0, "", "")
    text = (Path.cwd() / "page.html").read_text().partition('id="data">')[2].partition("</script>")[0]
    model: dict[str, Any] = json.loads(text.replace("<\\/", "</"))["models"][0]
    return model


def test_report(run: Run, net: Truth) -> None:
    model = page(run, *NET, "resnet20_cifar")
    assert model["counts"]["layer"]["cnncost"]["exact"][:2] == [f"{net.params:,}", f"{net.macs:,}"]
    assert (model["title"], model["total"], model["note"]) == ("Net", "total", "")


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("table", "resnet18", *KWARGS),
            "--kwargs are for a network that is imported, which resnet18 is not\n"
            "  parameters of a spec: --set classes=10",
        ),
        (
            ("explain", "imported_nets:Net", "--kwargs", "[7]"),
            "--kwargs '[7]' is not a JSON object\n  for example: --kwargs '{\"num_classes\": 10}'",
        ),
        (
            ("memory", "imported_nets:Net", "--kwargs", "{7"),
            "--kwargs '{7' is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\n"
            "  for example: --kwargs '{\"num_classes\": 10}'",
        ),
        (
            ("draw", "imported_nets:needy", "--input", "3x32x32"),
            "imported_nets:needy cannot be built: needy() missing 1 required positional argument: 'classes'\n"
            "  its arguments: --set classes=VALUE, or all in one: --kwargs JSON",
        ),
        (
            ("plot", "timeline", *KWARGS),
            "--input, --set and --kwargs change a model, but none is given",
        ),
        (
            ("plot", "sweep", *ODD),
            "Odd (lower bound) cannot be swept over these sizes: the output of an unknown operator is known"
            " only at its own",
        ),
    ],
    ids=lambda item: item[0] if isinstance(item, tuple) else "",
)  # fmt: skip
def test_bad_usage(run: Run, arguments: tuple[str, ...], message: str) -> None:
    assert run(*arguments) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize("command", ["verify", "measure", "compare"])
def test_what_nobody_has_declared_has_no_twin(run: Run, command: str) -> None:
    allowed = ODD if command == "compare" else ODD[:-1]
    done = run(command, *allowed, *(() if command == "verify" else QUICK))
    assert (done.code, done.out) == (2, "")
    expected = (
        "error: Odd: aten.linalg_matrix_exp.default is not declared, so it has no PyTorch counterpart here (node 'unknown')\n"
        if command == "compare"
        else "error: imported_nets:Odd: aten.linalg_matrix_exp.default is not an operator of cnncost: nobody has declared it\n"
    )
    assert done.err.startswith(expected)


# Lower bounds -------------------------------------------------------------------------------------

TAKE = {
    "table": (), "compare": (), "reconcile": (), "explain": (), "memory": (), "show": (),
    "predict": ("--on", "t4"), "lock": ("-o", "odd.lock"), "report": ("-o", "odd.html"), "draw": ("-o", "odd.svg"),
}  # fmt: skip


@pytest.mark.parametrize("command", [*TAKE, "diff", "plot"])
def test_without_the_flag_no_command_goes_on(run: Run, command: str) -> None:
    if command == "draw" and shutil.which("dot") is None:
        pytest.skip("Graphviz's program dot is not installed")
    before = {"diff": ("resnet20_cifar",), "plot": ("layers",)}.get(command, ())
    after = TAKE.get(command, ("-o", "odd.png") if command == "plot" else ())
    done = run(command, *before, *ODD[:-1], *after)
    assert done.code == 2
    assert "  go on without its cost, totals being lower bounds: --allow-unknown\n" in done.err
    assert run(command, *before, *ODD, *after).code == 0


def test_table_as_text(run: Run) -> None:
    lines = run("table", *ODD).out.splitlines()
    heading, row, total = (line.split() for line in (lines[2], lines[5], lines[-7]))
    assert (heading[-1], row[0], row[-1]) == ("unknown", "unknown", "1")
    assert total[:3] == ["total", "(lower", "bound)"] and total[-4:] == ["≥", "0.22", "100.0%", "1"]
    assert (lines[-5], lines[-3]) == (NOTE, ESTIMATE)
    assert lines[-4] == "Imported by torch.export."
    assert lines[-2].startswith("330 params (1.35 KiB of weights and buffers), ≥ 221,264 MACs, ≥ 483,")


def test_table_as_markdown_and_latex(run: Run) -> None:
    markdown = run("table", *ODD, "--format", "markdown").out
    assert "| **total (lower bound)** |" in markdown and "| **≥ 0.22** |" in markdown and NOTE in markdown
    latex = run("table", *ODD, "--format", "latex").out
    assert "total (lower bound) & " in latex and r" & $\geq$ 0.22 & " in latex and NOTE in latex


def test_csv_has_a_column_for_it_in_every_table(run: Run) -> None:
    done = run("table", "resnet20_cifar", *ODD, "--by", "stage", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert {row["model"] for row in rows} == {"resnet20_cifar", "Odd"}
    assert {(row["model"], row["name"]): row["unknown"] for row in rows if row["unknown"] != "0"} == {
        ("Odd", "unknown"): "1"
    }
    done = run("reconcile", "resnet20_cifar", *ODD, "-c", "torch", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [(row["model"], row["unknown"]) for row in rows] == [
        ("resnet20_cifar-conventions", "0"), ("Odd-conventions", "1"),
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(run("compare", "resnet20_cifar", *ODD, "-f", "csv").out)))
    assert [(row["name"], row["unknown"]) for row in rows] == [("resnet20_cifar", "0"), ("Odd", "1")]


def test_json_says_it_of_the_model_and_of_the_row(run: Run) -> None:
    (model,) = run("table", *ODD, "--format", "json").json["models"]
    assert model["unknown"] == 1
    assert {row["name"]: row["unknown"] for row in model["rows"] if "unknown" in row} == {"unknown": 1}
    for command in ("compare", "reconcile"):
        assert run(command, *ODD, "--format", "json").json["models"][0]["unknown"] == 1
    for command in ("explain", "memory"):
        assert run(command, *ODD, "--format", "json").json["unknown"] == 1
    diff = run("diff", "resnet20_cifar", *ODD, "--format", "json").json["diff"]
    assert "unknown" not in diff["old"] and diff["new"]["unknown"] == 1


def test_other_tables_as_text(run: Run) -> None:
    shown = run("compare", *ODD, "resnet20_cifar").out
    assert "\nOdd (lower bound)   " in shown and "   ≥ 0.22   " in shown and NOTE in shown
    shown = run("reconcile", *ODD, "-c", "torch").out
    assert "   ≥ 442,528   " in shown and NOTE in shown
    shown = run("explain", *ODD).out
    assert "\ntotal (lower bound)   " in shown and "   ≥ 0.22   " in shown and NOTE in shown
    shown = run("explain", ODD[0], "unknown", *ODD[1:], "-c", "fvcore").out
    lines = {line.split()[0]: line for line in shown.splitlines() if line}
    for quantity in ("macs", "flops"):
        assert lines[quantity].endswith(
            "0 (a lower bound: nobody has declared aten.linalg_matrix_exp.default)"
        )
    shown = run("memory", *ODD, "--fits", "1MiB").out
    # While pooling runs: the input, the map that it reads, the one that forward still refers to, and the output.
    peak = 4 * (3 * 32 * 32 + 2 * 8 * 32 * 32 + 8)
    assert NOTE in shown and f"* Peak: ≥ {peak:,} bytes" in shown
    assert "Largest batch in 1.00 MiB: at most " in shown
    assert "\npeak (lower bound)  " in run("memory", *ODD, "--train").out
    shown = run("diff", "resnet20_cifar", *ODD).out
    assert "imported_nets:Odd (lower bound)" in shown
    assert "Lower bounds: the cost of 1 operator of imported_nets:Odd is unknown" in shown


def test_a_lock_of_a_lower_bound_says_so_and_keeps_no_budget(run: Run) -> None:
    name = "imported_nets:Odd --input 3x32x32 --allow-unknown"
    note = NOTE.replace("Odd", name)
    done = run("lock", *ODD, "resnet20_cifar", "-o", "odd.lock")
    estimate = ESTIMATE.replace("Odd", name)
    assert done == (0, "", f"odd.lock: 2 models\nnote: {note}\nnote: {estimate}\n")
    assert f"\nmodel {name}\n" in (Path.cwd() / "odd.lock").read_text()
    done = run("check", "--allow-imports", "--lock", "odd.lock")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{note}\n{estimate}\n\n2 models, 2 as in odd.lock (convention cnncost)\n"
    (Path.cwd() / "odd.toml").write_text('[budgets."imported_nets:*"]\nmax_macs = "1M"\nmax_params = "1k"\n')
    done = run("check", "--allow-imports", "--lock", "odd.lock", "--budget", "odd.toml", "--format", "json")
    assert done.code == 1
    (finding,) = json.loads(done.out)["check"]["models"][0]["findings"]
    assert finding["message"] == (
        "macs is at least 221,264; 1 operator is of unknown cost, so max_macs cannot be held"
    )


def test_pictures_name_it(run: Run) -> None:
    for kind in ("layers", "shares", "memory", "receptive", "roofline"):
        done = run("plot", kind, *ODD, "-o", f"{kind}.svg", "--data", f"{kind}.csv")
        assert done.code == 0 and done.err.startswith(f"note: {NOTE}\n")
        assert "Odd (lower bound)" in (Path.cwd() / f"{kind}.svg").read_text()
        rows = list(csv.DictReader((Path.cwd() / f"{kind}.csv").read_text().splitlines()))
        assert {row["model"] for row in rows} == {"Odd (lower bound)"}
    assert "MACs (k), total ≥ 221" in (Path.cwd() / "layers.svg").read_text()


@needs_dot
def test_a_drawn_graph_says_it(run: Run) -> None:
    assert run("draw", *ODD).out == "Odd.svg\n"
    text = (Path.cwd() / "Odd.svg").read_text()
    assert "Odd (lower bound)" in text and "330 parameters, ≥ 221 k MACs; batch 1" in text


def test_a_page_says_it(run: Run) -> None:
    model = page(run, *ODD)
    assert (model["title"], model["total"], model["note"]) == (
        "Odd (lower bound)",
        "total (lower bound)",
        f"{NOTE} {ESTIMATE}",
    )
    assert model["counts"]["layer"]["cnncost"]["exact"][1] == "≥ 221,264"
    assert [texts[1] for texts in model["counts"]["layer"]["cnncost"]["texts"]][1::4] == ["≥ 0", "≥ 0.22"]


def test_a_spec_cannot_name_it(run: Run) -> None:
    done = run("import", *ODD[:-1])
    assert (done.code, done.out) == (2, "")
    assert "aten.linalg_matrix_exp.default is not an operator of cnncost" in done.err
