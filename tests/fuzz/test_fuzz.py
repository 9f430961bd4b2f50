"""20,000 mutants by a fixed seed, and everything that any run has ever found.

python tests/fuzz/run.py spec 100000 7      any number of a kind, by another seed
python tests/fuzz/guided.py CORPUS          guided by coverage, for the YAML front end
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fuzz.targets import TARGETS
from fuzz.values import FIRST, STOPPED

CASES = {
    "spec": 6400, "lock": 2000, "toml": 2500, "run": 2800, "device": 900, "onnx": 500, "command": 800, "options": 600,
    "sheet": 800, "answers": 800, "journal": 500, "live": 600, "values": 800,
}  # fmt: skip
SLICES = 5
"""Every kind is that many tests, so that a failure comes soon and says where."""
TAKEN = 20
"""One of so many is taken at the least: of what is refused no property but the message is tried."""
FOUND = yaml.safe_load((Path(__file__).parent / "regressions.yaml").read_text(encoding="utf-8"))


def test_there_are_as_many_as_promised() -> None:
    assert sum(CASES.values()) == 20_000 and set(CASES) == set(TARGETS)


@pytest.mark.parametrize("kind", CASES)
def test_every_seed_is_taken(kind: str, tmp_path: Path) -> None:
    """Mutants of what is refused are refused for the same reason: nothing behind it would be tried."""
    lines = [f"{name} {words}" for name, words in FIRST.items() if not STOPPED.get(name)]
    for seed in lines if kind == "values" else TARGETS[kind].seeds():
        assert TARGETS[kind].run(seed, tmp_path), seed


@pytest.mark.slow
@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.parametrize("kind", CASES)
def test_mutants(kind: str, part: int, tmp_path: Path) -> None:
    taken = 0
    for seed in range(part, CASES[kind], SLICES):
        given = TARGETS[kind].case(seed)
        try:
            taken += TARGETS[kind].run(given, tmp_path)
        except Exception as error:
            raise AssertionError(f"{kind} {seed}: {error!r}\n{given!r}") from error
    assert taken * TAKEN >= CASES[kind] / SLICES, f"{taken} are taken: the properties are hardly tried"


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found["name"])
def test_what_was_found_stays_mended(found: dict[str, str], tmp_path: Path) -> None:
    given = found["input"] * found.get("times", 1)  # type: ignore[operator]
    given = found.get("before", "") + given + found.get("after", "")
    TARGETS[found["kind"]].run(given, tmp_path)
