# SPDX-License-Identifier: GPL-3.0-or-later
"""A driven take becomes Actions, a mesh cache or shape keys: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .bones import rig_curves
from .drive_plan import DrivePlan, MeshPlan
from .driving import DrivenCache, DrivenKeys, DrivenTake
from .keyframes import Track, WrittenTake, current_fcurves, shape_key_track, take_name, write_tracks
from .problems import LipSyncProblem
from .takes import stamped
from .targets import keys_problem, value_path
from .vertex_animation import (
    add_frame_keys,
    channels_of,
    frame_keys_of_line,
    remember_frame_keys,
    remove_keys,
    set_modifier,
)

if TYPE_CHECKING:
    import bpy

    from .takes import Stamp


def write_driven(plan: DrivePlan, take: DrivenTake, stamp: Stamp) -> tuple[tuple[WrittenTake, ...], str]:
    """Write everything; the Actions, the face's first, and where its vertices went. stamp: what the Actions say of it.

    Raises LipSyncProblem, having changed nothing, when something is gone.
    """
    try:
        face = find_object(plan.face.uid, plan.face.name) if plan.face is not None else None
        tracks = driven_tracks(plan, take, stamp)
        if take.frames is not None:
            return _write_frames(face, take, tracks, stamp)
        written = write_tracks(tracks, take.span)
    except Exception:
        if take.cache is not None:
            Path(take.cache.path).unlink(missing_ok=True)
        raise
    if take.cache is not None:
        set_modifier(face, take.cache.path, take.cache.start_frame, take.cache.lines)
        return written, _cache_sentence(take.cache)
    return written, ""


def driven_tracks(plan: DrivePlan, take: DrivenTake, stamp: Stamp) -> list[Track]:
    """Curves on keys and bones, marked as a take's. The first leads it if it is the face's, or bones alone speak.

    Raises LipSyncProblem.
    """
    tracks = []
    for driven in take.keys:
        tracks.append(stamped(_keys_track(driven), find_mesh(driven.mesh), stamp, leads=driven.mesh == plan.face))
    for number, rig in enumerate(take.rigs):
        obj = find_object(rig.rig.uid, rig.rig.name)
        track = Track(obj, obj.name, rig_curves(obj, rig))
        tracks.append(stamped(track, obj, stamp, leads=plan.face is None and number == 0))
    return tracks


def find_object(uid: int, name: str) -> bpy.types.Object:
    """An object wherever undo or renaming took it. Raises LipSyncProblem when it was deleted."""
    import bpy

    for obj in bpy.data.objects:
        if obj.session_uid == uid and obj.users_scene:
            return obj
    raise LipSyncProblem(f"'{name}' was deleted meanwhile: undo that, or pick another")


def find_mesh(mesh: MeshPlan) -> bpy.types.Object:
    """A mesh of the plan as it is now. Raises LipSyncProblem when it was deleted."""
    return find_object(mesh.uid, mesh.name)


def _keys_track(driven: DrivenKeys) -> Track:
    """Raises LipSyncProblem where the keys cannot be written, or were changed while the worker computed."""
    obj = find_mesh(driven.mesh)
    reason = keys_problem(obj)
    if reason:
        raise LipSyncProblem(reason)
    gone = [name for name in driven.curves if name not in obj.data.shape_keys.key_blocks]
    if gone:
        raise LipSyncProblem(f"'{obj.name}' lost its shape key {gone[0]} meanwhile: undo that, or generate again")
    return shape_key_track(obj, driven.curves)


def _cache_sentence(cache: DrivenCache) -> str:
    megabytes = 12e-6 * cache.frame_count * cache.vertex_count
    return f"{Path(cache.path).name}, {max(megabytes, 0.1):.3g} MB"


def _write_frames(
    face: bpy.types.Object, take: DrivenTake, tracks: list[Track], stamp: Stamp
) -> tuple[tuple[WrittenTake, ...], str]:
    """One shape key a frame. Keys of an earlier take of this line go; curves on the face's other keys rest meanwhile,
    or both would add up."""
    title = take_name(face.name, take.span.line)[-len("Take 00") :]
    curves = add_frame_keys(face, take.frames, take.span, f"{MARK} {title}")
    try:
        earlier = frame_keys_of_line(face, take.span.key)
        resting = _resting_curves(face, take, earlier)
        played = {(value_path(name), 0): points for name, points in curves.items()}
        track = Track(face.data.shape_keys, face.name, resting | played, channels_of(earlier))
        written = write_tracks([stamped(track, face, stamp, leads=True), *tracks], take.span)
    except Exception:
        remove_keys(face, tuple(curves))
        raise
    remember_frame_keys(face, take.span.key, tuple(curves))
    return written, f"{len(curves)} shape keys"


#: How the shape keys that are frames begin.
MARK = "Lip Sync"


def _resting_curves(face: bpy.types.Object, take: DrivenTake, earlier: tuple[str, ...]) -> dict:
    """Zeros for every other key of the face that is animated now."""
    import numpy as np

    animated = current_fcurves(face.data.shape_keys) or ()
    mine = channels_of(earlier)
    paths = {(curve.data_path, 0) for curve in animated if curve.data_path.endswith(".value")} - mine
    return {channel: np.zeros(take.span.frame_count, np.float32) for channel in paths if not _is_frame(channel)}


def _is_frame(channel: tuple[str, int]) -> bool:
    return channel[0].startswith(f'key_blocks["{MARK} Take ')
