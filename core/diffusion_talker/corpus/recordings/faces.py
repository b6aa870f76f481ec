# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips of recorded speech: pieces of one speaker in one mood with pauses between, and a face that says them.

A clip is a function of (seed, variant, names of its pieces); other variants lend the same pieces to other faces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, motion_frame_count
from diffusion_talker.corpus.emotions import EMOTION_NAMES, EMOTIONS
from diffusion_talker.corpus.face import animate
from diffusion_talker.corpus.phones import SILENCE, UNKNOWN_PHONE
from diffusion_talker.corpus.recordings.pieces import Piece, load_samples
from diffusion_talker.corpus.recordings.sources import Recording
from diffusion_talker.corpus.shards import Clip
from diffusion_talker.corpus.talkers import TALKERS
from diffusion_talker.corpus.timing import TimedPhone, fill_silence, phone_track, place_phones, shift
from diffusion_talker.corpus.voices.base import PhoneSpan
from diffusion_talker.errors import CorpusError

_PEAK = 0.5
_FADE_S = 0.008
_GATED_SHARE = 0.35  # of the clips whose pauses are digital silence, as behind a noise gate
_GATE_EDGE_S = 0.05
_NOISE_BLOCK = 512
_LEVEL_RANGE_DB = (-4.0, 2.0)


@dataclass(frozen=True)
class PiecePlace:
    """A piece in its recording. number: of the piece there."""

    recording: Recording
    piece: Piece
    number: int

    @property
    def name(self) -> str:
        return f"{self.recording.source}/{self.recording.name}/{self.number}"


@dataclass(frozen=True)
class ClipPlan:
    """A clip to make: pieces of one speaker in one mood, and which variant of them this is."""

    places: tuple[PiecePlace, ...]
    variant: int


@dataclass(frozen=True)
class _Sound:
    """samples: (N,); phones: without holes; unsure_s: stretches whose phone may not be learned."""

    samples: np.ndarray
    phones: tuple[TimedPhone, ...]
    unsure_s: tuple[tuple[float, float], ...]


def make_recorded_clip(plan: ClipPlan, seed: int) -> Clip:
    """Sound and face of one clip. Raises CorpusError and AudioError when a recording cannot be read."""
    recording = plan.places[0].recording
    rng = named_rng(seed, *(place.name for place in plan.places), str(plan.variant))
    identity = face_of(seed, plan.places[0].name, plan.variant)
    emotion = EMOTION_NAMES.index(recording.emotion)
    intensity = float(rng.uniform(0.5, 1.0)) if emotion else 0.0
    sound = _with_level(_chain(plan.places, rng), EMOTIONS[emotion].voice_level_db * intensity, rng)
    frame_count = motion_frame_count(len(sound.samples))
    motion = animate(
        sound.phones,
        frame_count,
        float(MOTION_RATE_HZ),
        TALKERS[identity].axes,
        EMOTIONS[emotion],
        intensity,
        rng,
    )
    return Clip(
        samples=np.round(np.clip(sound.samples, -1, 1) * 32767).astype(np.int16),
        motion=motion.astype(np.float16),
        phone=_phone_labels(sound, frame_count),
        identity=identity,
        emotion=emotion,
        intensity=intensity,
        language=recording.language,
        engine=recording.source,
        voice=recording.speaker,
        text=" / ".join(dict.fromkeys(place.recording.prompt for place in plan.places)),
        identity_heard=False,
        emotion_heard=recording.emotion_heard,
    )


def named_rng(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that are a function of the seed and of names, on any machine."""
    digest = hashlib.sha256("\n".join((str(seed), *names)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest[:16], np.uint32))


def face_of(seed: int, name: str, variant: int) -> int:
    """Index of the talker that lends its face: every variant of a piece another one."""
    order = named_rng(seed, "face", name).permutation(len(TALKERS))
    return int(order[variant % len(TALKERS)])


def _chain(places: Sequence[PiecePlace], rng: np.random.Generator) -> _Sound:
    """Pieces with pauses before, between and after them, over the noise floor of the recording or gated."""
    is_gated = bool(rng.random() < _GATED_SHARE)
    sounds = [_piece_sound(place, is_gated) for place in places]
    floor = None if is_gated else np.min([_noise_floor(samples) for samples, _ in sounds], axis=0)
    parts = [_pause(rng.uniform(0.05, 0.6), floor, rng)]
    phones: list[TimedPhone] = []
    unsure_s: list[tuple[float, float]] = []
    for i, (place, (samples, heard)) in enumerate(zip(places, sounds, strict=True)):
        offset_s = sum(map(len, parts)) / SAMPLE_RATE_HZ
        phones.extend(shift(heard, offset_s))
        moved_s = offset_s - place.piece.start_s
        unsure_s += [(p.start_s + moved_s, p.end_s + moved_s) for p in place.piece.phones if not p.is_sure]
        last = i + 1 == len(places)
        parts += [samples, _pause(rng.uniform(0.25, 0.9) if last else rng.uniform(0.1, 0.7), floor, rng)]
    samples = np.concatenate(parts)
    return _Sound(samples, fill_silence(phones, len(samples) / SAMPLE_RATE_HZ), tuple(unsure_s))


def _piece_sound(place: PiecePlace, is_gated: bool) -> tuple[np.ndarray, tuple[TimedPhone, ...]]:
    """Samples of a piece, at the same peak for all, and its phones from second 0."""
    piece = place.piece
    first, last = (int(round(time_s * SAMPLE_RATE_HZ)) for time_s in (piece.start_s, piece.end_s))
    samples = load_samples(place.recording)[first:last].astype(np.float32)
    peak = float(np.abs(samples).max()) if len(samples) else 0.0
    if peak <= 0:
        raise CorpusError(f"'{place.recording.path}' is silent from {piece.start_s:.2f} s to {piece.end_s:.2f} s.")
    samples *= _PEAK / peak
    spans = [PhoneSpan(p.name, p.start_s - piece.start_s, p.end_s - piece.start_s) for p in piece.phones]
    phones = place_phones(spans, "ipa", "", samples)
    fade = min(int(_FADE_S * SAMPLE_RATE_HZ), len(samples) // 2)
    ramp = np.linspace(0.0, 1.0, fade, endpoint=False, dtype=np.float32)
    samples[:fade] *= ramp
    samples[len(samples) - fade :] *= ramp[::-1]
    return (_gate(samples, phones) if is_gated else samples), phones


def _gate(samples: np.ndarray, phones: Sequence[TimedPhone]) -> np.ndarray:
    """Silence made digital, but for its first and last hundredths, where speech still rings or starts."""
    gain = np.ones(len(samples), np.float32)
    ramp = int(_FADE_S * SAMPLE_RATE_HZ)
    for phone in phones:
        first, last = (int(t * SAMPLE_RATE_HZ) for t in (phone.start_s + _GATE_EDGE_S, phone.end_s - _GATE_EDGE_S))
        if phone.phone.name == SILENCE and last - first > 2 * ramp:
            gain[first:last] = 0.0
            gain[first : first + ramp] = np.linspace(1.0, 0.0, ramp)
            gain[last - ramp : last] = np.linspace(0.0, 1.0, ramp)
    return samples * gain


def _noise_floor(samples: np.ndarray) -> np.ndarray:
    """(_NOISE_BLOCK // 2 + 1,) amplitude over frequency of what is left in the quietest twentieth of a piece."""
    blocks = samples[: len(samples) // _NOISE_BLOCK * _NOISE_BLOCK].reshape(-1, _NOISE_BLOCK).astype(np.float64)
    quiet = blocks[np.argsort(blocks.std(axis=1))[: max(1, len(blocks) // 20)]]
    return np.sqrt((np.abs(rfft(quiet * np.hanning(_NOISE_BLOCK))) ** 2).mean(axis=0) / (0.375 * _NOISE_BLOCK))


def _pause(duration_s: float, floor: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Digital silence, or noise of the spectrum `floor`: the room goes on sounding."""
    count = int(duration_s * SAMPLE_RATE_HZ)
    if floor is None:
        return np.zeros(count, np.float32)
    spectrum = rfft(rng.normal(size=next_fast_len(count, real=True)))
    along = np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, len(floor)), floor)
    return irfft(spectrum * along)[:count].astype(np.float32)


def _with_level(sound: _Sound, voice_level_db: float, rng: np.random.Generator) -> _Sound:
    """The loudness that the same mood has in synthetic clips, drawn around it."""
    gain = 10 ** ((voice_level_db + rng.uniform(*_LEVEL_RANGE_DB)) / 20)
    return _Sound((sound.samples * gain).astype(np.float32), sound.phones, sound.unsure_s)


def _phone_labels(sound: _Sound, frame_count: int) -> np.ndarray:
    """(frame_count,) uint8 into PHONE_NAMES; UNKNOWN_PHONE where the phone is unsure."""
    track = phone_track(sound.phones, frame_count, MOTION_RATE_HZ)
    times_s = np.arange(frame_count) / MOTION_RATE_HZ
    for start_s, end_s in sound.unsure_s:
        track[(times_s >= start_s - 1e-9) & (times_s < end_s - 1e-9)] = UNKNOWN_PHONE
    return track
