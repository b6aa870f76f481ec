# SPDX-License-Identifier: GPL-3.0-or-later
"""One exception type per cause. Each message says what is wrong and what to do next; it is shown to users as it is."""

from __future__ import annotations


class DiffusionTalkerError(Exception):
    """Base of every error a user can cause or mend. Anything else that is raised is a defect of the program."""


class AudioError(DiffusionTalkerError):
    """Base of the errors about sound that was given."""


class AudioMissingError(AudioError):
    """The sound file does not exist, or is a folder."""


class AudioUnreadableError(AudioError):
    """The sound exists and cannot be decoded: damaged, not a sound file, or in a format this machine cannot read."""


class AudioEmptyError(AudioError):
    """The sound, or the range of it that was asked for, holds no samples."""


class BundleError(DiffusionTalkerError):
    """A student bundle is missing, damaged, not a bundle, or of another version."""


class LibraryError(DiffusionTalkerError):
    """An identity or emotion of this name is not in the library."""


class IdentityFileError(DiffusionTalkerError):
    """A file that should hold an identity is damaged or something else."""


class TooLittleSpeechError(DiffusionTalkerError):
    """The recordings hold too little voiced sound to tell a voice by."""


class SettingsError(DiffusionTalkerError):
    """A setting is outside its range."""


class FormatError(DiffusionTalkerError):
    """A motion file cannot be read or its format is not known; the message names the line or field."""


class PresetError(DiffusionTalkerError):
    """A saved mapping of a face is missing, damaged, not a preset, or of another version."""


class RuntimeUnavailableError(DiffusionTalkerError):
    """The runtime or device that was asked for is not available in this Python."""


class CorpusError(DiffusionTalkerError):
    """A training corpus is missing, damaged or incomplete, or cannot be made here."""


class CheckpointError(DiffusionTalkerError):
    """The checkpoint of a training is damaged, or belongs to a training that began differently."""


class TrainingError(DiffusionTalkerError):
    """A training cannot go on: its numbers have left what numbers can hold."""


class OutputError(DiffusionTalkerError):
    """A file cannot be written: disk full, no permission, no such folder."""


class CancelledError(DiffusionTalkerError):
    """The user cancelled the work. Nothing was written."""
