"""Count torchvision's and timm's networks at the resolutions of their published accuracies.

    python tools/pretrained.py                  what cnncost/choosing/counts.csv has not yet
    python tools/pretrained.py --check 20       count so many rows of it again; exit 1 if one differs
    python tools/pretrained.py --check 99 --macs           their parameters and MACs by FlopCounterMode
    python tools/pretrained.py --only 'timm:resnet*' --workers 4
    python tools/pretrained.py --macs           parameters and MACs alone, by torch's FlopCounterMode: quick
    python tools/pretrained.py --again          those, too, that could not be counted

Needs torch, and torchvision and timm of the versions that the table names. The table is written after every
network, so that a run which is stopped goes on where it was; some two hours in all on one core. What cannot
be counted stands in cnncost/choosing/uncounted.csv with the reason. Beside every count stands the published
number of parameters: where they differ by more than its rounding, a line says so.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cnncost.choosing.candidates import as_published, built, counts_of, peak_of
from cnncost.choosing.pretrained import ROOM, CountedNetwork, Published, counted, published
from cnncost.choosing.pretrained import reasons as known_reasons
from cnncost.errors import CnncostError
from cnncost.importers.aten import waiting
from cnncost.workers import DeadlyPieceError, Workers, done
from cnncost.writing import write

TABLE = ROOM / "counts.csv"
REASONS = ROOM / "uncounted.csv"
waiting.UNTIL.update(dict.fromkeys(waiting.UNTIL, 3600.0))  # clocks on the wall say nothing beside other work
FRESH = 50
"""Networks that one process counts: PyTorch's caches never shrink."""
HEAD = (
    "# What cnncost counts of networks as torchvision 0.29.1 and timm 1.0.31 build them: batch 1,\n"
    "# inference, float32; activations in values, peak in bytes without weights. Where there is nothing but\n"
    "# parameters and MACs, these are of torch's FlopCounterMode.\n"
    "# Made by tools/pretrained.py.\n"
)


def count(each: Published) -> CountedNetwork:
    """The counts of a network at a resolution. Raises CnncostError where it cannot be imported."""
    graph = built(each.name, each.size)
    return CountedNetwork(**counts_of(graph), peak_bytes=peak_of(graph))


def count_macs(each: Published) -> CountedNetwork:
    """Its parameters and MACs by torch's FlopCounterMode, on the meta device. Raises CnncostError."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    network, shape = as_published(each.name, each.size)
    network.eval().to("meta")
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, *shape, device="meta"))
    return CountedNetwork(
        sum(value.numel() for value in network.parameters()), counter.get_total_flops() // 2
    )


def tried(given: tuple[Published, bool]) -> CountedNetwork | str:
    """The counts of a network (True: parameters and MACs alone), or why there are none."""
    each, quick = given
    try:
        return count_macs(each) if quick else count(each)
    except CnncostError as error:
        return error.message.partition("\n")[0].removeprefix(f"{each.name}: ")
    except Exception as error:  # a library's own, where it is run
        return f"{type(error).__name__}: {error}".partition("\n")[0]


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


def reasons(why: dict[tuple[str, int], str]) -> str:
    """Why networks are not counted, as text, sorted."""
    out = io.StringIO()
    out.write("# Networks with a published accuracy that are not counted. Made by tools/pretrained.py.\n")
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("name", "size", "reason"))
    rows.writerows((*key, why[key]) for key in sorted(why))
    return out.getvalue()


def fill(wanted: list[Published], workers: int, again: bool, quick: bool) -> int:
    """Count what the table has not, or has only in part; the number of networks that cannot be counted."""
    from pretrained import tried as function  # by its module's name: as a process of its own finds it

    table, why = dict(counted()), dict(known_reasons())

    def missing(each: Published) -> bool:
        known = table.get((each.name, each.size))
        return not (known and (known.whole or quick)) and (again or (each.name, each.size) not in why)

    left = [each for each in wanted if missing(each)]
    failed = 0
    while left:
        now = list(left)
        try:
            pieces = [(each, quick) for each in now]
            for place, found in done(function, pieces, Workers(workers, fresh_after=FRESH)):
                left.remove(now[place])
                failed += isinstance(found, str)
                keep(now[place], found, table, why)
        except DeadlyPieceError as error:
            left.remove(now[error.at])
            failed += 1
            keep(now[error.at], "PyTorch ends the process that imports it", table, why)
    return failed


def keep(
    each: Published,
    found: CountedNetwork | str,
    table: dict[tuple[str, int], CountedNetwork],
    why: dict[tuple[str, int], str],
) -> None:
    """Write down what came of a network."""
    key = (each.name, each.size)
    if isinstance(found, str) and key in table:  # PyTorch counts what we do not import: that stays
        print(f"{each.name} at {each.size}: {found}", file=sys.stderr, flush=True)
        return
    if isinstance(found, str):
        why[key] = found
        print(f"{each.name} at {each.size}: {found}", file=sys.stderr, flush=True)
        write(REASONS, reasons(why))
        return
    why.pop(key, None)
    table[key] = found
    if differs(each, found):
        print(
            f"{each.name} at {each.size}: {found.params:,} parameters, published {each.params_m} M",
            flush=True,
        )
    write(TABLE, render(table))
    write(REASONS, reasons(why))


def check(wanted: list[Published], rows: int, quick: bool) -> int:
    """Count some rows again (`quick`: parameters and MACs, by PyTorch); how many differ from the table."""
    known = [each for each in wanted if (each.name, each.size) in counted()]
    wrong = 0
    for each in known[:: max(1, len(known) // rows)][:rows]:
        whole = counted()[each.name, each.size].whole and not quick
        found, stands = (count if whole else count_macs)(each), counted()[each.name, each.size]
        if found != (stands if whole else stands[:2] + (None,) * 3):
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
    parser.add_argument("--workers", type=int, default=1, help="processes side by side")
    parser.add_argument("--macs", action="store_true", help="parameters and MACs alone, by FlopCounterMode")
    parser.add_argument("--again", action="store_true", help="try those, too, that could not be counted")
    given = parser.parse_args()
    wanted = jobs(given.only)
    if given.check:
        return int(bool(check(wanted, given.check, given.macs)))
    return int(bool(fill(wanted, given.workers, given.again, given.macs)))


if __name__ == "__main__":
    raise SystemExit(main())
