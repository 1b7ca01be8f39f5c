# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces made by hand, for tests of what reads them: a loop that copies bytes, and a fault in it."""

from __future__ import annotations

from typing import Final

import numpy as np

from emu.address import Gva
from emu.events import Event, ExceptionRaised, PagedIn, TrapTaken
from emu.trace import (
    ACCESS,
    EVENT,
    INSTRUCTION,
    AccessFlag,
    Code,
    InstructionFlag,
    StoredSource,
    Trace,
    TracedBuffer,
    TracedCall,
    TracedModule,
)
from emu.trace.layout import event_row

BASE: Final = 0xFFFF_F800_0000_1000
SOURCE: Final = 0x1002_0000
TARGET: Final = 0xFFFF_A000_0003_0000

LOOP: Final = (
    b"\x0f\xb6\x02",  # movzx eax, byte ptr [rdx]
    b"\x88\x01",  # mov [rcx], al
    b"\x48\xff\xc2",  # inc rdx
    b"\x48\xff\xc1",  # inc rcx
    b"\x49\xff\xc8",  # dec r8
    b"\x75\xf0",  # jnz
)
RETURN: Final = b"\xc3"
STACK: Final = 0xFFFF_9000_0001_4F00


def loop_code(file: str = "copy.S") -> tuple[Code, ...]:
    """Return the code of the loop and of the `ret` behind it."""
    code, offset = [], 0
    for line, encoding in enumerate((*LOOP, RETURN), 10):
        code.append(Code(Gva(BASE + offset), encoding, "copy.sys", "byte_copy", offset, file, line))
        offset += len(encoding)
    return tuple(code)


def copied(content: bytes, *, fault_at: int | None = None, retried: bool = True, file: str = "copy.S") -> Trace:
    """Return the trace of a byte loop over `content`, a `ret` at its end.

    Where `fault_at` is given the load of that byte traps: it is retried after a page-in, or the trace ends there.
    """
    code = loop_code(file)
    instructions: list[tuple[int, ...]] = []
    accesses: list[tuple[int, ...]] = []
    happened: list[tuple[int, Event]] = []

    def run(number: int, *touched: tuple[int, int, int, int], flags: int = 0) -> None:
        index, entry = len(instructions), code[number]
        instructions.append((entry.rip, index, len(accesses), number, len(touched), len(entry.bytes), flags))
        for kind, address, value, size in touched:
            user = AccessFlag.USER if address < 1 << 47 else 0
            performed = AccessFlag.NOT_PERFORMED if flags & InstructionFlag.TRAPPED else 0
            accesses.append((index, address, value, 0, size, kind, user | performed))

    stopped = False
    for at, byte in enumerate(content):
        if at == fault_at:
            run(0, flags=InstructionFlag.TRAPPED)
            rip, address = code[0].rip, Gva(SOURCE + at)
            happened.append((len(instructions), TrapTaken(14, 0, address, rip, "paged-out" if retried else "none")))
            if not retried:
                happened.append((len(instructions), ExceptionRaised(0xC000_0005, rip, (0, address), False)))
                stopped = True
                break
            happened.append((len(instructions), PagedIn(address, rip)))
        run(0, (0, SOURCE + at, byte, 1))
        run(1, (1, TARGET + at, byte, 1))
        for number in range(2, 6):
            run(number)
    if not stopped:
        run(6, (0, STACK, BASE + 0x1000, 8))
    events = [event_row(event, instruction, 0) for instruction, event in happened]
    outcome = "Raised STATUS_ACCESS_VIOLATION" if stopped else "Returned 0x0"
    return Trace(
        StoredSource(
            np.array(instructions, INSTRUCTION),
            _accesses(accesses),
            np.array(events, EVENT),
            code=code,
            calls=(TracedCall("byte_copy", (TARGET, SOURCE, len(content)), outcome, 0, len(instructions)),),
            modules=(TracedModule("copy.sys", Gva(BASE - 0x1000), 0x3000, Gva(0)),),
            buffers=(
                TracedBuffer("source", Gva(SOURCE), max(len(content), 1), True),
                TracedBuffer("target", Gva(TARGET), max(len(content), 1), False),
            ),
            event_objects=tuple(event for _, event in happened),
            explanations=tuple(f"{type(event).__name__} made by hand" for _, event in happened),
        )
    )


def _accesses(rows: list[tuple[int, ...]]) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    table = np.zeros(len(rows), ACCESS)  # the padding is zero, too
    for number, row in enumerate(rows):
        table[number] = row
    return table
