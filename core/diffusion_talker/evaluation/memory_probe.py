# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in a process of its own: how much memory generating a sound file adds to Python with NumPy.

python -m diffusion_talker.evaluation.memory_probe STUDENT SOUND    prints megabytes, or "unknown"
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(student_path: str, sound_path: str) -> None:
    """Print the extra peak memory in MB."""
    import numpy as np

    from diffusion_talker.evaluation.machine import peak_memory_mb

    np.ones((256, 256), np.float32) @ np.ones((256, 256), np.float32)  # what any use of NumPy brings in
    before_mb = peak_memory_mb()

    from diffusion_talker.audio import FileSource
    from diffusion_talker.student import GenerateSettings, load_student

    load_student(Path(student_path), "numpy").generate(FileSource(sound_path), GenerateSettings(), None, None)
    after_mb = peak_memory_mb()
    print("unknown" if before_mb is None or after_mb is None else f"{after_mb - before_mb:.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
