# SPDX-License-Identifier: GPL-3.0-or-later
"""Synthetic talkers: speech with exact phone times, and the face that says it. Training side only (NumPy and SciPy)."""
