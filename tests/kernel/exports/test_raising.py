# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that raise: the record, as C code sees it in its filters."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.nt.exception_record import EXCEPTION_NONCONTINUABLE
from emu.testing.guest import Guest

RAISING = [
    ("ExRaiseStatus", 0xC000_0123),
    ("RtlRaiseStatus", 0x8000_0005),
    ("ExRaiseAccessViolation", NtStatus.ACCESS_VIOLATION),
    ("ExRaiseDatatypeMisalignment", NtStatus.DATATYPE_MISALIGNMENT),
]


@pytest.mark.parametrize(("function", "code"), RAISING)
def test_the_record(machine: Machine, function: str, code: int) -> None:
    outcome = machine.call(function, 0xABCD_0000_0000_0000 | code)
    assert type(outcome) is Raised
    record = outcome.record
    assert (record.code, record.flags, record.information) == (code, EXCEPTION_NONCONTINUABLE, ())
    assert record.exception_address == machine.resolve("KiGuardedCallReturned")


@pytest.mark.parametrize(("function", "code"), RAISING)
def test_nobody_handles_it(machine: Machine, function: str, code: int) -> None:
    outcome = machine.call(function, code, guarded=False)
    address = machine.resolve("KiUnguardedCallReturned")
    assert outcome == Bugchecked(0x1E, (code, address, 0, 0))


@pytest.mark.parametrize("optimize", ["0", "2"])
def test_in_c(machine: Machine, guest: Guest, optimize: str) -> None:
    module = machine.load(guest.build("sources/raising.c", optimize=optimize))
    for index, (_, code) in enumerate(RAISING):
        outcome = machine.call("caught", index, code)
        assert outcome == Returned(code), str(outcome)
        caller = machine.call("raising_address")
        assert type(caller) is Returned
        function = module.find_function(module["raise_one"])
        assert function is not None
        assert function.begin <= caller.value - module.base <= function.end


def test_it_cannot_be_continued(machine: Machine, guest: Guest) -> None:
    machine.load(guest.build("sources/raising.c"))
    outcome = machine.call("continued", 0xC000_0123)
    assert type(outcome) is Raised
    assert outcome.record.code == NtStatus.NONCONTINUABLE_EXCEPTION
