# SPDX-License-Identifier: GPL-2.0-or-later
"""Counted strings whose buffer the kernel allocates, and the exports that free them (Microsoft Learn,
RtlFreeUnicodeString, RtlFreeAnsiString).

The buffer is paged pool: these routines are for PASSIVE_LEVEL.
"""

from __future__ import annotations

from typing import Final

from emu.kernel.exports.pool import TYPE_PAGED, PoolRequest, allocate_block, free_block
from emu.kernel.guest_strings import CountedString
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.nt.status import NtStatus

TAG_STRING: Final = int.from_bytes(b"Strg", "little")

_EMPTY: Final = CountedString(0, 0, 0)


def _touch(call: ExportCall, address: int) -> CountedString:
    """Read a counted string and write it back: what comes after meets no fault there, and begins no second time."""
    string = CountedString.read(call.system, address)
    string.write(call.system, address)
    return string


def allocate_string(call: ExportCall, address: int, content: bytes, length: int) -> int:
    """Give the counted string at an address a buffer of its own, and return an NTSTATUS.

    The content includes what lies behind the first `length` bytes, its terminator.
    """
    system = call.system
    _touch(call, address)
    block = allocate_block(call, PoolRequest(len(content), TAG_STRING, TYPE_PAGED, paged=True))
    if block is None:
        return NtStatus.NO_MEMORY
    system.memory.write(block.address, content)
    CountedString(length, len(content), block.address).write(system, address)
    return NtStatus.SUCCESS


def rtl_free_string(call: ExportCall) -> None:
    """RtlFreeUnicodeString(string), RtlFreeAnsiString: a string without a buffer stays as it is."""
    address = call.argument(0)
    buffer = _touch(call, address).buffer
    if buffer:
        free_block(call, buffer, 0)
        _EMPTY.write(call.system, address)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "RtlFreeAnsiString": rtl_free_string,
    "RtlFreeUnicodeString": rtl_free_string,
}
