# SPDX-License-Identifier: GPL-2.0-or-later
"""What the records of long jumps and consolidated unwinds make of a context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.events import FramesConsolidated
from emu.nt.status import NtStatus
from emu.nt.trap_frame import MACHINE_FRAME
from emu.outcome import make_record
from emu.seh import frames as f
from emu.seh.context import RSP, Context
from emu.seh.handler_call import PendingException
from emu.seh.jump_buffer import pack_jump_buffer
from emu.seh.requests import CallGuest, RaiseStatus, Steps
from emu.seh.restore import complete_context, is_long_jump
from tests.seh.dispatches import FRAMES, RECORDS, TOP, Program, run

CALLBACK = Gva(0xFFFF_F800_0000_5000)
BUFFER = TOP + 0x200
NONVOLATILE = (3, 5, 6, 7, 12, 13, 14, 15)


def complete(program: Program, context: Context, code: int, *information: int) -> Steps:
    record = make_record(code, 0, 0, information)
    exception = PendingException(record, RECORDS + f.EXCEPTION_RECORD, context, 0)
    return complete_context(program.environment(), context, exception, RECORDS, Gva(TOP))


@pytest.mark.parametrize("code", [NtStatus.ACCESS_VIOLATION, NtStatus.UNWIND])
def test_any_other_record_changes_nothing(code: int) -> None:
    context = Context(list(range(16)), 0x1234)
    assert run(complete(Program(), context, code, 1, 2)) == ([], 0)
    assert context == Context(list(range(16)), 0x1234)


@pytest.mark.parametrize("code", [NtStatus.LONGJUMP, NtStatus.UNWIND_CONSOLIDATE])
def test_nor_does_one_without_a_parameter(code: int) -> None:
    context = Context(rip=0x1234)
    assert run(complete(Program(), context, code)) == ([], 0)
    assert context.rip == 0x1234
    assert not is_long_jump(make_record(code, 0, 0, ()))


def test_a_long_jump_takes_its_buffer() -> None:
    program, saved = Program(), Context([0x1000 + number for number in range(16)], 0x5678, mxcsr=0x1FA0)
    program.memory.write(BUFFER, pack_jump_buffer(saved, 0))
    context = Context([0] * 16, 0x1234)
    assert run(complete(program, context, NtStatus.LONGJUMP, BUFFER)) == ([], 0)
    assert [context.gpr[register] for register in (*NONVOLATILE, RSP)] == [
        saved.gpr[register] for register in (*NONVOLATILE, RSP)
    ]
    assert (context.rip, context.mxcsr) == (0x5678, 0x1FA0)
    assert is_long_jump(make_record(NtStatus.LONGJUMP, 0, 0, (BUFFER,)))


def test_a_long_jump_to_a_buffer_that_is_not_there() -> None:
    requests, _ = run(complete(Program(), Context(), NtStatus.LONGJUMP, 0x10))
    assert requests == [RaiseStatus(NtStatus.ACCESS_VIOLATION, RECORDS, FRAMES.records_return)]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=16, max_size=16), st.binary(min_size=256, max_size=256))
def test_a_consolidated_unwind_asks_its_callback(registers: list[int], xmm: bytes) -> None:
    """The callback runs below everything, on a frame from which the context can be unwound to."""
    program, context = Program(), Context(registers[:], 0x1234, eflags=0x246, xmm=xmm)
    steps = complete(program, context, NtStatus.UNWIND_CONSOLIDATE, CALLBACK)
    (request,), result = run(steps, [0x9_8765])
    assert isinstance(request, CallGuest)
    assert (request.address, request.arguments) == (CALLBACK, (RECORDS + f.EXCEPTION_RECORD,))
    assert request.return_address == FRAMES.consolidation_return
    stack = request.stack_pointer
    assert stack % 16 == 0
    assert stack + f.CONSOLIDATION_SIZE <= RECORDS
    assert program.memory.read(stack + 0x20, 160) == xmm[96:]
    saved = [program.memory.read_u64(stack + 0xC0 + 8 * index) for index in range(8)]
    assert saved == [registers[register] for register in NONVOLATILE]
    frame = MACHINE_FRAME.from_buffer_copy(program.memory.read(stack + 0x100, 0x28))
    assert (frame.Rip, frame.SegCs, frame.EFlags, frame.Rsp, frame.SegSs) == (0x1234, 0x10, 0x246, registers[RSP], 0x18)
    assert result == 0
    assert context.rip == 0x9_8765
    assert program.events == [FramesConsolidated(CALLBACK, Gva(TOP))]
