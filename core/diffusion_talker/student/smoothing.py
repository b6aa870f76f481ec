# SPDX-License-Identifier: GPL-3.0-or-later
"""A last low-pass for each channel, as wide as its muscle is slow.

A few denoising steps leave a trace of their noise. On lips and lids it is below what moves there anyway; on
brows and head, which move a hundred times slower, it would be a visible tremor. Training measures how slow
each channel is (`training.bandwidth`), and what lies above is taken out.
"""

from __future__ import annotations

import math

import numpy as np

REACH_SIGMAS = 3.0  # a Gaussian is cut off here


def reach_frames(sigmas: tuple[float, ...]) -> int:
    """Frames on each side that the widest of the filters sees."""
    return math.ceil(REACH_SIGMAS * max(sigmas, default=0.0))


def gaussian_kernels(sigmas: tuple[float, ...]) -> np.ndarray:
    """(2 reach + 1, C) float32: one Gaussian for each channel; sigma 0 (frames) leaves a channel as it is."""
    offsets = np.arange(-reach_frames(sigmas), reach_frames(sigmas) + 1)[:, None]
    widths = np.maximum(np.array(sigmas), 1e-3)
    kernels = np.exp(-0.5 * (offsets / widths) ** 2)
    kernels[np.abs(offsets) > REACH_SIGMAS * np.maximum(widths, 1e-3)] = 0.0
    return (kernels / kernels.sum(axis=0)).astype(np.float32)


def smooth(curves: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """Filter (T, C) along time; before the first and after the last frame the curve is held.

    A channel is a row here, the widest filter first: so every tap works on whole rows, and on none that it leaves out.
    """
    frames, reach = len(curves), len(kernels) // 2
    order = np.argsort(-np.count_nonzero(kernels, axis=0), kind="stable")
    padded = np.pad(curves.T[order], ((0, 0), (reach, reach)), mode="edge")
    smoothed = np.zeros((len(order), frames), curves.dtype)
    for tap, weights in enumerate(kernels[:, order]):
        moving = np.count_nonzero(weights)
        smoothed[:moving] += padded[:moving, tap : tap + frames] * weights[:moving, None]
    return np.ascontiguousarray(smoothed[np.argsort(order)].T)
