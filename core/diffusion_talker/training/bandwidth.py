# SPDX-License-Identifier: GPL-3.0-or-later
"""How slow each channel of a corpus is: the widest low-pass that leaves its motion as it was."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np

from diffusion_talker.corpus.shards import iterate_clips, read_manifest
from diffusion_talker.student.smoothing import gaussian_kernels, smooth

CANDIDATES_FRAMES = (0.0, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
MAX_RESIDUAL = 0.03  # of the channel's deviation: what a filter may take away
MEASURED_CLIPS = 200
#: Lips take 0.1 s and more to protrude (Perkell and Matthies 1992), and the corpus rounds them faster than an animator
#: does (docs/corpus.md): these may lose more than others.
ROUNDING_CHANNELS = ("mouthFunnel", "mouthPucker")
LEAST_ROUNDING_FRAMES = 2.0


def measure_smoothing(corpus: Path) -> tuple[float, ...]:
    """Sigma in frames for each channel: the largest candidate whose residual on real motion stays small, and at least
    LEAST_ROUNDING_FRAMES where lips round.

    Raises:
        CorpusError: there is no corpus in that folder.
    """
    names = read_manifest(corpus).channels
    channels = len(names)
    motions = [clip.motion.astype(np.float32) for clip in islice(iterate_clips(corpus), MEASURED_CLIPS)]
    deviation = np.concatenate(motions).std(axis=0)
    chosen = np.zeros(channels)
    for sigma in CANDIDATES_FRAMES[1:]:
        kernels = gaussian_kernels((sigma,) * channels)
        residuals = np.concatenate([motion - smooth(motion, kernels) for motion in motions])
        slow = np.sqrt((residuals**2).mean(axis=0)) <= MAX_RESIDUAL * deviation
        chosen[slow] = sigma
    is_rounding = np.isin(names, ROUNDING_CHANNELS)
    return tuple(np.where(is_rounding, np.maximum(chosen, LEAST_ROUNDING_FRAMES), chosen).tolist())
