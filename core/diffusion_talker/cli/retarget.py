# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring ARKit motion onto a face with other shape keys: write its curves, or measure how well that works.

Keys are given by name, one a line in a text file (--keys). The mapping that is found is printed as a table. Without
--keys the motion is tried on heads that have only visemes or vowels, made of the demo head, and compared with direct
animation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.errors import FormatError, SettingsError
from diffusion_talker.evaluation.retargeting import describe, made_heads, measure_head, retarget_file
from diffusion_talker.formats import motion_format, read_motion

_PICTURES = (".jpg", ".jpeg", ".png")
_TILE = 130
#: Heads of which every key is drawn: the others say the same with other names.
_KEY_SHEET = ("VRM 0", "Oculus visemes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `retarget`."""
    parser.add_argument("motion", type=Path, metavar="MOTION", help="ARKit motion: .csv, .json or .npz")
    parser.add_argument("--keys", type=Path, metavar="FILE", help="names of the face's shape keys, one a line")
    parser.add_argument("--out", type=Path, metavar="FILE", help="with --keys: curves to write, .json or .npz")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="without --keys: picture to write, .jpg or .png")
    parser.add_argument("--key-sheet", type=Path, metavar="FILE", help="without --keys: picture of the heads' visemes")
    parser.add_argument("--quiet", action="store_true", help="print errors only")


def run(args: argparse.Namespace) -> int:
    """Map a file's keys, or measure the made heads."""
    if args.keys is not None:
        return _map(args)
    if args.out is not None:
        raise SettingsError("--out needs the names of the face's keys. Give them with --keys FILE.")
    return _measure(args)


def _map(args: argparse.Namespace) -> int:
    if args.sheet is not None or args.key_sheet is not None:
        raise SettingsError("--sheet and --key-sheet show the made heads. Leave out --keys.")
    if args.out is not None and motion_format(args.out).extension == ".csv":
        raise SettingsError("Live Link Face files hold ARKit's names only. Write .npz or .json.")
    try:
        names = [line.strip() for line in args.keys.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"'{args.keys}' could not be read as text. Give a file with one key name a line.") from error
    table = retarget_file(args.motion, names, args.out)
    if not args.quiet:
        print(table)
    return 0


def _measure(args: argparse.Namespace) -> int:
    for path in (args.sheet, args.key_sheet):
        if path is not None and path.suffix.lower() not in _PICTURES:
            raise SettingsError(f"'{path}' does not end in {' or '.join(_PICTURES)}. Choose one of these.")
    motion = read_motion(args.motion)
    heads = made_heads()
    with ProgressBar("heads", args.quiet) as progress:
        reports = []
        for i, head in enumerate(heads):
            reports += [measure_head(motion, head, measured) for measured in (False, True)]
            progress((i + 1) / len(heads))
    print(describe(reports))
    if args.key_sheet is not None:
        from diffusion_talker.evaluation.rendering.sheet import save_picture
        from diffusion_talker.evaluation.retarget_sheet import draw_made_keys

        with ProgressBar(args.key_sheet.name, args.quiet) as progress:
            shown = [head for head in heads if head.title in _KEY_SHEET]
            save_picture(draw_made_keys(shown, _TILE, progress=progress), args.key_sheet)
        print(f"-> {args.key_sheet}")
    if args.sheet is not None:
        from diffusion_talker.evaluation.rendering.sheet import save_picture
        from diffusion_talker.evaluation.retarget_sheet import draw_retarget_sheet

        with ProgressBar(args.sheet.name, args.quiet) as progress:
            save_picture(draw_retarget_sheet(motion, heads, _TILE, progress), args.sheet)
        print(f"-> {args.sheet}")
    return 0
