# SPDX-License-Identifier: GPL-2.0-or-later
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import ADDRESS_MASK, PAGE_SHIFT, PAGE_SIZE, is_canonical


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        (0, True),
        (0x7FFF_FFFF_FFFF, True),
        (0x8000_0000_0000, False),
        (0xFFFF_7FFF_FFFF_FFFF, False),
        (0xFFFF_8000_0000_0000, True),
        (ADDRESS_MASK, True),
    ],
)
def test_the_edges_of_the_canonical_ranges(address: int, canonical: bool) -> None:
    assert is_canonical(address) == canonical


@given(address=st.integers(0, ADDRESS_MASK))
def test_canonical_means_sign_extended_from_bit_47(address: int) -> None:
    low = address & (1 << 48) - 1
    extended = low | (0xFFFF << 48 if low >> 47 else 0)
    assert is_canonical(address) == (address == extended)


def test_a_page_is_what_its_shift_says() -> None:
    assert 1 << PAGE_SHIFT == PAGE_SIZE
