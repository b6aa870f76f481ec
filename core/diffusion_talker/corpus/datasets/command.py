# SPDX-License-Identifier: GPL-3.0-or-later
"""`corpus import`: a published data set of talking faces becomes corpora, one for each of its splits."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from diffusion_talker.corpus.datasets.beat import Beat
from diffusion_talker.corpus.datasets.biwi import Biwi
from diffusion_talker.corpus.datasets.importer import Imported, Progress, import_dataset
from diffusion_talker.corpus.datasets.sources import Dataset
from diffusion_talker.corpus.datasets.threed_etf import ThreeDEtf
from diffusion_talker.corpus.datasets.vocaset import Vocaset
from diffusion_talker.errors import SettingsError

DATASETS: Final[Mapping[str, Callable[[Path], Dataset]]] = {
    "vocaset": Vocaset, "biwi": Biwi, "beat": Beat, "etf": ThreeDEtf,
}  # fmt: skip
_LINES_SHOWN: Final = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `corpus import`."""
    parser.description = __doc__
    parser.add_argument("dataset", choices=tuple(DATASETS), help="which data set it is")
    parser.add_argument("source", type=Path, metavar="SRC", help="folder that it was unpacked to")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder to write: OUT/train, OUT/val, OUT/test; an interrupted import in it is resumed",
    )
    parser.add_argument("--split", default="all", help="all, or one split: train, val, test (default all)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default 2)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    """Run `corpus import`; returns the exit code."""
    dataset = DATASETS[args.dataset](args.source)
    splits = chosen_splits(dataset, args.split)
    command = f"corpus import {args.dataset} {shlex.quote(args.source.name)} --split {args.split}"
    imported = import_dataset(dataset, args.out, splits, args.workers, command, None if args.quiet else _show)
    if not args.quiet:
        print("\n" + "\n".join(_summary(imported, args.out)))
        print(f"Licence of the data, and of what is trained on them: {dataset.licence}.")
    return 0


def chosen_splits(dataset: Dataset, wanted: str) -> tuple[str, ...]:
    """Splits of a data set that a word stands for; "test" stands for all its tests. Raises SettingsError."""
    if wanted == "all":
        return dataset.splits
    found = tuple(split for split in dataset.splits if split == wanted or split.split("-")[0] == wanted)
    if not found:
        raise SettingsError(f"{dataset.title} has no split '{wanted}'. Choose from: all, {', '.join(dataset.splits)}.")
    return found


def _show(progress: Progress) -> None:
    left = "" if progress.eta_s is None else f", {progress.eta_s / 60:.1f} min left"
    print(f"\r{progress.takes} of {progress.total_takes} takes{left}   ", end="", flush=True)


def _summary(imported: Imported, out: Path) -> list[str]:
    lines = _some("not usable", imported.left_out)
    for split, manifest in imported.manifests.items():
        clips = sum(shard.clips for shard in manifest.shards)
        lines.append(
            f"{out / split}: {manifest.hours:.2f} h in {clips} clips, {len(manifest.clips_per_identity)} talkers."
        )
        lines += _some("skipped", manifest.skipped_clips[len(imported.left_out) :])
        lines += _some("not taken as they are", manifest.remarks)
    return lines


def _some(title: str, lines: tuple[str, ...]) -> list[str]:
    """The first few of many lines, with their number."""
    if not lines:
        return []
    shown = [f"    {line}" for line in lines[:_LINES_SHOWN]]
    more = [f"    and {len(lines) - _LINES_SHOWN} more, see manifest.json"] if len(lines) > _LINES_SHOWN else []
    return [f"  {len(lines)} {title}:", *shown, *more]
