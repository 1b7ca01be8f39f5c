# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's exports, a file per family.

Every function of a family's `EXPORTS` gets a stub at boot. guest/kernel/ntoskrnl.def lists the same names for the
linker.
"""

from __future__ import annotations

from typing import Final

from emu.kernel.exports import exception
from emu.kernel.stubs import ExportFunction

EXPORTS: Final[dict[str, ExportFunction]] = {**exception.EXPORTS}

DATA_EXPORTS: Final = ("MmHighestUserAddress", "MmSystemRangeStart", "MmUserProbeAddress")
"""Variables of the kernel image."""
