# SPDX-License-Identifier: GPL-2.0-or-later
"""Unwind data proved by execution: unwound at every instruction, and compared with the caller as it really was."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

from emu.address import ADDRESS_MASK, Gva
from emu.checks.unwind_data.comparison import Place, WrongValue, explain, returns_from_trap, wrong_values
from emu.checks.unwind_data.finding import Rule, UnwindFinding
from emu.checks.unwind_data.functions import Function, ImageFunctions, image_functions
from emu.checks.unwind_data.instructions import Flow, Instruction, decode_at
from emu.checks.unwind_data.shadow_stack import Activation, ShadowStack, Stop
from emu.checks.unwind_data.words import applying_codes
from emu.cpu import registers as r
from emu.cpu.instruction import MAXIMUM_LENGTH
from emu.image import Module
from emu.kernel.modules import ModuleUnwinder
from emu.kernel.run_loop import RunLoop
from emu.memory.errors import NotMapped
from emu.seh.context import RSP, Context
from emu.seh.unwind_info import UnwindError
from emu.seh.virtual_unwind import Frame


@dataclass(frozen=True, slots=True)
class DisprovedUnwind(UnwindFinding):
    """A finding by execution, with the registers that came out wrong."""

    values: tuple[WrongValue, ...] = ()


class Coverage(NamedTuple):
    """What a proof has reached."""

    stops: int
    """How many times an unwind was checked."""
    instructions: int
    """How many different instructions were."""
    functions: tuple[str, ...]
    """The functions that they are in, leaf functions included."""
    not_reached: tuple[str, ...]
    """The functions of the table that no instruction was reached of."""


class UnwindProof:
    """Watches the calls of a machine while it is entered: a context manager.

    Every instruction of `modules` that runs is unwound from, prologues, epilogues, filters, `__finally` blocks and
    handlers included; and so is the address behind every call, from where callers are unwound.
    """

    def __init__(self, run_loop: RunLoop, modules: Sequence[Module]) -> None:
        self._run_loop = run_loop
        self._system = run_loop.system
        self._memory = self._system.memory
        self._modules = tuple(modules)
        self._functions = {module.base: image_functions(module.image) for module in self._modules}
        self._ranges = tuple(
            (Gva(module.base + section.rva), Gva(module.base + section.rva + section.virtual_size))
            for module in self._modules
            for section in module.image.sections
            if section.executable
        )
        self._shadow = ShadowStack(self._memory, self._slot_of)
        self._findings: dict[tuple[int, Rule], UnwindFinding] = {}
        self._stops = 0
        self._seen: set[int] = set()

    def __enter__(self) -> Self:
        if self._run_loop.observer is not None:
            raise RuntimeError("another proof is under way; leave it first, or name all modules in one")
        self._run_loop.observer = self
        self._system.cpu.stop_in(self._ranges)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._run_loop.observer = None
        self._system.cpu.stop_in(())

    @property
    def findings(self) -> tuple[UnwindFinding, ...]:
        """Every instruction whose unwind was wrong, in order of address, as it was the first time."""
        return tuple(self._findings[key] for key in sorted(self._findings))

    @property
    def coverage(self) -> Coverage:
        """What has been reached."""
        reached: set[str] = set()
        begins: set[tuple[int, int]] = set()
        for address in sorted(self._seen):
            functions, rva = self._place(address)
            function = functions.find(rva)
            if function is None:
                reached.add(functions.name_of(rva).partition("+")[0])
            else:
                begins.add((id(functions), function.entry.begin))
                reached.add(function.name)
        missed = [
            function.name
            for functions in self._functions.values()
            for function in functions.functions
            if (id(functions), function.entry.begin) not in begins
        ]
        return Coverage(self._stops, len(self._seen), tuple(sorted(reached)), tuple(missed))

    def started(self) -> None:
        """Take note that a run begins (emu.kernel.run_loop.Observer, as the three below)."""
        self._shadow.start()

    def guest_called(self) -> None:
        """Take note of a call by the host."""
        self._shadow.call(inside=self._is_inside(self._system.cpu.registers[r.RIP]))

    def context_loaded(self) -> None:
        """Take note of a landing, or of a context gone on from."""
        self._shadow.load(inside=self._is_inside(self._system.cpu.registers[r.RIP]))

    def at_instruction(self, rip: Gva) -> None:
        """Unwind from an instruction, and from behind it where it is a call."""
        functions, rva = self._place(rip)
        instruction = _decode(self._memory.read_available(rip, MAXIMUM_LENGTH), rip)
        unwinder = self._system.modules.find(rip)
        if instruction is None or unwinder is None:
            return
        function = functions.find(rva)
        context = self._system.current_context()
        stop = Stop(
            instruction,
            context.gpr,
            context.xmm,
            is_function_begin=function is None or function.entry.begin == rva,
            has_machine_frame=function is not None and function.entry.begin == rva and function.has_machine_frame,
        )
        activation = self._shadow.arrive(stop)
        self._stops += 1
        self._seen.add(rip)
        if activation.caller is None:
            return
        place = Place(functions, function, rva, instruction, context.gpr[RSP])
        if instruction.flow is Flow.CALL and (behind := self._system.modules.find(instruction.end)) is not None:
            self._check(place, behind, instruction.end, context.copy(), activation)
        self._check(place, unwinder, rip, context, activation)

    def _check(self, place: Place, unwinder: ModuleUnwinder, pc: int, context: Context, activation: Activation) -> None:
        assert activation.caller is not None
        try:
            frame = unwinder.virtual_unwind(Gva(pc), context, self._memory, 0)
        except (UnwindError, NotMapped) as error:
            self._report(place, pc, Rule.UNWIND, f"the unwind fails: {error}", ())
            return
        wrong = wrong_values(context, activation.caller)
        depth = activation.slot - place.stack_pointer
        if wrong and not returns_from_trap(place, depth, activation):
            rule, why = explain(place, frame, wrong, depth, pc)
            if (owner := self._owner(place, activation)) is not None and depth:
                rule, why = Rule.CHAIN, f"{why}: {owner.name} jumped here with its frame, and this is not chained to it"
            self._report(place, pc, rule, why, wrong)
        elif not wrong and pc == place.instruction.rva:
            self._check_establisher(place, frame, activation)

    def _owner(self, place: Place, activation: Activation) -> Function | None:
        """Return the function that the activation began with, where the place is of another one."""
        module = next((each for each in self._modules if each.contains(Gva(activation.entered))), None)
        owner = place.functions.find(activation.entered - module.base) if module and place.function else None
        if owner is None or place.function is None or place.function in place.functions.parts_of(owner):
            return None
        return owner

    def _check_establisher(self, place: Place, frame: Frame, activation: Activation) -> None:
        function = place.function
        if function is None or function.chain is None or frame.in_epilogue:
            return
        begin = function.entry.begin
        if place.rva - begin < function.chain.info.size_of_prolog:
            return
        first = activation.establishers.setdefault(begin, frame.establisher)
        if first != frame.establisher:
            value = WrongValue("establisher frame", frame.establisher, first)
            message = "the establisher frame is not where it was before in this activation"
            self._report(place, place.instruction.rva, Rule.ESTABLISHER, message, (value,))

    def _report(self, place: Place, pc: int, rule: Rule, message: str, values: tuple[WrongValue, ...]) -> None:
        key = (place.instruction.rva, rule)
        if key in self._findings:
            return
        function, functions = place.function, place.functions
        begin = place.rva if function is None else function.entry.begin
        name, _, offset = functions.name_of(begin).partition("+") if function is None else (function.name, "", "")
        if function is None and offset:
            begin -= int(offset, 16)
        same = functions.instruction(place.rva)  # at its RVA, as the function table is shown
        text = same.text if same is not None and same.size == place.instruction.size else place.instruction.text
        codes: tuple[str, ...] = ()
        if function is not None and function.chain is not None:
            codes = applying_codes(function.chain.infos, place.rva - function.entry.begin + pc - place.instruction.rva)
        self._findings[key] = DisprovedUnwind(
            rule,
            functions.name,
            name,
            begin,
            place.rva - begin,
            message,
            text,
            codes,
            values,
        )

    def _slot_of(self, stop: Stop) -> int:
        """Return where the return address lies by the unwind data, for a frame that the host built."""
        rip = stop.instruction.rva
        context = Context(list(stop.registers[:16]), rip, xmm=stop.xmm)
        unwinder = self._system.modules.find(rip)
        try:
            if unwinder is not None:
                unwinder.virtual_unwind(Gva(rip), context, self._memory, 0)
        except (UnwindError, NotMapped):
            return stop.registers[RSP]
        return (context.gpr[RSP] - 8) & ADDRESS_MASK

    def _is_inside(self, address: int) -> bool:
        return any(begin <= address < end for begin, end in self._ranges)

    def _place(self, address: int) -> tuple[ImageFunctions, int]:
        for base, functions in self._functions.items():
            if base <= address < base + functions.image.size_of_image:
                return functions, address - base
        raise ValueError(f"{address:#x} is in none of the modules that are checked")


@functools.lru_cache(maxsize=65536)
def _decode(code: bytes, address: int) -> Instruction | None:
    return decode_at(lambda _address, _size: code, address)
