# SPDX-License-Identifier: GPL-3.0-or-later
"""Made phone sequences for the tests of the corpus."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import numpy as np

import diffusion_talker
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.phones import PHONES
from diffusion_talker.corpus.timing import TimedPhone

GAP_WEIGHTS = {
    "jawOpen": 1.0, "mouthClose": -1.41, "mouthFunnel": 0.26, "mouthPucker": -0.08, "mouthShrugLower": -0.23,
    "mouthShrugUpper": 0.14,
    "mouthUpperUpLeft": 0.12, "mouthUpperUpRight": 0.12, "mouthLowerDownLeft": 0.10, "mouthLowerDownRight": 0.10,
    "mouthRollUpper": 0.07, "mouthRollLower": -0.04, "mouthPressLeft": -0.035, "mouthPressRight": -0.035,
}  # fmt: skip


def timed(*parts: tuple[str, float], start_s: float = 0.0) -> tuple[TimedPhone, ...]:
    """(phone, seconds) one after another; a stop bursts at 70 % of its length."""
    phones = []
    for name, seconds in parts:
        phone = PHONES[name]
        end_s = start_s + seconds
        phones.append(TimedPhone(phone, start_s, end_s, start_s + 0.7 * seconds if phone.is_stop else end_s))
        start_s = end_s
    return tuple(phones)


def column(weights: np.ndarray, name: str) -> np.ndarray:
    """One channel of (T, 55) weights."""
    return weights[:, MODEL_CHANNELS.index(name)]


def lip_gap(weights: np.ndarray) -> np.ndarray:
    """(T,) mean vertical gap of the lips, 1 = jaw fully open: linear fit on a scanned head."""
    return np.maximum(sum(weight * column(weights, name) for name, weight in GAP_WEIGHTS.items()), 0.0)


def aperture(weights: np.ndarray) -> np.ndarray:
    """(T,) jawOpen - mouthClose + half of what parts the lips - half of what presses them, not below 0."""
    parts = sum(
        column(weights, f"mouth{kind}{side}") for kind in ("LowerDown", "UpperUp") for side in ("Left", "Right")
    )
    presses = sum(
        column(weights, name) for name in ("mouthRollLower", "mouthRollUpper", "mouthPressLeft", "mouthPressRight")
    )
    return np.maximum(column(weights, "jawOpen") - column(weights, "mouthClose") + parts / 4 - presses / 4, 0.0)


def descendants(root: int, word: str) -> set[int]:
    """Processes below `root` whose command line has the word."""
    parents: dict[int, int] = {}
    words: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                words[int(folder.name)] = (folder / "cmdline").read_text()
            except OSError:
                continue
    found: set[int] = set()
    for pid in parents:
        above = pid
        while above in parents and above != root:
            above = parents[above]
        if above == root and pid != root and word in words[pid]:
            found.add(pid)
    return found


def workers_after_kill(call: list[str]) -> tuple[set[int], set[int]]:
    """Start a command and kill it as soon as it has two workers: (all it had, those that outlive it by a minute)."""
    environment = {**os.environ, "PYTHONPATH": str(Path(diffusion_talker.__file__).parents[1])}
    running = subprocess.Popen(call, env=environment)
    workers: set[int] = set()
    while running.poll() is None and len(workers) < 2:
        workers = descendants(running.pid, "forkserver")
        time.sleep(0.01)
    running.kill()
    running.wait()
    patience_s = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < patience_s:
        time.sleep(0.05)
    return workers, {pid for pid in workers if Path(f"/proc/{pid}").exists()}
