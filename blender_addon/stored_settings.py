# SPDX-License-Identifier: GPL-3.0-or-later
"""How a take was made, as text that travels with its Actions. No bpy here.

Two texts: a short one that says which take an Action belongs to, read whenever a list is drawn, and a long one with
everything that is needed to make the take again. Both are JSON; fields that a version does not know are passed over, so
files of later versions can be read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from .generation import Options, generate_settings

if TYPE_CHECKING:
    from diffusion_talker.student.settings import Choice, Value

    from .audio_source import Speech
    from .drive_plan import DrivePlan, MeshPlan

VERSION: Final = 1
STRIP, FILE = "STRIP", "FILE"
#: What a list says instead of "auto".
_RECORDING: Final = "From the Recording"
#: Options that say how the line is spoken; the others say where it is computed, which makes no difference.
SPOKEN: Final[tuple[str, ...]] = (
    "identity", "emotion", "intensity", "style_strength", "seed", "steps", "style", "regions",
)  # fmt: skip


@dataclass(frozen=True)
class TakeHeader:
    """Which take an Action belongs to.

    take: id that all Actions of the take share. owner: id of the object that this one moves, title: its name then, and
    kind: whether its shape keys (KEY) or itself (OBJECT). leads: whether this is the Action that stands for the take
    in lists: the face's. line: key of the spoken line. made: time in UTC, as ISO 8601 writes it. seed: None where no
    model made it. spoken: who speaks, in what mood. is_live: sliders may still change it in place.
    """

    take: str
    owner: str
    title: str = ""
    kind: str = "KEY"
    leads: bool = False
    line: str = ""
    made: str = ""
    seed: int | None = None
    spoken: str = ""
    is_live: bool = False


@dataclass(frozen=True)
class StoredLine:
    """Where the speech of a take lies: a strip's name or a file (source says which), the sound's path, the first of its
    scene frames, how many there are at which rate, and what part of the sound they cover, as in `Speech`."""

    source: str
    name: str
    path: str
    first_frame: int
    frame_count: int
    fps: float
    start_s: float = 0.0
    length_s: float | None = None

    @classmethod
    def of(cls, speech: Speech, frame_count: int, path: str) -> StoredLine:
        source = FILE if speech.key == speech.path else STRIP
        return cls(
            source, speech.name, path, speech.first_frame, frame_count, speech.fps, speech.start_s, speech.length_s
        )


@dataclass(frozen=True)
class StoredTake:
    """Everything that is needed to make a take again.

    options: how it was spoken; None where a file was imported. line: what was spoken. moved: parts of the face that it
    moves. model: mark of the model's file. setup: mark of what it was written on.
    """

    options: Options | None
    line: StoredLine
    moved: tuple[str, ...] = ()
    model: str = ""
    setup: str = ""

    def says_the_same(self, other: StoredTake) -> bool:
        """Whether the other one would become the same keys."""
        if self.options is None or other.options is None:
            return False
        return self._terms == other._terms

    @property
    def _terms(self) -> tuple[object, ...]:
        line = replace(self.line, path=PurePath(self.line.path).name, frame_count=0)  # these follow from the others
        spoken = tuple(getattr(self.options, name) for name in SPOKEN)
        return spoken, line, frozenset(self.moved), self.model, self.setup


# ---------------------------------------------------------------- text


def header_text(header: TakeHeader) -> str:
    return json.dumps(asdict(header))


@lru_cache(maxsize=4096)
def read_header(text: str) -> TakeHeader | None:
    """None where the text is none of ours. Remembered, because lists ask whenever they are drawn."""
    try:
        known = _known(TakeHeader, json.loads(text))
        header = TakeHeader(**known)
    except (TypeError, ValueError):
        return None
    return header if isinstance(header.take, str) and isinstance(header.owner, str) else None


def take_text(take: StoredTake) -> str:
    options, fps = take.options, take.line.fps
    return json.dumps(
        {
            "version": VERSION,
            "options": None if options is None else {name: _out(getattr(options, name), fps) for name in SPOKEN},
            "line": asdict(take.line),
            "moved": list(take.moved),
            "model": take.model,
            "setup": take.setup,
        }
    )


@lru_cache(maxsize=256)
def read_take(text: str) -> StoredTake | None:
    """None where the text is none of ours, or damaged. Remembered like headers."""
    try:
        stored = json.loads(text)
        options = stored["options"]
        return StoredTake(
            None if options is None else _options(options),
            StoredLine(**_known(StoredLine, stored["line"])),
            tuple(map(str, stored.get("moved", ()))),
            str(stored.get("model", "")),
            str(stored.get("setup", "")),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _known(kind: type, stored: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in stored.items() if name in names}


def _options(stored: Mapping[str, Any]) -> Options:
    """Raises TypeError or ValueError for what is no option."""
    from diffusion_talker.student.settings import check_numbers

    options = Options(**{name: _in(stored[name]) for name in SPOKEN if name in stored})
    try:
        check_numbers(generate_settings(options))
    except Exception as error:
        raise ValueError(str(error)) from error
    return options


def _out(value: object, fps: float) -> object:
    """Numbers, names, curves, and tuples of these, as JSON knows them."""
    if isinstance(value, tuple):
        return [_out(part, fps) for part in value]
    if not hasattr(value, "times_s"):
        return value
    is_even = value.times_s == _even_times_s(fps, len(value.times_s))  # then the rate says it all
    times = {"rate_hz": fps} if is_even else {"times_s": list(value.times_s)}
    return times | {"values": list(value.values)}


def _even_times_s(rate_hz: float, count: int) -> tuple[float, ...]:
    return tuple(index / rate_hz for index in range(count))


def _in(value: object) -> object:
    from diffusion_talker.student.settings import Curve

    if isinstance(value, list):
        return tuple(_in(part) for part in value)
    if not isinstance(value, dict):
        return value
    values = tuple(float(number) for number in value["values"])
    if "rate_hz" in value:
        return Curve(_even_times_s(float(value["rate_hz"]), len(values)), values)
    return Curve(tuple(float(time_s) for time_s in value["times_s"]), values)


# ---------------------------------------------------------------- marks


def model_mark(path: str) -> str:
    """What tells a model's file from another; empty where it cannot be read. path: "" for the packaged one."""
    from diffusion_talker.student.bundle import packaged_bundle_path

    file = Path(path) if path else packaged_bundle_path()
    try:
        state = file.stat()
        return _file_mark(str(file), state.st_mtime_ns, state.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=8)
def _file_mark(path: str, changed_ns: int, size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def setup_mark(plan: DrivePlan) -> str:
    """What tells one way of writing from another: keys, what was set by hand, bones, form."""
    form = plan.vertices.mode if plan.vertices is not None else ""
    rigs = [
        [rig.closes_lips, rig.poses.names if rig.poses else ()]
        + [(turn.part, turn.bone, turn.amount, repr(turn.axis)) for turn in rig.turns]
        for rig in plan.rigs
    ]
    faces = [_keys_of(mesh) for mesh in (plan.face, *plan.others)]
    text = repr((faces, form, rigs, plan.jaw_alone))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _keys_of(mesh: MeshPlan | None) -> object:
    return None if mesh is None else (mesh.keys.keys, mesh.keys.edits)


# ---------------------------------------------------------------- words


def spoken_by(options: Options) -> str:
    """Who speaks, in what mood, in a few words."""
    mood = _words(options.emotion, "")
    return _words(options.identity, _RECORDING) + (f", {mood}" if mood else "")


def sentence_of(options: Options) -> str:
    """Everything that differs from the usual, in one line."""
    parts = [_words(options.identity, _RECORDING)]
    if options.emotion != "auto":
        parts.append(_words(options.emotion, ""))
    for title, value in (("intensity", options.intensity), ("style strength", options.style_strength)):
        if value != 1.0:
            parts.append(f"{title} {_number(value)}")
    parts += [f"{name.replace('_', ' ')} {_number(value)}" for name, value in options.style]
    parts += [f"emotion of the {name} {_number(value)}" for name, value in options.regions]
    return ", ".join((*parts, f"seed {options.seed}"))


def _words(choice: Choice, automatic: str) -> str:
    if isinstance(choice, str):
        return automatic if choice == "auto" else choice
    return " + ".join(f"{automatic if name == 'auto' else name} {_number(share)}" for name, share in choice)


def _number(value: Value) -> str:
    return "keyed" if hasattr(value, "times_s") else f"{value:.2f}".rstrip("0").rstrip(".")
