# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a copy's buffers lie in their pages, so that a page state strikes at the byte that a fault names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from emu.address import PAGE_SIZE
from emu.faults import BufferPlace, Fault
from emu.faults.fault import FLIP, PAGE_STATES

SOURCE: Final = "src"
TARGET: Final = "dst"
"""The buffers' names in faults."""

_NAMES: Final = {SOURCE: "source", TARGET: "target"}
_FAULTING: Final = ("unmapped", "none", "guard", "in-page-error")


def named_bytes(faults: Iterable[Fault], buffer: str) -> Iterator[tuple[Fault, int]]:
    """Return each fault that names a byte of a buffer, with the byte."""
    for fault in faults:
        if isinstance(fault.place, BufferPlace) and fault.place.buffer == buffer:
            yield fault, fault.place.offset


def flipped_bits(faults: Iterable[Fault], buffer: str) -> dict[int, int]:
    """Return the bytes of a buffer that faults flip bits of, and these bits."""
    flips: dict[int, int] = {}
    for fault, byte in named_bytes(faults, buffer):
        if fault.kind == FLIP:
            flips[byte] = flips.get(byte, 0) ^ (fault.argument or 0)
    return flips


def room_for(faults: Iterable[Fault], buffer: str, length: int) -> int:
    """Return how many bytes a buffer needs: one more where a fault names the byte behind its last one."""
    for fault in faults:
        place = fault.place
        if isinstance(place, BufferPlace) and place.offset == length and place.buffer == buffer:
            return length + 1
    return length


def boundary_offset(faults: Iterable[Fault], buffer: str) -> int:
    """Return the page offset at which the first byte of a buffer with a page state begins a page; 0 without one."""
    return next((-byte % PAGE_SIZE for fault, byte in named_bytes(faults, buffer) if fault.kind in PAGE_STATES), 0)


def describe_sharing(faults: Iterable[Fault], buffer: str, offset: int) -> Iterator[str]:
    """Say of each page state that is there from the start, and whose byte begins no page, which bytes share it.

    `offset` is the buffer's in its page.
    """
    name = f"the {_NAMES[buffer]}" if buffer in _NAMES else buffer
    states = [
        (fault, byte)
        for fault, byte in named_bytes(faults, buffer)
        if fault.kind in PAGE_STATES and fault.access is None and fault.insn is None
    ]
    for number, (fault, byte) in enumerate(states):
        first = max(byte - (offset + byte) % PAGE_SIZE, 0)
        if first == byte:
            continue
        several = first < byte - 1
        shared = f"bytes {first} to {byte - 1}" if several else f"byte {first}"
        plural = "" if several else "s"
        effect = f"fault{plural} first" if fault.kind in _FAULTING else f"get{plural} the same state"
        # Without an offset of its own the buffer was placed for the first fault.
        way_out = f"; leave out --{_NAMES[buffer]}-offset to put a page boundary there" if number == 0 else ""
        yield f"byte {byte} of {name} shares its page with {shared}, which {effect}{way_out}"
