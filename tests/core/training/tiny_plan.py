# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of all stages that the made corpus is learned with in seconds."""

from __future__ import annotations

from dataclasses import replace

from diffusion_talker.training.config import TrainingConfig
from diffusion_talker.training.presets import PRESETS, Plan

SHARED = {"held_out_share": 0.1, "batch_clips": 4, "crop_frames": 120, "warmup_steps": 10, "ema_decay": 0.9,
          "save_every": 1000, "validate_every": 1000, "learning_rate": 3e-3, "recorded_share": 0.0}
STEPS = {"recogniser": 60, "teacher": 200, "warm_up": 80, "distill": 30, "finetune": 80, "voices": 60,
         "regression": 120}


def tiny_plan(**steps: int) -> Plan:
    """The smoke preset, smaller still; `steps` by stage."""
    plan = PRESETS["smoke"]
    configs = {
        name: replace(config, **SHARED, steps=(STEPS | steps)[name])
        for name, config in vars(plan).items() if isinstance(config, TrainingConfig)
    }
    student = {"patch_frames": 2, "encoder_width": 32, "encoder_dilations": (1, 2, 4), "speaker_block": 1,
               "decoder_width": 24, "decoder_dilations": (1, 2), "style_width": 8, "style_tokens": 2,
               "sampling_steps": 2, "mouth_first": False}
    return replace(plan, ear={"width": 32, "dilations": (1, 2)}, student=student, **configs)
