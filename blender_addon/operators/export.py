# SPDX-License-Identifier: GPL-3.0-or-later
"""Export the face's present take, edits included, to a file that other programs read."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
from bpy.props import EnumProperty, StringProperty
from bpy_extras.io_utils import ExportHelper

from ..audio_source import scene_fps
from ..bones import read_head
from ..face_mapping import mapping_of, usable_keys
from ..generation import target_of
from ..keyframes import current_lines, read_curves
from ..problems import LipSyncProblem, WorkOperator, poll_answer
from ..targets import keys_problem

FORMATS = (
    (".csv", "Live Link Face (.csv)", "For Unreal Engine and other programs that read Live Link Face recordings"),
    (".json", "Audio2Face (.json)", "Blendshape weights as Audio2Face exports them"),
    (".npz", "NumPy (.npz)", "Weights, names and frame rate as arrays"),
)


class DIFFUSION_TALKER_OT_export(WorkOperator, bpy.types.Operator, ExportHelper):
    """Write the face's present take to a file"""

    bl_idname = "diffusion_talker.export"
    bl_label = "Export Take"
    bl_options = {"REGISTER"}

    filename_ext: EnumProperty(name="Format", description="Kind of file", items=FORMATS)
    filter_glob: StringProperty(default="*.csv;*.json;*.npz", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = export_problem(target_of(context))
        return poll_answer(cls, reason)

    def work(self, context: bpy.types.Context) -> str:
        frame_count = export_take(target_of(context), scene_fps(context.scene), Path(self.filepath))
        return f"Exported {frame_count} frames to {self.filepath}"


def export_problem(obj: bpy.types.Object | None) -> str:
    """Why there is nothing to export and what to do next; empty when there is."""
    reason = keys_problem(obj)
    if reason:
        return reason
    return "" if current_lines(obj) else f"'{obj.name}' has no take yet: generate lip sync first"


def export_take(obj: bpy.types.Object, fps: float, path: Path) -> int:
    """Write every line of the present take, from the first frame of the first to the end of the last; frames written.

    Raises LipSyncProblem without a take, OutputError when the file cannot be written.
    """
    from diffusion_talker.channels import MODEL_CHANNELS
    from diffusion_talker.formats import write_motion
    from diffusion_talker.motion import Motion, select_channels
    from diffusion_talker.rigs.mapping import keys_to_arkit

    reason = export_problem(obj)
    if reason:
        raise LipSyncProblem(reason)
    spans = current_lines(obj).values()
    frames = np.arange(min(first for first, _ in spans), max(end for _, end in spans))
    curves = read_curves(obj, [name for name, _, _ in usable_keys(obj)], frames)
    if not curves:
        raise LipSyncProblem(f"The take of '{obj.name}' has lost its curves: undo that, or generate it again")
    keys = Motion(np.stack(list(curves.values()), axis=1), tuple(curves), fps)
    motion = keys_to_arkit(keys, mapping_of(obj))
    head = read_head(_scene_of(obj), obj, frames)
    weights = np.concatenate([motion.weights, *(column[:, None] for column in head.values())], axis=1)
    write_motion(path, select_channels(Motion(weights, (*motion.channels, *head), fps), MODEL_CHANNELS))
    return len(frames)


def _scene_of(obj: bpy.types.Object) -> bpy.types.Scene:
    """The scene whose set-up counts for a face: the present one, if the face is in it."""
    present = bpy.context.scene
    return present if obj.name in present.objects or not obj.users_scene else obj.users_scene[0]
