# SPDX-License-Identifier: GPL-3.0-or-later
"""Identities of the user's own in the terms of one student: shares of its built-in talkers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diffusion_talker.errors import LibraryError
from diffusion_talker.library.identity import UserIdentity
from diffusion_talker.library.voiceprint import unfold_sketch
from diffusion_talker.student.network import Network, SoundEncoder, StyleQuery


def shares_of_queries(network: Network, queries: Sequence[StyleQuery]) -> np.ndarray:
    """(K,) shares of the library for the mean of several recordings' queries, at the learned temperature.

    Cosines are linear in the query, so the mean query's are the mean of the cosines over the mean query's length.
    """
    length = np.linalg.norm(np.mean([query.voice for query in queries], axis=0))
    similarity = np.mean([query.identities for query in queries], axis=0) / max(float(length), 1e-6)
    return network.library_weights("identity", similarity.astype(np.float32))


def shares_of_identity(network: Network, space: str, identity: UserIdentity) -> np.ndarray:
    """(K,) shares of the library for an identity of the user's own.

    Found in this student, or a mixture by hand: as they are kept. Otherwise what is kept of the recordings is heard
    again. Raises LibraryError if that is not possible.
    """
    shares = dict(identity.shares)
    names = network.config.identities
    if identity.space in ("", space) and shares and set(shares) <= set(names):
        return np.array([shares.get(name, 0.0) for name in names], np.float32)
    if not identity.sketches or isinstance(network, SoundEncoder):
        raise LibraryError(f"'{identity.name}' was made for another student and holds nothing to hear it again by: "
                           "enrol it again, or choose that student.")
    queries = [network.query(network.encode(unfold_sketch(sketch)).speaker) for sketch in identity.sketches]
    return shares_of_queries(network, queries)
