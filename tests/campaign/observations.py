# SPDX-License-Identifier: GPL-2.0-or-later
"""Observations made by hand: a right one, and what a test changes of it; and a copy in Python that makes right ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emu import Bugchecked, Profile, Raised, Returned
from emu.address import PAGE_SIZE, Gva
from emu.campaign.experiment.landing import POISON, RED_ZONE, poison_for
from emu.campaign.judge.observation import Observation, ProcessorNote
from emu.campaign.judge.oracle import judge_copy
from emu.campaign.judge.verdict import Verdict, VerdictClass
from emu.campaign.plan.case import CopyCase
from emu.cpu.registers import MXCSR_DEFAULT
from emu.events import Event, ExceptionRaised, TrapTaken
from emu.faults import BufferPlace, Fault, parse_fault
from emu.kernel.call import REGISTER_SENTINELS, XMM_SENTINELS
from emu.nt.status import NtStatus
from emu.outcome import Outcome, make_record

ZONE = bytes((POISON,)) * RED_ZONE
SOURCE, TARGET = 0x1002_0000, 0xFFFF_A000_0003_0000
"""The pages in which the buffers begin."""
INSTRUCTION = Gva(0xFFFF_F800_0001_001F)
NOTE = ProcessorNote(REGISTER_SENTINELS, 0x202, MXCSR_DEFAULT, XMM_SENTINELS, 0)

STATUS = {
    "unmapped": NtStatus.ACCESS_VIOLATION,
    "none": NtStatus.ACCESS_VIOLATION,
    "guard": NtStatus.GUARD_PAGE_VIOLATION,
    "in-page-error": NtStatus.IN_PAGE_ERROR,
}
BUGCHECK = {"unmapped": 0x50, "none": 0x50, "guard": 0x50, "in-page-error": 0x7A, "ro": 0xBE, "rx": 0xBE}
AWAY = (*STATUS, "paged-out")


def content_of(length: int) -> bytes:
    """Return bytes that differ from their neighbours, poison among them."""
    return bytes((index * 7 + 3) & 0xFF for index in range(length))


def case_of(length: int, *faults: str, source: int = 0, target: int = 0, irql: int = 0) -> CopyCase:
    """Return a case; the source's and the target's page offsets."""
    return CopyCase(length, source, target, tuple(map(parse_fault, faults)), Profile(), irql)


def at_boundary(length: int, kind: str, byte: int, buffer: str = "src", irql: int = 0) -> CopyCase:
    """Return a case with a page state that begins at a byte."""
    offset = -byte % PAGE_SIZE
    where = {"source": offset} if buffer == "src" else {"target": offset}
    return case_of(length, f"{kind}@{buffer}+{byte}", irql=irql, **where)


def region_of(content: bytes, landed: int) -> bytes:
    """Return a target of which so many bytes landed, and its red zones."""
    return ZONE + content[:landed] + poison_for(content[landed:]) + ZONE


def observation_of(
    case: CopyCase, outcome: Outcome | None = None, landed: int | None = None, **changed: Any
) -> Observation:
    """Return what a copy left: by default it returned, and every byte landed."""
    content = content_of(case.length)
    note = NOTE._replace(irql=case.irql)
    made = Observation(
        case=case,
        outcome=Returned(0) if outcome is None else outcome,
        events=(),
        content=content,
        source=content,
        region=region_of(content, case.length if landed is None else landed),
        source_address=Gva(SOURCE + case.source_offset),
        target_address=Gva(TARGET + case.target_offset),
        before=note,
        after=note,
        pages_written=(),
    )
    return made._replace(**changed)


def verdict_of(case: CopyCase, outcome: Outcome | None = None, landed: int | None = None, **changed: object) -> Verdict:
    """Judge a copy that is as `observation_of` makes it."""
    return judge_copy(observation_of(case, outcome, landed, **changed))


def wrong_data(detail: str) -> Verdict:
    """Return the verdict on wrong data."""
    return Verdict(VerdictClass.WRONG_DATA, detail)


def raised(case: CopyCase, byte: int, code: int = NtStatus.ACCESS_VIOLATION, operation: int = 0, *more: int) -> Raised:
    """Return the exception of an access to a byte of the source."""
    return Raised(make_record(code, 0, INSTRUCTION, (operation, SOURCE + case.source_offset + byte, *more)))


def fault_events(address: int, *, write: bool = False, code: int = NtStatus.ACCESS_VIOLATION) -> tuple[Event, ...]:
    """Return the events of a page fault that is raised."""
    return (
        TrapTaken(14, 2 if write else 0, Gva(address), INSTRUCTION, "none"),
        ExceptionRaised(code, INSTRUCTION, (int(write), address), software=False),
    )


class _Ended(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


@dataclass
class ModelCopy:
    """A copy as the contract wants it, on pages in Python: steps of some width, each loaded before it is stored."""

    case: CopyCase
    step: int
    width: int
    """Of one load or store in a step."""
    states: dict[tuple[str, int], Fault] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)

    def run(self) -> Observation:
        """Copy, and say what it left."""
        case = self.case
        content, landed, outcome = content_of(case.length), 0, Returned(0)
        for fault in case.faults:
            if not fault.conditions:
                self._set(fault)
        try:
            for first in range(0, case.length, self.step):
                end = min(first + self.step, case.length)
                accesses = [(at, min(at + self.width, end)) for at in range(first, end, self.width)]
                for access in accesses:
                    self._touch("src", *access)
                for access in accesses:
                    self._touch("dst", *access)
                    landed = access[1]
        except _Ended as ended:
            return observation_of(case, ended.outcome, landed, region=region_of(content, landed))
        return observation_of(case, outcome)

    def _page(self, buffer: str, byte: int) -> tuple[str, int]:
        return buffer, (self._offset(buffer) + byte) // PAGE_SIZE

    def _offset(self, buffer: str) -> int:
        return self.case.source_offset if buffer == "src" else self.case.target_offset

    def _set(self, fault: Fault) -> None:
        assert isinstance(fault.place, BufferPlace)
        self.states[self._page(fault.place.buffer, fault.place.offset)] = fault

    def _touch(self, buffer: str, first: int, end: int) -> None:
        for index, fault in enumerate(self.case.faults):
            place = fault.place
            assert isinstance(place, BufferPlace)
            if fault.access is not None and place.buffer == buffer and first <= place.offset < end:
                self.counts[index] = self.counts.get(index, 0) + 1
                if self.counts[index] == fault.access:
                    self._set(fault)
        for byte in range(first, end):
            page = self._page(buffer, byte)
            fault = self.states.get(page)  # type: ignore[assignment]
            if fault is not None:
                self._fault(buffer, byte, fault)

    def _fault(self, buffer: str, byte: int, fault: Fault) -> None:
        address = (SOURCE if buffer == "src" else TARGET) + self._offset(buffer) + byte
        kind = fault.kind
        if kind in AWAY and self.case.irql >= 2:
            raise _Ended(Bugchecked(0xD1, (address, self.case.irql, int(buffer == "dst"), INSTRUCTION)))
        if buffer == "src":
            if kind in STATUS:
                more = () if fault.status is None else (fault.status,)
                raise _Ended(raised(self.case, byte, STATUS[kind], 0, *more))
        elif kind in BUGCHECK:
            raise _Ended(stopped(BUGCHECK[kind], address))


def stopped(code: int, address: int) -> Bugchecked:
    """Return the bugcheck of a write to a byte of kernel memory."""
    return Bugchecked(code, (0, 0, 0, address) if code == 0x7A else (address, 2, INSTRUCTION, 0))
