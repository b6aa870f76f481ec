# SPDX-License-Identifier: GPL-3.0-or-later
"""The sculpture itself: which solids and bumps make this face."""

from __future__ import annotations

from diffusion_talker.rigs.demo_head.field import Bump, Capsule, Ellipsoid, Field, make_field

_SKULL = (
    Ellipsoid((0.0, 1.3, 3.0), (7.6, 9.2, 8.2), 1.0),
    Ellipsoid((0.0, -1.7, -2.6), (6.5, 6.7, 7.0), 3.0),
    Ellipsoid((0.0, -3.0, -6.4), (5.1, 5.4, 4.3), 2.5),
    Ellipsoid((4.6, -0.6, -5.2), (1.3, 2.2, 2.4), 2.5),
    Capsule((0.0, 2.0, -5.0), (0.0, 2.6, -20.0), 3.95, 4.2, 3.0),
)
_FACE = (
    Ellipsoid((0.0, -7.0, -9.3), (1.6, 1.6, 1.4), 2.2),
    Ellipsoid((0.0, -6.6, -6.9), (2.5, 2.1, 1.9), 2.5),
    Ellipsoid((4.0, -5.2, -3.7), (2.3, 2.2, 2.1), 2.4),
    Ellipsoid((4.4, -4.6, -0.2), (2.0, 2.5, 2.8), 2.2),
)
_NOSE = (
    Capsule((0.0, -7.2, 0.4), (0.0, -9.4, -3.4), 0.75, 0.72, 1.1),
    Ellipsoid((0.0, -9.75, -3.75), (0.95, 0.95, 0.85), 0.7),
    Ellipsoid((0.98, -9.0, -4.15), (0.60, 0.85, 0.56), 0.4),
)
_BUMPS = (
    Bump((3.2, -8.2, 2.1), (1.9, 1.2, 0.55), 0.30),
    Bump((0.0, -8.6, 4.6), (3.2, 2.0, 2.2), 0.25),
    Bump((3.3, -8.2, -0.5), (1.5, 1.5, 1.1), -0.25),
    Bump((1.80, -8.0, -0.75), (0.50, 1.3, 0.65), -0.58),
    Bump((0.0, -9.0, -5.6), (0.28, 1.0, 0.55), -0.14),
    Bump((0.0, -8.8, -8.15), (1.3, 1.0, 0.38), -0.28),
    Bump((6.6, -4.4, 1.2), (1.2, 1.8, 1.8), -0.30),
)


def head_field() -> Field:
    """Signed distance function (cm) of the bare head without ears, lips and eyelids."""
    return make_field(_SKULL + _FACE + _NOSE, _BUMPS)
