# SPDX-License-Identifier: GPL-2.0-or-later
"""The entry tables in the header of a version 5 line program, looked over before `pyelftools` reads them.

A table says in which forms its entries are and how many it has. Entries that take no bytes could be any number: the
parser would not come back. (DWARF Debugging Information Format, Version 5, 6.2.4.)
"""

from __future__ import annotations

VERSION = 5
_LONG_UNIT = 0xFFFF_FFFF
_SIZES = {0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4}
"""Bytes by form: data1, data2, data4, data8, data16, strx1 to strx4."""
_OFFSETS = {0x0E, 0x1F, 0x17, 0x1D}
"""Forms of an offset's size: strp, line_strp, sec_offset, strp_sup."""
_STRING, _BLOCK, _LEB128 = 0x08, 0x09, {0x0F, 0x0D, 0x1A}
"""string; block; udata, sdata, strx."""


class LineHeaderError(ValueError):
    """The tables cannot be what they say they are."""


def check_entry_tables(section: bytes, offset: int) -> None:
    """Check the tables of the line program at an offset; raises `LineHeaderError`. Other versions have none."""
    try:
        _Cursor(section, offset).check()
    except IndexError:
        raise LineHeaderError(f"the line program at 0x{offset:X} ends inside its header") from None


class _Cursor:
    def __init__(self, section: bytes, offset: int) -> None:
        self.section = section
        self.at = offset
        self.start = offset
        self.offset_size = 4

    def check(self) -> None:
        if self.unsigned(4) == _LONG_UNIT:
            self.offset_size = 8
            self.at += 8
        if self.unsigned(2) != VERSION:
            return
        # Address and selector size, header length, then five fields of a byte before the number of opcodes.
        self.at += 2 + self.offset_size + 5
        opcodes = self.unsigned(1)
        self.at += max(0, opcodes - 1)
        for table in ("directories", "file names"):
            forms = [self.form() for _ in range(self.unsigned(1))]
            count = self.leb128()
            if count and not forms:
                raise LineHeaderError(f"the line program at 0x{self.start:X} has 0x{count:X} {table} of no bytes")
            for _ in range(count):
                for form in forms:
                    self.skip(form)

    def unsigned(self, size: int) -> int:
        data = self.section[self.at : self.at + size]
        if len(data) < size:
            raise IndexError
        self.at += size
        return int.from_bytes(data, "little")

    def leb128(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.unsigned(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise LineHeaderError(f"the line program at 0x{self.start:X} has a number of more than 64 bits")

    def form(self) -> int:
        self.leb128()  # what the field means
        return self.leb128()

    def skip(self, form: int) -> None:
        if form in _SIZES:
            self.unsigned(_SIZES[form])
        elif form in _OFFSETS:
            self.unsigned(self.offset_size)
        elif form in _LEB128:
            self.leb128()
        elif form == _STRING:
            end = self.section.find(0, self.at)
            if end < 0:
                raise IndexError
            self.at = end + 1
        elif form == _BLOCK:
            self.unsigned(self.leb128())
        else:
            raise LineHeaderError(f"the line program at 0x{self.start:X} has entries of form 0x{form:X}")
