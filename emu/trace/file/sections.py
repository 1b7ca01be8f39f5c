# SPDX-License-Identifier: GPL-2.0-or-later
"""The frame of a trace file: a magic number, then sections, each with its length and a checksum of all before it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from emu.trace.file.byte_stream import Malformed
from emu.trace.source import TraceError

MAGIC: Final = b"\x89UMTR\r\n\x1a"
"""Not ASCII, and with both line ends, so that a transfer as text shows."""

HEAD: Final = b"HEAD"
"""The version of the format, and in words what the file holds. The first section in every version."""
BLOCK: Final = b"BLOC"
"""A piece of the instructions and accesses."""
CODE: Final = b"CODE"
CALLS: Final = b"CALL"
MODULES: Final = b"MODU"
BUFFERS: Final = b"BUFF"
EVENTS: Final = b"EVNT"
DONE: Final = b"DONE"
"""How many there are of each thing. The last section."""

LONGEST: Final = 1 << 28
"""Bytes of a section at most: a longer one is a mistake, and not read."""

_START: Final = struct.Struct("<4sQ")
_CHECKSUM: Final = struct.Struct("<I")


class Section(NamedTuple):
    """A section as it was read."""

    kind: bytes
    at: int
    """Where it begins in the file."""
    checksum_before: int
    content: bytes
    size: int
    """Its bytes in the file, all told."""


class SectionWriter:
    """Writes the magic number, and then sections."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._checksum = zlib.crc32(MAGIC)
        stream.write(MAGIC)

    def write(self, kind: bytes, content: bytes) -> None:
        """Append a section. Raises `TraceError` where it is too long."""
        if len(content) > LONGEST:
            raise TraceError(f"{len(content)} bytes are too many for a section of a trace file; {LONGEST} are the most")
        start = _START.pack(kind, len(content))
        self._checksum = zlib.crc32(content, zlib.crc32(start, self._checksum))
        self._stream.write(start)
        self._stream.write(content)
        self._stream.write(_CHECKSUM.pack(self._checksum))


def read_sections(stream: BinaryIO, size: int) -> Iterator[Section]:
    """Give the sections of a file of `size` bytes, up to the last. Raises `Malformed`, OSError."""
    magic = stream.read(len(MAGIC))
    if magic != MAGIC:
        if MAGIC.startswith(magic):
            raise Malformed(f"it ends at byte {size}, in the middle of its first {len(MAGIC)}")
        raise Malformed(f"it is no trace file, as it begins with {magic.hex(' ')} and not with {MAGIC.hex(' ')}")
    at, checksum = len(MAGIC), zlib.crc32(MAGIC)
    while True:
        section = read_section(stream, at, size, checksum)
        yield section
        at, checksum = at + section.size, checksum_behind(section)
        if section.kind == DONE:
            break
    if at != size:
        raise Malformed(f"{size - at} bytes stand behind its end")


def read_section(stream: BinaryIO, at: int, size: int, checksum: int) -> Section:
    """Read the section at `at`, where the stream stands; `checksum` is that before it. Raises `Malformed`, OSError."""
    start = stream.read(_START.size)
    if len(start) < _START.size:
        raise Malformed(f"it ends at byte {size}, where another section is due")
    kind, length = _START.unpack(start)
    left = size - at - _START.size - _CHECKSUM.size
    if length > min(left, LONGEST):
        raise Malformed(
            f"the section at byte {at} has {length} bytes, where {max(left, 0)} are left and {LONGEST} are the most"
        )
    content = stream.read(length)
    section = Section(kind, at, checksum, content, _START.size + length + _CHECKSUM.size)
    expected = stream.read(_CHECKSUM.size)
    if expected != _CHECKSUM.pack(checksum_behind(section)):
        raise Malformed(f"the checksum of the section at byte {at} is wrong")
    return section


def checksum_behind(section: Section) -> int:
    """Return the CRC-32 of all bytes up to the end of a section, without the checksums."""
    start = _START.pack(section.kind, len(section.content))
    return zlib.crc32(section.content, zlib.crc32(start, section.checksum_before))
