# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording becomes clips: motion at 60 Hz, sound and motion of one length, no clip longer than 15 s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, AudioSource, motion_frame_count
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.datasets.sources import Recording
from diffusion_talker.errors import CorpusError
from diffusion_talker.motion import Motion, sample_motion

LONGEST_S: Final = 15.0
SHORTEST_S: Final = 0.5
#: Frames that are further apart have nothing in between worth guessing: a clip ends there.
LARGEST_GAP_S: Final = 0.2
#: Sound and motion may differ in length by this much without a word.
LENGTH_TOLERANCE_S: Final = 0.2
_EARLIEST_CUT_S: Final = 8.0
_SHORTEST_REST_S: Final = 2.0
#: Three motion frames are exactly 800 samples: pieces begin at whole samples, so sound and motion cannot drift apart.
_CELL_FRAMES: Final = 3
_CELL_SAMPLES: Final = _CELL_FRAMES * SAMPLE_RATE_HZ // MOTION_RATE_HZ
_CELL_S: Final = _CELL_FRAMES / MOTION_RATE_HZ
_QUIET_CELLS: Final = 3  # on each side of a cut
_CHUNK_FRAMES: Final = 64


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording. samples: (N,) int16 at 16 kHz; motion: (T, 55) or (T, V, 3) float16 at 60 Hz,
    T = motion_frame_count(N)."""

    samples: np.ndarray
    motion: np.ndarray


def cut(recording: Recording) -> tuple[list[Piece], list[str]]:
    """Pieces of a recording in order, and what a user should know about it.

    Trims to the shorter of sound and motion, ends pieces where frames are missing, cuts long ones at their quietest
    moments. Raises CorpusError when nothing is left.
    """
    recording = _checked(recording)
    pieces = [
        _make_piece(recording, first, last, start, stop)
        for first, last in _unbroken(recording.times_s)
        for start, stop in _spans(recording, first, last)
    ]
    if not pieces:
        raise CorpusError(f"sound and motion have less than {SHORTEST_S:g} s in common. Leave this take out.")
    return pieces, _remarks(recording)


def _checked(recording: Recording) -> Recording:
    """The recording with its frames in order of time; of several with the same time the first."""
    times_s, values = np.asarray(recording.times_s, np.float64), recording.values
    if len(times_s) != len(values) or len(times_s) == 0:
        raise CorpusError(f"{len(values)} frames have {len(times_s)} times. Leave this take out.")
    if not np.isfinite(times_s).all():
        raise CorpusError("some frame times are not numbers. Leave this take out.")
    later = np.concatenate([[True], times_s[1:] > np.maximum.accumulate(times_s)[:-1]])
    if later.all():
        return Recording(recording.sound, times_s, values, recording.frame_s)
    return Recording(recording.sound, times_s[later], values[later], recording.frame_s)


def _remarks(recording: Recording) -> list[str]:
    sound_s = recording.sound.sample_count / SAMPLE_RATE_HZ
    motion_s = float(recording.times_s[-1]) + recording.frame_s
    gaps = len(_unbroken(recording.times_s)) - 1
    remarks: list[str] = []
    if abs(sound_s - motion_s) > LENGTH_TOLERANCE_S:
        remarks.append(f"sound ends at {sound_s:.2f} s, motion at {motion_s:.2f} s: cut to the shorter")
    if recording.times_s[0] > LENGTH_TOLERANCE_S:
        remarks.append(f"motion begins at {recording.times_s[0]:.2f} s: sound before it left out")
    if gaps:
        remarks.append(f"{gaps} gap(s) of more than {LARGEST_GAP_S:g} s without frames: left out")
    return remarks


def _unbroken(times_s: np.ndarray) -> list[tuple[int, int]]:
    """[first, last) frames of every stretch without a gap."""
    breaks = np.flatnonzero(np.diff(times_s) > LARGEST_GAP_S) + 1
    edges = [0, *breaks.tolist(), len(times_s)]
    return list(zip(edges[:-1], edges[1:], strict=True))


def _spans(recording: Recording, first: int, last: int) -> list[tuple[int, int]]:
    """[start, stop) 60 Hz frames of the sound for every piece of the unbroken frames [first, last)."""
    begin_s, end_s = recording.times_s[first], recording.times_s[last - 1] + recording.frame_s
    start = max(0, int(np.ceil(begin_s / _CELL_S - 1e-3))) * _CELL_FRAMES
    stop = min(int(np.floor(end_s * MOTION_RATE_HZ + 1e-2)), motion_frame_count(recording.sound.sample_count))
    if stop - start < SHORTEST_S * MOTION_RATE_HZ:
        return []
    if stop - start <= LONGEST_S * MOTION_RATE_HZ:
        return [(start, stop)]
    cuts = _quiet_cuts(_loudness(recording.sound, start, stop), (stop - start) / _CELL_FRAMES)
    edges = [start, *(start + cell * _CELL_FRAMES for cell in cuts), stop]
    return list(zip(edges[:-1], edges[1:], strict=True))


def _loudness(sound: AudioSource, start: int, stop: int) -> np.ndarray:
    """Mean power around the start of every cell of three frames in [start, stop)."""
    cells = (stop - start) // _CELL_FRAMES
    begin = start // _CELL_FRAMES * _CELL_SAMPLES
    samples = sound.read(begin, begin + cells * _CELL_SAMPLES).reshape(cells, _CELL_SAMPLES)
    power = np.einsum("cs,cs->c", samples, samples, dtype=np.float64)
    padded = np.concatenate([np.zeros(_QUIET_CELLS), power, np.zeros(_QUIET_CELLS)])
    summed = np.concatenate([[0.0], np.cumsum(padded)])
    return summed[2 * _QUIET_CELLS : 2 * _QUIET_CELLS + cells] - summed[:cells]


def _quiet_cuts(power: np.ndarray, length: float) -> list[int]:
    """Cells at which to cut so that no piece is longer than 15 s, each at the quietest place it may have."""
    cuts: list[int] = []
    begin = 0
    while (length - begin) * _CELL_S > LONGEST_S + 1e-9:
        earliest = begin + round(_EARLIEST_CUT_S / _CELL_S)
        latest = begin + int(min(LONGEST_S / _CELL_S, length - begin - _SHORTEST_REST_S / _CELL_S))
        begin = earliest + int(np.argmin(power[earliest : latest + 1]))
        cuts.append(begin)
    return cuts


def _make_piece(recording: Recording, first: int, last: int, start: int, stop: int) -> Piece:
    times_s, values = recording.times_s[first:last], recording.values[first:last]
    wanted_s = np.arange(start, stop) / MOTION_RATE_HZ
    frames = np.interp(wanted_s, times_s, np.arange(len(times_s), dtype=np.float64))
    motion = _sample_weights(values, frames) if values.ndim == 2 else _sample_vertices(values, frames)
    begin = start // _CELL_FRAMES * _CELL_SAMPLES
    end = min(stop * SAMPLE_RATE_HZ // MOTION_RATE_HZ, recording.sound.sample_count)
    samples = np.clip(np.round(recording.sound.read(begin, end) * 32768.0), -32768, 32767).astype(np.int16)
    return Piece(samples, motion)


def _sample_weights(weights: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Weights (T', 55) float16 at fractional frames, closures and blinks kept (see `motion.sample_motion`)."""
    return sample_motion(Motion(weights, MODEL_CHANNELS, 1.0), frames).astype(np.float16)


def _sample_vertices(offsets: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Offsets (T', V, 3) float16 in metres at fractional frames, linear in between.

    float16 keeps 11 bits: an offset of up to 31 mm is off by at most 0.008 mm, one of up to 62 mm by 0.016 mm.
    """
    before = np.floor(frames).astype(np.int64)
    after = np.minimum(before + 1, len(offsets) - 1)
    share = (frames - before).astype(np.float32)[:, None, None]
    sampled = np.empty((len(frames), *offsets.shape[1:]), np.float16)
    for start in range(0, len(frames), _CHUNK_FRAMES):  # float32 of a whole piece would be twice its size again
        rows = slice(start, start + _CHUNK_FRAMES)
        low = offsets[before[rows]]
        if share[rows].any():
            low += (offsets[after[rows]] - low) * share[rows]
        sampled[rows] = low
    return sampled
