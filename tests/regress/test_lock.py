"""The lock file: what it holds, that it comes back, and every way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regress.specs import SMALL_MACS, SMALL_PARAMS, write

import cnncost
from cnncost.analysis.conventions import convention
from cnncost.errors import UsageError
from cnncost.regress import lock as locks
from cnncost.regress.lock import Lock
from cnncost.regress.repeats import pack, unpack
from cnncost.regress.snapshot import LockLine, snapshot

OWN = convention("cnncost")


def locked(tmp_path: Path) -> Path:
    """A lock of the small net."""
    graph = cnncost.load(f"{write(tmp_path)}:small")
    path = tmp_path / "cnncost.lock"
    path.write_text(locks.write(Lock("cnncost", {"net.yaml:small": snapshot(graph, OWN)})))
    return path


def test_what_a_lock_looks_like(tmp_path: Path) -> None:
    lines = locked(tmp_path).read_text().splitlines()
    assert lines[1:6] == ["cnncost-lock 1", "convention cnncost", "", "model net.yaml:small", "input 3x16x16"]
    assert f"params {SMALL_PARAMS}" in lines
    assert f"macs {SMALL_MACS}" in lines
    assert lines[-2:] == ["", "end"]
    nodes = lines[lines.index("nodes 12") + 1 : -2]
    assert [line.split()[:2] for line in nodes] == [
        ["unit1.conv", "conv"],
        ["unit1.bn", "bn"],
        ["unit1.relu", "relu"],
        ["unit[2-3].conv", "conv"],
        ["unit[2-3].bn", "bn"],
        ["unit[2-3].relu", "relu"],
        ["maxpool", "maxpool"],
        ["flatten", "flatten"],
        ["fc", "linear"],
    ]
    # digest, params, MACs, FLOPs (2 per MAC), bytes of the 8 x 16 x 16 map
    assert nodes[3].split()[3:] == ["576", str(576 * 256), str(2 * 576 * 256), str(8 * 256 * 4)]


def test_a_join_says_how_far_back_it_reads(tmp_path: Path) -> None:
    graph = cnncost.load("resnet18")
    text = locks.write(Lock("cnncost", {"resnet18": snapshot(graph, OWN)}))
    (line,) = [line for line in text.splitlines() if line.startswith("  stage1.unit[1-2].add ")]
    assert line.endswith(" 1,6")  # the node before it, and the one before its five of the main branch


@pytest.mark.parametrize("name", ["resnet50", "googlenet", "densenet121", "unet", "nasnet_a_mobile"])
@pytest.mark.parametrize("rules", ["cnncost", "fvcore"])
def test_a_lock_comes_back(tmp_path: Path, name: str, rules: str) -> None:
    made = snapshot(cnncost.load(name).without_heads(), convention(rules))
    path = tmp_path / "cnncost.lock"
    path.write_text(locks.write(Lock(rules, {name: made})))
    lock = locks.read(path)
    assert lock.convention == rules
    read = lock.models[name]
    assert (read.input_shape, read.digest, read.quantities) == (
        made.input_shape,
        made.digest,
        made.quantities,
    )
    assert list(read.lines) == list(made.lines)
    assert [node[:8] for node in read.nodes] == [node[:8] for node in made.nodes]
    assert locks.write(lock) == path.read_text()


def test_models_are_sorted_and_nothing_tells_time_or_machine(tmp_path: Path) -> None:
    made = snapshot(cnncost.load(f"{write(tmp_path)}:small"), OWN)
    text = locks.write(Lock("cnncost", {"b": made, "a": made, "c": made}))
    assert [line for line in text.splitlines() if line.startswith("model ")] == [
        "model a",
        "model b",
        "model c",
    ]
    assert str(tmp_path) not in text
    assert text == locks.write(Lock("cnncost", {"c": made, "b": made, "a": made}))


names = st.lists(
    st.sampled_from(["unit1", "unit2", "unit3", "unit10", "unit01", "conv", "0", "1", "2"]),
    min_size=1,
    max_size=4,
)


@given(st.lists(st.tuples(names, st.sampled_from(["conv 1", "bn 2", "relu 3"])), max_size=30))
def test_folding_loses_nothing(lines: list[tuple[list[str], str]]) -> None:
    given_lines = [LockLine(".".join(path), rest) for path, rest in lines]
    assert unpack(pack(given_lines)) == given_lines


def test_equal_units_are_written_once() -> None:
    unit = [("conv", "a"), ("bn", "b"), ("relu", "c")]
    lines = [LockLine(f"stage1.unit{number}.{name}", rest) for number in range(1, 24) for name, rest in unit]
    assert pack(lines) == [LockLine(f"stage1.unit[1-23].{name}", rest) for name, rest in unit]


def wrong(tmp_path: Path, old: str, new: str) -> str:
    """What reading says once a piece of the lock is replaced."""
    path = locked(tmp_path)
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    return refused(path, tmp_path)


def refused(path: Path, tmp_path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        for model in locks.read(path).models.values():
            assert model.nodes
    return str(caught.value).replace(str(tmp_path), "DIR")


CURE = "the lock is damaged; write it again: cnncost lock SPEC... -o DIR/cnncost.lock"


def test_missing(tmp_path: Path) -> None:
    message = refused(tmp_path / "cnncost.lock", tmp_path)
    assert message == "DIR/cnncost.lock: no such lock\n  write it: cnncost lock SPEC... -o DIR/cnncost.lock"


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "cnncost.lock"
    path.write_text("\n# nothing\n")
    assert refused(path, tmp_path) == (
        "DIR/cnncost.lock: the lock is empty\n  write it: cnncost lock SPEC... -o DIR/cnncost.lock"
    )


def test_not_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "cnncost.lock"
    path.write_text('{"lockfileVersion": 3}\n')
    assert refused(path, tmp_path) == (
        'DIR/cnncost.lock:1:1: not a lock of cnncost\n    {"lockfileVersion": 3}\n'
        "  its first line is: cnncost-lock 1"
    )


def test_binary(tmp_path: Path) -> None:
    path = tmp_path / "cnncost.lock"
    path.write_bytes(b"\xff\xfe\x00")
    assert refused(path, tmp_path) == "DIR/cnncost.lock: not UTF-8 text, so not a lock"


def test_a_directory(tmp_path: Path) -> None:
    assert refused(tmp_path, tmp_path) == "DIR: cannot be read: Is a directory"


def test_newer_schema(tmp_path: Path) -> None:
    assert wrong(tmp_path, "cnncost-lock 1", "cnncost-lock 2") == (
        "DIR/cnncost.lock:2:1: the lock has schema 2, this cnncost knows 1\n    cnncost-lock 2\n"
        "  upgrade it: pip install --upgrade cnncost"
    )


def test_unknown_convention(tmp_path: Path) -> None:
    assert wrong(tmp_path, "convention cnncost", "convention folklore") == (
        f"DIR/cnncost.lock:3:1: unknown convention 'folklore'\n    convention folklore\n  {CURE}"
    )


def test_merge_conflict(tmp_path: Path) -> None:
    conflict = f"<<<<<<< HEAD\nparams {SMALL_PARAMS}\n=======\nparams 12\n>>>>>>> branch\n"
    assert wrong(tmp_path, f"params {SMALL_PARAMS}\n", conflict) == (
        "DIR/cnncost.lock:8:1: a merge conflict\n    <<<<<<< HEAD\n"
        "  take either side of it, then: cnncost check --update"
    )


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = locked(tmp_path)
    text = path.read_text().rstrip("\n")
    for length in range(len(text)):
        path.write_text(text[:length])
        with pytest.raises(UsageError):
            locks.read(path)
    path.write_text(text[: text.index("unit[2-3].bn") + 14])
    assert refused(path, tmp_path) == (
        "DIR/cnncost.lock:19:1: the lock is cut off: its last line must be 'end'\n    unit[2-3].bn b\n"
        f"  {CURE}"
    )


def test_damaged_lines(tmp_path: Path) -> None:
    assert wrong(tmp_path, "  maxpool maxpool ", "  maxpool ") == (
        f"DIR/cnncost.lock:21:1: a node's line is not whole\n    {damaged(tmp_path, 20)}\n  {CURE}"
    )
    assert wrong(tmp_path, f"params {SMALL_PARAMS}", "params many") == (
        f"DIR/cnncost.lock:8:1: params must be a whole number\n    params many\n  {CURE}"
    )
    assert wrong(tmp_path, "buffers 48", "buffer 48") == (
        f"DIR/cnncost.lock:9:1: expected 'buffers'\n    buffer 48\n  {CURE}"
    )
    assert wrong(tmp_path, "nodes 12", "nodes 13") == (
        f"DIR/cnncost.lock:14:1: 13 nodes are announced, 12 follow\n    nodes 13\n  {CURE}"
    )
    assert wrong(tmp_path, "input 3x16x16", "input 3,16,16") == (
        f"DIR/cnncost.lock:6:1: not an input shape\n    input 3,16,16\n  {CURE}"
    )
    assert wrong(tmp_path, "unit[2-3].bn", "unit[2-99999999].bn").startswith(
        "DIR/cnncost.lock:19:1: a node's line is not whole\n"
    )


def damaged(tmp_path: Path, index: int) -> str:
    return (tmp_path / "cnncost.lock").read_text().splitlines()[index].strip()


def test_a_model_twice(tmp_path: Path) -> None:
    path = locked(tmp_path)
    head, _, rest = path.read_text().partition("model ")
    body = rest.removesuffix("end\n")
    path.write_text(f"{head}model {body}model {body}end\n")
    assert refused(path, tmp_path).startswith("DIR/cnncost.lock:25:1: model 'net.yaml:small' stands twice\n")


def test_a_kilobyte_does_not_stand_for_millions_of_nodes(tmp_path: Path) -> None:
    """Each range is small enough, their sum is not: reading them took a minute."""
    path = locked(tmp_path)
    head = path.read_text().partition("nodes ")[0].replace("digest ", "digest 0")
    lines = [f"  a{number}[0-150000].b conv 0 0 0 0 0" for number in range(40)]
    path.write_text("\n".join([f"{head}nodes {40 * 150_001}", *lines, "end", ""]))
    assert refused(path, tmp_path) == (
        f"DIR/cnncost.lock:14:1: more than 200,000 nodes are announced\n    nodes {40 * 150_001}\n  {CURE}"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a\nb.yaml", "'a\\nb.yaml' has a line break, which no lock can hold"),
        ("-a.yaml", "'-a.yaml' reads as an option in a lock\n  write the file as ./-a.yaml"),
        ("\udcff.yaml", "'\\udcff.yaml' is not text in UTF-8, which a lock is"),
    ],
)
def test_names_that_no_lock_can_hold(name: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        locks.write(locks.Lock("cnncost", {name: snapshot(cnncost.load("lenet5"), convention("cnncost"))}))
    assert str(error.value) == message


def test_two_runs_of_the_same_blocks_stay_apart() -> None:
    """Blocks that are called in turn, twice: under one range each they would be read as one run of both."""
    names = [f"block{number}.{part}" for part in "ab" for number in (1, 2, 3)]
    lines = [LockLine(name, f"conv {name[-1]}") for name in names]
    packed = pack(lines)
    assert [line.name for line in packed] == ["block[1-3].a", "block1.b", "block2.b", "block3.b"]
    assert unpack(packed) == lines
