# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters that continue: a faulting access is retried where the filter mended its page, a failed check is repeated."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from emu import Returned, build_guest
from emu.accessors import FAMILY
from emu.address import PAGE_SIZE, Gva
from emu.events import ExceptionRaised
from emu.nt.status import NtStatus
from tests.conformance.accessors.arenas import KERNEL_SOURCE, LIMIT, UNPATCHED, USER_TARGET, Memory, Patch
from tests.conformance.accessors.bench import GUEST, Bench
from tests.conformance.accessors.case import Case, shape_of
from tests.conformance.accessors.contract import expect
from tests.conformance.accessors.string_cases import string_case
from tests.conformance.accessors.terms import (
    NO_PAGE,
    Circumstances,
    Kind,
    Page,
    Returns,
    arguments,
)
from tests.conformance.accessors.traced_call import plain_case

ACCESSING = [name for name, each in FAMILY.items() if each.kind == "function" and each.user_parameters]
LENGTHS = (40, 200, 700)
HANDLE_NONE = 1 << 32
TIMES = 3

_CALL = struct.Struct("<8Q")


def _nothing() -> None:
    pass


class _Mending:
    """A bench of its own with the caller, and the export that it asks to mend a page."""

    def __init__(self, profile: str) -> None:
        self.bench = Bench(profile)
        machine = self.bench.machine

        @machine.export("MmSecureVirtualMemory")
        def make_accessible(address: int, size: int, mode: int) -> int:
            self.mend()
            return 1

        self.mend: Callable[[], None] = _nothing
        self._call = machine.load(build_guest(GUEST / "mending.c"))["CallMending"]
        self._block = machine.kernel.alloc(_CALL.size)
        self.bench.checkpoint()

    def call(self, case: Case, continued: int) -> tuple[int, int, int]:
        """Call a routine. Returns its value, the status that was handled, and how many exceptions were continued."""
        machine = self.bench.machine
        given = arguments(FAMILY[case.name], case.given)
        fields = (machine.resolve(case.symbol), *given, *[0] * (4 - len(given)), continued, 0, 0)
        self._block.write(_CALL.pack(*fields))
        outcome = machine.call_plainly(self._call, (self._block.address,))
        assert type(outcome) is Returned, f"{case}: {outcome}"
        *_, left, value, status = _CALL.unpack(self._block.read())
        return value, status, continued - left

    def put(self, patches: tuple[Patch, ...]) -> Memory:
        """Put a case's bytes into the arenas."""
        for patch in patches:
            self.bench.machine.system.memory.write(Gva(patch.address), patch.data)
        return Memory(patches)

    def check_done(self, case: Case, memory: Memory) -> None:
        """Call a routine that fails once, is mended, and does what it always does; put the arenas back."""
        value, status, continued = self.call(case, HANDLE_NONE)
        expected = expect(FAMILY[case.name], case.given, memory, NO_PAGE, Circumstances())
        assert isinstance(expected.ending, Returns)
        assert (status, continued) == (0, 1), case
        assert not (value ^ expected.ending.value) & (1 << 8 * expected.ending.width) - 1, case
        assert not self.bench.check_memory(expected.landed, memory), case
        ranges = [(patch.address, len(patch.data)) for patch in case.patches]
        if expected.landed is not None:
            ranges.append((expected.landed.address, len(expected.landed.data)))
        for address, size in ranges:
            self.bench.machine.system.memory.write(Gva(address), UNPATCHED.read(address, size))


@pytest.fixture(scope="module", params=["nehalem", "skylake-server", "skylake-server,primitives=kernel"])
def mending(request: pytest.FixtureRequest) -> Iterator[_Mending]:
    caller = _Mending(request.param)
    yield caller
    caller.bench.close()


def _faulting(name: str) -> Iterator[Case]:
    shape = shape_of(FAMILY[name])
    for arena in shape.user_arenas:
        for length in (shape.width,) if shape.width else LENGTHS:
            for byte in sorted({0, length // 3, length - 1}):
                page = Page(arena.boundary, "none")
                if shape.kind is Kind.STRING_LENGTH:
                    yield string_case(shape, "first byte", arena.boundary - byte * shape.character, length, page=page)
                elif shape.kind is not Kind.INTERLOCKED or not byte:
                    given = shape.given(length, arena, arena.boundary - byte)
                    yield shape.case("first byte", f"byte {byte} of {length}, {arena.name}", given, page)


def test_a_mended_page_is_accessed_again(mending: _Mending) -> None:
    """The end is that of a call in which nothing failed."""
    machine = mending.bench.machine
    for name in ACCESSING:
        for case in _faulting(name):
            memory = mending.put(case.patches)
            machine.user.protect(case.page.address, "none")
            mending.mend = partial(machine.user.protect, case.page.address, "rw")
            mending.check_done(case, memory)


def test_a_check_that_holds_when_repeated(mending: _Mending) -> None:
    """All arguments are what they were: with the limit moved behind them, the call does what it always does."""
    machine = mending.bench.machine
    library = next(module for module in machine.modules if module.name == "umaccess")
    variables = (library["UmaUserProbeAddress"], machine.system.kernel["MmUserProbeAddress"])

    def set_limit(limit: int) -> None:
        for variable in variables:
            machine.system.memory.write_u64(variable, limit)

    for name in ACCESSING:
        for length in (0,) if not shape_of(FAMILY[name]).is_ranged else LENGTHS:
            case = plain_case(name, length)
            memory = mending.put(case.patches)
            set_limit(PAGE_SIZE)
            mending.mend = partial(set_limit, LIMIT)
            mending.check_done(case, memory)


def test_a_failed_check_is_repeated(mending: _Mending) -> None:
    """Where the pointer is what it was, the check fails again in the same way, as often as the filter continues."""
    mending.mend = _nothing
    for name in ACCESSING:
        shape = shape_of(FAMILY[name])
        for arena in shape.user_arenas:
            given = shape.given(shape.faulting[-1], arena, KERNEL_SOURCE.base)
            case = shape.case("kernel address", arena.name, given)
            _, status, continued = mending.call(case, TIMES)
            assert (status, continued) == (NtStatus.ACCESS_VIOLATION, TIMES), case
            raised = {event.information for event in mending.bench.machine.events if isinstance(event, ExceptionRaised)}
            assert raised == {(int(arena is shape.targets), KERNEL_SOURCE.base)}, case
            assert not mending.bench.check_memory(None, UNPATCHED), case


def test_a_failed_alignment_check_is_repeated(mending: _Mending) -> None:
    """An interlocked operation's, too."""
    mending.mend = _nothing
    for name in (name for name in ACCESSING if "Interlocked" in name):
        shape = shape_of(FAMILY[name])
        case = shape.case("misaligned", "+1", shape.given(shape.width, USER_TARGET, USER_TARGET.base + 1))
        _, status, continued = mending.call(case, TIMES)
        assert (status, continued) == (NtStatus.DATATYPE_MISALIGNMENT, TIMES), case
        assert not mending.bench.check_memory(None, UNPATCHED), case
