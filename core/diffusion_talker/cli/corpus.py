# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the synthetic training corpus: speech of several engines with the faces that say it."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from diffusion_talker.cli import corpus_report, corpus_sheet, corpus_show
from diffusion_talker.corpus.build import (
    ENGINES,
    BuildSettings,
    Progress,
    build_corpus,
    missing_engines,
    missing_voices,
)
from diffusion_talker.corpus.census import RARE_SHARE, rare_phones
from diffusion_talker.corpus.datasets import command as datasets
from diffusion_talker.corpus.recordings import options as recordings
from diffusion_talker.corpus.shards import Manifest

#: Verbs that look at a corpus, and what they do.
_LOOKING_VERBS = {
    "show": (corpus_show, "show a clip as video with sound, and as a plot"),
    "sheet": (corpus_sheet, "draw the mouth of every phone"),
    "report": (corpus_report, "compare how its faces move with recorded takes"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `corpus`."""
    verbs = parser.add_subparsers(dest="corpus_verb", required=True)
    build = verbs.add_parser("build", help="build a corpus, or finish one that was interrupted")
    build.add_argument("--hours", type=_positive, default=5.0, help="hours of audio to reach (default 5)")
    build.add_argument("--out", type=Path, required=True, help="folder to write; an interrupted build in it is resumed")
    build.add_argument("--seed", type=int, default=0, help="the same seed gives the same corpus (default 0)")
    build.add_argument("--workers", type=int, default=2, help="worker processes (default 2)")
    build.add_argument(
        "--engines", default=",".join(ENGINES), help=f"speech engines to use (default {','.join(ENGINES)})"
    )
    build.add_argument(
        "--test-set",
        action="store_true",
        help="make what models are measured on: talkers and voices that no training corpus has, and of the recordings "
        "only the speakers that training holds out",
    )
    build.add_argument("--quiet", action="store_true", help="print nothing but errors")
    recordings.add_arguments(build)
    datasets.add_arguments(verbs.add_parser("import", help="convert a published data set into corpora"))
    for name, (module, explanation) in _LOOKING_VERBS.items():
        module.add_arguments(verbs.add_parser(name, help=explanation))


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e5:
        raise argparse.ArgumentTypeError(f"must be a number of hours above 0, not {text}")
    return value


def run(args: argparse.Namespace) -> int:
    """Run `corpus build` or another verb; returns the exit code."""
    if args.corpus_verb == "import":
        return datasets.run(args)
    if args.corpus_verb in _LOOKING_VERBS:
        return _LOOKING_VERBS[args.corpus_verb][0].run(args)
    engines = tuple(name.strip() for name in args.engines.split(",") if name.strip())
    unknown = [name for name in engines if name not in ENGINES]
    if unknown or not engines:
        print(
            f"Unknown engine {', '.join(unknown) or '(none given)'}. Choose from: {', '.join(ENGINES)}.",
            file=sys.stderr,
        )
        return 2
    for engine, reason in missing_engines(engines).items():
        print(f"Skipping {engine}. {reason}", file=sys.stderr)
    for reason in missing_voices(engines, args.test_set).values():
        print(f"Going on without it: {reason}", file=sys.stderr)
    settings = BuildSettings(hours=args.hours, seed=args.seed, engines=engines, test_set=args.test_set)
    recorded = recordings.recorded_settings(args, args.test_set)
    command = f"corpus build --hours {args.hours:g} --seed {args.seed} --engines {shlex.quote(args.engines)}"
    command += " --test-set" * args.test_set + recordings.command_words(recorded)
    report = None if args.quiet else _show
    report_recorded = None if args.quiet else recordings.show_progress
    manifest = build_corpus(args.out, settings, max(1, args.workers), command, report, recorded, report_recorded)
    if not args.quiet:
        print("\n" + _summary(manifest, args.out))
    return 0


def _show(progress: Progress) -> None:
    left = "" if progress.eta_s is None else f", {progress.eta_s / 60:.1f} min left"
    print(
        f"\r{progress.hours:.2f} of {progress.target_hours:g} h in {progress.shards} shards{left}   ",
        end="",
        flush=True,
    )


def _summary(manifest: Manifest, folder: Path) -> str:
    clips = sum(shard.clips for shard in manifest.shards)
    lines = [f"{folder}: {manifest.hours:.2f} h in {clips} clips, {len(manifest.skipped_clips)} skipped."]
    for title in ("language", "engine", "identity", "emotion"):
        counts = getattr(manifest, f"clips_per_{title}")
        lines.append(f"  {title}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    rare = rare_phones(manifest.phone_share)
    if rare:
        named = ", ".join(f"{name} {share:.3%}" for name, share in rare.items())
        lines.append(f"  rare phones (less than {RARE_SHARE:.1%} of the frames): {named}")
    return "\n".join(line for line in (*lines, recordings.recorded_summary(manifest)) if line)
