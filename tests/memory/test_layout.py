# SPDX-License-Identifier: GPL-2.0-or-later
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import PAGE_SHIFT, PAGE_SIZE, is_canonical
from emu.memory import layout
from emu.memory.errors import OutOfMemory
from emu.memory.layout import SLOTS, WINDOW, Arena

ARENAS: list[Callable[[], Arena]] = [layout.images, layout.kernel_stacks, layout.user_data, layout.kernel_data]
COUNTS = st.lists(st.one_of(st.integers(1, 20), st.integers(1, 300)), max_size=60)
SMALL = SLOTS - 1
"""Pages that fit between two unmapped ones."""


def reserve(arena: Arena, counts: list[int]) -> list[range]:
    ranges = []
    for count in counts:
        start = arena.reserve(count)
        assert start % PAGE_SIZE == 0
        ranges.append(range(start >> PAGE_SHIFT, (start >> PAGE_SHIFT) + count))
    return ranges


@pytest.mark.parametrize("make", ARENAS)
@given(counts=COUNTS)
def test_every_range_has_an_unmapped_page_on_both_sides(make: Callable[[], Arena], counts: list[int]) -> None:
    ranges = reserve(make(), counts)
    used = {page for pages in ranges for page in pages}
    assert len(used) == sum(counts)
    for pages in ranges:
        assert pages.start - 1 not in used
        assert pages.stop not in used


@given(
    counts=st.lists(
        st.lists(st.one_of(st.integers(1, SMALL), st.integers(SLOTS, 200)), max_size=20), min_size=4, max_size=4
    )
)
def test_small_ranges_of_different_arenas_never_collide_in_the_tlb(counts: list[list[int]]) -> None:
    hot: list[set[int]] = []
    for make, wanted in zip(ARENAS, counts, strict=True):
        ranges = reserve(make(), wanted)
        hot.append({page % WINDOW for pages in ranges for page in pages if len(pages) <= SMALL})
    for i, first in enumerate(hot):
        for second in hot[i + 1 :]:
            assert not first & second


@pytest.mark.parametrize("make", ARENAS)
@given(before=COUNTS, after=COUNTS)
def test_release_gives_the_same_addresses_again(make: Callable[[], Arena], before: list[int], after: list[int]) -> None:
    arena = make()
    reserve(arena, before)
    mark = arena.mark
    first = reserve(arena, after)
    arena.release_to(mark)
    assert reserve(arena, after) == first


def test_the_arenas_are_apart_and_on_their_side() -> None:
    for make in ARENAS:
        start = make().reserve(1)
        assert is_canonical(start)
        assert (start < layout.USER_PROBE_ADDRESS) == (make is layout.user_data)
        assert (start >= layout.SYSTEM_RANGE_START) == (make is not layout.user_data)
    assert len({make().reserve(1) >> 39 for make in ARENAS}) == len(ARENAS)


@pytest.mark.parametrize("make", ARENAS)
def test_an_arena_that_is_used_up_says_so(make: Callable[[], Arena]) -> None:
    arena = make()
    with pytest.raises(OutOfMemory, match=r"no \d+ bytes of .* addresses are left"):
        arena.reserve(1 << 40)
    assert arena.reserve(1) == make().reserve(1)


def test_an_arena_ends_before_its_limit() -> None:
    arena = Arena("small", 0x10_0000, 0x10_0000 + 6 * PAGE_SIZE, 0)
    assert arena.reserve(2) == 0x10_0000
    assert arena.reserve(2) == 0x10_3000
    with pytest.raises(OutOfMemory, match="no 4096 bytes of small addresses"):
        arena.reserve(1)
