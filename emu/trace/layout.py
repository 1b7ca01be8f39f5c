# SPDX-License-Identifier: GPL-2.0-or-later
"""The three tables of a trace, field by field."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final, get_args

import numpy as np

from emu import events as e


class InstructionFlag(IntFlag):
    """What `flags` of an instruction says."""

    TRAPPED = 1
    """It did not retire: it faulted, or the processor refused it. A retry is an instruction of its own."""
    REP = 2
    """One iteration of a string instruction with a `rep` prefix."""
    USER = 4
    """It ran at CPL 3."""


class AccessFlag(IntFlag):
    """What `flags` of an access says."""

    NOT_PERFORMED = 1
    """Its instruction trapped: what it read went nowhere, and what it would have written is not in memory."""
    USER = 2
    """It touched a user page."""


READ: Final = 0
WRITE: Final = 1

INSTRUCTION: Final = np.dtype(
    [
        ("rip", "<u8"),
        ("position", "<u8"),
        ("first_access", "<u8"),
        ("code", "<u4"),
        ("accesses", "<u2"),
        ("size", "u1"),
        ("flags", "u1"),
    ]
)
"""An executed instruction, 32 bytes. An iteration of a `rep` is an instruction of its own; a `rep` whose count is 0 is
one without accesses.

rip           guest-virtual address of its first byte
position      how many instructions the guest had executed since the trace began, those left out by a filter included
first_access  index into the accesses of the trace of its first one
code          index into `Trace.code`: its bytes, symbol and source line
accesses      how many accesses it made
size          its length in bytes
flags         `InstructionFlag`
"""

ACCESS: Final = np.dtype(
    {
        "names": ["instruction", "address", "low", "high", "size", "kind", "flags"],
        "formats": ["<u8", "<u8", "<u8", "<u8", "u1", "u1", "u1"],
        "offsets": [0, 8, 16, 24, 32, 33, 34],
        "itemsize": 40,
    }
)
"""A memory access, 40 bytes, in the order in which the processor made them.

instruction  index into the instructions of the trace
address      guest-virtual address of its first byte; the bytes are consecutive, across a page boundary too
low          the value read or written, little-endian: its first eight bytes
high         the bytes behind them, of a ten- or sixteen-byte access
size         1, 2, 4, 8, 10 or 16 bytes; an instruction that touches more (fxsave) makes several
kind         READ (0) or WRITE (1)
flags        `AccessFlag`
"""

EVENT: Final = np.dtype(
    [
        ("instruction", "<u8"),
        ("rip", "<u8"),
        ("address", "<u8"),
        ("value", "<u8"),
        ("call", "<u4"),
        ("kind", "u1"),
    ]
)
"""What happened between two instructions. `Trace.event(k)` has the event whole, `Trace.explain(k)` in words.

instruction  how many instructions of the trace came before it: it lies between instruction - 1 and instruction
rip          the code that it is about: where a trap was taken, a filter, an export's return address; 0 for none
address      the data or the frame that it is about: CR2, the establisher frame, a pool block; 0 for none
value        a number that goes with its kind: vector, exception code, a filter's answer (as 64-bit two's complement),
             a pool block's size, a bugcheck code; 0 for none
call         index into `Trace.calls`
kind         `EventKind`
"""

assert INSTRUCTION.itemsize == 32
assert ACCESS.itemsize == 40


class EventKind(IntEnum):
    """The name of an event's class in `emu.events`, as a number."""

    TrapTaken = 0
    PagedIn = 1
    StackGrown = 2
    ExceptionRaised = 3
    FrameSearched = 4
    FilterAnswered = 5
    FrameUnwound = 6
    FinallyRun = 7
    FramesConsolidated = 8
    Landed = 9
    ExecutionContinued = 10
    DispatchFailed = 11
    ExportCalled = 12
    DebugPrinted = 13
    PoolAllocated = 14
    PoolFreed = 15
    BugcheckRaised = 16
    FaultStruck = 17


EVENT_TYPES: Final[tuple[type, ...]] = get_args(e.Event)
"""The classes of `emu.events`, in the order of their kinds."""

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


def event_row(event: e.Event, instruction: int, call: int) -> tuple[int, int, int, int, int, int]:
    """Return an event as a row of `EVENT`."""
    rip, address, value = _event_numbers(event)
    kind = EVENT_TYPES.index(type(event))
    return instruction, rip & _MASK, address & _MASK, value & _MASK, call, kind


def _event_numbers(event: e.Event) -> tuple[int, int, int]:
    """Return rip, address and value of an event."""
    match event:
        case e.TrapTaken():
            return event.rip, event.address, event.vector
        case e.PagedIn(address, rip):
            return rip, address, 0
        case e.StackGrown(address, _):
            return 0, address, 0
        case e.ExceptionRaised():
            return event.address, event.information[1] if len(event.information) > 1 else 0, event.code
        case e.FrameSearched(pc, establisher, _) | e.FrameUnwound(pc, establisher, _):
            return pc, establisher, 0
        case e.FilterAnswered(establisher, function, answer):
            return function or 0, establisher, answer
        case e.FinallyRun(establisher, address):
            return address, establisher, 0
        case e.FramesConsolidated(callback, establisher):
            return callback, establisher, 0
        case e.Landed(address, establisher):
            return address, establisher, 0
        case e.ExecutionContinued(rip) | e.DispatchFailed(rip, _):
            return rip, 0, 0
        case e.ExportCalled(_, return_address):
            return return_address, 0, 0
        case e.DebugPrinted():
            return 0, 0, 0
        case e.PoolAllocated(address, size, _, caller):
            return caller, address, size
        case e.PoolFreed(address, caller):
            return caller, address, 0
        case e.BugcheckRaised(code, _):
            return 0, 0, code
        case e.FaultStruck(_, rip):
            return rip, 0, 0
