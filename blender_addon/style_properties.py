# SPDX-License-Identifier: GPL-3.0-or-later
"""How a take is spoken, as the animator chooses it in the scene: sliders, a mixture of emotions, parts of the face.

Sliders and shares can be keyed: F-curves on them become values that change over the line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import bpy
from bpy.props import BoolProperty, FloatProperty

AUTO: Final = "auto"  # identity and emotion: as the recording suggests
MIX: Final = "MIX"  # emotion: the shares of DIFFUSION_TALKER_PG_emotions
#: Style sliders, in the order in which they are drawn. A student at hand may lack some.
SLIDERS: Final[tuple[str, ...]] = (
    "jaw", "lips", "rounding", "upper_lip", "precision", "corners",
    "asymmetry", "smile", "brows", "blinks", "head", "lead",
)  # fmt: skip
#: Emotions that can be mixed; what their shares leave of one is neutral.
EMOTIONS: Final[tuple[str, ...]] = ("happiness", "anger", "sadness", "fear", "surprise", "disgust", "contempt")
#: Parts of the face, as the core parts them.
REGIONS: Final[tuple[str, ...]] = ("mouth", "brows", "eyes", "head")

#: Who is told, with the scene's choices, when the animator changes one of them. A list, since Blender's callbacks
#: have to exist before the module that listens is attached.
LISTENERS: Final[list[Callable[[bpy.types.Context], None]]] = []


def changed(group: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
    """Tell the listeners: the `update` of every property that decides how a take is spoken."""
    for listener in LISTENERS:
        listener(context)


def _slider(name: str, description: str) -> object:
    return FloatProperty(
        name=name,
        description=f"{description}. -1 to 1 spans what the talkers of the library do",
        default=0.0,
        min=-2.0,
        max=2.0,
        soft_min=-1.0,
        soft_max=1.0,
        precision=2,
        step=5,
        update=changed,
    )


def _share(emotion: str) -> object:
    return FloatProperty(
        name=emotion.title(),
        description=f"Share of {emotion}. What the shares leave of 1 is neutral; more than 1 together is scaled down",
        default=0.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        update=changed,
    )


def _switch(region: str, moves: str) -> object:
    return BoolProperty(
        name=region.title(),
        description=f"Animate {moves}. Off leaves the keys that are there as they are",
        default=True,
        options=set(),
        update=changed,
    )


def _amount(region: str) -> object:
    return FloatProperty(
        name=f"{region.title()} Emotion",
        description=f"Amount of the emotion in the {region}: 0 is neutral, 1 as it is in the whole face",
        default=1.0,
        min=0.0,
        max=1.5,
        subtype="FACTOR",
        options=set(),  # the core takes one amount for the whole line
        update=changed,
    )


class DIFFUSION_TALKER_PG_style(bpy.types.PropertyGroup):
    """Style sliders, added to the identity."""

    jaw: _slider("Jaw", "How far the jaw opens")
    lips: _slider("Lips", "How far the lips part and spread")
    rounding: _slider("Rounding", "How far the lips come forward in round sounds")
    upper_lip: _slider("Upper Lip", "How much the upper lip lifts")
    precision: _slider("Precision", "From mumbled to crisp: how clearly each sound is shaped")
    corners: _slider("Corners", "How far the mouth's corners are pulled while speaking")
    asymmetry: _slider("Asymmetry", "Which half of the mouth moves more: the left above 0, the right below")
    smile: _slider("Smile", "Smile of the resting face")
    brows: _slider("Brows", "How much the brows move")
    blinks: _slider("Blinks", "How often the eyes blink")
    head: _slider("Head", "How much the head moves")
    lead: _slider("Lead", "Lips ahead of the sound above 0, behind it below")


class DIFFUSION_TALKER_PG_emotions(bpy.types.PropertyGroup):
    """Shares of a mixture of emotions."""

    happiness: _share("happiness")
    anger: _share("anger")
    sadness: _share("sadness")
    fear: _share("fear")
    surprise: _share("surprise")
    disgust: _share("disgust")
    contempt: _share("contempt")


class DIFFUSION_TALKER_PG_regions(bpy.types.PropertyGroup):
    """Which parts of the face are animated, and how much of the emotion each shows."""

    use_mouth: _switch("mouth", "jaw, lips, cheeks, nose and tongue")
    use_brows: _switch("brows", "the brows")
    use_eyes: _switch("eyes", "blinks, gaze and lids")
    use_head: _switch("head", "the rotation of the head, where Bones and Head say what turns")
    mouth_amount: _amount("mouth")
    brows_amount: _amount("brows")
    eyes_amount: _amount("eyes")
    head_amount: _amount("head")


def regions_in_use(settings: bpy.types.PropertyGroup) -> tuple[str, ...]:
    """Parts of the face that are animated."""
    return tuple(region for region in REGIONS if getattr(settings.regions, f"use_{region}"))
