# SPDX-License-Identifier: GPL-3.0-or-later
"""How the networks are trained and exported. Needs the `train` extra."""
