# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the calls of the conformance suite on one machine, and holds what they do against the contract."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from emu import Bugchecked, Machine, Raised, Returned, build_guest
from emu.accessors import FAMILY
from emu.address import PAGE_SIZE, Gva
from emu.cpu import registers as r
from emu.events import FrameSearched, PagedIn, TrapTaken
from emu.image import Module
from emu.kernel.call import REGISTER_SENTINELS, XMM_SENTINELS, bottom_stack_pointer
from emu.memory.page_table import PROTECTIONS
from emu.outcome import Outcome
from tests.conformance.accessors.arenas import ARENAS, LIMIT, UNPATCHED, Arena, Memory, arena_of
from tests.conformance.accessors.case import Case
from tests.conformance.accessors.contract import expect
from tests.conformance.accessors.terms import (
    DEVICE_FAILED,
    NO_PAGE,
    Bugchecks,
    Circumstances,
    Expected,
    Landed,
    Page,
    Raises,
    Returns,
    arguments,
    is_user_mode,
)

GUEST: Final = Path(__file__).parent / "guest"
BUDGET: Final = 100_000
KEPT: Final = 1 << 16
"""Cases whose expectations are kept, for the next profile: more than one profile has, but for the sweeps."""

_KEPT: Final = (r.RBX, r.RBP, r.RSI, r.RDI, r.R12, r.R13, r.R14, r.R15)
_KEPT_XMM: Final = XMM_SENTINELS[6 * 16 :]
_BLOCK: Final = struct.Struct("<8Q")
_CLEAN_FLAGS: Final = r.FLAG_IF | 1 << 1


class Routines:
    """The routines under test: what each name is called at, and which code lies where."""

    def __init__(
        self,
        addresses: Mapping[str, Gva],
        modules: tuple[Module, ...],
        *,
        is_dbg: bool = False,
    ) -> None:
        self.addresses = addresses
        self.is_dbg = is_dbg
        symbols = sorted(
            (module.base + rva, f"ntoskrnl!{name}" if module.name == "ntoskrnl" else name)
            for module in modules
            for name, rva in module.image.exports.items()
        )
        self._starts = [address for address, _ in symbols]
        self._names = [name for _, name in symbols]
        self._modules = modules

    def symbols_at(self, address: Gva) -> set[str]:
        """Return the names of the routine that an address lies in; several where they begin together.

        Before those of the kernel's stands `ntoskrnl!`.
        """
        if not any(module.contains(address) for module in self._modules):
            return set()
        at = bisect_right(self._starts, address) - 1
        start = self._starts[at]
        names = set()
        while at >= 0 and self._starts[at] == start:
            names.add(self._names[at])
            at -= 1
        return names


@lru_cache(maxsize=KEPT)
def _memory_of(case: Case) -> Memory:
    return Memory(case.patches) if case.patches else UNPATCHED


@lru_cache(maxsize=KEPT)
def _call_of(case: Case) -> tuple[str, tuple[int, ...]]:
    return case.symbol, arguments(FAMILY[case.name], case.given)


@lru_cache(maxsize=KEPT)
def _expected_of(case: Case, page: Page, now: Circumstances) -> Expected:
    return expect(FAMILY[case.name], case.given, _memory_of(case), page, now)


@lru_cache(maxsize=KEPT)
def _bodies(name: str, symbol: str, primitive: str | None) -> frozenset[str]:
    """Return the names of the routines that may be the faulting one in a call of a name."""
    if primitive is not None:
        return frozenset((f"ntoskrnl!{primitive}",))
    accessor = FAMILY[name]
    names = {f"Use{symbol}", name, *accessor.calls}
    return frozenset(names | {form for each in names if each in FAMILY and (form := FAMILY[each].user_form)})


class Bench:
    """A booted machine with the arenas, and routines to call."""

    def __init__(self, profile: str) -> None:
        self.machine = Machine(profile)
        memory = self.machine.system.memory
        self._ram = self.machine.system.ram.bytes
        self._places: list[tuple[Arena, int, int]] = []
        for arena in ARENAS:
            frames = [
                memory.map_page(Gva(page), user=arena.is_user, protection=PROTECTIONS["rw"])
                for page in range(arena.base, arena.end, PAGE_SIZE)
            ]
            assert frames == list(range(frames[0], frames[0] + arena.pages))
            self._places.append((arena, frames[0] * PAGE_SIZE, (frames[-1] + 1) * PAGE_SIZE))
            memory.write(Gva(arena.base), UNPATCHED.content(arena))
        self._with_flags = self.machine.load(build_guest(GUEST / "flags.S"))["CallWithFlags"]
        self._block = self.machine.kernel.alloc(_BLOCK.size)
        self._has_kernel_primitives = self.machine.profile.primitives == "kernel"
        self.checkpoint()

    def checkpoint(self) -> None:
        """Come back to the state as it is after a bugcheck."""
        self.machine.checkpoint()
        self._has_bugchecked = False

    def close(self) -> None:
        self.machine.close()

    def check(self, case: Case, routines: Routines) -> str:
        """Make a call, and another one where it disarms a guard page. Returns what is wrong, or nothing."""
        space, memory = self.machine.system.memory, _memory_of(case)
        for patch in case.patches:
            space.write(Gva(patch.address), patch.data)
        if case.page is not NO_PAGE:
            self._set_state(case.page.address, case.page.state)
        wrong = self._check(case, case.page, memory, routines)
        if not wrong and case.page.state == "guard":
            wrong = self._check(case, NO_PAGE, memory, routines)
            wrong = f"the guard disarmed: {wrong}" if wrong else ""
        if wrong or self._has_bugchecked:
            self.machine.reset()
        else:
            if case.page is not NO_PAGE:
                self._set_state(case.page.address, "rw")
            for patch in case.patches:
                space.write(Gva(patch.address), UNPATCHED.read(patch.address, len(patch.data)))
        return f"{case}: {wrong}" if wrong else ""

    def _set_state(self, address: int, state: str) -> None:
        half = self.machine.user if address < LIMIT else self.machine.kernel
        if state == "unmapped":
            half.unmap(address)
        elif state == "guard":
            half.guard(address)
        elif state == "paged-out":
            half.page_out(address)
        elif state == "in-page-error":
            half.fail_page_in(address, DEVICE_FAILED)
        else:
            half.protect(address, state)

    def _check(self, case: Case, page: Page, memory: Memory, routines: Routines) -> str:
        symbol, given = _call_of(case)
        address = routines.addresses.get(symbol)
        if address is None:
            return "there is no such routine"
        profile = self.machine.profile
        enters_with_ac = profile.kernel_entry_ac if case.flags is None else bool(case.flags & r.FLAG_AC)
        now = Circumstances(
            smap_enforced=profile.smap_enabled and not enters_with_ac,
            checks_kernel_pointers=routines.is_dbg,
            irql=case.irql,
            faults_in_kernel_image=self._kernel_primitive(case) is not None,
        )
        expected = _expected_of(case, page, now)
        if case.flags is None:
            outcome = self._call(address, given, case.irql)
        else:
            fields = (address, *given, *[0] * (5 - len(given)), _CLEAN_FLAGS | case.flags, 0)
            self._block.write(_BLOCK.pack(*fields))
            outcome = self._call(self._with_flags, (self._block.address,), case.irql)
        wrong = (
            self._check_ending(case, expected, outcome, routines)
            or self.check_memory(expected.landed, memory)
            or self._check_registers(case, expected, outcome, enters_with_ac)
        )
        landed = expected.landed
        if landed is not None and landed.most and arena_of(landed.address) is not None:
            self.machine.system.memory.write(Gva(landed.address), memory.read(landed.address, len(landed.data)))
        return wrong

    def _call(self, address: Gva, given: tuple[int, ...], irql: int) -> Outcome:
        outcome = self.machine.call_plainly(address, given, irql=irql, budget=BUDGET)
        self._has_bugchecked = type(outcome) is Bugchecked
        return outcome

    def _kernel_primitive(self, case: Case) -> str | None:
        """Return the kernel's routine that makes the accesses of a call, None where the library's does."""
        if not self._has_kernel_primitives:
            return None
        accessor = FAMILY[case.name]
        if accessor.takes_mode and not is_user_mode(case.given.mode):
            return accessor.kernel_mode_primitive
        return accessor.primitive

    def _check_ending(self, case: Case, expected: Expected, outcome: Outcome, routines: Routines) -> str:
        ending = expected.ending
        if isinstance(ending, Returns):
            wrong = self._check_returned(ending, outcome, expected.pages_in)
        elif isinstance(ending, Raises):
            wrong = self._check_raised(case, ending, outcome, routines)
        else:
            wrong = _check_bugcheck(ending, outcome)
        return f"{wrong}: {outcome.headline}; expected {ending}" if wrong else ""

    def _check_returned(self, ending: Returns, outcome: Outcome, pages_in: bool) -> str:
        if type(outcome) is not Returned:
            return "it did not return"
        if (outcome.value ^ ending.value) & (1 << 8 * ending.width) - 1:
            return "another value"
        if not pages_in:
            return self._check_no_trap()
        return "" if any(type(event) is PagedIn for event in self.machine.events) else "no page came back"

    def _check_no_trap(self) -> str:
        if any(type(event) is TrapTaken for event in self.machine.events):
            return "it trapped, and need not have"
        return ""

    def _check_raised(self, case: Case, ending: Raises, outcome: Outcome, routines: Routines) -> str:
        if type(outcome) is not Raised:
            return "no exception"
        record = outcome.record
        if record.code != ending.code:
            return "another exception"
        if ending.operation is None:
            if record.information:
                return "it has parameters"
        else:
            if record.flags:
                return "not one to continue from"
            if len(record.information) < 2:
                return "it has no parameters"
            operation, address, *status = record.information
            if operation != ending.operation or tuple(status) != ending.status:
                return "other parameters"
            if not ending.lowest <= address <= ending.highest:
                return "another address"
        if not ending.trapped:
            is_probe = ending.operation is None and FAMILY[case.name].kind == "macro"
            return self._check_no_trap() or self._check_frames(case, routines, is_probe)
        names = routines.symbols_at(record.exception_address)
        return (
            ""
            if names & _bodies(case.name, case.symbol, self._kernel_primitive(case))
            else f"raised in {names or hex(record.exception_address)}"
        )

    def _check_frames(self, case: Case, routines: Routines, is_probe: bool) -> str:
        """Look for the routine among the frames; the alignment probe is in the header, and so in the caller's."""
        seen = [
            names
            for event in self.machine.events
            if type(event) is FrameSearched and (names := routines.symbols_at(event.pc))
        ]
        bodies = _bodies(case.name, case.symbol, None if is_probe else self._kernel_primitive(case))
        return "" if any(names & bodies for names in seen) else f"no frame is the routine's: {seen}"

    def check_memory(self, landed: Landed | None, memory: Memory) -> str:
        """Compare all arenas. Returns what is wrong, or nothing."""
        for arena, begin, end in self._places:
            before, after = memory.content(arena), bytes(self._ram[begin:end])
            if landed is not None and arena.base <= landed.address < arena.end:
                if wrong := _compare(landed, before, after, landed.address - arena.base):
                    return f"{arena.name}: {wrong}"
            elif before != after:
                return f"{arena.name} was written at +{_first_difference(before, after):#x}"
        return ""

    def _check_registers(self, case: Case, expected: Expected, outcome: Outcome, enters_with_ac: bool) -> str:
        if type(outcome) is Bugchecked:
            return ""
        system = self.machine.system
        registers = system.cpu.registers
        changed = [r.GPR_NAMES[number] for number in _KEPT if registers[number] != REGISTER_SENTINELS[number]]
        if changed:
            return f"changed {', '.join(changed)}"
        if bytes(system.cpu.xmm)[6 * 16 :] != _KEPT_XMM:
            return "changed one of xmm6 to xmm15"
        if registers[r.RSP] != bottom_stack_pointer(system):
            return "RSP is not what it was"
        if system.cpu.irql != case.irql:
            return "the IRQL is not what it was"
        if system.cpu.mxcsr != r.MXCSR_DEFAULT:
            return "changed MXCSR"
        flags = registers[r.RFLAGS]
        returned = type(outcome) is Returned
        if returned and case.flags is not None:
            flags = _BLOCK.unpack(self._block.read())[-1]
        trapped = isinstance(expected.ending, Raises) and expected.ending.trapped
        ac = self.machine.profile.kernel_entry_ac if trapped else enters_with_ac
        if bool(flags & r.FLAG_AC) != ac:
            return f"AC is {int(not ac)}"
        # A caller with DF set breaks the convention: it may get it back, but the result is right all the same.
        if flags & r.FLAG_DF and not (returned and case.flags is not None and case.flags & r.FLAG_DF):
            return "DF is 1"
        return ""


def _check_bugcheck(ending: Bugchecks, outcome: Outcome) -> str:
    if type(outcome) is not Bugchecked or outcome.code != ending.code:
        return "not that bugcheck"
    pairs = zip(outcome.parameters, ending.parameters, strict=True)
    return "other parameters" if any(known is not None and found != known for found, known in pairs) else ""


def _compare(landed: Landed, before: bytes, after: bytes, start: int) -> str:
    end = start + len(landed.data)
    if after[:start] != before[:start] or after[end:] != before[end:]:
        return f"written outside {start:#x} to {end:#x}, at +{_first_difference(before, after):#x}"
    old, new, found = before[start:end], landed.data, after[start:end]
    if found == new and landed.most == len(new):
        return ""
    if not landed.in_order:
        return "" if all(byte in pair for byte, *pair in zip(found, old, new, strict=True)) else "other bytes landed"
    done = next(
        (index for index, (byte, wanted) in enumerate(zip(found, new, strict=True)) if byte != wanted), len(new)
    )
    done = min(done, landed.most)
    if found[done:] != old[done:]:
        return f"{done} bytes landed, and then others"
    if done < landed.least:
        return f"only {done} bytes landed, {landed.least} must"
    return ""


def _first_difference(one: bytes, other: bytes) -> int:
    return next(index for index, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
