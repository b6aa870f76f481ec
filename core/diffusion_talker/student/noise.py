# SPDX-License-Identifier: GPL-3.0-or-later
"""Gaussian noise as a pure function of (seed, absolute frame, channel).

Every runtime, window and chunk size draws the same numbers, so a take can be made again anywhere.
"""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_CHANNEL_STRIDE = np.uint64(1 << 20)  # counters of two frames never meet below a million channels
_BLOCK_VALUES = 1 << 17  # drawn at a time: temporaries in double precision stay small beside the noise of a mesh


def _splitmix64(counter: np.ndarray) -> np.ndarray:
    """Finalizer of SplitMix64 (Steele, Lea, Flood 2014): counters to well-mixed 64-bit words."""
    word = counter * _GOLDEN
    word = (word ^ (word >> np.uint64(30))) * _MIX_A
    word = (word ^ (word >> np.uint64(27))) * _MIX_B
    return word ^ (word >> np.uint64(31))


def gaussian_noise(seed: int, first_frame: int, frame_count: int, channel_count: int) -> np.ndarray:
    """Standard normal noise for frames [first_frame, first_frame + frame_count).

    Returns:
        (frame_count, channel_count) float32; frame_count and first_frame choose a view of one
        endless array that only `seed` determines.
    """
    key = _splitmix64(np.array([(seed & 0xFFFFFFFFFFFFFFFF) + 1 & 0xFFFFFFFFFFFFFFFF], np.uint64))[0]
    frames = np.arange(first_frame, first_frame + frame_count).astype(np.uint64)[:, None]
    channels = np.arange(channel_count).astype(np.uint64)[None, :]
    noise = np.empty((frame_count, channel_count), np.float32)
    block_frames = max(1, _BLOCK_VALUES // max(1, channel_count))
    for start in range(0, frame_count, block_frames):
        block = slice(start, start + block_frames)
        with np.errstate(over="ignore"):  # wrapping 64-bit arithmetic is the point
            words = _splitmix64((frames[block] * _CHANNEL_STRIDE + channels) ^ key)
        noise[block] = _box_muller(words)
    return noise


def _box_muller(words: np.ndarray) -> np.ndarray:
    """Two 32-bit halves of each word to one normal deviate (Box and Muller 1958)."""
    high = (words >> np.uint64(32)).astype(np.float64)
    low = (words & np.uint64(0xFFFFFFFF)).astype(np.float64)
    radius = np.sqrt(-2.0 * np.log((high + 1.0) / 4294967297.0))
    return (radius * np.cos(2.0 * np.pi * low / 4294967296.0)).astype(np.float32)
