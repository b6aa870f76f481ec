# SPDX-License-Identifier: GPL-3.0-or-later
"""PyTorch side of the method: what is trained, apart from how."""
