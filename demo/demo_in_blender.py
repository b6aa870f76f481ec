# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside Blender's Python module: a recording becomes lip sync on the demo head, through the installed extension.

Started by `python build.py demo`, with BLENDER_USER_RESOURCES pointing at an empty profile.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import bpy
import numpy as np

MODULE = "bl_ext.user_default.diffusion_talker"
FPS = 30
PICTURE_SIZE = 512
Result = TypeVar("Result")


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def main() -> None:
    arguments = parse_arguments()
    timed("installed the extension", lambda: install(arguments.extension))
    head = timed("built the demo head and its stage", build_stage)
    strip = timed("placed the recording", lambda: place_recording(arguments.audio))
    timed("generated the lip sync", lambda: generate(head, strip, arguments.audio))
    csv = arguments.out / "demo.csv"
    timed(f"wrote {csv.name} (Live Link Face)", lambda: export_live_link(head, csv))
    blend = arguments.out / "demo.blend"
    timed(f"saved {blend.name}", lambda: save(blend))
    movie = arguments.out / "demo.mp4"
    frames = bpy.context.scene.frame_end
    timed(
        f"rendered {movie.name} ({frames} frames{'' if strip else ', silent: this Blender module has no sound'})",
        lambda: render(movie),
    )
    for made in (blend, csv, movie):
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


def build_stage() -> bpy.types.Object:
    """An empty scene with the demo head, a camera and lights."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = FPS, 1.0
    return sys.modules[f"{MODULE}.demo_scene"].build_demo_scene(scene)


def place_recording(audio: Path) -> bpy.types.Strip | None:
    """Put the recording into the sequencer; None where Blender was built without sound."""
    scene = bpy.context.scene
    if not bpy.app.build_options.audaspace:
        return None
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_sound("Speech", str(audio), channel=1, frame_start=1)
    strip.sound.pack()
    scene.frame_end = int(strip.frame_final_end)
    return strip


def generate(head: bpy.types.Object, strip: bpy.types.Strip | None, audio: Path) -> None:
    """The extension's own command, as in `blender --command lip_sync`."""
    speech = ["--strip", strip.name] if strip else ["--audio", str(audio)]
    command = sys.modules[f"{MODULE}.command"]
    code = command.lip_sync([*speech, "--object", head.name])
    if code != 0:
        raise DemoError("The extension did not generate the lip sync; the lines above say why.")
    if strip is None:
        bpy.context.scene.frame_end = int(head.data.shape_keys.animation_data.action.frame_range[1])


def export_live_link(head: bpy.types.Object, target: Path) -> None:
    """Sample the animated shape keys at 60 Hz and write them for Live Link Face."""
    from diffusion_talker.audio import MOTION_RATE_HZ
    from diffusion_talker.channels import match_arkit
    from diffusion_talker.formats import write_motion
    from diffusion_talker.motion import Motion

    scene, keys = bpy.context.scene, head.data.shape_keys.key_blocks
    names = match_arkit(keys.keys())  # ARKit name -> the head's own name
    frame_count = (scene.frame_end - scene.frame_start + 1) * MOTION_RATE_HZ // FPS
    weights = np.empty((frame_count, len(names)), np.float32)
    for index in range(frame_count):
        frame, subframe = divmod(scene.frame_start + index * FPS / MOTION_RATE_HZ, 1.0)
        scene.frame_set(int(frame), subframe=subframe)
        weights[index] = [keys[name].value for name in names.values()]
    write_motion(target, Motion(weights, tuple(names), float(MOTION_RATE_HZ)))


def save(target: Path) -> None:
    bpy.context.scene.frame_set(1)
    bpy.ops.wm.save_as_mainfile(filepath=str(target), copy=True, compress=True)


def render(target: Path) -> None:
    """Workbench: the one engine that needs no graphics card and takes a fraction of a second a frame."""
    scene = bpy.context.scene
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x = scene.render.resolution_y = PICTURE_SIZE
    scene.render.resolution_percentage = 100
    scene.render.filepath = str(target)
    scene.render.use_sequencer = False  # the picture comes from the camera, the sound still from the strip
    scene.display.render_aa = "5"
    set_workbench_look(scene.display.shading)
    set_movie_format(scene.render)
    target.unlink(missing_ok=True)
    with QuietRender(scene.frame_end):
        bpy.ops.render.render(animation=True)


def set_workbench_look(shading: bpy.types.View3DShading) -> None:
    shading.light = "STUDIO"
    shading.color_type = "MATERIAL"
    shading.show_cavity = True
    shading.cavity_type = "SCREEN"
    shading.show_specular_highlight = True
    shading.show_shadows = False


def set_movie_format(render_settings: bpy.types.RenderSettings) -> None:
    image = render_settings.image_settings
    if hasattr(image, "media_type"):  # Blender 5.0: the kind of file before its format
        image.media_type = "VIDEO"
    image.file_format = "FFMPEG"
    movie = render_settings.ffmpeg
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
