# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces that motion can drive: topologies, generated shape keys and the demo head."""
