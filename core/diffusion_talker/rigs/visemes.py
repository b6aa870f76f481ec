# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mouth does for a sound, in ARKit weights: the directions that every viseme key is read as.

Apex values of a neutral speaker, the same that the phone inventory of the training corpus starts from. A vocabulary's
key at value 1 is taken to be the apex of its sound.
"""

from __future__ import annotations

from typing import Final

from diffusion_talker.channels import ARKIT_52

#: (ARKit channel, weight when the key stands at 1), one pair a channel.
Pose = tuple[tuple[str, float], ...]


def pose(**weights: float) -> Pose:
    """Pose from channel names; a name without its side stands for left and right. Raises ValueError for others."""
    pairs: list[tuple[str, float]] = []
    for name, weight in weights.items():
        channels = [name] if name in ARKIT_52 else [f"{name}Left", f"{name}Right"]
        if not set(channels) <= set(ARKIT_52):
            raise ValueError(f"{name} is no ARKit channel")
        pairs.extend((channel, weight) for channel in channels)
    return tuple(pairs)


REST: Final[Pose] = ()
#: p b m: sealed, pressed and a little rolled in.
SEAL: Final = pose(jawOpen=0.05, mouthClose=0.05, mouthPress=0.3, mouthRollLower=0.2, mouthRollUpper=0.15)
#: f v: lower lip on the upper teeth.
TUCK: Final = pose(jawOpen=0.07, mouthRollLower=0.6, mouthUpperUp=0.15)
#: th dh
DENTAL: Final = pose(jawOpen=0.13, mouthLowerDown=0.15, mouthUpperUp=0.04, tongueOut=0.2)
#: t d
TONGUE_TIP: Final = pose(jawOpen=0.14, mouthLowerDown=0.15, tongueOut=0.05)
#: n
NASAL: Final = pose(jawOpen=0.11, mouthLowerDown=0.12, tongueOut=0.03)
#: l
LATERAL: Final = pose(jawOpen=0.17, mouthLowerDown=0.16, tongueOut=0.07)
#: k g ng
BACK: Final = pose(jawOpen=0.18, mouthLowerDown=0.10)
#: h
BREATH: Final = pose(jawOpen=0.16, mouthLowerDown=0.08)
#: s z: teeth nearly together.
HISS: Final = pose(jawOpen=0.05, mouthLowerDown=0.25, mouthUpperUp=0.06, mouthStretch=0.15)
#: sh zh ch jh
HUSH: Final = pose(jawOpen=0.05, mouthFunnel=0.45, mouthPucker=0.15, mouthLowerDown=0.20, mouthUpperUp=0.15)
#: r
RHOTIC: Final = pose(jawOpen=0.10, mouthFunnel=0.25, mouthPucker=0.25, mouthLowerDown=0.08)
#: w
GLIDE_W: Final = pose(jawOpen=0.05, mouthFunnel=0.20, mouthPucker=0.75)
#: aa (father)
OPEN: Final = pose(jawOpen=0.50, mouthLowerDown=0.25, mouthUpperUp=0.15)
#: ae (cat)
OPEN_FRONT: Final = pose(jawOpen=0.43, mouthLowerDown=0.28, mouthUpperUp=0.15, mouthStretch=0.25)
#: ah (cut)
OPEN_MID: Final = pose(jawOpen=0.30, mouthLowerDown=0.22, mouthUpperUp=0.08)
#: ax (about)
CENTRAL: Final = pose(jawOpen=0.18, mouthLowerDown=0.14, mouthUpperUp=0.04)
#: er (bird)
RHOTIC_VOWEL: Final = pose(jawOpen=0.17, mouthFunnel=0.20, mouthPucker=0.18, mouthLowerDown=0.12)
#: eh ey (bed)
MID_FRONT: Final = pose(jawOpen=0.30, mouthLowerDown=0.24, mouthUpperUp=0.08, mouthStretch=0.20, mouthSmile=0.06)
#: ih (bit)
NEAR_FRONT: Final = pose(jawOpen=0.15, mouthLowerDown=0.15, mouthStretch=0.20, mouthSmile=0.18)
#: iy (see)
CLOSE_FRONT: Final = pose(jawOpen=0.09, mouthLowerDown=0.15, mouthUpperUp=0.03, mouthStretch=0.30, mouthSmile=0.30)
#: ow (go)
MID_BACK: Final = pose(jawOpen=0.24, mouthFunnel=0.45, mouthPucker=0.35, mouthLowerDown=0.06)
#: ao (law)
OPEN_BACK: Final = pose(jawOpen=0.38, mouthFunnel=0.42, mouthPucker=0.17, mouthLowerDown=0.12)
#: uw (you)
CLOSE_BACK: Final = pose(jawOpen=0.09, mouthFunnel=0.35, mouthPucker=0.57)
#: uh (book)
NEAR_BACK: Final = pose(jawOpen=0.14, mouthFunnel=0.30, mouthPucker=0.36, mouthLowerDown=0.04)
