# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames of a dispatch on the guest's stack, whose code is in guest/kernel.

Below the frame in which the exception arose lies the records frame; below that, when a handler runs, the thunk's
frame; below that, when the handler is one of the host's and calls back, the frame of its stub. They are real
frames, whether guest code built them or the host wrote them: an unwind passes through them by their unwind data.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from emu.address import Gva

RECORDS_SIZE: Final = 0xAC8
DISPATCHER_CONTEXT: Final = 0x20
EXCEPTION_POINTERS: Final = 0x70
EXCEPTION_RECORD: Final = 0x80
ORIGINAL_CONTEXT: Final = 0x120
WORKING_CONTEXT: Final = 0x5F0

THUNK_SIZE: Final = 0x28
THUNK_SAVED_DISPATCHER_CONTEXT: Final = 0x20

STUB_SIZE: Final = 0x68
STUB_SCRATCH: Final = 0x20

CONSOLIDATION_SIZE: Final = 0x128
CONSOLIDATION_SAVED: Final = 0x20
"""Xmm6 to Xmm15, then the general non-volatile registers, then the machine frame."""

RETURN_ADDRESS_SIZE: Final = 8


class GuestFrames(NamedTuple):
    """Where the kernel image has the code of these frames."""

    records_return: Gva
    search_thunk: Gva
    search_thunk_return: Gva
    unwind_thunk: Gva
    unwind_thunk_return: Gva
    handler_stub_return: Gva
    """Where a callback from `__C_specific_handler` returns to."""
    consolidation_return: Gva
    """Where the callback of a consolidated unwind returns to."""


def records_below(stack_pointer: int) -> int:
    """Return RSP of a records frame called from the frame at `stack_pointer`."""
    return stack_pointer - RETURN_ADDRESS_SIZE - RECORDS_SIZE


def consolidation_below(stack_pointer: int) -> int:
    """Return RSP of a consolidation frame below the frame at `stack_pointer`: aligned, as its callback expects."""
    return (stack_pointer - CONSOLIDATION_SIZE) & ~0xF


def thunk_below(records: int) -> int:
    """Return RSP of a thunk called from a records frame."""
    return records - RETURN_ADDRESS_SIZE - THUNK_SIZE


def stub_below(stack_pointer: int) -> int:
    """Return RSP of a stub called from the frame at `stack_pointer`."""
    return stack_pointer - RETURN_ADDRESS_SIZE - STUB_SIZE
