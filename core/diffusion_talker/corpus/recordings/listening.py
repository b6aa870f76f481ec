# SPDX-License-Identifier: GPL-3.0-or-later
"""The trained phone recogniser as a function of sound, loaded once in every process that listens."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from diffusion_talker.corpus.phones import PHONE_NAMES, broad_phone
from diffusion_talker.corpus.recordings.pieces import Listener
from diffusion_talker.errors import CorpusError

_UNHEARD_LOG_PROBABILITY = -30.0  # of a phone that the recogniser was not trained on


@lru_cache(maxsize=1)
def load_listener(path: Path) -> Listener:
    """What the recogniser at `path` (a file, or the folder of its training) hears: (N,) samples at 16 kHz to (T, P) log
    probabilities over PHONE_NAMES, those of narrow sounds with their broad one. Raises BundleError, and CorpusError
    where PyTorch is missing."""
    try:
        from diffusion_talker.models.recogniser import load_recogniser, phone_log_probabilities
    except ModuleNotFoundError as error:
        raise CorpusError(
            f"Listening to recordings needs the package {error.name!r}. Install it with: "
            "pip install 'diffusion-talker[train]'"
        ) from error
    recogniser = load_recogniser(path)
    known = [i for i, name in enumerate(recogniser.phones) if name in PHONE_NAMES]
    columns = [PHONE_NAMES.index(broad_phone(recogniser.phones[i])) for i in known]

    def listen(samples: np.ndarray) -> np.ndarray:
        heard = phone_log_probabilities(recogniser, np.ascontiguousarray(samples, np.float32))
        out = np.full((len(heard), len(PHONE_NAMES)), _UNHEARD_LOG_PROBABILITY, np.float32)
        for i, column in zip(known, columns, strict=True):
            out[:, column] = np.logaddexp(out[:, column], heard[:, i])
        return out

    return listen
