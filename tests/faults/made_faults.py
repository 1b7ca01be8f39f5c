# SPDX-License-Identifier: GPL-2.0-or-later
"""Every fault that there can be, for properties."""

from __future__ import annotations

from hypothesis import strategies as st

from emu.faults import AddressPlace, BufferPlace, Fault, Place, Schedule, UnitPlace
from emu.faults.fault import (
    FLIP,
    IRQL,
    NO_MEMORY,
    PAGE_STATES,
    PERMITTING,
    REGISTERS,
    SKIP,
    argument_range,
    places_of,
)

NAMES = st.sampled_from(("src", "rax", "rflags", "cpu", "pool", "access")) | st.from_regex(
    r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True
)
QUADWORDS = st.integers(0, 2**64 - 1)
COUNTS = st.integers(1, 2**64 - 1)
PERCENTAGES = st.integers(0, 100)
BYTES: st.SearchStrategy[Place] = st.builds(BufferPlace, NAMES, QUADWORDS) | st.builds(AddressPlace, QUADWORDS)
FUNCTIONS = st.none() | NAMES


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Draw a schedule that may be left out, too."""
    require, reject = draw(FUNCTIONS), draw(FUNCTIONS)
    if draw(st.booleans()):
        return Schedule(fail_nth=draw(COUNTS), require=require, reject=reject)
    probability = draw(st.none() | PERCENTAGES)
    return Schedule(
        probability=probability,
        interval=draw(st.none() | COUNTS),
        space=draw(st.none() | QUADWORDS),
        seed=None if probability is None else draw(st.none() | QUADWORDS),
        require=require,
        reject=reject,
    )


@st.composite
def page_state_faults(draw: st.DrawFn) -> Fault:
    """Draw a page state, with an access, an instruction, a schedule, or from the start."""
    kind, place = draw(st.sampled_from(PAGE_STATES)), draw(BYTES)
    argument = draw(st.none() | st.integers(0, 2**32 - 1)) if kind == "in-page-error" else None
    times = None if kind in PERMITTING else draw(st.none() | COUNTS)
    begin = draw(st.sampled_from(("access", "insn", "at once", "by a schedule")))
    if begin == "access":
        return Fault(kind, place, argument, times=times, access=draw(COUNTS))
    if begin == "insn":
        return Fault(kind, place, argument, times=times, insn=draw(COUNTS))
    if begin == "at once" or kind in PERMITTING:
        return Fault(kind, place, argument, times=times)
    return Fault(kind, place, argument, times=times, schedule=draw(schedules()))


@st.composite
def byte_flips(draw: st.DrawFn) -> Fault:
    """Draw bits of a byte that flip, at once or not."""
    access = draw(st.none() | COUNTS)
    insn = None if access is not None else draw(st.none() | COUNTS)
    return Fault(FLIP, draw(BYTES), draw(st.integers(1, 255)), access, insn)


@st.composite
def upsets(draw: st.DrawFn) -> Fault:
    """Draw what happens to the processor behind an instruction."""
    kind = draw(st.sampled_from((FLIP, IRQL, SKIP)))
    place = UnitPlace(draw(st.sampled_from(REGISTERS if kind == FLIP else places_of(kind))))
    argument = None if kind == SKIP else draw(st.integers(*argument_range(kind, place)))
    return Fault(kind, place, argument, insn=draw(COUNTS))


@st.composite
def allocation_failures(draw: st.DrawFn) -> Fault:
    """Draw an allocation that fails, by its number or by a schedule."""
    times, place = draw(st.none() | COUNTS), UnitPlace("pool")
    if draw(st.booleans()):
        return Fault(NO_MEMORY, place, access=draw(COUNTS), times=times)
    return Fault(NO_MEMORY, place, times=times, schedule=draw(schedules()))


FAULTS = page_state_faults() | byte_flips() | upsets() | allocation_failures()
