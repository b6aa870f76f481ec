# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts are kept from training whole, and always the same ones."""

from __future__ import annotations

from diffusion_talker.corpus.text_split import HELD_OUT_TEXT_SHARE, is_held_out, lines_of


def test_the_share_is_kept_and_a_larger_one_contains_it() -> None:
    texts = [f"Line {i}." for i in range(5000)]
    few = {text for text in texts if is_held_out(text)}
    many = {text for text in texts if is_held_out(text, 0.2)}
    assert 0.5 * HELD_OUT_TEXT_SHARE < len(few) / len(texts) < 1.5 * HELD_OUT_TEXT_SHARE
    assert few < many
    assert not any(is_held_out(text, 0.0) for text in texts) and all(is_held_out(text, 1.0) for text in texts)


def test_which_texts_never_changes() -> None:
    assert is_held_out("Hello / World", 0.17) is True
    assert is_held_out("Hello / World", 0.16) is False


def test_lines_of_a_clip() -> None:
    assert lines_of("One. / Two.") == ("One.", "Two.")
    assert lines_of("") == ()
