# SPDX-License-Identifier: GPL-2.0-or-later
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.memory import page_table as pt
from emu.memory.page_table import PageState, PageTableEntry

ENTRIES = st.builds(
    PageTableEntry,
    frame=st.integers(0, (1 << 40) - 1),
    state=st.sampled_from(PageState),
    writable=st.booleans(),
    user=st.booleans(),
    executable=st.booleans(),
    accessed=st.booleans(),
    dirty=st.booleans(),
)
STATES = st.sampled_from(PageState)
PROTECTIONS = st.sampled_from(sorted(pt.PROTECTIONS))


@given(entry=ENTRIES)
def test_an_entry_survives_encoding(entry: PageTableEntry) -> None:
    assert PageTableEntry.decode(entry.encode()) == entry
    assert 0 <= entry.encode() < 1 << 64


@given(entry=ENTRIES)
def test_only_a_resident_page_is_present(entry: PageTableEntry) -> None:
    assert bool(entry.encode() & pt.PRESENT) == (entry.state == PageState.RESIDENT)


@given(entry=ENTRIES, state=STATES)
def test_a_state_changes_nothing_else(entry: PageTableEntry, state: PageState) -> None:
    assert PageTableEntry.decode(pt.with_state(entry.encode(), state)) == entry._replace(state=state)


@given(entry=ENTRIES, state=STATES)
def test_a_state_is_undone_by_the_old_one(entry: PageTableEntry, state: PageState) -> None:
    assert pt.with_state(pt.with_state(entry.encode(), state), entry.state) == entry.encode()


@given(entry=ENTRIES, protection=PROTECTIONS)
def test_a_protection_changes_the_protection_and_makes_resident(entry: PageTableEntry, protection: str) -> None:
    changed = pt.with_protection(entry.encode(), pt.PROTECTIONS[protection])
    assert PageTableEntry.decode(changed) == entry._replace(
        state=PageState.RESIDENT, writable="w" in protection, executable="x" in protection
    )
    assert pt.describe_protection(changed) == protection


@given(state=STATES)
def test_every_state_has_a_name(state: PageState) -> None:
    assert pt.STATE_NAMES[state]
    assert len(set(pt.STATE_NAMES.values())) == len(PageState)


@given(address=st.integers(0, (1 << 64) - 1))
def test_the_indices_are_the_address(address: int) -> None:
    a, b, c, d = pt.indices(address)
    assert a << 39 | b << 30 | c << 21 | d << 12 == address & 0xFFFF_FFFF_F000


def test_an_entry_by_hand() -> None:
    """Intel SDM Vol. 3, table 4-20."""
    entry = PageTableEntry(0x1234, PageState.RESIDENT, True, True, False, True, True)
    assert entry.encode() == 0x8000_0000_0123_4067
    assert PageTableEntry(0x1234, PageState.PAGED_OUT, False, False, True).encode() == 0x0000_0000_0123_4800


@pytest.mark.parametrize("state", [6, 7])
def test_a_state_that_does_not_exist(state: int) -> None:
    with pytest.raises(ValueError, match=f"{state} is not a valid PageState"):
        PageTableEntry.decode(state << pt.STATE_SHIFT)
