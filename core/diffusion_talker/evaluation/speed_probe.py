# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that loads a model, says when its first ten seconds are animated, and then how fast it is warm.

python -m diffusion_talker.evaluation.speed_probe MODEL RUNTIME STEPS CLIP_S RUNS
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Final

from diffusion_talker.audio import SAMPLE_RATE_HZ, ArraySource
from diffusion_talker.evaluation.models import open_model
from diffusion_talker.evaluation.sound import speech_like
from diffusion_talker.student import GenerateSettings

COLD_CLIP_S: Final = 10.0


def main(arguments: list[str]) -> int:
    """Print "cold" when the first clip is done, then the warm figures as JSON; returns the exit code."""
    model, runtime, steps, clip_s, runs = arguments
    settings = GenerateSettings(steps=int(steps))
    student = open_model(Path(model), runtime, int(steps))
    student.generate(ArraySource(speech_like(COLD_CLIP_S), SAMPLE_RATE_HZ), settings, None, None)
    print("cold", flush=True)
    source = ArraySource(speech_like(float(clip_s)), SAMPLE_RATE_HZ)
    walls_s = []
    for _ in range(int(runs)):
        started_s = time.perf_counter()
        motion = student.generate(source, settings, None, None)
        walls_s.append(time.perf_counter() - started_s)
    print(json.dumps({"frames_per_s": motion.frame_count / min(walls_s), "runtime": student.runtime_name}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
