# SPDX-License-Identifier: GPL-3.0-or-later
"""Add an identity to your own library: from recordings of a voice, from a mixture of talkers, or from an exported file.

The voice's style is a mixture of the built-in talkers nearest to it. Some seconds of the sound's spectrum are kept, so
that the identity can be carried over to another student.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path

from diffusion_talker.audio import FileSource
from diffusion_talker.cli.options import add_library_argument, add_student_arguments, open_student
from diffusion_talker.errors import SettingsError
from diffusion_talker.library import UserIdentity, UserLibrary, enrol, mix
from diffusion_talker.student import Student
from diffusion_talker.student.notation import mixture

_LISTED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `enrol`."""
    parser.add_argument("name", metavar="NAME", help="name of the new identity")
    parser.add_argument("recordings", nargs="*", type=Path, metavar="IN", help="recordings of one voice")
    parser.add_argument("--mix", metavar="NAME[:SHARE],...", help="mix talkers instead of using recordings")
    parser.add_argument("--description", default="", help="one line that lists show")
    parser.add_argument("--json", action="store_true", help="print JSON for other programs")
    add_library_argument(parser)
    add_student_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Make the identity, keep it, and say what it is."""
    if bool(args.recordings) == bool(args.mix):
        raise SettingsError("Give either recordings of the voice, or --mix with talkers that are there.")
    identity = _make(args, open_student(args))
    UserLibrary(args.library).add(identity)
    print(_as_json(identity) if args.json else _as_text(identity, args.library))
    return 0


def _make(args: argparse.Namespace, student: Student) -> UserIdentity:
    if args.mix:
        return mix(student, args.name, mixture("--mix", args.mix), args.description)
    with ExitStack() as opened:
        sources = [opened.enter_context(FileSource(path)) for path in args.recordings]
        return enrol(student, args.name, sources, args.description)


def _as_json(identity: UserIdentity) -> str:
    shares = [{"name": name, "share": round(share, 6)} for name, share in identity.shares]
    return json.dumps({"name": identity.name, "description": identity.description,
                       "voiced_s": round(identity.voiced_s, 2), "shares": shares}, indent=2)


def _as_text(identity: UserIdentity, folder: Path) -> str:
    largest = sorted(identity.shares, key=lambda part: -part[1])[:_LISTED]
    style = ", ".join(f"{share:.0%} {name}" for name, share in largest)
    heard = f" {identity.voiced_s:.1f} s of voiced sound." if identity.has_voice else ""
    return f"'{identity.name}' is now in {folder}.{heard} Style: {style}."
