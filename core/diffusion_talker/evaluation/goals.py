# SPDX-License-Identifier: GPL-3.0-or-later
"""What the student that ships has to reach, and whether it does: every goal computed from the rows.

That is the distilled one with two steps; where there is none yet, the one that was trained without distillation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from diffusion_talker.evaluation.evaluation_set import TEXTS
from diffusion_talker.evaluation.metrics import pooled
from diffusion_talker.evaluation.rows import TEACHER_STEPS, Row, SetFigures, Speed

STUDENT_STEPS: Final = 2
_DRAWS: Final = 1000
_RATIO_TOLERANCE: Final = 0.15
_DYNAMICS: Final = (("velocity", "velocity"), ("jerk", "jerk"), ("std", "standard deviation"))

#: (set, metric, direction, bound) of the scores of mouths on real voices.
_MOUTH_GOALS: Final[tuple[tuple[str, str, str, float], ...]] = (
    ("emodb", "bil_auc", ">=", 0.95), ("emodb", "bil_auc_cons", ">=", 0.90), ("emodb", "bil_contact", ">=", 0.85),
    ("emodb", "bil_false", "<=", 0.10), ("emodb", "lab_auc", ">=", 0.88), ("emodb", "open_auc", ">=", 0.88),
    ("emodb", "round_auc", ">=", 0.86), ("emodb", "viseme_bacc", ">=", 0.62), ("emodb", "|sync_lag_ms|", "<=", 15.0),
    ("emodb", "zigzag", "<=", 0.01), ("emodb", "jerk_norm", ">=", 0.8), ("emodb", "jerk_norm", "<=", 1.3),
    ("facegood", "fg_open_partial", ">=", 0.3), ("facegood", "fg_round_r", ">=", 0.5),
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """One goal. measured: NaN where a row or a part of it is missing; detail: words beside the number."""

    goal: str
    direction: str  # ">=" or "<="
    bound: float
    measured: float
    unit: str = ""
    detail: str = ""

    @property
    def is_known(self) -> bool:
        return not math.isnan(self.measured)

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached. False while it is not measured."""
        return self.measured >= self.bound if self.direction == ">=" else self.measured <= self.bound

    @property
    def shortfall(self) -> float:
        """How far the measured value is on the wrong side of the bound; 0 when met."""
        return 0.0 if self.is_met else abs(self.measured - self.bound)


@dataclass(frozen=True)
class _Rows:
    """The rows that goals compare; None where there is none."""

    student: Row | None
    teacher: Row | None
    paper_size: Row | None


def judged_student(rows: Sequence[Row]) -> Row | None:
    """Whose goals these are."""
    return _find(rows, "student", STUDENT_STEPS) or _find(rows, "undistilled", None)


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """All goals, in their order."""
    chosen = _Rows(judged_student(rows), _find(rows, "teacher", TEACHER_STEPS), _find(rows, "paper-size", None))
    return [
        *_against_teacher(chosen),
        *_against_paper_size(chosen),
        *_alone(chosen.student),
        *_rest(chosen.student),
        *_recognition(chosen.student),
        *_mouth(chosen.student),
        *_any_sound(chosen.student),
    ]


def _find(rows: Sequence[Row], role: str, steps: int | None) -> Row | None:
    return next((row for row in rows if row.role == role and steps in (None, row.steps)), None)


def _against_teacher(rows: _Rows) -> list[Verdict]:
    student, teacher = rows.student, rows.teacher
    name = f"against the {TEACHER_STEPS}-step teacher: "
    low, high = lip_error_ratio_interval(_texts(student), _texts(teacher))
    interval = "" if math.isnan(low) else f"95 % interval {low:.3f} to {high:.3f}"
    return [
        Verdict(name + "speed, audio encoding included, PyTorch", ">=", 8.0, _speed_ratio(student, teacher), "x"),
        Verdict(name + "storage saved, bytes of the files", ">=", 86.4,
                _saved(student, teacher, lambda row: row.model.file_bytes), "%"),
        Verdict(name + "storage saved, trainable parameters x 4 B", ">=", 86.4,
                _saved(student, teacher, lambda row: row.model.trainable), "%"),
        Verdict(name + "storage saved, all parameters x 4 B", ">=", 86.4,
                _saved(student, teacher, lambda row: row.model.parameters), "%"),
        Verdict(name + "LVE ratio", "<=", 1.05, _ratio(student, teacher, "lve_mm2"), "x", interval),
        *_dynamics(student),
        Verdict(name + "EVE ratio", "<=", 1.0, _ratio(student, teacher, "eve_mm2"), "x"),
        Verdict(name + "absolute FDD ratio", "<=", 1.0, _fdd_ratio(student, teacher), "x"),
    ]


def _against_paper_size(rows: _Rows) -> list[Verdict]:
    name = f"against a HuBERT-base-sized model with {TEACHER_STEPS} steps: "
    return [
        Verdict(name + "speed, PyTorch", ">=", 50.0, _speed_ratio(rows.student, rows.paper_size), "x"),
        Verdict(name + "storage saved, all parameters x 4 B", ">=", 95.0,
                _saved(rows.student, rows.paper_size, lambda row: row.model.parameters), "%"),
    ]


def _dynamics(student: Row | None) -> list[Verdict]:
    """Whether the face moves as much as it should: all its channels together, and the farthest group alone."""
    figures, verdicts = _texts(student), []
    for attribute, name in _DYNAMICS:
        ratios: dict[str, float] = getattr(figures, attribute) if figures else {"all": math.nan}
        detail = ", ".join(f"{group} {ratio:.2f}" for group, ratio in ratios.items()) if figures else ""
        worst = max(abs(ratio - 1) for ratio in ratios.values())
        for label, distance in (("all channels", abs(ratios["all"] - 1)), ("the farthest group of channels", worst)):
            goal = f"{name} ratio, distance from 1 of {label}"
            verdicts.append(Verdict(goal, "<=", _RATIO_TOLERANCE, distance, "", detail))
    return verdicts


def _alone(student: Row | None) -> list[Verdict]:
    name = "at 60 Hz, two threads: "
    size_mb = student.model.file_bytes / 1e6 if student else math.nan
    return [
        Verdict(name + "NumPy", ">=", 6000.0, _frames_per_s(student, "numpy"), "frames/s"),
        Verdict(name + "PyTorch", ">=", 10000.0, _frames_per_s(student, "torch"), "frames/s"),
        Verdict("student file", "<=", 16.0, size_mb, "MB"),
    ]


def _rest(student: Row | None) -> list[Verdict]:
    sets = student.accuracy.sets if student and student.accuracy else {}
    rests_ms = {name: figures.speech.silence.rest_ms for name, figures in sets.items()}
    detail = ", ".join(f"{name} {rest_ms:.0f} ms" for name, rest_ms in rests_ms.items())
    longest = max(rests_ms.values(), default=math.nan)
    return [Verdict("lips rest after speech ends, median, slowest set", "<=", 300.0, longest, "ms", detail)]


def _any_sound(student: Row | None) -> list[Verdict]:
    """Jitter of the most restless recording; a broken one counts as all jitter."""
    found = student.recordings if student else ()
    shares = {item.name: item.zigzag if item.is_finite else 1.0 for item in found}
    worst = max(shares.values(), default=math.nan)
    return [Verdict("any sound: zigzag of the most restless recording, all curves finite and in range", "<=", 0.01,
                    worst, "", f"{len(found)} recordings" if found else "")]


def _recognition(student: Row | None) -> list[Verdict]:
    accuracy = student.accuracy if student else None
    if accuracy is None:
        top1, low, chance, detail = math.nan, math.nan, math.nan, ""
    else:
        emotion = accuracy.emotion_recorded
        top1, chance = accuracy.identity.top1, emotion.chance
        low = wilson_lower_bound(emotion.top1, emotion.recordings)
        detail = f"{emotion.top1:.0%} right of {emotion.recordings} recordings"
    return [
        Verdict("identity of a known talker from an unseen utterance, top-1", ">=", 0.90, top1),
        Verdict("emotion of recorded speakers never trained on: lower 95 % bound above the commonest answer's share",
                ">=", chance, low, "", detail),
    ]


def _mouth(student: Row | None) -> list[Verdict]:
    sets = student.mouth.sets if student and student.mouth else {}
    verdicts = []
    for set_name, metric, direction, bound in _MOUTH_GOALS:
        plain = metric.strip("|")
        value, low, high = sets.get(set_name, {}).get(plain, (math.nan,) * 3)
        measured = abs(value) if plain != metric else value
        detail = "" if math.isnan(low) else f"{plain} {value:.3f}, 95 % interval {low:.3f} to {high:.3f}"
        verdicts.append(Verdict(f"real voices, {set_name}: {metric}", direction, bound, measured, "", detail))
    return verdicts


def lip_error_ratio_interval(first: SetFigures | None, second: SetFigures | None) -> tuple[float, float]:
    """95 % interval of LVE(first) / LVE(second), clips drawn in pairs 1000 times; NaN where one is missing."""
    if first is None or second is None or len(first.clips) != len(second.clips):
        return math.nan, math.nan
    frames = np.array([clip.frames for clip in first.clips], np.float64)
    errors = [np.array([clip.lve_mm2 for clip in side.clips]) * frames for side in (first, second)]
    drawn = np.random.default_rng(0).integers(0, len(frames), (_DRAWS, len(frames)))
    ratios = errors[0][drawn].sum(axis=1) / errors[1][drawn].sum(axis=1)
    low, high = np.percentile(ratios, (2.5, 97.5))
    return float(low), float(high)


def error_interval(figures: SetFigures, name: str) -> tuple[float, float]:
    """95 % interval of a pooled error, clips drawn 1000 times."""
    frames = np.array([clip.frames for clip in figures.clips], np.float64)
    sums = np.array([getattr(clip, name) for clip in figures.clips]) * frames
    drawn = np.random.default_rng(0).integers(0, len(frames), (_DRAWS, len(frames)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / frames[drawn].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def wilson_lower_bound(share: float, count: int, z: float = 1.96) -> float:
    """Lower end of the 95 % interval of a share of `count` trials (Wilson 1927); NaN without trials."""
    if not count:
        return math.nan
    middle = share + z**2 / (2 * count)
    width = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return (middle - width) / (1 + z**2 / count)


def absolute_fdd_mm(figures: SetFigures) -> float:
    """Mean over clips of |FDD|."""
    return float(np.mean([abs(clip.fdd_mm) for clip in figures.clips]))


def speed_of(row: Row | None, runtime: str) -> Speed | None:
    """The measurement of one runtime; "torch" stands for PyTorch on the processor."""
    return next((speed for speed in row.speed if speed.runtime.split()[0] == runtime), None) if row else None


def _frames_per_s(row: Row | None, runtime: str) -> float:
    speed = speed_of(row, runtime)
    return speed.frames_per_s if speed else math.nan


def _speed_ratio(fast: Row | None, slow: Row | None) -> float:
    return _frames_per_s(fast, "torch") / _frames_per_s(slow, "torch")


def _saved(small: Row | None, large: Row | None, measure: Callable[[Row], int]) -> float:
    """Per cent."""
    return 100.0 * (1 - measure(small) / measure(large)) if small and large else math.nan


def _texts(row: Row | None) -> SetFigures | None:
    return row.accuracy.sets.get(TEXTS) if row and row.accuracy else None


def _ratio(first: Row | None, second: Row | None, name: str) -> float:
    ours, theirs = _texts(first), _texts(second)
    return pooled(ours.clips, name) / pooled(theirs.clips, name) if ours and theirs else math.nan


def _fdd_ratio(first: Row | None, second: Row | None) -> float:
    ours, theirs = _texts(first), _texts(second)
    return absolute_fdd_mm(ours) / absolute_fdd_mm(theirs) if ours and theirs else math.nan
