# SPDX-License-Identifier: GPL-2.0-or-later
import contextlib
import dataclasses
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.image import ImageError, PeImage
from emu.image import source_lines as source_lines_module
from emu.image.dwarf import LARGEST_LINE_TABLES, MOST_ENTRIES, LineRange, read_labels, read_line_ranges
from emu.image.line_header import LineHeaderError, check_entry_tables


def damaged(data: bytes, section: str, at: int, patch: bytes) -> PeImage:
    """Return the image with bytes of a debug section replaced."""
    content = next(each.data for each in PeImage.parse(data, "routine.sys").sections if each.name == section)
    start = data.index(content) + at
    return PeImage.parse(data[:start] + patch + data[start + len(patch) :], "damaged.sys")


def test_a_number_that_is_too_long_to_print_is_reported_in_one_line(image_bytes: bytes) -> None:
    """An abbreviation code of two thousand bytes."""
    first_entry = 11
    image = damaged(image_bytes, ".debug_info", first_entry, b"\xff" * 3000)
    with pytest.raises(ImageError) as refused:
        read_labels(image)
    assert re.fullmatch(r"damaged\.sys: debug information: .{1,300}", str(refused.value))


def unit(abbreviations: int) -> bytes:
    """Return a DWARF 4 compilation unit of one entry, whose abbreviations are at an offset."""
    body = struct.pack("<HIB", 4, abbreviations, 8) + b"\x01"
    return struct.pack("<I", len(body)) + body


def with_sections(image: PeImage, **contents: bytes) -> PeImage:
    """Return the image with debug sections of other bytes."""
    sections = [
        dataclasses.replace(section, data=contents.get(section.name.removeprefix("."), section.data))
        for section in image.sections
    ]
    return dataclasses.replace(image, sections=tuple(sections))


def test_units_that_share_long_tables_are_refused(image: PeImage) -> None:
    """Each reads the whole table anew where it begins a byte further on: quadratic."""
    declaration = b"\x01\x11\x00\x00\x00"  # abbreviation 1, DW_TAG_compile_unit, no children, no attributes
    tables = declaration * 2000 + b"\x00"
    units = b"".join(unit(len(declaration) * index) for index in range(2000))
    with pytest.raises(ImageError, match="debug information: DebugInformationError: the same bytes are read over and"):
        read_labels(with_sections(image, debug_info=units, debug_abbrev=tables))
    once = with_sections(image, debug_info=unit(0) * 2000, debug_abbrev=tables)
    assert read_labels(once) == {}


def test_more_entries_than_the_limit_are_refused(image: PeImage) -> None:
    body = struct.pack("<HIB", 4, 0, 8) + b"\x01" * (MOST_ENTRIES + 1)
    entries = struct.pack("<I", len(body)) + body
    with pytest.raises(ImageError, match="debug information: DebugInformationError: more than the limit of 0x80000"):
        read_labels(with_sections(image, debug_info=entries, debug_abbrev=b"\x01\x34\x00\x00\x00\x00"))


def test_line_tables_beyond_the_limit_are_refused(image: PeImage) -> None:
    with pytest.raises(ImageError, match=r"\.debug_line = 0x200001 bytes: more than 0x200000"):
        read_line_ranges(with_sections(image, debug_line=bytes(LARGEST_LINE_TABLES + 1)))


def line_header(*tables: bytes, version: int = 5) -> bytes:
    """Return a line program of a header alone; each table is its forms, its count and its entries."""
    body = b"\x01\x01\x01\xfb\x0e\x01" + b"".join(tables)
    rest = struct.pack("<HBBI", version, 8, 0, len(body)) + body
    return struct.pack("<I", len(rest)) + rest


DIRECTORIES = b"\x01\x01\x08" + b"\x02" + b"here\0there\0"
FILES = b"\x03\x01\x08\x02\x0b\x05\x1e" + b"\x01" + b"one.c\0" + b"\x00" + bytes(16)
NO_BYTES_EACH = b"\x00" + b"\xff\xff\xff\xff\x0f"


def test_line_tables_of_version_5_are_read() -> None:
    check_entry_tables(line_header(DIRECTORIES, FILES), 0)
    check_entry_tables(b"junk" + line_header(b"\x00\x00", b"\x00\x00"), 4)
    check_entry_tables(line_header(NO_BYTES_EACH, version=4), 0)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ((NO_BYTES_EACH, FILES), "0xFFFFFFFF directories of no bytes"),
        ((DIRECTORIES, NO_BYTES_EACH), "0xFFFFFFFF file names of no bytes"),
        ((b"\x01\x01\x19" + b"\xff\xff\xff\xff\x0f", FILES), "entries of form 0x19"),  # flag_present takes no bytes
        ((b"\x01\x01\x0b" + b"\xff\xff\xff\xff\x0f", FILES), "ends inside its header"),
        ((b"\x01\x01\x0f" + b"\x01" + b"\xff" * 11, FILES), "more than 64 bits"),
        ((DIRECTORIES[:-3],), "ends inside its header"),
    ],
)
def test_line_tables_without_end_are_refused(image: PeImage, tables: tuple[bytes, ...], message: str) -> None:
    data = line_header(*tables)
    with pytest.raises(LineHeaderError, match=f"the line program at 0x0 .*{message}"):
        check_entry_tables(data, 0)
    with pytest.raises(ImageError, match=f"debug information: LineHeaderError: .*{message}"):
        read_line_ranges(with_sections(image, debug_line=data))


@given(st.binary(max_size=80), st.booleans())
def test_any_line_header_is_decided(data: bytes, signed: bool) -> None:
    with contextlib.suppress(LineHeaderError):
        check_entry_tables(line_header(data) if signed else data, 0)


def test_damaged_line_tables_are_read_once(image: PeImage, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged_image = with_sections(image, debug_line=line_header(NO_BYTES_EACH, FILES))
    reads: list[PeImage] = []

    def read(each: PeImage) -> list[LineRange]:
        reads.append(each)
        return read_line_ranges(each)

    monkeypatch.setattr(source_lines_module, "read_line_ranges", read)
    for _ in range(3):
        with pytest.raises(ImageError, match="directories of no bytes"):
            source_lines_module.source_lines(damaged_image).find(0x1000)
    assert reads == [damaged_image]
