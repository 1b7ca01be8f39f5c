# SPDX-License-Identifier: GPL-2.0-or-later
import itertools
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.image import FunctionTable, ImageError, RuntimeFunction
from emu.image.function_table import MOST_FUNCTIONS

IMAGE = bytes(0x1000)


def packed(*entries: tuple[int, int, int]) -> bytes:
    return b"".join(struct.pack("<III", *entry) for entry in entries)


@given(
    bounds=st.lists(st.integers(0, 0x200), unique=True, max_size=40).map(sorted),
    touching=st.booleans(),
    rva=st.integers(0, 0x220),
)
def test_lookup_finds_what_a_scan_finds(bounds: list[int], touching: bool, rva: int) -> None:
    pairs = list(itertools.pairwise(bounds))[:: 1 if touching else 2]
    entries = [RuntimeFunction(begin, end, 0x800 + 4 * index) for index, (begin, end) in enumerate(pairs)]
    table = FunctionTable(packed(*entries), IMAGE, "x.sys")
    scanned = [entry for entry in entries if entry.begin <= rva < entry.end]
    assert table.lookup(rva) == (scanned[0] if scanned else None)
    assert len(table) == len(entries)


def test_an_indirect_entry_is_followed_once() -> None:
    image = bytearray(IMAGE)
    struct.pack_into("<III", image, 0x400, 0x100, 0x180, 0x800)
    table = FunctionTable(packed((0x100, 0x180, 0x800), (0x180, 0x200, 0x401)), bytes(image), "x.sys")
    assert table.lookup(0x190) == RuntimeFunction(0x100, 0x180, 0x800)
    assert table.lookup(0x200) is None


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([(0x10, 0x10, 0x800)], "entry 0 = 0x10..0x10: not a range"),
        ([(0x10, 0x2000, 0x800)], "entry 0 = 0x10..0x2000: not a range"),
        ([(0x10, 0x20, 0x800), (0x18, 0x30, 0x800)], "entry 1 = 0x18..0x30: starts below the end 0x20"),
        ([(0x40, 0x50, 0x800), (0x10, 0x20, 0x800)], "entry 1 = 0x10..0x20: starts below"),
        ([(0x10, 0x20, 0x802)], "entry 0 = 0x10..0x20: unwind information at 0x802"),
        ([(0x10, 0x20, 0x1000)], "entry 0 = 0x10..0x20: unwind information at 0x1000"),
        ([(0x10, 0x20, 0xFFD)], "entry 0 = 0x10..0x20: its indirect entry at 0xFFC"),
        ([(0x10, 0x20, 0x401)], "entry 0 = 0x10..0x20: its indirect entry at 0x400 is not a range"),
        ([(0x10, 0x20, 0x501)], "entry 0 = 0x10..0x20: its indirect entry at 0x500 has no unwind"),
    ],
)
def test_a_bad_entry_is_refused_by_index(entries: list[tuple[int, int, int]], message: str) -> None:
    image = bytearray(IMAGE)
    struct.pack_into("<III", image, 0x500, 0x10, 0x20, 0x601)
    with pytest.raises(ImageError, match=f"^x.sys: function table {message}"):
        FunctionTable(packed(*entries), bytes(image), "x.sys")


def test_a_size_that_is_no_multiple_of_an_entry_is_refused() -> None:
    with pytest.raises(ImageError, match="exception directory size = 0xD"):
        FunctionTable(bytes(13), IMAGE, "x.sys")


def test_a_table_that_is_not_strict_leaves_bad_entries_out_and_says_so() -> None:
    good, late = RuntimeFunction(0x10, 0x20, 0x800), RuntimeFunction(0x40, 0x50, 0x804)
    table = FunctionTable(
        packed(good, (0x18, 0x30, 0x800), late, (0x60, 0x60, 0x800)) + b"x", IMAGE, "x.sys", strict=False
    )
    assert list(table) == [good, late]
    assert table.lookup(0x28) is None
    assert [str(fault) for fault in table.faults] == [
        "exception directory size = 0x31: not a multiple of 12, an entry's size",
        "function table entry 1 = 0x18..0x30: starts below the end 0x20 of the entry before it",
        "function table entry 3 = 0x60..0x60: not a range inside the image of 0x1000 bytes",
    ]


def test_a_table_of_more_functions_than_any_image_has_is_refused() -> None:
    """One that lies where the file has no bytes costs its author nothing."""
    data = bytes(12 * (MOST_FUNCTIONS + 1))
    with pytest.raises(ImageError, match="exception directory size = 0x30000C: more than the limit of 0x40000 funct"):
        FunctionTable(data, IMAGE, "x.sys")
    table = FunctionTable(data, IMAGE, "x.sys", strict=False)
    assert len(table) == 0
    assert len(table.faults) == 1 + MOST_FUNCTIONS


entries = st.tuples(*[st.one_of(st.integers(0, 0x60), st.integers(0, 0xFFFF_FFFF))] * 2, st.integers(0, 0xFFFF_FFFF))


@given(table=st.lists(entries, max_size=8).map(lambda each: packed(*each)), image=st.binary(max_size=0x60), rva=...)
def test_any_table_is_read_or_refused_in_one_line(table: bytes, image: bytes, rva: int) -> None:
    lenient = FunctionTable(table, image, "x.sys", strict=False)
    try:
        strict = FunctionTable(table, image, "x.sys")
    except ImageError as error:
        refused = str(error)
        assert lenient.faults
    else:
        assert not lenient.faults
        assert list(strict) == list(lenient)
        refused = ""
    assert not refused or re.fullmatch(r"x\.sys: .+", refused)
    for entry in lenient:
        assert entry.begin < entry.end <= len(image)
        assert entry.unwind_info % 4 == 0
        assert entry.unwind_info + 4 <= len(image)
    found = lenient.lookup(rva)
    assert found is None or found in list(lenient)
