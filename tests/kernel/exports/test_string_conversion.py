# SPDX-License-Identifier: GPL-2.0-or-later
"""ANSI and Unicode strings made of each other, and buffers that the kernel allocates for them."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised
from emu.events import PoolAllocated, PoolFreed
from emu.kernel.exports.string_allocation import TAG_STRING
from emu.memory.buffer import Buffer
from emu.nt.bugcheck import BugCheck
from tests.kernel.exports.calls import PAGE, at_page_end, contents, counted, counted_at, value_of

TO_UNICODE, TO_ANSI = "RtlAnsiStringToUnicodeString", "RtlUnicodeStringToAnsiString"


def units(text: str) -> bytes:
    return text.encode("utf-16-le")


def empty(machine: Machine, room: int) -> tuple[Buffer, Buffer]:
    buffer = at_page_end(machine, b"\xcc" * room)
    return counted_at(machine, 0, room, int(buffer)), buffer


def test_every_byte_is_the_character_of_its_number(machine: Machine) -> None:
    ansi = bytes(range(256))
    target, buffer = empty(machine, 514)
    assert value_of(machine, TO_UNICODE, target, counted(machine, ansi), 0) == 0
    assert contents(target)[:2] == (512, 514)
    assert buffer.read() == b"".join(byte.to_bytes(2, "little") for byte in ansi) + b"\0\0"
    back, narrow = empty(machine, 257)
    assert value_of(machine, TO_ANSI, back, target, 0) == 0
    assert contents(back)[:2] == (256, 257)
    assert narrow.read() == ansi + b"\0"


@pytest.mark.parametrize(("text", "ansi"), [("a\u20acb", b"a?b"), ("\U0001f600", b"??"), ("\u0141\u00ff", b"?\xff")])
def test_what_has_no_byte_is_a_question_mark(machine: Machine, text: str, ansi: bytes) -> None:
    target, buffer = empty(machine, len(ansi) + 1)
    assert value_of(machine, TO_ANSI, target, counted(machine, units(text)), 0) == 0
    assert buffer.read() == ansi + b"\0"


@pytest.mark.parametrize("room", [0, 1, 9, 10, 11])
def test_no_room_for_unicode(machine: Machine, room: int) -> None:
    target, buffer = empty(machine, room)
    assert value_of(machine, TO_UNICODE, target, counted(machine, b"hello"), 0) == NtStatus.BUFFER_OVERFLOW
    assert contents(target) == (10, room, buffer.address)
    assert buffer.read() == b"\xcc" * room


@pytest.mark.parametrize(("room", "written"), [(1, b"\0"), (3, b"he\0"), (5, b"hell\0")])
def test_no_room_for_ansi(machine: Machine, room: int, written: bytes) -> None:
    target, buffer = empty(machine, room)
    assert value_of(machine, TO_ANSI, target, counted(machine, units("hello")), 0) == NtStatus.BUFFER_OVERFLOW
    assert contents(target)[:2] == (room - 1, room)
    assert buffer.read() == written


def test_no_room_at_all_for_ansi(machine: Machine) -> None:
    target = counted_at(machine, 3, 0, 0)
    assert value_of(machine, TO_ANSI, target, counted(machine, units("hello")), 0) == NtStatus.BUFFER_OVERFLOW
    assert contents(target) == (3, 0, 0)


def test_a_unicode_string_has_a_longest(machine: Machine) -> None:
    target = counted_at(machine, 0, 0, 0)
    ansi = machine.kernel.alloc(b"a" * 0x7FFF)
    longest = counted_at(machine, 0x7FFE, 0x7FFE, int(ansi))
    assert value_of(machine, TO_UNICODE, target, longest, 1) == 0
    assert contents(target)[:2] == (0xFFFC, 0xFFFE)
    longer = counted_at(machine, 0x7FFF, 0x7FFF, int(ansi))
    assert value_of(machine, TO_UNICODE, target, longer, 1) == NtStatus.INVALID_PARAMETER_2


@pytest.mark.parametrize(
    ("function", "source", "content", "free"),
    [
        (TO_UNICODE, b"hi", b"h\0i\0\0\0", "RtlFreeUnicodeString"),
        (TO_ANSI, b"h\0i\0", b"hi\0", "RtlFreeAnsiString"),
        (TO_UNICODE, b"", b"\0\0", "RtlFreeUnicodeString"),
    ],
)
class TestAllocation:
    def test_the_block_is_paged_pool_of_the_kernels_tag(
        self, machine: Machine, function: str, source: bytes, content: bytes, free: str
    ) -> None:
        target = counted_at(machine, 0xAAAA, 0xBBBB, 0xCCCC)
        assert value_of(machine, function, target, counted(machine, source), 1) == 0
        (block,) = machine.pool.outstanding
        assert (block.size, block.tag, block.paged) == (len(content), TAG_STRING, True)
        assert block.caller == machine.resolve("KiGuardedCallReturned")
        assert contents(target) == (len(content) - (2 if function == TO_UNICODE else 1), len(content), block.address)
        assert machine._system.memory.read(block.address, block.size) == content
        assert PoolAllocated(block.address, block.size, block.tag, block.caller) in machine.events
        value_of(machine, free, target)
        assert machine.pool.outstanding == []
        assert contents(target) == (0, 0, 0)
        assert PoolFreed(block.address, block.caller) in machine.events

    def test_a_page_in_allocates_once(
        self, machine: Machine, function: str, source: bytes, content: bytes, free: str
    ) -> None:
        target, string = counted_at(machine, 0, 0, 0), counted(machine, source)
        for buffer in (target, string):
            machine.kernel.page_out(buffer)
        assert value_of(machine, function, target, string, 1) == 0
        assert len(machine.pool.outstanding) == 1
        machine.kernel.page_out(target)
        value_of(machine, free, target)
        assert machine.pool.outstanding == []

    def test_a_destination_that_cannot_be_written_leaks_nothing(
        self, machine: Machine, function: str, source: bytes, content: bytes, free: str
    ) -> None:
        target = counted_at(machine, 0, 0, 0)
        machine.kernel.protect(target, "ro")
        outcome = machine.call(function, target, counted(machine, source), 1)
        assert type(outcome) is Bugchecked
        assert (outcome.code, outcome.parameters[0]) == (
            BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY,
            target.address,
        )
        assert machine.pool.outstanding == []

    def test_above_apc_level(self, machine: Machine, function: str, source: bytes, content: bytes, free: str) -> None:
        target = counted_at(machine, 0, 0, 0)
        outcome = machine.call(function, target, counted(machine, source), 1, irql=2)
        assert type(outcome) is Bugchecked
        assert (outcome.code, outcome.parameters[:2]) == (BugCheck.BAD_POOL_CALLER, (8, 2))


def test_no_pool_is_left(machine: Machine) -> None:
    block = machine._system.pool
    while block.allocate(64 * PAGE, TAG_STRING, machine.resolve("memcpy"), pool_type=1, paged=True):
        pass
    while block.allocate(1, TAG_STRING, machine.resolve("memcpy"), pool_type=1, paged=True):
        pass
    target = counted_at(machine, 1, 2, 3)
    assert value_of(machine, TO_UNICODE, target, counted(machine, b"hi"), 1) == NtStatus.NO_MEMORY
    assert contents(target) == (1, 2, 3)


def test_freeing_nothing(machine: Machine) -> None:
    string = counted_at(machine, 2, 4, 0)
    value_of(machine, "RtlFreeUnicodeString", string)
    assert contents(string) == (2, 4, 0)


def test_freeing_what_is_no_block(machine: Machine) -> None:
    string = counted(machine, b"ab")
    outcome = machine.call("RtlFreeAnsiString", string)
    assert type(outcome) is Bugchecked
    assert (outcome.code, outcome.parameters[0]) == (BugCheck.BAD_POOL_CALLER, 0x99)


@pytest.mark.parametrize("machine", ["skylake-server,smap=permit"], indirect=True)
def test_a_fault_is_at_its_byte(machine: Machine) -> None:
    user = machine.user.alloc(b"\xcc" * (PAGE + 8))
    machine.user.protect(user.address + PAGE, "ro")
    target = counted_at(machine, 0, 64, user.address + PAGE - 4)
    outcome = machine.call(TO_UNICODE, target, counted(machine, b"hello"), 0)
    assert type(outcome) is Raised
    assert outcome.record.information == (1, user.address + PAGE)
    assert user.read(offset=PAGE - 5) == b"\xcch\0e\0" + b"\xcc" * 8
