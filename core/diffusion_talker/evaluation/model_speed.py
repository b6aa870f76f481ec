# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames per second of any model, cold and warm, from samples to curves: features and encoder are always included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from diffusion_talker.errors import DiffusionTalkerError
from diffusion_talker.evaluation.rows import Speed

CLIP_S: Final = 60.0
RUNS: Final = 15
_THREAD_VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def measure_speed(model: Path, runtime: str, steps: int, threads: int) -> Speed:
    """Measure in a new process with `threads` threads. Raises DiffusionTalkerError with what went wrong there.

    The fastest of the runs counts: what else the machine does can only make a run slower.
    """
    environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads))}
    command = [sys.executable, "-m", "diffusion_talker.evaluation.speed_probe", str(model), runtime, str(steps),
               str(CLIP_S), str(RUNS)]
    started_s = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as probe:
        assert probe.stdout is not None
        first = probe.stdout.readline()
        cold_s = time.perf_counter() - started_s
        rest, errors = probe.communicate()
    if probe.returncode != 0 or first.strip() != "cold":
        last = (errors.strip().splitlines() or ["no message"])[-1]
        raise DiffusionTalkerError(f"Measuring the speed of '{model}' failed: {last}. Try 'generate' to see why.")
    answer = json.loads(rest)
    return Speed(
        runtime=answer["runtime"],
        threads=threads,
        cold_s=cold_s,
        frames_per_s=answer["frames_per_s"],
        clip_s=CLIP_S,
        runs=RUNS,
        load=_load(),
    )


def _load() -> float:
    """Processes that ran or waited during the last minute, the measurement included; NaN where nobody counts."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
