# SPDX-License-Identifier: GPL-3.0-or-later
"""What a face does above the mouth: blinks, gaze, brows, head, breath. Added to the same columns; the lips are never
touched here.

Numbers from talker.md's sources: blink timing VanderWerf et al. (2003), saccades Lee, Badler & Badler (2002), nods
and brow raises on pitch accents Munhall et al. (2004) and Cave et al. (1996).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffusion_talker.corpus.timing import TimedPhone

Columns = dict[str, np.ndarray]
_DEGREE = np.pi / 180
#: Shortest time from blink to blink; so many are drawn for each that keeps it.
_BLINKS_APART_S, _DRAWN_PER_KEPT = 0.8, 1.26


@dataclass(frozen=True)
class Liveliness:
    """How much the upper face moves: blinks per minute, factors on brows and head, and the head's mean pitch in
    radians (down positive)."""

    blink_rate_per_min: float = 17.0
    brow_activity: float = 1.0
    head_motion: float = 1.0
    head_pitch_rad: float = 0.0


def add_performance(
    columns: Columns, phones: tuple[TimedPhone, ...], rate_hz: float, liveliness: Liveliness, rng: np.random.Generator
) -> None:
    """Add blinks, gaze, brows and head motion of one clip, in place."""
    frame_count = len(columns["jawOpen"])
    times_s = np.arange(frame_count) / rate_hz
    accents = find_accents(phones)
    gaze = draw_gaze(times_s, rng)
    write_gaze(columns, gaze.yaw, gaze.pitch)
    add_brows(columns, times_s, accents, liveliness.brow_activity, rng)
    add_blinks(columns, times_s, phrase_ends(phones), gaze.shifts_s, liveliness.blink_rate_per_min, rng)
    add_head(columns, times_s, accents, liveliness, rng)
    add_head_follows_gaze(columns, gaze, rate_hz, liveliness.head_motion)
    add_breathing(columns, times_s, rng)


def find_accents(phones: tuple[TimedPhone, ...]) -> list[tuple[float, float]]:
    """(time in s, strength 0-1) of the most prominent vowels (loud, long, high for this line), 0.4 s or more apart."""
    vowels = [p for p in phones if p.phone.is_vowel]
    chosen: list[tuple[float, float]] = []
    for phone in sorted(vowels, key=lambda p: -p.prominence):
        time_s = phone.start_s + 0.4 * phone.duration_s
        if phone.prominence > 0.25 and all(abs(time_s - other) > 0.4 for other, _ in chosen):
            chosen.append((time_s, float(phone.prominence)))
    return sorted(chosen)


def phrase_ends(phones: tuple[TimedPhone, ...]) -> list[float]:
    """Times at which a pause begins."""
    return [p.start_s for p in phones if p.phone.phone_class == "silence" and p.duration_s > 0.12 and p.start_s > 0.05]


@dataclass(frozen=True)
class Gaze:
    """Where the eyes look: yaw and pitch (T,) in eye weights, left and down positive; shifts_s: when they jump."""

    yaw: np.ndarray
    pitch: np.ndarray
    shifts_s: list[float]


def draw_gaze(times_s: np.ndarray, rng: np.random.Generator) -> Gaze:
    """Saccades every 0.4-3 s, mostly back to the listener; each takes 25-80 ms by its size (Lee et al. 2002)."""
    duration_s = times_s[-1] if len(times_s) else 0.0
    home = (rng.normal(0, 0.05), rng.normal(-0.02, 0.05))
    yaw, pitch = np.full(len(times_s), home[0]), np.full(len(times_s), home[1])
    time_s, at, shifts = 0.4 + rng.gamma(2.0, 0.4), home, []
    while time_s < duration_s:
        spread = (0.30, 0.18) if rng.random() < 0.45 else (0.04, 0.03)
        target = (home[0] + rng.normal(0, spread[0]), home[1] + rng.normal(0, spread[1]))
        move = _ease((times_s - time_s) / (0.025 + 0.12 * float(np.hypot(target[0] - at[0], target[1] - at[1]))))
        yaw += move * (target[0] - at[0])
        pitch += move * (target[1] - at[1])
        shifts.append(time_s)
        at, time_s = target, time_s + 0.35 + rng.gamma(2.0, 0.45)
    return Gaze(np.clip(yaw, -0.6, 0.6), np.clip(pitch, -0.45, 0.45), shifts)


def write_gaze(columns: Columns, yaw: np.ndarray, pitch: np.ndarray) -> None:
    """yaw > 0 looks to the person's left, pitch > 0 down; the lids follow the eyes down and up."""
    for outward, inward, direction in (
        ("eyeLookOutLeft", "eyeLookInRight", yaw),
        ("eyeLookOutRight", "eyeLookInLeft", -yaw),
    ):
        columns[outward] += np.maximum(direction, 0)
        columns[inward] += np.maximum(direction, 0)
    for side in ("Left", "Right"):
        columns["eyeLookDown" + side] += np.maximum(pitch, 0)
        columns["eyeLookUp" + side] += np.maximum(-pitch, 0)
        columns["eyeBlink" + side] += 0.45 * np.maximum(pitch, 0)
        columns["eyeWide" + side] += 0.40 * np.maximum(-pitch, 0)


def _ease(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)


def add_blinks(
    columns: Columns,
    times_s: np.ndarray,
    ends_s: list[float],
    shifts_s: list[float],
    rate_per_min: float,
    rng: np.random.Generator,
) -> None:
    """Blinks at a mean rate, likelier at phrase ends and with gaze shifts; never close together."""
    duration_s = float(times_s[-1]) if len(times_s) else 0.0
    expected = _DRAWN_PER_KEPT * rate_per_min / 60 * duration_s
    free = rng.uniform(0, duration_s, rng.poisson(0.45 * expected))
    tied = [t + rng.uniform(-0.05, 0.15) for t in (*ends_s, *shifts_s)]
    chance = min(1.0, 0.55 * expected / len(tied)) if tied else 0.0
    picked = sorted([*free, *(t for t in tied if rng.random() < chance)])
    last_s = -1.0
    for start_s in picked:
        if start_s - last_s > _BLINKS_APART_S:
            _add_blink(columns, times_s, start_s, rng)
            last_s = start_s


def _add_blink(columns: Columns, times_s: np.ndarray, start_s: float, rng: np.random.Generator) -> None:
    """One blink: closes in 70-100 ms, holds 20-50 ms, opens in 150-250 ms, most of it early; one in six stays
    incomplete; the sides a few ms apart (VanderWerf et al. 2003).

    The eyes dip, wide lids let go, the cheek takes a little part.
    """
    close_s, hold_s, open_s = rng.uniform(0.07, 0.10), rng.uniform(0.02, 0.05), rng.uniform(0.15, 0.25)
    depth = rng.uniform(0.5, 0.85) if rng.random() < 1 / 6 else rng.uniform(0.88, 1.0)
    offset_s = rng.normal(0, 0.004)
    for side, lag_s in (("Left", offset_s), ("Right", -offset_s)):
        t = times_s - start_s - lag_s
        opening = _ease(np.sqrt(np.clip((t - close_s - hold_s) / open_s, 0.0, 1.0)))
        lid = depth * np.minimum(_ease(t / close_s), 1 - opening)
        columns["eyeBlink" + side] += lid * (1 - np.clip(columns["eyeBlink" + side], 0, 1))
        columns["eyeWide" + side] *= 1 - lid
        columns["eyeLookUp" + side] *= 1 - 0.7 * lid
        columns["eyeLookDown" + side] += 0.16 * lid
        columns["eyeSquint" + side] += 0.05 * lid
        columns["cheekSquint" + side] += 0.02 * lid


def add_brows(
    columns: Columns, times_s: np.ndarray, accents: list[tuple[float, float]], activity: float, rng: np.random.Generator
) -> None:
    """Raises on some accents, lowering on a few, over a slow drift."""
    raised = np.maximum(0.05 * smooth_noise(times_s, 0.5, rng), 0)
    lowered = np.zeros(len(times_s))
    for time_s, strength in accents:
        kind = rng.random()
        bump = _bump(times_s, time_s - 0.05, rng.uniform(0.10, 0.18)) * strength * rng.uniform(0.5, 1.0)
        if kind < 0.45:
            raised = raised + 0.35 * bump
        elif kind < 0.57:
            lowered = lowered + 0.30 * bump
    tilt = rng.normal(0, 0.12)
    columns["browInnerUp"] += activity * raised
    columns["browOuterUpLeft"] += activity * raised * (0.8 + tilt)
    columns["browOuterUpRight"] += activity * raised * (0.8 - tilt)
    for side in ("Left", "Right"):
        columns["browDown" + side] += activity * lowered
        columns["eyeWide" + side] += 0.12 * activity * raised
        columns["eyeSquint" + side] += 0.2 * activity * lowered


def add_head(
    columns: Columns,
    times_s: np.ndarray,
    accents: list[tuple[float, float]],
    liveliness: Liveliness,
    rng: np.random.Generator,
) -> None:
    """Drift below 1 Hz of 2-4 degrees and nods on accents. Yaw to the left, pitch down and roll to the left are
    positive, radians."""
    drift = {"HeadYaw": 2.6, "HeadPitch": 1.7, "HeadRoll": 1.5}
    for name, degrees in drift.items():
        columns[name] += liveliness.head_motion * degrees * _DEGREE * smooth_noise(times_s, 0.35, rng)
    columns["HeadPitch"] += liveliness.head_pitch_rad
    for time_s, strength in accents:
        if rng.random() < 0.6:
            nod = _bump(times_s, time_s, rng.uniform(0.09, 0.14)) - 0.4 * _bump(times_s, time_s - 0.22, 0.11)
            columns["HeadPitch"] += liveliness.head_motion * strength * rng.uniform(1.2, 3.2) * _DEGREE * nod


def add_head_follows_gaze(columns: Columns, gaze: Gaze, rate_hz: float, head_motion: float) -> None:
    """The head turns after the eyes, a quarter of the way and in a third of a second (Freedman 2008)."""
    width = np.arange(-int(0.6 * rate_hz), int(0.6 * rate_hz) + 1) / rate_hz
    kernel = np.exp(-0.5 * ((width - 0.2) / 0.15) ** 2)
    for name, look, eye_rad in (("HeadYaw", gaze.yaw, 0.6), ("HeadPitch", gaze.pitch, 0.5)):
        padded = np.pad(look - look[:1], len(kernel) // 2, mode="edge")
        columns[name] += 0.25 * eye_rad * head_motion * np.convolve(padded, kernel / kernel.sum(), mode="valid")


def add_breathing(columns: Columns, times_s: np.ndarray, rng: np.random.Generator) -> None:
    """The head rises and sinks a third of a degree with every breath, 12-18 a minute."""
    phase = 2 * np.pi * (rng.uniform(0.20, 0.30) * times_s + rng.random())
    columns["HeadPitch"] -= 0.33 * _DEGREE * np.sin(phase)


def add_breath(columns: Columns, phones: tuple[TimedPhone, ...], rate_hz: float, rng: np.random.Generator) -> None:
    """Now and then lips part slightly for the breath before a phrase that follows a pause of half a second or more."""
    times_s = np.arange(len(columns["jawOpen"])) / rate_hz
    for phone, following in zip(phones, phones[1:], strict=False):
        if phone.phone.phone_class == "silence" and phone.duration_s > 0.5 and rng.random() < 0.5:
            breath = _bump(times_s, following.start_s - 0.24, 0.07) * rng.uniform(0.5, 1.0)
            columns["jawOpen"] += 0.04 * breath
            for side in ("Left", "Right"):
                columns["mouthLowerDown" + side] += 0.03 * breath
                columns["noseSneer" + side] += 0.04 * breath


def _bump(times_s: np.ndarray, centre_s: float, width_s: float) -> np.ndarray:
    return np.exp(-0.5 * ((times_s - centre_s) / width_s) ** 2)


def smooth_noise(times_s: np.ndarray, cutoff_hz: float, rng: np.random.Generator) -> np.ndarray:
    """Noise of unit deviation below a cutoff: sines at random frequencies and phases, the same at any frame rate."""
    count = 6
    frequencies = rng.uniform(0.04, cutoff_hz, count)
    phases = rng.uniform(0, 2 * np.pi, count)
    weights = rng.normal(0, 1, count) / np.sqrt(0.5 * count)
    return np.sin(2 * np.pi * np.outer(times_s, frequencies) + phases) @ weights
