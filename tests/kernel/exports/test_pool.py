# SPDX-License-Identifier: GPL-2.0-or-later
"""Pool: where blocks lie, what is around them, and every way of misusing them."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.events import PoolAllocated, PoolFreed
from emu.kernel.exports import pool as p
from emu.kernel.pool import FREED, UNINITIALIZED, PoolBlock
from emu.nt.bugcheck import BugCheck
from emu.testing.guest import Guest
from tests.kernel.exports.calls import PAGE, value_of

TAG = int.from_bytes(b"Test", "little")
OTHER_TAG = int.from_bytes(b"Oops", "little")
PAGED_POOL = 1
NON_PAGED_POOL = 0
NON_PAGED_POOL_NX = 0x200


def allocate(machine: Machine, size: int, flags: int = p.FLAG_NON_PAGED) -> PoolBlock:
    address = value_of(machine, "ExAllocatePool2", flags, size, TAG)
    block = machine.pool.block_at(address)
    assert block is not None
    return block


def content(machine: Machine, block: PoolBlock) -> bytes:
    return machine._system.memory.read(block.address, block.size)


def free(machine: Machine, block: PoolBlock) -> None:
    assert machine.call("ExFreePoolWithTag", block.address, TAG) == Returned(0)


def bugcheck(machine: Machine, function: str, *arguments: int, irql: int = 0) -> tuple[int, tuple[int, ...]]:
    outcome = machine.call(function, *arguments, irql=irql)
    assert type(outcome) is Bugchecked, str(outcome)
    return outcome.code, outcome.parameters


@pytest.mark.parametrize("size", [1, 8, 15, 16, 17, 100, PAGE - 1])
def test_a_small_block_ends_where_its_page_does(machine: Machine, size: int) -> None:
    block = allocate(machine, size)
    assert block.address % 16 == 0
    assert 0 <= -(block.address + size) % PAGE < 16
    assert content(machine, block) == bytes(size)
    end = -(-(block.address + size) // PAGE) * PAGE
    outcome = machine.call("memset", block.address, 0x55, end + 1 - block.address)
    assert type(outcome) is Bugchecked
    assert outcome.code == BugCheck.PAGE_FAULT_IN_NONPAGED_AREA
    assert outcome.parameters[0] == end


@pytest.mark.parametrize("size", [PAGE, PAGE + 1, 3 * PAGE, 70_000])
def test_a_large_block_begins_with_its_page(machine: Machine, size: int) -> None:
    block = allocate(machine, size)
    assert block.address % PAGE == 0
    assert content(machine, block) == bytes(size)
    assert machine.call("memset", block.address, 0x55, size) == Returned(block.address)
    outcome = machine.call("memset", block.address - 1, 0x55, 1)
    assert type(outcome) is Bugchecked
    assert outcome.parameters[0] == block.address - 1


def test_cache_alignment(machine: Machine) -> None:
    assert allocate(machine, 100, p.FLAG_NON_PAGED | p.FLAG_CACHE_ALIGNED).address % 64 == 0
    address = value_of(machine, "ExAllocatePoolWithTag", 4, 100, TAG)  # NonPagedPoolCacheAligned
    assert address % 64 == 0


def test_no_bytes_have_an_address_of_their_own(machine: Machine) -> None:
    first, second = allocate(machine, 0), allocate(machine, 0)
    assert first.address != second.address
    assert machine.call("MmIsAddressValid", first.address) == Returned(0)
    free(machine, first)
    free(machine, second)


def test_what_a_block_holds_at_first(machine: Machine) -> None:
    uninitialized = bytes((UNINITIALIZED,)) * 40
    assert content(machine, allocate(machine, 40, p.FLAG_PAGED | p.FLAG_UNINITIALIZED)) == uninitialized
    for function, arguments in (("ExAllocatePool", (1, 40)), ("ExAllocatePoolWithTag", (NON_PAGED_POOL_NX, 40, TAG))):
        block = machine.pool.block_at(value_of(machine, function, *arguments))
        assert block is not None
        assert content(machine, block) == uninitialized
    block = machine.pool.block_at(value_of(machine, "ExAllocatePoolWithTag", PAGED_POOL | p.TYPE_ZERO, 40, TAG))
    assert block is not None
    assert content(machine, block) == bytes(40)


@pytest.mark.parametrize(
    ("function", "kind", "executable"),
    [
        ("ExAllocatePool2", p.FLAG_NON_PAGED, False),
        ("ExAllocatePool2", p.FLAG_NON_PAGED_EXECUTE, True),
        ("ExAllocatePool2", p.FLAG_PAGED, False),
        ("ExAllocatePoolWithTag", NON_PAGED_POOL, True),
        ("ExAllocatePoolWithTag", NON_PAGED_POOL_NX, False),
        ("ExAllocatePoolWithTag", PAGED_POOL, False),
    ],
)
def test_executability(machine: Machine, function: str, kind: int, executable: bool) -> None:
    address = value_of(machine, function, kind, 16, TAG)
    machine.call("memset", address, 0xC3, 16)  # ret
    outcome = machine.call(address)
    if executable:
        assert type(outcome) is Returned
    else:
        assert type(outcome) is Bugchecked
        assert outcome.code == BugCheck.ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY


@pytest.mark.parametrize(
    "flags",
    [
        0,
        p.FLAG_UNINITIALIZED,
        p.FLAG_PAGED | p.FLAG_NON_PAGED,
        p.FLAG_NON_PAGED | 0x800,
        p.FLAG_NON_PAGED | 0x8000_0000,
    ],
)
def test_flags_that_cannot_be(machine: Machine, flags: int) -> None:
    assert machine.call("ExAllocatePool2", flags, 16, TAG) == Returned(0)
    outcome = machine.call("ExAllocatePool2", flags | p.FLAG_RAISE_ON_FAILURE, 16, TAG)
    assert type(outcome) is Raised
    assert outcome.record.code == NtStatus.INVALID_PARAMETER
    assert machine.pool.outstanding == []


def test_optional_flags_are_ignored(machine: Machine) -> None:
    assert allocate(machine, 16, p.FLAG_NON_PAGED | 1 << 32 | 1 << 63)


@pytest.mark.parametrize("size", [1 << 30, 1 << 47, (1 << 64) - 1, (1 << 64) - PAGE])
def test_no_room(machine: Machine, size: int) -> None:
    for function, quiet, loud in (
        ("ExAllocatePool2", p.FLAG_PAGED, p.FLAG_PAGED | p.FLAG_RAISE_ON_FAILURE),
        ("ExAllocatePoolWithTag", PAGED_POOL, PAGED_POOL | p.TYPE_RAISE_IF_ALLOCATION_FAILURE),
        ("ExAllocatePoolWithQuotaTag", PAGED_POOL | p.TYPE_QUOTA_FAIL_INSTEAD_OF_RAISE, PAGED_POOL),
    ):
        assert machine.call(function, quiet, size, TAG) == Returned(0)
        outcome = machine.call(function, loud, size, TAG)
        assert type(outcome) is Raised
        assert outcome.record.code == NtStatus.INSUFFICIENT_RESOURCES
    assert machine.pool.outstanding == []


def test_a_use_after_free_is_a_bugcheck_that_says_so(machine: Machine) -> None:
    block = allocate(machine, 100)
    free(machine, block)
    assert content(machine, block) == bytes((FREED,)) * 100
    outcome = machine.call("memset", block.address + 10, 0, 1)
    assert type(outcome) is Bugchecked
    assert (outcome.code, outcome.parameters[0]) == (BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, block.address + 10)
    assert "byte 10 of a pool block of 100 bytes, tag 'Test', allocated from ntoskrnl!" in str(outcome)
    assert ", freed from ntoskrnl!" in str(outcome)


def test_an_overrun_says_so(machine: Machine) -> None:
    block = allocate(machine, 32)
    outcome = machine.call("memset", block.address, 0, 33)
    assert "1 past the end of a pool block of 32 bytes" in str(outcome)


def test_addresses_are_not_used_again_at_once(machine: Machine) -> None:
    seen = set()
    for _ in range(50):
        block = allocate(machine, 100)
        seen.add(block.address)
        free(machine, block)
    assert len(seen) == 50


@pytest.mark.parametrize("free_function", ["ExFreePool", "ExFreePoolWithTag", "ExFreePool2"])
def test_outstanding_is_what_leaks(machine: Machine, free_function: str) -> None:
    kept, freed = allocate(machine, 10), allocate(machine, 20)
    tag = 0 if free_function == "ExFreePool" else TAG
    assert machine.call(free_function, freed.address, tag, 0, 0) == Returned(0)
    assert machine.pool.outstanding == [kept]
    assert (kept.size, kept.tag) == (10, TAG)
    assert kept.caller == machine.resolve("KiGuardedCallReturned")


def test_events(machine: Machine) -> None:
    block = allocate(machine, 10)
    assert PoolAllocated(block.address, 10, TAG, block.caller) in machine.events
    free(machine, block)
    assert PoolFreed(block.address, block.caller) in machine.events


def test_extended_parameters_are_not_modelled(machine: Machine) -> None:
    outcome = machine.call("ExFreePool2", allocate(machine, 10).address, TAG, 0, 1)
    assert "not modelled: ExFreePool2: extended pool parameters" in str(outcome)


class TestBadCaller:
    """Bugcheck 0xC2."""

    def test_freed_twice(self, machine: Machine) -> None:
        block = allocate(machine, 100)
        free(machine, block)
        assert bugcheck(machine, "ExFreePoolWithTag", block.address, TAG) == (0xC2, (7, 0, TAG, block.address))

    def test_another_tag(self, machine: Machine) -> None:
        block = allocate(machine, 100)
        found = bugcheck(machine, "ExFreePoolWithTag", block.address, OTHER_TAG)
        assert found == (0xC2, (0xA, block.address, TAG, OTHER_TAG))

    @pytest.mark.parametrize("offset", [-16, 1, 16])
    def test_not_the_block_itself(self, machine: Machine, offset: int) -> None:
        address = allocate(machine, 100).address + offset
        assert bugcheck(machine, "ExFreePool", address) == (0xC2, (0x99, address, 0, 0))

    def test_other_kernel_memory(self, machine: Machine) -> None:
        address = machine.kernel.alloc(100).address
        assert bugcheck(machine, "ExFreePool", address) == (0xC2, (0x99, address, 0, 0))

    def test_a_user_address(self, machine: Machine) -> None:
        address = machine.user.alloc(100).address
        assert bugcheck(machine, "ExFreePool", address) == (0xC2, (0x40, address, 0, 0))

    def test_null(self, machine: Machine) -> None:
        assert bugcheck(machine, "ExFreePool", 0) == (0xC2, (0x46, 0, 0, 0))

    def test_no_tag(self, machine: Machine) -> None:
        caller = machine.resolve("KiGuardedCallReturned")
        assert bugcheck(machine, "ExAllocatePoolWithTag", PAGED_POOL, 10, 0) == (0xC2, (0x9B, 1, 10, caller))

    @pytest.mark.parametrize(
        ("flags", "irql", "fits"),
        [
            (p.FLAG_PAGED, 1, True),
            (p.FLAG_PAGED, 2, False),
            (p.FLAG_NON_PAGED, 2, True),
            (p.FLAG_NON_PAGED, 3, False),
        ],
    )
    def test_irql(self, machine: Machine, flags: int, irql: int, fits: bool) -> None:
        block = allocate(machine, 10, flags)
        outcome = machine.call("ExAllocatePool2", flags, 10, TAG, irql=irql)
        if fits:
            assert type(outcome) is Returned
            assert machine.call("ExFreePool", block.address, irql=irql) == Returned(0)
            return
        assert outcome == Bugchecked(0xC2, (8, irql, flags, 10))
        machine.reset()
        block = allocate(machine, 10, flags)
        assert bugcheck(machine, "ExFreePool", block.address, irql=irql) == (0xC2, (9, irql, flags, block.address))


class TestOverwritten:
    """Bugcheck 0xC1: bytes around a block on its own pages, found when it is freed."""

    @pytest.mark.parametrize("size", [1, 20, PAGE + 1])
    def test_behind_the_end(self, machine: Machine, size: int) -> None:
        block = allocate(machine, size)
        machine.call("memset", block.address + size + 2, 0, 3)
        found = bugcheck(machine, "ExFreePool", block.address)
        assert found == (0xC1, (block.address, block.address + size + 2, 0, 0x24))

    def test_before_the_block(self, machine: Machine) -> None:
        block = allocate(machine, 20)
        machine.call("memset", block.address - 1, 0, 1)
        found = bugcheck(machine, "ExFreePool", block.address)
        assert found == (0xC1, (block.address, block.address - 1, 0, 0x23))


class TestReset:
    """Pool goes back with everything else."""

    def test_blocks_after_boot_are_gone(self, machine: Machine) -> None:
        first = allocate(machine, 10)
        machine.reset()
        assert machine.pool.outstanding == []
        assert allocate(machine, 10).address == first.address

    def test_to_a_checkpoint(self) -> None:
        with Machine() as machine:
            kept, freed = allocate(machine, 10), allocate(machine, PAGE)
            gone = allocate(machine, 30)
            free(machine, gone)
            machine.call("memset", kept.address, 0x77, 10)
            machine.checkpoint()
            for _ in range(2):
                free(machine, kept)
                free(machine, freed)
                assert allocate(machine, 10).address not in (kept.address, freed.address, gone.address)
                machine.reset()
                assert machine.pool.outstanding == [kept, freed]
                assert content(machine, kept) == b"\x77" * 10
            found = bugcheck(machine, "ExFreePool", gone.address)
            assert found == (0xC2, (7, 0, TAG, gone.address))

    def test_after_a_bugcheck(self, machine: Machine) -> None:
        allocate(machine, 10)
        bugcheck(machine, "ExFreePool", 0)
        machine.reset()
        assert machine.pool.outstanding == []


def test_a_small_machine_uses_freed_pages_again() -> None:
    with Machine(ram_size=4 << 20) as machine:
        block = allocate(machine, 100 * PAGE)
        oldest = block.address
        for _ in range(20):
            free(machine, block)
            block = allocate(machine, 100 * PAGE)
            assert content(machine, block) == bytes(100 * PAGE)
        free(machine, block)
        addresses = {allocate(machine, 50 * PAGE).address for _ in range(3)}
        assert len(addresses) == 3
        assert oldest in addresses or machine.pool.freed_at(oldest)
        # What is used again is no longer known as freed.
        assert not any(machine.pool.freed_at(address) for address in addresses)


@pytest.mark.parametrize("target", ["msvc", "gnu"])
def test_in_c(machine: Machine, guest: Guest, target: str) -> None:
    module = machine.load(guest.build("sources/pool.c", target=target, optimize="2"))
    outcome = machine.call("duplicate", machine.kernel.alloc(b"hello\0"))
    assert type(outcome) is Returned
    (block,) = machine.pool.outstanding
    assert (block.address, block.size, block.tag) == (outcome.value, 6, TAG)
    assert content(machine, block) == b"hello\0"
    assert module.describe(block.caller).startswith("pool!duplicate")
    assert machine.call("release", block.address) == Returned(0)
    assert machine.pool.outstanding == []


def test_a_failure_is_caught_in_c(machine: Machine, guest: Guest) -> None:
    machine.load(guest.build("sources/pool.c"))
    assert machine.call("too_much") == Returned(NtStatus.INSUFFICIENT_RESOURCES)
