# SPDX-License-Identifier: GPL-3.0-or-later
"""BEAT: emotions by take number, weights by name and at the times that the file gives, long takes cut in pauses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy", reason="the corpus needs SciPy")

from diffusion_talker.channels import HEAD_CHANNELS, MODEL_CHANNELS  # noqa: E402
from diffusion_talker.corpus.datasets.beat import (  # noqa: E402
    Beat,
    TakeName,
    emotion_of,
    parse_name,
    read_json,
    split_of,
)
from diffusion_talker.corpus.datasets.importer import import_dataset  # noqa: E402
from diffusion_talker.corpus.emotions import EMOTION_NAMES  # noqa: E402
from diffusion_talker.corpus.shards import iterate_clips, read_manifest  # noqa: E402
from diffusion_talker.errors import CorpusError  # noqa: E402
from diffusion_talker.formats.live_link_csv import read_live_link_csv  # noqa: E402
from diffusion_talker.motion import CLOSURE_APERTURE, Motion, lip_aperture, select_channels  # noqa: E402
from tests.core.corpus.datasets import make_beat as made  # noqa: E402

JAW = MODEL_CHANNELS.index("jawOpen")


@pytest.mark.parametrize(
    ("last", "emotion", "following"),
    [(64, "neutral", "happiness"), (72, "happiness", "anger"), (80, "anger", "sadness"), (86, "sadness", "contempt"),
     (94, "contempt", "surprise"), (102, "surprise", "fear"), (110, "fear", "disgust")],
)  # fmt: skip
def test_emotion_changes_after_the_last_take_of_its_range(last: int, emotion: str, following: str) -> None:
    assert emotion_of(parse_name(f"1_wayne_0_{last}_{last}")) == emotion
    assert emotion_of(parse_name(f"1_wayne_0_{last + 1}_{last + 1}")) == following
    with pytest.raises(CorpusError, match="several emotions"):
        emotion_of(parse_name(f"1_wayne_0_{last}_{last + 1}"))


def test_the_ends_of_the_range() -> None:
    assert emotion_of(parse_name("1_wayne_0_0_0")) == "neutral"
    assert emotion_of(parse_name("30_x_6_118_118")) == "disgust"
    assert emotion_of(parse_name("1_wayne_0_65_72")) == "happiness"
    with pytest.raises(CorpusError, match="no take 119"):
        emotion_of(parse_name("1_wayne_0_119_119"))


def test_splits_go_by_take() -> None:
    def split(kind: int, first: int, last: int) -> str:
        return split_of(TakeName(1, "wayne", kind, first, last))

    assert [split(0, n, n) for n in (1, 8, 9, 56, 57, 64, 65, 66, 72, 111, 118)] == [
        "test", "test", "train", "train", "val", "val", "test", "train", "val", "test", "val",
    ]  # fmt: skip
    assert [split(1, n, n) for n in (1, 2, 8, 11, 12)] == ["test", "train", "train", "train", "val"]
    assert [split(2, 1, 8), split(2, 57, 64), split(2, 9, 16), split(2, 65, 72)] == ["test", "val", "train", "train"]


@pytest.mark.parametrize("name", ["wayne_0_1_1", "1_wayne_8_1_1", "1_wayne_0_1", "1_wayne_0_1_1_1", "1__0_1_1", "x"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(CorpusError, match="not named like"):
        parse_name(name)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_a_name_is_parsed_or_refused(name: str) -> None:
    try:
        parsed = parse_name(name)
    except CorpusError:
        return
    assert 0 <= parsed.first <= parsed.last
    assert parsed.language in ("en", "zh", "es", "ja")


@settings(deadline=None)
@given(st.integers(0, 130), st.integers(0, 130), st.integers(0, 7))
def test_every_take_has_one_emotion_and_one_split(first: int, last: int, kind: int) -> None:
    take = TakeName(1, "wayne", kind, min(first, last), max(first, last))
    assert split_of(take) in Beat.splits
    try:
        assert emotion_of(take) in EMOTION_NAMES
    except CorpusError:
        assert take.last > 118 or emotion_of(TakeName(1, "w", 0, take.first, take.first)) != emotion_of(
            TakeName(1, "w", 0, take.last, take.last)
        )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = made.write_beat(tmp_path_factory.mktemp("beat"), ("2_scott_0_9_9", "2_scott_0_73_73", "10_kieks_2_66_66",
                                                              "10_kieks_1_12_12"))
    (source / "10" / "notes.json").write_text("{}")
    out = tmp_path_factory.mktemp("imported")
    import_dataset(Beat(source), out, Beat.splits)
    return out


def test_weights_come_back_by_name(corpus: Path) -> None:
    clips = list(iterate_clips(corpus / "train"))
    assert [clip.text for clip in clips] == ["10_kieks_2_66_66", "2_scott_0_9_9"]
    number = {"2_scott_0_9_9": 0, "10_kieks_2_66_66": 2}
    for clip in clips:
        weights = made.made_weights(120, number[clip.text])
        for column, name in enumerate(made.NAMES):
            ours = clip.motion[:, MODEL_CHANNELS.index(name)]
            np.testing.assert_allclose(ours, weights[:, column], atol=5e-4)
        assert not clip.motion[:, MODEL_CHANNELS.index("tongueOut")].any()


def test_what_names_say_reaches_the_clips(corpus: Path) -> None:
    manifest = read_manifest(corpus / "train")
    assert manifest.missing_channels == ("tongueOut", *HEAD_CHANNELS)
    assert manifest.vertex_count == 0 and manifest.channels == MODEL_CHANNELS
    assert [identity.name for identity in manifest.identities] == ["2_scott", "10_kieks"]
    chinese, english = iterate_clips(corpus / "train")
    assert (chinese.language, chinese.identity, EMOTION_NAMES[chinese.emotion]) == ("zh", 1, "happiness")
    assert (english.language, english.identity, EMOTION_NAMES[english.emotion]) == ("en", 0, "neutral")
    assert chinese.emotion_heard and chinese.intensity == 1.0 and english.intensity == 0.0
    assert [clip.text for clip in iterate_clips(corpus / "test")] == ["2_scott_0_73_73"]
    assert [clip.text for clip in iterate_clips(corpus / "val")] == ["10_kieks_1_12_12"]
    assert any(line.startswith("notes:") for line in manifest.skipped_clips)


def test_times_of_the_file_count_not_the_order_of_frames(tmp_path: Path) -> None:
    """Frames that begin late, come at irregular times and drop out keep their place in the sound."""
    random = np.random.default_rng(3)
    true_s = np.sort(random.uniform(0.31, 3.9, 170))
    true_s = true_s[np.concatenate([[True], np.diff(true_s) > 1e-4])]
    weights = np.full((len(true_s), 51), 0.2)
    weights[:, made.NAMES.index("jawOpen")] = 0.5 + 0.4 * np.sin(2 * np.pi * 0.8 * true_s)
    made.write_take(tmp_path / "source", "1_wayne_0_9_9", weights, true_s, sound_s=4.0, rate_hz=44100)
    manifest = import_dataset(Beat(tmp_path / "source"), tmp_path / "out", ("train",)).manifests["train"]
    (clip,) = iterate_clips(tmp_path / "out" / "train")
    start_s = np.ceil(true_s[0] * 20) / 20  # pieces begin on whole cells of 50 ms
    at_s = start_s + np.arange(len(clip.motion)) / 60
    inside = at_s <= true_s[-1]
    np.testing.assert_allclose(clip.motion[inside, JAW], 0.5 + 0.4 * np.sin(2 * np.pi * 0.8 * at_s[inside]), atol=0.02)
    assert any("motion begins at" in line for line in manifest.remarks)


def test_a_closure_between_two_frames_is_kept(tmp_path: Path) -> None:
    """One frame of closed lips in 100 fps motion falls between two frames of ours, again and again."""
    times_s = np.arange(400) / 100
    weights = np.zeros((400, 51))
    jaw = made.NAMES.index("jawOpen")
    weights[:, jaw] = 0.6
    closed = np.arange(20, 390, 17)
    weights[closed, jaw] = 0.0
    made.write_take(tmp_path / "source", "1_wayne_0_9_9", weights, times_s, sound_s=4.0)
    import_dataset(Beat(tmp_path / "source"), tmp_path / "out", ("train",))
    (clip,) = iterate_clips(tmp_path / "out" / "train")
    for moment_s in closed / 100:
        near = slice(round(moment_s * 60) - 1, round(moment_s * 60) + 2)
        assert clip.motion[near, JAW].min() <= 0.01, f"lips open at {moment_s} s"


def test_closures_of_real_takes_survive_jitter_and_dropped_frames(shared_dir: Path, tmp_path: Path) -> None:
    """Real ARKit captures, stored as BEAT stores them by a camera that is late and loses frames."""
    random = np.random.default_rng(0)
    for number, path in enumerate(sorted((shared_dir / "motion" / "livelink").glob("S*.csv"))):
        take = select_channels(read_live_link_csv(path), made.NAMES)
        kept = random.random(take.frame_count) > 0.02
        times_s = ((np.arange(take.frame_count) + random.uniform(0, 0.6, take.frame_count)) / take.rate_hz)[kept]
        source = Motion(take.weights[kept].clip(0, 1), made.NAMES, take.rate_hz)
        out = tmp_path / f"out{number}"
        made.write_take(tmp_path / f"{number}", "1_wayne_0_9_9", source.weights, times_s, take.duration_s)
        import_dataset(Beat(tmp_path / f"{number}"), out, ("train",))
        motion = np.concatenate([clip.motion for clip in iterate_clips(out / "train")])
        shown = lip_aperture(Motion(motion, MODEL_CHANNELS, 60))
        start_s = np.ceil(times_s[0] * 20 - 1e-3) / 20
        aperture = lip_aperture(source)
        closed = [frame for frame in range(9, len(aperture) - 9)
                  if aperture[frame] <= CLOSURE_APERTURE and aperture[frame] == aperture[frame - 9 : frame + 10].min()]
        assert len(closed) > 5
        for frame in closed:
            near = round((times_s[frame] - start_s) * 60)
            assert shown[max(near - 2, 0) : near + 3].min() <= aperture[frame] + 0.02


def test_long_takes_are_cut_in_pauses(tmp_path: Path) -> None:
    seconds = 62.0
    made.write_take(tmp_path / "source", "1_wayne_0_9_9", made.made_weights(round(seconds * 60)))
    pauses_s = (12.0, 23.5, 36.0, 47.0)
    path = tmp_path / "source" / "1" / "1_wayne_0_9_9.wav"
    samples, rate_hz = soundfile.read(path)
    for pause_s in pauses_s:
        samples[round((pause_s - 0.3) * rate_hz) : round((pause_s + 0.3) * rate_hz)] *= 0.001
    soundfile.write(path, samples, rate_hz)
    import_dataset(Beat(tmp_path / "source"), tmp_path / "out", ("train",))
    clips = list(iterate_clips(tmp_path / "out" / "train"))
    lengths_s = np.array([len(clip.samples) / 16000 for clip in clips])
    assert lengths_s.max() <= 15.0 and lengths_s.sum() == pytest.approx(seconds, abs=1e-3)
    assert np.cumsum(lengths_s)[:4] == pytest.approx(pauses_s, abs=0.3)
    assert {clip.text for clip in clips} == {"1_wayne_0_9_9"}
    whole = np.concatenate([clip.samples for clip in clips]) / 32768
    np.testing.assert_allclose(whole, samples, atol=1e-4)
    motion = np.concatenate([clip.motion[:, JAW] for clip in clips])
    weights = made.made_weights(round(seconds * 60))
    np.testing.assert_allclose(motion, weights[:, made.NAMES.index("jawOpen")], atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["names", "frames", "weights", "time"]), inner), max_leaves=12))
def test_any_json_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(content))
    try:
        times_s, weights, columns = read_json(path)
    except CorpusError as error:
        assert str(path) in str(error)
        return
    assert len(times_s) == len(weights) and weights.shape[1] >= len(columns)


def test_broken_takes_are_skipped_with_their_reason(tmp_path: Path) -> None:
    source = made.write_beat(tmp_path / "source", ("1_wayne_0_9_9", "1_wayne_0_10_10", "1_wayne_0_11_11",
                                                   "1_wayne_0_12_12", "1_wayne_0_13_13", "1_wayne_0_14_14"))
    path = source / "1" / "1_wayne_0_14_14.json"
    path.write_text(path.read_text().replace("mouthClose", "mouthCloze"))
    (source / "1" / "1_wayne_0_10_10.json").write_text("{\"names\": [")
    data = json.loads((source / "1" / "1_wayne_0_11_11.json").read_text())
    data["frames"][3]["weights"] = data["frames"][3]["weights"][:-1]
    (source / "1" / "1_wayne_0_11_11.json").write_text(json.dumps(data))
    made.write_take(source, "1_wayne_0_12_12", np.full((120, 51), 40.0))
    (source / "1" / "1_wayne_0_13_13.wav").unlink()
    manifest = import_dataset(Beat(source), tmp_path / "out", ("train",)).manifests["train"]
    assert sum(shard.clips for shard in manifest.shards) == 1
    reasons = {line.split(":")[0]: line for line in manifest.skipped_clips}
    assert set(reasons) == {f"1_wayne_0_{n}_{n}" for n in range(10, 15)}
    assert "not a facial file" in reasons["1_wayne_0_10_10"]
    assert "weights reach 40" in reasons["1_wayne_0_12_12"]
    assert "'mouthCloze' is no ARKit channel" in reasons["1_wayne_0_14_14"]
    assert "1_wayne_0_13_13.wav" in reasons["1_wayne_0_13_13"]
