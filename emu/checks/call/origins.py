# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a value came from: back from a register, through registers and memory, to what it was made of.

Goes by data alone: that a value was compared with another one, or chosen by it, does not count. Looks at every
instruction of a call at once for each step back, and is for the few values that a check doubts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

import numpy as np

from emu.checks.call.columns import Accesses, Instructions, Numbers
from emu.checks.call.data_flow import REGISTERS, VECTORS, data_flow
from emu.checks.call.export_calls import ExportCallMade
from emu.checks.call.source import quadword
from emu.cpu import registers as r
from emu.trace.run_log import Run

STEPS: Final = 512
"""Back from a value at most; what lies farther back is not known."""
KERNEL_BEGIN: Final = 0xFFFF_8000_0000_0000
"""The first canonical address of the kernel's half (Intel SDM Vol. 1, 3.3.7.1)."""

_LOADED: Final = 8
_QUADWORD: Final = (1 << 64) - 1


class OriginKind(Enum):
    """What stands at the end of the way back."""

    USER_MEMORY = "user memory"
    KERNEL_MEMORY = "kernel memory"
    """That nothing in the call had written before."""
    ARGUMENT = "argument"
    """A register with which the call began."""
    HOST = "host"
    """The result of an export, or what a dispatch put into a register."""
    STACK_POINTER = "stack pointer"


class Origin(NamedTuple):
    """One of the things that a value was made of."""

    kind: OriginKind
    instruction: int
    """The one that read it, or before which it was there."""
    access: int | None
    """With which it was read, of memory."""
    register: int
    """In which it came, of an argument or from the host."""
    as_kernel_address: bool
    """Whether what was read there, or on the way from there, was a whole address of the kernel's half."""


class _Step(NamedTuple):
    """A register before an instruction, or (`access` is not None) what an access read."""

    instruction: int
    register: int
    access: int | None
    as_kernel_address: bool


class Origins:
    """The ways back in one call."""

    def __init__(
        self,
        instructions: Instructions,
        accesses: Accesses,
        runs: Sequence[Run],
        run_ends: Sequence[int],
        exports: Callable[[], Sequence[ExportCallMade]],
    ) -> None:
        """`run_ends` has the index behind the last instruction of each run."""
        self._instructions = instructions
        self._accesses = accesses
        self._runs = runs
        self._ends = run_ends
        self._exports = exports
        self._changes: dict[int, Numbers] = {}
        self._by_host: list[Numbers] | None = None

    def of_register(self, register: int, before: int) -> tuple[Origin, ...]:
        """Return what a register was made of, as it was before an instruction: each origin once."""
        found: dict[Origin, None] = {}
        waiting = [_Step(before, register, None, False)]
        known = set(waiting)
        while waiting and len(known) < STEPS:
            step = waiting.pop()
            for each in self._back(step) if step.access is None else self._back_from_memory(step):
                if isinstance(each, Origin):
                    found[each] = None
                elif each not in known:
                    known.add(each)
                    waiting.append(each)
        return tuple(found)

    def _back(self, step: _Step) -> list[_Step | Origin]:
        if step.register == r.RSP:
            return [Origin(OriginKind.STACK_POINTER, step.instruction, None, r.RSP, step.as_kernel_address)]
        changed, by_host = self._changing(step.register), self._set_by_host(step.register)
        at = int(changed.searchsorted(step.instruction)) - 1
        last = int(changed[at]) if at >= 0 else -1
        host = int(by_host.searchsorted(step.instruction, "right")) - 1
        if host >= 0 and int(by_host[host]) > last:
            begin = int(by_host[host])
            kind = OriginKind.HOST if begin > 0 else OriginKind.ARGUMENT
            return [Origin(kind, begin, None, step.register, step.as_kernel_address)]
        flow = data_flow(self._instructions.encoding(last))
        return self._sources(last, flow.into_registers, flow.memory_into_registers, step.as_kernel_address)

    def _sources(self, at: int, registers: Sequence[int], memory: bool, kernel: bool) -> list[_Step | Origin]:
        """Return what an instruction made its result of."""
        found: list[_Step | Origin] = [_Step(at, register, None, kernel) for register in registers]
        if memory:
            found += [_Step(at, -1, access, kernel) for access in self._made_by(at) if self._accesses.is_read[access]]
        return found

    def _made_by(self, instruction: int) -> range:
        first, behind = self._accesses.instruction.searchsorted([instruction, instruction + 1]).tolist()
        return range(first, behind)

    def _back_from_memory(self, step: _Step) -> list[_Step | Origin]:
        accesses, access = self._accesses, step.access
        assert access is not None
        size, address, value = int(accesses.size[access]), int(accesses.address[access]), accesses.value(access)
        kernel = step.as_kernel_address or any(
            value >> 64 * half & _QUADWORD >= KERNEL_BEGIN for half in range(size // _LOADED)
        )
        if accesses.is_user[access]:
            return [Origin(OriginKind.USER_MEMORY, step.instruction, access, -1, kernel)]
        writes = (accesses.touching(address, size)[:access] & accesses.is_write[:access]).nonzero()[0]
        wanted = set(range(address, address + size))
        found: list[_Step | Origin] = []
        for write in reversed(writes.tolist()):
            if not wanted:
                break
            begin, width = int(accesses.address[write]), int(accesses.size[write])
            bytes_of = wanted & set(range(begin, begin + width)) if accesses.performed[write] else set()
            if not bytes_of:
                continue
            wanted -= bytes_of
            written = accesses.value(write)
            if any(written >> 8 * (at - begin) & 0xFF != value >> 8 * (at - address) & 0xFF for at in bytes_of):
                found.append(Origin(OriginKind.HOST, step.instruction, access, -1, kernel))
                continue
            writer = int(accesses.instruction[write])
            flow = data_flow(self._instructions.encoding(writer))
            found += self._sources(writer, flow.into_memory, flow.memory_into_memory, kernel)
        if wanted:
            found.append(Origin(OriginKind.KERNEL_MEMORY, step.instruction, access, -1, kernel))
        return found

    def _changing(self, register: int) -> Numbers:
        """Return the instructions that change a register."""
        found = self._changes.get(register)
        if found is None:
            code = self._instructions.code
            ran = np.unique(code)
            first = {int(number): self._instructions.encoding(int(at)) for number, at in _firsts(code)}
            changing = [number for number in ran.tolist() if register in data_flow(first[number]).changes]
            found = self._changes[register] = (np.isin(code, changing) & ~self._instructions.trapped).nonzero()[0]
        return found

    def _set_by_host(self, register: int) -> Numbers:
        """Return the instructions before which the host had put something into a register, 0 among them."""
        if self._by_host is None:
            places: list[list[int]] = [[0] for _ in range(REGISTERS)]
            for before, after, at in zip(self._runs, self._runs[1:], self._ends, strict=False):
                unwinds = _value(before.end, r.RSP) != _value(after.begin, r.RSP)  # sets them all, to whatever
                for number in range(REGISTERS):
                    if unwinds or _value(before.end, number) != _value(after.begin, number):
                        places[number].append(at)
            for made in self._exports():
                places[r.RAX].append(made.instruction)
            self._by_host = [np.unique(np.array(each, np.int64)) for each in places]
        return self._by_host[register]


def _firsts(code: Any) -> list[tuple[int, int]]:
    numbers, at = np.unique(code, return_index=True)
    return list(zip(numbers.tolist(), at.tolist(), strict=True))


def _value(state: bytes, register: int) -> int | bytes:
    if register < VECTORS:
        return quadword(state, register)
    at = r.XMM_OFFSET + (register - VECTORS) * 16
    return state[at : at + 16]
