# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn recorded speech into facial animation. With a folder as output, many recordings share one student.

A student of curves writes csv, json or npz. A student of vertices writes npz (offsets (frames, vertices, 3) in metres,
fps, and template, the neutral face) or the vertex caches pc2 and mdd.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from diffusion_talker.audio import FileSource
from diffusion_talker.cli.options import (
    add_performance_arguments,
    add_student_arguments,
    non_negative_number,
    open_student,
    performance_settings,
    positive_number,
)
from diffusion_talker.cli.progress import ProgressBar
from diffusion_talker.errors import (
    CancelledError,
    DiffusionTalkerError,
    FormatError,
    LibraryError,
    OutputError,
    SettingsError,
)
from diffusion_talker.formats import FORMATS, VERTEX_EXTENSIONS, write_motion, write_vertices
from diffusion_talker.motion import Motion, VertexMotion, resample_motion, resample_vertices
from diffusion_talker.student import GenerateSettings, Student

_CURVE_EXTENSIONS = tuple(known.extension for known in FORMATS)
_EXTENSIONS = tuple(dict.fromkeys((*_CURVE_EXTENSIONS, *VERTEX_EXTENSIONS)))
_FORMAT_NAMES = tuple(extension[1:] for extension in _EXTENSIONS)


@dataclass(frozen=True)
class Line:
    """One recording and the file its motion goes to."""

    recording: Path
    output: Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `generate`."""
    parser.usage = f"%(prog)s IN.wav [IN.wav ...] OUT.{{{','.join(_FORMAT_NAMES)}}} | FOLDER/ [options]"
    parser.add_argument("recordings", nargs="+", type=Path, metavar="IN", help="recorded speech: WAV, FLAC, OGG, MP3")
    parser.add_argument("output", metavar="OUT", help="motion file for one recording, or a folder for any number")
    parser.add_argument("--format", choices=_FORMAT_NAMES, help="format of the files in the folder (default: csv)")
    add_performance_arguments(parser.add_argument_group("performance"))
    output = parser.add_argument_group("output")
    output.add_argument("--fps", type=positive_number, default=60.0, help="frames a second (default: 60)")
    output.add_argument("--start-s", type=non_negative_number, default=0.0, help="first second of the recording to use")
    output.add_argument("--end-s", type=positive_number, help="last second of the recording to use (default: its end)")
    output.add_argument("--quiet", action="store_true", help="print errors only")
    add_student_arguments(parser.add_argument_group("engine"))


def run(args: argparse.Namespace) -> int:
    """Generate every line; 1 if any of them failed."""
    settings = performance_settings(args)
    lines = plan_lines(args.recordings, args.output, args.format)
    student = open_student(args)
    _check_files(lines, bool(student.config.vertex_count))
    failed = sum(not _generate_or_report(student, settings, line, args, single=len(lines) == 1) for line in lines)
    if len(lines) > 1 and (failed or not args.quiet):
        print(f"{len(lines) - failed} of {len(lines)} recordings done, {failed} failed.",
              file=sys.stderr if failed else sys.stdout)
    return 1 if failed else 0


def plan_lines(recordings: list[Path], output: str, file_format: str | None) -> list[Line]:
    """Where each recording's motion goes; makes the folder. Raises SettingsError if the arguments do not fit."""
    target = Path(output)
    is_folder = target.is_dir() or output.endswith(("/", os.sep)) or (file_format is not None and not target.suffix)
    if is_folder:
        return _plan_folder(recordings, target, file_format or "csv")
    if target.suffix.lower()[1:] not in _FORMAT_NAMES:
        raise SettingsError(f"'{output}' is neither a folder nor a motion file. End it in / or in one of "
                            f"{', '.join(_EXTENSIONS)}.")
    if len(recordings) > 1:
        raise SettingsError(f"{len(recordings)} recordings cannot go into one file, '{output}'. "
                            "Give a folder, ending in /.")
    if file_format is not None and file_format != target.suffix.lower()[1:]:
        raise SettingsError(f"'{output}' and --format {file_format} disagree. Leave one of them out.")
    return [Line(recordings[0], target)]


def _plan_folder(recordings: list[Path], folder: Path, file_format: str) -> list[Line]:
    lines = [Line(recording, folder / f"{recording.stem}.{file_format}") for recording in recordings]
    taken: dict[Path, Path] = {}
    for line in lines:
        if line.output in taken:
            raise SettingsError(f"'{taken[line.output]}' and '{line.recording}' would both become '{line.output}'. "
                                "Rename one, or give them different folders.")
        taken[line.output] = line.recording
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder '{folder}' could not be made: {error.strerror}. Choose another.") from error
    return lines


def _check_files(lines: list[Line], has_vertices: bool) -> None:
    """Raises FormatError for the first file that cannot hold what the student makes, before any work is done."""
    fitting = VERTEX_EXTENSIONS if has_vertices else _CURVE_EXTENSIONS
    made = "the vertices of a mesh" if has_vertices else "facial curves"
    for line in lines:
        if line.output.suffix.lower() not in fitting:
            raise FormatError(f"This student moves {made}, and '{line.output}' cannot hold them. End the file's name "
                              f"in {' or '.join(fitting)}, or add --format {fitting[0][1:]} for a folder.")


def _generate_or_report(
    student: Student, settings: GenerateSettings, line: Line, args: argparse.Namespace, single: bool
) -> bool:
    """Generate one line and say how it went; True if it is done. A single line's error is the command's error."""
    try:
        started_s = time.monotonic()
        motion = _generate(student, settings, line, args)
    except (SettingsError, LibraryError, CancelledError):
        raise
    except DiffusionTalkerError as error:
        if single:
            raise
        print(f"failed: {line.recording}: {error}", file=sys.stderr)
        return False
    if not args.quiet:
        wall_s = time.monotonic() - started_s
        print(f"{line.recording} -> {line.output}  ({motion.duration_s:.2f} s, {motion.frame_count} frames, "
              f"in {wall_s:.2f} s on {student.runtime_name})", flush=True)
    return True


def _generate(
    student: Student, settings: GenerateSettings, line: Line, args: argparse.Namespace
) -> Motion | VertexMotion:
    with (
        FileSource(line.recording, args.start_s, args.end_s) as source,
        ProgressBar(line.recording.name, args.quiet) as progress,
    ):
        if student.config.vertex_count:
            vertices = resample_vertices(student.generate_vertices(source, settings, progress), args.fps)
        else:
            motion = resample_motion(student.generate(source, settings, progress), args.fps)
    if student.config.vertex_count:
        write_vertices(line.output, vertices)
        return vertices
    write_motion(line.output, motion)
    return motion
