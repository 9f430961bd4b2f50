"""Count torchvision's and timm's networks at the resolutions of their published accuracies.

    python tools/pretrained.py                  what cnncost/choosing/counts.csv has not yet
    python tools/pretrained.py --check 20       count so many rows of it again; exit 1 if one differs
    python tools/pretrained.py --only 'timm:resnet*'

Needs torch, and torchvision and timm of the versions that the table names. The table is written after every
network, so that a run which is stopped goes on where it was; some two hours in all on one core. What cannot
be imported is named and left out. Beside every count stands the published number of parameters: where they
differ by more than its rounding, a line says so.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cnncost.choosing.candidates import built, counts_of, peak_of
from cnncost.choosing.pretrained import ROOM, CountedNetwork, Published, counted, published
from cnncost.errors import CnncostError
from cnncost.writing import write

TABLE = ROOM / "counts.csv"
HEAD = (
    "# What cnncost counts of networks as torchvision 0.29.1 and timm 1.0.31 build them: batch 1,\n"
    "# inference, float32; activations in values, peak in bytes without weights.\n"
    "# Made by tools/pretrained.py.\n"
)


def count(each: Published) -> CountedNetwork:
    """The counts of a network at a resolution. Raises CnncostError where it cannot be imported."""
    graph = built(each.name, each.size)
    return CountedNetwork(**counts_of(graph), peak_bytes=peak_of(graph))


def render(counts: dict[tuple[str, int], CountedNetwork]) -> str:
    """The table as text, sorted."""
    out = io.StringIO()
    out.write(HEAD)
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("name", "size", *CountedNetwork._fields))
    rows.writerows((*key, *counts[key]) for key in sorted(counts))
    return out.getvalue()


def jobs(only: str) -> list[Published]:
    """A line of what is published for every network and resolution, the smallest first."""
    wanted = {(each.name, each.size): each for each in published() if fnmatch(each.name, only)}
    return sorted(wanted.values(), key=lambda each: (each.params_m, each.name, each.size))


def differs(each: Published, counts: CountedNetwork) -> bool:
    """Whether the published parameters, in millions with two decimals, are not what is counted."""
    return abs(counts.params / 1e6 - each.params_m) > 0.0051


def fill(wanted: Iterable[Published]) -> int:
    """Count what the table has not; the number of networks that cannot be counted."""
    table, failed = dict(counted()), 0
    for each in wanted:
        if (each.name, each.size) in table:
            continue
        try:
            found = count(each)
        except CnncostError as error:
            failed += 1
            print(f"{each.name} at {each.size}: {error}", file=sys.stderr)
            continue
        if differs(each, found):
            print(f"{each.name} at {each.size}: {found.params:,} parameters, published {each.params_m} M")
        table[each.name, each.size] = found
        write(TABLE, render(table))
    return failed


def check(wanted: list[Published], rows: int) -> int:
    """Count some rows again; the number that differ from the table."""
    known = [each for each in wanted if (each.name, each.size) in counted()]
    wrong = 0
    for each in known[:: max(1, len(known) // rows)][:rows]:
        found = count(each)
        if found != counted()[each.name, each.size]:
            wrong += 1
            print(f"{each.name} at {each.size}: {found}, the table has {counted()[each.name, each.size]}")
    return wrong


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="*", help="names, with * and ?")
    parser.add_argument("--check", type=int, default=0, help="count so many rows of the table again")
    given = parser.parse_args()
    wanted = jobs(given.only)
    return int(bool(check(wanted, given.check) if given.check else fill(wanted)))


if __name__ == "__main__":
    raise SystemExit(main())
