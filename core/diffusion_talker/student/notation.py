# SPDX-License-Identifier: GPL-3.0-or-later
"""How choices of a take are written in a line of text: talkers "Coach:0.6,Ada:0.4", sliders "jaw=0.4,brows=-1".

Every command line reads them here. What is wrong is said with the option that carries it, which all of them call alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from diffusion_talker.errors import SettingsError
from diffusion_talker.student.settings import GenerateSettings

Parts: TypeAlias = tuple[tuple[str, float], ...]


def performance_settings(
    *,
    identity: str,
    emotion: str,
    intensity: float,
    style_strength: float,
    style: Iterable[str],
    regions: Iterable[str],
    steps: int | None,
    seed: int,
) -> GenerateSettings:
    """Settings from what a command line was given; the student checks them. Raises SettingsError."""
    return GenerateSettings(
        identity=_choice("--identity", identity),
        emotion=_choice("--emotion", emotion),
        intensity=intensity,
        style_strength=style_strength,
        steps=steps,
        seed=seed,
        style=_assignments("--style", style),
        regions=_assignments("--region", regions),
    )


def _choice(option: str, text: str) -> str | Parts:
    """One name as it is, several as parts."""
    return mixture(option, text) if ":" in text or "," in text else text


def mixture(option: str, text: str) -> Parts:
    """"a:0.6,b:0.4" as parts; one without a number counts one. Raises SettingsError."""
    parts = []
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, share = part.partition(":")
        parts.append((name.strip(), _amount(option, part, share) if share else 1.0))
    return tuple(parts)


def _assignments(option: str, texts: Iterable[str]) -> Parts:
    """("jaw=0.4,brows=-1", "lips=1") as pairs; the last value of a name counts."""
    pairs: dict[str, float] = {}
    for part in (part.strip() for text in texts for part in text.split(",") if part.strip()):
        name, equals, value = part.partition("=")
        if not equals:
            raise SettingsError(f"{option} {part} has no value: write {option} {part}=0.5, for instance.")
        pairs[name.strip()] = _amount(option, part, value)
    return tuple(pairs.items())


def _amount(option: str, part: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"{option} {part}: '{text}' is not a number.") from None
