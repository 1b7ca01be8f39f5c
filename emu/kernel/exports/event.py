# SPDX-License-Identifier: GPL-2.0-or-later
"""The export that initialises events (Microsoft Learn, KeInitializeEvent)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from emu.address import ADDRESS_MASK, Gva
from emu.kernel.stubs import ExportCall, ExportFunction

if TYPE_CHECKING:
    from emu.kernel.system import System

_EVENT: Final = struct.Struct("<BxBxIQQ")
"""KEVENT: Type, Size in doublewords, SignalState, and the list head of those who wait."""
_EVENT_DOUBLEWORDS: Final = 6
_WAIT_LIST: Final = 8

SYNCHRONIZATION_EVENT: Final = 1


def initialize_event(system: System, address: int, kind: int, *, signaled: bool) -> None:
    """Write a KEVENT that nobody waits for; raises `GuestFault`."""
    wait_list = address + _WAIT_LIST & ADDRESS_MASK
    system.write_guest(Gva(address), _EVENT.pack(kind, _EVENT_DOUBLEWORDS, signaled, wait_list, wait_list))


def ke_initialize_event(call: ExportCall) -> None:
    """KeInitializeEvent(event, type, state): type 0 is a notification event, 1 a synchronization event."""
    address, kind, state = call.argument(0), call.argument(1) & 0xFF, call.argument(2) & 0xFF
    initialize_event(call.system, address, kind, signaled=state != 0)


EXPORTS: Final[dict[str, ExportFunction]] = {"KeInitializeEvent": ke_initialize_event}
