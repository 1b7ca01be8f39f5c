# SPDX-License-Identifier: GPL-2.0-or-later
"""The text form of faults: what it means, that it is exact, and that a mistake is pointed at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.faults import KINDS, AddressPlace, BufferPlace, Fault, FaultError, Place, parse_fault

COUNTS = st.none() | st.integers(1, 2**64 - 1)
PLACES: st.SearchStrategy[Place] = st.builds(
    BufferPlace, st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True), st.integers(0, 2**64 - 1)
) | st.builds(AddressPlace, st.integers(0, 2**64 - 1))
FAULTS = st.one_of(
    st.builds(
        Fault,
        st.sampled_from([kind for kind in KINDS if kind != "in-page-error"]),
        PLACES,
        access=COUNTS,
        insn=COUNTS,
        times=COUNTS,
    ),
    st.builds(Fault, st.just("in-page-error"), PLACES, st.none() | st.integers(0, 2**32 - 1), access=COUNTS),
)


@given(FAULTS)
def test_the_text_form_is_read_back_exactly(fault: Fault) -> None:
    assert parse_fault(str(fault)) == fault
    assert str(parse_fault(str(fault))) == str(fault)


@given(st.text(max_size=30) | st.from_regex(r"none@src\+[0-9]{1,3}(,access=[0-9])*", fullmatch=True))
def test_any_text_is_a_fault_or_an_error_of_one_line(text: str) -> None:
    try:
        fault = parse_fault(text)
    except FaultError as error:
        message = str(error)
    else:
        message = "character"
        assert parse_fault(str(fault)) == fault
    assert "\n" not in message
    assert "character" in message


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
    ],
)
def test_what_a_text_means(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("none@src+0x25", "none@src+37"),
        ("none@4096", "none@0x1000"),
        ("in-page-error=3221225628@src+0", "in-page-error@src+0"),
        ("in-page-error=0xc000009d@src+0", "in-page-error=0xC000009D@src+0"),
        ("rx@src+0,times=1,access=2", "rx@src+0,access=2,times=1"),
    ],
)
def test_the_canonical_form(text: str, canonical: str) -> None:
    assert str(parse_fault(text)) == canonical


@pytest.mark.parametrize(
    ("text", "character", "says"),
    [
        ("", 1, "a kind belongs here; known: unmapped, none, ro, rw, rx, rwx, guard, paged-out, in-page-error"),
        ("nune@src+1", 1, "unknown kind 'nune'; known: unmapped, none,"),
        ("none", 5, "'@' belongs here"),
        ("none=1@src+1", 5, "only in-page-error takes an argument"),
        ("in-page-error", 14, "'=' or '@' is allowed here"),
        ("in-page-error=@src+1", 15, "an NTSTATUS is allowed here"),
        ("in-page-error=0x1ffffffff@src+0", 15, "an NTSTATUS lies between 0 and 0xffffffff"),
        ("none@", 6, "NAME+OFFSET or an address is allowed here"),
        ("none@src", 9, "'+' belongs here, as in src+0"),
        ("none@src-1", 9, "'+' belongs here, as in src+0"),
        ("none@src+", 10, "an offset is allowed here"),
        ("none@src+1 ", 11, "',' or the end is allowed here"),
        ("none@src+1,", 12, "access= or insn= or times= is allowed here"),
        ("none@src+1,insn=1,insn=2", 19, "access= or times= is allowed here"),
        ("none@src+1,access", 18, "'=' belongs here"),
        ("none@src+1,access=0", 19, "a count lies between 1"),
        (f"none@src+{'9' * 5000}", 10, "an offset lies between"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, character: int, says: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse_fault(text)
    assert f"character {character} (" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fault("nune", BufferPlace("src", 0)),
        lambda: Fault("none", BufferPlace("src", 0), 5),
        lambda: Fault("in-page-error", BufferPlace("src", 0), 1 << 32),
        lambda: Fault("none", BufferPlace("src", -1)),
        lambda: Fault("none", AddressPlace(1 << 64)),
        lambda: Fault("none", BufferPlace("src", 0), access=0),
    ],
)
def test_a_fault_that_has_no_text_form_cannot_be_made(make: object) -> None:
    assert callable(make)
    with pytest.raises(FaultError):
        make()
