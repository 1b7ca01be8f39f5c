# SPDX-License-Identifier: GPL-2.0-or-later
"""What an unwind gave against what the caller truly was, and which rule a difference breaks."""

from __future__ import annotations

from typing import NamedTuple

from emu.checks.unwind_data.finding import Rule
from emu.checks.unwind_data.frame_state import NON_VOLATILE
from emu.checks.unwind_data.functions import Function, ImageFunctions
from emu.checks.unwind_data.instructions import Instruction
from emu.checks.unwind_data.shadow_stack import FIRST_NON_VOLATILE_XMM, Activation, Caller
from emu.checks.unwind_data.words import saved_registers, stack_size
from emu.seh.context import REGISTER_NAMES, RSP, Context
from emu.seh.virtual_unwind import Frame


class WrongValue(NamedTuple):
    """What an unwind gave for one register of the caller, and what it truly is."""

    register: str
    came_out: int
    true: int


class Place(NamedTuple):
    """An instruction that ran."""

    functions: ImageFunctions
    function: Function | None
    rva: int
    instruction: Instruction
    """At its address, not its RVA."""
    stack_pointer: int


def wrong_values(context: Context, caller: Caller) -> tuple[WrongValue, ...]:
    """Return the registers of an unwound context that are not the caller's."""
    gpr = context.gpr
    wrong = []
    if context.rip != caller.rip:
        wrong.append(WrongValue("rip", context.rip, caller.rip))
    if gpr[RSP] != caller.rsp:
        wrong.append(WrongValue("rsp", gpr[RSP], caller.rsp))
    wrong += [
        WrongValue(REGISTER_NAMES[number], gpr[number], caller.gpr[number])
        for number in NON_VOLATILE
        if gpr[number] != caller.gpr[number]
    ]
    first = 16 * FIRST_NON_VOLATILE_XMM
    if context.xmm[first:] != caller.xmm:
        for number in range(FIRST_NON_VOLATILE_XMM, 16):
            at = 16 * number
            value, true = context.xmm[at : at + 16], caller.xmm[at - first : at - first + 16]
            if value != true:
                wrong.append(
                    WrongValue(f"xmm{number}", int.from_bytes(value, "little"), int.from_bytes(true, "little"))
                )
    return tuple(wrong)


def returns_from_trap(place: Place, depth: int, activation: Activation) -> bool:
    """Tell whether a trap's handler has left its frame, for an iretq: no code can describe that, nor need it."""
    function = place.function
    if function is None or not function.has_machine_frame:
        return False
    return place.instruction.is_trap_return or depth < activation.error_code_size


def explain(place: Place, frame: Frame, wrong: tuple[WrongValue, ...], depth: int, pc: int) -> tuple[Rule, str]:
    """Name the rule that an unwind from `pc` breaks, RSP being `depth` bytes below the return address."""
    names = [value.register for value in wrong]
    function = place.function
    where = "behind this call, " if pc != place.instruction.rva else ""
    if function is None or function.chain is None:
        return Rule.LEAF, f"{where}{', '.join(names)} of the caller cannot be had: no entry of the function table"
    offset = place.rva - function.entry.begin + pc - place.instruction.rva
    if where and offset >= function.size:
        return Rule.RETURN_ADDRESS, f"it returns to +{offset:#x}, which is not in the function any more"
    rsp = next((value for value in wrong if value.register == "rsp"), None)
    if rsp is not None and abs(rsp.came_out - rsp.true) < 1 << 32:
        by = rsp.came_out - rsp.true
        why = f"{where}RSP comes out {abs(by):#x} bytes too {'high' if by > 0 else 'low'}"
    elif rsp is not None or "rip" in names:
        why = f"{where}what comes out is no frame of the caller's"
    else:
        unsaved = [name for name in names if name not in saved_registers(function.chain.infos)]
        if unsaved:
            return Rule.NON_VOLATILE, f"{where}{', '.join(unsaved)} changed, and no code says where the caller's is"
        return Rule.UNWIND, f"{where}what comes out for {', '.join(names)} is not the caller's"
    if frame.in_epilogue:
        return Rule.EPILOGUE, f"{why}: it is taken for an epilogue"
    if offset >= function.chain.info.size_of_prolog and depth < stack_size(function.chain.infos):
        return Rule.EPILOGUE, f"{why}: no epilogue is recognised from here on"
    return Rule.UNWIND, why
