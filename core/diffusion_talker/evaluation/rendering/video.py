# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures and sound to an MP4 file (H.264, AAC) that appears whole or not at all."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any, BinaryIO, Final

import numpy as np

from diffusion_talker.audio import SAMPLE_RATE_HZ, AudioSource
from diffusion_talker.evaluation.rendering.head import demo_head
from diffusion_talker.evaluation.rendering.packages import require
from diffusion_talker.evaluation.rendering.picture import VIEWS, View, draw
from diffusion_talker.evaluation.rendering.text import write_text
from diffusion_talker.files import atomic_write
from diffusion_talker.motion import Motion, resample_motion

_SOUND_BLOCK: Final = 1024  # samples of one AAC frame
_QUALITY: Final = "20"  # x264's constant rate factor; lips stay crisp


def render_motion(
    motion: Motion,
    source: AudioSource,
    path: str | os.PathLike[str],
    view: View = VIEWS["front"],
    size: int = 480,
    rate_hz: float = 30.0,
    caption: Callable[[float], str] | None = None,
    progress: Callable[[float], None] = lambda fraction: None,
) -> None:
    """Video of the demo head performing `motion` with its sound.

    size: pixels of the square picture, even. rate_hz: frames per second; closures and blinks survive it. caption: what
    to write at the foot of the frame at a time in seconds. Raises RuntimeUnavailableError without the package av,
    OutputError.
    """
    require("av")
    shown = resample_motion(motion, rate_hz)
    pictures = _pictures(shown, view, size, caption, progress)
    samples = source.read(0, source.sample_count)
    with atomic_write(path) as stream:
        write_video(stream, pictures, samples, rate_hz, size)


def _pictures(
    motion: Motion, view: View, size: int, caption: Callable[[float], str] | None, progress: Callable[[float], None]
) -> Iterable[np.ndarray]:
    head = demo_head()
    for i in range(motion.frame_count):
        progress(i / motion.frame_count)
        weights = dict(zip(motion.channels, motion.weights[i].tolist(), strict=True))
        picture = draw(head, weights, view, size)
        if caption is not None:
            height = max(12, size // 14)
            write_text(picture, caption(i / motion.rate_hz), size // 2, size - height, height)
        yield picture
    progress(1.0)


def write_video(
    stream: BinaryIO, pictures: Iterable[np.ndarray], samples: np.ndarray, rate_hz: float, size: int
) -> None:
    """MP4 of square pictures (size, size, 3) uint8 and samples (N,) at 16 kHz, into a seekable stream."""
    av = require("av")
    rate = Fraction(rate_hz).limit_denominator(1001)
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=rate)
        video.width = video.height = size
        video.pix_fmt = "yuv420p"
        video.options = {"crf": _QUALITY, "preset": "veryfast"}
        sound = container.add_stream("aac", rate=SAMPLE_RATE_HZ)
        sound.layout = "mono"
        written = 0
        for i, picture in enumerate(pictures):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
            until = min(len(samples), math.ceil((i + 1) * SAMPLE_RATE_HZ / rate_hz))
            written = _encode_sound(container, sound, samples, written, until)
        _encode_sound(container, sound, samples, written, len(samples) + _SOUND_BLOCK - 1)
        container.mux(video.encode(None))
        container.mux(sound.encode(None))


def _encode_sound(container: Any, sound: Any, samples: np.ndarray, start: int, until: int) -> int:
    """Encode whole blocks from `start` while they end by `until`; returns where the next block starts."""
    av = require("av")
    while start < len(samples) and start + _SOUND_BLOCK <= until:
        block = np.clip(samples[start : start + _SOUND_BLOCK], -1, 1).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, start, Fraction(1, SAMPLE_RATE_HZ)
        container.mux(sound.encode(frame))
        start += _SOUND_BLOCK
    return start
