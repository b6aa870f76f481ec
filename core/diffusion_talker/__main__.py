# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m diffusion_talker`: see `diffusion_talker.cli`."""

from __future__ import annotations

import sys

from diffusion_talker.cli import main

if __name__ == "__main__":
    sys.exit(main())
