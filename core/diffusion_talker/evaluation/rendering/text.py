# SPDX-License-Identifier: GPL-3.0-or-later
"""Words in pictures, IPA included, in the typeface that comes with Matplotlib."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from diffusion_talker.evaluation.rendering.packages import require

_COLOR = np.array([235, 238, 240], np.float32)


@lru_cache(maxsize=512)
def text_mask(words: str, height: int) -> np.ndarray:
    """Ink (height, width) float32 in [0, 1] of one line of text. Raises RuntimeUnavailableError without Matplotlib."""
    require("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = 100
    figure = Figure(figsize=((0.62 * height * len(words) + height) / dpi, height / dpi), dpi=dpi)
    canvas = FigureCanvasAgg(figure)
    figure.text(0.5, 0.28, words, ha="center", va="baseline", fontsize=0.62 * height * 72 / dpi)
    canvas.draw()
    return 1.0 - np.asarray(canvas.buffer_rgba())[:, :, 0].astype(np.float32) / 255.0


def write_text(image: np.ndarray, words: str, center_x: int, top: int, height: int) -> None:
    """Write one line into a picture (H, W, 3) uint8, in place; what would fall outside is cut off."""
    if not words:
        return
    ink = text_mask(words, height)
    left = max(0, center_x - ink.shape[1] // 2)
    place = image[top : top + ink.shape[0], left : left + ink.shape[1]]
    ink = ink[: place.shape[0], : place.shape[1], None]
    place[:] = (place + ink * (_COLOR - place)).astype(np.uint8)
