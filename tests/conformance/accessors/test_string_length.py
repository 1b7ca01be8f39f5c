# SPDX-License-Identifier: GPL-2.0-or-later
"""String lengths: every place of the terminator around the end of a page behind which nothing is the string's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Raised, Returned
from emu.accessors import FAMILY
from emu.address import PAGE_SIZE, Gva
from emu.nt.status import NtStatus
from emu.outcome import Outcome
from tests.conformance.accessors.arenas import LIMIT, USER_SOURCE, USER_TOP, Arena
from tests.conformance.accessors.string_cases import text
from tests.conformance.accessors.suite import KERNEL, LIBRARY_IMAGE, fresh_bench, routines
from tests.conformance.accessors.terms import USER_MODE

PROFILES = ("nehalem", "skylake-server", "skylake-server,primitives=kernel")
AROUND = 40
"""Bytes on each side of the page's end in which strings begin and end."""
CHUNK = 16

LENGTHS = {name: 2 if "Wide" in name else 1 for name, accessor in FAMILY.items() if "StringLength" in name}
"""The routines and the bytes of their characters."""


class _Strings:
    """A routine, and strings in an arena for it."""

    def __init__(self, profile: str, name: str) -> None:
        self.machine = fresh_bench(profile).machine
        self.space = self.machine.system.memory
        self.width = LENGTHS[name]
        link = KERNEL if name.startswith("Rtl") and "kernel" in profile else LIBRARY_IMAGE
        self.address = routines(profile, link).addresses[name]

    def put(self, address: int, data: bytes) -> None:
        """Put bytes before a call; more than the arena holds is cut off."""
        arena = next(each for each in (USER_SOURCE, USER_TOP) if each.holds(address))
        self.space.write(Gva(address), data[: arena.end - address])

    def call(self, address: int) -> Outcome:
        """Ask for the length of the string at an address."""
        return self.machine.call_plainly(self.address, (address, USER_MODE))

    def check_length(self, address: int, count: int) -> None:
        """Ask for a length that there is."""
        outcome = self.call(address)
        assert type(outcome) is Returned, f"{count} characters at {address:#x}: {outcome.headline}"
        assert outcome.value == count, f"{count} characters at {address:#x}: {outcome.headline}"

    def check_raised(self, address: int, lowest: int, highest: int) -> None:
        """Ask for a length that there is not: the fault address lies between two."""
        outcome = self.call(address)
        assert type(outcome) is Raised, f"{address:#x}: {outcome.headline}"
        assert outcome.record.code == NtStatus.ACCESS_VIOLATION
        operation, found = outcome.record.information
        assert operation == 0
        assert lowest <= found <= highest, f"{address:#x}: {outcome.headline}"


@pytest.mark.parametrize("name", LENGTHS)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_terminator_before_a_page_that_is_not_there(profile: str, name: str) -> None:
    """Every begin and every end in the last bytes of a page: the length where the terminator is on it, else a fault.

    Wide strings begin at odd addresses, too: there a terminator may lie half on the page that is not there.
    """
    boundary = USER_SOURCE.boundary
    strings = _Strings(profile, name)
    strings.machine.user.protect(boundary, "none")
    for begin in range(boundary - AROUND, boundary + 1):
        for count in range(AROUND // strings.width + 2):
            end = begin + (count + 1) * strings.width
            strings.put(begin, text(count, strings.width) + bytes(strings.width) + b"\x55\xaa" * 8)
            if end <= boundary:
                strings.check_length(begin, count)
            else:
                strings.check_raised(begin, boundary, boundary)


@pytest.mark.parametrize("name", LENGTHS)
@pytest.mark.parametrize("profile", PROFILES)
def test_every_terminator_behind_a_page_boundary(profile: str, name: str) -> None:
    """The string goes on: both pages are there, or come back."""
    boundary = USER_SOURCE.boundary
    strings = _Strings(profile, name)
    for begin in range(boundary - AROUND, boundary + 2):
        for count in range(0, 2 * AROUND // strings.width, 1 + begin % 3):
            strings.put(begin, text(count, strings.width) + bytes(strings.width) + b"\x55\xaa" * 8)
            strings.machine.user.page_out(boundary)
            strings.check_length(begin, count)


@pytest.mark.parametrize("name", LENGTHS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_string_that_reaches_the_limit(profile: str, name: str) -> None:
    """User memory ends at the limit: with a terminator before it a length, else an access violation at the limit."""
    strings = _Strings(profile, name)
    for begin in range(LIMIT - AROUND, LIMIT):
        for count in range(AROUND // strings.width + 2):
            end = begin + (count + 1) * strings.width
            strings.put(begin, text(count, strings.width) + bytes(strings.width))
            if end <= LIMIT:
                strings.check_length(begin, count)
            else:
                strings.check_raised(begin, LIMIT, LIMIT)


@pytest.mark.parametrize("name", LENGTHS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_string_whose_first_page_is_not_there(profile: str, name: str) -> None:
    """The fault is the string's first byte, or the begin of the aligned chunk that it lies in."""
    boundary = USER_SOURCE.boundary
    strings = _Strings(profile, name)
    strings.machine.user.protect(boundary, "none")
    for begin in range(boundary, boundary + 2 * CHUNK):
        strings.check_raised(begin, begin & -CHUNK, begin)


def _patterns(arena: Arena) -> st.SearchStrategy[bytes]:
    """Bytes that mislead the tricks by which zeroes are found in words: 0, 1, 0x80 and their neighbours."""
    byte = st.sampled_from((0, 1, 2, 0x7F, 0x80, 0x81, 0xFE, 0xFF)) | st.integers(0, 255)
    return st.lists(byte, min_size=1, max_size=80).map(bytes)


@pytest.mark.parametrize("name", LENGTHS)
@settings(max_examples=80)
@given(_patterns(USER_SOURCE), st.integers(0, 31), st.booleans())
def test_any_bytes(name: str, data: bytes, offset: int, ends_a_page: bool) -> None:
    """Any bytes at all, with a terminator behind them."""
    strings = _Strings("skylake-server", name)
    width = strings.width
    data = data.ljust(-(-len(data) // width) * width, b"\x01") + bytes(width)
    begin = USER_SOURCE.boundary - len(data) - (0 if ends_a_page else offset)
    strings.machine.user.protect(USER_SOURCE.boundary, "none")
    strings.put(begin, data)
    count = next(at for at in range(0, len(data), width) if not any(data[at : at + width])) // width
    strings.check_length(begin, count)


@pytest.mark.parametrize("name", LENGTHS)
def test_a_long_string(name: str) -> None:
    """Nearly all of an arena."""
    strings = _Strings("skylake-server", name)
    count = (2 * PAGE_SIZE + 100) // strings.width
    strings.put(USER_SOURCE.base + 11, text(count, strings.width) + bytes(2))
    strings.check_length(USER_SOURCE.base + 11, count)
