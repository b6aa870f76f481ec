# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffusion Talker: recorded speech in, facial animation curves out.

The way from audio to curves needs NumPy alone. Importing the package loads nothing else, so that a new process
starts quickly; the submodules are imported where they are used::

    from diffusion_talker.audio import FileSource
    from diffusion_talker.formats import write_motion
    from diffusion_talker.student import GenerateSettings, load_student

    student = load_student()
    motion = student.generate(FileSource("line.wav"), GenerateSettings())
    write_motion("line.csv", motion)
"""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__"]
