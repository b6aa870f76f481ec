# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a style slider do what its name says? One is moved at a time, and what it is named for is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, ArraySource, AudioSource
from diffusion_talker.channels import HEAD_CHANNELS, MIRROR_PAIRS
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.realism import find_blinks, lip_gap
from diffusion_talker.motion import Motion
from diffusion_talker.student import GenerateSettings, Heard, Student

POSITIONS: Final[tuple[float, ...]] = (-1.0, -0.5, 0.0, 0.5, 1.0)
REST_S: Final = 1.5  # silence behind each recording, in which the resting face is seen
CLOSED_GAP: Final = 0.05  # lip opening, in units of a fully open jaw, below which lips are closed
_REST_FRAMES: Final = round(0.5 * MOTION_RATE_HZ)
_MAX_LEAD_FRAMES: Final = 6
_LEAD_STEPS_A_FRAME: Final = 8


@dataclass(frozen=True)
class Quantity:
    """What a slider is named for. measure: takes of one setting and those of the middle setting -> one number."""

    what: str
    measure: Callable[[Sequence[Motion], Sequence[Motion]], float]


@dataclass(frozen=True)
class Response:
    """What a slider did.

    Attributes:
        slider, what: its name, and what was measured.
        positions, measured: the settings and what was measured at each.
        closures_kept: the smallest share, over the positions, of frames closed in the middle that stay closed.
    """

    slider: str
    what: str
    positions: tuple[float, ...]
    measured: tuple[float, ...]
    closures_kept: float

    @property
    def monotone(self) -> bool:
        """Whether each step of the slider raised what it is named for."""
        return all(first < second for first, second in zip(self.measured, self.measured[1:], strict=False))


def measure_sliders(student: Student, sources: Sequence[AudioSource], positions: Sequence[float] = POSITIONS,
                    seeds: Sequence[int] = (0, 1), identity: str = "auto") -> list[Response]:
    """Move every slider of a student over `positions` on the same speech and noise.

    Raises SettingsError for a student without sliders.
    """
    if not student.style_axes:
        raise SettingsError("This student has no style sliders: there is nothing to measure.")
    heard = [student.listen(with_rest(source)) for source in sources]
    return [measure_slider(student, heard, axis.name, positions, seeds, identity) for axis in student.style_axes]


def measure_slider(student: Student, heard: Sequence[Heard], name: str, positions: Sequence[float],
                   seeds: Sequence[int], identity: str = "auto") -> Response:
    """The response of one slider to `positions`."""

    def takes(position: float) -> list[Motion]:
        style = ((name, position),)
        return [student.perform(recording, GenerateSettings(identity, "neutral", style=style, seed=seed))
                for recording in heard for seed in seeds]

    middle = takes(0.0)
    moved = [middle if position == 0 else takes(position) for position in positions]
    quantity = QUANTITIES.get(name, QUANTITIES["jaw"])
    return Response(
        slider=name, what=quantity.what, positions=tuple(positions),
        measured=tuple(quantity.measure(motions, middle) for motions in moved),
        closures_kept=min(closures_kept(motions, middle) for motions in moved),
    )


def with_rest(source: AudioSource) -> ArraySource:
    """A recording with silence behind it."""
    samples = source.read(0, source.sample_count)
    return ArraySource(np.concatenate([samples, np.zeros(round(REST_S * SAMPLE_RATE_HZ), np.float32)]), SAMPLE_RATE_HZ)


def closures_kept(takes: Sequence[Motion], middle: Sequence[Motion]) -> float:
    """Share of the frames with closed lips in `middle` whose lips are closed in `takes`, too; 1 if there are none."""
    kept = []
    for take, reference in zip(takes, middle, strict=True):
        closed = lip_gap(reference.weights, reference.channels) < CLOSED_GAP
        kept.append(lip_gap(take.weights, take.channels)[closed] < CLOSED_GAP)
    together = np.concatenate(kept)
    return float(together.mean()) if len(together) else 1.0


def table(responses: Sequence[Response]) -> str:
    """A table for people."""
    positions = responses[0].positions
    lines = ["slider      " + "".join(f"{position:>+9.1f}" for position in positions) + "  monotone  closed  measured"]
    for row in responses:
        values = "".join(f"{value:9.3f}" for value in row.measured)
        lines.append(f"{row.slider:<12}{values}  {'yes' if row.monotone else 'no':<8}  {row.closures_kept:6.2f}  "
                     f"{row.what}")
    return "\n".join(lines)


# -- quantities --------------------------------------------------------------------------------------------------------


def _curves(take: Motion, names: Sequence[str]) -> np.ndarray:
    """(T, len(names)) of the channels that the take has."""
    return take.weights[:, [take.channels.index(name) for name in names if name in take.channels]]


def _mean_of(measure: Callable[[Motion], float]) -> Callable[[Sequence[Motion], Sequence[Motion]], float]:
    return lambda takes, _: float(np.mean([measure(take) for take in takes]))


def _span(names: Sequence[str]) -> Callable[[Sequence[Motion], Sequence[Motion]], float]:
    return _mean_of(lambda take: float(np.subtract(*np.percentile(_curves(take, names).sum(axis=1), (95, 5)))))


def _activity(names: Sequence[str], scale: float = 1.0) -> Callable[[Sequence[Motion], Sequence[Motion]], float]:
    return _mean_of(lambda take: scale * float(_curves(take, names).std(axis=0).mean()))


def _both(*stems: str) -> tuple[str, ...]:
    return tuple(f"{stem}{side}" for stem in stems for side in ("Left", "Right"))


def _corners(take: Motion) -> float:
    pulled = _curves(take, _both("mouthSmile", "mouthStretch", "mouthDimple")).mean()
    return float(pulled - _curves(take, _both("mouthFrown")).mean())


def _asymmetry(take: Motion) -> float:
    pairs = [pair for pair in MIRROR_PAIRS if pair[0].startswith("mouth") and pair[0] != "mouthLeft"]
    left, right = (float(_curves(take, side).sum()) for side in zip(*pairs, strict=True))
    return (left - right) / max(left + right, 1e-6)


def _sharpness(take: Motion) -> float:
    """How fast the lips' opening moves, for how far it moves: 1/s."""
    gap = lip_gap(take.weights, take.channels)
    speed = np.diff(gap) * take.rate_hz
    return float(np.sqrt((speed**2).mean()) / max(float(gap.std()), 1e-6))


def _blinks(takes: Sequence[Motion], _: Sequence[Motion]) -> float:
    """All takes together: each one alone is too short."""
    blinks = sum(len(find_blinks(_curves(take, _both("eyeBlink")).mean(axis=1), take.rate_hz)) for take in takes)
    return blinks / sum(take.duration_s / 60 for take in takes)


def _lead(takes: Sequence[Motion], middle: Sequence[Motion]) -> float:
    """Milliseconds by which the lips' opening is ahead of the middle setting's."""
    return float(np.mean([_ahead_s(lip_gap(take.weights, take.channels), lip_gap(reference.weights, take.channels))
                          for take, reference in zip(takes, middle, strict=True)]) * 1000)


def _ahead_s(gap: np.ndarray, reference: np.ndarray) -> float:
    """Shift of `gap` to earlier times at which the two agree best, by fractions of a frame."""
    frames = np.arange(_MAX_LEAD_FRAMES, len(gap) - _MAX_LEAD_FRAMES)
    count = 2 * _MAX_LEAD_FRAMES * _LEAD_STEPS_A_FRAME + 1
    shifts = np.linspace(-_MAX_LEAD_FRAMES, _MAX_LEAD_FRAMES, count)
    agreement = [np.corrcoef(np.interp(frames - shift, np.arange(len(gap)), gap), reference[frames])[0, 1]
                 for shift in shifts]
    return float(shifts[int(np.nanargmax(agreement))]) / MOTION_RATE_HZ


_BROWS: Final = ("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight")

QUANTITIES: Final[Mapping[str, Quantity]] = {
    "jaw": Quantity("range of jawOpen", _span(("jawOpen",))),
    "lips": Quantity("range of the lips' parting and spreading",
                     _span(_both("mouthLowerDown", "mouthUpperUp", "mouthStretch"))),
    "rounding": Quantity("range of funnel and pucker", _span(("mouthFunnel", "mouthPucker"))),
    "upper_lip": Quantity("range of mouthUpperUp", _span(_both("mouthUpperUp"))),
    "precision": Quantity("speed of the lips' opening for its range, 1/s", _mean_of(_sharpness)),
    "corners": Quantity("mean pull of the corners", _mean_of(_corners)),
    "asymmetry": Quantity("(left - right) / (left + right) of the mouth", _mean_of(_asymmetry)),
    "smile": Quantity("mouthSmile at rest",
                      _mean_of(lambda take: float(_curves(take, _both("mouthSmile"))[-_REST_FRAMES:].mean()))),
    "brows": Quantity("deviation of the brows", _activity(_BROWS)),
    "blinks": Quantity("blinks a minute", _blinks),
    "head": Quantity("deviation of the head, degrees", _activity(HEAD_CHANNELS, 180 / np.pi)),
    "lead": Quantity("lead of the lips' opening, ms", _lead),
}
