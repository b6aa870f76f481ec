# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the pictures of the demo head in docs/images. Run it in an environment with bpy, NumPy and this repository:

python docs/render_head.py hero views poses [--out docs/images] [--samples 48]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

import bpy  # noqa: E402
import numpy as np  # noqa: E402
from mathutils import Vector  # noqa: E402

from blender_addon.demo_scene import aim_camera, build_demo_scene  # noqa: E402
from diffusion_talker.channels import ARKIT_52  # noqa: E402

CENTER_M = Vector((0.0, -0.03, 0.193))
FACE_CENTER_M = Vector((0.0, -0.05, 0.182))
FRIENDLY = {"mouthSmile": 0.35, "cheekSquint": 0.15, "browInnerUp": 0.15}
SPEAKING = {
    "jawOpen": 0.14,
    "mouthSmile": 0.6,
    "mouthLowerDown": 0.25,
    "mouthUpperUp": 0.45,
    "cheekSquint": 0.4,
    "browInnerUp": 0.25,
    "browOuterUp": 0.25,
    "eyeLookOutLeft": 0.5,
    "eyeLookInRight": 0.5,
}
TOGETHER = {"mouthClose": {"mouthClose": 0.5, "jawOpen": 0.5}, "tongueOut": {"tongueOut": 1.0, "jawOpen": 0.35}}


@dataclass(frozen=True)
class Shot:
    """One tile: a pose seen from an angle. Weights of a name without side go to both sides."""

    label: str
    weights: Mapping[str, float] = field(default_factory=dict)
    azimuth_deg: float = 0.0
    height_m: float = 0.36
    center_m: Vector = CENTER_M


def pose(head: bpy.types.Object, weights: Mapping[str, float]) -> None:
    """Set all shape keys: the given ones, zero for the rest."""
    for block in head.data.shape_keys.key_blocks[1:]:
        plain = block.name.removesuffix("Left").removesuffix("Right")
        block.value = weights.get(block.name, weights.get(plain, 0.0))


def set_engine(scene: bpy.types.Scene, samples: int) -> None:
    """Workbench for `samples` 0, else Cycles with denoising."""
    scene.render.image_settings.file_format = "PNG"
    if samples:
        scene.render.engine = "CYCLES"
        scene.cycles.samples, scene.cycles.use_denoising = samples, True
        return
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.render_aa = "5"
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.show_cavity, shading.cavity_type = True, "WORLD"


def add_label(camera: bpy.types.Object) -> bpy.types.Object:
    """A text that hangs before the camera at the lower edge of the picture."""
    curve = bpy.data.curves.new("Label", "FONT")
    curve.align_x = "CENTER"
    text = bpy.data.objects.new("Label", curve)
    text.parent = camera
    bpy.context.scene.collection.objects.link(text)
    material = bpy.data.materials.new("Label")
    material.diffuse_color = (1.0, 1.0, 1.0, 1.0)
    curve.materials.append(material)
    return text


def place_label(text: bpy.types.Object, camera: bpy.types.Object, words: str) -> None:
    """Write `words` across the lower edge, in one size whatever the camera's distance."""
    distance = 0.2
    half = distance * 18.0 / camera.data.lens
    text.data.body = words
    text.data.size = 0.17 * half
    text.location = (0.0, -0.93 * half, -distance)


def render_shot(head: bpy.types.Object, shot: Shot, label: bpy.types.Object | None, path: Path) -> np.ndarray:
    """Pixels (height, width, 4) of one tile, bottom row first as Blender keeps them."""
    scene = bpy.context.scene
    pose(head, shot.weights)
    aim_camera(scene.camera, shot.azimuth_deg, 2.0, shot.height_m, shot.center_m)
    if label is not None:
        place_label(label, scene.camera, shot.label)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    pixels = np.empty(len(image.pixels), dtype=np.float32)
    image.pixels.foreach_get(pixels)
    width, height = image.size
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)


def save_sheet(tiles: list[np.ndarray], columns: int, path: Path) -> None:
    """Put tiles side by side, row after row from the top, and save them as JPEG or PNG by the name's ending."""
    height, width = tiles[0].shape[:2]
    rows = -(-len(tiles) // columns)
    sheet = np.tile(tiles[0][-1, 0], (rows * height, columns * width, 1))
    for index, tile in enumerate(tiles):
        top, left = (rows - 1 - index // columns) * height, index % columns * width
        sheet[top : top + height, left : left + width] = tile
    sheet = np.round(sheet * 85.0) / 85.0  # every third level: a far smaller PNG, invisible on a face
    image = bpy.data.images.new("Sheet", columns * width, rows * height)
    image.pixels.foreach_set(sheet.reshape(-1))
    image.filepath_raw = str(path)
    image.file_format = "JPEG" if path.suffix == ".jpg" else "PNG"
    image.save(quality=86)


def render_sheet(shots: Iterable[Shot], columns: int, size: int, samples: int, path: Path, labels: bool = True) -> None:
    """Render every shot in a fresh demo scene and save the sheet."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    head = build_demo_scene(scene)
    scene.render.resolution_x = scene.render.resolution_y = size
    set_engine(scene, samples)
    head.modifiers[0].render_levels = 2 if size > 300 else 1  # small tiles need no finer mesh
    label = add_label(scene.camera) if labels else None
    with tempfile.TemporaryDirectory() as folder:
        tiles = [render_shot(head, shot, label, Path(folder) / "tile.png") for shot in shots]
    save_sheet(tiles, columns, path)
    print(f"wrote {path} ({path.stat().st_size / 1024:.0f} KB)", flush=True)


def hero(out: Path, samples: int) -> None:
    """The picture for the README: front and three-quarter."""
    shots = [Shot("", FRIENDLY, 0.0, 0.33), Shot("", SPEAKING, 32.0, 0.33)]
    render_sheet(shots, 2, 520, samples, out / "demo_head_hero.png", labels=False)


def views(out: Path, samples: int) -> None:
    """The head at rest from four sides."""
    shots = [
        Shot(name, {}, azimuth)
        for name, azimuth in (("front", 0.0), ("three-quarter", 40.0), ("profile", 90.0), ("back", 180.0))
    ]
    render_sheet(shots, 4, 400, 0, out / "demo_head_views.jpg")


def poses(out: Path, samples: int) -> None:
    """All 52 shapes at full strength, except for those that only make sense beside another."""
    shots = [Shot("rest", {}, 15.0, 0.235, FACE_CENTER_M)]
    for name in ARKIT_52:
        weights = TOGETHER.get(name, {name: 1.0})
        shots.append(Shot(" + ".join(weights), weights, 15.0, 0.235, FACE_CENTER_M))
    render_sheet(shots, 9, 190, 0, out / "demo_head_poses.jpg")


SHEETS = {"hero": hero, "views": views, "poses": poses}


def main() -> int:
    """Render the sheets named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheets", nargs="+", choices=SHEETS)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--samples", type=int, default=48, help="Cycles samples of the hero picture; 0 uses Workbench")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.sheets:
        SHEETS[name](arguments.out, arguments.samples)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # bpy as a module may hang at a regular exit
