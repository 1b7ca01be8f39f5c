# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames and structures of a handler call, as guest code and later unwinds find them."""

import struct

import pytest

from emu.address import Gva
from emu.nt.dispatcher_context import DISPATCHER_CONTEXT
from emu.nt.exception_record import EXCEPTION_POINTERS, EXCEPTION_RECORD64, ExceptionDisposition
from emu.nt.unwind import UNW_FLAG_EHANDLER
from emu.seh import frames as f
from emu.seh.context import Context
from emu.seh.handler_call import HandlerCall, execute_handler
from emu.seh.requests import CallGuest
from tests.seh.dispatches import FRAMES, HANDLER, RECORDS, TOP, Program, run
from tests.seh.unwind_images import IMAGE_BASE


@pytest.fixture
def program() -> Program:
    program = Program()
    program.function(UNW_FLAG_EHANDLER)
    return program


def make(program: Program, *, unwinding: bool = False) -> HandlerCall:
    exception = program.exception(0x100)
    exception.flags = 2 if unwinding else 0
    context = exception.context.copy()
    return HandlerCall(
        exception,
        RECORDS,
        IMAGE_BASE + 0x120,
        IMAGE_BASE,
        TOP,
        context,
        HANDLER,
        Gva(0x30_0000),
        IMAGE_BASE + 0x180 if unwinding else 0,
        unwinding=unwinding,
    )


def test_structures_fit_into_the_records_frame() -> None:
    """Each behind the other, none over the next, the contexts aligned (RECORDS is 16-aligned)."""
    areas = [
        (f.DISPATCHER_CONTEXT, struct.calcsize("<10Q")),
        (f.EXCEPTION_POINTERS, 0x10),
        (f.EXCEPTION_RECORD, 0x98),
        (f.ORIGINAL_CONTEXT, 0x4D0),
        (f.WORKING_CONTEXT, 0x4D0),
    ]
    assert len(bytes(DISPATCHER_CONTEXT())) == 0x50
    assert len(bytes(EXCEPTION_POINTERS())) == 0x10
    assert len(bytes(EXCEPTION_RECORD64())) == 0x98
    for (begin, size), (following, _) in zip(areas, [*areas[1:], (f.RECORDS_SIZE, 0)], strict=True):
        assert begin + size <= following
    assert areas[0][0] >= 0x20, "the home space of the thunk's call"
    assert f.ORIGINAL_CONTEXT % 16 == f.WORKING_CONTEXT % 16 == 0


@pytest.mark.parametrize("unwinding", [False, True])
def test_frames_are_those_that_the_thunk_would_have_built(program: Program, unwinding: bool) -> None:
    call = make(program, unwinding=unwinding)
    stub = call.build_frames(program.environment())
    memory = program.memory
    thunk = f.thunk_below(RECORDS)
    assert stub == f.stub_below(thunk) == call.stub
    assert memory.read_u64(RECORDS - 8) == FRAMES.records_return
    assert memory.read_u64(thunk + 0x20) == call.dispatcher_context_address
    returns_to = FRAMES.unwind_thunk_return if unwinding else FRAMES.search_thunk_return
    assert memory.read_u64(stub + f.STUB_SIZE) == returns_to


def test_frames_keep_the_phase_they_belong_to(program: Program) -> None:
    """They may be written when the same exception is being unwound."""
    call = make(program)
    call.exception.flags = 0x22
    stub = call.build_frames(program.environment())
    assert program.memory.read_u64(stub + f.STUB_SIZE) == FRAMES.search_thunk_return


def test_parents_are_built_first(program: Program) -> None:
    parent = make(program)
    records = f.records_below(parent.stub)
    call = HandlerCall(
        parent.exception,
        records,
        IMAGE_BASE + 0x120,
        IMAGE_BASE,
        TOP,
        parent.context,
        HANDLER,
        Gva(0x30_0000),
        IMAGE_BASE + 0x180,
        parent,
        unwinding=True,
    )
    call.build_frames(program.environment())
    memory = program.memory
    assert memory.read_u64(records + f.RECORDS_SIZE) == FRAMES.handler_stub_return
    assert memory.read_u64(RECORDS - 8) == FRAMES.records_return
    assert memory.read_u64(parent.stub + f.STUB_SIZE) == FRAMES.search_thunk_return


def test_take_over(program: Program) -> None:
    call = make(program, unwinding=True)
    context = Context(rip=0x7777)
    program.memory.write(0x40_0000, context.pack())
    values = (1, 2, 3, 4, 5, 0x40_0000, 7, 8, 9, 10)
    program.memory.write(0x50_0000, struct.pack("<9QI4x", *values))
    call.take_over(program.memory, 0x50_0000)
    taken = (call.control_pc, call.image_base, call.establisher, call.handler, call.handler_data, call.scope_index)
    assert taken == (1, 2, 4, 7, 8, 10)
    assert call.target_ip == IMAGE_BASE + 0x180, "everything but the target"
    assert call.context.rip == 0x7777


class TestExecute:
    def test_a_handler_of_the_hosts_needs_no_guest_code(self, program: Program) -> None:
        def handler(environment: object, call: HandlerCall):  # type: ignore[no-untyped-def]
            yield from ()
            return ExceptionDisposition.CONTINUE_SEARCH

        program.host_handlers[HANDLER] = handler
        steps = execute_handler(program.environment(), make(program))
        assert run(steps) == ([], ExceptionDisposition.CONTINUE_SEARCH)

    def test_only_a_collided_unwind_takes_the_structure_over(self, program: Program) -> None:
        for answer in (0, 1, 4):
            call = make(program)
            address = call.dispatcher_context_address

            def overwrite(request: object, answer: int = answer, address: int = address) -> int:
                program.memory.write(address, b"\xff" * 0x50)
                return answer

            _, result = run(execute_handler(program.environment(), call), [overwrite])
            assert result == answer
            assert (call.establisher, call.control_pc, call.handler) == (TOP, IMAGE_BASE + 0x120, HANDLER)

    def test_the_working_context_is_read_back(self, program: Program) -> None:
        call = make(program)

        def change(request: object) -> int:
            program.memory.write_u64(RECORDS + f.WORKING_CONTEXT + 0xF8, 0x9999)
            return 1

        run(execute_handler(program.environment(), call), [change])
        assert call.context.rip == 0x9999

    def test_the_call_itself(self, program: Program) -> None:
        call = make(program, unwinding=True)
        (request,), _ = run(execute_handler(program.environment(), call))
        assert isinstance(request, CallGuest)
        assert request.address == FRAMES.unwind_thunk
        assert request.arguments == (
            call.exception.record_address,
            TOP,
            RECORDS + f.WORKING_CONTEXT,
            RECORDS + f.DISPATCHER_CONTEXT,
        )


def test_reload_takes_what_guest_code_wrote(program: Program) -> None:
    exception = program.exception(0x100, flags=1)
    data = struct.pack("<IIQQI4x15Q", 0xE000_0001, 0x13, 0, 0x5555, 3, *range(15))
    program.memory.write(exception.record_address, data)
    exception.reload(program.memory)
    assert exception.flags == 0x13
    assert exception.record.code == 0xE000_0001
    assert exception.record.exception_address == 0x5555
    assert exception.record.information == (0, 1, 2)
    assert exception.final_record().flags == 1
