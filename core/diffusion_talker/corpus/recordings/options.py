# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of `corpus build` about recorded speech, and what it tells of it."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from diffusion_talker.corpus.recordings.build import RecordedSettings
from diffusion_talker.corpus.recordings.split import HELD_OUT_SPEAKERS, held_out_speakers
from diffusion_talker.corpus.shards import Manifest
from diffusion_talker.errors import SettingsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `corpus build` about recorded speech."""
    group = parser.add_argument_group("recorded speech, on top of --hours of synthetic speech")
    group.add_argument(
        "--recordings", type=Path, metavar="DIR", help="folder with sets of recordings (docs/datasets.md)"
    )
    group.add_argument(
        "--recogniser", type=Path, metavar="FILE", help="trained phone recogniser; without it only labelled recordings"
    )
    group.add_argument(
        "--recorded-share", type=float, default=0.2, metavar="S", help="share of all hours to reach (default 0.2)"
    )
    group.add_argument(
        "--hold-out",
        metavar="NAMES",
        help=f"speakers to keep for evaluation, or none (default {','.join(sorted(HELD_OUT_SPEAKERS))})",
    )


def recorded_settings(args: argparse.Namespace, test_set: bool = False) -> RecordedSettings | None:
    """What the arguments ask for; test_set: the held-out speakers alone. Raises SettingsError."""
    if args.recordings is None:
        if args.recogniser is not None:
            raise SettingsError("--recogniser finds phones in recordings. Name their folder with --recordings too.")
        return None
    held_out = held_out_speakers(args.hold_out)
    return RecordedSettings(args.recordings, args.recogniser, args.recorded_share, held_out, test_set)


def command_words(settings: RecordedSettings | None) -> str:
    """The arguments again, as the manifest notes them; folders and files by their names."""
    if settings is None:
        return ""
    recogniser = f" --recogniser {shlex.quote(settings.recogniser.name)}" if settings.recogniser else ""
    held_out = ",".join(sorted(settings.held_out)) or "none"
    return (
        f" --recordings {shlex.quote(settings.folder.name)}{recogniser} --recorded-share {settings.share:g}"
        f" --hold-out {shlex.quote(held_out)}"
    )


def show_progress(what: str, done: int, total: int) -> None:
    """One line that is written over."""
    print(f"\r{done} of {total} {what}   ", end="" if done < total else "\n", flush=True)


def recorded_summary(manifest: Manifest) -> str:
    """What recordings gave to a corpus, a line for each source and one about what is missing; "" without any."""
    lines: list[str] = []
    for source in manifest.recorded_sources:
        lines.append(
            f"  recorded {source.name} ({source.licence}): {source.minutes:.1f} min from {source.pieces} pieces; "
            f"{source.unsure_pieces} unsure pieces dropped, {source.held_out_recordings} recordings held out"
        )
    unheard = sum(source.unheard_recordings for source in manifest.recorded_sources)
    if unheard:
        lines.append(
            f"  {unheard} recordings have no phones by hand and were left out. Give --recogniser to use them "
            "(python -m diffusion_talker train recogniser)."
        )
    return "\n".join(lines)
