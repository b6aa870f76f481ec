# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits the projection by which the library tells voices apart: linear discriminant analysis over many speakers.

`python -m diffusion_talker.training.voiceprint --recordings DIR --corpus DIR --out voiceprint.npz`, where each file of
DIR is one speaker's and the corpus brings synthetic voices. The projection ships in `library/voiceprint.npz`.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ, ArraySource, load_audio
from diffusion_talker.corpus.shards import iterate_clips
from diffusion_talker.files import atomic_write
from diffusion_talker.library.voiceprint import STATISTICS, voice_statistics

DIMENSIONS = 32
RIDGE = 0.01  # of the variance within voices, which is one per statistic before whitening
PIECE_S = 4.0
PIECES_A_VOICE = 3
CLIPS_A_VOICE = 8
MIN_VOICED_S = 0.5
SOUNDS = (".flac", ".wav", ".ogg", ".mp3")


def fit_projection(voices: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean (STATISTICS,) and directions (DIMENSIONS, STATISTICS) that part voices and not the pieces of one voice.

    Maximises w' S_b w / w' S_w w (Fisher 1936), each voice (pieces, STATISTICS) counted by its pieces.
    """
    everything = np.concatenate(voices).astype(np.float64)
    mean, deviation = everything.mean(axis=0), everything.std(axis=0)
    within, between = np.zeros((STATISTICS, STATISTICS)), np.zeros((STATISTICS, STATISTICS))
    for pieces in voices:
        scaled = (pieces - mean) / deviation
        middle = scaled.mean(axis=0)
        within += (scaled - middle).T @ (scaled - middle) * len(scaled) / (len(scaled) - 1)
        between += len(scaled) * np.outer(middle, middle)
    within = within / len(everything) + RIDGE * np.eye(STATISTICS)
    whitening = np.linalg.inv(np.linalg.cholesky(within))
    _, vectors = np.linalg.eigh(whitening @ (between / len(everything)) @ whitening.T)
    directions = vectors[:, ::-1][:, :DIMENSIONS].T @ whitening
    return mean.astype(np.float32), (directions / deviation).astype(np.float32)


def voices_of_recordings(folder: Path) -> Iterator[list[np.ndarray]]:
    """Statistics of up to three pieces of every recording, one speaker each."""
    length = round(PIECE_S * SAMPLE_RATE_HZ)
    for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUNDS):
        source = load_audio(path)
        starts = range(0, min(source.sample_count - length, PIECES_A_VOICE * length), length)
        yield _usable(ArraySource(source.read(start, start + length), SAMPLE_RATE_HZ) for start in starts)


def voices_of_corpus(folder: Path) -> Iterator[list[np.ndarray]]:
    """Statistics of up to eight clips of every synthetic voice of a talker."""
    clips: Mapping[tuple[str, str, int], list[ArraySource]] = defaultdict(list)
    for clip in iterate_clips(folder):
        voice = clips[clip.engine, clip.voice, clip.identity]
        if clip.identity_heard and len(voice) < CLIPS_A_VOICE:
            voice.append(ArraySource(clip.samples, SAMPLE_RATE_HZ))
    return (_usable(iter(voice)) for voice in clips.values())


def _usable(pieces: Iterator[ArraySource]) -> list[np.ndarray]:
    measured = (voice_statistics(piece) for piece in pieces)
    return [statistics.values for statistics in measured if statistics.voiced_s > MIN_VOICED_S]


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, required=True, metavar="DIR", help="one file for each speaker")
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="corpus of synthetic talkers")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    args = parser.parse_args(arguments)
    found = [*voices_of_recordings(args.recordings), *voices_of_corpus(args.corpus)]
    voices = [np.array(pieces) for pieces in found if len(pieces) > 1]
    mean, directions = fit_projection(voices)
    with atomic_write(args.out) as stream:
        np.savez(stream, mean=mean, directions=directions)
    print(f"{len(voices)} voices, {sum(map(len, voices))} pieces -> {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
