"""Any number of mutants of a kind: python tests/fuzz/run.py KIND NUMBER [FIRST SEED]; a failure is printed with its input."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from fuzz.targets import TARGETS  # noqa: E402


def main(kind: str, number: str, first: str = "0") -> int:
    """Run them; the number of failures, at most 255."""
    target, failed, taken, start = TARGETS[kind], 0, 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(int(first), int(first) + int(number)):
            given = target.case(seed)
            begun = time.perf_counter()
            try:
                taken += target.run(given, Path(folder))
            except Exception as error:
                failed += 1
                print(
                    f"{kind} {seed}: {type(error).__name__}: {str(error)[:300]}\n{given!r:.2000}\n",
                    flush=True,
                )
            if time.perf_counter() - begun > 10:
                print(f"{kind} {seed}: {time.perf_counter() - begun:.0f} s\n{given!r:.2000}\n", flush=True)
    print(f"{kind}: {number} cases, {taken} taken, {failed} failed, {time.perf_counter() - start:.0f} s")
    return min(failed, 255)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
