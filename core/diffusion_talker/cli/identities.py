# SPDX-License-Identifier: GPL-3.0-or-later
"""List the talkers, emotions and style sliders to choose from; the user's own identities beside the built-in ones."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from diffusion_talker.cli.options import add_library_argument, read_own
from diffusion_talker.library import AxisInfo, IdentityInfo, Library, UserIdentity, read_library


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `identities`."""
    parser.add_argument("--student", type=Path, metavar="FILE", help="student bundle (default: the one in the package)")
    parser.add_argument("--json", action="store_true", help="print JSON for other programs")
    add_library_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the library."""
    library, own = read_library(args.student), read_own(args.library)
    print(_as_json(library, own) if args.json else _as_text(library, own))
    return 0


def _as_json(library: Library, own: tuple[UserIdentity, ...]) -> str:
    identities = [{"name": entry.name, "description": entry.description} for entry in library.identities]
    identities += [{"name": entry.name, "description": entry.description, "own": True} for entry in own]
    axes = [{"name": axis.name, "description": axis.description} for axis in library.axes]
    return json.dumps({"identities": identities, "emotions": list(library.emotions), "axes": axes}, indent=2)


def _as_text(library: Library, own: tuple[UserIdentity, ...]) -> str:
    named = [("Identities:", library.identities), ("Your own identities:", own), ("Style sliders:", library.axes)]
    width = max((len(entry.name) for _, entries in named for entry in entries), default=0)
    lines = [line for title, entries in named for line in _listed(title, entries, width)]
    return "\n".join([*lines, "Emotions:", "  " + ", ".join(library.emotions)])


def _listed(title: str, entries: tuple[IdentityInfo | UserIdentity | AxisInfo, ...], width: int) -> list[str]:
    lines = [f"  {entry.name:<{width}}  {entry.description}".rstrip() for entry in entries]
    return [title, *lines] if lines else []
