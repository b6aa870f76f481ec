# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that decides a student training, in one typed place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar


@dataclass(frozen=True)
class TrainingConfig:
    """What every training has (all ours; the papers publish none)."""

    steps: int = 4200
    batch_clips: int = 10
    crop_frames: int = 240  # 4 s
    learning_rate: float = 1e-3
    final_learning_rate: float = 3e-5
    warmup_steps: int = 200
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    recorded_share: float = 0.0  # at least this share of the crops comes from recorded voices, if there are any
    held_out_share: float = 0.03  # clips kept for validation, chosen by text
    save_every: int = 250
    validate_every: int = 500
    seed: int = 1
    precision: str = "auto"  # fp32, bf16 (weights stay fp32), or auto: bf16 on a CUDA GPU
    tensorboard: bool = False  # event files beside log.csv
    accept_changes: bool = False  # resume a checkpoint of another configuration or corpus


@dataclass(frozen=True)
class RecogniserTrainingConfig(TrainingConfig):
    """Hyper-parameters of the phone recogniser's training."""

    steps: int = 3000
    batch_clips: int = 12
    recorded_share: float = 0.12
    label_smoothing: float = 0.1
    class_weight: float = 0.5  # the rest of the loss tells phones of one articulatory class apart


@dataclass(frozen=True)
class StudentTrainingConfig(TrainingConfig):
    """Hyper-parameters of the direct student training."""

    velocity_weight: float = 2.0
    closure_weight: float = 10.0
    phone_weight: float = 0.5
    library_weight: float = 0.1
    style_dropout: float = 0.1  # share of clips that train the null embedding
    predicted_style_share: float = 0.3  # share of clips whose style comes from the voice, as under "auto"
    on_policy_share: float = 1.0  # share of clips whose mouth is denoised from the student's own guess
    contact_stress: float = 2.0  # weight of mouth channels in bilabial and labiodental frames


Config = TypeVar("Config", bound=TrainingConfig)


def smoke(config: Config) -> Config:
    """Seconds instead of an hour: enough to see that losses fall."""
    return replace(
        config, steps=60, batch_clips=4, crop_frames=120, warmup_steps=10, ema_decay=0.9, save_every=30,
        validate_every=60,
    )
