# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheet: the same moments of a spoken line on ARKit's shapes and on heads that have only other keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52, MOUTH_CHANNELS
from diffusion_talker.evaluation.rendering.head import demo_head
from diffusion_talker.evaluation.rendering.picture import VIEWS, draw
from diffusion_talker.evaluation.rendering.text import write_text
from diffusion_talker.evaluation.retargeting import MadeHead, closures, widest_gap_mm
from diffusion_talker.motion import Motion, select_channels
from diffusion_talker.rigs.mapping import apply_mapping, map_keys

_LABEL_HEIGHT, _GAP, _LABEL_WIDTH = 18, 4, 250
_PAPER: Final = (24, 29, 33)
_ROUND: Final = ("mouthPucker", "mouthFunnel")
_WIDE: Final = ("mouthSmileLeft", "mouthStretchLeft")
_MOMENTS_OF_A_KIND: Final = 2


def telling_frames(motion: Motion) -> list[tuple[str, int]]:
    """Moments that show what a mouth can do: closures, the widest openings, rounded, spread and tucked lips."""
    gap = widest_gap_mm(motion)
    runs = closures(gap)
    shut = [run.start + int(np.argmin(gap[run])) for run in runs[:: max(len(runs) // 2, 1)]][:_MOMENTS_OF_A_KIND]
    chosen = [("closed", frame) for frame in shut]
    for label, curve in (
        ("open", gap),
        ("round", sum(motion.column(name) for name in _ROUND)),
        ("spread", sum(motion.column(name) for name in _WIDE)),
        ("lip on teeth", motion.column("mouthRollLower") - motion.column("mouthRollUpper")),
    ):
        chosen += [(label, frame) for frame in _peaks(np.asarray(curve, np.float64), motion.rate_hz)]
    return sorted(chosen, key=lambda item: item[1])


def _peaks(curve: np.ndarray, rate_hz: float) -> list[int]:
    """The highest frame and the highest one that is half a second away."""
    first = int(np.argmax(curve))
    away = np.abs(np.arange(len(curve)) - first) > 0.5 * rate_hz
    return [first, int(np.argmax(np.where(away, curve, -np.inf)))] if away.any() else [first]


def draw_made_keys(
    heads: Sequence[MadeHead], tile: int, columns: int = 7, progress: Callable[[float], None] = lambda fraction: None
) -> np.ndarray:
    """Picture (H, W, 3) uint8 of every key of made heads at 1: the mouth, or the face for keys that leave it alone."""
    cells = [(head.title, name, pose) for head in heads for name, pose in zip(head.basis.names, head.arkit_poses,
                                                                              strict=True)]  # fmt: skip
    rows = -(-len(cells) // columns)
    height = tile + _LABEL_HEIGHT + _GAP
    sheet = np.empty((rows * height + _GAP, columns * (tile + _GAP) + _GAP, 3), np.uint8)
    sheet[:] = _PAPER
    for number, (title, name, weights) in enumerate(cells):
        progress(number / len(cells))
        top, left = _GAP + number // columns * height, _GAP + number % columns * (tile + _GAP)
        pose = dict(zip(ARKIT_52, weights.tolist(), strict=True))
        speaks = any(pose[channel] > 0.0 for channel in MOUTH_CHANNELS)
        view = VIEWS["mouth" if speaks else "front"]
        sheet[top : top + tile, left : left + tile] = draw(demo_head(), pose, view, tile)
        write_text(sheet, f"{title.removesuffix(' visemes')}: {name}", left + tile // 2, top + tile, _LABEL_HEIGHT)
    progress(1.0)
    return sheet


def draw_retarget_sheet(
    motion: Motion, heads: Sequence[MadeHead], tile: int, progress: Callable[[float], None] = lambda fraction: None
) -> np.ndarray:
    """Picture (H, W, 3) uint8: a row for direct animation and one for each head, solved by the names of its keys."""
    moments = telling_frames(motion)
    rows = [("ARKit, direct", select_channels(motion, ARKIT_52).weights)]
    for head in heads:
        solved = apply_mapping(motion, map_keys(head.basis.names))
        rows.append((head.title, select_channels(solved, head.basis.names).weights @ head.arkit_poses))
    width = _LABEL_WIDTH + len(moments) * (tile + _GAP)
    sheet = np.empty((_LABEL_HEIGHT + len(rows) * (tile + _GAP), width, 3), np.uint8)
    sheet[:] = _PAPER
    for column, (label, _) in enumerate(moments):
        write_text(sheet, label, _LABEL_WIDTH + column * (tile + _GAP) + tile // 2, 0, _LABEL_HEIGHT)
    for row, (title, weights) in enumerate(rows):
        top = _LABEL_HEIGHT + row * (tile + _GAP)
        write_text(sheet, title, _LABEL_WIDTH // 2, top + tile // 2, _LABEL_HEIGHT)
        for column, (_, frame) in enumerate(moments):
            progress((row * len(moments) + column) / (len(rows) * len(moments)))
            left = _LABEL_WIDTH + column * (tile + _GAP)
            pose = dict(zip(ARKIT_52, weights[frame].tolist(), strict=True))
            sheet[top : top + tile, left : left + tile] = draw(demo_head(), pose, VIEWS["mouth"], tile)
    progress(1.0)
    return sheet
