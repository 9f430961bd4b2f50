"""Python and notebooks: functions of the commands, short reprs, small and quick HTML, the tutorial runs."""

from __future__ import annotations

import ast
import json
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnncost
from cnncost.errors import UsageError
from cnncost.language import zoo
from cnncost.tables.grid import Cell, Column, Grid
from cnncost.tables.grid import text as words
from cnncost.tables.notebook import html

NOTEBOOK = Path(__file__).resolve().parent.parent / "docs" / "tutorial.ipynb"
ANSWERS = {
    "table": lambda: cnncost.table("densenet201"),
    "compare": lambda: cnncost.compare("vgg16", "resnet50"),
    "memory": lambda: cnncost.memory("densenet201"),
    "training": lambda: cnncost.memory("resnet50", train=True, fits=2**30),
    "explain": lambda: cnncost.explain("alexnet", "conv1"),
    "kinds": lambda: cnncost.explain("resnet50"),
    "reconcile": lambda: cnncost.reconcile("resnet50"),
    "zoo": lambda: cnncost.zoo(),
    "pick": lambda: cnncost.pick("zoo", max_macs=1e9, min_top1=70),
    "search": lambda: cnncost.search("lenet5", ["classes=2..400"], max_macs=1e9),
    "latency": lambda: cnncost.latency("densenet201", on="t4", by="layer"),
    "arena": lambda: cnncost.memory("mobilenet_v2", runtime="tflm", dtype="int8"),
    "plan": lambda: cnncost.memory("resnet50", train=True, batch=32, plan_for=2**30),
    "diff": lambda: cnncost.diff("resnet18", "resnet50"),
    "audit": lambda: cnncost.audit("iitkgp"),
    "grade": lambda: cnncost.grade(cnncost.exercise("alexnet"), {1: "3"}),
    "report": lambda: cnncost.analyze("nasnet_a_large", by="op"),
    "graph": lambda: cnncost.load("nasnet_a_large"),
}


class Text(HTMLParser):
    """The texts of a page's cells, row by row, as a reader without scripts sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th")
        if self.inside:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self.inside = False


def cells(page: str) -> list[list[str]]:
    reader = Text()
    reader.feed(page)
    return reader.rows


@pytest.mark.parametrize("made", ANSWERS.values(), ids=ANSWERS)
def test_what_a_cell_shows_is_short_small_and_quick(made: Any) -> None:
    answer = made()
    assert len(repr(answer)) < 200 and "\n" not in repr(answer)
    answer._repr_html_()
    start = time.process_time()
    page = answer._repr_html_()
    seconds = time.process_time() - start
    assert len(page.encode()) < 50_000
    assert seconds < 2  # 0.1, of the processor's time
    assert "http" not in page and len(cells(page)) > 1


def test_a_cell_says_what_the_table_says() -> None:
    rows = cells(cnncost.table("alexnet")._repr_html_())
    assert rows[0][:3] == ["layer", "input", "output"]
    assert rows[1][:3] == ["conv1", "3x227x227", "64x56x56"]
    assert rows[-1][0] == "total"


def test_long_tables_say_what_is_left_out() -> None:
    page = cnncost.memory("densenet201")._repr_html_()
    assert "607 rows between are left out; to_dataframe() has all." in page
    assert len(cnncost.memory("densenet201").to_dataframe()) == 707


@given(st.text(max_size=30).filter(str.isprintable))
def test_no_name_becomes_markup(name: str) -> None:
    grid = Grid((Column("name", name, False), Column("n", "n")), ((words(name), Cell("1", 1)),), title=name)
    page = html([grid])
    assert page.count("<script>") == 1 and page.count("<td") == 2
    assert cells(page)[1][0] == name


def test_the_functions_are_the_commands() -> None:
    assert cnncost.compare("vgg16", "resnet50")["vgg16"]["params"] == 138_357_544  # the paper's 138 M
    assert cnncost.reconcile("resnet50", conventions=["fvcore"])["fvcore"]["total"] == 4_111_512_576
    assert cnncost.memory(cnncost.load("alexnet", input=(224, 224))).to_dict()["peak_bytes"] == 1_936_384
    assert "72,855,552" in str(cnncost.explain("alexnet", "conv1"))
    assert [row["name"] for row in cnncost.zoo(family="mobilenet_v3")] == [
        "mobilenet_v3_large",
        "mobilenet_v3_small",
    ]
    assert len(cnncost.zoo()) == len(zoo.names())
    assert cnncost.table("alexnet").to_csv().startswith("name,input,output,")
    assert cnncost.table("alexnet").to_markdown().startswith("### alexnet")
    tex = cnncost.table("alexnet").to_latex(columns=("name", "ops"), label="tab:a")
    assert "\\label{tab:a}" in tex and "conv1 & 72.9" in tex


def test_a_picture_is_a_figure() -> None:
    from matplotlib.figure import Figure

    figure = cnncost.plot("layers", "alexnet", paper="column")
    assert isinstance(figure, Figure) and figure.get_figwidth() == 3.35


def test_rows_by_name() -> None:
    report = cnncost.analyze("alexnet")
    assert report["conv1"].params == 64 * (3 * 11 * 11 + 1)
    assert report[0] == "alexnet" and report[:1] == ("alexnet",)
    with pytest.raises(KeyError, match="alexnet has no row 'conv9': did you mean"):
        report["conv9"]
    assert cnncost.load("alexnet")["conv1"].op.name == "conv"
    with pytest.raises(KeyError, match="alexnet has no node 'relu9': did you mean"):
        cnncost.load("alexnet")["relu9"]
    with pytest.raises(KeyError, match="no row 'vgg17': did you mean 'vgg16'"):
        cnncost.compare("vgg16")["vgg17"]


def test_a_name_a_module_and_a_tensor() -> None:
    import torch
    from torch import nn

    assert (
        cnncost.analyze("lenet5", by="op").totals == cnncost.analyze(cnncost.load("lenet5"), by="op").totals
    )
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    shaped = cnncost.analyze(net, (3, 32, 32), batch=4)
    assert cnncost.analyze(net, torch.zeros(4, 3, 32, 32)).totals == shaped.totals
    assert cnncost.compare(net, "lenet5", input_shape=(3, 32, 32)).rows[0]["params"] == 8 * 28


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cnncost.analyze(3), "a model is a name, a graph or an nn.Module, not int\n  for example: cnncost.analyze('resnet50')"),
        (lambda: cnncost.analyze("lenet5", 32), "input_shape is 32, not a shape without the batch\n  for example: (3, 224, 224)"),
        (lambda: cnncost.analyze("lenet5", "3x32x32"), "input_shape is '3x32x32', not a shape without the batch\n  for example: (3, 224, 224)"),
        (lambda: cnncost.compare(), "compare needs a model\n  for example: cnncost.compare('vgg16', 'resnet50')"),
        (lambda: cnncost.reconcile(), "reconcile needs a model\n  for example: cnncost.reconcile('resnet50')"),
    ],
)  # fmt: skip
def test_errors_in_pythons_words(call: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        call()
    assert str(error.value) == message


def test_the_tutorial_runs() -> None:
    scope: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == [] and cell["execution_count"] is None
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "cell", "exec"), scope)
        if isinstance(last, ast.Expr):
            assert eval(compile(ast.Expression(last.value), "cell", "eval"), scope) is not None


# What the other commands do -------------------------------------------------------------------------


def test_a_difference_a_check_and_a_lock(tmp_path: Path) -> None:
    answer = cnncost.diff("resnet18", "resnet34")
    macs = [cnncost.analyze(name).totals.macs for name in ("resnet18", "resnet34")]
    assert answer["macs"]["difference"] == macs[1] - macs[0]
    cnncost.lock("lenet5", path=tmp_path / "cnncost.lock")
    assert cnncost.check(folder=tmp_path).to_dict()["check"]["ok"] is True
    (tmp_path / "cnncost.toml").write_text('models = ["lenet5"]\n[budgets.lenet5]\nmax_params = "1k"\n')
    found = cnncost.check(folder=tmp_path)
    assert found.to_dict()["check"]["ok"] is False and found.rows[0]["limit"] == "max_params = 1k"


def test_a_sheet_and_its_marks() -> None:
    sheet = cnncost.exercise("alexnet", questions="params", blanks=3, seed=2)
    assert "3 blanks" in repr(sheet) and sheet._repr_markdown_() == sheet.text()
    right = {blank["number"]: str(blank["answer"][0]) for blank in sheet.to_dict()["sheets"][0]["blanks"]}
    assert [row["points"] for row in cnncost.grade(sheet, right).rows[1:]] == [1, 1, 1]
    assert [row["points"] for row in cnncost.grade(sheet, {**right, 1: "7"}).rows[1:]] == [0, 1, 1]
    assert "alexnet" in sheet.text("latex", solutions=True)
    with pytest.raises(UsageError, match="unknown format 'json'\n  formats: markdown, latex, html, notebook"):
        sheet.text("json")


def test_a_page_a_spec_an_audit(tmp_path: Path) -> None:
    assert cnncost.page("lenet5", "alexnet").startswith("<!doctype html>")
    path = tmp_path / "again.yaml"
    path.write_text(cnncost.spec("lenet5"))
    assert cnncost.analyze(str(path)).totals == cnncost.analyze("lenet5").totals
    assert {row["verdict"] for row in cnncost.audit(verdict="erratum").rows} == {"erratum"}


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's program dot is not installed")
def test_a_drawn_graph(tmp_path: Path) -> None:
    picture = cnncost.draw("resnet50", by="stage")
    assert repr(picture) == "<picture of resnet50; save('resnet50.svg') writes it>"
    assert "stage4" in picture._repr_svg_()
    picture.save(tmp_path / "net.pdf")
    assert (tmp_path / "net.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.torch
def test_what_needs_torch(tmp_path: Path) -> None:
    assert "differs" not in str(cnncost.verify("lenet5").rows)
    assert cnncost.measured("lenet5", seconds=0.2, layers=True)["lenet5"]["median"] > 0
    cnncost.export("lenet5", tmp_path / "net.onnx")
    assert cnncost.analyze(str(tmp_path / "net.onnx")).totals.macs == cnncost.analyze("lenet5").totals.macs


def test_schemas() -> None:
    assert cnncost.schema()["$schema"] == cnncost.schema("output")["$schema"]
    with pytest.raises(UsageError, match="unknown schema 'lock'"):
        cnncost.schema("lock")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cnncost.verify(), "verify needs a model\n  for example: cnncost.verify('resnet50')"),
        (lambda: cnncost.measured(), "measured needs a model\n  for example: cnncost.measured('resnet50')"),
        (lambda: cnncost.page(), "page needs a model\n  for example: cnncost.page('resnet50')"),
        (lambda: cnncost.exercise("lenet5", questions="params"), "blanks 12, but only 5 questions of the kinds params can be asked here\n  blanks=5, or more kinds: shape, memory, params, macs, receptive, stride, infer, most, stacks, exact, change, training"),
        (lambda: cnncost.draw("densenet121", by="op"), "densenet121 has 427 boxes, too many to read\n  at most 400: try by block or by stage"),
        (lambda: cnncost.exercise("lenet5", blanks=0), "blanks is at least 1, not 0"),
        (lambda: cnncost.draw("lenet5", by="layr"), "unknown level 'layr': did you mean 'layer'?\n  levels: op, layer, block, stage"),
        (lambda: cnncost.diff("lenet5", "vgg17"), "unknown model 'vgg17': did you mean 'vgg19'?\n  `cnncost list` shows the zoo; a file ends in .yaml or .yml; of libraries: torchvision:NAME, timm:NAME"),
    ],
)  # fmt: skip
def test_errors_of_the_others(call: Any, message: str) -> None:
    with pytest.raises(UsageError) as error:
        call()
    assert str(error.value) == message
