# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones -> the mouth: dominance-based coarticulation, critically damped motion, speed limits, and contact enforced
last.

The order of the rules is the order of `articulate`: blend poses, soften in time, limit speed, then close what must
close. Contact comes last, so no style, emotion or smoothing can open a seal.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from diffusion_talker.corpus.phones import DOMINANCE, Pose
from diffusion_talker.corpus.timing import TimedPhone

#: The dials of one mouth in the order of Pose.
DIALS = tuple(field.name for field in fields(Pose))
_DIAL_INDEX = {name: i for i, name in enumerate(DIALS)}
_GROUPS: dict[str, tuple[str, ...]] = {
    "jaw": ("jaw",),
    "rounding": ("funnel", "pucker"),
    "corners": ("smile", "stretch"),
    "lips": ("lower", "upper", "tuck"),
    "tongue": ("tongue",),
}
#: Reach of a phone's dominance before and after its plateau, seconds: rounding starts early (120-200 ms ahead), lips
#: are quick.
_REACH_S: dict[str, tuple[float, float]] = {
    "jaw": (0.055, 0.060),
    "rounding": (0.115, 0.080),
    "corners": (0.042, 0.042),
    "lips": (0.043, 0.047),
    "tongue": (0.050, 0.050),
}
#: Natural frequency of each group's critically damped motion, rad/s: the jaw is heavy, the tongue tip is not.
_STIFFNESS_RAD_S: dict[str, float] = {"jaw": 75.0, "rounding": 65.0, "corners": 100.0, "lips": 85.0, "tongue": 90.0}
#: Fastest change of a dial per second.
SPEED_LIMIT_PER_S: dict[str, float] = {
    "jaw": 7.0, "funnel": 6.0, "pucker": 6.5, "smile": 4.0, "stretch": 4.0, "lower": 5.0, "upper": 4.0, "tuck": 9.0,
    "tongue": 6.0,
}  # fmt: skip
_DOMINANCE_POWER = 2.6
_LIP_LEAD_S = 0.009
#: Contact is approached and left this long, smoothly.
_RAMPS_S: dict[str, tuple[float, float]] = {"seal": (0.080, 0.074), "tuck": (0.095, 0.085), "teeth": (0.085, 0.075)}
#: Share of the gap between two contacts that each ramp may take.
_GAP_SHARE = 0.62
#: A ramp takes no more of the vowel beside it than this, and never less time: nothing moves faster.
_VOWEL_SHARE = 1.0
_SHORTEST_RAMP_S: dict[str, float] = {"seal": 0.050, "tuck": 0.060, "teeth": 0.065}
#: A vowel counts as beside a contact when no more than a burst lies between them.
_BESIDE_S = 0.045
#: Share of a sound on either side of its plateau; a prominent vowel stays longer, the last one of a phrase longest.
_PLATEAU_MARGIN, _PROMINENT_MARGIN, _FINAL_MARGIN = 0.32, -0.06, 0.16
#: How much further a fully prominent vowel opens, and how much harder it holds against its neighbours.
_PROMINENT_REACH, _PROMINENT_DOMINANCE = 0.08, 0.20
#: A vowel this open takes all of what loudness and prominence give; a closer one its share.
_WIDE_JAW = 0.40
#: Shortest contact: three frames at 60 Hz, with their nearly closed neighbours more than a frame of 24 fps.
_LEAST_HOLD_S: dict[str, float] = {"seal": 3.1 / 60, "tuck": 0.042, "teeth": 0.042}
#: Lips press within this of touching, beginning a little before they quite meet.
_PRESS_S, _PRESS_EARLY_S = 0.050, 0.014
_SEALED_JAW = 0.10
#: The jaw rises towards a seal this much slower than the lips close.
_JAW_PACE = 0.65
#: Fastest jaw after contact is enforced; real takes reach 7 per second at their 99th percentile.
_JAW_LIMIT_PER_S = 8.0
_TEETH_TOGETHER_JAW = 0.08
_TUCKED_JAW = 0.08
#: Fastest roll of the lower lip.
_ROLL_LIMIT_PER_S = 7.5
#: Cheeks give way to the pressure behind a p or b, and fall back this fast after the burst.
_PUFF, _PUFF_DECAY_S = 0.12, 0.045


@dataclass(frozen=True)
class Manner:
    """How somebody moves the mouth: factors on the neutral speaker. lead_s: lips ahead of the sound beyond the
    usual."""

    jaw_range: float = 1.0
    lip_range: float = 1.0
    rounding: float = 1.0
    upper_lip: float = 1.0
    precision: float = 1.0
    corner_pull: float = 0.0
    pressing: float = 1.0
    speed: float = 1.0
    lead_s: float = 0.0


@dataclass(frozen=True)
class Mouth:
    """Curves of one mouth at one rate, left and right alike.

    dials: (T, len(DIALS)). seal, tuck, teeth: (T,) 0 apart ... 1 in contact. jaw_up: (T,) as seal, but at the jaw's
    slower pace. press: (T,) 0-1, sealed lips pressed. puff: (T,) 0-1, pressure behind them. activity: (T,) 0 in
    silence ... 1 in speech.
    """

    dials: np.ndarray
    seal: np.ndarray
    jaw_up: np.ndarray
    press: np.ndarray
    puff: np.ndarray
    tuck: np.ndarray
    teeth: np.ndarray
    activity: np.ndarray


def articulate(
    phones: tuple[TimedPhone, ...], frame_count: int, rate_hz: float, manner: Manner, jitter: np.ndarray | None = None
) -> Mouth:
    """Mouth curves of a phone sequence without holes.

    jitter: (P,) factors on every phone's opening and rounding, or None. Returns frame i at time i / rate_hz.
    """
    times_s = np.arange(frame_count) / rate_hz
    ahead_s = times_s + _LIP_LEAD_S + manner.lead_s
    contact_s = times_s + 0.5 * manner.lead_s
    targets = apply_manner(phones, apply_emphasis(phones, poses(phones)), manner)
    if jitter is not None:
        targets *= jitter[:, None]
    dials = soften(blend_by_dominance(phones, targets, ahead_s, manner.precision), rate_hz, manner.speed)
    return Mouth(
        dials=limit_speed(dials, rate_hz),
        seal=contact_track(phones, "seal", contact_s, manner.speed),
        jaw_up=contact_track(phones, "seal", contact_s, _JAW_PACE * manner.speed),
        press=press_track(phones, contact_s),
        puff=puff_track(phones, contact_s),
        tuck=contact_track(phones, "tuck", contact_s, manner.speed),
        teeth=contact_track(phones, "teeth", times_s + manner.lead_s, manner.speed),
        activity=speech_activity(phones, ahead_s),
    )


def poses(phones: tuple[TimedPhone, ...]) -> np.ndarray:
    """Apex poses (P, dials) of the neutral speaker."""
    return np.array([[getattr(p.phone.pose, dial) for dial in DIALS] for p in phones])


def apply_emphasis(phones: tuple[TimedPhone, ...], targets: np.ndarray) -> np.ndarray:
    """Loud and prominent vowels open wider, the wider the more open they are (Schulman 1989; de Jong 1995).

    Consonants keep their constrictions and close vowels stay close: emphasis moves phones apart, it does not open all.
    """
    out = targets.copy()
    for i, phone in enumerate(phones):
        if phone.phone.is_vowel:
            share = min(1.0, phone.phone.pose.jaw / _WIDE_JAW)
            gain = 1.0 + share * (phone.gain * (1.0 + _PROMINENT_REACH * phone.prominence) - 1.0)
            out[i, _DIAL_INDEX["jaw"]] *= gain
            out[i, [_DIAL_INDEX["lower"], _DIAL_INDEX["upper"]]] *= np.sqrt(gain)
    return out


def apply_manner(phones: tuple[TimedPhone, ...], targets: np.ndarray, manner: Manner) -> np.ndarray:
    """Targets (P, dials) as this person says them: jaw and lips are separate dials (JALI, Edwards et al. 2016)."""
    out = targets.copy()
    vowel = np.array([p.phone.is_vowel for p in phones])
    out[:, _DIAL_INDEX["jaw"]] *= np.where(vowel, manner.jaw_range, 0.5 + 0.5 * manner.jaw_range)
    gains = {
        "funnel": manner.rounding,
        "pucker": manner.rounding,
        "smile": manner.lip_range,
        "stretch": manner.lip_range,
        "lower": manner.lip_range,
        "upper": manner.upper_lip,
    }
    for dial, gain in gains.items():
        out[:, _DIAL_INDEX[dial]] *= gain
    out[:, _DIAL_INDEX["smile"]] += manner.corner_pull * _corner_share(phones)
    return out


def _corner_share(phones: tuple[TimedPhone, ...]) -> np.ndarray:
    """How much of a speaker's habit of pulling the corners each phone lets through, (P,)."""
    spread = ("close_front", "near_close", "mid_front", "palatal", "sibilant")
    return np.array([1.0 if p.phone.phone_class in spread else 0.4 if p.phone.is_vowel else 0.0 for p in phones])


def blend_by_dominance(
    phones: tuple[TimedPhone, ...], targets: np.ndarray, times_s: np.ndarray, precision: float
) -> np.ndarray:
    """Dials (T, D): at each time the mean of all targets weighted by dominance alpha exp(-(|tau| / reach)^c) (Cohen &
    Massaro 1993).

    precision > 1 shortens the reach: less of the neighbours in each phone. Prominent vowels hold their own, reduced
    ones yield (de Jong 1995).
    """
    apex = np.array([_plateau(phone, is_last_of_phrase(phones, i)) for i, phone in enumerate(phones)])
    hold = np.array([1.0 + _PROMINENT_DOMINANCE * p.prominence if p.phone.is_vowel else 1.0 for p in phones])
    before = np.maximum(apex[None, :, 0] - times_s[:, None], 0.0)
    after = np.maximum(times_s[:, None] - apex[None, :, 1], 0.0)
    out = np.zeros((len(times_s), len(DIALS)))
    short_pause = np.array([min(1.0, p.duration_s / 0.2) if p.phone.phone_class == "silence" else 1.0 for p in phones])
    for group, dials in _GROUPS.items():
        alpha = np.array([getattr(DOMINANCE[p.phone.phone_class], group) for p in phones]) * short_pause * hold
        reach = np.array(_REACH_S[group]) / precision
        exponent = (before / reach[0]) ** _DOMINANCE_POWER + (after / reach[1]) ** _DOMINANCE_POWER
        weight = alpha * np.exp(-np.minimum(exponent, 60.0)) + 1e-9
        columns = [_DIAL_INDEX[dial] for dial in dials]
        out[:, columns] = (weight @ targets[:, columns]) / weight.sum(axis=1, keepdims=True)
    return out


def _plateau(phone: TimedPhone, is_last: bool) -> tuple[float, float]:
    """When a phone stands at its apex: the middle of a sound, all of a silence but its edges.

    Prominent vowels stay longer; the last one of a phrase stays until it has died away (phrase-final lengthening,
    Wightman et al. 1992: the sound is longer by itself, its end is held).
    """
    if phone.phone.phone_class == "silence":
        margin = min(0.09, 0.4 * phone.duration_s)
        return phone.start_s + margin, phone.end_s - margin
    margin = _PLATEAU_MARGIN + (_PROMINENT_MARGIN * phone.prominence if phone.phone.is_vowel else 0.0)
    after = _FINAL_MARGIN if is_last else margin
    return phone.start_s + margin * phone.duration_s, phone.end_s - after * phone.duration_s


def is_last_of_phrase(phones: tuple[TimedPhone, ...], i: int) -> bool:
    """Whether phone i is a vowel that nothing but silence follows."""
    ends = i + 1 == len(phones) or phones[i + 1].phone.phone_class == "silence"
    return phones[i].phone.is_vowel and ends


def soften(dials: np.ndarray, rate_hz: float, speed: float) -> np.ndarray:
    """Critically damped motion towards the blended targets, its group delay taken out (Saltzman & Munhall 1989, task
    dynamics)."""
    out = np.empty_like(dials)
    for group, names in _GROUPS.items():
        kernel = _critically_damped_kernel(_STIFFNESS_RAD_S[group] * speed, rate_hz)
        for name in names:
            column = _DIAL_INDEX[name]
            padded = np.pad(dials[:, column], len(kernel) // 2, mode="edge")
            out[:, column] = np.convolve(padded, kernel, mode="valid")
    return out


def _critically_damped_kernel(stiffness_rad_s: float, rate_hz: float) -> np.ndarray:
    """Impulse response w^2 t exp(-w t), centred on its mean 2 / w, odd length, sum 1."""
    half = int(np.ceil(6.0 / stiffness_rad_s * rate_hz)) + 1
    fine = 8
    offsets = np.arange(-half * fine, half * fine + fine) / (fine * rate_hz) - 0.5 * (1 - 1 / fine) / rate_hz
    delay = offsets + 2.0 / stiffness_rad_s
    response = np.where(delay > 0, delay * np.exp(-stiffness_rad_s * np.maximum(delay, 0)), 0.0)
    kernel = response.reshape(-1, fine).sum(axis=1)
    return kernel / kernel.sum()


def limit_speed(dials: np.ndarray, rate_hz: float) -> np.ndarray:
    """No dial moves faster than its muscle (SPEED_LIMIT_PER_S)."""
    step = np.array([SPEED_LIMIT_PER_S[name] for name in DIALS]) / rate_hz
    return _limit(dials, step)


def _limit(dials: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The mean of a forward and a backward limiter to `step` per frame; it adds no delay."""
    if not (np.abs(np.diff(dials, axis=0)) > step).any():
        return dials
    return 0.5 * (_follow(dials, step) + _follow(dials[::-1], step)[::-1])


def _follow(dials: np.ndarray, step: np.ndarray) -> np.ndarray:
    out = dials.copy()
    for i in range(1, len(out)):
        out[i] = out[i - 1] + np.clip(dials[i] - out[i - 1], -step, step)
    return out


def contact_track(phones: tuple[TimedPhone, ...], contact: str, times_s: np.ndarray, speed: float) -> np.ndarray:
    """How far a contact is made, (T,): 1 from onset to release of each phone that needs it, smooth ramps around.

    Two contacts share the gap between them, and the vowel beside one stays open in its middle: "papa" opens in its
    first vowel however fast it is said, only less far (Gay 1981: faster speech moves faster).
    """
    intervals = contact_intervals(phones, contact)
    apart = np.ones(len(times_s))
    approach_s, leave_s = (ramp_s / speed for ramp_s in _RAMPS_S[contact])
    for i, (start_s, end_s) in enumerate(intervals):
        gap_before_s = start_s - intervals[i - 1][1] if i else np.inf
        gap_after_s = intervals[i + 1][0] - end_s if i + 1 < len(intervals) else np.inf
        vowel_before_s = max(_VOWEL_SHARE * _vowel_beside_s(phones, start_s, "end_s"), _SHORTEST_RAMP_S[contact])
        vowel_after_s = max(_VOWEL_SHARE * _vowel_beside_s(phones, end_s, "start_s"), _SHORTEST_RAMP_S[contact])
        before_s = max(min(approach_s, _GAP_SHARE * gap_before_s, vowel_before_s), 1e-3)
        after_s = max(min(leave_s, _GAP_SHARE * gap_after_s, vowel_after_s), 1e-3)
        apart *= 1.0 - np.minimum(_ramp(start_s - times_s, before_s), _ramp(times_s - end_s, after_s))
    return 1.0 - apart


def _vowel_beside_s(phones: tuple[TimedPhone, ...], edge_s: float, side: str) -> float:
    """Length of the vowel that ends ("end_s") or begins ("start_s") at a contact's edge; infinite without one."""
    near = (p.duration_s for p in phones if p.phone.is_vowel and abs(getattr(p, side) - edge_s) < _BESIDE_S)
    return min(near, default=np.inf)


def press_track(phones: tuple[TimedPhone, ...], times_s: np.ndarray) -> np.ndarray:
    """How hard sealed lips press, (T,) 0-1: they meet first, press against each other, and let go as they part
    (Loefqvist & Gracco 1997)."""
    track = np.zeros(len(times_s))
    for start_s, end_s in contact_intervals(phones, "seal"):
        depth_s = np.minimum(times_s - start_s, end_s - times_s) + _PRESS_EARLY_S
        track = np.maximum(track, _ramp(_PRESS_S - depth_s, _PRESS_S) * (depth_s > 0))
    return track


def puff_track(phones: tuple[TimedPhone, ...], times_s: np.ndarray) -> np.ndarray:
    """Pressure behind the lips of p and b, (T,) 0-1: it builds up through the closure and is gone soon after the burst
    (Stevens 1998, ch. 7); louder speech blows harder."""
    track = np.zeros(len(times_s))
    for phone in phones:
        if phone.phone.phone_class == "bilabial_stop":
            built = _ramp(phone.release_s - times_s, max(phone.release_s - phone.start_s, 0.03))
            left = _ramp(times_s - phone.release_s, _PUFF_DECAY_S)
            track = np.maximum(track, min(phone.gain, 1.0) * np.minimum(built, left))
    return track


def _ramp(distance_s: np.ndarray, width_s: float) -> np.ndarray:
    """1 where distance <= 0, 0 where it is beyond width, smoothstep between."""
    x = np.clip(1.0 - distance_s / width_s, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def contact_intervals(phones: tuple[TimedPhone, ...], contact: str) -> list[tuple[float, float]]:
    """When lips or teeth touch: [start, burst] of a stop, the whole of a nasal or fricative; neighbours that touch
    are one.

    Short closures are drawn out to four frames of 60 Hz, mostly backwards, so that any frame rate from 24 meets them.
    """
    intervals: list[tuple[float, float]] = []
    for i, phone in enumerate(phones):
        if phone.phone.contact != contact:
            continue
        held_on = i + 1 < len(phones) and phones[i + 1].phone.contact == contact
        start_s, end_s = phone.start_s, phone.end_s if held_on else _contact_end(phone)
        missing = max(0.0, _LEAST_HOLD_S[contact] - (end_s - start_s))
        start_s, end_s = start_s - 0.7 * missing, end_s + 0.3 * missing
        if intervals and start_s - intervals[-1][1] < 0.02:
            intervals[-1] = (intervals[-1][0], end_s)
        else:
            intervals.append((start_s, end_s))
    return intervals


def _contact_end(phone: TimedPhone) -> float:
    if phone.phone.is_stop:
        return phone.release_s
    return phone.end_s - 0.12 * phone.duration_s


def speech_activity(phones: tuple[TimedPhone, ...], times_s: np.ndarray) -> np.ndarray:
    """(T,) 1 where somebody speaks, falling to 0 within 150 ms into a pause; what keeps expressions from opening a
    resting mouth."""
    track = np.zeros(len(times_s))
    for phone in phones:
        if phone.phone.phone_class != "silence":
            near = np.minimum(_ramp(phone.start_s - times_s, 0.12), _ramp(times_s - phone.end_s, 0.15))
            track = np.maximum(track, near)
    return track


def enforce_contact(columns: dict[str, np.ndarray], mouth: Mouth, pressing: float, rate_hz: float) -> None:
    """Close what must close, in place, on ARKit curves: teeth for sibilants, lip on teeth for f v, lips for p b m (in
    that order).

    At full seal mouthClose equals jawOpen and nothing else parts the lips, so aperture and lip gap are 0.
    """
    _keep_teeth_together(columns, mouth.teeth)
    _tuck_lower_lip(columns, mouth, rate_hz)
    _seal_lips(columns, mouth, pressing, rate_hz)


def _keep_teeth_together(columns: dict[str, np.ndarray], teeth: np.ndarray) -> None:
    """Sibilants need a narrow channel between the teeth (Mooshammer et al. 2006)."""
    columns["jawOpen"] += teeth * (np.minimum(columns["jawOpen"], _TEETH_TOGETHER_JAW) - columns["jawOpen"])


def _tuck_lower_lip(columns: dict[str, np.ndarray], mouth: Mouth, rate_hz: float) -> None:
    """f and v: lower lip rolled under the upper teeth, upper lip a little raised, never sealed.

    Beside p b m the lip stays rolled while it seals, and only the opening yields.
    """
    parted = mouth.tuck * (1.0 - mouth.seal)
    roll = columns["mouthRollLower"]
    roll += mouth.tuck * (np.clip(roll, 0.52, 0.75) - roll)
    columns["mouthRollLower"] = _limit(roll, np.array(_ROLL_LIMIT_PER_S / rate_hz))
    apex = {
        "jawOpen": (0.03, _TUCKED_JAW),
        "mouthRollUpper": (0.0, 0.0),
        "mouthFunnel": (0.0, 0.06),
        "mouthPucker": (0.0, 0.40),
    }
    for side in ("Left", "Right"):
        apex["mouthLowerDown" + side] = (0.0, 0.02)
        apex["mouthUpperUp" + side] = (0.11, 0.28)
        apex["mouthPress" + side] = (0.0, 0.06)
    for name, (least, most) in apex.items():
        columns[name] += parted * (np.clip(columns[name], least, most) - columns[name])


def _seal_lips(columns: dict[str, np.ndarray], mouth: Mouth, pressing: float, rate_hz: float) -> None:
    """p b m: the jaw nearly up, what gap is left closed by mouthClose, lips pressed, the chin pushing up (mentalis)."""
    seal, jaw = mouth.seal, columns["jawOpen"]
    raised = jaw + mouth.jaw_up * (np.clip(jaw, 0.03, _SEALED_JAW) - jaw)
    raised = _limit(raised, np.array(_JAW_LIMIT_PER_S / rate_hz))
    # the lips have (1 - seal) of the open jaw between them, however far the jaw itself has come: one smooth closing
    columns["mouthClose"] = np.maximum(raised - (1.0 - seal) * jaw, 0.0)
    columns["jawOpen"] = raised
    for name in (
        "mouthLowerDownLeft",
        "mouthLowerDownRight",
        "mouthUpperUpLeft",
        "mouthUpperUpRight",
        "mouthShrugUpper",
        "tongueOut",
    ):
        columns[name] *= 1.0 - seal
    columns["mouthFunnel"] *= 1.0 - np.maximum(seal, mouth.jaw_up)  # it alone would part the lips
    columns["cheekPuff"] += _PUFF * pressing * mouth.puff
    for name, level in (
        ("mouthRollLower", 0.16),
        ("mouthRollUpper", 0.14),
        ("mouthShrugLower", 0.14),
        ("mouthDimpleLeft", 0.06),
        ("mouthDimpleRight", 0.06),
        ("mouthFrownLeft", 0.06),
        ("mouthFrownRight", 0.06),
        ("mouthPressLeft", 0.24),
        ("mouthPressRight", 0.24),
    ):
        columns[name] += mouth.press * (np.clip(columns[name], level * pressing, 0.4) - columns[name])
