# SPDX-License-Identifier: GPL-2.0-or-later
"""The five ways a call ends, and how each of them reads."""

import dataclasses

import pytest

from emu.address import Gva
from emu.events import Landed, PagedIn
from emu.nt.status import NtStatus
from emu.outcome import (
    Bugchecked,
    Dispatch,
    ExceptionRecord,
    Outcome,
    Raised,
    Returned,
    TimedOut,
    Unmodelled,
    make_record,
)

ADDRESS = Gva(0xFFFF_F800_0000_1000)
RECORD = make_record(NtStatus.ACCESS_VIOLATION, 0, ADDRESS, (1, 0x1234))

EVERY: tuple[Outcome, ...] = (
    Returned(5),
    Raised(RECORD),
    Bugchecked(0x50, (1, 2, 3, 4)),
    TimedOut(100, ADDRESS),
    Unmodelled("nothing like it", ADDRESS),
)


class TestRecord:
    @pytest.mark.parametrize(
        ("code", "information", "operation", "address"),
        [
            (NtStatus.ACCESS_VIOLATION, (0, 5), "read", 5),
            (NtStatus.ACCESS_VIOLATION, (1, 5), "write", 5),
            (NtStatus.ACCESS_VIOLATION, (8, 5), "execute", 5),
            (NtStatus.ACCESS_VIOLATION, (7, 5), None, 5),
            (NtStatus.GUARD_PAGE_VIOLATION, (0, 5), "read", 5),
            (NtStatus.STACK_OVERFLOW, (1, 5), "write", 5),
            (NtStatus.IN_PAGE_ERROR, (0, 5, 0xC000_009C), "read", 5),
            (NtStatus.ACCESS_VIOLATION, (), None, None),
            (NtStatus.ACCESS_VIOLATION, (1,), None, None),
            (NtStatus.BREAKPOINT, (0,), None, None),
            (0xE000_0001, (0, 5), None, None),
        ],
    )
    def test_memory_faults(
        self, code: int, information: tuple[int, ...], operation: str | None, address: int | None
    ) -> None:
        record = make_record(code, 0, ADDRESS, information)
        assert record.operation == operation
        assert record.fault_address == address
        assert str(record)

    def test_known_codes_have_their_name(self) -> None:
        assert make_record(0xC000_0005, 0, 0, ()).code is NtStatus.ACCESS_VIOLATION
        assert make_record(0xE000_0001, 0, 0, ()).code == 0xE000_0001

    def test_text(self) -> None:
        assert str(RECORD) == "STATUS_ACCESS_VIOLATION (0xC0000005), write of 0x1234, at 0xfffff80000001000"
        in_page = make_record(NtStatus.IN_PAGE_ERROR, 0, 0x10, (0, 0x20, 0xC000_009C))
        assert "read of 0x20, because of " in str(in_page)
        assert "0xC000009C" in str(in_page)


@pytest.mark.parametrize("outcome", EVERY, ids=lambda outcome: type(outcome).__name__)
class TestEveryOutcome:
    def test_is_frozen(self, outcome: Outcome) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            outcome.dispatch = Dispatch(())  # type: ignore[misc]

    def test_compares_without_its_dispatch(self, outcome: Outcome) -> None:
        other = dataclasses.replace(outcome, dispatch=Dispatch((PagedIn(ADDRESS, ADDRESS),)))
        assert other == outcome
        assert hash(other) == hash(outcome)
        assert other.dispatch != outcome.dispatch

    def test_reads_without_an_explainer(self, outcome: Outcome) -> None:
        told = dataclasses.replace(outcome, dispatch=Dispatch((Landed(ADDRESS, ADDRESS),)))
        assert str(told)
        assert repr(outcome).startswith(type(outcome).__name__)

    def test_matches(self, outcome: Outcome) -> None:
        match outcome:
            case Returned(value):
                assert value == 5
            case Raised(ExceptionRecord() as record):
                assert record is RECORD
            case Bugchecked(code, (first, *_)):
                assert (code, first) == (0x50, 1)
            case TimedOut(budget, rip):
                assert (budget, rip) == (100, ADDRESS)
            case Unmodelled(reason, _):
                assert reason == "nothing like it"


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (EVERY[0], "returned 0x5"),
        (EVERY[1], "raised STATUS_ACCESS_VIOLATION (0xC0000005), write of 0x1234, at 0xfffff80000001000"),
        (EVERY[3], "timed out: the budget of 100 blocks was used up at 0xfffff80000001000"),
        (EVERY[4], "not modelled: nothing like it, at 0xfffff80000001000"),
    ],
)
def test_text(outcome: Outcome, text: str) -> None:
    assert str(outcome).startswith(text)


def test_bugcheck_names_its_parameters() -> None:
    lines = str(EVERY[2]).splitlines()
    assert lines[0] == "bugchecked: PAGE_FAULT_IN_NONPAGED_AREA (0x00000050)"
    assert [line.split()[0] for line in lines[1:5]] == ["P1", "P2", "P3", "P4"]
