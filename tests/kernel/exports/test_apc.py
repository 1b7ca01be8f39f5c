# SPDX-License-Identifier: GPL-2.0-or-later
"""Critical and guarded regions, guarded mutexes: what they disable, and their balance."""

import pytest

from emu import Bugchecked, Machine, Returned, Unmodelled
from emu.nt.bugcheck import BugCheck
from tests.kernel.exports.calls import PAGE, value_of

NONE, NORMAL, ALL = (0, 0), (1, 0), (1, 1)


def disabled(machine: Machine, *, irql: int = 0) -> tuple[int, int]:
    """Return whether APCs are disabled, and whether all are."""
    return (
        value_of(machine, "KeAreApcsDisabled", irql=irql),
        value_of(machine, "KeAreAllApcsDisabled", irql=irql),
    )


def stopped(machine: Machine, function: str, *arguments: int) -> tuple[int, tuple[int, ...]]:
    outcome = machine.call(function, *arguments)
    assert type(outcome) is Bugchecked, str(outcome)
    return outcome.code, outcome.parameters


class TestRegions:
    @pytest.mark.parametrize(("region", "what"), [("Critical", NORMAL), ("Guarded", ALL)])
    def test_they_nest(self, machine: Machine, region: str, what: tuple[int, int]) -> None:
        assert disabled(machine) == NONE
        for _ in range(2):
            value_of(machine, f"KeEnter{region}Region")
            assert disabled(machine) == what
        value_of(machine, f"KeLeave{region}Region")
        assert disabled(machine) == what
        value_of(machine, f"KeLeave{region}Region")
        assert disabled(machine) == NONE

    def test_one_kind_within_the_other(self, machine: Machine) -> None:
        value_of(machine, "KeEnterCriticalRegion")
        value_of(machine, "KeEnterGuardedRegion")
        assert disabled(machine) == ALL
        value_of(machine, "KeLeaveGuardedRegion")
        assert disabled(machine) == NORMAL

    def test_an_irql_disables_them_too(self, machine: Machine) -> None:
        assert disabled(machine, irql=1) == ALL
        assert disabled(machine, irql=2) == ALL

    @pytest.mark.parametrize(("region", "combined"), [("Critical", 0x0000_0001), ("Guarded", 0x0001_0000)])
    def test_leaving_too_often(self, machine: Machine, region: str, combined: int) -> None:
        value_of(machine, f"KeEnter{region}Region")
        value_of(machine, f"KeLeave{region}Region")
        caller = machine.resolve("KiGuardedCallReturned")
        code, parameters = stopped(machine, f"KeLeave{region}Region")
        assert (code, parameters) == (BugCheck.APC_INDEX_MISMATCH, (caller, 0, combined, 0))

    def test_the_other_kind_counts_in_the_report(self, machine: Machine) -> None:
        value_of(machine, "KeEnterGuardedRegion")
        _, parameters = stopped(machine, "KeLeaveCriticalRegion")
        assert parameters[2] == 0xFFFF_0001

    def test_reset_leaves_them(self, machine: Machine) -> None:
        value_of(machine, "KeEnterGuardedRegion")
        machine.reset()
        assert disabled(machine) == NONE
        value_of(machine, "KeEnterCriticalRegion")
        machine.checkpoint()
        value_of(machine, "KeEnterCriticalRegion")
        machine.reset()
        value_of(machine, "KeLeaveCriticalRegion")
        assert disabled(machine) == NONE


class TestGuardedMutex:
    @staticmethod
    def alloc(machine: Machine, *, offset: int = 0) -> int:
        mutex = machine.kernel.alloc(b"\xcc" * 0x38, offset=offset).address
        value_of(machine, "KeInitializeGuardedMutex", mutex)
        return mutex

    def test_acquire_and_release(self, machine: Machine) -> None:
        mutex = self.alloc(machine)
        for _ in range(2):
            value_of(machine, "KeAcquireGuardedMutex", mutex)
            assert disabled(machine) == ALL
            assert machine.irql == 0
            assert machine.call("KeTryToAcquireGuardedMutex", mutex) == Returned(0)
            value_of(machine, "KeReleaseGuardedMutex", mutex)
            assert disabled(machine) == NONE

    def test_try(self, machine: Machine) -> None:
        mutex = self.alloc(machine)
        assert value_of(machine, "KeTryToAcquireGuardedMutex", mutex) == 1
        assert disabled(machine) == ALL
        value_of(machine, "KeReleaseGuardedMutex", mutex)

    def test_unsafe(self, machine: Machine) -> None:
        mutex = self.alloc(machine)
        value_of(machine, "KeAcquireGuardedMutexUnsafe", mutex)
        assert disabled(machine) == NONE
        assert machine.call("KeTryToAcquireGuardedMutex", mutex) == Returned(0)
        value_of(machine, "KeReleaseGuardedMutexUnsafe", mutex)
        assert machine.call("KeTryToAcquireGuardedMutex", mutex) == Returned(1)

    @pytest.mark.parametrize("function", ["KeAcquireGuardedMutex", "KeAcquireGuardedMutexUnsafe"])
    def test_a_held_mutex_is_a_deadlock(self, machine: Machine, function: str) -> None:
        mutex = self.alloc(machine)
        value_of(machine, "KeAcquireGuardedMutex", mutex)
        outcome = machine.call(function, mutex)
        assert type(outcome) is Unmodelled
        assert f"deadlock: the guarded mutex at {mutex:#x} is held" in outcome.reason

    @pytest.mark.parametrize("function", ["KeReleaseGuardedMutex", "KeReleaseGuardedMutexUnsafe"])
    def test_releasing_what_is_not_held(self, machine: Machine, function: str) -> None:
        mutex, caller = self.alloc(machine), machine.resolve("KiGuardedCallReturned")
        assert stopped(machine, function, mutex) == (BugCheck.THREAD_NOT_MUTEX_OWNER, (mutex, 0, 0, caller))

    def test_acquired_safely_and_released_unsafely(self, machine: Machine) -> None:
        mutex = self.alloc(machine)
        value_of(machine, "KeAcquireGuardedMutexUnsafe", mutex)
        code, _ = stopped(machine, "KeReleaseGuardedMutex", mutex)
        assert code == BugCheck.APC_INDEX_MISMATCH

    @pytest.mark.parametrize("offset", [0, PAGE - 0x18, PAGE - 8])
    def test_a_page_in_makes_no_difference(self, machine: Machine, offset: int) -> None:
        mutex = self.alloc(machine, offset=offset)
        for function in ("KeAcquireGuardedMutex", "KeReleaseGuardedMutex"):
            for page in {mutex & -PAGE, mutex + 0x37 & -PAGE}:
                machine.kernel.page_out(page)
            value_of(machine, function, mutex)
        assert disabled(machine) == NONE
