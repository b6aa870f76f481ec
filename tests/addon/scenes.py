# SPDX-License-Identifier: GPL-3.0-or-later
"""Small scenes and sounds for the add-on's tests, and pictures of everything that must not change."""

from __future__ import annotations

import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from diffusion_talker.channels import ARKIT_52, MODEL_CHANNELS
from diffusion_talker.motion import Motion

HAS_AUDASPACE = bpy.app.build_options.audaspace
NO_AUDASPACE = "this Blender module was built without sound"
FRAME_RATES = ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (60, 1))  # fps = first / second


@dataclass(frozen=True)
class Snapshot:
    """What a generation must leave alone."""

    scene: tuple[object, ...]
    objects: tuple[object, ...]
    strips: tuple[object, ...]
    actions: tuple[object, ...]


def make_face(names: Iterable[str] = ARKIT_52, name: str = "Head") -> bpy.types.Object:
    """A triangle with these shape keys after its Basis, active in the scene."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    obj.shape_key_add(name="Basis")
    for key_name in names:
        obj.shape_key_add(name=key_name).value = 0  # Blender 5 makes them with value 1
    obj.select_set(True)
    bpy.context.view_layer.objects.active = obj
    return obj


def make_plain_mesh(name: str = "Plain") -> bpy.types.Object:
    """A mesh without shape keys."""
    obj = bpy.data.objects.new(name, bpy.data.meshes.new(name))
    bpy.context.scene.collection.objects.link(obj)
    return obj


def write_sound(path: Path, samples: np.ndarray, rate_hz: int = 16000) -> Path:
    """A 16-bit mono WAV file."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate_hz)
        sound.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def speech_like(duration_s: float, rate_hz: int = 16000) -> np.ndarray:
    """Syllables of a buzz, four a second: enough for a model to move the mouth."""
    times_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (0.3 * np.sign(np.sin(2 * np.pi * 120 * times_s)) * np.sin(np.pi * 4 * times_s) ** 2).astype(np.float32)


def click_at(time_s: float, duration_s: float, rate_hz: int = 16000) -> np.ndarray:
    """Silence with one short burst."""
    samples = np.zeros(round(duration_s * rate_hz), np.float32)
    start = round(time_s * rate_hz)
    samples[start : start + rate_hz // 200] = 0.9
    return samples


def add_strip(path: Path, frame_start: int = 1, name: str = "Dialogue", channel: int = 1) -> bpy.types.Strip:
    """A sound strip in the scene's sequencer."""
    editor = bpy.context.scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return strips.new_sound(name, str(path), channel=channel, frame_start=frame_start)


def trim_strip(strip: bpy.types.Strip, first_frame: int, end_frame: int) -> None:
    """Drag both handles."""
    if hasattr(strip, "left_handle"):
        strip.left_handle, strip.right_handle = first_frame, end_frame
    else:
        strip.frame_final_start, strip.frame_final_end = first_frame, end_frame


def set_fps(numerator: int, denominator: int) -> float:
    """Frame rate as Blender stores it; in frames a second."""
    render = bpy.context.scene.render
    fps = round(numerator / denominator)
    render.fps, render.fps_base = fps, fps * denominator / numerator
    return render.fps / render.fps_base


def talking_motion(duration_s: float, closures_s: Iterable[float]) -> Motion:
    """An open mouth at 60 Hz that closes for a single model frame at each of these times."""
    weights = np.zeros((round(duration_s * 60), len(MODEL_CHANNELS)), np.float32)
    jaw, close = MODEL_CHANNELS.index("jawOpen"), MODEL_CHANNELS.index("mouthClose")
    weights[:, jaw] = 0.5
    for time_s in closures_s:
        weights[round(time_s * 60), close] = 0.5
    return Motion(weights, MODEL_CHANNELS, 60.0)


def snapshot(without_actions: Iterable[str] = ()) -> Snapshot:
    """The scene, its objects, its strips and every action except the named ones."""
    ignored = set(without_actions)
    scene = bpy.context.scene
    return Snapshot(
        (
            scene.render.fps,
            scene.render.fps_base,
            scene.frame_start,
            scene.frame_end,
            scene.frame_current,
            scene.use_audio,
            scene.use_preview_range,
            tuple(bpy.data.objects.keys()),
            tuple(bpy.data.meshes.keys()),
        ),
        tuple(
            (obj.name, obj.select_get(), tuple(map(tuple, obj.matrix_world)), _action_name(obj))
            for obj in scene.objects
        ),
        _strip_states(scene),
        tuple(
            (action.name, action.users, _curve_values(action))
            for action in bpy.data.actions
            if action.name not in ignored
        ),
    )


def _action_name(owner: bpy.types.ID) -> str:
    data = owner.animation_data
    return data.action.name if data is not None and data.action is not None else ""


def _strip_states(scene: bpy.types.Scene) -> tuple[object, ...]:
    editor = scene.sequence_editor
    if editor is None:
        return ()
    strips = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    ends = (
        (lambda s: (s.left_handle, s.right_handle))
        if bpy.app.version >= (5, 1, 0)
        else (lambda s: (s.frame_final_start, s.frame_final_end))
    )
    return tuple((strip.name, strip.mute, strip.select, strip.channel, *ends(strip)) for strip in strips)


def action_curves(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """F-curves of an action in any Blender version."""
    if bpy.app.version < (4, 4, 0):
        return list(action.fcurves)
    bags = (bag for layer in action.layers for strip in layer.strips for bag in strip.channelbags)
    return [curve for bag in bags for curve in bag.fcurves]


def _curve_values(action: bpy.types.Action) -> tuple[object, ...]:
    return tuple(
        (curve.data_path, tuple(tuple(point.co) for point in curve.keyframe_points)) for curve in action_curves(action)
    )


def keys_of(obj: bpy.types.Object, key_name: str) -> dict[int, float]:
    """Frame -> value of one shape key in the object's present action."""
    action = obj.data.shape_keys.animation_data.action
    path = f'key_blocks["{key_name}"].value'
    curve = next(curve for curve in action_curves(action) if curve.data_path == path)
    return {round(point.co[0]): point.co[1] for point in curve.keyframe_points}


def insert_key(action_owner: bpy.types.ID, data_path: str, frame: int) -> None:
    """One key as an animator sets it."""
    action_owner.keyframe_insert(data_path, frame=frame)
