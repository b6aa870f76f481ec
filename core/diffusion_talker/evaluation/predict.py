# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves for whole sets of recordings in one load of the student, laid out for scoring: OUT/<set>/<stem>.npz."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from diffusion_talker.audio import FileSource
from diffusion_talker.channels import ARKIT_52
from diffusion_talker.errors import AudioMissingError, OutputError
from diffusion_talker.formats import write_motion
from diffusion_talker.motion import Motion, select_channels
from diffusion_talker.student import GenerateSettings, Student

SOUND_EXTENSIONS: Final = (".flac", ".wav", ".ogg", ".mp3")


@dataclass(frozen=True)
class Recording:
    """One sound file of a set."""

    set_name: str
    path: Path


def find_recordings(data: Path, set_names: list[str]) -> list[Recording]:
    """Sound files of each set, in DATA/<set>/audio or, without that folder, in DATA/<set>.

    Raises AudioMissingError for a set without any.
    """
    recordings: list[Recording] = []
    for set_name in set_names:
        folder = data / set_name / "audio"
        folder = folder if folder.is_dir() else data / set_name
        sounds = sorted(path for path in folder.glob("*") if path.suffix.lower() in SOUND_EXTENSIONS)
        if not sounds:
            raise AudioMissingError(f"There are no recordings in '{folder}'. Check the folder and the name of the set.")
        recordings += [Recording(set_name, path) for path in sounds]
    return recordings


def animate_with(student: Student, settings: GenerateSettings) -> Callable[[Recording], Motion]:
    """What a student makes of a recording."""

    def curves(recording: Recording) -> Motion:
        with FileSource(recording.path) as source:
            return student.generate(source, settings, None, None)

    return curves


def predict(
    curves: Callable[[Recording], Motion],
    recordings: list[Recording],
    out: Path,
    progress: Callable[[float], None],
) -> None:
    """Write the ARKit curves of every recording, made by `curves`. Raises AudioError, OutputError."""
    for done, recording in enumerate(recordings):
        progress(done / len(recordings))
        target = out / recording.set_name / f"{recording.path.stem}.npz"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"The folder '{target.parent}' could not be made: {error.strerror}. Choose another."
            raise OutputError(message) from error
        write_motion(target, select_channels(curves(recording), ARKIT_52))
    progress(1.0)
