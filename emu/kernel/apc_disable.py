# SPDX-License-Identifier: GPL-2.0-or-later
"""How often the thread has disabled APCs: the critical and guarded regions that it is in.

A KTHREAD has both counts as negative 16-bit numbers, together CombinedApcDisable (Microsoft Learn, "Bug Check 0x1:
APC_INDEX_MISMATCH").
"""

from __future__ import annotations

from typing import NamedTuple


class ApcDisable(NamedTuple):
    """Regions that were entered and not left, negative where more were left than entered."""

    critical: int = 0
    """Normal kernel APCs are disabled."""
    guarded: int = 0
    """Special kernel APCs, too."""

    @property
    def combined(self) -> int:
        """CombinedApcDisable: KernelApcDisable, and above it SpecialApcDisable."""
        return -self.critical & 0xFFFF | (-self.guarded & 0xFFFF) << 16
