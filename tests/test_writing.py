"""`-o` writes where it is told: links, modes, owners, devices, pipes, long names, and several processes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cnncost.errors import UsageError
from cnncost.writing import alone, write

ROOT = os.geteuid() == 0 if hasattr(os, "geteuid") else False
root = pytest.mark.skipif(not ROOT, reason="only root makes devices and gives files away")


def only(folder: Path, *names: str) -> bool:
    """True if nothing else is in a folder: no temporary file was left."""
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "new.md", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.md").stat().st_mode) == 0o640
    assert only(tmp_path, "new.md")


@pytest.mark.parametrize("mode", [0o600, 0o755, 0o666])
def test_a_mode_is_kept(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "private.md"
    path.write_text("old")
    path.chmod(mode)
    inode = path.stat().st_ino
    write(path, "new")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", mode)
    assert path.stat().st_ino != inode  # replaced at once
    assert only(tmp_path, "private.md")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link, dangling = tmp_path / "there" / "target.md", tmp_path / "link.md", tmp_path / "dangling.md"
    target.write_text("old")
    link.symlink_to("there/target.md")
    dangling.symlink_to("there/later.md")
    write(link, "new")
    write(dangling, "later")
    assert link.is_symlink() and dangling.is_symlink()
    assert (target.read_text(), (tmp_path / "there" / "later.md").read_text()) == ("new", "later")
    assert only(tmp_path / "there", "target.md", "later.md")


def test_all_names_of_a_file_have_what_was_written(tmp_path: Path) -> None:
    one, two = tmp_path / "one.md", tmp_path / "two.md"
    one.write_text("a long old text")
    two.hardlink_to(one)
    write(one, "new")
    assert two.read_text() == "new" and one.samefile(two)
    assert only(tmp_path, "one.md", "two.md")


def test_a_read_only_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kept.md"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(UsageError) as caught:
        write(path, "new")
    assert str(caught.value) == f"{path}: is read-only\n  allow it: chmod u+w {path}"
    assert path.read_text() == "old" and only(tmp_path, "kept.md")


def test_names_as_long_as_a_system_allows(tmp_path: Path) -> None:
    longest = "n" * (os.pathconf(tmp_path, "PC_NAME_MAX") - 3) + ".md"
    write(tmp_path / longest, "one")
    write(tmp_path / longest, "two")
    assert (tmp_path / longest).read_text() == "two" and only(tmp_path, longest)
    with pytest.raises(UsageError) as caught:
        write(tmp_path / f"n{longest}", "three")
    assert str(caught.value).endswith(": cannot be written: File name too long")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError) as caught:
        write(tmp_path / "folder", "text")
    assert str(caught.value) == f"{tmp_path / 'folder'}: cannot be written: Is a directory"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, seen = tmp_path / "pipe.md", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: seen.append(pipe.read_text()), daemon=True)
    reader.start()
    write(pipe, "text" * 50_000)
    reader.join(10)
    assert seen == ["text" * 50_000] and stat.S_ISFIFO(pipe.stat().st_mode)


@root
def test_a_device_stays_one(tmp_path: Path) -> None:
    device = tmp_path / "null.md"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        device.write_text("")
    except OSError:
        pytest.skip("no devices can be made here")
    write(device, "text")
    assert stat.S_ISCHR(device.stat().st_mode) and only(tmp_path, "null.md")


@root
def test_an_owner_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "theirs.md"
    path.write_text("old")
    os.chown(path, 12345, 23456)
    write(path, "new")
    assert (path.read_text(), path.stat().st_uid, path.stat().st_gid) == ("new", 12345, 23456)


def test_an_owner_that_cannot_be_kept_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "theirs.md"
    path.write_text("a long old text")
    inode, real = path.stat().st_ino, Path.stat

    def theirs(self: Path, **given: bool) -> os.stat_result:
        found = real(self, **given)
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:])) if self == path else found

    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "stat", theirs)
    monkeypatch.setattr(os, "chown", refused)
    write(path, "new")
    monkeypatch.undo()
    assert (path.read_text(), path.stat().st_ino) == ("new", inode) and only(tmp_path, "theirs.md")


def cnncost(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "cnncost", *arguments], text=True, timeout=300, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("name", ["stream.md", "/dev/fd/1", "/dev/stdout"])
@pytest.mark.skipif(not Path("/dev/fd/1").exists(), reason="a system without /dev/fd")
def test_a_standard_stream_is_written_to(tmp_path: Path, name: str) -> None:
    """To a pipe, and at the end of a file that the shell opened; through a link, too."""
    (tmp_path / "stream.md").symlink_to("/dev/fd/1")
    arguments = ("table", "lenet5", "-f", "markdown", "-o", name)
    seen = cnncost(*arguments, cwd=tmp_path, capture_output=True)
    assert seen.returncode == 0 and seen.stdout.startswith("### lenet5"), seen.stderr
    with (tmp_path / "out").open("w+") as out:
        out.write("before\n")
        out.flush()
        assert cnncost(*arguments, cwd=tmp_path, stdout=out).returncode == 0
    if name != "stream.md":  # what a link leads to is opened anew
        assert (tmp_path / "out").read_text() == "before\n" + seen.stdout
    assert (tmp_path / "stream.md").is_symlink()


@pytest.mark.slow
def test_updates_side_by_side_lose_no_model(tmp_path: Path) -> None:
    names = ["lenet5", "alexnet", "vgg11", "resnet18", "squeezenet1_1"]
    cnncost("lock", names[0], cwd=tmp_path, check=True, capture_output=True)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "cnncost", "check", name, "--update"],
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for name in names[1:]
    ]  # fmt: skip
    assert [process.wait(120) for process in running] == [0] * 4
    locked = [
        line for line in (tmp_path / "cnncost.lock").read_text().splitlines() if line.startswith("model ")
    ]
    assert locked == [f"model {name}" for name in sorted(names)]
    assert only(tmp_path, "cnncost.lock")


def test_one_after_the_other(tmp_path: Path) -> None:
    """Threads that read, wait and write in `alone` count up without losing one."""
    path = tmp_path / "count"
    path.write_text("0")

    def one_more() -> None:
        with alone(path):
            number = int(path.read_text())
            time.sleep(0.01)
            write(path, str(number + 1))

    threads = [threading.Thread(target=one_more) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "8"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda s: s.name)
def test_nothing_is_left_behind_by_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """The signal comes while the temporary file is there; the old one is kept."""
    (tmp_path / "kept.md").write_text("old")
    script = (
        "import os, signal, sys, cnncost.writing as writing\n"
        "from cnncost.cli.main import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # and one that outlives its terminal this
        f"writing._keep = lambda *_: os.kill(os.getpid(), {int(number)})\n"
        "sys.argv = ['cnncost', 'table', 'lenet5', '-o', 'kept.md']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 128 + number
    assert done.stderr == ("interrupted\n" if number == signal.SIGINT else "")
    assert (tmp_path / "kept.md").read_text() == "old" and only(tmp_path, "kept.md")
