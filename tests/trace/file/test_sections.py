# SPDX-License-Identifier: GPL-2.0-or-later
"""The frame of a trace file."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

from emu.trace.file.byte_stream import Malformed
from emu.trace.file.sections import DONE, HEAD, LONGEST, MAGIC, SectionWriter, read_sections
from emu.trace.source import TraceError


def _file(*contents: bytes) -> bytes:
    stream = io.BytesIO()
    writer = SectionWriter(stream)
    for content in contents:
        writer.write(HEAD, content)
    writer.write(DONE, b"")
    return stream.getvalue()


def _read(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(section.kind, section.content) for section in read_sections(io.BytesIO(data), len(data))]


def test_sections_come_back() -> None:
    assert _read(_file(b"one", b"", b"three")) == [(HEAD, b"one"), (HEAD, b""), (HEAD, b"three"), (DONE, b"")]


def test_a_checksum_is_that_of_all_before_it_without_the_checksums() -> None:
    first = HEAD + struct.pack("<Q", 3) + b"one"
    last = DONE + struct.pack("<Q", 0)
    checksums = zlib.crc32(MAGIC + first), zlib.crc32(MAGIC + first + last)
    assert _file(b"one") == MAGIC + first + struct.pack("<I", checksums[0]) + last + struct.pack("<I", checksums[1])


def test_sections_cannot_change_places_or_be_left_out() -> None:
    data, size = _file(b"one", b"two"), 4 + 8 + 3 + 4
    begin, one, two = data[: len(MAGIC)], data[len(MAGIC) :][:size], data[len(MAGIC) + size :][:size]
    end = data[len(MAGIC) + 2 * size :]
    assert begin + one + two + end == data
    for other in (begin + two + one + end, begin + one + end, begin + one + one + two + end):
        with pytest.raises(Malformed, match="checksum of the section"):
            _read(other)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "ends at byte 0, in the middle of its first 8"),
        (MAGIC[:5], "ends at byte 5, in the middle of its first 8"),
        (MAGIC, "ends at byte 8, where another section is due"),
        (b"MZ\x90\x00\x03\x00\x00\x00", "no trace file, as it begins with 4d 5a 90 00 03 00 00 00 and not with 89"),
        (MAGIC.replace(b"\r\n", b"\n") + b"H", "no trace file"),
        (MAGIC + HEAD + b"\xff" * 8, f"has {2**64 - 1} bytes, where 0 are left and {LONGEST} are the most"),
        (_file() + b"\0", "1 bytes stand behind its end"),
    ],
)
def test_what_is_no_trace_file_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        _read(data)


def test_a_section_that_is_too_long_is_refused_though_the_file_may_be() -> None:
    data = MAGIC + HEAD + struct.pack("<Q", LONGEST + 1)
    with pytest.raises(Malformed, match=f"has {LONGEST + 1} bytes"):
        list(read_sections(io.BytesIO(data), 2**40))


def test_none_that_is_too_long_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emu.trace.file.sections.LONGEST", 4)
    with pytest.raises(TraceError, match="5 bytes are too many"):
        _file(b"12345")
