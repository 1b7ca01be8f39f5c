# SPDX-License-Identifier: GPL-2.0-or-later
import re
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emu.address import PAGE_SIZE
from emu.image import ImageError
from emu.image.headers import DIRECTORIES, LARGEST_IMAGE, Headers, read_headers
from tests.fuzz.edits import EDIT_KINDS, edit
from tests.fuzz.record import Record
from tests.fuzz.sample_image import BASE, IMPORTS, SIZE_OF_IMAGE, TEXT, sample

HEADERS = tuple(field for field in sample().fields if field.offset < 0x400)
SECTION_NAME = next(field.offset for field in HEADERS if field.name == "section name")
POINTER_TO_SYMBOLS = 0x40 + 12

RECORDS = st.builds(
    Record,
    st.integers(0, EDIT_KINDS - 1),
    st.integers(0, 255),
    st.integers(0, len(HEADERS) - 1),
    st.one_of(st.integers(0, 0x10000), st.integers(0, (1 << 64) - 1)),
)


def test_reads_what_was_written() -> None:
    headers = read_headers(sample().file, "sample.sys")
    assert (headers.preferred_base, headers.size_of_image, headers.entry_point) == (BASE, SIZE_OF_IMAGE, TEXT)
    assert [section.name for section in headers.sections] == [".text", ".rdata", ".pdata", ".data", ".reloc"]
    assert headers.directories["import"][1] == 40
    assert IMPORTS


@given(records=st.lists(RECORDS, min_size=1, max_size=6))
@example(records=[Record(0, 0, SECTION_NAME, 0x0A2F)])
def test_damaged_headers_are_read_or_refused_in_one_line(records: list[Record]) -> None:
    block = bytearray(sample().file)
    for record in records:
        edit(block, HEADERS, record)
    try:
        headers = read_headers(bytes(block), "x.sys")
    except ImageError as error:
        refused = str(error)
    else:
        check_rules(headers, len(block))
        return
    assert re.fullmatch(r"x\.sys: .+", refused)


@given(data=st.binary(max_size=600), signed=st.booleans())
def test_any_bytes_are_refused_in_one_line(data: bytes, signed: bool) -> None:
    block = sample().file[:0x40] + data if signed else data
    with pytest.raises(ImageError) as refused:
        read_headers(block, "x.sys")
    assert re.fullmatch(r"x\.sys: .+", str(refused.value))


def check_rules(headers: Headers, size_of_file: int) -> None:
    """What the loader takes for granted."""
    assert headers.size_of_image % PAGE_SIZE == 0
    assert headers.size_of_headers <= min(size_of_file, headers.size_of_image) <= LARGEST_IMAGE
    free = headers.size_of_headers
    for section in headers.sections:
        assert section.rva >= free
        assert section.rva % PAGE_SIZE == 0
        assert len(section.data) <= section.virtual_size
        free = section.rva + section.virtual_size
    assert free <= headers.size_of_image
    assert set(headers.directories) == set(DIRECTORIES)
    for title, (rva, size) in headers.directories.items():
        assert rva + size <= (size_of_file if title == "security" else headers.size_of_image)


@pytest.mark.parametrize("digits", [b"\n", b"4\n", b"\xff", b"", b"9999999"])
def test_a_section_name_that_is_no_offset_is_shown_in_one_line(digits: bytes) -> None:
    block = bytearray(sample().file)
    block[SECTION_NAME : SECTION_NAME + 8] = (b"/" + digits).ljust(8, b"\0")
    with pytest.raises(ImageError) as refused:
        read_headers(bytes(block), "x.sys")
    assert re.fullmatch(r"x\.sys: section 0 Name = /.*: not an offset into the string table", str(refused.value))


def test_a_section_name_without_end_is_refused() -> None:
    """Two thousand sections could each have the whole rest of the file as their name."""
    block = bytearray(sample().file) + b"N" * 300 + b"\0"
    struct.pack_into("<I", block, POINTER_TO_SYMBOLS, len(sample().file))
    for offset, names in ((0, False), (100, True)):
        block[SECTION_NAME : SECTION_NAME + 8] = f"/{offset}".encode().ljust(8, b"\0")
        if names:
            assert read_headers(bytes(block), "x.sys").sections[0].name == "N" * 200
        else:
            with pytest.raises(ImageError, match="section 0 Name = /0: not an offset into the string table"):
                read_headers(bytes(block), "x.sys")
