# SPDX-License-Identifier: GPL-3.0-or-later
"""A speech model of others as the teacher's frozen ear: HuBERT, wav2vec 2.0 or WavLM, read through `transformers`.

Published (2503.18159): the teacher hears through a large pretrained speech model. Which layer, the resampling and the
normalization are ours. Such a model gives about fifty features a second, each made of 25 ms of sound; here they are
brought to the patches of motion, so that patch n stands for the frames that it holds. Long recordings are heard in
blocks at fixed places with sound on both sides: what is heard at a time does not depend on where reading began.
Shapes: S samples at 16 kHz, F features of the model, N patches, D width.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from diffusion_talker.audio import MOTION_RATE_HZ, SAMPLE_RATE_HZ, AudioSource, motion_frame_count
from diffusion_talker.errors import BundleError, RuntimeUnavailableError
from diffusion_talker.student.torch_network import normalize_layer

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

LAST_LAYER: Final = "last"
MEAN_LAYER: Final = "mean"  # of all layers
BLOCK_FRAMES: Final = 1200  # 20 s are heard at once
CONTEXT_SAMPLES: Final = 2 * SAMPLE_RATE_HZ  # and 2 s before and after them
#: Weights that only training uses; checkpoints may lack them.
_TRAINING_ONLY: Final = ("masked_spec_embed",)


@dataclass(frozen=True)
class PretrainedEarConfig:
    """Which model is heard through, and how.

    Attributes:
        source: folder or hub name of the model.
        layer: number of a layer (1 is the first, 0 what goes into it), "last", or "mean" of all.
        patch_frames: motion frames for which there is one feature.
        width: D.
        fingerprint: SHA-256 of the weights and of all that changes what is heard.
        parameters: numbers in the model.
    """

    source: str
    layer: str = LAST_LAYER
    patch_frames: int = 2
    width: int = 0
    fingerprint: str = ""
    parameters: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PretrainedEarConfig:
        """The inverse of `as_dict`. Raises TypeError on a foreign dictionary."""
        return cls(**values)


class PretrainedEar:
    """A frozen speech model. Not a part of the network that hears through it, so that it is never trained or saved."""

    def __init__(self, config: PretrainedEarConfig, model: PreTrainedModel, is_normalized: bool) -> None:
        """is_normalized: whether the model wants each recording with mean 0 and deviation 1."""
        self._model = model.eval().requires_grad_(False)
        self._is_normalized = is_normalized
        strides = list(model.config.conv_stride)
        self._hop = int(np.prod(strides))
        steps = np.cumprod([1, *strides[:-1]])
        self._reach = 1 + int(sum((k - 1) * step for k, step in zip(model.config.conv_kernel, steps, strict=True)))
        fingerprint = _fingerprint(model, config, is_normalized)
        if config.fingerprint not in ("", fingerprint):
            raise BundleError(
                f"{config.source} holds other weights than the ear this teacher was trained with. "
                "Put those back, or train the teacher again with the ear that is there."
            )
        self.config = replace(
            config, width=int(model.config.hidden_size), fingerprint=fingerprint,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
        )

    def to(self, device: torch.device) -> PretrainedEar:
        """Move to a device; returns itself."""
        self._model.to(device)
        return self

    def hear(self, source: AudioSource) -> np.ndarray:
        """Features of a whole recording: (N, D) float32, N = its motion frames / patch_frames, rounded up."""
        return self.hear_patches(source, 0, self.patch_count(source.sample_count))

    def patch_count(self, sample_count: int) -> int:
        """Patches that cover a recording."""
        return -(-motion_frame_count(sample_count) // self.config.patch_frames)

    def hear_patches(self, source: AudioSource, first: int, count: int) -> np.ndarray:
        """Features (count, D) float32 of the patches [first, first + count)."""
        size = BLOCK_FRAMES // self.config.patch_frames
        features = np.empty((count, self.config.width), np.float32)
        for block in range(first // size, -(-(first + count) // size)):
            low, high = max(first, block * size), min(first + count, (block + 1) * size)
            heard = self._hear_block(source, block * size, size)
            features[low - first : high - first] = heard[low - block * size : high - block * size]
        return features

    @torch.inference_mode()
    def _hear_block(self, source: AudioSource, first_patch: int, count: int) -> np.ndarray:
        """(count, D) features of a block; patches beyond the recording repeat its last."""
        centres = _patch_centres(first_patch, count, self.config.patch_frames)
        start = max(0, int(centres[0]) - CONTEXT_SAMPLES)
        stop = max(start + 1, min(source.sample_count, int(centres[-1]) + CONTEXT_SAMPLES))
        margin = self._reach // 2  # silence, so that the first and last feature stand at the ends of the sound
        samples = np.pad(_normalized(source.read(start, stop), self._is_normalized), (margin, margin + self._hop))
        hidden = self._hidden(torch.from_numpy(samples)[None].to(self._model.device))
        places = (centres - start + margin - (self._reach - 1) / 2) / self._hop
        return normalize_layer(_interpolate(hidden[0], places)).float().cpu().numpy()

    def _hidden(self, samples: Tensor) -> Tensor:
        """(1, S) -> (1, F, D), the chosen layer."""
        if self.config.layer == LAST_LAYER:
            return self._model(samples).last_hidden_state
        states = self._model(samples, output_hidden_states=True).hidden_states
        if self.config.layer == MEAN_LAYER:
            return torch.stack(states[1:]).mean(0)
        return states[int(self.config.layer)]


def _patch_centres(first: int, count: int, patch_frames: int) -> np.ndarray:
    """(count,) fractional sample in the middle of each patch: motion frame i stands at i / 60 s."""
    frames = (first + np.arange(count)) * patch_frames + (patch_frames - 1) / 2
    return frames * (SAMPLE_RATE_HZ / MOTION_RATE_HZ)


def _normalized(samples: np.ndarray, is_normalized: bool) -> np.ndarray:
    """As the feature extractors of these models do it."""
    if not is_normalized:
        return samples.astype(np.float32)
    return ((samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)).astype(np.float32)


def _interpolate(features: Tensor, places: np.ndarray) -> Tensor:
    """(F, D) at fractional positions (N,), linear, constant beyond the ends -> (N, D)."""
    positions = torch.from_numpy(places.astype(np.float32)).to(features.device).clamp(0, len(features) - 1)
    low = positions.long()
    high = (low + 1).clamp_max(len(features) - 1)
    return torch.lerp(features[low], features[high], (positions - low)[:, None])


def load_ear(config: PretrainedEarConfig) -> PretrainedEar:
    """Open a speech model.

    Raises:
        RuntimeUnavailableError: `transformers` is not installed.
        BundleError: the source is no speech model that could be read, or has no such layer, or other weights than
            `config.fingerprint` says.
    """
    transformers = _transformers()
    is_folder = Path(config.source).is_dir()
    try:
        shape = transformers.AutoConfig.from_pretrained(config.source, local_files_only=is_folder)
        _check_shape(config, shape)
        model, told = transformers.AutoModel.from_pretrained(
            config.source, local_files_only=is_folder, output_loading_info=True
        )
    except (OSError, SafetensorError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise BundleError(_unreadable(config, is_folder, error)) from error
    missing = [name for name in told["missing_keys"] if not name.endswith(_TRAINING_ONLY)]
    if missing:
        raise BundleError(
            f"{config.source} lacks {len(missing)} weights of its network ({missing[0]}, ...): it is damaged or was "
            "saved by another version of transformers. Download it again."
        )
    return PretrainedEar(config, model.float(), _wants_normalized(transformers, config.source, is_folder))


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise RuntimeUnavailableError(
            "A pretrained ear needs the package transformers: run pip install transformers, or train the teacher with "
            "a recogniser of your own (--ear FOLDER of train recogniser)."
        ) from error
    transformers.utils.logging.disable_progress_bar()  # of weights that are read within a second
    return transformers


def _check_shape(config: PretrainedEarConfig, shape: PretrainedConfig) -> None:
    """Raises BundleError."""
    if not all(hasattr(shape, name) for name in ("conv_stride", "conv_kernel", "num_hidden_layers", "hidden_size")):
        raise BundleError(
            f"{config.source} is a '{shape.model_type}' and does not hear sound as HuBERT, wav2vec 2.0 and WavLM do. "
            "Choose one of these, for example facebook/hubert-base-ls960 or microsoft/wavlm-base-plus."
        )
    layers = (LAST_LAYER, MEAN_LAYER, *map(str, range(shape.num_hidden_layers + 1)))
    if config.layer not in layers:
        raise BundleError(
            f"{config.source} has no layer '{config.layer}': choose {LAST_LAYER}, {MEAN_LAYER} or a number from 0 to "
            f"{shape.num_hidden_layers}."
        )


def _wants_normalized(transformers: Any, source: str, is_folder: bool) -> bool:
    """What the checkpoint's feature extractor says; the usual yes where it has none. Raises BundleError."""
    try:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(source, local_files_only=is_folder)
    except (OSError, ValueError, KeyError, ImportError):
        return True
    if extractor.sampling_rate != SAMPLE_RATE_HZ:
        raise BundleError(
            f"{source} hears sound of {extractor.sampling_rate} Hz and ours has {SAMPLE_RATE_HZ}: choose another model."
        )
    return bool(extractor.do_normalize)


def _unreadable(config: PretrainedEarConfig, is_folder: bool, error: Exception) -> str:
    source, reason = config.source, (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if config.fingerprint and not is_folder:
        return (f"This teacher hears through {source}, which cannot be opened any more ({reason}). Put that model back "
                "in its place, or train the teacher again with an ear that is there (train teacher --ear).")
    if is_folder:
        return (f"{source} is no speech model of transformers ({reason}). Give a folder with config.json and "
                "model.safetensors, as save_pretrained writes it.")
    return (f"There is no folder {source}, and as a name it could not be fetched from the model hub ({reason}). Check "
            "the name and the connection, or download the model elsewhere and give its folder.")


def _fingerprint(model: PreTrainedModel, config: PretrainedEarConfig, is_normalized: bool) -> str:
    """Names, values and use of all weights."""
    digest = hashlib.sha256(f"{config.layer} {config.patch_frames} {is_normalized} {model.config.model_type}".encode())
    for name, tensor in sorted(model.state_dict().items()):
        if not name.endswith(_TRAINING_ONLY):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(tensor.cpu().numpy()))
    return digest.hexdigest()
