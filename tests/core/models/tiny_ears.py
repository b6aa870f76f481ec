# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech models of the three families with random weights, saved as `transformers` saves them."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers

FAMILIES = ("hubert", "wav2vec2", "wavlm")
WIDTH, LAYERS = 16, 2
#: The published stem: 400 samples seen, 320 between features.
STEM = {"conv_kernel": (10, 3, 3, 3, 3, 2, 2), "conv_stride": (5, 2, 2, 2, 2, 2, 2), "conv_dim": (8,) * 7}


def save_tiny_ear(folder: Path, family: str = "hubert", seed: int = 0, with_extractor: bool = True,
                  norm: str = "group", **changes: object) -> Path:
    """A folder as save_pretrained writes it. norm: "layer" for a stem that hears no further than its 25 ms."""
    kinds = {
        "hubert": (transformers.HubertConfig, transformers.HubertModel),
        "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model),
        "wavlm": (transformers.WavLMConfig, transformers.WavLMModel),
    }
    config_kind, model_kind = kinds[family]
    torch.manual_seed(seed)
    config = config_kind(
        hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=2, intermediate_size=24,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, feat_extract_norm=norm, **STEM, **changes,
    )
    model_kind(config).save_pretrained(folder)
    if with_extractor:
        transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)
    return folder
