# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds unwind codes against the prologue's instructions: each code, and each instruction that moves RSP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from emu.address import Gva
from emu.checks.unwind_data.finding import Rule
from emu.checks.unwind_data.frame_state import (
    NON_VOLATILE,
    FrameState,
    is_in_frame,
    original,
    original_xmm,
)
from emu.checks.unwind_data.functions import Function, ImageFunctions
from emu.checks.unwind_data.instructions import Flow, Instruction, decode_range
from emu.checks.unwind_data.words import code_with_offset, describe_code
from emu.nt.unwind import UnwindOp
from emu.seh.context import REGISTER_NAMES, RSP
from emu.seh.unwind_info import UnwindCode, UnwindInfo

_ALLOCATIONS: Final = (UnwindOp.ALLOC_SMALL, UnwindOp.ALLOC_LARGE)
_SAVES: Final = (UnwindOp.SAVE_NONVOL, UnwindOp.SAVE_NONVOL_FAR)
_XMM_SAVES: Final = (UnwindOp.SAVE_XMM128, UnwindOp.SAVE_XMM128_FAR)

Report: TypeAlias = Callable[[Rule, int | None, str, tuple[str, ...]], None]
"""`report(rule, offset, message, codes)`."""


class Step(NamedTuple):
    """One instruction of a prologue with the states around it."""

    instruction: Instruction
    before: FrameState
    after: FrameState

    @property
    def allocated(self) -> int | None:
        """By how many bytes it lowers RSP; None where that is not known."""
        before, after = self.before.depth, self.after.depth
        return None if before is None or after is None else after - before


class Prologue:
    """The prologue of one function or fragment, held against its codes."""

    def __init__(self, functions: ImageFunctions, function: Function, state: FrameState | None, report: Report) -> None:
        assert function.chain is not None
        self._functions = functions
        self._function = function
        self._info: UnwindInfo = function.chain.info
        self._begin = function.entry.begin
        self._report = report
        last = max((code.offset for code in self._info.codes), default=0)
        end = self._begin + min(max(last, self._info.size_of_prolog), function.size)
        self._code = tuple(decode_range(functions.read, self._begin, end))
        self._ends = {0} | {instruction.end - self._begin for instruction in self._code}
        self._steps = {} if state is None else self._run(state)
        self._misplaced: set[UnwindCode] = set()

    def _run(self, state: FrameState) -> dict[int, Step]:
        """Return the straight part of the prologue, by the offset of each instruction's end."""
        steps: dict[int, Step] = {}
        for instruction in self._code:
            if instruction.flow not in (Flow.NEXT, Flow.CALL):
                break
            after = self._functions.after(instruction, state)
            steps[instruction.end - self._begin] = Step(instruction, state, after)
            state = after
        return steps

    def check(self) -> None:
        """Report what is wrong."""
        self._check_order()
        self._check_size()
        self._check_frame_register()
        placed = [code for code in self._info.codes if self._is_placed(code)]
        if len(placed) < len(self._info.codes):
            return
        if self._check_movements():
            self._check_registers()

    def _check_order(self) -> None:
        for earlier, later in zip(self._info.codes[1:], self._info.codes, strict=False):
            if earlier.offset > later.offset:
                self._say(
                    Rule.CODE_ORDER,
                    later.offset,
                    f"the code at +{later.offset:#x} stands before the one at +{earlier.offset:#x}; "
                    "codes stand in the reverse order of the prologue",
                    later,
                    earlier,
                )

    def _check_size(self) -> None:
        size = self._info.size_of_prolog
        last = max((code.offset for code in self._info.codes), default=0)
        if size > self._function.size:
            self._say(
                Rule.PROLOGUE_SIZE,
                None,
                f"the prologue of {size:#x} bytes is larger than the function, which has {self._function.size:#x}",
            )
            return
        if last > size:
            code = next(code for code in self._info.codes if code.offset == last)
            self._say(
                Rule.PROLOGUE_SIZE,
                last,
                f"a code at +{last:#x} lies behind the prologue, which ends at +{size:#x}",
                code,
            )
            return
        if size not in self._ends:
            self._say(Rule.PROLOGUE_SIZE, None, f"the prologue ends at +{size:#x}, {self._inside(size)}")
            return
        for instruction in self._code:
            # Before the last code anything may stand: MSVC saves a register that an early way out does not need behind
            # that way out, and counts all of it as prologue.
            if instruction.flow is not Flow.NEXT and instruction.rva - self._begin >= last:
                end = instruction.end - self._begin
                self._say(
                    Rule.PROLOGUE_SIZE, end, f"it belongs to the body, and the prologue of {size:#x} bytes covers it"
                )
                return

    def _check_frame_register(self) -> None:
        info = self._info
        sets = [code for code in info.codes if code.op is UnwindOp.SET_FPREG]
        name = REGISTER_NAMES[info.frame_register]
        if sets and not info.frame_register:
            self._say(Rule.FRAME_REGISTER, sets[0].offset, "SET_FPREG without a frame register", sets[0])
        elif info.frame_register and info.frame_register not in NON_VOLATILE:
            self._say(Rule.FRAME_REGISTER, None, f"the frame register is {name}, which is not non-volatile", *sets)
        elif info.frame_register and not sets and info.chained is None:
            self._say(Rule.FRAME_REGISTER, None, f"the frame register is {name}, but no SET_FPREG code sets it")
        elif len(sets) > 1:
            self._say(Rule.FRAME_REGISTER, sets[0].offset, "the frame register is set twice", *sets)

    def _is_placed(self, code: UnwindCode) -> bool:
        if code.offset in self._ends or code.offset > self._function.size:
            return True
        self._say(Rule.CODE_OFFSET, code.offset, f"the code at +{code.offset:#x} is {self._inside(code.offset)}", code)
        return False

    def _inside(self, offset: int) -> str:
        for instruction in self._code:
            start, end = instruction.rva - self._begin, instruction.end - self._begin
            if start < offset < end:
                return f"inside of `{instruction.text}`, which is +{start:#x} to +{end:#x}"
        return "not the end of an instruction"

    def _check_movements(self) -> bool:
        """Check what moves RSP, and pushes; tell whether all of it is as described."""
        right = True
        for offset, step in self._steps.items():
            codes = [
                code
                for code in reversed(self._info.codes)
                if code.offset == offset and (code.op is UnwindOp.PUSH_NONVOL or code.op in _ALLOCATIONS)
            ]
            if offset > self._info.size_of_prolog and not codes:
                break
            right = self._check_movement(offset, step, codes) and right
        return right

    def _check_movement(self, offset: int, step: Step, codes: list[UnwindCode]) -> bool:
        moved = step.allocated
        if moved is None or (codes and self._misplaced.issuperset(codes)):
            return True
        if not codes:
            return moved == 0 or self._explain_undescribed(offset, step.instruction, moved)
        if moved != _described(codes):
            said = " and ".join(describe_code(code, self._info) for code in codes)
            self._say(Rule.PROLOGUE, offset, f"{_movement(step.instruction, moved)}; the code says {said}", *codes)
            return False
        pushed = _pushed_register(step.instruction)
        for code in codes:
            if code.op is UnwindOp.PUSH_NONVOL and code.info != pushed:
                does = _movement(step.instruction, moved)
                self._say(Rule.PROLOGUE, offset, f"{does}; the code says {describe_code(code, self._info)}", code)
                return False
        return True

    def _explain_undescribed(self, offset: int, instruction: Instruction, moved: int) -> bool:
        """Report a movement that has no code: at another instruction, which moves nothing, may be one that fits."""
        for code in self._info.codes:
            step = self._steps.get(code.offset)
            if step is not None and step.allocated == 0 and _described([code]) == moved:
                self._misplaced.add(code)
                why = (
                    f"{_movement(instruction, moved)}; the code that says so is at +{code.offset:#x}, not +{offset:#x}"
                )
                self._say(Rule.CODE_OFFSET, offset, why, code)
                return False
        self._say(Rule.UNDESCRIBED, offset, f"{_movement(instruction, moved)}, and no code at +{offset:#x} says so")
        return False

    def _check_registers(self) -> None:
        """Check the frame register and the saves: what codes say must be so behind their instruction."""
        for code in reversed(self._info.codes):
            step = self._steps.get(code.offset)
            if step is None:
                continue
            if code.op is UnwindOp.SET_FPREG:
                self._check_set_frame(code, step)
            elif code.op in _SAVES:
                self._check_save(code, step, REGISTER_NAMES[code.info], (original(code.info),))
            elif code.op in _XMM_SAVES:
                self._check_save(code, step, f"xmm{code.info}", original_xmm(code.info))

    def _check_set_frame(self, code: UnwindCode, step: Step) -> None:
        info = self._info
        value, stack_pointer = step.after.gpr[info.frame_register], step.after.gpr[RSP]
        if not is_in_frame(stack_pointer) or value - info.frame_offset == stack_pointer:
            return
        name = REGISTER_NAMES[info.frame_register]
        if is_in_frame(value):
            actual = f"behind it {name} is RSP {_signed(value - stack_pointer)}"
        else:
            actual = f"it does not set {name}"
        said = f"the code says {name} = RSP {_signed(info.frame_offset)}"
        self._say(Rule.FRAME_REGISTER, code.offset, f"{actual}; {said}", code)

    def _check_save(self, code: UnwindCode, step: Step, name: str, values: tuple[int, ...]) -> None:
        base = self._frame_base()
        if base is None:
            return
        slot = base + code.operand
        stored = tuple(step.after.read_u64(Gva(slot + 8 * index)) for index in range(len(values)))
        if stored == values:
            return
        found = [at for at, value in step.after.memory.items() if value == values[0]]
        if found:
            actual = f"{name} is saved at frame + {found[0] - base:#x}"
        else:
            actual = f"{name} is saved nowhere"
            later = self._find_later_store(slot, values)
            if later is not None:
                actual = f"`{later.text}` at +{later.rva - self._begin:#x} saves it only later"
        self._say(Rule.PROLOGUE, code.offset, f"{actual}; the code says {describe_code(code, self._info)}", code)

    def _find_later_store(self, slot: int, values: tuple[int, ...]) -> Instruction | None:
        for step in self._steps.values():
            if step.after.memory.get(slot) == values[0]:
                return step.instruction
        return None

    def _frame_base(self) -> int | None:
        """Return where SAVE codes count from: RSP behind all allocations, or the frame register's base."""
        info = self._info
        last = max((code.offset for code in info.codes), default=0)
        step = self._steps.get(last)
        if step is None:
            return None
        if not info.frame_register:
            return step.after.gpr[RSP] if is_in_frame(step.after.gpr[RSP]) else None
        value = step.after.gpr[info.frame_register]
        return value - info.frame_offset if is_in_frame(value) else None

    def _say(self, rule: Rule, offset: int | None, message: str, *codes: UnwindCode) -> None:
        start = offset
        if offset is not None:  # a code belongs to the instruction that ends at its offset, or that it is inside of
            ended = (each.rva - self._begin for each in self._code if each.rva < self._begin + offset <= each.end)
            start = next(ended, offset)
        self._report(rule, start, message, tuple(code_with_offset(code, self._info) for code in codes))


def _described(codes: list[UnwindCode]) -> int:
    """Return how many bytes codes say that RSP was lowered by."""
    return sum(8 if code.op is UnwindOp.PUSH_NONVOL else code.operand for code in codes)


def _pushed_register(instruction: Instruction) -> int | None:
    if instruction.mnemonic != "push" or not instruction.operands:
        return None
    return instruction.operands[0].register


def _movement(instruction: Instruction, moved: int) -> str:
    """Return what an instruction does to RSP, in words."""
    if moved == 0:
        return "does not move RSP"
    if (pushed := _pushed_register(instruction)) is not None:
        return f"pushes {REGISTER_NAMES[pushed]}"
    return f"{'allocates' if moved > 0 else 'frees'} {abs(moved):#x} bytes"


def _signed(value: int) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value):#x}"
