"""What a measurement ran on: machine, versions, flags, clocks."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch


def environment(device: torch.device) -> dict[str, Any]:
    """Everything about the machine that a latency depends on; None where it cannot be found out."""
    found: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": load(),
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found |= {
            "gpu": properties.name,
            "gpu_memory_bytes": properties.total_memory,
            "driver": driver(device),
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
            "cudnn_benchmark": torch.backends.cudnn.benchmark,
            "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
            "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        }
    return found


def clocks(device: torch.device) -> dict[str, Any]:
    """Clock rates in MHz that are seen now; an empty dict where there are none to see."""
    if device.type != "cuda":
        return {}
    return dict(zip(("sm_mhz", "memory_mhz"), query(device, "clocks.sm", "clocks.mem"), strict=True))


@cache
def driver(device: torch.device) -> str | None:
    """The version of NVIDIA's driver."""
    return query(device, "driver_version")[0]


def query(device: torch.device, *what: str) -> list[str | None]:
    """What nvidia-smi answers about a device, in one call, which is slow; None where it does not."""
    properties: Any = torch.cuda.get_device_properties(device)
    which = f"GPU-{properties.uuid}" if hasattr(properties, "uuid") else str(device.index or 0)
    command = [
        "nvidia-smi",
        f"--query-gpu={','.join(what)}",
        "--format=csv,noheader,nounits",
        f"--id={which}",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return [None] * len(what)
    answers: list[str | None] = [answer.strip() or None for answer in done.stdout.strip().split(",")]
    return answers if len(answers) == len(what) else [None] * len(what)


def cpu_name() -> str:
    """The processor's name, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def load() -> float | None:
    """Running processes, averaged over a minute: more than the cores makes a CPU's latency noisy."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
