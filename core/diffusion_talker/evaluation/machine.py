# SPDX-License-Identifier: GPL-3.0-or-later
"""What a measurement was made on, and what a process uses."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Machine:
    """Description of the computer and the Python that measured."""

    processor: str
    cores: int  # that this process may use
    threads: str  # limit set for NumPy's matrix products, "" if none
    memory_gb: float | None
    system: str
    python: str
    numpy: str


def describe_machine() -> Machine:
    """This computer."""
    threads = next((os.environ[name] for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS") if name in os.environ), "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    system = f"{platform.system()} {platform.release()}"
    return Machine(_processor(), cores, threads, _memory_gb(), system, platform.python_version(), np.__version__)


def peak_memory_mb() -> float | None:
    """Largest resident size of this process so far, in MB; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's size before exec
        return _status_kb(status.read_text(), "VmHWM") / 1024
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def _status_kb(status: str, field: str) -> float:
    return next(float(line.split()[1]) for line in status.splitlines() if line.startswith(field + ":"))


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3, 1)
