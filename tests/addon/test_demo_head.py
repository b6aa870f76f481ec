# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo head in Blender: one object that the add-on can drive, sealed lips under subdivision, one undoable step."""

from __future__ import annotations

from types import ModuleType

import bpy
import numpy as np
import pytest

from diffusion_talker.channels import ARKIT_52
from diffusion_talker.rigs.demo_head import build_demo_head


@pytest.fixture
def head(addon: ModuleType) -> bpy.types.Object:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.context.scene.cursor.location = (1.0, 2.0, 3.0)
    assert bpy.ops.diffusion_talker.add_demo_head() == {"FINISHED"}
    return bpy.context.object


def evaluated_points(obj: bpy.types.Object, weights: dict[str, float]) -> np.ndarray:
    """Vertices (V', 3) after shape keys and subdivision; the mesh's own vertices come first."""
    for block in obj.data.shape_keys.key_blocks:
        block.value = weights.get(block.name, 0.0)
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    points = np.empty(3 * len(mesh.vertices), dtype=np.float32)
    mesh.vertices.foreach_get("co", points)
    evaluated.to_mesh_clear()
    return points.reshape(-1, 3)


def test_operator_adds_an_active_head_with_all_shapes(head: bpy.types.Object) -> None:
    blocks = head.data.shape_keys.key_blocks
    assert [block.name for block in blocks] == ["Basis", *ARKIT_52]
    assert all((block.slider_min, block.slider_max, block.value) == (0.0, 1.0, 0.0) for block in blocks[1:])
    assert tuple(head.location) == (1.0, 2.0, 3.0)
    assert head.select_get() and bpy.context.view_layer.objects.active == head
    assert [modifier.type for modifier in head.modifiers] == ["SUBSURF"]


def test_materials_show_in_every_engine(head: bpy.types.Object) -> None:
    assert len(head.material_slots) == len(build_demo_head().materials)
    for slot in head.material_slots:
        shader = next(node for node in slot.material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
        np.testing.assert_allclose(slot.material.diffuse_color[:3], shader.inputs["Base Color"].default_value[:3])


@pytest.mark.parametrize("opening", [0.0, 0.08, 0.5])
def test_lips_stay_sealed_under_subdivision(head: bpy.types.Object, opening: float) -> None:
    upper, lower = build_demo_head().lip_contacts.T
    parted = evaluated_points(head, {"jawOpen": opening})
    sealed = evaluated_points(head, {"jawOpen": opening, "mouthClose": opening})
    assert len(sealed) > len(head.data.vertices), "the subdivision is on"
    assert (parted[upper, 2] - parted[lower, 2]).max() >= 0.025 * opening
    assert np.abs(sealed[upper] - sealed[lower]).max() < 2e-5


def test_shape_keys_equal_the_core_head(head: bpy.types.Object) -> None:
    core = build_demo_head()
    for name in ("jawOpen", "eyeBlinkLeft", "tongueOut"):
        points = np.empty(3 * len(head.data.vertices), dtype=np.float32)
        head.data.shape_keys.key_blocks[name].data.foreach_get("co", points)
        np.testing.assert_allclose(points.reshape(-1, 3), core.posed({name: 1.0}), atol=1e-6)


def test_add_on_can_drive_it(head: bpy.types.Object, addon: ModuleType) -> None:
    from importlib import import_module

    report = import_module(f"{addon.__name__}.targets").inspect_target(head)
    assert report.ready, report.reason
    assert {channel for channel, _ in report.mapping} == set(ARKIT_52)


def test_demo_scene_is_ready_to_render(addon: ModuleType) -> None:
    from importlib import import_module

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    obj = import_module(f"{addon.__name__}.demo_scene").build_demo_scene(scene)
    assert obj.name in scene.objects and scene.camera is not None
    assert sum(item.type == "LIGHT" for item in scene.objects) == 3
