# SPDX-License-Identifier: GPL-2.0-or-later
"""What the engine reports otherwise than the CPU does, each under its own name.

tests/cpu/test_quirks.py has a test for each that fails on the day the engine is fixed. Those that the native
core works around (the exception in flight, the unreachable stop address) are tested there too.
"""

from __future__ import annotations

from collections.abc import Callable

from emu.address import Gva, is_canonical
from emu.cpu import trap as t
from emu.cpu.instruction import MAXIMUM_LENGTH, Instruction, decode
from emu.cpu.trap import Trap, Vector

CodeReader = Callable[[Gva, int], bytes]
"""Reads up to so many bytes of guest code, fewer where the page ends and no other follows."""

ENGINE_ERRORS = {
    6: "reads guest-physical memory outside RAM: a page-table entry points there",
    7: "writes guest-physical memory outside RAM: a page-table entry points there",
    8: "fetches from guest-physical memory outside RAM: a page-table entry points there",
}

LOCK_PREFIX = 0xF0
ICEBP = 0xF1
LEGACY_PREFIXES = frozenset((0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF2, 0xF3))


def mend_page_fault(trap: Trap, read_code: CodeReader) -> Trap:
    """Read-modify-write instructions walk for a write at once on the CPU, for a read on the engine.

    `add`, `inc`, `bts`, `xadd`, `xchg`, `lock cmpxchg` on an absent page: error code W=1 on silicon, 0 here.
    """
    if trap.error_code & (t.ERROR_WRITE | t.ERROR_FETCH):
        return trap
    if decode(read_code(trap.rip, MAXIMUM_LENGTH)).read_modify_write:
        return trap._replace(error_code=trap.error_code | t.ERROR_WRITE)
    return trap


def mend_general_protection(trap: Trap, read_code: CodeReader) -> Trap:
    """A non-canonical address through RSP or RBP is #SS on the CPU (Intel SDM Vol. 1, 3.3.7.1), #GP here."""
    if is_canonical(trap.rip) and decode(read_code(trap.rip, MAXIMUM_LENGTH)).stack_operand:
        return trap._replace(vector=Vector.STACK_FAULT)
    return trap


def mend_invalid_opcode(trap: Trap, read_code: CodeReader, has_avx: bool) -> Trap:
    """`#UD` reaches no interrupt hook, and neither do F1, a misplaced LOCK and 256-bit AVX, which end the same way.

    * `F1` (INT1, ICEBP) is a #DB with RIP behind it on the CPU.
    * LOCK before an instruction that cannot have it is a #UD, which Windows tells from the others.
    * VEX, EVEX and XSAVE are #UD here on every model (upstream issue 1879): where the model's silicon has them
      the engine cannot go on.
    """
    code = read_code(trap.rip, MAXIMUM_LENGTH)
    prefixes = 0
    while prefixes < len(code) and code[prefixes] in LEGACY_PREFIXES:
        prefixes += 1
    opcode = code[prefixes] if prefixes < len(code) else 0
    if opcode == ICEBP:
        return trap._replace(vector=Vector.DEBUG, rip=Gva(trap.rip + prefixes + 1), detail="icebp")
    if opcode == LOCK_PREFIX:
        return trap._replace(detail="lock")
    instruction = decode(code)
    if has_avx and instruction.vector_extension:
        return trap._replace(vector=Vector.ENGINE_STOPPED, detail=_explain_missing_extension(instruction))
    return trap


def _explain_missing_extension(instruction: Instruction) -> str:
    return (
        f"`{instruction.text}`: the engine has no AVX and no XSAVE on any CPU model; "
        "build the guest code for SSE, or choose a model without AVX to see its #UD"
    )
