# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion from a teacher through the sampler that ships: the same windows, noise, steps and settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from diffusion_talker import __version__
from diffusion_talker.audio import AudioSource, log_mel
from diffusion_talker.models.pretrained import PretrainedEar, PretrainedEarConfig, load_ear
from diffusion_talker.models.teacher import TEACHER_STEPS, TeacherNetwork, load_teacher
from diffusion_talker.student.bundle import BundleMetadata
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.generate import Student
from diffusion_talker.student.network import EncodedAudio
from diffusion_talker.student.torch_network import TorchNetwork


class SoundNetwork(TorchNetwork):
    """A teacher whose ear is a speech model of others, which hears samples."""

    def __init__(self, network: TeacherNetwork, ear: PretrainedEar, config: StudentConfig, device: str = "cpu") -> None:
        super().__init__(network, config, device)
        self._ear = ear.to(self._device)

    @torch.inference_mode()
    def encode_sound(self, source: AudioSource, first_frame: int, frame_count: int) -> EncodedAudio:
        """See `network.SoundEncoder.encode_sound`."""
        patch_frames = self.config.patch_frames
        heard = self._ear.hear_patches(source, first_frame // patch_frames, -(-frame_count // patch_frames))
        mel = self._tensor(log_mel(source, first_frame, frame_count))
        return EncodedAudio(*self._network.encoder(mel, self._tensor(heard)))


def open_teacher(path: Path, steps: int = TEACHER_STEPS, device: str = "cpu") -> Student:
    """A teacher that can be asked for motion.

    Args:
        path: its file or the folder of its training.
        steps: denoising steps; fewer than it was made for is the undistilled baseline.

    Raises:
        BundleError: there is no teacher, or not the pretrained ear that it hears through.
        RuntimeUnavailableError: that ear needs `transformers`, which is not installed.
    """
    teacher, descriptions = load_teacher(path)
    config = replace(
        teacher.config,
        sampling_steps=steps,
        second_order=True,
        mouth_first=False,
    )
    ear = teacher.ear_config
    metadata = BundleMetadata(__version__, "GPL-3.0-or-later", "", descriptions, f"teacher, {steps} steps")
    neutral_face = teacher.decoder.neutral_face.numpy() if config.vertex_count else None
    if isinstance(ear, PretrainedEarConfig):
        return Student(SoundNetwork(teacher, load_ear(ear), config, device), metadata, neutral_face=neutral_face)
    config = replace(config, vocal_tract_shifts_bands=ear.vocal_tract_shifts_bands)
    return Student(TorchNetwork(teacher, config, device), metadata, neutral_face=neutral_face)
