# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of talkers as the panel shows it. It belongs to the window manager: files on disk, not the scene, decide."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, PointerProperty, StringProperty

UNKNOWN = -1.0


class DIFFUSION_TALKER_PG_identity(bpy.types.PropertyGroup):
    """One talker that can be chosen. similarity: with the sound that was compared last, UNKNOWN if none was."""

    name: StringProperty(name="Name", description="Name as lists show it")
    identity: StringProperty(name="Identity", description="What the scene's choice holds")
    description: StringProperty(name="Description", description="The talker in one line")
    is_own: BoolProperty(name="Own", description="Made by you, not built in")
    similarity: FloatProperty(name="Similarity", description="How alike the sound is", default=UNKNOWN)


class DIFFUSION_TALKER_PG_identities(bpy.types.PropertyGroup):
    """All talkers. stamp: state of the files from which the rows were made. compared: the speech that was compared
    last; verdict and mood: what came out."""

    rows: CollectionProperty(type=DIFFUSION_TALKER_PG_identity)
    stamp: StringProperty(name="Stamp")
    message: StringProperty(name="Message", description="Files that were set aside or could not be read")
    compared: StringProperty(name="Compared")
    verdict: StringProperty(name="Verdict")
    mood: StringProperty(name="Mood")


def attach() -> None:
    bpy.types.WindowManager.diffusion_talker_identities = PointerProperty(type=DIFFUSION_TALKER_PG_identities)


def detach() -> None:
    del bpy.types.WindowManager.diffusion_talker_identities
