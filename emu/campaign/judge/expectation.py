# SPDX-License-Identifier: GPL-2.0-or-later
"""How a copy from user memory may end, given its faults: the contract's answer, which knows nothing of what happened.

The contract copies upwards. A byte is read before it is written, and fewer than `STEP` bytes before the one at which
the copy ends may be missing; so of several faults the first one ends it, or one less than a step behind it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from emu.address import PAGE_SIZE
from emu.campaign.experiment.placement import SOURCE, TARGET
from emu.campaign.plan.case import CopyCase
from emu.faults import BufferPlace, Fault
from emu.faults.fault import FLIP, IRQL, NO_MEMORY, PAGE_STATES, SKIP
from emu.faults.schedule import Schedule
from emu.kernel.irql import DISPATCH_LEVEL
from emu.memory.layout import USER_PROBE_ADDRESS
from emu.nt.bugcheck import BugCheck
from emu.nt.status import NtStatus

STEP: Final = 64
"""A wide step loads so many bytes before it stores the first."""

RAISED_AT_SOURCE: Final = {
    "unmapped": (NtStatus.ACCESS_VIOLATION,),
    "none": (NtStatus.ACCESS_VIOLATION,),
    "guard": (NtStatus.GUARD_PAGE_VIOLATION,),
    "in-page-error": (NtStatus.IN_PAGE_ERROR,),
}
"""What a read of a user page in a state raises; every other state lets it through."""

STOPPED_AT_TARGET: Final = {
    "unmapped": (BugCheck.PAGE_FAULT_IN_NONPAGED_AREA,),
    "none": (BugCheck.PAGE_FAULT_IN_NONPAGED_AREA,),
    "guard": (BugCheck.PAGE_FAULT_IN_NONPAGED_AREA,),
    "in-page-error": (BugCheck.KERNEL_DATA_INPAGE_ERROR,),
    "ro": (BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY,),
    "rx": (BugCheck.ATTEMPTED_WRITE_TO_READONLY_MEMORY,),
}
"""The bugchecks of a write to a kernel page in a state; every other state lets it through."""

ABSENT: Final = frozenset(("unmapped", "none", "guard", "in-page-error", "paged-out"))
"""States of a page that is not there: what DISPATCH_LEVEL and above does not allow."""
IRQL_TOO_HIGH: Final = (BugCheck.DRIVER_IRQL_NOT_LESS_OR_EQUAL, BugCheck.IRQL_NOT_LESS_OR_EQUAL)
"""The first where the instruction lies in an image, the second where it lies in the kernel."""


class Ending(NamedTuple):
    """A byte at which a copy may end by an exception or a bugcheck."""

    buffer: str
    first: int
    """The lowest byte that may be reported; that of a wide access which holds the one that is named."""
    byte: int
    """The byte itself, and the highest that may be reported."""
    codes: tuple[int, ...]
    """The NTSTATUS, or the bugcheck codes."""
    stops: bool
    """It is a bugcheck."""
    certain: bool
    """No copy that the contract allows gets past it."""
    fault: Fault | None = None
    """None: the range check."""


class Expectation(NamedTuple):
    """How a copy may end."""

    endings: tuple[Ending, ...] = ()
    completes: bool = True
    """It may return, every byte landed."""
    limit: int | None = None
    """The first byte that cannot land."""
    plain: bool = True
    """Every fault is a page state of the source or the target."""
    irqls: tuple[int, ...] = ()
    """Levels that it may leave besides the one it was called at."""
    upset: bool = False
    """What the processor executes was tampered with: no contract says what comes of it."""


WITHOUT_FAULT: Final = Expectation()

_UNSCHEDULED: Final = Schedule()


def expect(case: CopyCase, source_address: int) -> Expectation:
    """Return how a case may end."""
    length = case.length
    if length and source_address + length > USER_PROBE_ADDRESS:
        first = max(USER_PROBE_ADDRESS - source_address, 0)
        return Expectation(
            (Ending(SOURCE, first, first, (NtStatus.ACCESS_VIOLATION,), stops=False, certain=True),), False, 0
        )
    faults = case.faults
    if not faults:
        return WITHOUT_FAULT
    if len(faults) == 1:
        fault = faults[0]
        endings = _endings(fault, case)
        if endings:
            ending = endings[0]
            return Expectation(endings, not ending.certain, ending.byte if ending.certain else None)
        if _is_page_state_of_buffer(fault):
            return WITHOUT_FAULT
    return _expect_together(case)


def _expect_together(case: CopyCase) -> Expectation:
    """Return how a case may end whose faults meet each other, or the processor."""
    faults = case.faults
    irqls = tuple(fault.argument for fault in faults if fault.kind == IRQL and fault.argument is not None)
    endings = [ending for fault in faults for ending in _endings(fault, case)]
    if max(irqls, default=case.irql) >= DISPATCH_LEVEL > case.irql:
        raised = case._replace(irql=max(irqls))
        endings += [ending for fault in faults for ending in _endings(fault, raised)]
        endings = [_uncertain(ending, case) for ending in endings]
    endings = _overridden(endings, case)
    certain = [ending for ending in endings if ending.certain]
    return Expectation(
        tuple(ending for ending in endings if all(_may_precede(ending, other) for other in certain)),
        not certain,
        min((ending.byte for ending in certain), default=None),
        all(map(_is_page_state_of_buffer, faults)),
        irqls,
        any(map(_is_upset, faults)),
    )


def _is_at_buffer(fault: Fault) -> bool:
    place = fault.place
    return isinstance(place, BufferPlace) and place.buffer in (SOURCE, TARGET)


def _is_page_state_of_buffer(fault: Fault) -> bool:
    return fault.kind in PAGE_STATES and _is_at_buffer(fault)


def _is_upset(fault: Fault) -> bool:
    """Tell whether a fault is one of the processor, of what it executes, or of what no copy needs."""
    return fault.kind in (SKIP, NO_MEMORY) or (fault.kind in (FLIP, *PAGE_STATES) and not _is_at_buffer(fault))


def is_scheduled(fault: Fault) -> bool:
    """Tell whether chance or a count decides when a fault strikes."""
    return fault.schedule is not _UNSCHEDULED and fault.schedule != _UNSCHEDULED


def _endings(fault: Fault, case: CopyCase) -> tuple[Ending, ...]:
    """Return where one fault may end the copy, if it may."""
    place = fault.place
    if type(place) is not BufferPlace:
        return ()
    buffer, byte = place.buffer, place.offset
    at_source = buffer == SOURCE
    if not at_source and buffer != TARGET:
        return ()
    if case.irql >= DISPATCH_LEVEL and fault.kind in ABSENT:
        codes: tuple[int, ...] | None = IRQL_TOO_HIGH
        stops = True
    else:
        codes = (RAISED_AT_SOURCE if at_source else STOPPED_AT_TARGET).get(fault.kind)
        stops = not at_source
    if codes is None:
        return ()
    page = byte - ((case.source_offset if at_source else case.target_offset) + byte) % PAGE_SIZE
    access = fault.access
    if access is not None and byte >= case.length:
        return ()
    if fault.insn is not None or is_scheduled(fault):
        first, byte = max(page, 0), min(page + PAGE_SIZE, case.length) - 1
        certain = False
    elif access is None:
        byte = first = page if page > 0 else 0
        certain = True
    elif access == 1:
        first = max(byte - STEP + 1, page, 0)
        certain = True
    else:
        first, byte = max(page, 0), min(page + PAGE_SIZE, case.length) - 1
        certain = False
    if first >= case.length:
        return ()
    return (Ending(buffer, first, byte, codes, stops, certain, fault),)


def _may_precede(ending: Ending, other: Ending) -> bool:
    """Tell whether the copy may end at one byte although another is in its way, too."""
    byte = ending.byte if ending.certain else ending.first
    if ending.buffer == TARGET and other.buffer == SOURCE:
        return other.byte > byte
    return other.byte > byte - STEP


def _overridden(endings: list[Ending], case: CopyCase) -> list[Ending]:
    """Make uncertain what another fault's state of the same page may put an end to before it strikes."""
    pages: dict[tuple[str, int], list[Fault]] = {}
    for fault in case.faults:
        if _is_page_state_of_buffer(fault):
            assert isinstance(fault.place, BufferPlace)
            pages.setdefault(_page_of(fault.place.buffer, fault.place.offset, case), []).append(fault)
    harmless = {page for page, faults in pages.items() if any(not _endings(fault, case) for fault in faults)}
    return [
        _uncertain(ending, case) if _page_of(ending.buffer, ending.byte, case) in harmless else ending
        for ending in endings
    ]


def _page_of(buffer: str, byte: int, case: CopyCase) -> tuple[str, int]:
    return buffer, ((case.source_offset if buffer == SOURCE else case.target_offset) + byte) // PAGE_SIZE


def _uncertain(ending: Ending, case: CopyCase) -> Ending:
    _, page = _page_of(ending.buffer, ending.byte, case)
    start = page * PAGE_SIZE - (case.source_offset if ending.buffer == SOURCE else case.target_offset)
    return ending._replace(first=max(start, 0), byte=min(start + PAGE_SIZE, case.length) - 1, certain=False)
