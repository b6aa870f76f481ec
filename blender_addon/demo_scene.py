# SPDX-License-Identifier: GPL-3.0-or-later
"""A small film set around the demo head: camera, three lights and a backdrop colour."""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy
from mathutils import Vector

from .demo_head import create_demo_head

FACE_CENTER_M = Vector((0.0, -0.03, 0.196))
_LENS_MM = 85.0
_SENSOR_MM = 36.0
_BACKDROP = (0.065, 0.10, 0.13)


@dataclass(frozen=True)
class _Lamp:
    """An area light that looks at the face; angles in degrees around it, zero is the camera's front view."""

    name: str
    azimuth: float
    elevation: float
    distance_m: float
    size_m: float
    power_w: float
    color: tuple[float, float, float]
    in_eyes: bool  # whether it may mirror itself in the eyes: one clear catch light is enough


_LAMPS = (
    _Lamp("Key", 38.0, 30.0, 0.9, 0.45, 9.5, (1.0, 0.90, 0.79), True),
    _Lamp("Fill", -32.0, -5.0, 1.0, 0.9, 3.6, (0.88, 0.93, 1.0), False),
    _Lamp("Rim", 205.0, 35.0, 0.8, 0.5, 4.0, (0.90, 0.95, 1.0), True),
)


def build_demo_scene(scene: bpy.types.Scene) -> bpy.types.Object:
    """Put head, camera, lights and world into `scene`; returns the head. Render settings are the caller's."""
    head = create_demo_head(scene.collection)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.lens = _LENS_MM
    scene.collection.objects.link(camera)
    scene.camera = camera
    aim_camera(camera, azimuth_deg=18.0, elevation_deg=3.0)
    for lamp in _LAMPS:
        scene.collection.objects.link(_make_lamp(lamp))
    scene.world = _make_world()
    scene.view_settings.view_transform = "Standard"  # flat film curves would wash out the character's colours
    return head


def aim_camera(
    camera: bpy.types.Object,
    azimuth_deg: float,
    elevation_deg: float,
    height_m: float = 0.36,
    center_m: Vector = FACE_CENTER_M,
) -> None:
    """Look at the face from `azimuth_deg` (0 front, 90 its left) so that `height_m` fills the picture's longer side."""
    direction = _direction(azimuth_deg, elevation_deg)
    camera.location = center_m + direction * (height_m * camera.data.lens / _SENSOR_MM)
    camera.rotation_euler = (-direction).to_track_quat("-Z", "Y").to_euler()


def _direction(azimuth_deg: float, elevation_deg: float) -> Vector:
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    return Vector(
        (math.sin(azimuth) * math.cos(elevation), -math.cos(azimuth) * math.cos(elevation), math.sin(elevation))
    )


def _make_lamp(lamp: _Lamp) -> bpy.types.Object:
    data = bpy.data.lights.new(lamp.name, "AREA")
    data.energy, data.size, data.color = lamp.power_w, lamp.size_m, lamp.color
    obj = bpy.data.objects.new(lamp.name, data)
    obj.visible_glossy = lamp.in_eyes
    direction = _direction(lamp.azimuth, lamp.elevation)
    obj.location = FACE_CENTER_M + direction * lamp.distance_m
    obj.rotation_euler = (-direction).to_track_quat("-Z", "Y").to_euler()
    return obj


def _make_world() -> bpy.types.World:
    """A plain backdrop that also fills the shadows a little."""
    world = bpy.data.worlds.new("Demo World")
    world.color = _BACKDROP
    if bpy.app.version < (5, 0, 0):
        world.use_nodes = True
    background = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (*_BACKDROP, 1.0)
    background.inputs["Strength"].default_value = 1.0
    return world
