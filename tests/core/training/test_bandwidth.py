# SPDX-License-Identifier: GPL-3.0-or-later
"""Slow channels are found slow, fast ones are left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed: training cannot be tested")

from diffusion_talker.channels import MODEL_CHANNELS  # noqa: E402
from diffusion_talker.corpus import shards  # noqa: E402
from diffusion_talker.training.bandwidth import CANDIDATES_FRAMES, LEAST_ROUNDING_FRAMES, measure_smoothing  # noqa: E402
from tests.core.training.made_corpus import JAW, make_clip, write_made_corpus  # noqa: E402


def test_slow_head_and_abrupt_jaw(tmp_path):
    folder = write_made_corpus(tmp_path, clips=2)
    yaw = MODEL_CHANNELS.index("HeadYaw")
    clips = []
    for number in range(2):
        clip = make_clip(number)
        motion = clip.motion.copy()
        motion[:, yaw] = np.sin(np.arange(len(motion)) / 60 * 2 * np.pi * 0.3)
        clips.append(replace(clip, motion=motion))
    shards.write_shard(folder / "shard_00000.npz", clips)
    smoothing = measure_smoothing(folder)
    assert smoothing[yaw] == max(CANDIDATES_FRAMES)
    assert smoothing[JAW] == 0.0  # it jumps between frames: any filter would be seen
    assert smoothing[MODEL_CHANNELS.index("mouthPucker")] >= LEAST_ROUNDING_FRAMES
