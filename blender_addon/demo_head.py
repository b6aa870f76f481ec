# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the demo head a Blender object: one mesh with shape keys, materials and a subdivision modifier."""

from __future__ import annotations

import bpy
import numpy as np


def create_demo_head(collection: bpy.types.Collection, name: str = "Demo Head") -> bpy.types.Object:
    """Build the demo head at the origin of `collection`, real size (0.3 m high), at rest. Selection is left alone."""
    from diffusion_talker.rigs.demo_head import build_demo_head

    head = build_demo_head()
    mesh = _make_mesh(head, name)
    obj = bpy.data.objects.new(name, mesh)
    collection.objects.link(obj)
    _add_shape_keys(obj, head)
    _add_subdivision(obj)
    return obj


def _make_mesh(head, name: str) -> bpy.types.Mesh:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(head.vertices.tolist(), [], head.faces.tolist())
    for material in head.materials:
        mesh.materials.append(_make_material(material))
    mesh.polygons.foreach_set("material_index", head.material_indices)
    mesh.polygons.foreach_set("use_smooth", head.smooth)
    _crease_edges(mesh, head.creased_edges)
    mesh.update()
    return mesh


def _crease_edges(mesh: bpy.types.Mesh, creased: np.ndarray) -> None:
    """Mark edges as fully creased: the seal of the lips stays exact under subdivision."""
    edges = np.empty(2 * len(mesh.edges), dtype=np.int32)
    mesh.edges.foreach_get("vertices", edges)
    wanted = _edge_codes(creased, len(mesh.vertices))
    sharpness = np.isin(_edge_codes(edges.reshape(-1, 2), len(mesh.vertices)), wanted).astype(np.float32)
    mesh.attributes.new("crease_edge", "FLOAT", "EDGE").data.foreach_set("value", sharpness)


def _edge_codes(edges: np.ndarray, vertex_count: int) -> np.ndarray:
    ordered = np.sort(edges.astype(np.int64), axis=1)
    return ordered[:, 0] * vertex_count + ordered[:, 1]


def _make_material(look) -> bpy.types.Material:
    """A Principled material; its viewport colour matches, for Solid view and Workbench."""
    material = bpy.data.materials.new(f"Demo Head {look.name}")
    material.diffuse_color = (*look.color, 1.0)
    material.roughness = look.roughness
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*look.color, 1.0)
    shader.inputs["Roughness"].default_value = look.roughness
    shader.inputs["Coat Weight"].default_value = look.coat
    shader.inputs["Coat Roughness"].default_value = 0.05
    shader.inputs["Subsurface Weight"].default_value = look.subsurface
    shader.inputs["Subsurface Scale"].default_value = 0.01
    return material


def _add_shape_keys(obj: bpy.types.Object, head) -> None:
    obj.shape_key_add(name="Basis")
    for name, delta in head.shape_deltas.items():
        key = obj.shape_key_add(name=name, from_mix=False)
        points = head.vertices.copy()
        points[delta.indices] += delta.offsets
        key.data.foreach_set("co", points.reshape(-1))
        key.slider_min, key.slider_max = 0.0, 1.0
        key.value = 0.0  # Blender 5 makes them with value 1
    obj.active_shape_key_index = 0


def _add_subdivision(obj: bpy.types.Object) -> None:
    modifier = obj.modifiers.new("Subdivision", "SUBSURF")
    modifier.levels = 1
    modifier.render_levels = 2
