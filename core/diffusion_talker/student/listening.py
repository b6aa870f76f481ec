# SPDX-License-Identifier: GPL-3.0-or-later
"""Hearing one recording as if spoken by slightly longer and shorter vocal tracts.

A shift along the mel bands is, to a good approximation, a change of vocal tract length. The encoder hears each
version and the features are averaged: what it is unsure of in a voice it has never met cancels, what is said stays.
"""

from __future__ import annotations

import numpy as np


def vocal_tracts(log_mel: np.ndarray, shifts_bands: tuple[float, ...]) -> np.ndarray:
    """(T, 2, B) log-mel to (S, T, 2, B) float32, one version for each shift; bands beyond the ends are held."""
    bands = log_mel.shape[-1]
    versions = []
    for shift in shifts_bands:
        positions = np.clip(np.arange(bands) + shift, 0, bands - 1)
        low = np.floor(positions).astype(int)
        share = (positions - low).astype(np.float32)
        versions.append((1 - share) * log_mel[..., low] + share * log_mel[..., np.minimum(low + 1, bands - 1)])
    return np.stack(versions).astype(np.float32)
