# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell which talkers, the user's own among them, and which emotions a recording is closest to, best first."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from diffusion_talker.audio import FileSource
from diffusion_talker.cli.options import add_library_argument, add_student_arguments, open_student
from diffusion_talker.student import MatchResult

_LISTED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `match`."""
    parser.add_argument("recording", type=Path, metavar="IN", help="recorded speech")
    parser.add_argument("--json", action="store_true", help="print everything as JSON for other programs")
    add_library_argument(parser)
    add_student_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print the ranking."""
    with FileSource(args.recording) as source:
        result = open_student(args).match(source)
    print(_as_json(result) if args.json else _as_text(result))
    return 0


def _as_json(result: MatchResult) -> str:
    identities = [{"name": name, "similarity": round(value, 6)} for name, value in result.identities]
    identities = [entry | {"own": True} if entry["name"] in result.own else entry for entry in identities]
    emotions = [{"name": name, "probability": round(value, 6)} for name, value in result.emotions]
    return json.dumps({"identities": identities, "emotions": emotions}, indent=2)


def _as_text(result: MatchResult) -> str:
    identities = [f"  {value:6.3f}  {name}{'  (your own)' if name in result.own else ''}"
                  for name, value in result.identities[:_LISTED]]
    emotions = [f"  {value:6.1%}  {name}" for name, value in result.emotions[:_LISTED]]
    return "\n".join(["Closest identities (similarity):", *identities, "Likeliest emotions:", *emotions])
