# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurements of the demo head: every number that gives the character its looks.

Units are centimetres in head space: Z up, the face looks along -Y, the character's left is +X, the origin lies
inside the skull at eye level. `assemble` converts to metres and moves the origin to the base of the neck.
"""

from __future__ import annotations

from typing import Final

CM_TO_M: Final = 0.01
NECK_BASE_CM: Final = (0.0, 2.4, -19.5)

# Jaw: a rotation about the axis through both temporomandibular joints, just before and below the ears.
JAW_HINGE_CM: Final = (0.0, -0.6, -2.6)
JAW_OPEN_DEG: Final = 24.0

# Eyes: the ball is larger than life, as in an animated film.
EYE_RADIUS_CM: Final = 2.0
EYE_CENTER_CM: Final = (3.35, -5.85, -0.6)
IRIS_DEG: Final = 30.0
PUPIL_DEG: Final = 12.5

# Mouth: the line where the lips meet.
MOUTH_Z_CM: Final = -6.85
MOUTH_HALF_WIDTH_CM: Final = 2.35
