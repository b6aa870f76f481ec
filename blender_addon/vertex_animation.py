# SPDX-License-Identifier: GPL-3.0-or-later
"""Every vertex of every frame: as a mesh cache with its modifier, or as one shape key a frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from .face_mapping import (
    FaceShapes,
    face_shapes,
    known_landmarks,
    mapping_by_name,
    measurable_keys,
    usable_keys,
    wants_shapes,
)
from .file_names import file_stem
from .problems import LipSyncProblem
from .targets import value_path

if TYPE_CHECKING:
    import bpy

    from .keyframes import Points, Span

CACHE, SHAPE_PER_FRAME = "CACHE", "SHAPE_PER_FRAME"
MODIFIER_NAME: Final = "Lip Sync"
#: Custom property of an object: the cache that its modifier reads and the lines in it, as JSON.
CACHE_PROPERTY: Final = "diffusion_talker_cache"
#: Custom property of shape keys: {line's key: [names of the keys that are its frames]} as JSON.
FRAMES_PROPERTY: Final = "diffusion_talker_frames"
#: Measured on one core of two: bytes a second to disk, seconds a shape key for 5000 vertices, milliseconds that each
#: shape key adds to a frame of playback.
CACHE_BYTES_PER_S: Final = 80e6
KEY_S_PER_VERTEX: Final = 2.0e-7
PLAYBACK_MS_PER_KEY: Final = 0.05


@dataclass(frozen=True)
class VertexForm:
    """In which form vertices are written: CACHE or SHAPE_PER_FRAME; folder and extension of a cache."""

    mode: str
    folder: str = "//lip_sync"
    extension: str = ".pc2"


def form_of(scene: bpy.types.Scene) -> VertexForm | None:
    """The form that the animator chose; None for curves on shape keys."""
    drive = scene.diffusion_talker_drive
    if drive.mode not in (CACHE, SHAPE_PER_FRAME):
        return None
    return VertexForm(drive.mode, drive.cache_folder, f".{drive.cache_format.lower()}")


@dataclass(frozen=True)
class EarlierCache:
    """A cache that the face plays already: its file, the frame at which it begins, its lines."""

    path: str
    start_frame: int
    lines: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class VertexPlan:
    """How the face's vertices are written. by_keys: its own keys show all of ARKit, so that they move the vertices;
    else ARKit's shapes are generated for the head. path: file of the new cache, empty for shape keys a frame."""

    mode: str
    shapes: FaceShapes
    by_keys: bool
    path: str = ""
    earlier: EarlierCache | None = None


@dataclass(frozen=True)
class Frames:
    """Points of every scene frame of a line, made one after the other: (V, 3) float32, `count` of them."""

    points: Iterator[np.ndarray] = field(repr=False)
    count: int
    vertex_count: int


# ---------------------------------------------------------------- planning (main thread)


def vertex_problem(obj: bpy.types.Object | None, form: VertexForm) -> str:
    """Why this object's vertices cannot be animated, and what to do; empty when they can. Quick enough for draw()."""
    if obj is None or obj.type != "MESH":
        return "No face chosen: pick the mesh of the face"
    if obj.library is not None and obj.override_library is None:
        return f"'{obj.name}' is linked, which is read-only: make a library override with its mesh, or a local copy"
    return _shapes_problem(obj) or _place_problem(obj, form)


def _shapes_problem(obj: bpy.types.Object) -> str:
    from .targets import inspect_target

    if obj.mode != "OBJECT":
        return f"'{obj.name}' is being edited: go to Object Mode first"
    if known_landmarks(obj) is not None or inspect_target(obj).ready:
        return ""
    return f"'{obj.name}' is neither FLAME nor has it keys to move: place its landmarks, or add ARKit shape keys"


def _place_problem(obj: bpy.types.Object, form: VertexForm) -> str:
    import bpy

    if form.mode == CACHE:
        if form.folder.startswith("//") and not bpy.data.filepath:
            return "The mesh cache lies beside the file, which is not saved yet: save it, or choose another folder"
        if not form.folder:
            return "No folder for mesh caches is chosen: choose one under Vertex Animation"
        if obj.override_library is not None and len(obj.modifiers):
            return f"'{obj.name}' is an override, its modifiers stay first and a cache would undo them: use shape keys"
        return ""
    if obj.data.library is not None or obj.data.override_library is not None:
        return f"The mesh of '{obj.name}' is linked or an override, which takes no new shape keys: use a mesh cache"
    keys = obj.data.shape_keys
    if keys is not None and not keys.use_relative:
        return f"The shape keys of '{obj.name}' are absolute: tick Relative in the Shape Keys panel"
    return ""


def vertex_plan(obj: bpy.types.Object, form: VertexForm, line: str) -> VertexPlan:
    """Freeze how the vertices are written. Raises LipSyncProblem when they cannot be."""
    reason = vertex_problem(obj, form)
    if reason:
        raise LipSyncProblem(reason)
    mapping = mapping_by_name(usable_keys(obj))
    shapes = face_shapes(obj, measurable_keys(mapping))
    by_keys = shapes.landmarks is None or (bool(mapping.vocabularies) and not wants_shapes(mapping))
    if form.mode != CACHE:
        return VertexPlan(SHAPE_PER_FRAME, shapes, by_keys)
    path = free_cache_path(obj, form, line)
    return VertexPlan(CACHE, shapes, by_keys, str(path), earlier_cache(obj))


def free_cache_path(obj: bpy.types.Object, form: VertexForm, line: str) -> Path:
    """File of the next take: numbered on, so that no earlier one is written over."""
    import bpy

    folder = Path(bpy.path.abspath(form.folder))
    stem = file_stem(f"{obj.name} {line}")
    number = 1
    while (path := folder / f"{stem} Take {number:02d}{form.extension}").exists():
        number += 1
    return path


def earlier_cache(obj: bpy.types.Object) -> EarlierCache | None:
    """The cache that our modifier plays on this object; None where there is none any more."""
    import bpy

    modifier = find_modifier(obj)
    try:
        stored = json.loads(obj.get(CACHE_PROPERTY, ""))
        lines = {key: (int(first), int(end)) for key, (first, end) in stored["lines"].items()}
        start_frame = int(stored["start_frame"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return EarlierCache(bpy.path.abspath(modifier.filepath), start_frame, lines) if modifier is not None else None


def find_modifier(obj: bpy.types.Object) -> bpy.types.MeshCacheModifier | None:
    """Our modifier on this object."""
    ours = (m for m in obj.modifiers if m.type == "MESH_CACHE" and m.name.startswith(MODIFIER_NAME))
    return next(ours, None)


def cost_sentence(mode: str, frame_count: int, vertex_count: int) -> str:
    """What it takes to write this many frames: bytes, keys, seconds."""
    size = 12 * frame_count * vertex_count
    if mode == CACHE:
        seconds = size / CACHE_BYTES_PER_S
        amount = f"{frame_count} frames of {vertex_count} vertices"
        return f"{amount}: a file of {_bytes(size)}, written in about {_seconds(seconds)}"
    seconds = frame_count * vertex_count * KEY_S_PER_VERTEX
    slower = frame_count * PLAYBACK_MS_PER_KEY
    return (
        f"{frame_count} shape keys of {vertex_count} vertices: {_bytes(size)} in this file, made in about "
        f"{_seconds(seconds)}, and every frame plays about {slower:.0f} ms slower"
    )


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 0.1):.3g} MB"


def _seconds(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(seconds, 1):.0f} s"


# ---------------------------------------------------------------- computing (any thread, no bpy)


def write_cache(frames: Frames, plan: VertexPlan, span: Span, fps: float) -> tuple[int, dict[str, tuple[int, int]]]:
    """Write a cache that holds this line and the earlier ones that stay; the frame at which it begins, and its lines.

    Between lines the face is at rest. Raises OutputError.
    """
    from diffusion_talker.errors import FormatError
    from diffusion_talker.formats.point_cache import read_point_cache, write_point_cache

    from .keyframes import kept_lines

    old, lines = None, {}
    if plan.earlier is not None:
        try:
            old = read_point_cache(plan.earlier.path)
        except FormatError:
            old = None  # moved or deleted: its lines are gone
    if old is not None and old.vertex_count == frames.vertex_count:
        lines = kept_lines(plan.earlier.lines, span)
    lines |= {span.key: (span.first_frame, span.end_frame)}
    start = min(first for first, _ in lines.values())
    end = max(end for _, end in lines.values())
    Path(plan.path).parent.mkdir(parents=True, exist_ok=True)
    merged = _merged(frames, plan, span, lines, range(start, end), old.points if old is not None else None)
    write_point_cache(plan.path, merged, end - start, frames.vertex_count, fps)
    return start, lines


def _merged(
    frames: Frames,
    plan: VertexPlan,
    span: Span,
    lines: dict[str, tuple[int, int]],
    scene_frames: range,
    old: np.ndarray | None,
) -> Iterator[np.ndarray]:
    rest = plan.shapes.vertices.astype(np.float32)
    for frame in scene_frames:
        if span.first_frame <= frame < span.end_frame:
            yield next(frames.points)
        elif old is not None and any(first <= frame < end for first, end in lines.values()):
            yield old[frame - plan.earlier.start_frame]
        else:
            yield rest


# ---------------------------------------------------------------- writing (main thread)


def set_modifier(obj: bpy.types.Object, path: str, start_frame: int, lines: dict[str, tuple[int, int]]) -> None:
    """Let the object play a cache: our modifier, first in the stack, with axes as they are."""
    import bpy

    modifier = find_modifier(obj) or obj.modifiers.new(MODIFIER_NAME, "MESH_CACHE")
    modifier.cache_format = Path(path).suffix[1:].upper()
    modifier.filepath = bpy.path.relpath(path) if bpy.data.filepath and _same_drive(path) else path
    modifier.frame_start, modifier.frame_scale, modifier.factor = start_frame, 1.0, 1.0
    modifier.deform_mode, modifier.interpolation = "OVERWRITE", "LINEAR"
    modifier.play_mode, modifier.time_mode = "SCENE", "FRAME"
    modifier.forward_axis, modifier.up_axis = "POS_Y", "POS_Z"  # the defaults would turn the points
    place = obj.modifiers.find(modifier.name)
    if place > 0:
        obj.modifiers.move(place, 0)
    obj[CACHE_PROPERTY] = json.dumps({"start_frame": start_frame, "lines": lines})


def _same_drive(path: str) -> bool:
    import bpy

    return Path(path).drive == Path(bpy.data.filepath).drive


def add_frame_keys(obj: bpy.types.Object, points: np.ndarray, span: Span, title: str) -> dict[str, Points]:
    """Make one shape key of every frame, points (F, V, 3), and the curves that play them: key name -> its points.

    Each key is 1 on its frame and 0 on the frames beside it, linear, so that what is between two frames is their mean.
    """
    from .keyframes import Points

    if obj.data.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    curves = {}
    for number, places in enumerate(points):
        key = obj.shape_key_add(name=f"{title} {number + 1:04d}", from_mix=False)
        key.relative_key = obj.data.shape_keys.reference_key
        key.points.foreach_set("co", np.ascontiguousarray(places, np.float32).reshape(-1))
        key.value = 0.0  # Blender 5 makes them with value 1
        frame = span.first_frame + number
        curves[key.name] = Points(np.array([frame - 1, frame, frame + 1]), np.array([0.0, 1.0, 0.0]))
    return curves


def frame_keys_of_line(obj: bpy.types.Object, key: str) -> tuple[str, ...]:
    """Names of the shape keys that are the frames of an earlier take of this line."""
    keys = obj.data.shape_keys
    names = _frame_keys(keys).get(key, []) if keys is not None else []
    return tuple(name for name in names if name in keys.key_blocks)


def _frame_keys(keys: bpy.types.Key) -> dict[str, list[str]]:
    try:
        stored = json.loads(keys.get(FRAMES_PROPERTY, "{}"))
        return {line: [str(name) for name in names] for line, names in stored.items()}
    except (AttributeError, TypeError, ValueError):
        return {}


def remember_frame_keys(obj: bpy.types.Object, key: str, names: tuple[str, ...]) -> None:
    """Note which shape keys are the frames of a line, and remove those of its earlier take."""
    for name in frame_keys_of_line(obj, key):
        if name not in names:
            obj.shape_key_remove(obj.data.shape_keys.key_blocks[name])
    keys = obj.data.shape_keys
    keys[FRAMES_PROPERTY] = json.dumps(_frame_keys(keys) | {key: list(names)})


def remove_keys(obj: bpy.types.Object, names: tuple[str, ...]) -> None:
    """Take back shape keys that were just made."""
    for name in names:
        if obj.data.shape_keys is not None and name in obj.data.shape_keys.key_blocks:
            obj.shape_key_remove(obj.data.shape_keys.key_blocks[name])


def channels_of(names: tuple[str, ...]) -> frozenset[tuple[str, int]]:
    """Curve channels of shape keys."""
    return frozenset((value_path(name), 0) for name in names)
