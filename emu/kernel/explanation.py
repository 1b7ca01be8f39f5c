# SPDX-License-Identifier: GPL-2.0-or-later
"""Says what happened in words: symbols, disassembly, source lines, and which byte of which buffer."""

from __future__ import annotations

from collections.abc import Sequence

from emu.address import PAGE_SIZE, Gva
from emu.cpu.instruction import MAXIMUM_LENGTH, decode
from emu.cpu.trap import VECTOR_NAMES, Vector, describe_error_code
from emu.events import (
    BugcheckRaised,
    DebugPrinted,
    DispatchFailed,
    Event,
    ExceptionRaised,
    ExecutionContinued,
    ExportCalled,
    FaultStruck,
    FilterAnswered,
    FinallyRun,
    FramesConsolidated,
    FrameSearched,
    FrameUnwound,
    Landed,
    PagedIn,
    PoolAllocated,
    PoolFreed,
    StackGrown,
    TrapTaken,
)
from emu.image import ImageError, SourceLine
from emu.kernel.modules import ModuleUnwinder
from emu.kernel.pool import FreedBlock, format_tag
from emu.kernel.refusal import explain_refusal
from emu.kernel.scopes import TryBlock, is_except_block, try_blocks
from emu.kernel.system import System
from emu.memory.buffer import Buffer
from emu.nt.bugcheck import BugCheck, to_bugcheck
from emu.nt.exception_record import describe_filter_answer
from emu.outcome import ExceptionRecord, make_record
from emu.seh.c_specific_handler import c_specific_handler

PROLOGUE_SIZE = 32
"""Bytes in which compilers set up the frame of a funclet, for which the line table has no line."""


class Explanation:
    """The modules and buffers of one moment. Cheap to make: every call makes one, few are read."""

    __slots__ = ("_buffers", "_linked", "_modules", "_system")

    def __init__(self, system: System) -> None:
        self._system = system
        self._modules = system.modules.unwinders
        self._linked = system.modules.linked
        self._buffers = (*system.user.buffers, *system.kernel_data.buffers)

    def _module_at(self, address: Gva) -> ModuleUnwinder | None:
        return next((unwinder for unwinder in self._modules if unwinder.module.contains(address)), None)

    def locate(self, address: Gva) -> str:
        """Return `module!symbol+0xoffset` for code, `buffer+offset` for data, else the number."""
        unwinder = self._module_at(address)
        if unwinder is not None:
            module = unwinder.module
            export = self._system.stubs.name_at(address) if module is self._system.kernel else None
            return module.describe(address) if export is None else f"{module.name}!{export}"
        buffer = self.buffer_at(address)
        if buffer is None:
            return f"{address:#x}"
        offset = address - buffer.origin
        return f"{buffer.name or f'buffer {buffer.origin:#x}'}{offset:+d}"

    def function_name(self, address: Gva) -> str:
        """Return `module!function` for code, without the offset."""
        return self.locate(address).partition("+")[0]

    def source_line(self, address: Gva) -> SourceLine | None:
        """Return the source line of code, where the image's debug information has it."""
        unwinder = self._module_at(address)
        try:
            return unwinder.module.source_line(address) if unwinder else None
        except ImageError:
            return None

    def instruction(self, address: Gva) -> str:
        """Return the disassembly of one instruction, empty where there is none."""
        unwinder = self._module_at(address)
        if unwinder is not None and self._system.modules.find(address) is not unwinder:
            code = unwinder.read(address - unwinder.base, MAXIMUM_LENGTH)  # the module is gone from memory
        else:
            code = self._system.memory.read_available(address, MAXIMUM_LENGTH)
        return decode(code).text

    def buffer_at(self, address: Gva) -> Buffer | None:
        """Return the buffer that an address lies in, or on whose last page."""
        for buffer in self._buffers:
            end = -(-(buffer.origin + buffer.size) // PAGE_SIZE) * PAGE_SIZE
            if buffer.origin <= address < end:
                return buffer
        return None

    def explain_code(self, address: Gva) -> str:
        """Return where code is, what the instruction there is and its source line, in one line."""
        parts = [self.locate(address)]
        if text := self.instruction(address):
            parts.append(f"`{text}`")
        if line := self.source_line(address):
            parts.append(f"({line.file}:{line.line})")
        return " ".join(parts)

    def explain_data(self, address: Gva) -> str:
        """Return which byte of which buffer an address is, empty where it is in none."""
        buffer = self.buffer_at(address)
        if buffer is None:
            return self._explain_pool(address)
        offset, name = address - buffer.origin, buffer.name or f"the buffer at {buffer.origin:#x}"
        if offset < buffer.size:
            return f"byte {offset} of {name} ({buffer.size} bytes)"
        return f"{offset - buffer.size + 1} past the end of {name} ({buffer.size} bytes)"

    def _explain_pool(self, address: Gva) -> str:
        found = self._system.pool.covering(address)
        if found is None:
            return ""
        block, fate = (
            (found.block, f", freed from {self.locate(found.caller)}") if isinstance(found, FreedBlock) else (found, "")
        )
        offset = address - block.address
        if 0 <= offset < block.size:
            where = f"byte {offset} of"
        else:
            where = f"{-offset} before" if offset < 0 else f"{offset - block.size + 1} past the end of"
        return (
            f"{where} a pool block of {block.size} bytes, tag {format_tag(block.tag)!r}, "
            f"allocated from {self.locate(block.caller)}{fate}"
        )

    def explain_record(self, record: ExceptionRecord) -> list[str]:
        """Return the lines that say where an exception came from and what it touched."""
        lines = [f"at {self.explain_code(record.exception_address)}"]
        if record.fault_address is not None and (data := self.explain_data(record.fault_address)):
            lines.append(f"touching {data}")
        return lines

    def explain_refusal(self, events: Sequence[Event]) -> str:
        """Return why no frame accepted the last exception of these events, in one sentence."""
        return explain_refusal(self, events)

    def explain_event(self, event: Event) -> str:
        """Return one line about an event."""
        locate = self.locate
        match event:
            case TrapTaken():
                return self._explain_trap(event)
            case PagedIn(address, _):
                return f"paged in {address & ~0xFFF:#x}; the instruction is retried"
            case StackGrown(_, guard):
                return f"the user stack grew; its guard page is now {guard:#x}"
            case ExceptionRaised(code, address, information, software):
                how = "raised by software" if software else "raised by the trap"
                record = make_record(code, 0, address, information)
                return f"exception {str(record).partition(', at ')[0]}, {how}"
            case FrameSearched(pc, establisher, handler):
                return f"search  {locate(pc)}, frame {establisher:#x}, {self._handler(handler, pc)}"
            case FilterAnswered(_, None, answer):
                return f"        filter: the constant {describe_filter_answer(answer)}"
            case FilterAnswered(_, address, answer):
                assert address is not None
                return f"        filter {self._block(address)} answered {describe_filter_answer(answer)}"
            case FrameUnwound(pc, establisher, handler):
                return f"unwind  {locate(pc)}, frame {establisher:#x}, {self._handler(handler)}"
            case FinallyRun(_, address):
                return f"        __finally {self._block(address)}"
            case FramesConsolidated(callback, establisher):
                return f"consolidated up to frame {establisher:#x}, callback {locate(callback)}"
            case Landed(address, establisher):
                where = "in __except at" if self.is_except_block(address) else "at"
                return f"landed  {where} {self._block(address)}, frame {establisher:#x}"
            case ExecutionContinued(rip):
                return f"continued after the exception at {locate(rip)}"
            case DispatchFailed(pc, reason):
                return f"stopped at {locate(pc)}: {reason}"
            case ExportCalled(name, return_address):
                return f"call    {name} from {locate(return_address)}"
            case DebugPrinted(text):
                return f"printed {text!r}"
            case PoolAllocated(address, size, tag, caller):
                return f"pool    {size} bytes at {address:#x}, tag {format_tag(tag)!r}, allocated from {locate(caller)}"
            case PoolFreed(address, caller):
                return f"pool    {address:#x} freed from {locate(caller)}"
            case BugcheckRaised(code, parameters):
                known = to_bugcheck(code)
                name = f" {known.name}" if isinstance(known, BugCheck) else ""
                return f"bugcheck {code:#x}{name} ({', '.join(f'{value:#x}' for value in parameters)})"
            case FaultStruck(fault, rip):
                return f"fault   {fault} struck before {locate(rip)}"

    def _explain_trap(self, event: TrapTaken) -> str:
        name = VECTOR_NAMES.get(event.vector, f"interrupt {event.vector:#x}")
        where = self.explain_code(event.rip)
        if event.vector != Vector.PAGE_FAULT:
            return f"{name} at {where}"
        data = self.explain_data(event.address)
        touched = f", {data}" if data else ""
        return (
            f"{name} error code {event.error_code:#x} ({describe_error_code(event.error_code)}), "
            f"CR2 {event.address:#x}{touched}, page {event.page}, at {where}"
        )

    def handler_name(self, handler: Gva) -> str:
        """Return the name of a language handler, behind an import's thunk the handler's own."""
        where = self.locate(self._linked.get(handler, handler))
        return where.partition("!")[2] or where

    def linked(self, address: Gva) -> Gva:
        """Return where the thunk of an import at an address leads, without one the address itself."""
        return self._linked.get(address, address)

    def _has_scope_table(self, handler: Gva) -> bool:
        system = self._system
        known = system.host_handler(self._linked.get(handler, handler))
        return known in (c_specific_handler, system.gs_handler_check.with_scopes)

    def try_blocks(self, pc: Gva) -> tuple[TryBlock, ...] | None:
        """Return the `__try` blocks of its function that a pc lies in; None where its handler has none to look at."""
        module = self._module_at(pc)
        return None if module is None else try_blocks(module, pc, self._has_scope_table)

    def describe_scopes(self, pc: Gva) -> str:
        """Return the `__try` blocks that a pc lies in, in words, the innermost first; empty where there is no table."""
        blocks = self.try_blocks(pc)
        if blocks is None:
            return ""
        if not blocks:
            return "no __try block here"
        kinds = {True: "__try/__finally", False: "__try/__except"}
        return "in " + ", ".join(f"{kinds[block.is_finally]} ({self.place(block.target)})" for block in blocks)

    def is_except_block(self, address: Gva) -> bool:
        """Tell whether an `__except` block begins at an address; a handler or a long jump may land elsewhere."""
        module = self._module_at(address)
        return module is not None and is_except_block(module, address, self._has_scope_table)

    def place(self, address: Gva) -> str:
        """Return the source line where code begins, or where there is none, what `locate` returns."""
        module = self._module_at(address)
        function = module.lookup(address) if module else None
        end = min(address + PROLOGUE_SIZE, module.base + function.end) if module and function else address + 1
        for at in range(address, end):
            if line := self.source_line(Gva(at)):
                return f"{line.file}:{line.line}"
        return self.locate(address)

    def _block(self, address: Gva) -> str:
        line = self.source_line(address)
        return f"{self.locate(address)} ({line.file}:{line.line})" if line else self.locate(address)

    def _handler(self, handler: Gva | None, pc: Gva | None = None) -> str:
        if handler is None:
            return "no handler"
        scopes = "" if pc is None else self.describe_scopes(pc)
        return f"handler {self.handler_name(handler)}{f', {scopes}' if scopes else ''}"
