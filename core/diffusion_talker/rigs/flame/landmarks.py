# SPDX-License-Identifier: GPL-3.0-or-later
"""The landmarks of FLAME topology, marked by us on its template; `derive.py` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from diffusion_talker.rigs.shape_keys.landmarks import HeadLandmarks

#: Vertex numbers in FLAME's own order.
FLAME_LANDMARKS: Final = HeadLandmarks(
    chin=3404,
    nose_tip=3564,
    upper_lip=3531,
    lower_lip=3504,
    mouth_corner_left=1730,
    mouth_corner_right=2845,
    eye_inner_left=3833,
    eye_inner_right=2487,
    eye_outer_left=1175,
    eye_outer_right=2447,
    upper_lid_left=3855,
    upper_lid_right=3690,
    lower_lid_left=882,
    lower_lid_right=2290,
    brow_inner_left=3851,
    brow_inner_right=3684,
    brow_outer_left=18,
    brow_outer_right=337,
    jaw_hinge_left=568,
    jaw_hinge_right=1963,
)

#: Structure colours of the same vertices, by which they are found in any other order of the vertices.
LANDMARK_COLORS: Final[Mapping[str, int]] = {
    "chin": 0xE87418DEAEE7AA4F,
    "nose_tip": 0xDD9B76F6D39F586E,
    "upper_lip": 0x41F883A45014B0BF,
    "lower_lip": 0x776D1FCA7C6AE2FE,
    "mouth_corner_left": 0x537651EDB23856A1,
    "mouth_corner_right": 0xECCD0F36C6507E8B,
    "eye_inner_left": 0xF89A4A2A6794AF75,
    "eye_inner_right": 0x5D206E85D1AAC155,
    "eye_outer_left": 0xDB132F65267504B6,
    "eye_outer_right": 0x674FAAF8C812B3BF,
    "upper_lid_left": 0x9C07AC9E8EB6201F,
    "upper_lid_right": 0x949C0E01792B41F7,
    "lower_lid_left": 0x70F351AAC8772281,
    "lower_lid_right": 0x6B9FDC1B4F68BF9F,
    "brow_inner_left": 0x07A07B2B085DA03E,
    "brow_inner_right": 0xF90B13C6CA81CE69,
    "brow_outer_left": 0x3639CFE393979342,
    "brow_outer_right": 0x1AC84C410AA81B44,
    "jaw_hinge_left": 0xEC720CA8365EF5F3,
    "jaw_hinge_right": 0xBBC08880376D4E17,
}
