# SPDX-License-Identifier: GPL-2.0-or-later
"""Goes through a call, instruction by instruction, with a shadow of every register and of kernel memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from emu.address import PAGE_SIZE, Gva
from emu.checks.call.blame import export_of_event
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.columns import USER_END
from emu.checks.call.data_flow import REGISTERS, VECTORS
from emu.checks.call.export_calls import ExportCallMade
from emu.checks.call.pool_lives import PoolLife
from emu.checks.information_leak.combinations import Shadow, move
from emu.checks.information_leak.host_writes import fill_of, writes_of
from emu.checks.information_leak.origins import LeakOrigin, OriginTable
from emu.checks.information_leak.shadow_memory import ShadowMemory
from emu.checks.information_leak.transfers import GENERAL_SIZE, MEMORY, VECTOR_SIZE, Place, Transfer, transfers
from emu.cpu import registers as r
from emu.memory.errors import NotMapped

_STACK_ROOM: Final = 1 << 20
_CLEAN: Final = tuple(bytes(size) for size in range(VECTOR_SIZE + 1))


class LeakedWrite(NamedTuple):
    """A write to user memory with bytes that nobody had initialised."""

    access: int
    shadow: Shadow


class ShadowRun:
    """One call's. `leaks` has what was found once `run` has returned."""

    def __init__(self, call: CheckedCall) -> None:
        self._call = call
        self.leaks: list[LeakedWrite] = []
        self._origins = OriginTable(call)
        self._at = 0
        self._steps: dict[int, tuple[tuple[Transfer, ...], int, bool]] = {}
        self._dirty = 0
        """The registers with uninitialised bytes, as bits."""
        runs = call.runs
        pointer = int.from_bytes(runs[0].begin[r.RSP * 8 : r.RSP * 8 + 8], "little")
        room = range(pointer - _STACK_ROOM, -(-pointer // PAGE_SIZE) * PAGE_SIZE)
        self._memory = ShadowMemory(room, self._read_page, self._name_origin)
        self._memory.stack_moves(pointer)
        self._registers = [_CLEAN[GENERAL_SIZE if number < VECTORS else VECTOR_SIZE] for number in range(REGISTERS)]
        accesses, instructions = call.accesses, call.instructions
        self._codes: list[int] = instructions.code.tolist()
        self._trapped: list[bool] = instructions.trapped.tolist()
        self._rows: list[int] = np.searchsorted(accesses.instruction, np.arange(len(instructions) + 1)).tolist()
        self._addresses: list[int] = accesses.address.tolist()
        self._sizes: list[int] = accesses.size.astype(np.int64).tolist()
        self._is_write: list[bool] = accesses.is_write.tolist()
        self._low: list[int] = accesses.table["low"].tolist()
        self._high: list[int] = accesses.table["high"].tolist()

    def origin(self, number: int) -> LeakOrigin:
        """Return the origin that a number in a shadow stands for."""
        return self._origins[number]

    def _name_origin(self, address: int) -> int:
        return self._origins.number_of(address, self._at)

    def _read_page(self, address: int) -> bytes | None:
        try:
            return self._call.state_at(0).read(Gva(address), PAGE_SIZE)
        except NotMapped:
            return None

    def run(self) -> None:
        """Go through the call."""
        call = self._call
        happenings = sorted(self._happenings(), key=lambda each: each[0])
        at = 0
        for place, happens in happenings:
            if place > at:
                self._go(at, place)
                at = place
            self._at = place
            happens()
        self._go(at, len(call.instructions))

    def _happenings(self) -> Iterator[tuple[int, Callable[[], None]]]:
        """Give what the host did, with the number of instructions before it."""
        call = self._call
        for life in call.pool_lives:
            if life.allocated is not None:
                yield life.begin, self._allocation(life)
                if life.end is not None:
                    block = life.block
                    yield life.end, lambda block=block: self._memory.initialize(block.address, block.size)  # type: ignore[misc]
        for before, after, place in zip(call.runs, call.runs[1:], call.run_ends, strict=False):
            yield place, lambda before=before.end, after=after.begin: self._host_was_here(before, after)  # type: ignore[misc]
        for made in call.export_calls:
            yield made.instruction, lambda made=made: self._export_returns(made)  # type: ignore[misc]

    def _allocation(self, life: PoolLife) -> Callable[[], None]:
        made = export_of_event(self._call, life.allocated)
        fill = None if made is None else fill_of(made)

        def allocate() -> None:
            if fill is not None:
                self._memory.allocate(life.block.address, life.block.size, fill)

        return allocate

    def _host_was_here(self, before: bytes, after: bytes) -> None:
        """Take over what it put into registers. Where it moved RSP down, it wrote the frames between."""
        for number in range(REGISTERS):
            size = GENERAL_SIZE if number < VECTORS else VECTOR_SIZE
            at = number * 8 if number < VECTORS else r.XMM_OFFSET + (number - VECTORS) * 16
            if before[at : at + size] != after[at : at + size]:
                self._set(number, _CLEAN[size])
        old, new = (int.from_bytes(state[r.RSP * 8 : r.RSP * 8 + 8], "little") for state in (before, after))
        if new < old:
            self._memory.initialize(new, old - new)
        elif new > old:
            self._memory.stack_moves(new)

    def _export_returns(self, made: ExportCallMade) -> None:
        self._set(r.RAX, _CLEAN[GENERAL_SIZE])
        pages = list(self._memory.known)
        for begin, size in writes_of(made, self._call, pages):
            self._memory.initialize(begin, size)

    def _go(self, begin: int, end: int) -> None:
        """Go through instructions between which the host did nothing.

        While every register is clean, only those matter that touch a page with a shadow.
        """
        memory, index = self._memory, begin
        while index < end:
            version, wanted = memory.version, self._touching(index, end)
            at = 0
            while index < end and memory.version == version:
                if not self._dirty:
                    while wanted[at] < index:
                        at += 1
                    index = wanted[at]
                    if index == end:
                        break
                self._step(index)
                index += 1

    def _touching(self, begin: int, end: int) -> list[int]:
        """Return the instructions that touch pages with a shadow, ascending, and the end."""
        accesses = self._call.accesses
        first, behind = self._rows[begin], self._rows[end]
        touches = self._memory.may_have(accesses.address[first:behind], accesses.last[first:behind])
        found: list[int] = np.unique(accesses.instruction[first:behind][touches]).tolist()
        return [*found, end]

    def _step(self, index: int) -> None:
        number, row, behind = self._codes[index], self._rows[index], self._rows[index + 1]
        if self._trapped[index]:
            return
        known = self._steps.get(number)
        if known is None:
            known = self._steps[number] = self._learn(index, number)
        steps, registers, is_return = known
        self._at = index
        if is_return and behind > row:
            self._memory.stack_moves(self._addresses[row] + GENERAL_SIZE)
        elif not registers & self._dirty and self._reads_clean(row, behind):
            self._writes_clean(row, behind)
        elif not (len(steps) == 1 and steps[0].combine is move and self._moves(steps[0], row, behind)):
            self._transfer(steps, row, behind)

    def _learn(self, index: int, number: int) -> tuple[tuple[Transfer, ...], int, bool]:
        """Return what code does, the registers of it as bits, and whether it returns."""
        steps = transfers(self._call.instructions.encoding(index))
        places = (place for step in steps for place in (step.target, *step.sources) if place.register != MEMORY)
        bits = 0
        for place in places:
            bits |= 1 << place.register
        return steps, bits, bool(self._call.instructions.kind_of_code(number) & CodeKind.RETURN)

    def _reads_clean(self, rows: int, behind: int) -> bool:
        for row in range(rows, behind):
            if not self._is_write[row] and self._addresses[row] >= USER_END:
                shadow = self._load(row)
                if shadow != _CLEAN[len(shadow)]:
                    return False
        return True

    def _load(self, row: int) -> Shadow:
        value = self._low[row] | self._high[row] << 64
        return self._memory.load(self._addresses[row], self._sizes[row], value)

    def _set(self, register: int, shadow: Shadow) -> None:
        self._registers[register] = shadow
        if any(shadow):
            self._dirty |= 1 << register
        else:
            self._dirty &= ~(1 << register)

    def _moves(self, step: Transfer, rows: int, behind: int) -> bool:
        """Do a move between a whole register and memory the short way; tell whether it was one."""
        target, source = step.target, step.sources[0]
        registers = self._registers
        if behind - rows != 1:
            return False
        if source.register == MEMORY:
            if target.size < GENERAL_SIZE or target.offset:
                return False
            address = self._addresses[rows]
            found = _CLEAN[target.size] if address < USER_END else self._load(rows)
            if len(registers[target.register]) != target.size or len(found) != target.size:
                return False
            self._set(target.register, found)
            return True
        if target.register != MEMORY:
            return False
        self._store(rows, registers[source.register][source.offset : source.offset + source.size])
        return True

    def _store(self, row: int, shadow: Shadow) -> None:
        address, size = self._addresses[row], self._sizes[row]
        if len(shadow) != size:
            shadow = (shadow + bytes(size))[:size]
        if address < USER_END:
            if any(shadow):
                self.leaks.append(LeakedWrite(row, shadow))
        else:
            self._memory.store(address, shadow, self._low[row] | self._high[row] << 64)

    def _writes_clean(self, rows: int, behind: int) -> None:
        for row in range(rows, behind):
            address = self._addresses[row]
            if self._is_write[row] and address >= USER_END:
                self._memory.store(address, _CLEAN[self._sizes[row]], self._low[row] | self._high[row] << 64)

    def _transfer(self, steps: tuple[Transfer, ...], rows: int, behind: int) -> None:
        read = next((row for row in range(rows, behind) if not self._is_write[row]), None)
        written = next((row for row in range(rows, behind) if self._is_write[row]), None)
        found = [step.combine(*(self._read(place, read) for place in step.sources)) for step in steps]
        for step, shadow in zip(steps, found, strict=True):
            self._write(step.target, shadow, written)

    def _read(self, place: Place, row: int | None) -> Shadow:
        if place.register != MEMORY:
            return self._registers[place.register][place.offset : place.offset + place.size]
        if row is None or self._addresses[row] < USER_END:
            return _CLEAN[place.size]
        size = self._sizes[row]
        shadow = self._load(row)
        return shadow if size == place.size else (shadow + bytes(place.size))[: place.size]

    def _write(self, place: Place, shadow: Shadow, row: int | None) -> None:
        if place.register == MEMORY:
            if row is not None:
                self._store(row, shadow)
            return
        old, end = self._registers[place.register], place.offset + place.size
        if place.register < VECTORS and place.size == 4:
            self._set(place.register, shadow + bytes(4))
        else:
            self._set(place.register, old[: place.offset] + shadow + old[end:])
