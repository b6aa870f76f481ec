# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own talkers: enrol, blend, rename, duplicate, remove, import, export; and whom a recording sounds like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import bpy
from bpy.props import BoolProperty, CollectionProperty, StringProperty
from bpy_extras.io_utils import ExportHelper, ImportHelper

from .. import identities
from ..audio_source import Speech, scene_fps, sequencer_scene, sound_strips, speech_of_file, speech_of_strip
from ..file_names import file_stem
from ..generation import options_of, speech_of, speech_problem
from ..problems import LipSyncProblem, WorkOperator, poll_answer, report_problem
from ..sentences import draw_lines, wrapped
from ..voices import compare, enrolled, mixed, named, summary

if TYPE_CHECKING:
    from diffusion_talker.library import UserIdentity

Result = TypeVar("Result")

SUFFIX = ".npz"
#: Interface pixels of a dialog, letters on a line of it, and on one in the sidebar of the file browser.
WIDTH = 380
LETTERS = 58
BROWSER_LETTERS = 30
ON_DISK = "Your identities are files beside the add-on: undo does not bring one back"


class IdentityOperator(WorkOperator):
    """What the operators share: no redo, since they write files."""

    bl_options = {"UNDO", "INTERNAL"}


class OwnIdentityOperator(IdentityOperator):
    """Of those for which the chosen identity has to be the user's own."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, identities.own_problem(context))


# ---------------------------------------------------------------- new ones


class NewIdentity(IdentityOperator):
    """Makes the identity first, so that what is wrong with the sound is said before a name is asked for."""

    title: StringProperty(name="Name", description="Name of the new identity")
    description: StringProperty(name="Description", description="One line that the list shows. Empty: how it was made")

    def make(self, context: bpy.types.Context) -> UserIdentity:
        """The identity, without a name. Raises DiffusionTalkerError, LipSyncProblem."""
        raise NotImplementedError

    def wanted_name(self, context: bpy.types.Context) -> str:
        """What it would be called unless the user says otherwise."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        try:
            self.identity = _waiting(context, lambda: self.make(context))
        except Exception as error:
            return report_problem(self, error)
        self.title, self.description = identities.free_name(context, self.wanted_name(context)), ""
        return context.window_manager.invoke_props_dialog(self, width=WIDTH, confirm_text="Add Identity")

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "title")
        layout.prop(self, "description")
        draw_lines(layout, wrapped(summary(self.identity), LETTERS), "USER")
        reason = identities.name_problem(context, self.title)
        if reason:
            draw_lines(layout, wrapped(reason, LETTERS), "ERROR")

    def work(self, context: bpy.types.Context) -> str:
        identity = getattr(self, "identity", None) or self.make(context)
        title = self.title or identities.free_name(context, self.wanted_name(context))
        return _add(context, identity, title, self.description)


class DIFFUSION_TALKER_OT_identity_enrol_speech(NewIdentity, bpy.types.Operator):
    """Make a talker of your own from the voice in the chosen speech. It takes three seconds of clear speech"""

    bl_idname = "diffusion_talker.identity_enrol_speech"
    bl_label = "New Identity from the Speech"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, speech_problem(context))

    def make(self, context: bpy.types.Context) -> UserIdentity:
        return enrolled([speech_of(context)], options_of(context))

    def wanted_name(self, context: bpy.types.Context) -> str:
        return speech_of(context).name


class DIFFUSION_TALKER_OT_identity_enrol_strips(NewIdentity, bpy.types.Operator):
    """Make a talker of your own from one voice in all selected sound strips together"""

    bl_idname = "diffusion_talker.identity_enrol_strips"
    bl_label = "New Identity from Selected Strips"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = "" if selected_strips(context) else "No sound strip is selected: select strips of one voice first"
        return poll_answer(cls, reason)

    def make(self, context: bpy.types.Context) -> UserIdentity:
        scene = sequencer_scene(context)
        speeches = [speech_of_strip(context, scene, name) for name in selected_strips(context)]
        return enrolled(speeches, options_of(context))

    def wanted_name(self, context: bpy.types.Context) -> str:
        return selected_strips(context)[0]


class DIFFUSION_TALKER_OT_identity_enrol_files(IdentityOperator, bpy.types.Operator, ImportHelper):
    """Make a talker of your own from one voice in one or several sound files together"""

    bl_idname = "diffusion_talker.identity_enrol_files"
    bl_label = "New Identity from Files"

    title: StringProperty(name="Name", description="Name of the new identity. Empty: the first file's")
    description: StringProperty(name="Description", description="One line that the list shows. Empty: how it was made")
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_sound: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.label(text="Choose recordings of one voice", icon="USER")
        layout.prop(self, "title")
        layout.prop(self, "description")
        reason = identities.name_problem(context, self.title) if self.title else ""
        if reason:
            draw_lines(layout, wrapped(reason, BROWSER_LETTERS), "ERROR")

    def work(self, context: bpy.types.Context) -> str:
        paths = chosen_files(self)
        speeches = [_speech_of_file(context, path) for path in paths]
        identity = _waiting(context, lambda: enrolled(speeches, options_of(context)))
        title = self.title or identities.free_name(context, paths[0].stem)
        return _add(context, identity, title, self.description)


class DIFFUSION_TALKER_OT_identity_save_blend(NewIdentity, bpy.types.Operator):
    """Keep the present blend of two talkers as a talker of your own"""

    bl_idname = "diffusion_talker.identity_save_blend"
    bl_label = "Save Blend as Identity"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, identities.blend_problem(context))

    def make(self, context: bpy.types.Context) -> UserIdentity:
        settings = context.scene.diffusion_talker
        share = settings.identity_blend
        parts = ((settings.identity, 1.0 - share), (settings.second_identity, share))
        return mixed(parts, options_of(context))

    def wanted_name(self, context: bpy.types.Context) -> str:
        settings = context.scene.diffusion_talker
        return f"{settings.identity} and {settings.second_identity}"


class DIFFUSION_TALKER_OT_identity_import(IdentityOperator, bpy.types.Operator, ImportHelper):
    """Add identities from files that were exported"""

    bl_idname = "diffusion_talker.identity_import"
    bl_label = "Import Identity"

    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"HIDDEN", "SKIP_SAVE"})
    directory: StringProperty(subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_glob: StringProperty(default="*.npz", options={"HIDDEN"})

    def work(self, context: bpy.types.Context) -> str:
        added = [identities.user_library().import_from(path).name for path in chosen_files(self)]
        identities.choose(context, added[-1])
        return f"Added {', '.join(added)}"


# ---------------------------------------------------------------- the chosen one


class DIFFUSION_TALKER_OT_identity_rename(OwnIdentityOperator, bpy.types.Operator):
    """Give the chosen identity another name. Other files that use it will ask for the old name"""

    bl_idname = "diffusion_talker.identity_rename"
    bl_label = "Rename Identity"

    title: StringProperty(name="Name", description="New name")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.title = context.scene.diffusion_talker.identity
        return context.window_manager.invoke_props_dialog(self, width=WIDTH, confirm_text="Rename")

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        self.layout.prop(self, "title")
        reason = identities.name_problem(context, self.title, context.scene.diffusion_talker.identity)
        if reason:
            draw_lines(self.layout, wrapped(reason, LETTERS), "ERROR")

    def work(self, context: bpy.types.Context) -> str:
        old, new = context.scene.diffusion_talker.identity, " ".join(self.title.split())
        reason = identities.name_problem(context, new, old)
        if reason:
            raise LipSyncProblem(reason)
        identities.user_library().rename(old, new)
        _follow(context, old, new)
        return f"'{old}' is now called '{new}'"


class DIFFUSION_TALKER_OT_identity_duplicate(OwnIdentityOperator, bpy.types.Operator):
    """Add a copy of the chosen identity"""

    bl_idname = "diffusion_talker.identity_duplicate"
    bl_label = "Duplicate Identity"

    def work(self, context: bpy.types.Context) -> str:
        copy = identities.user_library().duplicate(context.scene.diffusion_talker.identity)
        identities.choose(context, copy)
        return f"Added '{copy}'"


class DIFFUSION_TALKER_OT_identity_remove(OwnIdentityOperator, bpy.types.Operator):
    """Delete the chosen identity from disk. Undo does not bring it back: export it first if in doubt"""

    bl_idname = "diffusion_talker.identity_remove"
    bl_label = "Remove Identity"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        name = context.scene.diffusion_talker.identity
        return context.window_manager.invoke_confirm(
            self, event, title=f"Remove '{name}'?", message=ON_DISK, confirm_text="Remove", icon="WARNING"
        )

    def work(self, context: bpy.types.Context) -> str:
        name = context.scene.diffusion_talker.identity
        identities.user_library().remove(name)
        identities.choose(context, identities.AUTO)
        return f"Removed '{name}'. The talker now follows the recording"


class DIFFUSION_TALKER_OT_identity_export(OwnIdentityOperator, bpy.types.Operator, ExportHelper):
    """Write the chosen identity into a file of its own, to hand on or keep. It holds seconds of the recording"""

    bl_idname = "diffusion_talker.identity_export"
    bl_label = "Export Identity"
    bl_options = {"INTERNAL"}

    filename_ext = SUFFIX
    filter_glob: StringProperty(default="*.npz", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = file_stem(context.scene.diffusion_talker.identity) + SUFFIX
        return super().invoke(context, event)

    def work(self, context: bpy.types.Context) -> str:
        name = context.scene.diffusion_talker.identity
        identities.user_library().export_to(name, Path(self.filepath))
        return f"Exported '{name}' to {self.filepath}"


# ---------------------------------------------------------------- the list


class DIFFUSION_TALKER_OT_identities_compare(IdentityOperator, bpy.types.Operator):
    """Hear whom the chosen speech sounds like, and show it in the list"""

    bl_idname = "diffusion_talker.identities_compare"
    bl_label = "Compare with the Speech"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_answer(cls, speech_problem(context))

    def work(self, context: bpy.types.Context) -> str:
        identities.refresh(context)
        found = _waiting(context, lambda: compare(speech_of(context), options_of(context)))
        return identities.show_match(context, found, identities.speech_key(context))


class DIFFUSION_TALKER_OT_identities_refresh(bpy.types.Operator):
    """Read the list of identities anew from disk, and put messages about damaged files away"""

    bl_idname = "diffusion_talker.identities_refresh"
    bl_label = "Refresh List"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        known = identities.listed_identities(context)
        known.message = ""
        for message in identities.refresh(context):
            self.report({"WARNING"}, message)
        self.report({"INFO"}, f"{len(known.rows) - 1} identities")
        return {"FINISHED"}


# ---------------------------------------------------------------- helpers


def selected_strips(context: bpy.types.Context) -> list[str]:
    """Names of the sound strips that are selected."""
    return [strip.name for strip in sound_strips(sequencer_scene(context)) if strip.select]


def chosen_files(operator: bpy.types.Operator) -> list[Path]:
    """Files that were marked in the browser, or the one that a script gave. Raises LipSyncProblem for none."""
    folder = Path(operator.directory)
    marked = [folder / item.name for item in operator.files if item.name]
    paths = marked or ([Path(operator.filepath)] if operator.filepath else [])
    if not paths or any(path.is_dir() for path in paths):
        raise LipSyncProblem("No file was chosen: mark one or several in the browser")
    return paths


def _speech_of_file(context: bpy.types.Context, path: Path) -> Speech:
    return speech_of_file(str(path), 1, scene_fps(context.scene))


def _add(context: bpy.types.Context, identity: UserIdentity, title: str, description: str) -> str:
    """Keep a new identity under a name; what to tell of it."""
    identities.keep(context, named(identity, title, description))
    return f"Added the identity '{title}'. {summary(identity)}"


def _follow(context: bpy.types.Context, old: str, new: str) -> None:
    """Let every scene of this file use the new name."""
    identities.refresh(context)
    for scene in bpy.data.scenes:
        settings = scene.diffusion_talker
        for name in ("identity", "second_identity"):
            if getattr(settings, name) == old and scene.is_editable:
                setattr(settings, name, new)


def _waiting(context: bpy.types.Context, work: Callable[[], Result]) -> Result:
    """Work of a second or so, under the cursor that says so."""
    if context.window is None:
        return work()
    context.window.cursor_set("WAIT")
    try:
        return work()
    finally:
        context.window.cursor_set("DEFAULT")
