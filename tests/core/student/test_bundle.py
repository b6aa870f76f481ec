# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle file: what is written is read, and nothing else is accepted."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from diffusion_talker.errors import BundleError, OutputError
from diffusion_talker.library import read_library
from diffusion_talker.student.bundle import (
    dequantize_rows,
    load_bundle,
    packaged_bundle_path,
    quantize_rows,
    read_metadata,
    save_bundle,
)
from tests.core.student.tiny_bundle import TINY_CONFIG, make_bundle, write_tiny_bundle

MAX_BUNDLE_BYTES = 16_000_000


def rewrite(path, **changes):
    """Save the archive again with some entries changed; None removes one."""
    with np.load(path) as archive:
        entries = {name: archive[name] for name in archive.files}
    entries |= changes
    np.savez(path, **{name: value for name, value in entries.items() if value is not None})


def metadata_with(path, **changes):
    with np.load(path) as archive:
        values = json.loads(str(archive["metadata"]))
    return np.array(json.dumps(values | changes))


def test_round_trip(tmp_path):
    bundle = make_bundle(seed=2)
    save_bundle(tmp_path / "a.npz", bundle)
    read = load_bundle(tmp_path / "a.npz")
    assert read.config == TINY_CONFIG == bundle.config and read.metadata == bundle.metadata
    for name, array in bundle.weights.items():
        np.testing.assert_array_equal(read.weights[name], array)


def test_library_is_read_without_weights(tmp_path):
    library = read_library(write_tiny_bundle(tmp_path / "a.npz"))
    assert [identity.name for identity in library.identities] == ["Plain", "Lively", "Calm"]
    assert library.identities[1].description == "Lively talker" and library.emotions[0] == "neutral"


def test_missing_file(tmp_path):
    with pytest.raises(BundleError, match="install the extension again"):
        load_bundle(tmp_path / "none.npz")


@pytest.mark.parametrize("keep", [0, 10, 1000, -40])
def test_truncated_file(tmp_path, keep):
    path = write_tiny_bundle(tmp_path / "a.npz")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(path)


def test_every_damaged_region_is_noticed(tmp_path):
    """Overwriting any stretch of the file is either noticed or leaves what is read unchanged."""
    path = write_tiny_bundle(tmp_path / "a.npz")
    good, original = path.read_bytes(), load_bundle(path)
    noticed = 0
    for start in range(0, len(good) - 64, len(good) // 25):
        path.write_bytes(good[:start] + bytes(64) + good[start + 64:])
        try:
            read = load_bundle(path)
        except BundleError:
            noticed += 1
            continue
        assert all(np.array_equal(read.weights[name], array) for name, array in original.weights.items())
    assert noticed > 20


def test_foreign_files(tmp_path):
    text = tmp_path / "text.npz"
    text.write_text("hello")
    array = tmp_path / "array.npz"
    with array.open("wb") as file:
        np.save(file, np.zeros(3))
    other = tmp_path / "other.npz"
    np.savez(other, weights=np.zeros(3))
    for path in (text, array, other):
        with pytest.raises(BundleError, match=r"damaged|not a Diffusion Talker student"):
            load_bundle(path)


def test_pickled_content_is_refused(tmp_path):
    path = write_tiny_bundle(tmp_path / "a.npz")
    rewrite(path, metadata=np.array([{"format": "diffusion_talker.student"}], dtype=object))
    with pytest.raises(BundleError):
        load_bundle(path)


def test_other_format_version_says_what_to_do(tmp_path):
    path = write_tiny_bundle(tmp_path / "a.npz")
    rewrite(path, metadata=metadata_with(path, format_version=99))
    with pytest.raises(BundleError, match="format 99.*update the extension"):
        load_bundle(path)


def test_arrays_that_do_not_fit_or_are_not_finite(tmp_path):
    path = write_tiny_bundle(tmp_path / "a.npz")
    name = "weights/decoder.motion_out.weight"
    for value in (None, np.zeros((3, 3), np.float16), np.full((55, 10), np.nan, np.float16)):
        write_tiny_bundle(path)
        rewrite(path, **{name: value})
        with pytest.raises(BundleError, match="damaged"):
            load_bundle(path)


def test_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_tiny_bundle(tmp_path / "a.npz")
    before = path.read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match="Free some space"):
        save_bundle(path, make_bundle(seed=9))
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.npz"]


@pytest.mark.parametrize("change", [
    {"encoder_dilations": [1, 2, 4]}, {"decoder_width": 11}, {"identities": ["Plain"]}, {"smoothing_frames": [1.0]},
    {"style_tokens": "many"}, {"encoder_dilations": 5},
])
def test_a_configuration_that_does_not_fit_its_arrays(tmp_path, change):
    path = write_tiny_bundle(tmp_path / "a.npz")
    config = TINY_CONFIG.as_dict() | change
    rewrite(path, metadata=metadata_with(path, config=config))
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(path)


def test_packaged_student():
    config, metadata = read_metadata()
    assert packaged_bundle_path().stat().st_size <= MAX_BUNDLE_BYTES
    assert config.emotions[0] == "neutral" and len(config.channels) == 55
    assert len(metadata.training_manifest_sha256) == 64 and metadata.licence == "GPL-3.0-or-later"
    assert all(description for description in metadata.identity_descriptions)


def test_large_matrices_are_kept_as_bytes_and_come_back_within_half_a_step(tmp_path):
    config = replace(TINY_CONFIG, encoder_width=64)
    bundle = make_bundle(config)
    path = tmp_path / "large.npz"
    save_bundle(path, bundle)
    name = "encoder.blocks.0.convolution.weight"
    with np.load(path) as archive:
        assert archive[f"rows/{name}"].dtype == np.int8 and f"weights/{name}" not in archive
    before, after = bundle.weights[name], load_bundle(path).weights[name]
    step = np.abs(before).reshape(len(before), -1).max(axis=1) / 127
    assert (np.abs(after - before).reshape(len(before), -1).max(axis=1) <= 0.5001 * step).all()
    assert path.stat().st_size < 0.7 * sum(2 * array.size for array in bundle.weights.values())


def test_rows_of_zeros_survive_rounding():
    rows, scales = quantize_rows(np.zeros((3, 5), np.float32))
    np.testing.assert_array_equal(dequantize_rows(rows, scales), 0.0)
