# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound in: any rate, channel count and length to mono 16 kHz, and the log-mel features the network hears.

Every result is a function of absolute position alone: reading a sound in pieces of any size gives, bit for bit, what
reading it whole gives. To that end matrix products run over blocks that start at fixed positions and have fixed shapes.
"""

from __future__ import annotations

from diffusion_talker.audio.features import (
    FFT_SIZE,
    MEL_FLOOR,
    MEL_RATE_HZ,
    MELS,
    MOTION_RATE_HZ,
    WINDOW_SAMPLES,
    log_mel,
    log_mel_array,
    motion_frame_count,
    power_of_rows,
)
from diffusion_talker.audio.resampling import SAMPLE_RATE_HZ
from diffusion_talker.audio.sources import ArraySource, AudioSource, FileSource, load_audio
from diffusion_talker.audio.writing import write_wav

__all__ = [
    "FFT_SIZE", "MELS", "MEL_FLOOR", "MEL_RATE_HZ", "MOTION_RATE_HZ", "SAMPLE_RATE_HZ", "WINDOW_SAMPLES",
    "ArraySource", "AudioSource", "FileSource", "load_audio", "log_mel", "log_mel_array", "motion_frame_count",
    "power_of_rows", "write_wav",
]
