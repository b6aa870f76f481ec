# SPDX-License-Identifier: GPL-3.0-or-later
"""Say what vertex animation costs, and ask, before it is made."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ..audio_source import SPEECH_RATE_HZ, find_strip, read_speech, scene_fps, sequencer_scene, strip_times
from ..generation import problem, speech_of, target_of
from ..problems import poll_answer, report_problem
from ..sentences import wrapped
from ..vertex_animation import CACHE, cost_sentence, form_of

WIDTH = 400
LETTERS = 58


class DIFFUSION_TALKER_OT_confirm_vertices(bpy.types.Operator):
    """Say what the vertex animation costs, and make it"""

    bl_idname = "diffusion_talker.confirm_vertices"
    bl_label = "Write Vertex Animation"
    bl_options = {"INTERNAL"}

    cost: StringProperty(name="Cost", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = problem(context)
        return poll_answer(cls, reason)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        try:
            self.cost = vertex_cost(context)
        except Exception as error:
            return report_problem(self, error)
        return context.window_manager.invoke_props_dialog(self, width=WIDTH)

    def draw(self, context: bpy.types.Context) -> None:
        column = self.layout.column(align=True)
        for line in wrapped(self.cost, LETTERS):
            column.label(text=line)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return bpy.ops.diffusion_talker.generate("INVOKE_DEFAULT", confirmed=True)


def vertex_cost(context: bpy.types.Context) -> str:
    """What writing the vertices of the chosen line costs. Raises what reading the sound raises."""
    form, face = form_of(context.scene), target_of(context)
    sentence = cost_sentence(form.mode, line_frames(context), len(face.data.vertices))
    return sentence if form.mode == CACHE else f"{sentence}. A mesh cache plays without that"


def line_frames(context: bpy.types.Context) -> int:
    """Scene frames of the chosen line."""
    settings = context.scene.diffusion_talker
    if settings.source == "STRIP":
        times = strip_times(find_strip(sequencer_scene(context), settings.strip))
        return times.end_frame - times.first_frame
    source = read_speech(speech_of(context))
    return max(1, round(source.sample_count / SPEECH_RATE_HZ * scene_fps(context.scene)))
