"""The live page without a browser: answers, the file, the server's refusals, the terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnncost
from cnncost.errors import SpecError, UsageError
from cnncost.language import zoo
from cnncost.live import answers
from cnncost.live.question import LiveQuestion, sizes
from cnncost.live.server import application, choices, serve
from cnncost.live.watch import draw, watch
from cnncost.live.watched import ChangedMeanwhile, Watched
from cnncost.ops import REGISTRY
from cnncost.request import Run

SPEC = """\
input: [3, 32, 32]
blocks:
  conv_relu(out):
    - {conv: {out: out, kernel: 3, pad: 1}}
    - relu
body:
  - {conv_relu: [16], times: 3}
  - flatten
  - {linear: {out: 10}}
"""


def of(text: str, **more: Any) -> dict[str, Any]:
    return answers.answered(lambda: answers.count(LiveQuestion.of({"text": text, **more}), "net.yaml"))


@pytest.mark.parametrize("name", ["alexnet", "resnet50", "unet", "r3d_18"])
def test_the_page_shows_what_analyze_counts(name: str) -> None:
    _, variant = zoo.find(name)
    text = zoo.index()[name].read_text()
    found = of(text, variant=name if variant else "", convention="deeprob", batch=2)
    report = cnncost.analyze(name, batch=2, convention="deeprob")
    assert not found["errors"]
    assert [row["cells"][0] for row in found["rows"]] == [row.name for row in report.rows]
    totals = {each["name"]: each["value"] for each in found["totals"]}
    assert totals["params"] == f"{report.totals.counted.params:,}"
    assert totals["FLOPs"] == f"{report.totals.counted.ops:,}"


def test_rows_know_their_lines_and_lines_their_working() -> None:
    found = of(SPEC)
    assert [row["line"] for row in found["rows"]] == [4, 4, 4, 8, 9]
    names = [row["cells"][0] for row in found["rows"]]
    assert [row["inputs"] for row in found["rows"]] == [["input"], *([name] for name in names[:-1])]
    assert found["shapes"] == {"input": "3x32x32"}
    assert sum(row["part"] for row in found["rows"]) == pytest.approx(1, abs=1e-4)
    working = answers.explain(LiveQuestion(SPEC), "net.yaml", 9)
    assert working["more"] == 0
    lines = {each["quantity"]: each["working"] for each in working["layers"][0]["lines"]}
    assert lines["params"] == "C_out * C_in + C_out = 10 * 16384 + 10 = 163,850"
    many = answers.explain(LiveQuestion(SPEC.replace("times: 3", "times: 9")), "net.yaml", 4)
    assert (len(many["layers"]), many["more"]) == (3, 6)


def test_an_error_has_its_place() -> None:
    (error,) = of(SPEC.replace("kernel: 3", "kernle: 3"))["errors"]
    assert (error["line"], error["column"], error["length"]) == (4, 25, 6)
    assert "kernle" in error["message"]
    (error,) = of("input: [3, 32\nbody: [relu]\n")["errors"]
    assert error["line"] in (1, 2)
    (error,) = of(SPEC, convention="deprob")["errors"]
    assert error["message"].startswith("unknown convention 'deprob'") and "line" not in error
    (error,) = of(SPEC, input="3x")["errors"]
    assert error["message"].startswith("input '3x' is not a size")
    (error,) = of("[" * 5000)["errors"]
    assert "nested" in error["message"]


def test_warnings_are_told() -> None:
    assert "224" in of(SPEC.replace("[3, 32, 32]", "[224, 224, 3]"))["warnings"][0]


@pytest.mark.parametrize("plain, message", [
    ([], "question must be an object, not a list"), ({}, "question.text is missing; it must be a text"),
    ({"text": SPEC, "batch": 0}, "question.batch must be a whole number from 1, not 0"),
    ({"text": SPEC, "by": "row"}, "unknown level 'row'"), ({"text": "x" * 1_000_001}, "a spec of more than 1,000,000"),
])  # fmt: skip
def test_a_question_that_is_none(plain: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        LiveQuestion.of(plain)
    assert str(caught.value).startswith(message)


def test_sizes() -> None:
    assert sizes("3x96x96") == sizes("3, 96, 96") == (3, 96, 96) and sizes(" ") is None


@settings(max_examples=60)
@given(
    st.integers(0, len(SPEC) - 1), st.sampled_from(["", "[", "}", ":", "0", "-", "\t", "é", "\x00", "- {"])
)
def test_whatever_is_typed_is_counted_or_an_error(place: int, typed: str) -> None:
    found = of(SPEC[:place] + typed + SPEC[place + 1 :])
    assert bool(found["errors"]) != ("rows" in found)
    json.dumps(found)


def test_a_difference_is_that_of_the_command() -> None:
    before = answers.graph(LiveQuestion(SPEC), "net.yaml")
    found = answers.difference(LiveQuestion(SPEC.replace("[16]", "[32]")), "net.yaml", before, "saved")
    first = found["tables"][0]
    assert any("params" in row[0] for row in first["rows"])


def test_what_is_completed_is_the_schema() -> None:
    words = answers.words()
    assert set(words["operators"]) == set(REGISTRY)
    assert set(words["operators"]["conv"]["arguments"]) == set(REGISTRY["conv"].arguments)
    assert "body" in words["top"] and set(words["modifiers"]) >= {"as", "from", "times", "for", "if"}
    assert set(choices()["other"]) == set(zoo.names())


def test_saving_does_not_overwrite_what_somebody_else_wrote(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    watched = Watched(path)
    known = watched.now()
    saved = watched.save(SPEC + "# mine\n", known.mark)
    assert path.read_text().endswith("# mine\n") and saved.mark != known.mark
    path.write_text(SPEC + "# theirs\n")
    with pytest.raises(ChangedMeanwhile) as caught:
        watched.save(SPEC, saved.mark)
    assert (
        str(caught.value) == f"{path} was changed on disk\n  load it again, or save once more to overwrite it"
    )
    watched.save(SPEC, watched.now().mark)
    assert path.read_text() == SPEC


def test_a_new_file_is_begun_and_another_kind_refused(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "new.yaml")
    assert "body:" in watched.now().text and not watched.path.exists()
    watched.save("body: [relu]\n", "new")
    assert watched.path.read_text() == "body: [relu]\n"
    with pytest.raises(UsageError) as caught:
        Watched(tmp_path / "net.txt")
    assert (
        str(caught.value)
        == f"{tmp_path / 'net.txt'}: a spec is a YAML file\n  its name ends in .yaml or .yml"
    )
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError):
        Watched(tmp_path / "bad.yaml")


# The server ----------------------------------------------------------------------------------------------


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Any]:
    pytest.importorskip("starlette")
    from starlette.testclient import TestClient

    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    with TestClient(application(Watched(path), "secret", 8123), base_url="http://127.0.0.1:8123") as found:
        yield found


def test_the_page_and_its_answers(client: Any) -> None:
    page = client.get("/secret/")
    assert page.status_code == 200 and "default-src 'none'" in page.headers["content-security-policy"]
    for name in ("live.css", "live.js", "layout.js", "graph.js", "graph.css", "codemirror.js"):
        assert client.get(f"/secret/static/{name}").status_code == 200
    now = client.get("/secret/revision").json()
    assert now["text"] == SPEC
    found = client.post("/secret/count", json={"text": SPEC}).json()
    assert len(found["rows"]) == 5 and not found["errors"]
    assert client.post("/secret/explain", json={"text": SPEC, "line": 9}).json()["layers"]
    assert client.post("/secret/difference", json={"text": SPEC, "other": "lenet5"}).json()["tables"]
    assert client.post("/secret/save", json={"text": SPEC, "mark": now["mark"]}).json()["errors"] == []
    assert (
        "changed on disk" in client.post("/secret/save", json={"text": SPEC, "mark": "x"}).json()["changed"]
    )


ROUTES = [("get", ""), ("get", "static/live.js"), ("get", "revision"), ("get", "words"), ("post", "count"),
          ("post", "explain"), ("post", "difference"), ("post", "save")]  # fmt: skip


@pytest.mark.parametrize("method, path", ROUTES)
@pytest.mark.parametrize("token, headers", [
    ("wrong", {}), ("secret", {"host": "evil.example"}), ("secret", {"host": "127.0.0.1:9999"}),
    ("secret", {"origin": "http://evil.example"}), ("secret", {"origin": "null"}),
])  # fmt: skip
def test_every_route_refuses_strangers(
    client: Any, method: str, path: str, token: str, headers: dict[str, str]
) -> None:
    more = {"json": {"text": SPEC}} if method == "post" else {}
    assert getattr(client, method)(f"/{token}/{path}", headers=headers, **more).status_code == 403


def test_an_address_without_its_token_says_so(client: Any) -> None:
    for path in ("/", "/a/b/c/d"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (
            404, "Open the whole address that `cnncost live` printed: it has a token in it.\n",
        )  # fmt: skip


def test_every_route_is_in_the_list_of_those_that_refuse(client: Any) -> None:
    known = {
        re.sub(r"\{name\}", "live.js", route.path).removeprefix("/{token}/") for route in client.app.routes
    }
    assert known == {path for _, path in ROUTES}


@pytest.mark.parametrize(
    "name", ["..%2Fserver.py", "server.py", "codemirror.LICENSE", "%2e%2e", "nothing.js"]
)
def test_no_other_file_is_served(client: Any, name: str) -> None:
    assert client.get(f"/secret/static/{name}").status_code == 404


def test_no_other_file_is_compared_with(client: Any, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(SPEC)
    found = client.post(
        "/secret/difference", json={"text": SPEC, "other": str(tmp_path / "other.yaml")}
    ).json()
    assert "--compare did not name it" in found["errors"][0]["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000])
def test_what_is_no_object_is_refused(client: Any, body: bytes) -> None:
    assert client.post("/secret/count", content=body).status_code == 400


def test_too_much_is_refused(client: Any) -> None:
    assert client.post("/secret/count", content=b" " * 4_000_001).status_code == 413


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as caught:
            serve(Watched(tmp_path / "net.yaml"), "t", port, print)
    assert str(caught.value) == (
        f"port {port} cannot be used: Address already in use\n  --port takes another; without it a free one is found"
    )


def _await(address: str) -> None:
    """Wait until the server listens: its address is said just before."""
    for _ in range(2000):
        try:
            urllib.request.urlopen(address.partition("#")[0], timeout=300)
            return
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            time.sleep(0.1)


def test_the_command_serves_and_ends(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    command = [sys.executable, "-u", "-m", "cnncost", "live", "net.yaml", "--batch", "4"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = process.stderr.readline().strip()
        _await(address)
        assert re.match(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/#batch=4$", address)
        page = urllib.request.urlopen(address.partition("#")[0], timeout=300).read()
        assert b"cnncost live" in page
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(address.partition("#")[0][:-5] + "/", timeout=300)
        process.send_signal(2)
        assert process.wait(300) in (0, 130)


def test_too_much_in_pieces_is_refused_too(client: Any) -> None:
    """Without a length in front; reading stops where it is too much."""
    sent = []

    def pieces() -> Iterator[bytes]:
        for _ in range(1000):
            sent.append(1)
            yield b" " * 100_000

    assert client.post("/secret/count", content=pieces()).status_code == 413


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "post"])
def test_half_a_character_is_refused(client: Any, path: str) -> None:
    body = b'{"text": "\\ud800", "mark": "new", "line": 1}'
    assert client.post(f"/secret/{path}", content=body).status_code == 400


def test_a_page_reads_no_devices_file(client: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: x\nsecret: y\n")
    asked = {"text": SPEC, "device": str(tmp_path / "mine.yaml")}
    (error,) = client.post("/secret/count", json=asked).json()["errors"]
    assert error["message"].endswith("is no device of ours; the page reads no device's file")


# The terminal --------------------------------------------------------------------------------------------


def test_watching_draws_again_after_a_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    steps = iter([
        lambda: path.write_text(SPEC.replace("[16]", "[32]")), lambda: None,
        lambda: path.write_text(SPEC.replace("linear", "liner")), lambda: path.unlink(),
    ])  # fmt: skip

    def waiting(seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    with pytest.raises(KeyboardInterrupt):
        watch(Watched(path), LiveQuestion(SPEC, run=Run(batch=2)), waiting)
    shown = capsys.readouterr().out
    assert shown.count("batch 2") >= 2 and "unknown" in shown and "liner" in shown
    assert "16x32x32" in shown and "32x32x32" in shown


def test_drawing_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    draw(LiveQuestion("body: [convv]"), "net.yaml")
    assert capsys.readouterr().out.startswith("net.yaml:1:")


@pytest.mark.parametrize("arguments, message", [
    (("live", "net.txt"), "error: net.txt: a spec is a YAML file\n  its name ends in .yaml or .yml\n"),
    (("live", "net.yaml", "--port", "70000"), "error: --port 70000 is no port\n  ports go from 1 to 65535\n"),
    (("live", "net.yaml", "--by", "row"), "error: unknown level 'row'"),
])  # fmt: skip
def test_what_cannot_be(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cnncost", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and done.stderr.startswith(message), done.stderr


def test_the_bundle_names_its_licences() -> None:
    static = Path(answers.__file__).parent / "static"
    licence = (static / "codemirror.LICENSE").read_text()
    wanted = json.loads((Path(__file__).parents[2] / "tools/editor/package.json").read_text())["dependencies"]
    for name, version in wanted.items():
        assert f"{name} {version}\n" in licence and "MIT" in licence
    assert (static / "codemirror.js").stat().st_size < 600_000
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", (static / "live.js").read_text())


def test_memory_that_is_an_estimate_says_so() -> None:
    found = of("input: [3, 37, 41]\nbody:\n  - {conv: {out: 7, kernel: 3}}\n  - {lp_pool: {kernel: 3}}\n")
    totals = {each["name"]: each["value"] for each in found["totals"]}
    assert totals["peak"].endswith(" (estimated)")
    assert any("there is no exact rule for lp_pool" in note for note in found["notes"])
