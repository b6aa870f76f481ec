# SPDX-License-Identifier: GPL-3.0-or-later
"""A training checkpoint becomes the `student.npz` that ships."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diffusion_talker import __version__
from diffusion_talker.student.bundle import Bundle, BundleMetadata, save_bundle
from diffusion_talker.training.checkpoint import read_info, read_tensors

LICENCE = "GPL-3.0-or-later"


def export_student(training_folder: Path, path: Path, sampling_steps: int | None = None) -> Bundle:
    """Write the averaged weights of a checkpoint as a bundle.

    Args:
        training_folder: where the train command left its checkpoint.
        path: the bundle to write.
        sampling_steps: default number of DDIM steps; None keeps the training's.

    Raises:
        CorpusError: no checkpoint.  OutputError: `path` cannot be written.
    """
    info = read_info(training_folder)
    config = replace(info.config, sampling_steps=sampling_steps or info.config.sampling_steps)
    weights = {name: tensor.numpy() for name, tensor in read_tensors(training_folder, "average").items()}
    metadata = BundleMetadata(
        version=__version__,
        licence=LICENCE,
        training_manifest_sha256=info.corpus_manifest_sha256,
        identity_descriptions=info.identity_descriptions,
        notes=f"{info.command} ({info.step} steps)",
    )
    bundle = Bundle(config, metadata, weights)
    save_bundle(path, bundle)
    return bundle
