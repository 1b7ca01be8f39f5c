# SPDX-License-Identifier: GPL-2.0-or-later
"""What the host does through the page tables; what the guest sees of it is in test_enforcement.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import PAGE_SIZE, Gva
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.errors import NotMapped, OutOfMemory
from emu.memory.page_table import PageState, PageTableEntry
from tests.memory.conftest import Calls

BASE = Gva(0xFFFF_A000_0000_0000 - 2 * PAGE_SIZE)
"""Four pages, in two leaf tables."""
PAGES = 4
SIZE = PAGES * PAGE_SIZE
TOP = Gva(0xFFFF_FFFF_FFFF_F000)
RW = pt.PROTECTIONS["rw"]


def map_pages(space: AddressSpace) -> None:
    for page in range(PAGES):
        space.map_page(Gva(BASE + page * PAGE_SIZE), user=False, protection=RW)


OFFSETS = st.one_of(
    st.integers(0, SIZE),
    st.integers(-20, 20).map(lambda near: 2 * PAGE_SIZE + near),
    st.sampled_from([0, SIZE - 1, SIZE]),
)
SIZES = st.one_of(st.integers(0, 40), st.integers(0, SIZE))


@given(writes=st.lists(st.tuples(OFFSETS, SIZES, st.integers(0, 255)), max_size=12))
def test_reading_and_writing_equals_a_bytearray(writes: list[tuple[int, int, int]]) -> None:
    space, model = Calls().space, bytearray(SIZE)
    map_pages(space)
    for offset, size, value in writes:
        data = bytes((value + i) & 0xFF for i in range(size))
        address = Gva(BASE + offset)
        if offset + size <= SIZE:
            space.write(address, data)
            model[offset : offset + size] = data
            assert space.read(address, size) == data
        else:
            with pytest.raises(NotMapped) as missing:
                space.write(address, data)
            assert missing.value.address == BASE + SIZE
            with pytest.raises(NotMapped):
                space.read(address, size)
            assert space.read_available(address, size) == model[offset:]
        assert space.read(BASE, SIZE) == model


@given(offset=st.integers(0, SIZE - 8), value=st.integers(0, (1 << 64) - 1))
def test_quadwords_at_any_alignment(offset: int, value: int) -> None:
    space = Calls().space
    map_pages(space)
    space.write_u64(Gva(BASE + offset), value)
    assert space.read_u64(Gva(BASE + offset)) == value
    assert space.read(Gva(BASE + offset), 8) == value.to_bytes(8, "little")


def test_nothing_is_read_and_written_anywhere(space: AddressSpace) -> None:
    assert space.read(Gva(0x1234), 0) == b""
    space.write(Gva(0x1234), b"")
    assert space.read_available(Gva(0x1234), 15) == b""


def test_the_last_page_of_the_address_space(space: AddressSpace) -> None:
    space.map_page(TOP, user=False, protection=RW)
    space.write(Gva(TOP + 0xFF8), bytes(8))
    assert space.read_available(Gva(TOP + 0xFFF), 15) == b"\0"
    with pytest.raises(NotMapped, match="no page is mapped at 0x10000000000000000"):
        space.read(Gva(TOP + 0xFFF), 2)


@pytest.mark.parametrize("address", [0x8000_0000_0000, 0xFFFF_7FFF_FFFF_F000, 0x0001_A000_0000_0000])
def test_a_non_canonical_address_is_nobodys_alias(space: AddressSpace, address: int) -> None:
    map_pages(space)
    space.map_page(Gva(0xFFFF_8000_0000_0000), user=False, protection=RW)
    at = Gva(address)
    assert space.state(at) == PageState.UNMAPPED
    assert not space.has_leaf_table(at)
    for access in (space.entry, space.entry_address, space.translate, space.read_u64):
        with pytest.raises(NotMapped, match=f"{address:#x}"):
            access(at)
    with pytest.raises(NotMapped):
        space.set_entry(at, 0)
    with pytest.raises(ValueError, match="is not a canonical address"):
        space.map_page(at, user=False, protection=RW)


def test_a_page_is_mapped_once(space: AddressSpace) -> None:
    space.map_page(BASE, user=False, protection=RW)
    with pytest.raises(ValueError, match=f"cannot map a page at {BASE + 8:#x}: it has one already"):
        space.map_page(Gva(BASE + 8), user=True, protection=RW)


def test_every_page_has_a_frame_of_its_own(space: AddressSpace) -> None:
    frames = [space.map_page(Gva(0x1000_0000 + i * 0x40_0000), user=True, protection=RW) for i in range(40)]
    tables = {leaf.table for leaf in space.leaf_tables()}
    assert len(set(frames)) == 40
    assert not tables & set(frames)
    assert space.root >> 12 not in {*frames, *tables}
    for i, frame in enumerate(frames):
        at = Gva(0x1000_0123 + i * 0x40_0000)
        assert space.translate(at) == frame * PAGE_SIZE + 0x123
        assert PageTableEntry.decode(space.entry(at)).frame == frame


@pytest.mark.parametrize("state", PageState)
def test_the_host_sees_through_every_state(space: AddressSpace, state: PageState) -> None:
    map_pages(space)
    space.set_state(BASE, state, 0xC000_009C)
    space.write(Gva(BASE + 0xFFE), b"abcd")
    assert space.read(Gva(BASE + 0xFFE), 4) == b"abcd"
    assert space.state(BASE) == state
    assert bool(space.entry(BASE) & pt.PRESENT) == (state == PageState.RESIDENT)


def test_the_status_of_an_in_page_error(space: AddressSpace) -> None:
    map_pages(space)
    space.set_state(Gva(BASE + 5), PageState.IN_PAGE_ERROR, 0xC000_009D)
    assert space.in_page_status(Gva(BASE + 0xFFF)) == 0xC000_009D


def test_a_page_that_never_was_is_unmapped(space: AddressSpace) -> None:
    map_pages(space)
    for address in (Gva(0), Gva(BASE - 1), Gva(BASE + SIZE)):
        assert space.state(address) == PageState.UNMAPPED
        with pytest.raises(NotMapped):
            space.set_state(address, PageState.RESIDENT)
    assert space.has_leaf_table(Gva(BASE - 1))
    assert not space.has_leaf_table(Gva(0))


def test_every_edit_is_told(calls: Calls) -> None:
    space = calls.space
    map_pages(space)
    before = calls.entries
    space.set_state(BASE, PageState.GUARD)
    space.set_entry(BASE, space.entry(BASE))
    assert calls.entries == before + 2
    mark = space.checkpoint()
    space.reset(mark)
    assert calls.entries == before + 4


def test_a_change_of_code_is_told(calls: Calls) -> None:
    space = calls.space
    map_pages(space)
    space.write(BASE, bytes(SIZE))
    assert calls.code == 0
    space.map_page(Gva(BASE + SIZE), user=False, protection=pt.PROTECTIONS["rx"])
    space.write(Gva(BASE + SIZE - 4), bytes(8))
    assert calls.code == 1
    mark = space.checkpoint()
    space.write(BASE, b"x")
    space.reset(mark)
    assert calls.code == 1
    space.write(Gva(BASE + SIZE), b"x")
    space.reset(mark)
    assert calls.code == 3
    space.set_entry(BASE, pt.with_protection(space.entry(BASE), pt.PROTECTIONS["rwx"]))
    space.set_entry(BASE, pt.with_protection(space.entry(BASE), pt.PROTECTIONS["rw"]))
    space.write(BASE, b"x")
    assert calls.code == 4


def fill(space: AddressSpace) -> None:
    for page in range(600):
        space.map_page(Gva(0x1000_0000 + page * PAGE_SIZE), user=True, protection=RW)


def test_memory_that_runs_out(calls: Calls) -> None:
    space = calls.space
    space.require_room(400)
    with pytest.raises(OutOfMemory, match="no room for 513 more frames in 2 MiB of guest RAM"):
        space.require_room(508)
    mark = space.checkpoint()
    with pytest.raises(OutOfMemory):
        fill(space)
    space.reset(mark)
    assert space.state(Gva(0x1000_0000)) == PageState.UNMAPPED
    assert space.map_page(Gva(0x1000_0000), user=True, protection=RW)
