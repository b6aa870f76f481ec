# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo head: a stylised character built entirely by code, with the 52 ARKit shapes, eyes, teeth and tongue."""

from __future__ import annotations

from diffusion_talker.rigs.demo_head.assemble import build_demo_head
from diffusion_talker.rigs.demo_head.mesh import HeadMesh, Material, Part, ShapeDelta

__all__ = ["HeadMesh", "Material", "Part", "ShapeDelta", "build_demo_head"]
