# SPDX-License-Identifier: GPL-3.0-or-later
"""Sliders are found again where they were planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diffusion_talker.corpus.shards import IdentityEntry
from diffusion_talker.student.bundle import Bundle
from diffusion_talker.training.style_axes import (
    SLIDERS,
    fit_directions,
    orthogonalized,
    talker_embeddings,
    with_style_axes,
)
from tests.core.student.tiny_bundle import TINY_CONFIG, make_bundle

TALKERS, WIDTH = 24, 64


def plant(random: np.random.Generator, axes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axis values (K, A) of any unit, the directions (A, D) of a half range, and the embeddings they make."""
    values = random.uniform(-1, 1, (TALKERS, axes))
    values = values / np.abs(values).max(axis=0)
    middle, half = random.uniform(-5, 5, axes), random.uniform(0.1, 10, axes)
    values[0], values[1] = -1.0, 1.0
    directions = np.linalg.qr(random.standard_normal((WIDTH, axes)))[0].T * random.uniform(1, 3, (axes, 1))
    embeddings = 2.0 + values @ directions + 0.05 * random.standard_normal((TALKERS, WIDTH))
    return middle + half * values, directions, embeddings


@pytest.mark.parametrize("axes", [1, 5, 12])
def test_planted_directions_are_found_with_their_lengths(axes: int) -> None:
    values, planted, embeddings = plant(np.random.default_rng(axes), axes)
    found = fit_directions(embeddings, values)
    lengths = np.linalg.norm(found, axis=1)
    cosines = (found * planted).sum(axis=1) / lengths / np.linalg.norm(planted, axis=1)
    assert cosines.min() > 0.97
    np.testing.assert_allclose(lengths, np.linalg.norm(planted, axis=1), rtol=0.15)


def test_directions_stand_at_right_angles() -> None:
    values, _, embeddings = plant(np.random.default_rng(0), 8)
    found = fit_directions(embeddings, values)
    products = found @ found.T
    assert np.abs(products - np.diag(np.diag(products))).max() < 1e-9


def test_orthogonalizing_keeps_what_is_orthogonal_and_turns_the_rest_as_little_as_can_be() -> None:
    np.testing.assert_allclose(orthogonalized(np.diag([2.0, 3.0])), np.eye(2), atol=1e-12)
    leaning = orthogonalized(np.array([[1.0, 0.1], [0.1, 1.0]]))
    np.testing.assert_allclose(leaning, np.eye(2), atol=1e-12)  # both give way alike


def many_talkers() -> Bundle:
    config = replace(TINY_CONFIG, identities=tuple(f"T{number}" for number in range(8)))
    return make_bundle(config, seed=4)


def entries(axes: tuple[str, ...], count: int = 8) -> list[IdentityEntry]:
    random = np.random.default_rng(3)
    return [IdentityEntry(f"T{number}", "", {axis: float(random.uniform(0, 2)) for axis in axes})
            for number in range(count)]


def test_a_bundle_gets_the_sliders_that_its_corpus_knows() -> None:
    bundle = with_style_axes(many_talkers(), entries(("jaw_range", "lead_s")))
    assert [axis.name for axis in bundle.metadata.style_axes] == ["jaw", "lead"]
    width = TINY_CONFIG.style_tokens * TINY_CONFIG.style_width
    assert all(len(axis.direction) == width and axis.description for axis in bundle.metadata.style_axes)


def test_talkers_with_more_of_an_axis_lie_further_along_its_direction() -> None:
    talkers, bundle = entries(("jaw_range", "lead_s")), many_talkers()
    tokens = bundle.weights["personalizer.identity.tokens"]
    tokens[:, 0, 2] += np.array([2.0 * talker.axes["jaw_range"] for talker in talkers], np.float32)
    found = with_style_axes(bundle, talkers)
    along = talker_embeddings(found) @ np.array(found.metadata.style_axes[0].direction)
    assert np.corrcoef(along, [talker.axes["jaw_range"] for talker in talkers])[0, 1] > 0.8


@pytest.mark.parametrize("talkers", [entries(()), entries(("jaw_range",), 3), []])
def test_without_known_styles_there_are_no_sliders(talkers: list[IdentityEntry]) -> None:
    assert with_style_axes(many_talkers(), talkers).metadata.style_axes == ()


def test_an_axis_that_all_share_is_no_slider() -> None:
    talkers = [replace(talker, axes=talker.axes | {"precision": 1.0}) for talker in entries(("jaw_range",))]
    assert [axis.name for axis in with_style_axes(many_talkers(), talkers).metadata.style_axes] == ["jaw"]


def test_each_slider_stands_for_an_axis_of_the_synthetic_talkers() -> None:
    from diffusion_talker.corpus.talkers import AXIS_NAMES

    assert [slider.axis for slider in SLIDERS] == list(AXIS_NAMES)
