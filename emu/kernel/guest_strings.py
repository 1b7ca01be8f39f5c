# SPDX-License-Identifier: GPL-2.0-or-later
"""Strings in guest memory, as kernel code reads them: no byte behind the end is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.address import ADDRESS_MASK, PAGE_SIZE, Gva

if TYPE_CHECKING:
    from emu.kernel.system import System

COUNTED_STRING_SIZE = 16
_BUFFER = 8


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
        header = self._system.read_guest(Gva(address), COUNTED_STRING_SIZE)
        buffer = int.from_bytes(header[_BUFFER:], "little")
        return self._system.read_guest(Gva(buffer), int.from_bytes(header[:2], "little")) if buffer else None

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
    return "".join(chr(data[at] | data[at + 1] << 8) for at in range(0, len(data) - 1, 2))


def readable(text: str) -> str:
    """Return a string of 16-bit units with its surrogate pairs joined, a stray half replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
