# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheet of the phone inventory: the mouth at the apex of every phone, as the articulation makes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import numpy as np

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.articulation import Manner
from diffusion_talker.corpus.face import mouth_curves
from diffusion_talker.corpus.phones import PHONES, SILENCE, Phone
from diffusion_talker.corpus.timing import TimedPhone, fill_silence
from diffusion_talker.evaluation.rendering.head import demo_head
from diffusion_talker.evaluation.rendering.packages import require
from diffusion_talker.evaluation.rendering.picture import VIEWS, draw
from diffusion_talker.evaluation.rendering.text import write_text
from diffusion_talker.files import atomic_write

_RATE_HZ: Final = 200.0
_CARRIER, _BEFORE_S, _CARRIER_S, _PHONE_S, _CLOSURE_SHARE = "ə", 0.3, 0.22, 0.16, 0.68
_LABEL_HEIGHT, _GAP, _JPEG_QUALITY = 20, 4, 84
_PAPER: Final = (24, 29, 33)


def apex_weights(phone: Phone) -> dict[str, float]:
    """ARKit weights of a neutral speaker's mouth in the middle of a phone that is said between two neutral vowels."""
    if phone.name == SILENCE:
        return {}
    start_s = _BEFORE_S + _CARRIER_S
    end_s = start_s + _PHONE_S
    release_s = start_s + _CLOSURE_SHARE * _PHONE_S if phone.is_stop else end_s
    neutral = PHONES[_CARRIER]
    spoken = (
        TimedPhone(neutral, _BEFORE_S, start_s, start_s),
        TimedPhone(phone, start_s, end_s, release_s),
        TimedPhone(neutral, end_s, end_s + _CARRIER_S, end_s + _CARRIER_S),
    )
    duration_s = end_s + _CARRIER_S + _BEFORE_S
    curves = mouth_curves(fill_silence(spoken, duration_s), int(duration_s * _RATE_HZ), _RATE_HZ, Manner())
    apex = curves[round((start_s + release_s) / 2 * _RATE_HZ)]
    return dict(zip(MODEL_CHANNELS, apex.tolist(), strict=True))


def draw_sheet(columns: int, tile: int, progress: Callable[[float], None] = lambda fraction: None) -> np.ndarray:
    """Picture (H, W, 3) uint8 of all phones: front and three-quarter close-ups, name and class below."""
    phones = list(PHONES.values())
    rows = -(-len(phones) // columns)
    cell_width, cell_height = 2 * tile + _GAP, tile + _LABEL_HEIGHT + _GAP
    sheet = np.empty((rows * cell_height + _GAP, columns * cell_width + _GAP, 3), np.uint8)
    sheet[:] = _PAPER
    for i, phone in enumerate(phones):
        progress(i / len(phones))
        top, left = _GAP + i // columns * cell_height, _GAP + i % columns * cell_width
        weights = apex_weights(phone)
        for side, name in enumerate(("mouth", "mouth-three-quarter")):
            place = slice(left + side * tile, left + (side + 1) * tile)
            sheet[top : top + tile, place] = draw(demo_head(), weights, VIEWS[name], tile)
        label = f"{phone.name}   {phone.phone_class.replace('_', ' ')}"
        write_text(sheet, label, left + tile, top + tile, _LABEL_HEIGHT)
    progress(1.0)
    return sheet


def save_picture(picture: np.ndarray, path: str | os.PathLike[str]) -> None:
    """Save (H, W, 3) uint8 as JPEG or, when the name ends in .png, as PNG. Raises RuntimeUnavailableError,
    OutputError."""
    require("matplotlib")
    from matplotlib.image import imsave

    with atomic_write(path) as stream:
        if os.fspath(path).lower().endswith(".png"):
            imsave(stream, picture, format="png")
        else:
            imsave(stream, picture, format="jpg", pil_kwargs={"quality": _JPEG_QUALITY, "optimize": True})
