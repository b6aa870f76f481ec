# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of results: goals, tables and definitions, written from rows of measurements and from nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from diffusion_talker.audio import MOTION_RATE_HZ
from diffusion_talker.errors import SettingsError
from diffusion_talker.evaluation.evaluation_set import TALKERS, TEXTS, VOICES
from diffusion_talker.evaluation.goals import Verdict, absolute_fdd_mm, error_interval, judge, judged_student, speed_of
from diffusion_talker.evaluation.metrics import GROUPS, pooled
from diffusion_talker.evaluation.results_text import DEFINITIONS, FIGURES, INTRODUCTION, MOUTH_METRICS, SET_TITLES
from diffusion_talker.evaluation.rows import STAGES, Retrieval, Row, SetFigures, SpeechFigures

#: Heading of a column and what stands in it.
_Column = tuple[str, Callable[[SetFigures], str]]
_SPEECH_HEADINGS: Final = (
    "bilabials met", "false closures", "F1", "lag, ms", "gap in silence", "motion in silence", "rest, ms", "beats",
)


def write_page(rows: Sequence[Row], pictures: Sequence[str]) -> str:
    """The page as Markdown. rows: in the table's order; pictures: names in images/ beside the page.

    Raises SettingsError when rows were measured on different clips.
    """
    _check_same_clips(rows)
    measured = [row for row in rows if row.accuracy]
    parts = [
        INTRODUCTION,
        _what_was_measured(measured),
        _overview(rows),
        _goals(rows),
        *(f"![{name}](images/{name})\n" for name in pictures),
        *(_set_section(measured, name) for name in (TEXTS, TALKERS, VOICES)),
        _variety(measured),
        _speed([row for row in rows if row.role not in STAGES]),
        _mouths(rows),
        _recordings(rows),
        DEFINITIONS + "\n" + _table(("figure", "definition"), list(FIGURES.items())),
        _commands(rows),
    ]
    return "\n".join(part for part in parts if part)


def summary(row: Row) -> str:
    """One row for a terminal."""
    lines = [row.title]
    for name, figures in (row.accuracy.sets if row.accuracy else {}).items():
        cells = [f"{heading} {cell(figures)}" for heading, cell in (*_ERRORS, *_dynamics_columns())]
        lines.append(f"{name}: " + ", ".join(cells))
    lines += [f"{s.runtime}: {s.frames_per_s:.0f} frames/s warm, {s.cold_s:.2f} s cold" for s in row.speed]
    return "\n".join(lines)


def _check_same_clips(rows: Sequence[Row]) -> None:
    found = {
        (row.accuracy.corpus_sha256, row.accuracy.test_corpus_sha256,
         tuple((name, len(figures.clips), figures.seconds) for name, figures in sorted(row.accuracy.sets.items())))
        for row in rows if row.accuracy
    }  # fmt: skip
    if len(found) > 1:
        raise SettingsError(
            "These rows were measured on different clips, so they do not compare. Measure them with the same --corpus "
            "and --test-corpus."
        )


def _what_was_measured(rows: Sequence[Row]) -> str:
    if not rows or rows[0].accuracy is None:
        return ""
    accuracy = rows[0].accuracy
    lines = [
        f"- **{SET_TITLES[name]}**: {len(figures.clips)} clips, {figures.seconds / 60:.1f} minutes."
        for name, figures in accuracy.sets.items()
    ]
    lines.append(
        f"- Manifests of the training corpus and of the test corpus: SHA-256 `{accuracy.corpus_sha256[:16]}` and "
        f"`{accuracy.test_corpus_sha256[:16]}`."
    )
    strangers = [row.title for row in rows if row.model.corpus_sha256 not in ("", accuracy.corpus_sha256)]
    if strangers:
        lines.append(f"- Trained on another corpus, so what is unseen here may be known to it: {'; '.join(strangers)}.")
    return "\n".join(lines) + "\n"


def _overview(rows: Sequence[Row]) -> str:
    """The columns that decide, all models at a glance: errors and motion on unseen texts."""
    headings = ("", "LVE, mm²", "EVE, mm²", "FDD absolute, mm", "velocity mouth", "velocity upper", "bilabial F1",
                "identity top-1", "frames/s, NumPy", "frames/s, PyTorch", "file, MB")
    table = [(row.title, *_overview_cells(row)) for row in rows if row.role not in STAGES]
    return "## Overview\n\n" + _table(headings, table)


def _overview_cells(row: Row) -> tuple[str, ...]:
    figures = row.accuracy.sets.get(TEXTS) if row.accuracy else None
    cells = ["-"] * 7
    if figures and row.accuracy:
        errors = (pooled(figures.clips, "lve_mm2"), pooled(figures.clips, "eve_mm2"), absolute_fdd_mm(figures))
        ratios = (f"{figures.velocity[group]:.2f}" for group in ("mouth", "upper"))
        top1 = row.accuracy.identity.top1
        cells = [*map(_number, errors), *ratios, f"{figures.speech.bilabial.f1:.3f}",
                 "-" if math.isnan(top1) else f"{top1:.1%}"]  # fmt: skip
    speeds = (speed_of(row, runtime) for runtime in ("numpy", "torch"))
    rates = (f"{speed.frames_per_s:.0f}" if speed else "-" for speed in speeds)
    return (*cells, *rates, f"{row.model.file_bytes / 1e6:.2f}")


def _goals(rows: Sequence[Row]) -> str:
    verdicts, student = judge(rows), judged_student(rows)
    table = [
        (v.goal, f"{v.direction} {v.bound:g} {v.unit}".strip() if not math.isnan(v.bound) else "", _measured(v),
         _outcome(v), v.detail)
        for v in verdicts
    ]
    known = [v for v in verdicts if v.is_known]
    met = sum(v.is_met for v in known)
    words = f"Goals of: {student.title}. " if student else ""
    words += f"{met} of {len(known)} measured goals are met; {len(verdicts) - len(known)} are not measured.\n"
    return f"## Goals\n\n{words}\n" + _table(("goal", "wanted", "measured", "verdict", ""), table)


def _measured(verdict: Verdict) -> str:
    return f"{_number(verdict.measured)} {verdict.unit}".strip() if verdict.is_known else "-"


def _outcome(verdict: Verdict) -> str:
    if not verdict.is_known:
        return "not measured"
    return "met" if verdict.is_met else f"**missed by {_number(verdict.shortfall)}**"


_ERRORS: Final[tuple[_Column, ...]] = (
    ("LVE, mm²", lambda s: _with_interval(s, "lve_mm2")),
    ("EVE, mm²", lambda s: _number(pooled(s.clips, "eve_mm2"))),
    ("FDD signed, mm", lambda s: _number(sum(clip.fdd_mm for clip in s.clips) / len(s.clips))),
    ("FDD absolute, mm", lambda s: _number(absolute_fdd_mm(s))),
    ("MVE, mm", lambda s: _number(pooled(s.clips, "mve_mm"))),
    ("LBE", lambda s: _number(pooled(s.clips, "lbe"))),
    ("MBE", lambda s: _number(pooled(s.clips, "mbe"))),
)


def _with_interval(figures: SetFigures, name: str) -> str:
    low, high = error_interval(figures, name)
    return f"{_number(pooled(figures.clips, name))} ({_number(low)}..{_number(high)})"


def _dynamics_columns() -> list[_Column]:
    def column(kind: str, group: str) -> _Column:
        return f"{kind} {group}", lambda figures: f"{getattr(figures, kind)[group]:.2f}"

    return [column(kind, group) for kind in ("velocity", "jerk", "std") for group in GROUPS]


def _set_section(rows: Sequence[Row], name: str) -> str:
    """Tables of errors, dynamics and speech on one set."""
    figures = [(row, row.accuracy.sets[name]) for row in rows if row.accuracy and name in row.accuracy.sets]
    if not figures:
        return ""
    columns = _dynamics_columns()
    errors = [(row.title, *(cell(found) for _, cell in _ERRORS)) for row, found in figures]
    dynamics = [(row.title, *(cell(found) for _, cell in columns)) for row, found in figures]
    speech = [("the corpus' own faces", *_speech_cells(figures[0][1].reference))]
    speech += [(row.title, *_speech_cells(found.speech)) for row, found in figures]
    return "\n".join([
        f"## {SET_TITLES[name]}\n",
        _table(("", *(heading for heading, _ in _ERRORS)), errors),
        "Motion relative to the reference, 1 is right:\n",
        _table(("", *(heading for heading, _ in columns)), dynamics),
        "What is said, against the phone labels:\n",
        _table(("", *_SPEECH_HEADINGS), speech),
    ])


def _speech_cells(speech: SpeechFigures) -> tuple[str, ...]:
    return (
        f"{speech.bilabial.recall:.1%}", f"{speech.bilabial.false_rate:.1%}", f"{speech.bilabial.f1:.3f}",
        f"{speech.sync_lag_ms:.0f}", _number(speech.silence.gap), _number(speech.silence.motion),
        f"{speech.silence.rest_ms:.0f}", f"{speech.beat_consistency:.3f}",
    )  # fmt: skip


def _variety(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    table = []
    for row in rows:
        assert row.accuracy is not None
        found = row.accuracy
        table.append((
            row.title, _number(found.diversity_identities_mm), _number(found.diversity_seeds_mm),
            _retrieval(found.identity, 5), _retrieval(found.emotion_synthetic), _retrieval(found.emotion_recorded),
        ))  # fmt: skip
    headings = ("", "diversity over identities, mm", "diversity over seeds, mm", "identity, top-1 / top-5",
                "emotion, synthetic voices", "emotion, recorded voices")
    return "## Variety and recognition\n\n" + _table(headings, table)


def _retrieval(found: Retrieval, within: int = 1) -> str:
    """Right share, how many recordings, and the share of the commonest answer."""
    if not found.recordings:
        return "-"
    share = f"{found.top1:.1%}" + (f" / {found.top5:.1%}" if within == 5 else "")
    return f"{share} of {found.recordings} (commonest {found.chance:.0%})"


def _speed(rows: Sequence[Row]) -> str:
    table = []
    for row in rows:
        cells = [row.title]
        for runtime in ("numpy", "torch"):
            speed = speed_of(row, runtime)
            cells += (
                [f"{speed.frames_per_s:.0f}", f"{speed.frames_per_s / MOTION_RATE_HZ:.0f}x", f"{speed.cold_s:.2f}"]
                if speed else ["-"] * 3
            )  # fmt: skip
        size = row.model
        cells += [f"{size.file_bytes / 1e6:.2f}", f"{size.trainable * 4 / 1e6:.2f}", f"{size.parameters * 4 / 1e6:.2f}"]
        table.append(tuple(cells))
    headings = ("", "NumPy, frames/s", "real time", "cold, s", "PyTorch, frames/s", "real time", "cold, s", "file, MB",
                "trainable parameters x 4 B, MB", "all parameters x 4 B, MB")
    return "## Speed and size\n\n" + _table(headings, table) + "\n" + _machines(rows)


def _machines(rows: Sequence[Row]) -> str:
    timed = [row for row in rows if row.speed]
    machines = dict.fromkeys(
        f"{row.machine.processor}, {row.machine.cores} cores, {row.speed[0].threads} threads, {row.machine.system}, "
        f"Python {row.machine.python}, NumPy {row.machine.numpy}"
        for row in timed
    )
    loads = [speed.load for row in timed for speed in row.speed if not math.isnan(speed.load)]
    lines = [f"Measured on: {machine}." for machine in machines]
    if loads:
        lines.append(
            f"Processes running or waiting meanwhile, by the system's count: {min(loads):.1f} to {max(loads):.1f}."
        )
    return "\n".join(lines) + ("\n" if lines else "")


def _mouths(rows: Sequence[Row]) -> str:
    """Real-voice scores: a row for each metric, a column for each model."""
    scored = [row for row in rows if row.mouth]
    if not scored:
        return ""
    sections = ["## Real voices\n", _scorers(scored)]
    names = list(dict.fromkeys(name for row in scored if row.mouth for name in row.mouth.sets))
    for name in names:
        table = []
        for metric, meaning in MOUTH_METRICS.items():
            cells = [_mouth_cell(row, name, metric) for row in scored]
            if any(cell != "-" for cell in cells):
                table.append((f"`{metric}` {meaning}", *cells))
        counts = {row.title: row.mouth.clips.get(name, 0) for row in scored if row.mouth and name in row.mouth.sets}
        titles = (row.title + (f" ({counts[row.title]} clips)" if counts.get(row.title) else "") for row in scored)
        sections.append(f"### {name}\n\n" + _table(("", *titles), table))
    return "\n".join(sections)


def _scorers(rows: Sequence[Row]) -> str:
    names = sorted({row.mouth.scorer for row in rows if row.mouth})
    return (
        f"Scored by {', '.join(names)}, which is not part of this program; here its numbers are printed with their "
        "95 % intervals. Curves come from `evaluate predict`. What is not a model shows what limits one: articulation "
        "from hand-labelled phones is the best that this corpus can teach, recognised phones add what the ear costs.\n"
    )


def _mouth_cell(row: Row, set_name: str, metric: str) -> str:
    found = row.mouth.sets.get(set_name, {}).get(metric) if row.mouth else None
    if found is None or math.isnan(found[0]):
        return "-"
    value, low, high = found
    interval = "" if math.isnan(low) else f" ({_number(low)}..{_number(high)})"
    return _number(value) + interval


def _recordings(rows: Sequence[Row]) -> str:
    """Sanity on recordings of any kind."""
    table = [
        (row.title, found.name, f"{found.seconds:.0f}", "yes" if found.is_finite else "**no**", _number(found.opening),
         _number(found.jerk_norm), f"{found.zigzag:.2%}" if not math.isnan(found.zigzag) else "-")
        for row in rows for found in row.recordings
    ]  # fmt: skip
    headings = ("", "recording", "seconds", "finite, in range", "opening", "jerk", "zigzag")
    return "## Any sound\n\n" + _table(headings, table) if table else ""


def _commands(rows: Sequence[Row]) -> str:
    lines = ["## How each row was made\n"]
    for row in rows:
        model = f", model SHA-256 `{row.model.sha256[:16]}`" if row.model.sha256 else ""
        lines.append(f"- {row.title}{model}, version {row.program_version}:")
        commands = dict.fromkeys(row.part_commands.values()) or (row.command,)
        lines += [f"  `python -m diffusion_talker {command}`" for command in commands]
    return "\n".join(lines) + "\n"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    if math.isnan(value):
        return "-"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 5)}f}"
