# SPDX-License-Identifier: GPL-3.0-or-later
"""Talkers to choose from: the list, one's own identities on disk, and what is said when one is gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import bpy
import numpy as np
import pytest

from diffusion_talker.library import UserLibrary
from tests.addon.scenes import HAS_AUDASPACE, NO_AUDASPACE, add_strip, keys_of, make_face, speech_like, write_sound
from tests.addon.students import TALKERS, model_in_use, write_student

OPS = bpy.ops.diffusion_talker
needs_audaspace = pytest.mark.skipif(not HAS_AUDASPACE, reason=NO_AUDASPACE)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_student(tmp_path_factory.mktemp("model") / "student.npz")


@pytest.fixture
def scene(addon: ModuleType, fresh_scene: object, model: Path, tmp_path: Path) -> Iterator[bpy.types.Scene]:
    """A face, six seconds of speech, an empty library of one's own and a small model."""
    shutil.rmtree(addon.identities.library_folder(), ignore_errors=True)
    make_face()
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file = "FILE", str(write_sound(tmp_path / "ada.wav", speech_like(6.0)))
    with model_in_use(model):
        OPS.identities_refresh()
        yield bpy.context.scene
    shutil.rmtree(addon.identities.library_folder(), ignore_errors=True)


def names() -> list[str]:
    return [row.name for row in bpy.context.window_manager.diffusion_talker_identities.rows]


def library(addon: ModuleType) -> UserLibrary:
    return UserLibrary(addon.identities.library_folder())


def test_the_list_holds_the_recording_and_the_talkers(addon: ModuleType, scene: bpy.types.Scene) -> None:
    assert names() == ["From the Recording", *TALKERS]
    rows = bpy.context.window_manager.diffusion_talker_identities.rows
    assert rows["Lively"].description == "Lively talker" and not any(row.is_own for row in rows)
    assert [addon.style_panel.icon_of(row) for row in rows][:2] == ["SOUND", "LOCKED"]


def test_a_click_in_the_list_chooses_and_a_choice_moves_the_list(scene: bpy.types.Scene) -> None:
    settings = scene.diffusion_talker
    assert settings.identity == "auto" and settings.identity_row == 0
    settings.identity_row = 3
    assert settings.identity == "Calm"
    settings.identity = "lively"  # as people type it
    assert settings.identity_row == 2
    settings.identity = "Nobody"
    assert settings.identity_row == -1
    settings.identity_row = 99
    assert settings.identity == "Nobody"


def test_a_choice_that_stays_tells_nobody(addon: ModuleType, scene: bpy.types.Scene) -> None:
    told = []
    listener = lambda context: told.append(context.scene.diffusion_talker.identity)  # noqa: E731
    addon.style_properties.LISTENERS.append(listener)
    try:
        scene.diffusion_talker.identity_row = 1
        scene.diffusion_talker.identity_row = 1
    finally:
        addon.style_properties.LISTENERS.remove(listener)
    assert told == ["Plain"]


def test_undo_restores_the_choice(scene: bpy.types.Scene) -> None:
    bpy.ops.ed.undo_push(message="before")
    scene.diffusion_talker.identity_row = 2
    bpy.ops.ed.undo_push(message="choose")
    bpy.ops.ed.undo()
    assert bpy.context.scene.diffusion_talker.identity == "auto" and len(names()) == 1 + len(TALKERS)


@pytest.mark.parametrize(("text", "found"), [("LIV", ["Lively"]), ("talker cal", ["Calm"]), ("nothing", [])])
def test_the_search_looks_into_names_and_descriptions(
    addon: ModuleType, scene: bpy.types.Scene, text: str, found: list[str]
) -> None:
    rows = bpy.context.window_manager.diffusion_talker_identities.rows
    assert [row.name for row in rows if addon.identities.matches(row, text)] == found


def test_the_list_filters_by_what_is_typed(addon: ModuleType, scene: bpy.types.Scene) -> None:
    known = bpy.context.window_manager.diffusion_talker_identities
    typed = SimpleNamespace(filter_name="cri", bitflag_filter_item=1 << 30, use_alike_first=False)
    filter_items = addon.style_panel.DIFFUSION_TALKER_UL_identities.filter_items
    assert filter_items(typed, bpy.context, known, "rows") == ([0, 0, 0, 0, 1 << 30], [])
    typed.filter_name = ""
    assert filter_items(typed, bpy.context, known, "rows") == ([], [])


def test_the_most_alike_can_stand_first(addon: ModuleType, scene: bpy.types.Scene) -> None:
    known = bpy.context.window_manager.diffusion_talker_identities
    for row, similarity in zip(known.rows, (-1.0, 0.2, 0.9, 0.1, 0.5), strict=True):
        row.similarity = similarity
    typed = SimpleNamespace(filter_name="", bitflag_filter_item=1 << 30, use_alike_first=True)
    flags, order = addon.style_panel.DIFFUSION_TALKER_UL_identities.filter_items(typed, bpy.context, known, "rows")
    assert flags == [] and order == [0, 3, 1, 4, 2], "new places: the recording, Lively, Crisp, Plain, Calm"


def test_enrolling_adds_the_voice_and_chooses_it(addon: ModuleType, scene: bpy.types.Scene) -> None:
    assert OPS.identity_enrol_speech(title="Ada", description="My voice") == {"FINISHED"}
    assert names() == ["From the Recording", "Ada", *TALKERS]
    row = bpy.context.window_manager.diffusion_talker_identities.rows["Ada"]
    assert row.is_own and row.description == "My voice" and addon.style_panel.icon_of(row) == "USER"
    assert scene.diffusion_talker.identity == "Ada"
    kept = library(addon).get("Ada")
    assert kept.voiced_s > 3 and sum(share for _, share in kept.shares) == pytest.approx(1)


def test_one_recording_enrolled_speaks_as_the_recording_chooses(addon: ModuleType, scene: bpy.types.Scene) -> None:
    """docs/style.md says so: the shares of one recording are what `auto` would take."""
    face = bpy.data.objects["Head"]
    scene.diffusion_talker.emotion = "neutral"
    takes = []
    for identity in ("auto", "Ada", "Lively"):
        if identity == "Ada":
            OPS.identity_enrol_speech(title="Ada")
        scene.diffusion_talker.identity = identity
        OPS.generate()
        takes.append(np.array([value for _, value in sorted(keys_of(face, "jawOpen").items())]))
    assert np.allclose(takes[0], takes[1], atol=1e-4) and not np.allclose(takes[0], takes[2], atol=1e-3)


def test_names_follow_from_the_sound_and_stay_free(addon: ModuleType, scene: bpy.types.Scene) -> None:
    OPS.identity_enrol_speech()
    OPS.identity_enrol_speech()
    assert names()[1:3] == ["ada", "ada 2"]
    assert addon.identities.free_name(bpy.context, "lively: one, two") == "lively one two"
    assert addon.identities.free_name(bpy.context, "LIVELY") == "LIVELY 2"


@pytest.mark.parametrize(
    ("title", "reason"),
    [("lively", "There is an identity 'lively' already"), ("a:b", "cannot be a name"), ("auto", "cannot be a name"),
     ("from the recording", "already")],
)  # fmt: skip
def test_names_that_cannot_be_are_refused(addon: ModuleType, scene: bpy.types.Scene, title: str, reason: str) -> None:
    with pytest.raises(RuntimeError, match=reason):
        OPS.identity_enrol_speech(title=title)
    assert names() == ["From the Recording", *TALKERS] and scene.diffusion_talker.identity == "auto"


def test_too_little_speech_is_said(addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    scene.diffusion_talker.audio_file = str(write_sound(tmp_path / "short.wav", speech_like(2.0)))
    with pytest.raises(RuntimeError, match=r"There are 1\.\d s of voiced sound .* 3 s are needed"):
        OPS.identity_enrol_speech(title="Ada")
    assert library(addon).listing().identities == ()


def test_files_together_are_enough(addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    for name in ("one.wav", "two.wav", "three.wav"):
        write_sound(tmp_path / name, speech_like(2.0))
    files = [{"name": name} for name in ("one.wav", "two.wav", "three.wav")]
    OPS.identity_enrol_files(directory=str(tmp_path), files=files)
    assert scene.diffusion_talker.identity == "one"
    assert "3 recordings" in library(addon).get("one").description
    with pytest.raises(RuntimeError, match="No file was chosen"):
        OPS.identity_enrol_files(directory=str(tmp_path))


@needs_audaspace
def test_selected_strips_together_are_enough(addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "short.wav", speech_like(2.0))
    strips = [add_strip(sound, 1 + 100 * number, f"Line {number}", 1 + number) for number in range(3)]
    strips[0].select = strips[1].select = True
    strips[2].select = False
    assert addon.operators.identities.selected_strips(bpy.context) == ["Line 0", "Line 1"]
    OPS.identity_enrol_strips(title="Ada")
    assert 2.5 < library(addon).get("Ada").voiced_s < 4.1
    for strip in strips:
        strip.select = False
    assert not OPS.identity_enrol_strips.poll()


def test_the_blend_becomes_an_identity(addon: ModuleType, scene: bpy.types.Scene) -> None:
    settings = scene.diffusion_talker
    settings.identity, settings.second_identity, settings.identity_blend = "Plain", "Calm", 0.25
    face = bpy.data.objects["Head"]
    OPS.generate()
    blended = keys_of(face, "jawOpen")
    OPS.identity_save_blend(title="Between")
    assert settings.identity == "Between" and settings.second_identity == ""
    assert dict(library(addon).get("Between").shares) == pytest.approx({"Plain": 0.75, "Calm": 0.25})
    OPS.generate()
    assert keys_of(face, "jawOpen") == pytest.approx(blended, abs=1e-5)


def test_a_blend_needs_two_named_talkers(addon: ModuleType, scene: bpy.types.Scene) -> None:
    assert "choose a second talker" in addon.identities.blend_problem(bpy.context)
    scene.diffusion_talker.second_identity = "Calm"
    assert "choose two talkers by name" in addon.identities.blend_problem(bpy.context)
    assert not OPS.identity_save_blend.poll()
    scene.diffusion_talker.identity = "Plain"
    assert OPS.identity_save_blend.poll()


def test_renaming_is_followed_in_every_scene(addon: ModuleType, scene: bpy.types.Scene) -> None:
    OPS.identity_enrol_speech(title="Ada")
    other = bpy.data.scenes.new("Other")
    other.diffusion_talker.second_identity = "Ada"
    OPS.identity_rename(title="Ada L.")
    assert scene.diffusion_talker.identity == other.diffusion_talker.second_identity == "Ada L."
    assert names()[1] == "Ada L."
    with pytest.raises(RuntimeError, match="There is an identity 'Plain' already"):
        OPS.identity_rename(title="Plain")
    OPS.identity_rename(title="ada l.")  # only its spelling
    assert names()[1] == "ada l."


def test_duplicates_files_and_removal(addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    OPS.identity_enrol_speech(title="Ada")
    OPS.identity_duplicate()
    assert names()[1:3] == ["Ada", "Ada 2"] and scene.diffusion_talker.identity == "Ada 2"
    path = tmp_path / "handed_on.npz"
    OPS.identity_export(filepath=str(path))
    OPS.identity_remove()
    assert names()[1:3] == ["Ada", "Plain"] and scene.diffusion_talker.identity == "auto"
    OPS.identity_import(filepath=str(path))
    assert scene.diffusion_talker.identity == "Ada 2" and names()[2] == "Ada 2"
    OPS.identity_import(filepath=str(path))  # a name that is taken gets a number
    assert scene.diffusion_talker.identity == "Ada 3"


def test_undo_of_a_removal_brings_the_choice_back_and_says_what_is_gone(
    addon: ModuleType, scene: bpy.types.Scene
) -> None:
    OPS.identity_enrol_speech(title="Ada")
    bpy.ops.ed.undo_push(message="before")
    OPS.identity_remove()
    bpy.ops.ed.undo_push(message="Remove Identity")
    bpy.ops.ed.undo()
    assert bpy.context.scene.diffusion_talker.identity == "Ada"
    assert "There is no identity 'Ada' here" in addon.generation.problem(bpy.context)


def test_a_file_that_is_no_identity_is_refused(scene: bpy.types.Scene, tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(RuntimeError, match="damaged or no identity file"):
        OPS.identity_import(filepath=str(path))


def test_built_in_talkers_are_read_only(addon: ModuleType, scene: bpy.types.Scene) -> None:
    scene.diffusion_talker.identity = "Calm"
    assert addon.identities.own_problem(bpy.context).startswith("'Calm' is built in")
    for operator in (OPS.identity_rename, OPS.identity_duplicate, OPS.identity_remove, OPS.identity_export):
        assert not operator.poll()


def test_an_identity_that_is_gone_is_said_on_the_button(addon: ModuleType, scene: bpy.types.Scene) -> None:
    OPS.identity_enrol_speech(title="Ada")
    assert OPS.generate.poll()
    library(addon).remove("Ada")
    assert addon.generation.problem(bpy.context) == "", "a list that is not fresh condemns nobody"
    OPS.identities_refresh()
    assert "There is no identity 'Ada' here: choose another" in addon.generation.problem(bpy.context)
    assert not OPS.generate.poll()
    scene.diffusion_talker.identity, scene.diffusion_talker.second_identity = "Plain", "Ada"
    assert "no identity 'Ada' to blend with" in addon.generation.problem(bpy.context)
    scene.diffusion_talker.second_identity = ""
    assert OPS.generate.poll()


def test_a_damaged_file_is_set_aside_and_said(addon: ModuleType, scene: bpy.types.Scene) -> None:
    OPS.identity_enrol_speech(title="Ada")
    (path,) = addon.identities.library_folder().glob("*.identity.npz")
    content = path.read_bytes()[:200]
    path.write_bytes(content)
    messages = addon.identities.refresh(bpy.context)
    known = bpy.context.window_manager.diffusion_talker_identities
    assert len(messages) == 1 and known.message == messages[0] and "set aside" in known.message
    assert path.with_name(path.name + ".damaged").read_bytes() == content
    addon.identities.refresh(bpy.context)
    assert known.message == messages[0], "a message stays until it is put away"
    OPS.identities_refresh()
    assert known.message == ""


def test_generate_says_that_the_file_was_damaged(addon: ModuleType, scene: bpy.types.Scene) -> None:
    OPS.identity_enrol_speech(title="Ada")
    (path,) = addon.identities.library_folder().glob("*.identity.npz")
    path.write_bytes(b"damaged")
    with pytest.raises(RuntimeError, match="is damaged. It was set aside"):
        OPS.generate()
    assert len(bpy.data.actions) == 0


def test_comparing_shows_likeness_until_the_speech_changes(
    addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path
) -> None:
    OPS.identity_enrol_speech(title="Ada")
    OPS.identities_compare()
    known = bpy.context.window_manager.diffusion_talker_identities
    assert known.rows["Ada"].similarity == pytest.approx(1.0, abs=1e-3)
    assert addon.identities.similarity_text(known.rows["Ada"]) == "100%"
    assert addon.identities.similarity_text(known.rows["From the Recording"]) == ""
    assert known.verdict.startswith("Closest: Ada 100%, ") and known.mood.startswith("Heard: ")
    assert addon.identities.is_compared(bpy.context)
    OPS.identities_refresh()
    assert known.rows["Ada"].similarity == pytest.approx(1.0, abs=1e-3), "reading the list anew keeps it"
    scene.diffusion_talker.audio_file = str(write_sound(tmp_path / "other.wav", speech_like(4.0)))
    assert not addon.identities.is_compared(bpy.context)


def test_generating_shows_likeness_too(addon: ModuleType, scene: bpy.types.Scene) -> None:
    OPS.identity_enrol_speech(title="Ada")
    scene.diffusion_talker.identity = "auto"
    OPS.generate()
    known = bpy.context.window_manager.diffusion_talker_identities
    assert addon.identities.is_compared(bpy.context) and known.verdict.startswith("Closest: Ada 100%, ")
    after_generate = {row.name: row.similarity for row in known.rows}
    OPS.identities_compare()
    assert after_generate == pytest.approx({row.name: row.similarity for row in known.rows}, abs=1e-5)


def test_generate_says_that_another_file_was_damaged(addon: ModuleType, scene: bpy.types.Scene) -> None:
    OPS.identity_enrol_speech(title="Ada")
    (path,) = addon.identities.library_folder().glob("*.identity.npz")
    path.write_bytes(b"damaged")
    scene.diffusion_talker.identity = "auto"
    assert OPS.generate() == {"FINISHED"}
    result = bpy.context.window_manager.diffusion_talker.result
    assert "keys in" in result and "is damaged. It was set aside" in result
    assert path.with_name(path.name + ".damaged").read_bytes() == b"damaged"


def test_own_voices_and_built_in_ones_are_measured_alike(addon: ModuleType, scene: bpy.types.Scene) -> None:
    """A stranger's voice of one's own, at (1 + 0) / 2 in the core, does not go before a talker who is alike."""
    from diffusion_talker.student.generate import MatchResult

    OPS.identity_enrol_speech(title="Ada")
    found = MatchResult((("Ada", 0.52), ("Calm", 0.49), ("Plain", -0.3)), (("neutral", 1.0),), own=("Ada",))
    assert addon.identities.show_match(bpy.context, found, "line.wav") == "Closest: Calm 49%, Ada 4%"
    rows = bpy.context.window_manager.diffusion_talker_identities.rows
    assert rows["Ada"].similarity == pytest.approx(0.04) and rows["Calm"].similarity == pytest.approx(0.49)
    assert addon.identities.similarity_text(rows["Plain"]) == "0%"
    assert addon.identities.similarity_text(rows["Crisp"]) == "", "nothing is known of it"


def test_drawing_has_a_list_read_that_is_not_fresh(addon: ModuleType, scene: bpy.types.Scene, tmp_path: Path) -> None:
    timer = addon.identities._refresh_once
    addon.identities.keep_fresh(bpy.context)
    assert not bpy.app.timers.is_registered(timer)
    library(addon).add(addon.voices.named(addon.voices.mixed(
        (("Plain", 1.0),), addon.generation.options_of(bpy.context)), "Other Program", ""))
    addon.identities.keep_fresh(bpy.context)
    assert bpy.app.timers.is_registered(timer) and "Other Program" not in names(), "drawing itself writes nothing"
    bpy.app.timers.unregister(timer)
    timer()
    assert "Other Program" in names()
    with model_in_use(write_student(tmp_path / "other.npz", axes=())):
        addon.identities.keep_fresh(bpy.context)
        assert bpy.app.timers.is_registered(timer)
        bpy.app.timers.unregister(timer)


def test_a_long_library_is_read_in_no_time(addon: ModuleType, scene: bpy.types.Scene) -> None:
    import time

    made = addon.voices.mixed((("Plain", 1.0),), addon.generation.options_of(bpy.context))
    for number in range(40):
        library(addon).add(addon.voices.named(made, f"Voice {number}", ""))
    addon.identities.refresh(bpy.context)
    assert len(names()) == 41 + len(TALKERS)
    scene.diffusion_talker.identity = "Crisp"
    started_s = time.perf_counter()
    for _ in range(20):
        addon.identities.keep_fresh(bpy.context)
        addon.identities.identity_problem(bpy.context)
        assert scene.diffusion_talker.identity_row == 44
    assert (time.perf_counter() - started_s) / 20 < 0.02
