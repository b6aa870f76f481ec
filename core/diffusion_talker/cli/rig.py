# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate ARKit shape keys for a head without any: measure how good they are, or draw them all.

FLAME / VOCA and ICT-FaceKit heads are recognised; for any other give the marked points of the face (--marks), a JSON
file of {"chin": vertex or [x, y, z], ...}.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.rig_report import describe, measure_file, open_head, save_report

_PICTURES = (".jpg", ".jpeg", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `rig`."""
    verbs = parser.add_subparsers(dest="rig_verb", required=True)
    measure = verbs.add_parser("measure", help="generate all keys and print how good they are")
    measure.add_argument("--out", type=Path, metavar="FOLDER", help="also write rig.json and keys.npz there")
    sheet = verbs.add_parser("sheet", help="generate all keys and draw each of them, or a spoken line")
    sheet.add_argument("--own", action="store_true", help="draw the head's own sculpted keys instead")
    sheet.add_argument("--line", type=Path, metavar="MOTION", help="draw moments of this motion: .csv, .json or .npz")
    sheet.add_argument("--out", type=Path, required=True, metavar="FILE", help="picture to write, .jpg or .png")
    sheet.add_argument("--tile", type=_pixels, default=150, help="pixels of each view (default 150)")
    sheet.add_argument("--quiet", action="store_true", help="print errors only")
    for verb in (measure, sheet):
        verb.add_argument("mesh", type=Path, metavar="MESH", help="the neutral head: .ply, .obj or .npz")
        verb.add_argument("--close", action="store_true", help="first close a mouth that stands open in the neutral")
        verb.add_argument("--marks", type=Path, metavar="FILE", help="marked points of the face, .json")


def _pixels(text: str) -> int:
    if not text.isdecimal() or not 32 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 32 to 1024")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run `rig measure` or `rig sheet`."""
    return _measure(args) if args.rig_verb == "measure" else _sheet(args)


def _measure(args: argparse.Namespace) -> int:
    report, keys = measure_file(args.mesh, args.marks, args.close)
    print(describe(report))
    if args.out is not None:
        args.out.mkdir(parents=True, exist_ok=True)
        for path in save_report(report, keys, args.out):
            print(f"-> {path}")
    return 0


def _sheet(args: argparse.Namespace) -> int:
    from diffusion_talker.evaluation.rendering.sheet import save_picture
    from diffusion_talker.evaluation.rig_sheet import draw_keys, draw_line
    from diffusion_talker.formats import read_motion

    if args.out.suffix.lower() not in _PICTURES:
        raise SettingsError(f"'{args.out}' does not end in {' or '.join(_PICTURES)}. Choose one of these.")
    mesh, landmarks = open_head(args.mesh, args.marks, args.close)
    with ProgressBar("keys", args.quiet) as progress:
        if args.line is not None:
            picture = draw_line(mesh, landmarks, read_motion(args.line), args.tile, progress, args.own)
        else:
            picture = draw_keys(mesh, landmarks, args.tile, progress=progress, own=args.own)
        save_picture(picture, args.out)
    if not args.quiet:
        print(f"-> {args.out}")
    return 0
