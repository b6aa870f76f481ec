# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that ships: `student.npz`, read without pickle, refused with one sentence when it is not ours.

Layout: `metadata` (JSON text), `rows/<name>` (int8) with `scales/<name>` (float32, one for each row) for large
matrices, `weights/<name>` (float16) for the rest of the network and `exact/<name>` (float32) for statistics that half
precision would spoil.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from diffusion_talker.errors import BundleError
from diffusion_talker.files import atomic_write
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.student.layout import weight_shapes

FORMAT = "diffusion_talker.student"
FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)  # 2 brought int8 rows
INT8_MIN_SIZE = 4096  # smaller arrays are not worth rounding
BUNDLE_NAME = "student.npz"
#: Everything that zipfile, zlib and NumPy raise on damaged bytes.
_UNREADABLE = (
    ValueError, OSError, EOFError, KeyError, MemoryError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile,
)
_EXACT_SUFFIXES = ("mel_mean", "mel_std", "motion_mean", "motion_std", "neutral_face", "log_scale")


@dataclass(frozen=True)
class StyleAxis:
    """A slider: a named direction of the personalized embedding.

    Attributes:
        name: one word; a description says what moves.
        direction: (style_tokens * style_width,) numbers, what a slider at 1 adds to the embedding.
    """

    name: str
    description: str
    direction: tuple[float, ...] = field(repr=False)


@dataclass(frozen=True)
class BundleMetadata:
    """Where a student comes from.

    Attributes:
        version: product version that wrote the file.
        licence: SPDX expression of the weights.
        training_manifest_sha256: hash of the corpus manifest the student was trained on.
        identity_descriptions: one line for each identity, in library order.
        notes: free text (training command, number of steps).
        style_axes: sliders, found when the student was exported; older students have none.
    """

    version: str
    licence: str
    training_manifest_sha256: str
    identity_descriptions: tuple[str, ...]
    notes: str = ""
    style_axes: tuple[StyleAxis, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """A student as read from disk."""

    config: StudentConfig
    metadata: BundleMetadata
    weights: dict[str, np.ndarray] = field(repr=False)


def packaged_bundle_path() -> Path:
    """Path of the student that ships inside this package."""
    return Path(str(resources.files(__package__).joinpath(BUNDLE_NAME)))


def save_bundle(path: Path, bundle: Bundle) -> None:
    """Write `bundle` atomically: a reader sees the old file or the new one, never half of one.

    Raises:
        OutputError: the folder cannot be written or the disk is full.
    """
    arrays: dict[str, np.ndarray] = {"metadata": np.array(_metadata_text(bundle))}
    for name, array in bundle.weights.items():
        arrays |= _stored(name, array)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def _stored(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays under which one weight is kept."""
    if name.endswith(_EXACT_SUFFIXES):
        return {f"exact/{name}": array.astype(np.float32)}
    if array.ndim < 2 or array.size < INT8_MIN_SIZE:
        return {f"weights/{name}": array.astype(np.float16)}
    rows, scales = quantize_rows(array)
    return {f"rows/{name}": rows, f"scales/{name}": scales}


def quantize_rows(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 values of the same shape and the float32 scale of each row (first axis): array ~ values * scale."""
    flat = array.reshape(len(array), -1).astype(np.float32)
    scales = np.maximum(np.abs(flat).max(axis=1), 1e-12) / 127.0
    return np.rint(flat / scales[:, None]).astype(np.int8).reshape(array.shape), scales.astype(np.float32)


def dequantize_rows(rows: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """The inverse of `quantize_rows`, float32."""
    return rows.astype(np.float32) * scales.reshape(-1, *(1,) * (rows.ndim - 1))


def _metadata_text(bundle: Bundle) -> str:
    metadata = bundle.metadata
    return json.dumps({
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "config": bundle.config.as_dict(),
        "version": metadata.version,
        "licence": metadata.licence,
        "training_manifest_sha256": metadata.training_manifest_sha256,
        "identity_descriptions": list(metadata.identity_descriptions),
        "notes": metadata.notes,
        "style_axes": [asdict(axis) for axis in metadata.style_axes],
    })


def load_bundle(path: Path | None = None) -> Bundle:
    """Read a student; None reads the packaged one.

    Raises:
        BundleError: the file is missing, damaged, foreign, or of a newer format.
    """
    path = packaged_bundle_path() if path is None else Path(path)
    with _open_archive(path) as archive:
        values = _read_metadata(path, archive)
        try:
            weights = _read_weights(archive)
        except _UNREADABLE as error:
            raise _damaged(path) from error
    bundle = Bundle(*_typed(path, values), weights)
    _check_weights(path, bundle)
    return bundle


def read_metadata(path: Path | None = None) -> tuple[StudentConfig, BundleMetadata]:
    """Configuration and origin of a student without reading its weights: fast enough for a menu.

    Raises:
        BundleError: as `load_bundle`.
    """
    path = packaged_bundle_path() if path is None else Path(path)
    with _open_archive(path) as archive:
        return _typed(path, _read_metadata(path, archive))


def _damaged(path: Path) -> BundleError:
    return BundleError(f"{path.name} is damaged or incomplete: install the extension again, or choose another student.")


def _foreign(path: Path) -> BundleError:
    return BundleError(f"{path.name} is not a Diffusion Talker student: choose a file made by its export command.")


def _open_archive(path: Path) -> Any:
    if not path.is_file():
        raise BundleError(f"There is no student at {path}: install the extension again, or choose another file.")
    try:
        archive = np.load(path, allow_pickle=False)
    except _UNREADABLE as error:
        raise _damaged(path) from error
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise _foreign(path)
    return archive


def _read_weights(archive: Any) -> dict[str, np.ndarray]:
    """All weights in float32 by name."""
    weights: dict[str, np.ndarray] = {}
    for stored in archive.files:
        kind, _, name = stored.partition("/")
        if kind in ("weights", "exact"):
            weights[name] = archive[stored].astype(np.float32)
        elif kind == "rows":
            weights[name] = dequantize_rows(archive[stored], archive[f"scales/{name}"])
    return weights


def _read_metadata(path: Path, archive: Any) -> dict[str, Any]:
    if "metadata" not in archive.files:
        raise _foreign(path)
    try:
        values = json.loads(str(archive["metadata"]))
    except _UNREADABLE as error:
        raise _damaged(path) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise _foreign(path)
    if values.get("format_version") not in READABLE_VERSIONS:
        raise BundleError(
            f"{path.name} has student format {values.get('format_version')}, this version reads {FORMAT_VERSION}: "
            "update the extension, or export the student again."
        )
    return values


def _typed(path: Path, values: dict[str, Any]) -> tuple[StudentConfig, BundleMetadata]:
    try:
        config = StudentConfig.from_dict(values["config"])
        metadata = BundleMetadata(
            version=str(values["version"]),
            licence=str(values["licence"]),
            training_manifest_sha256=str(values["training_manifest_sha256"]),
            identity_descriptions=tuple(values["identity_descriptions"]),
            notes=str(values.get("notes", "")),
            style_axes=_style_axes(values.get("style_axes", ()), config.style_tokens * config.style_width),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path) from error
    return config, metadata


def _style_axes(values: Any, width: int) -> tuple[StyleAxis, ...]:
    """Raises KeyError, TypeError or ValueError for what does not fit the embedding."""
    axes = tuple(StyleAxis(str(axis["name"]), str(axis["description"]), tuple(map(float, axis["direction"])))
                 for axis in values)
    if not all(len(axis.direction) == width and np.isfinite(axis.direction).all() for axis in axes):
        raise ValueError("a direction that is none")
    return axes


def embedding_space(bundle: Bundle) -> str:
    """Name of a student's space of voices: two students with the same one compare voices alike."""
    digest = hashlib.sha256()
    for name in sorted(bundle.weights):
        if name.startswith("personalizer.identity."):
            digest.update(np.ascontiguousarray(bundle.weights[name].astype(np.float16)).tobytes())
    return digest.hexdigest()[:16]


def _check_weights(path: Path, bundle: Bundle) -> None:
    """A file whose arrays do not fit its own configuration, or hold NaN, is refused before it can run."""
    config, shapes = bundle.config, {name: array.shape for name, array in bundle.weights.items()}
    try:
        fits = shapes == weight_shapes(config) and len(config.smoothing_frames) in (0, config.values_per_frame)
    except TypeError:  # a number where a list belongs
        fits = False
    if not fits:
        raise _damaged(path)
    if not all(np.isfinite(array).all() for array in bundle.weights.values()):
        raise _damaged(path)
