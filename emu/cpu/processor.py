# SPDX-License-Identifier: GPL-2.0-or-later
"""The processor: registers in one block of memory, and `run()`, which goes on to the next trap."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from unicorn import unicorn_const as uc
from unicorn import x86_const as x86

from emu.address import PAGE_SIZE, Gpa, Gva, is_canonical
from emu.cpu import quirks
from emu.cpu import registers as r
from emu.cpu.calibration import HFLAGS2_VIRTUAL_INTERRUPTS, IDLE, calibrate
from emu.cpu.engine import REGISTER_IDS, EngineError, SavedContext, enter_long_mode, function_table, open_engine
from emu.cpu.native_core import (
    REQUEST_FLUSH_CODE,
    REQUEST_FLUSH_TLB,
    REQUEST_WRITE_EXTENDED,
    STOP_BUDGET,
    STOP_EXACT,
    STOP_HALT,
    STOP_INTERRUPT,
    STOP_INVALID_INSTRUCTION,
    STOP_RECORDER,
    STOP_REFUSED,
    STOP_UNREACHABLE,
    EngineFacts,
    State,
    load_native_core,
)
from emu.cpu.trap import VECTORS_WITH_ERROR_CODE, Trap, Vector
from emu.profile import Profile

_UNREACHABLE_OFFSET = 0xFF8
"""Where in the page that `Processor` is given emu_start's stop address lies."""


class Snapshot(NamedTuple):
    """The whole processor at one moment."""

    state: bytes
    context: SavedContext


class RunLog(Protocol):
    """Who learns all that a processor is given, so that another one can do the same again."""

    def run_begins(self) -> None:
        """A run begins, with the state block as it is."""

    def run_ended(self) -> None:
        """It has ended, with the state block as it is."""

    def restored(self, snapshot: Snapshot) -> None:
        """The whole processor goes back to a snapshot."""

    def stops_set(self, ranges: tuple[tuple[Gva, Gva], ...]) -> None:
        """Exact stops were set, as `Processor.stop_in` takes them."""


class Processor:
    """One CPU over RAM of ours.

    `registers` is a view of quadwords indexed by the constants of `emu.cpu.registers`: a write there is a
    write to the register at the next `run()`. `xmm` is a view of 256 bytes; after writing it call
    `extended_changed()`.
    """

    def __init__(self, profile: Profile, ram_address: int, ram_size: int) -> None:
        self.profile = profile
        self._library = load_native_core()
        self._offsets = calibrate()
        self._ram = ram_address, ram_size
        self._engine = open_engine(profile, ram_address, ram_size)
        self._block = State()
        view = memoryview(self._block).cast("B")
        self._words = view[: r.XMM_OFFSET].cast("I")
        self._view = view
        self.registers = view[: r.XMM_OFFSET].cast("Q")
        self.xmm = view[r.XMM_OFFSET :]
        self._core: int | None = None
        self._log: RunLog | None = None
        self.stops: tuple[tuple[Gva, Gva], ...] = ()
        """Where exact stops are, as `stop_in` was given it."""
        self._read_code: quirks.CodeReader = _no_code

    def start(self, root: Gpa, gdt: Gva, unreachable_page: Gva, read_code: Callable[[Gva, int], bytes]) -> None:
        """Enter long mode with the page tables at `root`, as they are now.

        `unreachable_page` is executable and never executed: at every stop the engine looks its stop address
        up, and where that page is absent the walk overwrites CR2 and the error code of the guest's own fault.
        """
        enter_long_mode(self._engine, self.profile, root, gdt)
        self._read_code = read_code
        self._context = SavedContext(self._engine)
        self._read_back_task_priority()
        facts = self._engine_facts()
        self.registers[r.CR3] = root
        self._words[r.MXCSR] = r.MXCSR_DEFAULT
        self._core = self._library.core_create(
            self._engine._uch,
            function_table(),
            ctypes.byref(facts),
            ctypes.byref(self._block),
            self._context.pointer,
            unreachable_page + _UNREACHABLE_OFFSET,
            *self._ram,
        )
        if self._core is None:
            raise EngineError("the engine refused a hook of the native core")
        self._finalizer = weakref.finalize(self, self._library.core_destroy, self._core)
        self._run: Callable[[int | None], None] = self._library.core_run

    def _read_back_task_priority(self) -> None:
        context = self._context.save()
        offset = self._offsets.hflags2
        flags = int.from_bytes(context[offset : offset + 4], "little") | HFLAGS2_VIRTUAL_INTERRUPTS
        self._context.patch(offset, flags.to_bytes(4, "little"))
        self._context.restore()

    def _engine_facts(self) -> EngineFacts:
        offsets = self._offsets
        return EngineFacts(
            register_ids=REGISTER_IDS,
            cr2_id=x86.UC_X86_REG_CR2,
            cr3_id=x86.UC_X86_REG_CR3,
            rax_id=x86.UC_X86_REG_RAX,
            rcx_id=x86.UC_X86_REG_RCX,
            rdx_id=x86.UC_X86_REG_RDX,
            cs_id=x86.UC_X86_REG_CS,
            mxcsr_id=x86.UC_X86_REG_MXCSR,
            msr_id=x86.UC_X86_REG_MSR,
            hook_interrupt=uc.UC_HOOK_INTR,
            hook_block=uc.UC_HOOK_BLOCK,
            hook_code=uc.UC_HOOK_CODE,
            hook_instruction=uc.UC_HOOK_INSN,
            hook_invalid_instruction=uc.UC_HOOK_INSN_INVALID,
            hook_translated=uc.UC_HOOK_EDGE_GENERATED,
            hook_memory_read=uc.UC_HOOK_MEM_READ_AFTER,
            hook_memory_write=uc.UC_HOOK_MEM_WRITE,
            flush_translations=uc.UC_CTL_TB_FLUSH | uc.UC_CTL_IO_WRITE << 30,
            timestamp_instructions=(x86.UC_X86_INS_RDTSC, x86.UC_X86_INS_RDTSCP),
            refused_instructions=(
                x86.UC_X86_INS_IN,
                x86.UC_X86_INS_OUT,
                x86.UC_X86_INS_SYSCALL,
                x86.UC_X86_INS_SYSENTER,
            ),
            has_rdrand=self.profile.model.rdrand,
            exception_in_flight=offsets.exception_in_flight,
            error_code=offsets.error_code,
            task_priority=offsets.task_priority,
            mxcsr=offsets.mxcsr,
            xmm=offsets.xmm,
            xmm_stride=offsets.xmm_stride,
            last_flags=offsets.last_flags,
        )

    def run(self) -> Trap:
        """Go on from RIP to the next trap. The registers are then those of the trap."""
        self._run(self._core)
        words, registers = self._words, self.registers
        reason, rip = words[r.REASON], Gva(registers[r.RIP])
        if reason == STOP_HALT:
            return Trap(Vector.HOST_CALL, 0, Gva(0), rip)
        if reason == STOP_INTERRUPT:
            vector = words[r.VECTOR]
            if vector == Vector.PAGE_FAULT:
                trap = Trap(vector, words[r.ERROR_CODE], Gva(registers[r.CR2]), rip)
                return quirks.mend_page_fault(trap, self._read_code, registers)
            trap = Trap(vector, words[r.ERROR_CODE] if vector in VECTORS_WITH_ERROR_CODE else 0, Gva(0), rip)
            if vector == Vector.GENERAL_PROTECTION:
                if not is_canonical(rip) and (last_block := self._library.core_last_block(self._core)):
                    trap, rsp = quirks.mend_jump(trap, self._read_code, Gva(last_block), registers[r.RSP])
                    registers[r.RIP], registers[r.RSP] = trap.rip, rsp
                    return trap
                return quirks.mend_general_protection(trap, self._read_code, registers)
            return trap
        if reason == STOP_EXACT:
            return Trap(Vector.EXACT_STOP, 0, Gva(0), rip)
        if reason == STOP_RECORDER:
            return Trap(Vector.RECORDER_STOP, 0, Gva(0), rip)
        if reason == STOP_BUDGET:
            return Trap(Vector.BUDGET_EXHAUSTED, 0, Gva(0), rip)
        if reason == STOP_INVALID_INSTRUCTION:
            trap = Trap(Vector.INVALID_OPCODE, 0, Gva(0), rip)
            trap = quirks.mend_invalid_opcode(trap, self._read_code, self.profile.model)
            registers[r.RIP] = trap.rip
            return trap
        return Trap(Vector.ENGINE_STOPPED, 0, Gva(0), rip, self._explain_stop(reason, rip))

    def _explain_stop(self, reason: int, rip: Gva) -> str:
        if reason == STOP_REFUSED:
            return quirks.explain_refusal(rip, self._read_code, self.registers[r.RCX])
        if reason == STOP_UNREACHABLE:
            return "the guest jumped to the address that only the emulator uses"
        error = self._words[r.ENGINE_ERROR]
        return quirks.ENGINE_ERRORS.get(error, f"the engine stopped with error {error}")

    def stop_in(self, ranges: Iterable[tuple[Gva, Gva]]) -> None:
        """Stop before every instruction in ranges of code (first address, address behind the last), and no others.

        Every iteration of a `rep` is a stop, and one more where its count is 0. The guest cannot tell: the budget and
        the clock count as if nothing had stopped (but for straight code of hundreds of instructions, which the engine
        cuts into blocks by where it started). No range: nowhere. Code outside runs as fast as ever. Raises
        `EngineError` where the engine refuses a hook.
        """
        self.stops = ranges = tuple(ranges)
        if self._log is not None:
            self._log.stops_set(ranges)
        merged: list[list[int]] = []
        for begin, end in sorted(ranges):
            if merged and begin <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            elif begin < end:
                merged.append([begin, end])
        numbers = ctypes.c_uint64 * len(merged)
        begins, ends = (numbers(*(each[side] for each in merged)) for side in (0, 1))
        if not self._library.core_stop_in(self._core, begins, ends, len(merged)):
            raise EngineError("the engine refused a hook for exact stops")

    @property
    def log(self) -> RunLog | None:
        """Who is told of every run, and of everything else that the host does to the processor; None: nobody."""
        return self._log

    @log.setter
    def log(self, log: RunLog | None) -> None:
        self._log = log
        library = self._library
        if log is None:
            self._run = library.core_run
            return

        def run(core: int | None) -> None:
            log.run_begins()
            try:
                library.core_run(core)
            finally:  # an interrupt of the host's that came meanwhile is raised here
                log.run_ended()

        self._run = run

    def make_context(self) -> SavedContext:
        """Return room for a whole engine context, for the native core."""
        return SavedContext(self._engine)

    @property
    def block(self) -> memoryview:
        """The state block (native/core.h), which a run takes and gives, as bytes."""
        return self._view

    @property
    def native(self) -> int:
        """The native core's handle."""
        assert self._core is not None
        return self._core

    @property
    def irql(self) -> int:
        """The interrupt request level, which on x64 is CR8."""
        return self._words[r.IRQL]

    @irql.setter
    def irql(self, value: int) -> None:
        self._words[r.IRQL] = value
        self._words[r.REQUEST] |= REQUEST_WRITE_EXTENDED

    def set_extended(self, xmm: bytes, mxcsr: int, irql: int) -> None:
        """Set what the general registers are not, at once."""
        self.xmm[:] = xmm
        words = self._words
        words[r.MXCSR] = mxcsr
        words[r.IRQL] = irql
        words[r.REQUEST] |= REQUEST_WRITE_EXTENDED

    @property
    def privilege_level(self) -> int:
        """CPL, the low bits of CS. Slow, as the engine is asked: for where it is in doubt."""
        return int(self._engine.reg_read(x86.UC_X86_REG_CS)) & 3

    @property
    def mxcsr(self) -> int:
        """The SSE control and status register."""
        return self._words[r.MXCSR]

    @mxcsr.setter
    def mxcsr(self, value: int) -> None:
        self._words[r.MXCSR] = value
        self._words[r.REQUEST] |= REQUEST_WRITE_EXTENDED

    @property
    def paging_changed(self) -> bool:
        """Whether the guest has written CR0, CR3 or CR4 since the snapshot that `restore` went back to."""
        return bool(self._words[r.PAGING_CHANGED])

    def extended_changed(self) -> None:
        """Have the next `run()` take over what was written to `xmm`."""
        self._words[r.REQUEST] |= REQUEST_WRITE_EXTENDED

    def flush_tlb(self) -> None:
        """Have the next `run()` forget every translation: a page-table entry was changed."""
        self._words[r.REQUEST] |= REQUEST_FLUSH_TLB

    def drop_translations(self, start: Gva, end: Gva) -> None:
        """Forget the translated code of a range: its bytes were changed by the host.

        The engine takes virtual addresses here, one page at a time since it goes on from the first one's frame, and
        looks them up as a fetch would: where that faults, all translations are dropped, and the guest's own fault
        (CR2, error code) is put back.
        """
        before = SavedContext(self._engine)
        before.save()
        for page in range(start & -PAGE_SIZE, end, PAGE_SIZE):
            self._engine.ctl_remove_cache(max(page, start), min(page + PAGE_SIZE, end))
        offset = self._offsets.exception_in_flight
        if SavedContext(self._engine).save()[offset : offset + 4] != IDLE.to_bytes(4, "little"):
            before.restore()
            self.drop_all_translations()

    def drop_all_translations(self) -> None:
        """Have the next `run()` forget all translated code: bytes of code were changed."""
        self._words[r.REQUEST] |= REQUEST_FLUSH_CODE

    def snapshot(self) -> Snapshot:
        """Save the whole processor: every register, control and model-specific ones included."""
        context = SavedContext(self._engine)
        self._library.core_save(self._core, context.pointer)
        return Snapshot(bytes(self._view), context)

    def restore(self, snapshot: Snapshot) -> None:
        """Bring the whole processor back, and flush the TLB.

        What the next `run()` has been asked to do it still does; what one was asked when the snapshot was made is done.
        """
        if self._log is not None:
            self._log.restored(snapshot)
        pending = self._words[r.REQUEST]
        self._view[:] = snapshot.state
        self._words[r.REQUEST] = pending | REQUEST_WRITE_EXTENDED
        self._library.core_restore(self._core, snapshot.context.pointer)

    def close(self) -> None:
        """Give the engine's memory back. `run()` raises from then on."""
        if self._core is not None:
            self._finalizer()
            self._core = None
            self._run = _run_closed
            del self._engine


def _run_closed(core: int | None) -> None:
    raise EngineError("the processor is closed")


def _no_code(address: Gva, size: int) -> bytes:
    return b""
