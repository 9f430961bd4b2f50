"""Our own lock: the zoo costs what it says, and the check is fast and light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cnncost.language import zoo
from cnncost.regress import lock as locks

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = ("torch", "pandas", "matplotlib", "numpy")
PROGRAM = f"""
import resource, sys
from cnncost.cli.main import main
sys.argv = ["cnncost", "check"]
try:
    main()
finally:
    heavy = [name for name in {FORBIDDEN} if name in sys.modules]
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(heavy, used.ru_utime + used.ru_stime, file=sys.stderr)
"""


def test_the_zoo_is_locked() -> None:
    assert list(locks.read(ROOT / "cnncost.lock").models) == sorted(zoo.names())


def test_the_zoo_costs_what_its_lock_says_and_finding_out_is_cheap() -> None:
    """Processor seconds, which do not depend on what else runs; 3 is the promise for the whole process."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " as in cnncost.lock" in done.stdout
    heavy, _, seconds = done.stderr.strip().rpartition(" ")
    assert heavy == "[]"
    assert float(seconds) < 3
