# SPDX-License-Identifier: GPL-2.0-or-later
"""What the engine reports otherwise than the CPU does, each under its own name.

tests/cpu/test_quirks.py has a test for each that fails on the day the engine is fixed. Those that the native
core works around (the exception in flight, the unreachable stop address, stores into their own block under exact
stops) are tested there too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emu.address import ADDRESS_MASK, Gva, is_canonical
from emu.cpu import trap as t
from emu.cpu.instruction import MAXIMUM_LENGTH, Instruction, decode
from emu.cpu.trap import Trap, Vector
from emu.profile import CpuModel

CodeReader = Callable[[Gva, int], bytes]
"""Reads up to so many bytes of guest code, fewer where the page ends and no other follows."""

ENGINE_ERRORS = {
    6: "reads guest-physical memory outside RAM: a page-table entry points there",
    7: "writes guest-physical memory outside RAM: a page-table entry points there",
    8: "fetches from guest-physical memory outside RAM: a page-table entry points there",
}

LOWER_HALF_END = 0x8000_0000_0000
"""The first address that is not canonical (Intel SDM Vol. 1, 3.3.7.1)."""
LONGEST_OPERAND = 512
"""Bytes: fxsave's."""

LONGEST_BLOCK = 512
"""Instructions that the engine translates as one."""

LOCK_PREFIX = 0xF0
ICEBP = 0xF1
PREFIXES = frozenset((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF2, 0xF3, *range(0x40, 0x50)))
"""The legacy prefixes without LOCK, and REX."""


def mend_page_fault(trap: Trap, read_code: CodeReader, registers: Sequence[int]) -> Trap:
    """Two kinds of page fault are another one on the CPU.

    * Read-modify-write instructions walk for a write at once on the CPU, for a read on the engine: `add`, `inc`, `bts`,
      `xadd`, `xchg`, `lock cmpxchg` on an absent page have error code W=1 on silicon, 0 here.
    * An operand that begins in the lower half's last page and ends beyond it is a #GP or #SS, whatever that page is.
    """
    if trap.error_code & t.ERROR_FETCH:
        return trap
    if LOWER_HALF_END - LONGEST_OPERAND < trap.address < LOWER_HALF_END:
        for operand in decode(read_code(trap.rip, MAXIMUM_LENGTH)).operands:
            begin = operand.address(registers)
            if begin <= trap.address and begin + operand.size > LOWER_HALF_END:
                vector = Vector.STACK_FAULT if operand.on_stack else Vector.GENERAL_PROTECTION
                return trap._replace(vector=vector, error_code=0, address=Gva(0))
    if trap.error_code & t.ERROR_WRITE or not decode(read_code(trap.rip, MAXIMUM_LENGTH)).read_modify_write:
        return trap
    return trap._replace(error_code=trap.error_code | t.ERROR_WRITE)


def mend_general_protection(trap: Trap, read_code: CodeReader, registers: Sequence[int]) -> Trap:
    """A non-canonical address through RSP or RBP is #SS on the CPU (Intel SDM Vol. 1, 3.3.7.1), #GP here."""
    if trap.error_code or not is_canonical(trap.rip):
        return trap
    for operand in decode(read_code(trap.rip, MAXIMUM_LENGTH)).operands:
        if operand.on_stack and not is_canonical(operand.address(registers)):
            return trap._replace(vector=Vector.STACK_FAULT)
    return trap


def mend_jump(trap: Trap, read_code: CodeReader, last_block: Gva, rsp: int) -> tuple[Trap, int]:
    """A jump, call or return to a non-canonical address is a #GP at the instruction, with RSP as it was before.

    The engine is at the target by then, and has popped or pushed. The instruction ends the block that began last; what
    a call has pushed stays below RSP. Returns the trap and RSP.
    """
    at = last_block
    for _ in range(LONGEST_BLOCK):
        instruction = decode(read_code(at, MAXIMUM_LENGTH))
        if instruction.ends_block or not instruction.length:
            break
        at = Gva(at + instruction.length)
    if instruction.stack_change is None:
        return trap, rsp
    return trap._replace(rip=at), rsp - instruction.stack_change & ADDRESS_MASK


def mend_invalid_opcode(trap: Trap, read_code: CodeReader, model: CpuModel) -> Trap:
    """`#UD` reaches no interrupt hook, and neither do F1, a misplaced LOCK and 256-bit AVX, which end the same way.

    * `F1` (INT1, ICEBP) is a #DB with RIP behind it on the CPU.
    * LOCK before an instruction that cannot have it is a #UD, which Windows tells from the others.
    * VEX, EVEX and XSAVE are #UD here on every model (upstream issue 1879): where the model's silicon has them
      the engine cannot go on.
    """
    code = read_code(trap.rip, MAXIMUM_LENGTH)
    prefixes = 0
    while prefixes < len(code) and code[prefixes] in PREFIXES:
        prefixes += 1
    opcode = code[prefixes] if prefixes < len(code) else 0
    if opcode == ICEBP:
        return trap._replace(vector=Vector.DEBUG, rip=Gva(trap.rip + prefixes + 1), detail="icebp")
    if opcode == LOCK_PREFIX:
        return trap._replace(detail="lock")
    instruction = decode(code)
    if instruction.vector_extension and (model.avx512 if instruction.evex else model.avx):
        return trap._replace(vector=Vector.ENGINE_STOPPED, detail=_explain_missing_extension(instruction))
    return trap


def _explain_missing_extension(instruction: Instruction) -> str:
    return (
        f"`{instruction.text}`: the engine has no AVX and no XSAVE on any CPU model; "
        "build the guest code for SSE, or choose a model without AVX to see its #UD"
    )


def explain_refusal(rip: Gva, read_code: CodeReader, rcx: int) -> str:
    """Say why an instruction was refused that the engine would have executed, but not as any CPU does.

    `in` and `out` read 0 from every port and write to none, `syscall` and `sysenter` are stepped over, `rdrand` and
    `rdseed` give the host's randomness, `rdmsr` and `wrmsr` of a register that the engine lacks read 0 and do nothing.
    """
    text = decode(read_code(rip, MAXIMUM_LENGTH)).text
    name = text.partition(" ")[0]
    if name in ("rdmsr", "wrmsr"):
        return f"`{text}` of model-specific register {rcx & 0xFFFF_FFFF:#x}, which is not modelled"
    if name in ("rdrand", "rdseed"):
        return f"`{text}` is not modelled: the same run must give the same result"
    return f"`{text}` is not modelled"
