# SPDX-License-Identifier: GPL-3.0-or-later
"""List the talkers and emotions to choose from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from diffusion_talker.library import Library, read_library


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `identities`."""
    parser.add_argument("--student", type=Path, metavar="FILE", help="student bundle (default: the one in the package)")
    parser.add_argument("--json", action="store_true", help="print JSON for other programs")


def run(args: argparse.Namespace) -> int:
    """Print the library."""
    library = read_library(args.student)
    print(_as_json(library) if args.json else _as_text(library))
    return 0


def _as_json(library: Library) -> str:
    identities = [{"name": entry.name, "description": entry.description} for entry in library.identities]
    return json.dumps({"identities": identities, "emotions": list(library.emotions)}, indent=2)


def _as_text(library: Library) -> str:
    width = max((len(entry.name) for entry in library.identities), default=0)
    lines = [f"  {entry.name:<{width}}  {entry.description}".rstrip() for entry in library.identities]
    return "\n".join(["Identities:", *lines, "Emotions:", "  " + ", ".join(library.emotions)])
