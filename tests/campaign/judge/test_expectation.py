# SPDX-License-Identifier: GPL-2.0-or-later
"""How a copy may end, given faults of the source and of the target, levels, and several at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Bugchecked, NtStatus
from emu.address import PAGE_SIZE, Gva
from emu.campaign.judge.oracle import judge_copy
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.events import TrapTaken
from tests.campaign.observations import (
    AWAY,
    BUGCHECK,
    INSTRUCTION,
    NOTE,
    SOURCE,
    TARGET,
    ModelCopy,
    at_boundary,
    case_of,
    fault_events,
    raised,
    stopped,
    verdict_of,
)


@given(
    length=st.integers(0, 200),
    source=st.integers(0, PAGE_SIZE - 1),
    target=st.integers(0, PAGE_SIZE - 1),
    step=st.sampled_from([1, 8, 16, 32, 64]),
    width=st.sampled_from([1, 4, 8, 16]),
    irql=st.sampled_from([0, 1, 2]),
    data=st.data(),
)
def test_what_the_contract_allows_is_correct(
    length: int, source: int, target: int, step: int, width: int, irql: int, data: st.DataObject
) -> None:
    """Any number of page states, at pages or at accesses, under a copy in Python that does as the contract says."""
    kinds = st.sampled_from([*AWAY, "ro", "rw", "rx", "rwx"])
    places = st.tuples(st.sampled_from(["src", "dst"]), st.integers(0, max(length, 1)))
    faults = data.draw(st.lists(st.tuples(kinds, places, st.sampled_from(["", ",access=1"])), max_size=3))
    for _, (buffer, byte), condition in faults:
        if not condition and data.draw(st.booleans()):
            source, target = (-byte % PAGE_SIZE, target) if buffer == "src" else (source, -byte % PAGE_SIZE)
    texts = [f"{kind}@{buffer}+{byte}{condition}" for kind, (buffer, byte), condition in faults]
    case = case_of(length, *texts, source=source, target=target, irql=irql)
    observation = ModelCopy(case, step, min(width, step)).run()
    assert judge_copy(observation) == CORRECT, observation.outcome


@pytest.mark.parametrize("kind", BUGCHECK)
def test_a_bad_target_stops_the_machine(kind: str) -> None:
    case = at_boundary(64, kind, 5, "dst")
    address = TARGET + case.target_offset + 5
    for code in {*BUGCHECK.values()}:
        verdict = verdict_of(case, stopped(code, address), 5)
        assert (verdict == CORRECT) == (code == BUGCHECK[kind])
        assert verdict.kind in (VerdictClass.CORRECT, VerdictClass.BUGCHECK)
    assert verdict_of(case, stopped(BUGCHECK[kind], address + 1), 5).kind is VerdictClass.BUGCHECK
    assert verdict_of(case, stopped(BUGCHECK[kind], address), 6).kind is VerdictClass.WRONG_DATA
    assert verdict_of(case, stopped(BUGCHECK[kind], address), 5, after=NOTE._replace(mxcsr=0)) == CORRECT
    assert verdict_of(case, events=fault_events(address)).kind is VerdictClass.WRONG_STATUS


def test_states_of_the_target_that_let_a_write_through() -> None:
    for kind in ("paged-out", "rw", "rwx"):
        assert verdict_of(at_boundary(64, kind, 5, "dst")) == CORRECT


@pytest.mark.parametrize("kind", AWAY)
@pytest.mark.parametrize("buffer", ["src", "dst"])
def test_a_page_that_is_away_stops_the_machine_at_dispatch_level(kind: str, buffer: str) -> None:
    case = at_boundary(64, kind, 5, buffer, irql=2)
    address = (SOURCE + case.source_offset if buffer == "src" else TARGET + case.target_offset) + 5
    for code in (0xD1, 0xA):
        assert verdict_of(case, Bugchecked(code, (address, 2, 0, INSTRUCTION)), 5) == CORRECT
    assert verdict_of(case).kind in (VerdictClass.WRONG_STATUS, VerdictClass.MASKED)
    assert verdict_of(case_of(64, irql=2)) == CORRECT


def test_a_level_that_is_raised_on_the_way() -> None:
    case = at_boundary(64, "paged-out", 5)
    case = case._replace(faults=(*case.faults, *case_of(64, "irql=2@cpu,insn=9").faults))
    address = SOURCE + case.source_offset + 5
    raised_level = NOTE._replace(irql=2)
    assert verdict_of(case, after=raised_level) == CORRECT
    assert verdict_of(case) == CORRECT
    assert verdict_of(case, Bugchecked(0xD1, (address, 2, 0, INSTRUCTION)), 5) == CORRECT
    assert verdict_of(case, after=NOTE._replace(irql=3)) == Verdict(VerdictClass.STATE_LEAK, "IRQL is 3, was 0")


def test_of_two_faults_the_first_one_ends_the_copy() -> None:
    case = case_of(200, "none@src+10,access=1", "guard@src+100,access=1")
    assert verdict_of(case, raised(case, 10), 10) == CORRECT
    later = verdict_of(case, raised(case, 100, NtStatus.GUARD_PAGE_VIOLATION), 100)
    assert later.kind is VerdictClass.WRONG_STATUS


def test_of_two_faults_within_a_step_either_may_end_it() -> None:
    case = case_of(200, "none@src+10,access=1", "guard@src+40,access=1")
    assert verdict_of(case, raised(case, 10), 10) == CORRECT
    assert verdict_of(case, raised(case, 40, NtStatus.GUARD_PAGE_VIOLATION), 0) == CORRECT
    assert verdict_of(case, raised(case, 40, NtStatus.GUARD_PAGE_VIOLATION), 11).kind is VerdictClass.WRONG_DATA


def test_a_byte_is_read_before_it_is_written() -> None:
    case = case_of(64, "none@src+0", "none@dst+0")
    assert verdict_of(case, raised(case, 0), 0) == CORRECT
    events = (TrapTaken(14, 2, Gva(TARGET), INSTRUCTION, "none"),)
    assert verdict_of(case, stopped(0x50, TARGET), 0, events=events) == Verdict(
        VerdictClass.BUGCHECK,
        f"bugcheck 0x50 PAGE_FAULT_IN_NONPAGED_AREA: byte 0 of the target was written at {INSTRUCTION:#x}; "
        "none@src+0 must raise STATUS_ACCESS_VIOLATION (0xC0000005) at byte 0",
    )


@pytest.mark.parametrize("condition", ["insn=9", "access=2", "probability=50,seed=1", "fail-nth=3"])
def test_what_may_strike_or_not(condition: str) -> None:
    case = case_of(64, f"none@src+5,{condition}")
    assert verdict_of(case) == CORRECT
    assert verdict_of(case, raised(case, 7), 5) == CORRECT
    assert verdict_of(case, raised(case, 5, NtStatus.GUARD_PAGE_VIOLATION), 5).kind is VerdictClass.WRONG_STATUS
