# SPDX-License-Identifier: GPL-3.0-or-later
"""Style of a take: mixtures, sliders, regions and curves, alike on every runtime; takes without hearing again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diffusion_talker.channels import MOUTH_CHANNELS
from diffusion_talker.errors import LibraryError, SettingsError
from diffusion_talker.student import Curve, GenerateSettings, Student, blinks, load_student
from diffusion_talker.student.bundle import Bundle, StyleAxis, embedding_space, load_bundle, save_bundle
from diffusion_talker.student.network import StyleRequest
from diffusion_talker.student.numpy_network import NumpyNetwork
from tests.core.student.test_generate import LongSource, make_sound
from tests.core.student.test_remote import PYTHON, needs_torch
from tests.core.student.tiny_bundle import TINY_CONFIG, make_bundle

SETTLED = {"identity": "Plain", "emotion": "happiness"}
MOVING = GenerateSettings(
    identity=(("Plain", Curve((0.0, 4.0), (1.0, 0.0))), ("Calm", 0.5)),
    emotion=(("happiness", Curve((1.0, 2.0), (0.0, 1.0))),),
    intensity=Curve((0.0, 3.0), (0.2, 1.6)),
    style_strength=Curve((0.5,), (1.3,)),
    style=(("jaw", Curve((0.0, 2.0, 6.0), (-1.0, 1.0, 0.0))), ("brows", 0.7)),
    seed=3,
)


def bundle_with_axes(seed: int = 0) -> Bundle:
    bundle = make_bundle(seed=seed)
    random = np.random.default_rng(7)
    width = TINY_CONFIG.style_tokens * TINY_CONFIG.style_width
    axes = tuple(StyleAxis(name, f"The {name}", tuple(random.standard_normal(width).tolist()))
                 for name in ("jaw", "brows"))
    return replace(bundle, metadata=replace(bundle.metadata, style_axes=axes))


def make_student(window_frames: int = 3600) -> Student:
    bundle = bundle_with_axes()
    return Student(NumpyNetwork(bundle), bundle.metadata, window_frames, space=embedding_space(bundle))


def weights(student: Student, **settings: object) -> np.ndarray:
    return student.generate(make_sound(2.0), GenerateSettings(**settings)).weights


@pytest.mark.parametrize("window_frames", [38, 100])
def test_values_that_change_over_the_line_are_exact_in_windows(window_frames: int) -> None:
    sound = make_sound(6.0)
    whole = make_student(100_000).generate(sound, MOVING).weights
    np.testing.assert_allclose(make_student(window_frames).generate(sound, MOVING).weights, whole, atol=2e-6)


def test_a_curve_that_stands_still_is_the_constant() -> None:
    student = make_student()
    constant = weights(student, **SETTLED, intensity=0.6, style=(("jaw", 0.4),))
    jaw, intensity = Curve((0.5,), (0.4,)), Curve((0.0, 1.0), (0.6, 0.6))
    still = weights(student, **SETTLED, intensity=intensity, style=(("jaw", jaw),))
    np.testing.assert_allclose(still, constant, atol=1e-5)


def test_a_curve_changes_only_what_is_near() -> None:
    student, sound = make_student(), make_sound(6.0)
    plain = GenerateSettings(**SETTLED, steps=1)
    keyed = replace(plain, intensity=Curve((4.0, 4.1), (1.0, 2.0)))
    difference = np.abs(student.generate(sound, keyed).weights - student.generate(sound, plain).weights).max(axis=1)
    reach = TINY_CONFIG.decoder_reach_frames + int(blinks.REACH_S * 60)
    assert difference[: 240 - reach - 2].max() < 1e-6 and difference[260:].max() > 1e-3


def test_numpy_and_torch_agree_on_changing_styles() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: the twin cannot be compared")
    from diffusion_talker.student.torch_network import TorchNetwork

    bundle, sound = bundle_with_axes(), make_sound(4.0)
    ours = Student(NumpyNetwork(bundle), bundle.metadata).generate(sound, MOVING).weights
    reference = Student(TorchNetwork.of_bundle(bundle), bundle.metadata).generate(sound, MOVING).weights
    np.testing.assert_allclose(ours, reference, atol=1e-4)


@needs_torch
def test_a_worker_knows_changing_styles_and_forgets_what_nobody_holds(tmp_path) -> None:
    path = tmp_path / "student.npz"
    save_bundle(path, bundle_with_axes())
    sound, remote = make_sound(3.0), load_student(path, "torch", "cpu", PYTHON)
    ours = load_student(path, "numpy").generate(sound, MOVING).weights
    heard = remote.listen(sound)
    for _ in range(20):  # far more takes than a worker would keep if it did not know what is still held
        take = remote.perform(heard, MOVING)
    np.testing.assert_allclose(take.weights, ours, atol=1e-4)
    assert len(remote._network._unused) < 6
    remote._network.close()


def test_a_mixture_of_one_is_that_one_and_half_and_half_lies_between() -> None:
    student = make_student()
    alone = weights(student, identity="Calm", emotion="neutral")
    mixed = weights(student, identity=(("calm", 7.0),), emotion=(("neutral", 1.0),))
    np.testing.assert_allclose(mixed, alone, atol=1e-6)
    half = weights(student, identity=(("Calm", 0.5), ("Lively", 0.5)), emotion="neutral")
    lively = weights(student, identity="Lively", emotion="neutral")
    assert np.linalg.norm(half - alone) < np.linalg.norm(lively - alone) > np.linalg.norm(half - lively)


def test_what_the_shares_of_emotions_leave_is_neutral() -> None:
    student = make_student()
    some = weights(student, identity="Plain", emotion=(("happiness", 0.6),))
    np.testing.assert_allclose(some, weights(student, **SETTLED, intensity=0.6), atol=1e-5)
    much = weights(student, identity="Plain", emotion=(("happiness", 3.0),))
    np.testing.assert_allclose(much, weights(student, **SETTLED), atol=1e-5)


def test_auto_can_be_part_of_a_mixture() -> None:
    student = make_student()
    heard = weights(student, identity="auto", emotion="neutral")
    np.testing.assert_allclose(weights(student, identity=(("Auto", 1.0), ("Calm", 0.0)), emotion="neutral"), heard,
                               atol=1e-6)


def test_regions_take_their_own_amount_of_emotion() -> None:
    student = make_student()
    full, none = weights(student, **SETTLED), weights(student, identity="Plain", emotion="neutral")
    calm_mouth = weights(student, **SETTLED, regions=(("mouth", 0.0),))
    mouth = np.array([name in MOUTH_CHANNELS or name.startswith("nose") for name in TINY_CONFIG.channels])
    np.testing.assert_allclose(calm_mouth[:, mouth], none[:, mouth], atol=1e-5)
    np.testing.assert_allclose(calm_mouth[:, ~mouth], full[:, ~mouth], atol=1e-5)
    np.testing.assert_array_equal(weights(student, **SETTLED, regions=(("head", 1.0),)), full)


def test_sliders_add_up_and_work_on_the_average_talker() -> None:
    network, student = NumpyNetwork(bundle_with_axes()), make_student()
    request = StyleRequest(np.eye(3, dtype=np.float32)[0], np.eye(2, dtype=np.float32)[0], strength=0.0)
    direction = np.array(student.style_axes[0].direction, np.float32)
    np.testing.assert_allclose(network.style(replace(request, offset=direction)) - network.style(request), direction,
                               atol=1e-6)
    still = weights(student, **SETTLED)
    np.testing.assert_array_equal(weights(student, **SETTLED, style=(("jaw", 0.0),)), still)
    assert np.abs(weights(student, **SETTLED, style=(("JAW", 0.5),)) - still).max() > 1e-4


def test_other_takes_need_no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    student, sound = make_student(), make_sound(3.0)
    heard = student.listen(sound)
    first = student.perform(heard, GenerateSettings())
    monkeypatch.setattr(student._network, "encode", lambda mel: pytest.fail("heard again"))
    again = student.perform(heard, GenerateSettings(style=(("jaw", 1.0),), seed=4))
    assert np.abs(again.weights - first.weights).max() > 1e-3
    np.testing.assert_array_equal(student.perform(heard, GenerateSettings()).weights, first.weights)
    monkeypatch.undo()
    np.testing.assert_array_equal(student.generate(sound, GenerateSettings()).weights, first.weights)


def test_what_is_kept_of_a_long_recording_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diffusion_talker.student.hearing.KEPT_FRAMES", 500)
    student, sound = make_student(120), LongSource(30.0)
    heard = student.listen(sound)
    first = student.perform(heard, GenerateSettings()).weights
    assert heard._kept_frames <= 500
    np.testing.assert_array_equal(student.perform(heard, GenerateSettings()).weights, first)


def test_what_another_student_heard_is_refused() -> None:
    with pytest.raises(ValueError, match="another student"):
        make_student().perform(make_student().listen(make_sound(1.0)))


@pytest.mark.parametrize(("settings", "error", "words"), [
    ({"identity": "Plian"}, LibraryError, "Did you mean Plain"),
    ({"style": (("jow", 1.0),)}, LibraryError, "Did you mean jaw"),
    ({"style": (("jaw", 2.5),)}, SettingsError, "from -2.0 to 2.0"),
    ({"identity": ()}, SettingsError, "empty mixture"),
    ({"emotion": (("happiness", -0.1),)}, SettingsError, "share of emotion"),
    ({"regions": (("nose", 1.0),)}, SettingsError, "mouth, brows, eyes, head"),
    ({"regions": (("mouth", 1.6),)}, SettingsError, "from 0.0 to 1.5"),
    ({"intensity": Curve((0.0, 1.0), (0.5, 2.1))}, SettingsError, "intensity is 2.1"),
    ({"intensity": Curve((1.0, 1.0), (0.5, 0.5))}, SettingsError, "do not rise"),
    ({"intensity": Curve((), ())}, SettingsError, "one at least"),
    ({"intensity": Curve((0.0, float("nan")), (0.5, 0.5))}, SettingsError, "do not rise"),
])
def test_what_cannot_be_is_named(settings, error, words) -> None:
    with pytest.raises(error, match=words):
        weights(make_student(), **settings)


def test_a_student_without_sliders_says_so() -> None:
    bundle = make_bundle()
    with pytest.raises(SettingsError, match="no style sliders"):
        weights(Student(NumpyNetwork(bundle), bundle.metadata), style=(("jaw", 1.0),))


def test_sliders_travel_in_the_bundle(tmp_path) -> None:
    bundle = bundle_with_axes()
    save_bundle(tmp_path / "a.npz", bundle)
    assert load_bundle(tmp_path / "a.npz").metadata == bundle.metadata
    assert embedding_space(load_bundle(tmp_path / "a.npz")) == embedding_space(bundle)
    assert embedding_space(make_bundle(seed=1)) != embedding_space(bundle)


