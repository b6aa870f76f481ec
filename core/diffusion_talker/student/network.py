# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sampler asks of a network, whichever runtime executes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from diffusion_talker.audio import AudioSource
from diffusion_talker.student.config import StudentConfig


@dataclass(frozen=True)
class EncodedAudio:
    """Encoder output for one window: arrays (patches, encoder_width) of the runtime's own kind."""

    features: Any  # what is said, patch by patch
    speaker: Any  # early features in which the voice is still audible


@dataclass(frozen=True)
class StyleQuery:
    """What a recording sounds like: its own place among the identities, and cosines with the library's entries."""

    identities: np.ndarray  # (K,)
    emotions: np.ndarray  # (E,)
    voice: np.ndarray  # (style_width,) unit vector, whose cosines with the identities' keys are `identities`


@dataclass(frozen=True)
class StyleRequest:
    """Who speaks and how: mixture weights over the library and two amounts.

    The first emotion of a library is neutral; `intensity` moves away from it, `strength` moves away
    from the null embedding (0 = average talker, 1 = the identity, above = exaggerated). `offset` is added to
    the personalized embedding at last, so the sliders bend an average talker, too.
    A style that changes over the line has one row for each of the N patches, in all of the arrays.
    """

    identity_weights: np.ndarray  # (K,) or (N, K), sums to one
    emotion_weights: np.ndarray  # (E,) or (N, E), sums to one
    intensity: float | np.ndarray = 1.0  # or (N,)
    strength: float | np.ndarray = 1.0  # or (N,)
    offset: np.ndarray | None = None  # (style_tokens * style_width,) or (N, style_tokens * style_width)


@runtime_checkable
class SoundEncoder(Protocol):
    """A network that hears the sound itself beside its log-mel."""

    def encode_sound(self, source: AudioSource, first_frame: int, frame_count: int) -> EncodedAudio:
        """Features of the motion frames [first_frame, first_frame + frame_count)."""


@runtime_checkable
class FourierTransformer(Protocol):
    """A network whose runtime has a faster Fourier transform than NumPy's."""

    def power_of_rows(self, rows: np.ndarray) -> np.ndarray:
        """See `audio.features.PowerOfRows`."""


class Network(Protocol):
    """One trained student on one runtime. Motion and log-mel are NumPy arrays; features stay opaque."""

    name: str
    config: StudentConfig

    def encode(self, log_mel: np.ndarray) -> EncodedAudio:
        """(T, 2, 80) log-mel to features."""

    def query(self, speaker: Any) -> StyleQuery:
        """Similarity of a voice to the library."""

    def library_weights(self, kind: str, similarity: np.ndarray) -> np.ndarray:
        """Similarities to mixture weights; `kind` is "identity" or "emotion"."""

    def style(self, request: StyleRequest) -> Any:
        """The personalized embedding of the clip, or of every patch."""

    def prepare(self, audio: EncodedAudio) -> Any:
        """Audio features as the decoder reads them, computed once for all steps."""

    def denoise(self, noisy: np.ndarray, time: float, prepared: Any, style: Any) -> np.ndarray:
        """Noisy motion (T, C) at diffusion time `time` to predicted clean motion (T, C), z-scored."""

    def to_weights(self, normalized: np.ndarray) -> np.ndarray:
        """z-scored motion to channel values."""
