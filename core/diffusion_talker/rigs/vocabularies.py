# SPDX-License-Identifier: GPL-3.0-or-later
"""The vocabularies in which faces name their shape keys, as typed tables, and the recognition of them.

Every key has a meaning: a pose in ARKit weights. A shape of one channel drives that channel alone, a viseme is a known
direction in ARKit space, an expression moves the whole face at once and is only named, a measured key says nothing by
its name (principal components) and needs the mesh.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from diffusion_talker.channels import ARKIT_52, MIRROR_PAIRS, canonical_channel
from diffusion_talker.rigs import visemes as v
from diffusion_talker.rigs.visemes import Pose, pose


class KeyKind(StrEnum):
    """What sort of shape a key holds."""

    SHAPE = "shape"
    VISEME = "viseme"
    EXPRESSION = "expression"
    MEASURED = "measured"


@dataclass(frozen=True)
class KeyMeaning:
    """One key of a vocabulary: its name there, its pose in ARKit weights at value 1, other spellings of the name."""

    name: str
    pose: Pose
    kind: KeyKind
    spellings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """A way of naming keys. least: how many of its shapes and visemes a face must have before the names are believed;
    short names such as "A" mean nothing on their own."""

    name: str
    keys: tuple[KeyMeaning, ...]
    least: int = 1


@dataclass(frozen=True)
class Recognized:
    """What a shape key's name says. exact: spelled letter for letter as in the vocabulary."""

    name: str
    vocabulary: str
    meaning: KeyMeaning
    exact: bool


def _shapes(**poses: Pose | str) -> tuple[KeyMeaning, ...]:
    """Shapes by name; text is the one channel that the shape is."""
    return tuple(
        KeyMeaning(name, ((value, 1.0),) if isinstance(value, str) else value, KeyKind.SHAPE)
        for name, value in poses.items()
    )


def _visemes(table: Mapping[str, Pose], prefix: str = "", spelling: str = "") -> tuple[KeyMeaning, ...]:
    """Visemes named prefix + key; `spelling` is another prefix that means the same."""
    return tuple(
        KeyMeaning(prefix + name, sound, KeyKind.VISEME, (spelling + name,) if spelling else ())
        for name, sound in table.items()
    )


def _expressions(*names: str) -> tuple[KeyMeaning, ...]:
    return tuple(KeyMeaning(name, (), KeyKind.EXPRESSION) for name in names)


def _both_sides(template: str, channel: str, share: float = 1.0) -> tuple[KeyMeaning, ...]:
    """Shapes of the left and the right side; {} in the name becomes L or R, in the channel Left or Right. An unsided
    channel gets `share` from each of them."""
    return tuple(
        KeyMeaning(template.format(letter), ((channel.format(word), share),), KeyKind.SHAPE)
        for letter, word in (("L", "Left"), ("R", "Right"))
    )


# ---------------------------------------------------------------- ARKit, whole, split and merged

_UNSIDED: Final = (
    "browInnerUp", "cheekPuff", "mouthClose", "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper",
)  # fmt: skip
_HALVES: Final = ("Upper", "Lower", "Up", "Down")
#: Shares of a channel that a key may hold as one of two or four parts of it.
PART_SHARES: Final = (0.5, 0.25)
#: Shapes that some vendors cut into upper and lower lip; Daz calls one of them by another name.
_QUARTERED: Final[Mapping[str, str]] = {
    "mouthFunnel": "mouthFunnel", "mouthPucker": "mouthPucker", "mouthClose": "mouthClose", "mouthPurse": "mouthPucker",
}  # fmt: skip


def _arkit_parts() -> Iterator[KeyMeaning]:
    """Shapes that are a part of an ARKit channel (ICT, Daz and Reallusion split what ARKit moves as one)."""
    for base in _UNSIDED:
        for side in ("Left", "Right"):
            yield KeyMeaning(base + side, ((base, 0.5),), KeyKind.SHAPE)
    for base, channel in _QUARTERED.items():
        for half in _HALVES:
            yield KeyMeaning(base + half, ((channel, 0.5),), KeyKind.SHAPE)
            for side in ("Left", "Right"):
                yield KeyMeaning(base + half + side, ((channel, 0.25),), KeyKind.SHAPE)


def _arkit_pairs() -> Iterator[KeyMeaning]:
    """Shapes that do both sides at once: mouthSmile is mouthSmileLeft and mouthSmileRight."""
    for left, right in MIRROR_PAIRS:
        base = left.removesuffix("Left")
        if base not in ("jaw", "mouth"):
            yield KeyMeaning(base, ((left, 1.0), (right, 1.0)), KeyKind.SHAPE)


ARKIT: Final = Vocabulary(
    "ARKit",
    (
        *(KeyMeaning(name, ((name, 1.0),), KeyKind.SHAPE) for name in ARKIT_52),
        *_arkit_parts(),
        *_arkit_pairs(),
        # Daz: lids
        *_both_sides("EyesWide{}", "eyeWide{}"),
        *_both_sides("EyelidOpenUpper{}", "eyeWide{}"),
    ),
)

#: Names that stand for themselves on heads of any make.
COMMON: Final = Vocabulary(
    "Common names",
    _shapes(
        mouthOpen=pose(jawOpen=0.7, mouthLowerDown=0.1),
        openMouth=pose(jawOpen=0.7, mouthLowerDown=0.1),
        eyesClosed=pose(eyeBlink=1.0),
        eyesClose=pose(eyeBlink=1.0),
        blink=pose(eyeBlink=1.0),
        blinkLeft="eyeBlinkLeft",
        blinkRight="eyeBlinkRight",
        eyeCloseLeft="eyeBlinkLeft",
        eyeCloseRight="eyeBlinkRight",
        eyeClosedLeft="eyeBlinkLeft",
        eyeClosedRight="eyeBlinkRight",
        lookUp=pose(eyeLookUp=1.0),
        lookDown=pose(eyeLookDown=1.0),
        eyesLookUp=pose(eyeLookUp=1.0),
        eyesLookDown=pose(eyeLookDown=1.0),
        lookLeft=pose(eyeLookOutLeft=1.0, eyeLookInRight=1.0),
        lookRight=pose(eyeLookInLeft=1.0, eyeLookOutRight=1.0),
    ),
)

# ---------------------------------------------------------------- Oculus, Meta and their kin

_OCULUS_SHARED: Final[Mapping[str, Pose]] = {
    "sil": v.REST, "PP": v.SEAL, "FF": v.TUCK, "TH": v.DENTAL, "DD": v.TONGUE_TIP, "kk": v.BACK, "CH": v.HUSH,
    "SS": v.HISS, "nn": v.NASAL, "RR": v.RHOTIC, "aa": v.OPEN, "E": v.MID_FRONT,
}  # fmt: skip
_OCULUS_SOUNDS: Final = {**_OCULUS_SHARED, "ih": v.NEAR_FRONT, "oh": v.MID_BACK, "ou": v.CLOSE_BACK}

OCULUS: Final = Vocabulary("Oculus visemes", _visemes(_OCULUS_SOUNDS), least=6)
READY_PLAYER_ME: Final = Vocabulary(
    "Ready Player Me visemes",
    (
        *_visemes(_OCULUS_SHARED, "viseme_"),
        KeyMeaning("viseme_I", v.NEAR_FRONT, KeyKind.VISEME, ("viseme_ih",)),
        KeyMeaning("viseme_O", v.MID_BACK, KeyKind.VISEME, ("viseme_oh",)),
        KeyMeaning("viseme_U", v.CLOSE_BACK, KeyKind.VISEME, ("viseme_ou",)),
    ),
)
VRCHAT: Final = Vocabulary("VRChat visemes", _visemes(_OCULUS_SOUNDS, "vrc.v_", "v_"), least=3)

# ---------------------------------------------------------------- VRM and Japanese avatars

_A_I_U_E_O: Final = (v.OPEN, v.CLOSE_FRONT, v.CLOSE_BACK, v.MID_FRONT, v.MID_BACK)


def _vowels(*names: str) -> tuple[KeyMeaning, ...]:
    """Five visemes in the order a i u e o."""
    return _visemes(dict(zip(names, _A_I_U_E_O, strict=True)))


VRM_1: Final = Vocabulary(
    "VRM 1",
    (*_vowels("aa", "ih", "ou", "ee", "oh"), *_expressions("happy", "angry", "sad", "relaxed", "surprised", "neutral")),
    least=4,
)
VRM_0: Final = Vocabulary(
    "VRM 0",
    (*_vowels("A", "I", "U", "E", "O"), *_expressions("Joy", "Angry", "Sorrow", "Fun", "Surprised", "Neutral")),
    least=4,
)
VROID: Final = Vocabulary(
    "VRoid",
    (
        *_vowels("Fcl_MTH_A", "Fcl_MTH_I", "Fcl_MTH_U", "Fcl_MTH_E", "Fcl_MTH_O"),
        *_shapes(
            Fcl_EYE_Close=pose(eyeBlink=1.0),
            Fcl_EYE_Close_L="eyeBlinkLeft",
            Fcl_EYE_Close_R="eyeBlinkRight",
            Fcl_BRW_Surprised=pose(browInnerUp=0.9, browOuterUp=0.9),
            Fcl_BRW_Sorrow=pose(browInnerUp=0.8),
            Fcl_BRW_Angry=pose(browDown=0.9),
        ),
        *_expressions(
            *(f"Fcl_ALL_{name}" for name in ("Neutral", "Angry", "Fun", "Joy", "Sorrow", "Surprised")),
            *(f"Fcl_MTH_{name}" for name in ("Angry", "Fun", "Joy", "Sorrow", "Surprised")),
            *(f"Fcl_MTH_{name}" for name in ("Up", "Down", "Small", "Large", "Neutral")),  # they shift and scale it
            *(f"Fcl_EYE_{name}" for name in ("Natural", "Angry", "Fun", "Joy", "Sorrow", "Surprised")),
            *(f"Fcl_BRW_{name}" for name in ("Fun", "Joy")),
        ),
    ),
)
MMD: Final = Vocabulary(
    "MikuMikuDance",
    (
        *_vowels("あ", "い", "う", "え", "お"),
        *_visemes({"ん": v.SEAL}),
        *_shapes(まばたき=pose(eyeBlink=1.0), ウィンク="eyeBlinkLeft", ウィンク右="eyeBlinkRight",
                 にやり=pose(mouthSmile=0.7), 上=pose(browInnerUp=0.8, browOuterUp=0.8), 困る=pose(browInnerUp=0.8),
                 怒り=pose(browDown=0.9), びっくり=pose(eyeWide=0.9)),
        *_expressions("笑い", "真面目", "にこり"),
    ),
    least=4,
)  # fmt: skip

# ---------------------------------------------------------------- vendors

_REALLUSION_SOUNDS: Final[Mapping[str, Pose]] = {
    "AE": v.OPEN_FRONT, "Ah": v.OPEN, "B_M_P": v.SEAL, "Ch_J": v.HUSH, "EE": v.CLOSE_FRONT, "Er": v.RHOTIC_VOWEL,
    "F_V": v.TUCK, "Ih": v.NEAR_FRONT, "K_G_H_NG": v.BACK, "Oh": v.MID_BACK, "R": v.RHOTIC, "S_Z": v.HISS,
    "T_L_D_N": v.TONGUE_TIP, "Th": v.DENTAL, "W_OO": v.GLIDE_W,
}  # fmt: skip
REALLUSION: Final = Vocabulary("Reallusion 15 visemes", _visemes(_REALLUSION_SOUNDS), least=5)
REALLUSION_8: Final = Vocabulary(
    "Reallusion 8 visemes",
    _visemes({
        "V_Open": v.OPEN, "V_Explosive": v.SEAL, "V_Dental_Lip": v.TUCK, "V_Tight_O": v.MID_BACK, "V_Tight": v.GLIDE_W,
        "V_Wide": v.CLOSE_FRONT, "V_Affricate": v.HUSH, "V_Lip_Open": pose(mouthLowerDown=0.5, mouthUpperUp=0.4),
    }),
    least=4,
)  # fmt: skip
#: Character Creator's expression keys, where they are not ARKit names with underscores.
CHARACTER_CREATOR: Final = Vocabulary(
    "Character Creator",
    (
        *_both_sides("Brow_Raise_Inner_{}", "browInnerUp", 0.5),
        *_both_sides("Brow_Raise_Outer_{}", "browOuterUp{}"),
        *_both_sides("Brow_Drop_{}", "browDown{}"),
        *_both_sides("Cheek_Raise_{}", "cheekSquint{}"),
        *_both_sides("Mouth_Up_Upper_{}", "mouthUpperUp{}"),
        *_both_sides("Mouth_Down_Lower_{}", "mouthLowerDown{}"),
        *_both_sides("Mouth_Roll_In_Upper_{}", "mouthRollUpper", 0.5),
        *_both_sides("Mouth_Roll_In_Lower_{}", "mouthRollLower", 0.5),
        *_both_sides("Eye_{}_Look_Up", "eyeLookUp{}"),
        *_both_sides("Eye_{}_Look_Down", "eyeLookDown{}"),
        *_shapes(
            Eye_L_Look_L="eyeLookOutLeft",
            Eye_L_Look_R="eyeLookInLeft",
            Eye_R_Look_L="eyeLookInRight",
            Eye_R_Look_R="eyeLookOutRight",
        ),
    ),
)
_DAZ_SOUNDS: Final[Mapping[str, Pose]] = {
    "AA": v.OPEN, "EE": v.CLOSE_FRONT, "EH": v.MID_FRONT, "ER": v.RHOTIC_VOWEL, "F": v.TUCK, "IH": v.NEAR_FRONT,
    "IY": v.CLOSE_FRONT, "K": v.BACK, "L": v.LATERAL, "M": v.SEAL, "OW": v.MID_BACK, "S": v.HISS, "SH": v.HUSH,
    "T": v.TONGUE_TIP, "TH": v.DENTAL, "UH": v.OPEN_MID, "UW": v.CLOSE_BACK, "W": v.GLIDE_W,
}  # fmt: skip
DAZ: Final = Vocabulary("Daz visemes", _visemes(_DAZ_SOUNDS, "eCTRLv", "v"), least=4)
#: MPFB's pack after Microsoft's 22 visemes; its other two packs carry ARKit's and Ready Player Me's names.
MPFB: Final = Vocabulary(
    "MPFB visemes (Microsoft)",
    _visemes({
        "sil_00": v.REST, "aa_ah_ax_01": v.OPEN_MID, "aa_02": v.OPEN, "ao_03": v.OPEN_BACK, "ey_eh_uh_04": v.MID_FRONT,
        "er_05": v.RHOTIC_VOWEL, "y_iy_ih_ix_06": v.CLOSE_FRONT, "w_uw_07": v.CLOSE_BACK, "ow_08": v.MID_BACK,
        "aw_09": v.OPEN_BACK, "oy_10": v.OPEN_BACK, "ay_11": v.OPEN, "h_12": v.BREATH, "r_13": v.RHOTIC,
        "l_14": v.LATERAL, "s_z_15": v.HISS, "sh_ch_jh_zh_16": v.HUSH, "th_dh_17": v.DENTAL, "f_v_18": v.TUCK,
        "d_t_n_19": v.TONGUE_TIP, "k_g_ng_20": v.BACK, "p_b_m_21": v.SEAL,
    }),
    least=5,
)  # fmt: skip
PRESTON_BLAIR: Final = Vocabulary(
    "Preston Blair",
    _visemes({
        "AI": v.OPEN, "E": v.MID_FRONT, "O": v.MID_BACK, "U": v.CLOSE_BACK, "WQ": v.GLIDE_W, "L": v.LATERAL,
        "MBP": v.SEAL, "FV": v.TUCK, "etc": v.HISS, "rest": v.REST,
    }),
    least=5,
)  # fmt: skip
#: Rhubarb's mouth shapes; A is the closed mouth and X rest.
RHUBARB: Final = Vocabulary(
    "Rhubarb",
    _visemes({
        "A": v.SEAL, "B": v.HISS, "C": v.MID_FRONT, "D": v.OPEN, "E": v.OPEN_BACK, "F": v.GLIDE_W, "G": v.TUCK,
        "H": v.LATERAL, "X": v.REST,
    }),
    least=6,
)  # fmt: skip
FLAME: Final = Vocabulary(
    "FLAME expressions",
    tuple(
        KeyMeaning(f"Exp{i}", (), KeyKind.MEASURED, (f"Exp{i:02d}", f"Exp{i:03d}", f"Expression{i}"))
        for i in range(101)
    ),
    least=3,
)

#: In the order of preference where two fit equally well.
VOCABULARIES: Final[tuple[Vocabulary, ...]] = (
    ARKIT, CHARACTER_CREATOR, READY_PLAYER_ME, VRCHAT, OCULUS, REALLUSION, REALLUSION_8, DAZ, MPFB, VROID, VRM_1, VRM_0,
    MMD, PRESTON_BLAIR, RHUBARB, FLAME, COMMON,
)  # fmt: skip


def vocabulary_named(name: str) -> Vocabulary:
    """The vocabulary of this name. Raises KeyError."""
    return {vocabulary.name: vocabulary for vocabulary in VOCABULARIES}[name]


# ---------------------------------------------------------------- recognition

_SEPARATORS: Final = re.compile(r"[\W_]+")
_BASIS: Final = re.compile(r"(basis|base|neutral|default)", re.I)
#: Words that exporters hang on the end of a name, and copy numbers (".001", "_div2").
_TRAILING_NOISE: Final = re.compile(r"(shape|shapes|key|bs|blendshape|morph|morphs|target|geo|mesh|div\d+|v?\d+)", re.I)
_SIDES: Final[Mapping[str, str]] = {"l": "left", "r": "right"}


@dataclass(frozen=True)
class _Reading:
    """One way to read a name: the core that may be a key, the words before it, how many words were left out."""

    core: str
    prefix: str
    dropped: int


@dataclass(frozen=True)
class _Match:
    index: int
    reading: _Reading
    meaning: KeyMeaning


def recognize(names: Sequence[str]) -> tuple[Recognized | None, ...]:
    """What each of a face's shape key names means, None where no vocabulary knows it.

    ARKit names are read one by one. Of the other vocabularies the one that explains most of the remaining names comes
    first, provided the face has enough of its keys (Vocabulary.least), all behind the same prefix; and so on with what
    is left. Where two names say the same, the most exact spelling keeps the meaning, between equals the first.
    """
    found: list[Recognized | None] = [None] * len(names)
    _recognize_channels(names, found)
    others = list(VOCABULARIES)
    while others:
        unknown = [i for i, name in enumerate(names) if found[i] is None and not _BASIS.fullmatch(name)]
        candidates = [(_best_matches(vocabulary, names, unknown), vocabulary) for vocabulary in others]
        matches, vocabulary = max(candidates, key=lambda pair: len(pair[0]))  # the first of equals
        if not matches:
            break
        others.remove(vocabulary)
        taken = {item.meaning.name for item in found if item and item.vocabulary == vocabulary.name}
        for match in matches:
            name = names[match.index]
            if match.meaning.name not in taken:
                found[match.index] = Recognized(name, vocabulary.name, match.meaning, name == match.meaning.name)
    return tuple(found)


def _recognize_channels(names: Sequence[str], found: list[Recognized | None]) -> None:
    """The 52 channels in any spelling that `channels` knows; one name each."""
    order = sorted(range(len(names)), key=lambda i: (_strangeness(names[i]), i))
    taken: set[str] = set()
    for i in order:
        channel = canonical_channel(names[i])
        if channel is not None and channel not in taken:
            taken.add(channel)
            found[i] = Recognized(names[i], ARKIT.name, _by_core(ARKIT)[channel.lower()], names[i] == channel)


def _strangeness(name: str) -> int:
    """0 for an ARKit name letter for letter, 1 for the same letters, 2 and more the more is around it."""
    if name in ARKIT_52:
        return 0
    channel = canonical_channel(name)
    return 1 + abs(len(name) - len(channel)) if channel else 0


def _best_matches(vocabulary: Vocabulary, names: Sequence[str], indices: Sequence[int]) -> list[_Match]:
    """Names that this vocabulary explains, all behind one prefix; none if they are too few to believe it.

    Long names are believed behind any prefix, each for itself.
    """
    table = _by_core(vocabulary)
    by_prefix: dict[str, dict[str, _Match]] = {}
    for i in indices:
        reading = next((reading for reading in _readings(names[i]) if reading.core in table), None)
        if reading is None:
            continue
        meaning = table[reading.core]
        group = by_prefix.setdefault(reading.prefix if vocabulary.least > 1 else "", {})
        if meaning.name not in group or reading.dropped < group[meaning.name].reading.dropped:
            group[meaning.name] = _Match(i, reading, meaning)
    believed = [list(group.values()) for group in by_prefix.values() if _evidence(group) >= vocabulary.least]
    return max(believed, key=len, default=[])


def _evidence(group: Mapping[str, _Match]) -> int:
    """Expressions prove nothing: "angry" may be anybody's name for it."""
    return sum(match.meaning.kind is not KeyKind.EXPRESSION for match in group.values())


def _readings(name: str) -> Iterator[_Reading]:
    """Readings of a name, the fewest words left out first."""
    parts = [part for part in _SEPARATORS.split(name) if part]
    for behind in range(len(parts)):
        kept = parts[: len(parts) - behind]
        for ahead in range(len(kept)):
            for core in _cores(kept[ahead:]):
                yield _Reading(core, "".join(kept[:ahead]).lower(), ahead + 2 * behind)
        if not _TRAILING_NOISE.fullmatch(kept[-1]):
            return


def _cores(parts: Sequence[str]) -> Iterator[str]:
    """The words as one, as they are and with the side in full: mouthSmile_L, mouthSmileL -> mouthsmileleft."""
    joined = "".join(parts)
    yield joined.lower()
    if len(parts) > 1 and parts[-1].lower() in _SIDES:
        yield "".join(parts[:-1]).lower() + _SIDES[parts[-1].lower()]
    elif joined[-1] in "LR" and joined[-2:-1].islower():
        yield joined[:-1].lower() + _SIDES[joined[-1].lower()]


@cache
def _by_core(vocabulary: Vocabulary) -> Mapping[str, KeyMeaning]:
    """Core of every spelling -> the key. "..._L" also stands under "...left"."""
    table: dict[str, KeyMeaning] = {}
    for meaning in vocabulary.keys:
        for spelling in (meaning.name, *meaning.spellings):
            for core in _cores([part for part in _SEPARATORS.split(spelling) if part]):
                table.setdefault(core, meaning)
    return table
