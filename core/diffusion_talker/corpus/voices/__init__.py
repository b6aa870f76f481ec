# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech engines that give audio with exact phone times, behind one interface."""
