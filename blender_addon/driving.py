# SPDX-License-Identifier: GPL-3.0-or-later
"""From motion to everything that a take moves, on the scene's frames. No bpy here: it runs in a worker."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from .bones import DrivenRig, drive_rig
from .drive_plan import DrivePlan, MeshPlan
from .keyframes import Span
from .problems import LipSyncProblem
from .vertex_animation import CACHE, Frames, write_cache

if TYPE_CHECKING:
    from diffusion_talker.motion import Motion, VertexMotion
    from diffusion_talker.rigs.mapping import Mapping, MeasuredFace

    from .audio_source import Speech

#: Channels that a jaw bone shows.
JAW_CHANNELS: Final = ("jawOpen", "jawLeft", "jawRight", "jawForward")


@dataclass(frozen=True)
class DrivenKeys:
    """Curves of one mesh's shape keys: key name -> (F,) float32, one value a scene frame."""

    mesh: MeshPlan
    curves: Table[str, np.ndarray] = field(repr=False)


@dataclass(frozen=True)
class DrivenCache:
    """A mesh cache that was written for the face: its file, the frame at which it begins, the lines in it."""

    path: str
    start_frame: int
    lines: dict[str, tuple[int, int]]
    frame_count: int
    vertex_count: int


@dataclass(frozen=True)
class DrivenTake:
    """All that a take moves, ready to be written. frames: the face's points (F, V, 3) where each becomes a key."""

    span: Span
    keys: tuple[DrivenKeys, ...] = ()
    rigs: tuple[DrivenRig, ...] = ()
    cache: DrivenCache | None = None
    frames: np.ndarray | None = field(default=None, repr=False)


def drive(
    motion: Motion | VertexMotion, plan: DrivePlan, speech: Speech, cancelled: Callable[[], bool] = lambda: False
) -> DrivenTake:
    """Everything that the take moves. A mesh cache is on disk when this returns.

    Raises LipSyncProblem where the motion does not fit the face, OutputError where the cache cannot be written,
    CancelledError when `cancelled` answers True while frames are written; then no file is left.
    """
    from diffusion_talker.motion import VertexMotion

    measured = _measured(plan, isinstance(motion, VertexMotion))
    times_s = frame_times_s(motion, speech)
    span = Span(speech.name, speech.key, speech.first_frame, len(times_s))
    if isinstance(motion, VertexMotion):
        return _drive_vertices(motion, plan, measured, times_s, span, cancelled)
    arkit = motion_at(motion, times_s, speech.fps)
    rigs = tuple(drive_rig(_moving(arkit, plan), rig) for rig in plan.rigs)
    if plan.vertices is not None:
        face, frames = _posed(arkit, plan, measured)
        frames = _cancellable(frames, cancelled)
        return _with_frames(DrivenTake(span, _others(arkit, plan, face), rigs), frames, plan, speech.fps)
    keys, face = drive_face(arkit, plan, measured)
    return DrivenTake(span, (*keys, *_others(arkit, plan, face)), rigs)


# ---------------------------------------------------------------- time


def frame_times_s(motion: Motion | VertexMotion, speech: Speech) -> np.ndarray:
    """Seconds from the start of the line to each of its scene frames."""
    duration_s = motion.duration_s if speech.length_s is None else speech.length_s
    return np.arange(speech.frame_count(duration_s)) / speech.fps


def motion_at(motion: Motion, times_s: np.ndarray, fps: float) -> Motion:
    """The motion with one row for each scene frame. Closures are kept here, by ARKit's names, and only then brought
    onto the keys that the face has."""
    from diffusion_talker.motion import Motion, sample_motion

    return Motion(sample_motion(motion, times_s, keep_closures=True), motion.channels, fps)


# ---------------------------------------------------------------- keys


def drive_face(
    motion: Motion, plan: DrivePlan, measured: MeasuredFace | None = None
) -> tuple[tuple[DrivenKeys, ...], Motion]:
    """Curves of the face's keys, and the same as motion for the meshes that follow it."""
    from diffusion_talker.motion import select_channels
    from diffusion_talker.rigs.mapping import apply_mapping

    if plan.face is None:
        return (), select_channels(motion, ())
    mapping = plan.face.keys.mapping(measured).only(driven_channels(plan))
    face = apply_mapping(motion, mapping, measured)
    return (DrivenKeys(plan.face, curves_of(face)),), face


def _others(motion: Motion, plan: DrivePlan, face: Motion) -> tuple[DrivenKeys, ...]:
    """Curves of the meshes that go along with the face, those that get any."""
    from diffusion_talker.rigs.mapping import follow_face

    channels = driven_channels(plan)
    moved = ((mesh, follow_face(motion, mesh.keys.mapping().only(channels), face)) for mesh in plan.others)
    return tuple(DrivenKeys(mesh, curves_of(keys)) for mesh, keys in moved if keys.channels)


def driven_channels(plan: DrivePlan) -> Collection[str]:
    """ARKit channels that keys show in this take."""
    from diffusion_talker.channels import ARKIT_52
    from diffusion_talker.student.settings import region_of

    channels = (name for name in ARKIT_52 if region_of(name) in plan.regions)
    return [name for name in channels if not (plan.jaw_alone and name in JAW_CHANNELS)]


def _moving(motion: Motion, plan: DrivePlan) -> Motion:
    """The channels of the parts of the face that move, so that poses of bones leave the others out."""
    from diffusion_talker.motion import select_channels
    from diffusion_talker.student.settings import region_of

    return select_channels(motion, [name for name in motion.channels if region_of(name) in plan.regions])


def curves_of(motion: Motion) -> dict[str, np.ndarray]:
    """Curve (F,) of every channel by name."""
    return {name: motion.weights[:, index] for index, name in enumerate(motion.channels)}


def _measured(plan: DrivePlan, needs_it: bool) -> MeasuredFace | None:
    """ARKit's shapes beside the face's own, where the face is to be measured."""
    shapes = plan.face.keys.shapes if plan.face is not None else None
    if plan.vertices is not None and (needs_it or not plan.vertices.by_keys):
        shapes = plan.vertices.shapes
    if needs_it and (shapes is None or shapes.landmarks is None):
        raise LipSyncProblem("This motion moves the vertices of FLAME or another known head: choose one as the face")
    return shapes.measured() if shapes is not None else None


# ---------------------------------------------------------------- vertices


def _posed(motion: Motion, plan: DrivePlan, measured: MeasuredFace | None) -> tuple[Motion, Frames]:
    """What the face's keys do, and its points in every frame: moved by its own keys, or by ARKit's generated shapes."""
    from diffusion_talker.rigs.mapping import apply_mapping, map_keys
    from diffusion_talker.rigs.vertex_motion import key_weights, posed_frames

    shapes, channels = plan.vertices.shapes, driven_channels(plan)
    if plan.vertices.by_keys:
        face = apply_mapping(motion, plan.face.keys.mapping(measured).only(channels), measured)
        names, offsets = shapes.names, shapes.offsets
    else:
        names, offsets = measured.arkit.names, measured.arkit.offsets
        face = apply_mapping(motion, _strengths(map_keys(names), plan).only(channels))
    weights = key_weights(face, names)
    points = posed_frames(shapes.vertices, offsets, weights)
    return face, Frames(points, len(weights), len(shapes.vertices))


def _cancellable(frames: Frames, cancelled: Callable[[], bool]) -> Frames:
    """The same frames, until somebody cancels."""
    from dataclasses import replace

    from diffusion_talker.errors import CancelledError

    def watched() -> Iterator[np.ndarray]:
        for points in frames.points:
            if cancelled():
                raise CancelledError("Lip sync was cancelled")
            yield points

    return replace(frames, points=watched())


def _strengths(mapping: Mapping, plan: DrivePlan) -> Mapping:
    """The channels' strengths that were set by hand, without the keys that were."""
    from dataclasses import replace

    return mapping.with_edits([replace(edit, entries=None) for edit in plan.face.keys.edits])


def _with_frames(take: DrivenTake, frames: Frames, plan: DrivePlan, fps: float) -> DrivenTake:
    from dataclasses import replace

    if plan.vertices.mode != CACHE:
        return replace(take, frames=np.stack(list(frames.points)))
    start_frame, lines = write_cache(frames, plan.vertices, take.span, fps)
    count = max(end for _, end in lines.values()) - start_frame
    return replace(take, cache=DrivenCache(plan.vertices.path, start_frame, lines, count, frames.vertex_count))


def _drive_vertices(
    motion: VertexMotion,
    plan: DrivePlan,
    measured: MeasuredFace,
    times_s: np.ndarray,
    span: Span,
    cancelled: Callable[[], bool],
) -> DrivenTake:
    """The same for motion that comes as vertices: as they are, or solved onto the keys; ARKit's channels, solved too,
    move all else."""
    from diffusion_talker.errors import SettingsError
    from diffusion_talker.rigs.vertex_motion import arkit_weights, onto_mesh, sample_vertices

    try:
        moved = sample_vertices(onto_mesh(motion, measured.arkit.vertices), times_s, measured.arkit.lip_pairs)
    except SettingsError as error:
        raise LipSyncProblem(str(error)) from error
    arkit = arkit_weights(moved, measured.arkit) if plan.others or plan.rigs else None
    rigs = tuple(drive_rig(_moving(arkit, plan), rig) for rig in plan.rigs)
    if plan.vertices is None:
        face = _solved(moved, plan, measured)
        others = _others(arkit, plan, face) if plan.others else ()
        return DrivenTake(span, (DrivenKeys(plan.face, curves_of(face)), *others), rigs)
    points = (plan.vertices.shapes.vertices + offsets for offsets in moved.offsets)
    frames = _cancellable(Frames(points, span.frame_count, moved.offsets.shape[1]), cancelled)
    others = _others(arkit, plan, arkit) if plan.others else ()
    return _with_frames(DrivenTake(span, others, rigs), frames, plan, moved.rate_hz)


def _solved(motion: VertexMotion, plan: DrivePlan, measured: MeasuredFace) -> Motion:
    """The vertices' motion on the face's own keys, within their sliders."""
    from diffusion_talker.rigs.mapping import MeasuredFace
    from diffusion_talker.rigs.vertex_motion import vertices_to_keys

    limits = {name: (low, high) for name, low, high in plan.face.keys.keys}
    names = [name for name in measured.keys.names if name in limits]
    if not names:
        raise LipSyncProblem(f"'{plan.face.name}' has no face keys: generate shape keys first, or write a mesh cache")
    lower, upper = (np.array([limits[name][side] for name in names]) for side in (0, 1))
    return vertices_to_keys(motion, MeasuredFace(measured.arkit, measured.keys.only(names)), lower, upper)
