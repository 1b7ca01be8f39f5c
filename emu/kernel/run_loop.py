# SPDX-License-Identifier: GPL-2.0-or-later
"""The one run loop: run to a trap, act on it, go on. What a trap becomes is emu/kernel/traps.py's to say.

Whatever takes guest code to do, a dispatch or an export, is a generator that yields what it needs
(emu/seh/requests.py). Each one that waits for guest code is tied to the guest's stack pointer at which it waits: a
landing above that closes it. So nothing nests on the host, and the guest's own stack bounds the depth.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator
from typing import Final, Protocol

from emu.address import ADDRESS_MASK, Gva, is_canonical
from emu.cpu import registers as r
from emu.cpu.trap import ERROR_PRESENT, ERROR_WRITE, Trap, Vector
from emu.events import ExportCalled
from emu.kernel import trap_frame
from emu.kernel.guest_fault import GuestFault
from emu.kernel.stubs import AFTER_CALLBACK, AT_CALL, ExportBugcheck, ExportCall, ExportUnmodelled, Stub
from emu.kernel.system import ARGUMENT_REGISTERS, System
from emu.kernel.traps import Begun, Dispatched, Dispatching, Ending, Traps
from emu.memory.errors import NotMapped
from emu.memory.page_table import PageState
from emu.nt.context import CONTEXT_SIZE
from emu.outcome import ExceptionRecord, Outcome, TimedOut, Unmodelled
from emu.seh import frames as f
from emu.seh.context import Context
from emu.seh.dispatch import HANDLED
from emu.seh.handler_call import PendingException
from emu.seh.requests import CallGuest, GiveUp, Land, RaiseRecord, Resume, Steps

FLAGS_CLEARED_IN_HANDLERS: Final = r.FLAG_TF | r.FLAG_DF | r.FLAG_NT | r.FLAG_RF
CONTEXT_FLAGS_ALLOWED: Final = 0x0024_0FD5
"""RFLAGS that a context may set: arithmetic, TF, IF, DF, AC, ID. On silicon RF is gone after the first instruction,
while the engine would keep it through every block that follows."""

MXCSR_ALLOWED: Final = 0xFFFF
"""MXCSR_MASK of every CPU model: a bit above it would be a #GP."""


# A member of an enumeration takes as long to look up as a small call.
_PAGE_FAULT: Final = int(Vector.PAGE_FAULT)
_HOST_CALL: Final = int(Vector.HOST_CALL)


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

    def started(self) -> None:
        """A run begins: the processor is in the bottom frame."""

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
        self._traps = Traps(system)
        self.landed_record: ExceptionRecord | None = None
        """The exception of the last landing."""
        self.observer: Observer | None = None

    def run(self, budget: int, endings: dict[int, Callable[[], Outcome]]) -> Outcome:
        """Go on from the registers as they are until an ending: RIP of a host call → the outcome it stands for.

        `budget` is in blocks; an event that the host notes, as a frame that it searches, counts as one.
        """
        self._close_all()
        self.landed_record = None
        cpu, registers, events = self._cpu, self._registers, self.system.events
        registers[r.BUDGET] = budget
        if self.observer is not None:
            self.observer.started()
        charged = len(events)
        while True:
            # What the host does for the guest counts, too, or a few blocks could ask for any amount of it.
            if len(events) > charged:
                self.system.charge(len(events) - charged)
                charged = len(events)
            trap = cpu.run()
            vector = trap.vector
            if vector == _PAGE_FAULT:
                ending = self._page_fault(trap)
            elif vector == _HOST_CALL:
                end = endings.get(trap.rip)
                if end is not None:
                    self._close_all()
                    return end()
                ending = self._host_call(trap.rip)
            elif vector == Vector.RECORDER_STOP:
                if self.system.intervention is not None:
                    self.system.intervention.stopped()
                continue
            elif vector == Vector.EXACT_STOP:
                if self.observer is not None:
                    self.observer.at_instruction(trap.rip)
                continue
            elif vector == Vector.BUDGET_EXHAUSTED:
                ending = TimedOut(budget, trap.rip)
            elif vector == Vector.ENGINE_STOPPED:
                ending = Unmodelled(trap.detail, trap.rip)
            else:
                ending = self._begin(self._traps.exception(trap))
            if ending is not None:
                self._close_all()
                return ending

    def _close_all(self) -> None:
        for activation in self._waiting:
            activation.steps.close()
        self._waiting.clear()

    def _begin(self, result: Ending | Begun) -> Ending:
        """Start a dispatch, if that is what came of a trap."""
        if isinstance(result, Dispatched):
            self.landed_record = result.record
            self._context_loaded()
            return None
        if not isinstance(result, Dispatching):
            return result
        exception = result.exception
        return self._advance(Activation(result.steps, lambda handled: self._end_dispatch(exception, handled)), None)

    def _end_dispatch(self, exception: PendingException, result: int) -> Ending:
        if result == HANDLED:
            self._resume(Context.unpack(self._memory.read(Gva(exception.context_address), CONTEXT_SIZE)))
            return None
        return self._traps.unhandled(exception.record)

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
            return self._traps.bugcheck(stop.code, stop.parameters)
        except ExportUnmodelled as reason:
            return Unmodelled(f"{stub.name}: {reason}", call.caller)
        if isinstance(result, Generator):
            return self._advance(Activation(result, lambda value: self._return_from(call, value), stub), None)
        return self._return_from(call, result or 0)

    def _return_from(self, call: ExportCall, value: int) -> Ending:
        self._registers[r.RAX] = value & ADDRESS_MASK
        self._registers[r.RSP] = call.stack_pointer  # a search has called guest code further down
        self._registers[r.RIP] = call.stub + AFTER_CALLBACK
        return None

    def _fault_in_export(self, fault: GuestFault, stub: Stub) -> Ending:
        """Make a page fault of a touch by the host's part of an export; a page-in calls the export again."""
        rip, address = Gva(stub.address + AT_CALL), Gva(fault.address & ADDRESS_MASK)
        self._registers[r.RIP] = rip
        if not is_canonical(address):
            return self._begin(self._traps.exception(Trap(Vector.GENERAL_PROTECTION, 0, Gva(0), rip)))
        present = self._memory.state(address) == PageState.RESIDENT
        error_code = (ERROR_WRITE if fault.write else 0) | (ERROR_PRESENT if present else 0)
        return self._page_fault(Trap(Vector.PAGE_FAULT, error_code, address, rip))

    def _page_fault(self, trap: Trap) -> Ending:
        result = self._traps.page_fault(trap)
        if self.system.intervention is not None:
            self.system.intervention.page_faulted(trap.address)
        return self._begin(result)

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
            return self._traps.double_fault(
                Trap(Vector.PAGE_FAULT, ERROR_WRITE, error.address, Gva(self._registers[r.RIP]))
            )
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
            return self._traps.unhandled(request.record)
        activation.stack_pointer = request.stack_pointer
        self._wait(activation)
        if isinstance(request, RaiseRecord):
            return self._begin(self._traps.raise_software(*request))
        return self._begin(self._traps.raise_status(request))

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
            return self._traps.double_fault(Trap(Vector.PAGE_FAULT, ERROR_WRITE, error.address, request.address))
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
        """Put a context into the processor."""
        registers, cpu = self._registers, self._cpu
        registers[:16] = array("Q", context.gpr)
        registers[r.RIP] = context.rip & ADDRESS_MASK
        registers[r.RFLAGS] = context.eflags
        if context.mxcsr != cpu.mxcsr:
            cpu.mxcsr = context.mxcsr
        if context.xmm != cpu.xmm:
            cpu.xmm[:] = context.xmm
            cpu.extended_changed()
        self._context_loaded()

    def _context_loaded(self) -> None:
        """Close every generator whose stack is gone."""
        waiting, stack_pointer = self._waiting, self._registers[r.RSP]
        while waiting and waiting[-1].stack_pointer < stack_pointer:
            waiting.pop().steps.close()
        if self.observer is not None:
            self.observer.context_loaded()
