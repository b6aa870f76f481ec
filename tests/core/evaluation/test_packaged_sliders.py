# SPDX-License-Identifier: GPL-3.0-or-later
"""The sliders of the student that ships, on speech that is synthesized for the test."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy", reason="SciPy is not installed: nothing can be synthesized")

from diffusion_talker.audio import ArraySource  # noqa: E402
from diffusion_talker.corpus.clips import missing_reason  # noqa: E402
from diffusion_talker.corpus.text import compose_line  # noqa: E402
from diffusion_talker.corpus.voices.base import Prosody  # noqa: E402
from diffusion_talker.corpus.voices.espeak import EspeakVoice  # noqa: E402
from diffusion_talker.evaluation.sliders import measure_sliders  # noqa: E402
from diffusion_talker.student import load_student  # noqa: E402
from diffusion_talker.training.style_axes import SLIDERS  # noqa: E402

NO_ENGINE = missing_reason("espeak")


@pytest.mark.skipif(bool(NO_ENGINE), reason=f"there is no voice to speak: {NO_ENGINE}")
def test_each_slider_moves_what_it_is_named_for_and_lips_stay_closed() -> None:
    random = np.random.default_rng(2)
    text = " ".join(compose_line("en", random) for _ in range(8))
    speech = EspeakVoice("m3", "en", "en", 50).synthesize(text, Prosody()).samples
    rows = {row.slider: row for row in measure_sliders(load_student(None, "numpy"), [ArraySource(speech, 16000)])}
    assert set(rows) == {slider.name for slider in SLIDERS}
    for name, row in rows.items():
        assert np.all(np.diff(row.measured) >= 0), name  # blinks come in whole numbers
        assert row.measured[-1] > row.measured[0], name
        assert row.closures_kept >= 0.93, name
