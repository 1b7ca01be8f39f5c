# SPDX-License-Identifier: GPL-2.0-or-later
"""Follows a function's code from its entry along every jump, and keeps the state of the frame at each instruction."""

from __future__ import annotations

from collections.abc import Iterator

from emu.checks.unwind_data.frame_state import (
    CHANGED,
    ENTRY,
    NON_VOLATILE,
    NON_VOLATILE_XMM,
    RETURN_ADDRESS,
    UNCERTAIN,
    FrameState,
)
from emu.checks.unwind_data.functions import Function, ImageFunctions
from emu.checks.unwind_data.instructions import Flow, Instruction
from emu.nt.unwind import UnwindOp
from emu.seh.context import RSP

MOST_INSTRUCTIONS = 100_000
"""More than any function has."""

MACHINE_FRAME_RSP = 0x18
"""Where RSP lies in a machine frame without an error code."""


class Walk:
    """The states of one function, its fragments included, and what it calls."""

    def __init__(self, functions: ImageFunctions) -> None:
        self._functions = functions
        self.states: dict[int, FrameState] = {}
        """By RVA: the state before each instruction that was reached."""
        self.called: set[int] = set()
        """Targets of direct calls and of tail calls."""
        self._waiting: list[int] = []

    def run(self, start: int, state: FrameState) -> None:
        """Follow the code from an RVA."""
        self._reach(start, state)
        while self._waiting and len(self.states) < MOST_INSTRUCTIONS:
            rva = self._waiting.pop()
            instruction = self._functions.instruction(rva)
            if instruction is None:
                continue
            before = self.states[rva]
            after = self._functions.after(instruction, before)
            for successor in self._successors(instruction, before):
                self._reach(successor, after)

    def _reach(self, rva: int, state: FrameState) -> None:
        known = self.states.get(rva)
        if known is not None:
            joined = known.joined(state)
            if joined is None:
                return
            state = joined
        self.states[rva] = state
        self._waiting.append(rva)

    def _successors(self, instruction: Instruction, before: FrameState) -> Iterator[int]:
        flow, target = instruction.flow, instruction.target
        if flow is Flow.CALL and target is not None:
            self.called.add(target)
        if flow in (Flow.JUMP, Flow.BRANCH) and target is not None:
            if self._leaves(target, before):
                self.called.add(target)
            else:
                yield target
        if flow in (Flow.NEXT, Flow.CALL, Flow.BRANCH) and self._goes_on(instruction):
            yield instruction.end

    def _goes_on(self, instruction: Instruction) -> bool:
        """Tell whether what follows is of the same function; behind a call that never returns it need not be."""
        here, there = self._functions.find(instruction.rva), self._functions.find(instruction.end)
        if here is None or there is None:
            return here is there
        return here is there or there in self._functions.parts_of(here)

    def _leaves(self, target: int, before: FrameState) -> bool:
        """Tell whether a jump is a tail call: RSP is back at the return address, and another function begins there.

        One to a function that begins with a machine frame is a trap made by hand, and leaves too.
        """
        if not self._functions.is_code(target):
            return True
        function = self._functions.find(target)
        if function is None or function.entry.begin != target:
            return False
        return function.has_machine_frame or (before.gpr[RSP] == ENTRY and not function.is_fragment)


def walk_function(functions: ImageFunctions, function: Function) -> Walk:
    """Follow a primary function from its entry, and from the targets of its scopes."""
    walk = Walk(functions)
    begin = function.entry.begin
    walk.run(begin, _entry_state(function))
    data, chain = function.language_data, function.chain
    if data is None or chain is None:
        return walk
    body = walk.states.get(begin + chain.info.size_of_prolog)
    if body is None:
        return walk
    landing = _landing_state(body, chain.info.frame_register)
    for scope in data.scopes or ():
        if scope.target and functions.is_code(scope.target) and scope.target not in walk.states:
            walk.run(scope.target, landing)
    return walk


def _entry_state(function: Function) -> FrameState:
    state = FrameState.at_entry()
    if function.chain is None:
        return state
    for code in function.chain.infos[-1].codes:
        if code.op is UnwindOp.PUSH_MACHFRAME:
            state.memory = {ENTRY: RETURN_ADDRESS, ENTRY + MACHINE_FRAME_RSP: ENTRY + 8}
            state.gpr[RSP] -= 8 if code.info else 0
    return state


def _landing_state(body: FrameState, frame_register: int) -> FrameState:
    """Return the state in an `__except` block: RSP, the frame register and the frame are those of the body."""
    state = body.copy()
    for register in range(16):
        if register not in (RSP, frame_register or RSP):
            state.gpr[register] = UNCERTAIN if register in NON_VOLATILE else CHANGED
    for number in NON_VOLATILE_XMM:
        state.xmm[number] = UNCERTAIN, UNCERTAIN
    return state
