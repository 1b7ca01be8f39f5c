# SPDX-License-Identifier: GPL-2.0-or-later
"""The buffers of a test and what is around them."""

from __future__ import annotations

import pytest

from emu import Machine
from emu.address import PAGE_SIZE, Gva
from emu.faults import parse_fault
from emu.testing.assembly_file.memory import SURROUNDINGS, BufferSet
from emu.testing.assembly_file.model import Allocate, Filled, HalfName, Literally, Number, Value


def address_of(value: Value) -> int:
    assert isinstance(value, Number)
    return value.value


def allocate(buffers: BufferSet, name: str, size: int, offset: int | None = 0, half: HalfName = "kernel") -> None:
    buffers.allocate(Allocate(half, name, (Filled("poison", size),), size, offset), [], address_of)


def test_content_and_place(machine: Machine) -> None:
    buffers = BufferSet(machine)
    faults = [
        parse_fault("flip=1@src+3"),
        parse_fault("none@dst+1"),
        parse_fault("none@src+2"),
        parse_fault("none@src+9"),
    ]
    buffers.allocate(Allocate("user", "src", (Literally(b"hello"),), 5, None), faults, address_of)
    buffers.allocate(Allocate("kernel", "dst", (Literally(b"x" * 5000),), 5000, 3), faults, address_of)
    source, target = buffers.buffers["src"], buffers.buffers["dst"]
    assert (source.name, source.address % PAGE_SIZE, target.address % PAGE_SIZE) == ("src", PAGE_SIZE - 2, 3)
    assert machine.user.buffers == [source]
    assert machine.kernel.buffers == [target]
    assert buffers.contents() == {"src": b"hello", "dst": b"x" * 5000}
    assert buffers.surroundings()["src"] == (bytes([SURROUNDINGS[0]]) * 4094, bytes([SURROUNDINGS[0]]) * 4093)
    assert buffers.surroundings()["dst"] == (bytes([SURROUNDINGS[1]]) * 3, bytes([SURROUNDINGS[1]]) * 3189)


@pytest.mark.parametrize("size", [0, 1, PAGE_SIZE - 7, PAGE_SIZE])
def test_what_is_written_around_is_told(machine: Machine, size: int) -> None:
    buffers = BufferSet(machine)
    allocate(buffers, "first", size, 7)
    allocate(buffers, "second", 8)
    before = buffers.surroundings()
    assert list(buffers.written_outside(before)) == []
    buffer = buffers.buffers["first"]
    machine.system.memory.write(Gva(buffer.address - 7), b"ab")
    machine.system.memory.write(Gva(buffer.address - 1), b"c")
    assert list(buffers.written_outside(before)) == [f"before first ({size} bytes) it wrote bytes -7 to -6, -1"]
    if size != PAGE_SIZE - 7:
        machine.system.memory.write(Gva(buffer.address + size), b"d")
        assert list(buffers.written_outside(before))[1:] == [f"behind first ({size} bytes) it wrote byte {size}"]


def test_surroundings_of_neighbours_differ() -> None:
    assert len(set(SURROUNDINGS)) == len(SURROUNDINGS)
    assert 0xCC not in SURROUNDINGS
