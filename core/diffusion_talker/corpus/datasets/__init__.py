# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of published data sets of talking faces: VOCASET, BIWI, BEAT and 3D-ETF become corpora of our shards.

None of these sets may be shipped. Whoever has one converts it once with `corpus import`; nothing else in the program
opens their pickles.
"""
