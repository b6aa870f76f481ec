# SPDX-License-Identifier: GPL-3.0-or-later
"""Speed, size and memory of a student on this machine.

Real-time factors include everything from samples to curves: features, encoder, personalizer, every denoising step.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from diffusion_talker import __version__
from diffusion_talker.audio import SAMPLE_RATE_HZ, ArraySource, write_wav
from diffusion_talker.errors import DiffusionTalkerError, RuntimeUnavailableError
from diffusion_talker.evaluation.machine import Machine, describe_machine
from diffusion_talker.evaluation.sound import speech_like
from diffusion_talker.student import GenerateSettings, load_student

COLD_CLIP_S: Final = 10.0
WARM_CLIP_S: Final = 60.0
LONG_CLIP_S: Final = 600.0
_REPEATS: Final = 3


@dataclass(frozen=True)
class Measurement:
    """One row of the table. value None: it could not be measured here, and note says why."""

    name: str
    value: float | None
    unit: str
    goal: str = ""
    note: str = ""


@dataclass(frozen=True)
class BenchmarkReport:
    """Everything one run measured."""

    version: str
    machine: Machine
    measurements: tuple[Measurement, ...]

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


def run_benchmark(student_path: Path, announce: Callable[[float], None]) -> BenchmarkReport:
    """Measure the student at `student_path`; `announce` hears the fraction done.

    Raises BundleError if there is no such student.
    """
    load_student(student_path, "numpy")  # a bad bundle should fail at once, not inside a child process
    with tempfile.TemporaryDirectory() as folder:
        parts: tuple[Callable[[], list[Measurement]], ...] = (
            lambda: [_size(student_path)],
            lambda: _warm_speed(student_path, "numpy"),
            lambda: [_cold_start(student_path, Path(folder))],
            lambda: [_memory(student_path, Path(folder), WARM_CLIP_S, "<= 300")],
            lambda: [_memory(student_path, Path(folder), LONG_CLIP_S, "")],
            lambda: _torch_speed(student_path),
        )
        measurements: list[Measurement] = []
        for done, part in enumerate(parts):
            announce(done / len(parts))
            measurements += part()
        announce(1.0)
    return BenchmarkReport(__version__, describe_machine(), tuple(measurements))


def format_report(report: BenchmarkReport) -> str:
    """The report as a table for people."""
    machine = report.machine
    threads = f", {machine.threads} BLAS threads" if machine.threads else ""
    memory = f", {machine.memory_gb:g} GB" if machine.memory_gb is not None else ""
    lines = [
        f"diffusion-talker {report.version}, Python {machine.python}, NumPy {machine.numpy}, {machine.system}",
        f"{machine.processor}, {machine.cores} cores{threads}{memory}",
        "",
        f"{'':44} {'measured':>10}         goal",
    ]
    for row in report.measurements:
        value = "-" if row.value is None else f"{row.value:.4g}"
        lines.append(f"{row.name:44} {value:>10} {row.unit:7} {row.goal} {row.note}".rstrip())
    return "\n".join(lines)


def _size(student_path: Path) -> Measurement:
    return Measurement("Student bundle", student_path.stat().st_size / 1e6, "MB", "<= 16")


def _warm_speed(student_path: Path, runtime: str) -> list[Measurement]:
    """Real-time factor and frame rate for a minute of sound, median of three, student loaded and warm."""
    student = load_student(student_path, runtime)
    student.generate(ArraySource(speech_like(2.0), SAMPLE_RATE_HZ), GenerateSettings(), None, None)
    source = ArraySource(speech_like(WARM_CLIP_S), SAMPLE_RATE_HZ)
    walls_s = []
    for _ in range(_REPEATS):
        started_s = time.perf_counter()
        motion = student.generate(source, GenerateSettings(), None, None)
        walls_s.append(time.perf_counter() - started_s)
    wall_s = statistics.median(walls_s)
    label = f"{student.runtime_name}, {WARM_CLIP_S:g} s of speech"
    return [
        Measurement(f"Speed ({label})", WARM_CLIP_S / wall_s, "x real", ">= 60" if runtime == "numpy" else ""),
        Measurement(f"Frames ({label})", motion.frame_count / wall_s, "frames/s"),
    ]


def _torch_speed(student_path: Path) -> list[Measurement]:
    if importlib.util.find_spec("torch") is None:
        return [Measurement("Speed (torch)", None, "x real", note="PyTorch is not installed")]
    try:
        return _warm_speed(student_path, "torch")
    except RuntimeUnavailableError as error:
        return [Measurement("Speed (torch)", None, "x real", note=str(error))]


def _cold_start(student_path: Path, folder: Path) -> Measurement:
    """New process to written curves of a ten-second file, median of three."""
    sound = _sound_file(folder, COLD_CLIP_S)
    command = [sys.executable, "-m", "diffusion_talker", "generate", str(sound), str(folder / "cold.npz"),
               "--student", str(student_path), "--runtime", "numpy", "--quiet"]
    walls_s = []
    for _ in range(_REPEATS):
        started_s = time.perf_counter()
        _run(command)
        walls_s.append(time.perf_counter() - started_s)
    return Measurement(f"Cold start ({COLD_CLIP_S:g} s file, new process)", statistics.median(walls_s), "s", "<= 1.5")


def _memory(student_path: Path, folder: Path, length_s: float, goal: str) -> Measurement:
    """Peak memory above Python with NumPy, in a process of its own."""
    sound = _sound_file(folder, length_s)
    module = "diffusion_talker.evaluation.memory_probe"
    answer = _run([sys.executable, "-m", module, str(student_path), str(sound)]).strip()
    name = f"Extra memory (numpy, {length_s:g} s file)"
    if answer == "unknown":
        return Measurement(name, None, "MB", goal, "this system does not tell a process its peak")
    return Measurement(name, float(answer), "MB", goal)


def _sound_file(folder: Path, length_s: float) -> Path:
    path = folder / f"speech_{length_s:g}.wav"
    write_wav(path, speech_like(length_s), SAMPLE_RATE_HZ)
    return path


def _run(command: list[str]) -> str:
    """Output of a child process. Raises DiffusionTalkerError with its last line if it failed."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise DiffusionTalkerError(f"A measuring process failed: {last}. Try 'generate' on a sound file to see why.")
    return result.stdout
