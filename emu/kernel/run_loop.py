# SPDX-License-Identifier: GPL-2.0-or-later
"""The one run loop: run to a trap, act on it, go on.

Whatever takes guest code to do, a dispatch or an export, is a generator that yields what it needs
(emu/seh/requests.py). Each one that waits for guest code is tied to the guest's stack pointer at which it waits: a
landing above that closes it. So nothing nests on the host, and the guest's own stack bounds the depth.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator
from typing import Final, Protocol, TypeAlias

from emu.address import ADDRESS_MASK, PAGE_SIZE, Gva, is_canonical
from emu.cpu import registers as r
from emu.cpu.trap import ERROR_PRESENT, ERROR_USER, ERROR_WRITE, VECTOR_NAMES, Trap, Vector
from emu.events import BugcheckRaised, ExceptionRaised, ExportCalled, PagedIn, StackGrown, TrapTaken
from emu.kernel import trap_frame
from emu.kernel.exceptions import exception_of
from emu.kernel.guest_fault import GuestFault
from emu.kernel.page_fault import Circumstances, PageIn, RaiseException, StopMachine, decide
from emu.kernel.stack import is_kernel_writable
from emu.kernel.stubs import AFTER_CALLBACK, AT_CALL, ExportBugcheck, ExportCall, ExportUnmodelled, Stub
from emu.kernel.system import ARGUMENT_REGISTERS, System
from emu.memory.errors import NotMapped
from emu.memory.layout import HIGHEST_USER_HALF
from emu.memory.page_table import STATE_NAMES, PageState
from emu.nt.bugcheck import BugCheck
from emu.nt.context import CONTEXT_SIZE
from emu.nt.exception_record import EXCEPTION_NONCONTINUABLE, pack_exception_record
from emu.nt.status import NtStatus
from emu.outcome import Bugchecked, ExceptionRecord, Outcome, TimedOut, Unmodelled, make_record
from emu.seh import frames as f
from emu.seh.context import Context
from emu.seh.dispatch import HANDLED, dispatch_exception
from emu.seh.handler_call import PendingException
from emu.seh.requests import CallGuest, GiveUp, Land, RaiseRecord, RaiseStatus, Resume, Steps

FLAGS_CLEARED_IN_HANDLERS: Final = r.FLAG_TF | r.FLAG_DF | r.FLAG_NT | r.FLAG_RF
CONTEXT_FLAGS_ALLOWED: Final = 0x0024_0FD5
"""RFLAGS that a context may set: arithmetic, TF, IF, DF, AC, ID. On silicon RF is gone after the first instruction,
while the engine would keep it through every block that follows."""

MXCSR_ALLOWED: Final = 0xFFFF
"""MXCSR_MASK of every CPU model: a bit above it would be a #GP."""

DOUBLE_FAULT: Final = 8
"""P1 of bugcheck 0x7F where a trap finds no room for its frame."""

USER_MODE: Final = 3

Ending: TypeAlias = Outcome | None
"""How the run ended; None: go on."""


class Activation:
    """A generator that waits for guest code, and where on the guest's stack it does.

    `finish` takes its result; `stub` is the export that it is the body of, if it is one.
    """

    __slots__ = ("finish", "returns_to", "stack_pointer", "steps", "stub")

    def __init__(self, steps: Steps, finish: Callable[[int], Ending], stub: Stub | None = None) -> None:
        self.steps = steps
        self.finish = finish
        self.stub = stub
        self.stack_pointer = 0
        self.returns_to = 0


class Observer(Protocol):
    """Who looks at the processor at exact stops (`Processor.stop_in`), and learns what moves it between two of them.

    The registers are the processor's own. An observer changes nothing.
    """

    def at_instruction(self, rip: Gva) -> None:
        """The processor stands before an instruction."""

    def guest_called(self) -> None:
        """The host calls guest code: the processor is at its first instruction, the return address pushed."""

    def context_loaded(self) -> None:
        """The processor goes on from a context: landed in an `__except`, resumed, or jumped to."""


class RunLoop:
    """Runs a system from one call's start to its end."""

    def __init__(self, system: System) -> None:
        self.system = system
        self._cpu = system.cpu
        self._memory = system.memory
        self._registers = system.cpu.registers
        self._waiting: list[Activation] = []
        self._smap = system.profile.smap_enabled
        self.landed_record: ExceptionRecord | None = None
        """The exception of the last landing."""
        self.observer: Observer | None = None

    def run(self, budget: int, endings: dict[int, Callable[[], Outcome]]) -> Outcome:
        """Go on from the registers as they are until an ending: RIP of a host call → the outcome it stands for."""
        self._close_all()
        self.landed_record = None
        cpu, registers = self._cpu, self._registers
        registers[r.BUDGET] = budget
        while True:
            trap = cpu.run()
            vector = trap.vector
            if vector == Vector.PAGE_FAULT:
                ending = self._page_fault(trap)
            elif vector == Vector.HOST_CALL:
                end = endings.get(trap.rip)
                if end is not None:
                    self._close_all()
                    return end()
                ending = self._host_call(trap.rip)
            elif vector == Vector.EXACT_STOP:
                if self.observer is not None:
                    self.observer.at_instruction(trap.rip)
                continue
            elif vector == Vector.BUDGET_EXHAUSTED:
                ending = TimedOut(budget, trap.rip)
            elif vector == Vector.ENGINE_STOPPED:
                ending = Unmodelled(trap.detail, trap.rip)
            else:
                ending = self._exception(trap)
            if ending is not None:
                self._close_all()
                return ending

    def _close_all(self) -> None:
        for activation in self._waiting:
            activation.steps.close()
        self._waiting.clear()

    def _page_fault(self, trap: Trap) -> Ending:
        system, memory = self.system, self._memory
        if trap.error_code & ERROR_USER:
            return self._user_mode(trap)
        stack_pointer = self._registers[r.RSP]
        if not self._has_room(trap_frame.frame_below(stack_pointer), stack_pointer):
            return self._double_fault(trap)
        module = system.modules.find(trap.rip)
        now = Circumstances(
            irql=self._cpu.irql,
            rflags=self._registers[r.RFLAGS],
            smap=self._smap,
            in_driver=module is not None and module.module is not system.kernel,
        )
        decision = decide(trap, memory, now)
        state = STATE_NAMES[memory.state(trap.address)]
        system.events.append(TrapTaken(trap.vector, trap.error_code, trap.address, trap.rip, state))
        if isinstance(decision, PageIn):
            memory.set_state(trap.address, PageState.RESIDENT)
            system.events.append(PagedIn(trap.address, trap.rip))
            return None
        if isinstance(decision, StopMachine):
            return self.bugcheck(decision.code, decision.parameters)
        if decision.disarm:
            if system.user_stack.holds(trap.address):
                guard = system.user_stack.grow(trap.address)
                if guard is not None:
                    system.events.append(StackGrown(trap.address, guard))
                    return None
                decision = RaiseException(NtStatus.STACK_OVERFLOW, decision.information)
            else:
                memory.set_state(trap.address, PageState.RESIDENT)
        return self._raise_trap(trap, decision.status, decision.information, trap.rip)

    def _exception(self, trap: Trap) -> Ending:
        if trap.rip <= HIGHEST_USER_HALF and self._cpu.privilege_level == USER_MODE:
            return self._user_mode(trap)
        self.system.events.append(TrapTaken(trap.vector, trap.error_code, Gva(0), trap.rip, ""))
        if trap.vector == Vector.STACK_FAULT:
            stack_pointer = self._registers[r.RSP]
            if not self._has_room(trap_frame.frame_below(stack_pointer), stack_pointer):
                return self._double_fault(trap)
            return self.bugcheck(BugCheck.UNEXPECTED_KERNEL_MODE_TRAP, (Vector.STACK_FAULT, 0, 0, trap.rip))
        raised = exception_of(trap, self._registers, self._memory)
        if raised is None:
            name = VECTOR_NAMES.get(trap.vector, f"interrupt {trap.vector:#x}")
            return Unmodelled(f"{name} has no handler yet", trap.rip)
        return self._raise_trap(trap, raised.status, raised.information, raised.rip)

    @staticmethod
    def _user_mode(trap: Trap) -> Unmodelled:
        name = VECTOR_NAMES.get(trap.vector, f"interrupt {trap.vector:#x}")
        return Unmodelled(f"{name} in user mode (CPL 3): only kernel code has trap handlers here", trap.rip)

    def _raise_trap(self, trap: Trap, status: int, information: tuple[int, ...], rip: Gva) -> Ending:
        """Begin the dispatch of a trap's exception."""
        registers = self._registers
        frame = trap_frame.frame_below(registers[r.RSP])
        records = f.records_below(frame)
        if not self._has_room(records, registers[r.RSP]):
            return self._double_fault(trap)
        context = self.system.current_context()
        context.rip = rip
        context.eflags |= r.FLAG_RF
        self._memory.write(Gva(frame), trap_frame.pack_trap_frame(trap, context))
        registers[r.RBP] = frame + trap_frame.FRAME_POINTER
        registers[r.RFLAGS] = trap_frame.entry_flags(registers[r.RFLAGS], self.system.profile.kernel_entry_ac)
        fast_fail = status == NtStatus.STACK_BUFFER_OVERRUN
        record = make_record(status, EXCEPTION_NONCONTINUABLE if fast_fail else 0, rip, information)
        exception = PendingException(record, records + f.EXCEPTION_RECORD, context, records + f.ORIGINAL_CONTEXT)
        self._write_record(exception)
        if fast_fail:  # no handler is asked
            parameters = (information[0], frame, exception.record_address, 0)
            return self.bugcheck(BugCheck.KERNEL_SECURITY_CHECK_FAILURE, parameters)
        self.system.events.append(ExceptionRaised(status, rip, information, software=False))
        return self._begin_dispatch(exception, records, self.system.trap_entry_return)

    def _raise_software(
        self,
        record: ExceptionRecord,
        record_address: int,
        context: Context,
        stack_pointer: int,
        return_address: Gva,
    ) -> Ending:
        """Begin the dispatch of an exception that code raised, from the frame at `stack_pointer`.

        `record_address` is where the guest has its record; 0: it is written into the dispatch's own frame.
        """
        records = f.records_below(stack_pointer)
        if not self._has_room(records, stack_pointer):
            return self._double_fault(Trap(Vector.PAGE_FAULT, 0, Gva(records), Gva(context.rip)))
        self.system.events.append(
            ExceptionRaised(record.code, record.exception_address, record.information, software=True)
        )
        exception = PendingException(
            record,
            record_address or records + f.EXCEPTION_RECORD,
            context,
            records + f.ORIGINAL_CONTEXT,
        )
        if not record_address:
            self._write_record(exception)
        return self._begin_dispatch(exception, records, return_address)

    def _write_record(self, exception: PendingException) -> None:
        record = exception.record
        self._memory.write(
            Gva(exception.record_address),
            pack_exception_record(record.code, record.flags, 0, record.exception_address, record.information),
        )

    def _begin_dispatch(self, exception: PendingException, records: int, returns_to: Gva) -> Ending:
        self._memory.write(Gva(exception.context_address), exception.context.pack())
        self._memory.write_u64(Gva(records + f.RECORDS_SIZE), returns_to)
        steps = dispatch_exception(self.system.environment, exception, self.system.stack, records)
        return self._advance(Activation(steps, lambda result: self._end_dispatch(exception, result)), None)

    def _end_dispatch(self, exception: PendingException, result: int) -> Ending:
        if result == HANDLED:
            self._resume(Context.unpack(self._memory.read(Gva(exception.context_address), CONTEXT_SIZE)))
            return None
        return self._unhandled(exception.record)

    def _unhandled(self, record: ExceptionRecord) -> Bugchecked:
        """Stop as the second chance of an exception does, where no debugger is."""
        first, second, *_ = (*record.information, 0, 0)
        return self.bugcheck(
            BugCheck.KMODE_EXCEPTION_NOT_HANDLED,
            (int(record.code), record.exception_address, first, second),
        )

    def _host_call(self, rip: Gva) -> Ending:
        stub = self.system.stubs.calls.get(rip)
        if stub is not None:
            return self._export(stub)
        stack_pointer = self._registers[r.RSP]
        if self._waiting:
            top = self._waiting[-1]
            if (top.returns_to, top.stack_pointer) == (rip - 1, stack_pointer):
                self._waiting.pop()
                return self._advance(top, self._registers[r.RAX])
        if self._memory.read_available(Gva(rip - 1), 1) != b"\xf4":
            return Unmodelled("the engine stopped without a reason", rip)
        if self.system.modules.find(rip) is self.system.modules.find(self.system.kernel.base):
            return Unmodelled(
                f"guest code returned to the kernel with RSP {stack_pointer:#x}, where nothing waits for it", rip
            )
        return Unmodelled("`hlt` in guest code waits for an interrupt, and there are none", Gva(rip - 1))

    def _export(self, stub: Stub) -> Ending:
        call = ExportCall(self.system, self._registers[r.RSP], stub.address)
        result = None
        try:
            self.system.events.append(ExportCalled(stub.name, call.caller))
            result = stub.function(call)
        except GuestFault as fault:
            return self._fault_in_export(fault, stub)
        except NotMapped as missing:
            return self._fault_in_export(GuestFault(missing.address, write=False), stub)
        except ExportBugcheck as stop:
            return self.bugcheck(stop.code, stop.parameters)
        except ExportUnmodelled as reason:
            return Unmodelled(f"{stub.name}: {reason}", call.caller)
        if isinstance(result, Generator):
            return self._advance(Activation(result, lambda value: self._return_from(stub, value), stub), None)
        return self._return_from(stub, result or 0)

    def _return_from(self, stub: Stub, value: int) -> Ending:
        self._registers[r.RAX] = value & ADDRESS_MASK
        self._registers[r.RIP] = stub.address + AFTER_CALLBACK
        return None

    def _fault_in_export(self, fault: GuestFault, stub: Stub) -> Ending:
        """Make a page fault of a touch by the host's part of an export; a page-in calls the export again."""
        rip, address = Gva(stub.address + AT_CALL), Gva(fault.address & ADDRESS_MASK)
        self._registers[r.RIP] = rip
        if not is_canonical(address):
            return self._exception(Trap(Vector.GENERAL_PROTECTION, 0, Gva(0), rip))
        present = self._memory.state(address) == PageState.RESIDENT
        error_code = (ERROR_WRITE if fault.write else 0) | (ERROR_PRESENT if present else 0)
        return self._page_fault(Trap(Vector.PAGE_FAULT, error_code, address, rip))

    def _advance(self, activation: Activation, value: int | None) -> Ending:
        """Let a generator go on, and do what it asks."""
        try:
            request = activation.steps.send(value)  # type: ignore[arg-type]
        except StopIteration as stop:
            return activation.finish(stop.value)
        except NotMapped as error:
            if activation.stub is not None and not self.system.stack.is_overrun_at(error.address):
                return self._fault_in_export(GuestFault(error.address, write=False), activation.stub)
            # The host writes below RSP, where a dispatch keeps its frames: the stack has no room for them.
            return self._double_fault(Trap(Vector.PAGE_FAULT, ERROR_WRITE, error.address, Gva(self._registers[r.RIP])))
        except GuestFault as fault:
            if activation.stub is None:
                raise
            return self._fault_in_export(fault, activation.stub)
        if isinstance(request, Land):
            activation.steps.close()
            self._land(request)
            return None
        if isinstance(request, Resume):
            activation.steps.close()
            self._resume(request.context)
            return None
        if isinstance(request, CallGuest):
            return self._call_guest(activation, request)
        if isinstance(request, GiveUp):
            activation.steps.close()
            return self._unhandled(request.record)
        activation.stack_pointer = request.stack_pointer
        self._wait(activation)
        if isinstance(request, RaiseRecord):
            return self._raise_software(*request)
        return self._raise_status(request)

    def _wait(self, activation: Activation) -> None:
        """Let a generator wait. What waits on the same stack, but not above it, guest code has left without a word."""
        waiting, stack = self._waiting, self.system.stack
        low, high = stack.low, activation.stack_pointer
        if high <= stack.high:
            while waiting and low <= waiting[-1].stack_pointer <= high:
                waiting.pop().steps.close()
        waiting.append(activation)

    def _call_guest(self, activation: Activation, request: CallGuest) -> Ending:
        registers = self._registers
        stack_pointer = request.stack_pointer
        try:
            self._memory.write_u64(Gva(stack_pointer - f.RETURN_ADDRESS_SIZE), request.return_address)
        except NotMapped as error:
            activation.steps.close()
            return self._double_fault(Trap(Vector.PAGE_FAULT, ERROR_WRITE, error.address, request.address))
        for register, value in zip(ARGUMENT_REGISTERS, request.arguments, strict=False):
            registers[register] = value & ADDRESS_MASK
        registers[r.RSP] = stack_pointer - f.RETURN_ADDRESS_SIZE
        registers[r.RIP] = request.address & ADDRESS_MASK
        registers[r.RFLAGS] &= ~FLAGS_CLEARED_IN_HANDLERS
        activation.stack_pointer = stack_pointer
        activation.returns_to = request.return_address
        self._wait(activation)
        if self.observer is not None:
            self.observer.guest_called()
        return None

    def _raise_status(self, request: RaiseStatus) -> Ending:
        """Raise as RtlRaiseStatus does, called from the dispatcher's own frame."""
        context = self.system.current_context()
        context.rip = request.return_address
        context.gpr[r.RSP] = request.stack_pointer
        record = make_record(request.status, EXCEPTION_NONCONTINUABLE, request.return_address, ())
        return self._raise_software(record, 0, context, request.stack_pointer, request.return_address)

    def _land(self, request: Land) -> None:
        """Go on in an `__except` block, with the handlers' RFLAGS, not those of the code that faulted."""
        context = request.context
        context.eflags = self._registers[r.RFLAGS] & ~FLAGS_CLEARED_IN_HANDLERS
        context.mxcsr = self._cpu.mxcsr if request.mxcsr is None else request.mxcsr & MXCSR_ALLOWED
        self.landed_record = request.record
        self._load(context)

    def _resume(self, context: Context) -> None:
        """Go on from a context, which guest code may have written."""
        context.eflags = context.eflags & CONTEXT_FLAGS_ALLOWED | trap_frame.ALWAYS_SET
        context.mxcsr &= MXCSR_ALLOWED
        self._load(context)

    def _load(self, context: Context) -> None:
        """Put a context into the processor, and close every generator whose stack is gone."""
        registers, cpu = self._registers, self._cpu
        registers[:16] = array("Q", context.gpr)
        registers[r.RIP] = context.rip & ADDRESS_MASK
        registers[r.RFLAGS] = context.eflags
        if context.mxcsr != cpu.mxcsr:
            cpu.mxcsr = context.mxcsr
        if context.xmm != cpu.xmm:
            cpu.xmm[:] = context.xmm
            cpu.extended_changed()
        waiting, stack_pointer = self._waiting, context.gpr[r.RSP]
        while waiting and waiting[-1].stack_pointer < stack_pointer:
            waiting.pop().steps.close()
        if self.observer is not None:
            self.observer.context_loaded()

    def _has_room(self, low: int, high: int) -> bool:
        """Tell whether a trap's frames can be written from `low` up to RSP."""
        stack = self.system.stack
        if stack.low <= low and high <= stack.high:
            return True
        return all(is_kernel_writable(self._memory, page) for page in range(low, high, PAGE_SIZE)) and (
            is_kernel_writable(self._memory, high - 1)
        )

    def _double_fault(self, trap: Trap) -> Ending:
        """Stop as a double fault does: the trap found no stack for its frame."""
        return self.bugcheck(
            BugCheck.UNEXPECTED_KERNEL_MODE_TRAP,
            (DOUBLE_FAULT, self._registers[r.RSP], trap.address, trap.rip),
        )

    def bugcheck(self, code: int, parameters: tuple[int, int, int, int]) -> Bugchecked:
        """Stop the machine, its memory left as it is."""
        self.system.events.append(BugcheckRaised(code, parameters))
        return Bugchecked(code, parameters)
