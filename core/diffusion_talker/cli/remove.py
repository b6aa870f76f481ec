# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove an identity from your own library."""

from __future__ import annotations

import argparse
import json

from diffusion_talker.cli.options import add_library_argument
from diffusion_talker.library import UserLibrary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `remove`."""
    parser.add_argument("name", metavar="NAME", help="name of the identity")
    parser.add_argument("--json", action="store_true", help="print JSON for other programs")
    add_library_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Remove it and say so."""
    library = UserLibrary(args.library)
    name = library.get(args.name).name
    library.remove(name)
    print(json.dumps({"removed": name}) if args.json else f"'{name}' is no longer in {library.folder}.")
    return 0
