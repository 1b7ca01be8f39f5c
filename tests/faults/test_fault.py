# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults as objects: which there are, and that every other one is refused in one line."""

import pickle
import re

import pytest
from hypothesis import given

from emu.faults import KINDS, AddressPlace, BufferPlace, Fault, FaultError, Place, Schedule, UnitPlace, parse_fault
from emu.faults.fault import ARGUMENTS, CONDITIONS, PAGE_STATES, PERMITTING, UNITS, places_of, takes_memory
from tests.faults.made_faults import FAULTS

SRC = BufferPlace("src", 0)
CPU, POOL, RCX = UnitPlace("cpu"), UnitPlace("pool"), UnitPlace("rcx")
LIMIT = 2**64


@given(FAULTS)
def test_the_text_form_is_read_back_exactly(fault: Fault) -> None:
    text = str(fault)
    assert parse_fault(text) == fault
    assert str(parse_fault(text)) == text
    assert re.fullmatch(r"[A-Za-z0-9_=@+,-]+", text), "safe in a shell"


@given(FAULTS)
def test_its_conditions_are_those_of_its_text(fault: Fault) -> None:
    assert [part.partition("=")[0] for part in str(fault).split(",")[1:]] == list(fault.conditions)
    assert fault.begins_at_once == (not fault.conditions and fault.kind != "no-memory")


@given(FAULTS)
def test_another_process_gets_the_same_fault(fault: Fault) -> None:
    again = pickle.loads(pickle.dumps(fault))
    assert (again, str(again), again.begins_at_once) == (fault, str(fault), fault.begins_at_once)


def example(kind: str, place: Place) -> Fault:
    """Make the plainest fault of a kind at a place."""
    argument = 1 if kind in ARGUMENTS else None
    return Fault(kind, place, argument, insn=1 if isinstance(place, UnitPlace) and kind != "no-memory" else None)


def counted(name: str, count: int) -> Fault:
    """Make a fault with one condition."""
    access, insn, times = (count if name == each else None for each in CONDITIONS)
    return Fault("none", SRC, None, access, insn, times)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [SRC, AddressPlace(0x1000), *(UnitPlace(name) for name in UNITS)], ids=str)
def test_each_place_of_each_kind(kind: str, place: Place) -> None:
    allowed = place.name in places_of(kind) if isinstance(place, UnitPlace) else takes_memory(kind)
    if allowed:
        assert parse_fault(str(example(kind, place))) == example(kind, place)
        return
    with pytest.raises(FaultError) as caught:
        example(kind, place)
    assert f"{kind}@{place}: the place of {kind!r} is " in str(caught.value)


def test_which_kinds_have_a_place_that_is_no_memory() -> None:
    assert {kind: places_of(kind) for kind in KINDS if not takes_memory(kind)} == {
        "irql": ("cpu",),
        "skip": ("cpu",),
        "no-memory": ("pool",),
    }
    assert [kind for kind in KINDS if takes_memory(kind) and places_of(kind)] == ["flip"]


def test_the_status_of_an_in_page_error() -> None:
    assert Fault("in-page-error", SRC).status == 0xC000009C
    assert Fault("in-page-error", SRC, 0xC000009D).status == 0xC000009D
    assert Fault("flip", SRC, 1).status is None


@pytest.mark.parametrize("kind", [kind for kind in PAGE_STATES if kind not in PERMITTING])
@pytest.mark.parametrize("times", [None, 2])
def test_what_a_page_state_may_wait_for(kind: str, times: int | None) -> None:
    for fault in (
        Fault(kind, SRC, times=times, access=3),
        Fault(kind, SRC, times=times, insn=3),
        Fault(kind, SRC, times=times, schedule=Schedule(interval=2)),
        Fault(kind, SRC, times=times),
    ):
        assert parse_fault(str(fault)) == fault


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Fault("nune", SRC), "unknown kind of fault 'nune'; known: unmapped, none, ro,"),
        (lambda: Fault("none", SRC, 5), "a fault of kind 'none' has no argument; 'in-page-error' and 'flip' and"),
        (lambda: Fault("in-page-error", SRC, 1 << 32), "in-page-error=0x100000000: an NTSTATUS here lies between 0"),
        (lambda: Fault("flip", SRC), "flip=nothing: a mask of bits here lies between 1 and 0xff"),
        (lambda: Fault("flip", SRC, 0), "flip=0x0: a mask of bits here lies between 1 and 0xff"),
        (lambda: Fault("flip", SRC, 0x100), "flip=0x100: a mask of bits here lies between 1 and 0xff"),
        (lambda: Fault("flip", RCX, LIMIT, insn=1), "lies between 1 and 0xffffffffffffffff"),
        (lambda: Fault("irql", CPU, 16, insn=1), "irql=0x10: an IRQL here lies between 0 and 0xf"),
        (lambda: Fault("none", BufferPlace("src", -1)), "place -1 lies outside 64 bits"),
        (lambda: Fault("none", AddressPlace(LIMIT)), f"place {LIMIT} lies outside 64 bits"),
        (lambda: Fault("none", BufferPlace("a b", 0)), "'a b' names no buffer and no symbol: a name is letters"),
        (lambda: Fault("none", BufferPlace("", 0)), "'' names no buffer"),
        (lambda: Fault("none", SRC, schedule=Schedule(require="f+1")), "require=f+1: a name is letters, digits and _"),
        (lambda: Fault("none", SRC, schedule=Schedule(reject="")), "reject=: a name is letters, digits and _"),
        *((lambda name=name: counted(name, 0), f"{name}=0: counted from 1") for name in CONDITIONS),
        *((lambda name=name: counted(name, LIMIT), f"{name}={LIMIT}: counted") for name in CONDITIONS),
        (lambda: Fault("none", SRC, schedule=Schedule(probability=101)), "probability=101: choose 0 to 0x64"),
        (lambda: Fault("none", SRC, schedule=Schedule(interval=0)), "interval=0: choose 1 to 0xffffffffffffffff"),
        (lambda: Fault("none", SRC, schedule=Schedule(fail_nth=0)), "fail-nth=0: choose 1 to"),
        (lambda: Fault("none", SRC, schedule=Schedule(space=-1)), "space=-1: choose 0 to"),
        (lambda: Fault("none", SRC, schedule=Schedule(probability=5, seed=-1)), "seed=-1: choose 0 to"),
    ],
)
def test_a_fault_without_a_text_form_cannot_be_made(make: object, says: str) -> None:
    assert callable(make)
    with pytest.raises(FaultError) as caught:
        make()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Fault("none", SRC, access=1, insn=1), "access= and insn= exclude each other"),
        (lambda: Fault("none", SRC, access=1, schedule=Schedule(interval=2)), r"a schedule (interval=) and access="),
        (lambda: Fault("none", SRC, insn=1, schedule=Schedule(reject="f")), r"a schedule (reject=) and access="),
        (lambda: Fault("flip", SRC, 1, times=1), "a flip happens once"),
        (lambda: Fault("flip", SRC, 1, schedule=Schedule(space=1)), "a flip happens once"),
        (lambda: Fault("flip", RCX, 1), "flip@rcx happens behind an instruction: it takes insn="),
        (lambda: Fault("flip", RCX, 1, access=1), "flip@rcx happens behind an instruction"),
        (lambda: Fault("skip", CPU), "skip@cpu happens behind an instruction"),
        (lambda: Fault("skip", CPU, insn=1, times=2), "skip@cpu happens behind an instruction"),
        (lambda: Fault("irql", CPU, 2, access=1), "irql@cpu happens behind an instruction"),
        (lambda: Fault("no-memory", POOL, insn=1), "no-memory@pool is asked allocation by allocation"),
        (lambda: Fault("none", SRC, schedule=Schedule(fail_nth=2, interval=2)), "fail-nth= and interval= exclude"),
        (lambda: Fault("none", SRC, schedule=Schedule(fail_nth=2, space=2)), "fail-nth= and space= exclude"),
        (lambda: Fault("rw", SRC, times=2), "rw fails no access, so none is counted: it takes access= or insn="),
        (lambda: Fault("rwx", SRC, schedule=Schedule(interval=2)), "rwx fails no access"),
        (lambda: Fault("none", SRC, schedule=Schedule(seed=1)), "seed= without probability= draws nothing"),
    ],
)
def test_conditions_that_contradict_each_other(make: object, says: str) -> None:
    assert callable(make)
    with pytest.raises(FaultError, match=re.escape(says)):
        make()
