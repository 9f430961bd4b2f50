"""The page in a real browser: it opens, sorts, switches, collapses, fits a phone, and everybody can use it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cnncost
from cnncost import units
from cnncost.execution.plan import plan
from cnncost.execution.training import training_memory, training_timeline
from cnncost.html.content import model_content
from cnncost.html.page import page
from cnncost.request import Run

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
browser_needed = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver here")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "nets.html"
    command = [sys.executable, "-m", "cnncost", "report", "resnet18", "googlenet", "vgg16", "-o", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out


def test_the_file_stands_alone(path: Path) -> None:
    text = path.read_text()
    assert path.stat().st_size < 5_000_000
    for reaching_out in ("http://", "https://", "src=", "@import", "url("):
        inside = text.replace("http://www.w3.org/2000/svg", "")
        assert reaching_out not in inside.partition('<script type="application/json"')[0]
        assert reaching_out not in inside.rpartition("</script>")[0].rpartition("<script>")[2]


def test_the_data_is_what_analyze_says(path: Path) -> None:
    text = path.read_text()
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0].replace("<\\/", "</"))
    model = data["models"][0]
    for level in ("op", "stage"):
        report = cnncost.analyze(cnncost.load("resnet18"), by=level, convention="fvcore")
        values = model["counts"][level]["fvcore"]["values"]
        assert [tuple(value) for value in values] == [
            *(row.counted for row in report.rows),
            report.totals.counted,
        ]


def test_measured_values_are_shown(tmp_path: Path) -> None:
    run = tmp_path / "run.json"
    measure = [
        sys.executable,
        "-m",
        "cnncost",
        "measure",
        "lenet5",
        "--device",
        "cpu",
        "--time-limit",
        "1",
        "-o",
        str(run),
    ]
    subprocess.run(measure, check=True, capture_output=True, timeout=300)
    out = tmp_path / "lenet.html"
    command = [sys.executable, "-m", "cnncost", "report", "lenet5", "-o", str(out), "--measured", str(run)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    data = json.loads(
        out.read_text().partition('id="data">')[2].partition("</script>")[0].replace("<\\/", "</")
    )
    (shown,) = data["models"][0]["measured"]
    (kept,) = json.loads(run.read_text())["measured"]
    assert shown["memory"]
    assert shown["device and setting"].endswith("batch 1, float32, nchw, eval")
    assert float(shown["images/s"].replace(",", "")) == pytest.approx(kept["images_per_second"], abs=0.06)


def test_a_name_cannot_end_the_script() -> None:
    content = model_content(cnncost.load("lenet5"))
    content["paper"] = "</script><script>alert(1)</script>"
    text = page([content], title="</title><b>", made_by="<i>")
    assert text.count("</script>") == 2
    assert "<b>" not in text
    assert "<i>" not in text


@pytest.fixture(scope="module")
def browser(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    profile = tmp_path_factory.mktemp("profile")
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--window-size=1280,1000",
        "--disable-dev-shm-usage", f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.get(path.as_uri())
    yield driver
    driver.quit()


def content_of(name: str) -> dict[str, Any]:
    return model_content(cnncost.load(name))


def column(browser: Any, model: str, index: int) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map((cell) => cell.textContent)"
    return list(browser.execute_script(script, f"#model-{model} .scroll tbody tr > :nth-child({index})"))


def click(browser: Any, selector: str) -> None:
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def choose(browser: Any, select: str, value: str) -> None:
    script = """
        const select = document.getElementById(arguments[0]);
        select.value = arguments[1];
        select.dispatchEvent(new Event("change"));
    """
    browser.execute_script(script, select, value)


@pytest.mark.slow
@browser_needed
class TestInABrowser:
    def test_it_opens_without_errors(self, browser: Any) -> None:
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        assert browser.title == "Cost of resnet18, googlenet, vgg16"
        assert [e.text for e in browser.find_elements("css selector", "h2")] == [
            "Side by side", "What differs", "resnet18", "googlenet", "vgg16", "Words",
        ]  # fmt: skip

    def test_sorting(self, browser: Any) -> None:
        choose(browser, "level", "layer")
        before = column(browser, "vgg16", 1)
        button = "#model-vgg16 thead th:nth-child(7) button"
        click(browser, button)
        # VGG-16's dearest layers are the six of 1,850 million MACs.
        assert column(browser, "vgg16", 7)[:6] == ["1,850"] * 6
        click(browser, button)
        assert column(browser, "vgg16", 7)[-1] == "1,850"
        click(browser, button)
        assert column(browser, "vgg16", 1) == before

    def test_switching_levels(self, browser: Any) -> None:
        choose(browser, "level", "stage")
        assert column(browser, "resnet18", 1)[2:6] == ["stage1", "stage2", "stage3", "stage4"]
        choose(browser, "level", "layer")

    def test_switching_conventions(self, browser: Any) -> None:
        choose(browser, "convention", "torch")
        heading = browser.find_element("css selector", "#model-vgg16 thead th:nth-child(7)").text
        total = browser.find_element("css selector", "#model-vgg16 tfoot td:nth-child(7)").text
        report = cnncost.analyze(cnncost.load("vgg16"), convention="torch")
        assert report.totals.counted.ops == 2 * 15_470_264_320  # FlopCounterMode's FLOPs
        assert heading.startswith("FLOPs")
        assert float(total.replace(",", "")) == pytest.approx(report.totals.counted.ops / 1e6, rel=0.005)
        choose(browser, "convention", "cnncost")

    @pytest.mark.parametrize("convention", ["keras", "deeprob", "torch", "thop"])
    def test_one_convention_governs_every_number(self, browser: Any, convention: str) -> None:
        choose(browser, "convention", convention)
        for place, name in enumerate(("resnet18", "googlenet", "vgg16"), 1):
            counted = cnncost.analyze(cnncost.load(name), convention=convention).totals.counted
            exact = [f"{counted.params:,}", f"{counted.ops:,}"]
            tiles = [e.text for e in browser.find_elements("css selector", f"#model-{name} .totals strong")]
            row = browser.find_elements("css selector", f"#comparison tbody tr:nth-child({place}) > *")
            assert tiles[:2] == exact and [row[2].text, row[4].text] == exact
            assert tiles[2] == row[6].text == units.size(counted.memory_bytes)
        choose(browser, "convention", "cnncost")

    def test_a_link_keeps_what_was_chosen(self, browser: Any) -> None:
        choose(browser, "convention", "fvcore")
        choose(browser, "level", "op")
        address = browser.execute_script("return location.href")
        assert address.endswith("#level=op&convention=fvcore")
        browser.execute_script("location.reload()")
        assert browser.find_element("id", "convention").get_attribute("value") == "fvcore"
        choose(browser, "convention", "cnncost")
        choose(browser, "level", "layer")

    def test_searching(self, browser: Any) -> None:
        script = "const s = document.getElementById('search'); s.value = arguments[0]; s.dispatchEvent(new Event('input'));"
        browser.execute_script(script, "fc")
        assert column(browser, "vgg16", 1)[:3] == ["fc6", "fc7", "fc8"]
        assert "3 of" in browser.find_element("css selector", "#model-vgg16").text
        browser.execute_script(script, "")
        assert len(column(browser, "vgg16", 1)) > 20

    def test_a_bar_leads_to_its_row(self, browser: Any) -> None:
        browser.execute_script(
            "[...document.querySelectorAll('#model-vgg16 rect.params')].at(-1).dispatchEvent(new MouseEvent('click'))"
        )
        assert browser.find_element("css selector", "#model-vgg16 tr.here th").text == "fc8"

    def test_tables_are_saved_as_csv(self, browser: Any) -> None:
        script = """
            let saved = "";
            const make = URL.createObjectURL;
            URL.createObjectURL = (blob) => { saved = blob; return "data:,"; };
            document.querySelector("#comparison .csv").click();
            URL.createObjectURL = make;
            return saved.text();
        """
        lines = browser.execute_script(script).splitlines()
        assert lines[0].startswith("model,input,parameters,x,MACs,")
        assert lines[1].startswith('resnet18,3x224x224,"11,689,512",1.00,"1,814,073,344"')

    def test_the_graph_folds_and_leads_to_rows(self, browser: Any) -> None:
        boxes = "return document.querySelectorAll('#model-googlenet .graph .box').length"
        click(browser, "#model-googlenet .unfold-all")
        assert browser.execute_script(boxes) == 1 + len(cnncost.analyze("googlenet").rows)
        click(browser, "#model-googlenet .fold-all")
        folded = browser.execute_script(boxes)
        assert folded < 1 + len(cnncost.analyze("googlenet").rows) - 9 * 6  # nine modules of seven layers
        choose(browser, "convention", "torch")  # what is folded stays so
        assert browser.execute_script(boxes) == folded
        choose(browser, "convention", "cnncost")
        browser.execute_script(
            "[...document.querySelectorAll('#model-googlenet .graph [data-row]')].at(-1)"
            ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
        )
        assert browser.find_element("css selector", "#model-googlenet tr.here th").text == "fc"

    def test_moments_and_points_lead_to_their_rows(self, browser: Any) -> None:
        """A bar of the memory, a point under the roof: to the row that their operator is in, at every level."""
        for level, name in (("layer", "conv5_3"), ("stage", "conv5_3"), ("op", "conv5_3.conv")):
            choose(browser, "level", level)
            place = [row.name for row in cnncost.analyze("vgg16", by="op").rows].index("conv5_3.conv")
            browser.execute_script(
                "document.querySelectorAll('#model-vgg16 rect.inference')[arguments[0]].dispatchEvent(new MouseEvent('click'))",
                place,
            )
            assert browser.find_element("css selector", "#model-vgg16 tr.here th").text == name
        choose(browser, "level", "layer")
        browser.execute_script(
            "document.querySelector('#model-vgg16 .roof circle').dispatchEvent(new MouseEvent('click'))"
        )
        assert browser.find_elements("css selector", "#model-vgg16 tr.here")

    def test_memory_of_a_training_step(self, browser: Any) -> None:
        """The parts add up to the peak that `memory --train` says; where PyTorch refuses a batch, it says so."""
        memory = training_memory(cnncost.load("vgg16"))
        script = "return [...document.querySelectorAll('[aria-label=\"Training memory of vgg16\"] tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"
        rows = dict(browser.execute_script(script))
        assert rows["peak of the step"] == units.size(memory.peak)
        assert rows["saved for the backward pass"] == units.size(memory.saved_at_peak)
        moments = browser.find_elements("css selector", "#model-vgg16 rect.backward")
        step = training_timeline(plan(cnncost.load("vgg16"), training=True))
        assert len(moments) == sum(instant.phase == "backward" for instant in step)
        assert memory.node in browser.find_element("css selector", "#model-vgg16").text
        assert content_of("inception_v3")["training"] == {
            "about": "PyTorch refuses to train it at batch 1.", "alive": [], "parts": [],
        }  # fmt: skip

    @pytest.mark.parametrize("convention", ["cnncost", "torch", "keras"])
    def test_what_differs_adds_up(self, browser: Any, convention: str) -> None:
        """The operators' differences sum to that of the totals, under any convention and in both directions."""
        choose(browser, "convention", convention)
        totals = [
            cnncost.analyze(name, convention=convention).totals.counted for name in ("resnet18", "vgg16")
        ]
        for before, after, sign in ((0, 2, 1), (2, 0, -1)):
            for select, value in (("before", before), ("after", after)):
                choose(browser, select, str(value))
            script = "return [...document.querySelectorAll(`[aria-label^='${arguments[0]}'] tbody tr`)].map((row) => [...row.cells].map((cell) => cell.textContent))"
            rows = browser.execute_script(script, "Operators of")
            shown = [sum(int(row[at].replace(",", "")) for row in rows) for at in (2, 3)]
            wanted = [sign * (totals[1][at] - totals[0][at]) for at in (0, 1)]
            assert shown == wanted
            summary = browser.execute_script(
                script, "Totals of resnet18" if before == 0 else "Totals of vgg16"
            )
            assert [int(row[3].replace(",", "")) for row in summary[:2]] == wanted
        assert "before=vgg16&after=resnet18" in browser.current_url
        for select, value in (("before", "0"), ("after", "1")):
            choose(browser, select, value)
        choose(browser, "convention", "cnncost")

    def test_sorting_stands_in_the_address(self, browser: Any) -> None:
        click(browser, "#model-vgg16 thead th:nth-child(7) button")
        assert "sort=vgg16%7Eops%7Edescending" in browser.current_url
        browser.execute_script("location.reload()")
        assert column(browser, "vgg16", 7)[:6] == ["1,850"] * 6
        for _ in range(2):
            click(browser, "#model-vgg16 thead th:nth-child(7) button")

    def test_a_row_that_a_search_hides_is_found(self, browser: Any) -> None:
        script = "const s = document.getElementById('search'); s.value = arguments[0]; s.dispatchEvent(new Event('input'));"
        browser.execute_script(script, "fc8")
        browser.execute_script(
            "document.querySelector('#model-vgg16 rect.ops').dispatchEvent(new MouseEvent('click'))"
        )
        assert browser.find_element("css selector", "#model-vgg16 tr.here th").text == "conv1_1"
        assert browser.find_element("id", "search").get_attribute("value") == ""

    def test_values_on_hover(self, browser: Any) -> None:
        script = """
            const bar = [...document.querySelectorAll("#model-vgg16 rect.params")].at(-1);
            bar.dispatchEvent(new MouseEvent("mousemove", {clientX: 20, clientY: 20}));
            return document.getElementById("tip").textContent;
        """
        assert browser.execute_script(script).startswith("fc8\nparams (k): 4,097")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_no_serious_accessibility_fault(self, browser: Any, scheme: str) -> None:
        from axe_selenium_python import Axe

        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        browser.set_script_timeout(300)  # a busy machine needs more than the usual 30 s
        axe = Axe(browser)
        axe.inject()
        faults = [v for v in axe.run()["violations"] if v["impact"] in ("serious", "critical")]
        assert faults == [], axe.report(faults)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def test_the_roof_is_that_of_the_device(self, browser: Any) -> None:
        """Two roofs where convolutions use TF32, one where they do not; a point per row that computes."""
        for key, peaks in (
            ("a100-80gb", {"19.5 TFLOP/s", "156 TFLOP/s, convolutions in TF32"}),
            ("t4", {"8.10 TFLOP/s"}),
        ):
            choose(browser, "device", key)
            shown = "return [...document.querySelectorAll('#model-vgg16 .roof text.value')].map((each) => each.textContent)"
            assert set(browser.execute_script(shown)) == peaks
            assert f"device={key}" in browser.current_url or key == "a100-80gb"
            points = browser.find_elements("css selector", "#model-vgg16 .roof circle")
            assert len(points) == sum(1 for row in cnncost.analyze("vgg16").rows if row.flops)
            ticks = "return [...document.querySelectorAll('#model-vgg16 .roof text[text-anchor=end]')].map((each) => each.textContent)"
            assert "1 T" in browser.execute_script(ticks)
        choose(browser, "device", "a100-80gb")

    def test_a_narrow_window_is_usable(self, browser: Any) -> None:
        browser.set_window_size(500, 900)
        narrow = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
        page_width = browser.execute_script("return document.documentElement.scrollWidth")
        assert page_width <= 360
        assert browser.find_element("id", "level").is_displayed()
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.set_window_size(1280, 1000)


@pytest.mark.slow
@browser_needed
def test_long_names_fit_a_phone(browser: Any, tmp_path: Path) -> None:
    """Names that cannot be broken at a space: words and pictures stay within the window."""
    net, block = tmp_path / "net.yaml", "a_residual_block_with_a_name_that_is_rather_long"
    net.write_text(
        f"input: [3, 8, 8]\nblocks: {{{block}: [{{conv: {{out: 3, kernel: 3, pad: 1}}}}, bn, relu]}}\n"
        f"body: [{{{block}: , times: 3}}]\n"
    )
    out = tmp_path / "long.html"
    out.write_text(page([model_content(cnncost.load(str(net)))], title="long", made_by="a test"))
    narrow = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    browser.get(out.as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    cut = """return [...document.querySelectorAll('.chart')].flatMap((chart) => [...chart.querySelectorAll('text')]
        .filter((each) => each.getBBox().x + each.getBBox().width > chart.viewBox.baseVal.width + 1)
        .map((each) => each.textContent))"""
    assert browser.execute_script(cut) == []
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.slow
@browser_needed
def test_two_networks_of_one_name(browser: Any, path: Path, tmp_path: Path) -> None:
    """Each has its section, its graph and its place in the choices."""
    graphs = [cnncost.load("lenet5"), cnncost.load("lenet5", set={"classes": 3})]
    both = tmp_path / "both.html"
    both.write_text(page([model_content(graph) for graph in graphs], title="two", made_by="a test"))
    browser.get(both.as_uri())
    assert [e.get_attribute("id") for e in browser.find_elements("css selector", "section")] == [
        "comparison", "differences", "model-lenet5", "model-lenet5__2_", "glossary",
    ]  # fmt: skip
    assert len(browser.find_elements("css selector", ".graph svg")) == 2
    assert [e.text for e in browser.find_elements("css selector", "#after option")] == [
        "lenet5",
        "lenet5 (2)",
    ]
    browser.get(path.as_uri())


@pytest.mark.parametrize("out", ["page.pdf", "nowhere/page.html"])
def test_where_it_cannot_be_written(out: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cnncost", "report", "lenet5", "-o", out]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    expected = {
        "page.pdf": "error: page.pdf: a report is an HTML page\n  pass -o page.html, or a directory\n",
        "nowhere/page.html": "error: nowhere/page.html: no directory 'nowhere'\n  make it first: mkdir -p nowhere\n",
    }
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected[out])


def test_the_time_of_a_device_that_is_named() -> None:
    """A data sheet gives a bound, which the tile says; the table has every device with a peak for the dtype."""
    from cnncost import devices, units
    from cnncost.predict import predict

    graph = cnncost.load("vgg16")
    content = model_content(graph, Run(on="t4"))
    least = units.duration(predict(graph, devices.device("t4")).latency_ms / 1e3)
    assert content["time"] == ["at least, on NVIDIA T4: by its data sheet, not calibrated", least]
    assert content["device"] == "t4"
    (entry,) = [each for each in content["devices"] if each["key"] == "t4"]
    assert (entry["least"], entry["predicted"]) == (least, "")
    stated = [key for key in devices.names() if "float32" in devices.device(key).peaks]
    assert [each["key"] for each in content["devices"]] == stated
    assert model_content(graph)["time"] is None
