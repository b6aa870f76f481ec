# SPDX-License-Identifier: GPL-3.0-or-later
"""How well ARKit motion survives on heads with other keys, measured on heads that are made of the demo head's shapes.

A made head has the keys of one vocabulary and no others. Each key is the pose that our tables give its name, but every
channel of it strays by up to 30%, as another sculptor's would: solving by name then works from poses that are not quite
the truth, solving by measurement from the truth.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.errors import SettingsError
from diffusion_talker.formats import read_motion, write_motion
from diffusion_talker.motion import Motion, select_channels
from diffusion_talker.rigs.mapping import Mapping, MeasuredFace, apply_mapping, map_keys
from diffusion_talker.rigs.retarget import FaceBasis, combine_basis, demo_basis, lip_gap, retarget_error
from diffusion_talker.rigs.vocabularies import KeyKind, recognize, vocabulary_named

_STRAY: Final = 0.3
_SEED: Final = 5
#: Lips closer than this are closed, and a closure counts as one when they were further apart than that before.
CLOSED_MM: Final = 0.5
_OPEN_MM: Final = 2.0


@dataclass(frozen=True)
class MadeHead:
    """A head with the keys of one vocabulary: its title and the keys as movement of the demo head's mesh."""

    title: str
    basis: FaceBasis

    @property
    def arkit_poses(self) -> np.ndarray:
        """What every key is made of, (K, 52) ARKit weights."""
        return _made_poses(self.basis.names)


@dataclass(frozen=True)
class RetargetReport:
    """One head, one motion. measured: solved on measured keys, not by their names.

    mean_mm, lips_mm: distance from direct animation, over all moving vertices and at the lips; moved_mm: how far direct
    animation moves them. closures: how often the lips close; widest_closure_mm: the largest gap left in any of them;
    direct_closure_mm: the same under direct animation. gap_correlation and opening: correlation of the lips' gap with
    the direct one, and ratio of their standard deviations. seconds: processor time for all frames.
    """

    title: str
    measured: bool
    keys: int
    mean_mm: float
    lips_mm: float
    moved_mm: float
    closures: int
    widest_closure_mm: float
    direct_closure_mm: float
    gap_correlation: float
    opening: float
    seconds: float


def made_heads() -> tuple[MadeHead, ...]:
    """Heads from rich to poor: ARKit without mouthClose, several sets of visemes, five vowels and a blink."""
    titles = ("Oculus visemes", "MPFB visemes (Microsoft)", "Reallusion 15 visemes", "Reallusion 8 visemes",
              "Preston Blair", "VRM 0")  # fmt: skip
    sets = {"ARKit without mouthClose": tuple(name for name in ARKIT_52 if name != "mouthClose")}
    for title in titles:
        keys = [key.name for key in vocabulary_named(title).keys if key.kind is KeyKind.VISEME]
        sets[title] = tuple(keys + ["blink"] if title == "VRM 0" else keys)
    return tuple(MadeHead(title, made_head(names)) for title, names in sets.items())


def made_head(names: tuple[str, ...]) -> FaceBasis:
    """The demo head with these keys alone. Raises ValueError for a name that no vocabulary knows."""
    return combine_basis(demo_basis(), names, _made_poses(names))


def poses_of(names: tuple[str, ...]) -> np.ndarray:
    """Poses (K, 52) in ARKit weights that key names stand for. Raises ValueError for a name nobody knows."""
    poses = np.zeros((len(names), len(ARKIT_52)))
    for row, name, found in zip(poses, names, recognize(names), strict=True):
        if found is None:
            raise ValueError(f"{name} is in no vocabulary")
        for channel, weight in found.meaning.pose:
            row[ARKIT_52.index(channel)] = weight
    return poses


def _made_poses(names: tuple[str, ...]) -> np.ndarray:
    """The table's poses, strayed; jaw and lips of a seal together, and whole ARKit shapes as they are."""
    poses = poses_of(names)
    stray = 1.0 + _STRAY * np.random.default_rng(_SEED).uniform(-1.0, 1.0, poses.shape)
    jaw, close = ARKIT_52.index("jawOpen"), ARKIT_52.index("mouthClose")
    stray[:, close] = stray[:, jaw]
    stray[(poses > 0).sum(axis=1) == 1] = 1.0
    return poses * stray


def closures(gap_mm: np.ndarray) -> list[slice]:
    """Runs of frames in which the lips are closed, after having been open; rest before the first word is none."""
    found, opened, start = [], False, -1
    for frame, gap in enumerate(gap_mm.tolist()):
        if gap < CLOSED_MM and opened and start < 0:
            start = frame
        if gap > _OPEN_MM:
            if start >= 0:
                found.append(slice(start, frame))
            opened, start = True, -1
    return found


def measure_head(motion: Motion, head: MadeHead, measured: bool) -> RetargetReport:
    """Drive one made head with ARKit motion and compare it with the demo head under the same motion."""
    source, face = demo_basis(), MeasuredFace(demo_basis(), head.basis) if measured else None
    mapping: Mapping = map_keys(head.basis.names, measured=face)
    started = time.process_time()
    moved = apply_mapping(motion, mapping, face)
    seconds = time.process_time() - started
    weights = select_channels(motion, ARKIT_52).weights
    solved = select_channels(moved, head.basis.names).weights
    error = retarget_error(source, head.basis, weights, solved)
    still = retarget_error(source, head.basis, weights, np.zeros_like(solved))
    runs = closures(error.direct_gap_mm)
    return RetargetReport(
        title=head.title,
        measured=measured,
        keys=len(head.basis.names),
        mean_mm=error.mean_mm,
        lips_mm=error.lips_mm,
        moved_mm=still.mean_mm,
        closures=len(runs),
        widest_closure_mm=max((float(error.solved_gap_mm[run].min()) for run in runs), default=0.0),
        direct_closure_mm=max((float(error.direct_gap_mm[run].min()) for run in runs), default=0.0),
        gap_correlation=error.gap_correlation,
        opening=float(error.solved_gap_mm.std() / max(error.direct_gap_mm.std(), 1e-9)),
        seconds=seconds,
    )


def describe(reports: list[RetargetReport]) -> str:
    """The reports as a table for people."""
    head = f"{'keys of the head':<28}{'solved':<10}{'keys':>5}{'mean mm':>9}{'lips mm':>9}{'closes mm':>11}" \
           f"{'gap r':>8}{'opening':>9}{'seconds':>9}"  # fmt: skip
    lines = [head]
    for r in reports:
        lines.append(
            f"{r.title:<28}{'measured' if r.measured else 'by name':<10}{r.keys:>5}{r.mean_mm:>9.2f}{r.lips_mm:>9.2f}"
            f"{r.widest_closure_mm:>11.2f}{r.gap_correlation:>8.3f}{r.opening:>9.2f}{r.seconds:>9.2f}"
        )
    if reports:
        first = reports[0]
        lines.append(
            f"The motion closes the lips {first.closures} times, to {first.direct_closure_mm:.2f} mm at the widest "
            f"on ARKit's own shapes, and moves the face by {first.moved_mm:.2f} mm in the mean."
        )
    return "\n".join(lines)


def widest_gap_mm(motion: Motion) -> np.ndarray:
    """Widest gap (T,) of the demo head's lips under ARKit motion."""
    return 1000.0 * lip_gap(demo_basis(), select_channels(motion, ARKIT_52).weights)


def retarget_file(source: str | os.PathLike[str], names: list[str], out: str | os.PathLike[str] | None) -> str:
    """Map a face's keys by name, write a motion file's curves for them (unless `out` is None), and return the table of
    the mapping. Raises FormatError, OutputError, and SettingsError where the names mean nothing."""
    motion, mapping = read_motion(source), map_keys(list(dict.fromkeys(names)))
    moved = apply_mapping(motion, mapping)
    if not moved.channels:
        raise SettingsError("None of these names is in any known vocabulary. Check that they are a face's shape keys.")
    if out is not None:
        write_motion(out, moved)
    return f"{mapping.table()}\n{mapping.summary()}"
