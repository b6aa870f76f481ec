# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffusion Talker for Blender: a thin skin over the package `diffusion_talker`, the only place that knows bpy."""

from __future__ import annotations

import bpy

from . import (
    command,
    drive_panels,
    drive_properties,
    identities,
    identity_properties,
    live,
    overlay,
    panels,
    preferences,
    properties,
    style_panel,
    style_properties,
    takes_panel,
    takes_properties,
)
from .operators import (
    add_demo_head,
    cancel,
    confirm_vertices,
    export,
    find_bones,
    fix_face,
    generate,
    generate_shape_keys,
    import_curves,
    mapping,
    mapping_presets,
    place_landmarks,
    style,
)
from .operators import identities as own_identities  # `identities` is a module of this package
from .operators import meshes as face_meshes  # `meshes` is a module of this package
from .operators import takes as take_operators

CLASSES = (
    style_properties.DIFFUSION_TALKER_PG_style,
    style_properties.DIFFUSION_TALKER_PG_emotions,
    style_properties.DIFFUSION_TALKER_PG_regions,
    identity_properties.DIFFUSION_TALKER_PG_identity,
    identity_properties.DIFFUSION_TALKER_PG_identities,
    properties.DIFFUSION_TALKER_PG_settings,
    properties.DIFFUSION_TALKER_PG_status,
    takes_properties.DIFFUSION_TALKER_PG_kept_take,
    takes_properties.DIFFUSION_TALKER_PG_takes,
    takes_properties.DIFFUSION_TALKER_PG_takes_status,
    properties.DIFFUSION_TALKER_PG_landmark,
    drive_properties.DIFFUSION_TALKER_PG_entry,
    drive_properties.DIFFUSION_TALKER_PG_channel,
    drive_properties.DIFFUSION_TALKER_PG_mapping,
    drive_properties.DIFFUSION_TALKER_PG_mesh,
    drive_properties.DIFFUSION_TALKER_PG_drive,
    preferences.DIFFUSION_TALKER_AP_preferences,
    generate.DIFFUSION_TALKER_OT_generate,
    generate.DIFFUSION_TALKER_OT_regenerate,
    take_operators.DIFFUSION_TALKER_OT_take_audition,
    take_operators.DIFFUSION_TALKER_OT_take_bring,
    take_operators.DIFFUSION_TALKER_MT_take_bring,
    take_operators.DIFFUSION_TALKER_OT_take_step,
    take_operators.DIFFUSION_TALKER_OT_take_favorite,
    take_operators.DIFFUSION_TALKER_OT_take_delete,
    take_operators.DIFFUSION_TALKER_OT_take_settings,
    confirm_vertices.DIFFUSION_TALKER_OT_confirm_vertices,
    cancel.DIFFUSION_TALKER_OT_cancel,
    cancel.DIFFUSION_TALKER_OT_live_cancel,
    export.DIFFUSION_TALKER_OT_export,
    import_curves.DIFFUSION_TALKER_OT_import_curves,
    generate_shape_keys.DIFFUSION_TALKER_OT_generate_shape_keys,
    fix_face.DIFFUSION_TALKER_OT_fix_face,
    place_landmarks.DIFFUSION_TALKER_OT_place_landmarks,
    place_landmarks.DIFFUSION_TALKER_OT_mark_landmark,
    place_landmarks.DIFFUSION_TALKER_OT_mirror_landmarks,
    place_landmarks.DIFFUSION_TALKER_OT_remove_landmarks,
    add_demo_head.DIFFUSION_TALKER_OT_add_demo_head,
    find_bones.DIFFUSION_TALKER_OT_bones_guess,
    mapping.DIFFUSION_TALKER_OT_mapping_show,
    mapping.DIFFUSION_TALKER_OT_mapping_reset,
    mapping.DIFFUSION_TALKER_OT_mapping_by_hand,
    mapping.DIFFUSION_TALKER_OT_mapping_add_key,
    mapping.DIFFUSION_TALKER_OT_mapping_remove_key,
    mapping_presets.DIFFUSION_TALKER_OT_mapping_preset_save,
    mapping_presets.DIFFUSION_TALKER_OT_mapping_preset_load,
    mapping_presets.DIFFUSION_TALKER_OT_mapping_preset_delete,
    mapping_presets.DIFFUSION_TALKER_OT_mapping_export,
    mapping_presets.DIFFUSION_TALKER_OT_mapping_import,
    mapping_presets.DIFFUSION_TALKER_MT_mapping_presets,
    mapping_presets.DIFFUSION_TALKER_MT_mapping_presets_delete,
    face_meshes.DIFFUSION_TALKER_OT_meshes_add,
    face_meshes.DIFFUSION_TALKER_OT_meshes_remove,
    own_identities.DIFFUSION_TALKER_OT_identity_enrol_speech,
    own_identities.DIFFUSION_TALKER_OT_identity_enrol_strips,
    own_identities.DIFFUSION_TALKER_OT_identity_enrol_files,
    own_identities.DIFFUSION_TALKER_OT_identity_save_blend,
    own_identities.DIFFUSION_TALKER_OT_identity_import,
    own_identities.DIFFUSION_TALKER_OT_identity_rename,
    own_identities.DIFFUSION_TALKER_OT_identity_duplicate,
    own_identities.DIFFUSION_TALKER_OT_identity_remove,
    own_identities.DIFFUSION_TALKER_OT_identity_export,
    own_identities.DIFFUSION_TALKER_OT_identities_compare,
    own_identities.DIFFUSION_TALKER_OT_identities_refresh,
    style.DIFFUSION_TALKER_OT_style_reset,
    style.DIFFUSION_TALKER_OT_style_preset_save,
    style.DIFFUSION_TALKER_OT_style_preset_load,
    style.DIFFUSION_TALKER_OT_style_preset_delete,
    style.DIFFUSION_TALKER_MT_style_presets,
    style.DIFFUSION_TALKER_MT_style_presets_delete,
    style_panel.DIFFUSION_TALKER_UL_identities,
    style_panel.DIFFUSION_TALKER_MT_identity_add,
    style_panel.DIFFUSION_TALKER_MT_identity,
    drive_panels.DIFFUSION_TALKER_UL_meshes,
    drive_panels.DIFFUSION_TALKER_UL_channels,
    panels.DIFFUSION_TALKER_PT_view3d,
    panels.DIFFUSION_TALKER_PT_sequencer,
    takes_panel.DIFFUSION_TALKER_UL_takes,
    takes_panel.DIFFUSION_TALKER_PT_takes_view3d,
    takes_panel.DIFFUSION_TALKER_PT_takes_sequencer,
    drive_panels.DIFFUSION_TALKER_PT_meshes_view3d,
    drive_panels.DIFFUSION_TALKER_PT_meshes_sequencer,
    drive_panels.DIFFUSION_TALKER_PT_mapping_view3d,
    drive_panels.DIFFUSION_TALKER_PT_mapping_sequencer,
    drive_panels.DIFFUSION_TALKER_PT_bones_view3d,
    drive_panels.DIFFUSION_TALKER_PT_bones_sequencer,
    drive_panels.DIFFUSION_TALKER_PT_vertices_view3d,
    drive_panels.DIFFUSION_TALKER_PT_vertices_sequencer,
)

_register_classes, _unregister_classes = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    _register_classes()
    properties.attach()
    identity_properties.attach()
    drive_properties.attach()
    takes_properties.attach()
    live.attach()
    panels.attach()
    import_curves.attach()
    overlay.attach()
    command.attach()


def unregister() -> None:
    command.detach()
    overlay.detach()
    import_curves.detach()
    panels.detach()
    live.detach()
    takes_properties.detach()
    drive_properties.detach()
    identities.forget()
    identity_properties.detach()
    properties.detach()
    _unregister_classes()
