# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at motion: the demo head drawn by NumPy alone (no GPU, no display, no Blender), as video, sheet or plot."""
