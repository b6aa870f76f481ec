# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped student on the demo's line, whose phone times are known: lips close when, and only when, they must."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("soundfile", reason="soundfile is not installed: the demo's FLAC cannot be read")

from diffusion_talker.audio import ArraySource, FileSource  # noqa: E402
from diffusion_talker.motion import Motion, lip_aperture, resample_motion  # noqa: E402
from diffusion_talker.student import GenerateSettings, Student, load_student  # noqa: E402
from diffusion_talker.student.contact import FREE_ABOVE  # noqa: E402

DEMO = Path(__file__).resolve().parents[3] / "demo"
CLOSED = 0.06  # lip aperture; a relaxed open vowel is above 0.2
SCENE_RATES_HZ = (23.976, 24.0, 25.0, 29.97, 30.0, 60.0)


@dataclass(frozen=True)
class Phone:
    start_s: float
    end_s: float
    symbol: str


OPENNESS = {"aa": 1.0, "ae": 1.0, "ay": 0.9, "ao": 0.8, "eh": 0.7, "ax": 0.4, "er": 0.4}  # of vowels; others 0.2
SHUT = ("p", "b", "m", "f", "v", "pau")


def read_phones() -> tuple[Phone, ...]:
    with (DEMO / "line.phones.tsv").open() as file:
        rows = csv.DictReader(file, delimiter="\t")
        return tuple(Phone(float(row["start_s"]), float(row["end_s"]), row["phone"]) for row in rows)


@pytest.fixture(scope="module")
def student() -> Student:
    return load_student(runtime="numpy")


@pytest.fixture(scope="module")
def motion(student) -> Motion:
    return student.generate(FileSource(DEMO / "line.flac"), GenerateSettings())


def within(motion: Motion, phone: Phone, margin_s: float = 0.0) -> slice:
    first = int(np.floor((phone.start_s - margin_s) * motion.rate_hz))
    return slice(max(0, first), int(np.ceil((phone.end_s + margin_s) * motion.rate_hz)) + 1)


def closed_share(motion: Motion) -> float:
    """Share of p, b and m in which the lips meet, a frame of tolerance on each side."""
    aperture = lip_aperture(motion)
    bilabials = [phone for phone in read_phones() if phone.symbol in ("p", "b", "m")]
    return float(np.mean([aperture[within(motion, phone, 1 / 60)].min() < CLOSED for phone in bilabials]))


@pytest.mark.parametrize("rate_hz", SCENE_RATES_HZ)
def test_lips_close_on_p_b_m_at_every_scene_rate(motion, rate_hz):
    assert closed_share(resample_motion(motion, rate_hz)) >= 0.9


def test_lips_open_on_open_vowels(motion):
    aperture = lip_aperture(motion)
    vowels = [phone for phone in read_phones() if phone.symbol in ("aa", "ae", "ay", "ao", "eh")]
    open_share = np.mean([aperture[within(motion, phone)].max() > 0.1 for phone in vowels])
    assert open_share >= 0.8


def test_lower_lip_tucks_under_the_teeth_on_f_and_v(motion):
    tuck = motion.column("mouthRollLower") - motion.column("mouthRollUpper")
    phones = [phone for phone in read_phones() if phone.end_s - phone.start_s > 0.05]
    labiodental = [tuck[within(motion, phone)].max() for phone in phones if phone.symbol in ("f", "v")]
    other = [tuck[within(motion, phone)].mean() for phone in phones if phone.symbol in ("s", "iy", "aa", "t", "k", "n")]
    assert np.mean(labiodental) > 2 * np.mean(other) + 0.1


def test_lips_round_on_w_and_uw(motion):
    rounding = motion.column("mouthPucker") + motion.column("mouthFunnel")
    phones = read_phones()
    rounded = [rounding[within(motion, phone)].max() for phone in phones if phone.symbol in ("w", "uw", "ao")]
    spread = [rounding[within(motion, phone)].mean() for phone in phones if phone.symbol in ("iy", "ae", "eh")]
    assert np.mean(rounded) > 2 * np.mean(spread)


def test_mouth_is_in_time(motion):
    """The aperture fits the phones best within 30 ms of where they are."""
    times_s = np.arange(motion.frame_count) / motion.rate_hz
    openness = np.zeros(motion.frame_count)
    for phone in read_phones():
        inside = (times_s >= phone.start_s) & (times_s < phone.end_s)
        openness[inside] = 0.0 if phone.symbol in SHUT else OPENNESS.get(phone.symbol, 0.2)
    aperture = lip_aperture(motion)
    shifts = range(-12, 13)
    fits = [np.corrcoef(np.roll(aperture, -shift)[12:-12], openness[12:-12])[0, 1] for shift in shifts]
    assert abs(shifts[int(np.argmax(fits))]) * 1000 / motion.rate_hz <= 34
    assert max(fits) > 0.4


def test_face_rests_before_and_after_the_line(motion):
    aperture = lip_aperture(motion)
    assert aperture[: int(0.3 * 60)].max() < CLOSED
    assert aperture[int(6.95 * 60) :].max() < CLOSED


def apertures_of_noise(student, level):
    """Four takes of three seconds of hiss; level: its standard deviation."""
    samples = np.random.default_rng(0).standard_normal(3 * 16000).astype(np.float32) * level
    takes = [student.generate(ArraySource(samples, 16000), GenerateSettings(seed=seed)) for seed in range(4)]
    assert all(np.isfinite(take.weights).all() for take in takes)
    return np.concatenate([lip_aperture(take) for take in takes])


def test_silence_is_rest(student):
    assert apertures_of_noise(student, 0.0).max() < CLOSED


def test_a_quiet_room_is_rest(student):
    """Hardly a frame leaves rest, and none opens as far as lips that are free of the seal."""
    apertures = apertures_of_noise(student, 0.001)
    assert (apertures < CLOSED).mean() >= 0.99 and apertures.max() < FREE_ABOVE


def test_loudness_does_not_change_what_the_lips_do(student):
    """A recording 20 dB quieter closes its lips all the same."""
    source = FileSource(DEMO / "line.flac")
    quiet = ArraySource(source.read(0, source.sample_count) * 0.1, 16000)
    assert closed_share(student.generate(quiet, GenerateSettings())) >= 0.85


def test_every_identity_and_emotion_closes_its_lips(student):
    source = FileSource(DEMO / "line.flac")
    styles = [GenerateSettings(identity=identity.name, emotion="neutral") for identity in student.identities]
    styles += [GenerateSettings(emotion=emotion) for emotion in student.emotions]
    for style in styles:
        assert closed_share(student.generate(source, style)) >= 0.8, style


def test_identities_differ_in_how_far_the_jaw_opens(student):
    source = FileSource(DEMO / "line.flac")

    def jaw(identity: str) -> float:
        motion = student.generate(source, GenerateSettings(identity=identity, emotion="neutral"))
        return float(np.percentile(motion.column("jawOpen"), 95))

    assert jaw("Coach") > 1.5 * jaw("Ventriloquist")


def test_mouth_does_not_jitter(motion):
    """Share of 30 Hz frames in a zigzag: three successive steps of the aperture above 0.02 of alternating sign."""
    steps = np.diff(lip_aperture(resample_motion(motion, 30.0)))
    big = np.abs(steps) > 0.02
    zigzag = big[:-2] & big[1:-1] & big[2:] & (steps[:-2] * steps[1:-1] < 0) & (steps[1:-1] * steps[2:] < 0)
    assert zigzag.mean() < 0.05
