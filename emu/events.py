# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens while guest code runs, in order: the stream that displays, traces and checks read.

An event is a tuple with a name. Addresses are guest-virtual.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from emu.address import Gva


class TrapTaken(NamedTuple):
    """The processor stopped at an exception; `address` is CR2 of a page fault, `page` the state of its page."""

    vector: int
    error_code: int
    address: Gva
    rip: Gva
    page: str


class PagedIn(NamedTuple):
    """A page came back, and the instruction is retried."""

    address: Gva
    rip: Gva


class StackGrown(NamedTuple):
    """The user stack's guard page was touched and committed; the guard moved down."""

    address: Gva
    guard: Gva


class ExceptionRaised(NamedTuple):
    """A dispatch begins. `software` tells RtlRaiseException from a trap."""

    code: int
    address: Gva
    information: tuple[int, ...]
    software: bool


class FrameSearched(NamedTuple):
    """The search phase looked at a frame; `handler` is its language handler, if it has one there."""

    pc: Gva
    establisher: Gva
    handler: Gva | None


class FilterAnswered(NamedTuple):
    """A filter gave its answer; `filter` is None for a constant one."""

    establisher: Gva
    filter: Gva | None
    answer: int


class FrameUnwound(NamedTuple):
    """The unwind phase passed a frame, or reached its target."""

    pc: Gva
    establisher: Gva
    handler: Gva | None


class FinallyRun(NamedTuple):
    """A `__finally` block is called with AbnormalTermination true."""

    establisher: Gva
    address: Gva


class FramesConsolidated(NamedTuple):
    """An unwind of STATUS_UNWIND_CONSOLIDATE has reached its target: its callback is asked where to go on."""

    callback: Gva
    establisher: Gva


class Landed(NamedTuple):
    """An unwind ended: execution goes on in an `__except` block."""

    address: Gva
    establisher: Gva


class ExecutionContinued(NamedTuple):
    """A filter answered EXCEPTION_CONTINUE_EXECUTION: execution goes on from the context, as changed."""

    rip: Gva


class DispatchFailed(NamedTuple):
    """The search cannot go on: the stack or a function table is broken."""

    pc: Gva
    reason: str


class ExportCalled(NamedTuple):
    """Guest code called an export of the kernel."""

    name: str
    return_address: Gva


class DebugPrinted(NamedTuple):
    """DbgPrint or one of its relatives printed; component and level are those of DbgPrintEx."""

    text: str
    component: int
    level: int


class PoolAllocated(NamedTuple):
    """A pool block was allocated; `caller` is the return address of the call."""

    address: Gva
    size: int
    tag: int
    caller: Gva


class PoolFreed(NamedTuple):
    """A pool block was freed."""

    address: Gva
    caller: Gva


class BugcheckRaised(NamedTuple):
    """The machine stopped."""

    code: int
    parameters: tuple[int, int, int, int]


class FaultStruck(NamedTuple):
    """An injected fault that had waited happened: its text form, and the instruction before which it did."""

    fault: str
    rip: Gva


Event: TypeAlias = (
    TrapTaken
    | PagedIn
    | StackGrown
    | ExceptionRaised
    | FrameSearched
    | FilterAnswered
    | FrameUnwound
    | FinallyRun
    | FramesConsolidated
    | Landed
    | ExecutionContinued
    | DispatchFailed
    | ExportCalled
    | DebugPrinted
    | PoolAllocated
    | PoolFreed
    | BugcheckRaised
    | FaultStruck
)
