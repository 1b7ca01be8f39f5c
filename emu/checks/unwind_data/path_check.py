# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwinds from every instruction that a function's paths lead to, and compares with the caller it must give."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from emu.address import Gva
from emu.checks.unwind_data.finding import Rule, UnwindFinding
from emu.checks.unwind_data.flow import Walk
from emu.checks.unwind_data.frame_state import (
    ENTRY,
    NON_VOLATILE,
    NON_VOLATILE_XMM,
    RETURN_ADDRESS,
    FrameState,
    is_in_frame,
    is_uncertain,
    original,
    original_xmm,
)
from emu.checks.unwind_data.functions import Function, ImageFunctions
from emu.checks.unwind_data.instructions import Flow
from emu.checks.unwind_data.words import applying_codes, saved_registers, stack_size, trap_frame_size
from emu.seh.context import REGISTER_NAMES, RSP, Context
from emu.seh.unwind_info import UnwindError


class _Place(NamedTuple):
    """An instruction: the code it was walked from, and the function it is in by the table."""

    start: int
    primary: Function | None
    """What the walk began with; None for a leaf function."""
    function: Function | None
    rva: int


class PathCheck:
    """Checks functions by their walks; adds to `findings`."""

    def __init__(self, functions: ImageFunctions, findings: list[UnwindFinding]) -> None:
        self._functions = functions
        self._findings = findings
        self._checked: set[int] = set()

    def check(self, primary: Function, walk: Walk) -> None:
        """Check a function and its fragments: one finding a kind of mistake, at the first instruction that has it."""
        self._check_walk(primary.entry.begin, primary, walk)

    def check_leaves(self, walks: Iterable[Walk]) -> None:
        """Check what is exported, or called from somewhere, and has no entry in the table."""
        waiting = sorted({*self._functions.image.exports.values(), *(rva for walk in walks for rva in walk.called)})
        while waiting:
            rva = waiting.pop(0)
            if rva in self._checked or not self._functions.is_code(rva) or self._functions.find(rva) is not None:
                continue
            walk = Walk(self._functions)
            walk.run(rva, FrameState.at_entry())
            self._check_walk(rva, None, walk)
            waiting += sorted(walk.called)

    def _check_walk(self, start: int, primary: Function | None, walk: Walk) -> None:
        found: dict[tuple[Rule, str], list[UnwindFinding]] = {}
        for rva, state in sorted(walk.states.items()):
            self._checked.add(rva)
            function = self._functions.find(rva)
            if function is not None and function.chain is None:
                continue
            place = _Place(start, primary, function, rva)
            for finding in (self._check_instruction(place, state), self._check_call(place)):
                if finding is not None:
                    # A fragment that is not chained is one mistake, of the function that jumps there.
                    owner = "" if finding.rule is Rule.CHAIN else finding.function
                    found.setdefault((finding.rule, owner), []).append(finding)
        for first, *more in found.values():
            self._findings.append(_with_count(first, len(more)))

    def _check_call(self, place: _Place) -> UnwindFinding | None:
        instruction, function = self._functions.instruction(place.rva), place.function
        if instruction is None or instruction.flow is not Flow.CALL or function is None:
            return None
        if function.entry.begin <= instruction.end < function.entry.end:
            return None
        return self._finding(
            place, Rule.RETURN_ADDRESS, f"it returns to +{function.size:#x}, which is not in the function any more"
        )

    def _check_instruction(self, place: _Place, state: FrameState) -> UnwindFinding | None:
        context = state.context(place.rva)
        try:
            frame = self._functions.unwinder.virtual_unwind(Gva(place.rva), context, state, 0)
        except UnwindError as error:
            return self._finding(place, Rule.UNWIND, str(error))
        wrong = _differences(context)
        if not wrong or self._returns_from_trap(place, state):
            return None
        if place.function is None:
            return self._finding(place, Rule.LEAF, _explain_leaf(wrong, state))
        if wrong.keys() & {"rsp", "rip"}:
            return self._finding(place, *self._explain_frame(place, place.function, wrong, state, frame.in_epilogue))
        return self._finding(place, *_explain_registers(place.function, wrong))

    def _returns_from_trap(self, place: _Place, state: FrameState) -> bool:
        """Tell whether a trap's handler has left its frame, for an iretq: no code can describe that, nor need it."""
        if place.function is None or not place.function.has_machine_frame:
            return False
        instruction = self._functions.instruction(place.rva)
        is_iretq = instruction is not None and instruction.is_trap_return
        return is_iretq or (state.depth is not None and state.depth < trap_frame_size(place.function.chain))

    def _explain_frame(
        self, place: _Place, function: Function, wrong: dict[str, int], state: FrameState, in_epilogue: bool
    ) -> tuple[Rule, str]:
        assert function.chain is not None
        came_out, depth = wrong.get("rsp", ENTRY + 8), state.depth
        taken = "unwinding finds no RSP"
        if is_in_frame(came_out) and depth is not None:
            taken = f"unwinding takes it to be {_bytes_below(came_out - 8 - state.gpr[RSP])} it"
        why = f"RSP is {_bytes_below(depth)} the return address, {taken}"
        primary = place.primary
        if primary is not None and function not in self._functions.parts_of(primary):
            return Rule.CHAIN, (
                f"{why}: {primary.name} jumps here with its frame, and {function.name} is not chained to it"
            )
        if in_epilogue and (to := self._fragment_jumped_to(place)) is not None:
            return Rule.CHAIN, f"{why}: it jumps to {to.name} with its frame, which is not chained to {function.name}"
        if in_epilogue:
            return Rule.EPILOGUE, f"{why}: it is taken for an epilogue"
        info = function.chain.info
        is_behind_prologue = place.rva - function.entry.begin >= info.size_of_prolog
        if depth is not None and depth < stack_size(function.chain.infos) and is_behind_prologue:
            return Rule.EPILOGUE, f"{why}: no epilogue is recognised from here on"
        if info.frame_register and is_behind_prologue and not is_in_frame(state.gpr[info.frame_register]):
            name = REGISTER_NAMES[info.frame_register]
            return Rule.FRAME_REGISTER, f"{name} is the frame register, and does not hold the frame any more"
        return Rule.UNWIND, why

    def _fragment_jumped_to(self, place: _Place) -> Function | None:
        instruction = self._functions.instruction(place.rva)
        if instruction is None or instruction.flow is not Flow.JUMP or instruction.target is None:
            return None
        return self._functions.find(instruction.target)

    def _finding(self, place: _Place, rule: Rule, message: str) -> UnwindFinding:
        function = place.function
        begin = place.start if function is None else function.entry.begin
        instruction = self._functions.instruction(place.rva)
        codes: tuple[str, ...] = ()
        if function is not None and function.chain is not None:
            codes = applying_codes(function.chain.infos, place.rva - begin)
        return UnwindFinding(
            rule,
            self._functions.name,
            self._functions.name_of(begin),
            begin,
            place.rva - begin,
            message,
            instruction.text if instruction else "",
            codes,
        )


def _differences(context: Context) -> dict[str, int]:
    """Return what an unwound context has wrong, as far as that is certain: register → what came out."""
    expected = [("rip", context.rip, RETURN_ADDRESS), ("rsp", context.gpr[RSP], ENTRY + 8)]
    expected += [(REGISTER_NAMES[number], context.gpr[number], original(number)) for number in NON_VOLATILE]
    for number in NON_VOLATILE_XMM:
        value = context.xmm[16 * number : 16 * number + 16]
        for truth, half in zip(original_xmm(number), (value[:8], value[8:]), strict=True):
            expected.append((f"xmm{number}", int.from_bytes(half, "little"), truth))
    return {name: value for name, value, truth in expected if value != truth and not is_uncertain(value)}


def _explain_leaf(wrong: dict[str, int], state: FrameState) -> str:
    if wrong.keys() & {"rsp", "rip"}:
        below = _bytes_below(state.depth)
        return f"RSP is {below} the return address, and no entry of the function table covers the code"
    return f"{', '.join(wrong)} changed, and no entry of the function table says where the caller's value is"


def _explain_registers(function: Function, wrong: dict[str, int]) -> tuple[Rule, str]:
    assert function.chain is not None
    saved = saved_registers(function.chain.infos)
    unsaved = [name for name in wrong if name not in saved]
    if unsaved:
        return Rule.NON_VOLATILE, f"{', '.join(unsaved)} changed, and no code says where the caller's value is"
    return Rule.UNWIND, f"what comes out for {', '.join(wrong)} is not the caller's value"


def _bytes_below(depth: int | None) -> str:
    if depth is None:
        return "somewhere below"
    if depth == 0:
        return "at"
    return f"{abs(depth):#x} bytes {'below' if depth >= 0 else 'above'}"


def _with_count(finding: UnwindFinding, more: int) -> UnwindFinding:
    if not more:
        return finding
    return dataclasses.replace(
        finding, message=f"{finding.message} (and so at {more} more instruction{'s' if more > 1 else ''})"
    )
