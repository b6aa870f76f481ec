# SPDX-License-Identifier: GPL-3.0-or-later
"""blender -b scene.blend --command lip_sync ...: the same without a window, for one line or for a table of lines."""

from __future__ import annotations

import argparse
import csv
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bpy

from .audio_source import scene_fps, speech_of_file, speech_of_strip
from .blend_file import save
from .drive_plan import Choices, choices_of
from .generation import Options, Outcome, apply, generate, open_student, request_for
from .identities import library_folder
from .mapping_rows import apply_preset, preset_folder
from .preset_files import PRESET_SUFFIX, preset_file, preset_files
from .problems import LipSyncProblem, unforeseen_message, user_message
from .style_properties import REGIONS
from .targets import inspect_target, listed
from .vertex_animation import CACHE, SHAPE_PER_FRAME, VertexForm, form_of

if TYPE_CHECKING:
    from diffusion_talker.student import GenerateSettings, Student

    from .audio_source import Speech

NAME: Final = "lip_sync"
#: Between the names of several meshes in one cell of a table.
SEPARATOR: Final = "|"
#: How a take is written, by the name that the command line has for it; None is curves on shape keys.
MODES: Final[Mapping[str, str | None]] = {"keys": None, "cache": CACHE, "shape-per-frame": SHAPE_PER_FRAME}
OK, FAILED, BAD_ARGUMENTS, INTERRUPTED = 0, 1, 2, 130

DESCRIPTION: Final = "Animate a face from recorded speech and save the file."
EXAMPLES: Final = """\
examples:
  blender -b scene.blend --command lip_sync --strip Dialogue --object Head
  blender -b scene.blend --command lip_sync --audio line.wav --object Head --emotion happiness --output out.blend
  blender -b scene.blend --command lip_sync --identity Coach:0.6,Ada:0.4 --style jaw=0.4 --region brows=0.5
  blender -b --command lip_sync --jobs lines.csv

--jobs takes a CSV table with one line of speech per row. Its columns, in any order, are blend, scene,
strip, audio, start_frame, object, mapping, mode, identity, emotion, intensity, style_strength, style, regions, animate,
library, seed, steps, output, export. Several meshes in one cell of object are separated by |, the face first; so are
talkers (Coach:0.6|Calm:0.4), emotions (anger:0.5|fear:0.3), sliders (jaw=0.4|brows=-1), regions (mouth=0.5) and parts.
An empty cell takes the option of that name from the command line, else its default; paths are relative to the table.
Rows run one after another; a row whose output was written by an earlier row continues in that file.
The exit code is 0 when every line succeeded, 1 when one failed, 2 for bad arguments."""


@dataclass(frozen=True)
class Line:
    """One line of speech as it was asked for. Empty text and None mean the default."""

    blend: str = ""
    scene: str = ""
    strip: str = ""
    audio: str = ""
    start_frame: int | None = None
    object: str = ""
    mapping: str = ""
    mode: str = ""
    identity: str = ""
    emotion: str = ""
    intensity: float | None = None
    style_strength: float | None = None
    style: str = ""
    regions: str = ""
    animate: str = ""
    library: str = ""
    seed: int | None = None
    steps: int | None = None
    output: str = ""
    export: str = ""


@dataclass(frozen=True)
class Run:
    """What all lines of a run share."""

    runtime: str
    device: str
    torch_python: str
    model: str
    saves: bool
    is_quiet: bool


@dataclass(frozen=True)
class LineReport:
    """How one line ended: a sentence either way."""

    label: str
    is_done: bool
    sentence: str


COLUMNS: Final = tuple(field.name for field in fields(Line))
_NUMBERS: Final[Mapping[str, type]] = {
    "start_frame": int,
    "intensity": float,
    "style_strength": float,
    "seed": int,
    "steps": int,
}
_PATHS: Final = ("blend", "audio", "library", "output", "export")
_handles: list[object] = []  # Blender hands out a capsule at registration and wants the same one back


def attach() -> None:
    _handles.append(bpy.utils.register_cli_command(NAME, lip_sync))


def detach() -> None:
    while _handles:
        bpy.utils.unregister_cli_command(_handles.pop())


def lip_sync(arguments: Sequence[str]) -> int:
    """Run the command; the exit code."""
    from diffusion_talker.errors import SettingsError

    try:
        options = _parser().parse_args(list(arguments))
        _check(options)
        performance(_line_of(options))
        lines = read_table(Path(options.jobs), _line_of(options)) if options.jobs else [_line_of(options)]
    except SystemExit as stop:
        return int(stop.code or 0)
    except (LipSyncProblem, SettingsError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return BAD_ARGUMENTS
    try:
        model = _absolute(options.model, Path.cwd()) if options.model else ""
        run = Run(
            options.runtime, options.device, options.torch_python, model, not options.no_save, options.quiet
        )
        return _run_lines(lines, run)
    except KeyboardInterrupt:
        print(f"{NAME}: interrupted", file=sys.stderr)
        return INTERRUPTED


# ---------------------------------------------------------------- arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"blender -b FILE.blend --command {NAME}",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    speech = parser.add_mutually_exclusive_group()
    speech.add_argument("--strip", default="", metavar="NAME", help="sound strip of the scene (default: the only one)")
    speech.add_argument("--audio", default="", metavar="FILE", help="sound file instead of a strip")
    speech.add_argument("--jobs", default="", metavar="TABLE.csv", help="many lines of speech, see below")
    parser.add_argument(
        "--object",
        action="append",
        default=[],
        metavar="NAME",
        help="mesh of the face (default: the only one); once more for each mesh that goes along, such as teeth",
    )
    parser.add_argument("--mapping", default="", metavar="PRESET", help="face preset, by its name or as a .json file")
    parser.add_argument("--mode", choices=tuple(MODES), default="", help="form of the take (default: the scene's)")
    parser.add_argument("--model", default="", metavar="FILE.npz", help="another model than the one that is built in")
    parser.add_argument("--scene", default="", metavar="NAME", help="scene to work in (default: the active one)")
    parser.add_argument("--start-frame", type=int, metavar="N", help="frame at which --audio begins (default: 1)")
    _add_style_arguments(parser)
    parser.add_argument("--seed", type=int, metavar="N", help="another seed is another take (default: 0)")
    parser.add_argument("--steps", type=int, metavar="N", help="denoising steps (default: the model's own)")
    parser.add_argument("--runtime", choices=("auto", "numpy", "torch"), default="auto", help="what computes")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="where PyTorch computes"
    )
    parser.add_argument("--torch-python", default="", metavar="FILE", help="a Python with PyTorch that computes")
    parser.add_argument("--output", default="", metavar="FILE.blend", help="save here instead of over the opened file")
    parser.add_argument("--export", default="", metavar="FILE", help="also write the take as .csv, .json or .npz")
    parser.add_argument("--no-save", action="store_true", help="do not save the file, for use with --export")
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    return parser


def _add_style_arguments(parser: argparse.ArgumentParser) -> None:
    """Who speaks, and how. None of it is taken from the scene but which parts of the face move."""
    parser.add_argument(
        "--identity", default="", metavar="NAME[:SHARE],...", help="talker, or a mixture of several (default: auto)"
    )
    parser.add_argument(
        "--emotion", default="", metavar="NAME[:SHARE],...", help="emotion, or a mixture of several (default: auto)"
    )
    parser.add_argument("--intensity", type=float, metavar="X", help="amount of the emotion (default: 1)")
    parser.add_argument("--style-strength", type=float, metavar="X", help="amount of the talker's manner (default: 1)")
    parser.add_argument(
        "--style", action="append", default=[], metavar="SLIDER=X", help="a style slider, -1 to 1; once more for each"
    )
    parser.add_argument(
        "--region", action="append", default=[], dest="regions", metavar="PART=X",
        help=f"amount of the emotion in one part of the face ({', '.join(REGIONS)}), 0 to 1.5",
    )  # fmt: skip
    parser.add_argument(
        "--animate", default="", metavar="PART,...", help="parts of the face that move (default: as the scene has it)"
    )
    parser.add_argument(
        "--library", default="", metavar="DIR", help="folder of your own identities (default: the add-on's)"
    )


def performance(line: Line) -> GenerateSettings:
    """How a line is spoken, read as the core's own command reads it. Raises SettingsError."""
    from diffusion_talker.student import GenerateSettings
    from diffusion_talker.student.notation import performance_settings

    default = GenerateSettings()
    return performance_settings(
        identity=line.identity.replace(SEPARATOR, ",") or default.identity,
        emotion=line.emotion.replace(SEPARATOR, ",") or default.emotion,
        intensity=default.intensity if line.intensity is None else line.intensity,
        style_strength=default.style_strength if line.style_strength is None else line.style_strength,
        style=[line.style.replace(SEPARATOR, ",")],
        regions=[line.regions.replace(SEPARATOR, ",")],
        steps=line.steps,
        seed=default.seed if line.seed is None else line.seed,
    )


def _check(options: argparse.Namespace) -> None:
    if options.jobs and (options.output or options.export):
        raise LipSyncProblem("--jobs takes output and export from the table: give them there, one per row")
    if options.no_save and options.output:
        raise LipSyncProblem("--no-save and --output exclude each other: leave one out")
    if options.start_frame is not None and not (options.audio or options.jobs):
        raise LipSyncProblem("--start-frame belongs to --audio: a strip brings its own place")


def _line_of(options: argparse.Namespace) -> Line:
    given = {name: getattr(options, name) for name in COLUMNS if name not in ("blend", "object")}
    given |= {name: SEPARATOR.join(given[name]) for name in ("style", "regions")}
    given["object"] = SEPARATOR.join(options.object)
    return Line(**given | {name: _absolute(given[name], Path.cwd()) for name in _paths_of(given)})


def _paths_of(cells: Mapping[str, object]) -> list[str]:
    """Names of the cells that hold paths; a preset is one where it is not just a name."""
    found = [name for name in _PATHS if cells.get(name)]
    return [*found, "mapping"] if str(cells.get("mapping", "")).endswith(PRESET_SUFFIX) else found


def _absolute(path: str, folder: Path) -> str:
    return os.path.normpath(folder / Path(path).expanduser())


def read_table(path: Path, defaults: Line) -> list[Line | LineReport]:
    """Rows of a jobs table; a row with an unusable cell becomes the report of its failure.

    Raises LipSyncProblem when the table itself cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LipSyncProblem(f"The table {path} cannot be read: check its path and save it as UTF-8") from error
    header = text.partition("\n")[0]
    rows = list(csv.DictReader(text.splitlines(), delimiter=";" if header.count(";") > header.count(",") else ","))
    columns = [name.strip() for name in header.replace(";", ",").split(",")]
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown or not rows:
        what = f"has unknown columns ({listed(unknown, 3)})" if unknown else "has no rows"
        raise LipSyncProblem(f"The table {path} {what}: its first row names columns out of {', '.join(COLUMNS)}")
    folder = path.resolve().parent
    return [_line_of_row(number, row, defaults, folder) for number, row in enumerate(rows, 1)]


def _line_of_row(number: int, row: Mapping[str, str | None], defaults: Line, folder: Path) -> Line | LineReport:
    cells = {
        name.strip(): cell.strip() for name, cell in row.items() if isinstance(name, str) and cell and cell.strip()
    }
    try:
        numbers = {name: kind(cells[name]) for name, kind in _NUMBERS.items() if name in cells}
    except ValueError as error:
        return LineReport(f"row {number}", False, f"A number was expected ({error}): correct the table")
    paths = {name: _absolute(cells[name], folder) for name in _paths_of(cells)}
    return replace(defaults, **cells | numbers | paths)


# ---------------------------------------------------------------- work


def _run_lines(lines: Sequence[Line | LineReport], run: Run) -> int:
    session = _Session(run)
    reports = []
    for number, line in enumerate(lines, 1):
        report = line if isinstance(line, LineReport) else session.run(line)
        reports.append(report)
        is_silent = run.is_quiet and report.is_done
        if not is_silent:
            place = f"[{number}/{len(lines)}] " if len(lines) > 1 else ""
            verdict, stream = ("done", sys.stdout) if report.is_done else ("FAILED", sys.stderr)
            print(f"{place}{report.label}: {verdict}. {report.sentence}", file=stream, flush=True)
    if len(lines) > 1 and not run.is_quiet:
        done = sum(report.is_done for report in reports)
        print(f"{done} of {len(lines)} lines done" + ("" if done == len(lines) else f", {len(lines) - done} failed"))
    return OK if all(report.is_done for report in reports) else FAILED


class _Session:
    """One run of the command: the file that is open, the files it wrote, and the model, loaded once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._shows_progress = not run.is_quiet and sys.stderr.isatty()
        self._student: Student | None = None
        self._initial = self._current = bpy.data.filepath
        self._written: set[str] = set()

    def run(self, line: Line) -> LineReport:
        started_s = time.perf_counter()
        try:
            outcome = self._animate(line)
            saved = self._save(line)
        except Exception as error:  # noqa: BLE001 - the next row must run whatever happens to this one
            return LineReport(_label(line), False, _sentence(error))
        elapsed_s = time.perf_counter() - started_s
        text = f"{outcome.title}, {outcome.key_count} keys for {outcome.speech_s:.1f} s of speech"
        return LineReport(_label(line), True, f"{text} in {elapsed_s:.1f} s ({outcome.runtime_name}), saved {saved}")

    def _animate(self, line: Line) -> Outcome:
        self._open(line)
        if self._run.saves and not (line.output or self._current):
            raise LipSyncProblem("The scene has no file yet: give --output FILE.blend")
        scene = _scene(line.scene)
        obj, *others = _targets(scene, line.object)
        if line.mapping:
            _lay_preset(line.mapping, obj, others)
        options = self._options(line)
        request = request_for(_speech(scene, line), obj, options, _choices(scene, line, others, bool(options.model)))
        self._student = self._student or open_student(options)
        generated = generate(request, self._progress, lambda: False, self._student)
        for note in generated.notes:
            print(f"{NAME}: {note}", file=sys.stderr)
        outcome = apply(request, generated)
        if line.export:
            from .operators.export import export_take

            export_take(obj, scene_fps(scene), Path(line.export))
        return outcome

    def _open(self, line: Line) -> None:
        """The file this line continues in: an output of this run, else its blend, else the one Blender started with."""
        wanted = line.output if line.output in self._written else line.blend or self._initial
        if not wanted or wanted == self._current:
            return
        if not Path(wanted).is_file():
            raise LipSyncProblem(f"There is no file {wanted}: check the path")
        try:
            bpy.ops.wm.open_mainfile(filepath=wanted, load_ui=False)
        except RuntimeError as error:
            raise LipSyncProblem(f"{wanted} cannot be opened: is it a file of a newer Blender?") from error
        self._current = wanted

    def _options(self, line: Line) -> Options:
        spoken, run = performance(line), self._run
        return Options(
            **{field.name: getattr(spoken, field.name) for field in fields(spoken)},
            runtime=run.runtime,
            device=run.device,
            torch_python=run.torch_python,
            model=run.model,
            library=line.library or str(library_folder()),
        )

    def _save(self, line: Line) -> str:
        path = line.output or self._current
        if not self._run.saves:
            return "nothing"
        self._current = ""  # unless it can be saved, the next line must not build on it
        save(Path(path))
        self._written.add(path)
        self._current = path
        return path

    def _progress(self, share: float, message: str) -> None:
        if self._shows_progress:
            print(f"\r{message} {share:4.0%} ", end="\r" if share < 1 else "\n", file=sys.stderr, flush=True)


def _label(line: Line) -> str:
    speech = line.strip or Path(line.audio).name or "speech"
    return f"{speech} on {line.object}" if line.object else speech


def _sentence(error: Exception) -> str:
    message = user_message(error)
    if message is None:
        logging.getLogger(__name__).error("lip sync failed", exc_info=error)
    return message or unforeseen_message(error)


def _scene(name: str) -> bpy.types.Scene:
    if not name:
        return bpy.context.scene
    if name not in bpy.data.scenes:
        raise LipSyncProblem(f"There is no scene '{name}': the file has {listed(bpy.data.scenes.keys(), 6)}")
    return bpy.data.scenes[name]


def _targets(scene: bpy.types.Scene, names: str) -> list[bpy.types.Object]:
    """The meshes of these names, the face first; without a name the only one that can be driven."""
    if names:
        return [_object(scene, name.strip()) for name in names.split(SEPARATOR)]
    ready = list(_ready_targets(scene))
    if len(ready) != 1:
        names = listed((obj.name for obj in ready), 4)
        found = f"several meshes with face shapes ({names})" if ready else "no mesh with face shapes"
        raise LipSyncProblem(f"Scene '{scene.name}' has {found}: name the mesh with --object")
    return ready


def _object(scene: bpy.types.Scene, name: str) -> bpy.types.Object:
    if name not in scene.objects:
        raise LipSyncProblem(f"There is no object '{name}' in scene '{scene.name}': check --object")
    return scene.objects[name]


def _choices(scene: bpy.types.Scene, line: Line, others: Sequence[bpy.types.Object], all_shapes: bool) -> Choices:
    """What goes along: the named meshes, else those of the scene's list; bones and head as the scene has them."""
    choices = choices_of(scene, all_shapes)
    if others:
        choices = replace(choices, meshes=tuple(others))
    if line.animate:
        choices = replace(choices, regions=_regions(line.animate))
    if not line.mode:
        return choices
    if line.mode not in MODES:
        raise LipSyncProblem(f"There is no mode '{line.mode}': use {', '.join(MODES)}")
    form = form_of(scene) or VertexForm(MODES[line.mode])
    return replace(choices, form=replace(form, mode=MODES[line.mode]) if MODES[line.mode] else None)


def _regions(text: str) -> tuple[str, ...]:
    """Parts of the face that move. Raises LipSyncProblem."""
    named = [name.strip() for name in text.replace(SEPARATOR, ",").split(",") if name.strip()]
    unknown = [name for name in named if name not in REGIONS]
    if unknown or not named:
        what = f"no part '{unknown[0]}' of the face" if unknown else "no part of the face to animate"
        raise LipSyncProblem(f"There is {what}: name some of {', '.join(REGIONS)}")
    return tuple(named)


def _lay_preset(name: str, face: bpy.types.Object, others: Sequence[bpy.types.Object]) -> None:
    """Lay a face preset over the meshes: a file, or one that was saved under this name."""
    from diffusion_talker.rigs.presets import load_preset

    path = Path(name).expanduser()
    if path.suffix != PRESET_SUFFIX:
        path = preset_file(preset_folder(), name)
    if not path.is_file():
        known = listed((preset.stem for preset in preset_files(preset_folder())), 6) or "none"
        raise LipSyncProblem(f"There is no face preset '{name}' (saved are: {known}): save it, or give a file")
    apply_preset(load_preset(path), face, others)


def _ready_targets(scene: bpy.types.Scene) -> Iterator[bpy.types.Object]:
    return (obj for obj in scene.objects if obj.type == "MESH" and inspect_target(obj).ready)


def _speech(scene: bpy.types.Scene, line: Line) -> Speech:
    if line.audio:
        return speech_of_file(line.audio, 1 if line.start_frame is None else line.start_frame, scene_fps(scene))
    return speech_of_strip(bpy.context, scene, line.strip)
