# SPDX-License-Identifier: GPL-3.0-or-later
"""Import Curves: motion from a file of an exchange format onto the face, through the same mapping as Generate."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import IntProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ..audio_source import Speech, scene_fps
from ..drive_plan import Choices, choices_of, plan_problem
from ..driving import drive
from ..generation import Generated, Options, Outcome, apply, request_for, target_of
from ..problems import LipSyncProblem, WorkOperator, poll_answer

if TYPE_CHECKING:
    from diffusion_talker.motion import Motion, VertexMotion


class DIFFUSION_TALKER_OT_import_curves(WorkOperator, bpy.types.Operator, ImportHelper):
    """Bring motion from a file onto the face: Live Link Face, Audio2Face or NumPy. Makes a new Action"""

    bl_idname = "diffusion_talker.import_curves"
    bl_label = "Import Facial Motion"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(default="*.csv;*.json;*.npz", options={"HIDDEN"})
    first_frame: IntProperty(name="Start Frame", description="Frame at which the motion begins", default=1)

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = plan_problem(target_of(context), choices_of(context.scene))
        return poll_answer(cls, reason)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.properties.is_property_set("first_frame"):
            self.first_frame = context.scene.frame_current
        return super().invoke(context, event)

    def work(self, context: bpy.types.Context) -> str:
        scene, path = context.scene, Path(self.filepath)
        motion = read_take(path)
        choices = choices_of(scene, all_shapes=not hasattr(motion, "channels"))
        return import_motion(motion, path, target_of(context), scene, self.first_frame, choices).sentence


def read_take(path: Path) -> Motion | VertexMotion:
    """Curves or vertices from a file. Raises FormatError, LipSyncProblem where it holds no facial motion."""
    from diffusion_talker.channels import ARKIT_52
    from diffusion_talker.errors import FormatError
    from diffusion_talker.formats import read_motion
    from diffusion_talker.formats.vertex_npz import VERTEX_EXTENSION, read_vertex_npz

    try:
        motion = read_motion(path)
    except FormatError:
        if path.suffix.lower() != VERTEX_EXTENSION:
            raise
        return read_vertex_npz(path)
    if not set(motion.channels) & set(ARKIT_52):
        raise LipSyncProblem(f"'{path.name}' has no ARKit channel (jawOpen...): export it with ARKit's names")
    return motion


def import_motion(
    motion: Motion | VertexMotion,
    path: Path,
    face: bpy.types.Object | None,
    scene: bpy.types.Scene,
    first_frame: int,
    choices: Choices,
) -> Outcome:
    """Write a file's motion on a face from a frame on; the file counts as a line of its own.

    Raises LipSyncProblem when the face cannot be driven.
    """
    started_s = time.perf_counter()
    speech = Speech(path.stem, str(path), str(path), first_frame, scene_fps(scene))
    request = request_for(speech, face, Options(), choices)
    take = drive(motion, request.plan, speech)
    return apply(request, Generated(take, motion.duration_s, "file", time.perf_counter() - started_s))


def _draw_import(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    menu.layout.operator("diffusion_talker.import_curves", text="Facial Motion (.csv, .json, .npz)")


def attach() -> None:
    """Put it into File > Import."""
    bpy.types.TOPBAR_MT_file_import.append(_draw_import)


def detach() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(_draw_import)
