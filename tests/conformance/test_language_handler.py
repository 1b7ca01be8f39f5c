# SPDX-License-Identifier: GPL-2.0-or-later
"""Language handlers of the guest's own: what they are given, and what each of their answers does."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned, TimedOut
from emu.events import DispatchFailed, ExceptionRaised, FilterAnswered, FrameSearched, FrameUnwound
from emu.nt.context import CONTEXT
from emu.nt.dispatcher_context import DISPATCHER_CONTEXT
from emu.nt.exception_record import EXCEPTION_RECORD64
from tests.conformance.machines import code, read, still_copies
from tests.conformance.observer import (
    DISPATCHER,
    DISPATCHER_CONTEXT_RECORD,
    EVERY_CALL,
    LANDED,
    ORIGINAL_CONTEXT,
    RECORD,
    REGISTER_INPUTS,
    XMM_INPUTS,
    Observer,
)

CONTINUE_EXECUTION, CONTINUE_SEARCH, NESTED, COLLIDED = range(4)


@pytest.fixture
def observer(machine: Machine) -> Observer:
    return Observer(machine)


@pytest.fixture
def bad(machine: Machine) -> int:
    buffer = machine.user.alloc(64)
    machine.user.protect(buffer, "none")
    return int(buffer)


def raised_codes(machine: Machine) -> list[int]:
    return [event.code for event in machine.events if isinstance(event, ExceptionRaised)]


class TestArguments:
    def test_of_the_search_phase(self, machine: Machine, observer: Observer, bad: int) -> None:
        observer.run("clobber_and_read", bad, caller="handled_call", dispositions=[CONTINUE_SEARCH] * 8)
        report = observer.report
        seen = report.seen[0]
        record, context, dispatcher = seen.record, seen.context, seen.dispatcher

        assert seen.frame == report.body_rsp == dispatcher.EstablisherFrame
        assert record.ExceptionCode == NtStatus.ACCESS_VIOLATION
        assert record.ExceptionFlags == 0
        assert context.Rip == record.ExceptionAddress, "the context is that of the fault"
        assert context.Rbx == 0x0BAD_BADB_ADBA_DBAD
        assert observer["handled_call"] < dispatcher.ControlPc < observer["handled_call"] + 0x200
        assert dispatcher.ImageBase == observer.module.base
        assert dispatcher.TargetIp == 0
        assert dispatcher.LanguageHandler == observer["recording_handler"]
        assert dispatcher.ScopeIndex == 0
        assert int.from_bytes(read(machine, dispatcher.HandlerData, 4), "little") == 1
        begin, end, unwind = (
            int.from_bytes(read(machine, dispatcher.FunctionEntry + 4 * index, 4), "little") for index in range(3)
        )
        assert begin + observer.module.base == observer["handled_call"]
        assert begin < dispatcher.ControlPc - observer.module.base < end
        assert unwind % 4 == 0

        # In the search, the dispatcher's context has left the frame already.
        own = seen.dispatcher_context
        assert own.Rsp > dispatcher.EstablisherFrame
        assert observer["handled_call"] > own.Rip or own.Rip > observer["handled_call"] + 0x200
        assert seen.context_address != dispatcher.ContextRecord
        assert seen.context_address % 16 == dispatcher.ContextRecord % 16 == 0
        assert seen.stack_pointer < min(seen.record_address, seen.context_address, seen.dispatcher_address)

    def test_of_the_unwind_phase(self, machine: Machine, observer: Observer, bad: int) -> None:
        outcome = observer.run("clobber_and_read", bad, caller="handled_call", dispositions=[CONTINUE_SEARCH] * 8)
        assert isinstance(outcome, Raised)
        report = observer.report
        assert report.handler_calls == 2
        search, unwind = report.seen[0], report.seen[1]
        assert unwind.record.ExceptionFlags == 2, "EXCEPTION_UNWINDING"
        assert unwind.record_address == search.record_address
        assert unwind.frame == search.frame
        assert unwind.dispatcher.ControlPc == search.dispatcher.ControlPc
        assert unwind.dispatcher.TargetIp != 0
        assert unwind.dispatcher.HandlerData == search.dispatcher.HandlerData
        # In the unwind, both contexts are the frame's own, with its non-volatile registers.
        assert unwind.context_address == unwind.dispatcher.ContextRecord
        context = unwind.context
        assert context.Rsp == unwind.frame
        assert context.Rip == unwind.dispatcher.ControlPc
        assert context.Rax == NtStatus.ACCESS_VIOLATION, "the value that the handler will be landed in with"
        names = ("Rbx", "Rbp", "Rsi", "Rdi", "R12", "R13", "R14", "R15")
        assert tuple(getattr(context, name) for name in names) == REGISTER_INPUTS
        assert bytes(context)[CONTEXT.Xmm6.offset :][:160] == XMM_INPUTS

    def test_of_the_target_frame(self, machine: Machine, observer: Observer, bad: int) -> None:
        """The frame that handles is told so: here a handler that hands both its calls to __C_specific_handler."""
        outcome = observer.run("read_byte", bad, caller="passing_call", answers=(1, 1))
        assert outcome == Returned(LANDED)
        assert observer.report.handler_calls == 0x102, "two calls; the first does not come back"


class TestPassingOn:
    @pytest.mark.parametrize("caller", ["passing_call", "jumping_call"])
    def test_the_filter_decides(self, machine: Machine, observer: Observer, bad: int, caller: str) -> None:
        assert observer.run("clobber_and_read", bad, caller=caller, answers=(1, 1)) == Returned(LANDED)
        report = observer.report
        assert report.filter_calls == 1
        assert report.frame == report.body_rsp
        assert report.record.ExceptionInformation[1] == bad
        assert report.landing_rax == NtStatus.ACCESS_VIOLATION
        assert report.landing_rsp == report.body_rsp
        assert tuple(report.landing_nonvolatile) == REGISTER_INPUTS
        assert bytes(report.landing_xmm) == XMM_INPUTS

    @pytest.mark.parametrize("caller", ["passing_call", "jumping_call"])
    def test_search_goes_on(self, machine: Machine, observer: Observer, bad: int, caller: str) -> None:
        outcome = observer.run("read_byte", bad, caller=caller, answers=(0, 0))
        assert isinstance(outcome, Raised)
        assert outcome.record.fault_address == bad
        assert [event.answer for event in machine.events if isinstance(event, FilterAnswered)] == [0, 1]
        assert observer.report.handler_calls == (0x202 if caller == "passing_call" else 0)

    @pytest.mark.parametrize("caller", ["passing_call", "jumping_call"])
    def test_execution_goes_on(self, machine: Machine, observer: Observer, bad: int, caller: str) -> None:
        good = machine.kernel.alloc(b"\x44")
        pokes = [(0, ORIGINAL_CONTEXT, CONTEXT.Rcx.offset, good.address)]
        outcome = observer.run("read_byte", bad, caller=caller, answers=(-1, 0), pokes=pokes)
        assert outcome == Returned(0x44)

    @pytest.mark.parametrize("caller", ["passing_call", "jumping_call"])
    def test_a_filter_that_faults_in_it(self, machine: Machine, observer: Observer, bad: int, caller: str) -> None:
        pokes = [(0, 0, 0x10, 0)]  # the first call of the filter writes to the null page
        outcome = observer.run("read_byte", bad, caller=caller, answers=(0, 1), pokes=pokes)
        assert outcome == Returned(LANDED)
        report = observer.report
        assert report.filter_calls == 2
        assert list(report.record.ExceptionInformation[:2]) == [1, 0x10]


class TestDispositions:
    def test_continue_execution(self, machine: Machine, observer: Observer, bad: int) -> None:
        good = machine.kernel.alloc(b"\x33")
        pokes = [(0, ORIGINAL_CONTEXT, CONTEXT.Rcx.offset, good.address)]
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=[CONTINUE_EXECUTION], pokes=pokes)
        assert outcome == Returned(0x33)
        assert observer.report.handler_calls == 1

    def test_continue_execution_of_a_noncontinuable_exception(
        self, machine: Machine, observer: Observer, bad: int
    ) -> None:
        """The handler may make it so itself: the flag is read back from the record."""
        pokes = [(0, RECORD, 0, NtStatus.ACCESS_VIOLATION | 1 << 32)]
        dispositions = [CONTINUE_EXECUTION, CONTINUE_SEARCH, CONTINUE_SEARCH, CONTINUE_SEARCH]
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=dispositions, pokes=pokes)
        assert isinstance(outcome, Raised)
        assert outcome.record.code == NtStatus.NONCONTINUABLE_EXCEPTION
        assert outcome.record.flags & 1
        assert raised_codes(machine) == [NtStatus.ACCESS_VIOLATION, NtStatus.NONCONTINUABLE_EXCEPTION]
        assert observer.report.seen[1].record.ExceptionCode == NtStatus.NONCONTINUABLE_EXCEPTION

    @pytest.mark.parametrize("disposition", [4, 5, 0x7FFF_FFFF, 0xFFFF_FFFF])
    def test_an_invalid_one_raises_in_the_search(
        self, machine: Machine, observer: Observer, bad: int, disposition: int
    ) -> None:
        dispositions = [disposition, CONTINUE_SEARCH, CONTINUE_SEARCH, CONTINUE_SEARCH]
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=dispositions)
        assert isinstance(outcome, Raised)
        assert outcome.record.code == NtStatus.INVALID_DISPOSITION
        assert outcome.record.flags & 1
        assert outcome.record.information == ()

    @pytest.mark.parametrize("disposition", [0, 2, 4, 0xFFFF_FFFF])
    def test_an_invalid_one_raises_in_the_unwind(
        self, machine: Machine, observer: Observer, bad: int, disposition: int
    ) -> None:
        dispositions = [CONTINUE_SEARCH, disposition, CONTINUE_SEARCH, CONTINUE_SEARCH, CONTINUE_SEARCH]
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=dispositions)
        assert isinstance(outcome, Raised)
        assert outcome.record.code == NtStatus.INVALID_DISPOSITION

    def test_an_invalid_one_for_ever_ends_with_the_stack(self, machine: Machine, observer: Observer, bad: int) -> None:
        """Each raise is one level deeper, as in Windows: the kernel stack bounds it."""
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=[9] * 8)
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[0]) == (0x7F, 8)

    def test_nested_exception_marks_the_record(self, machine: Machine, observer: Observer, bad: int) -> None:
        """A handler that claims a nested exception up to its own frame: the frames above see no flag any more."""
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=[NESTED, CONTINUE_SEARCH])
        assert isinstance(outcome, Raised)

    def test_collided_unwind_that_goes_nowhere(self, machine: Machine, observer: Observer, bad: int) -> None:
        """The structure is unchanged, so the walk would stand where it stood: the stack counts as bad."""
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=[COLLIDED] * 8)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x1E
        assert any(isinstance(event, DispatchFailed) for event in machine.events)

    def test_collided_unwind_out_of_nowhere_in_the_unwind(self, machine: Machine, observer: Observer, bad: int) -> None:
        dispositions = [CONTINUE_SEARCH, COLLIDED, CONTINUE_SEARCH, CONTINUE_SEARCH, CONTINUE_SEARCH]
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=dispositions)
        assert isinstance(outcome, Raised)
        assert outcome.record.code == NtStatus.BAD_STACK

    @pytest.mark.parametrize("handler", ["KiCollidedUnwindHandler", "KiNestedExceptionHandler", "__C_specific_handler"])
    @pytest.mark.parametrize("call", [0, 1])
    def test_a_dispatcher_context_that_names_the_kernels_own_handlers(
        self, machine: Machine, observer: Observer, bad: int, handler: str, call: int
    ) -> None:
        """What the host does for the kernel needs no guest code, so nothing but its own care would ever end it."""
        kernel = machine._system.kernel
        loop = machine.kernel.alloc(0x100)
        pokes = [
            (call, DISPATCHER, DISPATCHER_CONTEXT.LanguageHandler.offset, kernel[handler]),
            (call, DISPATCHER, DISPATCHER_CONTEXT.HandlerData.offset, loop.address),
        ]
        dispositions = [CONTINUE_SEARCH] * call + [COLLIDED] + [CONTINUE_SEARCH] * 6
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=dispositions, pokes=pokes)
        assert isinstance(outcome, Raised | Bugchecked)

    @pytest.mark.parametrize("field", [name for name, *_ in DISPATCHER_CONTEXT._fields_[:9]])
    @pytest.mark.parametrize("value", [0, 1, 0x1000, 0x8000_0000_0000, 0xFFFF_9000_0001_5000, 0xFFFF_FFFF_FFFF_FFFF])
    @pytest.mark.parametrize("disposition", [1, 2, 3])
    @pytest.mark.parametrize("call", [0, 1])
    def test_garbage_in_the_dispatcher_context(
        self, machine: Machine, observer: Observer, bad: int, field: str, value: int, disposition: int, call: int
    ) -> None:
        pokes = [(call, DISPATCHER, getattr(DISPATCHER_CONTEXT, field).offset, value)]
        dispositions = [CONTINUE_SEARCH] * call + [disposition] + [CONTINUE_SEARCH] * 6
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=dispositions, pokes=pokes)
        assert isinstance(outcome, Raised | Bugchecked)
        if disposition == CONTINUE_SEARCH:
            assert outcome == observer.run(
                "read_byte", bad, caller="handled_call", dispositions=[CONTINUE_SEARCH] * 8
            ), "only a collided unwind takes anything but the context from the structure"
        str(outcome)

    def test_the_working_context_is_the_guests_to_change(self, machine: Machine, observer: Observer, bad: int) -> None:
        """In the search, DISPATCHER_CONTEXT.ContextRecord is what the walk goes on from."""
        pokes = [(0, DISPATCHER_CONTEXT_RECORD, CONTEXT.Rsp.offset, 0x1000)]
        outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=[CONTINUE_SEARCH] * 8, pokes=pokes)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x1E
        failed = [event for event in machine.events if isinstance(event, DispatchFailed)]
        assert failed
        assert "0x1000" in failed[0].reason


def test_a_handler_that_never_returns(machine: Machine, observer: Observer, bad: int) -> None:
    loop = code(machine, "ebfe")
    pokes = [
        (0, DISPATCHER, DISPATCHER_CONTEXT.LanguageHandler.offset, loop),
        (0, DISPATCHER, DISPATCHER_CONTEXT.EstablisherFrame.offset, 0xFFFF_9000_0001_5F00),
    ]
    outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=[COLLIDED], pokes=pokes, budget=3000)
    assert isinstance(outcome, TimedOut | Bugchecked | Raised)
    machine.reset()
    still_copies(machine)


def test_record_that_a_handler_changes(machine: Machine, observer: Observer, bad: int) -> None:
    """Later handlers, and the outcome, see the record as it is in memory."""
    pokes = [
        (0, RECORD, EXCEPTION_RECORD64.ExceptionCode.offset, 0xE012_3456),
        (0, RECORD, EXCEPTION_RECORD64.ExceptionInformation.offset + 8, 0x77),
    ]
    outcome = observer.run("read_byte", bad, caller="handled_call", dispositions=[CONTINUE_SEARCH] * 2, pokes=pokes)
    assert isinstance(outcome, Raised)
    assert (outcome.record.code, outcome.record.information) == (0xE012_3456, (0, 0x77))
    assert machine.registers["rax"] == 0xE012_3456


def test_events_name_the_handler(machine: Machine, observer: Observer, bad: int) -> None:
    observer.run("read_byte", bad, caller="handled_call", dispositions=[CONTINUE_SEARCH] * 2)
    handler = observer["recording_handler"]
    assert [event.handler for event in machine.events if isinstance(event, FrameSearched)][1] == handler
    assert [event.handler for event in machine.events if isinstance(event, FrameUnwound)][1] == handler
    assert EVERY_CALL > 0
