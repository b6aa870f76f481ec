# SPDX-License-Identifier: GPL-3.0-or-later
"""The student in PyTorch: the definition used for training, and the runtime on a GPU.

Three parts (DiffusionTalker, 2311.16565 and 2503.18159, section "method"; sizes and layers are ours):
an audio encoder that runs once for a clip, a contrastive personalizer that finds identity and emotion
in a library, and a motion decoder that predicts clean motion x0 from noise, audio and style.
It thinks in patches of a few frames, which a phone always outlasts: half the work for the same width.
Shapes: B clips, T frames at 60 Hz, N patches, D encoder width, H decoder width, C values of a
frame (one a channel, or three a vertex),
K identities, E emotions, M style tokens, S token width.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from diffusion_talker.student.bundle import Bundle
from diffusion_talker.student.config import (
    KERNEL_TAPS,
    MEL_BANDS,
    MEL_FRAMES_PER_MOTION_FRAME,
    TIME_FEATURES,
    StudentConfig,
)
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


def normalize_layer(inputs: Tensor) -> Tensor:
    """Layer normalisation over the last axis without learned scale."""
    return functional.layer_norm(inputs, inputs.shape[-1:])


def to_patches(frames: Tensor, patch_frames: int) -> Tensor:
    """(B, T, W) -> (B, N, patch_frames * W): neighbouring frames side by side; the last frame fills the last patch."""
    missing = -frames.shape[1] % patch_frames
    if missing:
        frames = torch.cat([frames, frames[:, -1:].expand(-1, missing, -1)], dim=1)
    return frames.reshape(len(frames), -1, patch_frames * frames.shape[2])


def from_patches(patches: Tensor, patch_frames: int, frame_count: int) -> Tensor:
    """The inverse: (B, N, patch_frames * W) -> (B, T, W), T = frame_count."""
    return patches.reshape(len(patches), patches.shape[1] * patch_frames, -1)[:, :frame_count]


class DilatedBlock(nn.Module):
    """Residual branch: dilated convolution over time, SiLU, projection."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        padding = dilation * (KERNEL_TAPS // 2)
        self.convolution = nn.Conv1d(width, width, KERNEL_TAPS, dilation=dilation, padding=padding)
        self.projection = nn.Linear(width, width)

    def forward(self, inputs: Tensor) -> Tensor:  # (B, T, W) -> (B, T, W)
        convolved = self.convolution(inputs.transpose(1, 2)).transpose(1, 2)
        return self.projection(functional.silu(convolved))


class FastBlock(nn.Module):
    """A trained DilatedBlock with fewer multiplications, see `fast_filter`: for inference on a processor."""

    input_matrix: Tensor
    output_matrix: Tensor
    taps: Tensor

    def __init__(self, block: DilatedBlock) -> None:
        super().__init__()
        self.dilation = block.convolution.dilation[0]
        self.bias, self.projection = block.convolution.bias, block.projection
        self.register_buffer("input_matrix", torch.from_numpy(INPUT_MATRIX))
        self.register_buffer("output_matrix", torch.from_numpy(OUTPUT_MATRIX))
        self.register_buffer("taps", torch.from_numpy(transformed_taps(block.convolution.weight.detach().numpy())))

    def forward(self, inputs: Tensor) -> Tensor:  # (B, T, W) -> (B, T, W)
        return self.projection(functional.silu(self._convolve(inputs), inplace=True))

    def _convolve(self, inputs: Tensor) -> Tensor:
        clips, steps, width = inputs.shape
        tiles, group = tile_count(steps, self.dilation), self.dilation
        reach = group * (KERNEL_TAPS // 2)
        padded = functional.pad(inputs, (0, 0, reach, reach + tiles * OUTPUTS * group - steps))
        groups = padded.view(clips, -1, group * width)
        seen = torch.stack([groups[:, first : first + tiles * OUTPUTS : OUTPUTS] for first in range(POINTS)])
        values = (self.input_matrix @ seen.view(POINTS, -1)).view(POINTS, -1, width)
        products = self.output_matrix @ torch.bmm(values, self.taps).view(POINTS, -1)
        outputs = products.view(OUTPUTS, clips, tiles, group, width).permute(1, 2, 0, 3, 4) + self.bias
        return outputs.reshape(clips, -1, width)[:, :steps]


class AudioEncoder(nn.Module):
    """Log-mel to frame features; a linear head names the articulatory class of every frame."""

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.speaker_block = config.speaker_block
        self.register_buffer("mel_mean", torch.zeros(MEL_BANDS))
        self.register_buffer("mel_std", torch.ones(MEL_BANDS))
        self.patch_frames = config.patch_frames
        mel_width = config.patch_frames * MEL_FRAMES_PER_MOTION_FRAME * MEL_BANDS
        self.mel_in = nn.Linear(mel_width, config.encoder_width)
        self.blocks = nn.ModuleList(DilatedBlock(config.encoder_width, d) for d in config.encoder_dilations)
        self.phone_out = nn.Linear(config.encoder_width, config.patch_frames * len(config.phone_classes))

    def forward(self, log_mel: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, 2, 80) -> features (B, N, D), speaker features (B, N, D)."""
        mel = (log_mel - self.mel_mean) / self.mel_std
        hidden = self.mel_in(to_patches(mel.flatten(-2), self.patch_frames))
        speaker = hidden
        for index, block in enumerate(self.blocks):
            hidden = hidden + block(normalize_layer(hidden))
            if index + 1 == self.speaker_block:
                speaker = hidden
        return normalize_layer(hidden), normalize_layer(speaker)

    def phone_logits(self, features: Tensor) -> Tensor:
        """(B, N, D) -> (B, N * patch_frames, P) scores of the articulatory classes."""
        return from_patches(self.phone_out(features), self.patch_frames, features.shape[1] * self.patch_frames)


class LibraryHead(nn.Module):
    """One library: a query from the voice, a key and M style tokens for each entry."""

    def __init__(self, config: StudentConfig, entries: int) -> None:
        super().__init__()
        self.attention = nn.Linear(config.encoder_width, 1)
        pooled = 2 * config.encoder_width
        # A talker may have several voices, which lie apart: a linear query could not bring them to one key.
        self.query_in = nn.Linear(pooled, config.query_width) if config.query_width else None
        self.query = nn.Linear(config.query_width or pooled, config.style_width)
        self.keys = nn.Parameter(torch.randn(entries, config.style_width))
        self.tokens = nn.Parameter(0.5 * torch.randn(entries, config.style_tokens, config.style_width))
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def similarity(self, speaker: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, N, D) -> (B, K) cosine similarity with the library's keys."""
        return self.voice(speaker, mask) @ functional.normalize(self.keys, dim=-1, eps=1e-8).T

    def voice(self, speaker: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, N, D) -> (B, S) unit query: attentive mean and deviation pooling over voiced frames."""
        scores = self.attention(speaker)[..., 0]
        if mask is not None:
            scores = scores.masked_fill(~mask, -1e4)
        attention = scores.softmax(-1)[..., None]
        mean = (attention * speaker).sum(1)
        variance = (attention * (speaker - mean[:, None]) ** 2).sum(1)
        pooled = torch.cat([mean, variance.clamp_min(1e-6).sqrt()], -1)
        query = self.query(pooled if self.query_in is None else functional.silu(self.query_in(pooled)))
        return functional.normalize(query, dim=-1, eps=1e-8)


class Personalizer(nn.Module):
    """Identity and emotion libraries fused by cross-attention (2503.18159, contrastive personalizer)."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.identity = LibraryHead(config, len(config.identities))
        self.emotion = LibraryHead(config, len(config.emotions))
        self.attend_query = nn.Linear(config.style_width, config.style_width)
        self.attend_key = nn.Linear(config.style_width, config.style_width)
        self.attend_value = nn.Linear(config.style_width, config.style_width)
        self.null = nn.Parameter(torch.zeros(config.style_tokens * config.style_width))

    def forward(self, identity_weights: Tensor, emotion_weights: Tensor, intensity: Tensor) -> Tensor:
        """(B, K), (B, E), (B,) -> personalized embedding (B, M * S)."""
        identity = torch.einsum("bk,kms->bms", identity_weights, self.identity.tokens)
        emotion = torch.einsum("be,ems->bms", emotion_weights, self.emotion.tokens)
        neutral = self.emotion.tokens[0]
        emotion = neutral + intensity[:, None, None] * (emotion - neutral)
        scores = self.attend_query(identity) @ self.attend_key(emotion).transpose(1, 2)
        attention = (scores / math.sqrt(identity.shape[-1])).softmax(-1)
        return normalize_layer((identity + attention @ self.attend_value(emotion)).flatten(1))


class MotionDecoder(nn.Module):
    """Predicts clean motion from noisy motion; time and style modulate every block (AdaLN, zero-initialised)."""

    motion_mean: Tensor
    motion_std: Tensor

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        width, values = config.decoder_width, config.values_per_frame
        self.register_buffer("motion_mean", torch.zeros(values))
        self.register_buffer("motion_std", torch.ones(values))
        if config.vertex_count:  # where the vertices rest, metres: not for the network but for who shows its motion
            self.register_buffer("neutral_face", torch.zeros(config.vertex_count, 3))
        self.patch_frames = config.patch_frames
        self.noise_scale = config.noise_scale
        self.motion_in = nn.Linear(config.patch_frames * values, width)
        self.audio_in = nn.Linear(config.encoder_width, width)
        self.time_in = nn.Linear(TIME_FEATURES, width)
        self.style_in = nn.Linear(config.style_tokens * config.style_width, width)
        self.blocks = nn.ModuleList(DilatedBlock(width, d) for d in config.decoder_dilations)
        self.modulations = nn.ModuleList(nn.Linear(width, 3 * width) for _ in config.decoder_dilations)
        self.motion_out = nn.Linear(width, config.patch_frames * values)
        nn.init.zeros_(self.motion_out.weight)
        nn.init.zeros_(self.motion_out.bias)

    def forward(self, noisy: Tensor, time: Tensor, prepared: Tensor, style: Tensor) -> Tensor:
        """(B, T, C), (B,), (B, N, H), (B, M * S) -> predicted clean motion (B, T, C), z-scored.

        A style that changes over the clip is (B, N, M * S).
        """
        style = style[:, None] if style.ndim == 2 else style
        condition = functional.silu(self.time_in(encode_time(time))[:, None] + self.style_in(style))
        hidden = self.motion_in(to_patches(noisy / self.noise_scale, self.patch_frames)) + prepared
        for block, modulation in zip(self.blocks, self.modulations, strict=True):
            scale, shift, gate = modulation(condition).chunk(3, -1)
            hidden = hidden + gate * block(normalize_layer(hidden) * (1.0 + scale) + shift)
        return from_patches(self.motion_out(normalize_layer(hidden)), self.patch_frames, noisy.shape[1])


def encode_time(time: Tensor) -> Tensor:
    """(B,) -> (B, TIME_FEATURES); the same numbers as `schedule.time_features`."""
    octaves = 2.0 ** torch.arange(TIME_FEATURES // 2, device=time.device)
    angles = time[:, None] * (0.5 * math.pi) * octaves
    return torch.cat([angles.sin(), angles.cos()], -1)


class StudentNetwork(nn.Module):
    """Encoder, personalizer and decoder under the names that the bundle stores."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = AudioEncoder(config)
        self.personalizer = Personalizer(config)
        self.decoder = MotionDecoder(config)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> StudentNetwork:
        """The network of a bundle, in evaluation mode."""
        network = cls(bundle.config)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in bundle.weights.items()})
        return network.eval()

    def made_fast(self) -> StudentNetwork:
        """This network with its blocks replaced by their fast form, which computes the same but does not train."""
        for part in (self.encoder, self.decoder):
            part.blocks = nn.ModuleList(FastBlock(block) for block in part.blocks)
        return self


class Talker(Protocol):
    """What teacher and student have in common: `encoder` makes features and speaker features of log-mel frames."""

    encoder: nn.Module
    personalizer: Personalizer
    decoder: MotionDecoder

    def to(self, device: torch.device) -> Talker:
        """The same network on that device."""


class TorchNetwork:
    """Runs a network for the sampler: NumPy in, NumPy out, features stay on the device."""

    def __init__(self, network: Talker, config: StudentConfig, device: str = "cpu") -> None:
        """network: a module in evaluation mode. config: how it is sampled; its shapes are the network's."""
        self.name = f"torch ({device})"
        self.config = config
        self._device = torch.device(device)
        self._network = network.to(self._device)

    @classmethod
    def of_bundle(cls, bundle: Bundle, device: str = "cpu") -> TorchNetwork:
        """The student of a bundle; a GPU has fast convolutions of its own."""
        network = StudentNetwork.from_bundle(bundle)
        return cls(network.made_fast() if device == "cpu" else network, bundle.config, device)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self._device)[None]

    def power_of_rows(self, rows: np.ndarray) -> np.ndarray:
        """See `network.FourierTransformer.power_of_rows`."""
        parts = torch.view_as_real(torch.fft.rfft(torch.from_numpy(rows))).square_()
        return (parts[..., 0] + parts[..., 1]).float().numpy()

    @torch.inference_mode()
    def encode(self, log_mel: np.ndarray) -> EncodedAudio:
        """See `network.Network.encode`."""
        versions = vocal_tracts(log_mel, self.config.vocal_tract_shifts_bands)  # (S, T, 2, 80)
        features, speaker = self._network.encoder(torch.from_numpy(versions).to(self._device))
        return EncodedAudio(features.mean(0, keepdim=True), speaker.mean(0, keepdim=True))

    @torch.inference_mode()
    def query(self, speaker: Tensor) -> StyleQuery:
        """See `network.Network.query`."""
        personalizer = self._network.personalizer
        found = (personalizer.identity.similarity(speaker), personalizer.emotion.similarity(speaker),
                 personalizer.identity.voice(speaker))
        return StyleQuery(*(part[0].cpu().numpy() for part in found))

    @torch.inference_mode()
    def library_weights(self, kind: str, similarity: np.ndarray) -> np.ndarray:
        """See `network.Network.library_weights`."""
        head = getattr(self._network.personalizer, kind)
        return (self._tensor(similarity)[0] * head.log_scale.exp()).softmax(-1).cpu().numpy()

    @torch.inference_mode()
    def style(self, request: StyleRequest) -> Tensor:
        """See `network.Network.style`: (1, 1 or N, M * S)."""
        personalizer = self._network.personalizer
        identity, emotion = self._rows(request.identity_weights, 2), self._rows(request.emotion_weights, 2)
        embedding = personalizer(identity, emotion, self._rows(request.intensity, 1))
        strength = self._rows(request.strength, 1)[:, None]
        embedding = personalizer.null + strength * (embedding - personalizer.null)
        return (embedding if request.offset is None else embedding + self._rows(request.offset, 2))[None]

    def _rows(self, values: np.ndarray | float, dimensions: int) -> Tensor:
        """What stands for the whole clip as one row, what changes as a row for each patch."""
        array = np.array(values, np.float32, ndmin=dimensions)
        return torch.from_numpy(array).to(self._device)

    @torch.inference_mode()
    def prepare(self, audio: EncodedAudio) -> Tensor:
        """See `network.Network.prepare`."""
        return self._network.decoder.audio_in(audio.features)

    @torch.inference_mode()
    def denoise(self, noisy: np.ndarray, time: float, prepared: Tensor, style: Tensor) -> np.ndarray:
        """See `network.Network.denoise`."""
        times = torch.tensor([time], dtype=torch.float32, device=self._device)
        return self._network.decoder(self._tensor(noisy), times, prepared, style)[0].cpu().numpy()

    @torch.inference_mode()
    def to_weights(self, normalized: np.ndarray) -> np.ndarray:
        """See `network.Network.to_weights`."""
        decoder = self._network.decoder
        return normalized * decoder.motion_std.cpu().numpy() + decoder.motion_mean.cpu().numpy()
