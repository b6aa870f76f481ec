# SPDX-License-Identifier: GPL-3.0-or-later
"""What ships: the distilled student, its file format and its runtimes."""

from diffusion_talker.student.generate import AUTO, GenerateSettings, MatchResult, Student, load_student
from diffusion_talker.student.runtime import DEVICES, RUNTIMES

__all__ = ["AUTO", "DEVICES", "RUNTIMES", "GenerateSettings", "MatchResult", "Student", "load_student"]
