# SPDX-License-Identifier: GPL-2.0-or-later
"""The text form of faults: what it means, and that a mistake is pointed at."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.faults import KINDS, AddressPlace, BufferPlace, Fault, FaultError, Schedule, UnitPlace, parse_fault
from emu.faults.fault import UNITS
from emu.faults.parser import ALL_CONDITIONS
from tests.faults.made_faults import FAULTS

PIECES = st.sampled_from((*KINDS, *UNITS, *ALL_CONDITIONS, *"=@+,.- ", "src", "0x", "0", "1", "99", "\n", "é", "٣"))
NEARLY = st.lists(PIECES, max_size=9).map("".join)
"""Texts of the grammar's own pieces, in any order."""


@st.composite
def mistyped(draw: st.DrawFn) -> str:
    """Draw a fault's text with one character changed, left out or put in."""
    text = str(draw(FAULTS))
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.text(max_size=1)) + text[at + draw(st.integers(0, 1)) :]


@given(st.text(max_size=30) | NEARLY | mistyped())
def test_any_text_is_a_fault_or_an_error_of_one_line_that_points_at_a_character(text: str) -> None:
    try:
        fault = parse_fault(text)
    except FaultError as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        at = re.match(rf"fault {re.escape(repr(text))}: character (\d+) \((.+?)\): .", message)
        assert at is not None, message
        index = int(at[1]) - 1
        assert at[2] == (repr(text[index]) if index < len(text) else "the end")
        assert index <= len(text)
    else:
        assert parse_fault(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("none@src+37", Fault("none", BufferPlace("src", 37))),
        ("guard@dst+0x10", Fault("guard", BufferPlace("dst", 16))),
        ("unmapped@0x1002a000", Fault("unmapped", AddressPlace(0x1002A000))),
        ("in-page-error=0xC000009D@src+0", Fault("in-page-error", BufferPlace("src", 0), 0xC000009D)),
        ("in-page-error@src+0", Fault("in-page-error", BufferPlace("src", 0), 0xC000009C)),
        ("ro@dst+1,times=2,access=3", Fault("ro", BufferPlace("dst", 1), access=3, times=2)),
        ("paged-out@src+1,insn=4", Fault("paged-out", BufferPlace("src", 1), insn=4)),
        ("flip=0x80@src+3,access=2", Fault("flip", BufferPlace("src", 3), 0x80, access=2)),
        ("flip=1@CopyFromUser+7", Fault("flip", BufferPlace("CopyFromUser", 7), 1)),
        ("flip=0x100@rflags,insn=4", Fault("flip", UnitPlace("rflags"), 0x100, insn=4)),
        ("flip=1@rcx,insn=4", Fault("flip", UnitPlace("rcx"), 1, insn=4)),
        ("flip=1@rcx+0,insn=4", Fault("flip", BufferPlace("rcx", 0), 1, insn=4)),
        ("none@cpu+2", Fault("none", BufferPlace("cpu", 2))),
        ("irql=2@cpu,insn=9", Fault("irql", UnitPlace("cpu"), 2, insn=9)),
        ("skip@cpu,insn=9", Fault("skip", UnitPlace("cpu"), insn=9)),
        ("no-memory@pool", Fault("no-memory", UnitPlace("pool"))),
        ("no-memory@pool,access=3,times=2", Fault("no-memory", UnitPlace("pool"), access=3, times=2)),
        (
            "none@src+0,probability=10,interval=2,space=64,seed=7,times=3,require=f,reject=g",
            Fault(
                "none",
                BufferPlace("src", 0),
                times=3,
                schedule=Schedule(probability=10, interval=2, space=64, seed=7, require="f", reject="g"),
            ),
        ),
        ("no-memory@pool,fail-nth=2", Fault("no-memory", UnitPlace("pool"), schedule=Schedule(fail_nth=2))),
    ],
)
def test_what_a_text_means(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("none@src+0x25", "none@src+37"),
        ("none@4096", "none@0x1000"),
        ("none@src+007", "none@src+7"),
        ("in-page-error=3221225628@src+0", "in-page-error@src+0"),
        ("in-page-error=0xc000009d@src+0", "in-page-error=0xC000009D@src+0"),
        ("rx@src+0,times=1,access=2", "rx@src+0,access=2,times=1"),
        ("flip=128@src+0", "flip=0x80@src+0"),
        ("irql=0xf@cpu,insn=1", "irql=15@cpu,insn=1"),
        ("no-memory@pool,require=f,interval=0x10,times=1", "no-memory@pool,times=1,interval=16,require=f"),
    ],
)
def test_the_canonical_form(text: str, canonical: str) -> None:
    assert str(parse_fault(text)) == canonical


@pytest.mark.parametrize(
    ("text", "character", "says"),
    [
        ("", 1, f"a kind belongs here; known: {', '.join(KINDS)}"),
        ("nune@src+1", 1, "unknown kind 'nune'; known: unmapped, none,"),
        ("none", 5, "'@' belongs here"),
        ("none=1@src+1", 5, "none takes no argument (in-page-error, flip, irql do); '@' is allowed here"),
        ("skip=1@cpu,insn=1", 5, "skip takes no argument"),
        ("in-page-error", 14, "'=' or '@' is allowed here"),
        ("in-page-error=@src+1", 15, "an NTSTATUS is allowed here"),
        ("in-page-error=1", 16, "'@' belongs here"),
        ("in-page-error=0x1ffffffff@src+0", 15, "an NTSTATUS lies between 0 and 0xffffffff"),
        ("flip@src+0", 5, "'=' and a mask of bits belong here, as in flip=2"),
        ("irql@cpu", 5, "'=' and an IRQL belong here, as in irql=2"),
        ("flip=0@src+0", 6, "a mask of bits here lies between 1 and 0xff"),
        ("flip=0x100@src+0", 6, "a mask of bits here lies between 1 and 0xff"),
        ("flip=0@rcx,insn=1", 6, "a mask of bits here lies between 1 and 0xffffffffffffffff"),
        ("irql=16@cpu,insn=1", 6, "an IRQL here lies between 0 and 0xf"),
        ("none@", 6, "NAME+OFFSET or an address is allowed here"),
        ("none@src", 9, "'+' belongs here, as in src+0"),
        ("none@src-1", 9, "'+' belongs here, as in src+0"),
        ("none@src+", 10, "an offset is allowed here"),
        ("none@rcx", 6, "rcx is no place of none"),
        ("flip=1@pool", 8, "pool is no place of flip"),
        ("skip@src+1", 6, "the place of skip is cpu"),
        ("irql=2@0x1000,insn=1", 8, "the place of irql is cpu"),
        ("no-memory@cpu", 11, "the place of no-memory is pool"),
        ("no-memory@", 11, "the place of no-memory is pool"),
        ("skip@cpu+1,insn=1", 9, "',' or the end is allowed here"),
        ("none@src+1 ", 11, "',' or the end is allowed here"),
        ("none@src+1,", 12, "access= or insn= or times= or probability= or interval= or space= or fail-nth= or"),
        ("none@src+1,insn=1,insn=2", 19, "access= or times= or probability="),
        ("none@src+1,access", 18, "'=' belongs here"),
        ("none@src+1,access=0", 19, "a count lies between 1"),
        ("none@src+1,probability=101", 24, "a number lies between 0 and 0x64"),
        ("none@src+1,require=", 20, "a function's name belongs here"),
        ("none@src+1,require=1", 20, "a function's name belongs here"),
        ("none@src+1,access=1,insn=2", 27, "access= and insn= exclude each other"),
        ("flip=1@rcx", 11, "flip@rcx happens behind an instruction: it takes insn="),
        (f"none@src+{'9' * 5000}", 10, "an offset lies between"),
        (f"none@src+0,access=0x{'0' * 5000}", 19, "a count lies between"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, character: int, says: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse_fault(text)
    assert f"character {character} (" in str(caught.value)
    assert says in str(caught.value)


def test_no_condition_is_left() -> None:
    text = "none@src+0," + ",".join(f"{name}={'f' if name in ('require', 'reject') else 1}" for name in ALL_CONDITIONS)
    with pytest.raises(FaultError, match="no condition is left"):
        parse_fault(f"{text},access=1")
