# SPDX-License-Identifier: GPL-3.0-or-later
"""A training checkpoint becomes the `student.npz` that ships."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diffusion_talker import __version__
from diffusion_talker.corpus.shards import MANIFEST_NAME, Manifest, hash_file, read_manifest
from diffusion_talker.errors import CorpusError, SettingsError
from diffusion_talker.student.bundle import Bundle, BundleMetadata, packaged_bundle_path, save_bundle
from diffusion_talker.student.config import StudentConfig
from diffusion_talker.training.checkpoint import read_info, read_tensors
from diffusion_talker.training.style_axes import with_style_axes

LICENCE = "GPL-3.0-or-later"


def export_student(training_folder: Path, corpus: Path, path: Path, sampling_steps: int | None = None) -> Bundle:
    """Write the averaged weights of a checkpoint as a bundle.

    Args:
        training_folder: where the train command left its checkpoint.
        corpus: what it was trained on; tells who spoke, and on which terms.
        path: the bundle to write.
        sampling_steps: default number of DDIM steps; None as the student was planned.

    Raises:
        CorpusError: no checkpoint, or another corpus than it was trained on.  OutputError: `path` cannot be written.
        SettingsError: `path` is the packaged student, and this one cannot take its place.
    """
    manifest = read_manifest(corpus)
    check_place(path, manifest)
    info = read_info(training_folder)
    if hash_file(corpus / MANIFEST_NAME) != info.corpus_manifest_sha256:
        raise CorpusError(f"{training_folder} was not trained on {corpus}: name the corpus of its train command.")
    planned = StudentConfig.from_dict(info.shape)
    config = replace(planned, sampling_steps=sampling_steps or planned.sampling_steps)
    weights = {name: tensor.numpy() for name, tensor in read_tensors(training_folder, "average").items()}
    metadata = BundleMetadata(
        version=__version__,
        licence=manifest.licence or LICENCE,
        training_manifest_sha256=info.corpus_manifest_sha256,
        identity_descriptions=info.identity_descriptions,
        notes=f"{info.command} ({info.step} steps)",
    )
    bundle = with_style_axes(without_strangers(Bundle(config, metadata, weights), manifest), manifest.identities)
    save_bundle(path, bundle)
    return bundle


def check_place(path: Path, manifest: Manifest) -> None:
    """Raises SettingsError where a student of this corpus would replace the packaged one and must not: vertices move no
    character's keys, and data on terms of their own may not be shipped under ours."""
    if path.resolve() != packaged_bundle_path().resolve() or not (manifest.vertex_count or manifest.licence):
        return
    reason = "it moves the vertices of one mesh" if manifest.vertex_count else f"its data has terms: {manifest.licence}"
    raise SettingsError(f"A student of this corpus cannot be the one in the package, for {reason}. "
                        "Name another file: --bundle of 'train all', --out of 'export'.")


def without_strangers(bundle: Bundle, manifest: Manifest) -> Bundle:
    """The bundle without the talkers of a data set who have no clip in this corpus: nothing was learned of them."""
    names = bundle.config.identities
    kept = [number for number, name in enumerate(names) if manifest.clips_per_identity.get(name)]
    if not kept or len(kept) == len(names):
        return bundle
    weights = {
        name: array[kept] if name in ("personalizer.identity.keys", "personalizer.identity.tokens") else array
        for name, array in bundle.weights.items()
    }
    descriptions = tuple(bundle.metadata.identity_descriptions[number] for number in kept)
    return Bundle(
        replace(bundle.config, identities=tuple(names[number] for number in kept)),
        replace(bundle.metadata, identity_descriptions=descriptions),
        weights,
    )
