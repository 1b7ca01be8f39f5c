# SPDX-License-Identifier: GPL-2.0-or-later
"""Who makes things go wrong while a system runs."""

from __future__ import annotations

from typing import Protocol

from emu.address import Gva


class Intervention(Protocol):
    """Is asked by the run loop and the pool; `System.intervention`. It may change memory, page states and registers."""

    def stopped(self) -> None:
        """The processor stands where a watch (emu/cpu/watch.py) was to stop it; it goes on afterwards."""

    def page_faulted(self, address: Gva) -> None:
        """A page fault has been decided on, and its exception, if it became one, not been dispatched yet."""

    def allocation_fails(self, size: int, caller: Gva) -> bool:
        """Decide whether an allocation from the pool fails."""
        ...
