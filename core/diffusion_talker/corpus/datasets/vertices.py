# SPDX-License-Identifier: GPL-3.0-or-later
"""What VOCASET and BIWI share: neutral faces, and vertices stored as one file a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from diffusion_talker.corpus.datasets.sources import load_array
from diffusion_talker.corpus.datasets.unpickle import load_pickle
from diffusion_talker.errors import CorpusError

#: A vertex of a talking face stays within this of its neutral place.
_FARTHEST_M: Final = 0.2


def read_templates(path: Path, vertex_count: int) -> dict[str, np.ndarray]:
    """Subject -> neutral face (V, 3) float64 in the file's unit, from a pickle {subject: (V, 3) or (3 V,)}.

    Raises CorpusError.
    """
    content = load_pickle(path)
    if not isinstance(content, dict) or not content:
        raise CorpusError(f"'{path}' does not hold a dictionary of neutral faces. Use the data set's own file.")
    templates: dict[str, np.ndarray] = {}
    for subject, points in content.items():
        if not isinstance(points, np.ndarray) or points.size != 3 * vertex_count or points.dtype.kind != "f":
            shape = getattr(points, "shape", type(points).__name__)
            raise CorpusError(
                f"'{path}': the neutral face of {subject} is {shape}, not ({vertex_count}, 3) numbers. "
                "Use the data set's own file."
            )
        templates[str(subject)] = points.reshape(vertex_count, 3).astype(np.float64)
    return templates


def open_vertices(path: Path, vertex_count: int) -> np.ndarray:
    """Vertices (T, V, 3) of a sentence, still on disk, from (T, 3 V) or (T, V, 3). Raises CorpusError."""
    array = load_array(path)
    if array.dtype.kind != "f" or array.ndim < 2 or array.shape[1:] not in ((3 * vertex_count,), (vertex_count, 3)):
        raise CorpusError(
            f"'{path}' holds {array.dtype} {array.shape}, not (frames, {3 * vertex_count}) numbers: "
            f"another mesh, or another data set. Leave it out."
        )
    return array.reshape(len(array), vertex_count, 3)


def offsets_m(vertices: np.ndarray, template: np.ndarray, metres_per_unit: float) -> np.ndarray:
    """Offsets (T, V, 3) float32 in metres of vertices (T, V, 3) from a neutral face (V, 3) in the same unit.

    Raises CorpusError where a face leaves its place, or is not made of numbers.
    """
    offsets = np.empty(vertices.shape, np.float32)
    for frame, points in enumerate(vertices):  # a frame at a time: the file may hold float64
        offsets[frame] = (points - template) * metres_per_unit
    farthest_m = float(np.abs(offsets).max()) if offsets.size else 0.0
    if not farthest_m <= _FARTHEST_M:
        raise CorpusError(
            f"vertices are up to {farthest_m:.3g} m away from the neutral face: templates.pkl is of "
            "another version, place or scale. Use the templates that belong to these vertices."
        )
    return offsets


def extent(templates: Mapping[str, np.ndarray]) -> float:
    """Median over subjects of the longest side of the neutral face, in the file's unit."""
    return float(np.median([np.ptp(points, axis=0).max() for points in templates.values()]))
