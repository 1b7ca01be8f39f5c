# SPDX-License-Identifier: GPL-2.0-or-later
"""What a page fault in kernel code becomes: a page-in, an exception or a bugcheck.

The rules are those of Windows' MmAccessFault as far as they are documented (Microsoft Learn, bug check code reference
and "Handling exceptions"; OSR's analyses). A decision changes nothing: whoever takes it acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from emu.address import Gva
from emu.cpu.registers import FLAG_AC, FLAG_IF
from emu.cpu.trap import ERROR_FETCH, ERROR_PRESENT, ERROR_RESERVED_BIT, ERROR_WRITE, Trap
from emu.kernel.irql import DISPATCH_LEVEL, INTERRUPTS_DISABLED
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace
from emu.memory.errors import NotMapped
from emu.memory.layout import HIGHEST_USER_HALF
from emu.memory.page_table import PageState
from emu.nt.bugcheck import BugCheck
from emu.nt.status import NtStatus

TYPE_FREED: Final = 0
TYPE_NO_PAGE_TABLE: Final = 2
TYPE_USER_ACCESS_INCONSISTENT: Final = 0xF
SMEP_VIOLATION: Final = 0x8000_0000
RESERVED_BIT_SET: Final = 0x61941
READ_ONLY_SUBTYPE: Final = 0xA


@dataclass(frozen=True, slots=True)
class PageIn:
    """Bring the page back and retry the instruction."""


class RaiseException(NamedTuple):
    """Raise an exception at the instruction. `disarm` is set where the page was a guard page."""

    status: int
    information: tuple[int, ...]
    disarm: bool = False


class StopMachine(NamedTuple):
    """Bugcheck."""

    code: BugCheck
    parameters: tuple[int, int, int, int]


Decision: TypeAlias = PageIn | RaiseException | StopMachine

PAGE_IN: Final = PageIn()


class Circumstances(NamedTuple):
    """What the decision depends on besides the trap itself."""

    irql: int
    rflags: int
    smap: bool
    """CR4.SMAP is set."""
    in_driver: bool
    """The instruction lies in an image other than the kernel's."""


def operation(error_code: int) -> int:
    """Return ExceptionInformation[0]: 0 read, 1 write, 8 execute."""
    return 8 if error_code & ERROR_FETCH else 1 if error_code & ERROR_WRITE else 0


def decide(trap: Trap, memory: AddressSpace, now: Circumstances) -> Decision:
    """Decide what a page fault becomes."""
    address, error_code = trap.address, trap.error_code
    try:
        entry = memory.entry(address)
    except NotMapped:
        entry = 0
    if error_code & ERROR_RESERVED_BIT:
        return StopMachine(BugCheck.MEMORY_MANAGEMENT, (RESERVED_BIT_SET, address, error_code, 0))
    if error_code & ERROR_PRESENT:
        violation = _protection_violation(trap, entry, now)
        if violation is not None:
            return violation
    if now.irql >= DISPATCH_LEVEL or not now.rflags & FLAG_IF:
        level = now.irql if now.rflags & FLAG_IF else INTERRUPTS_DISABLED
        code = BugCheck.DRIVER_IRQL_NOT_LESS_OR_EQUAL if now.in_driver else BugCheck.IRQL_NOT_LESS_OR_EQUAL
        return StopMachine(code, (address, level, operation(error_code), trap.rip))
    state = pt.page_state(entry) if entry else PageState.UNMAPPED
    if state == PageState.PAGED_OUT:
        return PAGE_IN
    if address > HIGHEST_USER_HALF:
        return _kernel_address(trap, entry, state, memory)
    return _user_address(trap, state, memory)


def _protection_violation(trap: Trap, entry: int, now: Circumstances) -> Decision | None:
    """Decide where the page is present and no IRQL would make it another matter."""
    address, user_page = trap.address, bool(entry & pt.USER)
    if trap.error_code & ERROR_FETCH:
        return StopMachine(
            BugCheck.ATTEMPTED_EXECUTE_OF_NOEXECUTE_MEMORY,
            (address, entry, 0, SMEP_VIOLATION if user_page else 0),
        )
    if not user_page:
        return StopMachine(BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY, (address, entry, 0, READ_ONLY_SUBTYPE))
    if now.smap and not now.rflags & FLAG_AC:
        return StopMachine(
            BugCheck.PAGE_FAULT_IN_NONPAGED_AREA,
            (address, _bugcheck_operation(trap), trap.rip, TYPE_USER_ACCESS_INCONSISTENT),
        )
    return None


def _kernel_address(trap: Trap, entry: int, state: PageState, memory: AddressSpace) -> Decision:
    address = trap.address
    if state == PageState.IN_PAGE_ERROR:
        return StopMachine(
            BugCheck.KERNEL_DATA_INPAGE_ERROR,
            (memory.entry_address(address), memory.in_page_status(address), entry, address),
        )
    kind = TYPE_FREED if memory.has_leaf_table(address) else TYPE_NO_PAGE_TABLE
    return StopMachine(BugCheck.PAGE_FAULT_IN_NONPAGED_AREA, (address, _bugcheck_operation(trap), trap.rip, kind))


def _user_address(trap: Trap, state: PageState, memory: AddressSpace) -> Decision:
    information = (operation(trap.error_code), trap.address)
    if state == PageState.GUARD:
        return RaiseException(NtStatus.GUARD_PAGE_VIOLATION, information, disarm=True)
    if state == PageState.IN_PAGE_ERROR:
        status = memory.in_page_status(Gva(trap.address))
        return RaiseException(NtStatus.IN_PAGE_ERROR, (*information, status))
    return RaiseException(NtStatus.ACCESS_VIOLATION, information)


def _bugcheck_operation(trap: Trap) -> int:
    """Return P2 of bugcheck 0x50: the error code's W and I/D bits (its meaning differs between Windows builds)."""
    return trap.error_code & (ERROR_WRITE | ERROR_FETCH)
