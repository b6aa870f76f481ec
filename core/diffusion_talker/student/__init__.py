# SPDX-License-Identifier: GPL-3.0-or-later
"""What ships: the distilled student, its file format and its runtimes."""

from diffusion_talker.student.generate import MatchResult, Student, load_student
from diffusion_talker.student.hearing import Heard
from diffusion_talker.student.runtime import DEVICES, RUNTIMES
from diffusion_talker.student.settings import AUTO, REGIONS, Curve, GenerateSettings

__all__ = [
    "AUTO", "DEVICES", "REGIONS", "RUNTIMES", "Curve", "GenerateSettings", "Heard", "MatchResult", "Student",
    "load_student",
]
