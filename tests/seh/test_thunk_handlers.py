# SPDX-License-Identifier: GPL-2.0-or-later
import struct

import pytest

from emu.address import Gva
from emu.memory.errors import NotMapped
from emu.nt.exception_record import ExceptionDisposition
from emu.nt.unwind import UNW_FLAG_EHANDLER
from emu.seh.context import Context
from emu.seh.handler_call import HandlerCall
from emu.seh.thunk_handlers import collided_unwind_handler, nested_exception_handler
from tests.seh.dispatches import RECORDS, TOP, Program, run

SAVED = 0x50_0000
"""The dispatcher context of the handler call that was under way."""


@pytest.fixture
def program() -> Program:
    program = Program()
    program.function(UNW_FLAG_EHANDLER)
    program.memory.write_u64(TOP + 0x20, SAVED)
    program.memory.write(0x40_0000, Context(rip=0x7777).pack())
    program.memory.write(SAVED, struct.pack("<9QI4x", 0x11, 0x22, 0, TOP + 0x800, 0x33, 0x40_0000, 0x44, 0x55, 0, 6))
    return program


def make(program: Program, flags: int) -> HandlerCall:
    exception = program.exception(0x100)
    program.memory.write_u64(TOP + 0x20, SAVED)
    exception.flags = flags
    return HandlerCall(exception, RECORDS, 0x1, 0x2, TOP, exception.context, Gva(0x3), Gva(0x4), 0x99)


def test_nested_exception_names_the_frame_that_was_asked(program: Program) -> None:
    call = make(program, 0)
    assert run(nested_exception_handler(program.environment(), call)) == ([], ExceptionDisposition.NESTED_EXCEPTION)
    assert call.establisher == TOP + 0x800
    assert call.control_pc == 0x1, "nothing else is taken"


@pytest.mark.parametrize("flags", [2, 4, 0x22, 0x42])
def test_an_unwind_passes_a_searchs_frame(program: Program, flags: int) -> None:
    call = make(program, flags)
    assert run(nested_exception_handler(program.environment(), call)) == ([], ExceptionDisposition.CONTINUE_SEARCH)
    assert call.establisher == TOP


@pytest.mark.parametrize("flags", [0, 2])
def test_collided_unwind_hands_on_where_the_other_stood(program: Program, flags: int) -> None:
    """In the search as in the unwind."""
    call = make(program, flags)
    assert run(collided_unwind_handler(program.environment(), call)) == ([], ExceptionDisposition.COLLIDED_UNWIND)
    assert (call.control_pc, call.image_base, call.establisher) == (0x11, 0x22, TOP + 0x800)
    assert (call.handler, call.handler_data, call.scope_index) == (0x44, 0x55, 6)
    assert call.context.rip == 0x7777
    assert call.target_ip == 0x99


@pytest.mark.parametrize("handler", [nested_exception_handler, collided_unwind_handler])
def test_a_pointer_that_leads_nowhere(program: Program, handler: object) -> None:
    call = make(program, 0)
    program.memory.write_u64(TOP + 0x20, 0x10)
    with pytest.raises(NotMapped):
        run(handler(program.environment(), call))  # type: ignore[operator]
