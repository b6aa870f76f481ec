# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m diffusion_talker`: see `diffusion_talker.cli`."""

from __future__ import annotations

import signal
import sys

from diffusion_talker import cli


def main() -> int:
    """The command line as a program of its own."""
    # Being asked to end is an interrupt like Ctrl-C: what is half-written is removed on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
