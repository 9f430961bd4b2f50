"""The graph of the pages: every box and edge once, nothing covers anything, whatever is folded; in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

import cnncost
from cnncost import web

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver here"),
]
NETS = ("alexnet", "resnet50", "googlenet", "unet", "densenet121", "nasnet_a_mobile", "shufflenet_v2_x1_0",
        "mobilenet_v3_large", "convnext_tiny", "fractalnet20", "fcn_resnet50")  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    path = tmp_path_factory.mktemp("graph") / "graph.html"
    scripts = "\n".join(map(web.asset, web.SCRIPTS))
    path.write_text(
        f'<!doctype html><meta charset="utf-8"><style>{web.asset(web.STYLE)}</style>'
        f'<div id="panel" style="width: 800px"></div><script>{scripts}\nlet chosen = null;</script>'
    )
    driver.get(path.as_uri())
    yield driver
    driver.quit()


def rows(name: str, by: str = "op") -> list[dict[str, Any]]:
    report = cnncost.analyze(name, by=by)
    return [
        {
            "name": row.name,
            "op": row.op,
            "output": "x".join(map(str, row.output_shape)),
            "inputs": list(row.inputs),
            "part": row.macs / report.totals.macs,
        }
        for row in report.rows
    ]


def drawn(browser: Any, network: list[dict[str, Any]], how: str) -> dict[str, Any]:
    """The graph with nothing, the first levels, or all of it unfolded: its boxes, its edges, what touches."""
    script = """
        const [rows, how] = arguments, view = graphView();
        if (how === "folded") view.open = new Set();
        if (how === "unfolded") view.open = new Set(graphLayout.paths(rows));
        drawGraph(document.getElementById("panel"), { name: "net", rows }, view, (at) => { chosen = at; });
        const placed = graphLayout.place(rows, view.open), inside = [];
        const over = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
        const overlaps = placed.boxes.flatMap((a, at) => placed.boxes.slice(at + 1).filter((b) => over(a, b)).map((b) => [a.key, b.key]));
        for (const path of document.querySelectorAll("#panel path")) {
          const length = path.getTotalLength(), box = path.getBBox();
          const near = placed.boxes.filter((each) => each.key !== path.dataset.from && each.key !== path.dataset.to && over(each, box));
          for (let at = 0; near.length && at <= length; at += 4) {
            const { x, y } = path.getPointAtLength(at);
            for (const each of near) {
              if (x > each.x && x < each.x + each.width && y > each.y && y < each.y + each.height) { inside.push([path.dataset.from, path.dataset.to, each.key]); at = length + 1; break; }
            }
          }
        }
        const name = (node) => node.row === undefined ? (node.path ?? node.name) : rows[node.row].name;
        return {
          boxes: placed.boxes.map((node) => [name(node), node.rows]), overlaps, inside, frames: placed.frames.map((each) => each.path),
          edges: placed.edges.map((edge) => [name(edge.start), name(edge.end), edge.end.y > edge.start.y + edge.start.height]),
          out: placed.boxes.filter((each) => each.x < 0 || each.y < 0 || each.x + each.width > placed.width || each.y + each.height > placed.height).length,
          shown: document.querySelectorAll("#panel .box").length,
        };
    """
    return dict(browser.execute_script(script, network, how))


@pytest.mark.parametrize("how", ["folded", "first", "unfolded"])
@pytest.mark.parametrize("name", NETS)
def test_nothing_covers_anything(browser: Any, name: str, how: str) -> None:
    network = rows(name)
    found = drawn(browser, network, how)
    assert found["overlaps"] == [] and found["inside"] == [] and found["out"] == 0
    assert found["shown"] == len(found["boxes"])
    assert all(below for *_, below in found["edges"])
    assert sorted(at for _, inside in found["boxes"] for at in inside) == list(range(len(network)))


@pytest.mark.parametrize("name", NETS)
def test_unfolded_it_has_every_edge_and_folded_those_between_blocks(browser: Any, name: str) -> None:
    network = rows(name)
    edges = {(source, row["name"]) for row in network for source in row["inputs"]}
    whole = drawn(browser, network, "unfolded")
    assert {(start, end) for start, end, _ in whole["edges"]} == edges
    folded = drawn(browser, network, "folded")
    box = {network[at]["name"]: shown for shown, inside in folded["boxes"] for at in inside}
    between = {(box.get(start, start), box[end]) for start, end in edges}
    assert {(start, end) for start, end, _ in folded["edges"]} == {
        pair for pair in between if pair[0] != pair[1]
    }


def test_it_folds_zooms_and_leads_to_rows(browser: Any) -> None:
    network = rows("resnet50", "layer")
    drawn(browser, network, "folded")

    def script(text: str) -> Any:
        return browser.execute_script(text)

    def names() -> list[str]:
        found = script(
            "return [...document.querySelectorAll('#panel [data-key]')].map((each) => each.getAttribute('aria-label').split(',')[0])"
        )
        return list(found)

    def press(key: str) -> None:
        script(
            f"const box = document.querySelector('#panel [data-key=\"{key}\"]');"
            "box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))"
        )

    assert (
        names()
        == ["input", "conv1", "pool1", "stage1", "stage2", "stage3", "stage4", "pool5", "flatten", "fc"]
        or names()[3] == "stage1"
    )
    press("block stage1")
    assert "stage1.unit2" in names() and script("return document.activeElement.dataset.key") == "block stage1"
    press("block stage1")
    assert "stage1.unit2" not in names()
    script(
        "document.querySelector('#panel [data-row=\"0\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert script("return chosen") == 0
    width = "return Number(document.querySelector('#panel svg').getAttribute('width'))"
    before = script(width)
    script("document.querySelector('#panel .zoom-in').click()")
    assert script(width) == pytest.approx(1.25 * before)
    script(
        "document.querySelector('#panel .unfold-all').click(); document.querySelector('#panel .whole').click()"
    )
    sheet = "const sheet = document.querySelector('#panel .sheet'); return [sheet.scrollWidth - sheet.clientWidth, sheet.scrollHeight - sheet.clientHeight]"
    assert max(script(sheet)) <= 1
    before = script(width)
    wheel = "document.querySelector('#panel svg').dispatchEvent(new WheelEvent('wheel', {deltaY: -1, ctrlKey: arguments[0], bubbles: true, cancelable: true}))"
    browser.execute_script(wheel, False)
    assert script(width) == before
    browser.execute_script(wheel, True)
    assert script(width) == pytest.approx(1.1 * before)


def test_what_cannot_be_a_tree_in_order_is_drawn(browser: Any) -> None:
    """A block that is left and entered again, names of one part, no rows at all, more boxes than can be read."""

    def row(name: str, *inputs: str) -> dict[str, Any]:
        return {"name": name, "op": "relu", "output": "8", "inputs": list(inputs), "part": 0}

    again = [row("a.one", "x"), row("b", "a.one"), row("a.two", "b"), row("a.three", "a.one")]
    for how in ("folded", "unfolded"):
        found = drawn(browser, again, how)
        assert found["overlaps"] == [] and found["shown"] == len(found["boxes"])
    assert drawn(browser, [row("only", "x")], "unfolded")["edges"] == [["x", "only", True]]
    many = [row(f"n{at}", f"n{at - 1}" if at else "x") for at in range(1600)]
    drawn(browser, many, "unfolded")
    said = browser.execute_script("return document.querySelector('#panel .sheet').textContent")
    assert said == "1601 boxes are too many to draw: fold blocks, or choose rows by block or stage."
