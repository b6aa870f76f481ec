# SPDX-License-Identifier: GPL-3.0-or-later
"""Preferences: what computes the motion. PyTorch is never imported here, only looked for."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from functools import lru_cache

import bpy
from bpy.props import EnumProperty, StringProperty

ADDON_ID = __package__


class DIFFUSION_TALKER_AP_preferences(bpy.types.AddonPreferences):
    """Runtime and device of the student."""

    bl_idname = ADDON_ID

    runtime: EnumProperty(
        name="Runtime",
        description="What computes the motion",
        items=(
            ("auto", "Automatic", "PyTorch where it brings a GPU, otherwise NumPy"),
            ("numpy", "NumPy", "Runs in every Blender and needs nothing else"),
            ("torch", "PyTorch", "Needs PyTorch in Blender's Python, or another Python that has it"),
        ),
    )
    device: EnumProperty(
        name="Device",
        description="Where PyTorch computes",
        items=(
            ("auto", "Automatic", "The GPU if PyTorch finds one, otherwise the CPU"),
            ("cpu", "CPU", "The processor"),
            ("cuda", "CUDA", "An NVIDIA GPU, or an AMD GPU through ROCm"),
            ("mps", "MPS", "The GPU of an Apple computer"),
        ),
    )

    torch_python: StringProperty(
        name="Python",
        description="A Python that has PyTorch, which then computes in its own process. Empty: Blender's own Python",
        subtype="FILE_PATH",
    )

    model: StringProperty(
        name="Model",
        description="A trained model of your own (.npz) that takes the place of the one that is built in. Empty: none",
        subtype="FILE_PATH",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "runtime")
        column = layout.column()
        column.active = self.runtime != "numpy"
        column.prop(self, "device")
        column = layout.column()
        column.active = self.runtime == "torch"
        column.prop(self, "torch_python")
        layout.prop(self, "model")
        layout.label(text=runtime_status(self.runtime, self.torch_python), icon="INFO")


def runtime_and_device(context: bpy.types.Context) -> tuple[str, str]:
    """The user's choice; automatic while the add-on runs without preferences, as in a script."""
    addon = context.preferences.addons.get(ADDON_ID)
    if addon is None or addon.preferences is None:
        return "auto", "auto"
    runtime = addon.preferences.runtime
    return runtime, "auto" if runtime == "numpy" else addon.preferences.device


def torch_python(context: bpy.types.Context) -> str:
    """The user's own Python with PyTorch; empty when none was chosen or another runtime is."""
    addon = context.preferences.addons.get(ADDON_ID)
    if addon is None or addon.preferences is None or addon.preferences.runtime != "torch":
        return ""
    return bpy.path.abspath(addon.preferences.torch_python)


def model_file(context: bpy.types.Context) -> str:
    """The user's own model; empty when the built-in one is used."""
    addon = context.preferences.addons.get(ADDON_ID)
    if addon is None or addon.preferences is None:
        return ""
    return bpy.path.abspath(addon.preferences.model)


def runtime_status(runtime: str, python: str = "") -> str:
    """One line: what this choice means in this Blender."""
    if runtime == "torch" and python:
        return "PyTorch computes the motion in the chosen Python"
    version = torch_version()
    if runtime == "numpy":
        return "NumPy computes the motion"
    if runtime == "torch":
        return (
            f"PyTorch {version} computes the motion"
            if version
            else "PyTorch is not installed in this Blender: choose NumPy, or a Python that has it"
        )
    if version is None:
        return "NumPy computes the motion: PyTorch is not installed in this Blender"
    if version.endswith("+cpu"):
        return f"NumPy computes the motion: PyTorch {version} has no GPU support"
    return f"PyTorch {version} if it finds a GPU, otherwise NumPy"


@lru_cache(maxsize=1)
def torch_version() -> str | None:
    """Version of the PyTorch that could be imported, looked up once and without importing it."""
    if importlib.util.find_spec("torch") is None:
        return None
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
