# SPDX-License-Identifier: GPL-3.0-or-later
"""A recording as the encoder heard it: kept, so that another take of the same line costs denoising alone."""

from __future__ import annotations

from typing import Any

from diffusion_talker.audio import AudioSource, log_mel, motion_frame_count, power_of_rows
from diffusion_talker.student.network import EncodedAudio, FourierTransformer, Network, SoundEncoder, StyleQuery

OPENING_FRAMES = 3600  # the first minute is enough to know a voice
KEPT_FRAMES = 18000  # five minutes of features, some 10 MB: more is heard again when it is needed


class Heard:
    """What a student heard in a recording; made by `Student.listen`, used by `Student.perform`.

    Nothing is heard before it is needed. Memory does not grow with the recording: beyond KEPT_FRAMES features are
    made again for every take. Close or change the source, and what was kept no longer fits: listen again.
    """

    def __init__(self, network: Network, source: AudioSource) -> None:
        self.network, self.source = network, source
        self.frame_count = motion_frame_count(source.sample_count)
        self._prepared: dict[tuple[int, int], Any] = {}
        self._kept_frames = 0
        self._query: StyleQuery | None = None

    def query(self) -> StyleQuery:
        """What the voice of the first minute resembles."""
        if self._query is None:
            self._hear(0, min(self.frame_count, OPENING_FRAMES))
        assert self._query is not None
        return self._query

    def prepared(self, first_frame: int, frame_count: int) -> Any:
        """Features of the motion frames [first_frame, first_frame + frame_count) as the decoder reads them."""
        stretch = (first_frame, frame_count)
        return self._prepared[stretch] if stretch in self._prepared else self._hear(*stretch)

    def _hear(self, first_frame: int, frame_count: int) -> Any:
        """Encode a stretch once for everything that is asked of it."""
        audio = self._encode(first_frame, frame_count)
        if self._query is None and (first_frame, frame_count) == (0, min(self.frame_count, OPENING_FRAMES)):
            self._query = self.network.query(audio.speaker)
        prepared = self.network.prepare(audio)
        if self._kept_frames + frame_count <= KEPT_FRAMES:
            self._prepared[first_frame, frame_count] = prepared
            self._kept_frames += frame_count
        return prepared

    def _encode(self, first_frame: int, frame_count: int) -> EncodedAudio:
        if isinstance(self.network, SoundEncoder):
            return self.network.encode_sound(self.source, first_frame, frame_count)
        power = self.network.power_of_rows if isinstance(self.network, FourierTransformer) else power_of_rows
        return self.network.encode(log_mel(self.source, first_frame, frame_count, power))
