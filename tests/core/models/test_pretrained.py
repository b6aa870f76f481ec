# SPDX-License-Identifier: GPL-3.0-or-later
"""A speech model saved by `transformers` is heard through: at the right time, frozen, and refused in plain words."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the ear cannot be tested")
pytest.importorskip("transformers", reason="transformers is not installed: a pretrained ear cannot be tested")

from diffusion_talker.audio import ArraySource, motion_frame_count  # noqa: E402
from diffusion_talker.errors import BundleError, RuntimeUnavailableError  # noqa: E402
from diffusion_talker.models import pretrained  # noqa: E402
from diffusion_talker.models.pretrained import PretrainedEar, PretrainedEarConfig, load_ear  # noqa: E402
from tests.core.models.tiny_ears import FAMILIES, LAYERS, WIDTH, save_tiny_ear  # noqa: E402


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {family: save_tiny_ear(tmp_path_factory.mktemp(family), family) for family in FAMILIES}


def open_ear(folder: Path, **changes: object) -> PretrainedEar:
    return load_ear(PretrainedEarConfig(str(folder), **changes))


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(int(seconds * 16000)).astype(np.float32)


def source(samples: np.ndarray) -> ArraySource:
    return ArraySource(samples, 16000)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("patch_frames", [1, 2])
def test_every_family_gives_one_feature_for_each_patch(
    folders: dict[str, Path], family: str, patch_frames: int
) -> None:
    ear = open_ear(folders[family], patch_frames=patch_frames)
    samples = noise(1.03)
    features = ear.hear(source(samples))
    frames = motion_frame_count(len(samples))
    assert features.shape == (-(-frames // patch_frames), WIDTH) and features.dtype == np.float32
    np.testing.assert_allclose(features.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(axis=1), 1, atol=1e-2)
    assert np.abs(np.diff(features, axis=0)).max() > 1e-4  # it hears a difference between moments
    assert not any(parameter.requires_grad for parameter in ear._model.parameters()) and not ear._model.training


@pytest.mark.parametrize("patch", [0, 7, 20, 28])
def test_an_impulse_moves_the_features_of_its_patch(tmp_path: Path, patch: int) -> None:
    """Of the model only the stem and its projection are heard, which see 25 ms: layers after them hear everything."""
    ear = open_ear(save_tiny_ear(tmp_path, "hubert", norm="layer"))
    model = ear._model
    ear._hidden = lambda samples: model.feature_projection(model.feature_extractor(samples).transpose(1, 2))
    samples = noise(1.0)
    # frames 2n and 2n + 1 are at 2n / 60 s and (2n + 1) / 60 s: the patch is in the middle of them
    centre = round((2 * patch + 0.5) * 16000 / 60)
    with_impulse = samples.copy()
    with_impulse[centre : centre + 2] += 3.0
    moved = np.abs(ear.hear(source(with_impulse)) - ear.hear(source(samples))).sum(axis=1)
    assert moved.argmax() == patch
    assert moved[np.abs(np.arange(30) - patch) > 1].max() == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_burst_moves_the_features_around_it_most(family: str, tmp_path: Path) -> None:
    """The same through the whole model, which hears far: a tenth of a second around patch 15 of 30."""
    ear = open_ear(save_tiny_ear(tmp_path, family, norm="layer"))
    samples = noise(1.0)
    with_burst = samples.copy()
    with_burst[7467 : 9067] += noise(0.1, seed=1) * 10
    moved = np.abs(ear.hear(source(with_burst)) - ear.hear(source(samples))).sum(axis=1)
    centre = (moved * np.arange(30)).sum() / moved.sum()
    assert abs(centre - 15) < 1.5 and moved[13:18].mean() > 2 * moved[[*range(9), *range(22, 30)]].mean()


def test_places_of_features_in_the_sound() -> None:
    """The feature of samples [320 k, 320 k + 400) stands in their middle; between two features both count."""
    ramp = torch.arange(10.0)[:, None] * 320 + 199.5  # where each feature stands
    places = (np.array([199.5, 300.0, 1000.0, 9999.0]) - 199.5) / 320
    heard = pretrained._interpolate(ramp, places)[:, 0]
    np.testing.assert_allclose(heard, [199.5, 300.0, 1000.0, 9 * 320 + 199.5], rtol=1e-6)
    np.testing.assert_allclose(pretrained._patch_centres(3, 2, 2), [6.5 * 800 / 3, 8.5 * 800 / 3])


def test_stem_sizes_are_read_from_the_model(folders: dict[str, Path]) -> None:
    ear = open_ear(folders["wavlm"])
    assert (ear._hop, ear._reach) == (320, 400)


def test_what_is_heard_does_not_depend_on_where_reading_begins(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "BLOCK_FRAMES", 40)  # blocks of 20 patches
    monkeypatch.setattr(pretrained, "CONTEXT_SAMPLES", 1600)
    ear, sound = open_ear(folders["hubert"]), source(noise(2.0))
    whole = ear.hear(sound)
    assert len(whole) == 60
    np.testing.assert_array_equal(ear.hear_patches(sound, 15, 31), whole[15:46])


@pytest.mark.parametrize("samples", [1, 399, 401])
def test_the_shortest_sounds_are_heard(folders: dict[str, Path], samples: int) -> None:
    features = open_ear(folders["hubert"]).hear(source(noise(1.0)[:samples]))
    assert features.shape == (-(-motion_frame_count(samples) // 2), WIDTH) and np.isfinite(features).all()


def test_layers(folders: dict[str, Path]) -> None:
    sound = source(noise(0.5))
    heard = {layer: open_ear(folders["hubert"], layer=layer).hear(sound) for layer in ("last", "mean", "0", "1", "2")}
    np.testing.assert_allclose(heard["last"], heard[str(LAYERS)], atol=1e-5)
    for one, other in (("0", "1"), ("1", "2"), ("mean", "last")):
        assert np.abs(heard[one] - heard[other]).max() > 1e-4
    with pytest.raises(BundleError, match="no layer '3'.*0 to 2"):
        open_ear(folders["hubert"], layer="3")


def test_loudness_matters_only_to_a_model_that_is_not_normalized(tmp_path: Path) -> None:
    loud = noise(0.5)
    for folder, with_extractor in ((tmp_path / "plain", True), (tmp_path / "bare", False)):
        ear = open_ear(save_tiny_ear(folder, "wavlm", with_extractor=with_extractor))
        assert ear._is_normalized is not with_extractor  # the extractor of the tiny ears says no, without one it is yes
    normalized = pretrained._normalized(loud, True)
    np.testing.assert_allclose(pretrained._normalized(0.1 * loud, True), normalized, atol=1e-2)
    assert abs(normalized.std() - 1) < 1e-3
    np.testing.assert_array_equal(pretrained._normalized(loud, False), loud)


def test_the_fingerprint_stands_for_weights_and_use(folders: dict[str, Path], tmp_path: Path) -> None:
    ear = open_ear(folders["hubert"])
    assert open_ear(folders["hubert"]).config == ear.config
    assert open_ear(folders["hubert"], layer="1").config.fingerprint != ear.config.fingerprint
    assert load_ear(ear.config).config == ear.config
    other = save_tiny_ear(tmp_path, "hubert", seed=1)
    with pytest.raises(BundleError, match="other weights"):
        load_ear(PretrainedEarConfig(str(other), fingerprint=ear.config.fingerprint))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tuned", [False, True])
def test_checkpoints_of_the_hub_s_older_layout_are_the_same_ear(
    folders: dict[str, Path], tmp_path: Path, family: str, tuned: bool
) -> None:
    """pytorch_model.bin with old names of the weight norm; fine-tuned ones have a prefix and an unused head."""
    from safetensors.torch import load_file

    old_names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    tensors = {"lm_head.weight": torch.zeros(5, WIDTH)} if tuned else {}
    for name, tensor in load_file(folders[family] / "model.safetensors").items():
        for new, old in old_names.items():
            name = name.replace(new, old)
        tensors[f"{family}.{name}" if tuned else name] = tensor
    assert any(name.endswith("weight_g") for name in tensors)
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    for file in folders[family].glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert open_ear(tmp_path).config.fingerprint == open_ear(folders[family]).config.fingerprint


def test_a_model_saved_in_half_precision_is_heard_in_full(tmp_path: Path) -> None:
    import transformers

    transformers.HubertModel.from_pretrained(save_tiny_ear(tmp_path)).half().save_pretrained(tmp_path)
    ear = open_ear(tmp_path)
    assert {parameter.dtype for parameter in ear._model.parameters()} == {torch.float32}
    assert np.isfinite(ear.hear(source(noise(0.2)))).all()


def test_a_large_model_whose_layers_normalize_first_is_heard(tmp_path: Path) -> None:
    ear = open_ear(save_tiny_ear(tmp_path, "wavlm", norm="layer", do_stable_layer_norm=True), layer="1")
    assert ear.hear(source(noise(0.2))).shape == (6, WIDTH)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no speech model.*save_pretrained"):
        open_ear(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(BundleError, match="'bert' and does not hear.*hubert-base-ls960"):
        open_ear(tmp_path)


def test_a_model_without_all_its_weights_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = save_tiny_ear(tmp_path) / "model.safetensors"
    tensors = load_file(path)
    lost = next(name for name in tensors if "attention" in name)
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, path, metadata={"format": "pt"})
    with pytest.raises(BundleError, match="lacks 1 weights"):
        open_ear(tmp_path)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = save_tiny_ear(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BundleError, match="no speech model"):
        open_ear(tmp_path)


def test_a_hub_that_cannot_be_reached_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("We couldn't connect to the hub")

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", unreachable)
    with pytest.raises(BundleError, match="no folder nobody/nothing.*couldn't connect.*give its folder"):
        load_ear(PretrainedEarConfig("nobody/nothing"))
    with pytest.raises(BundleError, match="This teacher hears through nobody/nothing.*train teacher --ear"):
        load_ear(PretrainedEarConfig("nobody/nothing", fingerprint="1234"))


def test_missing_transformers_are_asked_for(monkeypatch: pytest.MonkeyPatch, folders: dict[str, Path]) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(RuntimeUnavailableError, match="pip install transformers"):
        open_ear(folders["hubert"])
