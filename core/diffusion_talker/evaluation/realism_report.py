# SPDX-License-Identifier: GPL-3.0-or-later
"""A corpus beside recorded takes and hand-made animation: what deviates, as JSON and as a page of Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS
from diffusion_talker.errors import CorpusError
from diffusion_talker.evaluation.realism import CLOSURE_RATES_HZ, BlinkMeasure, ContactMeasure, FaceMeasure
from diffusion_talker.files import atomic_write
from diffusion_talker.motion import Motion

#: A channel deviates when its spread or its speed is outside this factor of the takes' own, and not by little.
_USUAL_FACTOR: Final = 2.5
_LITTLE: Final = 0.03
_LISTED_PAIRS: Final = 25
#: Hand-made curves of FACEGOOD's rig and the channel that does most of the same.
FACEGOOD_TWINS: Final[Mapping[str, tuple[str, ...]]] = {
    "jawOpen": ("mouth_stretch_c",),
    "mouthPucker": ("mouth_pucker_l", "mouth_pucker_r"),
    "mouthFunnel": ("mouth_funnel_dl", "mouth_funnel_dr", "mouth_funnel_ul", "mouth_funnel_ur"),
    "mouthLowerDownLeft": ("mouth_lowerLipDepress_l",),
    "mouthUpperUpLeft": ("mouth_upperLipRaise_l",),
    "mouthPressLeft": ("mouth_press_l",),
    "mouthRollLower": ("mouth_suck_dl", "mouth_suck_dr"),
    "mouthRollUpper": ("mouth_suck_ul", "mouth_suck_ur"),
}
_LAGS_S: Final = np.arange(-18, 19) / 60.0


@dataclass(frozen=True)
class Take:
    """A recorded take: what it is called, whether somebody speaks in it, its motion."""

    name: str
    is_speech: bool
    motion: Motion


@dataclass(frozen=True)
class PairDeviation:
    """Two channels whose correlation differs between corpus and takes."""

    first: str
    second: str
    takes: float
    corpus: float


@dataclass(frozen=True)
class Deviation:
    """A channel that moves otherwise than in the takes: what differs, there and in the corpus."""

    channel: str
    what: str
    takes: float
    corpus: float


@dataclass(frozen=True)
class HandMade:
    """One channel beside its twin in hand-made animation: deviation and 95th percentile of speed of both; correlation
    at the best lag and that lag in ms (positive: the prediction is late), NaN without a prediction."""

    channel: str
    hand_deviation: float
    deviation: float
    hand_speed_p95: float
    speed_p95: float
    correlation: float
    lag_ms: float


@dataclass(frozen=True)
class RealismReport:
    """Everything one comparison found. takes: None when there is none to compare with."""

    corpus_name: str
    clip_count: int
    corpus: FaceMeasure
    takes: FaceMeasure | None
    take_names: tuple[str, ...]
    left_out: tuple[str, ...]
    contacts: Mapping[str, ContactMeasure]
    deviations: tuple[Deviation, ...]
    pairs: tuple[PairDeviation, ...]
    mean_pair_difference: float
    hand_made: tuple[HandMade, ...]


def find_deviations(corpus: FaceMeasure, takes: FaceMeasure) -> tuple[Deviation, ...]:
    """Channels whose spread or speed is beyond a usual factor of the takes', the farthest first.

    Channels that are still in the takes are left out: a phone that films a face without tracking its head says nothing
    about heads.
    """
    found: list[tuple[float, Deviation]] = []
    for channel in MODEL_CHANNELS:
        ours, theirs = corpus.channels[channel], takes.channels[channel]
        if theirs.deviation < 1e-4:
            continue
        for what, least in (("deviation", _LITTLE), ("speed_p95", 10 * _LITTLE)):
            a, b = float(getattr(theirs, what)), float(getattr(ours, what))
            factor = max(a, least) / max(b, least)
            if not 1 / _USUAL_FACTOR <= factor <= _USUAL_FACTOR:
                found.append((abs(float(np.log(factor))), Deviation(channel, what, a, b)))
    return tuple(deviation for _, deviation in sorted(found, key=lambda item: -item[0]))


def find_pair_deviations(corpus: FaceMeasure, takes: FaceMeasure) -> tuple[tuple[PairDeviation, ...], float]:
    """The pairs of channels whose correlations differ most, and the mean |difference| over all pairs of both.

    A channel that is still in the corpus counts as uncorrelated; one that is still in the takes is left out.
    """
    pairs = []
    for i in range(len(ARKIT_52)):
        for j in range(i):
            theirs = takes.correlation[i, j]
            if np.isfinite(theirs):
                ours = float(np.nan_to_num(corpus.correlation[i, j]))
                pairs.append(PairDeviation(ARKIT_52[j], ARKIT_52[i], float(theirs), ours))
    pairs.sort(key=lambda pair: -abs(pair.takes - pair.corpus))
    mean = float(np.mean([abs(pair.takes - pair.corpus) for pair in pairs])) if pairs else 0.0
    return tuple(pairs[:_LISTED_PAIRS]), mean


def compare_hand_made(
    corpus: FaceMeasure, hand_made: Mapping[str, Motion], predicted: Mapping[str, Motion]
) -> tuple[HandMade, ...]:
    """Every twin channel: how it moves by hand and in the corpus, and how well a prediction from the same sound
    follows. predicted: by the stem of the recording, may be empty."""
    rows = []
    for channel, twins in FACEGOOD_TWINS.items():
        by_hand = {stem: _mean_of(motion, twins) for stem, motion in hand_made.items()}
        steps = [np.abs(np.diff(curve)) * hand_made[stem].rate_hz for stem, curve in by_hand.items()]
        speeds = np.concatenate(steps)
        both = sorted(set(hand_made) & set(predicted))
        follows = [best_lag(predicted[stem], channel, hand_made[stem], twins) for stem in both]
        correlation, lag_s = np.mean(follows, axis=0) if follows else (np.nan, np.nan)
        rows.append(
            HandMade(
                channel=channel,
                hand_deviation=float(np.concatenate(list(by_hand.values())).std()),
                deviation=corpus.channels[channel].deviation,
                hand_speed_p95=float(np.percentile(speeds, 95)),
                speed_p95=corpus.channels[channel].speed_p95,
                correlation=float(correlation),
                lag_ms=1000.0 * float(lag_s),
            )
        )
    return tuple(rows)


def _mean_of(motion: Motion, names: Sequence[str]) -> np.ndarray:
    return np.mean([motion.column(name) for name in names], axis=0).astype(np.float64)


def best_lag(predicted: Motion, channel: str, hand_made: Motion, twins: Sequence[str]) -> tuple[float, float]:
    """Highest correlation of a predicted channel with its twin over lags of up to 0.3 s, and that lag in seconds."""
    times_s = np.arange(hand_made.frame_count) / hand_made.rate_hz
    target = _mean_of(hand_made, twins)
    own_s = np.arange(predicted.frame_count) / predicted.rate_hz
    curve = predicted.column(channel).astype(np.float64)
    if curve.std() < 1e-6 or target.std() < 1e-6:
        return 0.0, 0.0
    found = [(float(np.corrcoef(np.interp(times_s + lag, own_s, curve), target)[0, 1]), float(lag)) for lag in _LAGS_S]
    return max(found)


def read_hand_made(folder: Path) -> dict[str, Motion]:
    """Hand-made curves of a folder: npz with weights (T, C), names and fps. Raises CorpusError when there is none."""
    curves = folder / "curves" if (folder / "curves").is_dir() else folder
    found = {path.stem: read_curves(path) for path in sorted(curves.glob("*.npz"))}
    if not found:
        raise CorpusError(f"{curves} holds no curves (*.npz with weights, names, fps). Name the folder that does.")
    return found


def read_curves(path: Path) -> Motion:
    """Motion from an npz with weights (T, C), names (C,) and fps. Raises CorpusError when it is none."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return Motion(data["weights"], tuple(str(name) for name in data["names"]), float(data["fps"]))
    except (OSError, KeyError, ValueError) as error:
        raise CorpusError(f"{path} holds no curves (weights, names, fps): {error}. Leave it out.") from error


def write_json(report: RealismReport, path: Path) -> None:
    """Write all numbers, atomically; arrays become lists, NaN null. Raises OutputError."""
    with atomic_write(path) as stream:
        stream.write((json.dumps(_plain(asdict(report)), indent=1) + "\n").encode())


def _plain(value: object) -> object:
    """The same with arrays as lists, NaN as None and numbers rounded to five digits."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 5) if np.isfinite(value) else None
    return value


def write_markdown(report: RealismReport, plots: Sequence[str], path: Path) -> None:
    """Write the page that a person reads, atomically. Raises OutputError."""
    parts = [
        _head(report),
        _contact_table(report.contacts),
        _blink_table(report),
        _deviation_table(report),
        _pair_table(report),
        _hand_made_table(report.hand_made),
        _channel_table(report),
        "\n".join(f"![{name}]({name})" for name in plots),
    ]
    with atomic_write(path) as stream:
        stream.write(("\n\n".join(part for part in parts if part) + "\n").encode())


def _head(report: RealismReport) -> str:
    minutes = report.corpus.seconds / 60
    title = f"# How the faces of {report.corpus_name} move"
    lines = [title, "", f"{report.clip_count} clips, {minutes:.1f} minutes."]
    if report.takes is not None:
        names = ", ".join(report.take_names)
        lines.append(f"Beside them: {names} ({report.takes.seconds / 60:.1f} minutes).")
    if report.left_out:
        lines.append(f"Left out, because nobody speaks in them (range of motion): {', '.join(report.left_out)}.")
    lines.append("All at 30 frames per second; but for rest and blinks, of the time in which the mouth is busy.")
    return "\n".join(lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _contact_table(contacts: Mapping[str, ContactMeasure]) -> str:
    names = {"seal": "p b m: lips shut", "tuck": "f v: lower lip rolled in", "teeth": "s z sh zh: teeth together"}
    rows = [
        [names[kind], str(found.count), *(f"{100 * found.share[rate]:.2f} %" for rate in CLOSURE_RATES_HZ)]
        for kind, found in contacts.items()
    ]
    return "## Contacts\n\n" + _table(["", "phones", *(f"{rate:g} fps" for rate in CLOSURE_RATES_HZ)], rows)


def _blink_table(report: RealismReport) -> str:
    def row(name: str, face: FaceMeasure) -> list[str]:
        blinks: BlinkMeasure = face.blinks
        spans = (f"{1000 * span:.0f}" for span in (blinks.closing_s, blinks.hold_s, blinks.opening_s))
        intervals = " / ".join(f"{value:.1f}" for value in blinks.intervals_s)
        head = f"{face.head_speed_deg_s[0]:.1f} / {face.head_speed_deg_s[1]:.1f}"
        return [name, f"{blinks.rate_per_min:.1f}", f"{blinks.depth:.2f}", *spans, intervals, head]

    header = ["", "blinks a minute", "depth", "close ms", "hold ms", "open ms", "apart s", "head degrees/s"]
    rows = [row("corpus", report.corpus)] + ([row("takes", report.takes)] if report.takes else [])
    note = "Spans from 10 to 90 % of the depth; apart: 10th, 50th, 90th percentile; head: median and 95th percentile."
    return f"## Blinks and head\n\n{_table(header, rows)}\n\n{note}"


def _deviation_table(report: RealismReport) -> str:
    if report.takes is None:
        return ""
    rows = [[d.channel, d.what, f"{d.takes:.3f}", f"{d.corpus:.3f}"] for d in report.deviations]
    if not rows:
        return "## Channels that deviate\n\nNone."
    factor = f"Spread or speed beyond {_USUAL_FACTOR:g} times the takes', or below its inverse.\n\n"
    return "## Channels that deviate\n\n" + factor + _table(["channel", "what", "takes", "corpus"], rows)


def _pair_table(report: RealismReport) -> str:
    if report.takes is None:
        return ""
    rows = [[p.first, p.second, f"{p.takes:+.2f}", f"{p.corpus:+.2f}"] for p in report.pairs]
    mean = f"Mean |difference| over all pairs: {report.mean_pair_difference:.3f}.\n\n"
    return "## Couplings that deviate most\n\n" + mean + _table(["channel", "with", "takes", "corpus"], rows)


def _hand_made_table(rows: Sequence[HandMade]) -> str:
    if not rows:
        return ""
    cells = [
        [
            row.channel,
            f"{row.hand_deviation:.3f}",
            f"{row.deviation:.3f}",
            f"{row.hand_speed_p95:.2f}",
            f"{row.speed_p95:.2f}",
            "-" if np.isnan(row.correlation) else f"{row.correlation:.2f}",
            "-" if np.isnan(row.lag_ms) else f"{row.lag_ms:+.0f}",
        ]
        for row in rows
    ]
    header = ["channel", "spread by hand", "spread", "speed p95 by hand", "speed p95", "correlation", "lag ms"]
    return "## Hand-made animation\n\n" + _table(header, cells)


def _channel_table(report: RealismReport) -> str:
    header = ["channel", "p50", "p99", "spread", "speed p95", "speed p99", "roughness", "rest"]
    rows = []
    for name in MODEL_CHANNELS:
        sides = [report.corpus.channels[name]] + ([report.takes.channels[name]] if report.takes else [])
        values = [(c.p50, c.p99, c.deviation, c.speed_p95, c.speed_p99, c.roughness, c.rest_share) for c in sides]
        rows.append([name, *(" / ".join(f"{value:.2f}" for value in column) for column in zip(*values, strict=True))])
    note = "corpus / takes. " if report.takes else ""
    return f"## All channels\n\n{note}Roughness: rms third over rms first difference.\n\n{_table(header, rows)}"
