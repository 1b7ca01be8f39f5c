# SPDX-License-Identifier: GPL-2.0-or-later
"""The one door for exceptions: what a trap, or code that raises, begins or ends.

A page fault is decided on (emu/kernel/page_fault.py); any other trap is one exception (emu/kernel/exceptions.py). What
is to be dispatched gets its frames on the guest's stack, and its search begins.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from emu.address import PAGE_SIZE, Gva
from emu.cpu import registers as r
from emu.cpu.trap import ERROR_USER, VECTOR_NAMES, Trap, Vector
from emu.events import BugcheckRaised, ExceptionRaised, PagedIn, StackGrown, TrapTaken
from emu.kernel import trap_frame
from emu.kernel.exceptions import exception_of
from emu.kernel.page_fault import Circumstances, PageIn, RaiseException, StopMachine, decide
from emu.kernel.stack import is_kernel_writable
from emu.kernel.straight_dispatch import StraightDispatch
from emu.kernel.system import System
from emu.memory.layout import HIGHEST_USER_HALF
from emu.memory.page_table import STATE_NAMES, PageState
from emu.nt.bugcheck import BugCheck
from emu.nt.exception_record import EXCEPTION_NONCONTINUABLE, pack_exception_record
from emu.nt.status import NtStatus
from emu.outcome import Bugchecked, ExceptionRecord, Outcome, Unmodelled, make_record
from emu.seh import frames as f
from emu.seh.context import Context
from emu.seh.dispatch import dispatch_exception
from emu.seh.handler_call import PendingException
from emu.seh.requests import RaiseStatus, Steps

DOUBLE_FAULT: Final = 8
"""P1 of bugcheck 0x7F where a trap finds no room for its frame."""

USER_MODE: Final = 3

Ending: TypeAlias = Outcome | None
"""How the run ended; None: go on."""


class Dispatching(NamedTuple):
    """A dispatch that begins."""

    exception: PendingException
    steps: Steps


class Dispatched(NamedTuple):
    """A dispatch that is over: the registers are those of the `__except` block that took the exception."""

    record: ExceptionRecord


Begun: TypeAlias = Dispatching | Dispatched
"""What becomes of an exception."""


class Traps:
    """Turns traps and raised exceptions of a system into dispatches, page-ins and bugchecks."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._cpu = system.cpu
        self._memory = system.memory
        self._registers = system.cpu.registers
        self._straight = StraightDispatch(system)
        self._smap = system.profile.smap_enabled
        self._kernel_entry_ac = system.profile.kernel_entry_ac

    def page_fault(self, trap: Trap) -> Ending | Begun:
        """Act on #PF: bring the page back, grow the user stack, raise, or stop. None: the instruction is retried."""
        system, memory = self._system, self._memory
        if trap.error_code & ERROR_USER:
            return self._user_mode(trap)
        stack_pointer = self._registers[r.RSP]
        if not self._has_room(trap_frame.frame_below(stack_pointer), stack_pointer):
            return self.double_fault(trap)
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

    def exception(self, trap: Trap) -> Ending | Begun:
        """Act on any other trap: raise what Windows makes of it, or stop."""
        if trap.rip <= HIGHEST_USER_HALF and self._cpu.privilege_level == USER_MODE:
            return self._user_mode(trap)
        self._system.events.append(TrapTaken(trap.vector, trap.error_code, Gva(0), trap.rip, ""))
        if trap.vector == Vector.STACK_FAULT:
            stack_pointer = self._registers[r.RSP]
            if not self._has_room(trap_frame.frame_below(stack_pointer), stack_pointer):
                return self.double_fault(trap)
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

    def _raise_trap(self, trap: Trap, status: int, information: tuple[int, ...], rip: Gva) -> Ending | Begun:
        """Dispatch a trap's exception, or begin to."""
        system, registers = self._system, self._registers
        stack_pointer = registers[r.RSP]
        frame = trap_frame.frame_below(stack_pointer)
        records = f.records_below(frame)
        if not self._has_room(records, stack_pointer):
            return self.double_fault(trap)
        fast_fail = status == NtStatus.STACK_BUFFER_OVERRUN
        flags = EXCEPTION_NONCONTINUABLE if fast_fail else 0
        straight = self._straight
        if not straight.write_trap(trap, status, flags, rip, information, frame, records):
            return self.double_fault(trap)
        if fast_fail:  # no handler is asked
            parameters = (information[0], frame, records + f.EXCEPTION_RECORD, 0)
            return self.bugcheck(BugCheck.KERNEL_SECURITY_CHECK_FAILURE, parameters)
        system.events.append(ExceptionRaised(status, rip, information, software=False))
        record = make_record(status, flags, rip, information)
        if straight.dispatch():
            return Dispatched(record)
        context = system.current_context()
        context.rip = rip
        context.eflags |= r.FLAG_RF
        registers[r.RBP] = frame + trap_frame.FRAME_POINTER
        registers[r.RFLAGS] = trap_frame.entry_flags(registers[r.RFLAGS], self._kernel_entry_ac)
        exception = PendingException(record, records + f.EXCEPTION_RECORD, context, records + f.ORIGINAL_CONTEXT)
        return self._begin_dispatch(exception, records)

    def raise_software(
        self,
        record: ExceptionRecord,
        record_address: int,
        context: Context,
        stack_pointer: int,
        return_address: Gva,
    ) -> Ending | Begun:
        """Begin the dispatch of an exception that code raised, from the frame at `stack_pointer`.

        `record_address` is where the guest has its record; 0: it is written into the dispatch's own frame.
        """
        records = f.records_below(stack_pointer)
        if not self._has_room(records, stack_pointer):
            return self.double_fault(Trap(Vector.PAGE_FAULT, 0, Gva(records), Gva(context.rip)))
        self._system.events.append(
            ExceptionRaised(record.code, record.exception_address, record.information, software=True)
        )
        exception = PendingException(
            record,
            record_address or records + f.EXCEPTION_RECORD,
            context,
            records + f.ORIGINAL_CONTEXT,
        )
        if not record_address:
            self._memory.write(
                Gva(exception.record_address),
                pack_exception_record(record.code, record.flags, 0, record.exception_address, record.information),
            )
        self._memory.write(Gva(exception.context_address), context.pack())
        self._memory.write_u64(Gva(records + f.RECORDS_SIZE), return_address)
        return self._begin_dispatch(exception, records)

    def _begin_dispatch(self, exception: PendingException, records: int) -> Dispatching:
        steps = dispatch_exception(self._system.environment, exception, self._system.stack, records)
        return Dispatching(exception, steps)

    def unhandled(self, record: ExceptionRecord) -> Bugchecked:
        """Stop as the second chance of an exception does, where no debugger is."""
        first, second, *_ = (*record.information, 0, 0)
        return self.bugcheck(
            BugCheck.KMODE_EXCEPTION_NOT_HANDLED,
            (int(record.code), record.exception_address, first, second),
        )

    def raise_status(self, request: RaiseStatus) -> Ending | Begun:
        """Raise as RtlRaiseStatus does, called from the dispatcher's own frame."""
        context = self._system.current_context()
        context.rip = request.return_address
        context.gpr[r.RSP] = request.stack_pointer
        record = make_record(request.status, EXCEPTION_NONCONTINUABLE, request.return_address, ())
        return self.raise_software(record, 0, context, request.stack_pointer, request.return_address)

    def _has_room(self, low: int, high: int) -> bool:
        """Tell whether a trap's frames can be written from `low` up to RSP."""
        stack = self._system.stack
        if stack.low <= low and high <= stack.high:
            return True
        return all(is_kernel_writable(self._memory, page) for page in range(low, high, PAGE_SIZE)) and (
            is_kernel_writable(self._memory, high - 1)
        )

    def double_fault(self, trap: Trap) -> Bugchecked:
        """Stop as a double fault does: the trap found no stack for its frame."""
        return self.bugcheck(
            BugCheck.UNEXPECTED_KERNEL_MODE_TRAP,
            (DOUBLE_FAULT, self._registers[r.RSP], trap.address, trap.rip),
        )

    def bugcheck(self, code: int, parameters: tuple[int, int, int, int]) -> Bugchecked:
        """Stop the machine, its memory left as it is."""
        self._system.events.append(BugcheckRaised(code, parameters))
        return Bugchecked(code, parameters)
