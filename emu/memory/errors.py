# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong when the host works on guest memory."""

from emu.address import Gva


class NotMapped(Exception):
    """The address has no page. Guest pointers lead here; whoever follows one decides what that means."""

    def __init__(self, address: Gva) -> None:
        super().__init__(f"no page is mapped at {address:#x}")
        self.address = address


class OutOfMemory(Exception):
    """Guest RAM or an address range is used up; the message says how much there was."""


class StaleBuffer(RuntimeError):
    """The buffer was allocated after the checkpoint that `reset()` went back to."""
