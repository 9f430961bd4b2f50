"""A profile of round numbers, of no device that there is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cnncost.predict import Profile, as_document
from cnncost.predict.profile import LAUNCHED, MULTIPLYING, NUMBERS, Observed

ROUND: dict[str, float] = {
    **dict.fromkeys(NUMBERS, 1.0),
    **{f"efficiency.{kind}": 0.5 for kind in MULTIPLYING},
    **{f"traffic.{kind}": 0.8 for kind in LAUNCHED},
    "peak.tflops": 10.0,
    "peak.bandwidth_gb_s": 100.0,
    **{f"weights.{kind}": 0.8 for kind in MULTIPLYING},
    "functions.g_s": 1000.0,
    "cache.mb": 1.0,
    "cache.speedup": 3.0,
    "half.group": 16.0,
    "efficiency.large_depthwise": 0.5,
    "half.filters": 64.0,
    "half.depth": 64.0,
    "half.positions": 1000.0,
    "overlap": 4.0,
    "launch.kernel_us": 2.0,
    "launch.dispatch_us": 5.0,
}


def profile(**changes: Any) -> Profile:
    """The profile, some of its fields or numbers (with a dot in their name) changed."""
    numbers = ROUND | {name: value for name, value in changes.items() if name in NUMBERS}
    fields: dict[str, Any] = {
        "device": "round",
        "dtype": "float32",
        "layout": "nchw",
        "launch": "eager",
        "mode": "eval",
        "autocast": False,
        "wide_norms": True,
        "tf32": False,
        "stack": "none",
        "source": "round numbers",
        "numbers": numbers,
        "interval": (0.8, 1.25),
        "seen": Observed(dict.fromkeys(LAUNCHED, 0.1), (1, 1024), (32, 512), (1, 2, 3), 10, 3),
    }
    return Profile(**fields | {name: value for name, value in changes.items() if name not in NUMBERS})


def device(*profiles: Profile, memory_bytes: int | None = None) -> Any:
    """A device with these profiles."""
    return SimpleNamespace(
        key="round", name="Round", place="round.yaml", memory_bytes=memory_bytes, flash_bytes=None,
        profiles=tuple(map(as_document, profiles)),
    )  # fmt: skip
