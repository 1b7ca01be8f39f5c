# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes taken one after another, and integers of any size among them."""

from __future__ import annotations


class Malformed(ValueError):
    """The bytes are not what the format says; the message goes behind the name of the file."""


def put_varint(out: bytearray, value: int) -> None:
    """Append an integer from 0 on as base 128, little-endian: seven bits a byte, bit 7 set in all but the last."""
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def put_block(out: bytearray, block: bytes) -> None:
    """Append bytes with their number before them."""
    put_varint(out, len(block))
    out += block


class ByteReader:
    """Takes what the functions above appended. Raises `Malformed` where the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_done(self) -> bool:
        """Whether all was taken."""
        return self._at == len(self._data)

    def take(self, size: int) -> bytes:
        """Take some bytes."""
        end = self._at + size
        if end > len(self._data):
            raise Malformed(f"{size} bytes are announced where {len(self._data) - self._at} are left")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def byte(self) -> int:
        """Take a byte."""
        return self.take(1)[0]

    def varint(self) -> int:
        """Take an integer."""
        value = shift = 0
        while (byte := self.byte()) >= 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def block(self) -> bytes:
        """Take bytes with their number before them."""
        return self.take(self.varint())
