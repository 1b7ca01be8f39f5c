# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces made for what is read as text: `rep`, loops in loops, a fault in mid-instruction, and made-up registers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from emu.address import Gva
from emu.events import DebugPrinted, Event, PagedIn, TrapTaken
from emu.trace import (
    ACCESS,
    EVENT,
    INSTRUCTION,
    READ,
    WRITE,
    AccessFlag,
    Chunk,
    Code,
    InstructionFlag,
    MachineState,
    StoredSource,
    Trace,
    TracedBuffer,
    TracedCall,
    TracedModule,
)
from emu.trace.layout import event_row
from emu.trace.source import Words
from emu.trace.trace import REGISTER_COLUMNS
from tests.trace.made import BASE, SOURCE, STACK, TARGET

USER_HALF: Final = 1 << 47


class Ran(NamedTuple):
    """An instruction that ran: which, its accesses as (kind, address, value, size), its flags, the events before it."""

    code: int
    accesses: tuple[tuple[int, int, int, int], ...] = ()
    flags: InstructionFlag = InstructionFlag(0)
    before: tuple[Event, ...] = ()


BUFFERS: Final = (
    TracedBuffer("source", Gva(SOURCE), 0x800, True),
    TracedBuffer("target", Gva(TARGET), 0x800, False),
)


def ran(
    encodings: Sequence[str],
    steps: Sequence[Ran],
    *,
    files: Sequence[tuple[str, int]] = (),
    calls: Sequence[TracedCall] | None = None,
    behind: tuple[Event, ...] = (),
) -> Trace:
    """Return the trace of steps through code that lies at BASE, one instruction behind the other.

    files   the source line of each instruction; none by default
    calls   one of all steps by default
    behind  the events at the end
    """
    code, offset = [], 0
    for number, encoding in enumerate(map(bytes.fromhex, encodings)):
        file, line = files[number] if files else ("", 0)
        code.append(Code(Gva(BASE + offset), encoding, "made", "routine", offset, file, line))
        offset += len(encoding)
    instructions: list[tuple[int, ...]] = []
    accesses: list[tuple[int, ...]] = []
    happened: list[tuple[int, Event]] = []
    for index, step in enumerate(steps):
        happened.extend((index, event) for event in step.before)
        entry = code[step.code]
        row = (entry.rip, index, len(accesses), step.code, len(step.accesses), len(entry.bytes), step.flags)
        instructions.append(row)
        for kind, address, value, size in step.accesses:
            flags = AccessFlag.USER if address < USER_HALF else AccessFlag(0)
            if step.flags & InstructionFlag.TRAPPED:
                flags |= AccessFlag.NOT_PERFORMED
            accesses.append((index, address, value & (1 << 64) - 1, value >> 64, size, kind, flags))
    happened.extend((len(steps), event) for event in behind)
    table = np.zeros(len(accesses), ACCESS)
    for at, access in enumerate(accesses):
        table[at] = access
    if calls is None:
        calls = (TracedCall("routine", (TARGET, SOURCE + 5, 0x10), "returned 0x0", 0, len(steps)),)
    return Trace(
        StoredSource(
            np.array(instructions, INSTRUCTION),
            table,
            np.array([event_row(event, instruction, 0) for instruction, event in happened], EVENT),
            code=code,
            calls=calls,
            modules=(TracedModule("made", Gva(BASE), 0x1000, Gva(BASE)),),
            buffers=BUFFERS,
            event_objects=[event for _, event in happened],
            explanations=[f"{type(event).__name__} in words" for _, event in happened],
        )
    )


MOVSB: Final = ("fc", "f3a4", "c3")
"""cld, rep movsb, ret"""

RET: Final = Ran(2, ((READ, STACK, BASE + 0x1000, 8),))


def rep_copied(count: int, *, fault_at: int | None = None) -> Trace:
    """Return the trace of a `rep movsb` of some bytes. The load of byte `fault_at` traps and is retried."""
    steps = [Ran(0)]
    before: tuple[Event, ...] = ()
    for at in range(count):
        if at == fault_at:
            steps.append(Ran(1, flags=InstructionFlag.REP | InstructionFlag.TRAPPED))
            address, rip = Gva(SOURCE + at), Gva(BASE + 1)
            before = TrapTaken(14, 0, address, rip, "paged-out"), PagedIn(address, rip)
        touched = ((READ, SOURCE + at, at & 0xFF, 1), (WRITE, TARGET + at, at & 0xFF, 1))
        steps.append(Ran(1, touched, InstructionFlag.REP, before))
        before = ()
    if not count:
        steps.append(Ran(1, flags=InstructionFlag.REP))
    files = (("rep.S", 7), ("rep.S", 8), ("rep.S", 9))
    return ran(MOVSB, [*steps, RET], files=files)


NESTED: Final = ("4d31c0", "420fb60402", "42880401", "49ffc0", "4983f806", "72ee", "48ffc9", "75e6", "c3")
"""An outer loop at instruction 0, an inner one at instruction 1 that copies a byte a round."""


def nested(outer: int, inner: Sequence[int]) -> Trace:
    """Return the trace of a loop whose n-th round has `inner[n % len(inner)]` rounds of an inner one."""
    steps: list[Ran] = []
    for turn in range(outer):
        steps.append(Ran(0))
        for at in range(inner[turn % len(inner)]):
            steps += [Ran(1, ((READ, SOURCE + at, 0x41, 1),)), Ran(2, ((WRITE, TARGET + at, 0x41, 1),))]
            steps += [Ran(3), Ran(4), Ran(5)]
        steps += [Ran(6), Ran(7)]
    return ran(NESTED, [*steps, Ran(8, ((READ, STACK, BASE + 0x1000, 8),))])


PUSH_MEMORY: Final = ("ff36", "90", "c3")
"""push qword ptr [rsi]; nop; ret"""


def pushed_in_vain() -> Trace:
    """Return the trace of a push whose store traps, after its load."""
    touched = ((READ, SOURCE, int.from_bytes(b"password", "little"), 8), (WRITE, STACK - 8, 0, 8))
    steps = [Ran(1), Ran(0, touched, InstructionFlag.TRAPPED)]
    return ran(PUSH_MEMORY, steps, behind=(DebugPrinted("x", 0, 0),))


class Registered(Trace):
    """A trace with made-up registers: few of them change at a step; rip is that of the instruction."""

    def __init__(self, whole: Trace, size: int, seed: int = 0) -> None:
        """`size` is how many instructions of it a chunk has."""
        super().__init__(whole._source)
        self._size = size
        random = np.random.default_rng(seed)
        changes = random.integers(0, 1 << 64, (len(whole) + 1, 18), np.uint64)
        changes[1:][random.random((len(whole), 18)) < 0.9] = 0
        self.rows: Words = np.bitwise_xor.accumulate(changes, axis=0)
        self.rows[:, 16] = [*whole.instructions["rip"].tolist(), 0xDEAD]

    def chunks(self, size: int = 0) -> Iterator[Chunk]:
        return super().chunks(self._size)

    def registers(self, begin: int = 0, end: int | None = None) -> Words:
        assert end is not None
        assert 0 <= begin < end < len(self.rows)
        return self.rows[begin:end]

    def state_at(self, index: int) -> MachineState:
        return _State(dict(zip(REGISTER_COLUMNS, self.rows[index].tolist(), strict=True)))


class _State(NamedTuple):
    registers: dict[str, int]

    def read(self, address: int, size: int) -> bytes:
        raise AssertionError((address, size))
