"""Whatever goes wrong around the program ends in a message and an exit code: never "internal error"."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnncost.errors import CnncostError, UnavailableError
from cnncost.measure.sampling import sample
from cnncost.regress import lock as locks
from cnncost.regress.snapshot import Snapshot

PROGRAM = f"{sys.executable} -m cnncost"


def shell(script: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script], cwd=cwd, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
@pytest.mark.parametrize(
    "command", ["table resnet152", "list", "schema", "show lenet5", "--help", "table lenet5 -f json"]
)
def test_a_full_disk(command: str, tmp_path: Path) -> None:
    done = shell(f"{PROGRAM} {command} > /dev/full", tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams(closed: str, tmp_path: Path) -> None:
    done = shell(f"{PROGRAM} table lenet5 {closed}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert shell(f"{PROGRAM} table nosuch {closed}", tmp_path).returncode == 2


@pytest.mark.parametrize(
    "command", ["show resnet152", "check --help", "table resnet152 --by op", "list", "schema"]
)
def test_a_reader_that_has_enough(command: str, tmp_path: Path) -> None:
    done = shell(f"{PROGRAM} {command} | head -c 10; echo; echo ${{PIPESTATUS[0]}}", tmp_path)
    assert (done.stdout.split("\n")[-2], done.stderr) == ("0", "")


@pytest.mark.parametrize("after", [0.03, 0.06, 0.1, 0.15, 0.2, 0.3])
def test_ctrl_c_at_any_moment(after: float, tmp_path: Path) -> None:
    """From where Python has loaded our first file on; before it there is nobody to answer."""
    script = "import sys, cnncost.__main__ as m; print('up', flush=True); sys.argv = ['cnncost', 'audit']; m.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "up\n"
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err and len(err.splitlines()) <= 2, err
    assert process.returncode in (130, -2) or out.endswith("\n"), (process.returncode, err)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("torch/__init__.py", "raise ImportError('libtorch.so: cannot open')", "ImportError: libtorch.so: cannot open"),
        ("torch/__init__.py", "raise OSError('libc10.so: not found')", "OSError: libc10.so: not found"),
        ("torch/__init__.py", "", "ModuleNotFoundError: No module named 'torch.nn'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "command", ["verify lenet5", "measure lenet5", "export lenet5 --onnx a.onnx", "calibrate -o a.yaml"]
)
def test_a_broken_torch(command: str, name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "broken" / "torch").mkdir(parents=True)
    (tmp_path / "broken" / name).write_text(text)
    path = os.pathsep.join([str(tmp_path / "broken"), os.environ.get("PYTHONPATH", "")])
    done = shell(f"{PROGRAM} {command}", tmp_path, PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"error: PyTorch is installed, but cannot be imported: {said}\n"
        '  install it anew: pip install "cnncost[torch]" --force-reinstall\n'
    )


@pytest.mark.parametrize("where", ["__init__", "import"])
@pytest.mark.parametrize("what", ["SystemExit", "GeneratorExit", "BaseException"])
def test_a_module_that_leaves(where: str, what: str, tmp_path: Path) -> None:
    inside = f"raise {what}(7)"
    (tmp_path / "leaving.py").write_text(
        f"{inside if where == 'import' else ''}\nfrom torch import nn\nclass Net(nn.Module):\n"
        f"    def __init__(self):\n        super().__init__()\n        {inside}\n"
    )
    done = shell(f"{PROGRAM} table leaving:Net --input 3x8x8", tmp_path)
    assert done.returncode == 2 and f"{what}: 7\n" in done.stderr, done.stderr
    assert f"leaving.py:{1 if where == 'import' else 6}\n      {inside}\n" in done.stderr


class Stuck:
    """A clock that does not go forward."""

    name = "stuck"

    def __init__(self, seconds: float):
        self.seconds = seconds

    def now(self) -> float:
        return 0.0

    def time(self, work: object) -> float:
        return self.seconds


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_clock_that_says_nothing(seconds: float) -> None:
    with pytest.raises(UnavailableError) as error:
        sample(lambda: None, Stuck(seconds))
    assert str(error.value) == (
        f"the clock stuck does not go forward: a run took {seconds} s\n  nothing can be measured by it"
    )


BAD = {
    "a chain of 3,000 parameters": (
        "input: [3, 8, 8]\nparams:\n  p0: 1\n" + "".join(f"  p{n}: p{n - 1}\n" for n in range(1, 3000)) + "body:\n  - relu\n",
        "parameters that read each other more than 100 deep",
    ),
    "a list as a block": (
        "input: [3, 8, 8]\nparams: {pool: [1, 2]}\nbody:\n  - $pool\n",
        "parameter 'pool' is [1, 2], not the name of a block",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_specs_that_go_deep(name: str, tmp_path: Path) -> None:
    spec, message = BAD[name]
    if "chain" in name:  # read backwards, or each finds the one before already known
        head, _, rest = spec.partition("params:\n")
        chain, _, body = rest.partition("body:")
        spec = head + "params:\n" + "\n".join(reversed(chain.strip("\n").split("\n"))) + "\nbody:" + body
    (tmp_path / "net.yaml").write_text(spec)
    done = shell(f"{PROGRAM} table net.yaml", tmp_path)
    assert done.returncode == 2 and message in done.stderr, done.stderr


def test_what_lock_writes_check_reads(tmp_path: Path) -> None:
    """Line separators of Unicode are no line ends of a lock; line breaks are refused before anything is written."""
    names = ["net --set x=a\u2028b", "net --set x=a\x0bb\x0c\x1c\x85c"]
    model = Snapshot((3, 8, 8), "0" * 16, dict.fromkeys(("params", "buffers", "macs", "flops", "activation_bytes", "peak_bytes"), 1), lambda: [])  # fmt: skip
    text = locks.write(locks.Lock("cnncost", dict.fromkeys(names, model)))
    assert set(locks.parse(text, "a.lock").models) == set(names)
    (tmp_path / "a.lock").write_text(text, encoding="utf-8")
    assert locks.names(tmp_path / "a.lock") == set(names) == set(locks.read(tmp_path / "a.lock").models)
    for bad in ("a\nb", "a\rb"):
        with pytest.raises(CnncostError) as error:
            locks.write(locks.Lock("cnncost", {bad: model}))
        assert str(error.value) == f"{bad!r} has a line break, which no lock can hold"


def test_a_line_that_stands_for_hours_of_work() -> None:
    """1.6 KB that would be six million nodes, or a name of thousands of parts: refused at once."""
    head = locks.write(
        locks.Lock("cnncost", {"net": Snapshot((1,), "0", dict.fromkeys(
            ("params", "buffers", "macs", "flops", "activation_bytes", "peak_bytes"), 1), lambda: [])})
    )  # fmt: skip
    start = time.process_time()
    for line in ("a1[0-150000].b", "a[1-2]." * 40 + "b", "a." * 5000 + "b", "a[0-999999999999]"):
        text = head.replace("nodes 0\n", "nodes 0\n" + f"  {line} conv 00 0 0 0 0\n" * 40)
        with pytest.raises(CnncostError, match=r"(a node's line is not whole|nodes are announced)"):
            _ = locks.parse(text, "a.lock").models["net"].nodes
    assert time.process_time() - start < 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--units params=MiB", "unknown unit 'MiB'\n  units: G, M, k, 1"),
        ("--units memory=k", "unknown unit 'k': did you mean 'kB'?\n  units: GiB, MiB, KiB, B, GB, MB, kB"),
        ("--columns params,macs,params", "--columns lists 'params' twice"),
    ],
)
def test_options_that_mean_nothing(options: str, message: str, tmp_path: Path) -> None:
    done = shell(f"{PROGRAM} table lenet5 {options}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {message}\n")


def test_an_onnx_file_in_which_a_tensor_is_written_twice(tmp_path: Path) -> None:
    from fuzz.targets import onnx_seeds
    from onnx import load_model_from_string

    import cnncost

    model = load_model_from_string(onnx_seeds()[0])
    model.graph.node[1].output[0] = "c"
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(CnncostError) as error:
        cnncost.load(str(tmp_path / "a.onnx"))
    assert str(error.value) == (
        f"{tmp_path / 'a.onnx'}: it is damaged: two nodes write the tensor 'c'\n  copy or export it again"
    )


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="a system without /proc")
@pytest.mark.parametrize("after", [0.05, 1.0])
def test_ctrl_c_with_processes_at_work(after: float, tmp_path: Path) -> None:
    """A terminal sends it to all of them, also to one that is starting: one line comes of it, and none goes on."""
    line = "search resnet50 --vary classes=1..3000 --vary input=64..224:32 --max-peak 1MiB --workers 2"
    process = subprocess.Popen(
        [*PROGRAM.split(), *line.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for _ in range(2400):  # the tracker of resources, and the first worker
        if len(children.read_text().split()) > 1:
            break
        time.sleep(0.05)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (130, "interrupted\n")
    with pytest.raises(ProcessLookupError):
        for _ in range(1200):
            os.killpg(process.pid, 0)
            time.sleep(0.05)


@pytest.mark.parametrize(
    "written",
    [
        "5",
        "{1: 2, 3: 4}",
        "{[]: 1}",
        "[1, 2]",
        "(" * 500,
        "-" * 5000 + "1",
        "['a', 'b'",
        "'ab'",
        "x" * 20_000,
        "\x00",
    ],
)
def test_an_onnx_file_that_says_anything_of_its_modules(written: str, tmp_path: Path) -> None:
    """What an exporter writes beside a node is a list of names, or is not read."""
    from fuzz.targets import onnx_seeds
    from onnx import load_model_from_string

    import cnncost
    from cnncost.importers.onnx.naming import CLASSES, SCOPES

    model = load_model_from_string(onnx_seeds()[0])
    for node in model.graph.node:
        for key in (SCOPES, CLASSES):
            entry = node.metadata_props.add()
            entry.key, entry.value = key, written
    (tmp_path / "a.onnx").write_bytes(model.SerializeToString())
    assert cnncost.analyze(cnncost.load(str(tmp_path / "a.onnx"))).totals.params == 4 * 2 * 9 + 4 + 5 * 16


SLOW = """
import sys, time
from torch import nn

def up():
    print("up", file=sys.__stderr__, flush=True)
    time.sleep(60)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        WHILE_BUILT
    def forward(self, x):
        WHILE_RUN
        return self.conv(x)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("where", ["torch", "WHILE_BUILT", "WHILE_RUN"])
def test_a_signal_in_foreign_code_is_no_fault_of_it(
    where: str, number: signal.Signals, tmp_path: Path
) -> None:
    """What a module raises is told as its own; a signal that comes meanwhile ends the program, without a word."""
    slow = "import sys, time\nprint('up', file=sys.stderr, flush=True)\ntime.sleep(60)\n"
    text = SLOW.replace(where, "up()").replace("WHILE_BUILT", "").replace("WHILE_RUN", "")
    (tmp_path / ("torch.py" if where == "torch" else "slow.py")).write_text(
        slow if where == "torch" else text
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [*PROGRAM.split(), *("verify lenet5" if where == "torch" else "table slow:Net --input 3x8x8").split()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # who outlives the terminal ignores SIGHUP
    )  # fmt: skip
    assert process.stderr is not None and process.stderr.readline() == "up\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err.replace("up\n", "")) == (128 + number, "", "")


@pytest.mark.parametrize("environment", [
    {"PYTHONOPTIMIZE": "2"}, {"MPLBACKEND": "nonsense"}, {"SOURCE_DATE_EPOCH": "nonsense"}, {"PYTHONWARNINGS": "error"},
], ids=lambda each: next(iter(each)))  # fmt: skip
def test_an_environment_that_is_not_ours(environment: dict[str, str], tmp_path: Path) -> None:
    done = shell(f"{PROGRAM} plot layers lenet5 -o a.pdf", tmp_path, **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a.pdf\n", "")


def test_a_warning_that_is_asked_to_be_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("input: [8, 8, 3]\nbody: [relu]\n")
    done = shell(f"{PROGRAM} table a.yaml", tmp_path, PYTHONWARNINGS="error")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("a.yaml:1:8: warning: input [8, 8, 3] is taken for 8 channels of 8x3")


def test_links_that_go_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("b.yaml")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    done = shell(f"{PROGRAM} table a.yaml", tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "error: a.yaml: cannot be read: Too many levels of symbolic links\n",
    )
