# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that decides a training, in one typed place: one configuration for each stage."""

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
    labelled_share: float = 0.0  # and this from recorded voices whose phones are all known
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

    steps: int = 6400
    batch_clips: int = 12
    recorded_share: float = 0.2
    labelled_share: float = 0.2
    label_smoothing: float = 0.1
    class_weight: float = 0.5  # the rest of the loss tells phones of one articulatory class apart


@dataclass(frozen=True)
class MotionTrainingConfig(TrainingConfig):
    """What the trainings of faces share."""

    recorded_share: float = 0.1
    labelled_share: float = 0.12
    velocity_weight: float = 2.0
    phone_weight: float = 0.5  # articulatory classes, a second task of the student's encoder
    library_weight: float = 0.1
    predicted_style_share: float = 0.4  # share of clips whose style comes from the voice, as under "auto"
    style_dropout: float = 0.12  # share of clips that train the null embedding
    contact_stress: float = 2.0  # weight of the mouth in bilabial and labiodental frames
    unknown_share: float = 0.2  # weight of frames whose phone nobody knows


@dataclass(frozen=True)
class TeacherTrainingConfig(MotionTrainingConfig):
    """The teacher: frozen ear, personalizer and x0 decoder."""

    steps: int = 2500
    batch_clips: int = 12
    closure_weight: float = 5.0
    ear_layer: str = "last"  # of a pretrained ear: a number, last, or mean


@dataclass(frozen=True)
class WarmUpTrainingConfig(MotionTrainingConfig):
    """The student's encoder alone, before its first round."""

    steps: int = 1500
    batch_clips: int = 12
    alignment_weight: float = 1.0  # L_ae


@dataclass(frozen=True)
class DistillTrainingConfig(MotionTrainingConfig):
    """One halving of the steps.

    student_steps: steps of the student in this round; its teacher takes twice as many.
    """

    steps: int = 500
    batch_clips: int = 12
    learning_rate: float = 4e-4
    warmup_steps: int = 30
    ema_decay: float = 0.99
    student_steps: int = 8
    alignment_weight: float = 0.1  # L_ae at the first step of a round, 0 at its last; only while the ear is there
    enhancer_weight: float = 0.02  # L_pc
    enhancer_temperature: float = 0.1


@dataclass(frozen=True)
class FinetuneTrainingConfig(MotionTrainingConfig):
    """The ground-truth stage: real inference steps, true lips, distilled brows.

    student_steps: inference steps that are unrolled.
    spread_weight: of the loss that asks for as much motion as there is in truth.
    """

    steps: int = 2200
    batch_clips: int = 12
    learning_rate: float = 5e-4
    warmup_steps: int = 50
    ema_decay: float = 0.995
    student_steps: int = 2
    closure_weight: float = 5.0
    spread_weight: float = 3.0
    enhancer_weight: float = 0.02  # L_pc
    enhancer_temperature: float = 0.1


@dataclass(frozen=True)
class VoicesTrainingConfig(TrainingConfig):
    """Queries and keys of the libraries, over a finished encoder.

    variants: how often every clip is heard, each time another part of it with other noise.
    """

    steps: int = 900  # many more know the talkers' clips by heart and unseen ones worse
    weight_decay: float = 0.3
    batch_clips: int = 128
    crop_frames: int = 360
    variants: int = 4


@dataclass(frozen=True)
class RegressionTrainingConfig(MotionTrainingConfig):
    """A student's network trained to predict motion at once, without diffusion: a baseline of equal size."""

    batch_clips: int = 12
    closure_weight: float = 5.0


Config = TypeVar("Config", bound=TrainingConfig)


def smoke(config: Config) -> Config:
    """Seconds instead of an hour: enough to see that losses fall."""
    return replace(
        config, steps=60, batch_clips=4, crop_frames=120, warmup_steps=10, ema_decay=0.9, save_every=30,
        validate_every=60,
    )
