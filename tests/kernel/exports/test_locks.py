# SPDX-License-Identifier: GPL-2.0-or-later
"""IRQL, spin locks and fast mutexes: balance, and what happens without it."""

import pytest

from emu import Bugchecked, Machine, Returned, Unmodelled
from emu.testing.guest import Guest
from tests.kernel.exports.calls import PAGE, value_of

PASSIVE, APC, DISPATCH = 0, 1, 2


def bugcheck(machine: Machine, function: str, *arguments: int, irql: int = 0) -> tuple[int, tuple[int, ...]]:
    outcome = machine.call(function, *arguments, irql=irql)
    assert type(outcome) is Bugchecked, str(outcome)
    return outcome.code, outcome.parameters


def not_modelled(machine: Machine, function: str, *arguments: int, irql: int = 0) -> str:
    outcome = machine.call(function, *arguments, irql=irql)
    assert type(outcome) is Unmodelled, str(outcome)
    return outcome.reason


class TestIrql:
    def test_current(self, machine: Machine) -> None:
        for irql in (0, 1, 2, 15):
            assert machine.call("KeGetCurrentIrql", irql=irql) == Returned(irql)

    def test_raise_and_lower(self, machine: Machine) -> None:
        for irql in (0, 1, 2):
            assert machine.call("KfRaiseIrql", 2, irql=irql) == Returned(irql)
            assert machine.irql == 2
            assert machine.call("KeRaiseIrqlToDpcLevel", irql=irql) == Returned(irql)
            assert machine.irql == 2
            value_of(machine, "KeLowerIrql", irql, irql=2)
            assert machine.irql == irql

    def test_raising_to_less(self, machine: Machine) -> None:
        caller = machine.resolve("KiGuardedCallReturned")
        assert bugcheck(machine, "KfRaiseIrql", 1, irql=2) == (9, (1, 2, 0, caller))

    def test_lowering_to_more(self, machine: Machine) -> None:
        caller = machine.resolve("KiGuardedCallReturned")
        assert bugcheck(machine, "KeLowerIrql", 2, irql=1) == (0xA, (2, 1, 0, caller))


class TestSpinLock:
    def test_acquire_and_release(self, machine: Machine) -> None:
        lock = machine.kernel.alloc(b"\xff" * 8)
        value_of(machine, "KeInitializeSpinLock", lock)
        assert lock.read() == bytes(8)
        assert value_of(machine, "KeTestSpinLock", lock) == 1
        for irql in (PASSIVE, APC, DISPATCH):
            assert value_of(machine, "KeAcquireSpinLockRaiseToDpc", lock, irql=irql) == irql
            assert machine.irql == DISPATCH
            assert int.from_bytes(lock.read(), "little") == 1
            assert value_of(machine, "KeTestSpinLock", lock) == 0
            value_of(machine, "KeReleaseSpinLock", lock, irql, irql=DISPATCH)
            assert machine.irql == irql
            assert lock.read() == bytes(8)

    def test_at_dispatch_level(self, machine: Machine) -> None:
        lock = machine.kernel.alloc(8)
        value_of(machine, "KeAcquireSpinLockAtDpcLevel", lock, irql=DISPATCH)
        assert machine.irql == DISPATCH
        assert value_of(machine, "KeTryToAcquireSpinLockAtDpcLevel", lock, irql=DISPATCH) == 0
        value_of(machine, "KeReleaseSpinLockFromDpcLevel", lock, irql=DISPATCH)
        assert value_of(machine, "KeTryToAcquireSpinLockAtDpcLevel", lock, irql=DISPATCH) == 1
        assert int.from_bytes(lock.read(), "little") == 1

    @pytest.mark.parametrize("function", ["KeAcquireSpinLockRaiseToDpc", "KeAcquireSpinLockAtDpcLevel"])
    def test_a_held_lock_is_a_deadlock(self, machine: Machine, function: str) -> None:
        lock = machine.kernel.alloc((1).to_bytes(8, "little"))
        reason = not_modelled(machine, function, lock.address, irql=DISPATCH)
        assert reason == (
            f"{function}: deadlock: the spin lock at {lock.address:#x} is held, "
            "and on one processor nobody can release it"
        )

    @pytest.mark.parametrize("function", ["KeReleaseSpinLock", "KeReleaseSpinLockFromDpcLevel"])
    def test_releasing_what_is_not_held(self, machine: Machine, function: str) -> None:
        lock, caller = machine.kernel.alloc(8), machine.resolve("KiGuardedCallReturned")
        assert bugcheck(machine, function, lock.address, 0, irql=2) == (0x10, (lock.address, 2, 0, caller))

    def test_a_lock_in_paged_memory(self, machine: Machine) -> None:
        lock = machine.kernel.alloc(8)
        machine.kernel.page_out(lock)
        code, parameters = bugcheck(machine, "KeAcquireSpinLockRaiseToDpc", lock.address)
        assert (code, parameters[:3]) == (0xA, (lock.address, DISPATCH, 0))


class TestFastMutex:
    def test_c_initialises_it_inline(self, machine: Machine, guest: Guest) -> None:
        machine.load(guest.build("sources/locks.c"))
        mutex = machine.kernel.alloc(b"\xff" * 0x38)
        value_of(machine, "initialize", mutex)
        event = mutex.address + 0x18
        assert mutex.read(4) == (1).to_bytes(4, "little")
        assert mutex.read(1, 0x18) == b"\x01"
        assert mutex.read(1, 0x1A) == b"\x06"
        assert mutex.read(4, 0x1C) == bytes(4)
        assert mutex.read(16, 0x20) == (event + 8).to_bytes(8, "little") * 2
        assert machine.call("nested", mutex) == Returned(0x10100)

    @staticmethod
    def alloc(machine: Machine, *, offset: int = 0) -> int:
        return machine.kernel.alloc((1).to_bytes(4, "little") + bytes(0x34), offset=offset).address

    def test_acquire_and_release(self, machine: Machine) -> None:
        mutex = self.alloc(machine)
        for irql in (PASSIVE, APC):
            value_of(machine, "ExAcquireFastMutex", mutex, irql=irql)
            assert machine.irql == APC
            assert value_of(machine, "ExTryToAcquireFastMutex", mutex) == 0
            assert machine.irql == PASSIVE
            value_of(machine, "ExReleaseFastMutex", mutex, irql=APC)
            assert machine.irql == irql

    def test_try(self, machine: Machine) -> None:
        mutex = self.alloc(machine)
        assert value_of(machine, "ExTryToAcquireFastMutex", mutex) == 1
        assert machine.irql == APC

    def test_unsafe(self, machine: Machine) -> None:
        mutex = self.alloc(machine)
        value_of(machine, "ExAcquireFastMutexUnsafe", mutex)
        assert machine.irql == PASSIVE
        assert "deadlock" in not_modelled(machine, "ExAcquireFastMutexUnsafe", mutex)
        value_of(machine, "ExReleaseFastMutexUnsafe", mutex)
        value_of(machine, "ExAcquireFastMutexUnsafe", mutex)

    def test_a_held_mutex_is_a_deadlock(self, machine: Machine) -> None:
        mutex = self.alloc(machine)
        value_of(machine, "ExAcquireFastMutex", mutex)
        assert "deadlock: the fast mutex" in not_modelled(machine, "ExAcquireFastMutex", mutex, irql=APC)

    def test_above_apc_level(self, machine: Machine) -> None:
        mutex, caller = self.alloc(machine), machine.resolve("KiGuardedCallReturned")
        assert bugcheck(machine, "ExAcquireFastMutex", mutex, irql=2) == (9, (APC, DISPATCH, 0, caller))

    @pytest.mark.parametrize("function", ["ExReleaseFastMutex", "ExReleaseFastMutexUnsafe"])
    def test_releasing_what_is_not_held(self, machine: Machine, function: str) -> None:
        mutex, caller = self.alloc(machine), machine.resolve("KiGuardedCallReturned")
        assert bugcheck(machine, function, mutex, irql=1) == (0x11, (mutex, 0, 0, caller))

    @pytest.mark.parametrize("offset", [0, PAGE - 0x30, PAGE - 8])
    def test_a_page_in_makes_no_difference(self, machine: Machine, offset: int) -> None:
        mutex = self.alloc(machine, offset=offset)
        for page in {mutex & -PAGE, mutex + 0x37 & -PAGE}:
            machine.kernel.page_out(page)
        value_of(machine, "ExAcquireFastMutex", mutex)
        assert machine.irql == APC
        for page in {mutex & -PAGE, mutex + 0x37 & -PAGE}:
            machine.kernel.page_out(page)
        value_of(machine, "ExReleaseFastMutex", mutex, irql=APC)
        assert machine.irql == PASSIVE


@pytest.mark.parametrize("target", ["msvc", "gnu"])
def test_spin_locks_in_c(machine: Machine, guest: Guest, target: str) -> None:
    machine.load(guest.build("sources/locks.c", target=target))
    assert machine.call("spin_lock", machine.kernel.alloc(8)) == Returned(0x00_02_01)
