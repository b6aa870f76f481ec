# SPDX-License-Identifier: GPL-3.0-or-later
"""One model's measurements as a file: row.json, read and written without loss."""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from diffusion_talker.errors import FormatError
from diffusion_talker.evaluation.machine import Machine
from diffusion_talker.evaluation.metrics import ClipErrors
from diffusion_talker.evaluation.robustness import RecordingFigures
from diffusion_talker.evaluation.speech_metrics import BilabialScore, SilenceScore
from diffusion_talker.files import atomic_write

ROW_FORMAT: Final = 1
#: What a row is about, in the order of the table, with its heading.
ROLES: Final[Mapping[str, str]] = {
    "teacher": "teacher",
    "student": "student",
    "no-enhancer": "student without L_pc",
    "no-audio-alignment": "student without L_ae",
    "no-personalizer": "student without personalizer",
    "no-ground-truth-stage": "student without ground-truth stage",
    "undistilled": "student trained directly, without distillation",
    "regression": "regression model of equal size",
    "paper-size": "HuBERT-base size, random weights (timing only)",
    "other": "another model",
    "labels": "our articulation from hand-labelled phones",
    "recogniser": "our articulation from recognised phones",
}
#: Roles that are no model: they show what limits one.
STAGES: Final = ("labels", "recogniser")
#: Steps of a teacher that is not respaced.
TEACHER_STEPS: Final = 16


@dataclass(frozen=True)
class ModelInfo:
    """What was measured. file_bytes: of all its files; parameters: weights that take part in generating; trainable: of
    those the ones that training changes (a frozen ear's are not); corpus_sha256: manifest of what it learned from, ""
    when it does not say."""

    sha256: str
    file_bytes: int
    parameters: int
    trainable: int
    corpus_sha256: str = ""
    notes: str = ""


@dataclass(frozen=True)
class SpeechFigures:
    """What needs phone labels alone, so that a reference has it too."""

    bilabial: BilabialScore
    sync_lag_ms: float
    silence: SilenceScore
    beat_consistency: float


@dataclass(frozen=True)
class SetFigures:
    """One evaluation set. clips: errors of each, in the set's order; velocity, jerk, std: ratios by group of channels;
    reference: of the corpus' own faces."""

    seconds: float
    clips: tuple[ClipErrors, ...]
    velocity: dict[str, float]
    jerk: dict[str, float]
    std: dict[str, float]
    speech: SpeechFigures
    reference: SpeechFigures


@dataclass(frozen=True)
class Retrieval:
    """How well recordings are recognised. chance: of the commonest answer."""

    recordings: int
    top1: float
    top5: float
    chance: float


@dataclass(frozen=True)
class Accuracy:
    """Everything but speed. sets: by name; diversity in mm."""

    corpus_sha256: str
    test_corpus_sha256: str
    sets: dict[str, SetFigures]
    diversity_identities_mm: float
    diversity_seeds_mm: float
    diversity_takes: int
    identity: Retrieval
    emotion_synthetic: Retrieval
    emotion_recorded: Retrieval


@dataclass(frozen=True)
class Speed:
    """One runtime. cold_s: new process to curves of a ten-second recording; frames_per_s: warm, fastest of the runs,
    from samples to curves; load: processes that were waiting for a core beside the measurement."""

    runtime: str
    threads: int
    cold_s: float
    frames_per_s: float
    clip_s: float
    runs: int
    load: float


@dataclass(frozen=True)
class MouthScores:
    """Figures on real voices by a scorer that is not part of this program: value, lower and upper bound of each metric
    by set. source_sha256: of the file that it wrote; clips: how many of each set it scored."""

    scorer: str
    source_sha256: str
    sets: dict[str, dict[str, tuple[float, float, float]]]
    clips: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One model's measurements. command: the latest; part_commands: what measured each part that is kept."""

    role: str
    steps: int
    model: ModelInfo
    command: str
    program_version: str
    machine: Machine
    accuracy: Accuracy | None = None
    speed: tuple[Speed, ...] = ()
    mouth: MouthScores | None = None
    recordings: tuple[RecordingFigures, ...] = ()
    part_commands: dict[str, str] = field(default_factory=dict)
    format: int = ROW_FORMAT

    @property
    def title(self) -> str:
        """How the table calls it."""
        if self.role in STAGES:
            return ROLES[self.role]
        respaced = self.role == "teacher" and self.steps < TEACHER_STEPS
        name = "teacher respaced" if respaced else ROLES[self.role]
        return f"{name}, {self.steps} step{'s' if self.steps != 1 else ''}"


def sort_rows(rows: list[Row]) -> list[Row]:
    """Rows in the table's order: by role, more steps first."""
    order = list(ROLES)
    return sorted(rows, key=lambda row: (order.index(row.role), -row.steps, row.model.sha256))


def write_row(path: Path, row: Row) -> None:
    """Write a row, atomically. Raises OutputError."""
    with atomic_write(path) as stream:
        stream.write((json.dumps(_plain(asdict(row)), indent=1, allow_nan=False) + "\n").encode())


def _plain(value: Any) -> Any:
    """What was not measurable (NaN) as null: JSON knows no NaN."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def read_row(path: Path) -> Row:
    """Read a row. Raises FormatError when the file is missing, damaged or of another version."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        row = _build(Row, values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"'{path}' is no row of measurements ({error}). Make it with 'evaluate model'.") from error
    if row.format != ROW_FORMAT or row.role not in ROLES:
        raise FormatError(f"'{path}' is a row of another version. Make it again with 'evaluate model'.")
    return row


def _build(kind: Any, value: Any) -> Any:
    """A typed value from what JSON holds, following the annotations of dataclasses."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _build(arguments[0], value)
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        known = {item.name for item in fields(kind)}
        return kind(**{name: _build(hints[name], item) for name, item in value.items() if name in known})
    if origin is tuple:
        kinds = [arguments[0]] * len(value) if arguments[1:] == (...,) else arguments
        return tuple(_build(each, item) for each, item in zip(kinds, value, strict=True))
    if origin is dict:
        return {name: _build(arguments[1], item) for name, item in value.items()}
    if kind is float:
        return math.nan if value is None else float(value)
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
