# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks that the epilogues which version 2 information declares are epilogues."""

from __future__ import annotations

from collections.abc import Iterable

from emu.checks.unwind_data.finding import Rule
from emu.checks.unwind_data.functions import Function, ImageFunctions
from emu.checks.unwind_data.instructions import Flow, Instruction
from emu.checks.unwind_data.prologue import Report
from emu.cpu.instruction import MAXIMUM_LENGTH
from emu.seh.context import REGISTER_NAMES
from emu.seh.epilogue import version_2_epilogue
from emu.seh.unwind_info import UnwindError


def check_declared_epilogues(
    functions: ImageFunctions, function: Function, reached: Iterable[int], report: Report
) -> None:
    """Report each declared epilogue that is not the pops that the codes say, and then a way out.

    `reached` are the RVAs of instructions that are known to be instructions.
    """
    assert function.chain is not None
    info = function.chain.info
    for start in info.epilogs:
        begin = function.entry.end - start
        offset = begin - function.entry.begin
        if offset < info.size_of_prolog:
            where = "before the function" if offset < 0 else "in the prologue"
            report(
                Rule.EPILOGUE, None, f"an epilogue is declared {start:#x} bytes before the end, which is {where}", ()
            )
            continue
        if (inside := _instruction_around(functions, reached, begin)) is not None:
            why = f"an epilogue is declared {start:#x} bytes before the end, inside of it"
            report(Rule.EPILOGUE, inside.rva - function.entry.begin, why, ())
            continue
        try:
            pops = version_2_epilogue(function.chain.infos, 0).pops
        except UnwindError as error:
            report(Rule.EPILOGUE, offset, str(error), ())
            continue
        if mistake := _mistake(functions, begin, pops, info.epilog_size):
            report(Rule.EPILOGUE, offset, f"declared as an epilogue of {info.epilog_size:#x} bytes: {mistake}", ())


def _instruction_around(functions: ImageFunctions, reached: Iterable[int], rva: int) -> Instruction | None:
    """Return the instruction that an RVA is inside of, not at the begin of."""
    found = (functions.instruction(at) for at in reached if at < rva < at + MAXIMUM_LENGTH)
    return next((each for each in found if each is not None and rva < each.end), None)


def _mistake(functions: ImageFunctions, rva: int, pops: tuple[int | None, ...], size: int) -> str:
    begin = rva
    for register in pops:
        instruction = functions.instruction(rva)
        text = instruction.text if instruction else "no instruction"
        expected = f"pop {REGISTER_NAMES[register]}" if register is not None else "8 bytes of stack freed"
        if instruction is None or (register is not None and text != expected):
            return f"`{text}` at +{rva - begin:#x} of it, where the codes say `{expected}`"
        rva = instruction.end
    instruction = functions.instruction(rva)
    if instruction is None or instruction.flow not in (Flow.RETURN, Flow.JUMP):
        return f"`{instruction.text if instruction else 'no instruction'}` behind its pops, which does not leave"
    if rva + 1 - begin != size:
        return f"its pops and the first byte of `{instruction.text}` are {rva + 1 - begin:#x} bytes"
    return ""
