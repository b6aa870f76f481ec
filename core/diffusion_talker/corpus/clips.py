# SPDX-License-Identifier: GPL-3.0-or-later
"""One clip: who says what, how, in which voice; its sound with pauses and room; its face. A function of (seed,
number) alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, motion_frame_count
from diffusion_talker.corpus.emotions import EMOTIONS, Emotion, colour_prosody
from diffusion_talker.corpus.face import animate
from diffusion_talker.corpus.shards import Clip
from diffusion_talker.corpus.strangers import EVERYBODY, STRANGERS
from diffusion_talker.corpus.talkers import TALKERS, VoiceSpec
from diffusion_talker.corpus.text import compose_line
from diffusion_talker.corpus.timing import TimedPhone, fill_silence, phone_track, place_phones, shift
from diffusion_talker.corpus.voices import espeak, festival, flite
from diffusion_talker.corpus.voices.base import PhoneSpan, Prosody, Utterance, Voice, to_16_khz
from diffusion_talker.corpus.voices.borrowed import BorrowedVoice
from diffusion_talker.corpus.voices.whisper import whisper
from diffusion_talker.errors import CorpusError

#: Share of the languages in eSpeak's lines. What the other engines' natural voices speak comes on top.
_LANGUAGE_SHARES = {
    "en": 0.22, "de": 0.30, "fr": 0.08, "es": 0.06, "it": 0.04, "nl": 0.05, "pt": 0.04, "pl": 0.04, "sv": 0.03,
    "ru": 0.03, "tr": 0.02, "cmn": 0.02, "cs": 0.015, "fi": 0.015, "hu": 0.015, "hi": 0.015, "ca": 0.01,
}  # fmt: skip
_ENGINE_SHARES = {"espeak": 0.56, "flite": 0.22, "festival": 0.22}
#: How often a recorded voice of another language says German, which has none of its own.
_BORROWED_LANGUAGE, _BORROWED_SHARE = "de", 0.5
_SILENT_CLIP_SHARE = 0.03
_NEUTRAL_SHARE = 0.4
_WHISPERED_SHARE = 0.03
_CUT_SHARE = 0.06
#: Usual pace, and how often and how far lines leave it for a drawl or a rush.
_USUAL_RATE, _HURRIED_RATE, _DRAWLED_RATE, _UNUSUAL_SHARE = (0.85, 1.25), (1.25, 1.5), (0.75, 0.85), 0.2
_RATE_LIMITS = (0.65, 1.75)
_PEAK = 0.5
_FADE_SAMPLES = 80
_SILENCES = frozenset(("", "pau", "sil", "h#", "#", "##", "_"))


@dataclass(frozen=True)
class Plan:
    """Everything about a clip that is decided before it is spoken."""

    identity: int
    spec: VoiceSpec
    voice: Voice
    emotion: int
    intensity: float
    prosody: Prosody
    tract: float
    whispered: bool
    lines: tuple[str, ...]


def usable_voices(engines: tuple[str, ...], strangers: bool = False) -> dict[int, tuple[VoiceSpec, ...]]:
    """Voices of every talker that can speak here, given the engines that are installed and allowed, by its number.

    strangers: of those that no training corpus knows, in place of the library's.
    """
    first = len(TALKERS) if strangers else 0
    usable = {
        i: tuple(
            spec for spec in talker.voices if spec.engine in engines and missing_reason(spec.engine, spec.voice) is None
        )
        for i, talker in enumerate(STRANGERS if strangers else TALKERS, first)
    }
    return {i: specs for i, specs in usable.items() if specs}


def missing_reason(engine: str, voice: str = "kal_diphone") -> str | None:
    """Why an engine (or its voice) cannot be used here, or None when it can."""
    if engine == "espeak":
        return espeak.missing_reason()
    return flite.missing_reason() if engine == "flite" else festival.missing_reason(voice)


def engine_version(engine: str) -> str:
    """The version that an installed engine reports of itself."""
    return {"espeak": espeak.version, "flite": flite.version, "festival": festival.version}[engine]()


def make_clip(seed: int, number: int, voices: dict[int, tuple[VoiceSpec, ...]]) -> Clip:
    """Clip `number` of the corpus of that seed. Raises CorpusError when its engine fails."""
    rng = np.random.default_rng([seed, number])
    plan = plan_clip(rng, voices)
    if rng.random() < _SILENT_CLIP_SHARE:
        plan = replace(plan, lines=())
    samples, phones = speak(plan, rng)
    samples = add_room(samples, plan, rng)
    frame_count = motion_frame_count(len(samples))
    motion = animate(
        phones,
        frame_count,
        float(MOTION_RATE_HZ),
        EVERYBODY[plan.identity].axes,
        EMOTIONS[plan.emotion],
        plan.intensity,
        rng,
    )
    return Clip(
        samples=np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16),
        motion=motion.astype(np.float16),
        phone=phone_track(phones, frame_count, MOTION_RATE_HZ),
        identity=plan.identity,
        emotion=plan.emotion,
        intensity=plan.intensity,
        language=plan.voice.language,
        engine=plan.voice.engine,
        voice=plan.voice.name + (" whispered" if plan.whispered else ""),
        text=" / ".join(plan.lines),
    )


def plan_clip(rng: np.random.Generator, voices: dict[int, tuple[VoiceSpec, ...]]) -> Plan:
    """Draw who speaks, the emotion, the prosody and the lines."""
    identity = int(rng.choice(sorted(voices)))
    talker = EVERYBODY[identity]
    emotion = 0 if rng.random() < _NEUTRAL_SHARE else int(rng.integers(1, len(EMOTIONS)))
    intensity = 0.0 if emotion == 0 else float(rng.uniform(0.4, 1.0))
    spec = _choose_voice(rng, voices[identity])
    voice = bind_voice(spec, rng)
    usual = Prosody(
        rate=talker.pace * _draw_rate(rng), pitch=rng.uniform(0.92, 1.09), pitch_range=rng.uniform(0.7, 1.35)
    )
    lines: list[str] = []
    target_words = int(rng.integers(6, 24))
    while sum(len(line.split()) for line in lines) < target_words:
        lines.append(compose_line(voice.language, rng))
    return Plan(
        identity=identity,
        spec=spec,
        voice=voice,
        emotion=emotion,
        intensity=intensity,
        prosody=colour_prosody(usual, EMOTIONS[emotion], intensity),
        tract=spec.tract * rng.uniform(0.95, 1.055),
        whispered=bool(rng.random() < _WHISPERED_SHARE),
        lines=tuple(lines),
    )


def _draw_rate(rng: np.random.Generator) -> float:
    unusual = rng.random()
    if unusual < _UNUSUAL_SHARE / 2:
        return float(rng.uniform(*_HURRIED_RATE))
    return float(rng.uniform(*(_DRAWLED_RATE if unusual < _UNUSUAL_SHARE else _USUAL_RATE)))


def _choose_voice(rng: np.random.Generator, specs: tuple[VoiceSpec, ...]) -> VoiceSpec:
    engines = sorted({spec.engine for spec in specs})
    shares = np.array([_ENGINE_SHARES[engine] for engine in engines])
    engine = str(rng.choice(engines, p=shares / shares.sum()))
    of_engine = [spec for spec in specs if spec.engine == engine]
    return of_engine[int(rng.integers(len(of_engine)))]


def bind_voice(spec: VoiceSpec, rng: np.random.Generator) -> Voice:
    """The engine's voice behind a spec; which language it borrows, if any, is drawn."""
    if spec.engine == "espeak":
        shares = np.array(list(_LANGUAGE_SHARES.values()))
        language = str(rng.choice(list(_LANGUAGE_SHARES), p=shares / shares.sum()))
        files = espeak.LANGUAGE_FILES[language]
        return espeak.EspeakVoice(spec.voice, language, files[int(rng.integers(len(files)))], spec.pitch)
    if spec.engine == "flite":
        return flite.FliteVoice(spec.voice, spec.pitch / 50)
    borrows = festival.VOICES[spec.voice].engine == "diphone" and rng.random() < _BORROWED_SHARE
    if borrows and espeak.missing_reason() is None:
        language = _BORROWED_LANGUAGE
        return BorrowedVoice(spec.voice, language, espeak.LANGUAGE_FILES[language][0], spec.pitch / 50)
    return festival.FestivalVoice(spec.voice, spec.pitch / 50)


def speak(plan: Plan, rng: np.random.Generator) -> tuple[np.ndarray, tuple[TimedPhone, ...]]:
    """All lines with pauses around them: (samples (N,) in [-1, 1] at 16 kHz, phones without holes)."""
    if not plan.lines:
        duration_s = float(rng.uniform(2.5, 5.0))
        return np.zeros(int(duration_s * SAMPLE_RATE_HZ), np.float32), fill_silence((), duration_s)
    parts = [_pause(rng.uniform(0.05, 0.7))]
    phones: list[TimedPhone] = []
    for i, line in enumerate(plan.lines):
        last = i + 1 == len(plan.lines)
        utterance = _say(plan, line, rng)
        if last and rng.random() < _CUT_SHARE:
            utterance = cut_short(utterance, rng.uniform(0.35, 0.9))
        offset_s = sum(map(len, parts)) / SAMPLE_RATE_HZ
        placed = place_phones(utterance.phones, plan.voice.alphabet, plan.voice.language, utterance.samples)
        phones.extend(shift(placed, offset_s))
        spoken = whisper(utterance.samples, rng) if plan.whispered else utterance.samples
        parts += [spoken, _pause(rng.uniform(0.3, 1.1) if last else _gap_s(rng))]
    samples = np.concatenate(parts)
    peak = float(np.abs(samples).max())
    if peak <= 0:
        raise CorpusError(f"The voice {plan.voice.name} made only silence for {plan.lines[0]!r}.")
    return samples * (_PEAK / peak), fill_silence(phones, len(samples) / SAMPLE_RATE_HZ)


def _say(plan: Plan, line: str, rng: np.random.Generator) -> Utterance:
    """One line at its own pace. What an engine cannot do is done to its sound: a pitch it does not obey becomes half
    a change of tract; the pace that a change of tract brings along is taken out."""
    prosody, voice = plan.prosody, plan.voice
    tract = plan.tract if voice.obeys_pitch else plan.tract * prosody.pitch**0.5
    rate = float(np.clip(prosody.rate * rng.uniform(0.92, 1.08), *_RATE_LIMITS)) / tract
    return _trim(change_tract(voice.synthesize(line, replace(prosody, rate=rate)), tract))


def cut_short(utterance: Utterance, share: float) -> Utterance:
    """The beginning of an utterance, cut in the middle of whatever is said after `share` of its length."""
    count = int(len(utterance.samples) * share)
    samples = utterance.samples[:count].copy()
    fade = min(_FADE_SAMPLES, count)
    samples[count - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    end_s = count / SAMPLE_RATE_HZ
    spans = (replace(span, end_s=min(span.end_s, end_s)) for span in utterance.phones if span.start_s < end_s - 0.005)
    return Utterance(samples, tuple(spans))


def _gap_s(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.05, 0.35) if rng.random() < 0.6 else rng.uniform(0.35, 1.4))


def _pause(duration_s: float) -> np.ndarray:
    return np.zeros(int(duration_s * SAMPLE_RATE_HZ), np.float32)


def _trim(utterance: Utterance) -> Utterance:
    """Cut the engine's own silence at both ends to at most 50 ms: pauses are ours to choose."""
    speech = [span for span in utterance.phones if span.symbol not in _SILENCES]
    if not speech:
        raise CorpusError("The engine found nothing to say in the line.")
    first_s = max(0.0, speech[0].start_s - 0.05)
    last_s = speech[-1].end_s + 0.05
    samples = utterance.samples[int(first_s * SAMPLE_RATE_HZ) : int(last_s * SAMPLE_RATE_HZ)]
    end_s = len(samples) / SAMPLE_RATE_HZ
    spans = [
        PhoneSpan(
            span.symbol,
            min(max(span.start_s - first_s, 0.0), end_s),
            min(max(span.end_s - first_s, 0.0), end_s),
            span.stress,
        )
        for span in utterance.phones
    ]
    return Utterance(samples, tuple(span for span in spans if span.end_s > span.start_s))


def change_tract(utterance: Utterance, factor: float) -> Utterance:
    """Another size of speaker: resonances and pitch times `factor`, time divided by it, phones moved alike."""
    rate_hz = int(round(SAMPLE_RATE_HZ * factor / 80)) * 80
    if rate_hz == SAMPLE_RATE_HZ:
        return utterance
    scale = SAMPLE_RATE_HZ / rate_hz
    spans = tuple(PhoneSpan(p.symbol, p.start_s * scale, p.end_s * scale, p.stress) for p in utterance.phones)
    return Utterance(to_16_khz(utterance.samples, rate_hz), spans)


def add_room(samples: np.ndarray, plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """Level of the emotion's voice, and in most clips a noise floor, so that silence is not always digital."""
    emotion: Emotion = EMOTIONS[plan.emotion]
    samples = samples * 10 ** ((emotion.voice_level_db * plan.intensity + rng.uniform(-4, 2)) / 20)
    if rng.random() < 0.65 or not plan.lines:
        level = 10 ** (rng.uniform(-72, -46) / 20)
        samples = samples + level * coloured_noise(len(samples), rng)
    return samples.astype(np.float32)


def coloured_noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) noise of unit deviation whose spectrum falls by 0-6 dB per octave."""
    spectrum = rfft(rng.normal(size=next_fast_len(count, real=True)))
    slope = rng.uniform(0.0, 1.0)
    shaped = irfft(spectrum / np.maximum(np.arange(len(spectrum)), 20.0) ** slope)[:count]
    return shaped / max(float(shaped.std()), 1e-12)
