# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters that continue: a faulting access is retried where the filter mended its page, a failed check is repeated."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from emu import Returned, build_guest
from emu.accessors import FAMILY
from emu.address import Gva
from emu.events import ExceptionRaised
from emu.nt.status import NtStatus
from tests.conformance.accessors.arenas import KERNEL_SOURCE, UNPATCHED, Memory, Patch
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

ACCESSING = [name for name, each in FAMILY.items() if each.kind == "function" and each.user_parameters]
LENGTHS = (40, 200, 700)
HANDLE_NONE = 1 << 32
TIMES = 3

_CALL = struct.Struct("<8Q")


class _Mending:
    """A bench of its own with the caller, and the export that it asks to mend a page."""

    def __init__(self, profile: str) -> None:
        self.bench = Bench(profile)
        machine = self.bench.machine

        @machine.export("MmSecureVirtualMemory")
        def make_accessible(address: int, size: int, mode: int) -> int:
            for page in self.mended:
                machine.user.protect(page, "rw")
            return 1

        self.mended: tuple[int, ...] = ()
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
    machine, space = mending.bench.machine, mending.bench.machine.system.memory
    for name in ACCESSING:
        for case in _faulting(name):
            memory = _put(mending.bench, case.patches)
            machine.user.protect(case.page.address, "none")
            mending.mended = (case.page.address,)
            value, status, continued = mending.call(case, HANDLE_NONE)
            expected = expect(FAMILY[name], case.given, memory, NO_PAGE, Circumstances())
            assert isinstance(expected.ending, Returns)
            assert (status, continued) == (0, 1), case
            assert not (value ^ expected.ending.value) & (1 << 8 * expected.ending.width) - 1, case
            assert not mending.bench.check_memory(expected.landed, memory), case
            for patch in case.patches:
                space.write(Gva(patch.address), UNPATCHED.read(patch.address, len(patch.data)))
            if expected.landed is not None:
                at, size = expected.landed.address, len(expected.landed.data)
                space.write(Gva(at), UNPATCHED.read(at, size))


def _put(bench: Bench, patches: tuple[Patch, ...]) -> Memory:
    for patch in patches:
        bench.machine.system.memory.write(Gva(patch.address), patch.data)
    return Memory(patches)


def test_a_failed_check_is_repeated(mending: _Mending) -> None:
    """Where the pointer is what it was, the check fails again in the same way, as often as the filter continues."""
    mending.mended = ()
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
