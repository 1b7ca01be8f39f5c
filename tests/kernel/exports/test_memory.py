# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory routines against Python's own, and their faults to the byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from tests.kernel.exports.calls import PAGE, int_of, value_of

SIZE = 400
offsets = st.integers(0, 40)
lengths = st.integers(0, 300)
blocks = st.binary(min_size=SIZE, max_size=SIZE)

PERMIT = "skylake-server,smap=permit"
"""Kernel code may touch user pages, so that a fault there is an exception and not a bugcheck."""


@pytest.mark.parametrize("function", ["memcpy", "memmove", "RtlCopyMemory", "RtlMoveMemory"])
def test_copies_forth_and_back(lasting: Machine, function: str) -> None:
    block = lasting.kernel.alloc(SIZE)

    @settings(max_examples=60, deadline=None)
    @given(blocks, offsets, offsets, lengths)
    def overlapping(content: bytes, target: int, source: int, length: int) -> None:
        block.write(content)
        assert value_of(lasting, function, block.address + target, block.address + source, length) == (
            block.address + target
        )
        expected = bytearray(content)
        expected[target : target + length] = content[source : source + length]
        assert block.read() == bytes(expected)

    overlapping()


def test_fills(lasting: Machine) -> None:
    block = lasting.kernel.alloc(SIZE)

    @settings(max_examples=60, deadline=None)
    @given(blocks, offsets, lengths, st.integers(0, 255), st.sampled_from(["memset", "RtlFillMemory", "RtlZeroMemory"]))
    def fills(content: bytes, offset: int, length: int, value: int, function: str) -> None:
        block.write(content)
        at = block.address + offset
        if function == "memset":
            assert value_of(lasting, function, at, 0x100 | value, length) == at
        elif function == "RtlFillMemory":
            value_of(lasting, function, at, length, value)
        else:
            value = 0
            value_of(lasting, function, at, length)
        expected = content[:offset] + bytes((value,)) * length + content[offset + length :]
        assert block.read() == expected

    fills()


def test_compares(lasting: Machine) -> None:
    first, second = lasting.kernel.alloc(SIZE), lasting.kernel.alloc(SIZE)

    @settings(max_examples=100, deadline=None)
    @given(blocks, offsets, offsets, lengths, st.one_of(st.none(), st.tuples(st.integers(0, 299), st.integers(1, 255))))
    def compares(content: bytes, one: int, other: int, length: int, change: tuple[int, int] | None) -> None:
        data = bytearray(content[:length])
        first.write(bytes(data), one)
        if change is not None and change[0] < length:
            data[change[0]] ^= change[1]
        second.write(bytes(data), other)
        left, right = first.read(length, one), second.read(length, other)
        arguments = first.address + one, second.address + other, length
        assert int_of(lasting, "memcmp", *arguments) == (left > right) - (left < right)
        equal = next((index for index in range(length) if left[index] != right[index]), length)
        assert value_of(lasting, "RtlCompareMemory", *arguments) == equal

    compares()


def test_finds_a_byte(lasting: Machine) -> None:
    block = lasting.kernel.alloc(SIZE)

    @settings(max_examples=30, deadline=None)
    @given(st.binary(max_size=50), st.integers(0, 255))
    def finds(content: bytes, value: int) -> None:
        block.write(content)
        at = content.find(value)
        expected = block.address + at if at >= 0 else 0
        assert value_of(lasting, "memchr", block, 0x3300 | value, len(content)) == expected

    finds()


@pytest.mark.parametrize("machine", [PERMIT], indirect=True)
@pytest.mark.parametrize("target_offset", [0, 1, 4])
@pytest.mark.parametrize("before", [0, 1, 7, 8, 31, 33, 100])
def test_a_read_fault_is_at_its_byte_with_everything_before_it_copied(
    machine: Machine, before: int, target_offset: int
) -> None:
    data = bytes(range(1, 1 + before))
    source = machine.user.alloc(2 * PAGE)
    start = source.address + PAGE - before
    source.write(data, PAGE - before)
    machine.user.protect(source.address + PAGE, "none")
    target = machine.kernel.alloc(b"\xcc" * 300)
    outcome = machine.call("memcpy", target.address + target_offset, start, 200)
    assert type(outcome) is Raised
    assert outcome.record.code == NtStatus.ACCESS_VIOLATION
    assert outcome.record.information == (0, source.address + PAGE)
    assert machine.modules[0].describe(outcome.record.exception_address).startswith("ntoskrnl!memcpy+")
    assert target.read() == b"\xcc" * target_offset + data + b"\xcc" * (300 - target_offset - before)


@pytest.mark.parametrize("machine", [PERMIT], indirect=True)
@pytest.mark.parametrize("source_offset", [0, 3])
@pytest.mark.parametrize("before", [0, 1, 8, 41])
def test_a_write_fault_is_at_its_byte_too(machine: Machine, before: int, source_offset: int) -> None:
    data = bytes(index % 251 for index in range(300))
    source = machine.kernel.alloc(data)
    target = machine.user.alloc(b"\xcc" * (2 * PAGE))
    machine.user.protect(target.address + PAGE, "ro")
    at = target.address + PAGE - before
    outcome = machine.call("memcpy", at, source.address + source_offset, 200)
    assert type(outcome) is Raised
    assert outcome.record.information == (1, target.address + PAGE)
    assert target.read(before, PAGE - before) == data[source_offset : source_offset + before]
    assert target.read(offset=PAGE) == b"\xcc" * PAGE

    outcome = machine.call("memset", at, 0x11, 200)
    assert type(outcome) is Raised
    assert outcome.record.information == (1, target.address + PAGE)
    assert target.read(before, PAGE - before) == b"\x11" * before


@pytest.mark.parametrize("machine", [PERMIT], indirect=True)
def test_an_overlapping_move_goes_down_from_the_end(machine: Machine) -> None:
    block = machine.user.alloc(bytes(range(100)).ljust(2 * PAGE, b"\xee"))
    machine.user.protect(block.address + PAGE, "ro")
    # The destination's last 8 bytes lie on the read-only page: nothing else is written before them.
    outcome = machine.call("memmove", block.address + 8, block, PAGE)
    assert type(outcome) is Raised
    assert outcome.record.information == (1, block.address + PAGE)
    assert block.read(100) == bytes(range(100))


@pytest.mark.parametrize("machine", [PERMIT], indirect=True)
def test_a_page_that_is_paged_out_comes_back(machine: Machine) -> None:
    source = machine.user.alloc(b"ab" * PAGE)
    machine.user.page_out(source)
    target = machine.kernel.alloc(2 * PAGE)
    assert machine.call("memcpy", target, source, 2 * PAGE) == Returned(int(target))
    assert target.read() == source.read()


def test_no_window_is_opened_for_user_memory(machine: Machine) -> None:
    source, target = machine.user.alloc(b"user"), machine.kernel.alloc(4)
    outcome = machine.call("memcpy", target, source, 4)
    assert type(outcome) is Bugchecked
    assert (outcome.code, outcome.parameters[3]) == (0x50, 0xF)


@pytest.mark.parametrize("machine", [PERMIT], indirect=True)
@pytest.mark.parametrize("offset", [0, 1])
def test_a_comparison_reads_nothing_behind_the_first_difference(machine: Machine, offset: int) -> None:
    first = machine.kernel.alloc(b"a" * 64)
    second = machine.user.alloc(b"b" * (2 * PAGE))
    machine.user.protect(second.address + PAGE, "none")
    at = second.address + PAGE - 8
    assert machine.call("RtlCompareMemory", first.address + offset, at, 64) == Returned(0)
    second.write(b"a" * 8, PAGE - 8)
    outcome = machine.call("memcmp", first.address + offset, at, 64)
    assert type(outcome) is Raised
    assert outcome.record.information == (0, second.address + PAGE)


def test_a_megabyte_is_within_the_default_budget(machine: Machine) -> None:
    source, target = machine.kernel.alloc(1 << 20), machine.kernel.alloc((1 << 20) + 1)
    assert machine.call("memcpy", target, source, 1 << 20) == Returned(int(target))
    assert machine.call("memcpy", target.address + 1, source, 1 << 20) == Returned(target.address + 1)


def test_the_non_volatile_registers_are_kept(machine: Machine) -> None:
    block = machine.kernel.alloc(300)
    for call in (("memcpy", block, block.address + 5, 200), ("memset", block, 7, 200), ("memcmp", block, block, 200)):
        machine.call(*call)
        registers = machine.registers
        for number, name in ((3, "rbx"), (5, "rbp"), (6, "rsi"), (7, "rdi"), (12, "r12"), (15, "r15")):
            assert registers[name] == 0x5EED_0000_A5A5_A5A5 | number << 32
