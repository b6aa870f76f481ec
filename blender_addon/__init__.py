# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffusion Talker for Blender: a thin skin over the package `diffusion_talker`, the only place that knows bpy."""

from __future__ import annotations

import bpy

from . import command, drive_properties, panels, preferences, properties
from .operators import add_demo_head, cancel, export, generate, generate_shape_keys

CLASSES = (
    properties.DIFFUSION_TALKER_PG_settings,
    properties.DIFFUSION_TALKER_PG_status,
    properties.DIFFUSION_TALKER_PG_landmark,
    drive_properties.DIFFUSION_TALKER_PG_entry,
    drive_properties.DIFFUSION_TALKER_PG_channel,
    drive_properties.DIFFUSION_TALKER_PG_mapping,
    drive_properties.DIFFUSION_TALKER_PG_mesh,
    drive_properties.DIFFUSION_TALKER_PG_drive,
    preferences.DIFFUSION_TALKER_AP_preferences,
    generate.DIFFUSION_TALKER_OT_generate,
    cancel.DIFFUSION_TALKER_OT_cancel,
    export.DIFFUSION_TALKER_OT_export,
    generate_shape_keys.DIFFUSION_TALKER_OT_generate_shape_keys,
    add_demo_head.DIFFUSION_TALKER_OT_add_demo_head,
    panels.DIFFUSION_TALKER_PT_view3d,
    panels.DIFFUSION_TALKER_PT_sequencer,
)

_register_classes, _unregister_classes = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    _register_classes()
    properties.attach()
    drive_properties.attach()
    panels.attach()
    command.attach()


def unregister() -> None:
    command.detach()
    panels.detach()
    drive_properties.detach()
    properties.detach()
    _unregister_classes()
