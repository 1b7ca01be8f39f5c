# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers that a function does not leave as it found them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from emu.address import Gva
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.columns import Numbers
from emu.checks.call.data_flow import VECTORS
from emu.checks.call.preservation import Landings, Preservation
from emu.checks.call.tree import Activation
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl
from emu.events import FramesConsolidated, Landed

STATES: Final = 128
"""Activations of which vector registers are compared; it takes the whole processor's state before and after each."""
MXCSR: Final = "the control bits of MXCSR"
_CONTROL: Final = 0xFFC0
"""MXCSR: all but the flags of exceptions that have happened (Microsoft Learn, "x64 calling convention")."""
_LANDINGS: Final = (Landed, FramesConsolidated)


class _Change(NamedTuple):
    """A register that an activation did not leave as it found it."""

    name: str
    before: int
    after: int
    at: int | None
    """The instruction that changed it last, None where the host did: it unwound."""


class NonvolatileRegisters(Check):
    """A function returns with a nonvolatile register changed.

    Proves: rbx, rbp, rsi, rdi, r12 to r15, xmm6 to xmm15 or the control bits of MXCSR had another value as an
    activation returned than as it began; and nothing that it called had changed that register for it. Where an
    exception was handled in it, the unwind may have brought the wrong value: then its unwind data is wrong.
    Cannot see: activations that did not return; the x87 control word; vector registers in more than the first 128
    activations that do not plainly save and restore them. A helper with a convention of its own, whose caller knows
    which registers it changes, is found, too.
    Cost: looks for registers that are not saved first and restored last with the same value, by accesses alone. Only
    these are compared, and in a long call that takes another run.
    """

    name = "nonvolatile-registers"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each place of a return once."""
        count = len(call.tree.table)
        preservation = Preservation(call.instructions, call.native_tables, count, _landings(call))
        if not preservation.is_plain:
            yield from self._compared(call, preservation)

    def _compared(self, call: CheckedCall, preservation: Preservation) -> Iterator[Finding]:
        begins, ends = call.tree.table["begin"], call.tree.table["end"]
        suspects = list(preservation.suspects())
        changes: dict[int, list[_Change]] = defaultdict(list)
        for name, number, which, before, after in [
            *self._general(call, [each for each in suspects if each[1] < VECTORS], begins, ends),
            *self._vectors(call, [each for each in suspects if each[1] >= VECTORS], begins, ends),
            *self._mxcsr(call, preservation, begins, ends),
        ]:
            last = preservation.changed_last(number, int(ends[which])) if number >= 0 else None
            own = last if last is not None and last >= begins[which] else None
            changes[which].append(_Change(name, before, after, own))
        yield from self._findings(call, call.tree.activations, changes)

    def _general(
        self, call: CheckedCall, suspects: list[tuple[str, int, Numbers]], begins: Numbers, ends: Numbers
    ) -> Iterator[tuple[str, int, int, int, int]]:
        if not suspects:
            return
        which = np.unique(np.concatenate([found for _, _, found in suspects]))
        places = np.unique(np.concatenate([begins[which], ends[which]]))
        rows = call.registers_before(places)
        for name, number, found in suspects:
            before = rows[places.searchsorted(begins[found]), number]
            after = rows[places.searchsorted(ends[found]), number]
            for at in (before != after).nonzero()[0].tolist():
                yield name, number, int(found[at]), int(before[at]), int(after[at])

    def _vectors(
        self, call: CheckedCall, suspects: list[tuple[str, int, Numbers]], begins: Numbers, ends: Numbers
    ) -> Iterator[tuple[str, int, int, int, int]]:
        if not suspects:
            return
        which = np.unique(np.concatenate([found for _, _, found in suspects]))[:STATES]
        places = np.unique(np.concatenate([begins[which], ends[which]])).tolist()
        states = {place: call.state_at(place).registers for place in places}
        for name, number, found in suspects:
            for at in found[np.isin(found, which)].tolist():
                before, after = (states[int(place[at])][name] for place in (begins, ends))
                if before != after:
                    yield name, number, at, before, after

    def _mxcsr(
        self, call: CheckedCall, preservation: Preservation, begins: Numbers, ends: Numbers
    ) -> Iterator[tuple[str, int, int, int, int]]:
        returned = call.frames.returned
        if not (preservation.loads_mxcsr and returned.any()):
            return
        loads, values = preservation.mxcsr_loads(call.accesses)
        values = np.append(call.state_at(0).registers["mxcsr"], values) & _CONTROL
        before, after = (values[loads.searchsorted(place)] for place in (begins, ends))
        for at in ((before != after) & returned).nonzero()[0].tolist():
            yield MXCSR, -1, at, int(before[at]), int(after[at])

    def _findings(
        self, call: CheckedCall, activations: Sequence[Activation], changes: dict[int, list[_Change]]
    ) -> Iterator[Finding]:
        blamed: dict[str, int] = {}
        """Of each register where the last one begins that is blamed for it."""
        for which in sorted(changes, key=lambda each: -activations[each].begin):  # what was called before its caller
            activation = activations[which]
            own = [change for change in changes[which] if blamed.get(change.name, activation.end) >= activation.end]
            blamed |= dict.fromkeys((change.name for change in own), activation.begin)
            changes[which] = own
        for which in sorted(changes):
            if changes[which]:
                names = _joined([change.name for change in changes[which]])
                evidence = [line for change in changes[which] for line in _evidence(call, change)]
                last = activations[which].end - 1
                yield call.finding(self.name, f"returns with {names} changed", last, evidence)


def _landings(call: CheckedCall) -> Landings | None:
    landed = [number for number, event in enumerate(call.events) if isinstance(event, _LANDINGS)]
    return Landings([call.event_places[number] for number in landed], call.runs, call.run_ends) if landed else None


def _evidence(call: CheckedCall, change: _Change) -> Iterator[str]:
    yield f"{change.name}: {change.before:#x} before, {change.after:#x} after"
    if change.at is not None:
        yield f"changed last at {call.place(Gva(int(call.instructions.rip[change.at])))}"


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
