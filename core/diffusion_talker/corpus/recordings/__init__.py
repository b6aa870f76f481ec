# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded speech for the corpus: folders of it read, phones found in it, faces made for it. Training side only."""
