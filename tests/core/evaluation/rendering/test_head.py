# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawn head: light falls from where it should, the head turns as its channels say, lips can be read."""

from __future__ import annotations

import numpy as np
import pytest

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.evaluation.rendering.head import DrawnHead, demo_head, light, turn
from diffusion_talker.evaluation.rendering.lip_gap import lip_gap_mm
from diffusion_talker.evaluation.rendering.picture import VIEWS, camera_axes, draw
from diffusion_talker.motion import Motion

SEALED = {"jawOpen": 0.08, "mouthClose": 0.08}
OPEN = {"jawOpen": 0.4, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2}
SIZE = 160


@pytest.fixture(scope="module")
def head() -> DrawnHead:
    return demo_head()


def motion(*poses: dict[str, float]) -> Motion:
    """One frame for each pose."""
    weights = [[pose.get(name, 0.0) for name in MODEL_CHANNELS] for pose in poses]
    return Motion(np.array(weights, np.float32), MODEL_CHANNELS, 60)


def between_the_lips(picture: np.ndarray) -> np.ndarray:
    """Pixels of the picture's middle columns and mouth rows."""
    return picture[SIZE // 2 - 10 : SIZE // 2 + 60, SIZE // 2 - 6 : SIZE // 2 + 6].astype(float)


def share_not_skin(picture: np.ndarray) -> float:
    """Share of teeth (bright and grey) and of the mouth's dark between the lips."""
    pixels = between_the_lips(picture)
    teeth = (pixels.min(axis=2) > 120) & (pixels.max(axis=2) - pixels.min(axis=2) < 45)
    dark = pixels.max(axis=2) < 70
    return float((teeth | dark).mean())


def test_normals_point_outwards(head: DrawnHead) -> None:
    normals = head.normals(head.posed({}))
    skin = head.mesh.part("Skin")
    nose = skin.vertex_start + head.mesh.vertices[skin.vertex_start : skin.vertex_stop, 1].argmin()
    assert normals[nose, 1] < -0.5  # the face looks along -Y
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)


def test_the_key_light_comes_from_the_upper_left_of_the_picture(head: DrawnHead) -> None:
    points = head.posed({})
    lit = light(head, points, camera_axes(VIEWS["front"]))[:, :3].mean(axis=1)
    skin = np.arange(head.mesh.part("Skin").vertex_stop)
    cheeks = skin[(points[skin, 1] < -0.04) & (np.abs(points[skin, 0]) > 0.03)]
    assert lit[cheeks[points[cheeks, 0] < 0]].mean() > 1.1 * lit[cheeks[points[cheeks, 0] > 0]].mean()


NOSE, CROWN = np.array([[0.0, -0.11, 0.16]]), np.array([[0.0, 0.0, 0.3]])


@pytest.mark.parametrize(
    "place, angles, expected",
    [(NOSE, (0.2, 0.0, 0.0), (1, 0, 0)), (NOSE, (0.0, 0.2, 0.0), (0, 0, -1)), (CROWN, (0.0, 0.0, 0.2), (1, 0, 0))],
    ids=["yaw turns the nose to its left", "pitch nods it down", "roll tilts the crown to its left"],
)
def test_the_head_turns_as_its_channels_say(
    place: np.ndarray, angles: tuple[float, float, float], expected: tuple[int, int, int]
) -> None:
    moved = (turn(place, *angles) - place)[0]
    assert moved @ expected > 0.01
    assert moved @ expected == pytest.approx(np.abs(moved).max())


def test_the_neck_stays_where_it_is(head: DrawnHead) -> None:
    points = head.posed({"HeadYaw": 0.3, "HeadPitch": 0.2})
    base = head.mesh.vertices[:, 2] < 0
    assert np.allclose(points[base], head.mesh.vertices[base])
    assert np.abs(points - head.mesh.vertices).max() > 0.02


def test_channels_that_the_head_lacks_are_ignored(head: DrawnHead) -> None:
    assert np.allclose(head.posed({"LeftEyeYaw": 1.0}), head.posed({}))


def test_lip_gap_is_measured_in_millimetres() -> None:
    rest, sealed, opened = lip_gap_mm(motion({}, SEALED, OPEN))
    assert abs(rest) < 0.05 and abs(sealed) < 0.2
    assert 8 < opened < 25


def test_a_picture_tells_closed_lips_from_open_ones(head: DrawnHead) -> None:
    closed = share_not_skin(draw(head, SEALED, VIEWS["mouth"], SIZE))
    ajar = share_not_skin(draw(head, {"jawOpen": 0.1}, VIEWS["mouth"], SIZE))
    opened = share_not_skin(draw(head, OPEN, VIEWS["mouth"], SIZE))
    assert closed < 0.03 < ajar < opened
    assert opened > 0.15


def test_closing_lips_darken_the_mouth_and_not_the_nostrils(head: DrawnHead) -> None:
    axes = camera_axes(VIEWS["front"])
    closed, opened = (light(head, head.posed(pose), axes)[:, :3].mean(axis=1) for pose in ({}, {"jawOpen": 0.2}))
    nose = (np.abs(head.mesh.vertices[:, 0]) < 0.012) & (head.mesh.vertices[:, 1] < -0.11)
    nose &= (head.mesh.vertices[:, 2] > 0.146) & (head.mesh.vertices[:, 2] < 0.16)
    teeth = head.mesh.part("Teeth Upper")
    assert np.allclose(closed[nose], opened[nose], rtol=0.05)
    assert (closed < 0.5 * opened)[teeth.vertex_start : teeth.vertex_stop].all()


def test_closed_eyes_hide_the_iris(head: DrawnHead) -> None:
    def blue(weights: dict[str, float]) -> int:
        picture = draw(head, weights, VIEWS["front"], SIZE).astype(int)[SIZE // 4 : SIZE // 2]
        return int((picture[:, 30:-30, 2] > picture[:, 30:-30, 0] + 25).sum())

    assert blue({}) > 20
    assert blue({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}) < 0.2 * blue({})


def test_every_view_shows_the_head(head: DrawnHead) -> None:
    for view in VIEWS.values():
        picture = draw(head, {}, view, 48).astype(int)
        assert picture.shape == (48, 48, 3)
        assert (picture[:, :, 0] > picture[:, :, 2] + 30).mean() > 0.25  # skin
