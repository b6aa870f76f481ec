# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound strip or a file becomes mono samples at 16 kHz, through Blender's own decoder.

The first half looks at the scene and runs on the main thread; `read_speech` touches no bpy and runs in the worker.
Where the Audaspace module `aud` is absent (Blender 4.2 as a Python module) files go through the core's own reader,
which knows WAV and whatever soundfile knows.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from .problems import LipSyncProblem

if TYPE_CHECKING:
    import bpy
    import numpy as np

    from diffusion_talker.audio import ArraySource

#: Blender mixes an hour in a few seconds.
MIX_LIMIT_S = 60.0
#: Sound longer than this is resampled while it is decoded, several times slower than afterwards but in less memory.
LONG_S = 1200.0
SPEECH_RATE_HZ = 16000


@dataclass(frozen=True)
class StripTimes:
    """Frames of a strip: where its sound would start untrimmed, its first frame, and the frame after its last."""

    content_start: float
    first_frame: int
    end_frame: int


@dataclass(frozen=True)
class Decoded:
    """Mono sound: samples (N,) float32."""

    samples: np.ndarray  # (N,)
    rate_hz: int


@dataclass(frozen=True)
class Speech:
    """Sound to animate and the frames it covers.

    name: for the take's name. key: what tells this line from others on the same face. path: sound file.
    start_s: where in the sound the first frame lies (negative: silence comes first). length_s: None takes the sound
    to its end. packed: bytes of a packed sound, None when the file is read. mixed: what Blender rendered already, None
    when the sound is to be decoded.
    """

    name: str
    key: str
    path: str
    first_frame: int
    fps: float
    start_s: float = 0.0
    length_s: float | None = None
    packed: bytes | None = None
    mixed: Decoded | None = None

    def frame_count(self, duration_s: float) -> int:
        """Scene frames that begin within the sound, at least one."""
        return max(1, math.ceil(duration_s * self.fps - 1e-6))


def scene_fps(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the sequencer shows; from 5.0 it may differ from the one in the viewport."""
    return getattr(context, "sequencer_scene", None) or context.scene


def sound_strips(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """Every sound strip of a scene, those inside meta strips too, in order of time."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    strips = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    return sorted(
        (strip for strip in strips if strip.type == "SOUND"), key=lambda strip: strip_times(strip).first_frame
    )


def find_strip(scene: bpy.types.Scene, name: str) -> bpy.types.Strip | None:
    """The sound strip of this name; without a name the active one, else the only one."""
    strips = sound_strips(scene)
    if name:
        return next((strip for strip in strips if strip.name == name), None)
    active = scene.sequence_editor.active_strip if scene.sequence_editor else None
    if active is not None and active.type == "SOUND":
        return active
    return strips[0] if len(strips) == 1 else None


def strip_times(strip: bpy.types.Strip) -> StripTimes:
    """Blender 5.1 renamed the properties; the old names warn there."""
    if hasattr(strip, "content_start"):
        return StripTimes(strip.content_start, int(strip.left_handle), int(strip.right_handle))
    return StripTimes(strip.frame_start, int(strip.frame_final_start), int(strip.frame_final_end))


def strip_problem(scene: bpy.types.Scene, name: str) -> str:
    """Why this strip cannot be used and what to do next, empty when it can."""
    strip = find_strip(scene, name)
    if strip is None:
        return _no_strip_problem(scene, name)
    if strip.sound is None:
        return f"Strip '{strip.name}' has no sound: choose another strip"
    if strip.sound.packed_file is None and not Path(_sound_path(strip.sound)).is_file():
        return f"The sound file of strip '{strip.name}' is missing: use File > External Data > Find Missing Files"
    return ""


def _no_strip_problem(scene: bpy.types.Scene, name: str) -> str:
    names = ", ".join(f"'{strip.name}'" for strip in sound_strips(scene)[:4])
    if not names:
        return f"Scene '{scene.name}' has no sound strip: add your recording to the Sequencer, or take a sound file"
    if name:
        return f"There is no sound strip '{name}' in scene '{scene.name}': choose one of {names}"
    return f"There are several sound strips: choose one of {names}"


def file_problem(path: str) -> str:
    """Why this file cannot be used and what to do next, empty when it can be opened."""
    if not path:
        return "No sound file chosen: pick a recording"
    if not Path(path).is_file():
        return f"There is no sound file at {path}: pick another one"
    return ""


def speech_of_strip(context: bpy.types.Context, scene: bpy.types.Scene, name: str) -> Speech:
    """Describe the trimmed part of a strip. Raises LipSyncProblem when there is nothing to hear."""
    problem = strip_problem(scene, name)
    if problem:
        raise LipSyncProblem(problem)
    strip = find_strip(scene, name)
    times, fps = strip_times(strip), scene_fps(scene)
    packed = strip.sound.packed_file
    is_retimed = len(getattr(strip, "retiming_keys", ())) > 0
    return Speech(
        name=strip.name,
        key=strip.name,
        path=_sound_path(strip.sound),
        first_frame=times.first_frame,
        fps=fps,
        start_s=0.0 if is_retimed else (times.first_frame - times.content_start) / fps - _sound_offset_s(strip),
        length_s=(times.end_frame - times.first_frame) / fps,
        packed=bytes(packed.data) if packed is not None and not is_retimed else None,
        mixed=_mix_strip(context, scene, strip) if is_retimed else None,
    )


def speech_of_file(path: str, first_frame: int, fps: float) -> Speech:
    """Describe a whole sound file that begins at a frame. Raises LipSyncProblem when it is missing."""
    problem = file_problem(path)
    if problem:
        raise LipSyncProblem(problem)
    return Speech(name=Path(path).stem, key=path, path=path, first_frame=first_frame, fps=fps)


def _sound_path(sound: bpy.types.Sound) -> str:
    import bpy

    return bpy.path.abspath(sound.filepath, library=sound.library)


def _sound_offset_s(strip: bpy.types.Strip) -> float:
    """Sub-frame shift of a video's sound track, known from Blender 4.0 on."""
    return float(getattr(strip, "sound_offset", 0.0))


# ---------------------------------------------------------------- retimed strips


def _mix_strip(context: bpy.types.Context, scene: bpy.types.Scene, strip: bpy.types.Strip) -> Decoded:
    """Let Blender render one strip alone, speed changes included."""
    import bpy

    with tempfile.TemporaryDirectory() as folder, _alone(scene, strip):
        path = str(Path(folder) / "strip.wav")
        override = {"scene": scene} | ({"sequencer_scene": scene} if hasattr(context, "sequencer_scene") else {})
        with context.temp_override(**override):
            bpy.ops.sound.mixdown(
                filepath=path, container="WAV", codec="PCM", format="F32", mixrate=SPEECH_RATE_HZ, channels="MONO"
            )
        _wait_for_wav(Path(path), strip.name)
        return _decode(path, strip.name, None)


def _wait_for_wav(path: Path, strip_name: str) -> None:
    """From 5.2 on the operator returns before its thread has written the file, and the mutes must stay till then."""
    deadline_s = time.monotonic() + MIX_LIMIT_S
    while not _is_closed_wav(path):
        if time.monotonic() > deadline_s:
            raise LipSyncProblem(
                f"Blender did not finish mixing strip '{strip_name}': try again, or take its sound file"
            )
        time.sleep(0.005)


def _is_closed_wav(path: Path) -> bool:
    """A writer puts the final length into the header last."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        header = file.read(8)
    return len(header) == 8 and int.from_bytes(header[4:], "little") + 8 == path.stat().st_size


@contextlib.contextmanager
def _alone(scene: bpy.types.Scene, strip: bpy.types.Strip) -> Iterator[None]:
    """Only this strip is heard and the scene's range is the strip's; everything is put back, also after an error."""
    audible = {strip.name} | {meta.name for meta in _enclosing_metas(scene, strip)}
    editor = scene.sequence_editor
    strips = list(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)
    mutes = [(item, item.mute) for item in strips] + [(channel, channel.mute) for channel in editor.channels]
    frame_range, use_audio = (scene.frame_start, scene.frame_end), scene.use_audio
    times = strip_times(strip)
    try:
        for item in strips:
            _set(item, "mute", item.name not in audible)
        for channel in editor.channels:
            _set(channel, "mute", False)
        _set(scene, "use_audio", True)
        _set_range(scene, times.first_frame, times.end_frame - 1)
        yield
    finally:
        for item, mute in mutes:
            _set(item, "mute", mute)
        _set(scene, "use_audio", use_audio)
        _set_range(scene, *frame_range)


def _set(owner: bpy.types.bpy_struct, name: str, value: bool) -> None:
    """Write only what changes: every write makes Blender rebuild the strip's sound."""
    if getattr(owner, name) != value:
        setattr(owner, name, value)


def _set_range(scene: bpy.types.Scene, first: int, last: int) -> None:
    """Start and end push each other, so the end goes first when the range moves up."""
    scene.frame_end = max(last, scene.frame_end)
    scene.frame_start = first
    scene.frame_end = last


def _enclosing_metas(scene: bpy.types.Scene, strip: bpy.types.Strip) -> list[bpy.types.Strip]:
    metas: list[bpy.types.Strip] = []
    parent = strip.parent_meta()
    while parent is not None:
        metas.append(parent)
        parent = parent.parent_meta()
    return metas


# ---------------------------------------------------------------- worker thread


def read_speech(speech: Speech) -> ArraySource:
    """Decode what is heard: exactly `length_s` long where that is known, silence where the sound has none.

    Raises:
        AudioError: the sound is missing, damaged or empty.
    """
    import numpy as np

    from diffusion_talker.audio import ArraySource
    from diffusion_talker.errors import AudioEmptyError

    end_s = None if speech.length_s is None else max(0.0, speech.start_s + speech.length_s)
    sound = speech.mixed or _decode_file(speech, end_s)
    if sound.samples.size == 0 and speech.mixed is None and end_s != 0.0:
        raise AudioEmptyError(f"'{speech.name}' holds no sound: choose another recording")
    start = round(speech.start_s * sound.rate_hz)
    stop = len(sound.samples) if speech.length_s is None else start + max(1, round(speech.length_s * sound.rate_hz))
    heard = sound.samples[max(start, 0) : max(stop, 0)]
    if start < 0 or stop > len(sound.samples):
        before = min(-min(start, 0), stop - start)
        heard = np.pad(heard, (before, stop - start - before - len(heard)))
    return ArraySource(heard, sound.rate_hz)


def _decode_file(speech: Speech, end_s: float | None) -> Decoded:
    if speech.packed is None:
        return _decode(speech.path, speech.name, end_s)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"packed{Path(speech.path).suffix}"
        path.write_bytes(speech.packed)
        return _decode(str(path), speech.name, end_s)


def _decode(path: str, name: str, end_s: float | None) -> Decoded:
    """Sound from its start to `end_s`; never seeks, compressed formats do that inexactly."""
    from diffusion_talker.errors import AudioMissingError, AudioUnreadableError

    if not Path(path).is_file():
        raise AudioMissingError(f"The sound of '{name}' is not at {path}: relink or choose it again")
    try:
        import aud
    except ImportError:
        return _decode_without_audaspace(path, end_s)
    try:
        return _decode_with(aud, path, end_s)
    except (aud.error, RuntimeError, ValueError) as error:
        raise AudioUnreadableError(f"The sound of '{name}' cannot be read: convert it to WAV first") from error


def _decode_with(aud: ModuleType, path: str, end_s: float | None) -> Decoded:
    sound = aud.Sound(path).rechannel(1)
    rate_hz = round(sound.specs[0])  # opens the file: up to Blender 5.0, data() of one that cannot be opened is fatal
    if sound.length > LONG_S * rate_hz:
        sound, rate_hz = sound.resample(SPEECH_RATE_HZ, 2), SPEECH_RATE_HZ
    return Decoded((sound if end_s is None else sound.limit(0, end_s)).data()[:, 0], rate_hz)


def _decode_without_audaspace(path: str, end_s: float | None) -> Decoded:
    from diffusion_talker.audio import SAMPLE_RATE_HZ, FileSource

    source = FileSource(Path(path), end_s=end_s)
    return Decoded(source.read(0, source.sample_count), SAMPLE_RATE_HZ)
