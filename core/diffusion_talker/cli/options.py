# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from diffusion_talker.library import UserIdentity, UserLibrary, default_library_folder
from diffusion_talker.student import DEVICES, REGIONS, RUNTIMES, GenerateSettings, Student, load_student, notation


def add_performance_arguments(parser: argparse._ActionsContainer) -> None:
    """How the line is performed."""
    parser.add_argument("--identity", default="auto", metavar="NAME[:SHARE],...",
                        help="talker, or a mixture of several, see 'identities' (default: auto)")
    parser.add_argument("--emotion", default="auto", metavar="NAME[:AMOUNT],...",
                        help="emotion, or a mixture; what amounts leave of 1 is neutral (default: auto)")
    parser.add_argument("--intensity", type=float, default=1.0, help="strength of the emotion (default: 1)")
    parser.add_argument("--style", action="append", default=[], metavar="AXIS=VALUE",
                        help="a slider from -1 to 1, see 'identities'; may be given more than once")
    parser.add_argument("--style-strength", type=float, default=1.0, help="strength of the talker's style (default: 1)")
    parser.add_argument("--region", action="append", default=[], metavar="REGION=AMOUNT",
                        help=f"amount of the emotion in a part of the face ({', '.join(REGIONS)}), 0 to 1.5")
    parser.add_argument("--steps", type=int, help="denoising steps (default: the student's own)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another take (default: 0)")
    add_library_argument(parser)


def add_library_argument(parser: argparse._ActionsContainer) -> None:
    """Where the user's own identities are."""
    parser.add_argument("--library", type=Path, default=default_library_folder(), metavar="DIR",
                        help="folder of your own identities (default: %(default)s)")


def performance_settings(args: argparse.Namespace) -> GenerateSettings:
    """Settings that `add_performance_arguments` asked for; the student checks them. Raises SettingsError."""
    return notation.performance_settings(
        identity=args.identity,
        emotion=args.emotion,
        intensity=args.intensity,
        style_strength=args.style_strength,
        style=args.style,
        regions=args.region,
        steps=args.steps,
        seed=args.seed,
    )


def add_student_arguments(parser: argparse._ActionsContainer) -> None:
    """Which student runs, and on what."""
    parser.add_argument("--student", type=Path, metavar="FILE", help="student bundle (default: the one in the package)")
    parser.add_argument("--runtime", choices=RUNTIMES, default="auto", help="what runs the network (default: auto)")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where PyTorch runs (default: auto)")
    parser.add_argument(
        "--torch-python", type=Path, metavar="FILE", help="a Python that has PyTorch; the network then runs there"
    )


def open_student(args: argparse.Namespace) -> Student:
    """Student that `add_student_arguments` asked for, knowing the user's own identities where `--library` was.

    Raises BundleError or RuntimeUnavailableError.
    """
    student = load_student(args.student, args.runtime, args.device, args.torch_python)
    if "library" in args:
        student.use_identities(read_own(args.library))
    return student


def read_own(folder: Path) -> tuple[UserIdentity, ...]:
    """The user's own identities; what was set aside is said on standard error."""
    listing = UserLibrary(folder).listing()
    for message in listing.messages:
        print(f"warning: {message}", file=sys.stderr)
    return listing.identities


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
