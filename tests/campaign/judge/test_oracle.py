# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge of copies: right ones, and every way of being wrong, made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Bugchecked, NtStatus, Raised, Returned, TimedOut, Unmodelled
from emu.address import PAGE_SIZE, Gva
from emu.campaign.experiment.landing import RED_ZONE
from emu.campaign.judge.observation import Observation
from emu.campaign.judge.oracle import judge_copy
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.campaign.plan.case import CopyCase
from emu.events import BugcheckRaised, DispatchFailed, Event, ExceptionRaised, PagedIn, TrapTaken
from emu.outcome import Outcome, make_record
from tests.campaign.observations import (
    INSTRUCTION,
    NOTE,
    SOURCE,
    STATUS,
    at_boundary,
    case_of,
    content_of,
    fault_events,
    observation_of,
    raised,
    region_of,
    verdict_of,
    wrong_data,
)

LIMIT = 0x7FFF_FFFF_0000
FAULT = "none@src+5"


@given(st.integers(1, 200), st.data())
def test_every_byte_and_its_red_zones_count(length: int, data: st.DataObject) -> None:
    """Whichever byte of the region is not what it must be: wrong data, and the detail names a byte next to it."""
    fault = data.draw(st.one_of(st.none(), st.integers(0, length - 1)))
    case = case_of(length) if fault is None else at_boundary(length, "none", fault)
    outcome = None if fault is None else raised(case, fault)
    right = region_of(content_of(length), length if fault is None else fault)
    at = data.draw(st.integers(0, len(right) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != right[at]))
    region = right[:at] + bytes((byte,)) + right[at + 1 :]
    verdict = verdict_of(case, outcome, region=region)
    if fault is not None and region in [
        region_of(content_of(length), landed) for landed in range(max(fault - 63, 0), fault)
    ]:
        assert verdict == CORRECT
    else:
        assert verdict.kind is VerdictClass.WRONG_DATA
        assert f"byte {at - RED_ZONE}" in verdict.detail or f"bytes {at - RED_ZONE} to" in verdict.detail


@given(st.integers(1, 300), st.data())
def test_how_much_must_have_landed_before_a_fault(length: int, data: st.DataObject) -> None:
    byte, landed = data.draw(st.integers(0, length - 1)), data.draw(st.integers(0, length))
    case = at_boundary(length, data.draw(st.sampled_from(["unmapped", "none"])), byte)
    verdict = verdict_of(case, raised(case, byte), landed)
    assert (verdict == CORRECT) == (byte - 64 < landed <= byte)
    assert verdict.kind in (VerdictClass.CORRECT, VerdictClass.WRONG_DATA)


@pytest.mark.parametrize("kind", STATUS)
def test_each_state_has_its_status(kind: str) -> None:
    case = at_boundary(64, kind, 5)
    more = (0xC000009C,) if kind == "in-page-error" else ()
    assert verdict_of(case, raised(case, 5, STATUS[kind], 0, *more), 5) == CORRECT
    for other in {*STATUS.values(), NtStatus.INVALID_PARAMETER} - {STATUS[kind]}:
        assert verdict_of(case, raised(case, 5, other), 5).kind is VerdictClass.WRONG_STATUS


def test_the_status_of_an_in_page_error_counts() -> None:
    case = case_of(64, "in-page-error=0xC0000185@src+0")
    assert verdict_of(case, raised(case, 0, NtStatus.IN_PAGE_ERROR, 0, 0xC0000185), 0) == CORRECT
    assert verdict_of(case, raised(case, 0, NtStatus.IN_PAGE_ERROR, 0, 0xC000009C), 0).kind is VerdictClass.WRONG_STATUS
    assert verdict_of(case, raised(case, 0, NtStatus.IN_PAGE_ERROR), 0).kind is VerdictClass.WRONG_STATUS


@pytest.mark.parametrize("kind", ["paged-out", "ro", "rw", "rx", "rwx"])
def test_states_that_let_a_read_through(kind: str) -> None:
    case = at_boundary(64, kind, 5)
    events: tuple[Event, ...] = (
        TrapTaken(14, 0, Gva(SOURCE + PAGE_SIZE), INSTRUCTION, kind),
        PagedIn(Gva(SOURCE), INSTRUCTION),
    )
    assert verdict_of(case, events=events) == CORRECT
    assert verdict_of(case, raised(case, 5), 5).kind is VerdictClass.WRONG_STATUS


def test_the_address_is_the_bytes() -> None:
    """The page's first byte; with access=1 that of a wide load which holds the byte."""
    case = at_boundary(64, "none", 20)
    assert verdict_of(case, raised(case, 20), 20) == CORRECT
    for byte in (19, 21, -1, 64):
        verdict = verdict_of(case, raised(case, byte), 20)
        assert verdict.kind is VerdictClass.WRONG_STATUS
        assert "none@src+20 must raise STATUS_ACCESS_VIOLATION (0xC0000005) at byte 20" in verdict.detail
    armed = case_of(64, "none@src+20,access=1", source=1024)
    assert [byte for byte in range(-1, 64) if verdict_of(armed, raised(armed, byte), 16) == CORRECT] == list(range(21))
    near = case_of(200, "none@src+100,access=1", source=PAGE_SIZE - 98)
    fitting = [byte for byte in range(200) if verdict_of(near, raised(near, byte), 90) == CORRECT]
    assert fitting == [98, 99, 100], "an access that begins on the page before reports the page"


def test_a_state_inside_a_page_strikes_at_the_first_byte_there() -> None:
    case = case_of(64, FAULT, source=100)
    assert verdict_of(case, raised(case, 0), 0) == CORRECT
    assert verdict_of(case, raised(case, 5), 5).kind is VerdictClass.WRONG_STATUS


def test_the_operation_is_a_read() -> None:
    case = at_boundary(64, "none", 5)
    verdict = verdict_of(case, raised(case, 5, operation=1), 5)
    assert verdict.kind is VerdictClass.WRONG_STATUS
    assert "of the write of byte 5 at" in verdict.detail


def test_the_byte_behind_the_last_one_is_not_touched() -> None:
    case = at_boundary(64, "none", 64)
    assert verdict_of(case) == CORRECT
    address = SOURCE + case.source_offset + 64
    verdict = verdict_of(case, raised(case, 64), 48, events=fault_events(address), locate=lambda _: "my!my_copy+0x1f")
    assert verdict == Verdict(
        VerdictClass.WRONG_STATUS,
        "byte 64, behind the last one, was read at my!my_copy+0x1f: it raised STATUS_ACCESS_VIOLATION (0xC0000005); "
        "it must return",
    )
    paged = at_boundary(64, "paged-out", 64)
    events = (TrapTaken(14, 0, Gva(address), INSTRUCTION, "paged-out"), PagedIn(Gva(address), INSTRUCTION))
    assert verdict_of(paged, events=events) == Verdict(
        VerdictClass.STATE_LEAK, f"byte 64, behind the last one, was read at {INSTRUCTION:#x}"
    )


@pytest.mark.parametrize("fault", ["none@src+0", "guard@dst+0", "unmapped@src+0,access=1"])
def test_length_zero_touches_nothing(fault: str) -> None:
    assert verdict_of(case_of(0, fault)) == CORRECT
    case = case_of(0, fault)
    assert verdict_of(case, raised(case, 0)).kind is VerdictClass.WRONG_STATUS


@pytest.mark.parametrize(
    ("address", "byte"), [(LIMIT - 16, 16), (LIMIT, 0), (0xFFFF_A000_0000_0000, 0), (0xFFFF_FFFF_FFFF_FFF0, 0)]
)
def test_a_range_that_is_not_user_memory_is_refused(address: int, byte: int) -> None:
    case = case_of(32)
    record = make_record(NtStatus.ACCESS_VIOLATION, 0, INSTRUCTION, (0, address + byte))
    assert verdict_of(case, Raised(record), 0, source_address=Gva(address)) == CORRECT
    assert verdict_of(case, Raised(record), 1, source_address=Gva(address)).kind is VerdictClass.WRONG_DATA
    returned = verdict_of(case, source_address=Gva(address))
    assert returned.kind is VerdictClass.WRONG_STATUS
    assert f"byte {byte} is no user address" in returned.detail
    assert verdict_of(case_of(0), source_address=Gva(address)) == CORRECT


def test_a_range_may_end_at_the_limit() -> None:
    assert verdict_of(case_of(32), source_address=Gva(LIMIT - 32)) == CORRECT


def test_a_fault_that_nobody_met_is_masked() -> None:
    assert verdict_of(at_boundary(64, "none", 5)) == Verdict(
        VerdictClass.MASKED, "none@src+5 had no effect: every byte landed, and nothing was raised"
    )


@pytest.mark.parametrize(
    "fault", ["skip@cpu,insn=3", "flip=1@rcx,insn=3", "flip=1@CopyFromUser+3", "ro@CopyFromUser+3"]
)
def test_an_upset_that_changes_nothing_is_masked(fault: str) -> None:
    case = case_of(64, fault)
    assert verdict_of(case) == Verdict(VerdictClass.MASKED, f"{case.faults[0]} changed nothing")
    assert verdict_of(case, landed=63) == wrong_data("byte 63 of 64 never landed")


def test_a_copy_asks_for_no_memory() -> None:
    verdict = verdict_of(case_of(64, "no-memory@pool"))
    assert verdict == Verdict(VerdictClass.MASKED, "no-memory@pool changed nothing")


def _unhandled(case: CopyCase) -> tuple[Outcome, tuple[Event, ...]]:
    address = SOURCE + case.source_offset + 5
    failed = DispatchFailed(Gva(0x1234), "RSP 0x8 is not on the stack")
    parameters = (0xC0000005, int(INSTRUCTION), 0, address)
    return Bugchecked(0x1E, parameters), (*fault_events(address), failed, BugcheckRaised(0x1E, parameters))


def test_a_broken_unwind_names_where_it_began_and_ended() -> None:
    case = at_boundary(64, "none", 5)
    outcome, events = _unhandled(case)
    verdict = verdict_of(case, outcome, 5, events=events)
    assert verdict.kind is VerdictClass.BUGCHECK
    assert verdict.detail.startswith(
        "bugcheck 0x1e KMODE_EXCEPTION_NOT_HANDLED: nobody took STATUS_ACCESS_VIOLATION (0xC0000005) of the read of "
        f"byte 5 at {INSTRUCTION:#x}; the unwind ended at 0x1234: RSP 0x8 is not on the stack"
    )


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({"landed": 63}, wrong_data("byte 63 of 64 never landed")),
        ({"landed": 0}, wrong_data("bytes 0 to 63 of 64 never landed")),
        (
            {"outcome": TimedOut(1000, INSTRUCTION)},
            Verdict(
                VerdictClass.TIMEOUT, f"it never ended: 1000 blocks were used up at {INSTRUCTION:#x}; it must return"
            ),
        ),
        (
            {"outcome": Unmodelled("no AVX", INSTRUCTION)},
            Verdict(VerdictClass.EMULATOR_ERROR, f"not modelled: no AVX, at {INSTRUCTION:#x}"),
        ),
        (
            {"outcome": Bugchecked(0x50, (SOURCE + 3, 0, INSTRUCTION, 0xF))},
            Verdict(
                VerdictClass.BUGCHECK,
                "bugcheck 0x50 PAGE_FAULT_IN_NONPAGED_AREA: byte 3 was touched with AC clear (SMAP) at "
                f"{INSTRUCTION:#x}; it must return",
            ),
        ),
        (
            {"events": (ExceptionRaised(0xC0000005, INSTRUCTION, (0, SOURCE + 3), False),)},
            Verdict(
                VerdictClass.WRONG_STATUS,
                "it returned, and swallowed STATUS_ACCESS_VIOLATION (0xC0000005) of the read of byte 3 at "
                f"{INSTRUCTION:#x}; it must return",
            ),
        ),
        (
            {"source": b"\0" + content_of(64)[1:]},
            Verdict(VerdictClass.STATE_LEAK, "byte 0 of the source was written: it is 0x00, was 0x03"),
        ),
        (
            {"pages_written": (Gva(0x1000),)},
            Verdict(VerdictClass.STATE_LEAK, "it wrote to memory that is not the target's: 0x1000"),
        ),
    ],
)
def test_each_class_names_its_place(changed: dict[str, Any], verdict: Verdict) -> None:
    assert judge_copy(observation_of(case_of(64), **changed)) == verdict


def test_the_worst_mistake_names_the_class() -> None:
    case = at_boundary(64, "none", 5)
    everything: dict[str, Any] = {
        "after": NOTE._replace(mxcsr=0),
        "region": bytes(64 + 2 * RED_ZONE),
        "events": fault_events(SOURCE + case.source_offset + 5),
    }

    def kind(outcome: Outcome, **less: Any) -> VerdictClass:
        return judge_copy(observation_of(case, outcome)._replace(**{**everything, **less})).kind

    assert kind(_unhandled(case)[0]) is VerdictClass.BUGCHECK
    assert kind(TimedOut(9, INSTRUCTION)) is VerdictClass.TIMEOUT
    assert kind(Unmodelled("", INSTRUCTION)) is VerdictClass.EMULATOR_ERROR
    assert kind(Returned(0)) is VerdictClass.WRONG_STATUS
    assert kind(raised(case, 5)) is VerdictClass.WRONG_DATA
    assert kind(raised(case, 5), region=region_of(content_of(64), 5)) is VerdictClass.STATE_LEAK


def test_an_observation_is_judged_by_what_it_holds_alone() -> None:
    observation: Observation = observation_of(case_of(64))
    assert judge_copy(observation) is judge_copy(observation) is CORRECT
