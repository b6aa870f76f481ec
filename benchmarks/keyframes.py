# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the add-on takes to write keys: 60 s of speech on the demo head, in Blender's Python module.

Run it in an environment of build.py, after `python build.py package`:
    .venv/bin/python benchmarks/keyframes.py dist/diffusion_talker-0.1.0.zip
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

PROFILE = tempfile.mkdtemp(prefix="diffusion_talker_benchmark_")
os.environ["BLENDER_USER_RESOURCES"] = PROFILE

import bpy  # noqa: E402  (the profile has to be chosen first)
import numpy as np  # noqa: E402

MODULE = "bl_ext.user_default.diffusion_talker"
SPEECH_S = 60
RUNS = 5


def main() -> None:
    extension = Path(sys.argv[1]).resolve()
    bpy.ops.extensions.package_install_files(
        filepath=str(extension), repo="user_default", enable_on_install=True, overwrite=True
    )
    if MODULE not in bpy.context.preferences.addons:
        sys.exit(f"Blender {bpy.app.version_string} did not enable {extension}: the lines above say why.")
    print(f"Blender {bpy.app.version_string}, Python {platform.python_version()}, {os.cpu_count()} cores, {SPEECH_S} s")
    for fps in (24, 30, 60):
        head = demo_head()
        times_s = [write_seconds(sys.modules[MODULE], head, fps, run) for run in range(RUNS)]
        print(f"{fps} fps: first take {times_s[0]:.3f} s, the same line again {statistics.median(times_s[1:]):.3f} s")


def demo_head() -> bpy.types.Object:
    """The head in an empty scene."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.diffusion_talker.add_demo_head()
    return next(obj for obj in bpy.data.objects if obj.type == "MESH" and obj.data.shape_keys)


def write_seconds(addon: ModuleType, head: bpy.types.Object, fps: int, run: int) -> float:
    """Seconds for one take on every ARKit shape key; a later run takes the place of the one before."""
    names = [name for _, name in addon.targets.inspect_target(head).mapping]
    values = np.random.default_rng(run).random((len(names), SPEECH_S * fps), np.float32)
    take = addon.keyframes.Take("Benchmark", "benchmark.wav", 1, dict(zip(names, values, strict=True)))
    start_s = time.perf_counter()
    addon.keyframes.write_take(head, take)
    return time.perf_counter() - start_s


if __name__ == "__main__":
    main()
    shutil.rmtree(PROFILE, ignore_errors=True)
    sys.stdout.flush()
    os._exit(0)  # the interpreter's own shutdown crashes Blender 4.2 and hangs 4.5 while an extension is registered
