# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: `emu VERB …`.

Exit status: 0 clean; 1 raised, bugchecked, timed out, not modelled or wrong; 2 the user's mistake; 130 interrupted.
"""

from emu.cli.main import main

__all__ = ["main"]
