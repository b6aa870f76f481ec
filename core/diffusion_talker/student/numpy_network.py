# SPDX-License-Identifier: GPL-3.0-or-later
"""The student on plain NumPy: the twin of `torch_network`, equal to it within 1e-4.

What a dilated convolution sees is gathered into contiguous matrices before it is multiplied. The copy is deliberate:
NumPy multiplies strided views many times slower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffusion_talker.student.bundle import Bundle
from diffusion_talker.student.config import KERNEL_TAPS
from diffusion_talker.student.fast_filter import (
    INPUT_MATRIX,
    OUTPUT_MATRIX,
    OUTPUTS,
    POINTS,
    tile_count,
    transformed_taps,
)
from diffusion_talker.student.listening import vocal_tracts
from diffusion_talker.student.network import EncodedAudio, StyleQuery, StyleRequest
from diffusion_talker.student.schedule import time_features

_LAYER_NORM_EPSILON = 1e-5
_COSINE_EPSILON = 1e-8
_ROWS_OF_PIECE = 192  # of a matrix product: temporaries this small stay in the memory that the process has already


@dataclass(frozen=True)
class _Linear:
    """y = x W + b with W (in, out)."""

    weight: np.ndarray
    bias: np.ndarray

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        outputs = inputs @ self.weight
        outputs += self.bias
        return outputs


@dataclass(frozen=True)
class _Convolution:
    """Dilated convolution over time with zero padding, by few multiplications: see `fast_filter`."""

    taps: np.ndarray  # (POINTS, in, out)
    bias: np.ndarray
    dilation: int

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        steps, width = inputs.shape
        tiles, group = tile_count(steps, self.dilation), self.dilation
        reach = group * (KERNEL_TAPS // 2)
        padded = np.zeros(((tiles * OUTPUTS + KERNEL_TAPS - 1) * group, width), np.float32)
        padded[reach : reach + steps] = inputs
        groups = padded.reshape(-1, group * width)
        outputs = np.empty((tiles, OUTPUTS, group * len(self.bias)), np.float32)
        piece = max(1, _ROWS_OF_PIECE // group)
        for first in range(0, tiles, piece):
            outputs[first : first + piece] = self._tiles(groups[OUTPUTS * first :], min(piece, tiles - first))
        outputs = outputs.reshape(-1, len(self.bias))[:steps]
        outputs += self.bias
        return outputs

    def _tiles(self, groups: np.ndarray, tiles: int) -> np.ndarray:
        """Groups of inputs, from the first that is seen, to the outputs of as many tiles: (tiles, OUTPUTS, ...)."""
        seen = np.stack([groups[first : first + tiles * OUTPUTS : OUTPUTS] for first in range(POINTS)])
        values = (INPUT_MATRIX @ seen.reshape(POINTS, -1)).reshape(POINTS, -1, self.taps.shape[1])
        products = OUTPUT_MATRIX @ (values @ self.taps).reshape(POINTS, -1)
        return products.reshape(OUTPUTS, tiles, -1).transpose(1, 0, 2)


@dataclass(frozen=True)
class _Block:
    """Residual block: normalise, (modulate,) convolve, activate, project."""

    convolution: _Convolution
    projection: _Linear


def silu(inputs: np.ndarray) -> np.ndarray:
    """x * sigmoid(x), computed in place on a copy; large negative inputs do not overflow."""
    gate = np.negative(np.maximum(inputs, -80.0))
    np.exp(gate, out=gate)
    gate += 1.0
    return np.divide(inputs, gate, out=gate)


def normalize_layer(inputs: np.ndarray) -> np.ndarray:
    """Layer normalisation over the last axis, without learned scale (the next layer has one)."""
    centred = inputs - inputs.mean(axis=-1, keepdims=True)
    variance = np.einsum("...c,...c->...", centred, centred)[..., None] / centred.shape[-1]
    centred /= np.sqrt(variance + _LAYER_NORM_EPSILON)
    return centred


def softmax(scores: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def to_patches(frames: np.ndarray, patch_frames: int) -> np.ndarray:
    """(T, W) to (N, patch_frames * W): neighbouring frames side by side; the last frame fills the last patch."""
    missing = -len(frames) % patch_frames
    if missing:
        frames = np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])
    return frames.reshape(-1, patch_frames * frames.shape[1])


def from_patches(patches: np.ndarray, patch_frames: int, frame_count: int) -> np.ndarray:
    """The inverse: (N, patch_frames * W) to (T, W), T = frame_count."""
    return patches.reshape(len(patches) * patch_frames, -1)[:frame_count]


def _mix(weights: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """(..., K) mixture weights and (K, M, S) tokens to (..., M, S)."""
    weights = np.asarray(weights, np.float32)
    return (weights @ tokens.reshape(len(tokens), -1)).reshape(*weights.shape[:-1], *tokens.shape[1:])


class NumpyNetwork:
    """Audio encoder, personalizer and motion decoder; see `torch_network.StudentNetwork` for the definition."""

    name = "numpy"

    def __init__(self, bundle: Bundle) -> None:
        self.config = bundle.config
        self._weights = {name: array.astype(np.float32) for name, array in bundle.weights.items()}
        config = self.config
        self._mel_in = self._linear("encoder.mel_in")
        self._encoder = [self._block(f"encoder.blocks.{i}", d) for i, d in enumerate(config.encoder_dilations)]
        self._motion_in = self._linear("decoder.motion_in")
        self._audio_in = self._linear("decoder.audio_in")
        self._decoder = [self._block(f"decoder.blocks.{i}", d) for i, d in enumerate(config.decoder_dilations)]
        self._modulations = [self._linear(f"decoder.modulations.{i}") for i in range(len(self._decoder))]
        self._motion_out = self._linear("decoder.motion_out")
        self._time_in = self._linear("decoder.time_in")
        self._style_in = self._linear("decoder.style_in")

    def _linear(self, name: str) -> _Linear:
        return _Linear(np.ascontiguousarray(self._weights[f"{name}.weight"].T), self._weights[f"{name}.bias"])

    def _block(self, name: str, dilation: int) -> _Block:
        taps = transformed_taps(self._weights[f"{name}.convolution.weight"])
        convolution = _Convolution(taps, self._weights[f"{name}.convolution.bias"], dilation)
        return _Block(convolution, self._linear(f"{name}.projection"))

    # -- audio ---------------------------------------------------------------------------------------------------

    def encode(self, log_mel: np.ndarray) -> EncodedAudio:
        """(T, 2, 80) log-mel to frame features and the early features the personalizer listens to."""
        versions = [self._encode_version(mel) for mel in vocal_tracts(log_mel, self.config.vocal_tract_shifts_bands)]
        features = np.mean([features for features, _ in versions], axis=0)
        return EncodedAudio(features, np.mean([speaker for _, speaker in versions], axis=0))

    def _encode_version(self, log_mel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features and speaker features (N, D) of one vocal tract, N patches."""
        mel = (log_mel - self._weights["encoder.mel_mean"]) / self._weights["encoder.mel_std"]
        frames = mel.reshape(len(mel), -1).astype(np.float32)
        hidden = self._mel_in(to_patches(frames, self.config.patch_frames))
        speaker = hidden
        for index, block in enumerate(self._encoder):
            hidden = hidden + block.projection(silu(block.convolution(normalize_layer(hidden))))
            if index + 1 == self.config.speaker_block:
                speaker = hidden
        return normalize_layer(hidden), normalize_layer(speaker)

    # -- style ---------------------------------------------------------------------------------------------------

    def query(self, speaker: np.ndarray) -> StyleQuery:
        """Similarity of the voice in `speaker` (N, D) to every identity and emotion of the library."""
        voice, mood = self._voice("identity", speaker), self._voice("emotion", speaker)
        return StyleQuery(self._similarity("identity", voice), self._similarity("emotion", mood), voice)

    def _voice(self, kind: str, speaker: np.ndarray) -> np.ndarray:
        """Attentive mean and deviation pooling (N, D) to a unit query (S,)."""
        attention = softmax(self._linear(f"personalizer.{kind}.attention")(speaker)[:, 0])
        mean = attention @ speaker
        deviation = np.sqrt(np.maximum(attention @ (speaker - mean) ** 2, 1e-6))
        pooled = np.concatenate([mean, deviation])
        if self.config.query_width:
            pooled = silu(self._linear(f"personalizer.{kind}.query_in")(pooled))
        query = self._linear(f"personalizer.{kind}.query")(pooled)
        return query / (np.linalg.norm(query) + _COSINE_EPSILON)

    def _similarity(self, kind: str, query: np.ndarray) -> np.ndarray:
        keys = self._weights[f"personalizer.{kind}.keys"]
        return (keys / (np.linalg.norm(keys, axis=1, keepdims=True) + _COSINE_EPSILON)) @ query

    def library_weights(self, kind: str, similarity: np.ndarray) -> np.ndarray:
        """Similarities to mixture weights: softmax at the learned temperature."""
        return softmax(similarity * np.exp(self._weights[f"personalizer.{kind}.log_scale"]))

    def style(self, request: StyleRequest) -> np.ndarray:
        """Mixture weights to the personalized embedding D = style_tokens * style_width: (D,), or (N, D) of patches."""
        null, emotions = self._weights["personalizer.null"], self._weights["personalizer.emotion.tokens"]
        identity = _mix(request.identity_weights, self._weights["personalizer.identity.tokens"])
        emotion = _mix(request.emotion_weights, emotions)
        intensity, strength = (np.asarray(amount, np.float32) for amount in (request.intensity, request.strength))
        emotion = emotions[0] + intensity[..., None, None] * (emotion - emotions[0])
        fused = identity + self._cross_attention(identity, emotion)
        embedding = null + strength[..., None] * (normalize_layer(fused.reshape(*fused.shape[:-2], -1)) - null)
        return embedding if request.offset is None else embedding + np.asarray(request.offset, np.float32)

    def _cross_attention(self, identity: np.ndarray, emotion: np.ndarray) -> np.ndarray:
        queries = self._linear("personalizer.attend_query")(identity)
        keys = self._linear("personalizer.attend_key")(emotion)
        values = self._linear("personalizer.attend_value")(emotion)
        return softmax(queries @ np.swapaxes(keys, -1, -2) / np.sqrt(np.float32(queries.shape[-1]))) @ values

    # -- motion --------------------------------------------------------------------------------------------------

    def prepare(self, audio: EncodedAudio) -> np.ndarray:
        """The part of the decoder that no denoising step changes: audio features in decoder width."""
        return self._audio_in(audio.features)

    def denoise(self, noisy: np.ndarray, time: float, prepared: np.ndarray, style: np.ndarray) -> np.ndarray:
        """Predict clean motion x0 (T, C), z-scored, from noisy motion at diffusion time `time`.

        style: (D,), or (N, D) with a row for each patch.
        """
        condition = silu(self._time_in(time_features(time)) + self._style_in(style))
        patch_frames = self.config.patch_frames
        hidden = self._motion_in(to_patches(noisy / np.float32(self.config.noise_scale), patch_frames)) + prepared
        for block, modulation in zip(self._decoder, self._modulations, strict=True):
            scale, shift, gate = np.split(modulation(condition), 3, axis=-1)
            modulated = normalize_layer(hidden) * (1.0 + scale) + shift
            hidden = hidden + gate * block.projection(silu(block.convolution(modulated)))
        return from_patches(self._motion_out(normalize_layer(hidden)), patch_frames, len(noisy))

    def to_weights(self, normalized: np.ndarray) -> np.ndarray:
        """Undo the per-channel z-score."""
        return normalized * self._weights["decoder.motion_std"] + self._weights["decoder.motion_mean"]
