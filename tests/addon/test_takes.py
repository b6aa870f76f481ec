# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes: what belongs together, whose it is, and that nothing the animator made is lost when they change."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import bpy
import numpy as np
import pytest

from tests.addon.scenes import action_curves, insert_key, keys_of, make_face, set_fps, speech_like, write_sound


@pytest.fixture
def line(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "line.wav", speech_like(1.0))


@pytest.fixture
def face(fresh_scene: object, line: Path) -> bpy.types.Object:
    """A face and a line, ready to be generated."""
    obj = make_face()
    use_line(line)
    return obj


def use_line(path: Path, first_frame: int = 1) -> None:
    settings = bpy.context.scene.diffusion_talker
    settings.source, settings.audio_file, settings.first_frame = "FILE", str(path), first_frame


def generate(**settings: object) -> bpy.types.Action:
    """Press the button; the take that plays then."""
    for name, value in settings.items():
        setattr(bpy.context.scene.diffusion_talker, name, value)
    assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
    return playing(bpy.context.view_layer.objects.active)


def playing(obj: bpy.types.Object) -> bpy.types.Action:
    return obj.data.shape_keys.animation_data.action


def keys(action: bpy.types.Action) -> dict[str, np.ndarray]:
    """All keys of an Action as they are stored."""
    found = {}
    for curve in action_curves(action):
        co = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", co)
        found[f"{curve.data_path}{curve.array_index}"] = co
    return found


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[path], other[path]) for path in one)


def add_teeth() -> bpy.types.Object:
    """A mesh that goes along with the face, which stays the active object."""
    head = bpy.context.view_layer.objects.active
    teeth = make_face(["jawOpen"], "Teeth")
    bpy.context.scene.diffusion_talker_drive.meshes.add().object = teeth
    bpy.context.view_layer.objects.active = head
    return teeth


# ---------------------------------------------------------------- seeds


def test_generating_again_with_nothing_changed_makes_another_take(addon: ModuleType, face: bpy.types.Object) -> None:
    settings = bpy.context.scene.diffusion_talker
    first, seeds = generate(), [settings.seed]
    second = generate()
    seeds.append(settings.seed)
    generate()
    seeds.append(settings.seed)
    assert seeds == [0, 1, 2] and not same(keys(first), keys(second))
    assert addon.takes.header_of(second).seed == 1


def test_a_changed_setting_keeps_the_seed_so_that_takes_can_be_compared(
    addon: ModuleType, face: bpy.types.Object
) -> None:
    generate()
    generate(intensity=0.5)
    generate(first_frame=10)
    assert bpy.context.scene.diffusion_talker.seed == 0
    generate()
    assert bpy.context.scene.diffusion_talker.seed == 1


def test_a_changed_mapping_keeps_the_seed_too(addon: ModuleType, face: bpy.types.Object) -> None:
    generate()
    face.diffusion_talker_edits = '[["jawOpen", 0.5, 0.0, true, null]]'
    generate()
    assert bpy.context.scene.diffusion_talker.seed == 0


def test_the_seed_skips_those_that_were_used(addon: ModuleType, face: bpy.types.Object) -> None:
    for seed in (0, 1, 2):
        generate(seed=seed)
    generate(seed=0)
    assert bpy.context.scene.diffusion_talker.seed == 3


def test_without_the_switch_it_is_the_same_take_again(addon: ModuleType, face: bpy.types.Object) -> None:
    bpy.context.scene.diffusion_talker_takes.use_new_seed = False
    assert same(keys(generate()), keys(generate()))


# ---------------------------------------------------------------- audition


def test_takes_are_listed_newest_first_and_nothing_else_is(addon: ModuleType, face: bpy.types.Object) -> None:
    bpy.data.actions.new("Walk")
    takes = [generate() for _ in range(3)]
    assert addon.takes.takes_of(face) == takes[::-1]
    other = make_face(name="Other")
    assert addon.takes.takes_of(other) == []
    elsewhere = generate()
    assert addon.takes.takes_of(other) == [elsewhere] and elsewhere not in addon.takes.takes_of(face)


def test_auditioning_puts_every_action_of_the_take_on(addon: ModuleType, face: bpy.types.Object) -> None:
    teeth = add_teeth()
    first, first_teeth = generate(), playing(teeth)
    second, second_teeth = generate(), playing(teeth)
    assert len({first, second, first_teeth, second_teeth}) == 4
    assert bpy.ops.diffusion_talker.take_audition(action=first.name) == {"FINISHED"}
    assert (playing(face), playing(teeth)) == (first, first_teeth)
    bpy.context.scene.frame_set(8)
    assert face.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(keys_of(face, "jawOpen")[8], abs=1e-6)
    assert teeth.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(keys_of(teeth, "jawOpen")[8], abs=1e-6)
    assert second.use_fake_user and second_teeth.use_fake_user, "the take that played could be lost"


def test_the_list_chooses_by_its_index(addon: ModuleType, face: bpy.types.Object) -> None:
    takes, first, second = bpy.context.scene.diffusion_talker_takes, generate(), generate()
    assert bpy.data.actions[takes.index] == second
    takes.index = bpy.data.actions.find(first.name)
    assert playing(face) == first and bpy.data.actions[takes.index] == first
    walk = bpy.data.actions.new("Walk")
    takes.index = bpy.data.actions.find("Walk")
    assert playing(face) == first, "an Action that is no take was put on"
    face.data.shape_keys.animation_data.action = walk
    assert takes.index == -1


def test_steps_go_round(addon: ModuleType, face: bpy.types.Object) -> None:
    takes = [generate() for _ in range(3)]
    seen = []
    for step in (1, 1, 1, -1):
        bpy.ops.diffusion_talker.take_step(step=step)
        seen.append(takes.index(playing(face)))
    assert seen == [1, 0, 2, 0]


def test_keys_of_the_animators_own_are_kept_whatever_plays(addon: ModuleType, face: bpy.types.Object) -> None:
    insert_key(face.data.shape_keys.key_blocks["cheekPuff"], "value", 300)
    mine, before = playing(face), keys(playing(face))
    first, second = generate(), generate()
    curve = next(curve for curve in action_curves(second) if "jawOpen" in curve.data_path)
    curve.keyframe_points[5].co[1] = 0.9
    edited = keys(second)
    for action in (first, second, first):
        bpy.ops.diffusion_talker.take_audition(action=action.name)
    assert same(keys(mine), before) and same(keys(second), edited) and mine.use_fake_user


def test_a_take_of_before_another_line_says_that_it_lacks_it(
    addon: ModuleType, face: bpy.types.Object, line: Path
) -> None:
    first = generate()
    use_line(write_sound(line.parent / "answer.wav", speech_like(1.0)), 100)
    generate()
    bpy.ops.diffusion_talker.take_audition(action=first.name)
    assert bpy.context.window_manager.diffusion_talker_takes.note == (
        "Without answer, which 'Head answer Take 01' has: the arrow beside the list brings it in"
    )


def test_the_best_takes_of_two_lines_are_brought_together(
    addon: ModuleType, face: bpy.types.Object, line: Path
) -> None:
    teeth = add_teeth()
    first, second = generate(), generate()
    edited = next(curve for curve in action_curves(second) if "jawOpen" in curve.data_path)
    edited.keyframe_points[5].co[1], edited.keyframe_points[7].interpolation = 0.875, "BEZIER"
    bpy.ops.diffusion_talker.take_audition(action=first.name)
    use_line(write_sound(line.parent / "answer.wav", speech_like(1.0)), 100)
    answer, answer_teeth = generate(), playing(teeth)
    before = [keys(action) for action in (first, second, answer, answer_teeth)]
    assert bpy.ops.diffusion_talker.take_bring(action=second.name) == {"FINISHED"}
    both = playing(face)
    assert both.name == "Head line Take 03" and both not in (first, second, answer)
    jaw = 'key_blocks["jawOpen"].value0'
    co = keys(both)[jaw].reshape(-1, 2)
    assert np.array_equal(co[co[:, 0] < 90], keys(second)[jaw].reshape(-1, 2))
    assert np.array_equal(co[co[:, 0] > 90], keys(answer)[jaw].reshape(-1, 2)[24:])
    curve = next(curve for curve in action_curves(both) if curve.data_path == edited.data_path)
    assert curve.keyframe_points[7].interpolation == "BEZIER"
    assert len(keys(playing(teeth))[jaw]) == 2 * 48 and playing(teeth) != answer_teeth
    after = [keys(action) for action in (first, second, answer, answer_teeth)]
    assert all(map(same, after, before)), "a take was changed"
    assert addon.takes.stored_of(both).options == addon.takes.stored_of(second).options
    assert set(addon.keyframes.lines_of(both)) == {addon.takes.header_of(take).line for take in (second, answer)}


def test_keys_beside_the_line_that_are_others_than_now_are_told(addon: ModuleType, face: bpy.types.Object) -> None:
    """The body that was animated since, or another line of which another take plays."""
    first, second = generate(), generate()
    told = bpy.context.window_manager.diffusion_talker_takes
    bpy.ops.diffusion_talker.take_audition(action=first.name)
    assert told.note == ""
    bpy.ops.diffusion_talker.take_audition(action=second.name)
    insert_key(face.data.shape_keys.key_blocks["cheekPuff"], "value", 300)
    bpy.ops.diffusion_talker.take_audition(action=first.name)
    assert told.note == "'Head' changed beside the line too: the arrow beside the list brings the line in alone"
    bpy.ops.diffusion_talker.take_audition(action=second.name)
    bpy.ops.diffusion_talker.take_bring(action=first.name)
    both = {path: co for path, co in keys(playing(face)).items() if "cheekPuff" in path}
    assert len(both['key_blocks["cheekPuff"].value0']) > len(keys(first)['key_blocks["cheekPuff"].value0'])


def test_bones_alone_have_takes(addon: ModuleType, fresh_scene: object, line: Path) -> None:
    from tests.addon.test_bones import make_rig, use_rig

    use_line(line)
    rig = make_rig()
    use_rig(rig)
    insert_key(rig, "location", 50)
    bpy.context.view_layer.objects.active = rig
    taken = []
    for _ in range(2):
        assert bpy.ops.diffusion_talker.generate() == {"FINISHED"}
        taken.append(rig.animation_data.action)
    assert addon.takes.lead_of(bpy.context) == rig and addon.takes.takes_of(rig) == taken[::-1]
    assert bpy.ops.diffusion_talker.take_audition(action=taken[0].name) == {"FINISHED"}
    assert rig.animation_data.action == taken[0] and bpy.context.scene.diffusion_talker.seed == 1
    before = keys(taken[0])
    assert bpy.ops.diffusion_talker.regenerate() == {"FINISHED"}
    assert rig.animation_data.action != taken[0] and same(keys(rig.animation_data.action), before)


@pytest.mark.skipif(bpy.app.version < (4, 4, 0), reason="actions have no slots before Blender 4.4")
def test_an_action_of_several_slots_moves_the_face_by_its_own(addon: ModuleType, face: bpy.types.Object) -> None:
    """Of two slots for shape keys the first is another mesh's, as when the animator merged Actions."""
    keys_block = face.data.shape_keys
    merged = bpy.data.actions.new("Merged")
    strip = merged.layers.new("Layer").strips.new(type="KEYFRAME")
    slots = [merged.slots.new(id_type="KEY", name=name) for name in ("Another Key", keys_block.name)]
    for slot, value in zip(slots, (0.25, 0.75), strict=True):
        curve = strip.channelbag(slot, ensure=True).fcurves.new('key_blocks["jawOpen"].value')
        curve.keyframe_points.insert(1, value)
    addon.keyframes.assign_action(keys_block, merged)
    bpy.context.scene.frame_set(8)
    assert keys_block.key_blocks["jawOpen"].value == 0.75


def test_a_mesh_that_is_gone_is_told_and_the_rest_is_put_on(addon: ModuleType, face: bpy.types.Object) -> None:
    teeth = add_teeth()
    first = generate()
    generate()
    bpy.data.objects.remove(teeth)
    bpy.ops.diffusion_talker.take_audition(action=first.name)
    assert playing(face) == first
    assert "'Teeth', which the take moves too, is not in this scene" in (
        bpy.context.window_manager.diffusion_talker_takes.note
    )


def test_a_mesh_that_joined_later_is_told(addon: ModuleType, face: bpy.types.Object) -> None:
    first = generate()
    teeth = add_teeth()
    second = generate()
    later = playing(teeth)
    bpy.ops.diffusion_talker.take_audition(action=first.name)
    assert playing(teeth) == later
    assert f"Teeth still plays '{second.name}'" in bpy.context.window_manager.diffusion_talker_takes.note


def test_shape_keys_that_are_gone_are_told(addon: ModuleType, face: bpy.types.Object) -> None:
    first = generate()
    generate()
    face.shape_key_remove(face.data.shape_keys.key_blocks["noseSneerLeft"])
    bpy.ops.diffusion_talker.take_audition(action=first.name)
    assert "1 of the channels that it moves are gone" in bpy.context.window_manager.diffusion_talker_takes.note


def test_renamed_objects_keep_their_takes(addon: ModuleType, face: bpy.types.Object) -> None:
    teeth = add_teeth()
    first, first_teeth = generate(), playing(teeth)
    generate()
    face.name, teeth.name, teeth.data.name = "Anna", "Anna Teeth", "Anna Teeth"
    assert len(addon.takes.takes_of(face)) == 2
    bpy.ops.diffusion_talker.take_audition(action=first.name)
    assert (playing(face), playing(teeth)) == (first, first_teeth)


def test_a_duplicate_shows_the_takes_it_came_with_and_then_has_its_own(
    addon: ModuleType, face: bpy.types.Object
) -> None:
    first = generate()
    twin = face.copy()
    twin.data = face.data.copy()
    bpy.context.scene.collection.objects.link(twin)
    assert addon.takes.takes_of(twin)[-1] == first
    bpy.context.view_layer.objects.active = twin
    own = generate()
    assert own in addon.takes.takes_of(twin) and own not in addon.takes.takes_of(face)
    assert first in addon.takes.takes_of(twin) and first in addon.takes.takes_of(face)


def test_what_a_duplicate_goes_on_playing_is_told_of_the_duplicate(addon: ModuleType, face: bpy.types.Object) -> None:
    drive = bpy.context.scene.diffusion_talker_drive
    drive.use_head = True
    turning = generate()
    twin = face.copy()
    twin.data, twin.name = face.data.copy(), "Twin"
    bpy.context.scene.collection.objects.link(twin)
    bpy.context.view_layer.objects.active = twin
    drive.use_head = False
    still = generate()
    bpy.ops.diffusion_talker.take_audition(action=turning.name)
    notes = addon.take_changes.audition(bpy.context.scene, twin, still)
    assert any(note.startswith(f"Twin still plays '{turning.name}'") for note in notes)


def test_a_copied_action_is_a_take_of_its_own(addon: ModuleType, face: bpy.types.Object) -> None:
    """As the animator makes it with New Action, to edit it by hand."""
    teeth = add_teeth()
    first, first_teeth = generate(), playing(teeth)
    copied = first.copy()
    assert set(addon.takes.takes_of(face)) == {first, copied}
    bpy.ops.diffusion_talker.take_audition(action=copied.name)
    assert (playing(face), playing(teeth)) == (copied, first_teeth)
    bpy.ops.diffusion_talker.take_delete()
    assert (playing(face), playing(teeth)) == (first, first_teeth)


def test_an_object_that_turns_itself_is_not_mixed_up_with_its_keys(addon: ModuleType, face: bpy.types.Object) -> None:
    bpy.context.scene.diffusion_talker_drive.use_head = True
    first, first_turn = generate(), face.animation_data.action
    generate()
    bpy.ops.diffusion_talker.take_audition(action=first.name)
    assert playing(face) == first and face.animation_data.action == first_turn
    if bpy.app.version >= (4, 4, 0):
        assert face.animation_data.action_slot.target_id_type == "OBJECT"


def test_imported_motion_is_listed_and_says_why_it_has_no_settings(
    addon: ModuleType, face: bpy.types.Object, tmp_path: Path
) -> None:
    generate()
    path = tmp_path / "take.npz"
    bpy.ops.diffusion_talker.export(filepath=str(path), filename_ext=".npz")
    bpy.ops.diffusion_talker.import_curves(filepath=str(path), first_frame=200)
    assert len(addon.takes.takes_of(face)) == 2
    assert addon.takes.settings_problem(bpy.context) == "This take was imported from a file: no settings made it"
    assert not bpy.ops.diffusion_talker.take_settings.poll()


def test_other_actions_derived_from_a_take_do_not_claim_to_be_it(addon: ModuleType, face: bpy.types.Object) -> None:
    first = generate()
    addon.take_changes.set_favorite(first, True)
    second = generate()
    assert addon.takes.is_favorite(first) and not addon.takes.is_favorite(second)
    assert addon.takes.header_of(first).take != addon.takes.header_of(second).take


# ---------------------------------------------------------------- keeping order


def test_renaming_a_take_renames_its_actions(addon: ModuleType, face: bpy.types.Object) -> None:
    teeth = add_teeth()
    take, along = generate(), playing(teeth)
    assert take.diffusion_talker_name == "line Take 01"
    take.diffusion_talker_name = " happy "
    assert (take.name, along.name, take.diffusion_talker_name) == ("Head happy", "Teeth happy", "happy")
    face.name = "Anna"
    take.diffusion_talker_name = "happier"
    assert (take.name, along.name) == ("Head happier", "Teeth happier")
    take.diffusion_talker_name = "  "
    assert take.name == "Head happier"


def test_a_name_that_is_taken_is_numbered_and_a_long_one_fits(addon: ModuleType, face: bpy.types.Object) -> None:
    first, second = generate(), generate()
    first.diffusion_talker_name = second.diffusion_talker_name = "good"
    assert (first.name, second.name) == ("Head good", "Head good.001")
    first.diffusion_talker_name = "o" * 400
    assert len(first.name) == addon.keyframes.NAME_LIMIT


def test_favorites_are_marked_and_unmarked(addon: ModuleType, face: bpy.types.Object) -> None:
    first, second = generate(), generate()
    bpy.ops.diffusion_talker.take_favorite(action=first.name)
    bpy.ops.diffusion_talker.take_favorite()
    marked = [addon.takes.is_favorite(first), addon.takes.is_favorite(second)]
    bpy.ops.diffusion_talker.take_favorite(action=first.name)
    assert marked == [True, True] and not addon.takes.is_favorite(first)
    bpy.context.scene.diffusion_talker_takes.favorites = True
    assert addon.takes_panel.visible_takes(bpy.context, "", False) == [second]


def test_the_list_shows_what_is_asked_for(addon: ModuleType, face: bpy.types.Object, line: Path) -> None:
    first, second = generate(), generate()
    use_line(write_sound(line.parent / "answer.wav", speech_like(1.0)), 100)
    answer = generate()
    visible = addon.takes_panel.visible_takes
    assert visible(bpy.context, "", False) == [answer, second, first]
    assert visible(bpy.context, "", True) == [answer, first, second]
    assert visible(bpy.context, "take 02", False) == [second]
    bpy.context.scene.diffusion_talker_takes.this_line = True
    assert visible(bpy.context, "", False) == [answer]


def test_deleting_the_take_that_plays_puts_its_neighbor_on(addon: ModuleType, face: bpy.types.Object) -> None:
    teeth = add_teeth()
    first, first_teeth = generate(), playing(teeth)
    generate()
    bpy.ops.diffusion_talker.take_delete()
    assert (playing(face), playing(teeth)) == (first, first_teeth)
    assert set(bpy.data.actions) == {first, first_teeth}
    bpy.ops.diffusion_talker.take_delete()
    assert playing(face) is None and playing(teeth) is None and len(bpy.data.actions) == 0


def test_a_take_that_is_used_elsewhere_is_not_deleted(addon: ModuleType, face: bpy.types.Object) -> None:
    take = generate()
    track = face.data.shape_keys.animation_data.nla_tracks.new()
    track.strips.new("Take", 1, take)
    assert not bpy.ops.diffusion_talker.take_delete.poll()
    assert "is used elsewhere too, by an NLA strip" in addon.take_changes.remove_problem(face, take)


def test_undo_takes_an_audition_a_name_and_a_deletion_back(addon: ModuleType, face: bpy.types.Object) -> None:
    first = generate().name
    second = generate().name
    bpy.ops.ed.undo_push(message="two takes")
    before = keys(bpy.data.actions[second])
    bpy.ops.diffusion_talker.take_delete()
    bpy.ops.ed.undo_push(message="Delete Take")
    assert bpy.data.actions.keys() == [first]
    bpy.ops.ed.undo()
    face = bpy.data.objects["Head"]
    assert playing(face).name == second and same(keys(playing(face)), before)
    bpy.ops.diffusion_talker.take_audition(action=first)
    bpy.ops.ed.undo_push(message="Audition Take")
    bpy.ops.ed.undo()
    assert playing(bpy.data.objects["Head"]).name == second


@pytest.mark.parametrize("verb", ("take_bring", "take_settings", "take_favorite", "regenerate", "generate"))
def test_undo_takes_back_everything_that_a_click_changed(
    addon: ModuleType, face: bpy.types.Object, verb: str
) -> None:
    settings = bpy.context.scene.diffusion_talker
    settings.intensity = 0.5
    settings.keyframe_insert("intensity", frame=1)
    first = generate().name
    generate(seed=7, emotion="anger")
    settings.emotion = "auto"
    settings.seed = 7
    bpy.ops.ed.undo_push(message="before")

    def state() -> tuple[object, ...]:
        scene, head = bpy.context.scene, bpy.data.objects["Head"]
        spoken = scene.diffusion_talker
        return (
            [(each.name, each.users, addon.takes.is_favorite(each)) for each in bpy.data.actions],
            (playing(head).name, scene.animation_data.action.name, len(head.diffusion_talker_takes)),
            (spoken.seed, spoken.emotion, spoken.intensity),
        )

    before = state()
    getattr(bpy.ops.diffusion_talker, verb)(**({"action": first} if verb == "take_bring" else {}))
    assert state() != before, "the click changed nothing"
    bpy.ops.ed.undo_push(message=verb)
    bpy.ops.ed.undo()
    assert state() == before


# ---------------------------------------------------------------- settings and the take once more


def test_regenerating_gives_the_same_keys_bit_for_bit(addon: ModuleType, face: bpy.types.Object) -> None:
    set_fps(24000, 1001)
    settings = bpy.context.scene.diffusion_talker
    settings.intensity, settings.style_strength, settings.seed = 0.7, 1.3, 5
    settings.regions.mouth_amount, settings.regions.use_eyes = 0.5, False
    settings.emotion = "MIX"
    settings.emotions.happiness, settings.emotions.anger = 0.6, 0.3
    take = generate()
    settings.intensity, settings.seed, settings.emotion = 1.0, 0, "auto"
    settings.regions.use_eyes = True
    before = keys(take)
    assert bpy.ops.diffusion_talker.regenerate() == {"FINISHED"}
    again = playing(face)
    assert again != take and same(keys(again), before) and same(keys(take), before)


def test_using_settings_brings_all_of_them_back(addon: ModuleType, face: bpy.types.Object) -> None:
    settings = bpy.context.scene.diffusion_talker
    names = [info.name for info in addon.identities.model_library(bpy.context).identities[:2]]
    settings.identity, settings.second_identity, settings.identity_blend = *names, 0.25
    settings.emotion, settings.emotions.fear = "MIX", 0.4
    settings.regions.brows_amount, settings.regions.use_head, settings.seed = 0.2, False, 9
    take = generate()
    wanted = addon.generation.options_of(bpy.context)
    settings.identity, settings.second_identity = "auto", ""
    settings.emotion, settings.seed, settings.emotions.anger = "auto", 0, 1.0
    settings.regions.brows_amount, settings.regions.use_head, settings.style.jaw = 1.0, True, 0.5
    assert bpy.ops.diffusion_talker.take_settings() == {"FINISHED"}
    assert addon.generation.options_of(bpy.context) == wanted
    assert addon.takes.stored_of(take).options.identity == wanted.identity == ((names[0], 0.75), (names[1], 0.25))
    assert settings.style.jaw == 0.0 and not settings.regions.use_head and settings.emotions.anger == 0.0


def test_regenerating_says_what_is_missing(addon: ModuleType, face: bpy.types.Object, line: Path) -> None:
    generate()
    line.unlink()
    with pytest.raises(RuntimeError, match="There is no sound file .*line.wav: bring it back"):
        bpy.ops.diffusion_talker.regenerate()
    assert len(bpy.data.actions) == 1


def test_another_model_is_told(addon: ModuleType, face: bpy.types.Object, monkeypatch: pytest.MonkeyPatch) -> None:
    generate()
    monkeypatch.setattr(addon.restoring, "model_mark", lambda path: "another")
    assert bpy.ops.diffusion_talker.regenerate() == {"FINISHED"}
    assert "The model is not the one that this take was made with" in (
        bpy.context.window_manager.diffusion_talker.result
    )


# ---------------------------------------------------------------- files


def test_takes_survive_saving_and_loading(addon: ModuleType, face: bpy.types.Object, tmp_path: Path) -> None:
    add_teeth()
    names = [generate().name, generate().name]
    before = keys(bpy.data.actions[names[0]])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    face = bpy.data.objects["Head"]
    assert [take.name for take in addon.takes.takes_of(face)] == names[::-1]
    bpy.ops.diffusion_talker.take_audition(action=names[0])
    assert playing(bpy.data.objects["Teeth"]).name.startswith("Teeth ")
    assert bpy.ops.diffusion_talker.regenerate() == {"FINISHED"}
    assert same(keys(playing(face)), before)


def take_from(library: Path, link: bool) -> bpy.types.Object:
    """The face of another file, alone as the animator asks for it, in a new scene."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(library), link=link) as (there, here):
        here.objects = ["Head"]
    head = here.objects[0]
    bpy.context.scene.collection.objects.link(head)
    bpy.context.view_layer.objects.active = head
    return head


def test_a_face_brings_its_takes_along_when_it_is_appended(
    addon: ModuleType, face: bpy.types.Object, tmp_path: Path
) -> None:
    names = [generate().name for _ in range(3)]
    before = keys(bpy.data.actions[names[0]])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    head = take_from(tmp_path / "shot.blend", link=False)
    assert [take.name for take in addon.takes.takes_of(head)] == names[::-1]
    bpy.ops.diffusion_talker.take_audition(action=names[0])
    assert playing(head).name == names[0] and playing(head).library is None and same(keys(playing(head)), before)


def test_a_face_brings_its_takes_along_when_it_is_linked(
    addon: ModuleType, face: bpy.types.Object, tmp_path: Path
) -> None:
    names = [generate().name for _ in range(2)]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    head = take_from(tmp_path / "shot.blend", link=True)
    assert [take.name for take in addon.takes.takes_of(head)] == names[::-1]
    assert not bpy.ops.diffusion_talker.take_audition.poll(), "a linked face is read-only"
    override = head.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True)
    if override.data.library is not None:
        override.data.override_create(remap_local_usages=True)
    bpy.context.view_layer.objects.active = override
    assert [take.name for take in addon.takes.takes_of(override)] == names[::-1]
    assert bpy.ops.diffusion_talker.take_audition(action=names[0]) == {"FINISHED"}
    assert playing(override).name == names[0] and playing(override).library is not None


def test_what_an_object_keeps_is_neither_in_the_way_nor_left_over(addon: ModuleType, face: bpy.types.Object) -> None:
    twin = face.copy()
    twin.data = face.data.copy()
    generate()
    take = generate()
    assert [kept.action for kept in face.diffusion_talker_takes] == addon.takes.takes_of(face)[::-1]
    assert addon.take_changes.remove_problem(face, take) == ""
    twin.data.shape_keys.animation_data_create().action = take
    assert "is used elsewhere too" in addon.take_changes.remove_problem(face, take)
    twin.data.shape_keys.animation_data.action = None
    bpy.ops.diffusion_talker.take_delete()
    generate()
    assert None not in [kept.action for kept in face.diffusion_talker_takes] and len(face.diffusion_talker_takes) == 2


def test_linked_takes_can_be_auditioned_but_not_changed(
    addon: ModuleType, face: bpy.types.Object, tmp_path: Path
) -> None:
    library = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=library)
    names = [generate().name, generate().name]
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(library) as (there, here):
        here.objects = ["Head"]
    with bpy.data.libraries.load(library, link=True) as (there, linked):
        linked.actions = list(names)
    head = here.objects[0]
    bpy.context.scene.collection.objects.link(head)
    bpy.context.view_layer.objects.active = head
    take = next(action for action in linked.actions if action.name == names[0])
    assert take.library is not None and take in addon.takes.takes_of(head)
    assert addon.takes_properties.put_on(bpy.context, take) == ""
    assert playing(head) == take
    assert "is linked from shot.blend, which is read-only" in addon.take_changes.remove_problem(head, take)
    assert not bpy.ops.diffusion_talker.take_delete.poll()
    with pytest.raises(RuntimeError, match="is linked from shot.blend"):
        bpy.ops.diffusion_talker.take_favorite()
    addon.take_changes.rename(take, "mine")
    assert take.name == names[0]
    before = keys(take)
    assert bpy.ops.diffusion_talker.regenerate() == {"FINISHED"}
    assert playing(head).library is None and same(keys(playing(head)), before), "its sound lies beside its own file"


def test_an_override_keeps_its_takes_through_a_file(addon: ModuleType, face: bpy.types.Object, tmp_path: Path) -> None:
    library = str(tmp_path / "character.blend")
    bpy.ops.wm.save_as_mainfile(filepath=library)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(library, link=True) as (there, here):
        here.objects = ["Head"]
    bpy.context.scene.collection.objects.link(here.objects[0])
    linked = here.objects[0]
    override = linked.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer, do_fully_editable=True)
    if override.data.library is not None:
        override.data.override_create(remap_local_usages=True)
    bpy.context.view_layer.objects.active = override
    use_line(tmp_path / "line.wav")
    names = [generate().name, generate().name]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    head = next(obj for obj in bpy.context.scene.objects if obj.library is None)
    assert [take.name for take in addon.takes.takes_of(head)] == names[::-1]
    bpy.context.view_layer.objects.active = head
    bpy.ops.diffusion_talker.take_audition(action=names[0])
    assert playing(head).name == names[0]


# ---------------------------------------------------------------- reasons


def test_buttons_say_why_they_are_off(addon: ModuleType, fresh_scene: object) -> None:
    make_face()
    assert addon.takes.present_problem(bpy.context) == "'Head' plays no take: generate lip sync first"
    for name in ("take_settings", "regenerate", "take_delete", "take_step", "take_favorite"):
        assert not getattr(bpy.ops.diffusion_talker, name).poll(), name


def test_takes_of_the_command_line_are_takes_too(addon: ModuleType, face: bpy.types.Object, tmp_path: Path) -> None:
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    arguments = ["--audio", str(tmp_path / "line.wav"), "--object", "Head", "--seed", "4", "--quiet"]
    assert addon.command.lip_sync(arguments) == 0
    take = addon.takes.present_take(bpy.data.objects["Head"])
    assert addon.takes.stored_of(take).options.seed == 4
    before = keys(take)
    bpy.context.view_layer.objects.active = bpy.data.objects["Head"]
    assert bpy.ops.diffusion_talker.regenerate() == {"FINISHED"}
    assert same(keys(playing(bpy.data.objects["Head"])), before)


def test_nothing_is_switched_while_a_strip_is_edited(addon: ModuleType, face: bpy.types.Object) -> None:
    first = generate()
    second = generate()
    data = face.data.shape_keys.animation_data
    track = data.nla_tracks.new()
    track.strips.new("Take", 1, second)
    data.action = None
    data.use_tweak_mode = True
    if data.use_tweak_mode:
        assert "tweak mode" in addon.takes_properties.put_on(bpy.context, first)
