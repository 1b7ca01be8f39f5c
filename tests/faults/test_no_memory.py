# SPDX-License-Identifier: GPL-2.0-or-later
"""Allocations that fail: whichever export they come by, as it fails for want of memory."""

from __future__ import annotations

import pytest

from emu import Machine, NtStatus, Raised, Returned
from emu.events import FaultStruck, PoolAllocated
from emu.kernel.exports import pool as p
from emu.outcome import Outcome
from emu.testing.guest import Guest
from tests.kernel.exports.calls import contents, counted, counted_at

TAG = int.from_bytes(b"Test", "little")
NX, QUIET, LOUD = p.TYPE_NX, p.TYPE_QUOTA_FAIL_INSTEAD_OF_RAISE, p.TYPE_RAISE_IF_ALLOCATION_FAILURE
PAGED, RAISING = p.FLAG_PAGED, p.FLAG_RAISE_ON_FAILURE

NULL = [
    ("ExAllocatePool2", PAGED),
    ("ExAllocatePool2", p.FLAG_NON_PAGED | p.FLAG_UNINITIALIZED),
    ("ExAllocatePool", NX),
    ("ExAllocatePoolWithTag", p.TYPE_PAGED),
    ("ExAllocatePoolWithQuotaTag", NX | QUIET),
]
RAISES = [
    ("ExAllocatePool2", PAGED | RAISING),
    ("ExAllocatePool", NX | LOUD),
    ("ExAllocatePoolWithTag", p.TYPE_PAGED | LOUD),
    ("ExAllocatePoolWithQuotaTag", NX),
]
STRINGS = [
    ("RtlAnsiStringToUnicodeString", b"text"),
    ("RtlUnicodeStringToAnsiString", "text".encode("utf-16-le")),
    ("RtlUpcaseUnicodeString", "text".encode("utf-16-le")),
    ("RtlDowncaseUnicodeString", "text".encode("utf-16-le")),
]


def allocate(machine: Machine, size: int = 32, function: str = "ExAllocatePool2", kind: int = PAGED) -> Outcome:
    return machine.call(function, kind, size, TAG)


def struck(machine: Machine) -> list[str]:
    return [event.fault for event in machine.events if isinstance(event, FaultStruck)]


def test_every_export_that_allocates_is_here() -> None:
    named = {name for name, _ in (*NULL, *RAISES)}
    assert named == {name for name in p.EXPORTS if name.startswith("ExAllocate")}


@pytest.mark.parametrize(("function", "kind"), NULL)
def test_it_returns_null(machine: Machine, function: str, kind: int) -> None:
    machine.inject("no-memory@pool,access=1")
    assert allocate(machine, function=function, kind=kind) == Returned(0)
    assert struck(machine) == ["no-memory@pool,access=1"]
    assert machine.pool.outstanding == []
    assert not any(isinstance(event, PoolAllocated) for event in machine.events)
    assert allocate(machine, function=function, kind=kind) != Returned(0)
    assert len(machine.pool.outstanding) == 1


@pytest.mark.parametrize(("function", "kind"), RAISES)
def test_it_raises(machine: Machine, function: str, kind: int) -> None:
    machine.inject("no-memory@pool,access=1")
    outcome = allocate(machine, function=function, kind=kind)
    assert isinstance(outcome, Raised)
    assert outcome.record.code == NtStatus.INSUFFICIENT_RESOURCES
    assert struck(machine) == ["no-memory@pool,access=1"]
    assert isinstance(allocate(machine, function=function, kind=kind), Returned)


@pytest.mark.parametrize(("function", "content"), STRINGS)
def test_a_string_gets_no_buffer(machine: Machine, function: str, content: bytes) -> None:
    target, source = counted_at(machine, 0, 0, 0), counted(machine, content)
    before = contents(target)
    machine.inject("no-memory@pool,access=1")
    outcome = machine.call(function, target, source, 1)
    assert isinstance(outcome, Returned)
    assert outcome.value == NtStatus.NO_MEMORY
    assert contents(target) == before
    assert isinstance(machine.call(function, target, source, 1), Returned)
    assert len(machine.pool.outstanding) == 1


def failures(machine: Machine, fault: str, sizes: list[int]) -> list[int]:
    """Return the numbers, from 1, of the allocations that fail."""
    machine.inject(fault)
    return [number for number, size in enumerate(sizes, 1) if allocate(machine, size) == Returned(0)]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        (",access=3", [3]),
        (",access=7", []),
        (",times=2", [1, 2]),
        (",access=3,times=2", [3, 4]),
        (",access=5,times=9", [5, 6]),
        (",interval=2", [2, 4, 6]),
        (",interval=2,times=2", [2, 4]),
        (",fail-nth=4", [4]),
        (",space=100", [4, 5, 6]),
        (",space=64,interval=2", [4, 6]),
        (",probability=0", []),
        (",probability=100,times=3", [1, 2, 3]),
    ],
)
def test_which_allocations_fail(machine: Machine, conditions: str, expected: list[int]) -> None:
    assert failures(machine, f"no-memory@pool{conditions}", [32] * 6) == expected


def test_space_is_in_bytes_that_were_asked_for(machine: Machine) -> None:
    assert failures(machine, "no-memory@pool,space=5000", [4096, 1000, 1, 904, 1]) == [2, 4]
    assert [block.size for block in machine.pool.outstanding] == [4096, 1, 1]


def test_probability_is_the_same_every_time(machine: Machine) -> None:
    found = []
    for seed in (3, 3, 4):
        found.append(failures(machine, f"no-memory@pool,probability=40,seed={seed}", [16] * 40))
        machine.reset()
    assert found[0] == found[1] != found[2]


def test_several_faults_are_asked_each_for_itself(machine: Machine) -> None:
    machine.inject("no-memory@pool,access=2")
    assert failures(machine, "no-memory@pool,interval=3", [16] * 7) == [2, 3, 6]


ALLOCATING = """
    .intel_syntax noprefix
    .text
    .globl first_caller, second_caller
first_caller:
    sub rsp, 40
    call ExAllocatePool2
    add rsp, 40
    ret
second_caller:
    sub rsp, 40
    call ExAllocatePool2
    add rsp, 40
    ret
"""


@pytest.mark.parametrize(
    ("condition", "expected"), [("require", [False, True, False]), ("reject", [True, False, True])]
)
def test_the_function_that_allocates(machine: Machine, guest: Guest, condition: str, expected: list[bool]) -> None:
    machine.load(guest.build_text(ALLOCATING))
    machine.inject(f"no-memory@pool,{condition}=second_caller")
    callers = ("first_caller", "second_caller", "first_caller")
    assert [machine.call(caller, PAGED, 32, TAG) == Returned(0) for caller in callers] == expected


def test_where_it_struck_is_the_caller(machine: Machine, guest: Guest) -> None:
    module = machine.load(guest.build_text(ALLOCATING))
    machine.inject("no-memory@pool")
    machine.call("second_caller", PAGED, 32, TAG)
    rips = [event.rip for event in machine.events if isinstance(event, FaultStruck)]
    assert [module["second_caller"] < rip < module["second_caller"] + 16 for rip in rips] == [True]


def test_misuse_is_no_allocation(machine: Machine) -> None:
    machine.inject("no-memory@pool,access=2")
    assert machine.call("ExAllocatePool2", 0, 32, TAG) == Returned(0), "no kind of pool is named"
    assert allocate(machine) != Returned(0)
    assert allocate(machine) == Returned(0)


def test_reset_disarms(machine: Machine) -> None:
    machine.inject("no-memory@pool")
    machine.reset()
    assert allocate(machine) != Returned(0)
    assert struck(machine) == []


def test_a_trace_of_allocations_that_fail_runs_again(machine: Machine) -> None:
    machine.inject("no-memory@pool,interval=2")
    with machine.trace() as trace:
        for _ in range(4):
            machine.call("ExAllocatePoolWithQuotaTag", NX, 32, TAG)
    assert len(trace) > 0
    assert len(trace.calls) == 4
