# SPDX-License-Identifier: GPL-2.0-or-later
"""`__C_specific_handler` over scope tables of every shape."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.address import Gva
from emu.events import FilterAnswered, FinallyRun
from emu.nt.exception_record import EXCEPTION_POINTERS, ExceptionDisposition
from emu.nt.unwind import UNW_FLAG_EHANDLER
from emu.seh import frames as f
from emu.seh.c_specific_handler import MAXIMUM_SCOPES, Scope, c_specific_handler, decode_scope_table, read_scope_table
from emu.seh.context import RSP
from emu.seh.handler_call import HandlerCall
from emu.seh.requests import CallGuest, Land
from emu.seh.unwind_info import UnwindError
from tests.seh.dispatches import FRAMES, RECORDS, TOP, Program, run
from tests.seh.unwind_images import IMAGE_BASE, Memory

TABLE = Gva(0x20_0000)
PC = 0x120
"""RVA of the control pc: 20h into the first function."""

SEARCH = ExceptionDisposition.CONTINUE_SEARCH
CONTINUE = ExceptionDisposition.CONTINUE_EXECUTION


def encode(scopes: Sequence[Scope]) -> bytes:
    return len(scopes).to_bytes(4, "little") + b"".join(
        value.to_bytes(4, "little") for scope in scopes for value in scope
    )


class Case:
    """One handler call for a function at RVA 100h with a scope table."""

    def __init__(self, *scopes: Scope, unwinding: int = 0, target: int = 0, scope_index: int = 0) -> None:
        self.program = Program()
        self.program.function(UNW_FLAG_EHANDLER)
        self.exception = self.program.exception(0x100)
        self.exception.flags = unwinding
        self.program.memory.write(TABLE, encode(scopes))
        self.call = HandlerCall(
            self.exception,
            RECORDS,
            IMAGE_BASE + PC,
            IMAGE_BASE,
            TOP,
            self.exception.context.copy(),
            Gva(0),
            TABLE,
            IMAGE_BASE + target if target else 0,
            unwinding=bool(unwinding),
        )
        self.call.scope_index = scope_index
        self.steps = c_specific_handler(self.program.environment(), self.call)


class TestTable:
    @given(st.lists(st.builds(Scope, *[st.integers(0, 0xFFFF_FFFF)] * 4), max_size=20))
    def test_round_trip(self, scopes: list[Scope]) -> None:
        memory = Memory()
        memory.write(TABLE, encode(scopes))
        assert read_scope_table(memory, TABLE) == tuple(scopes)

    @given(st.binary(max_size=100), st.integers(0, 104))
    def test_any_bytes_are_a_table_or_none(self, data: bytes, at: int) -> None:
        try:
            scopes = decode_scope_table(lambda rva, size: data[rva : rva + size], at)
        except UnwindError:
            count = int.from_bytes(data[at : at + 4], "little")
            assert len(data) < at + 4 + 16 * count
            return
        assert encode(scopes) == data[at : at + 4 + 16 * len(scopes)]

    @pytest.mark.parametrize("count", [MAXIMUM_SCOPES + 1, 0xFFFF_FFFF])
    def test_impossible_count(self, count: int) -> None:
        memory = Memory()
        memory.write(TABLE, count.to_bytes(4, "little"))
        with pytest.raises(UnwindError, match=f"says it has {count} scopes"):
            read_scope_table(memory, TABLE)


class TestSearch:
    def test_no_scope(self) -> None:
        assert run(Case().steps) == ([], SEARCH)

    @pytest.mark.parametrize(("begin", "end"), [(0, PC), (PC + 1, 0x1000), (0x1000, 0), (PC, PC)])
    def test_elsewhere(self, begin: int, end: int) -> None:
        assert run(Case(Scope(begin, end, 1, 0x180)).steps) == ([], SEARCH)

    def test_finally_is_nothing_to_a_search(self) -> None:
        assert run(Case(Scope(0, 0x1000, 0x180, 0)).steps) == ([], SEARCH)

    def test_filter_is_called(self) -> None:
        case = Case(Scope(PC, PC + 1, 0x500, 0x180))
        (request,), _ = run(case.steps)
        stub = f.stub_below(f.thunk_below(RECORDS))
        assert request == CallGuest(
            Gva(IMAGE_BASE + 0x500), (stub + f.STUB_SCRATCH, TOP), stub, FRAMES.handler_stub_return
        )
        pointers = EXCEPTION_POINTERS.from_buffer_copy(case.program.memory.read(stub + f.STUB_SCRATCH, 16))
        assert pointers.ExceptionRecord == case.exception.record_address
        assert pointers.ContextRecord == case.exception.context_address

    @pytest.mark.parametrize(
        ("answer", "signed"), [(0, 0), (1 << 32, 0), (0xFFFF_FFFF, -1), (0x8000_0000, -(1 << 31)), ((1 << 64) - 1, -1)]
    )
    def test_answers(self, answer: int, signed: int) -> None:
        case = Case(Scope(0, 0x1000, 0x500, 0x180))
        _, result = run(case.steps, [answer])
        assert result == (CONTINUE if signed < 0 else SEARCH)
        assert case.program.events[-1] == FilterAnswered(Gva(TOP), Gva(IMAGE_BASE + 0x500), signed)

    @pytest.mark.parametrize("answer", [1, 0x7FFF_FFFF])
    def test_accepting_lands(self, answer: int) -> None:
        case = Case(Scope(0, 0x1000, 0x500, 0x180))
        requests, _ = run(case.steps, [answer])
        assert isinstance(requests[-1], Land)
        context = requests[-1].context
        assert (context.rip, context.gpr[RSP], context.gpr[0]) == (IMAGE_BASE + 0x180, TOP, 0xC000_0005)

    def test_constant_filter_needs_no_guest_code(self) -> None:
        case = Case(Scope(0, 0x1000, 1, 0x180))
        (request,), _ = run(case.steps)
        assert isinstance(request, Land)
        assert case.program.events[0] == FilterAnswered(Gva(TOP), None, 1)

    def test_scopes_in_order(self) -> None:
        case = Case(Scope(0, 0x1000, 0x500, 0x180), Scope(0, 0x1000, 0x600, 0x190), Scope(0, 0x1000, 0x700, 0x1A0))
        requests, result = run(case.steps, [0, 0, 0])
        assert [request.address - IMAGE_BASE for request in requests if isinstance(request, CallGuest)] == [
            0x500,
            0x600,
            0x700,
        ]
        assert result == SEARCH

    @pytest.mark.parametrize("index", [1, 2, 3, 0xFFFF_FFFF])
    def test_from_the_scope_index_on(self, index: int) -> None:
        scopes = [Scope(0, 0x1000, 0x500 + number, 0x180) for number in range(3)]
        requests, result = run(Case(*scopes, scope_index=index).steps, [0] * 3)
        assert len(requests) == max(0, 3 - index)
        assert result == SEARCH

    def test_record_that_the_filter_has_changed(self) -> None:
        case = Case(Scope(0, 0x1000, 0x500, 0x180))

        def change(request: object) -> int:
            case.program.memory.write(case.exception.record_address, (0xE000_0001).to_bytes(4, "little"))
            return 1

        requests, _ = run(case.steps, [change])
        assert isinstance(requests[-1], Land)
        assert requests[-1].record.code == 0xE000_0001
        assert requests[-1].context.gpr[0] == 0xE000_0001


class TestUnwind:
    def test_finally_in_order_with_rcx_1(self) -> None:
        case = Case(Scope(0, 0x1000, 0x500, 0), Scope(0, 0x1000, 0x600, 0), unwinding=2, target=0x900)
        requests, result = run(case.steps, [0, 0])
        assert result == SEARCH
        calls = [request for request in requests if isinstance(request, CallGuest)]
        assert [call.address - IMAGE_BASE for call in calls] == [0x500, 0x600]
        assert all(call.arguments == (1, TOP) for call in calls)
        assert case.program.events == [FinallyRun(Gva(TOP), Gva(IMAGE_BASE + rva)) for rva in (0x500, 0x600)]

    @pytest.mark.parametrize(("begin", "end"), [(0, PC), (PC + 1, 0x1000), (0x1000, 0), (PC, PC)])
    def test_elsewhere(self, begin: int, end: int) -> None:
        assert run(Case(Scope(begin, end, 0x500, 0), unwinding=2, target=0x900).steps) == ([], SEARCH)

    def test_the_bounds_of_a_scope(self) -> None:
        requests, _ = run(Case(Scope(PC, PC + 1, 0x500, 0), unwinding=2, target=0x900).steps, [0])
        assert len(requests) == 1

    def test_scope_index_is_in_memory_while_one_runs(self) -> None:
        """A collided unwind goes on behind it."""
        case = Case(Scope(0, 0x1000, 0x500, 0), Scope(0, 0x1000, 0x600, 0), unwinding=2, target=0x900)
        indices: list[int] = []

        def note(request: object) -> int:
            address = RECORDS + f.DISPATCHER_CONTEXT + 0x48
            indices.append(int.from_bytes(case.program.memory.read(address, 4), "little"))
            return 0

        run(case.steps, [note, note])
        assert indices == [1, 2]

    def test_except_scopes_are_passed(self) -> None:
        case = Case(Scope(0, 0x1000, 0x500, 0x180), Scope(0, 0x1000, 0x600, 0), unwinding=2, target=0x900)
        requests, _ = run(case.steps, [0])
        assert [request.address - IMAGE_BASE for request in requests if isinstance(request, CallGuest)] == [0x600]

    def test_stops_at_the_target_scope(self) -> None:
        """A __finally around the __except that was chosen is not left."""
        scopes = (Scope(0, 0x130, 0x500, 0), Scope(0, 0x140, 1, 0x180), Scope(0, 0x1000, 0x600, 0))
        case = Case(*scopes, unwinding=0x22, target=0x180)
        requests, result = run(case.steps, [0, 0])
        assert [request.address - IMAGE_BASE for request in requests if isinstance(request, CallGuest)] == [0x500]
        assert result == SEARCH

    def test_an_except_scope_that_is_not_the_target_is_passed(self) -> None:
        scopes = (Scope(0, 0x130, 1, 0x170), Scope(0, 0x130, 0x500, 0), Scope(0, 0x140, 1, 0x180))
        requests, _ = run(Case(*scopes, unwinding=0x22, target=0x180).steps, [0])
        assert len(requests) == 1

    def test_target_within_the_same_try(self) -> None:
        """A local unwind within a __try does not run the __finally of that __try."""
        inner = Scope(PC, PC + 0x10, 0x500, 0)
        same = Scope(0x180, 0x190, 0x500, 0)
        assert run(Case(inner, same, unwinding=0x22, target=0x184).steps) == ([], SEARCH)

    def test_target_of_another_frame_stops_nothing(self) -> None:
        scopes = (Scope(0, 0x1000, 1, 0x180), Scope(0, 0x1000, 0x600, 0))
        requests, _ = run(Case(*scopes, unwinding=2, target=0x180).steps, [0])
        assert len(requests) == 1


class TestMemory:
    def test_a_table_that_the_guest_has_written_is_read_anew(self) -> None:
        """Nothing keeps an image from having its scope tables in a section that it can write."""
        case = Case(Scope(0, 0x1000, 0x500, 0x180))
        environment = case.program.environment()
        assert len(run(c_specific_handler(environment, case.call), [0])[0]) == 1
        case.program.memory.write(TABLE, encode([]))
        assert run(c_specific_handler(environment, case.call)) == ([], SEARCH)

    def test_the_largest_table_takes_linear_time(self) -> None:
        scopes = [Scope(0, 0x1000, 0x500, 2 + index) for index in range(MAXIMUM_SCOPES)]
        case = Case(*scopes, unwinding=0x22, target=0x2000)
        assert run(case.steps) == ([], SEARCH)
