# SPDX-License-Identifier: GPL-2.0-or-later
"""MoveToUserFromUser and its primitive: right for every overlap, whatever pages it crosses and whichever come back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Raised, Returned
from emu.address import PAGE_SIZE, Gva
from tests.conformance.accessors.arenas import UNPATCHED, USER_TARGET
from tests.conformance.accessors.suite import KERNEL, LIBRARY_IMAGE, fresh_bench, routines

NAMES = ("MoveToUserFromUser", "RtlMoveToUserFromUser")
PROFILES = ("nehalem", "skylake-server", "skylake-server,primitives=kernel")
FARTHEST = 64
LONGEST = 128
CONTENT = UNPATCHED.content(USER_TARGET)
SIZE = len(CONTENT)


def moved(target: int, source: int, length: int) -> bytes:
    """What the arena holds after a move between two offsets in it."""
    return CONTENT[:target] + CONTENT[source : source + length] + CONTENT[target + length :]


def _address(profile: str, name: str) -> Gva:
    link = KERNEL if name.startswith("Rtl") and "kernel" in profile else LIBRARY_IMAGE
    return routines(profile, link).addresses[name]


class _Moves:
    """Moves inside one arena."""

    def __init__(self, profile: str, name: str) -> None:
        self.machine = fresh_bench(profile).machine
        self.space = self.machine.system.memory
        self.address = _address(profile, name)

    def call(self, target: int, source: int, length: int) -> Returned | Raised:
        """Move once from one offset to another."""
        base = USER_TARGET.base
        outcome = self.machine.call_plainly(self.address, (base + target, base + source, length))
        assert isinstance(outcome, Returned | Raised), outcome
        return outcome

    def check(self, target: int, source: int, length: int) -> None:
        """Move once, and compare the whole arena."""
        outcome = self.call(target, source, length)
        found = self.space.read(Gva(USER_TARGET.base), SIZE)
        case = f"{length} bytes, +{source} to +{target}"
        assert type(outcome) is Returned, f"{case}: {outcome}"
        assert found == moved(target, source, length), case
        self.space.write(Gva(USER_TARGET.base), CONTENT)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_overlap_at_every_length(profile: str, name: str) -> None:
    """Every distance from -64 to 64 at every length from 0 to 128, at changing alignments, across a page boundary."""
    moves = _Moves(profile, name)
    for length in range(LONGEST + 1):
        for distance in range(-FARTHEST, FARTHEST + 1):
            source = PAGE_SIZE - LONGEST + (3 * length + distance) % 61
            moves.check(source + distance, source, length)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("profile", PROFILES)
def test_lengths_that_take_the_wide_way(profile: str, name: str) -> None:
    """Lengths around those from which `rep movsb` pays, up to a page, at distances around a step and a page."""
    moves = _Moves(profile, name)
    for length in (255, 511, 512, 513, 1000, 2500, PAGE_SIZE - 7):
        for distance in (-PAGE_SIZE, -600, -65, -64, -16, -1, 0, 1, 15, 63, 64, 65, 511, 600, PAGE_SIZE):
            moves.check(PAGE_SIZE + 7 + distance, PAGE_SIZE + 7, length)


@pytest.mark.parametrize("profile", ["nehalem", "skylake-server", "skylake-server,primitives=kernel"])
@settings(max_examples=80)
@given(
    st.integers(0, SIZE), st.integers(0, SIZE), st.integers(0, 2 * PAGE_SIZE), st.sets(st.integers(0, 2), max_size=3)
)
def test_any_move_whose_pages_come_back(
    profile: str, target: int, source: int, length: int, paged_out: set[int]
) -> None:
    """A page-in retries the instruction; in an overlap, nothing may be moved twice because of it."""
    length = min(length, SIZE - target, SIZE - source)
    moves = _Moves(profile, NAMES[0])
    for page in paged_out:
        moves.machine.user.page_out(USER_TARGET.base + page * PAGE_SIZE)
    moves.check(target, source, length)


@pytest.mark.parametrize("profile", ["nehalem", "skylake-server", "skylake-server,primitives=kernel"])
def test_a_page_that_fails_in_an_overlap(profile: str) -> None:
    """An exception that names a byte of the range on that page; nothing outside the target is written."""
    moves = _Moves(profile, NAMES[0])
    for length in (1, 2, 16, 64, 100, 128, 600):
        for distance in (-64, -9, -1, 1, 8, 63):
            for byte in sorted({0, length // 3, length - 1}):
                _check_fault(moves, PAGE_SIZE - byte, distance, length)


def _check_fault(moves: _Moves, source: int, distance: int, length: int) -> None:
    """The second page of the arena is not there; the source reaches into it."""
    target, boundary = source + distance, USER_TARGET.boundary
    moves.machine.user.protect(boundary, "none")
    outcome = moves.call(target, source, length)
    moves.machine.user.protect(boundary, "rw")
    case = f"{length} bytes, +{source} to +{target}: {outcome.headline}"
    assert type(outcome) is Raised, case
    operation, address = outcome.record.information
    begin = USER_TARGET.base + (target if operation else source)
    assert max(begin, boundary) <= address < begin + length, case
    found = moves.space.read(Gva(USER_TARGET.base), SIZE)
    outside = slice(0, min(target, PAGE_SIZE)), slice(max(target + length, PAGE_SIZE), SIZE)
    assert all(found[part] == CONTENT[part] for part in outside), case
    assert found[PAGE_SIZE:] == CONTENT[PAGE_SIZE:], case
    moves.space.write(Gva(USER_TARGET.base), CONTENT)
