# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of exports from the host, and strings in guest memory for them."""

from emu import Machine, Returned
from emu.address import Gva
from emu.memory.buffer import Buffer

PAGE = 0x1000
MASK = 0xFFFF_FFFF_FFFF_FFFF


def value_of(machine: Machine, function: str, *arguments: int | Buffer, irql: int = 0) -> int:
    """Call an export that has to return, and return RAX."""
    outcome = machine.call(function, *arguments, irql=irql)
    assert type(outcome) is Returned, str(outcome)
    return outcome.value


def int_of(machine: Machine, function: str, *arguments: int | Buffer) -> int:
    """Call an export that returns an int, and return it with its sign."""
    value = value_of(machine, function, *arguments) & 0xFFFF_FFFF
    return value - (1 << 32) if value >> 31 else value


def at_page_end(machine: Machine, content: bytes) -> Buffer:
    """Put bytes right before an unmapped kernel page: one byte too many is a bugcheck."""
    return machine.kernel.alloc(content, offset=-len(content) % PAGE)


def ansi(text: str) -> bytes:
    """Return a zero-terminated string of bytes."""
    return text.encode("latin-1") + b"\0"


def wide(text: str) -> bytes:
    """Return a zero-terminated string of 16-bit units."""
    return text.encode("utf-16-le", "surrogatepass") + b"\0\0"


def counted(machine: Machine, content: bytes, maximum: int | None = None) -> Buffer:
    """Build a UNICODE_STRING or ANSI_STRING whose buffer has `maximum` bytes and ends before an unmapped page."""
    room = len(content) if maximum is None else maximum
    buffer = at_page_end(machine, content.ljust(room, b"\xcc"))
    return counted_at(machine, len(content), room, int(buffer))


def counted_at(machine: Machine, length: int, maximum: int, address: int) -> Buffer:
    """Build a UNICODE_STRING or ANSI_STRING."""
    return machine.kernel.alloc(
        length.to_bytes(2, "little") + maximum.to_bytes(2, "little") + bytes(4) + address.to_bytes(8, "little")
    )


def contents(string: Buffer) -> tuple[int, int, int]:
    """Return Length, MaximumLength and the buffer's address of a counted string."""
    data = string.read(16)
    return (
        int.from_bytes(data[:2], "little"),
        int.from_bytes(data[2:4], "little"),
        int.from_bytes(data[8:], "little"),
    )


def buffer_content(machine: Machine, string: Buffer) -> bytes:
    """Return all that the buffer of a counted string holds, what lies behind its length too."""
    _, maximum, buffer = contents(string)
    return machine._system.memory.read(Gva(buffer), maximum)
