# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside Blender's Python module: a recording becomes lip sync on the demo head, through the installed extension.

Started by `python build.py demo`, with BLENDER_USER_RESOURCES pointing at an empty profile.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import bpy

MODULE = "bl_ext.user_default.diffusion_talker"
FPS = 24
PICTURE_SIZE = 512
Result = TypeVar("Result")


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def main() -> None:
    arguments = parse_arguments()
    blend, curves, movie = (arguments.out / f"demo.{kind}" for kind in ("blend", "csv", "mp4"))
    timed("installed the extension", lambda: install(arguments.extension))
    head = timed("built the demo head and its stage", lambda: build_stage(movie))
    strip = timed("placed the recording", lambda: place_recording(arguments.audio))
    speech = ["--strip", strip.name] if strip else ["--audio", str(arguments.audio)]
    command = [*speech, "--object", head.name, "--output", str(blend), "--export", str(curves)]
    timed("generated the lip sync, wrote demo.blend and demo.csv", lambda: generate(command))
    timed(
        f"rendered {'demo.mp4' if strip else 'demo.mp4 (silent: this Blender module has no sound)'}",
        lambda: render(blend, movie),
    )
    for made in (blend, curves, movie):
        print(f"[demo] {made} ({made.stat().st_size / 1e6:.1f} MB)", flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", type=Path, required=True)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def timed(what: str, step: Callable[[], Result]) -> Result:
    start_s = time.perf_counter()
    result = step()
    print(f"[demo] {what}: {time.perf_counter() - start_s:.1f} s", flush=True)
    return result


def install(extension: Path) -> None:
    """As from Preferences > Get Extensions > Install from Disk."""
    bpy.ops.extensions.package_install_files(
        filepath=str(extension), repo="user_default", enable_on_install=True, overwrite=True
    )
    if MODULE not in bpy.context.preferences.addons:
        raise DemoError(f"Blender {bpy.app.version_string} did not enable {extension.name}; the lines above say why.")


def build_stage(movie: Path) -> bpy.types.Object:
    """An empty scene with the demo head, a camera and lights, ready to render."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = FPS, 1.0
    stage = importlib.import_module(f"{MODULE}.demo_scene")
    head = stage.build_demo_scene(scene)
    stage.aim_camera(scene.camera, azimuth_deg=15.0, elevation_deg=2.0, height_m=0.29)
    set_picture(scene)
    set_movie(scene.render, movie)
    return head


def place_recording(audio: Path) -> bpy.types.Strip | None:
    """Put the recording into the sequencer; None where Blender was built without sound."""
    scene = bpy.context.scene
    if not bpy.app.build_options.audaspace:
        return None
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_sound("Speech", str(audio), channel=1, frame_start=1)
    strip.sound.pack()
    scene.frame_end = int(strip.right_handle if hasattr(strip, "right_handle") else strip.frame_final_end)
    return strip


def generate(arguments: list[str]) -> None:
    """The extension's own command, as in `blender --command lip_sync`; it saves and exports too."""
    code = importlib.import_module(f"{MODULE}.command").lip_sync(arguments)
    if code != 0:
        raise DemoError("The extension did not generate the lip sync; the lines above say why.")


def render(blend: Path, movie: Path) -> None:
    """Film the saved file, with the head less finely subdivided than it is there: half the time."""
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    scene = bpy.context.scene
    if not scene.sequence_editor:  # without a strip the take alone knows how long the line is
        scene.frame_end = max(int(action.frame_range[1]) for action in bpy.data.actions)
    for modifier in (modifier for obj in scene.objects for modifier in obj.modifiers if modifier.type == "SUBSURF"):
        modifier.render_levels = min(1, modifier.render_levels)
    movie.unlink(missing_ok=True)
    with QuietRender(scene.frame_end):
        bpy.ops.render.render(animation=True)
    if not movie.is_file():
        raise DemoError(f"Blender rendered, but {movie} is not there; the lines above say why.")


def set_picture(scene: bpy.types.Scene) -> None:
    """Workbench: the one engine that needs no graphics card and takes a fraction of a second a frame."""
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x = scene.render.resolution_y = PICTURE_SIZE
    scene.render.resolution_percentage = 100
    scene.display.render_aa = "FXAA"
    scene.view_settings.view_transform = "Standard"  # Workbench's own lights are made for it; AgX dims them
    set_workbench_look(scene.display.shading)


def set_workbench_look(shading: bpy.types.View3DShading) -> None:
    shading.light, shading.studio_light = "STUDIO", "paint.sl"
    shading.color_type = "MATERIAL"
    shading.show_cavity = True
    shading.cavity_type = "SCREEN"
    shading.show_specular_highlight = True
    shading.show_shadows = False


def set_movie(settings: bpy.types.RenderSettings, target: Path) -> None:
    settings.filepath = "//" + target.name  # beside the .blend, wherever that goes
    settings.use_sequencer = False  # the picture comes from the camera, the sound still from the strip
    if hasattr(settings.image_settings, "media_type"):  # Blender 5.0: the kind of file before its format
        settings.image_settings.media_type = "VIDEO"
    settings.image_settings.file_format = "FFMPEG"
    movie = settings.ffmpeg
    movie.format, movie.codec, movie.constant_rate_factor = "MPEG4", "H264", "HIGH"
    if bpy.app.build_options.audaspace:
        movie.audio_codec, movie.audio_bitrate = "AAC", 160


class QuietRender:
    """Swallows the renderer's two lines a frame and prints a percentage instead."""

    def __init__(self, frame_count: int) -> None:
        self.frame_count = frame_count
        self.last_tenth = 0

    def __enter__(self) -> None:
        sys.stdout.flush()
        self.terminal = os.dup(1)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.close(silence)
        bpy.app.handlers.render_write.append(self.after_frame)

    def after_frame(self, scene: bpy.types.Scene, *_: object) -> None:
        tenth = 10 * scene.frame_current // self.frame_count
        if tenth > self.last_tenth:
            self.last_tenth = tenth
            os.write(self.terminal, f"[demo] rendering: {10 * tenth} %\n".encode())

    def __exit__(self, *_: object) -> None:
        bpy.app.handlers.render_write.remove(self.after_frame)
        sys.stdout.flush()
        os.dup2(self.terminal, 1)
        os.close(self.terminal)


if __name__ == "__main__":
    exit_code = 0
    try:
        main()
    except DemoError as error:
        print(f"[demo] {error}", file=sys.stderr)
        exit_code = 1
    except BaseException:
        traceback.print_exc()
        exit_code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(
        exit_code
    )  # the interpreter's own shutdown crashes Blender 4.2 and hangs 4.5 while an extension is registered
