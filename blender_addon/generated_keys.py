# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated shape keys become keys of the mesh: what is missing is added, the user's own keys are never touched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .meshes import key_offsets, neutral_points, triangles_of
from .problems import LipSyncProblem
from .targets import recognized_keys
from .topology import face_landmarks, generated_keys_of, landmarks_problem

if TYPE_CHECKING:
    import bpy

    from diffusion_talker.rigs.shape_keys import ShapeKeys

#: Custom property of the shape keys' datablock: {"keys": names of the keys we made, "notes": sentences} as JSON.
GENERATED_PROPERTY: Final = "diffusion_talker_generated"


#: Key that closes a neutral whose mouth stands open; it stays at 1.
CLOSING_KEY: Final = "lipsClosed"


@dataclass(frozen=True)
class AddedKeys:
    """What was done: names of new keys, of keys that were made anew, of the user's keys that stayed; notes of the
    generator."""

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    kept: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        done = [f"{len(self.added)} shape keys added" if self.added else "", ""]
        done[1] = f"{len(self.replaced)} made anew" if self.replaced else ""
        kept = f"; {len(self.kept)} of your own kept" if self.kept else ""
        return (", ".join(part for part in done if part) or "Nothing to add") + kept


def generation_problem(obj: bpy.types.Object | None) -> str:
    """Why keys cannot be generated on this object and what to do; empty when they can. Quick enough for draw()."""
    if obj is None:
        return "No face chosen: pick the mesh of the face"
    if obj.type != "MESH":
        return f"'{obj.name}' is not a mesh: pick the mesh of the face"
    return _writing_problem(obj) or _neutral_problem(obj) or landmarks_problem(obj)


def _writing_problem(obj: bpy.types.Object) -> str:
    mesh = obj.data
    if mesh.library is not None or obj.library is not None:
        return f"'{obj.name}' is linked from another file: make it local with its data, or add the keys in that file"
    if mesh.override_library is not None:
        return f"'{obj.name}' is a library override, which takes no new shape keys: add them in the file it comes from"
    if obj.mode == "EDIT" or mesh.is_editmode:
        return f"'{obj.name}' is in Edit Mode: press Tab first"
    if obj.mode == "SCULPT":
        return f"'{obj.name}' is being sculpted: go back to Object Mode first"
    return ""


def _neutral_problem(obj: bpy.types.Object) -> str:
    keys = obj.data.shape_keys
    if keys is not None and not keys.use_relative:
        return f"The shape keys of '{obj.name}' are absolute: tick Relative in the Shape Keys panel"
    if not len(obj.data.polygons):
        return f"'{obj.name}' has no faces: pick the mesh of the face"
    mirror = next((modifier.name for modifier in obj.modifiers if modifier.type == "MIRROR"), None)
    if mirror is not None:
        return f"'{obj.name}' is half a face that the modifier '{mirror}' completes: apply that modifier first"
    return ""


def lacks_keys(obj: bpy.types.Object) -> bool:
    """Whether ARKit keys are missing that could be made."""
    from diffusion_talker.channels import ARKIT_52

    keys = obj.data.shape_keys
    names = [] if keys is None else [block.name for block in keys.key_blocks[1:]]
    return len(_present(tuple(names))) < len(ARKIT_52)


def add_generated_keys(obj: bpy.types.Object, replace_ours: bool = False, close_mouth: bool = True) -> AddedKeys:
    """Generate the 52 ARKit keys from the object's neutral and add those that it lacks.

    replace_ours: keys that an earlier call made are made anew from the neutral as it is now. Keys of the user's own
    stay as they are in any spelling. close_mouth: a neutral whose mouth stands open gets a key more, at 1, that closes
    it; lips that are apart at rest could never be sealed. Raises LipSyncProblem or SettingsError, having changed
    nothing.
    """
    reason = generation_problem(obj)
    if reason:
        raise LipSyncProblem(reason)
    closing = _closing(obj, replace_ours) if close_mouth else None
    keys = generated_keys_of(obj, closing)
    return write_keys(obj, keys, replace_ours, closing)


def _closing(obj: bpy.types.Object, replace_ours: bool) -> np.ndarray | None:
    """Offsets (V, 3) that close the neutral's mouth: those of our key where it stays, else made now where needed."""
    from diffusion_talker.rigs.shape_keys import closing_offsets

    keys = obj.data.shape_keys
    if not replace_ours and CLOSING_KEY in generated_names(keys):
        return key_offsets(keys.key_blocks[CLOSING_KEY])
    return closing_offsets(neutral_points(obj), triangles_of(obj.data), face_landmarks(obj))


def write_keys(
    obj: bpy.types.Object, keys: ShapeKeys, replace_ours: bool, closing: np.ndarray | None = None
) -> AddedKeys:
    """Put generated keys on the mesh; values and the active key stay as they are. closing (V, 3) becomes a key at 1."""
    neutral, active = neutral_points(obj), obj.active_shape_key_index
    if obj.data.shape_keys is None:
        obj.shape_key_add(name="Basis", from_mix=False)
    blocks = obj.data.shape_keys.key_blocks
    present = _present(tuple(block.name for block in blocks[1:]))
    ours = set(generated_names(obj.data.shape_keys))
    added, replaced, kept = [], [], []
    for name, indices, offsets in zip(keys.names, keys.indices, keys.offsets, strict=True):
        own = present.get(name)
        if own is not None and not (replace_ours and own in ours):
            if own not in ours:
                kept.append(own)
            continue
        block = _new_block(obj, name) if own is None else blocks[own]
        (added if own is None else replaced).append(block.name)
        _write_shape(block, neutral, indices, offsets)
    told = _write_closing(obj, neutral, closing, ours)
    closes, notes = len(told), (*keys.notes, *told)
    obj.active_shape_key_index = active
    remaining = (ours & {block.name for block in blocks}).union(added, replaced, [CLOSING_KEY] * closes)
    _remember(obj.data.shape_keys, sorted(remaining), notes)
    obj.data.update()
    return AddedKeys(tuple(added), tuple(replaced), tuple(kept), notes)


def _write_closing(
    obj: bpy.types.Object, neutral: np.ndarray, closing: np.ndarray | None, ours: set[str]
) -> tuple[str, ...]:
    """Make or renew the key that closes the mouth; what to tell about it."""
    blocks = obj.data.shape_keys.key_blocks
    if closing is None or (CLOSING_KEY in blocks and CLOSING_KEY not in ours):
        return ()
    if CLOSING_KEY not in blocks:
        _new_block(obj, CLOSING_KEY).value = 1.0
    _write_shape(blocks[CLOSING_KEY], neutral, np.arange(len(neutral)), closing.astype(np.float32))
    return (f"The neutral's mouth stands open: key {CLOSING_KEY} closes it and stays at 1, for speech to start from.",)


def _present(names: tuple[str, ...]) -> dict[str, str]:
    """ARKit channel -> the key that shows it, in any spelling; one of its parts where it is cut in pieces."""
    from diffusion_talker.rigs.vocabularies import ARKIT

    present: dict[str, str] = {}
    for found in recognized_keys(names):
        if found.vocabulary == ARKIT.name and len(found.meaning.pose) == 1:
            channel, share = found.meaning.pose[0]
            if share == 1.0 or channel not in present:
                present[channel] = found.name
    return present


def _new_block(obj: bpy.types.Object, name: str) -> bpy.types.ShapeKey:
    block = obj.shape_key_add(name=name, from_mix=False)
    block.slider_min, block.slider_max = 0.0, 1.0
    block.value = 0.0  # Blender 5 makes them with value 1
    return block


def _write_shape(block: bpy.types.ShapeKey, neutral: np.ndarray, indices: np.ndarray, offsets: np.ndarray) -> None:
    points = neutral.astype(np.float32)
    points[indices] += offsets
    block.points.foreach_set("co", points.reshape(-1))


def _remember(keys: bpy.types.Key, names: list[str], notes: tuple[str, ...]) -> None:
    keys[GENERATED_PROPERTY] = json.dumps({"keys": names, "notes": list(notes)})


def generated_names(keys: bpy.types.Key | None) -> tuple[str, ...]:
    """Names of the keys that we made, as far as they still exist."""
    blocks = set() if keys is None else {block.name for block in keys.key_blocks}
    return tuple(name for name in _memory(keys, "keys") if name in blocks)


def generated_notes(keys: bpy.types.Key | None) -> tuple[str, ...]:
    """What the generator had to say about these keys."""
    return _memory(keys, "notes") if generated_names(keys) else ()


def _memory(keys: bpy.types.Key | None, field: str) -> tuple[str, ...]:
    if keys is None:
        return ()
    try:
        return tuple(str(entry) for entry in json.loads(keys.get(GENERATED_PROPERTY, "{}")).get(field, ()))
    except (AttributeError, TypeError, ValueError):  # somebody edited the property by hand
        return ()
