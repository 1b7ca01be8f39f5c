# SPDX-License-Identifier: GPL-2.0-or-later
"""Strings in guest memory, as kernel code reads and writes them: no byte behind the end is touched."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from emu.address import ADDRESS_MASK, PAGE_SIZE, Gva
from emu.kernel.guest_fault import GuestFault

if TYPE_CHECKING:
    from emu.kernel.system import System

_COUNTED_STRING = struct.Struct("<HH4xQ")
COUNTED_STRING_SIZE = _COUNTED_STRING.size


class CountedString(NamedTuple):
    """A UNICODE_STRING or ANSI_STRING: its lengths are in bytes."""

    length: int
    maximum: int
    buffer: int

    @classmethod
    def read(cls, system: System, address: int) -> CountedString:
        """Read one; raises `GuestFault`."""
        return cls(*_COUNTED_STRING.unpack(system.read_guest(Gva(address), COUNTED_STRING_SIZE)))

    def write(self, system: System, address: int) -> None:
        """Write it; raises `GuestFault`, having written nothing."""
        system.write_guest(Gva(address), _COUNTED_STRING.pack(*self))

    def content(self, system: System) -> bytes:
        """Read what it holds; raises `GuestFault`."""
        return system.read_guest(Gva(self.buffer), self.length)


def write_ascending(system: System, address: int, data: bytes) -> None:
    """Write bytes in order: raises `GuestFault` at the first that cannot be touched, the others before it written."""
    try:
        system.write_guest(Gva(address), data)
    except GuestFault as fault:
        system.memory.write(Gva(address), data[: max(0, fault.address - address)])
        raise


class GuestStrings:
    """Reads strings of a system; every method raises `GuestFault` at the first character that cannot be touched."""

    def __init__(self, system: System) -> None:
        self._system = system

    def narrow(self, address: int, limit: int | None = None) -> str:
        """Return a zero-terminated string of bytes, or its first `limit` characters."""
        return self._terminated(address, 1, limit).decode("latin-1")

    def wide(self, address: int, limit: int | None = None) -> str:
        """Return a zero-terminated string, a character each 16-bit unit, or its first `limit` characters."""
        return _units(self._terminated(address, 2, limit))

    def counted(self, address: int) -> str | None:
        """Return what an ANSI_STRING holds; None where it has no buffer."""
        data = self._counted(address)
        return None if data is None else data.decode("latin-1")

    def counted_wide(self, address: int) -> str | None:
        """Return what a UNICODE_STRING holds, a character each 16-bit unit; None where it has no buffer."""
        data = self._counted(address)
        return None if data is None else _units(data)

    def _counted(self, address: int) -> bytes | None:
        string = CountedString.read(self._system, address)
        return string.content(self._system) if string.buffer else None

    def _terminated(self, address: int, size: int, limit: int | None) -> bytes:
        """Read up to the terminator of `size` zero bytes, a page at a time."""
        data = bytearray()
        while limit is None or len(data) < limit * size:
            at = address + len(data) & ADDRESS_MASK
            count = PAGE_SIZE - at % PAGE_SIZE
            if limit is not None:
                count = min(count, limit * size - len(data))
            looked_at = len(data) - len(data) % size
            data += self._system.read_guest(Gva(at), count)
            end = _find_unit(data, looked_at, size)
            if end is not None:
                return bytes(data[:end])
        return bytes(data)


def _find_unit(data: bytes | bytearray, start: int, size: int) -> int | None:
    """Return where the first zero unit from `start` on lies."""
    at = data.find(bytes(size), start)
    while at >= 0 and at % size:
        at = data.find(bytes(size), at + 1)
    return at if at >= 0 else None


def _units(data: bytes) -> str:
    count = len(data) // 2
    return "".join(map(chr, struct.unpack_from(f"<{count}H", data)))


def readable(text: str) -> str:
    """Return a string of 16-bit units with its surrogate pairs joined, a stray half replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
