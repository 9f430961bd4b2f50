"""The exact counts of many settings of a residual space: here, and by a rival on PyTorch's meta device.

    python benchmarks/search.py              a table; some minutes
    python benchmarks/search.py --settings 2000 --rival 20

The yardstick is 17 x 10^6 steps of `s += i * i` in the same process, about a second: what is counted in that
time does not depend on the machine. Beside it stand peak memory, which is asked of what keeps the cheap
limits, points of a sweep over batch and resolution (a pass over arrays), and with --million a million
settings with their largest resident size. The rival's time is that of building each network on the meta
device and counting it with torch's FlopCounterMode, which is the quickest of the peers that count operators
(parameters are summed beside it); our own time has the import of the spec in it.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from cnncost.analysis.sweep import sweep  # noqa: E402
from cnncost.choosing.axes import Space, space  # noqa: E402
from cnncost.choosing.candidates import peak_of  # noqa: E402
from cnncost.choosing.columns import SettingCounter  # noqa: E402
from cnncost.choosing.explore import CHUNK  # noqa: E402
from cnncost.choosing.sampling import drawn  # noqa: E402
from cnncost.language import zoo  # noqa: E402
from cnncost.language.instance import graph_of  # noqa: E402

SPEC = ROOT / "tests" / "choosing" / "space.yaml"
AXES = (
    "width=0.25..1.4:0.05",
    "depths[*]=2,3,4",
    "kernels[*]=3,5,7",
    "input=128..256:32",
    "unit=basic,bottleneck",
)
STEPS = 17_000_000


def yardstick() -> float:
    """CPU seconds of 17 x 10^6 steps."""
    start, s = time.process_time(), 0
    for i in range(STEPS):
        s += i * i
    return time.process_time() - start


def ours(settings: int, seed: int = 0) -> tuple[float, int]:
    """CPU seconds of counting so many different settings, from the file on; and how many were counted."""
    start = time.process_time()
    where = space(*zoo.find(str(SPEC)), AXES)
    codes = drawn(where, settings, np.random.default_rng(seed))
    counter = SettingCounter(where)
    counted = sum(
        int((counter.count(part).reasons < 0).sum()) for part in np.array_split(codes, -(-settings // CHUNK))
    )
    return time.process_time() - start, counted


def peaks(settings: int) -> float:
    """CPU seconds of building so many settings and finding their peak memory."""
    where = space(*zoo.find(str(SPEC)), AXES)
    counter = SettingCounter(where)
    codes = drawn(where, settings, np.random.default_rng(0)).tolist()
    start = time.process_time()
    for code in codes:
        peak_of(counter.graph(code))
    return time.process_time() - start


def swept(points: int) -> float:
    """CPU seconds of a sweep of ResNet-50 over about so many points: batches by resolutions."""
    side = int(points**0.5)
    graph = zoo.load("resnet50")
    batches, sizes = np.arange(1, side + 1)[:, None], np.arange(64, 64 + side)[None, :]
    start = time.process_time()
    sweep(graph, batch=batches, height=sizes, width=sizes)
    return time.process_time() - start


def rival(where: Space, settings: int) -> tuple[float, bool]:
    """CPU seconds of building and counting so many on the meta device; whether its MACs are ours."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from cnncost.measure import build

    codes = drawn(where, settings, np.random.default_rng(0))
    ours = SettingCounter(where).count(codes).figures
    spent, same = 0.0, True
    for row, figures in zip(codes, ours, strict=True):
        changed, size = where.overrides(where.setting(row.tolist()))
        graph = graph_of(where.family, where.variant, set=changed, input=size)
        start = time.process_time()
        with torch.device("meta"):
            network: Any = build(graph).eval()
            image = torch.empty(1, *graph.input_shape)
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                network(image)
        params = sum(value.numel() for value in network.parameters())
        spent += time.process_time() - start
        same &= (params, counter.get_total_flops() // 2) == (int(figures[0]), int(figures[1]))
    return spent, same


def main() -> int:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", type=int, default=10_000)
    parser.add_argument("--peaks", type=int, default=300)
    parser.add_argument("--points", type=int, default=1_000_000, help="of the sweep, a square number")
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--rival", type=int, default=50, help="settings of the rival")
    given = parser.parse_args()
    unit = min(yardstick() for _ in range(3))
    best = min(ours(given.settings, seed) for seed in range(3))
    print("| what | settings | CPU seconds | settings in the yardstick's time |")
    print("|---|---|---|---|")
    print(f"| 17 x 10^6 steps of `s += i * i` | | {unit:.2f} | |")
    print(f"| cnncost search | {best[1]:,} | {best[0]:.2f} | {best[1] / best[0] * unit:,.0f} |")
    for what, count, seconds in (
        ("peak memory of settings", given.peaks, min(peaks(given.peaks) for _ in range(3))),
        ("points of a sweep of resnet50", given.points, min(swept(given.points) for _ in range(3))),
    ):
        print(f"| {what} | {count:,} | {seconds:.2f} | {count / seconds * unit:,.0f} |")
    if given.million:
        seconds, counted = ours(1_000_000)
        print(f"| a million settings | {counted:,} | {seconds:.1f} | {counted / seconds * unit:,.0f} |")
    if given.rival:
        seconds, same = rival(space(*zoo.find(str(SPEC)), AXES), given.rival)
        done = given.rival / seconds * unit
        agrees = "" if same else " (its counts differ)"
        print(f"| FlopCounterMode on meta{agrees} | {given.rival:,} | {seconds:.2f} | {done:,.0f} |")
    print(f"\nLargest resident size: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:,.0f} MiB.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
