# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches: sound and motion stay together, features are those of inference, and a seed decides everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed: training cannot be tested")

from diffusion_talker.audio import log_mel_array  # noqa: E402
from diffusion_talker.training.augment import Augmenter  # noqa: E402
from diffusion_talker.training.config import TrainingConfig  # noqa: E402
from diffusion_talker.training.dataset import CONTEXT_SAMPLES, BatchLoader, _crop, load_split, make_batch  # noqa: E402
from tests.core.training.made_corpus import JAW, make_clip, write_made_corpus  # noqa: E402

CONFIG = TrainingConfig(batch_clips=4, crop_frames=120, held_out_share=0.2)


def link_of_hiss_and_jaw(batch) -> float:
    """Correlation of the jaw with the level of the middle bands."""
    level = batch.log_mel[..., 30:60].mean(axis=(2, 3)).ravel()
    return float(np.corrcoef(level, batch.motion[..., JAW].ravel())[0, 1])


def test_plain_features_are_those_of_inference():
    samples = make_clip(3).samples[:40000].astype(np.float32) / 32768
    padded = np.concatenate([np.zeros(CONTEXT_SAMPLES, np.float32), samples])[None]
    ours = Augmenter.off().log_mel(padded, 120, CONTEXT_SAMPLES, np.random.default_rng(0), np.ones(1, bool))[0]
    np.testing.assert_allclose(ours, log_mel_array(samples, 0, 120), atol=2e-3)


@pytest.mark.parametrize("keeps_voice", [True, False])
def test_sound_and_motion_stay_together(keeps_voice):
    """Also when the speed of both was changed: a shift of two frames is seen as a worse correlation."""
    clips = [make_clip(number) for number in range(8)]
    random = np.random.default_rng(1)
    waves, jaws = [], []
    for clip in clips:
        crop = _crop(clip, 240, random, keeps_voice)
        starts = CONTEXT_SAMPLES + np.round(np.arange(240) * 16000 / 60).astype(int)
        waves.append(np.abs(np.diff(crop.wave)[starts[:, None] + np.arange(-80, 80)]).mean(axis=1))
        jaws.append(crop.motion[:, JAW])
    level, jaw = np.concatenate(waves), np.concatenate(jaws)
    together = np.corrcoef(level, jaw)[0, 1]
    assert together > 0.9
    for shift in (-3, 3):
        assert np.corrcoef(np.roll(level, shift), jaw)[0, 1] < together - 0.05


def test_frames_beyond_the_clip_do_not_count():
    clip = make_clip(0, length_s=1)
    crop = _crop(clip, 120, np.random.default_rng(0), keeps_voice=True)
    assert crop.mask[:60].all() and not crop.mask[60:].any()
    assert np.abs(crop.wave[CONTEXT_SAMPLES + 16100:]).max() == 0


def test_augmented_batches_keep_the_link_to_the_jaw():
    clips = [make_clip(number) for number in range(8)]
    batch = make_batch(clips, CONFIG, np.random.default_rng(0), Augmenter(snr_db=(20.0, 45.0)))
    assert np.isfinite(batch.log_mel).all() and batch.log_mel.dtype == np.float32
    assert link_of_hiss_and_jaw(batch) > 0.35


def test_augmentation_varies_what_it_is_asked_to():
    wave = np.tile((make_clip(1).samples[:33600] / 32768).astype(np.float32), (4, 1))
    plain = Augmenter.off().log_mel(wave, 120, CONTEXT_SAMPLES, np.random.default_rng(0), np.ones(4, bool))
    for changed in ({"gain_db": (-20.0, -20.0)}, {"noise_share": 1.0, "snr_db": (10.0, 10.0)}, {"room_share": 1.0},
                    {"warp": 0.15, "warp_steps": 2}, {"equalizer_db": 6.0}, {"band_limit_share": 1.0},
                    {"mask_share": 1.0, "mask_bands": 8}):
        augmenter = Augmenter(**({name: getattr(Augmenter.off(), name) for name in vars(Augmenter.off())} | changed))
        other = augmenter.log_mel(wave, 120, CONTEXT_SAMPLES, np.random.default_rng(0), np.zeros(4, bool))
        assert np.abs(other - plain).max() > 0.5


def test_a_kept_voice_keeps_its_color():
    """The equaliser is weak there and no band is cut off; beside it the same settings change the voice much."""
    wave = np.tile((make_clip(1).samples[:33600] / 32768).astype(np.float32), (40, 1))
    kept = np.arange(40) % 2 == 0
    off = {name: getattr(Augmenter.off(), name) for name in vars(Augmenter.off())}
    augmenter = Augmenter(**(off | {"equalizer_db": 4.0, "band_limit_share": 1.0}))
    plain = Augmenter.off().log_mel(wave, 120, CONTEXT_SAMPLES, np.random.default_rng(0), np.ones(40, bool))
    change = np.abs((augmenter.log_mel(wave, 120, CONTEXT_SAMPLES, np.random.default_rng(0), kept) - plain).mean(1))
    assert change[kept].mean() < 0.3 * change[~kept].mean()


def test_split_is_by_text_and_stable(tmp_path):
    folder = write_made_corpus(tmp_path / "corpus")
    split = load_split(folder, 0.2)
    assert split.train and split.held_out
    assert not {clip.text for clip in split.train} & {clip.text for clip in split.held_out}
    assert [clip.text for clip in load_split(folder, 0.2).held_out] == [clip.text for clip in split.held_out]


def test_loader_is_a_function_of_seed_and_step(tmp_path):
    clips = load_split(write_made_corpus(tmp_path / "corpus"), 0.2).train
    first = BatchLoader(clips, CONFIG, 0)
    ahead = [batch for batch, _ in zip(first, range(3), strict=False)][-1]
    first.close()
    resumed = BatchLoader(clips, CONFIG, 2)
    again = next(iter(resumed))
    resumed.close()
    np.testing.assert_array_equal(ahead.log_mel, again.log_mel)
    np.testing.assert_array_equal(ahead.motion, again.motion)


def test_loader_hands_over_its_errors():
    loader = BatchLoader([], CONFIG, 0)
    with pytest.raises(ValueError):
        next(iter(loader))
    loader.close()


def test_only_voices_left_as_they_are_tell_whose_they_are():
    clips = [make_clip(number) for number in range(6)]
    config = replace(CONFIG, batch_clips=200, crop_frames=60)
    batch = make_batch(clips, config, np.random.default_rng(3), Augmenter())
    assert 0.35 < batch.identity_heard.mean() < 0.65
    assert np.array_equal(batch.identity_heard, batch.emotion_heard)
    assert make_batch(clips, config, np.random.default_rng(3), None).identity_heard.all()


def test_a_kept_voice_keeps_its_vocal_tract():
    wave = np.random.default_rng(1).standard_normal((1, 2 * CONTEXT_SAMPLES + 32000)).astype(np.float32)
    warping = replace(Augmenter.off(), warp=0.16, warp_steps=2)
    plain, kept, warped = (
        augmenter.log_mel(wave, 120, CONTEXT_SAMPLES, np.random.default_rng(0), np.array([keeps]))
        for augmenter, keeps in ((Augmenter.off(), True), (warping, True), (warping, False))
    )
    np.testing.assert_array_equal(kept, plain)
    assert np.abs(warped - plain).max() > 0.1
