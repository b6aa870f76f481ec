# SPDX-License-Identifier: GPL-3.0-or-later
"""How large and how long: one plan of all stages for each kind of machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from diffusion_talker.corpus.shards import Manifest
from diffusion_talker.models.recogniser import RecogniserConfig
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.training.config import (
    DistillTrainingConfig,
    FinetuneTrainingConfig,
    RecogniserTrainingConfig,
    RegressionTrainingConfig,
    TeacherTrainingConfig,
    TrainingConfig,
    VoicesTrainingConfig,
    WarmUpTrainingConfig,
    smoke,
)

ROUNDS: Final = (8, 4, 2, 1)  # steps of the student after each round; the teacher has 16
WITHOUT: Final = ("enhancer", "alignment", "personalizer")  # what a plan can leave out


@dataclass(frozen=True)
class Plan:
    """Configurations and network shapes of all stages.

    ear, student: fields of `RecogniserConfig` and `StudentConfig` that the corpus does not decide.
    """

    recogniser: RecogniserTrainingConfig
    teacher: TeacherTrainingConfig
    warm_up: WarmUpTrainingConfig
    distill: DistillTrainingConfig
    finetune: FinetuneTrainingConfig
    voices: VoicesTrainingConfig
    regression: RegressionTrainingConfig
    ear: dict[str, Any]
    student: dict[str, Any]

    def ear_shape(self, manifest: Manifest) -> RecogniserConfig:
        """The ear for the phones of a corpus."""
        return RecogniserConfig(tuple(manifest.phones), tuple(manifest.class_of_phone), **self.ear)

    def student_shape(self, manifest: Manifest) -> StudentConfig:
        """The student for the library, phones and motion of a corpus."""
        return StudentConfig(
            identities=tuple(identity.name for identity in manifest.identities),
            emotions=tuple(manifest.emotions),
            phone_classes=tuple(manifest.phone_classes),
            channels=() if manifest.vertex_count else tuple(manifest.channels),
            vertex_count=manifest.vertex_count,
            **self.student,
        )

    def without(self, part: str) -> Plan:
        """The plan without the "enhancer" (L_pc), the "alignment" (L_ae) or the "personalizer" (no style at all)."""
        changes: dict[str, dict[str, float]] = {
            "enhancer": {"enhancer_weight": 0.0},
            "alignment": {"alignment_weight": 0.0},
            "personalizer": {"style_dropout": 1.0, "library_weight": 0.0, "enhancer_weight": 0.0},
        }
        return replace(self, **{
            stage: replace(config, **{k: v for k, v in changes[part].items() if hasattr(config, k)})
            for stage, config in vars(self).items() if isinstance(config, TrainingConfig)
        })


_CPU = Plan(
    recogniser=RecogniserTrainingConfig(),
    teacher=TeacherTrainingConfig(),
    warm_up=WarmUpTrainingConfig(),
    distill=DistillTrainingConfig(),
    finetune=FinetuneTrainingConfig(),
    voices=VoicesTrainingConfig(),
    regression=RegressionTrainingConfig(),
    ear={},
    student={
        "patch_frames": 2, "encoder_width": 256, "encoder_dilations": (1, 2, 4, 1, 2, 4), "speaker_block": 2,
        "decoder_width": 192, "decoder_dilations": (1, 2, 4, 8, 1, 2), "query_width": 256, "sampling_steps": 2,
        "mouth_first": False, "vocal_tract_shifts_bands": (0.0,),
    },
)

_GPU = Plan(
    recogniser=replace(_CPU.recogniser, steps=40_000, batch_clips=48),
    teacher=replace(_CPU.teacher, steps=60_000, batch_clips=48),
    warm_up=replace(_CPU.warm_up, steps=20_000, batch_clips=48),
    distill=replace(_CPU.distill, steps=10_000, batch_clips=48, ema_decay=0.999),
    finetune=replace(_CPU.finetune, steps=10_000, batch_clips=48, ema_decay=0.999),
    voices=replace(_CPU.voices, steps=1800, variants=8),
    regression=replace(_CPU.regression, steps=30_000, batch_clips=48),
    ear={"width": 640, "dilations": (1, 2, 4) * 4},
    student=_CPU.student,
)

_SMOKE = Plan(
    recogniser=smoke(_CPU.recogniser),
    teacher=replace(smoke(_CPU.teacher), steps=150),
    warm_up=smoke(_CPU.warm_up),
    distill=replace(smoke(_CPU.distill), steps=30),
    finetune=replace(smoke(_CPU.finetune), steps=60),
    voices=replace(smoke(_CPU.voices), batch_clips=32, variants=1),
    regression=smoke(_CPU.regression),
    ear={"width": 64, "dilations": (1, 2, 4)},
    student={
        "patch_frames": 2, "encoder_width": 64, "encoder_dilations": (1, 2, 4), "speaker_block": 1,
        "decoder_width": 48, "decoder_dilations": (1, 2, 4), "style_width": 16, "style_tokens": 2,
        "query_width": 32, "sampling_steps": 2, "mouth_first": False,
        "vocal_tract_shifts_bands": (0.0,),
    },
)

PRESETS: Final[dict[str, Plan]] = {"smoke": _SMOKE, "cpu": _CPU, "gpu": _GPU}
