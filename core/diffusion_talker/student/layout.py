# SPDX-License-Identifier: GPL-3.0-or-later
"""Name and shape of every array of a student, so that a file can be judged before it runs."""

from __future__ import annotations

from diffusion_talker.student.config import (
    KERNEL_TAPS,
    MEL_BANDS,
    MEL_FRAMES_PER_MOTION_FRAME,
    TIME_FEATURES,
    StudentConfig,
)

Shapes = dict[str, tuple[int, ...]]


def weight_shapes(config: StudentConfig) -> Shapes:
    """Shape of every array of a bundle."""
    encoder, decoder, style = config.encoder_width, config.decoder_width, config.style_width
    values, tokens = config.values_per_frame, config.style_tokens * config.style_width
    shapes: Shapes = {"encoder.mel_mean": (MEL_BANDS,), "encoder.mel_std": (MEL_BANDS,)}
    shapes |= {"decoder.motion_mean": (values,), "decoder.motion_std": (values,), "personalizer.null": (tokens,)}
    if config.vertex_count:
        shapes |= {"decoder.neutral_face": (config.vertex_count, 3)}
    patch = config.patch_frames
    shapes |= _linear("encoder.mel_in", patch * MEL_FRAMES_PER_MOTION_FRAME * MEL_BANDS, encoder)
    shapes |= _linear("encoder.phone_out", encoder, patch * len(config.phone_classes))
    shapes |= _blocks("encoder", encoder, len(config.encoder_dilations))
    shapes |= _linear("decoder.motion_in", patch * values, decoder) | _linear("decoder.audio_in", encoder, decoder)
    shapes |= _linear("decoder.time_in", TIME_FEATURES, decoder) | _linear("decoder.style_in", tokens, decoder)
    shapes |= _blocks("decoder", decoder, len(config.decoder_dilations))
    for index in range(len(config.decoder_dilations)):
        shapes |= _linear(f"decoder.modulations.{index}", decoder, 3 * decoder)
    shapes |= _linear("decoder.motion_out", decoder, patch * values)
    for name in ("attend_query", "attend_key", "attend_value"):
        shapes |= _linear(f"personalizer.{name}", style, style)
    for kind, entries in (("identity", len(config.identities)), ("emotion", len(config.emotions))):
        prefix = f"personalizer.{kind}"
        shapes |= _linear(f"{prefix}.attention", encoder, 1)
        shapes |= _linear(f"{prefix}.query", config.query_width or 2 * encoder, style)
        if config.query_width:
            shapes |= _linear(f"{prefix}.query_in", 2 * encoder, config.query_width)
        shapes |= {f"{prefix}.keys": (entries, style), f"{prefix}.tokens": (entries, config.style_tokens, style)}
        shapes |= {f"{prefix}.log_scale": ()}
    return shapes


def _linear(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _blocks(part: str, width: int, count: int) -> Shapes:
    shapes: Shapes = {}
    for index in range(count):
        prefix = f"{part}.blocks.{index}"
        shapes |= {f"{prefix}.convolution.weight": (width, width, KERNEL_TAPS)}
        shapes |= {f"{prefix}.convolution.bias": (width,)} | _linear(f"{prefix}.projection", width, width)
    return shapes
