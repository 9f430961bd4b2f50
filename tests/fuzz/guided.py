"""Coverage-guided fuzzing of the YAML front end with atheris (`pip install atheris`; no test of ours needs it).

    python tests/fuzz/guided.py CORPUS -max_total_time=3600      any of libFuzzer's options

CORPUS is a folder that is filled with the specs of the zoo and of tests/language/errors.yaml if it is empty. What is
not cnncost's own error ends the run, and the input is in a file `crash-...`; it then becomes a line of
tests/fuzz/regressions.yaml.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["cnncost.language", "cnncost.ops", "cnncost.graph"]):
    from cnncost.errors import SpecError, UsageError
    from cnncost.language import expand
    from cnncost.language.document import Document
    from cnncost.language.grammar import Grammar
    from cnncost.language.instance import graph_of

# The bounds of a graph, small: large ones are slow under instrumentation, and not wrong.
expand.MAX_STEPS, expand.MAX_GRAPH, expand.MAX_REPEATS = 2_000, 500, 500

LARGEST = 8_000
"""Bytes of a seed: small ones are quick, and mutate more."""


def one(data: bytes) -> None:
    """A text that is a spec or is not: a graph comes out, or an error that is meant for a user."""
    text = data.decode("utf-8", errors="replace")
    try:
        family = Grammar(Document("fuzzed.yaml", text)).family("fuzzed")
        for variant in [None, *family.variants.values()][:2]:
            graph_of(family, variant)
    except SpecError as error:
        assert str(error).startswith(("fuzzed.yaml", "--set")), str(error)
    except UsageError:
        pass


def seed(folder: Path) -> None:
    """Fill an empty corpus."""
    folder.mkdir(exist_ok=True)
    if any(folder.iterdir()):
        return
    for path in (ROOT / "specs").glob("*.yaml"):
        if path.stat().st_size < LARGEST:
            (folder / path.name).write_bytes(path.read_bytes())
    for number, case in enumerate(yaml.safe_load((ROOT / "tests/language/errors.yaml").read_text())):
        (folder / f"error{number}").write_text(case["spec"] if "spec" in case else str(case))


if __name__ == "__main__":
    seed(next(Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
