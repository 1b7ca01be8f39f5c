# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwinds one frame: from the state inside a function to the state of its caller.

Follows RtlVirtualUnwind (Microsoft Learn, "x64 exception handling", unwind procedure) with the
rules of Windows 11. Each control pc is compiled once; the next unwind from it replays the plan.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from emu.address import ADDRESS_MASK, Gva
from emu.image.function_table import RuntimeFunction
from emu.nt.unwind import (
    UNW_FLAG_CHAININFO,
    UNW_FLAG_EHANDLER,
    UNW_FLAG_UHANDLER,
    UnwindOp,
)
from emu.seh.context import RSP, Context
from emu.seh.epilogue import (
    Epilogue,
    recognise_epilogue,
    version_2_epilogue,
    version_2_epilogue_offset,
)
from emu.seh.unwind_info import (
    ReadImage,
    UnwindChain,
    UnwindError,
    read_bytes,
    resolve_chain,
)
from emu.seh.unwind_plan import RIP, Stage, StageBuilder, undo_epilogue, undo_prologue

# Room for one stack adjustment, a pop of every register many times over and the terminator.
_EPILOGUE_WINDOW = 128

MOST_KEPT = 0x4_0000
"""Unwind codes, about, up to which what was decoded and compiled is kept: guest code chooses how many it is."""
_KEPT_BESIDE_CODES = 8


class StackReader(Protocol):
    """Guest memory as the unwinder needs it; its own error for unmapped bytes passes through."""

    def read_u64(self, address: Gva, /) -> int:
        """Return the unsigned 64-bit integer at an address."""

    def read(self, address: Gva, size: int, /) -> bytes:
        """Return `size` bytes."""


class FunctionTable(Protocol):
    """An image's sorted RUNTIME_FUNCTIONs."""

    def lookup(self, rva: int, /) -> RuntimeFunction | None:
        """Return the function that an RVA is in, an indirect entry followed."""


class Frame(NamedTuple):
    """What is known of the frame that was unwound.

    `establisher` is the frame's address as handlers get it; `handler` the language handler, if
    the function has one of the type asked for and the pc is in its body, with its data.
    """

    establisher: Gva
    handler: Gva | None
    handler_data: Gva | None
    in_epilogue: bool
    machine_frame: bool


class Plan(NamedTuple):
    """How to unwind from one pc, whatever the registers are."""

    frame_register: int
    frame_displacement: int
    stages: tuple[Stage, ...]
    handler_flags: int
    handler: Gva | None
    handler_data: Gva | None
    in_epilogue: bool
    machine_frame: bool
    frame_is_below_return: bool


def unwind_leaf(context: Context, memory: StackReader) -> Frame:
    """Return from a function without a table entry: its return address is at rsp.

    Raises UnwindError where that address is the control pc itself, as recent kernels do, and
    whatever `memory` raises.
    """
    gpr = context.gpr
    stack = Gva(gpr[RSP])
    return_address = memory.read_u64(stack)
    if return_address == context.rip:
        raise UnwindError(f"leaf function at 0x{return_address:x} returns to itself")
    context.rip = return_address
    gpr[RSP] = (stack + 8) & ADDRESS_MASK
    return Frame(stack, None, None, False, False)


class ImageUnwinder:
    """Unwinds frames of the functions of one loaded image.

    `read(rva, size)` gives the loaded image's bytes. They are taken not to change: plans are
    kept, up to `MOST_KEPT`.
    """

    def __init__(self, base: Gva, function_table: FunctionTable, read: ReadImage) -> None:
        self._base = base
        self._table = function_table
        self.read = read
        self._chains: dict[RuntimeFunction, UnwindChain] = {}
        self._plans: dict[int, Plan] = {}
        self._kept = 0

    def lookup(self, pc: Gva) -> RuntimeFunction | None:
        """Return the function that an address is in, or None (a leaf, or another image)."""
        return self._lookup(pc - self._base)

    def chain(self, entry: RuntimeFunction) -> UnwindChain:
        """Return a function's decoded unwind infos; raises UnwindError."""
        chain = self._chains.get(entry)
        if chain is None:
            chain = resolve_chain(self.read, entry)
            self._make_room(chain)
            self._chains[entry] = chain
        return chain

    def _make_room(self, chain: UnwindChain) -> None:
        """Forget everything where one more chain, or a plan made of it, would be too much."""
        weight = _KEPT_BESIDE_CODES + sum(len(info.codes) for info in chain.infos)
        self._kept += weight
        if self._kept > MOST_KEPT:
            self._chains.clear()
            self._plans.clear()
            self._kept = weight

    def frame_offset(self, pc: Gva) -> int:
        """Return how far above the frame's base the frame register of a function points; 0 without one."""
        entry = self.lookup(pc)
        info = self.chain(entry).info if entry else None
        return info.frame_offset if info and info.frame_register else 0

    def plan(self, pc: Gva) -> Plan | None:
        """Return how to unwind from a pc, None for a leaf; raises UnwindError."""
        plan = self._plans.get(pc)
        if plan is None:
            entry = self._lookup(pc - self._base)
            if entry is None:
                return None
            plan = self._compile(entry, pc - self._base)
            self._make_room(self.chain(entry))
            self._plans[pc] = plan
        return plan

    def virtual_unwind(
        self,
        pc: Gva,
        context: Context,
        memory: StackReader,
        handler_type: int,
        saved_at: dict[int, int] | None = None,
    ) -> Frame:
        """Turn `context`, stopped at `pc`, into the caller's.

        `handler_type` is 0, UNW_FLAG_EHANDLER or UNW_FLAG_UHANDLER. `saved_at` receives the address
        that each register was loaded from, by its number, 16 more for an XMM register. Raises
        UnwindError for a bad table and whatever `memory` raises for a bad stack; the context is then
        undefined.
        """
        plan = self._plans.get(pc) or self.plan(pc)
        if plan is None:
            return unwind_leaf(context, memory)
        (
            frame_register,
            frame_displacement,
            stages,
            handler_flags,
            handler,
            handler_data,
            in_epilogue,
            machine_frame,
            frame_is_below_return,
        ) = plan
        gpr = context.gpr
        frame = (gpr[frame_register] + frame_displacement) & ADDRESS_MASK
        for (
            base,
            start,
            size,
            unpack,
            registers,
            xmm_registers,
            rip_index,
            stack_register,
            stack_displacement,
            loads,
        ) in stages:
            origin = frame if base < 0 else gpr[base]
            gpr[RSP] = (gpr[stack_register] + stack_displacement) & ADDRESS_MASK
            if not size:
                continue
            values = unpack(memory.read(Gva((origin + start) & ADDRESS_MASK), size))
            for index, register in registers:
                gpr[register] = values[index]
            if rip_index is not None:
                context.rip = values[rip_index]
            if xmm_registers:
                xmm = bytearray(context.xmm)
                for index, number in xmm_registers:
                    xmm[16 * number : 16 * number + 16] = values[index]
                context.xmm = bytes(xmm)
            if saved_at is not None:
                for offset, register in loads:
                    if register != RIP:
                        saved_at[register] = (origin + start + offset) & ADDRESS_MASK
        if frame_is_below_return:
            frame = (gpr[RSP] - 8) & ADDRESS_MASK
        if handler_flags & handler_type:
            return Frame(Gva(frame), handler, handler_data, in_epilogue, machine_frame)
        return Frame(Gva(frame), None, None, in_epilogue, machine_frame)

    def _lookup(self, rva: int) -> RuntimeFunction | None:
        return self._table.lookup(rva) if 0 <= rva <= 0xFFFF_FFFF else None

    def _compile(self, entry: RuntimeFunction, rva: int) -> Plan:
        chain = self.chain(entry)
        info = chain.info
        # An indirect entry may name a function that begins behind the pc.
        offset = (rva - entry.begin) & 0xFFFF_FFFF
        is_fragment = bool(info.flags & UNW_FLAG_CHAININFO)
        has_frame_register = info.frame_register != 0 and (
            offset >= info.size_of_prolog
            or is_fragment
            or any(code.op is UnwindOp.SET_FPREG and code.offset <= offset for code in info.codes)
        )
        frame_base = (info.frame_register, -info.frame_offset) if has_frame_register else (RSP, 0)

        builder = StageBuilder(frame_base)
        epilogue = self._epilogue(chain, rva)
        if epilogue is not None:
            machine_frame = undo_epilogue(builder, epilogue)
            return Plan(
                *frame_base,
                builder.finish(),
                0,
                None,
                None,
                True,
                machine_frame,
                has_frame_register,
            )

        machine_frame = undo_prologue(builder, chain, offset)
        handler_info = chain.primary_info
        handler_rva, data_rva = handler_info.handler_rva, handler_info.handler_data_rva
        handler_flags = 0
        if (rva - chain.primary.begin) & 0xFFFF_FFFF >= handler_info.size_of_prolog:
            handler_flags = handler_info.flags & (UNW_FLAG_EHANDLER | UNW_FLAG_UHANDLER)
        return Plan(
            *frame_base,
            builder.finish(),
            handler_flags,
            None if handler_rva is None else Gva(self._base + handler_rva),
            None if data_rva is None else Gva(self._base + data_rva),
            False,
            machine_frame,
            False,
        )

    def _epilogue(self, chain: UnwindChain, rva: int) -> Epilogue | None:
        info, entry = chain.info, chain.entry
        if info.version != 1:
            offset = version_2_epilogue_offset(info, entry.end, rva)
            return None if offset is None else version_2_epilogue(chain.infos, offset)
        # Since Windows 10 1809 a function without any unwind code has no epilogue to look for.
        if not any(each.count_of_codes for each in chain.infos):
            return None
        return recognise_epilogue(self._code(rva, entry.end), rva, info.frame_register, self._leaves(chain))

    def _code(self, rva: int, end: int) -> bytes:
        """Return the code from an RVA on, to the function's end where the image ends early."""
        try:
            return read_bytes(self.read, rva, _EPILOGUE_WINDOW, "code")
        except UnwindError:
            return read_bytes(self.read, rva, max(0, min(end - rva, _EPILOGUE_WINDOW)), "code")

    def _leaves(self, chain: UnwindChain) -> Callable[[int], bool]:
        """Return the test whether a jump's target RVA is outside of the function."""
        entry, primary = chain.entry, chain.primary

        def leaves(target: int) -> bool:
            if entry.begin <= target < entry.end:
                return target == entry.begin and not chain.info.flags & UNW_FLAG_CHAININFO
            other = self._lookup(target)
            if other is None or target == primary.begin:
                return True
            try:
                return self.chain(other).primary.begin != primary.begin
            except UnwindError:
                # An entry that cannot be decoded is no fragment of this function.
                return True

        return leaves
