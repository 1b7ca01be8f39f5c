# SPDX-License-Identifier: GPL-2.0-or-later
"""Two models that virtual unwinding is compared with: a code walk, and execution."""

from dataclasses import dataclass, field
from random import Random

from emu.nt.unwind import UNW_FLAG_CHAININFO, UnwindOp
from emu.seh.context import RSP, Context
from emu.seh.unwind_info import UnwindChain, UnwindCode
from tests.seh.unwind_images import (
    MASK,
    Memory,
    allocate,
    machine_frame,
    push,
    save,
    save_xmm,
    set_frame,
)

NONVOLATILE = (3, 5, 6, 7, 12, 13, 14, 15)


def walk_codes(chain: UnwindChain, rva: int, context: Context, memory: Memory) -> tuple[int, bool]:
    """Unwind outside of epilogues, one code after the other; return (establisher, machine frame).

    The rules of Microsoft Learn, "x64 exception handling", unwind procedure, taken literally.
    """
    gpr = context.gpr
    info, offset = chain.info, rva - chain.entry.begin
    frame = gpr[RSP]
    if info.frame_register:
        reached = [code for code in info.codes if code.op == UnwindOp.SET_FPREG]
        reached = [code for code in reached if code.offset <= offset]
        if offset >= info.size_of_prolog or info.flags & UNW_FLAG_CHAININFO or reached:
            frame = (gpr[info.frame_register] - info.frame_offset) & MASK
    machine = False
    for depth, each in enumerate(chain.infos):
        for code in each.codes:
            if depth == 0 and offset < code.offset:
                continue
            if code.op == UnwindOp.PUSH_NONVOL:
                gpr[code.info] = memory.read_u64(gpr[RSP])
                gpr[RSP] = (gpr[RSP] + 8) & MASK
            elif code.op in (UnwindOp.ALLOC_SMALL, UnwindOp.ALLOC_LARGE):
                gpr[RSP] = (gpr[RSP] + code.operand) & MASK
            elif code.op == UnwindOp.SET_FPREG:
                gpr[RSP] = (gpr[each.frame_register] - each.frame_offset) & MASK
            elif code.op in (UnwindOp.SAVE_NONVOL, UnwindOp.SAVE_NONVOL_FAR):
                gpr[code.info] = memory.read_u64(frame + code.operand)
            elif code.op in (UnwindOp.SAVE_XMM128, UnwindOp.SAVE_XMM128_FAR):
                xmm = bytearray(context.xmm)
                xmm[16 * code.info : 16 * code.info + 16] = memory.read(frame + code.operand, 16)
                context.xmm = bytes(xmm)
            elif code.op == UnwindOp.PUSH_MACHFRAME:
                skipped = 8 if code.info else 0
                context.rip = memory.read_u64(gpr[RSP] + skipped)
                gpr[RSP] = memory.read_u64(gpr[RSP] + skipped + 0x18)
                machine = True
    if not machine:
        context.rip = memory.read_u64(gpr[RSP])
        gpr[RSP] = (gpr[RSP] + 8) & MASK
    return frame, machine


@dataclass
class Execution:
    """A function being executed: live registers, its stack, its unwind codes as it goes.

    `caller` is the state that unwinding has to give back from wherever execution stands.
    """

    random: Random
    frame_register: int = 0
    frame_offset: int = 0
    memory: Memory = field(default_factory=Memory)
    codes: list[UnwindCode] = field(default_factory=list)
    offset: int = 0
    pushed: list[int] = field(default_factory=list)
    saved: list[int] = field(default_factory=list)
    saved_xmm: list[int] = field(default_factory=list)
    allocated: int = 0

    def __post_init__(self) -> None:
        bits = self.random.getrandbits
        self.context = Context([bits(64) for _ in range(16)], xmm=self.random.randbytes(256))
        self.context.gpr[RSP] = 0xFFFF9000_00100000 + 16 * bits(8)
        self.caller = self.context.copy()
        self.caller.rip = bits(64)

    @property
    def rsp(self) -> int:
        return self.context.gpr[RSP]

    @rsp.setter
    def rsp(self, value: int) -> None:
        self.context.gpr[RSP] = value

    def enter_by_call(self) -> None:
        self._push(self.caller.rip)

    def enter_by_trap(self, error_code: bool) -> None:
        for value in (0x18, self.caller.gpr[RSP], 0x202, 0x10, self.caller.rip):
            self._push(value)
        if error_code:
            self._push(0x14)
        self.codes.insert(0, machine_frame(self.offset, error_code))

    def step(self) -> int:
        """Let a prologue instruction of some length pass; return the offset of its end."""
        self.offset += self.random.randint(1, 7)
        return self.offset

    def push(self, register: int) -> None:
        self._push(self.context.gpr[register])
        self.pushed.append(register)
        self.codes.insert(0, push(self.step(), register))

    def allocate(self, size: int) -> None:
        self.rsp -= size
        self.allocated += size
        self.codes.insert(0, allocate(self.step(), size))

    def set_frame(self) -> None:
        self.context.gpr[self.frame_register] = self.rsp + self.frame_offset
        self.codes.insert(0, set_frame(self.step()))

    def save(self, register: int, where: int, far: bool) -> None:
        """`mov [frame base + where], register`: the frame base is rsp at this point."""
        self.memory.write_u64(self.rsp + where, self.context.gpr[register])
        self.saved.append(register)
        self.codes.insert(0, save(self.step(), register, where, far))

    def save_xmm(self, number: int, where: int, far: bool) -> None:
        value = self.context.xmm[16 * number : 16 * number + 16]
        self.memory.write(self.rsp + where, value)
        self.saved_xmm.append(number)
        self.codes.insert(0, save_xmm(self.step(), number, where, far))

    def run_body(self) -> None:
        """Overwrite all that the prologue saved, and every volatile register."""
        gpr = self.context.gpr
        for register in {*self.pushed, *self.saved, 0, 1, 2, 8, 9, 10, 11} - {self.frame_register}:
            gpr[register] = self.random.getrandbits(64)
        xmm = bytearray(self.context.xmm)
        for number in {*self.saved_xmm, 0, 1, 2, 3, 4, 5}:
            xmm[16 * number : 16 * number + 16] = self.random.randbytes(16)
        self.context.xmm = bytes(xmm)

    def allocate_dynamically(self) -> None:
        self.rsp -= 16 * self.random.getrandbits(8)

    def restore_saved(self) -> None:
        """What a body does before its epilogue: load back what was saved by moves."""
        for register in self.saved:
            self.context.gpr[register] = self.caller.gpr[register]
        self.context.xmm = self.caller.xmm[:]

    def pop(self) -> int:
        """Pop the register pushed last; return it."""
        register = self.pushed.pop()
        self.context.gpr[register] = self.memory.read_u64(self.rsp)
        self.rsp += 8
        return register

    def assert_unwound(self, unwound: Context) -> None:
        """The caller's rip, rsp and non-volatile registers are back."""
        assert unwound.rip == self.caller.rip
        for register in (RSP, *NONVOLATILE):
            assert unwound.gpr[register] == self.caller.gpr[register], register
        assert unwound.xmm[96:] == self.caller.xmm[96:]

    def _push(self, value: int) -> None:
        self.rsp -= 8
        self.memory.write_u64(self.rsp, value)
