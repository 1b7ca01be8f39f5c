# SPDX-License-Identifier: GPL-2.0-or-later
"""What of the processor a call must keep, register by register and bit by bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.campaign.judge.judged_state import NONVOLATILE, describe_state, is_kept
from emu.campaign.judge.observation import ProcessorNote
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.cpu.registers import FLAG_AC, FLAG_DF, FLAG_IF, FLAG_NT, FLAG_TF, FLAGS_ARITHMETIC, GPR_NAMES
from tests.campaign.observations import NOTE, at_boundary, case_of, raised, verdict_of

KEPT_FLAGS = (FLAG_AC, FLAG_DF, FLAG_IF, FLAG_NT, FLAG_TF)


def with_register(note: ProcessorNote, number: int, value: int) -> ProcessorNote:
    return note._replace(gpr=(*note.gpr[:number], value, *note.gpr[number + 1 :]))


@given(st.integers(0, 15), st.integers(0, (1 << 64) - 1))
def test_nonvolatile_registers_are_kept(number: int, value: int) -> None:
    after = with_register(NOTE, number, value)
    old = NOTE.gpr[number]
    if number not in NONVOLATILE or value == old:
        assert is_kept(NOTE, after)
        assert describe_state(NOTE, after) == ""
    else:
        assert not is_kept(NOTE, after)
        assert describe_state(NOTE, after) == f"{GPR_NAMES[number]} is {value:#x}, was {old:#x}"


@given(st.integers(0, 255), st.integers(0, 255))
def test_xmm6_to_xmm15_are_kept(at: int, byte: int) -> None:
    after = NOTE._replace(xmm=NOTE.xmm[:at] + bytes((byte,)) + NOTE.xmm[at + 1 :])
    changed = at >= 96 and byte != NOTE.xmm[at]
    assert is_kept(NOTE, after) != changed
    assert describe_state(NOTE, after).startswith(f"xmm{at // 16} is 0x" if changed else "")
    assert bool(describe_state(NOTE, after)) == changed


@given(st.integers(0, (1 << 22) - 1), st.integers(0, (1 << 22) - 1))
def test_flags_are_kept_but_for_the_arithmetic_ones(old: int, new: int) -> None:
    before, after = NOTE._replace(rflags=old), NOTE._replace(rflags=new)
    kept = all((old & ~FLAG_DF ^ new) & flag == 0 for flag in KEPT_FLAGS)
    assert is_kept(before, after) == kept
    assert bool(describe_state(before, after)) != kept


def test_arithmetic_flags_are_the_callees() -> None:
    assert is_kept(NOTE, NOTE._replace(rflags=NOTE.rflags | FLAGS_ARITHMETIC))


def test_df_is_clear_even_for_a_caller_who_had_it_set() -> None:
    before = NOTE._replace(rflags=NOTE.rflags | FLAG_DF)
    assert is_kept(before, NOTE)
    assert describe_state(before, before) == "DF is still set"


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"rflags": NOTE.rflags | FLAG_AC}, "AC is still set"),
        ({"rflags": NOTE.rflags & ~FLAG_IF}, "IF is clear, was set"),
        ({"mxcsr": 0x3F80}, "MXCSR is 0x3f80, was 0x1f80"),
        ({"irql": 1}, "IRQL is 1, was 0"),
    ],
)
def test_a_leak_is_named_on_both_ways_out(changed: dict[str, int], detail: str) -> None:
    after = ProcessorNote(**{**NOTE._asdict(), **changed})
    expected = Verdict(VerdictClass.STATE_LEAK, detail)
    assert verdict_of(case_of(64), after=after) == expected
    case = at_boundary(64, "none", 5)
    assert verdict_of(case, raised(case, 5), 5, after=after) == expected


def test_several_leaks_are_named_in_one_line() -> None:
    after = with_register(with_register(NOTE, 3, 0), 15, 1)._replace(irql=2)
    detail = describe_state(NOTE, after)
    assert detail == f"rbx is 0x0, was {NOTE.gpr[3]:#x}, r15 is 0x1, was {NOTE.gpr[15]:#x}, IRQL is 2, was 0"


def test_levels_that_a_fault_left_are_right() -> None:
    assert describe_state(NOTE, NOTE._replace(irql=2), (2,)) == ""
    assert verdict_of(case_of(4, "irql=2@cpu,insn=1"), after=NOTE._replace(irql=2)) == CORRECT
