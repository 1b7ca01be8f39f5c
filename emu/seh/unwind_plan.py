# SPDX-License-Identifier: GPL-2.0-or-later
"""The undoing of one frame, compiled: a few block reads of the stack instead of a code walk.

A frame's saved registers lie close together, so that one read and one `struct` unpack fetch
them all. A new stage begins only where an address depends on a register that was itself loaded.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple

from emu.address import PAGE_SIZE
from emu.nt.unwind import UnwindOp
from emu.seh.context import RSP
from emu.seh.epilogue import Epilogue
from emu.seh.unwind_info import UnwindChain

FRAME_BASE = -1
"""As a base: the frame base as it was before any stage ran."""

XMM0 = 16
RIP = 32
"""Targets of a load that are no general register: the first XMM register, and rip."""


class Stage(NamedTuple):
    """One block read and the assignments it feeds.

    The block is `size` bytes (0: nothing to read) at `base`, a register number or FRAME_BASE,
    plus `start`. Its values go to registers by (index of the value, register) pairs;
    `rip_index` is None where rip is not among them. rsp becomes `stack_register`, as before
    the stage, plus `stack_displacement`, unless a pair loads it. `loads` says where in the block
    each value was: (offset, target), with `XMM0` plus its number for an XMM register, and `RIP`.
    """

    base: int
    start: int
    size: int
    unpack: Callable[[bytes], tuple[Any, ...]]
    registers: tuple[tuple[int, int], ...]
    xmm: tuple[tuple[int, int], ...]
    rip_index: int | None
    stack_register: int
    stack_displacement: int
    loads: tuple[tuple[int, int], ...]


class StageBuilder:
    """Collects the undo actions of a frame in their order.

    `frame_base` is where saved registers are counted from: a register and a displacement in
    bytes. Reading one block instead of several values touches no further page, as a block is
    never larger than a page.
    """

    def __init__(self, frame_base: tuple[int, int]) -> None:
        self._frame_base = frame_base
        self._stack = (RSP, 0)
        self._base = RSP
        self._loads: list[tuple[int, int, int]] = []
        self._stages: list[Stage] = []

    def release(self, size: int) -> None:
        """Undo an allocation of `size` bytes."""
        register, displacement = self._stack
        self._stack = (register, displacement + size)

    def set_stack_pointer(self, register: int, displacement: int) -> None:
        """Take rsp from a register plus a displacement in bytes."""
        if register == RSP:
            self.release(displacement)
            return
        if any(target == register for _, _, target in self._loads):
            self._close()
        self._stack = (register, displacement)

    def pop(self, register: int) -> None:
        """Pop a general register; rsp itself becomes the popped value plus 8."""
        self._load(8, register)
        self.release(8)

    def pop_return_address(self) -> None:
        """Pop rip."""
        self._load(8, RIP)
        self.release(8)

    def pop_machine_frame(self, has_error_code: bool) -> None:
        """Take rip and rsp from what the CPU pushed on a trap."""
        skipped = 8 if has_error_code else 0
        self._load(8, RIP, stack_offset=skipped)
        self._load(8, RSP, stack_offset=skipped + 0x18)

    def load(self, register: int, offset: int) -> None:
        """Load a general register from the frame base plus `offset` bytes."""
        self._load(8, register, frame_offset=offset)

    def load_xmm(self, number: int, offset: int) -> None:
        """Load an XMM register from the frame base plus `offset` bytes."""
        self._load(16, XMM0 + number, frame_offset=offset)

    def finish(self) -> tuple[Stage, ...]:
        """Return the stages."""
        self._close()
        return tuple(self._stages)

    def _load(self, size: int, target: int, *, stack_offset: int = 0, frame_offset: int | None = None) -> None:
        def address() -> tuple[int, int]:
            if frame_offset is None:
                register, displacement = self._stack
                return register, displacement + stack_offset
            register, displacement = self._frame_base
            return register, displacement + frame_offset

        base, start = address()
        if not self._fits(base, start, size, target):
            self._close()
            base, start = address()
        self._base = base
        self._loads.append((start, size, target))
        if target == RSP:
            self._close()

    def _fits(self, base: int, start: int, size: int, target: int) -> bool:
        if not self._loads:
            return True
        if base != self._base or any(target == other for _, _, other in self._loads):
            return False
        if any(start < begin + length and begin < start + size for begin, length, _ in self._loads):
            return False
        low = min(start, *(begin for begin, _, _ in self._loads))
        high = max(start + size, *(begin + length for begin, length, _ in self._loads))
        return high - low <= PAGE_SIZE

    def _close(self) -> None:
        if not self._loads and self._stack == (RSP, 0):
            return
        loads = sorted(self._loads)
        layout = "<"
        position = low = loads[0][0] if loads else 0
        registers, xmm, rip_index = [], [], None
        for index, (start, size, target) in enumerate(loads):
            layout += f"{start - position}x" + ("Q" if size == 8 else "16s")
            position = start + size
            if target == RIP:
                rip_index = index
            elif target >= XMM0:
                xmm.append((index, target - XMM0))
            else:
                registers.append((index, target))
        block = Struct(layout)
        self._stages.append(
            Stage(
                self._base,
                low,
                block.size,
                block.unpack,
                tuple(registers),
                tuple(xmm),
                rip_index,
                *self._stack,
                tuple((start - low, target) for start, _, target in loads),
            )
        )
        changed = {register for _, register in registers}
        if self._stack != (RSP, 0):
            changed.add(RSP)
        if self._frame_base[0] in changed:
            self._frame_base = (FRAME_BASE, 0)
        self._stack = (RSP, 0)
        self._loads = []


def undo_epilogue(builder: StageBuilder, epilogue: Epilogue) -> bool:
    """Add what is left of an epilogue; return whether it ends in a machine frame."""
    if epilogue.stack_register is not None:
        builder.set_stack_pointer(epilogue.stack_register, epilogue.stack_displacement)
    for register in epilogue.pops:
        if register is None:
            builder.release(8)
        else:
            builder.pop(register)
    if epilogue.machine_frame is not None:
        builder.pop_machine_frame(epilogue.machine_frame)
        return True
    builder.pop_return_address()
    return False


def undo_prologue(builder: StageBuilder, chain: UnwindChain, offset: int) -> bool:
    """Add the undoing of what has run of a prologue; return whether it has a machine frame."""
    machine_frame = False
    for info in chain.infos:
        for code in info.codes:
            # Only the function's own prologue can be half done; what it is chained to is complete.
            if info is chain.info and offset < code.offset:
                continue
            match code.op:
                case UnwindOp.PUSH_NONVOL:
                    builder.pop(code.info)
                case UnwindOp.ALLOC_SMALL | UnwindOp.ALLOC_LARGE:
                    builder.release(code.operand)
                case UnwindOp.SET_FPREG:
                    builder.set_stack_pointer(info.frame_register, -info.frame_offset)
                case UnwindOp.SAVE_NONVOL | UnwindOp.SAVE_NONVOL_FAR:
                    builder.load(code.info, code.operand)
                case UnwindOp.SAVE_XMM128 | UnwindOp.SAVE_XMM128_FAR:
                    builder.load_xmm(code.info, code.operand)
                case UnwindOp.PUSH_MACHFRAME:
                    builder.pop_machine_frame(code.info != 0)
                    machine_frame = True
    if not machine_frame:
        builder.pop_return_address()
    return machine_frame
