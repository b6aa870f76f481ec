# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare how the faces of a corpus move with recorded takes and hand-made animation."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ
from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.corpus.phones import PHONE_NAMES, PHONES
from diffusion_talker.corpus.shards import Clip, read_shard
from diffusion_talker.errors import CorpusError
from diffusion_talker.evaluation.realism import ContactMeasure, measure_contacts, measure_faces
from diffusion_talker.evaluation.realism_plots import write_plots
from diffusion_talker.evaluation.realism_report import (
    RealismReport,
    Take,
    compare_hand_made,
    find_deviations,
    find_pair_deviations,
    read_curves,
    read_hand_made,
    write_json,
    write_markdown,
)
from diffusion_talker.formats.live_link_csv import read_live_link_csv
from diffusion_talker.motion import Motion

_CONTACTS = ("seal", "tuck", "teeth")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `corpus report`."""
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="corpus, finished or not")
    parser.add_argument(
        "--takes", type=Path, nargs="+", default=[], metavar="PATH",
        help="Live Link Face takes (CSV), or folders of them; names with 'rom' are range of motion and left out",
    )  # fmt: skip
    parser.add_argument("--facegood", type=Path, metavar="DIR", help="hand-made curves: npz with weights, names, fps")
    parser.add_argument("--predicted", type=Path, metavar="DIR", help="curves predicted from the same recordings (npz)")
    parser.add_argument("--clips", type=_count, default=400, help="clips to look at, spread evenly (default 400)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for report and plots")
    parser.add_argument("--no-plots", action="store_true", help="write the numbers only")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Measure, compare and write."""
    clips = read_clips(args.corpus, args.clips)
    takes = list(read_takes(args.takes))
    motions = [clip_motion(clip) for clip in clips]
    report = build_report(args.corpus.name, clips, motions, takes, args.facegood, args.predicted)
    args.out.mkdir(parents=True, exist_ok=True)
    spoken = [take.motion for take in takes if take.is_speech]
    plots = [] if args.no_plots else write_plots(report, _busiest(motions), _busiest(spoken), args.out)
    write_json(report, args.out / "report.json")
    write_markdown(report, plots, args.out / "report.md")
    print(_summary(report, args.out), file=sys.stdout)
    return 0


def read_clips(folder: Path, count: int) -> list[Clip]:
    """At most `count` clips with curves, from shards spread over the corpus. Raises CorpusError when there is none."""
    shards = sorted(folder.glob("shard_*.npz"))
    if not shards:
        raise CorpusError(f"{folder} holds no shard. Name the folder that corpus build wrote.")
    clips: list[Clip] = []
    for i in np.random.default_rng(0).permutation(len(shards)):
        clips += [clip for clip in read_shard(shards[i]) if clip.motion.ndim == 2]
        if len(clips) >= count:
            break
    if not clips:
        raise CorpusError(f"{folder} holds vertices of a mesh; only curves can be compared. Choose a corpus of curves.")
    return clips[:count]


def clip_motion(clip: Clip) -> Motion:
    """The curves of a clip."""
    return Motion(clip.motion.astype(np.float32), MODEL_CHANNELS, float(MOTION_RATE_HZ))


def read_takes(paths: Iterable[Path]) -> Iterator[Take]:
    """Takes of files and folders; speech are those whose name does not say "rom". Raises FormatError."""
    for path in paths:
        for file in sorted(path.glob("*.csv")) if path.is_dir() else [path]:
            yield Take(file.stem, "rom" not in file.stem.lower(), read_live_link_csv(file))


def build_report(
    name: str,
    clips: list[Clip],
    motions: list[Motion],
    takes: list[Take],
    hand_made_folder: Path | None,
    predicted_folder: Path | None,
) -> RealismReport:
    """All measures and their comparison. Raises CorpusError when a folder of curves holds none."""
    corpus = measure_faces(motions)
    spoken = [take for take in takes if take.is_speech]
    real = measure_faces([take.motion for take in spoken]) if spoken else None
    pairs, mean_difference = find_pair_deviations(corpus, real) if real else ((), 0.0)
    hand_made = read_hand_made(hand_made_folder) if hand_made_folder else {}
    predicted = {p.stem: read_curves(p) for p in sorted(predicted_folder.glob("*.npz"))} if predicted_folder else {}
    return RealismReport(
        corpus_name=name,
        clip_count=len(clips),
        corpus=corpus,
        takes=real,
        take_names=tuple(take.name for take in spoken),
        left_out=tuple(take.name for take in takes if not take.is_speech),
        contacts=contacts_of(clips, motions),
        deviations=find_deviations(corpus, real) if real else (),
        pairs=pairs,
        mean_pair_difference=mean_difference,
        hand_made=compare_hand_made(corpus, hand_made, predicted) if hand_made else (),
    )


def contacts_of(clips: list[Clip], motions: list[Motion]) -> dict[str, ContactMeasure]:
    """How often each kind of contact is made, by the clips' phone labels."""
    labelled = [(motion, clip.phone) for clip, motion in zip(clips, motions, strict=True)]
    return {kind: measure_contacts(labelled, _phones_with(kind), kind) for kind in _CONTACTS}


def _phones_with(contact: str) -> frozenset[int]:
    return frozenset(i for i, name in enumerate(PHONE_NAMES) if PHONES[name].contact == contact)


def _busiest(motions: list[Motion]) -> Motion | None:
    """The motion whose jaw travels farthest in a second; None when there is none."""
    return max(motions, key=lambda m: float(np.abs(np.diff(m.column("jawOpen"))).mean()) * m.rate_hz, default=None)


def _summary(report: RealismReport, folder: Path) -> str:
    shares = ", ".join(f"{kind} {100 * min(found.share.values()):.2f} %" for kind, found in report.contacts.items())
    lines = [f"Contacts at the worst frame rate: {shares}."]
    if report.takes:
        lines.append(
            f"{len(report.deviations)} deviations from the takes; mean |difference| of correlations "
            f"{report.mean_pair_difference:.3f}."
        )
    return "\n".join([*lines, f"-> {folder / 'report.md'}"])
