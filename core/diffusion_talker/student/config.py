# SPDX-License-Identifier: GPL-3.0-or-later
"""Shape of the student network: everything needed to rebuild it from a file of weights."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.student.smoothing import reach_frames

KERNEL_TAPS = 5  # width of every dilated convolution, frames
MEL_FRAMES_PER_MOTION_FRAME = 2
MEL_BANDS = 80
TIME_FEATURES = 16  # sines and cosines that encode the diffusion time


@dataclass(frozen=True)
class StudentConfig:
    """Sizes of the audio encoder, the personalizer and the motion decoder.

    Attributes:
        channels: names of the predicted curves, in network order; empty for a student of vertices.
        vertex_count: vertices of the mesh whose motion is predicted; 0 for a student of curves.
        phone_classes: names of the articulatory classes the encoder also learns to tell apart.
        identities, emotions: names of the library's entries.
        patch_frames: motion frames that the network handles side by side, as one step of its convolutions.
        encoder_dilations, decoder_dilations: one residual block for each, patches.
        speaker_block: encoder block after which the personalizer listens (early layers keep the voice).
        query_width: hidden width between what is pooled of a voice and its query; 0 for none.
        sampling_steps: DDIM steps used unless the caller asks for another number.
        second_order: every step uses the prediction before it too: for networks that were not distilled.
        mouth_first: the mouth is decided by the first step, and later steps leave it.
        smoothing_frames: sigma of each channel's last low-pass, frames; empty for none.
        vocal_tract_shifts_bands: versions of the recording that the encoder hears, mel bands; 0 is as recorded.
    """

    identities: tuple[str, ...]
    emotions: tuple[str, ...]
    phone_classes: tuple[str, ...]
    channels: tuple[str, ...] = MODEL_CHANNELS
    vertex_count: int = 0
    patch_frames: int = 1
    encoder_width: int = 192
    encoder_dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 1)
    speaker_block: int = 3
    decoder_width: int = 128
    decoder_dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4)
    style_width: int = 64
    style_tokens: int = 4
    query_width: int = 0
    sampling_steps: int = 5
    second_order: bool = False
    mouth_first: bool = True
    smoothing_frames: tuple[float, ...] = ()
    vocal_tract_shifts_bands: tuple[float, ...] = (-2.0, 2.0)

    @property
    def values_per_frame(self) -> int:
        """Numbers that one frame of motion has: one a channel, or three a vertex."""
        return 3 * self.vertex_count or len(self.channels)

    @property
    def noise_scale(self) -> float:
        """Deviation of the noise, 1 for curves.

        Vertices move together: averaged over thousands of them, noise of deviation 1 would hide nothing, and a network
        would copy instead of listen. It grows with the root of their number (Chen 2301.10972 scales images likewise).
        """
        return math.sqrt(max(1.0, self.values_per_frame / len(MODEL_CHANNELS))) if self.vertex_count else 1.0

    @property
    def encoder_reach_frames(self) -> int:
        """Frames of audio context on each side that influence one encoded frame."""
        return sum(self.encoder_dilations) * (KERNEL_TAPS // 2) * self.patch_frames

    @property
    def decoder_reach_frames(self) -> int:
        """Frames on each side that influence one frame of a single denoising step."""
        return sum(self.decoder_dilations) * (KERNEL_TAPS // 2) * self.patch_frames

    def context_frames(self, steps: int) -> int:
        """Frames needed on each side of a window so that its interior is exact after `steps` steps: whole patches."""
        reach = self.encoder_reach_frames + steps * self.decoder_reach_frames + reach_frames(self.smoothing_frames)
        return -(-reach // self.patch_frames) * self.patch_frames

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StudentConfig:
        """The inverse of `as_dict`. Raises KeyError / TypeError on a foreign dictionary."""
        known = {field.name for field in fields(cls)}
        return cls(**{
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items() if name in known
        })
