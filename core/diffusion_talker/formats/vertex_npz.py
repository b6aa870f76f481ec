# SPDX-License-Identifier: GPL-3.0-or-later
"""NumPy archive of vertices: offsets (T, V, 3) float32 metres, fps (), template (V, 3) float32 metres where the neutral
face is known. Vertices of frame t are template + offsets[t]. Read and written without pickle."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from diffusion_talker.errors import FormatError
from diffusion_talker.files import atomic_write
from diffusion_talker.formats.motion_npz import UNREADABLE_ARCHIVE
from diffusion_talker.formats.reading import checked_rate
from diffusion_talker.motion import VertexMotion

VERTEX_EXTENSION = ".npz"


def write_vertex_npz(path: str | os.PathLike[str], motion: VertexMotion) -> None:
    """Archive of the motion, atomically; the vertices go to the disk as they are, without a second copy in memory.

    Raises FormatError for another extension and OutputError for the disk.
    """
    if Path(path).suffix.lower() != VERTEX_EXTENSION:
        raise FormatError(f"'{path}' cannot hold vertices. End its name in {VERTEX_EXTENSION}, .pc2 or .mdd.")
    arrays = {"offsets": motion.offsets, "fps": np.float64(motion.rate_hz)}
    if motion.neutral is not None:
        arrays["template"] = motion.neutral.astype(np.float32)
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def read_vertex_npz(path: str | os.PathLike[str]) -> VertexMotion:
    """Vertices from an archive. Raises FormatError naming the field that is missing or wrong."""
    if not Path(path).is_file():
        raise FormatError(f"There is no file '{path}'. Check the path.")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ("offsets", "fps", "template") if name in archive.files}
    except UNREADABLE_ARCHIVE as error:
        raise FormatError(f"'{path}' is damaged or not a NumPy archive (.npz). Export it again.") from error
    if not {"offsets", "fps"} <= set(arrays):
        raise FormatError(f"'{path}' holds no vertices. An archive of vertices has the fields offsets and fps.")
    offsets, template = arrays["offsets"], arrays.get("template")
    if offsets.dtype.kind != "f" or offsets.ndim != 3 or offsets.shape[2] != 3 or not np.isfinite(offsets).all():
        raise FormatError(f"'{path}': 'offsets' must be numbers (frames, vertices, 3). Export it again.")
    if template is not None and (template.dtype.kind != "f" or template.shape != offsets.shape[1:]):
        raise FormatError(f"'{path}': 'template' must be numbers {offsets.shape[1:]}. Export it again.")
    fps = arrays["fps"]
    rate_hz = checked_rate(path, "fps", fps.item() if fps.ndim == 0 else fps.tolist())
    return VertexMotion(offsets.astype(np.float32), rate_hz, template)
