# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio2Face JSON, npz, and choosing a format by extension."""

from __future__ import annotations

import errno
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from diffusion_talker import files
from diffusion_talker.channels import MODEL_CHANNELS, canonical_channel
from diffusion_talker.errors import FormatError, OutputError
from diffusion_talker.formats import FORMATS, read_motion, write_motion
from diffusion_talker.formats.audio2face_json import read_audio2face_json, write_audio2face_json
from diffusion_talker.formats.motion_npz import read_motion_npz
from diffusion_talker.motion import Motion, rest_motion

EXTENSIONS = [known.extension for known in FORMATS]
GOOD_JSON = {"exportFps": 30, "trackPath": "", "numPoses": 2, "numFrames": 1, "facsNames": ["jawOpen", "mouthClose"],
             "weightMat": [[0.5, 0.25]]}


def noise(frame_count: int, rate_hz: float = 60.0) -> Motion:
    return Motion(np.random.default_rng(0).random((frame_count, 55), np.float32), MODEL_CHANNELS, rate_hz)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_format_reads_what_it_writes(tmp_path: Path, extension: str) -> None:
    motion = noise(700, 24.0)
    path = tmp_path / f"take{extension.upper()}"
    write_motion(path, motion)
    again = read_motion(path)
    assert again.rate_hz == 24.0
    assert again.frame_count == 700
    for name in MODEL_CHANNELS:
        assert np.allclose(again.column(name), motion.column(name), atol=1e-6)
    assert os.listdir(tmp_path) == [path.name]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([".json", ".npz"]), st.integers(0, 5), st.floats(0.01, 1000),
       st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=9), max_size=4),
       st.integers(0, 2**32 - 1))
def test_round_trip_of_any_motion(
    tmp_path_factory: pytest.TempPathFactory, extension: str, frames: int, rate_hz: float, names: list[str], seed: int
) -> None:
    channels = tuple(f"{name} {index}" for index, name in enumerate(names))
    assume(all(canonical_channel(name) is None for name in channels))
    weights = np.random.default_rng(seed).standard_normal((frames, len(channels))).astype(np.float32)
    path = tmp_path_factory.getbasetemp() / f"any{extension}"
    write_motion(path, Motion(weights, channels, rate_hz))
    again = read_motion(path)
    assert again.channels == channels
    assert again.rate_hz == pytest.approx(rate_hz)
    assert np.allclose(again.weights, weights, rtol=1e-6)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, extension: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"take{extension}"
    write_motion(path, noise(3))
    old = path.read_bytes()

    class FullDisk(io.BytesIO):
        def write(self, data: bytes) -> int:
            if self.tell() + len(data) > 1000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    monkeypatch.setattr(files, "open", lambda *_: FullDisk(), raising=False)
    with pytest.raises(OutputError, match="disk is full"):
        write_motion(path, noise(3000))
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("name", ["take.bvh", "take", "take.csv.txt"])
def test_other_extensions_are_refused_with_the_choices(name: str) -> None:
    for action in (lambda: read_motion(name), lambda: write_motion(name, rest_motion(1, 60.0))):
        with pytest.raises(FormatError, match=r"Use one of \.csv \(Live Link Face\), \.json \(Audio2Face\), \.npz"):
            action()


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_missing_files_and_folders_are_refused(tmp_path: Path, extension: str) -> None:
    with pytest.raises(FormatError, match="Check the path"):
        read_motion(tmp_path / f"absent{extension}")
    (tmp_path / f"folder{extension}").mkdir()
    with pytest.raises(FormatError, match="is a folder"):
        read_motion(tmp_path / f"folder{extension}")


def test_json_is_laid_out_as_audio2face_does(tmp_path: Path) -> None:
    write_audio2face_json(tmp_path / "a.json", noise(2, 30.0), "line.wav")
    document = json.loads((tmp_path / "a.json").read_text())
    assert list(document) == ["exportFps", "trackPath", "numPoses", "numFrames", "facsNames", "weightMat"]
    assert list(document.values())[:4] == [30, "line.wav", 55, 2]
    assert isinstance(document["exportFps"], int)
    assert np.shape(document["weightMat"]) == (2, 55)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"facsNames": None}, "'facsNames' must be a list of names"),
        ({"facsNames": ["jawOpen", 3]}, "'facsNames' must be a list of names"),
        ({"exportFps": 0}, "'exportFps' must be a frame rate"),
        ({"exportFps": "30"}, "'exportFps' must be a frame rate"),
        ({"weightMat": {}}, "'weightMat' must be a list of frames"),
        ({"weightMat": [[0.5]]}, "'weightMat' frame 0 must hold 2 values"),
        ({"weightMat": [[0.5, 0.1], [0.5, None]]}, "'weightMat' frame 1 holds what is not a weight"),
        ({"weightMat": [[0.5, float("nan")]]}, "'weightMat' frame 0 holds what is not a weight"),
        ({"facsNames": ["jawOpen", "jaw_open"]}, "'facsNames': 'jawOpen' and 'jaw_open' are the same channel"),
        ({"numPoses": 3}, "'numPoses' says 3, the file holds 2"),
        ({"numFrames": 9}, "'numFrames' says 9, the file holds 1"),
    ],
)
def test_broken_json_is_refused_by_field(tmp_path: Path, change: dict, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**GOOD_JSON, **change}))
    with pytest.raises(FormatError, match=message):
        read_audio2face_json(path)


def test_json_syntax_errors_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"exportFps": 30,\n"facsNames": [}')
    with pytest.raises(FormatError, match="line 2, column 15"):
        read_audio2face_json(path)


@settings(max_examples=80, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
    st.sampled_from([None, *GOOD_JSON]),
)
def test_any_json_is_motion_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, value: object, field: str | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.json"
    path.write_text(json.dumps(value if field is None else {**GOOD_JSON, field: value}))
    try:
        assert read_motion(path).weights.ndim == 2
    except FormatError as error:
        assert "fuzz.json" in str(error)


def save(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


def test_npz_holds_exactly_what_is_promised(tmp_path: Path) -> None:
    write_motion(tmp_path / "a.npz", noise(4, 25.0))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        assert sorted(archive.files) == ["fps", "names", "weights"]
        assert archive["weights"].dtype == np.float32 and archive["weights"].shape == (4, 55)
        assert archive["names"].dtype.kind == "U" and archive["names"].tolist() == list(MODEL_CHANNELS)
        assert archive["fps"].shape == () and float(archive["fps"]) == 25.0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"names": ["a"], "fps": 30}, "no field 'weights'"),
        ({"weights": np.zeros((2, 1)), "fps": 30}, "no field 'names'"),
        ({"weights": np.zeros((2, 1)), "names": ["a"]}, "no field 'fps'"),
        ({"weights": np.zeros(2), "names": ["a"], "fps": 30}, "'weights' must be numbers"),
        ({"weights": np.zeros((2, 3)), "names": ["a"], "fps": 30}, "'names' must be 3 text names"),
        ({"weights": np.zeros((2, 1)), "names": [1], "fps": 30}, "'names' must be 1 text names"),
        ({"weights": np.zeros((2, 2)), "names": ["a", "a"], "fps": 30}, "'a' and 'a' are the same channel"),
        ({"weights": np.zeros((2, 1)), "names": ["a"], "fps": -5}, "'fps' must be a frame rate"),
        ({"weights": np.zeros((2, 1)), "names": ["a"], "fps": [30, 30]}, "'fps' must be a frame rate"),
        ({"weights": [[0.0], [np.nan]], "names": ["a"], "fps": 30}, "not a number in frame 1"),
        ({"weights": np.array([[None]], object), "names": ["a"], "fps": 30}, "damaged or not"),
    ],
)
def test_broken_npz_is_refused_by_field(tmp_path: Path, arrays: dict, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_motion_npz(save(tmp_path / "a.npz", **arrays))


def test_a_bare_array_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "a.npz", "wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(FormatError, match="not a NumPy archive"):
        read_motion_npz(tmp_path / "a.npz")


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_damaged_npz_is_motion_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    write_motion(folder / "good.npz", noise(5))
    content = bytearray((folder / "good.npz").read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    (folder / "fuzz.npz").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_motion_npz(folder / "fuzz.npz")
    except FormatError as error:
        assert "fuzz.npz" in str(error)
