# SPDX-License-Identifier: GPL-3.0-or-later
"""From a mesh's shape keys to the core's mapping: what was found, laid under what the animator set by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .problems import LipSyncProblem
from .targets import driven_keys

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.rigs.mapping import ChannelEdit, Mapping, MeasuredFace
    from diffusion_talker.rigs.shape_keys import HeadLandmarks

#: Name and slider range of a shape key.
KeyRange = tuple[str, float, float]


@dataclass(frozen=True)
class FaceShapes:
    """A face's own shape keys as movement, to be compared with ARKit's: names, offsets (K, V, 3) float32, the neutral's
    vertices (V, 3) and triangles (F, 3), and the landmarks from which ARKit's shapes are generated, None on a head
    where they are not known."""

    names: tuple[str, ...]
    offsets: np.ndarray = field(repr=False)
    vertices: np.ndarray = field(repr=False)
    triangles: np.ndarray = field(repr=False)
    landmarks: HeadLandmarks | None = None

    def measured(self) -> MeasuredFace:
        """Generate ARKit's shapes for this head and put its own keys beside them; takes a second or two, once."""
        return self._measured

    @cached_property
    def _measured(self) -> MeasuredFace:
        from dataclasses import replace

        from diffusion_talker.rigs.mapping import MeasuredFace
        from diffusion_talker.rigs.retarget import generated_basis
        from diffusion_talker.rigs.shape_keys import generate_shape_keys

        keys = generate_shape_keys(self.vertices, self.triangles, self.landmarks)
        arkit = generated_basis(self.vertices, keys)
        return MeasuredFace(arkit, replace(arkit, names=self.names, offsets=self.offsets))


@dataclass(frozen=True)
class FaceKeys:
    """The shape keys of one mesh that may be driven, what was set by hand, and their shapes where these are needed."""

    keys: tuple[KeyRange, ...]
    edits: tuple[ChannelEdit, ...] = ()
    shapes: FaceShapes | None = None

    def mapping(self, measured: MeasuredFace | None = None) -> Mapping:
        """The automatic mapping with what was set by hand. measured: `shapes`, measured."""
        from diffusion_talker.rigs.mapping import map_keys

        if measured is None:
            return mapping_by_name(self.keys).with_edits(self.edits)
        found = map_keys([name for name, _, _ in self.keys], _ranges(self.keys), measured)
        return found.with_edits(self.edits)


def usable_keys(obj: bpy.types.Object) -> tuple[KeyRange, ...]:
    """Shape keys that may get curves: neither the basis, nor muted, nor moved by a driver."""
    keys = obj.data.shape_keys
    if keys is None:
        return ()
    drivers = driven_keys(keys)
    return tuple(
        (block.name, block.slider_min, block.slider_max)
        for block in keys.key_blocks
        if block != keys.reference_key and block.name not in drivers and not block.mute
    )


@lru_cache(maxsize=64)
def mapping_by_name(keys: tuple[KeyRange, ...]) -> Mapping:
    """The automatic mapping by the keys' names alone; remembered, so that a panel's draw() may ask."""
    from diffusion_talker.rigs.mapping import map_keys

    return map_keys([name for name, _, _ in keys], _ranges(keys))


def _ranges(keys: tuple[KeyRange, ...]) -> dict[str, tuple[float, float]]:
    return {name: (low, high) for name, low, high in keys}


def mapping_of(obj: bpy.types.Object) -> Mapping:
    """How this mesh's keys are driven, as far as their names tell: automatic, with what was set by hand."""
    return FaceKeys(usable_keys(obj), edits_of(obj)).mapping()


def edits_of(obj: bpy.types.Object) -> tuple[ChannelEdit, ...]:
    """What the animator set by hand on this mesh; what is no edit is passed over."""
    from diffusion_talker.rigs.mapping import ChannelEdit, Entry

    try:
        stored = json.loads(obj.diffusion_talker_edits or "[]")
        return tuple(
            ChannelEdit(name, gain, offset, enabled, None if keys is None else tuple(Entry(*key) for key in keys))
            for name, gain, offset, enabled, keys in stored
        )
    except (TypeError, ValueError):  # somebody edited the property by hand
        return ()


def remember_edits(obj: bpy.types.Object) -> None:
    """Keep what the rows of this mesh's mapping say."""
    stored = []
    for row in obj.diffusion_talker_mapping.channels:
        keys = [[entry.key, entry.gain, entry.offset] for entry in row.entries if entry.key] if row.by_hand else None
        if keys is not None or (row.gain, row.offset, row.enabled) != (1.0, 0.0, True):
            stored.append([row.name, row.gain, row.offset, row.enabled, keys])
    obj.diffusion_talker_edits = json.dumps(stored) if stored else ""


def face_keys(obj: bpy.types.Object, all_shapes: bool = False) -> FaceKeys:
    """Everything that a take needs to know of this mesh's keys. Their shapes are taken along where names do not tell
    enough and ARKit's shapes can be generated for the head. all_shapes: take them along in any case."""
    keys = usable_keys(obj)
    mapping = mapping_by_name(keys)
    shapes = face_shapes(obj, measurable_keys(mapping)) if all_shapes or wants_shapes(mapping) else None
    known = shapes is not None and shapes.landmarks is not None
    return FaceKeys(keys, edits_of(obj), shapes if known else None)


def wants_shapes(mapping: Mapping) -> bool:
    """True where keys' movement tells more than their names: some stand in for others, or their names say nothing."""
    return mapping.needs_solver or any(_says_nothing(key.kind) for key in mapping.keys)


def _says_nothing(kind: object) -> bool:
    from diffusion_talker.rigs.vocabularies import KeyKind

    return kind is KeyKind.MEASURED


def measurable_keys(mapping: Mapping) -> tuple[str, ...]:
    """Keys that the solver may move."""
    return tuple(key.name for key in mapping.keys if key.pose or _says_nothing(key.kind))


def face_shapes(obj: bpy.types.Object, names: tuple[str, ...]) -> FaceShapes:
    """These keys' movement, and the head's landmarks where they are known."""
    from .meshes import key_offsets, neutral_points, triangles_of

    vertices = neutral_points(obj)
    offsets = np.zeros((len(names), len(vertices), 3), np.float32)
    for row, name in zip(offsets, names, strict=True):
        row[:] = key_offsets(obj.data.shape_keys.key_blocks[name])
    return FaceShapes(names, offsets, vertices, triangles_of(obj.data), known_landmarks(obj))


def known_landmarks(obj: bpy.types.Object) -> HeadLandmarks | None:
    """The points of a face as far as they are known: marked, or told by the mesh's structure."""
    from .landmarks import marked_landmarks
    from .topology import topology_of

    try:
        marked = marked_landmarks(obj)
    except LipSyncProblem:
        marked = None
    return marked if marked is not None else topology_of(obj).landmarks
