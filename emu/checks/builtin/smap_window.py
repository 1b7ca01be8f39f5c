# SPDX-License-Identifier: GPL-2.0-or-later
"""AC, with which the kernel may touch user memory, set for longer than the access."""

from __future__ import annotations

from collections.abc import Iterator

from emu.address import Gva
from emu.checks.call.callees import callee_name
from emu.checks.call.checked_call import CheckedCall
from emu.checks.call.flag_changes import AC, FlagChanges, Suspect, Suspicion, first_at_each_place
from emu.checks.check import Check
from emu.checks.finding import Finding
from emu.checks.hookspec import hookimpl


class SmapWindow(Check):
    """AC is set across a call or a return, or without an access, or is not left as the caller had it.

    Proves: a function that found AC clear called or jumped to another one while it was set, or returned with it set;
    one that found it set returned with it clear; or one set it and touched no user memory until it cleared it again.
    While AC is set SMAP protects nothing, and `clac` closes the window of a caller, too.
    Cannot see: what is done between `stac` and `clac` without a call. Where the kernel enters drivers with AC set
    (`smap=permit`), only functions that clear it are found. AC behind an exception is the kernel's doing.
    Cost: works out AC of each instruction from where it is changed; then looks at calls and returns.
    """

    name = "smap-window"

    @hookimpl
    def emu_check_call(self, call: CheckedCall) -> Iterator[Finding]:
        """Report each instruction once."""
        if not call.instructions.has_kind(AC.changing):
            return
        ac = call.ac_changes
        for suspect in first_at_each_place(ac.suspects, call.instructions):
            yield self._finding(call, ac, suspect)

    def _finding(self, call: CheckedCall, ac: FlagChanges, suspect: Suspect) -> Finding:
        if suspect.suspicion == Suspicion.TOUCHED_NOTHING:
            return call.finding(self.name, "sets AC and touches no user memory", suspect.at)
        if suspect.suspicion == Suspicion.CALLED_WHILE_SET:
            return self._across(call, ac, f"calls {callee_name(call, suspect.at)} with AC set", suspect.at)
        activation = call.tree.activations[suspect.at]
        if suspect.suspicion == Suspicion.JUMPED_WHILE_SET:
            message = f"jumps to {call.function_name(activation.entry)} with AC set"
            return self._across(call, ac, message, activation.begin - 1)
        message = "returns with AC set"
        if ac.before(activation.begin):
            message = "returns with AC clear, and its caller had it set"
        return call.finding(self.name, message, activation.end - 1, [_changed(call, ac, suspect.change)])

    def _across(self, call: CheckedCall, ac: FlagChanges, message: str, at: int) -> Finding:
        change = ac.changed_last(at)
        return call.finding(self.name, message, at, [] if change is None else [_changed(call, ac, change)])


def _changed(call: CheckedCall, ac: FlagChanges, change: int) -> str:
    does = "cleared" if ac.before(change) else "set"
    return f"AC was {does} at {call.place(Gva(int(call.instructions.rip[change])))}"
