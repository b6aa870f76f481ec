# SPDX-License-Identifier: GPL-3.0-or-later
"""What an animator chooses for one take: who, in what mood, how strongly, and how all of that changes over the line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from diffusion_talker.channels import HEAD_CHANNELS
from diffusion_talker.errors import SettingsError

AUTO: Final = "auto"  # identity and emotion: "as the recording suggests"
MAX_STEPS: Final = 64
MAX_INTENSITY: Final = 2.0
MAX_STYLE_STRENGTH: Final = 3.0
MAX_SLIDER: Final = 2.0
MAX_REGION_AMOUNT: Final = 1.5
MAX_SHARE: Final = 1000.0

#: Parts of the face whose share of an emotion can be set.
REGIONS: Final[tuple[str, ...]] = ("mouth", "brows", "eyes", "head")


@dataclass(frozen=True)
class Curve:
    """A value over the line: linear between its points, held before the first and after the last.

    Attributes:
        times_s: seconds from the beginning of the sound, rising.
        values: the value at each of these times.
    """

    times_s: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, times_s: np.ndarray) -> np.ndarray:
        """Values at `times_s`, float32 of the same shape."""
        return np.interp(times_s, self.times_s, self.values).astype(np.float32)


Value: TypeAlias = "float | Curve"
#: A name, or several with the share of each.
Choice: TypeAlias = "str | tuple[tuple[str, Value], ...]"


@dataclass(frozen=True)
class GenerateSettings:
    """What an animator chooses for one take. Each `Value` is a number or a `Curve` over the line.

    Attributes:
        identity: a name of the library or of the user's own identities, "auto" to let the recording decide, or a
            mixture (("Newsreader", 0.6), ("Coach", 0.4)) whose shares are scaled to sum to one.
        emotion: a name, "auto", or a mixture (("happiness", 0.6), ("surprise", 0.3)); what the shares leave of one
            is neutral, and shares of more than one together are scaled to one.
        intensity: amount of the emotion, 0 (neutral) to 2.
        style_strength: 0 = average talker, 1 = the identity, up to 3 = exaggerated.
        steps: denoising steps; None takes the student's own number.
        seed: another seed is another take of the same line.
        style: sliders, ("jaw", 0.4): -1 to 1 spans what the library's talkers do, up to 2 either way is possible.
        regions: amount of the emotion in parts of the face, 0 to 1.5, 1 where nothing is said; names see REGIONS.
    """

    identity: Choice = AUTO
    emotion: Choice = AUTO
    intensity: Value = 1.0
    style_strength: Value = 1.0
    steps: int | None = None
    seed: int = 0
    style: tuple[tuple[str, Value], ...] = ()
    regions: tuple[tuple[str, float], ...] = ()


def value_at(value: Value, times_s: np.ndarray) -> float | np.ndarray:
    """A constant as it is, a curve at these times."""
    return value.at(times_s) if isinstance(value, Curve) else float(value)


def parts_of(choice: Choice) -> tuple[tuple[str, Value], ...]:
    """A choice as names and shares."""
    return ((choice, 1.0),) if isinstance(choice, str) else choice


def check_numbers(settings: GenerateSettings) -> None:
    """Raises SettingsError for the first number or curve out of its range. Names are checked where they are known."""
    check_value("intensity", settings.intensity, 0.0, MAX_INTENSITY)
    check_value("style strength", settings.style_strength, 0.0, MAX_STYLE_STRENGTH)
    if settings.steps is not None:
        check_value("number of steps", settings.steps, 1, MAX_STEPS)
    for kind, choice in (("identity", settings.identity), ("emotion", settings.emotion)):
        if not parts_of(choice):
            raise SettingsError(f"The {kind} is an empty mixture: name one, or choose {AUTO}.")
        for name, share in parts_of(choice):
            check_value(f"share of {kind} '{name}'", share, 0.0, MAX_SHARE)
    for name, value in settings.style:
        check_value(f"style '{name}'", value, -MAX_SLIDER, MAX_SLIDER)
    for name, amount in settings.regions:
        if name not in REGIONS:
            raise SettingsError(f"There is no region '{name}' of the face: choose one of {', '.join(REGIONS)}.")
        check_value(f"amount of emotion of the {name}", amount, 0.0, MAX_REGION_AMOUNT)


def check_value(kind: str, value: Value, lowest: float, highest: float) -> None:
    """Raises SettingsError for a number, or a point of a curve, that is out of range or none."""
    if isinstance(value, Curve):
        _check_curve(kind, value)
    for number in value.values if isinstance(value, Curve) else (value,):
        if not lowest <= number <= highest:  # also catches NaN
            raise SettingsError(f"The {kind} is {number}: choose a value from {lowest} to {highest}.")


def _check_curve(kind: str, curve: Curve) -> None:
    rising = all(first < second for first, second in zip(curve.times_s, curve.times_s[1:], strict=False))
    if not curve.times_s or len(curve.times_s) != len(curve.values):
        raise SettingsError(f"The curve of the {kind} has {len(curve.times_s)} times and {len(curve.values)} values: "
                            "give as many of both, one at least.")
    if not rising or not all(map(math.isfinite, curve.times_s)):
        raise SettingsError(f"The times of the curve of the {kind} do not rise: sort its points, one for each time.")


def region_of(channel: str) -> str:
    """The part of the face that a channel belongs to, one of REGIONS."""
    if channel.startswith("brow"):
        return "brows"
    if channel.startswith(("eye", "cheekSquint")):
        return "eyes"
    return "head" if channel in HEAD_CHANNELS else "mouth"
