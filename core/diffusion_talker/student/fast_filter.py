# SPDX-License-Identifier: GPL-3.0-or-later
"""Convolutions over time with 8 products for 4 outputs where their 5 taps would take 20, and the same result.

Inputs and taps are two polynomials; a product of polynomials is known from its values at a few points, and there it
is one number times another (Toom-Cook; as a filter: Winograd 1980; for networks: Lavin and Gray 1509.09308).
Between the points stand matrix products of whole layers, so most of a network's work falls to 2/5. Every point is
weighted to the same size, which keeps rounding near what it is with taps (at a width of 256 and outputs of deviation
0.6: at most 5e-6 instead of 1e-6 to 4e-6).
Each output here is a group of `dilation` neighbouring steps: seen in groups a dilated convolution has no gaps.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from diffusion_talker.student.config import KERNEL_TAPS

OUTPUTS: Final = 4  # groups that are made together
POINTS: Final = OUTPUTS + KERNEL_TAPS - 1  # groups that they see, and values that stand between
_FINITE_POINTS: Final = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # the last point is infinity


def _values(coefficients: int) -> np.ndarray:
    """(POINTS, coefficients): a polynomial's coefficients to its values; at infinity only the highest counts."""
    finite = np.vander(_FINITE_POINTS, coefficients, increasing=True)
    return np.vstack([finite, np.eye(coefficients)[-1:]])


def _input_matrix() -> np.ndarray:
    """(POINTS, POINTS) float64: what a stretch of inputs is at each point; transposed interpolation."""
    return np.linalg.inv(_values(POINTS)).T


_SIZES: Final = np.abs(_input_matrix()).sum(axis=1, keepdims=True)  # taken out of inputs and put into taps
INPUT_MATRIX: Final = (_input_matrix() / _SIZES).astype(np.float32)  # (POINTS, POINTS)
OUTPUT_MATRIX: Final = np.ascontiguousarray(_values(OUTPUTS).T, np.float32)  # (OUTPUTS, POINTS)


def transformed_taps(weight: np.ndarray) -> np.ndarray:
    """Weights (out, in, KERNEL_TAPS) to (POINTS, in, out) float32, one matrix for each point."""
    out_width, in_width, taps = weight.shape
    flat = weight.transpose(2, 1, 0).reshape(taps, -1).astype(np.float64)
    return ((_SIZES * _values(taps)) @ flat).reshape(POINTS, in_width, out_width).astype(np.float32)


def tile_count(steps: int, dilation: int) -> int:
    """Tiles of OUTPUTS groups that cover `steps`; their inputs are OUTPUTS * tiles + KERNEL_TAPS - 1 groups."""
    return -(-steps // (OUTPUTS * dilation))
