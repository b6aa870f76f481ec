# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the generated keys of a mesh file, and tell the result in a table."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from diffusion_talker.files import atomic_write
from diffusion_talker.rigs.known_heads import landmarks_of, read_landmarks
from diffusion_talker.rigs.measure import RigReport, TruthMeasure, measure_head
from diffusion_talker.rigs.mesh_files import Mesh, read_mesh, triangulated
from diffusion_talker.rigs.shape_keys import HeadLandmarks, ShapeKeys, closing_offsets


def open_head(
    mesh_path: str | os.PathLike[str], marks_path: str | os.PathLike[str] | None, close: bool = False
) -> tuple[Mesh, HeadLandmarks]:
    """Read a mesh and find its landmarks: from the file of marked points, else by its structure.

    close: a neutral whose mouth stands open is closed first. Raises FormatError, SettingsError."""
    mesh = read_mesh(mesh_path)
    landmarks = read_landmarks(marks_path, mesh) if marks_path else landmarks_of(mesh)
    offsets = closing_offsets(mesh.vertices, triangulated(mesh.polygons), landmarks) if close else None
    return (mesh if offsets is None else replace(mesh, vertices=mesh.vertices + offsets)), landmarks


def measure_file(
    mesh_path: str | os.PathLike[str], marks_path: str | os.PathLike[str] | None = None, close: bool = False
) -> tuple[RigReport, ShapeKeys]:
    """Generate and measure. Raises FormatError, SettingsError."""
    return measure_head(*open_head(mesh_path, marks_path, close))


def save_report(report: RigReport, keys: ShapeKeys, folder: Path) -> tuple[Path, Path]:
    """Write rig.json with all numbers and keys.npz with the keys themselves (names, and per key `<name>_indices`,
    `<name>_offsets`). Raises OutputError."""
    numbers, arrays = folder / "rig.json", folder / "keys.npz"
    with atomic_write(numbers) as stream:
        stream.write(json.dumps(report.as_dict(), indent=1).encode())
    tables = {"names": np.array(keys.names)}
    for name, indices, offsets in zip(keys.names, keys.indices, keys.offsets, strict=True):
        tables[f"{name}_indices"], tables[f"{name}_offsets"] = indices, offsets
    with atomic_write(arrays) as stream:
        np.savez_compressed(stream, **tables)
    return numbers, arrays


def describe(report: RigReport) -> str:
    """The report as text for a terminal; lengths in mm of an adult face."""
    lines = [
        f"{report.vertex_count} vertices, 52 keys in {report.seconds:.2f} s",
        f"neutral: lips {report.rest_gap_mm:.2f} mm apart at most, overlapping by {report.rest_overlap_mm:.2f} mm",
        "",
        "jawOpen = mouthClose    gap mm  deeper overlap mm",
        *(f"{seal.opening:20.2f} {seal.gap_mm:9.2f} {seal.crossing_mm:12.2f}" for seal in report.seals),
        "",
        "eyeBlink    lid gap mm  into the ball mm  halfway mm",
        *(
            f"{eye.side:<8} {eye.gap_mm:10.2f} {eye.in_ball_mm:12.2f} {eye.in_ball_halfway_mm:14.2f}"
            for eye in report.blinks
        ),
        "",
        *_key_table(report),
    ]
    if report.truth:
        lines += ["", _summary(report.truth)]
    return "\n".join([*lines, *(f"note: {note}" for note in report.notes)])


def _key_table(report: RigReport) -> list[str]:
    truth = {measure.name: measure for measure in report.truth}
    head = f"{'key':<20} moves mm  lip gap  overlap  volume %  edges 99%  edges most  sides differ"
    rows = [head + ("  cosine  ratio  error mm" if truth else "")]
    for key in report.keys:
        sides = "" if key.asymmetry is None else f"{key.asymmetry:.2f}"
        row = (
            f"{key.name:<20} {key.largest_mm:8.1f} {key.lip_gap_mm:8.2f} {key.lip_crossing_mm:8.2f} "
            f"{100 * key.volume_change:9.2f} {key.edge_change_99:10.2f} {key.edge_change_most:11.2f} {sides:>13}"
        )
        if key.name in truth:
            match = truth[key.name]
            row += f" {match.cosine:7.2f} {match.magnitude_ratio:6.2f} {match.mean_error_mm:9.2f}"
        rows.append(row)
    return rows


def _summary(truth: tuple[TruthMeasure, ...]) -> str:
    cosine, ratio, error = (
        np.array([getattr(measure, name) for measure in truth])
        for name in ("cosine", "magnitude_ratio", "mean_error_mm")
    )
    return (
        f"against {len(truth)} sculpted keys: cosine {cosine.mean():.3f} on average, {cosine.min():.2f} at least; "
        f"magnitude ratio {np.median(ratio):.2f} in the middle; error {error.mean():.2f} mm"
    )
