# SPDX-License-Identifier: GPL-2.0-or-later
"""The two phases with guest code in every part: filters, `__finally` blocks and handlers run on the guest's CPU."""

import pytest

from emu import Bugchecked, Machine, NtStatus, Raised, Returned
from emu.address import Gva
from emu.cpu.registers import FLAG_AC, FLAG_DF, FLAG_IF, FLAG_TF
from emu.events import (
    Event,
    ExceptionRaised,
    ExecutionContinued,
    FilterAnswered,
    FinallyRun,
    FrameSearched,
    FrameUnwound,
    Landed,
    TrapTaken,
)
from emu.nt.context import CONTEXT, CONTEXT_ALL
from emu.nt.exception_record import EXCEPTION_RECORD64
from tests.conformance.machines import boot, code, read
from tests.conformance.observer import (
    CONTINUED,
    LANDED,
    NONVOLATILE,
    ORIGINAL_CONTEXT,
    RECORD,
    REGISTER_INPUTS,
    XMM_INPUTS,
    Observer,
)

PROFILES = ("nehalem", "skylake-server", "skylake-server,smap=permit", "skylake-server,smap=off")

EXECUTE, SEARCH, CONTINUE = 1, 0, -1


@pytest.fixture
def observer(machine: Machine) -> Observer:
    return Observer(machine)


@pytest.fixture
def bad(machine: Machine) -> Gva:
    """A user address that nobody can touch."""
    buffer = machine.user.alloc(64, name="bad")
    machine.user.protect(buffer, "none")
    return Gva(buffer.address + 0x23)


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_filter_sees_the_record(machine: Machine, observer: Observer, bad: int) -> None:
    assert observer.run("write_byte", bad, answers=(EXECUTE, EXECUTE)) == Returned(LANDED)
    record = observer.report.record
    assert record.ExceptionCode == NtStatus.ACCESS_VIOLATION
    assert record.ExceptionFlags == 0
    assert record.ExceptionRecord == 0
    assert record.ExceptionAddress == observer["write_byte"]
    assert record.NumberParameters == 2
    assert list(record.ExceptionInformation[:2]) == [1, bad]
    assert not any(record.ExceptionInformation[2:])


def test_filter_sees_the_context_of_the_fault(machine: Machine, observer: Observer, bad: int) -> None:
    observer.run("read_byte", bad, answers=(EXECUTE, EXECUTE))
    report = observer.report
    context = report.context
    assert context.Rip == observer["read_byte"]
    assert context.Rsp == report.body_rsp - 8
    assert context.Rcx == bad
    assert context.Rax == observer["read_byte"]
    assert tuple(getattr(context, name.capitalize()) for name in NONVOLATILE) == REGISTER_INPUTS
    assert bytes(context)[CONTEXT.Xmm6.offset :][:160] == XMM_INPUTS
    assert context.ContextFlags == CONTEXT_ALL
    assert (context.SegCs, context.SegSs) == (0x10, 0x18)
    assert context.MxCsr == context.FltSave.MxCsr == 0x1F80
    assert context.EFlags & FLAG_IF


def test_filter_is_called_as_windows_calls_it(machine: Machine, observer: Observer, bad: int) -> None:
    """rcx = EXCEPTION_POINTERS, rdx = establisher frame, and a stack that is aligned where it was called."""
    observer.run("read_byte", bad, answers=(EXECUTE, EXECUTE))
    report = observer.report
    assert report.filter_calls == 1
    assert report.frame == report.body_rsp
    record, context = observer.pointers()
    assert context % 16 == 0
    assert record % 8 == 0
    assert EXCEPTION_RECORD64.from_buffer_copy(read(machine, record, 0x98)).ExceptionInformation[1] == bad
    assert read(machine, context, 0x4D0) == bytes(report.context)
    assert report.pointers < report.body_rsp


@pytest.mark.parametrize("target", ["read_byte", "write_byte", "clobber_and_read", "framed_read", "fault_in_prologue"])
@pytest.mark.parametrize("profile", PROFILES)
def test_landing_restores_every_nonvolatile(profile: str, target: str) -> None:
    machine = boot(profile)
    observer = Observer(machine)
    bad = machine.user.alloc(16)
    machine.user.unmap(bad)
    assert observer.run(target, bad.address, answers=(EXECUTE, EXECUTE)) == Returned(LANDED)
    report = observer.report
    assert report.landing_rax == NtStatus.ACCESS_VIOLATION
    assert report.landing_rsp == report.body_rsp
    assert tuple(report.landing_nonvolatile) == REGISTER_INPUTS
    assert bytes(report.landing_xmm) == XMM_INPUTS


@pytest.mark.parametrize("profile", PROFILES)
def test_handlers_run_with_the_flags_of_a_trap_entry(profile: str) -> None:
    """DF and TF are clear, IF as it was, AC by the kernel's policy (facts/seh.md, "Flags while handlers run")."""
    machine = boot(profile)
    observer = Observer(machine)
    bad = machine.user.alloc(16)
    machine.user.unmap(bad)
    observer.run("clobber_and_read", bad.address, answers=(EXECUTE, EXECUTE))
    report = observer.report
    assert report.context.EFlags & FLAG_DF, "the routine has set DF: the context is that of the fault"
    for flags in (report.flags, report.landing_flags):
        assert not flags & (FLAG_DF | FLAG_TF)
        assert flags & FLAG_IF
        assert bool(flags & FLAG_AC) == (profile == "skylake-server,smap=permit")


def test_events_of_a_handled_fault(machine: Machine, observer: Observer, bad: Gva) -> None:
    observer.run("read_byte", bad, answers=(EXECUTE, EXECUTE))
    frame = observer.report.body_rsp
    trap, raised, leaf, searched, answered, *unwound, landed = machine.events
    assert trap == TrapTaken(14, 0, bad, observer["read_byte"], "none")
    assert raised == ExceptionRaised(NtStatus.ACCESS_VIOLATION, observer["read_byte"], (0, bad), False)
    assert leaf == FrameSearched(observer["read_byte"], frame - 8, None)
    assert isinstance(searched, FrameSearched)
    assert searched.establisher == frame
    assert searched.handler is not None
    assert answered == FilterAnswered(frame, observer["observed_filter"], EXECUTE)
    assert unwound == [FrameUnwound(leaf.pc, leaf.establisher, None), FrameUnwound(*searched)]
    assert isinstance(landed, Landed)
    assert landed.establisher == frame


def test_continue_search_reaches_the_next_frame(machine: Machine, observer: Observer, bad: int) -> None:
    outcome = observer.run("read_byte", bad, answers=(SEARCH, SEARCH))
    assert isinstance(outcome, Raised)
    assert outcome.record.fault_address == bad
    assert outcome.record.operation == "read"
    assert outcome.record.exception_address == observer["read_byte"]
    assert observer.report.filter_calls == 1
    answers = [event for event in machine.events if isinstance(event, FilterAnswered)]
    assert [(event.filter is None, event.answer) for event in answers] == [(False, SEARCH), (True, EXECUTE)]


def test_unhandled_is_bugcheck_1e(machine: Machine, observer: Observer, bad: int) -> None:
    outcome = observer.run("write_byte", bad, answers=(SEARCH, SEARCH), guarded=False)
    assert outcome == Bugchecked(0x1E, (NtStatus.ACCESS_VIOLATION, observer["write_byte"], 1, bad))


@pytest.mark.parametrize("answer", [1, 2, 0x7FFF_FFFF])
def test_every_positive_answer_is_execute_handler(observer: Observer, bad: int, answer: int) -> None:
    assert observer.run("read_byte", bad, answers=(answer, answer)) == Returned(LANDED)


@pytest.mark.parametrize("answer", [-1, -2, -0x8000_0000])
def test_every_negative_answer_is_continue_execution(observer: Observer, bad: int, answer: int) -> None:
    rip = CONTEXT.Rip.offset
    pokes = [(0, ORIGINAL_CONTEXT, rip, observer["read_byte"] + 3)]  # behind the load: the ret
    assert observer.run("read_byte", bad, answers=(answer, SEARCH), pokes=pokes) == Returned(observer["read_byte"])


class TestContinueExecution:
    """EXCEPTION_CONTINUE_EXECUTION goes on from the CONTEXT in guest memory, as the filter left it."""

    def test_a_repaired_register_makes_the_load_work(self, machine: Machine, observer: Observer, bad: int) -> None:
        good = machine.kernel.alloc(b"\x77")
        pokes = [(0, ORIGINAL_CONTEXT, CONTEXT.Rcx.offset, good.address)]
        assert observer.run("read_byte", bad, answers=(CONTINUE, SEARCH), pokes=pokes) == Returned(0x77)
        assert observer.report.result == 0x77
        assert kinds(machine.events)[-1] == "ExecutionContinued"
        assert machine.events[-1] == ExecutionContinued(observer["read_byte"])

    def test_the_same_fault_again_asks_the_filter_again(self, observer: Observer, bad: int) -> None:
        assert observer.run("read_byte", bad, answers=(CONTINUE, EXECUTE)) == Returned(LANDED)
        assert observer.report.filter_calls == 2

    def test_every_register_comes_from_the_context(self, machine: Machine, observer: Observer, bad: int) -> None:
        names = ("Rax", "Rcx", "Rdx", "Rbx", "Rbp", "Rsi", "Rdi", *(f"R{number}" for number in range(8, 16)))
        values = {name: 0x0101_0101_0101_0101 * (number + 1) for number, name in enumerate(names)}
        halt = code(machine, "f4")
        pokes = [
            *((0, ORIGINAL_CONTEXT, getattr(CONTEXT, name).offset, value) for name, value in values.items()),
            (0, ORIGINAL_CONTEXT, CONTEXT.Rip.offset, halt),
        ]
        observer.run("read_byte", bad, answers=(CONTINUE, SEARCH), pokes=pokes)
        registers = machine.registers
        assert {name: registers[name.lower()] for name in names} == values
        assert registers["rsp"] == observer.report.context.Rsp

    def test_xmm_mxcsr_and_flags_come_from_the_context(self, machine: Machine, observer: Observer, bad: int) -> None:
        halt = code(machine, "f4")
        flags = 0x246 | 1 << 0 | FLAG_DF | FLAG_AC
        pokes = [
            (0, ORIGINAL_CONTEXT, CONTEXT.Rip.offset, halt),
            (0, ORIGINAL_CONTEXT, CONTEXT.Xmm0.offset, 0x1234),
            (0, ORIGINAL_CONTEXT, CONTEXT.Xmm15.offset + 8, 0x5678),
            # ContextFlags below MxCsr, SegSs below EFlags: a quadword covers both
            (0, ORIGINAL_CONTEXT, CONTEXT.ContextFlags.offset, CONTEXT_ALL | 0x7F80 << 32),
            (0, ORIGINAL_CONTEXT, CONTEXT.EFlags.offset - 4, 0x0018_002B | flags << 32),
        ]
        observer.run("read_byte", bad, answers=(CONTINUE, SEARCH), pokes=pokes)
        registers = machine.registers
        assert registers["xmm0"] & (1 << 64) - 1 == 0x1234
        assert registers["xmm15"] >> 64 == 0x5678
        assert registers["mxcsr"] == 0x7F80
        assert registers["rflags"] & ~(1 << 16) == flags

    def test_flags_that_code_may_not_have_are_left_out(self, machine: Machine, observer: Observer, bad: int) -> None:
        """VM, IOPL, NT and the reserved bits do not come back from a context."""
        halt = code(machine, "f4")
        pokes = [
            (0, ORIGINAL_CONTEXT, CONTEXT.Rip.offset, halt),
            (0, ORIGINAL_CONTEXT, CONTEXT.EFlags.offset - 4, 0x0018_002B | 0xFFFF_FEFF << 32),
        ]
        observer.run("read_byte", bad, answers=(CONTINUE, SEARCH), pokes=pokes)
        assert not machine.registers["rflags"] & (1 << 17 | 3 << 12 | 1 << 14 | 1 << 15 | 0xFFC0_0000)

    def test_mxcsr_that_no_processor_has(self, machine: Machine, observer: Observer, bad: int) -> None:
        """Reserved bits of MXCSR would be a #GP in ldmxcsr: the kernel takes them out."""
        halt = code(machine, "f4")
        pokes = [
            (0, ORIGINAL_CONTEXT, CONTEXT.Rip.offset, halt),
            (0, ORIGINAL_CONTEXT, CONTEXT.ContextFlags.offset, CONTEXT_ALL | 0xFFFF_FFFF << 32),
        ]
        observer.run("read_byte", bad, answers=(CONTINUE, SEARCH), pokes=pokes)
        assert machine.registers["mxcsr"] == 0xFFFF

    def test_the_context_may_send_it_anywhere(self, machine: Machine, observer: Observer, bad: int) -> None:
        pokes = [(0, ORIGINAL_CONTEXT, CONTEXT.Rip.offset, 0x1234)]
        outcome = observer.run("read_byte", bad, answers=(CONTINUE, SEARCH), pokes=pokes)
        assert isinstance(outcome, Raised)
        assert (outcome.record.operation, outcome.record.fault_address) == ("execute", 0x1234)

    def test_a_trap_may_be_continued_behind_a_breakpoint(self, machine: Machine, observer: Observer) -> None:
        """The context of an int3 points at it: who continues has to step over."""
        address = code(machine, "b807000000cc83c001c3")
        pokes = [(0, ORIGINAL_CONTEXT, CONTEXT.Rip.offset, address + 6)]
        assert observer.run(address, 0, answers=(CONTINUE, SEARCH), pokes=pokes) == Returned(8)
        assert observer.report.record.ExceptionCode == NtStatus.BREAKPOINT
        assert observer.report.record.ExceptionAddress == address + 5
        assert observer.report.context.Rip == address + 5


class TestFinally:
    def test_runs_between_the_phases(self, machine: Machine, observer: Observer, bad: int) -> None:
        inner = machine.kernel.alloc(0x6100)
        arguments = machine.kernel.alloc(
            b"".join(value.to_bytes(8, "little") for value in (inner.address, observer["read_byte"], bad))
        )
        outcome = observer.run("call_with_finally", arguments.address, answers=(EXECUTE, EXECUTE))
        assert outcome == Returned(LANDED)
        finals = [event for event in machine.events if isinstance(event, FinallyRun)]
        assert [event.address for event in finals] == [observer["observed_finally"]]
        order = kinds(machine.events)
        assert order.index("FilterAnswered") < order.index("FinallyRun") < order.index("Landed")

        offset = type(observer.report).finally_calls.offset
        calls, argument, _, frame, _ = (
            int.from_bytes(inner.read(8, offset + 8 * index), "little") for index in range(5)
        )
        assert (calls, argument) == (1, 1)
        assert frame == finals[0].establisher
        assert tuple(observer.report.landing_nonvolatile) == REGISTER_INPUTS

    def test_is_not_run_where_the_search_finds_nobody(self, machine: Machine, observer: Observer, bad: int) -> None:
        outcome = machine.call(observer["finally_call"], observer.buffer, observer["read_byte"], bad, guarded=False)
        assert isinstance(outcome, Bugchecked)
        assert observer.report.finally_calls == 0

    def test_runs_for_the_handler_of_the_guarded_call(self, machine: Machine, observer: Observer, bad: int) -> None:
        outcome = machine.call(observer["finally_call"], observer.buffer, observer["read_byte"], bad)
        assert isinstance(outcome, Raised)
        report = observer.report
        assert (report.finally_calls, report.finally_argument[0]) == (1, 1)


class TestRaise:
    """RtlRaiseException from C."""

    def record(self, code: int, flags: int = 0, information: tuple[int, ...] = (), count: int | None = None) -> bytes:
        record = EXCEPTION_RECORD64()
        record.ExceptionCode = code
        record.ExceptionFlags = flags
        record.NumberParameters = len(information) if count is None else count
        record.ExceptionInformation[: len(information)] = information
        return bytes(record)

    def test_the_filter_gets_the_record_itself(self, machine: Machine, observer: Observer) -> None:
        parameters = tuple(range(100, 115))
        raised = machine.kernel.alloc(self.record(0xE000_0001, 0, parameters))
        assert observer.run("raise", raised.address, answers=(EXECUTE, EXECUTE)) == Returned(LANDED)
        report = observer.report
        assert report.landing_rax == 0xE000_0001
        assert observer.pointers().record == raised.address
        assert tuple(report.record.ExceptionInformation) == parameters
        assert observer["raise"] < report.record.ExceptionAddress < observer["raise"] + 0x20
        assert report.context.Rip == report.record.ExceptionAddress
        assert int.from_bytes(raised.read(8, 0x10), "little") == report.record.ExceptionAddress

    def test_unguarded_it_is_a_bugcheck_with_its_parameters(self, machine: Machine, observer: Observer) -> None:
        raised = machine.kernel.alloc(self.record(0xE000_0002, 0, (7, 8, 9)))
        outcome = machine.call(observer["raise"], raised, guarded=False)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x1E
        assert outcome.parameters[0] == 0xE000_0002
        assert outcome.parameters[2:] == (7, 8)

    def test_continued_it_returns(self, machine: Machine, observer: Observer) -> None:
        raised = machine.kernel.alloc(self.record(0xE000_0003))
        assert observer.run("raise", raised.address, answers=(CONTINUE, SEARCH)) == Returned(CONTINUED)

    def test_a_noncontinuable_one_that_is_continued_raises_again(self, machine: Machine, observer: Observer) -> None:
        raised = machine.kernel.alloc(self.record(0xE000_0004, 1))
        assert observer.run("raise", raised.address, answers=(CONTINUE, EXECUTE)) == Returned(LANDED)
        report = observer.report
        assert report.filter_calls == 2
        assert report.record.ExceptionCode == NtStatus.NONCONTINUABLE_EXCEPTION
        assert report.record.ExceptionFlags & 1
        assert report.landing_rax == NtStatus.NONCONTINUABLE_EXCEPTION

    def test_flags_other_than_noncontinuable_do_not_survive(self, machine: Machine, observer: Observer) -> None:
        raised = machine.kernel.alloc(self.record(0xE000_0005, 0xFFFF_FF7E))
        assert observer.run("raise", raised.address, answers=(EXECUTE, EXECUTE)) == Returned(LANDED)
        assert observer.report.record.ExceptionFlags == 0

    def test_more_parameters_than_a_record_holds(self, machine: Machine, observer: Observer) -> None:
        raised = machine.kernel.alloc(self.record(0xE000_0006, 0, tuple(range(15)), count=0xFFFF_FFFF))
        outcome = machine.call(observer["raise"], raised)
        assert isinstance(outcome, Raised)
        assert outcome.record.information == tuple(range(15))

    def test_an_absent_record_faults_in_the_export(self, machine: Machine, observer: Observer, bad: int) -> None:
        outcome = machine.call(observer["raise"], bad)
        assert isinstance(outcome, Raised)
        assert outcome.record.code == NtStatus.ACCESS_VIOLATION
        assert outcome.record.fault_address == bad

    def test_a_paged_out_record_comes_back(self, machine: Machine, observer: Observer) -> None:
        raised = machine.kernel.alloc(self.record(0xE000_0007, 0, (1,)), offset=0xFC0)
        machine.kernel.page_out(raised)
        outcome = machine.call(observer["raise"], raised)
        assert isinstance(outcome, Raised)
        assert (outcome.record.code, outcome.record.information) == (0xE000_0007, (1,))
        assert kinds(machine.events).count("PagedIn") == 2
        assert kinds(machine.events).count("ExportCalled") == 3, "once for each retry"

    def test_a_record_that_cannot_be_written(self, machine: Machine, observer: Observer) -> None:
        """It stores the address into the record: read-only kernel memory is a bugcheck, as for any other store."""
        raised = machine.kernel.alloc(self.record(0xE000_0008))
        machine.kernel.protect(raised, "ro")
        outcome = machine.call(observer["raise"], raised)
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[0]) == (0xBE, raised.address + 0x10)

    @pytest.mark.parametrize("address", [0x8000_0000_0000, 0x0000_A000_0003_0000, 0xFFFF_7FFF_FFFF_FFF0])
    def test_a_record_at_no_address_at_all(self, machine: Machine, observer: Observer, address: int) -> None:
        outcome = machine.call(observer["raise"], address)
        assert isinstance(outcome, Raised)
        assert outcome.record.information == (0, 0xFFFF_FFFF_FFFF_FFFF)

    @pytest.mark.parametrize("address", [0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFF0, 0xFFFF_FFFF_FFFF_F000])
    def test_a_record_at_the_end_of_everything(self, machine: Machine, observer: Observer, address: int) -> None:
        outcome = machine.call(observer["raise"], address)
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[0]) == (0x50, address)


def test_filter_changes_the_record_for_those_behind_it(machine: Machine, observer: Observer, bad: int) -> None:
    """The record in guest memory is the one that the next handler, and a bugcheck, would see."""
    pokes = [(0, RECORD, 0x28, 0xABCD)]
    outcome = observer.run("read_byte", bad, answers=(SEARCH, SEARCH), pokes=pokes)
    assert isinstance(outcome, Raised)


@pytest.mark.parametrize("optimize", ["0", "1", "2", "3"])
@pytest.mark.parametrize("target", ["msvc", "gnu"])
def test_filters_of_every_compilation(machine: Machine, bad: int, optimize: str, target: str) -> None:
    observer = Observer(machine, optimize, target)
    assert observer.run("read_byte", bad, answers=(EXECUTE, EXECUTE)) == Returned(LANDED)
    assert observer.report.record.ExceptionInformation[1] == bad
