"""The live page in a real browser: typing, completing, errors, hover, compare, save, changes on disk, two tabs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.live.test_live import SPEC

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver here")
SECONDS = 300
"""How long a thing may take that somebody waits for: a busy machine is not a fault."""


class Live(NamedTuple):
    """A page, its file and its address."""

    browser: Any
    path: Path
    address: str

    def script(self, text: str, *given: Any) -> Any:
        return self.browser.execute_script(text, *given)

    def until(self, true: Callable[[], Any]) -> Any:
        """Wait until something is there."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            found = true()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"waited in vain; the page says {self.status!r}")

    @property
    def status(self) -> str:
        return str(self.script("return document.getElementById('status').textContent"))

    @property
    def text(self) -> str:
        return str(self.script("return state.view.state.doc.toString()"))

    def write(self, text: str) -> None:
        self.script("setText(arguments[0])", text)

    def names(self) -> list[str]:
        cells = "[...document.querySelectorAll('#table tbody td:first-child')].map(cell => cell.textContent)"
        return list(self.script(f"return {cells}"))

    def total(self, name: str) -> str:
        return str(self.script(
            "return [...document.querySelectorAll('#totals li')].find(each => each.lastChild.textContent === arguments[0])"
            "?.firstChild.textContent ?? ''", name
        ))  # fmt: skip


def _browser(scheme: str) -> Any:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,900", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    assert browser.execute_script(f"return matchMedia('(prefers-color-scheme: {scheme})').matches")
    return browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    pytest.importorskip("starlette")
    folder = tmp_path_factory.mktemp("live")
    path = folder / "net.yaml"
    path.write_text(SPEC)
    (folder / "theirs.yaml").write_text(SPEC.replace("[16]", "[24]"))
    command = [sys.executable, "-u", "-m", "cnncost", "live", "net.yaml", "--compare", "theirs.yaml"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield path, process.stderr.readline().strip()
        process.terminate()


@pytest.fixture(scope="module", params=["light", "dark"])
def opened(served: tuple[Path, str], request: pytest.FixtureRequest) -> Iterator[Live]:
    browser = _browser(request.param)
    try:
        yield Live(browser, *served)
    finally:
        browser.quit()


@pytest.fixture
def live(opened: Live) -> Live:
    """The page as it begins."""
    opened.path.write_text(SPEC)
    opened.browser.get("about:blank")
    opened.browser.get(opened.address)
    for _ in range(2000):
        if opened.script("return typeof state !== 'undefined' && state.answer !== null"):
            break
        time.sleep(0.1)
        if (
            "refused" in opened.browser.page_source
        ):  # the server begins to listen just after it says its address
            opened.browser.get(opened.address)
    opened.until(lambda: opened.script("return typeof state !== 'undefined' && state.answer !== null"))
    return opened


def _type(live: Live, keys: str, *, at_end_of: int) -> None:
    from selenium.webdriver import ActionChains

    live.script(
        "const line = state.view.state.doc.line(arguments[0]);"
        "state.view.dispatch({selection: {anchor: line.to}}); state.view.focus()", at_end_of
    )  # fmt: skip
    ActionChains(live.browser).send_keys(keys).perform()


def test_what_is_typed_is_counted(live: Live) -> None:
    assert live.names()[0] == "conv_relu1" and live.total("params") == f"{448 + 2 * 2320 + 163_850:,}"
    _type(live, "\n- relu", at_end_of=9)
    live.until(lambda: len(live.names()) == 5 and "relu" in live.text)
    live.write(SPEC.replace("[16]", "[32]"))
    live.until(lambda: live.total("params") == f"{896 + 2 * 9248 + 327_690:,}")


def test_an_error_stands_at_its_place_and_the_table_stays(live: Live) -> None:
    live.write(SPEC.replace("kernel", "kernle"))
    live.until(lambda: "line 4" in live.status)
    marked = live.until(
        lambda: live.script("return document.querySelector('.cm-lintRange-error')?.textContent")
    )
    assert marked == "kernle" and len(live.names()) == 5
    live.write(SPEC)
    live.until(lambda: "counted in" in live.status)
    assert live.script("return document.querySelector('.cm-lintRange-error')") is None


def test_words_are_completed_from_the_schema(live: Live) -> None:
    _type(live, "\n- max", at_end_of=9)
    options = (
        "return [...document.querySelectorAll('.cm-tooltip-autocomplete li')].map(each => each.textContent)"
    )
    assert "maxpool" in live.until(lambda: live.script(options))
    live.write(SPEC.replace("- flatten", "- {maxpool: {kernel: 2}}\n  - flatten"))
    _type(live, "\n- {conv: {st", at_end_of=10)
    assert any(text.startswith("stride") for text in live.until(lambda: live.script(options)))


def test_hovering_over_a_line_shows_the_working(live: Live) -> None:
    from selenium.webdriver.common.actions.action_builder import ActionBuilder

    place = live.script(
        "const at = state.view.coordsAtPos(state.view.state.doc.line(9).from + 8); return [at.left, at.top]"
    )
    action = ActionBuilder(live.browser)
    for off in (0, 3):
        action.pointer_action.move_to_location(int(place[0]) + off, int(place[1]) + 8)
    action.perform()
    shown = live.until(lambda: live.script("return document.querySelector('.working')?.textContent"))
    assert "C_out * C_in + C_out = 10 * 16384 + 10 = 163,850" in shown


def test_a_row_goes_to_its_line_and_back_by_keyboard(live: Live) -> None:
    live.script("document.querySelectorAll('#table tbody tr')[4].focus()")
    from selenium.webdriver import ActionChains

    ActionChains(live.browser).send_keys("\ue007").perform()  # Enter
    line = "return state.view.state.doc.lineAt(state.view.state.selection.main.head).number"
    live.until(lambda: live.script(line) == 9)
    here = "return [...document.querySelectorAll('#table tr.here')].map(row => row.dataset.row)"
    assert live.until(lambda: live.script(here)) == ["4"]


def test_controls_count_again_and_stand_in_the_address(live: Live) -> None:
    live.script(
        "field('convention').value = 'deeprob'; field('batch').value = 3; field('device').value = 'h100-sxm';"
        "form.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    live.until(lambda: live.total("FLOPs") and "batch 3" in live.status)
    assert "ms" in live.total("on h100-sxm")
    assert "convention=deeprob" in live.browser.current_url
    live.browser.refresh()
    live.until(lambda: live.script("return typeof state !== 'undefined' && state.answer !== null"))
    live.until(lambda: "batch 3" in live.status and live.total("FLOPs"))


def test_the_graph_and_the_differences(live: Live) -> None:
    live.script("document.getElementById('tab-graph').click()")
    boxes = "return document.querySelectorAll('#graph .box').length"
    assert live.until(lambda: live.script(boxes)) == 6  # five rows and the input
    width = "return Number(document.querySelector('#graph svg').getAttribute('width'))"
    before = live.script(width)
    live.script("document.querySelector('#graph .zoom-in').click()")
    assert live.script(width) > before
    live.script(
        "document.querySelector('#graph [data-row=\"4\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert live.script("return state.view.state.doc.lineAt(state.view.state.selection.main.head).number") == 9
    assert (
        live.until(lambda: live.script("return document.querySelector('#graph .here')?.dataset.row")) == "4"
    )
    live.write(SPEC.replace("[16]", "[32]"))
    live.script("document.getElementById('tab-difference').click()")
    table = "return document.querySelector('#difference')?.textContent"
    live.until(lambda: "saved" in live.script(table) and "params" in live.script(table))
    live.script(
        "field('other').value = 'theirs.yaml'; field('other').dispatchEvent(new Event('input', {bubbles: true}))"
    )
    live.until(lambda: "theirs.yaml" in live.script(table))


def test_saving_and_a_file_that_changes_on_disk(live: Live) -> None:
    from selenium.webdriver import ActionChains

    live.write(SPEC + "# mine\n")
    assert live.script("return document.title").startswith("* ")
    live.script("state.view.focus()")
    ActionChains(live.browser).key_down("\ue009").send_keys("s").key_up("\ue009").perform()  # Ctrl+S
    live.until(lambda: live.path.read_text().endswith("# mine\n"))
    live.until(lambda: not live.script("return document.title").startswith("* "))
    live.path.write_text(SPEC + "# theirs\n")  # nothing is typed: the page follows
    live.until(lambda: live.text.endswith("# theirs\n"))
    live.write(SPEC + "# again mine\n")
    live.path.write_text(SPEC + "# again theirs\n")
    hidden = "return document.getElementById('banner').hidden"
    live.until(lambda: live.script(hidden) is False)
    assert live.text.endswith("# again mine\n") and live.path.read_text().endswith("# again theirs\n")
    live.script("document.getElementById('load').click()")
    live.until(lambda: live.text.endswith("# again theirs\n"))


def test_two_tabs(live: Live) -> None:
    first = live.browser.current_window_handle
    live.browser.switch_to.new_window("tab")
    live.browser.get(live.address)
    live.until(lambda: live.script("return typeof state !== 'undefined' && state.answer !== null"))
    live.write(SPEC + "# from the second tab\n")
    live.script("save()")
    live.until(lambda: live.path.read_text().endswith("# from the second tab\n"))
    live.browser.close()
    live.browser.switch_to.window(first)
    live.until(lambda: live.text.endswith("# from the second tab\n"))


def test_everybody_can_use_it_and_nothing_comes_from_outside(live: Live) -> None:
    import json

    from axe_selenium_python import Axe

    live.script("document.getElementById('tab-graph').click()")
    axe = Axe(live.browser)
    axe.inject()
    found = axe.run()
    assert [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found["violations"]] == []
    asked = [json.loads(entry["message"])["message"] for entry in live.browser.get_log("performance")]
    urls = {
        each["params"]["request"]["url"] for each in asked if each["method"] == "Network.requestWillBeSent"
    }
    assert all(
        url.startswith((live.address.rpartition("/static")[0][:16], "data:", "about:")) for url in urls
    ), urls
    said = live.browser.get_log("browser")  # an intervention: a dialog on leaving, which nobody clicked for
    assert [each for each in said if each["level"] == "SEVERE" and each["source"] != "intervention"] == []
