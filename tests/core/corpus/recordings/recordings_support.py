# SPDX-License-Identifier: GPL-3.0-or-later
"""Made recordings: every phone is a tone of its own pitch, so that a listener can be written in a few lines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, motion_frame_count, write_wav
from diffusion_talker.corpus.phones import PHONE_NAMES, SILENCE

Line = list[tuple[str, float]]
LINE: Line = [("sil", 0.4), ("m", 0.12), ("a", 0.2), ("p", 0.1), ("u", 0.25), ("sil", 0.3), ("s", 0.15), ("i", 0.3),
              ("b", 0.1), ("o", 0.25), ("sil", 0.4)]  # fmt: skip
_WINDOW = 512


def tone_hz(phone: str) -> float:
    return 400.0 + 125.0 * PHONE_NAMES.index(phone)


def sing(line: Line, noise: float = 1e-4) -> np.ndarray:
    """(N,) float32 at 16 kHz: phones as tones over a little noise."""
    parts = []
    for phone, seconds in line:
        times_s = np.arange(int(round(seconds * SAMPLE_RATE_HZ))) / SAMPLE_RATE_HZ
        parts.append(0.0 * times_s if phone == SILENCE else 0.4 * np.sin(2 * np.pi * tone_hz(phone) * times_s))
    samples = np.concatenate(parts)
    return (samples + noise * np.random.default_rng(0).normal(size=len(samples))).astype(np.float32)


def listen(samples: np.ndarray) -> np.ndarray:
    """A recogniser for `sing`: (T, P) log probabilities."""
    return _listen(samples, doubt=0.02)


def listen_unsurely(samples: np.ndarray) -> np.ndarray:
    """One who hears the right phone and does not trust their ears."""
    return _listen(samples, doubt=0.8)


def _listen(samples: np.ndarray, doubt: float) -> np.ndarray:
    padded = np.pad(samples, _WINDOW)
    out = np.full((motion_frame_count(len(samples)), len(PHONE_NAMES)), doubt / len(PHONE_NAMES))
    tones = np.array([tone_hz(name) for name in PHONE_NAMES])
    for frame in range(len(out)):
        middle = _WINDOW + frame * SAMPLE_RATE_HZ // MOTION_RATE_HZ
        window = padded[middle - _WINDOW // 2 : middle + _WINDOW // 2] * np.hanning(_WINDOW)
        spectrum = np.abs(np.fft.rfft(window))
        peak_hz = spectrum.argmax() * SAMPLE_RATE_HZ / _WINDOW
        is_silent = spectrum.max() < 5.0
        out[frame, 0 if is_silent else 1 + int(np.abs(tones[1:] - peak_hz).argmin())] += 1 - doubt
    return np.log(out)


def write_recording(path: Path, line: Line) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, sing(line), SAMPLE_RATE_HZ)


def labels_of(line: Line) -> list[tuple[float, float, str]]:
    """[start_s, end_s, phone], silence left out."""
    edges = np.concatenate([[0.0], np.cumsum([seconds for _, seconds in line])])
    rows = [(float(a), float(b), name) for (name, _), a, b in zip(line, edges, edges[1:], strict=False)]
    return [row for row in rows if row[2] != SILENCE]


def make_emodb(folder: Path, names: tuple[str, ...]) -> None:
    """The layout of the labelled German set, for speakers and moods as in `names`."""
    for name in names:
        write_recording(folder / "audio" / f"{name}.wav", LINE)
    (folder / "phones.json").write_text(json.dumps({name: labels_of(LINE) for name in names}))


def make_own(folder: Path, lines: dict[str, Line], labelled: bool = False) -> None:
    """A folder of somebody's own recordings, as many as there are lines."""
    for name, line in lines.items():
        write_recording(folder / f"{name}.wav", line)
        if labelled:
            rows = [f"{start}\t{end}\t{phone}" for start, end, phone in labels_of(line)]
            (folder / f"{name}.phones.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "about.json").write_text(json.dumps({"license": "ours", "language": "en"}))
