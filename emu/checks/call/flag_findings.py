# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a flag of RFLAGS that was set across a call, a jump or a return."""

from __future__ import annotations

from emu.address import Gva
from emu.checks.call.callees import callee_name
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.flag_changes import FlagChanges, Suspect, Suspicion
from emu.checks.finding import Finding


class FlagFindings:
    """The findings of one check about one flag, by its name."""

    def __init__(self, check: str, flag: str, call: CheckedCall, changes: FlagChanges) -> None:
        self._check = check
        self._flag = flag
        self._call = call
        self._changes = changes

    def of(self, suspect: Suspect) -> Finding:
        """Return the finding of a suspect that did something to others."""
        call, flag = self._call, self._flag
        if suspect.suspicion == Suspicion.CALLED_WHILE_SET:
            return self.at(suspect.at, f"calls {callee_name(call, suspect.at)} with {flag} set")
        activation = call.tree.activations[suspect.at]
        if suspect.suspicion == Suspicion.JUMPED_WHILE_SET:
            return self.at(activation.begin - 1, f"jumps to {call.function_name(activation.entry)} with {flag} set")
        message = f"returns with {flag} set"
        if self._changes.before(activation.begin):
            message = f"returns with {flag} clear, and its caller had it set"
        return call.finding(self._check, message, activation.end - 1, [self._changed(suspect.change)])

    def at(self, instruction: int, message: str) -> Finding:
        """Return a finding about an instruction, with the last change before it."""
        change = self._changes.changed_last(instruction)
        return self._call.finding(self._check, message, instruction, [] if change is None else [self._changed(change)])

    def _changed(self, change: int) -> str:
        does = "cleared" if self._changes.before(change) else "set"
        return f"{self._flag} was {does} at {self._call.place(Gva(int(self._call.instructions.rip[change])))}"
