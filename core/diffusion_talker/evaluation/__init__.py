# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring the product: speed, size and memory, and curves for sets of recordings to be scored."""
