# SPDX-License-Identifier: GPL-2.0-or-later
"""Ranges of any length at any alignment, any of whose pages come back on the way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Returned
from emu.accessors import FAMILY
from emu.address import PAGE_SIZE
from tests.conformance.accessors.arenas import ARENAS, UNPATCHED, Arena
from tests.conformance.accessors.case import shape_of
from tests.conformance.accessors.contract import expect
from tests.conformance.accessors.suite import LIBRARY_IMAGE, bench, fresh_bench, routines
from tests.conformance.accessors.terms import NO_PAGE, USER_MODE, Circumstances, Given, arguments

RANGED = [name for name, each in FAMILY.items() if shape_of(each).is_ranged and each.kind == "function"]
PAGES = [arena.base + page * PAGE_SIZE for arena in ARENAS for page in range(arena.pages)]
LONGEST = 2 * PAGE_SIZE


def _address(arena: Arena | None, offset: int) -> int:
    return 0 if arena is None else arena.base + offset


@pytest.mark.parametrize("profile", ["nehalem", "skylake-server", "epyc-rome,primitives=kernel"])
@settings(max_examples=120)
@given(
    st.sampled_from(RANGED),
    st.integers(0, LONGEST),
    st.integers(0, PAGE_SIZE),
    st.integers(0, PAGE_SIZE),
    st.sets(st.sampled_from(PAGES)),
)
def test_a_range_whose_pages_come_back(
    profile: str, name: str, length: int, source: int, target: int, paged_out: set[int]
) -> None:
    """What lands is what would have landed anyway, once."""
    accessor, machine = FAMILY[name], fresh_bench(profile).machine
    shape = shape_of(accessor)
    call = Given(_address(shape.sources, source), _address(shape.targets, target), length, 0x6B, mode=USER_MODE)
    for page in paged_out:
        (machine.user if page < PAGES[-1] + PAGE_SIZE else machine.kernel).page_out(page)
    outcome = machine.call_plainly(
        routines(profile, LIBRARY_IMAGE).addresses[name], arguments(accessor, call), budget=1_000_000
    )
    expected = expect(accessor, call, UNPATCHED, NO_PAGE, Circumstances())
    wrong = bench(profile).check_memory(expected.landed, UNPATCHED)
    assert type(outcome) is Returned, outcome
    assert not wrong
