# SPDX-License-Identifier: GPL-3.0-or-later
"""A known deviation is found, made contacts count and missed ones do not, and the report is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.channels import MODEL_CHANNELS
from diffusion_talker.cli import main
from diffusion_talker.corpus.phones import PHONE_NAMES
from diffusion_talker.corpus.shards import Clip, write_shard
from diffusion_talker.evaluation.realism import (
    FaceMeasure,
    find_blinks,
    measure_blinks,
    measure_contacts,
    measure_faces,
)
from diffusion_talker.evaluation.realism_report import (
    best_lag,
    compare_hand_made,
    find_deviations,
    find_pair_deviations,
)
from diffusion_talker.formats.live_link_csv import read_live_link_csv, write_live_link_csv
from diffusion_talker.motion import Motion

RATE_HZ = 60.0
SECONDS = 20.0


def _face(**scales: float) -> Motion:
    """A mouth that opens and closes, a smile that follows it, a brow that does not; scales: factors by channel."""
    times_s = np.arange(int(SECONDS * RATE_HZ)) / RATE_HZ
    weights = np.zeros((len(times_s), len(MODEL_CHANNELS)), np.float32)
    opening = 0.25 - 0.25 * np.cos(2 * np.pi * 2.0 * times_s)
    curves = {"jawOpen": opening, "mouthSmileLeft": 0.5 * opening, "browInnerUp": 0.2 + 0.1 * np.sin(7.0 * times_s)}
    for name, curve in curves.items():
        weights[:, MODEL_CHANNELS.index(name)] = scales.get(name, 1.0) * curve
    return Motion(weights, MODEL_CHANNELS, RATE_HZ)


def _measure(**scales: float) -> FaceMeasure:
    return measure_faces([_face(**scales)])


def test_equal_faces_do_not_deviate() -> None:
    assert find_deviations(_measure(), _measure()) == ()
    _, mean = find_pair_deviations(_measure(), _measure())
    assert mean < 1e-9


def test_a_jaw_that_moves_too_much_is_found_and_nothing_else() -> None:
    found = find_deviations(_measure(jawOpen=4.0), _measure())
    assert {deviation.channel for deviation in found} == {"jawOpen"}
    assert {deviation.what for deviation in found} == {"deviation", "speed_p95"}
    assert found[0].corpus == pytest.approx(4.0 * found[0].takes, rel=0.05)


def test_a_channel_never_used_is_found_in_spread_and_coupling() -> None:
    still = _measure(mouthSmileLeft=0.0)
    assert "mouthSmileLeft" in {deviation.channel for deviation in find_deviations(still, _measure())}
    pairs, mean = find_pair_deviations(still, _measure())
    assert {pairs[0].first, pairs[0].second} == {"jawOpen", "mouthSmileLeft"}
    assert pairs[0].takes == pytest.approx(1.0, abs=0.01)
    assert pairs[0].corpus == 0.0
    assert mean > 0.1


def test_a_take_without_a_tracked_head_says_nothing_about_heads() -> None:
    moving = _face()
    weights = moving.weights.copy()
    weights[:, MODEL_CHANNELS.index("HeadYaw")] = 0.2 * np.sin(np.arange(len(weights)) / 20)
    corpus = measure_faces([Motion(weights, MODEL_CHANNELS, RATE_HZ)])
    assert find_deviations(corpus, _measure()) == ()
    assert corpus.head_speed_deg_s[1] > 5.0


def test_speed_roughness_and_rest_are_what_they_should_be() -> None:
    jaw = _measure().channels["jawOpen"]
    assert jaw.speed_p99 == pytest.approx(0.25 * 2 * np.pi * 2.0, rel=0.03)
    assert jaw.roughness == pytest.approx((2 * np.sin(np.pi * 2.0 / 30)) ** 2, rel=0.05)
    assert jaw.rest_share < 0.1
    assert _measure().channels["tongueOut"].rest_share == 1.0


def test_blinks_are_counted_and_timed() -> None:
    times_s = np.arange(int(30 * RATE_HZ)) / RATE_HZ
    lid = np.full(len(times_s), 0.1)
    for start_s in (2.0, 5.0, 11.0):
        ramps = np.minimum((times_s - start_s) / 0.1, 1 - (times_s - start_s - 0.2) / 0.25)
        lid = np.maximum(lid, 0.1 + 0.8 * np.clip(ramps, 0, 1))
    assert len(find_blinks(lid, RATE_HZ)) == 3
    blinks = measure_blinks([lid], RATE_HZ)
    assert blinks.rate_per_min == pytest.approx(6.0, rel=0.01)
    assert blinks.depth == pytest.approx(0.8, abs=0.02)
    assert blinks.closing_s == pytest.approx(0.08, abs=0.02)
    assert blinks.hold_s == pytest.approx(0.1 + 0.01 + 0.025, abs=0.025)
    assert blinks.opening_s == pytest.approx(0.2, abs=0.03)
    assert blinks.intervals_s[1] == pytest.approx(4.5, abs=0.1)


@pytest.mark.parametrize(("sealed", "share"), [(True, 1.0), (False, 0.0)])
def test_contacts_count_when_made(sealed: bool, share: float) -> None:
    weights = np.full((120, len(MODEL_CHANNELS)), 0.0, np.float32)
    weights[:, MODEL_CHANNELS.index("jawOpen")] = 0.3
    labels = np.full(120, PHONE_NAMES.index("a"), np.uint8)
    labels[50:56] = PHONE_NAMES.index("p")
    if sealed:
        weights[51:55, MODEL_CHANNELS.index("mouthClose")] = 0.3
    found = measure_contacts(
        [(Motion(weights, MODEL_CHANNELS, RATE_HZ), labels)], frozenset({PHONE_NAMES.index("p")}), "seal"
    )
    assert found.count == 1
    assert set(found.share.values()) == {share}


def test_a_late_prediction_shows_its_lag() -> None:
    rng = np.random.default_rng(1)
    curve = np.convolve(rng.random(900), np.ones(6) / 6, "same").astype(np.float32)
    by_hand = Motion(curve[:, None], ("mouth_stretch_c",), 30.0)
    late = Motion(np.roll(curve, 3)[:, None], ("jawOpen",), 30.0)
    correlation, lag_s = best_lag(late, "jawOpen", by_hand, ("mouth_stretch_c",))
    assert correlation > 0.98
    assert lag_s == pytest.approx(0.1, abs=0.001)
    rows = compare_hand_made(_measure(), {"take": by_hand}, {"take": late})
    assert rows[0].channel == "jawOpen"
    assert rows[0].lag_ms == pytest.approx(100.0, abs=1.0)
    assert np.isnan(compare_hand_made(_measure(), {"take": by_hand}, {})[0].correlation)


def _write_corpus(folder: Path) -> None:
    face = _face()
    labels = np.full(face.frame_count, PHONE_NAMES.index("a"), np.uint8)
    clip = Clip(np.zeros(int(SECONDS * 16000), np.int16), face.weights, labels, 0, 0, 0.0, "en", "made", "made", "")
    folder.mkdir()
    write_shard(folder / "shard_00000.npz", [clip, clip])


def test_the_command_writes_numbers_and_a_page(tmp_path: Path) -> None:
    _write_corpus(tmp_path / "corpus")
    (tmp_path / "takes").mkdir()
    write_live_link_csv(tmp_path / "takes" / "speech.csv", _face(jawOpen=0.2))
    write_live_link_csv(tmp_path / "takes" / "anna_rom_1.csv", _face())
    arguments = ["corpus", "report", "--corpus", str(tmp_path / "corpus"), "--takes", str(tmp_path / "takes")]
    assert main([*arguments, "--out", str(tmp_path / "report"), "--no-plots"]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["take_names"] == ["speech"]
    assert report["left_out"] == ["anna_rom_1"]
    assert "jawOpen" in {deviation["channel"] for deviation in report["deviations"]}
    page = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "| jawOpen | deviation |" in page


def test_plots_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib")
    _write_corpus(tmp_path / "corpus")
    assert main(["corpus", "report", "--corpus", str(tmp_path / "corpus"), "--out", str(tmp_path / "report")]) == 0
    pictures = {path.name for path in (tmp_path / "report").glob("*.png")}
    assert pictures == {"ranges.png", "speeds.png", "couplings.png", "blink.png", "examples.png"}


def test_an_empty_folder_is_an_error_that_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "report", "--corpus", str(tmp_path), "--out", str(tmp_path / "report")]) != 0
    assert "corpus build" in capsys.readouterr().err


def test_recorded_takes_measure_as_faces_do(shared_dir: Path) -> None:
    takes = sorted((shared_dir / "motion" / "livelink").glob("*.csv"))
    if not takes:
        pytest.skip("the recorded takes are absent")
    real = measure_faces([read_live_link_csv(path) for path in takes if "rom" not in path.stem])
    assert 8 < real.blinks.rate_per_min < 30
    assert 0.04 < real.blinks.closing_s < real.blinks.opening_s < 0.25
    jaw = real.channels["jawOpen"]
    assert 0.3 < jaw.p99 < 1.0
    assert 0.8 < jaw.roughness < 2.0
