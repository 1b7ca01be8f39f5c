# SPDX-License-Identifier: GPL-2.0-or-later
"""The buffers of a test, and the rest of their pages, where nothing is to be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from emu.address import PAGE_SIZE, Gva
from emu.campaign.experiment.placement import boundary_offset
from emu.faults import Fault
from emu.machine import Machine
from emu.memory.buffer import Buffer
from emu.testing.assembly_file.content import resolve
from emu.testing.assembly_file.differences import describe_runs
from emu.testing.assembly_file.model import Allocate, Value

SURROUNDINGS: Final = (0x33, 0x55, 0x66, 0x99, 0xAA)
"""What the pages hold around the buffers, in their order: not poison, and not what is around the buffer before, so that
a byte too many that is copied from around one buffer is seen in another."""


class Surrounding(NamedTuple):
    """What a page holds before a buffer and behind it."""

    before: bytes
    behind: bytes


class BufferSet:
    """The buffers by their names."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.buffers: dict[str, Buffer] = {}

    def allocate(self, wanted: Allocate, faults: list[Fault], address_of: Callable[[Value], int]) -> None:
        """Allocate a buffer. Raises `OutOfMemory`."""
        content = resolve(wanted.content, self.contents(), address_of)
        offset = boundary_offset(faults, wanted.name) if wanted.offset is None else wanted.offset
        half = self._machine.user if wanted.half == "user" else self._machine.kernel
        around = bytes([SURROUNDINGS[len(self.buffers) % len(SURROUNDINGS)]])
        buffer = self.buffers[wanted.name] = half.alloc(content, offset=offset, name=wanted.name)
        begin, end = _pages(buffer)
        write = self._machine.system.memory.write
        write(begin, around * (buffer.address - begin))
        write(Gva(buffer.address + buffer.size), around * (end - buffer.address - buffer.size))

    def contents(self) -> dict[str, bytes]:
        """Return what the buffers hold."""
        return {name: buffer.read() for name, buffer in self.buffers.items()}

    def surroundings(self) -> dict[str, Surrounding]:
        """Return what is around the buffers."""
        read = self._machine.system.memory.read
        found = {}
        for name, buffer in self.buffers.items():
            begin, end = _pages(buffer)
            behind = Gva(buffer.address + buffer.size)
            found[name] = Surrounding(read(begin, buffer.address - begin), read(behind, end - behind))
        return found

    def written_outside(self, before: dict[str, Surrounding]) -> Iterator[str]:
        """Say which bytes around each buffer were written since."""
        for name, after in self.surroundings().items():
            size = self.buffers[name].size
            parts = (("before", -len(after.before)), ("behind", size))
            for (where, first), old, new in zip(parts, before[name], after, strict=True):
                changed = [first + at for at in range(len(new)) if new[at] != old[at]] if new != old else []
                if changed:
                    what = "byte" if len(changed) == 1 else "bytes"
                    yield f"{where} {name} ({size} bytes) it wrote {what} {', '.join(describe_runs(changed))}"


def _pages(buffer: Buffer) -> tuple[Gva, Gva]:
    """Return where the pages of a buffer begin and end."""
    begin = buffer.address & ~(PAGE_SIZE - 1)
    pages = max(1, -(-(buffer.address + buffer.size - begin) // PAGE_SIZE))
    return Gva(begin), Gva(begin + pages * PAGE_SIZE)
