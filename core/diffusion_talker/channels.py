# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of facial motion: ARKit's 52 blendshapes, head rotation, and the spellings that animators meet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

#: Alphabetical. https://developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation
ARKIT_52: Final[tuple[str, ...]] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)

#: Rotation of the head in radians: yaw about the vertical, pitch nods, roll tilts.
HEAD_CHANNELS: Final[tuple[str, ...]] = ("HeadYaw", "HeadPitch", "HeadRoll")

#: What the network predicts, in this order.
MODEL_CHANNELS: Final[tuple[str, ...]] = ARKIT_52 + HEAD_CHANNELS

#: Jaw, lips, cheeks that puff, tongue: the part of the face that speech itself moves.
MOUTH_CHANNELS: Final[tuple[str, ...]] = tuple(
    name for name in ARKIT_52 if name.startswith(("jaw", "mouth", "tongue")) or name == "cheekPuff"
)

#: Brows, eyes, cheek squint and nose sneer.
UPPER_FACE_CHANNELS: Final[tuple[str, ...]] = tuple(name for name in ARKIT_52 if name not in MOUTH_CHANNELS)

#: Every left channel with its right partner.
MIRROR_PAIRS: Final[tuple[tuple[str, str], ...]] = tuple(
    (name, name.replace("Left", "Right")) for name in ARKIT_52 if name.endswith("Left")
)

#: The 61 value columns of a Live Link Face CSV in the app's own order (note JawRight before JawLeft).
LIVE_LINK_COLUMNS: Final[tuple[str, ...]] = (
    "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft", "EyeLookOutLeft", "EyeLookUpLeft", "EyeSquintLeft",
    "EyeWideLeft", "EyeBlinkRight", "EyeLookDownRight", "EyeLookInRight", "EyeLookOutRight", "EyeLookUpRight",
    "EyeSquintRight", "EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen", "MouthClose", "MouthFunnel",
    "MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft", "MouthSmileRight", "MouthFrownLeft",
    "MouthFrownRight", "MouthDimpleLeft", "MouthDimpleRight", "MouthStretchLeft", "MouthStretchRight",
    "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper", "MouthPressLeft", "MouthPressRight",
    "MouthLowerDownLeft", "MouthLowerDownRight", "MouthUpperUpLeft", "MouthUpperUpRight", "BrowDownLeft",
    "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff", "CheekSquintLeft",
    "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight", "TongueOut",
    "HeadYaw", "HeadPitch", "HeadRoll",
    "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)

_BY_COMPACT: Final[Mapping[str, str]] = {name.lower(): name for name in ARKIT_52}
_HEAD_BY_COMPACT: Final[Mapping[str, str]] = {name.lower(): name for name in HEAD_CHANNELS}
_SEPARATORS: Final = re.compile(r"[^A-Za-z0-9]+")
#: Words that exporters hang on the end of a name, and copy numbers (".001", "_div2").
_TRAILING_NOISE: Final = re.compile(r"(shape|shapes|key|bs|blendshape|morph|morphs|target|geo|mesh|div\d+|v?\d+)", re.I)
_SIDES: Final[Mapping[str, str]] = {"l": "left", "r": "right", "left": "left", "right": "right"}


def canonical_channel(name: str) -> str | None:
    """ARKit name for any usual spelling of it, or None.

    Knows upper and lower case, any separator, sides as Left / L / _l in front or behind, prefixes that stand apart
    ("Face.M_F00_jawOpen", "A25_Jaw_Open") and exporters' endings ("jawOpen.001", "facs_bs_JawOpen_div2").
    """
    return _recognize(name)[0]


def canonical_motion_channel(name: str) -> str:
    """Name under which a motion file's column is kept: ARKit or head channel in our spelling, else unchanged."""
    head = _HEAD_BY_COMPACT.get(_SEPARATORS.sub("", name).lower())
    return head or canonical_channel(name) or name


def match_arkit(names: Iterable[str]) -> dict[str, str]:
    """ARKit name -> the given name, for every given name that is a spelling of one.

    Where several names mean the same channel, the most exact spelling wins; between equals the first.
    """
    best: dict[str, tuple[int, str]] = {}
    for name in names:
        channel, inexactness = _recognize(name)
        if channel is not None and (channel not in best or inexactness < best[channel][0]):
            best[channel] = (inexactness, name)
    return {channel: best[channel][1] for channel in ARKIT_52 if channel in best}


def _recognize(name: str) -> tuple[str | None, int]:
    """(ARKit name or None, how far the spelling is from exact: 0 exact, 1 case and separators, 2+ extra words)."""
    if name in ARKIT_52:
        return name, 0
    parts = [part for part in _SEPARATORS.split(name) if part]
    for dropped_behind in range(len(parts)):
        kept = parts[: len(parts) - dropped_behind]
        for dropped_ahead in range(len(kept)):
            channel = _match_parts(kept[dropped_ahead:])
            if channel is not None:
                return channel, 1 + dropped_ahead + 2 * dropped_behind
        if not _TRAILING_NOISE.fullmatch(kept[-1]):
            break
    return None, 0


def _match_parts(parts: list[str]) -> str | None:
    """ARKit name spelled by these words, with the side in full, as a letter, or in front."""
    joined = "".join(parts)
    if joined.lower() in _BY_COMPACT:
        return _BY_COMPACT[joined.lower()]
    if len(parts) > 1 and parts[-1].lower() in _SIDES:
        return _BY_COMPACT.get("".join(parts[:-1]).lower() + _SIDES[parts[-1].lower()])
    if len(parts) > 1 and parts[0].lower() in _SIDES:
        return _BY_COMPACT.get("".join(parts[1:]).lower() + _SIDES[parts[0].lower()])
    if joined[-1] in "LR" and joined[-2:-1].islower():
        return _BY_COMPACT.get(joined[:-1].lower() + _SIDES[joined[-1].lower()])
    return None
