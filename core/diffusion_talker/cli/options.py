# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from diffusion_talker.student import DEVICES, RUNTIMES, GenerateSettings, Student, load_student


def add_performance_arguments(parser: argparse._ActionsContainer) -> None:
    """How the line is performed."""
    parser.add_argument("--identity", default="auto", metavar="NAME", help="talker, see 'identities' (default: auto)")
    parser.add_argument("--emotion", default="auto", metavar="NAME", help="emotion, see 'identities' (default: auto)")
    parser.add_argument("--intensity", type=float, default=1.0, help="strength of the emotion (default: 1)")
    parser.add_argument("--style-strength", type=float, default=1.0, help="strength of the talker's style (default: 1)")
    parser.add_argument("--steps", type=int, help="denoising steps (default: the student's own)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another take (default: 0)")


def performance_settings(args: argparse.Namespace) -> GenerateSettings:
    """Settings that `add_performance_arguments` asked for; the student checks them."""
    return GenerateSettings(args.identity, args.emotion, args.intensity, args.style_strength, args.steps, args.seed)


def add_student_arguments(parser: argparse._ActionsContainer) -> None:
    """Which student runs, and on what."""
    parser.add_argument("--student", type=Path, metavar="FILE", help="student bundle (default: the one in the package)")
    parser.add_argument("--runtime", choices=RUNTIMES, default="auto", help="what runs the network (default: auto)")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where PyTorch runs (default: auto)")
    parser.add_argument(
        "--torch-python", type=Path, metavar="FILE", help="a Python that has PyTorch; the network then runs there"
    )


def open_student(args: argparse.Namespace) -> Student:
    """Student that `add_student_arguments` asked for. Raises BundleError or RuntimeUnavailableError."""
    return load_student(args.student, args.runtime, args.device, args.torch_python)


def positive_number(text: str) -> float:
    """argparse type: a finite number above 0."""
    value = _number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not above 0")
    return value


def non_negative_number(text: str) -> float:
    """argparse type: a finite number, 0 or above."""
    value = _number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"'{text}' is below 0")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return value
