# SPDX-License-Identifier: GPL-2.0-or-later
"""`CheckedCall`: all that there is to know of one call, worked out when a check first asks, and once for all of them.

Instructions, accesses and events are numbered from 0 in each call. Rows are NumPy columns: a check that looks at each
access looks at all at once, and in Python only at those that are wrong.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from emu.accessors import FAMILY
from emu.address import Gva
from emu.checks.call.accessor_calls import AccessorCall, DeclaredRange, argument_values
from emu.checks.call.accessor_ranges import AccessorRanges
from emu.checks.call.columns import USER_END, Accesses, Instructions, Mask, Numbers, with_faults
from emu.checks.call.direct_accesses import user_accesses_outside
from emu.checks.call.export_calls import ExportCallMade, export_calls
from emu.checks.call.flag_changes import AC, DF, FlagChanges
from emu.checks.call.frames import Frames, fill_in_frames
from emu.checks.call.guards import Guards
from emu.checks.call.native_tables import NativeTables
from emu.checks.call.origins import Origins
from emu.checks.call.places import describe_place
from emu.checks.call.pool_lives import PoolLife, pool_lives
from emu.checks.call.timeline import Timeline
from emu.checks.call.traced_log import Surroundings, TracedLog
from emu.checks.call.tree import Activation, CallTree
from emu.checks.finding import Finding, Place
from emu.cpu import registers as r
from emu.cpu.trap import ERROR_FETCH, Vector
from emu.events import Event, TrapTaken
from emu.image import Module
from emu.kernel.explanation import Explanation
from emu.outcome import Outcome
from emu.profile import Profile
from emu.trace.run_log import LoggedCall, Run
from emu.trace.source import MachineState, Words
from emu.trace.trace import Trace

ARGUMENT_REGISTERS: Final = (r.RCX, r.RDX, r.R8, r.R9)


class CheckedCall:
    """One call, and what happened in it.

    Nothing that it keeps holds on to it: its arrays are gone with it, and wait for no garbage collector.
    """

    def __init__(self, log: TracedLog, number: int, surroundings: Surroundings) -> None:
        self._log = log
        self._number = number
        self._logged: LoggedCall = log.source.log.calls[number]
        traced = log.trace.calls[number]
        self.begin: int = traced.begin
        """Index in the trace of its first instruction."""
        self.end: int = traced.end
        """And behind its last one."""
        self.request = surroundings.request
        """How it was asked for: function, arguments, IRQL."""
        self._surroundings = surroundings
        self.previous_mode = surroundings.previous_mode

    @property
    def trace(self) -> Trace:
        """The whole trace, which may have other calls in it, from `begin` to `end` this one."""
        return self._log.trace

    @property
    def profile(self) -> Profile:
        """The machine's."""
        return self._log.profile

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None where a host exception ended it."""
        return self._logged.outcome

    @property
    def explanation(self) -> Explanation:
        """Names its addresses."""
        return self._logged.explanation

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened, in order."""
        return self._logged.events

    @functools.cached_property
    def event_places(self) -> list[int]:
        """Of each event how many instructions of the call came before it."""
        if not self.events:
            return []
        table = self.trace.events
        mine = table["instruction"][table["call"] == self._number].astype(np.int64) - self.begin
        places: list[int] = mine.tolist()
        return places

    @functools.cached_property
    def modules(self) -> tuple[Module, ...]:
        """The modules, in order of address."""
        return self._log.modules

    @functools.cached_property
    def instructions(self) -> Instructions:
        """What ran."""
        return Instructions(self.trace.instructions[self.begin : self.end], self._log.code)

    @functools.cached_property
    def accesses(self) -> Accesses:
        """What was touched, and by page faults, of what could not be, the first byte."""
        table = self.trace.accesses
        bounds = np.array([self.begin, self.end], np.uint64)
        first, behind = table["instruction"].searchsorted(bounds).tolist()
        return Accesses(with_faults(table[first:behind], self._page_faults()), self.begin, self.instructions)

    def _page_faults(self) -> list[tuple[int, TrapTaken]]:
        """Return the page faults of data, with the index in the trace of the instruction."""
        return [
            (self.begin + place - 1, event)
            for place, event in zip(self.event_places, self.events, strict=True)
            if isinstance(event, TrapTaken)
            and event.vector == Vector.PAGE_FAULT
            and not event.error_code & ERROR_FETCH
            and place > 0
            and int(self.instructions.rip[place - 1]) == event.rip
        ]

    @functools.cached_property
    def module_numbers(self) -> Numbers:
        """Of each instruction the index of its module in `modules`; -1 outside of all."""
        return self._log.module_numbers[self.instructions.code]

    @functools.cached_property
    def in_kernel(self) -> Mask:
        """Whether each instruction is the kernel image's own."""
        return self._log.in_kernel[self.instructions.code]

    @property
    def tree(self) -> CallTree:
        """Who called whom. Jumps to accessors begin activations, too."""
        return self._log.trees[self._number]

    def is_of_kernel(self, instruction: int) -> bool:
        """Tell whether an instruction is the kernel image's own."""
        return bool(self._log.in_kernel[self.instructions.code_of(instruction)])

    @functools.cached_property
    def callee(self) -> Activation | None:
        """The activation of the function that the host called; None where it was never entered."""
        found = (each for each in self.tree.activations if each.entry == self.request.address)
        return next(found, None)

    @functools.cached_property
    def native_tables(self) -> NativeTables:
        """Its tables for the native core; the frames of its activations are filled in."""
        tables = NativeTables(
            self.instructions.table,
            self.accesses.table,
            self.begin,
            self._log.code.kinds,
            self.tree.table,
            self.tree.owner,
        )
        fill_in_frames(tables)
        return tables

    @functools.cached_property
    def frames(self) -> Frames:
        """Where return addresses stand, and which activations returned."""
        return Frames(self.native_tables.activations)

    def registers_before(self, instructions: Numbers) -> Words:
        """Return the registers before some instructions, in ascending order, a row each (`REGISTER_COLUMNS`).

        For long calls this runs the log once more, unless it is of accessors' begins or writes of CR8, which all calls
        of a log share: ask once, for all.
        """
        return self._log.registers_before(instructions + self.begin)

    def state_at(self, instruction: int) -> MachineState:
        """Return the whole machine before an instruction; `len(call.instructions)` is the end. Slow."""
        return self.trace.state_at(self.begin + instruction)

    @functools.cached_property
    def _runs(self) -> tuple[Sequence[Run], list[int]]:
        """Its runs, and of each the index behind its last instruction."""
        source = self._log.source
        calls = source.log.calls
        first = calls[self._number - 1].end_run if self._number else 0
        behind = self._logged.end_run
        return source.log.runs[first:behind], [end - self.begin for end in source.run_ends[first:behind]]

    @property
    def runs(self) -> Sequence[Run]:
        """The runs of the processor that it took."""
        return self._runs[0]

    @property
    def run_ends(self) -> list[int]:
        """Of each run the index behind its last instruction."""
        return self._runs[1]

    @functools.cached_property
    def _timeline(self) -> Timeline:
        log, begin = self._log, self.begin
        return Timeline(*self._runs, self.instructions, lambda indices: log.registers_before(indices + begin))

    @functools.cached_property
    def ac_changes(self) -> FlagChanges:
        """Where AC changed, and who did not leave it as it was."""
        return FlagChanges(AC, self.native_tables, len(self.frames.returned), self.instructions, *self._runs)

    @functools.cached_property
    def df_changes(self) -> FlagChanges:
        """Where DF changed, and who did not leave it as it was."""
        return FlagChanges(DF, self.native_tables, len(self.frames.returned), self.instructions, *self._runs)

    @property
    def ac(self) -> Mask:
        """Whether AC was set before each instruction."""
        return self.ac_changes.column

    @property
    def df(self) -> Mask:
        """Whether DF was set before each instruction."""
        return self.df_changes.column

    @functools.cached_property
    def irql(self) -> Numbers:
        """The IRQL before each instruction."""
        return self._timeline.irql()

    @functools.cached_property
    def highest_irql(self) -> int:
        """The highest IRQL that there was."""
        return self._timeline.highest_irql

    @functools.cached_property
    def irql_at_end(self) -> int:
        """The IRQL that it left."""
        return self._timeline.irql_at_end

    @functools.cached_property
    def export_calls(self) -> tuple[ExportCallMade, ...]:
        """The calls of kernel exports that the host implements."""
        return tuple(export_calls(self.events, self.event_places, self._runs[0]))

    @functools.cached_property
    def guards(self) -> Guards:
        """The `__try` blocks around its code."""
        return Guards(weakref.proxy(self))

    @functools.cached_property
    def origins(self) -> Origins:
        """Where values came from."""
        call = weakref.proxy(self)
        return Origins(self.instructions, self.accesses, *self._runs, lambda: call.export_calls)

    @functools.cached_property
    def pool_lives(self) -> tuple[PoolLife, ...]:
        """The pool blocks that there were at some time of the call, oldest first."""
        allocated = iter(self._surroundings.allocated)
        return tuple(pool_lives(self._surroundings.pool, self.events, self.event_places, allocated))

    @functools.cached_property
    def declared(self) -> tuple[DeclaredRange, ...]:
        """The buffers that the host gave as arguments."""
        found = []
        for position, buffer in enumerate(self.request.buffers):
            if buffer is not None:
                name = buffer.name or f"argument {position}"
                is_user = buffer.origin < USER_END
                found.append(DeclaredRange(name, buffer.origin, buffer.size, is_user, True, True))
        return tuple(found)

    @functools.cached_property
    def accessor_calls(self) -> tuple[AccessorCall, ...]:
        """The calls of accessors, in order; those that an accessor itself makes among them."""
        entered = self._accessor_activations
        found = []
        for (activation, (name, documented)), given in zip(
            entered.items(), self._entry_arguments(list(entered)), strict=True
        ):
            arguments, result = argument_values(FAMILY[documented], given)
            found.append(AccessorCall(FAMILY[documented], name, activation, arguments, result))
        return tuple(found)

    @functools.cached_property
    def _accessor_activations(self) -> dict[Activation, tuple[str, str]]:
        """The activations of accessors, with the name of each and that of the documented one."""
        at = {entry: self._log.accessor_at(entry) for entry in {each.entry for each in self.tree.activations}}
        return {each: found for each in self.tree.activations if (found := at[each.entry]) is not None}

    def _entry_arguments(self, entered: Sequence[Activation]) -> list[tuple[int, ...]]:
        """Return the argument registers as activations began. The host's own callee has those of the request."""
        callee = self.callee
        others = [each.begin for each in entered if each is not callee]
        rows = self.registers_before(np.array(others, np.int64)) if others else None
        at = iter(() if rows is None else rows[:, ARGUMENT_REGISTERS].tolist())
        return [(*self.request.arguments, 0, 0, 0, 0)[:4] if each is callee else tuple(next(at)) for each in entered]

    @property
    def in_accessor(self) -> Mask:
        """Whether each instruction ran in an accessor, or in what one called."""
        return (self.outermost_accessors >= 0)[self.tree.owner]

    @functools.cached_property
    def outermost_accessors(self) -> Numbers:
        """Of each activation the number of the outermost accessor that it is, or that called it; last for none: -1."""
        activations = self.tree.activations
        outermost = np.full(len(activations) + 1, -1, np.int64)
        known = self._accessor_activations
        for each in activations:
            above = -1 if each.parent is None else outermost[each.parent.number]
            outermost[each.number] = above if above >= 0 else each.number if each in known else -1
        return outermost

    @functools.cached_property
    def direct_user_accesses(self) -> Numbers:
        """The accesses to user memory that no accessor made, nor what one called."""
        return user_accesses_outside(self.native_tables, len(self.accesses), self.outermost_accessors >= 0)

    @functools.cached_property
    def accessor_ranges(self) -> AccessorRanges:
        """What each accessor may touch of memory that is not its own, and which accesses keep to that."""
        return AccessorRanges(self.accessor_calls, self.tree, self.native_tables, self.accesses)

    def is_accessor(self, activation: Activation) -> bool:
        """Tell whether an activation is an accessor's, or of what one called."""
        return bool(self.outermost_accessors[activation.number] >= 0)

    def accessor_at(self, instruction: int) -> Activation | None:
        """Return the outermost accessor that an instruction ran in."""
        number = int(self.outermost_accessors[self.tree.owner[instruction]])
        return None if number < 0 else self.tree.activations[number]

    def function_name(self, address: Gva) -> str:
        """Return `module!function` of code."""
        return self.explanation.function_name(address)

    def place(self, address: Gva) -> Place:
        """Return a place in the code."""
        return describe_place(self.explanation, self.modules, address)

    def data(self, address: int) -> str:
        """Return which byte of which buffer or pool block an address is, else the number."""
        return self.explanation.explain_data(Gva(address)) or f"{address:#x}"

    def stack(self, instruction: int) -> list[str]:
        """Return who called the code of an instruction, a line each: `called from …`, the innermost first."""
        activation = self.tree.at(instruction)
        lines = []
        for each in () if activation is None else activation.chain():
            if each.call_site is None:
                if each.parent is not None:
                    lines.append(f"a {each.by}, while in {self.function_name(each.parent.entry)}")
                continue
            site = Gva(int(self.instructions.rip[each.call_site]))
            if self._is_host_frame(each.call_site):
                break
            line = self.explanation.source_line(site)
            source = f" ({line.file}:{line.line})" if line else ""
            lines.append(f"called from {self.explanation.locate(site)}{source}")
        return lines

    def _is_host_frame(self, call_site: int) -> bool:
        """Tell whether it is the frame with which the host calls."""
        owner = self.tree.at(call_site)
        return owner is not None and owner.parent is None and self.is_of_kernel(call_site)

    def is_host_call(self, activation: Activation) -> bool:
        """Tell whether the host's own frame called an activation."""
        return activation.call_site is not None and self._is_host_frame(activation.call_site)

    def finding(self, check: str, message: str, at: int, evidence: Iterable[str] = ()) -> Finding:
        """Return a finding about an instruction: its place, the evidence, and who called it.

        Where the instruction is the kernel's own, its place is where the code that is not called it.
        """
        blamed = at
        inside: list[str] = []
        activation = self.tree.at(at)
        while activation is not None and self.is_of_kernel(blamed):
            if activation.call_site is None or self._is_host_frame(activation.call_site):
                blamed, inside = at, []
                break
            inside = [f"in {self.place(Gva(int(self.instructions.rip[at])))}"]
            blamed, activation = activation.call_site, self.tree.at(activation.call_site)
        place = self.place(Gva(int(self.instructions.rip[blamed])))
        return Finding(check, message, place, (*inside, *evidence, *self.stack(blamed)))

    def finding_at_call(
        self, check: str, message: str, activation: Activation, evidence: Iterable[str] = ()
    ) -> Finding:
        """Return a finding about a call: its place is the call instruction, or of the host's own call the function."""
        site = activation.call_site
        at = activation.begin if site is None or self._is_host_frame(site) else site
        return self.finding(check, message, at, evidence)
