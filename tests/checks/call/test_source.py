# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers before some instructions: those of a trace of all registers, however they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.checks import CheckedCall
from emu.checks.call import source as source_module
from emu.checks.call.source import blocks_of, doubleword, quadword
from emu.cpu import registers as r
from emu.trace.source import Words
from tests.checks.captured import Captured


@pytest.fixture(scope="module")
def copied() -> tuple[CheckedCall, Words]:
    """A call of several hundred instructions, and the registers before each."""
    captured = Captured()
    machine = captured.machine
    call = captured.call("CopyFromUser", machine.kernel.alloc(300), machine.user.alloc(300), 300)
    return call, call.trace.registers(call.begin, call.end)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_instructions(copied: tuple[CheckedCall, Words], data: st.DataObject) -> None:
    call, whole = copied
    asked = sorted(data.draw(st.sets(st.integers(0, len(whole) - 1), max_size=8)))
    indices = np.array(asked, np.int64)
    assert (call.registers_before(indices) == whole[indices]).all()


@pytest.mark.parametrize("room", [1, 7, 1 << 16])
def test_in_a_long_call(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "REGISTER_ROOM", room)
    captured = Captured()
    machine = captured.machine
    call = captured.call("CopyFromUser", machine.kernel.alloc(300), machine.user.alloc(300), 300)
    whole = call.trace.registers(call.begin, call.end)
    for indices in (np.array([3]), np.arange(10, len(whole), 31), np.arange(len(whole)), np.zeros(0, np.int64)):
        assert (call.registers_before(indices) == whole[indices]).all()


def test_what_is_asked_again_takes_no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    captured = Captured()
    machine = captured.machine
    call = captured.call("CopyFromUser", machine.kernel.alloc(64), machine.user.alloc(64), 64)
    asked = np.array([1, 5, 9])
    rows = call.registers_before(asked)
    source = call.trace.source
    monkeypatch.setattr(source, "_recorded_at", lambda *_: pytest.fail("it was run again"))
    assert (call.registers_before(asked) == rows).all()
    assert (call.registers_before(asked[1:]) == rows[1:]).all()


def test_words_of_a_state_block(copied: tuple[CheckedCall, Words]) -> None:
    call, whole = copied
    runs = call.runs
    assert quadword(runs[0].begin, r.RIP) == int(call.instructions.rip[0])
    assert quadword(runs[0].begin, r.RSP) == int(whole[0, r.RSP])
    assert doubleword(runs[0].begin, r.IRQL) == 0
    assert blocks_of(runs) == sum(quadword(run.end, r.BLOCKS) - quadword(run.begin, r.BLOCKS) for run in runs)
    assert 0 < blocks_of(runs) <= len(call.instructions)
