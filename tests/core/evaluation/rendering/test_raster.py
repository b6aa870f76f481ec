# SPDX-License-Identifier: GPL-3.0-or-later
"""The rasteriser: known triangles cover known pixels, nearer ones hide farther ones, shared edges leave no holes."""

from __future__ import annotations

import numpy as np

from diffusion_talker.evaluation.rendering.raster import interpolate, rasterize

SIZE = 16


def square(left: float, top: float, right: float, bottom: float, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners and the two triangles of an upright rectangle that faces the eye."""
    corners = np.array([[left, top, z], [left, bottom, z], [right, bottom, z], [right, top, z]], float)
    return corners, np.array([[0, 1, 2], [0, 2, 3]])


def owner(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Index of the triangle that each pixel shows, -1 for none, (SIZE, SIZE)."""
    visible = rasterize(points, triangles, SIZE, SIZE)
    image = np.full(SIZE * SIZE, -1)
    image[visible.pixel] = visible.triangle
    return image.reshape(SIZE, SIZE)


def test_a_triangle_covers_the_pixels_whose_centres_it_holds() -> None:
    image = owner(np.array([[2, 2, 1], [2, 8, 1], [8, 2, 1]], float), np.array([[0, 1, 2]]))
    x, y = np.meshgrid(np.arange(SIZE) + 0.5, np.arange(SIZE) + 0.5)
    strictly_inside = (x > 2) & (y > 2) & (x + y < 10)
    outside = (x < 2) | (y < 2) | (x + y > 10)
    assert (image[strictly_inside] == 0).all()
    assert (image[outside] == -1).all()


def test_a_square_of_two_triangles_has_neither_holes_nor_a_rim() -> None:
    image = owner(*square(3, 4, 11, 9, 1.0))
    expected = np.zeros((SIZE, SIZE), bool)
    expected[4:9, 3:11] = True
    assert ((image >= 0) == expected).all()


def test_what_faces_away_is_left_out() -> None:
    points, triangles = square(3, 4, 11, 9, 1.0)
    assert (owner(points, triangles[:, ::-1]) == -1).all()


def test_the_nearer_triangle_hides_the_farther_whatever_their_order() -> None:
    far, triangles = square(0, 0, 16, 16, 5.0)
    near, _ = square(4, 4, 12, 12, 4.9)
    for points, first_near in ((np.concatenate([far, near]), 2), (np.concatenate([near, far]), 0)):
        image = owner(points, np.concatenate([triangles, triangles + 4]))
        shows_near = (image >= first_near) & (image < first_near + 2)
        assert shows_near[4:12, 4:12].all() and shows_near.sum() == 64


def test_triangles_that_pierce_each_other_part_where_their_depths_cross() -> None:
    flat, triangles = square(0, 0, 16, 16, 5.0)
    tilted, _ = square(0, 0, 16, 16, 0.0)
    tilted[:, 2] = 5.0 + (tilted[:, 0] - 8.0) / 8.0  # nearer on the left half
    image = owner(np.concatenate([flat, tilted]), np.concatenate([triangles, triangles + 4]))
    assert (image[:, :7] >= 2).all() and (image[:, 9:] < 2).all()


def test_what_lies_outside_the_picture_is_cut_off() -> None:
    image = owner(*square(-100, -100, 5, 200, 1.0))
    assert (image[:, :5] >= 0).all() and (image[:, 5:] == -1).all()


def test_nothing_to_draw_is_no_error() -> None:
    points, triangles = square(-9, -9, -5, -5, 1.0)
    assert len(rasterize(points, triangles, SIZE, SIZE).pixel) == 0


def test_values_run_linearly_between_the_corners() -> None:
    points, triangles = square(0, 0, 16, 16, 1.0)
    visible = rasterize(points, triangles, SIZE, SIZE)
    corner_values = points[triangles][:, :, :2]  # every corner carries its own place
    values = interpolate(visible, points, triangles, corner_values, SIZE)
    assert np.allclose(values[0], visible.pixel % SIZE + 0.5, atol=1e-4)
    assert np.allclose(values[1], visible.pixel // SIZE + 0.5, atol=1e-4)
